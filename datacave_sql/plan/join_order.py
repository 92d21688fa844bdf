"""Join order: in which order the relations of inner joins are put together, by the rows that lie in between.

Orders are left-deep. Up to RELATIONS_MAX relations every set is considered once, with its cheapest last join, as
Selinger did; more are joined greedily, always the one that gives the fewest rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RELATIONS_MAX = 10


@dataclass(frozen=True, slots=True)
class Edge:
    """A condition: the relations it needs, as a bit set, and the share of their combinations that it leaves."""

    relations: int
    share: float


def joined_rows(sizes: Sequence[float], edges: Sequence[Edge], members: int) -> float:
    """The rows of the join of a set of relations."""
    rows = 1.0
    for place, size in enumerate(sizes):
        if members >> place & 1:
            rows *= size
    for edge in edges:
        if edge.relations & ~members == 0:
            rows *= edge.share
    return max(rows, 1.0)


def join_order(sizes: Sequence[float], edges: Sequence[Edge], looked_up: Sequence[float]) -> list[int]:
    """The places of the relations in the order in which to join them.

    `looked_up` has, for relations that can be found row by row, the cost per lookup, else 0.
    """
    count = len(sizes)
    if count > RELATIONS_MAX:
        return _greedy(sizes, edges)
    best: dict[int, tuple[float, tuple[int, ...]]] = {1 << place: (sizes[place], (place,)) for place in range(count)}
    rows = {members: joined_rows(sizes, edges, members) for members in range(1, 1 << count)}
    for members in range(1, 1 << count):
        if members & (members - 1) == 0:
            continue
        chosen: tuple[float, tuple[int, ...]] | None = None
        for last in range(count):
            before = members & ~(1 << last)
            if not members >> last & 1 or before not in best:
                continue
            cost, order = best[before]
            connected = any(
                edge.relations >> last & 1 and edge.relations & before and edge.relations & ~members == 0
                for edge in edges
            )
            read = sizes[last]
            if connected and looked_up[last]:
                read = min(read, rows[before] * looked_up[last])
            step = cost + read + rows[before] + rows[members]
            if not connected:
                step += rows[before] * sizes[last]
            if chosen is None or step < chosen[0]:
                chosen = (step, (*order, last))
        assert chosen is not None
        best[members] = chosen
    return list(best[(1 << count) - 1][1])


def _greedy(sizes: Sequence[float], edges: Sequence[Edge]) -> list[int]:
    rest = set(range(len(sizes)))
    order = [min(rest, key=lambda place: (sizes[place], place))]
    rest.discard(order[0])
    members = 1 << order[0]
    while rest:
        joined = members

        def result(place: int, joined: int = joined) -> tuple[bool, float, int]:
            alone = not any(edge.relations >> place & 1 and edge.relations & joined for edge in edges)
            return alone, joined_rows(sizes, edges, joined | 1 << place), place

        chosen = min(rest, key=result)
        rest.discard(chosen)
        order.append(chosen)
        members |= 1 << chosen
    return order
