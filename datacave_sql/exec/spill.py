"""Spill: rows that a running operator has put aside in a temporary file, in blocks and partitions of blocks.

Blocks are pickled. A file is sealed or checksummed, has no name and lives only as long as the operator; still, nothing
but values may come out of it.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from typing import Any, TypeAlias

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.ports import TemporaryFile
from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.types.record import Record
from datacave_core.wait import TURN, Steps, Wait
from datacave_sql.exec.context import ExecutionContext

Place: TypeAlias = tuple[int, int]

BLOCK_BYTES_MAX = 256 * 1024
BLOCK_BYTES_MIN = 32 * 1024
KIB = 1024

_PACKAGES = ("datacave_core.", "datacave_sql.", "numpy")


class _Pickler(pickle.Pickler):
    """Writes numbers for the classes of records, which are made by running statements and have no name."""

    def __init__(self, file: io.BytesIO, classes: list[type]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._classes = classes

    def persistent_id(self, value: Any) -> int | None:
        if not isinstance(value, type) or not issubclass(value, Record):
            return None
        if value not in self._classes:
            self._classes.append(value)
        return self._classes.index(value)


class _Unpickler(pickle.Unpickler):
    """Knows the classes that values are made of, and no others."""

    def __init__(self, block: bytes, classes: list[type]) -> None:
        super().__init__(io.BytesIO(block))
        self._classes = classes

    def persistent_load(self, number: Any) -> type:
        found: type = self._classes[number]
        return found

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(_PACKAGES) or (module, name) in (("decimal", "Decimal"), ("_decimal", "Decimal")):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no value")


class Spill:
    """A temporary file of one operator. Close it when the operator ends, however it ends."""

    __slots__ = ("_classes", "_context", "_file")

    def __init__(self, context: ExecutionContext) -> None:
        self._classes: list[type] = []
        self._context = context
        self._file: TemporaryFile | None = None

    @property
    def size(self) -> int:
        """Bytes on disk so far."""
        return self._file.size if self._file is not None else 0

    def write(self, rows: Any) -> Steps[Place]:
        """Puts rows aside as one block; its place. Raises 53400, DiskFull."""
        context = self._context
        file = self._file
        if file is None:
            file = self._file = context.session.database.temporary_files.create()
        before = file.size
        place = yield from file.append(self._pickled(rows))
        memory = context.statement_memory()
        memory.temporary_bytes += file.size - before
        limit = context.session.settings.temp_file_limit_kb
        if 0 <= limit < memory.temporary_bytes // KIB:
            raise DatacaveError(
                f"temporary file size exceeds temp_file_limit ({limit}kB)",
                sqlstate=sqlstate.CONFIGURATION_LIMIT_EXCEEDED,
            )
        if context.slice_over():
            yield TURN
        return place

    def read(self, place: Place) -> Steps[Any]:
        """The rows of a block."""
        assert self._file is not None
        block = yield from self._file.read(place)
        if self._context.slice_over():
            yield TURN
        return _Unpickler(block, self._classes).load()

    def _pickled(self, rows: Any) -> bytes:
        if not self._classes:
            try:
                return pickle.dumps(rows, pickle.HIGHEST_PROTOCOL)
            except pickle.PicklingError:
                # It has records; looking for them costs a call per value.
                pass
        block = io.BytesIO()
        _Pickler(block, self._classes).dump(rows)
        return block.getvalue()

    def close(self) -> None:
        """Gives the space back and counts the file."""
        file, self._file = self._file, None
        if file is not None:
            self._context.statement_memory().temporary_bytes -= file.size
            self._context.session.database.temporary_file_ended(self._context.session, file.size)
            file.close()


def block_bytes(limit: int) -> int:
    """How big blocks should be where an operator may hold `limit` bytes."""
    return min(BLOCK_BYTES_MAX, max(BLOCK_BYTES_MIN, limit // 64))


class Run:
    """Rows in the order in which they were put aside."""

    __slots__ = ("places", "rows")

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.rows = 0

    def read(self, spill: Spill) -> Iterator[list[Any] | Wait]:
        """Block by block."""
        for place in self.places:
            yield (yield from spill.read(place))


class Partitions:
    """Rows put aside by number. A partition's rows wait in memory until they make a block."""

    __slots__ = ("_block_rows", "_pending", "_spill", "runs")

    def __init__(self, spill: Spill, count: int, block_rows: int) -> None:
        self._spill = spill
        self._block_rows = max(1, min(block_rows, BATCH_ROWS))
        self._pending: list[list[Any]] = [[] for _ in range(count)]
        self.runs = [Run() for _ in range(count)]

    def add(self, number: int, rows: list[Any]) -> Steps[None]:
        """Puts rows aside."""
        pending = self._pending[number]
        pending += rows
        if len(pending) >= self._block_rows:
            yield from self._flush(number)

    def spread(self, numbers: list[int], rows: list[Any]) -> Steps[None]:
        """Puts each row aside by its number."""
        pending = self._pending
        for number, row in zip(numbers, rows, strict=True):
            pending[number].append(row)
        for number, waiting in enumerate(pending):
            if len(waiting) >= self._block_rows:
                yield from self._flush(number)

    def finish(self) -> Steps[None]:
        """Puts aside what is waiting."""
        for number, waiting in enumerate(self._pending):
            if waiting:
                yield from self._flush(number)

    def _flush(self, number: int) -> Steps[None]:
        rows, self._pending[number] = self._pending[number], []
        run = self.runs[number]
        run.places.append((yield from self._spill.write(rows)))
        run.rows += len(rows)
