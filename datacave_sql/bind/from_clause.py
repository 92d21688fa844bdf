"""FROM: tables, views, subqueries, functions and joins, each as a plan with the names it brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from datacave_core import sqlstate
from datacave_core.catalog import Sequence as SequenceObject
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_core.types.location import Tid
from datacave_sql.bind import (
    coercion,
    descendants,
    operators,
    past_types,
    relations,
    row_history,
    row_security,
    sampling,
    system_time,
    table_functions,
    views,
)
from datacave_sql.bind.access import RelationUse
from datacave_sql.bind.environment import VirtualRelation, VirtualRelations
from datacave_sql.bind.names import CommonName, Scope, Source, SourceColumn
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.systemtypes import system_type_named
from datacave_sql.plan import logical as l


@dataclass(frozen=True, slots=True)
class RuleRows(ast.FromItem):
    """Rows that have been bound before: those for which the action of a rule runs, under the names OLD and NEW."""

    plan: l.LogicalPlan
    sources: tuple[Source, ...]


@dataclass(slots=True)
class Relation:
    """A bound FROM item: its plan, the named sources in it, and the columns that bare names and stars find."""

    plan: l.LogicalPlan
    sources: list[Source]
    columns: list[SourceColumn] = field(default_factory=list)


def source_columns(
    columns: Sequence[l.OutputColumn], names: Sequence[str] = (), use: RelationUse | None = None
) -> tuple[SourceColumn, ...]:
    """Plan columns under their names, the first ones renamed; `use` notes which of them are read."""
    renamed = [*names, *(column.name for column in columns[len(names) :])]
    return tuple(
        SourceColumn(
            name,
            n.ColumnReference(column.id, column.type, column.typmod, name),
            column.table_oid,
            column.attribute,
            use,
        )
        for name, column in zip(renamed, columns, strict=True)
    )


def alias_columns(name: str, alias: ast.Alias | None, count: int) -> tuple[str, ...]:
    """The column names of an alias. Raises 42P10 for too many."""
    if alias is None or not alias.columns:
        return ()
    if len(alias.columns) > count:
        raise DatacaveError(
            f'table "{alias.name or name}" has {count} columns available but {len(alias.columns)} columns specified',
            sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
        )
    return alias.columns


def single(plan: l.LogicalPlan, source: Source) -> Relation:
    """A relation of one source."""
    return Relation(plan, [source], list(source.columns))


def bind_from(b: Binding, items: Sequence[ast.FromItem], scope: Scope) -> Relation | None:
    """The items of FROM, joined; `scope` is the level they belong to and gets their names."""
    joined: Relation | None = None
    for item in items:
        joined = _beside(b, joined, item, scope)
        _check_names(joined.sources)
    if joined is not None:
        scope.sources = joined.sources
        scope.columns = joined.columns
    return joined


def _check_names(sources: Sequence[Source]) -> None:
    seen: set[tuple[str, str | None]] = set()
    for source in sources:
        key = (source.name, source.schema)
        if source.name and key in seen:
            raise DatacaveError(
                f'table name "{source.name}" specified more than once',
                sqlstate=sqlstate.DUPLICATE_ALIAS,
            )
        seen.add(key)


def _beside(b: Binding, left: Relation | None, item: ast.FromItem, scope: Scope) -> Relation:
    """The next item of a FROM list."""
    lateral = Scope(scope.parent, boundary=True, clause="FROM", commons=scope.commons, locked=scope.locked)
    lateral.out_of_reach = scope.out_of_reach
    if left is not None:
        lateral.sources, lateral.columns = left.sources, left.columns
    right = bind_item(b, item, lateral)
    if left is None:
        return right
    used = _lateral_columns(lateral, left)
    plan = l.Join("inner", left.plan, right.plan, None, used)
    return Relation(plan, left.sources + right.sources, left.columns + right.columns)


def _lateral_columns(lateral: Scope, left: Relation) -> bool:
    """Whether an item took columns of its left neighbours; `inner_outer` is what its boundaries noted."""
    ids = {column.id for column in left.plan.columns}
    return bool(lateral.taken & ids)


def bind_item(b: Binding, item: ast.FromItem, lateral: Scope) -> Relation:
    """One FROM item; `lateral` holds what stands to its left, for LATERAL."""
    if isinstance(item, ast.TableRef):
        return bind_table(b, item, lateral)
    if isinstance(item, ast.SubqueryRef):
        return _bind_subquery(b, item, lateral)
    if isinstance(item, ast.FunctionRef) and (query := row_history.history_query(b, item)) is not None:
        return _bind_subquery(b, query, lateral)
    if isinstance(item, ast.FunctionRef):
        plan, source = table_functions.bind_function_ref(b, item, lateral)
        return single(plan, source)
    if isinstance(item, ast.Join):
        return bind_join(b, item, lateral)
    if isinstance(item, RuleRows):
        return Relation(item.plan, list(item.sources))
    feature = item.feature if isinstance(item, ast.UnsupportedFromItem) else type(item).__name__
    raise FeatureNotSupported(f"{feature} is not supported", hint="Use a subquery.", position=item.position)


# --- tables ----------------------------------------------------------------------------------------------------------


COMPUTED_ROWS_XMIN = 1
SEQUENCE_XMIN = 2
COMPUTED_ROWS_CTID = Tid(0, 1)
"""Rows that are computed were made by the bootstrap transaction, that of a sequence is frozen; both lie nowhere."""


def bind_table(b: Binding, item: ast.TableRef, scope: Scope) -> Relation:
    """A name in FROM: a WITH query, a table, a view, a sequence or a computed relation. Raises 42P01, 42809."""
    if len(item.name) == 1:
        common = scope.common(item.name[0])
        if common is not None:
            sampling.refuse_sample(item)
            return _common_scan(b, item, common)
    with system_time.table_moment(b, item.system_time):
        return _bind_named(b, item, scope)


def _bind_named(b: Binding, item: ast.TableRef, scope: Scope) -> Relation:
    if len(item.name) == 1 and not b.view_depth:
        transition = b.environment.transition_tables.get(item.name[0])
        if transition is not None:
            return _virtual_scan(b, item, transition, "", None, xmin=COMPUTED_ROWS_XMIN)
    found = relations.find_relation(b, item.name, item.position)
    if found is None:
        if relations.find_index(b, item.name, item.position) is not None:
            raise DatacaveError(
                f'"{item.name[-1]}" is an index', sqlstate=sqlstate.WRONG_OBJECT_TYPE, position=item.position
            )
        raise relations.undefined_relation(item.name, item.position)
    if not isinstance(found, Table) or found.kind not in "rpm":
        sampling.refuse_sample(item)
    if isinstance(found, Table):
        if found.kind in ("v",):
            return bind_view(b, item, found)
        if found.kind == "c":
            raise DatacaveError(
                f'"{found.name}" is a composite type', sqlstate=sqlstate.WRONG_OBJECT_TYPE, position=item.position
            )
        if found.kind == "m" and not found.populated and not (b.defining or b.unread):
            raise DatacaveError(
                f'materialized view "{found.name}" has not been populated',
                sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
                hint="Use the REFRESH MATERIALIZED VIEW command.",
            )
        return scan_table(b, found, item, hidden=scope.locked, scope=scope)
    if not isinstance(found, SequenceObject):
        schema = item.name[-2] if len(item.name) > 1 else "pg_catalog"
        return _virtual_scan(b, item, found, schema, b.use(found), xmin=COMPUTED_ROWS_XMIN)
    state = _required_relations(b).of_sequence(found)
    return _virtual_scan(b, item, state, relations.schema_of(b, found.schema_oid), b.use(found), xmin=SEQUENCE_XMIN)


SYSTEM_COLUMNS = (
    ("tableoid", oids.OID, l.TABLE_OID_ATTRIBUTE),
    ("ctid", oids.TID, -1),
    ("xmin", oids.XID, -2),
    ("cmin", oids.CID, -3),
    ("xmax", oids.XID, -4),
    ("cmax", oids.CID, -5),
)


def scan_table(
    b: Binding,
    table: Table,
    item: ast.TableRef,
    hidden: bool = False,
    use: RelationUse | None = None,
    scope: Scope | None = None,
) -> Relation:
    """A table's rows; with `hidden` the storage key and the whole row too, for what locks or writes them.

    `use` is what the statement wants with the table where that is not just to read it; `scope` is the place of the
    FROM item, for the arguments of TABLESAMPLE.
    """
    if use is None:
        use = b.use(table)
    use.unreadable = past_types.unreadable_columns(b, table)
    columns = [
        l.OutputColumn(b.new_id(), c.name, c.type_oid, c.typmod, table.oid, c.number) for c in table.live_columns
    ]
    system = [
        l.OutputColumn(b.new_id(), label, type_oid, -1, table.oid, number) for label, type_oid, number in SYSTEM_COLUMNS
    ]
    extra: list[l.OutputColumn] = []
    if hidden:
        extra = [
            l.OutputColumn(b.new_id(), "", oids.BYTEA, -1, table.oid, l.KEY_ATTRIBUTE),
            l.OutputColumn(b.new_id(), "", oids.RECORD, -1, table.oid, l.ROW_ATTRIBUTE),
        ]
    name = item.alias.name if item.alias is not None else table.name
    labels = alias_columns(table.name, item.alias, len(columns))
    versions = None
    if item.system_time is not None and item.system_time.kind != "as of":
        versions = system_time.version_span(b, table, item.system_time)
        system += [
            l.OutputColumn(b.new_id(), label, type_oid, -1, table.oid, attribute)
            for label, type_oid, attribute in system_time.VERSION_COLUMNS
        ]
    key: list[l.OutputColumn] = []
    if item.sample is not None:
        key.append(l.OutputColumn(b.new_id(), "", oids.BYTEA, -1, table.oid, l.KEY_ATTRIBUTE))
    scan = l.Scan(table, (*columns, *system, *extra, *key), name, None if versions is not None else b.moment, versions)
    members = _members(b, table, item.only) if versions is None else None
    plan: l.LogicalPlan = scan if members is None else descendants.append(b, scan, members)
    source = Source(
        name,
        source_columns(columns, labels, use),
        relations.schema_of(b, table.schema_oid) if item.alias is None else None,
        table.name,
        table,
        source_columns(system, (), use),
        past_types.row_type(b, table),
        hidden=tuple(extra),
        use=use,
        scan=plan,
    )
    if item.sample is not None and scope is not None:
        plan = sampling.sampled(b, plan, key[0], item.sample, scope)
    if use.selects:
        plan = row_security.guarded(b, table, source, plan, "r")
    return single(plan, source)


def _members(b: Binding, table: Table, only: bool) -> list[Table] | None:
    """The tables whose rows are read; None for this one alone. A partitioned table has no rows of its own."""
    if only:
        return [] if table.kind == "p" else None
    return descendants.members_of(b, table)


def bind_view(b: Binding, item: ast.TableRef, view: Table, use: RelationUse | None = None) -> Relation:
    """The rows of a view; `use` is what the statement wants with it where that is not just to read it."""
    if use is None:
        use = b.use(view)
    plan, columns = views.expand_view(b, view, item.position)
    name = item.alias.name if item.alias is not None else view.name
    labels = alias_columns(view.name, item.alias, len(columns))
    named = tuple(
        SourceColumn(
            label,
            n.ColumnReference(column.id, column.type, column.typmod, label),
            view.oid,
            definition.number,
            use,
        )
        for label, column, definition in zip(
            [*labels, *(c.name for c in view.live_columns[len(labels) :])], columns, view.live_columns, strict=True
        )
    )
    schema = relations.schema_of(b, view.schema_oid) if item.alias is None else None
    return single(plan, Source(name, named, schema, view.name, view, (), past_types.row_type(b, view)))


def _required_relations(b: Binding) -> VirtualRelations:
    found = b.environment.virtual_relations
    if found is None:
        raise FeatureNotSupported("sequences have no rows here")
    return found


def _virtual_scan(
    b: Binding, item: ast.TableRef, relation: VirtualRelation, schema: str, use: RelationUse | None, xmin: int
) -> Relation:
    if b.moment is not None:
        raise FeatureNotSupported(
            f'"{item.name[-1]}" is computed from the present',
            hint="SET datacave.as_of, or BEGIN AS OF SYSTEM TIME, shows the system catalogs of the past too.",
            position=item.position,
        )
    columns = [
        l.OutputColumn(b.new_id(), column, type_oid, -1, relation.oid, number)
        for number, (column, type_oid) in enumerate(relation.columns, 1)
    ]
    name = item.alias.name if item.alias is not None else item.name[-1]
    labels = alias_columns(item.name[-1], item.alias, len(columns))
    plan: l.LogicalPlan = l.VirtualScan(relation, tuple(columns), name)
    references = tuple(n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in columns)
    constants = (
        ("tableoid", n.Constant(relation.oid, oids.OID)),
        ("xmin", n.Constant(xmin, oids.XID)),
        ("ctid", n.Constant(COMPUTED_ROWS_CTID, oids.TID)),
    )
    system = [l.OutputColumn(b.new_id(), label, one.type, -1, relation.oid) for label, one in constants]
    plan = l.Project(plan, (*references, *(one for _, one in constants)), (*columns, *system))
    source = Source(
        name,
        source_columns(columns, labels, use),
        schema if item.alias is None else None,
        item.name[-1],
        system=source_columns(system, (), use),
        row_type=system_type_named(schema, item.name[-1]) or oids.RECORD,
    )
    return single(plan, source)


def _common_scan(b: Binding, item: ast.TableRef, common: CommonName) -> Relation:
    if not common.returns_rows:
        raise FeatureNotSupported(
            f'WITH query "{common.name}" does not have a RETURNING clause', position=item.position
        )
    columns = tuple(l.OutputColumn(b.new_id(), c.name, c.type, c.typmod) for c in common.columns)
    name = item.alias.name if item.alias is not None else common.name
    labels = alias_columns(common.name, item.alias, len(columns))
    plan = l.CommonTableScan(common.id, common.name, columns)
    return single(plan, Source(name, source_columns(columns, labels), None, common.name))


def _bind_subquery(b: Binding, item: ast.SubqueryRef, lateral: Scope) -> Relation:
    boundary = lateral.inner()
    if not item.lateral:
        # Siblings are out of reach without LATERAL, but named in error messages.
        hidden = (*lateral.sources, *lateral.out_of_reach)
        boundary = Scope(lateral.parent, boundary=True, commons=lateral.commons, out_of_reach=hidden)
    boundary.locked = lateral.locked
    plan = b.query(item.query, boundary)
    lateral.taken |= boundary.outer
    labels = alias_columns(item.alias.name, item.alias, len(plan.columns))
    return single(plan, Source(item.alias.name, source_columns(plan.columns, labels)))


# --- joins -----------------------------------------------------------------------------------------------------------


def bind_join(b: Binding, item: ast.Join, lateral: Scope) -> Relation:
    """A JOIN with its condition; USING and NATURAL merge columns."""
    left = bind_item(b, item.left, lateral)
    reach = Scope(lateral.parent, boundary=True, clause="FROM", commons=lateral.commons, locked=lateral.locked)
    reach.sources = [*lateral.sources, *left.sources]
    reach.columns = [*lateral.columns, *left.columns]
    right = bind_item(b, item.right, reach)
    lateral.taken |= reach.taken
    lateral.outer |= reach.outer
    uses_left = _lateral_columns(reach, left)
    if uses_left and item.kind in ("right", "full"):
        raise DatacaveError(
            f'invalid reference to FROM-clause entry for table "{left.sources[0].name}"',
            sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
            detail="The combining JOIN type must be INNER or LEFT for a LATERAL reference.",
            position=item.position,
        )
    _check_names(left.sources + right.sources)
    kind = "inner" if item.kind == "cross" else item.kind
    names = item.using
    if item.natural:
        theirs = [column.name for column in right.columns]
        names = tuple(column.name for column in left.columns if column.name in theirs)
        b.natural_names[id(item)] = names
    if names or item.natural:
        condition, columns = _merge(b, left, right, names, item)
    else:
        condition, columns = None, left.columns + right.columns
        if item.on is not None:
            on = Scope(lateral.parent, left.sources + right.sources, left.columns + right.columns)
            on.clause, on.commons = "JOIN conditions", lateral.commons
            condition = coercion.to_boolean(b, b.expression(item.on, on), "JOIN/ON")
    plan = l.Join(kind, left.plan, right.plan, condition, uses_left)
    sources = left.sources + right.sources
    for source in (right.sources if kind in ("left", "full") else []) + (
        left.sources if kind in ("right", "full") else []
    ):
        source.nullable = True
    if item.using_alias is not None:
        sources = [*sources, Source(item.using_alias, tuple(columns[: len(names)]))]
    if item.alias is not None:
        labels = alias_columns(item.alias.name, item.alias, len(columns))
        renamed = [
            column._replace(name=labels[number]) if number < len(labels) else column
            for number, column in enumerate(columns)
        ]
        hidden = tuple(extra for source in sources for extra in source.hidden)
        sources = [Source(item.alias.name, tuple(renamed), hidden=hidden, covered=tuple(sources))]
        columns = renamed
    return Relation(plan, sources, columns)


def _merge(
    b: Binding, left: Relation, right: Relation, names: Sequence[str], item: ast.Join
) -> tuple[n.Expression | None, list[SourceColumn]]:
    """The condition of USING and the columns of the join: merged ones first."""
    merged: list[SourceColumn] = []
    tests: list[n.Expression] = []
    for name in names:
        one, other = _using_column(left, name, "left"), _using_column(right, name, "right")
        one.note_read()
        other.note_read()
        tests.append(operators.apply_operator(b, "=", one.expression, other.expression, item.position))
        values, common = coercion.to_common(b, [one.expression, other.expression], "JOIN/USING")
        if item.kind == "full":
            merged.append(SourceColumn(name, n.Coalesce(tuple(values), common)))
        else:
            # The value that needs no conversion stands for both sides of an inner join.
            plain = values[0] is one.expression or values[1] is not other.expression
            chosen, column = (values[0], one) if item.kind == "left" or plain else (values[1], other)
            if item.kind == "right":
                chosen, column = values[1], other
            same = chosen is column.expression
            merged.append(SourceColumn(name, chosen, column.table_oid if same else 0, column.attribute if same else 0))
    rest = [c for c in left.columns if c.name not in names] + [c for c in right.columns if c.name not in names]
    return operators.conjunction(tests), merged + rest


def _using_column(side: Relation, name: str, which: str) -> SourceColumn:
    found = [column for column in side.columns if column.name == name]
    if not found:
        raise DatacaveError(
            f'column "{name}" specified in USING clause does not exist in {which} table',
            sqlstate=sqlstate.UNDEFINED_COLUMN,
        )
    if len(found) > 1:
        raise DatacaveError(
            f'common column name "{name}" appears more than once in {which} table',
            sqlstate=sqlstate.AMBIGUOUS_COLUMN,
        )
    return found[0]
