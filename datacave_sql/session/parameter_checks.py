"""Values of text parameters that are one of a known set, or a list of such words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.functions.textsearch.built_in import CONFIGURATIONS
from datacave_sql.session.parameter_text import split_identifiers

_LOCALE: Final = re.compile(r"(?:C|POSIX|[a-z]{2,3}(?:_[A-Z]{2})?)(?:\.[A-Za-z0-9-]+)?(?:@\w+)?\Z")
_WORDS: Final = re.compile(r"[A-Za-z0-9_,\s]*\Z")
_ABBREVIATION_SETS: Final = frozenset({"default"})
_OTHER_ABBREVIATION_SETS: Final = frozenset({"australia", "india", "etc"})
_RELATION_KINDS: Final = frozenset({"view", "foreign-table"})
_LOG_RECORDS: Final = frozenset(
    {
        "all", "heap2", "heap", "btree", "hash", "gin", "gist", "sequence", "spgist", "brin", "generic",
    }
)  # fmt: skip


def _is_locale(text: str) -> bool:
    return not text or _LOCALE.match(text) is not None


def is_built_in_configuration(text: str) -> bool:
    """Whether a text names a configuration of text search that is there from the beginning."""
    names = split_identifiers(text.replace(".", ","))
    return names is not None and bool(names) and names[-1] in CONFIGURATIONS


def _list_of(known: frozenset[str]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        return all(word.strip().lower() in known for word in text.split(",")) if text.strip() else True

    return check


CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "backtrace_functions": lambda text: _WORDS.match(text) is not None,
    "lc_messages": _is_locale,
    "lc_monetary": _is_locale,
    "lc_numeric": _is_locale,
    "lc_time": _is_locale,
    "restrict_nonsystem_relation_kind": _list_of(_RELATION_KINDS),
    "timezone_abbreviations": lambda text: not text or text.lower() in _ABBREVIATION_SETS,
    "wal_consistency_checking": _list_of(_LOG_RECORDS),
}
"""Whether a text is a value of the parameter."""


_EXTRA_CHECKS: Final = ("too_many_rows", "strict_multi_assignment")


def check_extra_checks(name: str, text: str) -> None:
    """Words of plpgsql.extra_errors and extra_warnings. Raises 22023, 0A000 for the check that is not built."""
    words = [word.strip().lower() for word in text.split(",")]
    for word in words:
        if word in ("all", "shadowed_variables"):
            raise DatacaveError(
                f'parameter "{name}" cannot be set to "{text}"',
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                hint=f"The checks that Datacave has are {' and '.join(_EXTRA_CHECKS)}.",
            )
        if word not in _EXTRA_CHECKS and (word != "none" or len(words) > 1):
            raise DatacaveError(
                f'invalid value for parameter "{name}": "{text}"',
                sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
                detail=f'Unrecognized key word: "{word}".'
                if word != "none"
                else 'Key word "none" cannot be combined with other key words.',
            )


def check_text(key: str, name: str, text: str, is_configuration: Callable[[str], bool]) -> None:
    """Raises 22023 for a text that the parameter cannot have; `name` is as the client wrote it."""
    if key in ("plpgsql.extra_errors", "plpgsql.extra_warnings"):
        check_extra_checks(name, text)
        return
    if key == "timezone_abbreviations" and text.lower() in _OTHER_ABBREVIATION_SETS:
        raise DatacaveError(
            f'parameter "{name}" cannot be set to "{text}"',
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            hint='Datacave has the abbreviations of "Default" only.',
        )
    check = is_configuration if key == "default_text_search_config" else CHECKS.get(key)
    if check is not None and not check(text):
        raise DatacaveError(
            f'invalid value for parameter "{name}": "{text}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE
        )
