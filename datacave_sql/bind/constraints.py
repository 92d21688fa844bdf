"""Constraints of tables: CHECK, UNIQUE, PRIMARY KEY, FOREIGN KEY, with names made up where none is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Column, Constraint, Index, IndexKey, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, inheritance, relations, row_rules
from datacave_sql.bind.exclusion import bind_exclusion
from datacave_sql.bind.immutability import is_immutable
from datacave_sql.bind.indexable import refuse_subquery, require_indexable
from datacave_sql.bind.names import SYSTEM_COLUMNS, Scope
from datacave_sql.bind.object_names import free_name
from datacave_sql.bind.sqltext import SqlText
from datacave_sql.bind.state import Binding
from datacave_sql.bind.storage_parameters import index_parameters
from datacave_sql.bind.stored_text import mentioned_columns
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import IMPLICIT, find_coercion
from datacave_sql.parse import ast
from datacave_sql.table.key_conversion import key_conversion

_KEY_FAMILIES = (
    {oids.INT2, oids.INT4, oids.INT8},
    {oids.FLOAT4, oids.FLOAT8},
    {oids.DATE, oids.TIMESTAMP, oids.TIMESTAMPTZ},
    {oids.TEXT, oids.VARCHAR, oids.NAME},
)
"""Types that PostgreSQL's operator families compare with each other."""
_ACTIONS = {"no action": "a", "restrict": "r", "cascade": "c", "set null": "n", "set default": "d"}


def default_text(b: Binding, column: Column, node: ast.Expression) -> str | None:
    """The text of a DEFAULT, after its type has been checked; None for DEFAULT NULL. Raises 42804, 0A000."""
    bound = b.expression(node, Scope(clause="DEFAULT expressions"))
    value = coercion.coerce(b, bound, column.type_oid, column.typmod, "a", node.position)
    if value is None:
        raise DatacaveError(
            f'column "{column.name}" is of type {b.types.name(column.type_oid)} but default expression is of type '
            f"{b.types.name(bound.type)}",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            hint="You will need to rewrite or cast the expression.",
        )
    refuse_subquery(b, bound, "DEFAULT expression")
    if isinstance(value, n.Constant) and value.value is None and not _has_default(b, column.type_oid):
        return None
    return SqlText(routine=b.routine_name)(node)


def _has_default(b: Binding, type_oid: int) -> bool:
    """Whether a column without a default gets that of its domain."""
    facts = b.types.type(type_oid)
    return facts.kind == "d" and facts.default is not None


def add_column_constraint(b: Binding, draft: Any, column: Column, constraint: ast.Constraint) -> None:
    """A constraint written after a column."""
    if isinstance(constraint, ast.GeneratedConstraint):
        check_generated(b, draft.table(), draft.columns[column.number - 1], constraint.expression)
    elif isinstance(constraint, ast.UniqueConstraint):
        add_table_constraint(b, draft, replace(constraint, columns=(column.name,)))
    elif isinstance(constraint, ast.ForeignKeyConstraint):
        draft.table_constraints.append(replace(constraint, columns=(column.name,)))
    else:
        add_table_constraint(b, draft, constraint)


def add_table_constraint(b: Binding, draft: Any, constraint: ast.Constraint) -> None:
    """A constraint of the table; foreign keys wait until the keys they may refer to are known."""
    if isinstance(constraint, ast.ForeignKeyConstraint):
        return
    table = draft.table(
        indexes=tuple(index for _, index in draft.made if index is not None),
        constraints=tuple(made for made, _ in draft.made),
    )
    place = next((slot for slot, (one, _) in enumerate(draft.made) if one.name == constraint.name), None)
    if place is not None and draft.made[place][0].inherit_count and isinstance(constraint, ast.CheckConstraint):
        declared = _check(b, table, constraint)
        merged = inheritance.merge_check(b, table, draft.made[place][0], declared)
        # A partition has nothing that its parent does not have.
        draft.made[place] = (replace(merged, is_local=not draft.partition), None)
        draft.notices.append(f'merging constraint "{constraint.name}" with inherited definition')
        return
    draft.made.append(bind_constraint(b, table, constraint, draft.names))


