"""The files of the engine, read by what FORMAT.md says: a second reader that shares no code with the first.

A byte that it cannot account for is an error. Names of sections in the comments are those of the document.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import lz4.block
import msgpack
import xxhash
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

INT64, FLOAT64, DECIMAL64, BOOL, BYTES, TEXT = range(1, 7)
TABLE, LOG, MANIFEST, SPILL, BACKUP = range(1, 6)
HEADER_BYTES = 128
FILE_PARTS = 2**64 - 1
END = bytes(16)

Row = tuple[Any, ...]
Version = tuple[bytes, int, Row | None]


def expect(condition: bool, what: str) -> None:
    """Raises ValueError unless the document holds."""
    if not condition:
        raise ValueError(what)


class Bytes:
    """Bytes that are taken from the front; `done` says that none are left."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, length: int) -> bytes:
        """The next bytes."""
        expect(0 <= length <= len(self.content) - self.at, "the bytes end too early")
        self.at += length
        return self.content[self.at - length : self.at]

    def unpack(self, form: str) -> tuple[Any, ...]:
        """The next numbers, little-endian."""
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))

    def rest(self) -> bytes:
        """What is left."""
        return self.take(len(self.content) - self.at)

    def done(self) -> None:
        """Nothing may be left."""
        expect(self.at == len(self.content), f"{len(self.content) - self.at} bytes too many")


class Segments:
    """File header, Segments: what opens the segments of one file."""

    def __init__(self, content: bytes, kind: int, keys: Mapping[str, bytes]) -> None:
        head = Bytes(content[:HEADER_BYTES])
        magic, self.kind, protection, self.version, zero, self.file_id, id_length = head.unpack("8sBBHIQB")
        key_id, wrapped, zeros = head.take(31), head.take(40), head.take(24)
        (checksum,) = head.unpack("Q")
        head.done()
        expect(magic == b"DATACAVE" and self.kind == kind and zero == 0 and zeros == bytes(24), "file header")
        expect(self.version in ((1, 2) if kind == LOG else (1,)), "format version")
        expect(checksum == xxhash.xxh3_64_intdigest(content[:120]), "checksum of the header")
        expect(not any(key_id[id_length:]) and protection == (id_length > 0), "key id")
        self.key_id = key_id[:id_length].decode()
        self.part = struct.pack("<BBHIQ", kind, 0, self.version, 0, self.file_id)
        self.cipher: AESGCM | None = None
        if protection:
            self.cipher = AESGCM(aes_key_unwrap(keys[self.key_id], wrapped))
        else:
            expect(wrapped == bytes(40), "a plain file with a data key")
        self.overhead = 16 if protection else 8

    def open(self, group: int, column: int, segment: bytes) -> bytes:
        """The payload of a segment."""
        if self.cipher is not None:
            nonce = struct.pack(">QI", group, column)
            return self.cipher.decrypt(nonce, segment, self.part + struct.pack("<QI", group, column))
        payload, checksum = segment[:-8], segment[-8:]
        seed = xxhash.xxh3_64_intdigest(self.part) + group * 0x9E3779B97F4A7C15 + column * 0xC2B2AE3D27D4EB4F
        expect(checksum == xxhash.xxh3_64_digest(payload, seed % 2**64), f"segment {group}, {column}")
        return payload


# Table files


@dataclass(slots=True)
class Table:
    """What a table file holds: versions by group, and what its footer, index and properties say."""

    file_id: int
    key_id: str
    layouts: list[Any]
    groups: list[Any]
    properties: dict[str, Any]
    versions: list[Version]
    encodings: set[tuple[int, int, int]]
    """(type, encoding, compression) of every column segment."""


