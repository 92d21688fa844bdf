"""tsquery: lexemes to look for, joined by & | ! and <N>; kept as its text, 'a' & ( 'b':*A | !'c' )."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from struct import error as struct_error
from typing import Any, Final, TypeAlias

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import TypeIO, bad_length
from datacave_core.types.settings import FormatSettings
from datacave_core.types.tsvector import PARSED_MAX, POSITION_MAX, check_lexeme, read_word

_SHORT: Final = Struct("!h")
_COUNT: Final = Struct("!i")
_PRIORITIES: Final = {"|": 1, "&": 2, "<->": 3, "!": 4}
_CODES: Final = {"!": 1, "&": 2, "|": 3, "<->": 4}
_OPERATORS: Final = {code: name for name, code in _CODES.items()}
_LETTERS: Final = {"A": 8, "B": 4, "C": 2, "D": 1}


@dataclass(frozen=True, slots=True)
class Operand:
    """A lexeme; `weights` are the bits of those that count (1 is D, 8 is A; 0: all)."""

    word: str
    weights: int = 0
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    operand: Query


@dataclass(frozen=True, slots=True)
class Both:
    """`operator` is &, | or <->, the last with the distance between both sides."""

    operator: str
    left: Query
    right: Query
    distance: int = 1


Query: TypeAlias = "Operand | Not | Both"


def syntax_error(text: str) -> DatacaveError:
    """42601."""
    return DatacaveError(f'syntax error in tsquery: "{text}"', sqlstate=sqlstate.SYNTAX_ERROR)


class QueryReader:
    """Reads the syntax of tsquery; what an operand becomes is for `operand` to say (None: nothing)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def operand(self, word: str, weights: int, prefix: bool) -> Query | None:
        """An operand as it is written."""
        return Operand(check_lexeme(word), weights, prefix)

    def read(self) -> Query | None:
        """The query; None for an empty text."""
        self._blanks()
        if self.at >= len(self.text):
            return None
        found = self._level(1)
        self._blanks()
        if self.at < len(self.text):
            raise syntax_error(self.text)
        return found

    def _blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _operator(self) -> tuple[str, int] | None:
        self._blanks()
        letter = self.text[self.at : self.at + 1]
        if letter in ("&", "|") and letter:
            return letter, 1
        if letter == "<":
            end = self.text.find(">", self.at)
            inner = self.text[self.at + 1 : end] if end > 0 else ""
            if inner == "-":
                return "<->", 1
            if not (inner.isascii() and inner.isdigit()):
                raise syntax_error(self.text)
            if int(inner) > POSITION_MAX:
                raise DatacaveError(
                    f"distance in phrase operator must be an integer value between zero and {POSITION_MAX} inclusive",
                    sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
                )
            return "<->", int(inner)
        return None

    def _level(self, priority: int) -> Query | None:
        if priority == 4:
            return self._unary()
        left = self._level(priority + 1)
        while (found := self._operator()) is not None and _PRIORITIES[found[0]] == priority:
            self.at = self.text.index(">", self.at) + 1 if found[0] == "<->" else self.at + 1
            right = self._level(priority + 1)
            left = joined(found[0], left, right, found[1])
        return left

    def _unary(self) -> Query | None:
        self._blanks()
        letter = self.text[self.at : self.at + 1]
        if letter == "!":
            self.at += 1
            inner = self._unary()
            return None if inner is None else Not(inner)
        if letter == "(":
            self.at += 1
            found = self._level(1)
            self._blanks()
            if self.text[self.at : self.at + 1] != ")":
                raise syntax_error(self.text)
            self.at += 1
            return found
        if not letter or letter in "&|):<":
            raise (
                DatacaveError(f'no operand in tsquery: "{self.text}"', sqlstate=sqlstate.SYNTAX_ERROR)
                if not letter
                else syntax_error(self.text)
            )
        word, self.at = read_word(self.text, self.at, "!&|():<", syntax_error(self.text))
        if not word and letter != "'":
            raise syntax_error(self.text)
        weights, prefix = self._modifiers()
        return self.operand(word, weights, prefix)

    def _modifiers(self) -> tuple[int, bool]:
        weights, prefix = 0, False
        if self.text[self.at : self.at + 1] == ":":
            self.at += 1
            while (letter := self.text[self.at : self.at + 1].upper()) and (letter == "*" or letter in _LETTERS):
                prefix = prefix or letter == "*"
                weights |= _LETTERS.get(letter, 0)
                self.at += 1
        return weights, prefix


