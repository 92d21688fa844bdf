"""Cursors: OPEN, FETCH, MOVE, CLOSE and loops over cursors. A cursor variable holds the name of a portal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind.binder import bind_in_scope
from datacave_sql.bind.cursor_rows import runs_backward, with_keys
from datacave_sql.bind.names import Scope
from datacave_sql.exec.suspension import run_inside
from datacave_sql.functions.typelookup import Attribute
from datacave_sql.parse import ast, parse_statements
from datacave_sql.parse.lexer import tokenize
from datacave_sql.plpgsql import syntax as x
from datacave_sql.plpgsql.compiler import Compiler, Run, Signal
from datacave_sql.plpgsql.control import each, rounds
from datacave_sql.plpgsql.expressions import Expression, Query
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.inner_statements import run_steps
from datacave_sql.plpgsql.queries import LoopRows
from datacave_sql.plpgsql.targets import Targets, find, store_record, store_whole
from datacave_sql.plpgsql.variables import Datum, Level, Shape
from datacave_sql.session.compiled import CompiledQuery
from datacave_sql.session.portal import Portal
from datacave_sql.session.utility.cursors import move

Begin = Callable[[Frame, Datum], Portal]


def _cursor_variable(level: Level, name: str) -> Datum:
    datum = find(level, [name])[0]
    if datum.type != oids.REFCURSOR:
        raise DatacaveError(
            f'variable "{name}" must be of type cursor or refcursor', sqlstate=sqlstate.DATATYPE_MISMATCH
        )
    return datum


def _open(
    frame: Frame,
    datum: Datum,
    query: CompiledQuery,
    parameters: Sequence[Any],
    keys: Any,
    scrolls: bool,
    text: str,
) -> Portal:
    """Makes the portal. Raises 42P03 for a name in use."""
    session = frame.session
    name = frame.values[datum.number]
    if name is None:
        number = 1
        while f"<unnamed portal {number}>" in session.portals:
            number += 1
        name = f"<unnamed portal {number}>"
    if name in session.portals:
        raise DatacaveError(f'cursor "{name}" already in use', sqlstate=sqlstate.DUPLICATE_CURSOR)
    portal = Portal(
        session,
        name,
        query,
        parameters,
        cursor=True,
        scrollable=scrolls,
        text=text,
        keys=keys,
        locks_rows=bool(query.locked),
        created_at=session.evaluation.statement_timestamp,
    )
    before = session.evaluation.query_text
    # The rows are those of this moment, whatever later statements change.
    run_steps(session, portal.materialise())
    session.evaluation.query_text = before
    session.portals[name] = portal
    frame.values[datum.number] = name
    return portal


def _static(query: Query, scroll: bool | None) -> Begin:
    def begin(frame: Frame, datum: Datum) -> Portal:
        if not query.is_query:
            raise _not_a_query(query.parsed().statement)
        b, bound = query.bind(frame)
        if not bound.returns_rows:
            raise _not_a_query(query.parsed().statement)
        plan, keys = with_keys(b, bound.plan)
        compiled = query.compile(frame, replace(bound, plan=plan))
        scrolls = runs_backward(bound.plan) if scroll is None else scroll
        return _open(frame, datum, compiled, tuple(frame.values), keys, scrolls, query.text)

    return begin


def _not_a_query(statement: object) -> DatacaveError:
    return DatacaveError(
        f"cannot open {type(statement).__name__.upper()} query as cursor", sqlstate=sqlstate.INVALID_CURSOR_DEFINITION
    )


def _dynamic(c: Compiler, level: Level, s: x.Open) -> Begin:
    assert s.dynamic is not None
    text_of = c.expression(level, s.dynamic)
    using = [c.expression(level, one) for one in s.using]

    def begin(frame: Frame, datum: Datum) -> Portal:
        text = text_of(frame)
        if text is None:
            raise DatacaveError("query string argument of EXECUTE is null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
        session = frame.session
        values = tuple(one(frame) for one in using)
        types = [one.type if one.type != oids.UNKNOWN else oids.TEXT for one in using]
        parsed = parse_statements(text)[0]
        if not isinstance(parsed.statement, ast.Query):
            raise _not_a_query(parsed.statement)
        environment = session.binding_environment(session.catalog_state)
        b, bound = bind_in_scope(parsed, text, environment, types, Scope())
        plan, keys = with_keys(b, bound.plan)
        holder = Query(c.names, level, x.Sql(text, 0, 0, True))
        compiled = holder.compile(frame, replace(bound, plan=plan))
        scrolls = runs_backward(bound.plan) if s.scroll is None else s.scroll
        return _open(frame, datum, compiled, values, keys, scrolls, text)

    return begin


def _arguments(c: Compiler, level: Level, cursor: Datum, written: x.Sql | None) -> Callable[[Frame], None]:
    """Gives the arguments of a bound cursor their values. Raises 42601 where their number is wrong."""
    declaration, given, _, count = cursor.cursor
    values: list[tuple[Datum, Expression]] = []
    if written is not None:
        positions = _split(written)
        named = {label: datum for datum, (label, _) in zip(given, declaration.arguments, strict=True)}
        order = list(named)
        taken: set[str] = set()
        for place, (label, sql) in enumerate(positions):
            name = label if label is not None else (order[place] if place < count else "")
            if name not in named:
                raise (
                    _miscounted(cursor)
                    if label is None
                    else DatacaveError(
                        f'cursor "{cursor.name}" has no argument named "{name}"', sqlstate=sqlstate.SYNTAX_ERROR
                    )
                )
            if name in taken:
                raise DatacaveError(
                    f'value for parameter "{name}" of cursor "{cursor.name}" specified more than once',
                    sqlstate=sqlstate.SYNTAX_ERROR,
                )
            taken.add(name)
            datum = named[name]
            values.append((datum, c.expression(level, sql, (datum.type, datum.typmod))))
    if len(values) != count:
        raise _miscounted(cursor, few=len(values) < count)

    def run(frame: Frame) -> None:
        found = [expression(frame) for _, expression in values]
        for (datum, _), value in zip(values, found, strict=True):
            store_whole(datum, c.types)(frame, value)

    return run


def _miscounted(cursor: Datum, *, few: bool = False) -> DatacaveError:
    if not cursor.cursor[3]:
        message = f'cursor "{cursor.name}" has no arguments'
    elif few:
        message = f'not enough arguments for cursor "{cursor.name}"'
    else:
        message = f'too many arguments for cursor "{cursor.name}"'
    return DatacaveError(message, sqlstate=sqlstate.SYNTAX_ERROR)


def _split(written: x.Sql) -> list[tuple[str | None, x.Sql]]:
    """The arguments: expressions with commas between them, `name := value` among them."""
    text = f"SELECT cursor_arguments({written.text})"
    tree: Any = parse_statements(text)[0].statement
    call: ast.FunctionCall = tree.body.targets[0].expression
    found: list[tuple[str | None, x.Sql]] = []
    pieces = _pieces(text, len("SELECT cursor_arguments("))
    for one, piece in zip(call.arguments, pieces, strict=True):
        label = one.name if isinstance(one, ast.NamedArgument) else None
        if label is not None:
            for mark in (":=", "=>"):
                if mark in piece:
                    piece = piece.split(mark, 1)[1]
                    break
        found.append((label, x.Sql(piece, written.start, written.line)))
    return found


def _pieces(text: str, start: int) -> list[str]:
    tokens = tokenize(text)
    found, depth, first = [], 0, start
    for kind, begin, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True):
        if begin < start:
            continue
        if kind in ("(", "["):
            depth += 1
        elif kind in (")", "]"):
            depth -= 1
            if depth < 0:
                found.append(text[first:begin])
                break
        elif kind == "," and not depth:
            found.append(text[first:begin])
            first = end
    return found


def compile_open(c: Compiler, level: Level, s: x.Open) -> Run:
    """OPEN"""
    datum = _cursor_variable(level, s.cursor)
    if s.query is None and s.dynamic is None:
        if datum.cursor is None:
            raise DatacaveError("syntax error: unbound cursor needs a query", sqlstate=sqlstate.SYNTAX_ERROR)
        declaration, _, query, _ = datum.cursor
        give = _arguments(c, level, datum, s.arguments)
        begin = _static(query, declaration.scroll)

        def bound(frame: Frame) -> None:
            give(frame)
            begin(frame, datum)

        return bound
    if datum.cursor is not None:
        raise DatacaveError(
            f'cursor variable "{s.cursor}" is bound and cannot be opened for a query', sqlstate=sqlstate.SYNTAX_ERROR
        )
    start = _dynamic(c, level, s) if s.dynamic is not None else None
    if start is None:
        assert s.query is not None
        start = _static(c.query(level, s.query), s.scroll)
    chosen = start
    return lambda frame: _discard(chosen(frame, datum))


def _discard(portal: Portal) -> None:
    return None


def _portal(frame: Frame, datum: Datum) -> Portal:
    name = frame.values[datum.number]
    if name is None:
        raise DatacaveError(f'cursor variable "{datum.name}" is null', sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    portal: Portal | None = frame.session.portals.get(name)
    if portal is None:
        raise DatacaveError(f'cursor "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_CURSOR)
    return portal


def _shape(frame: Frame, portal: Portal) -> Shape:
    compiled = portal.compiled
    columns = compiled.columns if compiled is not None and compiled.columns is not None else ()
    types = frame.session.catalog_state.types
    return Shape([Attribute(one.name, one.type_oid, one.typmod) for one in columns], types)


class _Fetched:
    """What a fetched row looks like to its targets."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


