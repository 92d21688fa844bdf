"""Covering indexes: which columns the entries of an index give without the table, and the code that reads them.

An entry's key holds the index columns, and its row the key of the table row, so that a secondary index also covers
the columns of the primary key. Columns whose values a key changes are covered where their type says what they were:
numeric(p,s) and char(n) are, numerics of any scale, floats (-0) and intervals are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from datacave_core.keycode import KeyColumn, KeyKind, decoder_lines
from datacave_core.types import oids
from datacave_core.types.typmod import character_length, numeric_modifier
from datacave_sql.exec.rowfunction import tuple_text
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Code, Generator
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import AccessPath
from datacave_sql.plan.implication import implies
from datacave_sql.table.access import TableAccess
from datacave_sql.table.index_rule import over_attributes

EXACT = frozenset({KeyKind.INT, KeyKind.BOOL, KeyKind.TEXT, KeyKind.BYTES, KeyKind.UUID, KeyKind.TIMETZ})


@dataclass(frozen=True, slots=True)
class Covering:
    """`places` says for each column id whether its value is in the entry's key or in the row's, and where."""

    entry_key: tuple[KeyColumn, ...]
    row_key: tuple[KeyColumn, ...]
    places: dict[int, tuple[bool, int, Callable[[str, dict[str, Any]], str] | None]]
    nullable: frozenset[int]
    filters: tuple[n.Expression, ...]
    """The conditions that are left to be tested on entries."""


def covering(
    access: TableAccess,
    node: l.Scan,
    path: AccessPath,
    outputs: Sequence[l.OutputColumn],
    filters: Sequence[n.Expression],
) -> Covering | None:
    """How the entries of the path's index give what the outputs and the filters read; None where they do not."""
    index = path.index
    if index.index_number == 0 or index.method != "btree" or index.exclusion or path.inverted or node.as_of is not None:
        return None
    one = access.access_of(index)
    left = tuple(filters)
    if one.rule is not None and one.rule.predicate is not None:
        attributes = {column.id: column.attribute for column in node.columns}
        known = [one.rule.predicate]
        left = tuple(part for part in left if not implies(known, over_attributes(part, attributes)))
    if any(isinstance(inner, n.SubqueryExpression) for part in left for inner in n.walk(part)):
        return None
    used = {column.id for column in outputs}.union(*map(n.columns_used, left))
    own_key = access.clustered.codec.columns if access.clustered is not None else ()
    places: dict[int, tuple[bool, int, Callable[[str, dict[str, Any]], str] | None]] = {}
    nullable = set()
    for column in node.columns:
        if column.id not in used:
            continue
        found = _place(access, index.keys, one.codec.columns, column, True)
        if found is None and access.clustered is not None:
            found = _place(access, access.clustered.index.keys, own_key, column, False)
        if found is None:
            return None
        places[column.id] = found
        if not access.table.column(column.attribute).not_null:
            nullable.add(column.id)
    for inside, codec in ((True, one.codec.columns), (False, own_key)):
        last = max((place for entry, place, _ in places.values() if entry is inside), default=-1)
        if any(key.kind is KeyKind.COMPOSED for key in codec[: last + 1]):
            return None
    return Covering(one.codec.columns, own_key, places, frozenset(nullable), left)


def _place(
    access: TableAccess, keys: Sequence[Any], codec: Sequence[KeyColumn], column: l.OutputColumn, entry: bool
) -> tuple[bool, int, Callable[[str, dict[str, Any]], str] | None] | None:
    if column.attribute <= 0:
        return None
    for place, (key, coded) in enumerate(zip(keys, codec, strict=True)):
        if key.column == column.attribute and (found := _restored(access, column, coded)) is not None:
            return entry, place, found[0]
    return None


def _restored(
    access: TableAccess, column: l.OutputColumn, coded: KeyColumn
) -> tuple[Callable[[str, dict[str, Any]], str] | None] | None:
    """What makes the column's value of the one that its key gives; None where nothing can."""
    definition = access.table.column(column.attribute)
    if access.types.kind(access.types.base(definition.type_oid)) == "e":
        return None
    if coded.kind in EXACT:
        return (None,)
    if coded.kind is KeyKind.BPCHAR and definition.type_oid == oids.BPCHAR:
        width = character_length(definition.typmod)
        return None if width is None else (lambda text, names: f"{text}.ljust({width})",)
    if coded.kind is KeyKind.NUMERIC and definition.type_oid == oids.NUMERIC:
        modifier = numeric_modifier(definition.typmod)
        if modifier is None or modifier.scale < 0:
            return None
        scale = modifier.scale

        def code(text: str, names: dict[str, Any]) -> str:
            names["at_scale"] = at_scale
            return f"at_scale({text}, {scale})"

        return (code,)
    return None


def at_scale(value: Decimal, scale: int) -> Decimal:
    """The number with `scale` decimal places, of one with at most so many."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return value
    return Decimal((sign, (*digits, *(0,) * (exponent + scale)), -scale))


def covered_scope(found: Covering) -> dict[int, Code]:
    """How generated code reads the columns of a row that `entry_lines` makes."""
    return {column: Code(f"v[{slot}]", column in found.nullable, True) for slot, column in enumerate(found.places)}


def entry_lines(generator: Generator, found: Covering) -> list[str]:
    """The body of a function from `entries` to a list of the covered columns' values."""
    names = generator.namespace
    wanted = {place for entry, place, _ in found.places.values() if entry}
    of_row = {place for entry, place, _ in found.places.values() if not entry}
    lines = decoder_lines(found.entry_key, wanted, "e", "e", names)
    if of_row:
        lines += ["k = r[0]", *decoder_lines(found.row_key, of_row, "k", "k", names)]
    values = []
    for column, (entry, place, restore) in found.places.items():
        text = f"{'e' if entry else 'k'}{place}"
        if restore is not None:
            whole = restore(text, names)
            text = f"(None if {text} is None else {whole})" if column in found.nullable else whole
        values.append(text)
    return [
        "out = []",
        "add = out.append",
        "for e, r in entries:",
        *(f"    {line}" for line in lines),
        f"    add({tuple_text(values)})",
        "return out",
    ]
