"""The driver: every load on every server in turn (A B A B), so that a busy minute of the machine meets both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.figure import Comparison, Figure
from bench.loads import Load, LoadFailed
from bench.servers import Target


def compare(load: Load, targets: Sequence[Target], rounds: int) -> Comparison:
    """Runs a load `rounds` times on each server, interleaved. A server that fails is left alone from then on."""
    comparison = Comparison(load.name, load.unit, {target.name: [] for target in targets}, {})

    def attempt(target: Target, work: Callable[[Target], Figure | None]) -> Figure | None:
        if target.name in comparison.errors:
            return None
        try:
            return work(target)
        except LoadFailed as error:
            comparison.errors[target.name] = str(error)
            return None

    for target in targets:
        attempt(target, load.prepare)
    for _ in range(rounds):
        for target in targets:
            if (figure := attempt(target, load.run)) is not None:
                comparison.figures[target.name].append(figure)
    return comparison
