"""Expressions: the SQL inside a function, bound against its variables and kept for as long as that holds.

An expression without FROM becomes one generated function over the parameters; everything else runs as a query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.values import Row
from datacave_sql.bind import coercion
from datacave_sql.bind.binder import bind_in_scope
from datacave_sql.bind.state import Binding
from datacave_sql.bind.statements import BoundQuery
from datacave_sql.exec.rowfunction import Factory, compile_factory
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.functions.typelookup import Attribute
from datacave_sql.parse import ParsedStatement, ast, parse_statements
from datacave_sql.plan import logical as l
from datacave_sql.plan.physical import PLANNERS
from datacave_sql.plan.planning import Planner
from datacave_sql.plan.subqueries import plan_subquery
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.inner_statements import InnerQuery
from datacave_sql.plpgsql.syntax import Sql
from datacave_sql.plpgsql.variables import Datum, Level, Shape, scope_of
from datacave_sql.session.compiled import CompiledQuery, compiled_query
from datacave_sql.session.permissions import check_permissions
from datacave_sql.session.planned import planned

Wanted = tuple[int, int]
"""A type and its modifier."""


class Names:
    """What the expressions of one function share: its variables and how their names are found."""

    __slots__ = ("conflict", "datums", "numbered", "strict_parameters")

    def __init__(self, conflict: str, strict_parameters: bool | None = None) -> None:
        self.conflict = conflict
        self.strict_parameters = strict_parameters
        """What #print_strict_params says."""
        self.numbered = 0
        """How many of the first ones are arguments, which have numbers ($1) too."""
        self.datums: list[Datum] = []


def assigned(b: Binding, e: n.Expression, wanted: Wanted) -> n.Expression:
    """The expression as a value of another type, through its text where no cast is allowed."""
    target, typmod = wanted
    if target in (oids.RECORD, oids.VOID, 0):
        return e
    base = b.types.base(target)
    if b.types.kind(base) == "c" and b.types.base(e.type) != base and e.type != oids.UNKNOWN:
        if isinstance(e, n.RowConstructor):
            return _of_domain(b, _row(b, e.fields, base), wanted)
        attributes = b.types.attributes(b.types.base(e.type))
        if attributes:
            fields = [n.FieldSelect(e, i, a.type, a.typmod) for i, a in enumerate(attributes)]
            return _of_domain(b, _row(b, fields, base), wanted)
        if e.type == oids.RECORD:
            return e
        if not isinstance(e, n.Constant):
            raise DatacaveError(
                "cannot assign non-composite value to a record variable", sqlstate=sqlstate.DATATYPE_MISMATCH
            )
    element = b.types.element(b.types.base(e.type)) if e.type != oids.UNKNOWN else 0
    value = None
    if element != oids.RECORD:
        value = coercion.coerce(b, e, target, typmod, ASSIGNMENT)
    if value is not None:
        return value
    text = coercion.coerce(b, e, oids.TEXT, -1, ASSIGNMENT) or n.TextCast(e, oids.TEXT)
    value = coercion.coerce(b, n.TextCast(text, base), target, typmod, ASSIGNMENT)
    assert value is not None
    return value


def _of_domain(b: Binding, row: n.Expression, wanted: Wanted) -> n.Expression:
    return coercion.coerce(b, row, *wanted, ASSIGNMENT) or row


def _row(b: Binding, fields: Sequence[n.Expression], target: int) -> n.Expression:
    attributes = b.types.attributes(target)
    found: list[n.Expression] = []
    for place, attribute in enumerate(attributes):
        given = fields[place] if place < len(fields) else n.Constant(None, oids.UNKNOWN)
        found.append(assigned(b, given, (attribute.type, attribute.typmod)))
    return n.RowConstructor(tuple(found), target, -1, tuple(one.name for one in attributes))


