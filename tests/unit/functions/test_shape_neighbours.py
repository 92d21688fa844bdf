"""Do shapes with many segments give the same answers when only those pairs are compared that are near each other?"""

from __future__ import annotations

import random
from typing import Any

import pytest

from datacave_core.types.geometry import Path, Point, Polygon
from datacave_sql.functions.geometry import neighbours, paths, polygons


def corners(chance: random.Random, count: int, *, whole: bool) -> tuple[Point, ...]:
    """Whole numbers make edges that touch and lie in line."""
    x, y, size = chance.uniform(-5, 5), chance.uniform(-5, 5), chance.choice([2, 5, 12])
    if whole:
        return tuple(
            Point(float(chance.randint(-size, size)), float(chance.randint(-size, size))) for _ in range(count)
        )
    return tuple(Point(x + chance.uniform(-size, size), y + chance.uniform(-size, size)) for _ in range(count))


def answers(a: tuple[Point, ...], b: tuple[Point, ...]) -> list[Any]:
    one, other = Polygon(a), Polygon(b)
    square = Polygon((Point(-9.0, -9.0), Point(-9.0, 9.0), Point(9.0, 9.0), Point(9.0, -9.0)))
    return [
        polygons.overlap(one, other),
        polygons.contains(one, other),
        polygons.contains(square, other),
        polygons.gap(one, other),
        paths.meet(Path(False, a), Path(True, b)),
        paths.gap(Path(True, a), Path(False, b)),
    ]


@pytest.mark.parametrize("whole", [False, True])
def test_near_pairs_are_enough(whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    seen = set()
    for _ in range(120):
        a = corners(chance, chance.randint(2, 9), whole=whole)
        b = corners(chance, chance.randint(2, 6), whole=whole)
        monkeypatch.setattr(neighbours, "PAIRS_MIN", 0)
        near = answers(a, b)
        monkeypatch.setattr(neighbours, "PAIRS_MIN", 10**9)
        assert near == answers(a, b)
        seen |= {(place, bool(answer)) for place, answer in enumerate(near)}
    assert len(seen) >= 10


def test_a_polygon_of_thousands_of_points_is_compared() -> None:
    edge = tuple(Point(float(x), float(x % 7)) for x in range(1500))
    zigzag = Polygon((*edge, Point(1500.0, 90.0), Point(0.0, 90.0)))
    inner = Polygon(tuple(Point(0.9 * x + 50, y + 30) for x, y in edge))
    above = Polygon(tuple(Point(x, y + 100) for x, y in edge))
    assert polygons.contains(zigzag, inner)
    assert polygons.overlap(zigzag, inner)
    assert polygons.gap(zigzag, above) == 10.0
