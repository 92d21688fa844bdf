"""Do the ranges of a search of the plane hold each rectangle that meets it exactly once, and are they few and near?"""

from __future__ import annotations

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from datacave_sql.table.plane_cells import Rectangle, cell_key, cell_ranges

NUMBERS = st.floats(allow_nan=False) | st.floats(-100, 100) | st.sampled_from([0.0, 1.0, 2.0, math.inf, -math.inf])


@st.composite
def rectangles(draw: st.DrawFn) -> Rectangle:
    left, right = sorted(draw(NUMBERS) for _ in range(2))
    bottom, top = sorted(draw(NUMBERS) for _ in range(2))
    return left, bottom, right, top


def meet(one: Rectangle, other: Rectangle) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def hits(key: bytes, wanted: Rectangle) -> int:
    ranges = cell_ranges(b"p", b"q", wanted)
    return sum(low <= b"p" + key and (high is None or b"p" + key < high) for low, high in ranges)


@settings(max_examples=300, deadline=None)
@given(rectangles(), rectangles())
def test_what_meets_a_rectangle_lies_in_one_range(kept: Rectangle, wanted: Rectangle) -> None:
    found = hits(cell_key(kept), wanted)
    assert found <= 1
    assert found == 1 or not meet(kept, wanted)


def test_a_small_search_reads_little() -> None:
    chance = random.Random(1)
    keys = []
    for _ in range(3000):
        x, y = chance.uniform(0, 1000), chance.uniform(0, 1000)
        keys.append(cell_key((x, y, x + chance.uniform(0, 2), y + chance.uniform(0, 2))))
    wanted = (500.5, 300.0, 520.0, 310.0)
    assert len(cell_ranges(b"p", b"q", wanted)) <= 120
    assert sum(hits(key, wanted) for key in keys) < 150
