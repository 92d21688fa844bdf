"""Write targets: the table whose rows INSERT, UPDATE, DELETE and MERGE write, and the names they write it by.

A statement may name a view that PostgreSQL calls automatically updatable: one table or view in FROM, perhaps a WHERE,
and a select list in which some items are plain columns. Its names then stand for expressions over the table's columns,
its condition limits the rows that are found, and with a check option also those that are written. Views over views are
followed down to the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from datacave_core import sqlstate
from datacave_core.catalog import Column, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, relations, row_rules, targets, views
from datacave_sql.bind.access import RelationUse
from datacave_sql.bind.from_clause import SYSTEM_COLUMNS, bind_view, scan_table
from datacave_sql.bind.names import Grouping, Scope, Source, SourceColumn
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import query_tree
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

_HINTS = {
    "insert into": "To enable inserting into the view, provide an INSTEAD OF INSERT trigger or an unconditional ON "
    "INSERT DO INSTEAD rule.",
    "update": "To enable updating the view, provide an INSTEAD OF UPDATE trigger or an unconditional ON UPDATE DO "
    "INSTEAD rule.",
    "delete from": "To enable deleting from the view, provide an INSTEAD OF DELETE trigger or an unconditional ON "
    "DELETE DO INSTEAD rule.",
}

NOT_A_COLUMN = "View columns that are not columns of their base relation are not updatable."
SYSTEM_COLUMN = "View columns that refer to system columns are not updatable."
WHOLE_ROW = "View columns that return whole-row references are not updatable."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a column of a view cannot be written: the view that computes it, and PostgreSQL's reason.

    `height` counts the levels below that view: 1 for a view over a table.
    """

    view: str
    column: str
    detail: str
    height: int


@dataclass(slots=True)
class Opened:
    """The names of a target over some columns of its table: those of a scan, or of a written row.

    `levels` go from the table to what the statement names: how each is used, and its attribute numbers by the ids of
    the table's columns. `conditions` are those of the views, innermost first.
    """

    source: Source
    levels: list[tuple[RelationUse, dict[int, int]]]
    conditions: list[tuple[Table, n.Expression | None]] = field(default_factory=list)
    refused: dict[str, Refusal] = field(default_factory=dict)
    plan: l.LogicalPlan | None = None
    base: Source | None = None


Leaf = Callable[[Table, ast.TableRef, RelationUse], Opened]


