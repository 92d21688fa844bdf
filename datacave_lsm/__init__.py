"""Storage engine: an ordered map of versioned rows in a log, memtables and levels of columnar files."""

from __future__ import annotations

from datacave_lsm.checkpoint import Checkpoint, CheckpointExists, CheckpointFacts
from datacave_lsm.compaction import MergeWorker, perform_merge
from datacave_lsm.crypto import KeyRing, MasterKeyError
from datacave_lsm.engine import DirectoryInUse, Engine
from datacave_lsm.options import EngineOptions
from datacave_lsm.rotation import KeyProof, Rotation

__all__ = [
    "Checkpoint",
    "CheckpointExists",
    "CheckpointFacts",
    "DirectoryInUse",
    "Engine",
    "EngineOptions",
    "KeyProof",
    "KeyRing",
    "MasterKeyError",
    "MergeWorker",
    "Rotation",
    "perform_merge",
]
