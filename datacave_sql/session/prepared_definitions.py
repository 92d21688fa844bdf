"""Prepared definitions: what prepared transactions are going to change in the catalog, also after a restart.

While one is prepared, the committed catalog knows nothing of it: its locks keep others away from what it changes, its
oids and storage ids stay taken, and what lies under them is nobody's garbage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from datacave_core.catalog import CATALOG_KEY, Catalog, Sequence, Table, catalog_with_writes, cluster_record, defines
from datacave_core.catalog import sequence_value_key as value_key
from datacave_core.keycode import table_prefix
from datacave_core.transaction import PreparedTransaction
from datacave_core.wait import Steps, wait_for


@dataclass(frozen=True, slots=True)
class SequenceRestart:
    """Makes nextval give a value next; done once the transaction has committed."""

    database: Any
    sequence: Sequence
    value: int

    def __call__(self) -> None:
        self.database.sequences.set_value(self.sequence, self.value, False)


def restarts_in(work: Iterable[Callable[[], None]]) -> list[tuple[int, int]]:
    """The restarts of sequences among what is to be done after a commit, by oid."""
    return [(one.sequence.oid, one.value) for one in work if isinstance(one, SequenceRestart)]


def changes_definitions(prepared: PreparedTransaction) -> bool:
    """Whether the catalog is another one after its commit."""
    return any(map(defines, prepared.writes))


def changed_catalog(database: Any, prepared: PreparedTransaction) -> Catalog:
    """The catalog of its database as it is once it is committed."""
    return catalog_with_writes(database.homes[prepared.database_oid].catalog, prepared.writes)


def _changed_tables(before: Catalog, after: Catalog) -> list[Table]:
    return [table for oid, table in after.tables.items() if before.tables.get(oid) is not table]


def adopt_all(database: Any) -> None:
    """Called when the database opens: what was prepared before keeps its oids and the layouts of its rows."""
    for prepared in database.transactions.prepared.values():
        if changes_definitions(prepared):
            after = changed_catalog(database, prepared)
            database.keep_taken(after.next_oid)
            database.register_layouts(_changed_tables(database.homes[prepared.database_oid].catalog, after), after)


def prepared_prefixes(database: Any) -> Iterator[bytes]:
    """The key prefixes of tables and indexes as they are once what is prepared is committed."""
    for prepared in database.transactions.prepared.values():
        if changes_definitions(prepared):
            after = changed_catalog(database, prepared)
            for table in _changed_tables(database.homes[prepared.database_oid].catalog, after):
                yield table_prefix(table.storage_id, 0)
                for index in table.indexes:
                    yield table_prefix(table.storage_id, index.index_number)


def finish(session: Any, prepared: PreparedTransaction, *, commit: bool) -> Steps[None]:
    """COMMIT PREPARED and ROLLBACK PREPARED. Whatever becomes of the session meanwhile, it has ended then."""
    database = session.database
    manager = database.transactions
    if not changes_definitions(prepared):
        done = manager.finish_prepared(prepared, commit=commit)
        manager.release_prepared(prepared)
        _clean_up(database, prepared, commit)
        session.owner.last_commit_timestamp = done.timestamp
        yield from wait_for(done.durable)
        return
    home = database.homes[prepared.database_oid]
    before = home.catalog
    after = changed_catalog(database, prepared)
    done = manager.finish_prepared(prepared, commit=commit, instead={CATALOG_KEY: cluster_record(after)})
    session.owner.last_commit_timestamp = done.timestamp
    try:
        # Nobody plans with definitions before their rows are there for everybody to see.
        yield from wait_for(done.durable)
    finally:
        manager.release_prepared(prepared)
        if commit:
            # Others may have committed theirs meanwhile.
            before = home.catalog
            after = changed_catalog(database, prepared)
            database.install_catalog(home, after)
        elif prepared.after_rollback is None:
            changed = [before.tables[one.oid] for one in _changed_tables(before, after) if one.oid in before.tables]
            database.register_layouts(changed, before)
        _clean_up(database, prepared, commit)
        if prepared.after_commit is None:
            _forget(database, before if commit else after, after if commit else before)


def _clean_up(database: Any, prepared: PreparedTransaction, commit: bool) -> None:
    """What the session that prepared it left to do; after a restart, what can be known of it."""
    work = prepared.after_commit if commit else prepared.after_rollback
    if work is not None:
        for one in work:
            one()
    elif commit:
        sequences = database.homes[prepared.database_oid].catalog.sequences
        for oid, value in prepared.restarts:
            if oid in sequences:
                SequenceRestart(database, sequences[oid], value)()


def _forget(database: Any, before: Catalog, after: Catalog) -> None:
    """Gives up what lies under storage ids, indexes and sequences of one catalog and of no other."""
    database.reclaimer.find_orphans()
    database.reclaimer.start()
    gone = before.sequences.keys() - after.sequences.keys()
    for oid, sequence in before.sequences.items():
        if after.sequences.get(oid) is not sequence:
            database.sequences.forget(oid)
    if gone:
        database.transactions.write_now({value_key(oid): None for oid in gone}, wait_durable=False)