class WriteTarget:
    """What a statement writes; `named` is the table or view it names, `table` has the rows."""

    def __init__(self, b: Binding, named: Table, item: ast.TableRef, verb: str, resolves: bool = True) -> None:
        self._b = b
        self._item = item
        self._verb = verb
        self.named = named
        self.name = item.alias.name if item.alias is not None else named.name
        self.use = b.use(named, selects=False)
        self.table = named
        self.columns: dict[str, Column] = named.columns_by_name
        self.refused: dict[str, Refusal] = {}
        self._maps: list[tuple[RelationUse, dict[int, int]]] = []
        self.by_triggers = named.kind == "v" and has_instead_trigger(named, verb)
        """Whether INSTEAD OF triggers of a view do the writing."""
        if named.kind == "v" and resolves and not self.by_triggers:
            self._resolve()

    def _resolve(self) -> None:
        row: tuple[l.OutputColumn, ...] = ()

        def leaf(table: Table, item: ast.TableRef, use: RelationUse) -> Opened:
            nonlocal row
            self.table = table
            row = row_rules.row_columns(self._b, table)
            return _row_leaf(self._b, table, row, item, use)

        opened = _open(self._b, self.named, self._item, self._verb, leaf, self.use)
        number_of = {column.id: column.attribute for column in row}
        self.refused = opened.refused
        self.columns = {}
        height = len(opened.levels) - 1
        computed = all(name in self.refused and self.refused[name].height == height for name in self.all_columns())
        if computed and self._verb != "delete from":
            detail = "Views that have no updatable columns are not automatically updatable."
            raise not_updatable(self._verb, self.named, detail)
        for shown, column in zip(self.named.live_columns, opened.source.columns, strict=True):
            if shown.name in self.refused or not isinstance(column.expression, n.ColumnReference):
                continue
            base = self.table.column(number_of[column.expression.column])
            if shown.default is not None:
                base = replace(base, default=shown.default, identity="", generated="")
            self.columns[shown.name] = replace(base, name=shown.name)
        self._maps = [
            (use, {number_of[column]: number for column, number in numbers.items()}) for use, numbers in opened.levels
        ]

    def column(self, name: str, position: int | None) -> Column:
        """The column that is written under a name, numbered as in the table. Raises 42703, and 0A000 for a computed
        one."""
        found = self.columns.get(name)
        if found is not None:
            return found
        refusal = self.refused.get(name)
        if refusal is None:
            raise DatacaveError(
                f'column "{name}" of relation "{self.named.name}" does not exist',
                sqlstate=sqlstate.UNDEFINED_COLUMN,
                position=position,
            )
        raise self._refuse(refusal)

    def _refuse(self, refusal: Refusal) -> DatacaveError:
        words = "insert into" if self._verb == "insert into" else "update"
        return FeatureNotSupported(
            f'cannot {words} column "{refusal.column}" of view "{refusal.view}"', detail=refusal.detail
        )

    def require(self, names: Sequence[str]) -> None:
        """Raises 0A000 if one of the columns is computed, for that of the outermost view; 42601 if two of them are the
        same column of the table."""
        if not self.refused and len(self.columns) == len(self.table.columns_by_name):
            return
        refusals = [self.refused[name] for name in self.all_columns() if name in names and name in self.refused]
        if refusals:
            raise self._refuse(max(refusals, key=lambda refusal: refusal.height))
        numbers: set[int] = set()
        for name in names:
            column = self.columns.get(name)
            if column is not None and column.number in numbers:
                raise DatacaveError(
                    f'multiple assignments to same column "{self.table.column(column.number).name}"',
                    sqlstate=sqlstate.SYNTAX_ERROR,
                )
            numbers |= {column.number} if column is not None else set()

    def with_defaults(self, names: Sequence[str]) -> list[str]:
        """The columns that an INSERT of these gives values: the views' own defaults come with them."""
        if self.named.kind != "v":
            return list(names)
        own = [column.name for column in self.named.live_columns if column.default is not None]
        return [*names, *(name for name in own if name not in names)]

    def all_columns(self) -> list[str]:
        """The names of all columns, in order."""
        return [column.name for column in self.named.live_columns]

    def default_of(self, column: Column) -> Column:
        """A column of the table with the default that the view has for it."""
        if self.named.kind == "v":
            for shown in self.columns.values():
                if shown.number == column.number and shown.default != column.default:
                    return shown
        return column

    def note_inserted(self, numbers: set[int]) -> None:
        """INSERT of these columns of the table is wanted, on every view that leads to it."""
        for use, own in self._mapped():
            use.inserted = (use.inserted or set()) | {own[number] for number in numbers if number in own}

    def note_updated(self, numbers: set[int]) -> None:
        """The same for UPDATE."""
        for use, own in self._mapped():
            use.updated = (use.updated or set()) | {own[number] for number in numbers if number in own}

    def note_deleted(self) -> None:
        """The same for DELETE."""
        for use, _ in self._mapped():
            use.letters = "d"

    def _mapped(self) -> Sequence[tuple[RelationUse, dict[int, int]]]:
        if self._maps:
            return self._maps
        return [(self.use, {column.number: column.number for column in self.table.columns})]

    def base_use(self) -> RelationUse:
        """What the statement wants with the table that has the rows, everything that it reads of it included."""
        use = self._maps[0][0] if self._maps else self.use
        for other in self._b.uses:
            if other.relation is self.table and other.role_oid == use.role_oid and not other.selects:
                use.read |= other.read
        return use

    def open_rows(self) -> Opened:
        """The rows that can be found, as a plan with the hidden columns that write them, and their names."""
        b = self._b
        if self.by_triggers:
            return self._view_rows()

        def leaf(table: Table, item: ast.TableRef, use: RelationUse) -> Opened:
            relation = scan_table(b, table, item, True, use)
            source = relation.sources[0]
            numbers = {
                column.expression.column: column.attribute
                for column in source.columns
                if isinstance(column.expression, n.ColumnReference)
            }
            return Opened(source, [(use, numbers)], plan=relation.plan, base=source)

        opened = _open(b, self.named, self._item, self._verb, leaf, self.use)
        assert opened.plan is not None
        for _, condition in opened.conditions:
            if condition is not None:
                opened.plan = l.Filter(opened.plan, condition)
        return opened

    def _view_rows(self) -> Opened:
        """The rows of a view, each as a whole too; they have no keys."""
        b = self._b
        relation = bind_view(b, self._item, self.named, self.use)
        source = relation.sources[0]
        given = relation.plan.columns
        row = n.RowConstructor(tuple(column.expression for column in source.columns), oids.RECORD)
        hidden = (
            l.OutputColumn(b.new_id(), "", oids.BYTEA, -1, self.named.oid, l.KEY_ATTRIBUTE),
            l.OutputColumn(b.new_id(), "", oids.RECORD, -1, self.named.oid, l.ROW_ATTRIBUTE),
        )
        references = tuple(n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in given)
        values: tuple[n.Expression, ...] = (*references, n.Constant(b"", oids.BYTEA), row)
        source.hidden = hidden
        numbers = {
            column.expression.column: column.attribute
            for column in source.columns
            if isinstance(column.expression, n.ColumnReference)
        }
        plan = l.Project(relation.plan, values, (*given, *hidden))
        return Opened(source, [(self.use, numbers)], plan=plan, base=source)

    def open_row(self, row: tuple[l.OutputColumn, ...], clause: str, name: str | None = None) -> Opened:
        """The names over a complete row of the table."""
        b = self._b

        def leaf(table: Table, item: ast.TableRef, use: RelationUse) -> Opened:
            return _row_leaf(b, table, row, item, use)

        item = self._item
        if name is not None:
            item = replace(item, alias=ast.Alias(item.position, name))
        if self.by_triggers:
            opened = leaf(self.named, item, self.use)
        else:
            opened = _open(b, self.named, item, self._verb, leaf, self.use)
        opened.source.relation = self.named.name if name is None else None
        return opened

    def row_scope(self, row: tuple[l.OutputColumn, ...], clause: str, name: str | None = None) -> Scope:
        """The same as a scope."""
        source = self.open_row(row, clause, name).source
        return Scope(None, [source], list(source.columns), clause)

    def view_checks(self, row: tuple[l.OutputColumn, ...]) -> tuple[tuple[str, n.Expression], ...]:
        """(view, condition that a written row must meet) of the check options, inner views first."""
        if self.named.kind != "v" or self.by_triggers:
            return ()
        found: list[tuple[str, n.Expression]] = []
        cascaded = False
        for view, condition in reversed(self.open_row(row, "check options").conditions):
            option = dict(view.options).get("check_option", "")
            cascaded = cascaded or option == "cascaded"
            if condition is not None and (cascaded or option):
                found.insert(0, (view.name, condition))
        return tuple(found)


