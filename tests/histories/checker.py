"""Checker: which anomalies a history of transactions shows, whatever ran them.

Every key has versions 0, 1, 2, ... in one order; a transaction reads versions and writes versions. From that follow the
dependencies of A. Adya, "Weak Consistency" (1999): ww (who overwrites whom), wr (who reads from whom), rw (who
overwrites what somebody has read), and with the times of answers also "ended before the other began". An anomaly is a
cycle of them; its kind says which levels forbid it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

Key = Hashable
Edges = dict[int, set[int]]

READ_COMMITTED = "read committed"
REPEATABLE_READ = "repeatable read"
SERIALIZABLE = "serializable"

FORBIDDEN = {
    READ_COMMITTED: {"G0", "G1a", "G1b", "G1c", "internal", "lost", "torn order"},
    REPEATABLE_READ: {"G0", "G1a", "G1b", "G1c", "internal", "lost", "torn order", "G-SI", "unstable read"},
    SERIALIZABLE: {
        "G0", "G1a", "G1b", "G1c", "internal", "lost", "torn order", "G-SI", "unstable read", "G2", "not strict",
    },
}  # fmt: skip
"""Kinds of anomalies by level. G-SI are cycles without two rw dependencies in a row, which snapshots exclude."""


@dataclass(slots=True)
class Transaction:
    """One transaction as its client saw it. `outcome` is committed, aborted, or unknown (nobody answered)."""

    number: int
    outcome: str
    began: float = 0.0
    ended: float = 0.0
    reads: list[tuple[Key, int]] = field(default_factory=list)
    """What the transaction read of others: (key, version). Reads of its own writes are `own_reads`."""
    writes: list[tuple[Key, int]] = field(default_factory=list)
    own_reads: list[tuple[Key, int, int]] = field(default_factory=list)
    """(key, version that was there, version that it had written)."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What is wrong, and the transactions that show it."""

    kind: str
    transactions: tuple[int, ...]
    text: str


def check(history: Iterable[Transaction], level: str, newest: dict[Key, int] | None = None) -> list[Anomaly]:
    """The anomalies that the level forbids. `newest` are the versions at the very end, to find lost writes."""
    return [one for one in anomalies(list(history), newest) if one.kind in FORBIDDEN[level]]


def anomalies(history: list[Transaction], newest: dict[Key, int] | None = None) -> Iterator[Anomaly]:
    """All anomalies, one for each strongly connected set of transactions and kind."""
    writers: dict[tuple[Key, int], int] = {}
    by_number = {one.number: one for one in history}
    impossible: set[int] = set()
    for one in sorted(history, key=lambda one: one.outcome != "committed"):
        if one.outcome == "aborted":
            continue
        if one.outcome == "unknown" and not writers.keys().isdisjoint(one.writes):
            # Somebody else came to write these versions: it was lost with the server.
            impossible.add(one.number)
            continue
        for written in one.writes:
            if written in writers:
                yield Anomaly("torn order", (writers[written], one.number), f"two writers of {written}")
            writers[written] = one.number
    yield from _single(history, writers, newest)
    seen = {version for one in history for version in one.reads}
    live = {
        one.number: one
        for one in history
        # What nobody has answered and nobody has seen may not have happened.
        if one.outcome == "committed"
        or (one.outcome == "unknown" and one.number not in impossible and _observed(one, seen, newest))
    }
    ww, wr, rw = _dependencies(live, writers)
    yield from _cycles("G0", [ww], by_number)
    yield from _cycles("G1c", [ww, wr], by_number)
    yield from _snapshot_cycles(ww, wr, rw)
    yield from _cycles("G2", [ww, wr, rw], by_number)
    yield from _cycles("not strict", [ww, wr, rw, _real_time(live)], by_number)


def _observed(one: Transaction, seen: set[tuple[Key, int]], newest: dict[Key, int] | None) -> bool:
    return any(w in seen or (newest is not None and newest.get(w[0], 0) >= w[1]) for w in one.writes)


