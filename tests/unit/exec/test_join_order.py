"""Are relations joined in an order that keeps what lies in between small?"""

from __future__ import annotations

from datacave_sql.plan.join_order import Edge, join_order, joined_rows


def test_the_selective_relation_comes_first() -> None:
    # a -- b -- c: joining a with c first would be a cross product.
    sizes = [1000.0, 100_000.0, 10.0]
    edges = [Edge(0b011, 1 / 1000), Edge(0b110, 1 / 100)]
    order = join_order(sizes, edges, [0.0, 0.0, 0.0])
    assert order[0] == 2 and order[1] == 1
    assert joined_rows(sizes, edges, 0b110) == 10_000


def test_many_relations_are_joined_along_their_conditions() -> None:
    sizes = [float(10 * (place + 1)) for place in range(14)]
    edges = [Edge(1 << place | 1 << place + 1, 0.01) for place in range(13)]
    order = join_order(sizes, edges, [0.0] * 14)
    assert sorted(order) == list(range(14))
    seen = {order[0]}
    for place in order[1:]:
        assert {place - 1, place + 1} & seen
        seen.add(place)


def test_a_cheap_lookup_goes_last() -> None:
    sizes = [5.0, 1_000_000.0, 2000.0]
    edges = [Edge(0b011, 1e-6), Edge(0b110, 1 / 2000)]
    assert join_order(sizes, edges, [0.0, 8.0, 0.0])[:2] == [0, 1]