def has_instead_trigger(view: Table, verb: str) -> bool:
    """Whether a view has an INSTEAD OF trigger for a statement."""
    event = {"insert into": "i", "update": "u", "delete from": "d"}.get(verb, "")
    return bool(event) and any(
        one.timing == "i" and event in one.events and one.enabled != "D" for one in view.triggers
    )


def find_write_target(b: Binding, item: ast.TableRef, verb: str) -> WriteTarget:
    """The target of a statement. Raises 42P01, 42809, 55000 for a view that cannot be written through."""
    return WriteTarget(b, row_rules.writable_table(b, item, verb), item, verb)


def find_rule_target(b: Binding, item: ast.TableRef, verb: str) -> WriteTarget:
    """The relation of a statement that rules rewrite: names only, a view is not followed down to a table."""
    return WriteTarget(b, row_rules.writable_table(b, item, verb), item, verb, resolves=False)


def not_updatable(verb: str, view: Table, detail: str) -> DatacaveError:
    """55000 for a view that is not automatically updatable."""
    return DatacaveError(
        f'cannot {verb} view "{view.name}"',
        sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        detail=detail,
        hint=_HINTS[verb],
    )


def _row_leaf(
    b: Binding, table: Table, row: tuple[l.OutputColumn, ...], item: ast.TableRef, use: RelationUse
) -> Opened:
    name = item.alias.name if item.alias is not None else table.name
    source = row_rules.row_scope(b, table, row, name, "", use).sources[0]
    if b.view_depth:
        values = (n.Constant(table.oid if name == "tableoid" else None, oid) for name, oid, _ in SYSTEM_COLUMNS)
        source.system = tuple(SourceColumn(c[0], value) for c, value in zip(SYSTEM_COLUMNS, values, strict=True))
    return Opened(source, [(use, {column.id: column.attribute for column in row})], base=source)


