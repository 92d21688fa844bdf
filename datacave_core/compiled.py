"""Compiled kernels: modules built from Cython that stand in for plain ones and give the same answers.

A plain module asks for its compiled twin when it is imported and keeps its own body where there is none: nobody needs
a compiler to run, only to run fast. `DATACAVE_PLAIN=1` in the environment chooses the plain bodies, for tests and for
finding faults.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Final, TypeVar

T = TypeVar("T")

PLAIN_VARIABLE: Final = "DATACAVE_PLAIN"

found: Final[dict[str, bool]] = {}
"""The kernels that were asked for so far, and whether each is compiled."""


def compiled(module: str, name: str, plain: T, contract: int) -> T:
    """What the compiled `module` calls `name`, or `plain`.

    `contract` counts the changes of what the two agree on; a build of an older or newer one is left alone.
    """
    twin: Any = None
    if not os.environ.get(PLAIN_VARIABLE):
        try:
            twin = importlib.import_module(module)
        except ImportError:
            twin = None
        if twin is not None and contract != twin.CONTRACT:
            twin = None
    found[module] = twin is not None
    if twin is None:
        return plain
    body: T = getattr(twin, name)
    return body
