"""Templates: dictionaries made of a template's oid and options, as CREATE TEXT SEARCH DICTIONARY gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.textsearch import built_in
from datacave_sql.functions.textsearch.dictionary import Dictionary
from datacave_sql.functions.textsearch.simple_dictionary import SimpleDictionary
from datacave_sql.functions.textsearch.snowball_dictionary import SnowballDictionary
from datacave_sql.functions.textsearch.synonym_dictionary import SynonymDictionary

Options = Sequence[tuple[str, str]]

_FILE_NAME: Final = re.compile(r"[a-z0-9_.]+\Z")
_NAMES: Final = {
    built_in.SIMPLE_TEMPLATE: ("simple dictionary", {"stopwords": "StopWords", "accept": "Accept"}),
    built_in.SNOWBALL_TEMPLATE: ("Snowball", {"stopwords": "StopWords", "language": "Language"}),
    built_in.SYNONYM_TEMPLATE: ("synonym", {"synonyms": "Synonyms", "casesensitive": "CaseSensitive"}),
}
_TRUE: Final = ("true", "on", "1")
_FALSE: Final = ("false", "off", "0")


class DictionaryFiles:
    """Files of stop words and synonyms: those that are there from the beginning, and those of a folder."""

    def __init__(self) -> None:
        self.folder: Path | None = None

    def stop_words(self, name: str) -> frozenset[str]:
        """NAME.stop. Raises F0000, 22023."""
        _check_name(name)
        known = built_in.stop_words(name)
        if known is not None:
            return known
        return frozenset(self._text(name, "stop", "stop-word").lower().split())

    def synonyms(self, name: str) -> str:
        """NAME.syn. Raises F0000, 22023."""
        return self._text(name, "syn", "synonym")

    def _text(self, name: str, extension: str, what: str) -> str:
        _check_name(name)
        path = (self.folder or Path("tsearch_data")) / f"{name}.{extension}"
        try:
            return path.read_text(encoding="utf-8-sig") if self.folder is not None else _missing(path, what)
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(path, what, getattr(error, "strerror", None) or "it is not UTF-8") from error


FILES: Final = DictionaryFiles()
"""The server's."""


def _check_name(name: str) -> None:
    if _FILE_NAME.match(name) is None:
        raise bad_parameter(f'invalid text search configuration file name "{name}"')


def _missing(path: Path, what: str) -> str:
    raise _unreadable(path, what, "No such file or directory")


def _unreadable(path: Path, what: str, reason: str) -> DatacaveError:
    return DatacaveError(
        f'could not open {what} file "{path}": {reason}',
        sqlstate=sqlstate.CONFIG_FILE_ERROR,
        hint="Files of dictionaries lie in the folder tsearch_data of the data directory.",
    )


def make_dictionary(template: int, options: Options) -> Dictionary:
    """Raises 22023 for options that the template does not take, F0000 for files that there are not, 0A000."""
    maker = _MAKERS.get(template)
    if maker is None:
        raise FeatureNotSupported(
            "text search dictionaries of this template are not supported",
            hint="The templates simple, synonym and snowball are.",
        )
    what, known = _NAMES[template]
    found: dict[str, str] = {}
    for name, value in options:
        if name not in known:
            raise bad_parameter(f'unrecognized {what} parameter: "{name}"')
        if name in found:
            raise bad_parameter(f"multiple {known[name]} parameters")
        found[name] = value
    return maker(found)


def _simple(options: Mapping[str, str]) -> Dictionary:
    words = FILES.stop_words(options["stopwords"]) if "stopwords" in options else frozenset()
    return SimpleDictionary(words, accepts=boolean("accept", options.get("accept", "true")))


def _snowball(options: Mapping[str, str]) -> Dictionary:
    words = FILES.stop_words(options["stopwords"]) if "stopwords" in options else frozenset()
    if "language" not in options:
        raise bad_parameter("missing Language parameter")
    return SnowballDictionary(options["language"], words)


def _synonym(options: Mapping[str, str]) -> Dictionary:
    if "synonyms" not in options:
        raise bad_parameter("missing Synonyms parameter")
    sensitive = boolean("casesensitive", options.get("casesensitive", "false"))
    return SynonymDictionary(FILES.synonyms(options["synonyms"]), case_sensitive=sensitive)


def boolean(name: str, text: str) -> bool:
    """The value of an option that is true or false. Raises 42601."""
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise DatacaveError(f"{name} requires a Boolean value", sqlstate=sqlstate.SYNTAX_ERROR)


_MAKERS: Final[dict[int, Callable[[Mapping[str, str]], Dictionary]]] = {
    built_in.SIMPLE_TEMPLATE: _simple,
    built_in.SNOWBALL_TEMPLATE: _snowball,
    built_in.SYNONYM_TEMPLATE: _synonym,
}
