"""Reads PostgreSQL's advanced regular expressions (chapter 9.7.3 of its documentation) into nodes.

Also extended ones (`***:`, flag e) as far as they differ not, and literal strings (`***=`, flag q). Basic regular
expressions (flag b) are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.regex.nodes import (
    Alternatives,
    Anchor,
    AnyCharacter,
    BackReference,
    CharacterSet,
    Group,
    Literal,
    Look,
    Node,
    Repeat,
    Sequence,
)

REPEAT_MAX = 255
DEPTH_MAX = 150


@dataclass(frozen=True, slots=True)
class Options:
    """How a pattern is meant; `newline_stops`: . and [^...] do not match newlines; `newline_anchors`: ^ and $ do."""

    ignore_case: bool = False
    newline_stops: bool = False
    newline_anchors: bool = False
    expanded: bool = False
    literal: bool = False

    def with_flag(self, flag: str) -> Options | None:
        """The options with one letter applied; None for an unknown one."""
        if flag == "i":
            return replace(self, ignore_case=True)
        if flag == "c":
            return replace(self, ignore_case=False)
        if flag in "nm":
            return replace(self, newline_stops=True, newline_anchors=True)
        if flag == "p":
            return replace(self, newline_stops=True, newline_anchors=False)
        if flag == "w":
            return replace(self, newline_stops=False, newline_anchors=True)
        if flag == "s":
            return replace(self, newline_stops=False, newline_anchors=False)
        if flag == "x":
            return replace(self, expanded=True)
        if flag == "t":
            return replace(self, expanded=False)
        if flag == "q":
            return replace(self, literal=True)
        if flag == "e":
            return self
        if flag == "b":
            raise FeatureNotSupported(
                "basic regular expressions are not supported", hint="Write the pattern as an advanced one."
            )
        return None


def regex_error(reason: str) -> DatacaveError:
    """2201B."""
    return DatacaveError(f"invalid regular expression: {reason}", sqlstate=sqlstate.INVALID_REGULAR_EXPRESSION)


def options_of(flags: str) -> tuple[Options, bool]:
    """The options of a flags argument, and whether it has g; raises 22023 for unknown letters."""
    options, everywhere = Options(), False
    for flag in flags:
        if flag == "g":
            everywhere = True
            continue
        changed = options.with_flag(flag)
        if changed is None:
            raise bad_parameter(f'invalid regular expression option: "{flag}"')
        options = changed
    return options, everywhere


_WORD_BODY = r"\w"
_SPACE_BODY = r" \t\n\v\f\r\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000"
_CLASSES = {
    "alpha": r"^\W\d_",
    "digit": "0-9",
    "alnum": r"^\W_",
    "upper": "",
    "lower": "",
    "space": _SPACE_BODY,
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "cntrl": r"\x00-\x1f\x7f",
    "graph": r"!-~\xa1-\U0010ffff",
    "print": r" -~\xa1-\U0010ffff",
    "xdigit": "0-9A-Fa-f",
    "word": _WORD_BODY,
}
_ANCHOR_ESCAPES = {
    "m": "word_start", "M": "word_end", "y": "word_edge", "Y": "word_inside", "A": "text_start", "Z": "text_end"
}  # fmt: skip
_CLASS_ESCAPES = {"d": "0-9", "s": _SPACE_BODY, "w": _WORD_BODY}
_CHARACTER_ESCAPES = {
    "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "B": "\\"
}  # fmt: skip
_EMBEDDED = re.compile(r"\(\?([a-z]+)\)")
_BOUND = re.compile(r"\{(\d+)(,(\d*))?\}")


class Parser:
    """A pattern being read; `groups` is the number of capturing groups so far."""

    def __init__(self, pattern: str, options: Options) -> None:
        self.text = pattern
        self.at = 0
        self.groups = 0
        self.closed: set[int] = set()
        self.options = options
        self.depth = 0

    def parse(self) -> Node:
        """The whole pattern."""
        self._directors()
        if self.options.literal:
            return Sequence(tuple(Literal(character) for character in self.text[self.at :]))
        found = self._alternatives()
        if self.at < len(self.text):
            raise regex_error("parentheses () not balanced")
        return found

    def _directors(self) -> None:
        if self.text.startswith("***="):
            self.at = 4
            self.options = replace(self.options, literal=True)
            return
        if self.text.startswith("***"):
            if not self.text.startswith("***:"):
                raise regex_error("quantifier operand invalid")
            self.at = 4
        embedded = _EMBEDDED.match(self.text, self.at)
        if embedded is not None and not self.options.literal:
            for flag in embedded[1]:
                changed = self.options.with_flag(flag)
                if changed is None:
                    raise regex_error("invalid embedded option")
                self.options = changed
            self.at = embedded.end()

    def _skip(self) -> None:
        """Blanks and comments, where they mean nothing."""
        while True:
            if self.text.startswith("(?#", self.at):
                end = self.text.find(")", self.at)
                if end < 0:
                    raise regex_error("parentheses () not balanced")
                self.at = end + 1
            elif self.options.expanded and self.at < len(self.text) and self.text[self.at].isspace():
                self.at += 1
            elif self.options.expanded and self.text.startswith("#", self.at):
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return

    def _alternatives(self) -> Node:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise regex_error("regular expression is too complex")
        branches = [self._sequence()]
        while self.text.startswith("|", self.at):
            self.at += 1
            branches.append(self._sequence())
        self.depth -= 1
        return branches[0] if len(branches) == 1 else Alternatives(tuple(branches))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while True:
            self._skip()
            if self.at >= len(self.text) or self.text[self.at] in "|)":
                break
            parts.append(self._quantified())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _quantified(self) -> Node:
        start = self.at
        if self.text[start] in "*+?" or _BOUND.match(self.text, start) is not None:
            raise regex_error("quantifier operand invalid")
        atom = self._atom()
        self._skip()
        bounds = self._bounds()
        if bounds is None:
            return atom
        if isinstance(atom, Anchor | Look):
            raise regex_error("quantifier operand invalid")
        greedy = True
        if self.text.startswith("?", self.at):
            self.at += 1
            greedy = False
        self._skip()
        if self._bounds() is not None:
            raise regex_error("quantifier operand invalid")
        return Repeat(atom, *bounds, greedy)

    def _bounds(self) -> tuple[int, int | None] | None:
        character = self.text[self.at : self.at + 1]
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if character and character in simple:
            self.at += 1
            return simple[character]
        if character != "{" or not self.text[self.at + 1 : self.at + 2].isdigit():
            return None
        found = _BOUND.match(self.text, self.at)
        if found is None:
            closed = "}" in self.text[self.at :]
            raise regex_error("invalid repetition count(s)" if closed else "braces {} not balanced")
        self.at = found.end()
        low = int(found[1])
        high = low if found[2] is None else int(found[3]) if found[3] else None
        if low > REPEAT_MAX or (high is not None and (high > REPEAT_MAX or high < low)):
            raise regex_error("invalid repetition count(s)")
        return low, high

    def _atom(self) -> Node:
        character = self.text[self.at]
        self.at += 1
        if character == "(":
            return self._group()
        if character == "[":
            return self._bracket()
        if character == "\\":
            return self._escape()
        if character == ".":
            return AnyCharacter()
        if character == "^":
            return Anchor("start")
        if character == "$":
            return Anchor("end")
        return Literal(character)

    def _group(self) -> Node:
        for opening, ahead, negated in (
            ("?=", True, False),
            ("?!", True, True),
            ("?<=", False, False),
            ("?<!", False, True),
        ):
            if self.text.startswith(opening, self.at):
                self.at += len(opening)
                # What a lookaround matches cannot depend on groups, nor give any.
                closed, self.closed = self.closed, set()
                body = self._inside()
                self.closed = closed
                return Look(body, ahead, negated)
        number = 0
        if self.text.startswith("?:", self.at):
            self.at += 2
        elif self.text.startswith("?", self.at):
            raise regex_error("quantifier operand invalid")
        else:
            self.groups += 1
            number = self.groups
        body = self._inside()
        self.closed.add(number)
        return Group(body, number)

    def _inside(self) -> Node:
        body = self._alternatives()
        if not self.text.startswith(")", self.at):
            raise regex_error("parentheses () not balanced")
        self.at += 1
        return body

    def _escape(self) -> Node:
        if self.at >= len(self.text):
            raise regex_error("invalid escape \\ sequence")
        character = self.text[self.at]
        if character in _ANCHOR_ESCAPES:
            self.at += 1
            return Anchor(_ANCHOR_ESCAPES[character])
        if character.lower() in _CLASS_ESCAPES and character.lower() in "dsw":
            self.at += 1
            return CharacterSet(_CLASS_ESCAPES[character.lower()], character.isupper())
        if character in "123456789":
            found = re.compile(r"\d+").match(self.text, self.at)
            assert found is not None
            number = int(found[0])
            if number < 10 or number <= self.groups:
                if number not in self.closed:
                    raise regex_error("invalid backreference number")
                self.at = found.end()
                return BackReference(number)
        return Literal(self._character_escape())

    def _character_escape(self) -> str:
        """The character that an escape means; the cursor is behind the backslash."""
        character = self.text[self.at]
        self.at += 1
        if character in _CHARACTER_ESCAPES:
            return _CHARACTER_ESCAPES[character]
        if character == "c":
            following = self.text[self.at : self.at + 1]
            self.at += 1
            if not following:
                raise regex_error("invalid escape \\ sequence")
            return chr(ord(following) & 0x1F)
        pattern = {"u": r"[0-9a-fA-F]{4}", "U": r"[0-9a-fA-F]{8}", "x": r"[0-9a-fA-F]+"}.get(character)
        if pattern is not None:
            found = re.compile(pattern).match(self.text, self.at)
            if found is None or int(found[0], 16) > 0x10FFFF:
                raise regex_error("invalid escape \\ sequence")
            self.at = found.end()
            return chr(int(found[0], 16))
        if character in "01234567":
            found = re.compile(r"[0-7]{1,3}").match(self.text, self.at - 1)
            assert found is not None
            self.at = found.end()
            return chr(int(found[0], 8))
        if character.isalnum():
            raise regex_error("invalid escape \\ sequence")
        return character

    def _bracket(self) -> Node:
        for word, kind in (("[:<:]]", "word_start"), ("[:>:]]", "word_end")):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return Anchor(kind)
        negated = self.text.startswith("^", self.at)
        if negated:
            self.at += 1
        parts: list[str] = []
        classes: list[str] = []
        first = True
        while True:
            if self.at >= len(self.text):
                raise regex_error("brackets [] not balanced")
            if self.text[self.at] == "]" and not first:
                self.at += 1
                break
            first = False
            self._bracket_item(parts, classes)
        return CharacterSet("".join(parts) + "".join(f"\0{name}" for name in classes), negated)

    def _bracket_item(self, parts: list[str], classes: list[str]) -> None:
        if self.text.startswith("[:", self.at):
            end = self.text.find(":]", self.at)
            name = self.text[self.at + 2 : end] if end > 0 else ""
            if name not in _CLASSES:
                raise regex_error("invalid character class")
            self.at = end + 2
            if name in ("alpha", "alnum", "upper", "lower"):
                classes.append(name)
            else:
                parts.append(_CLASSES[name])
            return
        if self.text.startswith("\\", self.at) and self.text[self.at + 1 : self.at + 2] in ("d", "s", "w"):
            parts.append(_CLASS_ESCAPES[self.text[self.at + 1]])
            self.at += 2
            return
        low = self._bracket_character()
        if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
            self.at += 1
            high = self._bracket_character()
            if ord(high) < ord(low):
                raise regex_error("invalid character range")
            parts.append(f"{_in_class(low)}-{_in_class(high)}")
        else:
            parts.append(_in_class(low))

    def _bracket_character(self) -> str:
        if self.at >= len(self.text):
            raise regex_error("brackets [] not balanced")
        for opening, closing in (("[.", ".]"), ("[=", "=]")):
            if self.text.startswith(opening, self.at):
                end = self.text.find(closing, self.at)
                if end != self.at + 3:
                    raise regex_error("invalid collating element")
                found = self.text[self.at + 2]
                self.at = end + 2
                return found
        character = self.text[self.at]
        self.at += 1
        if character != "\\":
            return character
        if self.at >= len(self.text):
            raise regex_error("brackets [] not balanced")
        if self.text[self.at] in _ANCHOR_ESCAPES or self.text[self.at] in "DSW":
            raise regex_error("invalid escape \\ sequence")
        return self._character_escape()


def _in_class(character: str) -> str:
    """A character as it is written inside a Python character class."""
    return "\\" + character if character in "\\]^-[&~|" else character
