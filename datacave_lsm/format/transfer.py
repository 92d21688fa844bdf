"""Transfer: whole reads and writes over the File port, whose own calls may do less than asked."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, DataCorrupted
from datacave_core.ports import File


def write_all(file: File, data: bytes) -> None:
    """Appends all of `data`; raises OSError, also when the file takes nothing at all."""
    written = file.write(data)
    if written == len(data):
        return
    rest = memoryview(data)
    while True:
        if written <= 0:
            raise OSError("a write took no bytes")
        rest = rest[written:]
        if not rest:
            return
        written = file.write(bytes(rest))


def write_all_at(file: File, offset: int, data: bytes) -> None:
    """Writes all of `data` over what is at `offset`; raises OSError, also when the file takes nothing at all."""
    written = file.write_at(offset, data)
    while written < len(data):
        taken = file.write_at(offset + written, data[written:])
        if taken <= 0:
            raise OSError("a write took no bytes")
        written += taken


def read_exactly(file: File, offset: int, length: int, name: str) -> bytes:
    """Reads exactly `length` bytes at `offset`.

    Raises DataCorrupted naming the file when it ends before, and a DatacaveError with 58030 when reading fails.
    """
    try:
        data = file.read_at(offset, length)
    except OSError as error:
        raise DatacaveError(
            f'could not read file "{name}" at byte {offset}: {error.strerror or error}', sqlstate=sqlstate.IO_ERROR
        ) from error
    if len(data) != length:
        raise DataCorrupted(
            f'file "{name}" is damaged: it ends at byte {offset + len(data)} where {length} bytes from '
            f"byte {offset} are expected"
        )
    return data
