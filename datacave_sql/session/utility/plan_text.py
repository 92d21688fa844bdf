"""Plan text: the tree of a plan as EXPLAIN writes it: text, JSON, XML, YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from datacave_sql.plan.costs import Costs

_JOINS = {"Left": "Left", "Full": "Full", "Semi": "Semi", "Anti": "Anti"}
_STRATEGIES = {"HashAggregate": "Hashed", "MixedAggregate": "Mixed", "GroupAggregate": "Sorted", "Aggregate": "Plain"}
_NAMESPACE = "http://www.postgresql.org/2009/explain"


_NOTHING: Mapping[int, Mapping[str, Any]] = {}


class Report:
    """Writes operators with their estimates and, where they were measured, what they did.

    `findings` are what operators told of their work, by the id of the operator that ran.
    """

    def __init__(
        self, costs: bool, timing: bool, estimates: Costs, findings: Mapping[int, Mapping[str, Any]] = _NOTHING
    ) -> None:
        self._costs = costs
        self._findings = findings
        self._timing = timing
        self._estimates = estimates

    def lines(self, operator: Any, depth: int = 0) -> Iterator[str]:
        """PostgreSQL's shape: children are indented below an arrow, details stand below their operator."""
        margin = "" if depth == 0 else "  " + "      " * (depth - 1) + "->  "
        yield margin + operator.label() + self._estimate(operator) + self._actual(operator)
        inner = " " * (2 + 6 * depth)
        for detail in operator.details():
            yield inner + detail
        for line in _finding_lines(self._found(operator)):
            yield inner + line
        for child in operator.children():
            yield from self.lines(child, depth + 1)

    def node(self, operator: Any) -> dict[str, Any]:
        """The operator as PostgreSQL's machine-readable formats have it."""
        node = _kind(operator.label())
        if self._costs:
            cost = self._estimates.of(_original(operator))
            node["Startup Cost"] = round(cost.startup, 2)
            node["Total Cost"] = round(cost.total, 2)
            node["Plan Rows"] = round(cost.rows)
            node["Plan Width"] = cost.width
        if hasattr(operator, "loops"):
            loops = max(operator.loops, 1)
            if self._timing:
                node["Actual Startup Time"] = round(operator.first_seconds * 1000 / loops, 3)
                node["Actual Total Time"] = round(operator.seconds * 1000 / loops, 3)
            node["Actual Rows"] = round(operator.rows / loops)
            node["Actual Loops"] = operator.loops
        for detail in operator.details():
            name, _, text = detail.partition(": ")
            node[name] = text
        node.update(self._found(operator))
        children = [self.node(child) for child in operator.children()]
        if children:
            node["Plans"] = children
        return node

    def _found(self, operator: Any) -> Mapping[str, Any]:
        return self._findings.get(id(getattr(operator, "inner", operator)), {})

    def _estimate(self, operator: Any) -> str:
        if not self._costs:
            return ""
        cost = self._estimates.of(_original(operator))
        return f"  (cost={cost.startup:.2f}..{cost.total:.2f} rows={round(cost.rows)} width={cost.width})"

    def _actual(self, operator: Any) -> str:
        if not hasattr(operator, "loops"):
            return ""
        if not operator.loops:
            return " (never executed)"
        loops = operator.loops
        time = ""
        if self._timing:
            time = f"time={operator.first_seconds * 1000 / loops:.3f}..{operator.seconds * 1000 / loops:.3f} "
        return f" (actual {time}rows={round(operator.rows / loops)} loops={loops})"


def _finding_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """PostgreSQL's lines of what an operator did."""
    if "Sort Method" in facts:
        yield f"Sort Method: {facts['Sort Method']}  {facts['Sort Space Type']}: {facts['Sort Space Used']}kB"
        return
    if "Heap Fetches" in facts:
        yield f"Heap Fetches: {facts['Heap Fetches']}"
        return
    parts = []
    if "Hash Buckets" in facts:
        parts.append(f"Buckets: {facts['Hash Buckets']}")
    for name in ("HashAgg Batches", "Hash Batches"):
        if name in facts:
            parts.append(f"Batches: {facts[name]}")
    if "Peak Memory Usage" in facts:
        parts.append(f"Memory Usage: {facts['Peak Memory Usage']}kB")
    if "Disk Usage" in facts:
        parts.append(f"Disk Usage: {facts['Disk Usage']}kB")
    if parts:
        yield "  ".join(parts)


