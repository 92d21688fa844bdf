"""Queries: SQL statements, INTO, EXECUTE, PERFORM, CALL, loops over rows, RETURN QUERY."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.values import Row
from datacave_sql.plpgsql import syntax as x
from datacave_sql.plpgsql.compiler import Compiler, Run, Signal
from datacave_sql.plpgsql.control import each, rounds
from datacave_sql.plpgsql.dynamic import Dynamic, Outcome, noted, run_utility
from datacave_sql.plpgsql.expressions import Query
from datacave_sql.plpgsql.extra_checks import (
    Parameters,
    check_single,
    check_width,
    parameter_detail,
    prints_parameters,
    too_many_rows,
    variables_of,
)
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.targets import Targets
from datacave_sql.plpgsql.variables import Level

Start = Callable[[Frame], tuple[str, Outcome]]


def static(query: Query) -> Start:
    """Begins a statement that stands in the body."""
    text = query.text

    def start(frame: Frame) -> tuple[str, Outcome]:
        try:
            if not query.is_query:
                return text, run_utility(frame, text, query.parsed())
            compiled = query.prepared(frame)
            inner = query.start(frame)
        except DatacaveError as error:
            raise noted(error, text) from None
        rows = (row for batch in inner.batches() for row in batch)
        return text, Outcome(rows, query.shape, inner, compiled.kind, compiled.returns_rows)

    return start


def _taken(outcome: Outcome, text: str, count: int | None) -> list[Row]:
    """The first rows (None: all); the errors name the statement."""
    try:
        if count is None:
            return list(outcome.rows)
        rows = list(islice(outcome.rows, count))
        outcome.rows.close()  # type: ignore[attr-defined]
        return rows
    except DatacaveError as error:
        raise noted(error, text) from None


def _exhausted(outcome: Outcome, text: str) -> int:
    """Runs a statement to its end; how many rows it has given."""
    try:
        return sum(1 for _ in outcome.rows)
    except DatacaveError as error:
        raise noted(error, text) from None


def _into(
    c: Compiler, start: Start, targets: Targets, strict: bool, parameters: Parameters, *, sets_found: bool
) -> Run:
    found = c.found.number
    names = c.names

    def detail(frame: Frame) -> str | None:
        return parameter_detail(frame, parameters(frame)) if prints_parameters(names, frame) else None

    def run(frame: Frame) -> None:
        text, outcome = start(frame)
        if not outcome.returns_rows:
            raise DatacaveError("INTO used with a command that cannot return data", sqlstate=sqlstate.SYNTAX_ERROR)
        writes = outcome.kind not in ("select", "utility")
        rows = _taken(outcome, text, None if writes else 2) if outcome.kind != "utility" else list(outcome.rows)
        if not rows and strict:
            raise DatacaveError("query returned no rows", sqlstate=sqlstate.NO_DATA_FOUND, detail=detail(frame))
        if len(rows) > 1:
            if strict or writes:
                raise too_many_rows(detail(frame), hinted=sets_found)
            check_single(frame)
        if rows and outcome.shape is not None:
            check_width(frame, len(outcome.shape.attributes), targets.width)
        targets.store(frame, rows[0] if rows else None, outcome)
        frame.row_count = min(len(rows), 1)
        if sets_found:
            frame.values[found] = bool(rows)

    return run


def compile_sql(c: Compiler, level: Level, s: x.SqlStatement) -> Run:
    """A statement of SQL, with INTO or without."""
    if s.into is not None:
        targets = Targets(level, c.types, s.into.targets)
        strict = s.into.strict
        into = c.query(level, s.sql, targets.wanted)
        return _into(c, static(into), targets, strict, variables_of(level, into), sets_found=True)
    query = c.query(level, s.sql)
    start = static(query)
    found = c.found.number

    def run(frame: Frame) -> None:
        text, outcome = start(frame)
        if outcome.kind == "utility":
            frame.row_count = 0
            return
        if outcome.kind == "select" or outcome.returns_rows:
            raise DatacaveError(
                "query has no destination for result data",
                sqlstate=sqlstate.SYNTAX_ERROR,
                hint="If you want to discard the results of a SELECT, use PERFORM instead."
                if outcome.kind == "select"
                else None,
            )
        _exhausted(outcome, text)
        frame.row_count = outcome.rows_changed
        frame.values[found] = outcome.rows_changed > 0

    return run


def compile_perform(c: Compiler, level: Level, s: x.Perform) -> Run:
    """PERFORM: a query without its rows."""
    start = static(c.query(level, s.query))
    found = c.found.number

    def run(frame: Frame) -> None:
        text, outcome = start(frame)
        count = _exhausted(outcome, text)
        frame.row_count = count
        frame.values[found] = count > 0

    return run


def _dynamic(
    c: Compiler, level: Level, text: x.Sql, using: tuple[x.Sql, ...], wanted: Any = None, *, exact: bool = False
) -> Dynamic:
    expressions = [c.expression(level, one) for one in using]
    return Dynamic(c.expression(level, text), expressions, wanted, exact)


def compile_execute(c: Compiler, level: Level, s: x.Execute) -> Run:
    """EXECUTE"""
    if s.into is not None:
        targets = Targets(level, c.types, s.into.targets)
        dynamic = _dynamic(c, level, s.query, s.using, targets.wanted)
        return _into(c, dynamic.start, targets, s.into.strict, dynamic.parameters, sets_found=False)
    dynamic = _dynamic(c, level, s.query, s.using)

    def run(frame: Frame) -> None:
        text, outcome = dynamic.start(frame)
        count = _exhausted(outcome, text)
        frame.row_count = outcome.rows_changed if outcome.kind not in ("select", "utility") else count

    return run


def compile_for_query(c: Compiler, level: Level, s: x.ForQuery) -> Run:
    """FOR targets IN query LOOP"""
    targets = Targets(level, c.types, s.targets)
    start: Start
    if s.dynamic is not None:
        start = _dynamic(c, level, s.dynamic, s.using, targets.wanted).start
    else:
        assert s.query is not None
        start = static(c.query(level, s.query, targets.wanted))
    loop = each(c, s.label, rounds(c, level, s.label, s.body))

    def run(frame: Frame) -> Signal:
        text, outcome = start(frame)
        if not outcome.returns_rows:
            raise DatacaveError(
                "cannot open SELECT query as cursor" if outcome.kind == "select" else "cannot open query as cursor",
                sqlstate=sqlstate.INVALID_CURSOR_DEFINITION,
            )
        rows = LoopRows(outcome.rows, text, writes=outcome.kind not in ("select", "utility"))
        frame.loops.append(rows)
        seen = False

        def store(row: Row) -> None:
            nonlocal seen
            seen = True
            targets.store(frame, row, outcome)

        try:
            signal = loop(frame, rows, store)
        finally:
            frame.loops.pop()
            rows.close()
        if not seen:
            targets.store(frame, None, outcome)
        return signal

    return run


class LoopRows:
    """The rows of a loop's query as they are asked for; errors that come while they are made name the query."""

    __slots__ = ("_rows", "_source", "_text", "writes")

    def __init__(self, rows: Iterator[Row], text: str, *, writes: bool = False) -> None:
        self.writes = writes
        """Whether the query changes rows."""
        self._source = rows
        self._rows = rows
        self._text = text

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        try:
            return next(self._rows)
        except DatacaveError as error:
            raise noted(error, self._text) from None

    def materialise(self) -> None:
        """Makes the rest of the rows now, because the transaction is about to end."""
        try:
            self._rows = iter(list(self._rows))
        except DatacaveError as error:
            raise noted(error, self._text) from None

    def close(self) -> None:
        """Ends the query."""
        close = getattr(self._source, "close", None)
        if close is not None:
            close()


