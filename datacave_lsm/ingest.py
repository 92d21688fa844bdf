"""Ingest: a big commit whose rows go straight into table files of their own, past the log and the memtable.

    rows or columns -> sorted -> files under a placeholder for the timestamp, synced -> commit -> one entry in the log

The commit's entry names the files, and from that moment all their versions have its timestamp. Before it nobody reads
them; given up, or left behind by a crash, they are removed. Only key prefixes with many rows become files; the rest of
the commit takes the usual road, in the same record of the log.

A file stands below the memtables, so it must not hold keys that a memtable has older versions of: `conflicts` tells.
Not here: the choice of the level (compaction/picker.py), how files come into force (installer.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from operator import lt

import numpy as np
from numpy.typing import NDArray

from datacave_core.errors import DatacaveError
from datacave_core.layout import PREFIX_LENGTH, Layout
from datacave_core.ports import Load, Prepared
from datacave_core.rowbatch import ColumnVector
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, Wait, wait_for
from datacave_lsm.batch import Batch
from datacave_lsm.compaction import expected_level
from datacave_lsm.key_order import TAIL_KEYS_MAX, KeyOrder
from datacave_lsm.memtable import Memtable
from datacave_lsm.recovery import open_table
from datacave_lsm.table import Group, SegmentCache, TableReader
from datacave_lsm.table.chunk import chunk_of_rows
from datacave_lsm.tablebuild import TableBuild, TableFactory
from datacave_lsm.version import TableFile, TableHandle
from datacave_lsm.version.levels import Levels, table_name

PLACEHOLDER = 1
"""The timestamp in the files themselves."""


class Ingest:
    """A commit whose files are written: `handles` are the files in key order, `rest` is what stands in none of them."""

    __slots__ = ("_given_up", "committed", "handles", "rest", "settled")

    def __init__(
        self, handles: list[TableHandle], rest: dict[bytes, Row | None], given_up: Callable[[Ingest], None]
    ) -> None:
        self._given_up = given_up
        self.handles = handles
        self.rest = rest
        self.committed = False
        self.settled: Callable[[], None] = _nothing
        """Called once, when the rows are the commit's or forgotten."""

    def settle(self) -> None:
        """The files are the engine's from now on, or no longer anybody's."""
        self.committed = True
        settled, self.settled = self.settled, _nothing
        settled()

    def give_up(self) -> None:
        """Prepared: removes the files; does nothing once the commit is made."""
        if not self.committed:
            self.settle()
            self._given_up(self)

    def refuse(self) -> None:
        """The commit has failed after all."""
        self._given_up(self)

    def conflicts(self, memtables: Iterable[Memtable | Batch]) -> bool:
        """Whether a memtable holds keys within the range of a file."""
        return any(
            len(memtable) and memtable.order.overlaps(handle.smallest, handle.largest + b"\0")
            for memtable in memtables
            for handle in self.handles
        )

    def commit_at(self, timestamp: int) -> list[TableFile]:
        """Gives all versions their timestamp; the files are the engine's from now on."""
        self.settle()
        for handle in self.handles:
            handle.reader.commit_at(timestamp)
            handle.file = replace(handle.file, min_timestamp=timestamp, max_timestamp=timestamp, ingested=True)
            handle.min_timestamp = handle.max_timestamp = timestamp
        return [handle.file for handle in self.handles]


def _nothing() -> None:
    pass


