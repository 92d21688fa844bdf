"""CREATE, ALTER and DROP POLICY: row security policies of a table, as they will be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Policy, Table
from datacave_core.errors import DatacaveError
from datacave_sql.bind import coercion, relations
from datacave_sql.bind import statements as s
from datacave_sql.bind.bound_privileges import ChangePolicies
from datacave_sql.bind.objects import role_oid
from datacave_sql.bind.row_rules import row_columns, row_scope
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_query import expression_text
from datacave_sql.bind.table_parts import table_to_drop_from, undefined_part
from datacave_sql.parse import ast

COMMANDS = {"all": "*", "select": "r", "insert": "a", "update": "w", "delete": "d"}


def _table(b: Binding, name: ast.QualifiedName, position: int) -> Table:
    table = relations.require_table(b, name, position)
    if table.kind not in ("r", "p"):
        raise DatacaveError(f'"{table.name}" is not a table', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    return table


def _expression(b: Binding, table: Table, node: ast.Expression | None, what: str) -> str | None:
    """The text of a condition, bound once to see that it means something."""
    if node is None:
        return None
    b.defining = True
    scope = row_scope(b, table, row_columns(b, table), table.name, "policy expressions")
    coercion.to_boolean(b, b.expression(node, scope), what)
    return expression_text(b, node)


def _roles(b: Binding, names: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[tuple[str, str], ...]]:
    """(oids, empty for PUBLIC; warnings)."""
    if "public" not in names:
        return tuple(dict.fromkeys(role_oid(b, name) for name in names)), ()
    if len(names) > 1:
        return (), (("ignoring specified roles other than PUBLIC", sqlstate.WARNING),)
    return (), ()


def bind_create_policy(b: Binding, statement: ast.CreatePolicy, entries: object) -> s.BoundStatement:
    """CREATE POLICY. Raises 42601 for conditions that the command has no use for, 42710, 42809."""
    if statement.command in ("select", "delete") and statement.check is not None:
        raise DatacaveError("WITH CHECK cannot be applied to SELECT or DELETE", sqlstate=sqlstate.SYNTAX_ERROR)
    if statement.command == "insert" and statement.using is not None:
        raise DatacaveError("only WITH CHECK expression allowed for INSERT", sqlstate=sqlstate.SYNTAX_ERROR)
    table = _table(b, statement.table, statement.position)
    roles, warnings = _roles(b, statement.roles)
    using = _expression(b, table, statement.using, "POLICY")
    check = _expression(b, table, statement.check, "POLICY")
    if any(policy.name == statement.name for policy in table.policies):
        raise DatacaveError(
            f'policy "{statement.name}" for table "{table.name}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT
        )
    named = tuple(sorted(b.dependencies - {table.oid}))
    made = Policy(0, statement.name, COMMANDS[statement.command], statement.permissive, roles, using, check, named)
    return ChangePolicies(table, (*table.policies, made), "CREATE POLICY", warnings)


def bind_alter_policy(b: Binding, statement: ast.AlterPolicy, entries: object) -> s.BoundStatement:
    """ALTER POLICY: roles and conditions that are written are replaced. Raises 42601, 42704, 42809."""
    table = _table(b, statement.table, statement.position)
    policy = next((one for one in table.policies if one.name == statement.name), None)
    roles, warnings = _roles(b, statement.roles)
    using = _expression(b, table, statement.using, "POLICY")
    check = _expression(b, table, statement.check, "POLICY")
    if policy is None:
        raise undefined_part("policy", table, statement.name)
    if policy.command in ("r", "d") and check is not None:
        raise DatacaveError("only USING expression allowed for SELECT, DELETE", sqlstate=sqlstate.SYNTAX_ERROR)
    if policy.command == "a" and using is not None:
        raise DatacaveError("only WITH CHECK expression allowed for INSERT", sqlstate=sqlstate.SYNTAX_ERROR)
    changed = replace(
        policy,
        role_oids=roles if statement.roles else policy.role_oids,
        using=using if using is not None else policy.using,
        check=check if check is not None else policy.check,
        depends_on=tuple(sorted({*policy.depends_on, *b.dependencies} - {table.oid})),
    )
    policies = tuple(changed if one is policy else one for one in table.policies)
    return ChangePolicies(table, policies, "ALTER POLICY", warnings)


def drop_policy(b: Binding, statement: ast.Drop) -> s.BoundStatement:
    """DROP POLICY name ON table. Raises 42704, 42P01."""
    name = statement.names[0][-1]
    table = table_to_drop_from(b, statement, "policy", lambda table: table.policies, _table)
    if not isinstance(table, Table):
        return table
    left = tuple(policy for policy in table.policies if policy.name != name)
    return ChangePolicies(table, left, "DROP POLICY")


def rename_policy(b: Binding, statement: ast.Rename) -> s.BoundStatement:
    """ALTER POLICY name ON table RENAME TO. Raises 42704, 42710."""
    table = _table(b, statement.name, statement.position)
    policy = next((one for one in table.policies if one.name == statement.member), None)
    if any(one.name == statement.new_name for one in table.policies):
        raise DatacaveError(
            f'policy "{statement.new_name}" for table "{table.name}" already exists',
            sqlstate=sqlstate.DUPLICATE_OBJECT,
        )
    if policy is None:
        raise undefined_part("policy", table, statement.member or "")
    renamed = tuple(replace(one, name=statement.new_name) if one is policy else one for one in table.policies)
    return ChangePolicies(table, renamed, "ALTER POLICY")


POLICIES: Mapping[type, Callable[..., s.BoundStatement]] = {
    ast.CreatePolicy: bind_create_policy,
    ast.AlterPolicy: bind_alter_policy,
}