def read_table(content: bytes, keys: Mapping[str, bytes]) -> Table:
    """Table files."""
    segments = Segments(content, TABLE, keys)
    footer_bytes = 48 + segments.overhead
    footer = Bytes(segments.open(FILE_PARTS, 3, content[-footer_bytes:]))
    magic, version, zero, *lengths = footer.unpack("8sIIQQQQ")
    footer.done()
    expect(magic == b"DCTABLE\n" and version == 1 and zero == 0, "footer")
    expect(HEADER_BYTES + sum(lengths) + footer_bytes == len(content), "lengths in the footer")
    file = Bytes(content)
    file.take(HEADER_BYTES)
    groups_bytes, *part_bytes = lengths
    groups = Bytes(file.take(groups_bytes))
    filter_part, index_part, properties_part = [
        segments.open(FILE_PARTS, column, file.take(length)) for column, length in enumerate(part_bytes)
    ]
    layouts, records = msgpack.unpackb(index_part)
    properties = msgpack.unpackb(properties_part)
    table = Table(segments.file_id, segments.key_id, layouts, records, properties, [], set())
    asks = read_filter(filter_part)
    for number, record in enumerate(records):
        payloads = [segments.open(number, column, groups.take(length)) for column, length in enumerate(record[7])]
        read_group(table, record, layouts[record[6]], payloads)
        expect(all(asks(key) for key, _, _ in table.versions[-record[2] :]), "a key is not in the filter")
    groups.done()
    check_properties(table)
    return table


def read_group(table: Table, record: list[Any], layout: list[Any], payloads: list[bytes]) -> None:
    """The versions of one group, compared with what the index says of it."""
    first, last, count, tombstones, least, greatest, _, _, statistics = record
    columns = layout[1]
    expect(len(payloads) == 3 + len(columns) and len(statistics) == len(columns), "columns of a group")
    keys = read_keys(payloads[0])
    stamps = read_column(payloads[1], INT64, 0, table.encodings)
    operations = read_column(payloads[2], INT64, 0, table.encodings)
    values = [
        read_column(payload, kind, scale, table.encodings)
        for payload, (kind, _, scale, _) in zip(payloads[3:], columns, strict=True)
    ]
    expect(len(keys) == len(stamps) == len(operations) == count, "rows of a group")
    expect((keys[0], keys[-1]) == (first, last) and {key[:6] for key in keys} == {first[:6]}, "keys of a group")
    expect((min(stamps), max(stamps), sum(operations)) == (least, greatest, tombstones), "facts of a group")
    expect(set(operations) <= {0, 1}, "operations")
    for each, (kind, _, scale, _), (minimum, maximum, nulls) in zip(values, columns, statistics, strict=True):
        expect(len(each) == count and each.count(None) == nulls, "values of a column")
        bounds = [plain(value, kind, scale) for value in each if value is not None]
        if bounds and minimum is not None:
            expect(minimum <= min(bounds), "a minimum")
        if bounds and maximum is not None:
            expect(maximum >= max(bounds), "a maximum")
    for at, (key, stamp, operation) in enumerate(zip(keys, stamps, operations, strict=True)):
        row = tuple([each[at] for each in values])
        expect(not operation or not any(value is not None for value in row), "a tombstone with values")
        table.versions.append((key, stamp, None if operation else row))


def plain(value: Any, kind: int, scale: int) -> Any:
    """A value as the minimum and maximum of the index are."""
    return int(value.scaleb(scale)) if kind == DECIMAL64 else value


def check_properties(table: Table) -> None:
    """Properties, and the order of versions."""
    versions = table.versions
    for (key, stamp, _), (following, later, _) in itertools.pairwise(versions):
        expect(key < following or (key == following and stamp > later), "the order of versions")
    stamps = [stamp for _, stamp, _ in versions]
    expect(
        table.properties
        == {
            "file_id": table.file_id,
            "smallest_key": versions[0][0],
            "largest_key": versions[-1][0],
            "min_timestamp": min(stamps),
            "max_timestamp": max(stamps),
            "entries": len(versions),
            "tombstones": sum(row is None for _, _, row in versions),
            "groups": len(table.groups),
        },
        "properties",
    )


