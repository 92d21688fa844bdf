"""Headlines: the part of a document that shows where a query matches, with the words marked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from datacave_core.errors import DatacaveError
from datacave_core.types.tsquery import Query
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.textsearch.configuration import Configuration
from datacave_sql.functions.textsearch.matching import operands
from datacave_sql.functions.textsearch.tokens import UNINDEXED, Token, tokens

_OPTION = re.compile(r"""\s*(\w+)\s*=\s*(?:"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([^\s,]*))\s*(?:,|$)""")
_NUMBERS = {
    "maxwords": "words_max",
    "minwords": "words_min",
    "shortword": "short_word",
    "maxfragments": "fragments_max",
}


@dataclass(slots=True)
class HeadlineOptions:
    """The options of ts_headline, as PostgreSQL has them."""

    start: str = "<b>"
    stop: str = "</b>"
    words_max: int = 35
    words_min: int = 15
    short_word: int = 3
    fragments_max: int = 0
    delimiter: str = " ... "
    all: bool = False


MARK_BYTES_MAX = 32_767


def read_options(text: str) -> HeadlineOptions:
    """The options of a text `name = value, ..`. Raises 22023."""
    options = HeadlineOptions()
    at = 0
    while at < len(text) and text[at:].strip():
        found = _OPTION.match(text, at)
        if found is None:
            raise bad_parameter(f'invalid parameter list format: "{text}"')
        name = found[1].lower()
        value = next((part for part in found.groups()[1:] if part is not None), "")
        at = found.end()
        if name in _NUMBERS:
            if not value.lstrip("-").isdigit():
                raise bad_parameter(f'invalid input syntax for type integer: "{value}"')
            setattr(options, _NUMBERS[name], int(value))
        elif name in ("startsel", "stopsel", "fragmentdelimiter"):
            setattr(options, {"startsel": "start", "stopsel": "stop"}.get(name, "delimiter"), value)
        elif name == "highlightall":
            options.all = value.lower() in ("1", "on", "true", "t", "y", "yes")
        else:
            raise bad_parameter(f'unrecognized headline parameter: "{found[1]}"')
    _check(options)
    return options


def _check(options: HeadlineOptions) -> None:
    failure: DatacaveError | None = None
    if not options.all and options.words_min >= options.words_max:
        failure = bad_parameter("MinWords should be less than MaxWords")
    elif not options.all and options.words_min <= 0:
        failure = bad_parameter("MinWords should be positive")
    elif options.short_word < 0:
        failure = bad_parameter("ShortWord should be >= 0")
    elif options.fragments_max < 0:
        failure = bad_parameter("MaxFragments should be >= 0")
    for name, value in (
        ("StartSel", options.start),
        ("StopSel", options.stop),
        ("FragmentDelimiter", options.delimiter),
    ):
        if failure is None and len(value.encode()) > MARK_BYTES_MAX:
            failure = bad_parameter(f'value for "{name}" is too long')
    if failure is not None:
        raise failure


def headline(configuration: Configuration, text: str, query: Query | None, options: HeadlineOptions) -> str:
    """ts_headline: the best stretch of the document with the query's words marked."""
    wanted = operands(query)
    exact = {item.word for item in wanted if not item.prefix}
    prefixes = tuple(item.word for item in wanted if item.prefix)
    pieces = [token for token in tokens(text) if not token.part]
    hits = [_hits(configuration, token, exact, prefixes) for token in pieces]
    words = [number for number, token in enumerate(pieces) if token.kind not in UNINDEXED]
    first, last = (0, len(pieces)) if options.all else _stretch(pieces, hits, words, options)
    shown = []
    for token, hit in list(zip(pieces, hits, strict=True))[first:last]:
        plain = " " if token.kind == "tag" else token.text
        shown.append(f"{options.start}{token.text}{options.stop}" if hit else plain)
    return "".join(shown)


def _hits(configuration: Configuration, token: Token, exact: set[str], prefixes: tuple[str, ...]) -> bool:
    if token.kind in UNINDEXED:
        return False
    lexemes = configuration.lexemes(token.kind, token.text) or ()
    return any(word.text in exact or word.text.startswith(prefixes) for word in lexemes)


def _stretch(pieces: list[Token], hits: list[bool], words: list[int], options: HeadlineOptions) -> tuple[int, int]:
    """First and last piece: up to MaxWords words with as many marked ones as can be, from a marked one on."""
    if len(words) <= options.words_max and not any(hits):
        return _bounded(pieces, words, 0, min(options.words_min, len(words)))
    marked = [place for place, number in enumerate(words) if hits[number]]
    best, best_count = 0, 0
    for start in marked:
        count = sum(1 for place in marked if start <= place < start + options.words_max)
        if count > best_count:
            best, best_count = start, count
    if not marked:
        return _bounded(pieces, words, 0, min(options.words_min, len(words)))
    end = max(place for place in marked if place < best + options.words_max) + 1
    if end - best < options.words_min:
        end = min(len(words), best + options.words_min)
        best = max(0, min(best, end - options.words_min))
    else:
        room = min(len(words), best + options.words_max)
        while end < room and len(pieces[words[end - 1]].text) <= options.short_word:
            end += 1
    return _bounded(pieces, words, best, end)


def _bounded(pieces: list[Token], words: list[int], first: int, end: int) -> tuple[int, int]:
    if not words or end <= first:
        return 0, 0
    start = 0 if first == 0 else words[first]
    stop = len(pieces) if end >= len(words) else words[end - 1] + 1
    return start, stop
