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
