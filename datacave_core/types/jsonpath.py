"""jsonpath: a str in canonical form, and the tree behind it.

Chapter 9.16.2 of PostgreSQL's documentation. Nodes are tuples whose first member says what they are; their shapes are
listed at `JsonPath`. Not here: running a path over a document (the SQL layer's functions).
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import TypeIO, bad_length, decode_utf8
from datacave_core.types.numeric import format_numeric, parse_numeric
from datacave_core.types.settings import FormatSettings

PathNode: TypeAlias = tuple[Any, ...]


class JsonPath(NamedTuple):
    """A parsed path. Nodes:

    ("root",) ("current",) ("last",) ("constant", value) ("variable", name)
    ("steps", head, (step, ...)), where a step is ("key", name) ("any key",) ("any element",)
        ("subscripts", ((from, to or None), ...)) ("any", first, last) ("method", name) ("datetime", template or None)
        ("filter", predicate); levels of "any" are numbers, None is the last one
    ("binary", operator, left, right) ("unary", operator, operand)
    ("and", left, right) ("or", left, right) ("not", predicate) ("unknown", predicate) ("exists", node)
    ("compare", operator, left, right) ("starts", node, prefix) ("like", node, pattern, flags)
    """

    lax: bool
    node: PathNode


_TOKEN: Final = re.compile(
    r"""(?P<blank>[ \t\n\r\f]+|/\*.*?\*/)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<variable>\$(?:"(?:[^"\\]|\\.)*"|[A-Za-z_\x80-\U0010ffff](?:[A-Za-z0-9_\x80-\U0010ffff]|\\.)*))
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<word>[A-Za-z_\x80-\U0010ffff](?:[A-Za-z0-9_\x80-\U0010ffff]|\\.)*)
    |(?P<mark>\*\*|&&|\|\||==|<>|!=|<=|>=|[][?%$.{}()!=<>@,*:+/-])""",
    re.VERBOSE | re.DOTALL,
)
_METHODS: Final = frozenset({"abs", "size", "type", "floor", "double", "ceiling", "keyvalue"})
_COMPARISONS: Final = {"==": "==", "=": "==", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_PREDICATES: Final = frozenset({"and", "or", "not", "unknown", "exists", "compare", "starts", "like"})
_DEPTH_MAX: Final = 300


class _Token(NamedTuple):
    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _syntax(text[at])
        at = match.end()
        kind = match.lastgroup
        assert kind is not None
        if kind == "number" and at < len(text) and (text[at].isalnum() or text[at] == "_"):
            raise DatacaveError(
                f'trailing junk after numeric literal at or near "{match[0]}{text[at]}" of jsonpath input',
                sqlstate=sqlstate.SYNTAX_ERROR,
            )
        if kind != "blank":
            found.append(_Token(kind, match[0]))
    found.append(_Token("end", ""))
    return found


def _syntax(near: str) -> DatacaveError:
    where = f'at or near "{near}"' if near else "at end"
    return DatacaveError(f"syntax error {where} of jsonpath input", sqlstate=sqlstate.SYNTAX_ERROR)


_ESCAPE: Final = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unescape(text: str) -> str:
    def replace(found: re.Match[str]) -> str:
        digits = found[1] or found[2] or found[3]
        return chr(int(digits, 16)) if digits else _ESCAPES.get(found[4], found[4])

    if "\\" not in text:
        return text
    joined = _ESCAPE.sub(replace, text)
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    def fail(self) -> NoReturn:
        raise _syntax(self.tokens[self.at].text)

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> str | None:
        """The token if it is one of these marks or words, and steps over it."""
        token = self.token
        if token.kind in ("mark", "word") and token.text in texts:
            self.at += 1
            return token.text
        return None

    def expect(self, text: str) -> None:
        if self.take(text) is None:
            self.fail()

    def path(self) -> JsonPath:
        lax = True
        if self.token.kind == "word" and self.token.text.lower() in ("strict", "lax"):
            lax = self.token.text.lower() == "lax"
            self.at += 1
        node = self.either()
        if self.token.kind != "end":
            self.fail()
        return JsonPath(lax, node)

    def either(self) -> PathNode:
        """An expression or a predicate."""
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise DatacaveError("stack depth limit exceeded", sqlstate=sqlstate.STATEMENT_TOO_COMPLEX)
        node = self.conjunction()
        while self.take("||"):
            node = ("or", self.predicate(node), self.predicate(self.conjunction()))
        self.depth -= 1
        return node

    def conjunction(self) -> PathNode:
        node = self.comparison()
        while self.take("&&"):
            node = ("and", self.predicate(node), self.predicate(self.comparison()))
        return node

    def predicate(self, node: PathNode) -> PathNode:
        return node if node[0] in _PREDICATES else self.fail()

    def value(self, node: PathNode) -> PathNode:
        return self.fail() if node[0] in _PREDICATES else node

    def comparison(self) -> PathNode:
        if self.take("!"):
            if self.token.text not in ("(", "exists"):
                self.fail()
            return "not", self.predicate(self.primary())
        node = self.sum()
        operator = self.take(*_COMPARISONS)
        if operator is not None:
            return "compare", _COMPARISONS[operator], self.value(node), self.value(self.sum())
        if self.take("starts"):
            self.expect("with")
            return "starts", self.value(node), self.prefix()
        if self.take("like_regex"):
            return self.like(self.value(node))
        if node[0] in _PREDICATES and self.take("is"):
            self.expect("unknown")
            return "unknown", node
        return node

    def prefix(self) -> PathNode:
        token = self.token
        if token.kind not in ("string", "variable"):
            self.fail()
        return self.primary()

    def like(self, node: PathNode) -> PathNode:
        pattern = self.string()
        flags = self.string() if self.take("flag") else ""
        for flag in flags:
            if flag not in "ismxq":
                raise DatacaveError(
                    "invalid input syntax for type jsonpath",
                    sqlstate=sqlstate.SYNTAX_ERROR,
                    detail=f'Unrecognized flag character "{flag}" in LIKE_REGEX predicate.',
                )
        if "x" in flags and "q" not in flags:
            raise DatacaveError(
                'XQuery "x" flag (expanded regular expressions) is not implemented',
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            )
        return "like", node, pattern, "".join(flag for flag in "ismxq" if flag in flags)

    def string(self) -> str:
        token = self.token
        if token.kind != "string":
            self.fail()
        self.at += 1
        return _unescape(token.text[1:-1])

    def sum(self) -> PathNode:
        node = self.product()
        while operator := self.take("+", "-"):
            node = ("binary", operator, self.value(node), self.value(self.product()))
        return node

    def product(self) -> PathNode:
        node = self.unary()
        while operator := self.take("*", "/", "%"):
            node = ("binary", operator, self.value(node), self.value(self.unary()))
        return node

    def unary(self) -> PathNode:
        operator = self.take("+", "-")
        if operator is None:
            return self.steps(self.primary())
        operand = self.value(self.unary())
        if operand[0] == "constant" and isinstance(operand[1], int | Decimal) and not isinstance(operand[1], bool):
            return operand if operator == "+" else ("constant", -operand[1])
        return "unary", operator, operand

    def primary(self) -> PathNode:
        token = self.token
        if token.kind == "string":
            return "constant", self.string()
        self.at += 1
        if token.kind == "number":
            return "constant", parse_numeric(token.text)
        if token.kind == "variable":
            name = token.text[1:]
            return "variable", _unescape(name[1:-1] if name.startswith('"') else name)
        if token.text in ("null", "true", "false") and token.kind == "word":
            return "constant", {"null": None, "true": True, "false": False}[token.text]
        if token.text in ("$", "@"):
            return ("root",) if token.text == "$" else ("current",)
        if token.kind == "word" and token.text == "last":
            return ("last",)
        if token.kind == "word" and token.text == "exists":
            self.expect("(")
            node = self.value(self.either())
            self.expect(")")
            return "exists", node
        if token.text == "(":
            node = self.either()
            self.expect(")")
            return node
        self.at -= 1
        self.fail()

    def steps(self, head: PathNode) -> PathNode:
        found: list[PathNode] = []
        while True:
            if self.take("."):
                found.append(self.member())
            elif self.take("["):
                found.append(self.subscripts())
            elif self.take("?"):
                self.expect("(")
                found.append(("filter", self.predicate(self.either())))
                self.expect(")")
            else:
                break
        return ("steps", head, tuple(found)) if found else head

    def member(self) -> PathNode:
        token = self.token
        if self.take("**"):
            return self.levels()
        if self.take("*"):
            return ("any key",)
        if token.kind == "string":
            return "key", self.string()
        if token.kind != "word":
            self.fail()
        self.at += 1
        if self.token.text == "(" and token.text in _METHODS:
            self.at += 1
            self.expect(")")
            return "method", token.text
        if self.token.text == "(" and token.text == "datetime":
            self.at += 1
            template = self.string() if self.token.kind == "string" else None
            self.expect(")")
            return "datetime", template
        return "key", _unescape(token.text)

    def levels(self) -> PathNode:
        if not self.take("{"):
            return "any", 0, None
        first = self.level()
        last = first
        if self.take("to"):
            last = self.level()
        self.expect("}")
        return "any", first, last

    def level(self) -> int | None:
        if self.take("last"):
            return None
        token = self.token
        if token.kind != "number" or not token.text.isdigit():
            self.fail()
        self.at += 1
        return int(token.text)

    def subscripts(self) -> PathNode:
        if self.take("*"):
            self.expect("]")
            return ("any element",)
        found: list[tuple[PathNode, PathNode | None]] = []
        while True:
            first = self.value(self.either())
            found.append((first, self.value(self.either()) if self.take("to") else None))
            if not self.take(","):
                break
        self.expect("]")
        return "subscripts", tuple(found)


@lru_cache(maxsize=512)
def parse_jsonpath(text: str) -> JsonPath:
    """Raises 42601, or 22P02 for an empty text."""
    if not text.strip():
        raise DatacaveError(
            f'invalid input syntax for type jsonpath: "{text}"', sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION
        )
    found = _Parser(text).path()
    _check(found.node, current=False, last=False)
    return found


def _check(node: Any, *, current: bool, last: bool) -> None:
    """Raises 42601 for @ outside a filter and last outside a subscript."""
    if not isinstance(node, tuple) or not node:
        return
    if node == ("current",) and not current:
        raise DatacaveError("@ is not allowed in root expressions", sqlstate=sqlstate.SYNTAX_ERROR)
    if node == ("last",) and not last:
        raise DatacaveError("LAST is allowed only in array subscripts", sqlstate=sqlstate.SYNTAX_ERROR)
    if node[0] == "constant":
        return
    for part in node:
        _check(part, current=current or node[0] == "filter", last=last or node[0] == "subscripts")


_PRIORITY: Final = {"or": 0, "and": 1, "compare": 2, "starts": 2, "like": 2, "+": 3, "-": 3, "*": 4, "/": 4, "%": 4}


def _priority(node: PathNode) -> int:
    if node[0] == "binary":
        return _PRIORITY[node[1]]
    if node[0] == "unary":
        return 5
    return _PRIORITY.get(node[0], 6)


def format_jsonpath(path: JsonPath) -> str:
    """The canonical text."""
    return ("" if path.lax else "strict ") + _write(path.node, True)


def _inside(node: PathNode, outer: int) -> str:
    return _write(node, _priority(node) <= outer)


def _write(node: PathNode, brackets: bool) -> str:
    kind = node[0]
    if kind in ("or", "and", "binary", "compare", "starts", "unary", "like"):
        text = _write_operation(node)
        return f"({text})" if brackets else text
    if kind == "constant":
        return _write_constant(node[1])
    if kind == "variable":
        return "$" + encode_basestring(node[1])
    if kind == "not":
        return f"!({_write(node[1], False)})"
    if kind == "unknown":
        return f"({_write(node[1], False)}) is unknown"
    if kind == "exists":
        return f"exists ({_write(node[1], False)})"
    if kind == "steps":
        head = _write(node[1], True)
        if node[1][0] == "constant" and not isinstance(node[1][1], str):
            head = f"({head})"
        return head + "".join(map(_write_step, node[2]))
    return {"root": "$", "current": "@", "last": "last"}[kind]


def _write_operation(node: PathNode) -> str:
    kind, priority = node[0], _priority(node)
    if kind in ("or", "and"):
        return f"{_inside(node[1], priority)} {'||' if kind == 'or' else '&&'} {_inside(node[2], priority)}"
    if kind in ("binary", "compare"):
        left = _write(node[2], _priority(node[2]) < priority)
        return f"{left} {node[1]} {_inside(node[3], priority)}"
    if kind == "unary":
        return f"{node[1]}{_inside(node[2], priority)}"
    if kind == "starts":
        return f"{_inside(node[1], priority)} starts with {_inside(node[2], priority)}"
    flags = f' flag "{node[3]}"' if node[3] else ""
    return f"{_inside(node[1], priority)} like_regex {encode_basestring(node[2])}{flags}"


def _write_constant(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return encode_basestring(value) if isinstance(value, str) else format_numeric(value)


def _write_step(step: PathNode) -> str:
    kind = step[0]
    if kind == "key":
        return "." + encode_basestring(step[1])
    if kind == "subscripts":
        parts = [_write(low, False) + ("" if high is None else f" to {_write(high, False)}") for low, high in step[1]]
        return f"[{','.join(parts)}]"
    if kind == "any":
        return ".**" + _write_levels(step[1], step[2])
    if kind == "method":
        return f".{step[1]}()"
    if kind == "datetime":
        return f".datetime({'' if step[1] is None else encode_basestring(step[1])})"
    if kind == "filter":
        return f"?({_write(step[1], False)})"
    return ".*" if kind == "any key" else "[*]"


def _write_levels(first: int | None, last: int | None) -> str:
    if (first, last) == (0, None):
        return ""
    low, high = ("last" if level is None else str(level) for level in (first, last))
    return f"{{{low}}}" if low == high else f"{{{low} to {high}}}"


def _input(text: str, typmod: int, settings: FormatSettings) -> str:
    return format_jsonpath(parse_jsonpath(text))


def _output(value: str, settings: FormatSettings) -> str:
    return value


def _receive(data: bytes) -> str:
    if not data:
        raise bad_length(data, 1)
    if data[:1] != b"\x01":
        raise DatacaveError(f"unsupported jsonpath version number: {data[0]}", sqlstate=sqlstate.INTERNAL_ERROR)
    return format_jsonpath(parse_jsonpath(decode_utf8(data[1:])))


def _send(value: str) -> bytes:
    return b"\x01" + value.encode()


JSONPATH_IO: Final = TypeIO(_input, _output, _receive, _send, comparable=False)