class Bound:
    """SQL of a function that is bound when it is first run and again when the catalog or a record's shape changes."""

    def __init__(self, names: Names, level: Level, sql: Sql) -> None:
        self.sql = sql
        self.text = sql.text if sql.whole else f"SELECT {sql.text}"
        self._names = names
        self._level = level
        self._catalog: Any = None
        self._context: Any = None
        # What says, without asking for the name context, that it is still the same:
        self._state: Any = None
        self._path: Any = None
        self._role: Any = None
        self._shapes: tuple[Shape | None, ...] = ()
        self._records = tuple(
            {
                datum.number: None
                for one in level.chain()
                for datum in one.names.values()
                if datum.kind == "r" and datum.shape is None
            }
        )
        self._parsed: ParsedStatement | None = None
        self._cursor: tuple[int, Any] | None = None
        """The variable that WHERE CURRENT OF names, and its value."""

    def current(self, frame: Frame) -> bool:
        """Whether what is bound holds."""
        session = frame.session
        settings = session.settings
        state = session.catalog_state
        if state is not self._state or settings.search_path is not self._path or settings.role is not self._role:
            if self._catalog is not state.catalog or self._context is not session.name_context:
                return False
            self._state, self._path, self._role = state, settings.search_path, settings.role
        if self._cursor is not None and frame.values[self._cursor[0]] != self._cursor[1]:
            return False
        shapes = frame.shapes
        return not self._records or self._shapes == tuple(shapes[number] for number in self._records)

    def parsed(self) -> ParsedStatement:
        """The tree."""
        if self._parsed is None:
            self._parsed = parse_statements(self.text)[0]
        return self._parsed

    def bind(self, frame: Frame) -> tuple[Binding, BoundQuery]:
        """Binds it for the present catalog and shapes."""
        session = frame.session
        parsed = self._with_cursor(frame, self.parsed())
        names = self._names
        scope = scope_of(self._level, frame.shapes, names.conflict)
        scope.keep_unknown = isinstance(self, Expression)
        types = [datum.type for datum in names.datums]
        environment = session.binding_environment(session.catalog_state)
        try:
            b, query = bind_in_scope(parsed, self.text, environment, types, scope, names.numbered)
        except DatacaveError as error:
            raise self.internal(error) from None
        check_permissions(session, query)
        self._catalog = session.catalog_snapshot
        self._context = session.name_context
        self._shapes = tuple(frame.shapes[number] for number in self._records)
        return b, query

    def _with_cursor(self, frame: Frame, parsed: ParsedStatement) -> ParsedStatement:
        """The tree with the portal of a cursor variable in WHERE CURRENT OF."""
        statement: Any = parsed.statement
        where = getattr(statement, "where", None)
        if not isinstance(where, ast.CurrentOf):
            return parsed
        found = self._level.find([where.cursor])
        if found is None or found[0].type != oids.REFCURSOR:
            return parsed
        value = frame.values[found[0].number]
        self._cursor = (found[0].number, value)
        if value is None:
            return parsed
        return replace(parsed, statement=replace(statement, where=replace(where, cursor=value)))

    def internal(self, error: DatacaveError) -> DatacaveError:
        """An error in this SQL: its place is one in it, not in the client's statement."""
        if error.position is not None and error.internal_query is None:
            error.internal_query = self.text
            error.internal_position = error.position
        error.position = None
        return error

    def compile(self, frame: Frame, query: BoundQuery) -> CompiledQuery:
        """The plan."""
        session = frame.session
        state = session.catalog_state
        return compiled_query(state.catalog, query, planned(session, state, query), self.text, self._parsed)


class Expression(Bound):
    """One value, of its own type or of the one that is wanted."""

    def __init__(self, names: Names, level: Level, sql: Sql, wanted: Wanted = (0, -1), rewrite: Any = None) -> None:
        super().__init__(names, level, sql)
        self._wanted = wanted
        self._rewrite = rewrite
        """`rewrite(b, value, scope, frame)` puts the value into what is assigned to."""
        self.type = 0
        self.typmod = -1
        self.shape: Shape | None = None
        """Of a record: its columns, as far as they are known."""
        self._make: Factory | None = None
        self._query: CompiledQuery | None = None

    def __call__(self, frame: Frame) -> Any:
        """The value."""
        if not self.current(frame):
            self._prepare(frame)
        if self._make is not None:
            return self._make(frame.context)()
        return self._from_query(frame)

    def _prepare(self, frame: Frame) -> None:
        b, query = self.bind(frame)
        self._make = self._query = None
        plan = query.plan
        if len(plan.columns) != 1:
            raise DatacaveError(
                f'query "{self.text}" returned {len(plan.columns)} columns', sqlstate=sqlstate.SYNTAX_ERROR
            )
        value: n.Expression
        simple = (
            isinstance(plan, l.Project)
            and isinstance(plan.child, l.Values)
            and not plan.child.columns
            and not any(isinstance(part, n.SubqueryExpression) for part in n.walk(plan.expressions[0]))
        )
        if simple:
            assert isinstance(plan, l.Project)
            value = plan.expressions[0]
        else:
            column = plan.columns[0]
            value = n.ColumnReference(column.id, column.type, column.typmod, column.name)
        self.shape = self._shape(b, value)
        self.type, self.typmod = value.type, value.typmod
        try:
            value = assigned(b, value, self._wanted)
            if self._rewrite is not None:
                value = self._rewrite(b, value, scope_of(self._level, frame.shapes, self._names.conflict), frame)
        except DatacaveError as error:
            raise self.internal(error) from None
        if self._wanted[0] not in (0, oids.RECORD):
            self.type, self.typmod = self._wanted
        if simple and not any(isinstance(part, n.SubqueryExpression) for part in n.walk(value)):
            session = frame.session
            environment = session.database.environment(session.catalog_state)
            generator = Planner(environment, PLANNERS, plan_subquery).generator({})
            self._make = compile_factory(generator, "", [f"return {generator.value(value).text}"])
            return
        columns = (b.output("value", value),)
        self._query = self.compile(frame, replace(query, plan=l.Project(plan, (value,), columns), columns=columns))

    def _shape(self, b: Binding, value: n.Expression) -> Shape | None:
        if isinstance(value, n.RowConstructor) and value.type == oids.RECORD:
            labels = value.names or tuple(f"f{place}" for place in range(1, len(value.fields) + 1))
            fields = [
                Attribute(label, one.type if one.type != oids.UNKNOWN else oids.TEXT, one.typmod)
                for label, one in zip(labels, value.fields, strict=True)
            ]
            return Shape(fields, b.types)
        attributes = b.types.attributes(b.types.base(value.type))
        return Shape(attributes, b.types) if attributes else None

    def _from_query(self, frame: Frame) -> Any:
        assert self._query is not None
        inner = InnerQuery(frame.session, self._query, tuple(frame.values), read_only=frame.read_only)
        rows: list[Row] = []
        for batch in inner.batches():
            rows += batch
            if len(rows) > 1:
                raise DatacaveError("query returned more than one row", sqlstate=sqlstate.CARDINALITY_VIOLATION)
        return rows[0][0] if rows else None


