"""Partition bounds: FOR VALUES as values of the key's types, their order, and which of them overlap."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import PartitionBound, PartitionKey, Table
from datacave_core.errors import DatacaveError
from datacave_core.types import DEFAULT_SETTINGS
from datacave_sql.bind import coercion
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import mentioned_columns
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.parse import ast
from datacave_sql.table.partition_map import PartitionMap

_STRATEGIES = {"r": "range", "l": "list", "h": "hash"}


def partition_map(b: Binding, key: PartitionKey, bounds: list[PartitionBound]) -> PartitionMap:
    """The map of a partitioned table."""
    return PartitionMap(key.strategy, [part.type_oid for part in key.parts], bounds, b.types)


def ordered_partitions(b: Binding, table: Table) -> list[Table]:
    """The partitions of a table in the order of their bounds, the default one last."""
    parts = list(b.catalog.children_of(table.oid))
    key = table.partition_key
    if key is None or len(parts) < 2:
        return parts
    bounds = [part.partition_bound for part in parts if part.partition_bound is not None]
    known = partition_map(b, key, bounds)
    order: dict[int, Any] = {}
    if key.strategy == "r":
        order = {place: number for number, (_, _, place) in enumerate(known.ranges)}
    elif key.strategy == "l":
        values = sorted(known.values)
        for number, value in enumerate(values):
            order.setdefault(known.values[value], number)
        if known.null is not None:
            order.setdefault(known.null, len(values))
    else:
        order = {place: (modulus, remainder) for modulus, remainder, place in known.remainders}
        return [parts[place] for place in sorted(order, key=order.__getitem__)]
    return [parts[place] for place in sorted(range(len(parts)), key=lambda place: order.get(place, len(order) + 1))]


def bind_bound(b: Binding, parent: Table, written: ast.PartitionBound) -> PartitionBound:
    """The bound of a partition of `parent`. Raises 42P17 for another strategy, 42804, 42P16."""
    key = parent.partition_key
    assert key is not None
    kind = {"list": "l", "range": "r", "hash": "h"}.get(written.kind)
    if kind is None:
        if key.strategy == "h":
            raise DatacaveError(
                "a hash-partitioned table may not have a default partition",
                sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            )
        return PartitionBound("d")
    if kind != key.strategy:
        raise DatacaveError(
            f"invalid bound specification for a {_STRATEGIES[key.strategy]} partition",
            sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            position=written.position,
        )
    if kind == "h":
        return _hash_bound(written)
    if kind == "l":
        values = tuple(dict.fromkeys(_value(b, parent, key, 0, node) for node in written.values))
        return PartitionBound("l", values)
    count = len(key.parts)
    for side, words in ((written.lower, "FROM"), (written.upper, "TO")):
        if len(side) != count:
            raise DatacaveError(
                f"{words} must specify exactly one value per partitioning column",
                sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            )
    lower = _side(b, parent, key, written.lower)
    upper = _side(b, parent, key, written.upper)
    return PartitionBound("r", lower=lower, upper=upper)


def _hash_bound(written: ast.PartitionBound) -> PartitionBound:
    if written.modulus <= 0:
        raise DatacaveError(
            "modulus for hash partition must be an integer value greater than zero",
            sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
        )
    if written.remainder < 0:
        raise DatacaveError(
            "remainder for hash partition must be an integer value greater than or equal to zero",
            sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
        )
    if written.remainder >= written.modulus:
        raise DatacaveError(
            "remainder for hash partition must be less than modulus", sqlstate=sqlstate.INVALID_TABLE_DEFINITION
        )
    return PartitionBound("h", modulus=written.modulus, remainder=written.remainder)


def _side(
    b: Binding, parent: Table, key: PartitionKey, nodes: tuple[ast.Expression, ...]
) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    opened: ast.Expression | None = None
    kind = ""
    for column, node in enumerate(nodes):
        word = node.parts[0] if isinstance(node, ast.ColumnRef) and len(node.parts) == 1 and not node.star else ""
        if word in ("minvalue", "maxvalue"):
            this = "-" if word == "minvalue" else "+"
            if opened is not None and this != kind:
                raise _follows(kind, node)
            opened, kind = node, this
            found.append((this, ""))
            continue
        if opened is not None:
            raise _follows(kind, node)
        text = _value(b, parent, key, column, node)
        if text is None:
            raise DatacaveError("cannot specify NULL in range bound", sqlstate=sqlstate.INVALID_OBJECT_DEFINITION)
        found.append(("v", text))
    return tuple(found)


def _follows(kind: str, node: ast.Expression) -> DatacaveError:
    word = "MINVALUE" if kind == "-" else "MAXVALUE"
    return DatacaveError(
        f"every bound following {word} must also be {word}",
        sqlstate=sqlstate.DATATYPE_MISMATCH,
        position=node.position,
    )


def _value(b: Binding, parent: Table, key: PartitionKey, column: int, node: ast.Expression) -> str | None:
    """A value of a bound as text."""
    part = key.parts[column]
    scope = Scope(clause="partition bound")
    if any(True for _ in mentioned_columns(node)):
        raise DatacaveError(
            "cannot use column reference in partition bound expression",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            position=node.position,
        )
    bound = b.expression(node, scope)
    for inner in n.walk(bound):
        if isinstance(inner, n.SubqueryExpression):
            raise DatacaveError(
                "cannot use subquery in partition bound",
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                position=b.position(inner),
            )
        if isinstance(inner, n.FunctionCall) and inner.function.returns_set:
            raise DatacaveError(
                "set-returning functions are not allowed in partition bound",
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                position=node.position,
            )
    typmod = parent.column(part.column).typmod if part.column else -1
    value = coercion.coerce(b, bound, part.type_oid, typmod, ASSIGNMENT, node.position)
    name = key_name(parent, column)
    if value is None:
        raise DatacaveError(
            f'specified value cannot be cast to type {b.types.name(part.type_oid)} for column "{name}"',
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            position=node.position,
        )
    if isinstance(value, n.Constant):
        plain = value.value
    else:
        assert b.environment.past is not None
        plain = b.environment.past.evaluate(value)
    if plain is None:
        return None
    return b.types.io(part.type_oid).output(plain, DEFAULT_SETTINGS)


def key_name(parent: Table, column: int) -> str:
    """A column of a partition key as messages name it."""
    assert parent.partition_key is not None
    part = parent.partition_key.parts[column]
    return parent.column(part.column).name if part.column else str(part.expression)


def check_bound(b: Binding, parent: Table, name: str, bound: PartitionBound, position: int | None = None) -> None:
    """Raises 42P17 for an empty range, and for a bound that overlaps that of another partition."""
    key = parent.partition_key
    assert key is not None
    others = [one for one in b.catalog.children_of(parent.oid) if one.partition_bound is not None]
    bounds = [one.partition_bound for one in others if one.partition_bound is not None]
    known = partition_map(b, key, bounds)
    made = partition_map(b, key, [bound])
    clash: int | None = None
    if bound.kind == "d":
        if known.default is not None:
            raise DatacaveError(
                f'partition "{name}" conflicts with existing default partition "{others[known.default].name}"',
                sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
                position=position,
            )
        return
    if bound.kind == "h":
        _check_moduli(bound, known, others)
        clash = next(
            (
                place
                for modulus, remainder, place in known.remainders
                if remainder % min(modulus, bound.modulus) == bound.remainder % min(modulus, bound.modulus)
            ),
            None,
        )
    elif bound.kind == "l":
        taken = {value: place for value, place in known.values.items() if value in made.values}
        clash = next(iter(taken.values()), None)
        if clash is None and made.null is not None:
            clash = known.null
    else:
        low, high, _ = made.ranges[0]
        if low >= high:
            raise DatacaveError(
                f'empty range bound specified for partition "{name}"',
                sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
                detail=f"Specified lower bound {_shown(bound.lower)} is greater than or equal to upper bound "
                f"{_shown(bound.upper)}.",
                position=position,
            )
        clash = next((place for first, last, place in known.ranges if low < last and first < high), None)
    if clash is not None:
        raise DatacaveError(
            f'partition "{name}" would overlap partition "{others[clash].name}"',
            sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
            position=position,
        )


def _check_moduli(bound: PartitionBound, known: PartitionMap, others: list[Table]) -> None:
    moduli = sorted((modulus, place) for modulus, _, place in known.remainders)
    smaller = [one for one in moduli if one[0] <= bound.modulus]
    larger = [one for one in moduli if one[0] >= bound.modulus]
    if smaller and bound.modulus % smaller[-1][0]:
        modulus, place = smaller[-1]
        what = "is not divisible by"
    elif larger and larger[0][0] % bound.modulus:
        modulus, place = larger[0]
        what = "is not a factor of"
    else:
        return
    raise DatacaveError(
        "every hash partition modulus must be a factor of the next larger modulus",
        sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
        detail=f"The new modulus {bound.modulus} {what} {modulus}, the modulus of existing partition "
        f'"{others[place].name}".',
    )


def _shown(side: tuple[tuple[str, str], ...]) -> str:
    parts = []
    for kind, text in side:
        number = text.lstrip("-").replace(".", "").isdigit()
        parts.append("MINVALUE" if kind == "-" else "MAXVALUE" if kind == "+" else text if number else f"'{text}'")
    return f"({', '.join(parts)})"
