"""Ports: everything the packages ask of the outside world and of each other, as protocols.

Time, chance, files, threads and storage come in through these, so that a whole server, and a whole cluster, runs in
one process from one seed. Bodies: `memory/` (simulation, tests), `datacave_lsm` (the engine), `datacave_server`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from datacave_core.compression import TableCompression
from datacave_core.layout import Layout
from datacave_core.rowbatch import ColumnBatch, ColumnVector
from datacave_core.values import Row
from datacave_core.wait import Steps, Wait

T = TypeVar("T")


class Clock(Protocol):
    """Wall time and monotonic time."""

    def now_microseconds(self) -> int:
        """Microseconds since 1970-01-01 00:00 UTC."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""


class Randomness(Protocol):
    """Unpredictable bytes; a seeded sequence in simulation."""

    def token_bytes(self, count: int) -> bytes: ...


class Scheduler(Protocol):
    """Work outside the present call: later in this thread, after a delay, or in a worker thread.

    `run` is for calls that release the interpreter lock (fsync, compression, encryption, file reads).
    """

    def call_soon(self, work: Callable[[], None]) -> None: ...

    def call_later(self, seconds: float, work: Callable[[], None]) -> Callable[[], None]:
        """Returns a function that takes the call back."""

    def run(self, work: Callable[[], T], done: Callable[[T | None, BaseException | None], None]) -> None:
        """Runs `work` off this thread and calls `done(result, error)` on this thread."""

    def sync(self, file: File, done: Callable[[BaseException | None], None]) -> None:
        """Makes what was written to a file durable off this thread and calls `done(error)` on this thread.

        The same as `run` with the file's `sync`, in less time. The file must stay open until then.
        """


class File(Protocol):
    """An open file. Every method raises OSError."""

    def write(self, data: bytes) -> int:
        """Appends; may write less than all (the caller goes on with the rest)."""

    def write_at(self, offset: int, data: bytes) -> int:
        """Writes over what is at `offset`, or lengthens the file; may write less than all.

        Only for files that were created or opened `in_place`.
        """

    def read_at(self, offset: int, length: int) -> bytes:
        """Reads up to `length` bytes at `offset`; shorter only at the end of the file."""

    def size(self) -> int: ...

    def truncate(self, length: int) -> None: ...

    def allocate(self, length: int) -> None:
        """Makes the file at least `length` bytes long, with zeros that have their space (fallocate): ENOSPC shows here.

        A sync after a write within that length has no new size to record. Does nothing where the file system cannot.
        """

    def sync(self) -> None:
        """fdatasync: the contents survive a power failure once this returns."""

    def close(self) -> None: ...


class FileSystem(Protocol):
    """Files below one directory. Names are relative, with `/` between folders. Every method raises OSError."""

    def create(self, name: str, *, in_place: bool = False) -> File:
        """A new file for reading and appending, or for `write_at`; FileExistsError if it is there."""

    def open(self, name: str, *, in_place: bool = False) -> File:
        """An existing file for reading and appending at its end, or for `write_at`."""

    def rename(self, old: str, new: str) -> None:
        """Atomically replaces `new`."""

    def link(self, old: str, new: str) -> None:
        """A hard link: a second name of one file."""

    def remove(self, name: str) -> None: ...

    def list(self, folder: str = "") -> Sequence[str]:
        """The names in a folder, sorted."""

    def exists(self, name: str) -> bool: ...

    def make_folder(self, name: str) -> None: ...

    def sync_folder(self, name: str = "") -> None:
        """Makes creations, renames and removals in the folder survive a power failure."""

    def lock(self, name: str) -> Callable[[], None]:
        """Takes an exclusive lock on the directory, or raises BlockingIOError; returns the release."""


class TemporaryFile(Protocol):
    """Blocks of bytes that a running statement has put aside. Nobody else can read them, and nothing is left of them
    after `close` or after the end of the process."""

    size: int
    """Bytes on disk so far."""

    def append(self, block: bytes) -> Steps[tuple[int, int]]:
        """Puts a block aside and returns its place, perhaps before it is written. Raises DiskFull, also for an earlier
        block, and StorageFailed."""

    def read(self, place: tuple[int, int]) -> Steps[bytes]:
        """The block at a place. Raises DataCorrupted where it is not what was put there, and what `append` raises."""

    def close(self) -> None:
        """Gives the space back; may be called at any time, and twice."""