class Query(Bound):
    """A query or a write whose rows, if any, are wanted as values of given types.

    `wanted` None: as they are; then `shape` tells what they are.
    """

    def __init__(
        self, names: Names, level: Level, sql: Sql, wanted: Sequence[Wanted] | None = None, *, exact: bool = False
    ) -> None:
        super().__init__(names, level, sql)
        self._wanted = wanted
        self._exact = exact
        self._compiled: CompiledQuery | None = None
        self.shape: Shape | None = None

    @property
    def is_query(self) -> bool:
        """Whether it is a query or a write and not a utility statement."""
        return isinstance(self.parsed().statement, ast.Query | ast.Insert | ast.Update | ast.Delete | ast.Merge)

    def prepared(self, frame: Frame) -> CompiledQuery:
        """The plan that holds now."""
        if self._compiled is None or not self.current(frame):
            b, query = self.bind(frame)
            try:
                query, self.shape = shaped(b, query, self._wanted, exact=self._exact)
            except DatacaveError as error:
                raise self.internal(error) from None
            self._compiled = self.compile(frame, query)
        return self._compiled

    def start(self, frame: Frame) -> InnerQuery:
        """Begins an execution."""
        query = self.prepared(frame)
        return InnerQuery(frame.session, query, tuple(frame.values), read_only=frame.read_only)


def shaped(
    b: Binding, query: BoundQuery, wanted: Sequence[Wanted] | None, *, exact: bool
) -> tuple[BoundQuery, Shape | None]:
    """The query with its columns as values of the types wanted; surplus columns are dropped, missing ones are NULL,
    unless it has to fit exactly (42804)."""
    given = query.plan.columns
    if not query.returns_rows:
        return query, None
    if wanted is None:
        kinds = [(c.type if c.type != oids.UNKNOWN else oids.TEXT, c.typmod) for c in given]
        shape = Shape([Attribute(c.name, *kind) for c, kind in zip(given, kinds, strict=True)], b.types)
        if all(c.type != oids.UNKNOWN for c in given):
            return query, shape
        wanted = kinds
    else:
        shape = Shape([Attribute(c.name, c.type, c.typmod) for c in given], b.types)
    if len(wanted) == 1 and len(given) > 1 and b.types.kind(b.types.base(wanted[0][0])) == "c":
        wanted = [(a.type, a.typmod) for a in b.types.attributes(b.types.base(wanted[0][0]))]
    if exact:
        _check_fits(b, given, wanted)
    values: list[n.Expression] = []
    changed = len(wanted) != len(given)
    for place, kind in enumerate(wanted):
        value: n.Expression
        if place < len(given):
            column = given[place]
            reference = n.ColumnReference(column.id, column.type, column.typmod, column.name)
            value = assigned(b, reference, kind)
            changed = changed or value is not reference
        else:
            value = n.Constant(None, kind[0] or oids.TEXT)
        values.append(value)
    if not changed:
        return query, shape
    columns = tuple(b.output(f"column{place}", value) for place, value in enumerate(values, 1))
    return replace(query, plan=l.Project(query.plan, tuple(values), columns), columns=columns), shape


def _check_fits(b: Binding, given: Sequence[l.OutputColumn], wanted: Sequence[Wanted]) -> None:
    detail = None
    if len(given) != len(wanted):
        detail = f"Number of returned columns ({len(given)}) does not match expected column count ({len(wanted)})."
    for place, (column, (oid, _)) in enumerate(zip(given, wanted, strict=False), 1):
        if detail is None and column.type not in (oid, oids.UNKNOWN) and oid not in (oids.RECORD, 0):
            detail = (
                f"Returned type {b.types.name(column.type)} does not match expected type {b.types.name(oid)} "
                f"in column {place}."
            )
    if detail is not None:
        raise DatacaveError(
            "structure of query does not match function result type", sqlstate=sqlstate.DATATYPE_MISMATCH, detail=detail
        )


def rows_of(inner: InnerQuery) -> Iterator[Row]:
    """The rows of an execution one by one."""
    for batch in inner.batches():
        yield from batch


Evaluate = Callable[[Frame], Any]
