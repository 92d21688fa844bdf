"""SharedShape: what is known of a statement's text without its literals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core.catalog import Catalog
from datacave_core.types.codec import InputFunction
from datacave_sql.session.compiled import CompiledQuery


@dataclass(frozen=True, slots=True)
class SharedShape:
    """What is known of a fingerprint: its plan, or None if its statements cannot share one.

    `readers` turn literal texts into values, where that is needed at all.
    """

    catalog: Catalog
    query: CompiledQuery | None
    readers: Sequence[InputFunction | None] | None
