"""Newest rows: a table as it stands at this moment, own writes included, whatever the statement's snapshot shows.

For whoever must not miss a row: changes of definitions, which keep all writers out, and checks of foreign keys, which
hold a lock that writers of such rows would need. A commit that is not on disk yet counts: it has already given up its
locks, and the own commit follows it in the log.
"""

from __future__ import annotations

from collections.abc import Iterator

from datacave_core.transaction import Transaction
from datacave_core.values import Row
from datacave_sql.table.access import TableAccess

KeyedRow = tuple[bytes, Row]


def newest_pairs(
    transaction: Transaction, low: bytes, high: bytes | None, *, reverse: bool = False
) -> Iterator[list[KeyedRow]]:
    """Keys and physical rows of a range, in batches."""
    return transaction.scan_newest(low, high, reverse)


def newest_rows(transaction: Transaction, access: TableAccess) -> Iterator[list[KeyedRow]]:
    """All rows of a table with their keys, in batches, as SQL rows."""
    convert = access.rows.from_physical_rows
    for batch in newest_pairs(transaction, *access.table_range):
        if convert is None:
            yield batch
        else:
            yield list(zip([key for key, _ in batch], convert([row for _, row in batch]), strict=True))
