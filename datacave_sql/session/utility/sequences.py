"""CREATE SEQUENCE, ALTER SEQUENCE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core.catalog import Sequence
from datacave_core.wait import Wait
from datacave_sql.bind.statements import AlterSequence, CreateSequence
from datacave_sql.session.prepared_definitions import SequenceRestart
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.temporary import in_temporary_schema

Steps = Iterator[Reply | Wait]


def create_sequence(session: Any, bound: CreateSequence) -> Steps:
    """CREATE SEQUENCE."""
    numbers = Numbers(session.catalog_snapshot)
    described = in_temporary_schema(session, numbers, bound.sequence)
    sequence = numbers.sequence(described, session.evaluation.current_role.oid)
    session.set_catalog(numbers.catalog.with_objects((sequence,)))
    yield Complete("CREATE SEQUENCE")


def alter_sequence(session: Any, bound: AlterSequence) -> Steps:
    """ALTER SEQUENCE; a restart takes effect when the transaction commits."""
    yield from ()
    sequence = bound.sequence
    session.set_catalog(session.catalog_snapshot.with_objects((sequence,)))
    if bound.restart is not None:
        restart(session, sequence, bound.restart)
    yield Complete("ALTER SEQUENCE")


def restart(session: Any, sequence: Sequence, value: int) -> None:
    """Makes nextval give a value next, once the transaction has committed; the value is one of its writes, too, so that
    it is as durable."""
    session.transaction.put_all(session.database.sequences.restarted(sequence, value))
    session.after_commit(SequenceRestart(session.database, sequence, value))
