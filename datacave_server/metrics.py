"""Metrics: counters, gauges and histograms with increments that cost an attribute access, and their Prometheus text.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4). Values that others keep
(the store's statistics) are read by callbacks when somebody asks, not copied on the way.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

SECONDS_BUCKETS = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
_NAME = re.compile(r"datacave_[a-z0-9_]+")


class Counter:
    """A number that only grows. Hot paths write `counter.value += 1`."""

    __slots__ = ("value",)
    kind = "counter"

    def __init__(self) -> None:
        self.value: float = 0

    def lines(self, name: str, labels: str) -> Iterator[str]:
        yield f"{name}{_braces(labels)} {number_text(self.value)}"


class Gauge:
    """A number that goes up and down. Hot paths write `gauge.value += 1`."""

    __slots__ = ("value",)
    kind = "gauge"

    def __init__(self) -> None:
        self.value: float = 0

    def lines(self, name: str, labels: str) -> Iterator[str]:
        yield f"{name}{_braces(labels)} {number_text(self.value)}"


class Histogram:
    """How many observations fell below each bound, and their sum."""

    __slots__ = ("bounds", "counts", "sum")
    kind = "histogram"

    def __init__(self, bounds: Sequence[float] = SECONDS_BUCKETS) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Counts one value, in the unit the metric's name ends with."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str, labels: str) -> Iterator[str]:
        total = 0
        for bound, count in zip((*self.bounds, math.inf), self.counts, strict=True):
            total += count
            bucket = f'{labels},le="{number_text(bound)}"' if labels else f'le="{number_text(bound)}"'
            yield f"{name}_bucket{{{bucket}}} {total}"
        yield f"{name}_sum{_braces(labels)} {number_text(self.sum)}"
        yield f"{name}_count{_braces(labels)} {total}"


M = TypeVar("M", Counter, Gauge, Histogram)


class MetricsRegistry:
    """All metrics of a process by name; asking twice for one name and its labels gives the same metric."""

    def __init__(self) -> None:
        self._help: dict[str, tuple[str, str]] = {}
        self._metrics: dict[str, dict[str, Counter | Gauge | Histogram]] = {}
        self._sources: list[tuple[str, Callable[[], Mapping[str, Any]]]] = []
        self._texts: list[Callable[[], Iterable[str]]] = []

    def counter(self, name: str, text: str, **labels: str) -> Counter:
        """A counter, such as datacave_statements_total. Raises ValueError for a name of another kind or form."""
        return self._register(name, text, labels, Counter)

    def gauge(self, name: str, text: str, **labels: str) -> Gauge:
        return self._register(name, text, labels, Gauge)

    def histogram(self, name: str, text: str, **labels: str) -> Histogram:
        """A histogram over SECONDS_BUCKETS; its name ends with _seconds."""
        return self._register(name, text, labels, Histogram)

    def add_source(self, prefix: str, read: Callable[[], Mapping[str, Any]]) -> None:
        """Shows the numbers of a mapping as gauges `<prefix>_<name>`, read at every scrape."""
        self._sources.append((prefix, read))

    def add_lines(self, read: Callable[[], Iterable[str]]) -> None:
        """Shows lines in the format's own text, read at every scrape."""
        self._texts.append(read)

    def render(self) -> str:
        """The Prometheus text of everything."""
        lines: list[str] = []
        for name, (kind, text) in self._help.items():
            lines.append(f"# HELP {name} {text}")
            lines.append(f"# TYPE {name} {kind}")
            for labels, metric in self._metrics[name].items():
                lines.extend(metric.lines(name, labels))
        for prefix, read in self._sources:
            for name, number in _numbers(read(), prefix):
                lines.append(f"# TYPE {name} gauge")
                lines.append(f"{name} {number_text(number)}")
        for read_lines in self._texts:
            lines.extend(read_lines())
        return "\n".join(lines) + "\n"

    def _register(self, name: str, text: str, labels: Mapping[str, str], kind: type[M]) -> M:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a metric of ours")
        known = self._help.setdefault(name, (kind.kind, text))
        if known[0] != kind.kind:
            raise ValueError(f"{name!r} is a {known[0]}")
        family = self._metrics.setdefault(name, {})
        key = ",".join(f'{label}="{_escape(value)}"' for label, value in sorted(labels.items()))
        metric = family.setdefault(key, kind())
        assert isinstance(metric, kind)
        return metric


def _numbers(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    """The numbers of nested mappings under metric names; lists are numbered, anything else is left out."""
    for key, value in values.items():
        name = re.sub(r"[^a-z0-9_]", "_", f"{prefix}_{key}".lower())
        if isinstance(value, bool | int | float):
            yield name, float(value) if isinstance(value, float) else int(value)
        elif isinstance(value, Mapping):
            yield from _numbers(value, name)
        elif isinstance(value, list | tuple):
            yield from _numbers({str(index): each for index, each in enumerate(value)}, name)


def number_text(value: float) -> str:
    """A number as the format has it."""
    if value == math.inf:
        return "+Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _braces(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
