"""Row rules: what a written row must be completed with and checked against: defaults, generated columns, CHECKs.

These expressions are stored as SQL text; they are bound anew for every statement that writes the table.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from datacave_core import sqlstate
from datacave_core.catalog import Column, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, relations
from datacave_sql.bind.access import RelationUse
from datacave_sql.bind.domains import domain_value
from datacave_sql.bind.names import Scope, Source, SourceColumn
from datacave_sql.bind.operators import builtin
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.expr import nodes as n
from datacave_sql.functions.bodies import BODIES
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.functions.registry import Function
from datacave_sql.plan import logical as l


def row_columns(b: Binding, table: Table) -> tuple[l.OutputColumn, ...]:
    """Columns for a complete row of a table, one per attribute number, dropped ones too."""
    return tuple(l.OutputColumn(b.new_id(), c.name, c.type_oid, c.typmod, table.oid, c.number) for c in table.columns)


def row_scope(
    b: Binding,
    table: Table,
    columns: tuple[l.OutputColumn, ...],
    name: str,
    clause: str,
    use: RelationUse | None = None,
) -> Scope:
    """The names of a table over such columns; `use` notes which of them are read."""
    named = tuple(
        SourceColumn(
            c.name,
            n.ColumnReference(columns[c.number - 1].id, c.type_oid, c.typmod, c.name),
            table.oid,
            c.number,
            use,
        )
        for c in table.live_columns
    )
    schema = b.catalog.schemas.get(table.schema_oid)
    source = Source(
        name,
        named,
        schema.name if schema is not None and name == table.name else None,
        table.name,
        table,
        row_type=table.row_type_oid or oids.RECORD,
    )
    if clause in ("check constraints", "column generation expressions"):
        source.system = (SourceColumn("tableoid", n.Constant(table.oid, oids.OID)),)
    return Scope(None, [source], list(named), clause)


def add_table_oid(b: Binding, scope: Scope) -> int:
    """Makes tableoid known in the names of a written row; the id of the column that stands for it."""
    number = b.new_id()
    for source in scope.sources:
        source.system = (*source.system, SourceColumn("tableoid", n.ColumnReference(number, oids.OID, -1, "tableoid")))
    return number


def add_xmax(b: Binding, scope: Scope) -> int:
    """Makes xmax known there; the id of its column, 0 for a row that no ON CONFLICT has met."""
    number = b.new_id()
    for source in scope.sources:
        source.system = (*source.system, SourceColumn("xmax", n.ColumnReference(number, oids.XID, -1, "xmax")))
    return number


def stored_expression(b: Binding, text: str, scope: Scope, schema: str | None) -> n.Expression:
    """Binds an expression from its stored text; bare names are looked for in the table's schema too."""
    environment = b.environment
    if schema is not None and schema not in environment.search_path:
        b.environment = replace(environment, search_path=(*environment.search_path, schema))
    try:
        return b.expression(expression_tree(text), scope)
    except DatacaveError as error:
        error.position = None
        raise
    finally:
        b.environment = environment


def columns_of(e: n.Expression) -> set[int]:
    """The ids of the columns in an expression."""
    return n.columns_used(e)


def schema_name(b: Binding, table: Table) -> str | None:
    """The name of a table's schema; None for a table that is not made yet."""
    schema = b.catalog.schemas.get(table.schema_oid)
    return schema.name if schema is not None else None


def assigned(
    b: Binding, e: n.Expression, column: Column, position: int | None = None, hint: bool = True
) -> n.Expression:
    """A value as it is stored in a column. Raises 42804 with PostgreSQL's words."""
    bound = coercion.coerce(b, e, column.type_oid, column.typmod, ASSIGNMENT, position)
    if bound is None:
        raise DatacaveError(
            f'column "{column.name}" is of type {b.types.name(column.type_oid)} but expression is of type '
            f"{b.types.name(e.type)}",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            hint="You will need to rewrite or cast the expression." if hint else None,
            position=position if position is not None else b.position(e),
        )
    return bound