def read_filter(payload: bytes) -> Any:
    """Filter: a function that tells whether a key may be here."""
    part = Bytes(payload)
    probes, zero, bits = part.unpack("IIQ")
    field = part.take(bits // 8)
    part.done()
    expect(zero == 0 and bits % 8 == 0, "filter")

    def asks(key: bytes) -> bool:
        found = xxhash.xxh3_64_intdigest(key)
        first, step = found % 2**32, found // 2**32 | 1
        places = [(first + turn * step) % bits for turn in range(probes)]
        return all(field[place // 8] >> place % 8 & 1 for place in places)

    return asks


def read_keys(payload: bytes) -> list[bytes]:
    """Key segments."""
    part = Bytes(payload)
    form, zeros, count, prefix_bytes, width, suffix_bytes = part.unpack("B3sIIII")
    expect(form in (1, 2) and zeros == bytes(3), "key segment")
    prefix = part.take(prefix_bytes)
    if form == 1:
        expect(suffix_bytes == count * width, "bytes of all suffixes")
        keys = [prefix + part.take(width) for _ in range(count)]
    else:
        offsets = part.unpack(f"{count + 1}I")
        expect(width == 0 and offsets[0] == 0 and offsets[-1] == suffix_bytes, "offsets of keys")
        keys = [prefix + part.take(end - start) for start, end in itertools.pairwise(offsets)]
    part.done()
    return keys


def read_column(payload: bytes, kind: int, scale: int, encodings: set[tuple[int, int, int]]) -> list[Any]:
    """Column segments."""
    part = Bytes(payload)
    encoding, compression, nulls, width, count, data_bytes, entries, base = part.unpack("BBBBIIIq")
    encodings.add((kind, encoding, compression))
    expect(encoding in range(1, 7) and compression in (0, 1, 2) and nulls in (0, 1, 2), "head of a column")
    valid = [nulls == 0] * count
    if nulls == 1:
        bitmap = part.take((count + 7) // 8 + -((count + 7) // 8) % 8)
        valid = [bool(bitmap[at // 8] >> at % 8 & 1) for at in range(count)]
        expect(int.from_bytes(bitmap, "little") >> count == 0, "bits behind the bitmap")
    if nulls == 2:
        expect(encoding == 1, "all NULL and not constant")
        part.done()
        return [None] * count
    read = {1: constant, 2: frame, 3: whole, 4: bits, 5: offsets, 6: dictionary}[encoding]
    found = read(part, kind, width, count, base, entries, lambda: data_of(part, compression, data_bytes))
    part.done()
    return [value_of(value, kind, scale) if here else None for value, here in zip(found, valid, strict=True)]


def data_of(part: Bytes, compression: int, data_bytes: int) -> bytes:
    """What a segment calls data, which ends it."""
    data = part.rest()
    if compression == 1:
        data = lz4.block.decompress(data, uncompressed_size=data_bytes)
    elif compression == 2:
        data = zstandard.ZstdDecompressor().decompress(data, max_output_size=data_bytes)
    expect(len(data) == data_bytes, "bytes of the data")
    return data


def value_of(value: Any, kind: int, scale: int) -> Any:
    """A value of a column as rows have it."""
    if kind == DECIMAL64:
        return Decimal("NaN") if value == -(2**63) else Decimal(value).scaleb(-scale)
    if kind == TEXT:
        return value.decode()
    return bool(value) if kind == BOOL else value


def constant(part: Bytes, kind: int, width: int, count: int, base: int, entries: int, data: Any) -> list[Any]:
    """One value for all rows."""
    if kind in (BYTES, TEXT):
        return [data()] * count
    return [struct.unpack("<d", struct.pack("<q", base))[0] if kind == FLOAT64 else base] * count


def frame(part: Bytes, kind: int, width: int, count: int, base: int, entries: int, data: Any) -> list[Any]:
    """Integers above a base."""
    return [base + item for item in part.unpack(f"{count}{ {1: 'B', 2: 'H', 4: 'I'}[width] }")]


def whole(part: Bytes, kind: int, width: int, count: int, base: int, entries: int, data: Any) -> list[Any]:
    """Eight bytes each."""
    expect(width == 8 and base == 0, "plain")
    return list(part.unpack(f"{count}{'d' if kind == FLOAT64 else 'q'}"))


def bits(part: Bytes, kind: int, width: int, count: int, base: int, entries: int, data: Any) -> list[Any]:
    """Booleans."""
    field = part.take((count + 7) // 8)
    return [field[at // 8] >> at % 8 & 1 for at in range(count)]


def offsets(part: Bytes, kind: int, width: int, count: int, base: int, entries: int, data: Any) -> list[Any]:
    """Strings, one behind the other."""
    if width == 0:
        content = data()
        return [content[at * base : (at + 1) * base] for at in range(count)]
    places = part.unpack(f"{count + 1}{ {2: 'H', 4: 'I'}[width] }")
    content = data()
    expect(places[0] == 0 and places[-1] == len(content), "offsets")
    return [content[start:end] for start, end in itertools.pairwise(places)]


def dictionary(part: Bytes, kind: int, width: int, count: int, base: int, entries: int, data: Any) -> list[Any]:
    """Strings by number."""
    places = part.unpack(f"{entries + 1}I")
    known = [part.take(end - start) for start, end in itertools.pairwise(places)]
    expect(known == sorted(known), "the order of a dictionary")
    return [known[code] for code in part.unpack(f"{count}{ {1: 'B', 2: 'H'}[width] }")]


# Write-ahead log and manifest


@dataclass(slots=True)
class Records:
    """The payloads of a log segment or manifest; `previous_bytes` as its opening says, `end` where they end."""

    payloads: list[bytes]
    previous_bytes: int | None
    end: int
    file_id: int


def read_records(content: bytes, kind: int, keys: Mapping[str, bytes]) -> Records:
    """Write-ahead log: the records of a segment, and those of a manifest."""
    segments = Segments(content, kind, keys)
    file = Bytes(content)
    file.take(HEADER_BYTES)
    found = Records([], None, HEADER_BYTES, segments.file_id)
    fragments: list[bytes] = []
    number = 0
    while file.at < len(content) and content[file.at : file.at + 16] != END:
        start = file.at
        marker, part, length, counted = file.unpack("2sHIQ")
        expect(marker == b"\xdc\x1e" and counted == number, "frame of a record")
        body = Bytes(segments.open(number, part, file.take(length)))
        (synced,) = body.unpack("Q")
        expect(synced <= start, "synced")
        payload = body.rest()
        expect((part == 5) == (kind == LOG and segments.version == 2 and number == 0), "opening")
        expect(part == 5 or (part in (1, 2)) == (not fragments), "order of fragments")
        number += 1
        if part == 5:
            (found.previous_bytes,) = struct.unpack("<Q", payload)
        else:
            fragments.append(payload)
        if part in (1, 4):
            found.payloads.append(b"".join(fragments))
            fragments = []
        found.end = file.at
    expect(not fragments, "a payload without its end")
    return found


def entries_of(payload: bytes) -> Iterator[list[Any]]:
    """The entries of one payload."""

    def extension(code: int, data: bytes) -> Decimal:
        expect(code == 1, "extension")
        return Decimal(data.decode())

    unpacker = msgpack.Unpacker(ext_hook=extension, strict_map_key=False)
    unpacker.feed(payload)
    yield from unpacker
    expect(unpacker.tell() == len(payload), "an entry ends too early")


def sum_of_edits(edits: list[dict[int, Any]]) -> dict[int, Any]:
    """Manifest: the state, by field; the files by number, each with its level in front."""
    state: dict[int, Any] = {6: {}, 4: 0, 8: 0}
    for edit in edits:
        expect(set(edit) <= set(range(1, 11)), "a field")
        for number in edit.get(5, ()):
            del state[6][number]
        for file in edit.get(6, ()):
            expect(file[1] not in state[6], "a file on two levels")
            state[6][file[1]] = file if len(file) == 11 else [*file, False]
        for field in (1, 2, 3, 4, 8):
            if field in edit:
                state[field] = max(state.get(field, 0), edit[field])
        for field in (7, 9, 10):
            if field in edit:
                state[field] = edit[field]
    return state


def read_database(contents: Mapping[str, bytes], keys: Mapping[str, bytes]) -> list[Version]:
    """All versions in a directory, by key, newest first."""
    name, checksum = contents["CURRENT"].decode().removesuffix("\n").split(" ")
    expect(checksum == xxhash.xxh3_64_hexdigest(name.encode()), "CURRENT")
    payloads = read_records(contents[name], MANIFEST, keys).payloads
    state = sum_of_edits([msgpack.unpackb(payload, strict_map_key=False) for payload in payloads])
    found: dict[tuple[bytes, int], Row | None] = {}
    batches: dict[int, dict[bytes, Any]] = {}
    for number, payload in log_payloads(contents, state, keys):
        for timestamp, body in entries_of(payload):
            if timestamp < 0 and body is None:
                batches.pop(-timestamp, None)
            elif timestamp < 0:
                batches.setdefault(-timestamp, {}).update(body)
            elif timestamp and isinstance(body, bytes):
                if timestamp > state[8]:
                    for file in msgpack.unpackb(body, strict_map_key=False)[6]:
                        state[6][file[1]] = file
            elif timestamp:
                if isinstance(body, list):
                    batch, count = body
                    body = batches.pop(batch, {})
                    expect(len(body) == count or timestamp <= state[4], f"rows of a batch in segment {number}")
                if timestamp > state[4]:
                    found |= {(key, timestamp): None if row is None else tuple(row) for key, row in body.items()}
    for level, number, smallest, largest, oldest, newest, versions, tombstones, size, key_id, ingested in state[
        6
    ].values():
        content = contents[f"tables/{number:010d}.sst"]
        table = read_table(content, keys)
        facts = table.properties
        expect((table.file_id, len(content), table.key_id) == (number, size, key_id) and level >= 0, "a file's facts")
        expect((facts["smallest_key"], facts["largest_key"]) == (smallest, largest), "a file's keys")
        expect((facts["entries"], facts["tombstones"]) == (versions, tombstones), "a file's counts")
        expect(ingested or (facts["min_timestamp"], facts["max_timestamp"]) == (oldest, newest), "a file's timestamps")
        expect(not ingested or {stamp for _, stamp, _ in table.versions} == {1}, "placeholders")
        found |= {(key, newest if ingested else stamp): row for key, stamp, row in table.versions}
    return [(key, stamp, found[key, stamp]) for key, stamp in sorted(found, key=lambda each: (each[0], -each[1]))]


def log_payloads(
    contents: Mapping[str, bytes], state: Mapping[int, Any], keys: Mapping[str, bytes]
) -> Iterator[tuple[int, bytes]]:
    """Every payload of the log that recovery reads, with its segment."""
    numbers = sorted(int(name[4:14]) for name in contents if name.startswith("wal/") and name.endswith(".log"))
    needed = [number for number in numbers if number >= state[1]]
    expect(needed == list(range(state[1], state[1] + len(needed))), "a gap in the log")
    before: Records | None = None
    for number in needed:
        records = read_records(contents[f"wal/{number:010d}.log"], LOG, keys)
        expect(records.file_id == number, "number of a segment")
        if records.previous_bytes is None and not records.payloads:
            continue  # not begun
        expect(before is None or records.previous_bytes == before.end, "length of the segment before")
        before = records
        for payload in records.payloads:
            yield number, payload
    if before is not None and state[7] != [0, 0]:
        expect(state[7] == [before.file_id, before.end], "the orderly end")