class TemporaryFiles(Protocol):
    """Where statements put aside what they have no memory for."""

    def create(self) -> TemporaryFile:
        """A new file. Raises OSError."""


class ServerFile(Protocol):
    """A file of the server's machine, or a program that runs there, at whose one end a statement is."""

    def read(self, length: int) -> Steps[bytes]:
        """The next bytes, at most `length`; nothing at the end. Raises OSError."""

    def write(self, data: bytes) -> Steps[None]:
        """Appends all of it. Raises OSError."""

    def finish(self) -> Steps[int]:
        """Completes it; returns a program's exit status, minus the signal that ended it, or 0. Raises OSError."""

    def close(self) -> None:
        """Gives it up, which ends a program; may be called at any time, and does nothing after `finish`."""


class ServerFiles(Protocol):
    """The files and programs that a statement may name. Who may name them is for the caller to know."""

    def open(self, path: str, *, writing: bool) -> Steps[ServerFile]:
        """A file to read, or one to write, made or emptied. Paths begin at the data directory. Raises OSError."""

    def start(self, command: str, *, writing: bool) -> Steps[ServerFile]:
        """A command of the shell: its output to read, or its input to write. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one key: its commit timestamp and row; a `row` of None is a tombstone."""

    timestamp: int
    row: Row | None


class Commit(Protocol):
    """A batch that is in the log and visible to later reads of the newest state, on its way to the disk."""

    timestamp: int
    durable: Wait
    """Done when the batch survives a power failure; fails when the log cannot be written any more."""


@dataclass(frozen=True, slots=True)
class KeptFor:
    """How long the versions of a table that newer ones hide are kept; with `until`, by default after that timestamp."""

    microseconds: int
    until: int | None = None


class Prepared(Protocol):
    """A commit that has been prepared."""

    def give_up(self) -> None:
        """Forgets it, with all its rows; does nothing once it is committed."""


class Load(Protocol):
    """Many new rows of one prefix on their way into a commit, as columns, past what single rows cost.

    Nobody sees them before the commit. They may take effect only while the store and the locks of others hold no key
    between the first and the last of them: whoever commits sees to that.
    """

    bounds: tuple[bytes, bytes] | None
    """The first and the last key; None without rows."""

    def add(self, keys: list[bytes], columns: Sequence[ColumnVector]) -> Steps[bool]:
        """Takes rows, one vector for each column of the layout; False, with nothing taken, unless all keys ascend.

        Raises DiskFull, StorageStopped.
        """

    def finish(self) -> Steps[None]:
        """Completes the load; nothing can be added then. Raises DiskFull, StorageStopped."""

    def rows(self) -> Iterator[list[Row]]:
        """All rows of a finished load, in order."""

    def give_up(self) -> None:
        """Forgets everything; does nothing once it is committed."""


