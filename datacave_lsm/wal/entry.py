"""Entry: one commit as bytes. A record of the log holds one entry or several, one after the other.

An entry is the msgpack array [timestamp, {key: row}]; keys are binary, rows arrays of physical values or nil for a
tombstone. A Decimal is extension 1, its decimal digits as text, so that scale, NaN and infinities survive.
With timestamp 0 it is no commit but the layouts that rows of later entries have: {prefix: [version, [type, nullable,
scale, missing, added], ...]}. So rows can be flushed after a restart before anybody has registered their layouts again.

A big commit comes in parts, [-number, {key: row}], with entries of others between them; it takes effect with the entry
[timestamp, [number, count of rows]], and [-number, nil] gives it up. Where its rows are in table files already, it is
[timestamp, version edit as bytes]; what rows are in no file stand before it in the same record, as a commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import msgpack

from datacave_core.compiled import compiled
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.values import Row

Entry: TypeAlias = tuple[int, Mapping[bytes, Row | None]]
"""Commit timestamp and writes."""

AnyEntry: TypeAlias = tuple[int, Any]
"""One of the kinds above: timestamp, 0 or negated batch number, and a mapping, None, (number, count) or bytes."""

DECIMAL_EXTENSION = 1


def _extension(value: object) -> msgpack.ExtType:
    if isinstance(value, Decimal):
        return msgpack.ExtType(DECIMAL_EXTENSION, str(value).encode("ascii"))
    raise TypeError(f"a row holds {type(value).__name__}, which is no physical type")


def _value(code: int, data: bytes) -> Any:
    if code != DECIMAL_EXTENSION:
        raise ValueError(f"unknown extension {code}")
    return Decimal(data.decode("ascii"))


class PlainCommitEncoder:
    """Packs commits, and parts of big ones; `pack` is msgpack's for any value."""

    __slots__ = ("_pack",)

    def __init__(self, pack: Callable[[Any], bytes]) -> None:
        self._pack = pack

    def encode(self, timestamp: int, writes: dict[bytes, Row | None]) -> bytes:
        """The entry [timestamp, writes]. Raises TypeError, OverflowError or ValueError for what has no bytes."""
        return self._pack((timestamp, writes))


CommitEncoder = compiled("datacave_lsm.wal._entry", "CommitEncoder", PlainCommitEncoder, 1)
"""The fastest body there is."""


class EntryEncoder:
    """Packs entries: `encode((timestamp, anything))` and, faster, `commit(timestamp, writes)` return bytes."""

    __slots__ = ("commit", "encode")

    def __init__(self) -> None:
        # Bound methods of packers that are used again: an entry costs one C call.
        self.encode: Callable[[AnyEntry], bytes]
        self.encode = msgpack.Packer(default=_extension, use_bin_type=True).pack
        self.commit = CommitEncoder(self.encode).encode


def layouts_entry(layouts: Mapping[bytes, Layout]) -> tuple[int, dict[bytes, Any]]:
    """What `encode` takes to record layouts."""
    return 0, {
        prefix: (
            layout.version,
            *(
                (int(column.type), column.nullable, column.scale, column.missing, column.added)
                if column.added
                else (int(column.type), column.nullable, column.scale, column.missing)
                for column in layout.columns
            ),
        )
        for prefix, layout in layouts.items()
    }


def abandoned_entry(number: int) -> AnyEntry:
    """What `encode` takes to record that a big commit is given up; its parts are commits with the negated number."""
    return -number, None


def batch_entry(timestamp: int, number: int, row_count: int) -> AnyEntry:
    """What `encode` takes when a big commit takes effect."""
    return timestamp, (number, row_count)


def files_entry(timestamp: int, edit: bytes) -> AnyEntry:
    """What `encode` takes when table files take effect, which a version edit names."""
    return timestamp, edit


def layouts_of(entry: Entry) -> dict[bytes, Layout]:
    """The layouts in an entry with timestamp 0; raises ValueError for anything else."""
    found = {}
    for prefix, record in entry[1].items():
        if not record:
            raise ValueError("a layout without a version")
        columns = [PhysicalColumn(PhysicalType(column[0]), *column[1:]) for column in record[1:]]
        found[prefix] = Layout(record[0], tuple(columns))
    return found


class EntryDecoder:
    """Unpacks the entries of one record."""

    __slots__ = ()

    def decode(self, payload: bytes) -> Iterator[AnyEntry]:
        """The entries in commit order; raises ValueError for bytes that are none."""
        size = len(payload)
        unpacker = msgpack.Unpacker(
            None,
            use_list=False,
            raw=False,
            strict_map_key=False,
            ext_hook=_value,
            max_buffer_size=size + 1,
            max_str_len=size,
            max_bin_len=size,
            max_array_len=size,
            max_map_len=size,
            max_ext_len=size,
        )
        unpacker.feed(payload)
        yield from unpacker
        if unpacker.tell() != size:
            raise ValueError("an entry ends too early")