def _open(
    b: Binding,
    named: Table,
    item: ast.TableRef,
    verb: str,
    leaf: Leaf,
    use: RelationUse | None = None,
) -> Opened:
    """`use` is given for what the statement names itself."""
    if named.kind != "v":
        return leaf(named, item, use if use is not None else b.use(named, selects=False))
    use = use if use is not None else b.use(named, selects=False)
    with views.inside_view(b, named, item.position):
        assert named.view_query is not None
        form = _updatable_form(b, query_tree(named.view_query))
        if isinstance(form, str):
            raise not_updatable(verb, named, form)
        body, inner_item, inner = form
        opened = _open(b, inner, inner_item, verb, leaf)
        scope = Scope(None, [opened.source], list(opened.source.columns), "SELECT", Grouping())
        items = targets.bind_targets(b, body.targets, scope)
        detail = _computes(scope.grouping)
        if detail is not None:
            raise not_updatable(verb, named, detail)
        condition = None
        if body.where is not None:
            scope.clause = "WHERE"
            condition = coercion.to_boolean(b, b.expression(body.where, scope), "WHERE")
    return _renamed(named, item, use, opened, items, condition)


def _renamed(
    view: Table,
    item: ast.TableRef,
    use: RelationUse,
    inner: Opened,
    items: Sequence[targets.TargetItem],
    condition: n.Expression | None,
) -> Opened:
    """What is inside a view under the view's names."""
    own = inner.levels[0][1]
    system = [column.expression for column in (inner.base.system if inner.base is not None else ())]
    by_id = {
        column.expression.column: column.name
        for column in inner.source.columns
        if isinstance(column.expression, n.ColumnReference)
    }
    height = len(inner.levels)
    columns: list[SourceColumn] = []
    numbers: dict[int, int] = {}
    refused: dict[str, Refusal] = {}
    for shown, target in zip(view.live_columns, items, strict=False):
        e = target.expression
        columns.append(SourceColumn(shown.name, e, view.oid, shown.number, use))
        if isinstance(e, n.ColumnReference) and e.column in own:
            if by_id.get(e.column) in inner.refused:
                refused[shown.name] = inner.refused[by_id[e.column]]
            else:
                numbers.setdefault(e.column, shown.number)
        elif e in system and isinstance(target.node, ast.ColumnRef):
            refused[shown.name] = Refusal(view.name, shown.name, SYSTEM_COLUMN, height)
        elif (below := _refused_below(inner, target)) is not None:
            refused[shown.name] = below
        else:
            whole = e.type == inner.source.row_type and isinstance(target.node, ast.ColumnRef)
            refused[shown.name] = Refusal(view.name, shown.name, WHOLE_ROW if whole else NOT_A_COLUMN, height)
    name = item.alias.name if item.alias is not None else view.name
    source = Source(name, tuple(columns), None, view.name, view, (), view.row_type_oid or oids.RECORD)
    source.use = use
    source.hidden = inner.source.hidden
    conditions = [*inner.conditions, (view, condition)]
    return Opened(source, [*inner.levels, (use, numbers)], conditions, refused, inner.plan, inner.base)


