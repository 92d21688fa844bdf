"""Specifications of concurrent sessions, in the format of PostgreSQL's isolation tests, read where they lie."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PERMUTATIONS_MAX = 40
"""Where a specification names no permutations, there may be thousands: a fair sample of so many is run."""

_TOKEN = re.compile(
    r"""\#[^\n]* | \s+ | (?P<sql>\{[^}]*\}) | "(?P<quoted>[^"]*)" | (?P<word>[A-Za-z0-9_.$-]+) | (?P<mark>[(),*])""",
    re.VERBOSE,
)


@dataclass(slots=True)
class Session:
    """One session; `steps` are names with their SQL."""

    name: str
    setup: str = ""
    teardown: str = ""
    steps: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Spec:
    """One file. `permutations` are lists of step names; markers of blocking are dropped, since both sides are asked."""

    name: str
    setup: list[str] = field(default_factory=list)
    teardown: str = ""
    sessions: list[Session] = field(default_factory=list)
    permutations: list[list[str]] = field(default_factory=list)

    def session_of(self, step: str) -> int:
        """The place of the session a step belongs to."""
        return next(place for place, session in enumerate(self.sessions) if step in session.steps)

    def chosen(self) -> list[list[str]]:
        """The permutations to run."""
        return self.permutations or _sample(list(_interleavings([list(one.steps) for one in self.sessions])))


def read_spec(path: Path) -> Spec:
    """The specification of a file. Raises ValueError for what is none."""
    tokens = list(_tokens(path.read_text(encoding="utf-8")))
    spec = Spec(path.stem)
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        at += 1
        if kind != "word":
            raise ValueError(f"{path.name}: {text!r} in the wrong place")
        session = spec.sessions[-1] if spec.sessions else None
        if text == "setup":
            if session is None:
                spec.setup.append(tokens[at][1])
            else:
                session.setup = tokens[at][1]
            at += 1
        elif text == "teardown":
            if session is None:
                spec.teardown = tokens[at][1]
            else:
                session.teardown = tokens[at][1]
            at += 1
        elif text == "session":
            spec.sessions.append(Session(tokens[at][1]))
            at += 1
        elif text == "step":
            assert session is not None
            session.steps[tokens[at][1]] = tokens[at + 1][1]
            at += 2
        elif text == "permutation":
            at = _read_permutation(spec, tokens, at)
        else:
            raise ValueError(f"{path.name}: {text!r} in the wrong place")
    return spec


def _read_permutation(spec: Spec, tokens: list[tuple[str, str]], at: int) -> int:
    names: list[str] = []
    while at < len(tokens):
        kind, text = tokens[at]
        if kind == "mark" and text == "(":
            while tokens[at][1] != ")":
                at += 1
        elif kind == "word" and text in ("permutation", "session", "step"):
            break
        else:
            names.append(text)
        at += 1
    spec.permutations.append(names)
    return at


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"{text[at : at + 20]!r} is no part of a specification")
        at = found.end()
        if found["sql"] is not None:
            yield "sql", found["sql"][1:-1].strip()
        elif found["quoted"] is not None:
            yield "quoted", found["quoted"]
        elif found["word"] is not None:
            yield "word", found["word"]
        elif found["mark"] is not None:
            yield "mark", found["mark"]


def _interleavings(lists: list[list[str]]) -> Iterator[list[str]]:
    if not any(lists):
        yield []
        return
    for place, names in enumerate(lists):
        if names:
            rest = [*lists[:place], names[1:], *lists[place + 1 :]]
            for tail in _interleavings(rest):
                yield [names[0], *tail]


def _sample(everything: list[list[str]]) -> list[list[str]]:
    if len(everything) <= PERMUTATIONS_MAX:
        return everything
    step = len(everything) / PERMUTATIONS_MAX
    return [everything[int(number * step)] for number in range(PERMUTATIONS_MAX)]
