"""DECLARE, FETCH, MOVE, CLOSE.

A cursor's rows are computed by DECLARE and kept until it is closed, so that it shows one moment and can scroll.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.values import Row
from datacave_core.wait import Wait
from datacave_sql.bind.statements import DeclareCursor
from datacave_sql.parse import ast
from datacave_sql.plan.physical import plan_query
from datacave_sql.session.compiled import compiled_query
from datacave_sql.session.portal import Portal
from datacave_sql.session.replies import Complete, Reply, ResultColumn

Steps = Iterator[Reply | Wait]


def declare(session: Any, bound: DeclareCursor, parameters: Sequence[Any]) -> Steps:
    """DECLARE CURSOR. Raises 25P01 outside a block (unless WITH HOLD), 42P03 for a name in use."""
    if not bound.hold and not session.in_block:
        raise DatacaveError(
            "DECLARE CURSOR can only be used in transaction blocks", sqlstate=sqlstate.NO_ACTIVE_SQL_TRANSACTION
        )
    session.begin_statement()
    if bound.name in session.portals:
        raise DatacaveError(f'cursor "{bound.name}" already exists', sqlstate=sqlstate.DUPLICATE_CURSOR)
    state = session.catalog_state
    operator = plan_query(session.database.environment(state), bound.query.plan)
    compiled = compiled_query(state.catalog, bound.query, operator, "", None)
    portal = Portal(
        session,
        bound.name,
        compiled,
        parameters,
        cursor=True,
        holdable=bound.hold,
        scrollable=bound.scroll is not False,
        binary=bound.binary,
        text=bound.text,
        keys=bound.keys,
        locks_rows=not bound.query.read_only,
        created_at=session.evaluation.statement_timestamp,
    )
    session.portals[bound.name] = portal
    # The rows are those of this moment, whatever later statements of the transaction change.
    yield from portal.materialise()
    yield Complete("DECLARE CURSOR")


def _cursor(session: Any, name: str) -> Portal:
    portal: Portal | None = session.portals.get(name) if name else None
    if portal is None:
        raise DatacaveError(f'cursor "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_CURSOR)
    return portal


def fetch_columns(session: Any, statement: ast.FetchCursor) -> tuple[ResultColumn, ...] | None:
    """What FETCH returns; MOVE returns nothing."""
    if statement.move:
        return None
    compiled = _cursor(session, statement.cursor).compiled
    return compiled.columns if compiled is not None else None


def fetch(session: Any, statement: ast.FetchCursor) -> Steps:
    """FETCH and MOVE."""
    portal = _cursor(session, statement.cursor)
    session.begin_statement()
    if _goes_back(statement) and not portal.scrollable:
        raise DatacaveError(
            "cursor can only scan forward",
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            hint="Declare it with SCROLL option to enable backward scan.",
        )
    kept = yield from portal.kept_rows()
    rows = move(portal, kept, statement.direction, statement.count)
    if rows and not statement.move:
        for start in range(0, len(rows), BATCH_ROWS):
            yield portal.shown(rows[start : start + BATCH_ROWS])
    yield Complete(f"{'MOVE' if statement.move else 'FETCH'} {len(rows)}")


def _goes_back(statement: ast.FetchCursor) -> bool:
    direction, count = statement.direction, statement.count
    if direction == "forward":
        return count is not None and count < 0
    if direction == "backward":
        return count is None or count > 0
    return direction == "absolute" or (count is not None and count < 0)


def move(portal: Portal, kept: list[Row], direction: str, count: int | None) -> list[Row]:
    """The rows of a FETCH; moves the cursor, which stands before the first row (0), on a row, or after the last."""
    total = len(kept)
    if direction == "absolute":
        target = count if count is not None else total
        return _land(portal, kept, target if target >= 0 else total + 1 + target)
    if direction == "relative":
        return _land(portal, kept, portal.position + (count or 0))
    if count == 0:
        return _land(portal, kept, portal.position)
    if (direction == "backward") == (count is None or count > 0):
        return _backward(portal, kept, None if count is None else abs(count))
    return _forward(portal, kept, None if count is None else abs(count))


def _forward(portal: Portal, kept: list[Row], count: int | None) -> list[Row]:
    at = portal.position
    rows = kept[at:] if count is None else kept[at : at + count]
    portal.position = at + len(rows) if len(rows) == count else len(kept) + 1
    return rows


def _backward(portal: Portal, kept: list[Row], count: int | None) -> list[Row]:
    at = portal.position
    low = 0 if count is None else max(at - 1 - count, 0)
    rows = kept[low : max(at - 1, 0)][::-1]
    portal.position = at - len(rows) if len(rows) == count else 0
    return rows


def _land(portal: Portal, kept: list[Row], target: int) -> list[Row]:
    portal.position = max(0, min(target, len(kept) + 1))
    return [kept[target - 1]] if 1 <= target <= len(kept) else []


def close(session: Any, statement: ast.CloseCursor) -> Steps:
    """CLOSE name, CLOSE ALL."""
    session.begin_statement()
    if statement.name is None:
        for name in [name for name, portal in session.portals.items() if portal.cursor]:
            session.close_portal(name)
        yield Complete("CLOSE CURSOR ALL")
        return
    _cursor(session, statement.name)
    session.close_portal(statement.name)
    yield Complete("CLOSE CURSOR")
