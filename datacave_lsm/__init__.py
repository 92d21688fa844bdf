"""Storage engine: an ordered map of versioned rows in a log, memtables and levels of columnar files."""

from __future__ import annotations

from datacave_lsm.check import CheckReport, Finding, check_directory
from datacave_lsm.checkpoint import Checkpoint, CheckpointExists, CheckpointFacts
from datacave_lsm.compaction import MergeWorker, perform_merge
from datacave_lsm.crypto import KeyRing, MasterKeyError
from datacave_lsm.engine import Engine
from datacave_lsm.format import Seals
from datacave_lsm.inspect import inspect_directory, inspect_file
from datacave_lsm.options import EngineOptions
from datacave_lsm.rebuild import Progress
from datacave_lsm.refusals import DirectoryInUse
from datacave_lsm.rotation import KeyProof, Rotation
from datacave_lsm.spill import SpillFiles

__all__ = [
    "CheckReport",
    "Checkpoint",
    "CheckpointExists",
    "CheckpointFacts",
    "DirectoryInUse",
    "Engine",
    "EngineOptions",
    "Finding",
    "KeyProof",
    "KeyRing",
    "MasterKeyError",
    "MergeWorker",
    "Progress",
    "Rotation",
    "Seals",
    "SpillFiles",
    "check_directory",
    "inspect_directory",
    "inspect_file",
    "perform_merge",
]