def add_postponed(b: Binding, draft: Any) -> None:
    """The foreign keys."""
    for constraint in draft.table_constraints:
        if isinstance(constraint, ast.ForeignKeyConstraint):
            table = draft.table(
                indexes=tuple(index for _, index in draft.made if index is not None),
                constraints=tuple(made for made, _ in draft.made),
            )
            draft.made.append(bind_constraint(b, table, constraint, draft.names))


def bind_constraint(
    b: Binding, table: Table, constraint: ast.Constraint, taken: set[str]
) -> tuple[Constraint, Index | None]:
    """A constraint of a table and the index it brings; `taken` are index names of the statement."""
    if constraint.name is not None and any(known.name == constraint.name for known in table.constraints):
        raise DatacaveError(
            f'constraint "{constraint.name}" for relation "{table.name}" already exists',
            sqlstate=sqlstate.DUPLICATE_OBJECT,
        )
    if isinstance(constraint, ast.CheckConstraint):
        return _check(b, table, constraint), None
    if isinstance(constraint, ast.UniqueConstraint):
        return _unique(b, table, constraint, taken)
    if isinstance(constraint, ast.ForeignKeyConstraint):
        return _foreign_key(b, table, constraint), None
    assert isinstance(constraint, ast.ExclusionConstraint)
    return bind_exclusion(b, table, constraint, relation_taken(b, table, taken), taken)


def constraint_name(table: Table, first: str, second: str, label: str) -> str:
    """A free constraint name."""
    known = {constraint.name for constraint in table.constraints}
    return free_name(first, second, label, known.__contains__)


def table_scope(b: Binding, table: Table, clause: str) -> Scope:
    """The columns of a table (also one that is not made yet) for an expression that is stored with it."""
    return row_rules.row_scope(b, table, row_rules.row_columns(b, table), table.name, clause)


def _mentioned(b: Binding, e: n.Expression, scope: Scope) -> list[int]:
    """Numbers of the table's columns in an expression."""
    used = n.columns_used(e)
    return [
        column.attribute
        for column in scope.columns
        if isinstance(column.expression, n.ColumnReference) and column.expression.column in used
    ]


def _check(b: Binding, table: Table, constraint: ast.CheckConstraint) -> Constraint:
    scope = table_scope(b, table, "check constraints")
    bound = coercion.to_boolean(b, b.expression(constraint.expression, scope), "CHECK")
    refuse_subquery(b, bound, "check constraint")
    columns = tuple(_mentioned(b, bound, scope))
    name = constraint.name
    if name is None:
        named = {mention.parts[-1] for mention in mentioned_columns(constraint.expression) if mention.parts}
        alone = len(columns) == 1 and "tableoid" not in named
        name = constraint_name(table, table.name, table.column(columns[0]).name if alone else "", "check")
    return Constraint(
        0,
        name,
        "c",
        columns,
        SqlText(routine=b.routine_name)(constraint.expression),
        validated=not constraint.not_valid,
        no_inherit=constraint.no_inherit,
    )


def key_column(table: Table, name: str, position: int | None = None) -> Column:
    """A column named in a key. Raises 42703."""
    column = table.columns_by_name.get(name)
    if column is None:
        if table.oid:
            raise DatacaveError(
                f'column "{name}" of relation "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
            )
        raise DatacaveError(
            f'column "{name}" named in key does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN, position=position
        )
    return column


def relation_taken(b: Binding, table: Table, taken: set[str]):  # type: ignore[no-untyped-def]
    """Whether a name is in use among the relations of a table's schema."""
    return lambda name: name in taken or name == table.name or (table.schema_oid, name) in b.catalog.relation_names


