"""BodyScanner: the tokens of a PL/pgSQL body, by the lexical rules of SQL, and the pieces of SQL between its words."""

from __future__ import annotations

from bisect import bisect_right

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.parse import parse_statements
from datacave_sql.parse.keywords import IDENT
from datacave_sql.parse.lexer import BAD, END, SCONST, tokenize
from datacave_sql.plpgsql.syntax import Sql

_OPENING = {"(": ")", "[": "]"}


class BodyScanner:
    """A place in the tokens of a body. Words are compared in lower case; quoted names are no words."""

    def __init__(self, body: str, *, checks: bool = True) -> None:
        self.body = body
        self.tokens = tokenize(body)
        self.kinds = self.tokens.kinds
        self.values = self.tokens.values
        self.starts = self.tokens.starts
        self.ends = self.tokens.ends
        self.index = 0
        self._checks = checks
        self._lines = [place for place, character in enumerate(body) if character == "\n"]

    # Places and errors

    @property
    def line(self) -> int:
        """The line of the current token."""
        return self.line_of(self.starts[self.index])

    def line_of(self, offset: int) -> int:
        """The line of an offset."""
        return bisect_right(self._lines, offset - 1) + 1

    def error(self, message: str = "syntax error", index: int | None = None) -> DatacaveError:
        """The error for a token that cannot stand where it is."""
        at = self.index if index is None else index
        if self.kinds[at] == BAD and self.tokens.error is not None:
            return self.tokens.error
        if self.kinds[at] == END:
            where = "at end of input"
        else:
            where = f'at or near "{self.body[self.starts[at] : self.ends[at]]}"'
        return DatacaveError(f"{message} {where}", sqlstate=sqlstate.SYNTAX_ERROR, position=self.starts[at] + 1)

    def refuse(self, message: str, code: str = sqlstate.SYNTAX_ERROR, index: int | None = None) -> DatacaveError:
        """An error with a message of its own."""
        at = self.index if index is None else index
        return DatacaveError(message, sqlstate=code, position=self.starts[at] + 1)

    # Tokens

    @property
    def kind(self) -> str:
        """The kind of the current token."""
        return self.kinds[self.index]

    def word(self, ahead: int = 0) -> str:
        """The current (or a later) token as a word in lower case; "" for what is no word."""
        index = min(self.index + ahead, len(self.kinds) - 1)
        return self._word(index)

    def _word(self, index: int) -> str:
        kind = self.kinds[index]
        if kind == IDENT:
            return self.values[index] if self.body[self.starts[index]] != '"' else ""
        return kind if kind.isalpha() and kind.islower() else ""

    def is_name(self, ahead: int = 0) -> bool:
        """Whether a token can be a name."""
        index = min(self.index + ahead, len(self.kinds) - 1)
        return self.kinds[index] == IDENT or bool(self._word(index))

    def accept(self, *words: str) -> bool:
        """Steps over a run of words or marks if all of them are there."""
        for ahead, word in enumerate(words):
            index = self.index + ahead
            if index >= len(self.kinds) or (self.kinds[index] != word and self._word(index) != word):
                return False
        self.index += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Steps over words or marks. Raises 42601."""
        for word in words:
            if not self.accept(word):
                raise self.error()

    def name(self) -> str:
        """A name."""
        if not self.is_name():
            raise self.error()
        value = self.values[self.index] if self.kinds[self.index] == IDENT else self._word(self.index)
        self.index += 1
        return value

    def names(self) -> tuple[str, ...]:
        """a.b.c"""
        found = [self.name()]
        while self.kind == "." and self.is_name(1):
            self.index += 1
            found.append(self.name())
        return tuple(found)

    def string(self) -> str:
        """A string literal."""
        if self.kind != SCONST:
            raise self.error()
        self.index += 1
        return self.values[self.index - 1]

    def at_operator(self, text: str, ahead: int = 0) -> bool:
        """Whether a token has exactly this text."""
        index = min(self.index + ahead, len(self.kinds) - 1)
        return self.body[self.starts[index] : self.ends[index]] == text

    def label(self) -> str | None:
        """<<label>>, if one is there."""
        if not self.at_operator("<<"):
            return None
        self.index += 1
        found = self.name()
        if not self.at_operator(">>"):
            raise self.error()
        self.index += 1
        return found

    # SQL

    def find(self, *ends: str, start: int | None = None) -> int:
        """The token of the first of these words or marks that stands outside of parentheses. Raises 42601."""
        depth = 0
        index = self.index if start is None else start
        kinds = self.kinds
        while True:
            kind = kinds[index]
            if kind in (END, BAD):
                if depth:
                    raise self.error("mismatched parentheses", index)
                raise self.error(index=index)
            if not depth and (kind in ends or self._word(index) in ends):
                return index
            if kind in "([":
                depth += 1
            elif kind in ")]":
                depth -= 1
                if depth < 0:
                    raise self.error("mismatched parentheses", index)
            elif kind == ";":
                return index
            index += 1

    def expression(self, *ends: str, expected: str = "") -> Sql:
        """An expression up to one of these words, which becomes the current token. Raises 42601."""
        stop = self.find(*ends)
        if self.kinds[stop] == ";" and ";" not in ends:
            wanted = expected or ends[0].upper()
            raise self.error(f'missing "{wanted}" at end of SQL expression', stop)
        return self.sql(self.index, stop)

    def sql(self, first: int, stop: int, *, whole: bool = False, missing: str = "missing expression") -> Sql:
        """The text of tokens, checked to be SQL."""
        if stop <= first:
            raise self.error(missing, stop)
        start = self.starts[first]
        text = self.body[start : self.ends[stop - 1]]
        self.index = stop
        found = Sql(text, start, self.line_of(start), whole)
        if self._checks:
            self.check(found)
        return found

    def arguments(self, stop: int) -> Sql | None:
        """What stands in parentheses after a cursor's name, up to a token; None where that is nothing."""
        if stop <= self.index:
            return None
        start = self.starts[self.index]
        found = Sql(self.body[start : self.ends[stop - 1]], start, self.line_of(start))
        self.index = stop
        if self._checks:
            self.check(found, f"cursor_arguments({found.text})")
        return found

    def check(self, sql: Sql, hidden: str | None = None) -> None:
        """Raises 42601, with a place in the body, for what is no SQL."""
        text = hidden if hidden is not None else sql.text
        prefix = "" if sql.whole else "SELECT "
        try:
            parsed = parse_statements(prefix + text)
        except DatacaveError as error:
            if error.position is not None:
                error.position = max(1, error.position - len(prefix)) + sql.start
            raise
        if len(parsed) != 1:
            raise DatacaveError(
                f'syntax error at or near "{text}"', sqlstate=sqlstate.SYNTAX_ERROR, position=sql.start + 1
            )

    def expressions(self, *ends: str) -> tuple[Sql, ...]:
        """Expressions with commas between them, up to one of these words."""
        found = []
        while True:
            found.append(self.expression(",", *ends))
            if not self.accept(","):
                return tuple(found)
