"""Metrics render as Prometheus reads them."""

from __future__ import annotations

import pytest

from datacave_server.metrics import MetricsRegistry


def test_counters_gauges_and_labels() -> None:
    registry = MetricsRegistry()
    registry.counter("datacave_statements_total", "Statements run.", kind="select").value += 3
    registry.counter("datacave_statements_total", "Statements run.", kind='in"s\\ert\n').value += 1
    registry.gauge("datacave_sessions", "Sessions open.").value = 2.5
    assert registry.render() == (
        "# HELP datacave_statements_total Statements run.\n"
        "# TYPE datacave_statements_total counter\n"
        'datacave_statements_total{kind="select"} 3\n'
        'datacave_statements_total{kind="in\\"s\\\\ert\\n"} 1\n'
        "# HELP datacave_sessions Sessions open.\n"
        "# TYPE datacave_sessions gauge\n"
        "datacave_sessions 2.5\n"
    )


def test_one_name_is_one_metric() -> None:
    registry = MetricsRegistry()
    assert registry.counter("datacave_x_total", "X.", a="1") is registry.counter("datacave_x_total", "X.", a="1")
    assert registry.counter("datacave_x_total", "X.", a="1") is not registry.counter("datacave_x_total", "X.", a="2")
    with pytest.raises(ValueError, match="is a counter"):
        registry.gauge("datacave_x_total", "X.")
    with pytest.raises(ValueError, match="not the name of a metric"):
        registry.gauge("X y", "X.")


def test_a_histogram_counts_up_to_each_bound() -> None:
    registry = MetricsRegistry()
    histogram = registry.histogram("datacave_commit_seconds", "Commit.")
    for value in (0.0001, 0.003, 0.004, 99):
        histogram.observe(value)
    text = registry.render()
    assert 'datacave_commit_seconds_bucket{le="0.0001"} 1\n' in text
    assert 'datacave_commit_seconds_bucket{le="0.0025"} 1\n' in text
    assert 'datacave_commit_seconds_bucket{le="0.005"} 3\n' in text
    assert 'datacave_commit_seconds_bucket{le="10"} 3\n' in text
    assert 'datacave_commit_seconds_bucket{le="+Inf"} 4\n' in text
    assert "datacave_commit_seconds_sum 99.0071\n" in text
    assert "datacave_commit_seconds_count 4\n" in text


def test_sources_are_read_when_asked_and_nothing_but_numbers_shows() -> None:
    registry = MetricsRegistry()
    values: dict[str, object] = {"files": 1, "level": {"0": 2.5}, "name": "x", "levels": [7, 8], "stopped": False}
    registry.add_source("datacave_store", lambda: values)
    values["files"] = 5
    lines = [line for line in registry.render().splitlines() if not line.startswith("#")]
    assert lines == [
        "datacave_store_files 5",
        "datacave_store_level_0 2.5",
        "datacave_store_levels_0 7",
        "datacave_store_levels_1 8",
        "datacave_store_stopped 0",
    ]
