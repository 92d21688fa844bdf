"""Bodies of the ports in memory: for simulation, for tests, and for databases that need not survive."""

from datacave_core.memory.clock import SimulatedClock
from datacave_core.memory.disk import Disk, PowerFailure
from datacave_core.memory.files import MemoryFileSystem
from datacave_core.memory.randomness import SeededRandomness
from datacave_core.memory.scheduler import SimulatedScheduler
from datacave_core.memory.store import MemoryCommit, MemoryStore
from datacave_core.memory.temporary import MemoryTemporaryFiles

__all__ = [
    "Disk",
    "MemoryCommit",
    "MemoryFileSystem",
    "MemoryStore",
    "MemoryTemporaryFiles",
    "PowerFailure",
    "SeededRandomness",
    "SimulatedClock",
    "SimulatedScheduler",
]
