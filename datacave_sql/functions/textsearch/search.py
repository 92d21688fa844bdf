"""TextSearch: configurations and dictionaries by oid, those of users from a catalog snapshot."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from datacave_core import sqlstate
from datacave_core.catalog import Catalog
from datacave_core.errors import DatacaveError
from datacave_sql.functions.textsearch.built_in import built_in_configuration, built_in_dictionary
from datacave_sql.functions.textsearch.configuration import Configuration
from datacave_sql.functions.textsearch.dictionary import Dictionary
from datacave_sql.functions.textsearch.parsing import TOKEN_TYPES
from datacave_sql.functions.textsearch.templates import Options, make_dictionary

DICTIONARIES_MAX: Final = 256
"""How many dictionaries of users are kept ready."""
KINDS: Final = {number: alias for number, alias, _ in TOKEN_TYPES}
"""Kinds of tokens by their numbers."""


@lru_cache(DICTIONARIES_MAX)
def _made(oid: int, template: int, options: Options) -> Dictionary:
    """A dictionary stays what its files were when it was first used, as in a session of PostgreSQL."""
    return make_dictionary(template, options)


class TextSearch:
    """What a catalog has; None: only what is there from the beginning."""

    __slots__ = ("_catalog", "_configurations")

    def __init__(self, catalog: Catalog | None = None) -> None:
        self._catalog = catalog
        self._configurations: dict[int, Configuration] = {}

    def dictionary(self, oid: int) -> Dictionary:
        """Raises XX000 for an oid that no dictionary has."""
        found = built_in_dictionary(oid)
        if found is not None:
            return found
        definition = self._catalog.dictionaries.get(oid) if self._catalog is not None else None
        if definition is None:
            raise _unknown("dictionary", oid)
        return _made(oid, definition.template_oid, definition.options)

    def configuration(self, oid: int) -> Configuration:
        """Raises XX000 for an oid that no configuration has."""
        found = built_in_configuration(oid) or self._configurations.get(oid)
        if found is not None:
            return found
        definition = self._catalog.configurations.get(oid) if self._catalog is not None else None
        if definition is None:
            raise _unknown("configuration", oid)
        made = self._configurations[oid] = Configuration(
            {
                KINDS[one.token]: tuple((known, self.dictionary(known)) for known in one.dictionary_oids)
                for one in definition.mappings
            }
        )
        return made


def _unknown(what: str, oid: int) -> DatacaveError:
    return DatacaveError(f"cache lookup failed for text search {what} {oid}", sqlstate=sqlstate.INTERNAL_ERROR)


BUILT_IN_SEARCH: Final = TextSearch()
"""What there is without a catalog."""