class Ingestion:
    """Makes ingests. Without a number for `options.ingest_rows_min` there are none.

    `removed(None, error)` is told of every removal, as a Scheduler tells.
    """

    __slots__ = ("_cache", "_levels", "_removed", "_rows", "factory", "numbers_recorded")

    def __init__(
        self,
        factory: TableFactory,
        cache: SegmentCache[Group],
        numbers_recorded: Callable[[], Wait],
        removed: Callable[[None, BaseException | None], None],
        levels: Callable[[], Levels],
    ) -> None:
        self._cache = cache
        self._levels = levels
        self._removed = removed
        self._rows: list[dict[bytes, Row | None]] = []  # of commits that are prepared and not made
        self.factory = factory
        self.numbers_recorded = numbers_recorded

    def factory_for(self, key: bytes) -> TableFactory:
        """Makes files that begin with a key, compressed as the level says that they will most likely come to."""
        return self.factory.at_level(expected_level(self._levels(), key))

    def fit_rows(self, prefix: bytes, layout: Layout, kept: int) -> None:
        """Gives the rows of commits that are not made yet the columns of a new layout."""
        for rows in self._rows:
            layout.fit_rows(rows, prefix, kept)

    def _forget(self, *mappings: dict[bytes, Row | None]) -> None:
        self._rows = [rows for rows in self._rows if all(rows is not each for each in mappings)]

    def worth_it(self, row_count: int) -> bool:
        """Whether a commit of so many rows may be one."""
        return 0 < self.factory.options.ingest_rows_min <= row_count

    def run(self, rows: dict[bytes, Row | None]) -> Steps[Ingest | None]:
        """Writes the files; None if no prefix has rows enough. Raises OSError, with nothing left behind."""
        self._rows.append(rows)
        try:
            ingest = yield from self._written(rows)
        except BaseException:
            self._forget(rows)
            raise
        if ingest is None:
            self._forget(rows)
        else:
            self._rows.append(ingest.rest)
            ingest.settled = partial(self._forget, rows, ingest.rest)
        return ingest

    def _written(self, rows: dict[bytes, Row | None]) -> Steps[Ingest | None]:
        groups: dict[bytes, list[bytes]] = {}
        keys = iter(rows)
        while part := list(islice(keys, TAIL_KEYS_MAX)):
            for key in part:
                groups.setdefault(key[:PREFIX_LENGTH], []).append(key)
            yield TURN
        big = {prefix: found for prefix, found in groups.items() if len(found) >= self.factory.options.ingest_rows_min}
        if not big:
            return None
        rest = {key: rows[key] for prefix, found in groups.items() if prefix not in big for key in found}
        build = IngestBuild(self)
        try:
            for prefix in sorted(big):
                yield from self._write(build, big[prefix], rows)
            return (yield from build.finish(rest))
        except BaseException:
            build.abandon()
            raise

    def begin_load(self, prefix: bytes, failed: Callable[[OSError], DatacaveError]) -> TableLoad:
        """New rows of one prefix as columns; `failed` is what an OSError becomes."""
        return TableLoad(IngestBuild(self), self.factory.layout_of(prefix), failed)

    def _write(self, build: IngestBuild, keys: list[bytes], rows: dict[bytes, Row | None]) -> Steps[None]:
        order = KeyOrder()
        for start in range(0, len(keys), TAIL_KEYS_MAX):
            order.tail += keys[start : start + TAIL_KEYS_MAX]
            order.settle()
            yield TURN
        prefix, row_of = keys[0][:PREFIX_LENGTH], rows.__getitem__
        for part in order.chunks(None, None, self.factory.options.slice_rows):
            layout = self.factory.layout_of(prefix)  # columns may be added at any turn
            chunk = chunk_of_rows(part, [PLACEHOLDER] * len(part), list(map(row_of, part)), layout)
            yield from build.add(chunk.keys, chunk.operations, chunk.columns, layout)
            yield TURN

    def opened(self, tables: Sequence[TableFile], rest: dict[bytes, Row | None]) -> Ingest:
        """The ingest of complete files. Raises OSError."""
        factory = self.factory
        handles = [open_table(factory.files, file, factory.seals, self._cache) for file in tables]
        return Ingest(handles, rest, self._give_up)

    def _give_up(self, ingest: Ingest) -> None:
        self.remove([handle.file for handle in ingest.handles], readers=[handle.reader for handle in ingest.handles])

    def remove(
        self, files: Sequence[TableFile], build: TableBuild | None = None, readers: Sequence[TableReader] = ()
    ) -> None:
        """Removes, off the loop, what nobody will need."""

        def work() -> None:
            for reader in readers:
                reader.close()
            if build is not None:
                build.abandon()
            for file in files:
                self.factory.files.remove(table_name(file.number))

        self.factory.scheduler.run(work, self._removed)


