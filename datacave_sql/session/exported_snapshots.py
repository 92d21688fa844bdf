"""ExportedSnapshots: snapshots that transactions show to others, for pg_dump's parallel workers.

A snapshot can be taken over as long as the transaction that exported it goes on: its versions are kept until then.
"""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.transaction import Isolation, Transaction


class ExportedSnapshots:
    """The exported snapshots of a server, by identifier."""

    __slots__ = ("_exporters",)

    def __init__(self) -> None:
        self._exporters: dict[str, tuple[Transaction, int, int]] = {}

    def export(self, session: Any) -> str:
        """pg_export_snapshot: the identifier of the transaction's snapshot. Raises 25001 in a subtransaction."""
        if session.savepoints:
            raise DatacaveError(
                "cannot export a snapshot from a subtransaction", sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION
            )
        self._forget_ended()
        transaction: Transaction = session.transaction
        transaction.keep_snapshot()
        number = sum(1 for exporter, _, _ in self._exporters.values() if exporter is transaction) + 1
        identifier = f"{session.process_id:08X}-{transaction.snapshot:016X}-{number}"
        self._exporters[identifier] = (transaction, transaction.snapshot, session.evaluation.database_oid)
        return identifier

    def exported_by(self, transaction: Transaction) -> bool:
        """Whether a transaction has exported a snapshot."""
        return any(exporter is transaction for exporter, _, _ in self._exporters.values())

    def take_over(self, session: Any, identifier: str) -> None:
        """SET TRANSACTION SNAPSHOT. Raises 25001 when it comes too late, 0A000, 22023 for an unknown identifier."""
        transaction: Transaction = session.transaction
        if transaction.snapshot:
            raise DatacaveError(
                "SET TRANSACTION SNAPSHOT must be called before any query", sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION
            )
        if transaction.isolation is Isolation.READ_COMMITTED:
            raise FeatureNotSupported(
                "a snapshot-importing transaction must have isolation level SERIALIZABLE or REPEATABLE READ"
            )
        self._forget_ended()
        found = self._exporters.get(identifier)
        if found is None:
            raise DatacaveError(
                f'invalid snapshot identifier: "{identifier}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE
            )
        exporter, snapshot, database_oid = found
        if transaction.isolation is Isolation.SERIALIZABLE and exporter.isolation is not Isolation.SERIALIZABLE:
            raise FeatureNotSupported(
                "a serializable transaction cannot import a snapshot from a non-serializable transaction"
            )
        if database_oid != session.evaluation.database_oid:
            raise FeatureNotSupported("cannot import a snapshot from a different database")
        transaction.read_at(snapshot)

    def _forget_ended(self) -> None:
        self._exporters = {name: found for name, found in self._exporters.items() if not found[0].ended}
