r"""Lexer: statement text to tokens, by the rules of PostgreSQL 15 with standard_conforming_strings on.

A token is four parallel list entries: kind, value, start, end (character offsets from 0). Kinds: a keyword is its own
kind in lower case; IDENT; ICONST and FCONST (value as written); SCONST (value unescaped); BCONST and XCONST (digits);
PARAM (digits); OP (an operator without a kind of its own); the marks and operators `( ) [ ] , ; : . + - * / % ^ < > =
:: := => .. <= >= <>` themselves; END (several) after the last one; BAD for text that is no token. Nothing here raises:
an error is kept, with a BAD token in its place, and shown when the parser gets there, for one further left goes first.

Reference: https://www.postgresql.org/docs/15/sql-syntax-lexical.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.parse.keywords import IDENT, KEYWORDS

ICONST = "ICONST"
FCONST = "FCONST"
SCONST = "SCONST"
BCONST = "BCONST"
XCONST = "XCONST"
PARAM = "PARAM"
OP = "OP"
END = "END"
BAD = "BAD"

IDENTIFIER_BYTES_MAX = 63
END_TOKENS = 4
"""As many END tokens as a rule may look ahead, and one."""

_START = "A-Za-z_\x80-\U0010ffff"
_BLANK = r" \t\n\r\f"

# One match per token. Groups: 1 word, 2 number, 3 mark, 4 string, 5 operator, 6 quoted name, 7 parameter, 8 prefixed
# quote, 9 dollar quote, 10 comment, 11 anything else. A quote with a prefix is longer than the word it begins with.
_TOKEN = re.compile(
    rf"""(?:[{_BLANK}]+|--[^\n\r]*+)*+
    (?: (?! [eEbBxXnN]' | [uU]&['"] ) ([{_START}][{_START}0-9$]*+)
      | ((?: [0-9]++ (?: \.(?!\.) [0-9]*+ )?+ | \.[0-9]++ ) (?: [eE][-+]?+[0-9]++ )?+)
      | ( :: | := | \.\. | [,()\[\].;:] )
      | '( [^']*+ (?: ''[^']*+ )*+ )'
      | (?! /\* ) ( [~!@\#^&|`?+\-*/%<>=]++ )
      | "( [^"]*+ (?: ""[^"]*+ )*+ )"
      | \$([0-9]++)
      | ( [eEbBxXnN]' | [uU]&['"] )
      | ( \$ (?: [{_START}][{_START}0-9]*+ )?+ \$ )
      | ( /\* )
      | ( [^{_BLANK}] )
    )""",
    re.VERBOSE,
)
_SPACE = re.compile(rf"(?:[{_BLANK}]+|--[^\n\r]*+)*+")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_WORD = re.compile(rf"[{_START}][{_START}0-9$]*+")
# Blanks with at least one line break, then a quote: the string goes on.
_CONTINUATION = re.compile(r"(?:[ \t\f]|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f]|--[^\n\r]*+[\n\r])*+'")
_STRING_REST = re.compile(r"([^']*+(?:''[^']*+)*+)'")
_ESCAPE_STRING_REST = re.compile(r"((?:[^'\\]|''|\\.)*+)'", re.DOTALL)
_IDENT_REST = re.compile(r'([^"]*+(?:""[^"]*+)*+)"')
_ESCAPE = re.compile(r"''|\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_SIMPLE_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_OWN_KIND = frozenset(["+", "-", "*", "/", "%", "^", "<", ">", "=", "=>", "<=", ">=", "<>"])
_KEEPS_SIGN = frozenset("~!@#^&|`?%")


@dataclass(slots=True)
class Tokens:
    """The tokens of one text. `error` belongs to the BAD token, which is then the last before END."""

    text: str
    kinds: list[str]
    values: list[str]
    starts: list[int]
    ends: list[int]
    error: DatacaveError | None
    has_parameters: bool


def tokenize(text: str) -> Tokens:
    """Splits a text into tokens; never raises for bad input."""
    tokens = Tokens(text, [], [], [], [], None, False)
    add_kind, add_value = tokens.kinds.append, tokens.values.append
    add_start, add_end = tokens.starts.append, tokens.ends.append
    match, keywords = _TOKEN.match, KEYWORDS
    position = 0
    unicode_quotes = False
    while (found := match(text, position)) is not None:
        group = found.lastindex
        position = found.end()
        if group == 1:
            value = found[1]
            start = found.start(1)
            value = value.lower() if value.isascii() else _lower_ascii(value)
            if value in keywords:
                kind = value
            else:
                kind = IDENT
                if position - start > 15:
                    value = truncate_identifier(value)
        elif group == 3:
            kind = value = found[3]
            start = found.start(3)
        elif group == 2:
            value = found[2]
            start = found.start(2)
            junk = _number_junk(text, value, position)
            if junk:
                _fail(tokens, "trailing junk after numeric literal", start, start + len(value) + junk)
                break
            kind = ICONST if value.isdigit() else FCONST
        elif group == 5:
            start = found.start(5)
            value = _trim_operator(found[5])
            position = start + len(value)
            if value == "!=":
                value = "<>"
            kind = value if value in _OWN_KIND else OP
            if len(value) > IDENTIFIER_BYTES_MAX:
                _fail(tokens, "operator too long", start, position)
                break
        elif group == 4:
            kind = SCONST
            value = found[4]
            start = found.start(4) - 1
            if "'" in value:
                value = value.replace("''", "'")
            if position < len(text) and text[position] in "\n\r\t \f-" and _CONTINUATION.match(text, position):
                value, position = _continue_string(text, value, position, _STRING_REST)
                if position < 0:
                    _fail(tokens, "unterminated quoted string", start, len(text))
                    break
        elif group == 7:
            kind = PARAM
            value = found[7]
            start = found.start(7) - 1
            tokens.has_parameters = True
            word = _WORD.match(text, position)
            if word is not None:
                _fail(tokens, "trailing junk after parameter", start, word.end())
                break
        elif group == 6:
            kind = IDENT
            value = found[6]
            start = found.start(6) - 1
            if not value:
                _fail(tokens, "zero-length delimited identifier", start, position)
                break
            if '"' in value:
                value = value.replace('""', '"')
            value = truncate_identifier(value)
        elif group == 10:
            position = _skip_comment(text, found.start(10))
            if position < 0:
                _fail(tokens, "unterminated /* comment", found.start(10), len(text))
                break
            continue
        elif group == 8:
            start = found.start(8)
            prefix = found[8][0].lower()
            if prefix == "n":  # N'..' is the type name nchar before an ordinary string
                kind, value, position = "nchar", "nchar", start + 1
            else:
                result = _prefixed_quote(tokens, prefix, found[8][-1], start, position)
                if result is None:
                    break
                kind, value, position = result
                unicode_quotes = unicode_quotes or prefix == "u"
        elif group == 9:
            kind = SCONST
            start = found.start(9)
            tag = found[9]
            close = text.find(tag, position)
            if close < 0:
                _fail(tokens, "unterminated dollar-quoted string", start, len(text))
                break
            value = text[position:close]
            position = close + len(tag)
        else:
            start = found.start(11)
            value = found[11]
            if value == "'":
                _fail(tokens, "unterminated quoted string", start, len(text))
                break
            if value == '"':
                _fail(tokens, "unterminated quoted identifier", start, len(text))
                break
            kind = BAD
        add_kind(kind)
        add_value(value)
        add_start(start)
        add_end(position)
    if unicode_quotes:
        _resolve_unicode_quotes(tokens)
    end = [len(text)] * END_TOKENS
    tokens.kinds += [END] * END_TOKENS
    tokens.values += [""] * END_TOKENS
    tokens.starts += end
    tokens.ends += end
    return tokens


def truncate_identifier(name: str) -> str:
    """At most 63 bytes of UTF-8, cut between characters."""
    if len(name) <= 15:
        return name
    encoded = name.encode("utf-8", "surrogatepass")
    if len(encoded) <= IDENTIFIER_BYTES_MAX:
        return name
    return encoded[:IDENTIFIER_BYTES_MAX].decode("utf-8", "ignore")


def _lower_ascii(word: str) -> str:
    return "".join([c.lower() if c.isascii() else c for c in word])


def _number_junk(text: str, number: str, end: int) -> int:
    """How many characters of nonsense cling to a number: letters, or an exponent without digits."""
    word = _WORD.match(text, end)
    if word is None:
        return 0
    if (
        text[end] in "eE"
        and word.end() == end + 1
        and text[end + 1 : end + 2] in ("+", "-")
        and "e" not in number.lower()
    ):
        return 2
    return word.end() - end


def _trim_operator(run: str) -> str:
    """Cuts a run of operator characters at a comment, then takes + and - off the end where PostgreSQL does."""
    if len(run) == 1:
        return run
    cuts = [at for at in (run.find("/*"), run.find("--")) if at >= 0]
    if cuts:
        run = run[: min(cuts)]
    if len(run) > 1 and run[-1] in "+-" and not _KEEPS_SIGN.intersection(run[:-1]):
        while len(run) > 1 and run[-1] in "+-":
            run = run[:-1]
    return run


def _skip_comment(text: str, start: int) -> int:
    """The offset after a nested comment, or -1 where it is not closed."""
    depth = 0
    position = start
    while (edge := _COMMENT_EDGE.search(text, position)) is not None:
        position = edge.end()
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return position
    return -1


def _continue_string(text: str, value: str, position: int, rest: re.Pattern[str]) -> tuple[str, int]:
    """Adds the parts of a string that follow on later lines; -1 where the last part is not closed."""
    while (link := _CONTINUATION.match(text, position)) is not None:
        part = rest.match(text, link.end())
        if part is None:
            return value, -1
        more = part[1]
        value += more.replace("''", "'") if rest is _STRING_REST else more
        position = part.end()
    return value, position


def _prefixed_quote(tokens: Tokens, prefix: str, quote: str, start: int, position: int) -> tuple[str, str, int] | None:
    """E'', B'', X'', U&'' and U&"": kind, value and end, or None after an error."""
    text = tokens.text
    if quote == '"':
        part = _IDENT_REST.match(text, position)
        if part is None:
            _fail(tokens, "unterminated quoted identifier", start, len(text))
            return None
        if not part[1]:
            _fail(tokens, "zero-length delimited identifier", start, part.end())
            return None
        return "UIDENT", part[1].replace('""', '"'), part.end()
    rest = _ESCAPE_STRING_REST if prefix == "e" else _STRING_REST
    part = rest.match(text, position)
    name = {"b": "bit string literal", "x": "hexadecimal string literal"}.get(prefix, "quoted string")
    if part is None:
        _fail(tokens, "unterminated " + name, start, len(text))
        return None
    value = part[1] if prefix == "e" else part[1].replace("''", "'")
    value, end = _continue_string(text, value, part.end(), rest)
    if end < 0:
        _fail(tokens, "unterminated " + name, start, len(text))
        return None
    if prefix == "e":
        if "\\" in value or "''" in value:
            try:
                value = _unescape(value, position)
            except DatacaveError as error:
                _keep(tokens, error, start, end)
                return None
        return SCONST, value, end
    return {"b": BCONST, "x": XCONST, "u": "USCONST"}[prefix], value, end


def _unescape(body: str, start: int) -> str:
    """Resolves the backslash escapes of E''. Octal and \\x escapes are bytes, which together must be UTF-8.

    `start` is the offset of the body in the text; in a string of several parts positions are those of its first.
    """
    out: list[bytes] = []
    position = 0
    high = 0
    for escape in _ESCAPE.finditer(body):
        literal = body[position : escape.start()]
        octal, hexadecimal, short, long, other = escape.groups()
        code = int(short or long, 16) if short or long else None
        if high and literal:
            raise _near("invalid Unicode surrogate pair", literal[0], start + position)
        if high and (code is None or not 0xDC00 <= code <= 0xDFFF):
            near = escape[0][0] if code is None else escape[0]
            raise _near("invalid Unicode surrogate pair", near, start + escape.start())
        out.append(literal.encode("utf-8", "surrogatepass"))
        position = escape.end()
        if code is not None:
            if 0xD800 <= code <= 0xDBFF:
                high = code
                continue
            if 0xDC00 <= code <= 0xDFFF:
                if not high:
                    raise _near("invalid Unicode surrogate pair", escape[0], start + escape.start())
                code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)
                high = 0
            if not 0 < code <= 0x10FFFF:
                raise _near("invalid Unicode escape value", escape[0], start + escape.start())
            out.append(chr(code).encode("utf-8"))
        elif octal is not None:
            out.append(bytes([int(octal, 8) & 0xFF]))
        elif hexadecimal is not None:
            out.append(bytes([int(hexadecimal, 16)]))
        elif other is None:
            out.append(b"'")
        elif other in "uU":
            raise DatacaveError(
                "invalid Unicode escape",
                sqlstate=sqlstate.INVALID_ESCAPE_SEQUENCE,
                hint="Unicode escapes must be \\uXXXX or \\UXXXXXXXX.",
                position=start + escape.start() + 1,
            )
        else:
            out.append(_SIMPLE_ESCAPES.get(other, other).encode("utf-8", "surrogatepass"))
    if high:
        raise _near("invalid Unicode surrogate pair", body[position : position + 1] or "'", start + position)
    out.append(body[position:].encode("utf-8", "surrogatepass"))
    return _utf8(b"".join(out))


def _utf8(raw: bytes) -> str:
    try:
        value = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        shown = " ".join(f"0x{byte:02x}" for byte in raw[error.start : error.end])
        raise DatacaveError(
            f'invalid byte sequence for encoding "UTF8": {shown}', sqlstate=sqlstate.CHARACTER_NOT_IN_REPERTOIRE
        ) from None
    if "\0" in value:
        raise DatacaveError(
            'invalid byte sequence for encoding "UTF8": 0x00', sqlstate=sqlstate.CHARACTER_NOT_IN_REPERTOIRE
        )
    return value


def _near(message: str, shown: str, start: int) -> DatacaveError:
    return DatacaveError(f'{message} at or near "{shown}"', sqlstate=sqlstate.SYNTAX_ERROR, position=start + 1)


def _bad_surrogate(start: int) -> DatacaveError:
    return DatacaveError("invalid Unicode surrogate pair", sqlstate=sqlstate.SYNTAX_ERROR, position=start + 1)


def _resolve_unicode_quotes(tokens: Tokens) -> None:
    """Turns U&'..' and U&".." with an optional UESCAPE 'c' after them into plain strings and names."""
    index = 0
    while index < len(tokens.kinds):
        kind = tokens.kinds[index]
        if kind in ("USCONST", "UIDENT"):
            escape = "\\"
            bad = ""
            if tokens.kinds[index + 1 : index + 2] == ["uescape"]:
                follower = tokens.kinds[index + 2 : index + 3]
                given = tokens.values[index + 2] if follower == [SCONST] else ""
                if follower != [SCONST]:
                    bad = "UESCAPE must be followed by a simple string literal"
                elif len(given) != 1 or given in "0123456789abcdefABCDEF+'\" \t\n\r\f":
                    bad = "invalid Unicode escape character"
                if bad:
                    at = min(index + 2, len(tokens.kinds) - 1)
                    start, end = tokens.starts[at], tokens.ends[at]
                    _drop_from(tokens, index)
                    _fail(tokens, bad, start, end)
                    return
                escape = given
                tokens.ends[index] = tokens.ends[index + 2]
                for column in (tokens.kinds, tokens.values, tokens.starts, tokens.ends):
                    del column[index + 1 : index + 3]
            try:
                value = _decode_unicode_quote(tokens.values[index], escape, tokens.starts[index])
            except DatacaveError as error:
                start, end = tokens.starts[index], tokens.ends[index]
                _drop_from(tokens, index)
                _keep(tokens, error, start, end)
                return
            tokens.kinds[index] = SCONST if kind == "USCONST" else IDENT
            tokens.values[index] = value if kind == "USCONST" else truncate_identifier(value)
        index += 1


def _decode_unicode_quote(body: str, escape: str, start: int) -> str:
    pattern = re.escape(escape)
    out: list[str] = []
    position = 0
    high = 0
    for found in re.finditer(rf"{pattern}(?:({pattern})|([0-9A-Fa-f]{{4}})|\+([0-9A-Fa-f]{{6}})|())", body):
        literal = body[position : found.start()]
        at = start + 3 + found.start()
        position = found.end()
        code = int(found[2] or found[3], 16) if found[2] or found[3] else None
        if high and (literal or code is None or not 0xDC00 <= code <= 0xDFFF):
            raise _bad_surrogate(at - len(literal))
        out.append(literal)
        if found[1]:
            out.append(escape)
        elif code is None:
            raise DatacaveError(
                "invalid Unicode escape",
                sqlstate=sqlstate.SYNTAX_ERROR,
                hint="Unicode escapes must be \\XXXX or \\+XXXXXX.",
                position=at + 1,
            )
        elif 0xD800 <= code <= 0xDBFF:
            high = code
        else:
            if 0xDC00 <= code <= 0xDFFF:
                if not high:
                    raise _bad_surrogate(at)
                code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)
                high = 0
            if not 0 < code <= 0x10FFFF:
                raise DatacaveError("invalid Unicode escape value", sqlstate=sqlstate.SYNTAX_ERROR, position=at + 1)
            out.append(chr(code))
    if high:
        raise _bad_surrogate(start + 3 + position)
    out.append(body[position:])
    return "".join(out)


def _drop_from(tokens: Tokens, index: int) -> None:
    del tokens.kinds[index:], tokens.values[index:], tokens.starts[index:], tokens.ends[index:]


def _fail(tokens: Tokens, message: str, start: int, end: int) -> None:
    """Ends the stream with a BAD token for `text[start:end]`."""
    shown = tokens.text[start:end]
    where = f'at or near "{shown}"' if shown else "at end of input"
    error = DatacaveError(f"{message} {where}", sqlstate=sqlstate.SYNTAX_ERROR, position=start + 1)
    _keep(tokens, error, start, end)


def _keep(tokens: Tokens, error: DatacaveError, start: int, end: int) -> None:
    tokens.error = error
    tokens.kinds.append(BAD)
    tokens.values.append("")
    tokens.starts.append(start)
    tokens.ends.append(end)
