"""Refusals: what the engine answers to what it cannot do."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError


class DirectoryInUse(DatacaveError):
    """Another engine holds the data directory."""

    sqlstate = sqlstate.OBJECT_IN_USE
    severity = "FATAL"
