"""Access control lists: acldefault, aclexplode, makeaclitem, and the words behind the letters of an aclitem.

An aclitem is the text PostgreSQL prints for it: `grantee=letters/grantor`, a star behind what may be granted on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.values import Array
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext

BODIES = Bodies()

_WORDS: Final = {
    "a": "INSERT", "r": "SELECT", "w": "UPDATE", "d": "DELETE", "D": "TRUNCATE", "x": "REFERENCES", "t": "TRIGGER",
    "X": "EXECUTE", "U": "USAGE", "C": "CREATE", "T": "TEMPORARY", "c": "CONNECT", "s": "SET", "A": "ALTER SYSTEM",
}  # fmt: skip
_LETTERS: Final = {word: letter for letter, word in _WORDS.items()} | {"TEMP": "T"}
_DEFAULTS: Final = {
    "c": ("", ""), "r": ("", "arwdDxt"), "s": ("", "rwU"), "d": ("Tc", "CTc"), "f": ("X", "X"), "l": ("U", "U"),
    "L": ("", "rw"), "n": ("", "UC"), "p": ("", "sA"), "t": ("", "C"), "F": ("", "U"), "S": ("", "U"), "T": ("U", "U"),
}  # fmt: skip
"""Per kind of object, what PUBLIC and what the owner may do (PostgreSQL 15, table 5.2)."""


def _role_text(context: EvaluationContext, oid: int) -> str:
    if not oid:
        return ""
    name = context.catalog.role_name(oid) or str(oid)
    if all(letter == "_" or (letter.isascii() and letter.isalnum()) for letter in name):
        return name
    return '"' + name.replace('"', '""') + '"'


@BODIES.with_context("acldefault_sql")
def default_acl(context: EvaluationContext, kind: str, owner: int) -> Array:
    """The privileges on an object on which nothing was granted."""
    if kind not in _DEFAULTS:
        raise DatacaveError(f'unrecognized object type abbreviation: "{kind}"', sqlstate=sqlstate.INTERNAL_ERROR)
    public, own = _DEFAULTS[kind]
    name = _role_text(context, owner)
    items = [f"={public}/{name}"] if public else []
    if own:
        items.append(f"{name}={own}/{name}")
    return Array.of(items)


def _split(item: str) -> tuple[str, str, str]:
    """(grantee, letters, grantor) of an aclitem; roles without their quotes."""
    parts = [""]
    quoted = False
    at = 0
    while at < len(item):
        letter = item[at]
        if letter == '"':
            if quoted and item[at + 1 : at + 2] == '"':
                parts[-1] += '"'
                at += 1
            else:
                quoted = not quoted
        elif letter in "=/" and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
        at += 1
    grantee, letters, grantor = (*parts, "", "")[:3]
    return grantee, letters, grantor


def _oid(context: EvaluationContext, name: str) -> int:
    if not name:
        return 0
    found = context.catalog.role_oid('"' + name.replace('"', '""') + '"')
    if found is not None:
        return found
    return int(name) if name.isdigit() else 0


@BODIES.with_context("aclexplode")
def explode(context: EvaluationContext, acl: Array) -> Iterator[tuple[int, int, str, bool]]:
    """One row (grantor, grantee, privilege, grantable) per privilege."""
    for item in acl.elements:
        grantee, letters, grantor = _split(item)
        by, to = _oid(context, grantor), _oid(context, grantee)
        for place, letter in enumerate(letters):
            if letter != "*":
                yield by, to, _WORDS[letter], letters[place + 1 : place + 2] == "*"


@BODIES.with_context("makeaclitem")
def make_item(context: EvaluationContext, grantee: int, grantor: int, privileges: str, grantable: bool) -> str:
    """An aclitem from its parts; raises 22023 for words that are no privileges."""
    letters = ""
    for word in privileges.split(","):
        letter = _LETTERS.get(word.strip().upper())
        if letter is None:
            raise DatacaveError(
                f'unrecognized privilege type: "{word.strip()}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE
            )
        letters += letter
    ordered = "".join(letter + ("*" if grantable else "") for letter in "arwdDxtXUCTcsA" if letter in letters)
    return f"{_role_text(context, grantee)}={ordered}/{_role_text(context, grantor)}"


BODIES.add("aclitem_eq", lambda one, other: one == other)
