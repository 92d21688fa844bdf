"""SASLprep: one spelling for passwords that look the same (RFC 4013, over the tables of RFC 3454).

As PostgreSQL does, a password that SASLprep forbids, or that is not UTF-8, is used as the bytes it is.
"""

from __future__ import annotations

import stringprep
import unicodedata
from collections.abc import Callable
from typing import Final

_FORBIDDEN: Final[tuple[Callable[[str], bool], ...]] = (
    stringprep.in_table_a1,  # unassigned in Unicode 3.2
    stringprep.in_table_c12,  # spaces other than the ASCII one
    stringprep.in_table_c21_c22,  # control characters
    stringprep.in_table_c3,  # private use
    stringprep.in_table_c4,  # non-characters
    stringprep.in_table_c5,  # surrogates
    stringprep.in_table_c6,  # unfit for plain text
    stringprep.in_table_c7,  # unfit for canonical forms
    stringprep.in_table_c8,  # change of display
    stringprep.in_table_c9,  # tags
)


def prepare_password(password: str | bytes) -> bytes:
    """The bytes of a password that go into key derivation."""
    data = password.encode() if isinstance(password, str) else password
    if data.isascii():
        return data
    try:
        prepared = saslprep(data.decode())
    except UnicodeDecodeError:
        return data
    return data if prepared is None else prepared.encode()


def saslprep(text: str) -> str | None:
    """The prepared text, or None if it holds what RFC 4013 forbids or nothing is left of it."""
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.normalize("NFKC", mapped)
    if not prepared or any(forbidden(char) for char in prepared for forbidden in _FORBIDDEN):
        return None
    if any(map(stringprep.in_table_d1, prepared)):
        # Text from right to left must begin and end so, and hold nothing that runs from left to right.
        ends_right = stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1])
        if not ends_right or any(map(stringprep.in_table_d2, prepared)):
            return None
    return prepared