def _unique(
    b: Binding, table: Table, constraint: ast.UniqueConstraint, taken: set[str]
) -> tuple[Constraint, Index | None]:
    if constraint.index_name is not None:
        return _using_index(table, constraint, relation_taken(b, table, taken))
    if constraint.primary and (table.primary_index is not None):
        raise DatacaveError(
            f'multiple primary keys for table "{table.name}" are not allowed',
            sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            position=constraint.position,
        )
    columns = [key_column(table, name, constraint.position) for name in constraint.columns]
    numbers = [column.number for column in columns]
    for column in columns:
        if numbers.count(column.number) > 1:
            word = "primary key" if constraint.primary else "unique"
            raise DatacaveError(
                f'column "{column.name}" appears twice in {word} constraint',
                sqlstate=sqlstate.DUPLICATE_COLUMN,
                position=constraint.position,
            )
        require_indexable(b, column.type_oid)
    included = tuple(key_column(table, name, constraint.position).number for name in constraint.including)
    in_use = relation_taken(b, table, taken)
    if constraint.name is not None:
        name = constraint.name
        if in_use(name):
            raise DatacaveError(f'relation "{name}" already exists', sqlstate=sqlstate.DUPLICATE_TABLE)
    elif constraint.primary:
        name = free_name(table.name, "", "pkey", in_use)
    else:
        name = free_name(table.name, "_".join(column.name for column in columns), "key", in_use)
    taken.add(name)
    deferrable = bool(constraint.deferrable or constraint.initially_deferred)
    index = Index(
        0,
        0,
        name,
        tuple(IndexKey(column.number, collation=column.collation) for column in columns),
        unique=True,
        primary=constraint.primary,
        nulls_not_distinct=constraint.nulls_not_distinct,
        included=included,
        options=index_parameters("btree", constraint.options),
        deferrable=deferrable,
    )
    return (
        Constraint(
            0,
            name,
            "p" if constraint.primary else "u",
            tuple(numbers),
            deferrable=deferrable,
            initially_deferred=bool(constraint.initially_deferred),
        ),
        index,
    )


def _using_index(
    table: Table, constraint: ast.UniqueConstraint, taken: Callable[[str], bool]
) -> tuple[Constraint, Index | None]:
    """A constraint over an index that is there. Raises 42704, 42809, 55000, 42P16, 42P07, 0A000."""
    position = constraint.position
    if table.kind == "p":
        raise FeatureNotSupported("ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables")
    index = next((one for one in table.indexes if one.name == constraint.index_name), None)
    if index is None:
        raise DatacaveError(
            f'index "{constraint.index_name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT, position=position
        )
    if constraint.primary and table.primary_index is not None:
        raise DatacaveError(
            f'multiple primary keys for table "{table.name}" are not allowed',
            sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            position=position,
        )
    if index.constraint_oid:
        raise DatacaveError(
            f'index "{index.name}" is already associated with a constraint',
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            position=position,
        )
    number = next((place for place, key in enumerate(index.keys, 1) if not _sorts_by_default(table, key)), 0)
    fault = (
        f'"{index.name}" is not a unique index' if not index.unique
        else f'index "{index.name}" contains expressions' if any(not key.column for key in index.keys)
        else f'"{index.name}" is a partial index' if index.predicate is not None
        else f'index "{index.name}" column number {number} does not have default sorting behavior' if number
        else None
    )  # fmt: skip
    if fault is not None:
        raise DatacaveError(
            fault,
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            detail="Cannot create a primary key or unique constraint using such an index.",
            position=position,
        )
    if constraint.deferrable or constraint.initially_deferred:
        raise FeatureNotSupported(
            "a deferrable constraint over an index that is there is not supported",
            hint="Add the constraint with its columns instead of USING INDEX.",
            position=position,
        )
    kind = "p" if constraint.primary else "u"
    columns = tuple(key.column for key in index.keys)
    name = constraint.name or index.name
    if name != index.name and taken(name):
        raise DatacaveError(f'relation "{name}" already exists', sqlstate=sqlstate.DUPLICATE_TABLE)
    return Constraint(0, name, kind, columns, index_oid=index.oid), None


def _sorts_by_default(table: Table, key: IndexKey) -> bool:
    """Whether a key of an index sorts as its column does by itself."""
    other = key.column and key.collation not in (0, table.column(key.column).collation)
    return not (key.descending or key.nulls_first or key.operator_class or other)


def constrained_index(index: Index, constraint: Constraint) -> Index:
    """An index that is there as the constraint over it makes it."""
    return replace(index, name=constraint.name, primary=constraint.kind == "p")


