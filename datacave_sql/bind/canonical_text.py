"""Canonical texts: a literal as its type prints the value, which is what definitions keep of it."""

from __future__ import annotations

from datacave_core.errors import DatacaveError
from datacave_core.types import find_type, oids, output_function
from datacave_sql.bind import coercion
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n

_AS_WRITTEN = frozenset({oids.JSON, oids.TEXT, oids.VARCHAR, oids.BPCHAR})


def canonical_text(b: Binding, text: str, target: int) -> str:
    """The text of the value of a type that a literal stands for; the literal itself where that cannot be told."""
    base = b.types.base(target)
    settings = b.environment.format_settings
    if b.types.reads(base):
        io = b.types.io(base)
        return io.output(io.input(text, -1, settings), settings)
    if find_type(base) is None or base in _AS_WRITTEN:
        return text
    try:
        value = coercion.coerce(b, n.Constant(text, oids.UNKNOWN), base)
    except DatacaveError:
        return text
    return output_function(base)(value.value, settings) if isinstance(value, n.Constant) else text