def compile_return_query(c: Compiler, level: Level, s: x.ReturnQuery) -> Run:
    """RETURN QUERY, RETURN QUERY EXECUTE"""
    returns = c.returns
    if not returns.is_set:
        raise DatacaveError("cannot use RETURN QUERY in a non-SETOF function", sqlstate=sqlstate.DATATYPE_MISMATCH)
    wanted = returns.row_wanted()
    start: Start
    if s.dynamic is not None:
        start = _dynamic(c, level, s.dynamic, s.using, wanted, exact=wanted is not None).start
    else:
        assert s.query is not None
        start = static(c.query(level, s.query, wanted, exact=wanted is not None))
    found = c.found.number
    single = not returns.is_row

    def run(frame: Frame) -> None:
        text, outcome = start(frame)
        if not outcome.returns_rows:
            raise DatacaveError(
                "cannot open query as cursor" if outcome.kind != "select" else "query returns no rows",
                sqlstate=sqlstate.SYNTAX_ERROR,
            )
        try:
            if single:
                count = frame.rows.extend(row[0] for row in outcome.rows)
            elif wanted is None and outcome.shape is not None:
                count = frame.rows.extend(map(outcome.shape.make, outcome.rows))
            else:
                count = frame.rows.extend(map(returns.row, outcome.rows))
        except DatacaveError as error:
            raise noted(error, text) from None
        frame.row_count = count
        frame.values[found] = count > 0

    return run


QUERIES: dict[type, Callable[[Compiler, Level, Any], Run]] = {
    x.SqlStatement: compile_sql,
    x.Perform: compile_perform,
    x.Execute: compile_execute,
    x.ForQuery: compile_for_query,
    x.ReturnQuery: compile_return_query,
}
