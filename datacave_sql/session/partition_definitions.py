"""Definitions of partitioned tables as the system information functions show them: keys, constraints, trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from datacave_core.catalog import Catalog, PartitionBound, PartitionKey, Table
from datacave_core.types import format_type
from datacave_sql.bind.sqltext import quote_identifier

_STRATEGIES = {"r": "RANGE", "l": "LIST", "h": "HASH"}
Shown = Callable[[str, Table], str]
"""A stored expression over the columns of a table, as it is shown."""


def key_text(table: Table, shown: Shown) -> str | None:
    """pg_get_partkeydef, e.g. RANGE (a, lower(b)); None for a table that is not partitioned."""
    key = table.partition_key
    if key is None:
        return None
    parts = []
    for part in key.parts:
        if part.column:
            column = table.column(part.column)
            text = quote_identifier(column.name)
            collated = part.collation and part.collation != column.collation
        else:
            text = shown(str(part.expression), table)
            if not _is_call(text):
                text = f"({text})"
            collated = False
        if collated:
            text += f" COLLATE {quote_identifier(_COLLATIONS.get(part.collation, str(part.collation)))}"
        if part.operator_class:
            text += f" {part.operator_class}"
        parts.append(text)
    return f"{_STRATEGIES[key.strategy]} ({', '.join(parts)})"


_COLLATIONS = {100: "default", 950: "C", 951: "POSIX"}


def _is_call(text: str) -> bool:
    name, _, rest = text.partition("(")
    return (
        bool(rest) and rest.endswith(")") and name.replace(".", "").replace("_", "").isalnum() and rest.count("(") == 0
    )


def constraint_text(catalog: Catalog, table: Table, find: Any, shown: Shown) -> str | None:
    """pg_get_partition_constraintdef; None for a table that is no partition."""
    parts: list[str] = []
    one = table
    while one.partition_bound is not None:
        parent = catalog.tables[one.parents[0]]
        text = _bound_condition(catalog, parent, one, find)
        if text:
            parts.insert(0, text)
        one = parent
    return shown(" AND ".join(parts), table) if parts else None


def _keys(parent: Table, key: PartitionKey) -> list[str]:
    return [
        quote_identifier(parent.column(part.column).name) if part.column else f"({part.expression})"
        for part in key.parts
    ]


def _bound_condition(catalog: Catalog, parent: Table, table: Table, find: Any) -> str:
    key, bound = parent.partition_key, table.partition_bound
    assert key is not None and bound is not None
    keys = _keys(parent, key)
    types = [format_type(part.type_oid, -1, find) for part in key.parts]
    if bound.kind == "h":
        values = ", ".join(keys)
        return f"satisfies_hash_partition('{parent.oid}'::oid, {bound.modulus}, {bound.remainder}, {values})"
    if bound.kind == "l":
        return _list_condition(keys[0], types[0], bound.values)
    if bound.kind == "r":
        return _range_condition(keys, types, bound)
    others = [
        child.partition_bound
        for child in catalog.children_of(parent.oid)
        if child.partition_bound is not None and child.partition_bound.kind != "d"
    ]
    if not others:
        return ""
    if key.strategy == "l":
        values_taken = tuple(value for other in others for value in other.values)
        return f"NOT ({_list_condition(keys[0], types[0], values_taken)})"
    arms = " OR ".join(f"({_range_condition(keys, types, other, tested=False)})" for other in others)
    tested = " AND ".join(f"{one} IS NOT NULL" for one in keys)
    return f"NOT ({tested} AND ({arms}))" if len(others) > 1 else f"NOT ({tested} AND {arms[1:-1]})"


def _literal(text: str, type_name: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'::{type_name}"


def _list_condition(key: str, type_name: str, values: tuple[str | None, ...]) -> str:
    given = [_literal(value, type_name) for value in values if value is not None]
    among = f"{key} = {given[0]}" if len(given) == 1 else f"{key} = ANY (ARRAY[{', '.join(given)}])"
    if None in values:
        return f"({key} IS NULL OR {among})" if given else f"{key} IS NULL"
    return f"{key} IS NOT NULL AND {among}"


def _range_condition(keys: list[str], types: list[str], bound: PartitionBound, tested: bool = True) -> str:
    parts = [f"{key} IS NOT NULL" for key in keys] if tested else []
    same = 0
    while same < len(keys) - 1 and bound.lower[same] == bound.upper[same] and bound.lower[same][0] == "v":
        parts.append(f"{keys[same]} = {_literal(bound.lower[same][1], types[same])}")
        same += 1
    lower = _side(keys[same:], types[same:], bound.lower[same:], ">")
    upper = _side(keys[same:], types[same:], bound.upper[same:], "<")
    return " AND ".join([*parts, *(side for side in (lower, upper) if side)])


def _side(keys: list[str], types: list[str], side: tuple[tuple[str, str], ...], operator: str) -> str:
    """One side of a range as alternatives: beyond in the first column, or equal in it and beyond in the next."""
    arms: list[str] = []
    equal: list[str] = []
    for place, (kind, text) in enumerate(side):
        if kind != "v":
            break
        value = _literal(text, types[place])
        following = side[place + 1][0] if place + 1 < len(side) else ""
        # The lower bound belongs to the range, and what follows MINVALUE or MAXVALUE does not matter.
        last = not following or following != "v"
        inclusive = last and ((operator == ">" and following in ("", "-")) or (operator == "<" and following == "+"))
        arms.append(" AND ".join([*equal, f"{keys[place]} {operator}{'=' if inclusive else ''} {value}"]))
        equal.append(f"{keys[place]} = {value}")
    if not arms:
        return ""
    return arms[0] if len(arms) == 1 else "(" + " OR ".join(f"({arm})" for arm in arms) + ")"


# --- trees -----------------------------------------------------------------------------------------------------------


def _parent_of(catalog: Catalog, oid: int) -> int | None:
    """The partitioned table or index that a partition is a part of."""
    table = catalog.tables.get(oid)
    if table is not None:
        return table.parents[0] if table.partition_bound is not None else None
    found = catalog.index_by_oid(oid)
    return found[1].parent_oid or None if found is not None else None


def _parts_of(catalog: Catalog, oid: int) -> list[int]:
    """The partitions of a partitioned table or index, by oid."""
    table = catalog.tables.get(oid)
    if table is not None:
        return [child.oid for child in catalog.children_of(oid)] if table.kind == "p" else []
    found = catalog.index_by_oid(oid)
    if found is None:
        return []
    children = catalog.children_of(found[0].oid) if found[0].kind == "p" else ()
    return sorted(index.oid for child in children for index in child.indexes if index.parent_oid == oid)


def _is_divided(catalog: Catalog, oid: int) -> bool:
    table = catalog.tables.get(oid)
    if table is None:
        found = catalog.index_by_oid(oid)
        table = found[0] if found is not None else None
    return table is not None and table.kind == "p"


def ancestors(catalog: Catalog, oid: int) -> list[int]:
    """pg_partition_ancestors: a partition or partitioned relation and what it is a part of, the root last."""
    found: list[int] = []
    at: int | None = oid
    if not _is_divided(catalog, oid) and _parent_of(catalog, oid) is None:
        return []
    while at is not None:
        found.append(at)
        at = _parent_of(catalog, at)
    return found


def tree(catalog: Catalog, oid: int) -> Iterator[tuple[int, int | None, bool, int]]:
    """pg_partition_tree: (relation, parent, whether it is a leaf, level), nearest generation first."""
    if not ancestors(catalog, oid):
        return
    waiting = [(oid, 0)]
    while waiting:
        one, level = waiting.pop(0)
        yield one, _parent_of(catalog, one), not _is_divided(catalog, one), level
        waiting += [(part, level + 1) for part in _parts_of(catalog, one)]