class Store(Protocol):
    """An ordered map of versioned rows.

    Keys are bytes: a prefix of PREFIX_LENGTH bytes, then an order-preserving encoding. Rows are tuples of the physical
    values of the key's Layout. Commit timestamps are unique, ascend, and follow wall time in microseconds since 1970.
    All methods are called from one thread. Reads raise DataCorrupted for damaged files and StorageStopped after a stop.
    """

    visible_timestamp: int
    """The newest timestamp that plain readers may see: every commit up to it is durable (or asked not to wait)."""

    retention_microseconds: int
    """How long versions are kept by default."""

    newest_timestamp: int
    """The newest commit timestamp handed out; writers check conflicts up to here."""

    def set_layout(self, prefix: bytes, layout: Layout) -> None:
        """Registers or evolves the layout of all keys under a prefix of PREFIX_LENGTH bytes.

        Layouts registered with the engine survive a restart only through the caller, who registers them again before
        the first read; files describe themselves.
        """

    def evolve_layout(self, prefix: bytes, layout: Layout) -> Steps[None]:
        """Adds columns to a layout, or takes back some that no committed row has, in slices.

        Nobody else reads or writes columns that come or go meanwhile.
        """

    def get(self, key: bytes, timestamp: int) -> Row | None:
        """The row of the newest version at or before the timestamp; None if there is none or it is a tombstone."""

    def get_version(self, key: bytes, timestamp: int) -> Version | None:
        """The same with its commit timestamp, tombstones included."""

    def scan(
        self,
        low: bytes,
        high: bytes | None,
        timestamp: int,
        *,
        reverse: bool = False,
        batch_rows: int = 1024,
    ) -> Iterator[list[tuple[bytes, Row]]]:
        """Live rows with low <= key < high in key order, in batches. The iterator stays valid under later writes."""

    def scan_rows(
        self,
        low: bytes,
        high: bytes | None,
        timestamp: int,
        columns: Sequence[int] | None = None,
        *,
        reverse: bool = False,
        batch_rows: int = 1024,
    ) -> Iterator[list[Row]]:
        """The rows of `scan` in the same order, without keys, of a range under one prefix.

        With `columns` a row has the values of these columns only, in the order given.
        """

    def scan_columns(
        self, low: bytes, high: bytes | None, timestamp: int, columns: Sequence[int], *, with_keys: bool = False
    ) -> Iterator[ColumnBatch]:
        """Live rows of a range under one prefix as column vectors; key order within a batch, batches in any order."""

    def history(self, low: bytes, high: bytes | None, after: int, until: int) -> Iterator[tuple[bytes, Version]]:
        """All kept versions with after < timestamp <= until, by key, newest first."""

    def newest_in_range(self, low: bytes, high: bytes | None, after: int) -> int | None:
        """The timestamp of some version in the range that is newer than `after`, or None: a conflict check."""

    def prepare(self, writes: Mapping[bytes, Row | None]) -> Steps[Prepared]:
        """Does ahead, in slices, what a commit of many rows costs; nothing is visible before `commit` gets the result.

        The mapping is the store's from now on, also after the commit. Raises DiskFull, StorageStopped.
        """

    def begin_load(self, prefix: bytes) -> Load | None:
        """Takes many new rows under a prefix, whose layout is registered; None from stores without such a way."""

    def commit(
        self,
        writes: Mapping[bytes, Row | None],
        *,
        wait_durable: bool = True,
        prepared: Prepared | None = None,
        loads: Sequence[Load] = (),
    ) -> Commit:
        """Writes all rows (None: a tombstone) and finished loads atomically with one new timestamp.

        The batch is in the memtable and the log buffer when this returns; `visible_timestamp` reaches it when it is
        durable, or at once with `wait_durable=False`. Raises DiskFull, StorageStopped.
        """

    def write_delay(self) -> Wait | None:
        """A Wait when writers must hold back because flushes or compactions have fallen behind, else None."""

    def pin(self, timestamp: int, *, kept: bool = False) -> Callable[[], None]:
        """Keeps every version visible at the timestamp until the returned function is called.

        `kept`: an earlier process has had it pinned all along, so that it is readable however old it is.
        """

    def is_readable(self, timestamp: int, key: bytes) -> bool:
        """Whether the table of a key can be read at a timestamp: late enough, or pinned early enough.

        Reads at another timestamp raise SnapshotTooOld, which names the earliest readable one.
        """

    def oldest_readable(self, key: bytes | None = None) -> int:
        """The earliest timestamp whose versions of the table of a key are all still kept; without one, by default."""

    def set_retention(self, prefix: bytes, kept: KeptFor | None) -> None:
        """How long the versions of a table are kept, by its TABLE_PREFIX_LENGTH bytes; None: as long as by default.

        Survives a restart, but for the last moments before a crash. What is gone does not come back.
        """

    def retentions(self) -> Mapping[bytes, KeptFor]:
        """What was set, by table prefix."""

    def set_compression(self, prefix: bytes, choice: TableCompression | None) -> None:
        """How files that are written from now on compress a table, by its TABLE_PREFIX_LENGTH bytes.

        None: as by default. Survives a restart, but for the last moments before a crash.
        """

    def compressions(self) -> Mapping[bytes, TableCompression]:
        """What was chosen, by table prefix."""

    def statistics(self) -> Mapping[str, Any]:
        """Counters and sizes by metric name (see the engine's documentation)."""

    def close(self) -> Wait:
        """Makes everything durable and closes the files."""
