"""TableBuild: a table file on its way, written slice by slice and put under its name when it is safely on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from datacave_core.compression import TableCompression
from datacave_core.layout import Layout
from datacave_core.ports import File, FileSystem, Scheduler
from datacave_lsm.background import Slices, off_loop
from datacave_lsm.format import Seals
from datacave_lsm.options import EngineOptions
from datacave_lsm.table import Compression, TableOptions, TableWriter
from datacave_lsm.version import TableFile
from datacave_lsm.version.levels import TABLE_FOLDER, table_name


@dataclass(frozen=True, slots=True)
class TableFactory:
    """What every new table file of an engine needs; `next_number` gives a number that was never used.

    Young files are compressed by lz4: they are read and merged soon. Deep levels, where nearly all data of a big
    database lies, get zstd: the bench `size` has a tenth less on disk for half as much again per cold point read, and
    scans of columns are as fast. Ingested files, most of which are never merged, have what the level says that they are
    expected on. Tables in `chosen`, by their prefix, have their own on every level.
    """

    files: FileSystem
    scheduler: Scheduler
    seals: Seals
    layout_of: Callable[[bytes], Layout]
    next_number: Callable[[], int]
    options: EngineOptions
    compression: Compression = Compression.LZ4
    chosen: Mapping[bytes, TableCompression] = field(default_factory=dict)

    def at_level(self, level: int) -> TableFactory:
        """The same for files of a level."""
        options = self.options
        deep = Compression.ZSTD if level >= options.zstd_level_min else Compression.LZ4
        return replace(self, compression=deep if options.compression else Compression.NONE)

    def begin(self, number: int | None = None) -> TableBuild:
        """Starts a file under a temporary name. Raises OSError."""
        return TableBuild(self, self.next_number() if number is None else number)

    def discard(self, finished: Iterable[TableFile]) -> None:
        """Removes finished files that nobody refers to yet; what cannot be removed goes at the next start."""
        for file in finished:
            with suppress(OSError):
                self.files.remove(table_name(file.number))


class TableBuild:
    """One output file; `writer` takes its rows."""

    __slots__ = ("_factory", "_file", "_name", "_temporary", "writer")

    def __init__(self, factory: TableFactory, number: int) -> None:
        self._factory = factory
        self._name = table_name(number)
        self._temporary = f"{self._name}.tmp"
        self._file: File | None = factory.files.create(self._temporary)
        options = TableOptions(
            group_rows_max=factory.options.group_rows_max,
            compression=factory.compression,
            chosen=factory.chosen,
        )
        self.writer = TableWriter(self._file, number, factory.layout_of, factory.seals, options, name=self._name)

    def finish(self) -> Slices[TableFile]:
        """Completes the file, syncs it and gives it its name, off the loop. Raises OSError."""
        return (yield from off_loop(self._factory.scheduler, self.put_in_place))

    def abandon(self) -> None:
        """Removes what was written; for failed and cancelled jobs."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            finally:
                self._factory.files.remove(self._temporary)

    def put_in_place(self) -> TableFile:
        """`finish`, off the loop: the filter over all keys is array work that releases the interpreter lock."""
        files, file = self._factory.files, self._file
        assert file is not None
        properties = self.writer.finish()
        file.sync()
        file.close()
        self._file = None
        files.rename(self._temporary, self._name)
        files.sync_folder(TABLE_FOLDER)
        return TableFile.of(properties)
