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
from datacave_core.wait import Steps as Waits
from datacave_core.wait import Wait
from datacave_sql.bind.statements import DeclareCursor
from datacave_sql.exec.row_store import RowStore
from datacave_sql.parse import ast
from datacave_sql.plan.physical import plan_query
from datacave_sql.session.compiled import compiled_query
from datacave_sql.session.portal import Portal
from datacave_sql.session.replies import Complete, Reply, ResultColumn

Steps = Iterator[Reply | Wait]


def declare(session: Any, bound: DeclareCursor, parameters: Sequence[Any]) -> Steps:
    """DECLARE CURSOR. Raises 25P01 outside a block (unless WITH HOLD), 42P03 for a name in use."""
    if not bound.hold and not (session.in_block or session.in_function):
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
        scrollable=bound.scroll,
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
    kept = yield from portal.kept_rows()
    check_direction(portal, len(kept), statement.direction, statement.count, moves=statement.move)
    low, high, backward = _span(portal.position, len(kept), statement.direction, statement.count)
    rows = max(high - low, 0)
    position = _landing(portal.position, len(kept), statement.direction, statement.count, rows)
    if rows and not statement.move:
        yield from _shown(portal, kept, low, high, backward)
    yield from portal.move_to(position)
    yield Complete(f"{'MOVE' if statement.move else 'FETCH'} {rows}")


def move(portal: Portal, direction: str, count: int | None, *, fetches: bool) -> Waits[tuple[int, Row | None]]:
    """Moves the cursor as a FETCH does: how many rows that are, and the first of them. Raises 55000."""
    kept = yield from portal.kept_rows()
    check_direction(portal, len(kept), direction, count, moves=not fetches)
    low, high, backward = _span(portal.position, len(kept), direction, count)
    rows = max(high - low, 0)
    position = _landing(portal.position, len(kept), direction, count, rows)
    first = (yield from kept.row(high - 1 if backward else low)) if rows else None
    yield from portal.move_to(position)
    return rows, first


def _shown(portal: Portal, kept: RowStore, low: int, high: int, backward: bool) -> Steps:
    """The rows low .. high as clients get them."""
    if not backward:
        for part in kept.part(low, high):
            yield part if isinstance(part, Wait) else portal.shown(part)
        return
    while high > low:
        start = max(low, high - BATCH_ROWS)
        rows: list[Row] = []
        for part in kept.part(start, high):
            if isinstance(part, Wait):
                yield part
            else:
                rows += part
        yield portal.shown(rows[::-1])
        high = start


def check_direction(portal: Portal, total: int, direction: str, count: int | None, *, moves: bool) -> None:
    """Raises 55000 for a FETCH, or a MOVE, that a cursor which does not scroll would have to go back for."""
    if not portal.scrollable and _goes_back(portal.position, total, direction, count, moves):
        raise DatacaveError(
            "cursor can only scan forward",
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            hint="Declare it with SCROLL option to enable backward scan.",
        )


def _goes_back(at: int, total: int, direction: str, count: int | None, moves: bool) -> bool:
    passed = min(at, total)
    if direction == "absolute" and count is not None and count >= 0:
        # Far back is reached from the start; the rest is rows forward, or the row before the next one.
        if count - 1 <= passed // 2:
            return at > 0
        return count <= passed + (at > total)
    if direction == "absolute":
        return True
    if count == 0:
        return not moves and 1 <= at <= total
    return _is_backward(direction, count)


def _span(at: int, total: int, direction: str, count: int | None) -> tuple[int, int, bool]:
    """The rows of a FETCH from position `at`: (first, behind the last, whether they come backward)."""
    target = _target(at, total, direction, count)
    if target is not None:
        return (target - 1, target, False) if 1 <= target <= total else (0, 0, False)
    if _is_backward(direction, count):
        return (0 if count is None else max(at - 1 - abs(count), 0)), max(at - 1, 0), True
    start = min(at, total)
    return start, (total if count is None else min(start + abs(count), total)), False


def _landing(at: int, total: int, direction: str, count: int | None, rows: int) -> int:
    """Where the cursor stands then: before the first row (0), on a row, or after the last."""
    target = _target(at, total, direction, count)
    if target is not None:
        return max(0, min(target, total + 1))
    if _is_backward(direction, count):
        return at - rows if count is not None and rows == abs(count) else 0
    return at + rows if count is not None and rows == abs(count) else total + 1


def _target(at: int, total: int, direction: str, count: int | None) -> int | None:
    """The one row that is asked for; None where it is a number of rows."""
    if direction == "absolute":
        target = count if count is not None else total
        return target if target >= 0 else total + 1 + target
    if direction == "relative":
        return at + (count or 0)
    return at if count == 0 else None


def _is_backward(direction: str, count: int | None) -> bool:
    return (direction == "backward") == (count is None or count > 0)


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
