"""Recursion: which WITH queries refer to which, in what order they are bound, and where a query may name itself.

PostgreSQL's rules, decided on syntax trees: the non-recursive term never names the query; the recursive term names it
once, outside of subqueries, of the sides of outer joins that may be missing, and of INTERSECT ALL and EXCEPT.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.parse import ast

Mention = tuple[int, str]
"""Where a name stands, and in what: "" for a place where it may, else PostgreSQL's words for the place."""

_SUBQUERY, _OUTER_JOIN = "a subquery", "an outer join"


def mentions(node: Any, name: str, place: str = "") -> Iterator[Mention]:
    """The references to a WITH query in a syntax tree, those to inner ones of the same name left out."""
    if isinstance(node, ast.TableRef):
        if node.name == (name,):
            yield node.position, place
        return
    if isinstance(node, ast.Query):
        yield from _in_query(node, name, place)
    elif isinstance(node, ast.SetOperation):
        yield from _in_set_operation(node, name, place)
    elif isinstance(node, ast.Join):
        yield from mentions(node.left, name, _OUTER_JOIN if node.kind in ("right", "full") else place)
        yield from mentions(node.right, name, _OUTER_JOIN if node.kind in ("left", "full") else place)
        if node.on is not None:
            yield from mentions(node.on, name, place)
    elif isinstance(node, ast.Node):
        inside = _SUBQUERY if isinstance(node, ast.Expression) else place
        for slot in _slots(type(node)):
            yield from mentions(getattr(node, slot), name, inside)
    elif isinstance(node, tuple):
        for part in node:
            yield from mentions(part, name, place)


def _in_query(query: ast.Query, name: str, place: str) -> Iterator[Mention]:
    clause = query.with_clause
    if clause is not None:
        shadowed = False
        if clause.recursive and any(table.name == name for table in clause.tables):
            return
        for table in clause.tables:
            if not shadowed:
                yield from mentions(table.statement, name, place)
            shadowed = shadowed or table.name == name
        if shadowed:
            return
    for slot in _slots(ast.Query):
        if slot != "with_clause":
            yield from mentions(getattr(query, slot), name, place)


def _in_set_operation(node: ast.SetOperation, name: str, place: str) -> Iterator[Mention]:
    left = right = place
    if not place and node.operator == "intersect" and node.all:
        left = right = "INTERSECT"
    elif not place and node.operator == "except":
        left, right = ("EXCEPT" if node.all else place), "EXCEPT"
    yield from mentions(node.left, name, left)
    yield from mentions(node.right, name, right)


def _slots(kind: type) -> list[str]:
    return [slot for base in kind.__mro__ for slot in getattr(base, "__slots__", ()) if slot != "position"]


def in_order(tables: Sequence[ast.CommonTable]) -> list[ast.CommonTable]:
    """The items of WITH RECURSIVE, each after those it refers to. Raises 0A000 for items that refer to each other."""
    names = [table.name for table in tables]
    needs = {
        table.name: [name for name in names if name != table.name and any(mentions(table.statement, name))]
        for table in tables
    }
    pending, ordered = list(tables), []
    while pending:
        ready = [table for table in pending if not any(need in needs for need in needs[table.name])]
        if not ready:
            raise FeatureNotSupported(
                "mutual recursion between WITH items is not implemented", position=pending[0].position
            )
        ordered.append(ready[0])
        pending.remove(ready[0])
        needs.pop(ready[0].name)
    return ordered


def _refused(message: str, position: int | None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_RECURSION, position=position)


def check_recursion(item: ast.CommonTable) -> ast.SetOperation:
    """The UNION of a WITH query that names itself. Raises 42P19, 0A000."""
    name, query = item.name, item.statement
    if not isinstance(query, ast.Query):
        raise _refused(f'recursive query "{name}" must not contain data-modifying statements', item.position)
    body = query.body
    if not isinstance(body, ast.SetOperation) or body.operator != "union":
        raise _refused(
            f'recursive query "{name}" does not have the form non-recursive-term UNION [ALL] recursive-term',
            item.position,
        )
    for position, _ in mentions(body.left, name):
        raise _refused(f'recursive reference to query "{name}" must not appear within its non-recursive term', position)
    if query.with_clause is not None:
        for table in query.with_clause.tables:
            for position, _ in mentions(table.statement, name):
                raise _refused(f'recursive reference to query "{name}" must not appear within a subquery', position)
    for count, (position, place) in enumerate(mentions(body.right, name), 1):
        if place:
            raise _refused(f'recursive reference to query "{name}" must not appear within {place}', position)
        if count > 1:
            raise _refused(f'recursive reference to query "{name}" must not appear more than once', position)
    _check_tail(name, query)
    return body


def _check_tail(name: str, query: ast.Query) -> None:
    for position, _ in mentions(query.order_by, name):
        raise _refused(f'recursive reference to query "{name}" must not appear within a subquery', position)
    refused = [
        ("ORDER BY", query.order_by[0].expression if query.order_by else None),
        ("OFFSET", query.offset),
        ("LIMIT", query.limit),
        ("FOR UPDATE/SHARE", query.locking[0] if query.locking else None),
    ]
    for words, node in refused:
        if node is not None:
            raise FeatureNotSupported(f"{words} in a recursive query is not implemented", position=node.position)