def _foreign_key(b: Binding, table: Table, constraint: ast.ForeignKeyConstraint) -> Constraint:
    columns = []
    for written in constraint.columns:
        _refuse_system_column(written)
        column = table.columns_by_name.get(written)
        if column is None:
            raise DatacaveError(
                f'column "{written}" referenced in foreign key constraint does not exist',
                sqlstate=sqlstate.UNDEFINED_COLUMN,
            )
        columns.append(column)
    referenced = _referenced_table(b, table, constraint)
    if constraint.match == "partial":
        raise FeatureNotSupported("MATCH PARTIAL not yet implemented", position=constraint.position)
    keys, index = _referenced_key(referenced, constraint, len(columns))
    for column, number in zip(columns, keys, strict=True):
        label = constraint.name or constraint_name(table, table.name, "_".join(constraint.columns), "fkey")
        check_comparable(b, label, column, referenced.column(number))
    name = constraint.name
    if name is None:
        name = constraint_name(table, table.name, "_".join(column.name for column in columns), "fkey")
    set_columns = tuple(dict.fromkeys(_set_column(table, columns, word) for word in constraint.delete_columns))
    same = referenced.oid == table.oid
    return Constraint(
        0,
        name,
        "f",
        tuple(column.number for column in columns),
        index_oid=index.oid,
        referenced_table_oid=0 if same and not table.oid else referenced.oid,
        referenced_columns=keys,
        on_update=_ACTIONS[constraint.on_update],
        on_delete=_ACTIONS[constraint.on_delete],
        delete_set_columns=set_columns,
        match=constraint.match[0],
        deferrable=bool(constraint.deferrable or constraint.initially_deferred),
        initially_deferred=bool(constraint.initially_deferred),
        validated=not constraint.not_valid,
    )


def _refuse_system_column(name: str) -> None:
    if name in SYSTEM_COLUMNS:
        raise FeatureNotSupported("system columns cannot be used in foreign keys")


def _set_column(table: Table, columns: Sequence[Column], name: str) -> int:
    for column in columns:
        if column.name == name:
            return column.number
    if name not in table.columns_by_name:
        raise DatacaveError(
            f'column "{name}" referenced in foreign key constraint does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
        )
    raise DatacaveError(
        f'column "{name}" referenced in ON DELETE SET action must be part of foreign key',
        sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
    )