def _single(
    history: list[Transaction], writers: dict[tuple[Key, int], int], newest: dict[Key, int] | None
) -> Iterator[Anomaly]:
    """Anomalies that one transaction shows by itself."""
    aborted = {written: one.number for one in history if one.outcome == "aborted" for written in one.writes}
    last: dict[tuple[int, Key], int] = {}
    for one in history:
        for key, version in one.writes:
            last[one.number, key] = max(version, last.get((one.number, key), 0))
    for one in history:
        versions: dict[Key, set[int]] = defaultdict(set)
        for read in one.reads:
            versions[read[0]].add(read[1])
            writer = writers.get(read)
            if writer is None:
                if read in aborted:
                    yield Anomaly("G1a", (aborted[read], one.number), f"{read} was rolled back")
                elif read[1]:
                    yield Anomaly("torn order", (one.number,), f"nobody wrote {read}")
            elif writer != one.number and last[writer, read[0]] != read[1]:
                yield Anomaly("G1b", (writer, one.number), f"{read} is not the writer's last version")
        for key, several in versions.items():
            if len(several) > 1:
                yield Anomaly("unstable read", (one.number,), f"{key} was read as {sorted(several)}")
        for key, found, own in one.own_reads:
            if found != own:
                yield Anomaly("internal", (one.number,), f"{key} was read as {found} after {own} was written")
        if newest is not None and one.outcome == "committed":
            for key, version in one.writes:
                if newest.get(key, 0) < version:
                    yield Anomaly("lost", (one.number,), f"{(key, version)} is not there at the end")


def _dependencies(live: dict[int, Transaction], writers: dict[tuple[Key, int], int]) -> tuple[Edges, Edges, Edges]:
    ww: Edges = defaultdict(set)
    wr: Edges = defaultdict(set)
    rw: Edges = defaultdict(set)
    for one in live.values():
        for key, version in one.writes:
            before = writers.get((key, version - 1))
            if before in live and before != one.number:
                ww[before].add(one.number)
        for key, version in one.reads:
            writer, after = writers.get((key, version)), writers.get((key, version + 1))
            if writer in live and writer != one.number:
                wr[writer].add(one.number)
            if after in live and after != one.number:
                rw[one.number].add(after)
    return ww, wr, rw


def _real_time(live: dict[int, Transaction]) -> Edges:
    """Who was answered before who began, by way of moments between them: negative numbers, in a chain."""
    edges: Edges = defaultdict(set)
    events = sorted(
        [(one.ended, 0, one.number) for one in live.values() if one.outcome == "committed"]
        + [(one.began, 1, one.number) for one in live.values()]
    )
    moment = -1
    for _, kind, number in events:
        if kind == 0:
            edges[moment].add(moment - 1)
            moment -= 1
            edges[number].add(moment)
        else:
            edges[moment].add(number)
    return edges


def _cycles(kind: str, parts: list[Edges], by_number: dict[int, Transaction]) -> Iterator[Anomaly]:
    edges: Edges = defaultdict(set)
    for part in parts:
        for node, others in part.items():
            edges[node] |= others
    for component in strongly_connected(edges):
        members = sorted(number for number in component if number >= 0)
        if len(members) > 1:
            yield Anomaly(kind, tuple(members[:10]), f"a cycle within {len(members)} transactions")


def _snapshot_cycles(ww: Edges, wr: Edges, rw: Edges) -> Iterator[Anomaly]:
    """Cycles in which no two rw dependencies follow each other. Nodes are (transaction, came by rw)."""
    numbers = {number for edges in (ww, wr, rw) for node, others in edges.items() for number in (node, *others)}
    places = {number: 2 * place for place, number in enumerate(sorted(numbers))}
    back = {place: number for number, place in places.items()}
    edges: Edges = defaultdict(set)
    for number, place in places.items():
        firm = {places[other] for part in (ww, wr) for other in part.get(number, ())}
        edges[place] |= firm | {places[other] + 1 for other in rw.get(number, ())}
        edges[place + 1] |= firm
    for component in strongly_connected(edges):
        members = sorted({back[node - node % 2] for node in component})
        if len(component) > 1:
            yield Anomaly("G-SI", tuple(members[:10]), f"a cycle within {len(members)} transactions")


def strongly_connected(edges: Edges) -> Iterator[list[int]]:
    """The strongly connected components with more than one node (R. Tarjan, 1972), without recursion."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    on_stack: set[int] = set()
    stack: list[int] = []
    for root in list(edges):
        if root in index:
            continue
        work: list[tuple[int, Iterator[int]]] = [(root, iter(edges.get(root, ())))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, others = work[-1]
            for other in others:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(edges.get(other, ()))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.append(member)
                        if member == node:
                            break
                    if len(component) > 1:
                        yield component
