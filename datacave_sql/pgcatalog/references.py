"""What stored expressions and queries refer to: columns, relations, routines, operators and types of users.

The texts are bound once more, because they are stored as text; what belongs to PostgreSQL itself is pinned there and
has no dependencies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final

from datacave_core.catalog import FIRST_USER_OID, Catalog, Rule, Table
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind.access import RelationUse
from datacave_sql.bind.binder import binding
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.bind.names import Scope
from datacave_sql.bind.row_rules import row_columns, row_scope
from datacave_sql.bind.rules import condition_scope, rule_sources
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree, query_tree
from datacave_sql.expr import nodes as n

CLASS: Final = 1259
TYPE: Final = 1247
PROCEDURE: Final = 1255
OPERATOR: Final = 2617

Reference = tuple[int, int, int]
"""(catalog, oid, column number or 0)."""


def _constants(node: Any) -> Iterator[n.Constant]:
    if isinstance(node, n.Constant):
        yield node
    elif isinstance(node, tuple | list):
        for item in node:
            yield from _constants(item)
    elif is_dataclass(node):
        for one in fields(node):
            yield from _constants(getattr(node, one.name))


def catalog_of(catalog: Catalog, oid: int) -> int:
    """The system catalog that an object of a user is in."""
    if catalog.relation_by_oid(oid) is not None:
        return CLASS
    if oid in catalog.routines:
        return PROCEDURE
    return OPERATOR if oid in catalog.operators else TYPE


def _plain(stored: str) -> bool:
    """Whether a text is a number or a string alone."""
    return stored.isdigit() or (stored[:1] == "'" and stored.find("'", 1) == len(stored) - 1)


def _collected(catalog: Catalog, b: Binding, bound: Any, columns: set[tuple[int, int]]) -> list[Reference]:
    found: dict[Reference, None] = {(CLASS, oid, number): None for oid, number in sorted(columns) if number > 0}
    whole = {oid for oid, _ in columns}
    # What an operator calls is the operator's matter.
    called = {catalog.operators[oid].function_oid for oid in b.dependencies if oid in catalog.operators}
    for oid in sorted(b.dependencies):
        if oid >= FIRST_USER_OID and oid not in whole and oid not in called:
            found[catalog_of(catalog, oid), oid, 0] = None
    for constant in _constants(bound):
        kind = constant.type
        if kind >= FIRST_USER_OID:
            element = catalog.array_types.get(kind)
            if kind in catalog.types or element is not None:
                found[TYPE, kind, 0] = None
        elif kind == oids.REGCLASS and isinstance(constant.value, int) and constant.value >= FIRST_USER_OID:
            found[CLASS, constant.value, 0] = None
    return list(found)


def of_expression(
    environment: BindingEnvironment, stored: str, table: Table | None, target: int = 0
) -> list[Reference]:
    """Of a default, check, index expression or condition of a table; nothing for a text that no longer binds.

    `target` is the type that the value is turned into; 0: its own.
    """
    if target < FIRST_USER_OID and _plain(stored):
        return []
    b = binding(environment, stored)
    columns: set[tuple[int, int]] = set()
    try:
        scope = Scope(clause="stored expressions")
        use = RelationUse(table)
        if table is not None:
            scope = row_scope(b, table, row_columns(b, table), table.name, "stored expressions", use)
        bound = b.expression(expression_tree(stored), scope)
        if table is not None:
            columns = {(table.oid, number) for number in use.read}
            columns |= {(one.relation.oid, number) for one in b.uses if one.named for number in one.read}
        found = _collected(environment.catalog, b, bound, columns)
        if target in environment.catalog.types or target in environment.catalog.array_types:
            domain = environment.types.kind(target) == "d"
            if (domain or isinstance(bound, n.Constant)) and (TYPE, target, 0) not in found:
                found.append((TYPE, target, 0))
        return found
    except (DatacaveError, KeyError):
        return []


def of_trigger_condition(environment: BindingEnvironment, stored: str, table: Table) -> list[Reference]:
    """Of WHEN of a trigger."""
    b = binding(environment, stored)
    try:
        sources = rule_sources(b, table)
        bound = b.expression(expression_tree(stored), Scope(None, sources, [], "trigger WHEN conditions"))
        columns = {(one.relation.oid, number) for one in b.uses for number in one.read}
        return _collected(environment.catalog, b, bound, columns)
    except (DatacaveError, KeyError):
        return []


def of_view(environment: BindingEnvironment, view: Table) -> list[Reference]:
    """Of the query of a view."""
    stored = view.view_query or ""
    b = binding(environment, stored)
    try:
        bound = b.query(query_tree(stored), Scope())
    except (DatacaveError, KeyError):
        return []
    uses = [one for one in b.uses if one.named]
    columns = {(one.relation.oid, number) for one in uses for number in one.read}
    inner = [one.relation for one in uses if getattr(one.relation, "view_query", None) is not None]
    theirs = {ref for other in inner if other.kind == "v" for ref in of_view(environment, other) if ref[0] == TYPE}
    return [one for one in _collected(environment.catalog, b, bound, columns) if one not in theirs]


def of_rule(environment: BindingEnvironment, table: Table, rule: Rule) -> list[Reference]:
    """Of the condition and the actions of a rule."""
    b = binding(environment, "")
    b.defining = True
    bound: list[Any] = []
    try:
        sources = rule_sources(b, table)
        if rule.condition is not None:
            bound.append(b.expression(expression_tree(rule.condition), condition_scope(sources, rule.event)))
        for stored in rule.actions:
            bound.append(b.query(query_tree(stored), Scope(Scope(None, sources, []), boundary=True)))
    except (DatacaveError, KeyError):
        return []
    columns = {(one.relation.oid, number) for one in b.uses if one.named for number in one.read}
    return _collected(environment.catalog, b, bound, columns)
