"""Nested ranges: which keys of an ordered index hold the ranges, addresses or shapes that a condition may be about.

A gist, spgist or brin index is kept in the order of its values. Ranges stand by their lower bound, which overlapping,
containing and being contained all say something about; a network stands right before everything inside it. What is
found is compared again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datacave_core.keycode import KeyCodec, ValueEncoder, prefix_end
from datacave_core.types import oids
from datacave_core.types.network import Inet
from datacave_core.types.range import MultiRange, Range
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.table.key_columns import value_encoder
from datacave_sql.table.plane_cells import KeyRange
from datacave_sql.table.shape_ranges import Search, is_shape, shape_searches

METHODS = frozenset({"gist", "spgist", "brin"})
MIRRORED = {
    "&&": "&&", "@>": "<@", "<@": "@>", "<<": ">>", ">>": "<<", "&<": "", "&>": "", "<<=": ">>=", ">>=": "<<=",
    "~=": "~=",
}  # fmt: skip
_EMPTY, _RANGE, _FINITE = b"\0", b"\1", b"\1\1"


def nested_searches(types: TypeLookup, type_oid: int, codec: KeyCodec) -> Mapping[str, Search]:
    """How each operator searches an index whose first key is of this type; none for other types."""
    base = types.base(type_oid)
    start = codec.prefix + (b"\1" if codec.columns[0].nullable else b"")
    if is_shape(types, base):
        return shape_searches(start, points=base == oids.POINT)
    if base in (oids.INET, oids.CIDR):
        return _network_searches(start)
    spanned = types.range_type(base)
    bound = value_encoder(types, spanned.subtype_oid) if spanned is not None else None
    return {} if bound is None else _range_searches(start, bound)


def _range_searches(start: bytes, encode: ValueEncoder) -> dict[str, Search]:
    ranges = start + _RANGE
    end = prefix_end(ranges)
    empty = (start + _EMPTY, ranges)

    def up_to(value: Any) -> bytes | None:
        """The end of the ranges whose lower bound is not above a value; None stands for infinity."""
        return end if value is None else prefix_end(start + _FINITE + encode(value))

    def since(value: Any) -> bytes:
        """Where the ranges begin whose lower bound is not below a value."""
        return ranges if value is None else start + _FINITE + encode(value)

    def overlapping(other: Any) -> list[KeyRange]:
        hull = _hull(other)
        return [] if hull is None else [(ranges, up_to(hull[1]))]

    def containing(other: Any) -> list[KeyRange]:
        if not isinstance(other, Range | MultiRange):
            return [(ranges, up_to(other))]
        hull = _hull(other)
        if hull is None:
            return [(start, prefix_end(start))]
        return [(ranges, start + _FINITE if hull[0] is None else up_to(hull[0]))]

    def contained(other: Any) -> list[KeyRange]:
        hull = _hull(other)
        return [empty] if hull is None else [empty, (since(hull[0]), up_to(hull[1]))]

    def before(other: Any) -> list[KeyRange]:
        hull = _hull(other)
        return [] if hull is None or hull[0] is None else [(ranges, up_to(hull[0]))]

    def after(other: Any) -> list[KeyRange]:
        hull = _hull(other)
        return [] if hull is None or hull[1] is None else [(since(hull[1]), end)]

    def not_right(other: Any) -> list[KeyRange]:
        hull = _hull(other)
        return [] if hull is None else [(ranges, up_to(hull[1]))]

    def not_left(other: Any) -> list[KeyRange]:
        hull = _hull(other)
        return [] if hull is None else [(since(hull[0]), end)]

    return {
        "&&": overlapping, "@>": containing, "<@": contained, "<<": before, ">>": after, "&<": not_right,
        "&>": not_left,
    }  # fmt: skip


def _hull(value: Range | MultiRange) -> tuple[Any, Any] | None:
    """The least and the greatest bound; None for what is empty."""
    if isinstance(value, MultiRange):
        return (value.ranges[0].lower, value.ranges[-1].upper) if value.ranges else None
    return None if value.is_empty else (value.lower, value.upper)


def _network_searches(start: bytes) -> dict[str, Search]:
    def network(value: Inet, bits: int) -> bytes:
        width = value.bits_max
        hosts = (1 << (width - bits)) - 1
        return start + bytes((value.family,)) + (value.address & ~hosts).to_bytes(width // 8, "big")

    def inside(other: Inet) -> list[KeyRange]:
        last = other.address | ((1 << (other.bits_max - other.bits)) - 1)
        high = start + bytes((other.family,)) + last.to_bytes(other.bits_max // 8, "big")
        return [(network(other, other.bits) + bytes((other.bits,)), prefix_end(high))]

    def around(other: Inet) -> list[KeyRange]:
        found = []
        for bits in range(other.bits + 1):
            low = network(other, bits) + bytes((bits,))
            found.append((low, prefix_end(low)))
        return found

    def both(other: Inet) -> list[KeyRange]:
        return around(other)[:-1] + inside(other)

    return {"<<=": inside, "<<": inside, ">>=": around, ">>": around, "&&": both}
