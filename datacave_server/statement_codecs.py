"""StatementCodecs: how the parameters and rows of one plan are read and written."""

from __future__ import annotations

from typing import Any


class StatementCodecs:
    """What the wire keeps of a prepared statement, for one plan and one state of the format settings."""

    __slots__ = ("compiled", "decoders", "results", "settings")

    def __init__(self, compiled: Any, settings: Any) -> None:
        self.compiled = compiled
        self.settings = settings
        self.decoders: dict[tuple[int, ...], Any] = {}
        self.results: dict[tuple[int, ...], tuple[bytes, Any]] = {}
