"""Plane cells: squares of a quadtree over the plane, and the ranges of keys that hold those which meet a rectangle.

Both axes are halved over and over, not the numbers themselves but their 64 bits in the order of floats, so that the
whole plane has a place, infinity included. A rectangle belongs to the smallest cell in which its lower left corner is
and which it leaves by no more than one cell to the right and above: so its size tells how small the cell is, not
whether it happens to lie across a border. The key of a cell is its path from the plane down (a bit of x, a bit of
y, ...), filled up with zeros, and how many halvings that are; so everything that begins inside a cell stands together,
right behind the cell's own rectangles.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, TypeAlias

from datacave_core.keycode.scalars import encode_float_bits

KeyRange: TypeAlias = tuple[bytes, bytes | None]
Rectangle: TypeAlias = tuple[float, float, float, float]
"""Left, lower, right and upper edge; none of them NaN."""

_BITS: Final = 64
_LEVELS: Final = (0, 4, *range(8, _BITS + 1))
"""Sign and exponent are twelve bits; numbers that are not very far apart have the first eight of them in common."""
_LEVEL_OF: Final = tuple([max(level for level in _LEVELS if level <= bits) for bits in range(_BITS + 1)])
_RANGES_MAX: Final = 100
"""A search is made finer until it has that many ranges: reading a little more costs less than looking up again."""
_SPREADS: Final = (
    (32, 0x00000000FFFFFFFF00000000FFFFFFFF),
    (16, 0x0000FFFF0000FFFF0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F),
    (2, 0x33333333333333333333333333333333),
    (1, 0x55555555555555555555555555555555),
)


def _spread(bits: int) -> int:
    """64 bits with a zero in front of each."""
    for shift, mask in _SPREADS:
        bits = (bits | bits << shift) & mask
    return bits


def _path(x: int, y: int) -> bytes:
    return (_spread(x) << 1 | _spread(y)).to_bytes(16, "big")


def _level(low: int, high: int) -> int:
    """How often an axis can be halved before two places are in cells that are no neighbours."""
    level = _BITS - (low ^ high).bit_length()
    while level < _BITS and (high >> _BITS - level - 1) - (low >> _BITS - level - 1) <= 1:
        level += 1
    return level


def cell_key(rectangle: Rectangle) -> bytes:
    """The key of the cell that a rectangle belongs to: 17 bytes."""
    left, bottom, right, top = map(encode_float_bits, rectangle)
    level = _LEVEL_OF[min(_level(left, right), _level(bottom, top))]
    shift = _BITS - level
    return _path(left >> shift << shift, bottom >> shift << shift) + bytes((level,))


def cell_ranges(start: bytes, end: bytes, rectangle: Rectangle, *, points: bool = False) -> list[KeyRange]:
    """The ranges between two keys that hold every rectangle which meets the given one, and some others, in key order.

    `start` is what the keys are prefixed with; the ranges do not overlap. `points`: no rectangle there has a size.
    """
    left, bottom, right, top = map(encode_float_bits, rectangle)
    found: list[KeyRange] = []
    beyond = 0 if points else 1

    def whole(x: int, y: int, level: int) -> KeyRange:
        shift = _BITS - level
        low = _path(x << shift, y << shift)
        after = int.from_bytes(low, "big") + (1 << 2 * shift)
        high = end if after >> 2 * _BITS else start + after.to_bytes(16, "big")
        return start + low + bytes((level,)), high

    def own(x: int, y: int, level: int) -> KeyRange:
        shift = _BITS - level
        key = start + _path(x << shift, y << shift)
        return key + bytes((level,)), key + bytes((level + 1,))

    cells = [(0, 0)]
    for level, below in pairwise(_LEVELS):
        finer: list[tuple[int, int]] = []
        shift, halvings = _BITS - below, below - level
        last = (1 << shift) - 1
        for x, y in cells:
            columns = range(
                max((left >> shift) - beyond, x << halvings), min(right >> shift, (x + 1 << halvings) - 1) + 1
            )
            rows = range(max((bottom >> shift) - beyond, y << halvings), min(top >> shift, (y + 1 << halvings) - 1) + 1)
            if len(found) + len(cells) + len(finer) + len(columns) * len(rows) > _RANGES_MAX:
                found.append(whole(x, y, level))
                continue
            if not points:
                found.append(own(x, y, level))
            for column in columns:
                for row in rows:
                    inside = (
                        left <= column << shift
                        and (column << shift) + last <= right
                        and bottom <= row << shift
                        and (row << shift) + last <= top
                    )
                    if inside:
                        found.append(whole(column, row, below))
                    else:
                        finer.append((column, row))
        cells = finer
    found += [own(x, y, _BITS) for x, y in cells]
    return sorted(found)
