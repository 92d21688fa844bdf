"""The comparison's own arithmetic: ratios, failures, choice of loads, the same data for every server."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

from bench.__main__ import chosen
from bench.driver import compare
from bench.figure import Comparison, Figure, geometric_mean
from bench.loads import LoadFailed, Orders, all_loads, elapsed_seconds
from bench.processes import cpu_seconds
from bench.report import as_json, line, summary
from bench.servers import Target

OURS = Target("Datacave", 1, "admin", "default", 1)
THEIRS = Target("PostgreSQL", 2, "postgres", "postgres", 1)


class Recorded:
    """A load whose figures are given; a figure of zero is a failure."""

    name = "recorded"
    unit = "tps"

    def __init__(self, figures: dict[str, list[float]]) -> None:
        self.figures = figures
        self.runs: list[str] = []

    def prepare(self, target: Target) -> None:
        self.runs.append(f"prepare {target.name}")

    def run(self, target: Target) -> Figure:
        self.runs.append(target.name)
        if (rate := self.figures[target.name].pop(0)) == 0:
            raise LoadFailed("the server went away")
        return Figure(rate, 1e6 / rate)


def test_runs_are_interleaved_and_medians_compared() -> None:
    load = Recorded({"Datacave": [100, 300, 200], "PostgreSQL": [400, 100, 100]})
    comparison = compare(load, (OURS, THEIRS), 3)
    assert load.runs == ["prepare Datacave", "prepare PostgreSQL", *["Datacave", "PostgreSQL"] * 3]
    assert comparison.ratio("Datacave", "PostgreSQL") == 2.0
    assert line(comparison).split() == ["recorded", "tps", "200", "100", "2.00", "5,000.0", ":", "10,000.0"]


def test_a_server_that_fails_is_reported_and_left_alone() -> None:
    load = Recorded({"Datacave": [100, 0], "PostgreSQL": [50, 50, 50]})
    comparison = compare(load, (OURS, THEIRS), 3)
    assert load.runs.count("Datacave") == 2
    assert load.runs.count("PostgreSQL") == 3
    assert comparison.ratio("Datacave", "PostgreSQL") is None
    assert line(comparison).splitlines()[1] == "    Datacave: the server went away"
    assert summary([comparison]) == "no ratio: there is no load that both servers have finished"


def test_the_summary_treats_twice_and_half_alike() -> None:
    assert geometric_mean([2.0, 0.5]) == 1.0
    both = [Comparison("a", "tps", {"Datacave": [Figure(rate)], "PostgreSQL": [Figure(1.0)]}, {}) for rate in (4, 9)]
    assert summary(both) == "geometric mean of 2 ratios, Datacave : PostgreSQL: 6.00"
    assert [each["ratio"] for each in json.loads(as_json(both, {}))["loads"]] == [4, 9]


def test_loads_are_chosen_by_words(tmp_path: Path) -> None:
    loads = all_loads(tmp_path, 1, 1, 1000)
    assert chosen(loads, "") == list(loads)
    assert [load.name for load in chosen(loads, "copy,group")] == ["copy", "group-by"]
    assert [load.name for load in chosen(loads, "tpcb")] == ["init", "tpcb-8", "tpcb-32"]


def test_files_and_statements_hold_the_same_orders(tmp_path: Path) -> None:
    orders = Orders(tmp_path, 2500)
    with orders.csv_file().open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert [[str(value) for value in row] for row in orders.values(2500)] == rows
    statements = [text for text in orders.insert_script(2500).splitlines() if text.startswith("INSERT")]
    assert [text.count("), (") + 1 for text in statements] == [1000, 1000, 500]


def test_times_of_psql_are_added_up() -> None:
    assert elapsed_seconds("Time: 1500.000 ms (00:01.500)\nTime: 0.250 ms\n") == 1.50025


def test_processor_time_is_known_for_a_running_process() -> None:
    before = cpu_seconds(os.getpid())
    sum(range(3_000_000))
    after = cpu_seconds(os.getpid())
    assert before is not None
    assert after is not None
    assert after > before
    assert cpu_seconds(2**22 + 1) is None
