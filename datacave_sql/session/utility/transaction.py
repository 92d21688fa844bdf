"""BEGIN, COMMIT, ROLLBACK, savepoints, SET TRANSACTION, SET CONSTRAINTS.

These are the statements that also run in a failed block: COMMIT and ROLLBACK end it, ROLLBACK TO heals it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.transaction import Isolation, taken_back, undisturbed
from datacave_core.wait import Wait
from datacave_sql.parse import ast
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.transaction_parameters import ISOLATION_LEVELS
from datacave_sql.session.utility.arguments import past_timestamp
from datacave_sql.session.warnings import warn

Steps = Iterator[Reply | Wait]

_BEGIN = Complete("BEGIN")
_START = Complete("START TRANSACTION")
_COMMIT = Complete("COMMIT")
_ROLLBACK = Complete("ROLLBACK")
_SAVEPOINT = Complete("SAVEPOINT")
_RELEASE = Complete("RELEASE")
_SET = Complete("SET")

NO_TRANSACTION = "there is no transaction in progress"


def begin(session: Any, statement: ast.Begin) -> Steps:
    """BEGIN, START TRANSACTION."""
    if session.in_block:
        warn(session, "there is already a transaction in progress", sqlstate.ACTIVE_SQL_TRANSACTION)
    elif session.transaction is None:
        _start(session, statement.modes)
        session.evaluation.statement_started()
    else:
        _change(session, statement.modes)
    session.in_block = True
    yield _START if statement.start else _BEGIN


def begins_plainly(statement: Any) -> bool:
    """Whether a statement is a BEGIN that leaves everything to the session's defaults."""
    if type(statement) is not ast.Begin or statement.start:
        return False
    modes = statement.modes
    return modes.isolation is None and modes.read_only is None and modes.deferrable is None and modes.as_of is None


def commits_plainly(statement: Any) -> bool:
    """Whether a statement is a COMMIT that begins nothing new."""
    return type(statement) is ast.Commit and not statement.chain


def _start(session: Any, modes: ast.TransactionModes) -> None:
    isolation = ISOLATION_LEVELS[modes.isolation] if modes.isolation is not None else None
    session.begin_transaction(isolation, modes.read_only, modes.deferrable)
    if modes.as_of is not None:
        session.travel(past_timestamp(session, modes.as_of))


def _change(session: Any, modes: ast.TransactionModes) -> None:
    transaction = session.transaction
    isolation = ISOLATION_LEVELS[modes.isolation] if modes.isolation is not None else None
    if session.savepoints and isolation is not None and isolation is not transaction.isolation:
        raise DatacaveError(
            "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction",
            sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION,
        )
    transaction.change(isolation, modes.read_only, modes.deferrable)
    if modes.as_of is not None:
        if transaction.snapshot:
            raise DatacaveError(
                "AS OF SYSTEM TIME must be set before any query", sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION
            )
        session.travel(past_timestamp(session, modes.as_of))


def commit(session: Any, statement: ast.Commit) -> Steps:
    """COMMIT, END. A failed block answers ROLLBACK."""
    if not session.in_block:
        if statement.chain:
            raise _only_in_block("COMMIT AND CHAIN")
        warn(session, NO_TRANSACTION, sqlstate.NO_ACTIVE_SQL_TRANSACTION)
        if session.transaction is not None:
            yield from session.commit()
        yield _COMMIT
        return
    modes = _modes(session) if statement.chain else None
    if session.failed:
        yield from session.rollback_in_steps()
        tag = _ROLLBACK
    else:
        yield from session.commit()
        tag = _COMMIT
    if modes is not None:
        _chain(session, modes)
    yield tag


def rollback(session: Any, statement: ast.Rollback) -> Steps:
    """ROLLBACK, ABORT."""
    if not session.in_block:
        if statement.chain:
            raise _only_in_block("ROLLBACK AND CHAIN")
        warn(session, NO_TRANSACTION, sqlstate.NO_ACTIVE_SQL_TRANSACTION)
        session.rollback()
        yield _ROLLBACK
        return
    modes = _modes(session) if statement.chain else None
    yield from session.rollback_in_steps()
    if modes is not None:
        _chain(session, modes)
    yield _ROLLBACK


def _modes(session: Any) -> tuple[Isolation, bool, bool]:
    transaction = session.transaction
    return transaction.isolation, transaction.read_only, transaction.deferrable


def _chain(session: Any, modes: tuple[Isolation, bool, bool]) -> None:
    session.begin_transaction(*modes)
    session.in_block = True


def savepoint(session: Any, statement: ast.Savepoint) -> Steps:
    """SAVEPOINT."""
    if not session.in_block:
        raise _only_in_block("SAVEPOINT")
    mark = session.transaction.savepoint()
    kept = (session.savepoint_state(), frozenset(session.portals), session.transaction.read_only)
    session.savepoints.append((statement.name, mark, kept))
    yield _SAVEPOINT


def _find(session: Any, name: str) -> int:
    savepoints = session.savepoints
    for at in range(len(savepoints) - 1, -1, -1):
        if savepoints[at][0] == name:
            return at
    raise DatacaveError(f'savepoint "{name}" does not exist', sqlstate=sqlstate.S_E_INVALID_SPECIFICATION)


