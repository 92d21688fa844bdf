"""A matcher that cannot run away: all ways through the pattern advance together, one character at a time.

Used where backtracking could take too long and RE2 does not fit. The
time is bounded by pattern size times text length. Ways are kept in order of preference, so results agree with those
of backtracking. Back references and lookarounds need backtracking and are not for it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from datacave_sql.functions.regex.nodes import (
    Alternatives,
    Anchor,
    AnyCharacter,
    CharacterSet,
    Group,
    Literal,
    Node,
    Repeat,
    Sequence,
    prefers_longest,
)
from datacave_sql.functions.regex.parser import Options, regex_error
from datacave_sql.functions.regex.translation import translate

PROGRAM_MAX = 20_000

Spans = tuple[tuple[int, int], ...]
"""(start, end) of the whole match and of every group; (-1, -1) for a group that took no part."""


class Instruction(NamedTuple):
    """One step: character (test), anchor (test), save (slot), split (targets, preferred first), match."""

    kind: str
    test: re.Pattern[str] | None = None
    slot: int = 0
    targets: tuple[int, ...] = ()


class Machine:
    """A compiled pattern."""

    def __init__(self, node: Node, groups: int, options: Options) -> None:
        self.groups = groups
        self._options = options
        self._program: list[Instruction] = []
        self._emit(node, prefers_longest(node) is not False)
        self._add(Instruction("match"))

    def _add(self, instruction: Instruction) -> int:
        self._program.append(instruction)
        if len(self._program) > PROGRAM_MAX:
            raise regex_error("regular expression is too complex")
        return len(self._program) - 1

    def _test(self, kind: str, node: Node) -> None:
        flags = re.IGNORECASE if self._options.ignore_case else 0
        self._add(Instruction(kind, re.compile(translate(node, self._options), flags)))

    def _emit(self, node: Node, greedy: bool) -> None:
        if isinstance(node, Literal | AnyCharacter | CharacterSet):
            self._test("character", node)
        elif isinstance(node, Anchor):
            self._test("anchor", node)
        elif isinstance(node, Sequence):
            for part in node.parts:
                self._emit(part, greedy)
        elif isinstance(node, Group):
            if node.number:
                self._add(Instruction("save", slot=2 * node.number))
            self._emit(node.body, greedy)
            if node.number:
                self._add(Instruction("save", slot=2 * node.number + 1))
        elif isinstance(node, Alternatives):
            self._emit_alternatives(node, greedy)
        elif isinstance(node, Repeat):
            self._emit_repeat(node, greedy)
        else:
            raise AssertionError("back references and lookarounds need backtracking")

    def _emit_alternatives(self, node: Alternatives, greedy: bool) -> None:
        jumps = []
        for branch in node.branches[:-1]:
            split = self._add(Instruction("split"))
            self._emit(branch, greedy)
            jumps.append(self._add(Instruction("split")))
            self._program[split] = Instruction("split", targets=(split + 1, len(self._program)))
        self._emit(node.branches[-1], greedy)
        for jump in jumps:
            self._program[jump] = Instruction("split", targets=(len(self._program),))

    def _emit_repeat(self, node: Repeat, greedy: bool) -> None:
        for _ in range(node.low):
            self._emit(node.body, greedy)
        if node.high is None:
            split = self._add(Instruction("split"))
            self._emit(node.body, greedy)
            self._add(Instruction("split", targets=(split,)))
            self._set_split(split, greedy)
            return
        splits = []
        for _ in range(node.high - node.low):
            splits.append(self._add(Instruction("split")))
            self._emit(node.body, greedy)
        for split in splits:
            self._set_split(split, greedy)

    def _set_split(self, split: int, greedy: bool) -> None:
        inside, behind = split + 1, len(self._program)
        self._program[split] = Instruction("split", targets=(inside, behind) if greedy else (behind, inside))

    def search(self, text: str, start: int = 0) -> Spans | None:
        """The first match at or after `start`."""
        threads: list[tuple[int, tuple[int, ...]]] = []
        found: tuple[int, ...] | None = None
        slots = (-1,) * (2 * self.groups + 2)
        for at in range(start, len(text) + 1):
            seen: set[int] = set()
            current: list[tuple[int, tuple[int, ...]]] = []
            for place, saved in threads:
                self._follow(place, saved, text, at, seen, current)
            if found is None:
                self._follow(0, (at, *slots[1:]), text, at, seen, current)
            if not current and found is not None:
                break
            threads = []
            for place, saved in current:
                instruction = self._program[place]
                if instruction.kind == "match":
                    found = (saved[0], at, *saved[2:])
                    break
                if at < len(text) and instruction.test is not None and instruction.test.match(text, at):
                    threads.append((place + 1, saved))
        if found is None:
            return None
        return tuple((found[i], found[i + 1]) if found[i + 1] >= 0 else (-1, -1) for i in range(0, len(found), 2))

    def _follow(
        self,
        place: int,
        saved: tuple[int, ...],
        text: str,
        at: int,
        seen: set[int],
        out: list[tuple[int, tuple[int, ...]]],
    ) -> None:
        """Adds every consuming or matching step that is reached without a character."""
        stack = [(place, saved)]
        while stack:
            place, saved = stack.pop()
            if place in seen:
                continue
            seen.add(place)
            instruction = self._program[place]
            if instruction.kind == "split":
                stack.extend((target, saved) for target in reversed(instruction.targets))
            elif instruction.kind == "save":
                slot = instruction.slot
                stack.append((place + 1, (*saved[:slot], at, *saved[slot + 1 :])))
            elif instruction.kind == "anchor":
                if instruction.test is not None and instruction.test.match(text, at):
                    stack.append((place + 1, saved))
            else:
                out.append((place, saved))
