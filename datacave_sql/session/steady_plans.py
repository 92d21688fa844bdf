"""Steady plans: what clients ask the system catalogs all the time need not be planned anew after every CREATE TABLE.

A query is steady when nothing that users have made is named in it: no relation, routine, operator or type of theirs.
Its plan holds for a later catalog in which only tables, views and sequences have changed, as long as none of these
bears a name that the text could mean. Which rows it gives is another matter: those are read when it runs.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain
from typing import Final

from datacave_core.catalog import FIRST_USER_OID, Catalog
from datacave_sql.bind.statements import BoundQuery
from datacave_sql.session.compiled import CompiledQuery

_SURROUNDINGS: Final = (
    "types",
    "routines",
    "operators",
    "casts",
    "extensions",
    "schemas",
    "roles",
    "databases",
    "system_privileges",
)
"""What a steady plan may have looked up, by maps of the catalog."""

_WORDS: Final = re.compile(r"[\w$]+")

_DISGUISES: Final = ("u&", "\\")
"""What lets a text name something without its letters."""


def is_steady(bound: BoundQuery) -> bool:
    """Whether a query names nothing that users have made."""
    return (
        bound.kind == "select"
        and bound.read_only
        and bound.shareable
        and not bound.calls_routines
        and all(oid < FIRST_USER_OID for oid in bound.dependencies)
    )


def carried_over(query: CompiledQuery, catalog: Catalog) -> CompiledQuery | None:
    """The query with its plan for another catalog, or None where that has to be made anew."""
    before = query.catalog
    if not query.steady or any(getattr(before, name) is not getattr(catalog, name) for name in _SURROUNDINGS):
        return None
    text = query.text.lower()
    if any(disguise in text for disguise in _DISGUISES) and "reg" in text:
        return None
    for name in ("tables", "sequences"):
        old, new = getattr(before, name), getattr(catalog, name)
        if old is new:
            continue
        changed = chain.from_iterable((old.get(oid), new.get(oid)) for oid in new.keys_unlike(old))
        words = set(_WORDS.findall(text))
        for one in changed:
            name = one.name.lower() if one is not None else ""
            if name in words or (name and not _WORDS.fullmatch(name) and name in text):
                return None
    return replace(query, catalog=catalog)
