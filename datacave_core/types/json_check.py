"""Says what is wrong with a JSON text, in PostgreSQL's words: the slow way, taken only when a text is refused.

A pushdown automaton over the UTF-8 bytes, so that depth costs no stack. Not here: making values (json.py, jsonb.py).
"""

from __future__ import annotations

import re
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError

_SPACE: Final = re.compile(rb"[ \t\n\r]*")
_WORD: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff]*")
_NUMBER: Final = re.compile(
    rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+|(?!\.))(?:[eE][+-]?[0-9]+|(?![eE]))(?![A-Za-z0-9_\x80-\xff])"
)
_NUMBER_EXTENT: Final = re.compile(rb"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?(?:[eE][+-]?[0-9]*)?[A-Za-z0-9_\x80-\xff]*")
_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_HEXADECIMAL: Final = b"0123456789abcdefABCDEF"
_CONTEXT_BYTES: Final = 50


class JsonChecker:
    """Walks one text; `check` returns quietly when it is JSON and raises 22P02 or 22P05 otherwise.

    With `unescape`, \\u sequences must also form characters: the rule for jsonb and for every function that takes
    strings out of JSON.
    """

    def __init__(self, text: str, *, unescape: bool) -> None:
        self._data = text.encode("utf-8", "surrogatepass")
        self._unescape = unescape
        self._start = 0
        self._end = 0
        self._token = b""

    def check(self) -> None:
        """Raises with detail and context at the first offence in the text."""
        stack: list[bytes] = []
        self._next()
        while True:
            # A value is due here.
            token = self._token
            if token == b"{":
                self._next()
                if self._token == b'"':
                    stack.append(b"{")
                    self._key()
                    continue
                if self._token != b"}":
                    raise self._expected('string or "}"')
                self._next()
            elif token == b"[":
                self._next()
                if self._token != b"]":
                    stack.append(b"[")
                    continue
                self._next()
            elif token in (b'"', b"0", b"w"):
                self._next()
            else:
                raise self._expected("JSON value")
            # A value is complete; close what it completes.
            while stack:
                if self._token == b",":
                    self._next()
                    if stack[-1] == b"{":
                        if self._token != b'"':
                            raise self._expected("string")
                        self._key()
                    break
                if self._token != (b"}" if stack[-1] == b"{" else b"]"):
                    raise self._expected('"," or "}"' if stack[-1] == b"{" else '"," or "]"')
                stack.pop()
                self._next()
            else:
                if self._token:
                    raise self._expected("end of input")
                return

    def _key(self) -> None:
        self._next()
        if self._token != b":":
            raise self._expected('":"')
        self._next()

    def _next(self) -> None:
        """Reads one token: punctuation stands for itself, `"` a string, `0` a number, `w` a literal, empty the end."""
        found = _SPACE.match(self._data, self._end)
        assert found is not None
        start = self._start = found.end()
        if start >= len(self._data):
            self._end = start
            self._token = b""
            return
        first = self._data[start : start + 1]
        if first in b"{}[],:":
            self._end = start + 1
            self._token = first
        elif first == b'"':
            self._string()
            self._token = b'"'
        elif first in b"-0123456789":
            number = _NUMBER.match(self._data, start)
            extent = number or _NUMBER_EXTENT.match(self._data, start)
            assert extent is not None
            self._end = extent.end()
            if number is None:
                raise self._error(f'Token "{self._shown()}" is invalid.')
            self._token = b"0"
        else:
            word = _WORD.match(self._data, start)
            assert word is not None
            self._end = max(word.end(), start + 1)
            if word[0] not in (b"true", b"false", b"null"):
                raise self._error(f'Token "{self._shown()}" is invalid.')
            self._token = b"w"

    def _string(self) -> None:
        data = self._data
        at = self._start + 1
        high = False
        while True:
            plain = _PLAIN.match(data, at)
            assert plain is not None
            if plain.end() > at and high:
                raise self._surrogate(at)
            at = plain.end()
            if at >= len(data):
                raise self._cut(at)
            byte = data[at]
            if byte == 0x22:
                if high:
                    raise self._surrogate(at)
                self._end = at + 1
                return
            if byte != 0x5C:
                self._end = at
                raise self._error(f"Character with value 0x{byte:02x} must be escaped.")
            at += 1
            if at >= len(data):
                raise self._cut(at)
            if data[at] != 0x75:
                if high:
                    raise self._surrogate(at)
                if data[at] not in b'"\\/bfnrt':
                    self._start = at
                    self._end = self._character_end(at)
                    raise self._error(f'Escape sequence "\\{self._shown()}" is invalid.')
                at += 1
                continue
            for place in range(at + 1, at + 5):
                if place >= len(data):
                    raise self._cut(place)
                if data[place] not in _HEXADECIMAL:
                    self._end = self._character_end(place)
                    raise self._error('"\\u" must be followed by four hexadecimal digits.')
            code = int(data[at + 1 : at + 5], 16)
            if self._unescape:
                high = self._character(code, high, at + 4)
            at += 5

    def _character(self, code: int, high: bool, at: int) -> bool:
        """Checks one escaped code unit; tells whether the second half of a pair must follow."""
        if 0xD800 <= code <= 0xDBFF:
            if high:
                self._end = at + 1
                raise self._error("Unicode high surrogate must not follow a high surrogate.")
            return True
        if (0xDC00 <= code <= 0xDFFF) != high:
            raise self._surrogate(at)
        if code == 0:
            self._end = at + 1
            raise self._error(
                "\\u0000 cannot be converted to text.",
                "unsupported Unicode escape sequence",
                sqlstate.UNTRANSLATABLE_CHARACTER,
            )
        return False

    def _surrogate(self, at: int) -> DatacaveError:
        self._end = self._character_end(at)
        return self._error("Unicode low surrogate must follow a high surrogate.")

    def _character_end(self, at: int) -> int:
        end = at + 1
        while end < len(self._data) and 0x80 <= self._data[end] < 0xC0:
            end += 1
        return end

    def _cut(self, at: int) -> DatacaveError:
        self._end = at
        return self._error(f'Token "{self._shown()}" is invalid.')

    def _shown(self) -> str:
        return self._data[self._start : self._end].decode("utf-8", "replace")

    def _expected(self, what: str) -> DatacaveError:
        if not self._token:
            return self._error("The input string ended unexpectedly.", at_end=True)
        return self._error(f'Expected {what}, but found "{self._shown()}".')

    def _error(
        self,
        detail: str,
        message: str = "invalid input syntax for type json",
        code: str = sqlstate.INVALID_TEXT_REPRESENTATION,
        *,
        at_end: bool = False,
    ) -> DatacaveError:
        return DatacaveError(message, sqlstate=code, detail=detail, context=self._context(at_end))

    def _context(self, at_end: bool) -> str:
        """The line of the offence, cut to its last 50 bytes, up to and including the offending token."""
        data, end = self._data, self._end
        newlines = data[: self._start].count(b"\n")
        line_start = data.rfind(b"\n", 0, self._start) + 1
        start = line_start
        while end - start >= _CONTEXT_BYTES:
            start = self._character_end(start)
        if start - line_start <= 3:
            start = line_start
        prefix = "..." if start > line_start else ""
        suffix = "..." if not at_end and end < len(data) and data[end] not in b"\n\r" else ""
        shown = data[start:end].decode("utf-8", "replace")
        return f"JSON data, line {newlines + 1}: {prefix}{shown}{suffix}"