def compile_fetch(c: Compiler, level: Level, s: x.Fetch) -> Run:
    """FETCH and MOVE"""
    datum = _cursor_variable(level, s.cursor)
    count_of = c.expression(level, s.count, (oids.INT4, -1)) if s.count is not None else None
    targets = Targets(level, c.types, s.into.targets) if s.into is not None else None
    found = c.found.number

    def run(frame: Frame) -> None:
        portal = _portal(frame, datum)
        count = s.number
        if count_of is not None:
            count = count_of(frame)
            if count is None:
                raise DatacaveError(
                    "relative or absolute cursor position is null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED
                )
        rows, first = run_inside(move(portal, s.direction, count, fetches=s.into is not None))
        frame.row_count = rows
        frame.values[found] = bool(rows)
        if targets is not None:
            row = portal.shown([first])[0] if first is not None else None
            targets.store(frame, row, _Fetched(_shape(frame, portal)))

    return run


def compile_close(c: Compiler, level: Level, s: x.Close) -> Run:
    """CLOSE"""
    datum = _cursor_variable(level, s.cursor)

    def run(frame: Frame) -> None:
        frame.session.close_portal(_portal(frame, datum).name)

    return run


def compile_for_cursor(c: Compiler, level: Level, s: x.ForCursor) -> Run:
    """FOR record IN cursor LOOP"""
    datum = _cursor_variable(level, s.cursor)
    if datum.cursor is None:
        raise DatacaveError("cursor FOR loop must use a bound cursor variable", sqlstate=sqlstate.SYNTAX_ERROR)
    declaration, _, query, _ = datum.cursor
    give = _arguments(c, level, datum, s.arguments)
    begin = _static(query, declaration.scroll)
    inner = Level(level, s.label, is_loop=True)
    record = c.new(inner, s.name, oids.RECORD).number
    loop = each(c, s.label, rounds(c, inner, s.label, s.body))

    def run(frame: Frame) -> Signal:
        give(frame)
        portal = begin(frame, datum)
        shape = _shape(frame, portal)

        def rows() -> Any:
            while (row := run_inside(move(portal, "forward", 1, fetches=True))[1]) is not None:
                yield portal.shown([row])[0]

        # A COMMIT in the loop closes the portal; the rest of its rows is taken first.
        source = LoopRows(rows(), query.text)
        frame.loops.append(source)
        try:
            return loop(frame, source, lambda row: store_record(frame, record, row, shape, c.types))
        finally:
            frame.loops.pop()
            frame.session.close_portal(portal.name)

    return run


CURSORS: dict[type, Callable[[Compiler, Level, Any], Run]] = {
    x.Open: compile_open,
    x.Fetch: compile_fetch,
    x.Close: compile_close,
    x.ForCursor: compile_for_cursor,
}