def release(session: Any, statement: ast.ReleaseSavepoint) -> Steps:
    """RELEASE SAVEPOINT."""
    if not session.in_block:
        raise _only_in_block("RELEASE SAVEPOINT")
    at = _find(session, statement.name)
    _, mark, (_, _, read_only) = session.savepoints[at]
    session.transaction.release(mark)
    # What was made read only inside the savepoint was so for that part alone.
    session.transaction.read_only = read_only
    del session.savepoints[at:]
    yield _RELEASE


def rollback_to(session: Any, statement: ast.RollbackTo) -> Steps:
    """ROLLBACK TO SAVEPOINT; the savepoint stays. Cursors that were opened since are closed."""
    if not session.in_block:
        raise _only_in_block("ROLLBACK TO SAVEPOINT")
    at = _find(session, statement.name)
    _, mark, (state, portals, read_only) = session.savepoints[at]
    for name in [name for name, portal in session.portals.items() if portal.cursor and name not in portals]:
        session.close_portal(name)
    yield from undisturbed(taken_back(session.transaction, mark))
    session.transaction.read_only = read_only
    session.restore_savepoint_state(state)
    del session.savepoints[at + 1 :]
    session.failed = False
    yield _ROLLBACK


def set_transaction(session: Any, statement: ast.SetTransaction) -> Steps:
    """SET TRANSACTION, SET SESSION CHARACTERISTICS AS TRANSACTION."""
    modes = statement.modes
    if statement.snapshot is not None and session.in_block:
        session.database.exported_snapshots.take_over(session, statement.snapshot)
        yield _SET
        return
    if statement.session:
        session.begin_statement()
        settings = session.settings
        if modes.isolation is not None:
            settings.set("default_transaction_isolation", modes.isolation)
        if modes.read_only is not None:
            settings.set("default_transaction_read_only", "on" if modes.read_only else "off")
        if modes.deferrable is not None:
            settings.set("default_transaction_deferrable", "on" if modes.deferrable else "off")
        yield _SET
        return
    if not session.in_block:
        warn(session, "SET TRANSACTION can only be used in transaction blocks", sqlstate.NO_ACTIVE_SQL_TRANSACTION)
        yield _SET
        return
    _change(session, modes)
    yield _SET


def set_constraints(session: Any, statement: ast.SetConstraints) -> Steps:
    """SET CONSTRAINTS: IMMEDIATE runs the checks that are waiting; DEFERRED matters to later statements."""
    if not (session.in_block or session.in_function):
        warn(session, "SET CONSTRAINTS can only be used in transaction blocks", sqlstate.NO_ACTIVE_SQL_TRANSACTION)
        yield Complete("SET CONSTRAINTS")
        return
    modes = session.evaluation.constraint_modes
    named = {oid for name in statement.names for oid in _constraint_oids(session, name, statement.deferred)}
    named |= _parts(session, named)
    if not named:
        modes.clear()
    for oid in named or (0,):
        modes[oid] = statement.deferred
    if not statement.deferred:
        yield from _run_deferred(session.transaction, named)
    yield Complete("SET CONSTRAINTS")


def _parts(session: Any, named: set[int]) -> set[int]:
    """The constraints of partitions that are parts of these."""
    found: set[int] = set()
    wanted = named
    while wanted:
        wanted = {
            one.oid
            for table in session.catalog_snapshot.tables.values()
            for one in table.constraints
            if one.parent_oid in wanted
        }
        found |= wanted
    return found


def _constraint_oids(session: Any, name: Sequence[str], deferred: bool) -> list[int]:
    """The constraints of a name in the first schema that has one. Raises 42704, 42809."""
    catalog = session.catalog_snapshot
    evaluation = session.evaluation
    own = evaluation.own_temporary_schema
    schemas = name[-2:-1] or (*((own,) if own is not None else ()), *evaluation.search_path)
    for schema in schemas:
        found = [
            one
            for table in catalog.tables.values()
            if catalog.schemas[table.schema_oid].name == schema
            for one in (*table.constraints, *(trigger for trigger in table.triggers if trigger.constraint))
            if one.name == name[-1]
        ]
        if found:
            fit = [one.oid for one in found if one.deferrable]
            if deferred and len(fit) < len(found):
                raise DatacaveError(f'constraint "{name[-1]}" is not deferrable', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
            return fit
    raise DatacaveError(f'constraint "{".".join(name)}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)


def _run_deferred(transaction: Any, named: set[int]) -> Iterator[Wait]:
    """Runs the waiting checks of some constraints, or of all."""
    if not named:
        yield from transaction.run_deferred_checks()
        return
    hooks = transaction.before_commit
    for hook in [hook for hook in hooks if getattr(hook, "constraint_oid", 0) in named]:
        yield from hook()
        hooks.remove(hook)


def _only_in_block(command: str) -> DatacaveError:
    return DatacaveError(
        f"{command} can only be used in transaction blocks", sqlstate=sqlstate.NO_ACTIVE_SQL_TRANSACTION
    )
