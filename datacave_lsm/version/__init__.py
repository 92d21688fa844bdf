"""Versions of the level state: which table files exist where, and the manifest that records it."""

from __future__ import annotations

from datacave_lsm.version.edit import VersionEdit
from datacave_lsm.version.levels import Levels, TableFile
from datacave_lsm.version.manifest import Manifest
from datacave_lsm.version.view import TableHandle, View

__all__ = ["Levels", "Manifest", "TableFile", "TableHandle", "VersionEdit", "View"]
