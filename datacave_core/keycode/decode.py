"""Code that reads single columns back out of keys, for generated functions.

A run of columns of fixed width that are not nullable lies at known offsets; from the first other one on, the place
of a column follows from the columns before it.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from typing import Any

from datacave_core.keycode.codec import KeyColumn, decode_value
from datacave_core.keycode.scalars import INT_BIAS, KeyKind
from datacave_core.layout import PREFIX_LENGTH

_UINT64 = struct.Struct(">Q")
_NOT_NULL = 1
_FIXED = {KeyKind.INT: 8, KeyKind.FLOAT: 8, KeyKind.BOOL: 1, KeyKind.UUID: 16, KeyKind.TIMETZ: 12, KeyKind.INTERVAL: 12}


def decoder_lines(
    columns: Sequence[KeyColumn], wanted: Collection[int], key: str, name: str, names: dict[str, Any]
) -> list[str]:
    """Statements that set `{name}{i}` to the value of column i of the key in `key`, for each wanted i.

    `names` takes the globals they need. Raises ValueError for a column before the last wanted one that cannot be
    passed over or read: an interval in a nullable place or a composed value.
    """
    names["U"] = _UINT64.unpack_from
    names["decode_value"] = decode_value
    lines: list[str] = []
    offset = PREFIX_LENGTH
    fixed = True
    at = f"{name}_at"
    for place, column in enumerate(columns[: max(wanted, default=-1) + 1]):
        width = _FIXED.get(column.kind)
        if column.kind is KeyKind.COMPOSED or (column.kind is KeyKind.INTERVAL and place in wanted):
            raise ValueError(f"{column.kind.value} cannot be read back from a key")
        if fixed and not column.nullable and width is not None:
            if place in wanted:
                lines += _fixed_value(column, key, str(offset), f"{name}{place}", names)
            offset += width
            continue
        if fixed:
            fixed = False
            lines.append(f"{at} = {offset}")
        inner: list[str] = []
        if width is not None:
            if place in wanted:
                inner += _fixed_value(column, key, at, f"{name}{place}", names)
            inner.append(f"{at} += {width}")
        else:
            described = f"{name}_column{place}"
            names[described] = column
            inner.append(f"{name}{place}, {at} = decode_value({described}, {key}, {at})")
        if column.nullable:
            null = [f"    {name}{place} = None"] if place in wanted else ["    pass"]
            lines += [f"{at} += 1", f"if {key}[{at} - 1] != {_NOT_NULL}:", *null, "else:"]
            lines += [f"    {line}" for line in inner]
        else:
            lines += inner
    return lines


def _fixed_value(column: KeyColumn, key: str, at: str, target: str, names: dict[str, Any]) -> list[str]:
    if column.kind is KeyKind.INT:
        value = f"U({key}, {at})[0]"
        return [f"{target} = {INT_BIAS - 1} - {value}" if column.descending else f"{target} = {value} - {INT_BIAS}"]
    if column.kind is KeyKind.BOOL:
        return [f"{target} = {key}[{at}] in (1, 254)"]
    described = f"{target}_column"
    names[described] = column
    return [f"{target} = decode_value({described}, {key}, {at})[0]"]
