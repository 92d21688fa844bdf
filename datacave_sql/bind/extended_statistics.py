"""CREATE, ALTER and DROP STATISTICS: objects that ask for statistics over several columns of a table, as they will be.

They are parts of their table, but have names of their own in a schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from datacave_core import sqlstate
from datacave_core.catalog import ExtendedStatistics, Schema, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import coercion, objects, relations, row_rules
from datacave_sql.bind import statements as s
from datacave_sql.bind.bound_rules import ChangeStatistics
from datacave_sql.bind.immutability import is_immutable
from datacave_sql.bind.indexable import is_sortable, refuse_subquery
from datacave_sql.bind.names import SYSTEM_COLUMNS, Scope
from datacave_sql.bind.sqltext import SqlText
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast

COLUMNS_MAX = 8
TARGET_MAX = 10000
_KINDS = {"ndistinct": "d", "dependencies": "f", "mcv": "m"}
_RELATIONS = {"v": "views", "c": "composite types"}


def bind_create_statistics(b: Binding, statement: ast.CreateStatistics, entries: object) -> s.BoundStatement:
    """CREATE STATISTICS. Raises 42710, 42809, 42601, 42703, 42701, 42P17, 54011, 0A000 as PostgreSQL does."""
    schema = relations.creation_schema(b, statement.name, statement.position, False)
    name = statement.name[-1]
    if len(statement.from_items) != 1 or not isinstance(statement.from_items[0], ast.TableRef):
        raise FeatureNotSupported("only a single relation is allowed in CREATE STATISTICS")
    item = statement.from_items[0]
    table = relations.require_table(b, item.name, item.position)
    if table.kind not in ("r", "p", "m"):
        raise DatacaveError(
            f'cannot define statistics for relation "{table.name}"',
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            detail=f"This operation is not supported for {_RELATIONS[table.kind]}.",
        )
    if _in_schema(b, schema, name) is not None:
        message = f'statistics object "{name}" already exists'
        if statement.if_not_exists:
            return s.NothingToDo("CREATE STATISTICS", ((f"{message}, skipping", sqlstate.DUPLICATE_OBJECT),))
        raise DatacaveError(message, sqlstate=sqlstate.DUPLICATE_OBJECT)
    if len(statement.elements) > COLUMNS_MAX:
        raise DatacaveError(
            f"cannot have more than {COLUMNS_MAX} columns in statistics", sqlstate=sqlstate.TOO_MANY_COLUMNS
        )
    columns, expressions = _elements(b, table, statement)
    kinds = _kinds(statement, len(columns), len(expressions))
    made = ExtendedStatistics(0, name, schema.oid, 0, kinds, columns, expressions)
    return ChangeStatistics(((table, (*table.statistics, made)),), "CREATE STATISTICS", schema)


def _elements(b: Binding, table: Table, statement: ast.CreateStatistics) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """(numbers of the columns, texts of the expressions)."""
    columns: list[int] = []
    texts: list[str] = []
    scope = row_rules.row_scope(b, table, row_rules.row_columns(b, table), table.name, "statistics expressions")
    for node in statement.elements:
        if isinstance(node, ast.ColumnRef) and len(node.parts) == 1 and not node.star:
            number = _column(b, table, node.parts[0])
            if number in columns:
                raise DatacaveError(
                    "duplicate column name in statistics definition", sqlstate=sqlstate.DUPLICATE_COLUMN
                )
            columns.append(number)
            continue
        text = _expression(b, scope, node, len(statement.elements) > 1)
        if text in texts:
            raise DatacaveError("duplicate expression in statistics definition", sqlstate=sqlstate.DUPLICATE_COLUMN)
        texts.append(text)
    return tuple(sorted(columns)), tuple(texts)


def _column(b: Binding, table: Table, name: str) -> int:
    column = table.columns_by_name.get(name)
    if column is None:
        if name in SYSTEM_COLUMNS:
            raise FeatureNotSupported("statistics creation on system columns is not supported")
        raise DatacaveError(f'column "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN)
    if not is_sortable(b, column.type_oid):
        raise FeatureNotSupported(
            f'column "{name}" cannot be used in statistics because its type {b.types.name(column.type_oid)} has no '
            "default btree operator class"
        )
    return column.number


def _expression(b: Binding, scope: Scope, node: ast.Expression, several: bool) -> str:
    bound = coercion.settled(b, b.expression(node, scope))
    refuse_subquery(b, bound, "statistics expression")
    if not is_immutable(b, bound):
        raise DatacaveError(
            "functions in statistics expression must be marked IMMUTABLE", sqlstate=sqlstate.INVALID_OBJECT_DEFINITION
        )
    if several and not is_sortable(b, bound.type):
        raise FeatureNotSupported(
            "expression cannot be used in multivariate statistics because its type "
            f"{b.types.name(bound.type)} has no default btree operator class"
        )
    return SqlText(routine=b.routine_name)(node)


def _kinds(statement: ast.CreateStatistics, columns: int, expressions: int) -> str:
    single = not columns and expressions == 1
    if single and statement.kinds:
        raise DatacaveError(
            "when building statistics on a single expression, statistics kinds may not be specified",
            sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
        )
    if columns + expressions < 2 and not single:
        raise DatacaveError(
            "extended statistics require at least 2 columns", sqlstate=sqlstate.INVALID_OBJECT_DEFINITION
        )
    for kind in statement.kinds:
        if kind not in _KINDS:
            raise DatacaveError(f'unrecognized statistics kind "{kind}"', sqlstate=sqlstate.SYNTAX_ERROR)
    wanted = {_KINDS[kind] for kind in statement.kinds} or ({*"dfm"} if not single else set())
    return "".join(letter for letter in "dfm" if letter in wanted) + ("e" if expressions else "")


# --- statistics that are there ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """A statistics object and its table."""

    table: Table
    statistics: ExtendedStatistics


def all_statistics(b: Binding) -> Iterator[Found]:
    """Every statistics object."""
    for table in b.catalog.tables.values():
        for one in table.statistics:
            yield Found(table, one)


def _in_schema(b: Binding, schema: Schema, name: str) -> Found | None:
    for found in all_statistics(b):
        if found.statistics.schema_oid == schema.oid and found.statistics.name == name:
            return found
    return None


def find_statistics(b: Binding, name: ast.QualifiedName, position: int | None = None) -> Found | None:
    """A statistics object by name. Raises 3F000."""
    given, bare = relations.split_relation_name(b, name, position or 0)
    if given is not None:
        return _in_schema(b, relations.require_schema(b, given), bare)
    for schema_name in relations.search_schemas(b):
        schema = b.catalog.schema_named(schema_name)
        if schema is not None and (found := _in_schema(b, schema, bare)) is not None:
            return found
    return None


def require_statistics(b: Binding, name: ast.QualifiedName, position: int | None = None) -> Found:
    """A statistics object by name. Raises 42704, 3F000."""
    found = find_statistics(b, name, position)
    if found is None:
        raise DatacaveError(
            f'statistics object "{relations.dotted(name)}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
        )
    return found


def _changed(found: Found, changed: ExtendedStatistics, schema: Schema | None = None) -> ChangeStatistics:
    new = tuple(changed if one.oid == changed.oid else one for one in found.table.statistics)
    return ChangeStatistics(((found.table, new),), "ALTER STATISTICS", schema, (found.statistics,))


def bind_drop_statistics(b: Binding, statement: ast.Drop) -> s.BoundStatement:
    """DROP STATISTICS. Raises 42704."""
    gone: dict[int, Found] = {}
    notices: list[tuple[str, str]] = []
    for name in statement.names:
        found = find_statistics(b, name, statement.position)
        if found is None and statement.if_exists:
            message = f'statistics object "{relations.dotted(name)}" does not exist, skipping'
            notices.append((message, sqlstate.SUCCESSFUL_COMPLETION))
            continue
        found = found or require_statistics(b, name)
        gone[found.statistics.oid] = found
    tables = {found.table.oid: found.table for found in gone.values()}
    changes = tuple((table, tuple(one for one in table.statistics if one.oid not in gone)) for table in tables.values())
    subjects = tuple(found.statistics for found in gone.values())
    return ChangeStatistics(changes, "DROP STATISTICS", None, subjects, tuple(notices))


def bind_alter_statistics(b: Binding, statement: ast.AlterStatistics, entries: object) -> s.BoundStatement:
    """ALTER STATISTICS SET STATISTICS. Raises 42704, 22023."""
    found = find_statistics(b, statement.name, statement.position)
    if found is None and statement.if_exists:
        message = f'statistics object "{relations.dotted(statement.name)}" does not exist, skipping'
        return s.NothingToDo("ALTER STATISTICS", ((message, sqlstate.SUCCESSFUL_COMPLETION),))
    if statement.target < -1:
        raise DatacaveError(
            f"statistics target {statement.target} is too low", sqlstate=sqlstate.INVALID_PARAMETER_VALUE
        )
    found = found or require_statistics(b, statement.name)
    return _changed(found, replace(found.statistics, target=min(statement.target, TARGET_MAX)))


def rename_statistics(b: Binding, statement: ast.Rename) -> s.BoundStatement:
    """ALTER STATISTICS RENAME TO. Raises 42704, 42710."""
    found = require_statistics(b, statement.name, statement.position)
    schema = b.catalog.schemas[found.statistics.schema_oid]
    _check_free(b, schema, statement.new_name)
    return _changed(found, replace(found.statistics, name=statement.new_name), schema)


def move_statistics(b: Binding, statement: ast.SetSchema) -> s.BoundStatement:
    """ALTER STATISTICS SET SCHEMA. Raises 42704, 42710, 3F000."""
    found = require_statistics(b, statement.name, statement.position)
    schema = relations.require_schema(b, statement.schema)
    if schema.oid == found.statistics.schema_oid:
        return s.NothingToDo("ALTER STATISTICS")
    _check_free(b, schema, found.statistics.name)
    return _changed(found, replace(found.statistics, schema_oid=schema.oid), schema)


def own_statistics(b: Binding, statement: ast.ChangeOwner) -> s.BoundStatement:
    """ALTER STATISTICS OWNER TO. Raises 42704."""
    found = require_statistics(b, statement.name, statement.position)
    return _changed(found, replace(found.statistics, owner_oid=objects.role_oid(b, statement.role)))


def _check_free(b: Binding, schema: Schema, name: str) -> None:
    if _in_schema(b, schema, name) is not None:
        raise DatacaveError(
            f'statistics object "{name}" already exists in schema "{schema.name}"', sqlstate=sqlstate.DUPLICATE_OBJECT
        )


EXTENDED_STATISTICS: Mapping[type, Callable[..., s.BoundStatement]] = {
    ast.CreateStatistics: bind_create_statistics,
    ast.AlterStatistics: bind_alter_statistics,
}
