"""Dictionaries: what the words of a document become, by the configurations simple and english.

The English stemmer is Snowball's, from the package snowballstemmer; the stop words are PostgreSQL's.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.functions.textsearch.tokens import UNINDEXED

try:
    import snowballstemmer  # imported here: an installation may not have it yet
except ImportError:
    snowballstemmer = None

SIMPLE, ENGLISH = 3748, 13164
CONFIGURATIONS: Final = {SIMPLE: "simple", ENGLISH: "english"}
"""Oids and names, as in pg_ts_config."""
_STEMMED: Final = frozenset({"asciiword", "word", "hword_part", "hword_asciipart", "asciihword", "hword"})
STEMS_MAX: Final = 65_536
DICTIONARIES: Final = {"simple": 3765, "english_stem": 13163}
"""Names and oids, as in pg_ts_dict."""


def configuration_named(name: str) -> int:
    """The oid of a configuration. Raises 42704."""
    for oid, known in CONFIGURATIONS.items():
        if name.removeprefix("pg_catalog.").strip('"') == known:
            return oid
    raise DatacaveError(
        f'text search configuration "{name}" does not exist',
        sqlstate=sqlstate.UNDEFINED_OBJECT,
        hint="There are simple and english.",
    )


@cache
def _stop_words() -> frozenset[str]:
    path = files("datacave_sql.functions") / "facts" / "english_stop_words.txt"
    return frozenset(path.read_text(encoding="ascii").split())


@cache
def _stemmer() -> Any:
    if snowballstemmer is None:
        raise FeatureNotSupported(
            "the text search configuration english needs the package snowballstemmer",
            hint="Install it, or use the configuration simple.",
        )
    return snowballstemmer.stemmer("english")


@lru_cache(STEMS_MAX)
def _stem(word: str) -> str:
    stem: str = _stemmer().stemWord(word)
    return stem


def lexeme(configuration: int, kind: str, text: str) -> str:
    """What a token of a document becomes; empty for a stop word."""
    word = text.lower()
    if configuration == ENGLISH and kind in _STEMMED:
        return "" if word in _stop_words() else _stem(word)
    return word


def dictionaries_of(configuration: int, kind: str) -> list[str]:
    """The dictionaries that see the tokens of a kind."""
    if kind in UNINDEXED:
        return []
    return ["english_stem" if configuration == ENGLISH and kind in _STEMMED else "simple"]


def lexize(dictionary: str, word: str) -> list[str]:
    """ts_lexize. Raises 42704 for dictionaries that there are not."""
    plain = dictionary.removeprefix("pg_catalog.")
    if plain == "simple":
        return [word.lower()]
    if plain == "english_stem":
        found = lexeme(ENGLISH, "word", word)
        return [found] if found else []
    raise DatacaveError(f'text search dictionary "{dictionary}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
