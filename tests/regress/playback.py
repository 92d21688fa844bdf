"""Runs the steps of a script on both servers, side by side, and collects verdicts and differences."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.regress.comparison import Verdict, comparable, compare
from tests.regress.script import Step, read_steps, replace_variables, set_value
from tests.regress.target import Outcome, Target

_FROM_FILE = re.compile(r"^(\s*copy\b.*?\bfrom\s+)'([^']*)'", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Difference:
    """One statement with two answers."""

    line: int
    statement: str
    verdict: Verdict
    expected: Outcome
    got: Outcome


def client_copy(sql: str, data: tuple[bytes, ...]) -> tuple[str, tuple[bytes, ...]]:
    """A COPY from a file of the server becomes one from the client; Datacave need not see the oracle's files."""
    match = _FROM_FILE.match(sql)
    if match is None or not Path(match[2]).is_file():
        return sql, data
    return f"{match[1]}stdin{sql[match.end() :]}", (Path(match[2]).read_bytes(),)


def play(
    script: str, oracle: Target, ours: Target, restart: Callable[[], None], variables: dict[str, str]
) -> tuple[Counter[Verdict], list[Difference]]:
    """Runs everything; `restart` is called when our server stopped answering."""
    verdicts: Counter[Verdict] = Counter()
    differences: list[Difference] = []
    known = dict(variables)
    for step in read_steps(script):
        for sql in _statements(step, oracle, known):
            text, data = client_copy(sql, step.copy_data)
            expected = oracle.run(text, data)
            try:
                got = ours.run_guarded(text, data, oracle)
            except ConnectionError:
                got = Outcome(fate="lost")
            if got.fate:
                restart()
                ours.reconnect()
            if expected.fate:
                oracle.reconnect()
            verdict = compare(text, expected, got)
            verdicts[verdict] += 1
            if step.command == "gset":
                _remember(step.argument, expected, known)
            if verdict not in (Verdict.SAME, Verdict.LEFT_OUT):
                differences.append(Difference(step.line, text, verdict, expected, got))
    return verdicts, differences


def _statements(step: Step, oracle: Target, known: dict[str, str]) -> Iterator[str]:
    """What a step runs: mostly its own text."""
    sql = replace_variables(step.text, known) if step.text else ""
    if step.command == "set" and step.argument:
        name, value = set_value(step.argument, known)
        known[name] = value
    elif step.command == "getenv":
        name, _, variable = step.argument.partition(" ")
        known[name] = os.environ.get(variable.strip(), known.get(name, ""))
    elif step.command == "gexec":
        for answer in oracle.run(sql).answers:
            for row in answer.rows:
                yield from (value.decode() for value in row if value is not None)
        return
    elif step.command in ("d", "d+", "dt", "dn", "echo", "pset", "x", "a", "t", "sf", "sv", "if", "endif"):
        return
    if sql and not (step.command == "" and not comparable(sql) and not sql.strip()):
        yield sql


def _remember(prefix: str, outcome: Outcome, known: dict[str, str]) -> None:
    for answer in outcome.answers:
        if len(answer.rows) == 1:
            for (name, _), value in zip(answer.columns, answer.rows[0], strict=True):
                if value is not None:
                    known[prefix + name] = value.decode()
