"""The binary format: a signature, then for each row the number of fields and every field with its length.

Source: https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any, Final

from datacave_core.errors import DatacaveError
from datacave_core.types import TypeIO
from datacave_core.values import Row
from datacave_sql.session.copying.text_format import bad_format

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_HEADER: Final = Struct("!II")
_COUNT: Final = Struct("!h")
_LENGTH: Final = Struct("!i")
HEADER: Final = SIGNATURE + _HEADER.pack(0, 0)
TRAILER: Final = _COUNT.pack(-1)
_NULL: Final = _LENGTH.pack(-1)
_OIDS_FLAG: Final = 1 << 16


class BinaryReader:
    """Rows from binary data that comes in pieces."""

    def __init__(self, types: Sequence[tuple[int, int]], ios: Sequence[TypeIO], names: Sequence[str]) -> None:
        self._types = types
        self._ios = ios
        self._names = names
        self._data = b""
        self._begun = False
        self.ended = False
        self.rows_read = 0

    def take(self, data: bytes, last: bool) -> list[Row]:
        """The complete rows so far. Raises 22P04 for data that breaks the format."""
        if self.ended:
            if data:
                raise bad_format("received copy data after EOF marker")
            return []
        data = self._data + data
        at = 0
        if not self._begun:
            at = self._header(data, last)
            if at < 0:
                self._data = data
                return []
            self._begun = True
        rows: list[Row] = []
        while True:
            row, following = self._row(data, at)
            if row is None:
                break
            at = following
            if self.ended:
                if at < len(data):
                    raise bad_format("received copy data after EOF marker")
                return rows
            rows.append(row)
            self.rows_read += 1
        self._data = data[at:]
        if last and self._data:
            raise bad_format("unexpected EOF in COPY data")
        return rows

    @staticmethod
    def _header(data: bytes, last: bool) -> int:
        """Where the rows begin; -1 if more data is needed."""
        if not SIGNATURE.startswith(data[: len(SIGNATURE)]) or (last and len(data) < len(SIGNATURE)):
            raise bad_format("COPY file signature not recognized")
        start = len(SIGNATURE) + _HEADER.size
        if len(data) < start:
            if last:
                raise bad_format("invalid COPY file header (missing flags)")
            return -1
        flags, extension = _HEADER.unpack_from(data, len(SIGNATURE))
        if flags & _OIDS_FLAG:
            raise bad_format("invalid COPY file header (WITH OIDS)")
        if flags >> 16:
            raise bad_format("unrecognized critical flags in COPY file header")
        return start + int(extension) if len(data) >= start + extension else -1

    def _row(self, data: bytes, at: int) -> tuple[Row | None, int]:
        end = len(data)
        if at + 2 > end:
            return None, at
        (count,) = _COUNT.unpack_from(data, at)
        at += 2
        if count == -1:
            self.ended = True
            return (), at
        if count != len(self._ios):
            raise bad_format(f"row field count is {count}, expected {len(self._ios)}")
        values: list[Any] = []
        for name, (_, typmod), io in zip(self._names, self._types, self._ios, strict=True):
            if at + 4 > end:
                return None, at
            (length,) = _LENGTH.unpack_from(data, at)
            at += 4
            if length == -1:
                values.append(None)
                continue
            if length < 0:
                raise bad_format("invalid field size")
            if at + length > end:
                return None, at
            try:
                value = io.receive(data[at : at + length])
                if typmod >= 0 and io.apply_typmod is not None:
                    value = io.apply_typmod(value, typmod, False)
            except DatacaveError as error:
                error.context = f", column {name}"
                raise
            values.append(value)
            at += length
        return tuple(values), at


class BinaryWriter:
    """Rows to binary data."""

    def __init__(self, ios: Sequence[TypeIO]) -> None:
        self._ios = ios
        self._count = _COUNT.pack(len(ios))

    def rows(self, rows: Sequence[Row]) -> list[bytes]:
        """Each row as one stretch of bytes."""
        count, pack, sends = self._count, _LENGTH.pack, [io.send for io in self._ios]
        written: list[bytes] = []
        for row in rows:
            parts = [count]
            for value, send in zip(row, sends, strict=True):
                if value is None:
                    parts.append(_NULL)
                else:
                    data = send(value)
                    parts.append(pack(len(data)))
                    parts.append(data)
            written.append(b"".join(parts))
        return written
