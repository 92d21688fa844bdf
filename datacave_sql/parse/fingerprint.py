"""fingerprint: a statement text without its literals, as the key of the plan cache.

`SELECT a FROM t WHERE id = 42` becomes `SELECT a FROM t WHERE id = $1` with the value 42, so that statements which
differ only in such values share one plan. The result is a valid statement in which each `$n` behaves as the literal
did. The kinds of the literals belong to the key, for they decide how operators resolve: `i` is an int4 constant, `l` an
int8 one, `n` a numeric one, `s` a string constant of type unknown.

How it stays safe, without parsing:

- Only a region is touched: of SELECT and DELETE what follows the first WHERE, of UPDATE what follows SET, of INSERT
  what follows VALUES. Before it lie select lists, whose literals name and type columns, and FROM.
- The region ends at the first SELECT, GROUP, ORDER, LIMIT, HAVING, RETURNING, ON and so on; from there the text stays
  as it is. So ordinals, limits and select lists of subqueries are never replaced.
- A literal is replaced only right after a comparison, an arithmetic operator, `(` or `,`, or the word AND, OR, BETWEEN,
  NOT. After any other word it stays: LIKE (its prefix decides the plan), DATE '..', INTERVAL '..', THEN.
- No fingerprint at all for: comments, `$` (parameters, dollar quotes), several statements, `::` and CAST (their type
  modifiers look like arguments), a string after `)` (`char(3) 'x'`), TIME (n), CURRENT_TIMESTAMP (n) and their kin,
  FROM inside the region (EXTRACT, UPDATE .. FROM), prefixed strings (E'', B'', X'', U&''), strings in pieces or with
  doubled quotes, quotes of both kinds before the region, a literal before `.` or `[`, exponents, more than 4,096
  characters.
- A minus sign is part of the number only where no operand can stand before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from datacave_core.compiled import compiled

LENGTH_MAX = 4096

Fingerprint = tuple[str, str, tuple[int | str, ...]]
"""The text with `$1`..`$n`; one letter for the kind of each; the values: an int for `i` and `l`, else text."""

# Begins with the characters themselves, so that the search skips everything else at once. A number must not cling to a
# name, a point or another number.
_LITERAL = re.compile(
    r"""( ['"0-9] (?: (?<=') [^']*+ '
                    | (?<=") [^"]*+ "
                    | (?<=[0-9]) (?<![\w.$\x80-\U0010ffff][0-9]) [0-9]*+ (?:\.[0-9]++)?+ (?![\w.\x80-\U0010ffff])
                  ) )""",
    re.VERBOSE,
)
_split = _LITERAL.split
_end = re.compile(
    r"""[ \t\n\r\f()'"](?: select | group | order | having | limit | offset | fetch | for | window | union | intersect
                          | except | returning | on | from | cast | with )\b""",
    re.VERBOSE,
).search
_precise_time = re.compile(r"(?:\b|current_|local)time(?:stamp)?\s*\(").search
_REGION_WORDS = {"s": " where ", "d": " where ", "u": " set ", "i": " values"}
_STARTS = ("select ", "update ", "delete ", "insert ", "select\n", "update\n", "delete\n", "insert\n")
_EXPONENT_ENDS = ("e+", "e-", "E+", "E-")  # perhaps the middle of 1e-5
_BEFORE = frozenset("=<>(,+*/%-")
_BEFORE_SIGN = frozenset("=<>(,+*/%")
_OPERATOR_CHARACTERS = frozenset("~!@#^&|`?+-*/%<>=")
_WORDS_BEFORE = frozenset(["and", "or", "between", "not"])


def plain_fingerprint(text: str) -> Fingerprint | None:
    """The text with `$1`..`$n` and the literals' kinds and values, or None: nothing to replace, or not safe."""
    if "$" in text or "--" in text or "/*" in text or "::" in text or len(text) > LENGTH_MAX:
        return None
    lower = text.lower()
    if not lower.startswith(_STARTS) or len(lower) != len(text):
        return None
    word = _REGION_WORDS[lower[0]]
    start = lower.find(word)
    if start < 0 and (start := lower.find("\n" + word[1:])) < 0:
        return None
    if ";" in text and text.find(";") != len(text.rstrip()) - 1:
        return None
    start += len(word)
    quotes = "'" in text or '"' in text
    if quotes and not _closed(text[:start]):
        return None
    if "time" in lower and _precise_time(lower):
        return None
    ending = _end(lower, start)
    if ending is None:
        end = len(text)
    else:
        end = ending.start()
        if ending[0].endswith(("from", "cast")):
            return None
    parts = _split(text[start:end])
    values: list[int | str] = []
    kinds = ""
    for index in range(1, len(parts), 2):
        literal = parts[index]
        if literal[0] == '"':
            continue
        after = parts[index + 1]
        if after and after[0] not in ",)" and (after[0].isidentifier() or after.lstrip().startswith((".", "["))):
            return None  # a parameter may have fields and subscripts, a literal not; 'x'and 1 needs its quote
        before = parts[index - 1]
        trimmed = before.rstrip()
        if trimmed.endswith(_EXPONENT_ENDS):
            return None
        if not trimmed:
            if index > 1:
                return None
        elif trimmed[-1] not in _BEFORE:
            if literal[0] == "'" and (trimmed[-1] == ")" or trimmed is before):
                return None
            if trimmed.rsplit(None, 1)[-1].lower() not in _WORDS_BEFORE:
                continue
        elif trimmed[-1] == "-" and literal[0] != "'" and _is_sign(trimmed):
            parts[index - 1] = trimmed[:-1]
            literal = "-" + literal
        if literal[0] == "'":
            kinds += "s"
            values.append(literal[1:-1])
        elif "." in literal:
            kinds += "n"
            values.append(literal)
        else:
            number = int(literal)
            if -0x80000000 <= number <= 0x7FFFFFFF:
                kinds += "i"
                values.append(number)
            elif -0x8000000000000000 <= number <= 0x7FFFFFFFFFFFFFFF:
                kinds += "l"
                values.append(number)
            else:
                kinds += "n"
                values.append(literal)
        parts[index] = f"${len(values)}"
    if not values or (quotes and not _outside_is_plain(parts)):
        return None
    return text[:start] + "".join(parts) + text[end:], kinds, tuple(values)


def _closed(head: str) -> bool:
    """Whether every quote before the region is closed; with both kinds of quotes there the answer is no."""
    singles = head.count("'")
    doubles = head.count('"')
    return not (singles & 1 or doubles & 1 or (singles and doubles))


def _outside_is_plain(parts: list[str]) -> bool:
    """Whether no quote is left outside the strings and names: one would mean that the region ends inside a string."""
    outside = "".join(parts[::2])
    return "'" not in outside and '"' not in outside


def _is_sign(before: str) -> bool:
    """Whether the minus sign that ends a text is a number's sign: no operand, and no longer operator, before it."""
    rest = before[:-1]
    trimmed = rest.rstrip()
    if not trimmed or trimmed[-1] not in _BEFORE_SIGN:
        return False
    if trimmed is not rest:
        return True
    return trimmed[-1] in "(," or (trimmed[-1] == "=" and trimmed[-2:-1] not in _OPERATOR_CHARACTERS)


def _plain_only(plain: Callable[[str], Fingerprint | None]) -> Callable[[str], Fingerprint | None]:
    return plain


fingerprint = compiled("datacave_sql.parse._fingerprint", "make_fingerprint", _plain_only, 1)(plain_fingerprint)
"""The fastest body there is."""