def _referenced_table(b: Binding, table: Table, constraint: ast.ForeignKeyConstraint) -> Table:
    name = constraint.referenced.name
    if name[-1] == table.name:
        schema = relations.split_relation_name(b, name, constraint.referenced.position)[0]
        known = b.catalog.schemas.get(table.schema_oid)
        if known is None and schema in (None, "pg_temp"):
            # The first temporary table of a session: its schema is made with it.
            return table
        if known is not None and (schema == known.name or (schema is None and _comes_first(b, known.name, name[-1]))):
            return table
    found = relations.require_table(b, name, constraint.referenced.position)
    if found.kind not in ("r", "p"):
        raise DatacaveError(f'referenced relation "{found.name}" is not a table', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if found.persistence != table.persistence and "t" in (found.persistence, table.persistence):
        words = "temporary" if table.persistence == "t" else "permanent"
        raise DatacaveError(
            f"constraints on {words} tables may reference only {words} tables",
            sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
        )
    return found


def _comes_first(b: Binding, schema: str, name: str) -> bool:
    """Whether the table that is being made is the one a bare name will find."""
    for candidate in relations.search_schemas(b):
        if candidate == schema:
            return True
        if relations.relation_in(b, candidate, name) is not None:
            return False
    return False


def _referenced_key(table: Table, constraint: ast.ForeignKeyConstraint, count: int) -> tuple[tuple[int, ...], Index]:
    """The referenced columns, in the order written, and the unique index over them."""
    if not constraint.referenced_columns:
        index = table.primary_index
        if index is None:
            raise DatacaveError(
                f'there is no primary key for referenced table "{table.name}"', sqlstate=sqlstate.UNDEFINED_OBJECT
            )
        numbers = tuple(key.column for key in index.keys)
    else:
        found = []
        for name in constraint.referenced_columns:
            _refuse_system_column(name)
            column = table.columns_by_name.get(name)
            if column is None:
                raise DatacaveError(
                    f'column "{name}" referenced in foreign key constraint does not exist',
                    sqlstate=sqlstate.UNDEFINED_COLUMN,
                )
            found.append(column.number)
        numbers = tuple(found)
        candidates = [
            candidate
            for candidate in table.indexes
            if candidate.unique
            and candidate.predicate is None
            and not candidate.exclusion
            and len(candidate.keys) == len(numbers)
            and {key.column for key in candidate.keys} == set(numbers)
        ]
        if not candidates:
            raise DatacaveError(
                f'there is no unique constraint matching given keys for referenced table "{table.name}"',
                sqlstate=sqlstate.INVALID_FOREIGN_KEY,
            )
        index = candidates[0]
    if index.deferrable:
        raise DatacaveError(
            f'cannot use a deferrable unique constraint for referenced table "{table.name}"',
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        )
    if len(numbers) != count:
        raise DatacaveError(
            "number of referencing and referenced columns for foreign key disagree",
            sqlstate=sqlstate.INVALID_FOREIGN_KEY,
        )
    return numbers, index


def check_retyped(b: Binding, table: Table, changed: Column) -> None:
    """Raises 42804, 0A000 where foreign keys of the table or to it do not allow the new type of a column."""
    pairs = [(table, one) for one in table.constraints if one.kind == "f"] + list(b.catalog.foreign_keys_to(table.oid))
    for referring, constraint in pairs:
        referenced = b.catalog.tables.get(constraint.referenced_table_oid)
        # Both columns of a table that refers to itself may change in one statement.
        if referenced is None or referenced.oid == referring.oid:
            continue
        for here, there in zip(constraint.columns, constraint.referenced_columns, strict=True):
            if referring.oid == table.oid and here == changed.number:
                check_comparable(b, constraint.name, changed, referenced.column(there))
            elif referenced.oid == table.oid and there == changed.number:
                check_comparable(b, constraint.name, referring.column(here), changed)


def check_comparable(b: Binding, label: str, column: Column, referenced: Column) -> None:
    """Raises 42804 where an index over the referenced column cannot be asked for values of the other type, and 0A000
    where Datacave cannot do so."""
    own, other = b.types.base(column.type_oid), b.types.base(referenced.type_oid)
    if own == other or any(own in family and other in family for family in _KEY_FAMILIES):
        fits = True
    else:
        fits = find_coercion(own, other, IMPLICIT, b.types) is not None
    if not fits:
        raise DatacaveError(
            f'foreign key constraint "{label}" cannot be implemented',
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            detail=f'Key columns "{column.name}" and "{referenced.name}" are of incompatible types: '
            f"{b.types.name(column.type_oid)} and {b.types.name(referenced.type_oid)}.",
        )
    if key_conversion(own, other) is None:
        raise FeatureNotSupported(
            f'foreign key "{label}" between columns of types {b.types.name(column.type_oid)} and '
            f"{b.types.name(referenced.type_oid)} is not supported",
            hint="Give both columns the same type.",
        )


def _place_of_column(b: Binding, e: n.Expression, scope: Scope, number: int) -> int | None:
    ids = {
        c.expression.column
        for c in scope.columns
        if c.attribute == number and isinstance(c.expression, n.ColumnReference)
    }
    for node in n.walk(e):
        if isinstance(node, n.ColumnReference) and node.column in ids:
            return b.position(node)
    return None


def check_generated(b: Binding, table: Table, column: Column, node: ast.Expression) -> n.Expression:
    """Binds a generation expression. Raises 42P17 for what may change by itself, 42P17 for generated columns in it."""
    scope = table_scope(b, table, "column generation expressions")
    bound = b.expression(node, scope)
    refuse_subquery(b, bound, "column generation expression")
    for number in _mentioned(b, bound, scope):
        other = table.column(number)
        if other.generated:
            raise DatacaveError(
                f'cannot use generated column "{other.name}" in column generation expression',
                sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
                detail="A generated column cannot reference another generated column.",
                position=_place_of_column(b, bound, scope, number),
            )
    if not is_immutable(b, bound):
        raise DatacaveError("generation expression is not immutable", sqlstate=sqlstate.INVALID_OBJECT_DEFINITION)
    value = coercion.coerce(b, bound, column.type_oid, column.typmod, "a", node.position)
    if value is None:
        raise DatacaveError(
            f'column "{column.name}" is of type {b.types.name(column.type_oid)} but generation expression is of type '
            f"{b.types.name(bound.type)}",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            hint="You will need to rewrite or cast the expression.",
        )
    return value
