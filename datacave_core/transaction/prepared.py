"""Prepared transactions: the first phase of a two-phase commit, kept in the store until the second.

A prepared transaction has passed every check and can only be committed or rolled back, by whoever names it, also after
a restart. It lies in the store as one row with its writes and locks, and holds the locks through an owner of its own.
A SERIALIZABLE one keeps its reads too, and cannot be made to fail any more: others do, if need be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgpack

from datacave_core.errors import DataCorrupted
from datacave_core.keycode import prefix_end, table_prefix
from datacave_core.packing import pack_value, unpack_value
from datacave_core.ports import Store
from datacave_core.transaction.lock_table import LockOwner
from datacave_core.transaction.serial import SerialTransaction
from datacave_core.transaction.write_set import WriteSet
from datacave_core.values import Row

PREPARED_TABLE_ID = 23
_PREFIX = table_prefix(PREPARED_TABLE_ID)
_FORMAT = 3


@dataclass(slots=True)
class PreparedTransaction:
    """One prepared transaction. `prepared_at` is in microseconds since 1970, `role_oid` who prepared it.

    `row_locks` are keys with their modes, `table_locks` oids with theirs, `advisory_locks` keys with theirs.
    """

    gid: str
    number: int
    prepared_at: int
    role_oid: int
    database_oid: int
    serial: SerialTransaction | None
    writes: dict[bytes, Row | None]
    row_locks: list[tuple[bytes, int]]
    table_locks: list[tuple[int, int]]
    advisory_locks: list[tuple[bytes, int]]
    moved: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Old and new keys of rows that get another key."""
    restarts: list[tuple[int, int]] = field(default_factory=list)
    """Sequences by oid, and the values that they give next once it is committed."""
    owner: LockOwner = field(default_factory=LockOwner)
    busy: bool = False
    """Whether a session is about to commit it or to roll it back."""
    after_commit: list[Callable[[], None]] | None = None
    after_rollback: list[Callable[[], None]] | None = None
    """What is left to do when it ends; None: it was prepared before a restart, and nobody knows."""

    @property
    def key(self) -> bytes:
        """Where it lies in the store."""
        return _PREFIX + self.gid.encode()

    def record(self) -> Row:
        """Its row in the store."""
        writes = [[key, None if row is None else pack_value(row)] for key, row in self.writes.items()]
        serial = self.serial
        reads = None if serial is None else [list(serial.keys), serial.ranges]
        facts = [self.number, self.prepared_at, self.role_oid, self.database_oid]
        locks = [self.row_locks, self.table_locks, self.advisory_locks]
        return (msgpack.packb([_FORMAT, facts, writes, *locks, reads, self.moved, self.restarts]),)


def prepared_in(store: Store) -> Iterator[PreparedTransaction]:
    """All prepared transactions in the store. Raises DataCorrupted for records of a format of the future."""
    for batch in store.scan(_PREFIX, prefix_end(_PREFIX), store.newest_timestamp):
        for key, row in batch:
            known, facts, writes, rows, tables, advisory, *more = msgpack.unpackb(row[0], use_list=False)
            if known not in (1, 2, _FORMAT):
                raise DataCorrupted(
                    f"prepared transaction of format {known}; this version reads format {_FORMAT}",
                    hint="The data was written by a newer version.",
                )
            number, prepared_at, role_oid, database_oid = facts[:4]
            # Format 1 has not kept the reads, format 2 not the moves.
            reads = more[0] if more else ([], [[b"", None]]) if facts[4] else None
            found = {key: None if packed is None else unpack_value(packed) for key, packed in writes}
            gid = key[len(_PREFIX) :].decode()
            yield PreparedTransaction(
                gid,
                number,
                prepared_at,
                role_oid,
                database_oid,
                None if reads is None else _restored(reads, found, store.newest_timestamp),
                found,
                list(rows),
                list(tables),
                list(advisory),
                list(more[1]) if len(more) > 1 else [],
                list(more[2]) if len(more) > 2 else [],
            )


def _restored(reads: tuple[Any, Any], writes: dict[bytes, Row | None], timestamp: int) -> SerialTransaction:
    serial = SerialTransaction(timestamp, False, 0)
    keys, ranges = reads
    serial.keys = set(keys)
    serial.ranges = [list(one) for one in ranges]
    serial.writes = WriteSet()
    serial.writes.put_all(writes)
    serial.prepared, serial.prepared_timestamp = True, timestamp
    return serial
