"""Keywords of PostgreSQL 15 and the sets of token kinds that may stand for a name, by place.

The facts lie in `keywords.tsv`: word; category (unreserved; column: not a function or type name; type: a function or
type name only; reserved); whether the word may be an output name without AS. A keyword's token kind is the word
itself, an identifier's is IDENT, so each set answers "may a name stand here?" with one look-up.
"""

from __future__ import annotations

from importlib.resources import files

IDENT = "IDENT"


def _load() -> tuple[dict[str, str], frozenset[str]]:
    categories: dict[str, str] = {}
    bare: set[str] = set()
    lines = files("datacave_sql.parse").joinpath("keywords.tsv").read_text(encoding="utf-8").splitlines()
    for line in lines[1:]:
        word, category, bare_label = line.split("\t")
        categories[word] = category
        if bare_label == "yes":
            bare.add(word)
    return categories, frozenset(bare)


KEYWORDS, BARE_WORDS = _load()


def _of(*categories: str) -> frozenset[str]:
    return frozenset([word for word, category in KEYWORDS.items() if category in categories] + [IDENT])


COLUMN_ID = _of("unreserved", "column")
"""Names of columns, tables, cursors, everything without a stricter rule."""

TYPE_FUNCTION_NAME = _of("unreserved", "type")
"""Names of functions and types without a schema."""

NON_RESERVED_WORD = _of("unreserved", "column", "type")
"""Words that are values of settings and names of roles."""

COLUMN_LABEL = _of("unreserved", "column", "type", "reserved")
"""After AS and after a point: every word."""

BARE_LABEL = BARE_WORDS | {IDENT}
"""An output name without AS."""

RESERVED = frozenset(word for word, category in KEYWORDS.items() if category == "reserved")