def _refused_below(inner: Opened, target: targets.TargetItem) -> Refusal | None:
    """The refusal of the computed column of an inner view that an item mentions as it is."""
    if not isinstance(target.node, ast.ColumnRef):
        return None
    for column in inner.source.columns:
        if column.expression is target.expression or column.name == target.node.parts[-1]:
            return inner.refused.get(column.name)
    return None


def _updatable_form(b: Binding, query: ast.Statement) -> tuple[ast.Select, ast.TableRef, Table] | str:
    """The parts of a query that a view can be written through, or PostgreSQL's reason why not, as far as its form
    shows."""
    assert isinstance(query, ast.Query)
    body = query.body
    wanted = "are not automatically updatable."
    if isinstance(body, ast.Select):
        if body.distinct or body.distinct_on:
            return f"Views containing DISTINCT {wanted}"
        if body.group_by:
            return f"Views containing GROUP BY {wanted}"
        if body.having is not None:
            return f"Views containing HAVING {wanted}"
    if isinstance(body, ast.SetOperation):
        return f"Views containing UNION, INTERSECT, or EXCEPT {wanted}"
    if query.with_clause is not None:
        return f"Views containing WITH {wanted}"
    if query.limit is not None or query.offset is not None:
        return f"Views containing LIMIT or OFFSET {wanted}"
    if isinstance(body, ast.Select) and len(body.from_items) == 1 and isinstance(body.from_items[0], ast.TableRef):
        item = body.from_items[0]
        if item.sample is not None:
            return f"Views containing TABLESAMPLE {wanted}"
        found = relations.find_relation(b, item.name, item.position)
        if isinstance(found, Table) and found.kind in "rpvf":
            return body, item, found
    return f"Views that do not select from a single table or view {wanted}"


def _computes(grouping: Grouping | None) -> str | None:
    assert grouping is not None
    if grouping.aggregates:
        return "Views that return aggregate functions are not automatically updatable."
    if grouping.windows:
        return "Views that return window functions are not automatically updatable."
    if grouping.sets:
        return "Views that return set-returning functions are not automatically updatable."
    return None


def view_refusal(b: Binding, query: ast.Query) -> str | None:
    """Why a view of this query could not be inserted into, or None."""
    form = _updatable_form(b, query)
    if isinstance(form, str):
        return form
    body, item, inner = form
    row: tuple[l.OutputColumn, ...] = ()

    def leaf(table: Table, item: ast.TableRef, use: RelationUse) -> Opened:
        nonlocal row
        row = row_rules.row_columns(b, table)
        return _row_leaf(b, table, row, item, use)

    try:
        opened = _open(b, inner, item, "insert into", leaf)
    except DatacaveError as error:
        return error.detail
    scope = Scope(None, [opened.source], list(opened.source.columns), "SELECT", Grouping())
    expressions = [one.expression for one in targets.bind_targets(b, body.targets, scope)]
    plain = {column.id for column in row}
    if any(isinstance(e, n.ColumnReference) and e.column in plain for e in expressions):
        return _computes(scope.grouping)
    return _computes(scope.grouping) or "Views that have no updatable columns are not automatically updatable."
