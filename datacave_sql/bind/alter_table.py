"""ALTER TABLE: every action bound against the table as the actions before it leave it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Index, Sequence, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import (
    alter_columns,
    alter_constraints,
    alter_inheritance,
    partition_parts,
    relations,
    table_changes,
)
from datacave_sql.bind import statements as s
from datacave_sql.bind.alter_composite import bind_alter_attributes
from datacave_sql.bind.alteration import Alteration, wrong_kind
from datacave_sql.bind.objects import require_type, role_oid
from datacave_sql.bind.rules import ENABLED, switched
from datacave_sql.bind.state import Binding
from datacave_sql.bind.storage_parameters import (
    changed_parameters,
    index_parameters,
    table_parameters,
    view_parameters,
)
from datacave_sql.bind.triggers import SWITCHES, switch_triggers
from datacave_sql.parse import ast

TAGS = {
    "table": "ALTER TABLE",
    "view": "ALTER VIEW",
    "materialized view": "ALTER MATERIALIZED VIEW",
    "sequence": "ALTER SEQUENCE",
    "index": "ALTER INDEX",
    "type": "ALTER TYPE",
    "foreign table": "ALTER FOREIGN TABLE",
}
_KIND_WORDS = {"v": "views", "m": "materialized views", "c": "composite types", "p": "partitioned tables"}


def bind_alter_table(b: Binding, statement: ast.AlterTable, entries: object) -> s.BoundStatement:
    """ALTER TABLE and its kin. Raises 42P01, 42703, 42809, and 0A000 for actions Datacave has not."""
    if statement.kind == "index":
        return _alter_index(b, statement)
    if statement.kind == "sequence":
        return _alter_sequence(b, statement)
    if statement.kind == "type":
        return bind_alter_attributes(b, statement)
    found = relations.find_relation(b, statement.table.name, statement.table.position)
    tag = TAGS[statement.kind]
    if found is None:
        if statement.if_exists:
            notice = f'relation "{statement.table.name[-1]}" does not exist, skipping'
            return s.NothingToDo(tag, ((notice, "00000"),))
        raise relations.undefined_relation(statement.table.name, None)
    if isinstance(found, Sequence) and isinstance(statement.actions[0], ast.OwnerTo):
        return _alter_sequence(b, statement)
    if not isinstance(found, Table):
        if not isinstance(found, Sequence):
            raise DatacaveError(
                f'permission denied: "{statement.table.name[-1]}" is a system catalog',
                sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
            )
        raise DatacaveError(f'"{statement.table.name[-1]}" is not a table', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    _check_kind(statement, found)
    root = Alteration(b, found, not statement.table.only)
    for action in statement.actions:
        bind = _ACTIONS.get(type(action))
        if bind is None:
            raise _unsupported(action)
        bind(root, action)
    for one in root.known.values():
        _foreign_keys_last(one)
    below = [one for one in root.known.values() if one is not root and (one.actions or one.notices)]
    bound = root.statement(tag, found)
    if not below:
        return bound
    return replace(bound, below=tuple(one.statement(tag, b.catalog.tables[one.table.oid]) for one in below))


def _foreign_keys_last(alteration: Alteration) -> None:
    """Foreign keys come after the keys they may refer to."""
    last: list[table_changes.AlterAction] = [
        a for a in alteration.actions if isinstance(a, table_changes.AddConstraint) and a.constraint.kind == "f"
    ]
    alteration.actions = [a for a in alteration.actions if a not in last] + last


_OF_VIEWS = (ast.OwnerTo, ast.SetOptions, ast.AlterColumnDefault)
_OF_MATERIALIZED_VIEWS = (
    ast.OwnerTo, ast.SetOptions, ast.AlterColumnStatistics, ast.AlterColumnStorage, ast.AlterColumnOptions,
    ast.TableSwitch,
)  # fmt: skip


def _check_kind(statement: ast.AlterTable, table: Table) -> None:
    wanted = {"table": "r", "view": "v", "materialized view": "m"}.get(statement.kind)
    if wanted is None or (statement.kind != "table" and table.kind != wanted):
        raise wrong_kind(f'"{table.name}" is not a {statement.kind}')
    if table.kind not in ("r", "p"):
        allowed = _OF_VIEWS if table.kind == "v" else _OF_MATERIALIZED_VIEWS if table.kind == "m" else ()
        for action in statement.actions:
            if not isinstance(action, allowed):
                raise wrong_kind(
                    f'ALTER action {action_words(action)} cannot be performed on relation "{table.name}"',
                    f"This operation is not supported for {_KIND_WORDS[table.kind]}.",
                )


def action_words(action: ast.AlterAction) -> str:
    """An action as messages name it."""
    if isinstance(action, ast.TableSwitch):
        return action.words.upper()
    if isinstance(action, ast.AlterColumnNotNull):
        return f"ALTER COLUMN ... {'SET' if action.not_null else 'DROP'} NOT NULL"
    if isinstance(action, ast.AlterColumnDefault):
        return "ALTER COLUMN ... SET DEFAULT"
    if isinstance(action, ast.InheritParent):
        return "NO INHERIT" if action.remove else "INHERIT"
    return _WORDS.get(type(action), "")


_WORDS: dict[type, str] = {
    ast.AddColumn: "ADD COLUMN",
    ast.DropColumn: "DROP COLUMN",
    ast.AlterColumnType: "ALTER COLUMN ... SET DATA TYPE",
    ast.AlterColumnStatistics: "ALTER COLUMN ... SET STATISTICS",
    ast.AlterColumnStorage: "ALTER COLUMN ... SET STORAGE",
    ast.AlterColumnOptions: "ALTER COLUMN ... SET",
    ast.DropColumnExpression: "ALTER COLUMN ... DROP EXPRESSION",
    ast.AddIdentity: "ALTER COLUMN ... ADD IDENTITY",
    ast.SetIdentity: "ALTER COLUMN ... SET",
    ast.DropIdentity: "ALTER COLUMN ... DROP IDENTITY",
    ast.AddConstraint: "ADD CONSTRAINT",
    ast.DropConstraint: "DROP CONSTRAINT",
    ast.AlterConstraint: "ALTER CONSTRAINT",
    ast.ValidateConstraint: "VALIDATE CONSTRAINT",
    ast.SetOptions: "SET",
    ast.OwnerTo: "OWNER TO",
    ast.AttachPartition: "ATTACH PARTITION",
    ast.DetachPartition: "DETACH PARTITION",
}


def _unsupported(action: ast.AlterAction) -> FeatureNotSupported:
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in type(action).__name__).strip().upper()
    return FeatureNotSupported(f"ALTER TABLE action {words} is not supported", position=action.position)


def _parameters(table: Table, action: ast.SetOptions) -> tuple[tuple[str, str], ...]:
    if table.kind != "v":
        return table_parameters(action.options, reset=action.reset, temporary=table.persistence == "t")
    return view_parameters(action.options, reset=action.reset)


def _set_options(a: Alteration, action: ast.SetOptions) -> None:
    if a.table.kind == "p":
        raise DatacaveError(
            "cannot specify storage parameters for a partitioned table",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            hint="Specify storage parameters for its leaf partitions, instead.",
        )
    options = changed_parameters(a.table, _parameters(a.table, action), reset=action.reset)
    a.actions.append(table_changes.SetTableOptions(options))
    a.table = replace(a.table, options=options)


def _owner(a: Alteration, action: ast.OwnerTo) -> None:
    a.actions.append(table_changes.SetOwner(role_oid(a.b, action.role)))


_HARMLESS = frozenset(
    {"set without oids", "no force row level security",
     "disable row level security"}
)  # fmt: skip
"""Switches whose wanted state is the only one that Datacave has."""


def _switch(a: Alteration, action: ast.TableSwitch) -> None:
    if action.words in ("set logged", "set unlogged"):
        persistence = "p" if action.words == "set logged" else "u"
        if a.table.persistence == "t":
            raise DatacaveError(
                f'cannot change logged status of table "{a.table.name}" because it is temporary',
                sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            )
        _check_persistence_of_keys(a, persistence)
        a.actions.append(table_changes.SetPersistence(persistence))
    elif action.words.endswith("row level security"):
        _switch_row_security(a, action.words)
    elif action.words in ENABLED:
        a.actions.append(table_changes.SetRules(switched(a.table, action.words, action.name or "")))
    elif action.words in SWITCHES:
        switch_triggers(a, action.words, action.name or "")
    elif action.words in _HARMLESS:
        return
    elif action.words.startswith("replica identity"):
        _replica_identity(a, action)
    elif action.words in ("cluster on", "set without cluster"):
        _cluster(a, action)
    elif action.words in ("of", "not of"):
        _of_type(a, action)
    else:
        raise FeatureNotSupported(f"{action.words.upper()} is not supported", position=action.position)


def _check_persistence_of_keys(a: Alteration, persistence: str) -> None:
    """A logged table has no foreign key to an unlogged one. Raises 42P16."""
    table, catalog = a.table, a.b.catalog
    if persistence == "p":
        others = [catalog.tables[one.referenced_table_oid] for one in table.constraints if one.kind == "f"]
        wrong, words = "u", "to logged because it references unlogged"
    else:
        others = [other for other, _ in catalog.foreign_keys_to(table.oid)]
        wrong, words = "p", "to unlogged because it references logged"
    for other in others:
        if other.oid != table.oid and other.persistence == wrong:
            raise DatacaveError(
                f'could not change table "{table.name}" {words} table "{other.name}"',
                sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            )


def _switch_row_security(a: Alteration, words: str) -> None:
    verb = words.removesuffix(" row level security")
    if verb in ("enable", "disable"):
        a.actions.append(table_changes.SetRowSecurity(enabled=verb == "enable"))
    else:
        a.actions.append(table_changes.SetRowSecurity(forced=verb == "force"))


def _cluster(a: Alteration, action: ast.TableSwitch) -> None:
    """CLUSTER ON is kept for tools that read it back: rows lie in the order of the primary key."""
    if a.table.kind == "p":
        raise DatacaveError("cannot mark index clustered in partitioned table", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    oid = 0
    if action.name is not None:
        index = next((one for one in a.table.indexes if one.name == action.name), None)
        if index is None:
            raise DatacaveError(
                f'index "{action.name}" for table "{a.table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
            )
        if index.predicate is not None:
            raise DatacaveError(
                f'cannot cluster on partial index "{index.name}"', sqlstate=sqlstate.FEATURE_NOT_SUPPORTED
            )
        if index.method != "btree":
            raise DatacaveError(
                f'cannot cluster on index "{index.name}" because access method does not support clustering',
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            )
        oid = index.oid
    a.actions.append(table_changes.SetClusterIndex(oid))
    a.table = replace(a.table, cluster_index_oid=oid)


def _of_type(a: Alteration, action: ast.TableSwitch) -> None:
    """OF type, NOT OF. Raises 42804 for columns that differ from the attributes."""
    if action.name is None:
        if not a.table.of_type_oid:
            raise wrong_kind(f'"{a.table.name}" is not a typed table')
        a.actions.append(table_changes.SetOfType(0))
        a.table = replace(a.table, of_type_oid=0)
        return
    definition = require_type(a.b, tuple(action.name.split(".")))
    if definition.kind != "c":
        raise wrong_kind(f"type {a.b.types.name(definition.oid)} is not a composite type")
    if a.table.parents:
        raise wrong_kind("typed tables cannot inherit")
    columns = list(a.table.live_columns)
    for attribute in definition.attributes:
        if attribute.dropped:
            continue
        column = columns.pop(0) if columns else None
        if column is None:
            raise DatacaveError(f'table is missing column "{attribute.name}"', sqlstate=sqlstate.DATATYPE_MISMATCH)
        if column.name != attribute.name:
            raise DatacaveError(
                f'table has column "{column.name}" where type requires "{attribute.name}"',
                sqlstate=sqlstate.DATATYPE_MISMATCH,
            )
        if (column.type_oid, column.typmod) != (attribute.type_oid, attribute.typmod):
            raise DatacaveError(
                f'table "{a.table.name}" has different type for column "{column.name}"',
                sqlstate=sqlstate.DATATYPE_MISMATCH,
            )
    if columns:
        raise DatacaveError(f'table has extra column "{columns[0].name}"', sqlstate=sqlstate.DATATYPE_MISMATCH)
    a.actions.append(table_changes.SetOfType(definition.oid))
    a.table = replace(a.table, of_type_oid=definition.oid)


def _replica_identity(a: Alteration, action: ast.TableSwitch) -> None:
    """Kept for tools that read it back: nothing is replicated by rows yet."""
    word = action.words.removeprefix("replica identity ")
    if word != "using index":
        a.actions.append(table_changes.SetReplicaIdentity(word[0]))
        a.table = replace(a.table, replica_identity=word[0], replica_index_oid=0)
        return
    index = next((one for one in a.table.indexes if one.name == action.name), None)
    if index is None:
        schema = a.b.catalog.schemas[a.table.schema_oid]
        if (schema.oid, action.name or "") in a.b.catalog.relation_names:
            raise wrong_kind(f'"{action.name}" is not an index for table "{a.table.name}"')
        raise DatacaveError(
            f'index "{action.name}" for table "{a.table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
        )
    problem = None
    if not index.unique:
        problem = f'cannot use non-unique index "{index.name}" as replica identity'
    elif index.deferrable:
        problem = f'cannot use non-immediate index "{index.name}" as replica identity'
    elif any(not key.column for key in index.keys):
        problem = f'cannot use expression index "{index.name}" as replica identity'
    elif index.predicate is not None:
        problem = f'cannot use partial index "{index.name}" as replica identity'
    if problem is not None:
        raise wrong_kind(problem)
    for key in index.keys:
        column = a.table.column(key.column)
        if not column.not_null:
            raise wrong_kind(
                f'index "{index.name}" cannot be used as replica identity because column "{column.name}" is nullable'
            )
    a.actions.append(table_changes.SetReplicaIdentity("i", index.oid))
    a.table = replace(a.table, replica_identity="i", replica_index_oid=index.oid)


def _alter_index(b: Binding, statement: ast.AlterTable) -> s.BoundStatement:
    found = relations.find_index(b, statement.table.name, statement.table.position)
    if found is None:
        if statement.if_exists:
            notice = f'relation "{statement.table.name[-1]}" does not exist, skipping'
            return s.NothingToDo("ALTER INDEX", ((notice, "00000"),))
        raise relations.undefined_relation(statement.table.name, None)
    table, index = found
    for action in statement.actions:
        if isinstance(action, ast.SetOptions):
            if table.kind == "p":
                raise DatacaveError(
                    f'ALTER action {"RESET" if action.reset else "SET"} cannot be performed on relation "{index.name}"',
                    sqlstate=sqlstate.WRONG_OBJECT_TYPE,
                    detail="This operation is not supported for partitioned indexes.",
                )
            written = index_parameters(index.method, action.options, reset=action.reset)
            index = replace(index, options=changed_parameters(index, written, reset=action.reset))
        elif isinstance(action, ast.AttachPartition):
            return _attach_index(b, action, table, index)
        elif isinstance(action, ast.AlterColumnStatistics):
            index = _index_statistics(table, index, action)
        else:
            raise _unsupported(action)
    return s.AlterIndex(table, index)


def _index_statistics(table: Table, index: Index, action: ast.AlterColumnStatistics) -> Index:
    """ALTER COLUMN number SET STATISTICS, for the expressions of an index. Raises 42703, 0A000, 22023."""
    number, target = action.column, action.target
    if isinstance(number, str):
        raise DatacaveError(
            f'column "{number}" of relation "{index.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
        )
    if number > len(index.keys) + len(index.included):
        raise DatacaveError(
            f'column number {number} of relation "{index.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
        )
    if number > len(index.keys):
        included = table.column(index.included[number - len(index.keys) - 1])
        raise FeatureNotSupported(
            f'cannot alter statistics on included column "{included.name}" of index "{index.name}"'
        )
    key = index.keys[number - 1]
    if key.column:
        raise DatacaveError(
            f'cannot alter statistics on non-expression column "{table.column(key.column).name}" of index '
            f'"{index.name}"',
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            hint="Alter statistics on table column instead.",
        )
    if target < -1:
        raise DatacaveError(f"statistics target {target} is too low", sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    keys = list(index.keys)
    keys[number - 1] = replace(key, statistics_target=min(target, alter_columns.STATISTICS_TARGET_MAX))
    return replace(index, keys=tuple(keys))


def _attach_index(b: Binding, action: ast.AttachPartition, table: Table, index: Index) -> s.BoundStatement:
    """ALTER INDEX .. ATTACH PARTITION. Raises 42P01, 42809, 55000 for an index that does not fit."""
    found = relations.find_index(b, action.table, action.position)
    if found is None:
        raise relations.undefined_relation(action.table, None)
    owner, part = found
    if part.parent_oid == index.oid:
        return s.NothingToDo("ALTER INDEX")
    problem = None
    numbers: dict[int, int] = {}
    if table.kind != "p":
        raise wrong_kind(f'"{index.name}" is not a partitioned index')
    if part.parent_oid:
        problem = f'Index "{part.name}" is already attached to another index.'
    elif table.oid not in owner.parents:
        problem = f'Index "{part.name}" is not an index on any partition of table "{table.name}".'
    else:
        numbers = {c.number: owner.columns_by_name[c.name].number for c in table.live_columns}
        if any(one.parent_oid == index.oid for one in owner.indexes):
            problem, numbers = f'Another index is already attached for partition "{owner.name}".', {}
        elif index.constraint_oid and not part.constraint_oid:
            problem = (
                f'The index "{index.name}" belongs to a constraint in table "{table.name}" but no constraint exists '
                f'for index "{part.name}".'
            )
        elif not partition_parts.is_part(index, part, numbers):
            problem = "The index definitions do not match."
    if problem is not None:
        raise DatacaveError(
            f'cannot attach index "{part.name}" as a partition of index "{index.name}"',
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE if not numbers else sqlstate.INVALID_OBJECT_DEFINITION,
            detail=problem,
        )
    return s.AlterIndex(owner, replace(part, parent_oid=index.oid))


def _alter_sequence(b: Binding, statement: ast.AlterTable) -> s.BoundStatement:
    found = relations.find_relation(b, statement.table.name, statement.table.position)
    if found is None:
        if statement.if_exists:
            notice = f'relation "{statement.table.name[-1]}" does not exist, skipping'
            return s.NothingToDo("ALTER SEQUENCE", ((notice, "00000"),))
        raise relations.undefined_relation(statement.table.name, None)
    if len(statement.actions) == 1 and isinstance(statement.actions[0], ast.OwnerTo):
        return s.ChangeOwner("sequence", found, role_oid(b, statement.actions[0].role), TAGS[statement.kind])
    action = statement.actions[0]
    if isinstance(action, ast.TableSwitch) and action.words in ("set logged", "set unlogged"):
        if not isinstance(found, Sequence):
            raise wrong_kind(f'"{statement.table.name[-1]}" is not a sequence')
        if found.persistence == "t":
            raise DatacaveError(
                f'cannot change logged status of table "{found.name}" because it is temporary',
                sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            )
        return s.AlterSequence(replace(found, persistence="p" if action.words == "set logged" else "u"), None)
    raise _unsupported(action)


_ACTIONS: dict[type, Callable[[Alteration, Any], None]] = {
    ast.AddColumn: alter_columns.add_column,
    ast.DropColumn: alter_columns.drop_column,
    ast.AlterColumnType: alter_columns.alter_type,
    ast.AlterColumnDefault: alter_columns.set_default,
    ast.AlterColumnNotNull: alter_columns.set_not_null,
    ast.DropColumnExpression: alter_columns.drop_expression,
    ast.AddIdentity: alter_columns.add_identity,
    ast.SetIdentity: alter_columns.set_identity,
    ast.DropIdentity: alter_columns.drop_identity,
    ast.AlterColumnStorage: alter_columns.storage,
    ast.AlterColumnStatistics: alter_columns.statistics,
    ast.AlterColumnOptions: alter_columns.column_options,
    ast.AddConstraint: alter_constraints.add,
    ast.DropConstraint: alter_constraints.drop,
    ast.AlterConstraint: alter_constraints.alter,
    ast.ValidateConstraint: alter_constraints.validate,
    ast.InheritParent: alter_inheritance.inherit,
    ast.AttachPartition: alter_inheritance.attach,
    ast.DetachPartition: alter_inheritance.detach,
    ast.SetOptions: _set_options,
    ast.OwnerTo: _owner,
    ast.TableSwitch: _switch,
}