class IngestBuild:
    """The files of one ingest under way; rows come in key order."""

    __slots__ = ("_abandoned", "_build", "_finished", "_finishing", "_owner", "_prefix")

    def __init__(self, owner: Ingestion) -> None:
        self._owner = owner
        self._build: TableBuild | None = None
        self._finished: list[TableFile] = []
        self._finishing = False
        self._abandoned = False
        self._prefix = b""

    def add(
        self, keys: Sequence[bytes], operations: NDArray[np.uint8], columns: Sequence[ColumnVector], layout: Layout
    ) -> Steps[None]:
        """Adds rows of one prefix. Raises OSError, or ValueError for rows that do not fit or are out of order."""
        factory = self._owner.factory
        prefix = keys[0][:PREFIX_LENGTH]
        build = self._build
        if build is not None and (
            prefix != self._prefix or build.writer.bytes_written >= factory.options.table_bytes_max
        ):
            yield from self._finish_file(build)
        if self._build is None:
            # Whatever becomes of the statement, its files and those of a later start never have one name.
            number = factory.next_number()
            yield from wait_for(self._owner.numbers_recorded())
            self._build = self._owner.factory_for(keys[0]).begin(number)
        self._prefix = prefix
        self._build.writer.add_columns(keys, np.full(len(keys), PLACEHOLDER, np.int64), operations, columns, layout)

    def finish(self, rest: dict[bytes, Row | None]) -> Steps[Ingest]:
        """Completes and opens all files. Raises OSError."""
        if self._build is not None:
            yield from self._finish_file(self._build)
        return self._owner.opened(self._finished, rest)

    def abandon(self) -> None:
        """Removes what was written, or will have been once the worker that completes a file is done."""
        if not self._finishing:
            self._owner.remove(self._finished, self._build)
        self._abandoned = True

    def _finish_file(self, build: TableBuild) -> Steps[None]:
        finished = Wait("IO:TableFile")
        self._finishing = True

        def done(file: TableFile | None, error: BaseException | None) -> None:
            self._finishing = False
            if file is not None:
                self._finished.append(file)
                self._build = None
            if self._abandoned:
                self.abandon()
            finished.finish(error)

        self._owner.factory.scheduler.run(build.put_in_place, done)
        yield from wait_for(finished)


class TableLoad:
    """Load of core's ports: columns to table files. `ingest` is there once it is finished."""

    __slots__ = ("_build", "_failed", "_layout", "bounds", "ingest")

    def __init__(self, build: IngestBuild, layout: Layout, failed: Callable[[OSError], DatacaveError]) -> None:
        self._build = build
        self._layout = layout
        self._failed = failed
        self.bounds: tuple[bytes, bytes] | None = None
        self.ingest: Ingest | None = None

    def add(self, keys: list[bytes], columns: Sequence[ColumnVector]) -> Steps[bool]:
        """Load: takes rows whose keys ascend; False for others."""
        bounds = self.bounds
        if (bounds is not None and keys[0] <= bounds[1]) or not all(map(lt, keys, islice(keys, 1, None))):
            return False
        try:
            yield from self._build.add(keys, np.zeros(len(keys), np.uint8), columns, self._layout)
        except OSError as error:
            raise self._failed(error) from error
        self.bounds = (keys[0] if bounds is None else bounds[0], keys[-1])
        return True

    def finish(self) -> Steps[None]:
        """Load: completes the files."""
        if self.ingest is None:
            try:
                self.ingest = yield from self._build.finish({})
            except OSError as error:
                raise self._failed(error) from error

    def rows(self) -> Iterator[list[Row]]:
        """Load: reads the files back."""
        for handle in self.ingest.handles if self.ingest is not None else ():
            for group in handle.reader.groups():
                yield group.rows()

    def give_up(self) -> None:
        """Load: removes the files."""
        if self.ingest is not None:
            self.ingest.give_up()
        else:
            self._build.abandon()


def with_loads(writes: dict[bytes, Row | None], prepared: Prepared | None, loads: Sequence[Load]) -> Ingest:
    """One ingest of finished loads and of what was prepared of the other rows."""
    ingests = [load.ingest for load in loads if isinstance(load, TableLoad) and load.ingest is not None]
    assert len(ingests) == len(loads)
    rest = writes
    if isinstance(prepared, Ingest):
        ingests.append(prepared)
        rest = prepared.rest
    elif prepared is not None:
        prepared.give_up()

    def refused(_: Ingest) -> None:
        for ingest in ingests:
            ingest.refuse()

    for ingest in ingests:
        ingest.settle()
    return Ingest([handle for ingest in ingests for handle in ingest.handles], rest, refused)
