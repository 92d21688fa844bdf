"""The report: a line per load for people, JSON for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence

from bench.figure import Comparison, geometric_mean

OURS, THEIRS = "Datacave", "PostgreSQL"
HEAD = f"{'load':<20} {'unit':<7} {OURS:>12} {THEIRS:>12} {'ratio':>6}   server CPU per unit, us"


def number(value: float | None, form: str = ",.0f") -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None else format(value, form)


def line(comparison: Comparison) -> str:
    """One load; ratios above 1 mean that Datacave is faster."""
    ratio = comparison.ratio(OURS, THEIRS)
    cpu = f"{number(comparison.cpu_us(OURS), ',.1f')} : {number(comparison.cpu_us(THEIRS), ',.1f')}"
    text = (
        f"{comparison.load:<20} {comparison.unit:<7} {number(comparison.median(OURS)):>12} "
        f"{number(comparison.median(THEIRS)):>12} {number(ratio, '.2f'):>6}   {cpu}"
    )
    return "\n".join([text, *(f"    {server}: {error}" for server, error in comparison.errors.items())])


def summary(comparisons: Sequence[Comparison]) -> str:
    """The geometric mean of all ratios."""
    ratios = [ratio for each in comparisons if (ratio := each.ratio(OURS, THEIRS)) is not None]
    if not ratios:
        return "no ratio: there is no load that both servers have finished"
    return f"geometric mean of {len(ratios)} ratios, {OURS} : {THEIRS}: {geometric_mean(ratios):.2f}"


def as_json(comparisons: Sequence[Comparison], options: dict[str, object]) -> str:
    """All runs, with what they ran on."""
    machine = {"processors": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    loads = [
        {
            "load": each.load,
            "unit": each.unit,
            "ratio": each.ratio(OURS, THEIRS),
            "errors": each.errors,
            "runs": {
                server: [{"per_second": run.per_second, "cpu_us": run.cpu_us} for run in runs]
                for server, runs in each.figures.items()
            },
        }
        for each in comparisons
    ]
    return json.dumps({"machine": machine, "options": options, "loads": loads}, indent=2)
