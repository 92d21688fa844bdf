"""The configurations that are there from the beginning: simple, and one for each language with a stemmer."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from datacave_sql.functions.textsearch.configuration import Configuration
from datacave_sql.functions.textsearch.dictionary import Dictionary
from datacave_sql.functions.textsearch.parsing import TOKEN_TYPES
from datacave_sql.functions.textsearch.simple_dictionary import SimpleDictionary
from datacave_sql.functions.textsearch.snowball_dictionary import SnowballDictionary
from datacave_sql.functions.textsearch.tokens import UNINDEXED

SIMPLE_TEMPLATE, SYNONYM_TEMPLATE, SNOWBALL_TEMPLATE = 3727, 3730, 13150
ISPELL_TEMPLATE, THESAURUS_TEMPLATE = 3733, 3742
"""Oids of the templates."""
SIMPLE_CONFIGURATION, SIMPLE_DICTIONARY = 3748, 3765
_FIRST_STEMMER: Final = 13151
_LANGUAGES: Final = (
    "arabic", "armenian", "basque", "catalan", "danish", "dutch", "english", "finnish", "french", "german", "greek",
    "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian", "nepali", "norwegian", "portuguese",
    "romanian", "russian", "serbian", "spanish", "swedish", "tamil", "turkish", "yiddish",
)  # fmt: skip
_STEMMERS: Final = {language: _FIRST_STEMMER + 2 * place for place, language in enumerate(_LANGUAGES)}
"""Oids of the dictionaries NAME_stem; that of the configuration NAME follows."""

DICTIONARIES: Final = {"simple": SIMPLE_DICTIONARY, **{f"{one}_stem": oid for one, oid in _STEMMERS.items()}}
"""Names and oids, as in pg_ts_dict."""
CONFIGURATIONS: Final = {"simple": SIMPLE_CONFIGURATION, **{one: oid + 1 for one, oid in _STEMMERS.items()}}
"""Names and oids, as in pg_ts_config."""
_ASCII_WORDS: Final = frozenset({"asciiword", "hword_asciipart", "asciihword"})
_OTHER_WORDS: Final = frozenset({"word", "hword_part", "hword"})
_ENGLISH_FOR_ASCII: Final = frozenset({"hindi", "russian"})
"""Languages of other scripts, in whose texts ASCII words are taken for English ones."""


def stop_words(name: str) -> frozenset[str] | None:
    """A list of stop words that is there from the beginning; None for others."""
    path = files("datacave_sql.functions") / "facts" / "stop_words" / f"{name}.txt"
    return frozenset(path.read_text(encoding="utf-8").split()) if path.is_file() else None


@cache
def built_in_dictionary(oid: int) -> Dictionary | None:
    """The dictionary of an oid of pg_ts_dict."""
    if oid == SIMPLE_DICTIONARY:
        return SimpleDictionary()
    for language, known in _STEMMERS.items():
        if oid == known:
            return SnowballDictionary(language, stop_words(language) or frozenset())
    return None


def dictionaries_of(configuration: int) -> dict[str, tuple[int, ...]] | None:
    """Oids of the dictionaries by kind of token, as in pg_ts_config_map; None for other oids."""
    language = next((name for name, oid in CONFIGURATIONS.items() if oid == configuration), None)
    if language is None:
        return None
    found: dict[str, tuple[int, ...]] = {}
    for _, kind, _ in TOKEN_TYPES:
        if kind in UNINDEXED:
            continue
        dictionary = SIMPLE_DICTIONARY
        if language != "simple" and kind in _ASCII_WORDS:
            dictionary = _STEMMERS["english" if language in _ENGLISH_FOR_ASCII else language]
        elif language != "simple" and kind in _OTHER_WORDS:
            dictionary = _STEMMERS[language]
        found[kind] = (dictionary,)
    return found


@cache
def built_in_configuration(oid: int) -> Configuration | None:
    """The configuration of an oid of pg_ts_config."""
    named = dictionaries_of(oid)
    if named is None:
        return None
    made = {}
    for kind, oids in named.items():
        pairs = [(one, built_in_dictionary(one)) for one in oids]
        made[kind] = tuple((one, dictionary) for one, dictionary in pairs if dictionary is not None)
    return Configuration(made)
