"""Identifiers in SQL text: double quotes where the grammar needs them."""

from __future__ import annotations

import re

from datacave_sql.parse.keywords import KEYWORDS

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def quote_identifier(name: str) -> str:
    """The name with double quotes where SQL needs them."""
    if _PLAIN.fullmatch(name) is not None and KEYWORDS.get(name, "unreserved") == "unreserved":
        return name
    return '"' + name.replace('"', '""') + '"'


def quoted_part(text: str, at: int) -> tuple[str, int] | None:
    """The identifier whose opening quote is at a place, and the place behind its closing one; None without that."""
    part = ""
    while True:
        at += 1
        close = text.find('"', at)
        if close < 0:
            return None
        part += text[at:close]
        at = close + 1
        if text[at : at + 1] != '"':
            return part, at
        part += '"'


def split_dotted(name: str) -> tuple[str, ...]:
    """`"a.b".c` as its parts; empty if malformed."""
    parts: list[str] = []
    at = 0
    while True:
        if name[at : at + 1] == '"':
            quoted = quoted_part(name, at)
            if quoted is None:
                return ()
            part, at = quoted
        else:
            end = name.find(".", at)
            end = len(name) if end < 0 else end
            part = name[at:end].strip().lower()
            at = end
        if not part:
            return ()
        parts.append(part)
        if at >= len(name):
            return tuple(parts)
        if name[at] != ".":
            return ()
        at += 1
