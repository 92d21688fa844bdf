"""Compiled modules: modules that are compiled as they stand, with the types that a .pxd file beside them declares.

What a kernel (compiled.py) does for loops over bytes, this does for the objects that every statement touches: the
source stays one, plain Python, and Cython turns its attributes into fields of a C struct and its calls into C calls.

They declare each other's types, so all of them are compiled or none: where one is missing, or older than its source
(somebody is at work on it), or where `DATACAVE_PLAIN` is set, all are imported from their sources.
Source: Cython's documentation, "Augmenting .pxd".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

from datacave_core.compiled import PLAIN_VARIABLE, found

MODULES: Final = (
    "datacave_core.transaction.lock_table",
    "datacave_core.transaction.shared",
    "datacave_core.transaction.snapshot",
    "datacave_core.transaction.table_locks",
    "datacave_core.transaction.transaction",
    "datacave_core.transaction.write_set",
    "datacave_sql.exec.relation_counts",
    "datacave_sql.session.point",
    "datacave_sql.session.point_write",
    "datacave_server.pointpath",
)
"""pyproject.toml lists them for the compiler."""

_ROOT = Path(__file__).parent.parent


class SourceFinder(MetaPathFinder):
    """Finds the sources of `MODULES`, where the interpreter would take what they were compiled to."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module is; None for those of others."""
        if fullname not in MODULES:
            return None
        return spec_from_file_location(fullname, _place(fullname).with_suffix(".py"))


def usable(module: str) -> bool:
    """Whether a module has been compiled since its source and its types were changed."""
    place = _place(module)
    built, types = place.with_suffix(EXTENSION_SUFFIXES[0]), place.with_suffix(".pxd")
    if not built.exists():
        return False
    if not types.exists():
        return True  # an installed package has no .pxd: source and build came together, in any order
    return all(each.stat().st_mtime_ns <= built.stat().st_mtime_ns for each in (place.with_suffix(".py"), types))


def choose() -> None:
    """Decides for this process, before any of the modules is imported."""
    chosen = not os.environ.get(PLAIN_VARIABLE) and all(usable(module) for module in MODULES)
    found.update(dict.fromkeys(MODULES, chosen))
    if not chosen:
        sys.meta_path.insert(0, SourceFinder())


def _place(module: str) -> Path:
    return _ROOT / module.replace(".", "/")
