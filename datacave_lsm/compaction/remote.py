"""Remote merges: a merge as bytes, so that a process of its own can do it on the same directory.

    engine -- request --> MergeWorker -- perform_merge in another process --> answer --> engine installs the files

Table files never change, so that all a worker needs is their names, the retention and unused file numbers. The numbers
are in the manifest before the request leaves: a worker that outlives its engine can never write over files of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol, TypeVar

import msgpack

from datacave_core.compression import Compression, TableCompression
from datacave_core.errors import DataCorrupted
from datacave_core.layout import RAW_LAYOUT, Layout
from datacave_core.ports import FileSystem, Randomness
from datacave_lsm.compaction.merge import merge_tables
from datacave_lsm.compressions import compression_records, compressions_of
from datacave_lsm.crypto import KeyRing
from datacave_lsm.format import Seals
from datacave_lsm.inline import InlineScheduler, run_inline
from datacave_lsm.options import EngineOptions
from datacave_lsm.retention import Retentions
from datacave_lsm.table import Group, SegmentCache, TableReader
from datacave_lsm.tablebuild import TableFactory
from datacave_lsm.version import TableFile
from datacave_lsm.version.levels import table_name
from datacave_lsm.wal import EntryDecoder, EntryEncoder, layouts_entry, layouts_of

T = TypeVar("T")

_DONE, _CORRUPTED, _SYSTEM = "done", "corrupted", "system"


class MergeWorker(Protocol):
    """Runs `perform_merge` elsewhere."""

    def submit(self, request: bytes, done: Callable[[bytes | None, BaseException | None], None]) -> Callable[[], None]:
        """Calls `done(answer, error)` once on the engine's thread; returns what ends the merge early, with an error."""


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """The inputs, newest first, each as file number and commit timestamp, and everything the merge depends on."""

    inputs: Sequence[Sequence[tuple[int, int]]]
    bottom: bool
    retentions: Retentions
    first_number: int
    number_count: int
    layouts: Mapping[bytes, Layout]
    table_bytes_max: int
    group_rows_max: int
    compression: int
    bytes_per_second_max: int = 0
    chosen: Mapping[bytes, TableCompression] = field(default_factory=dict)

    def encode(self) -> bytes:
        """For `perform_merge`."""
        return bytes(
            msgpack.packb(
                (
                    self.inputs,
                    self.bottom,
                    self.retentions.fields(),
                    self.first_number,
                    self.number_count,
                    EntryEncoder().encode(layouts_entry(self.layouts)),
                    self.table_bytes_max,
                    self.group_rows_max,
                    self.compression,
                    self.bytes_per_second_max,
                    compression_records(self.chosen.items()),
                )
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> MergeRequest:
        """The inverse of encode."""
        fields: list[Any] = list(msgpack.unpackb(data, use_list=False))
        (entry,) = EntryDecoder().decode(fields[5])
        fields[5] = layouts_of(entry)
        fields[2] = Retentions.from_fields(*fields[2])
        fields[10] = dict(compressions_of(fields[10]))
        return cls(*fields)


def perform_merge(
    files: FileSystem,
    randomness: Randomness,
    key_ring: KeyRing | None,
    request: bytes,
    sleep: Callable[[float], None] | None = None,
) -> bytes:
    """Does a merge from end to end and returns the answer for `merge_answer`; for the worker's process.

    `sleep(seconds)` lets time pass when the request has a limit.
    """
    asked = MergeRequest.decode(request)
    seals = Seals(key_ring, randomness if key_ring is not None else None)
    options = EngineOptions(group_rows_max=asked.group_rows_max)
    numbers = count(asked.first_number)

    def next_number() -> int:
        number = next(numbers)
        if number >= asked.first_number + asked.number_count:
            raise RuntimeError("a merge needs more files than it was given numbers for")
        return number

    def layout_of(prefix: bytes) -> Layout:
        return asked.layouts.get(prefix, RAW_LAYOUT)

    factory = TableFactory(
        files,
        InlineScheduler(sleep),
        seals,
        layout_of,
        next_number,
        options,
        Compression(asked.compression),
        asked.chosen,
    )
    cache: SegmentCache[Group] = SegmentCache(0)
    opened: list[TableReader] = []
    try:
        inputs = []
        for part in asked.inputs:
            readers = [
                TableReader.open(files, table_name(each), seals, cache, file_id=each, commit_timestamp=timestamp)
                for each, timestamp in part
            ]
            opened += readers
            inputs.append(readers)
        outputs = run_inline(
            merge_tables(
                inputs,
                asked.bottom,
                asked.retentions,
                factory,
                asked.layouts.get,
                asked.table_bytes_max,
                1 << 62,
                asked.bytes_per_second_max,
            )
        )
        return bytes(msgpack.packb((_DONE, [file.fields() for file in outputs])))
    except DataCorrupted as error:
        return bytes(msgpack.packb((_CORRUPTED, error.message)))
    except OSError as error:
        return bytes(msgpack.packb((_SYSTEM, error.errno or 0, str(error))))
    finally:
        for reader in opened:
            reader.close()


def merge_answer(answer: bytes) -> list[TableFile]:
    """The output files in an answer of `perform_merge`; raises DataCorrupted or OSError if that is the answer."""
    kind, *fields = msgpack.unpackb(answer, use_list=False)
    if kind == _DONE:
        return [TableFile(*each) for each in fields[0]]
    if kind == _CORRUPTED:
        raise DataCorrupted(fields[0])
    raise OSError(*fields)
