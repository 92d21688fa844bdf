"""CREATE, ALTER of functions and procedures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, OperatorDefinition, Routine
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.bind.bound_routines import ITSELF, AlterRoutine, CreateCast, CreateOperator, CreateRoutine
from datacave_sql.exec.suspension import suspendable
from datacave_sql.parse import ast
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.parameters import setting_text
from datacave_sql.session.utility.temporary import placed
from datacave_sql.session.warnings import warn

Steps = Iterator[Reply | Wait]


def create_routine(session: Any, bound: CreateRoutine) -> Steps:
    """CREATE [OR REPLACE] FUNCTION, PROCEDURE, AGGREGATE. The old one's owner and privileges stay."""
    yield from ()
    for message in bound.warnings:
        warn(session, message, sqlstate.SYNTAX_ERROR)
    numbers = Numbers(session.catalog_snapshot)
    routine = _with_settings(session, replace(bound.routine, settings=()), bound.settings)
    old = bound.replaces
    if old is not None:
        routine = replace(routine, oid=old.oid, owner_oid=old.owner_oid, privileges=old.privileges)
    else:
        routine = numbers.routine(placed(session, numbers, routine), session.evaluation.current_role.oid)
    session.set_catalog(numbers.catalog.with_objects((routine,)))
    if routine.language == "plpgsql" and session.settings.value("check_function_bodies"):
        session.evaluation.routines.check(routine)
    yield Complete(bound.tag)


def alter_routine(session: Any, bound: AlterRoutine) -> Steps:
    """ALTER FUNCTION, PROCEDURE, ROUTINE with options."""
    yield from ()
    routine = _with_settings(session, bound.routine, bound.settings)
    session.set_catalog(session.catalog_snapshot.with_objects((routine,)))
    yield Complete(bound.tag)


def _with_settings(session: Any, routine: Routine, clauses: Sequence[ast.SetParameter | str | None]) -> Routine:
    """The routine after SET and RESET clauses. Raises 42704, 22023 for what SET would refuse."""
    values = dict(routine.settings)
    for clause in clauses:
        if clause is None:
            values.clear()
        elif isinstance(clause, str):
            values.pop(clause, None)
        elif clause.from_current:
            values[clause.name] = session.settings.get(clause.name)
        else:
            text = setting_text(clause)
            if text is None:
                values.pop(clause.name, None)
                continue
            mark = session.settings.savepoint()
            session.settings.set(clause.name, text, local=True)
            session.settings.rollback_to(mark)
            values[clause.name] = text
    return replace(routine, settings=tuple(values.items()))


def create_operator(session: Any, bound: CreateOperator) -> Steps:
    """CREATE OPERATOR."""
    yield from ()
    for message in bound.warnings:
        warn(session, message, sqlstate.SYNTAX_ERROR)
    numbers = Numbers(session.catalog_snapshot)
    described = placed(session, numbers, bound.definition)
    definition = replace(described, oid=numbers.take(), owner_oid=session.evaluation.current_role.oid)
    if definition.commutator_oid == ITSELF:
        definition = replace(definition, commutator_oid=definition.oid)
    session.set_catalog(numbers.catalog.with_objects((definition, *_told_of(numbers.catalog, definition))))
    yield Complete("CREATE OPERATOR")


def _told_of(catalog: Catalog, made: OperatorDefinition) -> Iterator[OperatorDefinition]:
    """The commutator and the negator of a new operator, which have it for theirs unless they have another."""
    commutator, negator = catalog.operators.get(made.commutator_oid), catalog.operators.get(made.negator_oid)
    if commutator is not None and not commutator.commutator_oid:
        yield replace(commutator, commutator_oid=made.oid)
    if negator is not None and not negator.negator_oid:
        yield replace(negator, negator_oid=made.oid)


def create_cast(session: Any, bound: CreateCast) -> Steps:
    """CREATE CAST."""
    yield from ()
    numbers = Numbers(session.catalog_snapshot)
    definition = replace(bound.definition, oid=numbers.take())
    session.set_catalog(numbers.catalog.with_objects((definition,)))
    yield Complete("CREATE CAST")


def do_block(session: Any, statement: ast.Do) -> Steps:
    """DO. Raises 42704, 0A000 for other languages."""
    session.begin_statement()
    language = (statement.language or "plpgsql").lower()
    if language != "plpgsql":
        if language in ("sql", "c", "internal"):
            raise DatacaveError(
                f'language "{language}" does not support inline code execution',
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            )
        raise DatacaveError(f'language "{language}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    transaction = session.transaction
    mark = transaction.savepoint()
    transaction.statement_snapshot()

    def run() -> Iterator[Reply | Wait]:
        session.evaluation.routines.block(statement.body)
        yield from ()

    try:
        yield from suspendable(run())
    except BaseException:
        if not transaction.ended:
            transaction.cancel_wait()
            transaction.rollback_to(mark)
        raise
    yield Complete("DO")
