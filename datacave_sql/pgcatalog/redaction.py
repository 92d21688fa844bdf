"""Redaction: statements as others may see them, without the passwords in them."""

from __future__ import annotations

import re
from typing import Final

_STRING: Final = r"(?:[eE]|[uU]&)?'(?:[^']|''|\\\\')*(?:'|\Z)|\$(\w*)\$.*?(?:\$\1\$|\Z)"
_PASSWORD: Final = re.compile(rf"(\bpassword\b\s*(?:=\s*)?)(?:{_STRING})", re.IGNORECASE | re.DOTALL)


def without_passwords(text: str) -> str:
    """The text of a statement in which every string after the word PASSWORD is replaced."""
    if "password" not in text.lower():
        return text
    return _PASSWORD.sub(r"\1'********'", text)
