"""CREATE, ALTER and DROP TRIGGER: the triggers of a table or view, as they will be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Table, Trigger, key_places, named_place
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, relations, table_changes
from datacave_sql.bind import statements as s
from datacave_sql.bind.alteration import Alteration
from datacave_sql.bind.bound_rules import ChangeTriggers
from datacave_sql.bind.names import Scope
from datacave_sql.bind.routine_resolution import routines_of
from datacave_sql.bind.rules import mentions, rule_sources
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_query import expression_text
from datacave_sql.bind.table_parts import require_part, table_to_drop_from
from datacave_sql.exec.built_in_triggers import BUILT_IN_TRIGGERS
from datacave_sql.expr import nodes as n
from datacave_sql.functions import registry
from datacave_sql.parse import ast

EVENTS = {"insert": "i", "delete": "d", "update": "u", "truncate": "t"}
SWITCHES = {
    "enable trigger": "O", "disable trigger": "D", "enable always trigger": "A", "enable replica trigger": "R",
}  # fmt: skip
_ORDER = "idut"


def _invalid(message: str, detail: str | None = None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_OBJECT_DEFINITION, detail=detail)


def _wrong(message: str, detail: str | None = None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.WRONG_OBJECT_TYPE, detail=detail)


def bind_create_trigger(b: Binding, statement: ast.CreateTrigger, entries: object) -> s.BoundStatement:
    """CREATE TRIGGER. Raises 42809, 42P17, 0A000 for forms that the relation cannot have, 42883, 42710."""
    table = relations.require_table(b, statement.table, statement.position)
    events = "".join(sorted((EVENTS[word] for word, _ in statement.events), key=_ORDER.index))
    _check_relation(table, statement, events)
    old_table, new_table = _transitions(table, statement, events)
    function_oid = _function(b, statement)
    existing = next((one for one in table.triggers if one.name == statement.name), None)
    if existing is not None and (not statement.or_replace or existing.constraint or statement.constraint):
        if statement.or_replace and existing.constraint:
            raise DatacaveError(
                f'trigger "{statement.name}" for relation "{table.name}" is a constraint trigger',
                sqlstate=sqlstate.DUPLICATE_OBJECT,
            )
        raise DatacaveError(
            f'trigger "{statement.name}" for relation "{table.name}" already exists',
            sqlstate=sqlstate.DUPLICATE_OBJECT,
        )
    columns = tuple(number for _, names in statement.events for number in _columns(table, names))
    condition = _condition(b, statement, table, events) if statement.when is not None else None
    referenced = 0
    if statement.referenced is not None:
        referenced = relations.require_table(b, statement.referenced, statement.position).oid
    made = Trigger(
        existing.oid if existing is not None else 0,
        statement.name,
        function_oid,
        statement.timing[0],
        events,
        statement.for_each_row,
        columns,
        condition,
        statement.arguments,
        "O",
        statement.constraint,
        *statement.deferral,
        referenced,
        old_table,
        new_table,
        tuple(sorted(b.dependencies - {table.oid})),
    )
    others = (one for one in table.triggers if one is not existing)
    triggers = tuple(sorted((*others, made), key=lambda one: one.name))
    return ChangeTriggers(table, triggers, "CREATE TRIGGER", function_oid)


def _check_relation(table: Table, statement: ast.CreateTrigger, events: str) -> None:
    timing, row = statement.timing, statement.for_each_row
    if table.kind in "rp":
        if timing == "instead of":
            raise _wrong(f'"{table.name}" is a table', "Tables cannot have INSTEAD OF triggers.")
        if table.kind == "p" and row and (statement.transitions):
            raise FeatureNotSupported(
                f'"{table.name}" is a partitioned table',
                detail="ROW triggers with transition tables are not supported on partitioned tables.",
            )
    elif table.kind == "v":
        if timing != "instead of" and row:
            raise _wrong(f'"{table.name}" is a view', "Views cannot have row-level BEFORE or AFTER triggers.")
        if "t" in events:
            raise _wrong(f'"{table.name}" is a view', "Views cannot have TRUNCATE triggers.")
    else:
        raise _wrong(f'relation "{table.name}" cannot have triggers')
    if "t" in events and row:
        raise FeatureNotSupported("TRUNCATE FOR EACH ROW triggers are not supported")
    if timing == "instead of":
        if not row:
            raise FeatureNotSupported("INSTEAD OF triggers must be FOR EACH ROW")
        if statement.when is not None:
            raise FeatureNotSupported("INSTEAD OF triggers cannot have WHEN conditions")
        if any(names for _, names in statement.events):
            raise FeatureNotSupported("INSTEAD OF triggers cannot have column lists")


def _transitions(table: Table, statement: ast.CreateTrigger, events: str) -> tuple[str, str]:
    """The names of the transition tables. Raises 42P17, 0A000."""
    found = {"old": "", "new": ""}
    for which, what, name in statement.transitions:
        if what == "row":
            raise FeatureNotSupported(
                "ROW variable naming in the REFERENCING clause is not supported",
                hint="Use OLD TABLE or NEW TABLE for naming transition tables.",
            )
        if table.kind == "v":
            raise _wrong(f'"{table.name}" is a view', "Triggers on views cannot have transition tables.")
        if statement.timing != "after":
            raise _invalid("transition table name can only be specified for an AFTER trigger")
        if "t" in events:
            raise FeatureNotSupported("TRUNCATE triggers with transition tables are not supported")
        if len(events) > 1:
            raise FeatureNotSupported("transition tables cannot be specified for triggers with more than one event")
        if any(names for _, names in statement.events):
            raise FeatureNotSupported("transition tables cannot be specified for triggers with column lists")
        if (which == "new" and events == "d") or (which == "old" and events == "i"):
            allowed = "an INSERT or UPDATE" if which == "new" else "a DELETE or UPDATE"
            raise _invalid(f"{which.upper()} TABLE can only be specified for {allowed} trigger")
        if found[which]:
            raise _invalid(f"{which.upper()} TABLE cannot be specified multiple times")
        found[which] = name
        if statement.for_each_row and table.partition_bound is not None:
            raise FeatureNotSupported("ROW triggers with transition tables are not supported on partitions")
    if found["old"] and found["old"] == found["new"]:
        raise _invalid("OLD TABLE name and NEW TABLE name cannot be the same")
    return found["old"], found["new"]


def _function(b: Binding, statement: ast.CreateTrigger) -> int:
    name = statement.function
    for routine in routines_of(b, name):
        if not routine.input_types and routine.kind == "f":
            if routine.return_type_oid != oids.TRIGGER:
                raise DatacaveError(
                    f"function {relations.dotted(name)} must return type trigger",
                    sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
                )
            return routine.oid
    if len(name) == 1 or name[-2] == "pg_catalog":
        for function in registry.functions_named(name[-1]):
            if function.return_type == oids.TRIGGER:
                if function.oid not in BUILT_IN_TRIGGERS:
                    raise FeatureNotSupported(f"trigger function {function.name} is not supported")
                return function.oid
    raise DatacaveError(f"function {relations.dotted(name)}() does not exist", sqlstate=sqlstate.UNDEFINED_FUNCTION)


def _columns(table: Table, names: tuple[str, ...]) -> list[int]:
    found: list[int] = []
    for name in names:
        column = table.columns_by_name.get(name)
        if column is None:
            raise DatacaveError(
                f'column "{name}" of relation "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
            )
        if column.number in found:
            raise DatacaveError(f'column "{name}" specified more than once', sqlstate=sqlstate.DUPLICATE_COLUMN)
        found.append(column.number)
    return found


def _condition(b: Binding, statement: ast.CreateTrigger, table: Table, events: str) -> str:
    """The text of WHEN, bound once. Raises 42P17 where it names a row that there is not."""
    node = statement.when
    assert node is not None
    b.defining = True
    scope = Scope(None, rule_sources(b, table), [], "trigger WHEN conditions")
    bound = coercion.to_boolean(b, b.expression(node, scope), "WHEN")
    if any(isinstance(part, n.SubqueryExpression) for part in n.walk(bound)):
        raise FeatureNotSupported("cannot use subquery in trigger WHEN condition")
    for name in ("old", "new"):
        if not mentions(node, name):
            continue
        if not statement.for_each_row:
            raise _invalid("statement trigger's WHEN condition cannot reference column values")
        if name == "old" and "i" in events:
            raise _invalid("INSERT trigger's WHEN condition cannot reference OLD values")
        if name == "new" and "d" in events:
            raise _invalid("DELETE trigger's WHEN condition cannot reference NEW values")
    if statement.timing == "before" and mentions(node, "new"):
        generated = {column.name for column in table.live_columns if column.generated}
        for part in _references(node):
            if part.parts[0] == "new" and (part.parts[-1] in generated or (part.star and generated)):
                raise _invalid(
                    "BEFORE trigger's WHEN condition cannot reference NEW generated columns",
                    f'Column "{part.parts[-1]}" is a generated column.',
                )
    return expression_text(b, node)


def _references(node: object) -> list[ast.ColumnRef]:
    if isinstance(node, ast.ColumnRef):
        return [node]
    if isinstance(node, tuple):
        return [one for item in node for one in _references(item)]
    if isinstance(node, ast.Node):
        names = [name for kind in type(node).__mro__ for name in getattr(kind, "__slots__", ())]
        return [one for name in names for one in _references(getattr(node, name, None))]
    return []


# --- those that are there --------------------------------------------------------------------------------------------


def require_trigger(table: Table, name: str) -> Trigger:
    """A trigger by name. Raises 42704."""
    return require_part("trigger", table, table.triggers, name)


def drop_trigger(b: Binding, statement: ast.Drop) -> s.BoundStatement:
    """DROP TRIGGER name ON table. Raises 42704, 42P01."""
    name = statement.names[0][-1]
    table = table_to_drop_from(b, statement, "trigger", lambda table: table.triggers, relations.require_table)
    if not isinstance(table, Table):
        return table
    left = tuple(trigger for trigger in table.triggers if trigger.name != name)
    return ChangeTriggers(table, left, "DROP TRIGGER")


def rename_trigger(b: Binding, statement: ast.Rename) -> s.BoundStatement:
    """ALTER TRIGGER name ON table RENAME TO. Raises 42704, 42710."""
    table = relations.require_table(b, statement.name, statement.position)
    trigger = require_trigger(table, statement.member or "")
    if any(one.name == statement.new_name for one in table.triggers):
        raise DatacaveError(
            f'trigger "{statement.new_name}" for relation "{table.name}" already exists',
            sqlstate=sqlstate.DUPLICATE_OBJECT,
        )
    renamed = [replace(one, name=statement.new_name) if one is trigger else one for one in table.triggers]
    return ChangeTriggers(table, tuple(sorted(renamed, key=lambda one: one.name)), "ALTER TRIGGER")


def switch_triggers(a: Alteration, words: str, name: str) -> None:
    """ALTER TABLE ENABLE or DISABLE TRIGGER: one by name, those that users made (USER), or ALL, which are also those
    that enforce foreign keys and deferrable uniqueness. Partitions follow. Raises 42704."""
    letter = SWITCHES[words]
    keys = key_places(a.b.catalog, a.table) if name != "user" else []
    if name not in ("user", "all"):
        keys = [place for place in keys if place == named_place(name)]
        if not keys:
            require_trigger(a.table, name)
    chosen = tuple(
        replace(one, enabled=letter) if name in ("user", "all", one.name) else one for one in a.table.triggers
    )
    a.actions.append(table_changes.SetTriggers(chosen, tuple(keys), letter))
    if a.recurses and a.table.kind == "p":
        _switch_below(a, keys, letter)


def _switch_below(a: Alteration, keys: list[tuple[int, int]], letter: str) -> None:
    """Switches what partitions have of the triggers of a partitioned table's constraints."""
    for child in a.children():
        parents = {one.oid: one.parent_oid for one in child.table.constraints if one.parent_oid}
        places = key_places(a.b.catalog, child.table)
        parts = [(oid, place) for oid, place in places if (parents.get(oid, oid), place) in keys]
        if parts:
            child.actions.append(table_changes.SetTriggers(child.table.triggers, tuple(parts), letter))
            _switch_below(child, parts, letter)


TRIGGERS: Mapping[type, Callable[..., s.BoundStatement]] = {ast.CreateTrigger: bind_create_trigger}
