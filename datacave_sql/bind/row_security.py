"""Row security: which rows of a table a role may see and write, as conditions of the plan.

Permissive policies open rows (any of them is enough, and without one there are none), restrictive ones close them (all
must hold). Conditions on rows that are read stand in a Filter with a barrier below everything the statement asks for,
so that nothing of a hidden row reaches the user's own functions and errors. Conditions on written rows are checks that
come before the table's own; unlike those they fail on NULL.
"""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Policy, Role, Table, has_privileges_of
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import coercion
from datacave_sql.bind.access import RelationUse
from datacave_sql.bind.names import Scope, Source
from datacave_sql.bind.operators import conjunction
from datacave_sql.bind.row_rules import row_scope, schema_name, stored_expression
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l

FALSE = n.Constant(False, oids.BOOL)


def _rights(b: Binding) -> Catalog:
    return b.environment.rights or b.catalog


def _now(b: Binding, table: Table) -> Table:
    """A table with the policies that count: those of today, also where it is read as of a past moment."""
    return _rights(b).tables.get(table.oid, table)


def acting_role(b: Binding, use: RelationUse) -> Role | None:
    """The role whose rights count for a mention of a table."""
    if use.role_oid:
        return _rights(b).roles.get(use.role_oid)
    return _rights(b).role_named(b.environment.current_user)


def is_exempt(role: Role | None, table: Table, owns: bool) -> bool:
    """Whether a role sees and writes all rows of a table."""
    if not table.row_security or role is None or role.superuser or role.bypass_row_security:
        return True
    return owns and not table.force_row_security


def applies(b: Binding, table: Table, use: RelationUse) -> bool:
    """Whether policies count for this mention. Raises 42501 where row_security = off forbids them to."""
    table = _now(b, table)
    if not table.row_security or b.defining:
        return False
    role = acting_role(b, use)
    owns = role is not None and has_privileges_of(_rights(b), role.oid, table.owner_oid)
    if is_exempt(role, table, owns):
        return False
    if not b.environment.row_security:
        raise DatacaveError(
            f'query would be affected by row-level security policy for table "{table.name}"',
            sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
            hint="To disable the policy for the table's owner, use ALTER TABLE NO FORCE ROW LEVEL SECURITY."
            if owns
            else None,
        )
    return True


def _policies(b: Binding, table: Table, use: RelationUse, command: str) -> tuple[list[Policy], list[Policy]]:
    """(permissive, restrictive) policies for a command letter and the acting role, by name."""
    role = acting_role(b, use)
    found = [
        policy
        for policy in sorted(_now(b, table).policies, key=lambda one: one.name)
        if policy.command in ("*", command)
        and (
            not policy.role_oids
            or (role is not None and any(has_privileges_of(_rights(b), role.oid, oid) for oid in policy.role_oids))
        )
    ]
    return [one for one in found if one.permissive], [one for one in found if not one.permissive]


def _bound(b: Binding, table: Table, text: str, scope: Scope, use: RelationUse) -> n.Expression:
    if table.oid in b.policy_tables:
        raise DatacaveError(
            f'infinite recursion detected in policy for relation "{table.name}"',
            sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
        )
    acting, b.acting_role = b.acting_role, use.role_oid
    b.policy_tables.append(table.oid)
    b.view_depth += 1
    try:
        return coercion.to_boolean(b, stored_expression(b, text, scope, schema_name(b, table)), "POLICY")
    finally:
        b.view_depth -= 1
        b.policy_tables.pop()
        b.acting_role = acting


def visible(b: Binding, table: Table, use: RelationUse, scope: Scope, command: str) -> n.Expression:
    """The condition under which a command may touch a row that is there."""
    permissive, restrictive = _policies(b, table, use, command)
    opening = [_bound(b, table, one.using, scope, use) for one in permissive if one.using is not None]
    if not opening:
        return FALSE
    parts = [_bound(b, table, one.using, scope, use) for one in restrictive if one.using is not None]
    parts.append(opening[0] if len(opening) == 1 else n.Or(tuple(opening)))
    found = conjunction(parts)
    assert found is not None
    return found


def written(
    b: Binding, table: Table, use: RelationUse, scope: Scope, command: str, *, by_using: bool = False
) -> l.Secured:
    """The checks of a new row; with `by_using` the row must be one that the command could see."""
    permissive, restrictive = _policies(b, table, use, command)

    def text(policy: Policy) -> str | None:
        return policy.using if by_using or policy.check is None else policy.check

    opening = [_bound(b, table, found, scope, use) for one in permissive if (found := text(one)) is not None]
    if not opening:
        return ((("policy", "", table.name), FALSE),)
    checks = [(("policy", "", table.name), _strict(opening[0] if len(opening) == 1 else n.Or(tuple(opening))))]
    for policy in restrictive:
        found = text(policy)
        if found is not None:
            checks.append((("policy", policy.name, table.name), _strict(_bound(b, table, found, scope, use))))
    return tuple(checks)