def _original(operator: Any) -> Any:
    return getattr(operator, "original", operator)


def _kind(label: str) -> dict[str, Any]:
    kind, _, target = label.partition(" on ")
    node: dict[str, Any] = {"Node Type": kind}
    words = kind.split()
    index = ""
    if " using " in kind:
        kind, _, index = kind.partition(" using ")
        node["Node Type"] = kind.removesuffix(" Backward")
    if words[-1] == "Join" or words[:2] == ["Nested", "Loop"]:
        named = next((one for one in words if one in _JOINS), "Inner")
        node["Node Type"] = f"{words[0]} Join" if words[0] in ("Hash", "Merge") else "Nested Loop"
        node["Join Type"] = _JOINS.get(named, "Inner")
    elif kind in _STRATEGIES:
        node["Node Type"] = "Aggregate"
        node["Strategy"] = _STRATEGIES[kind]
    elif words[0] in ("Insert", "Update", "Delete", "Merge"):
        node["Node Type"] = "ModifyTable"
        node["Operation"] = words[0]
    node["Parallel Aware"] = False
    node["Async Capable"] = False
    if index:
        node["Scan Direction"] = "Backward" if kind.endswith(" Backward") else "Forward"
        node["Index Name"] = index
    if target:
        name, _, alias = target.partition(" ")
        node["Relation Name"] = name
        node["Alias"] = alias or name
    return node


def fact_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """What stands below a plan."""
    for name, value in facts.items():
        if name == "Settings":
            yield "Settings: " + ", ".join(f"{one} = '{setting}'" for one, setting in value.items())
        elif name == "Storage":
            yield "Storage: " + " ".join(f"{one}={count}" for one, count in value.items())
        else:
            yield f"{name}: {value:.3f} ms"


def written(plan: Any, form: str) -> str:
    """A plan in one of the machine-readable formats."""
    if form == "json":
        return json.dumps([plan], indent=2)
    if form == "yaml":
        return "\n".join(_yaml_list([plan], 0))
    body = "\n".join(_xml("Query", plan, 1))
    return f'<explain xmlns="{_NAMESPACE}">\n{body}\n</explain>'


def _xml(name: str, value: Any, depth: int) -> Iterator[str]:
    margin, tag = "  " * depth, name.replace(" ", "-")
    if isinstance(value, dict):
        yield f"{margin}<{tag}>"
        for key, item in value.items():
            yield from _xml(key, item, depth + 1)
        yield f"{margin}</{tag}>"
    elif isinstance(value, list):
        yield f"{margin}<{tag}>"
        for item in value:
            yield from _xml(name.removesuffix("s"), item, depth + 1)
        yield f"{margin}</{tag}>"
    else:
        text = str(value).lower() if isinstance(value, bool) else escape(str(value))
        yield f"{margin}<{tag}>{text}</{tag}>"


def _yaml_list(items: list[Any], depth: int) -> Iterator[str]:
    margin = "  " * depth
    for item in items:
        if not isinstance(item, dict):
            yield f"{margin}- {json.dumps(item)}"
            continue
        lead = f"{margin}- "
        for line in _yaml(item, depth + 1):
            yield lead + line[len(margin) + 2 :]
            lead = f"{margin}  "


def _yaml(value: dict[str, Any], depth: int) -> Iterator[str]:
    margin = "  " * depth
    for name, item in value.items():
        if isinstance(item, dict):
            yield f"{margin}{name}: "
            yield from _yaml(item, depth + 1)
        elif isinstance(item, list):
            yield f"{margin}{name}: "
            yield from _yaml_list(item, depth + 1)
        else:
            yield f"{margin}{name}: {json.dumps(item)}"
