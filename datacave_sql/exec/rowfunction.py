"""Row functions: generated Python functions that take a batch of rows and give a batch of rows.

A scan, its filters and the projections above it become one list comprehension; a probe of a hash table another. Each
is compiled once per plan as a factory `make(c)`, which reads parameters and outer columns once per execution.
"""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeAlias

from datacave_sql.exec.context import ExecutionContext
from datacave_sql.expr.generate import Generator
from datacave_sql.functions.registry import INLINE_NAMES

Factory: TypeAlias = Callable[[ExecutionContext], Callable[..., Any]]

_numbers = count(1)


def compile_factory(generator: Generator, arguments: str, body: Sequence[str]) -> Factory:
    """Compiles `def run(arguments): body` inside `make(c)`, with the generator's names and per-execution lines."""
    lines = ["def make(c):"]
    lines += [f"    {line}" for line in generator.prelude]
    lines.append(f"    def run({arguments}):")
    lines += [f"        {line}" for line in body]
    lines.append("    return run")
    source = "\n".join(lines) + "\n"
    name = f"<plan {next(_numbers)}>"
    namespace: dict[str, Any] = {**INLINE_NAMES, **generator.namespace}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # a constant compared with None by `is` is what was asked for
        code = compile(source, name, "exec")
    exec(code, namespace)
    factory: Factory = namespace["make"]
    # Tracebacks of generated code show its lines; entries of dropped plans are small and bounded by the plan cache.
    factory.__doc__ = source
    linecache.cache.pop(name, None)
    return factory


def tuple_text(items: Sequence[str]) -> str:
    """Source of a tuple of these items."""
    return "(" + "".join(f"{item}, " for item in items) + ")" if items else "()"