def joined(operator: str, left: Query | None, right: Query | None, distance: int = 1) -> Query | None:
    """Both sides; what is missing leaves the other alone."""
    if left is None or right is None:
        return right if left is None else left
    return Both(operator, left, right, distance)


def format_query(query: Query | None, parent: int = 0, right_of_phrase: bool = False) -> str:
    """The text of a tsquery; parentheses stand where precedence asks for them."""
    if query is None:
        return ""
    if isinstance(query, Operand):
        text = "'" + query.word.replace("\\", "\\\\").replace("'", "''") + "'"
        if query.prefix or query.weights:
            letters = "".join(letter for letter, bit in _LETTERS.items() if query.weights & bit)
            text += f":{'*' if query.prefix else ''}{letters}"
        return text
    if isinstance(query, Not):
        text = "!" + format_query(query.operand, 4)
        return f"( {text} )" if parent > 4 else text
    own = _PRIORITIES[query.operator]
    word = query.operator if query.operator != "<->" or query.distance == 1 else f"<{query.distance}>"
    left = format_query(query.left, own)
    right = format_query(query.right, own, query.operator == "<->")
    text = f"{left} {word} {right}"
    return f"( {text} )" if own < parent or (query.operator == "<->" and right_of_phrase) else text


@lru_cache(PARSED_MAX)
def query_of(value: str) -> Query | None:
    """The tree of a tsquery value; None for an empty one."""
    return QueryReader(value).read()


def node_count(query: Query | None) -> int:
    """How many operands and operators there are."""
    if query is None:
        return 0
    if isinstance(query, Operand):
        return 1
    if isinstance(query, Not):
        return 1 + node_count(query.operand)
    return 1 + node_count(query.left) + node_count(query.right)


def _input(text: str, typmod: int, settings: FormatSettings) -> str:
    return format_query(QueryReader(text).read())


def _output(value: str, settings: FormatSettings) -> str:
    return value


def _items(query: Query) -> bytes:
    if isinstance(query, Operand):
        return bytes([1, query.weights, query.prefix]) + query.word.encode() + b"\0"
    if isinstance(query, Not):
        return bytes([2, _CODES["!"]]) + _items(query.operand)
    head = bytes([2, _CODES[query.operator]])
    if query.operator == "<->":
        head += _SHORT.pack(query.distance)
    return head + _items(query.right) + _items(query.left)


def _send(value: str) -> bytes:
    query = query_of(value)
    return _COUNT.pack(node_count(query)) + (b"" if query is None else _items(query))


def _read_items(data: bytes, at: int) -> tuple[Query, int]:
    if data[at] == 1:
        end = data.find(b"\0", at + 3)
        if end < 0:
            raise IndexError
        return Operand(data[at + 3 : end].decode(), data[at + 1], bool(data[at + 2])), end + 1
    operator = _OPERATORS[data[at + 1]]
    at += 2
    if operator == "!":
        inner, at = _read_items(data, at)
        return Not(inner), at
    distance = 1
    if operator == "<->":
        (distance,) = _SHORT.unpack_from(data, at)
        at += 2
    right, at = _read_items(data, at)
    left, at = _read_items(data, at)
    return Both(operator, left, right, distance), at


def _receive(data: bytes) -> str:
    try:
        (count,) = _COUNT.unpack_from(data)
        query, end = _read_items(data, 4) if count else (None, 4)
    except (IndexError, struct_error):
        raise bad_length(data, len(data) + 1) from None
    except (ValueError, KeyError):
        raise DatacaveError("invalid tsquery", sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION) from None
    if end != len(data):
        raise bad_length(data, end)
    return format_query(query) if query is not None else ""


def _key(value: str) -> Any:
    query = query_of(value)
    return node_count(query), len(value.encode()), value.encode()


TSQUERY_IO: Final = TypeIO(_input, _output, _receive, _send, comparison_key=_key)
