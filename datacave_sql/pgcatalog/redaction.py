"""Redaction: statements as others may see them, without the passwords in them."""

from __future__ import annotations

import re
from typing import Final

_PASSWORD: Final = re.compile(
    r"(\bpassword\b\s*(?:=\s*)?)"
    r"(?:(?:e|u&)?(?:('{2,})(?:(?!\2).)*(?:\2|\Z)|'(?:[^'\\]|''|\\.)*(?:'|\Z))|\$(\w*)\$.*?(?:\$\3\$|\Z))",
    re.IGNORECASE | re.DOTALL,
)
"""A string after the word, to its end or to that of the text; several quotes begin one inside another string.
Backslashes and quotes may hide more than they should, never less."""


def without_passwords(text: str) -> str:
    """The text of a statement in which every string after the word PASSWORD is replaced."""
    if "password" not in text.lower():
        return text
    return _PASSWORD.sub(r"\1'********'", text)