@cache
def _next_identity_value() -> Function:
    entry = BODIES["identity_nextval"]
    return replace(builtin("nextval", (oids.REGCLASS,)), symbol="identity_nextval", entry=entry)


def default_value(b: Binding, table: Table, column: Column) -> n.Expression:
    """What DEFAULT means for a column: its default, the next value of its identity, its domain's default, or NULL."""
    if column.identity:
        for sequence in b.catalog.sequences_owned_by(table.oid, column.number):
            if sequence.identity:
                call = n.FunctionCall(_next_identity_value(), (n.Constant(sequence.oid, oids.REGCLASS),), oids.INT8)
                return assigned(b, call, column)
        raise DatacaveError(
            f'no sequence of identity column "{column.name}"', sqlstate=sqlstate.INTERNAL_ERROR, table=table.name
        )
    if column.default is not None and not column.generated:
        e = stored_expression(b, column.default, Scope(clause="DEFAULT expressions"), schema_name(b, table))
        return assigned(b, e, column)
    facts = b.types.type(column.type_oid)
    if facts.kind == "d" and facts.default is not None:
        e = stored_expression(b, facts.default, Scope(clause="DEFAULT expressions"), schema_name(b, table))
        return assigned(b, e, column)
    if facts.kind == "d":
        return domain_value(b, n.Constant(None, b.types.base(column.type_oid)), column.type_oid)
    return n.Constant(None, column.type_oid, column.typmod)


def generated_values(
    b: Binding, table: Table, columns: tuple[l.OutputColumn, ...]
) -> tuple[tuple[int, n.Expression], ...]:
    """The expressions of stored generated columns over a complete row."""
    found = []
    for column in table.live_columns:
        if column.generated and column.default is not None:
            scope = row_scope(b, table, columns, table.name, "column generation expressions")
            e = stored_expression(b, column.default, scope, schema_name(b, table))
            found.append((column.number, assigned(b, e, column)))
    return tuple(found)


def checks(b: Binding, table: Table, columns: tuple[l.OutputColumn, ...]) -> tuple[tuple[str, n.Expression], ...]:
    """The CHECK constraints of a table over a complete row, in the order of their names, as PostgreSQL tests them."""
    found = []
    for constraint in sorted(table.constraints, key=lambda c: c.name):
        if constraint.kind == "c" and constraint.expression is not None:
            scope = row_scope(b, table, columns, table.name, "check constraints")
            e = stored_expression(b, constraint.expression, scope, schema_name(b, table))
            found.append((constraint.name, coercion.to_boolean(b, e, "CHECK")))
    return tuple(found)


def writable_table(b: Binding, item, verb: str) -> Table:  # type: ignore[no-untyped-def]
    """The table or view that INSERT, UPDATE or DELETE names. Raises 42P01, 42809 and 42501."""
    table = relations.find_relation(b, item.name, item.position)
    if table is None and item.name[-1] in b.environment.transition_tables:
        raise FeatureNotSupported(f'relation "{item.name[-1]}" cannot be the target of a modifying statement')
    if table is None:
        raise relations.undefined_relation(item.name, item.position)
    if not isinstance(table, Table):
        if hasattr(table, "rows"):
            raise DatacaveError(
                f'permission denied: "{item.name[-1]}" is a system catalog', sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE
            )
        raise DatacaveError(f'cannot change sequence "{item.name[-1]}"', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if table.kind == "m":
        raise DatacaveError(f'cannot change materialized view "{table.name}"', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if table.kind == "c":
        raise DatacaveError(
            f'"{table.name}" is a composite type', sqlstate=sqlstate.WRONG_OBJECT_TYPE, position=item.position
        )
    if b.moment is not None:
        raise FeatureNotSupported("the past cannot be written: AS OF SYSTEM TIME is for queries")
    b.writes = b.modifies_data = True
    return table
