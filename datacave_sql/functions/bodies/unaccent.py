"""unaccent: letters without their accents, by the rules that PostgreSQL's dictionary has (facts)."""

from __future__ import annotations

from functools import cache

from datacave_sql.functions.body import Bodies
from datacave_sql.functions.factfiles import fact_rows

BODIES = Bodies()


@cache
def _plain() -> dict[int, str]:
    return {ord(letter): plain for letter, plain in fact_rows("unaccent.tsv")}


@BODIES("unaccent_dict")
def unaccent(*arguments: object) -> str:
    """The text with plain letters; before it may stand the dictionary, of which there is one."""
    text = arguments[-1]
    assert isinstance(text, str)
    return text if text.isascii() else text.translate(_plain())