def _strict(condition: n.Expression) -> n.Expression:
    """A condition that is false where the given one is NULL."""
    return n.Coalesce((condition, FALSE), oids.BOOL)


def source_scope(table: Table, source: Source) -> Scope:
    """The names that a policy finds: the table's columns under its own name, read from a scan."""
    columns = tuple(
        column._replace(name=definition.name, use=None)
        for column, definition in zip(source.columns, table.live_columns, strict=True)
    )
    own = Source(table.name, columns, None, table.name, table, source.system, source.row_type)
    return Scope(None, [own], list(columns), "policy expressions")


def guarded(b: Binding, table: Table, source: Source, plan: l.LogicalPlan, commands: str) -> l.LogicalPlan:
    """The rows of a scan that all of these commands may touch; the source remembers the condition."""
    use = source.use
    assert use is not None
    if not applies(b, table, use):
        return plan
    scope = source_scope(table, source)
    predicate = conjunction([visible(b, table, use, scope, command) for command in commands])
    assert predicate is not None
    source.policy = predicate
    return l.Filter(plan, predicate, barrier=True)


def with_guard(plan: l.LogicalPlan, inner: l.LogicalPlan, guard: l.LogicalPlan) -> l.LogicalPlan:
    """A plan of filters and joins in which `inner` gives way to `guard`."""
    if plan is inner:
        return guard
    if isinstance(plan, l.Filter):
        return l.Filter(with_guard(plan.child, inner, guard), plan.predicate, plan.barrier)
    if isinstance(plan, l.Join):
        left = with_guard(plan.left, inner, guard)
        right = with_guard(plan.right, inner, guard) if left is plan.left else plan.right
        return l.Join(plan.kind, left, right, plan.condition, plan.lateral)
    return plan


def insert_checks(b: Binding, table: Table, use: RelationUse, row: tuple[l.OutputColumn, ...]) -> l.Secured:
    """What an inserted row must satisfy; read by RETURNING or ON CONFLICT it must be visible too."""
    return _checks(b, table, use, row, "a")


def merge_insert_checks(b: Binding, table: Table, use: RelationUse, row: tuple[l.OutputColumn, ...]) -> l.Secured:
    """What a row that MERGE inserts must satisfy; nothing gives it back, so it need not be visible."""
    if not applies(b, table, use):
        return ()
    return written(b, table, use, row_scope(b, table, row, table.name, "policy expressions"), "a")


def update_checks(b: Binding, table: Table, use: RelationUse, row: tuple[l.OutputColumn, ...]) -> l.Secured:
    """What a changed row must satisfy; where the statement reads the table it must stay visible."""
    return _checks(b, table, use, row, "w")


def conflict_checks(b: Binding, table: Table, use: RelationUse, existing: tuple[l.OutputColumn, ...]) -> l.Secured:
    """What the row in the way must satisfy, so that ON CONFLICT DO UPDATE may change it."""
    checks = _checks(b, table, use, existing, "w", by_using=True)
    return tuple((("existing", *name[1:]), condition) for name, condition in checks)


def target_checks(
    b: Binding, table: Table, use: RelationUse, existing: tuple[l.OutputColumn, ...], command: str
) -> l.Secured:
    """What a row that is there must satisfy, so that MERGE may do this to it: it fails for others, unlike a command."""
    if not applies(b, table, use):
        return ()
    scope = row_scope(b, table, existing, table.name, "policy expressions")
    checks = written(b, table, use, scope, command, by_using=True)
    return tuple((("target", *name[1:]), condition) for name, condition in checks)


def _checks(
    b: Binding,
    table: Table,
    use: RelationUse,
    row: tuple[l.OutputColumn, ...],
    command: str,
    *,
    by_using: bool = False,
) -> l.Secured:
    if not applies(b, table, use):
        return ()
    scope = row_scope(b, table, row, table.name, "policy expressions")
    checks = written(b, table, use, scope, command, by_using=by_using)
    if use.read:
        checks += written(b, table, use, scope, "r", by_using=True)
    return checks


def locked(b: Binding, source: Source) -> n.Expression | None:
    """What row security asks of rows that FOR UPDATE and its kin lock, besides seeing them."""
    assert source.table is not None and source.use is not None
    if not applies(b, source.table, source.use):
        return None
    return visible(b, source.table, source.use, source_scope(source.table, source), "w")


def conditions(parts: Sequence[n.Expression | None]) -> n.Expression | None:
    """The conditions that are there, all of which must hold."""
    return conjunction([part for part in parts if part is not None])
