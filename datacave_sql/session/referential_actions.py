"""Referential actions: the UPDATE by which a foreign key follows its referenced key (CASCADE, SET NULL, SET DEFAULT).

It is planned like any other, so that CHECK constraints, generated columns and partitions count; rights and policies do
not, since it is the table's owner who acts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from datacave_core.catalog import ADMIN_ROLE_OID, Constraint, Table
from datacave_sql.bind.binder import bind_in_scope
from datacave_sql.bind.names import Scope
from datacave_sql.exec.operator import Operator
from datacave_sql.functions.identifiers import quote_identifier
from datacave_sql.parse import parse_statements
from datacave_sql.plan.physical import plan_query


def referential_update(
    session: Any, state: Any, table: Table, constraint: Constraint, action: str, deleted: bool
) -> Operator:
    """`UPDATE table SET columns WHERE columns = key`: parameters are the new key (for CASCADE), then the old one."""
    names = [quote_identifier(table.column(number).name) for number in constraint.columns]
    types = [table.column(number).type_oid for number in constraint.columns]
    numbers = (constraint.delete_set_columns if deleted else ()) or constraint.columns
    changed = [quote_identifier(table.column(number).name) for number in numbers]
    word = {"n": "NULL", "d": "DEFAULT"}.get(action)
    values = [word or f"${place}" for place in range(1, len(changed) + 1)]
    offset = 0 if word else len(changed)
    tests = [f"{name} = ${place + offset}" for place, name in enumerate(names, 1)]
    schema = quote_identifier(session.catalog_snapshot.schemas[table.schema_oid].name)
    only = "" if table.kind == "p" else "ONLY "
    assignments = ", ".join(f"{name} = {value}" for name, value in zip(changed, values, strict=True))
    text = f"UPDATE {only}{schema}.{quote_identifier(table.name)} SET {assignments} WHERE {' AND '.join(tests)}"
    environment = replace(
        session.binding_environment(state), current_user=state.catalog.roles[ADMIN_ROLE_OID].name, rights=None
    )
    _, bound = bind_in_scope(parse_statements(text)[0], text, environment, types if word else types * 2, Scope())
    return plan_query(session.database.environment(state), bound.plan)
