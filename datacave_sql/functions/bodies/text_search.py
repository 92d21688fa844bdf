"""Text search: tsvector and tsquery values, documents and queries by configuration, matching, ranking, headlines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.jsonb import format_jsonb, parse_jsonb
from datacave_core.types.tsquery import (
    TSQUERY_IO,
    Both,
    Not,
    Operand,
    Query,
    format_query,
    joined,
    node_count,
    query_of,
)
from datacave_core.types.tsvector import POSITION_MAX, TSVECTOR_IO, WEIGHTS, Position, format_lexemes, lexemes_of, made
from datacave_core.values import Array
from datacave_sql.functions.bodies.comparison import compare
from datacave_sql.functions.body import Bodies, Body, CallTypes
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.textsearch.configuration import Configuration
from datacave_sql.functions.textsearch.covers import cover_rank
from datacave_sql.functions.textsearch.documents import (
    WordsReader,
    vector_of,
    web_query,
    without_stops,
    words_query,
)
from datacave_sql.functions.textsearch.headline import HeadlineOptions, headline, read_options
from datacave_sql.functions.textsearch.jsontext import document, replaced, values, wanted_kinds
from datacave_sql.functions.textsearch.matching import matches, operands
from datacave_sql.functions.textsearch.parsing import TOKEN_TYPES, default_parser, numbered_tokens
from datacave_sql.functions.textsearch.ranking import DEFAULT_WEIGHTS, rank, single
from datacave_sql.functions.textsearch.rewriting import rewritten, rewritten_by
from datacave_sql.functions.textsearch.tokens import tokens

BODIES = Bodies()

_STRINGS = frozenset({"string"})
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "cmp": compare,
}


def _compared(key: Callable[[Any], Any], operation: Callable[[Any, Any], Any]) -> Callable[[str, str], Any]:
    return lambda a, b: operation(key(a), key(b))


for _word, _operation in _COMPARISONS.items():
    assert TSVECTOR_IO.comparison_key is not None and TSQUERY_IO.comparison_key is not None
    BODIES.add(f"tsvector_{_word}", _compared(TSVECTOR_IO.comparison_key, _operation))
    BODIES.add(f"tsquery_{_word}", _compared(TSQUERY_IO.comparison_key, _operation))


def configuration(context: EvaluationContext) -> Configuration:
    """That of default_text_search_config."""
    return context.types.text_search.configuration(context.default_text_search())


BODIES.add_with_context("get_current_ts_config", lambda context: context.default_text_search())


def by_configuration(symbol: str, call: Callable[..., Any]) -> None:
    """A function whose first argument may be the configuration; else that of the session counts."""
    BODIES.for_types(f"{symbol}_byid")(_chosen(call))
    BODIES.add_with_context(symbol, lambda context, *given: call(configuration(context), *given))


def _chosen(call: Callable[..., Any]) -> Callable[[CallTypes], Body]:
    """The body for a configuration by its oid; plans do not outlive the catalog that they are made for."""

    def specialise(types: CallTypes) -> Body:
        search = types.types.text_search
        return Body(lambda oid, *given: call(search.configuration(oid), *given))

    return specialise


# --- documents -------------------------------------------------------------------------------------------------------


def _json_vector(found: Configuration, text: str, flags: str | None = None) -> str:
    kinds = _STRINGS if flags is None else wanted_kinds(flags)
    return vector_of(found, values(document(text), kinds))


by_configuration("to_tsvector", lambda chosen, text: vector_of(chosen, (text,)))
for _kind in ("json", "jsonb"):
    by_configuration(f"{_kind}_string_to_tsvector", _json_vector)
    by_configuration(f"{_kind}_to_tsvector", _json_vector)


@BODIES.with_context("ts_lexize")
def dictionary_lexemes(context: EvaluationContext, dictionary: int, word: str) -> Array | None:
    """What a dictionary makes of a word; an empty array for a stop word, NULL for one that it does not know."""
    found = context.types.text_search.dictionary(dictionary).lexize(word)
    return None if found is None else Array.of([one.text for one in found])


# --- queries ---------------------------------------------------------------------------------------------------------


def _read_query(chosen: Configuration, text: str) -> str:
    return format_query(without_stops(WordsReader(chosen, text).read()))


by_configuration("to_tsquery", _read_query)
by_configuration("plainto_tsquery", lambda chosen, text: format_query(without_stops(words_query(chosen, text, "&"))))
by_configuration("phraseto_tsquery", lambda chosen, text: format_query(without_stops(words_query(chosen, text, "<->"))))
by_configuration("websearch_to_tsquery", lambda chosen, text: format_query(web_query(chosen, text)))


def _combined(operator: str) -> Callable[[str, str], str]:
    return lambda a, b: format_query(joined(operator, query_of(a), query_of(b)))


BODIES.add("tsquery_and", _combined("&"))
BODIES.add("tsquery_or", _combined("|"))
BODIES.add("tsquery_phrase", _combined("<->"))


@BODIES("tsquery_phrase_distance")
def phrase_at(a: str, b: str, distance: int) -> str:
    """a <distance> b; raises 22023."""
    if not 0 <= distance <= POSITION_MAX:
        raise bad_parameter(
            f"distance in phrase operator must be an integer value between zero and {POSITION_MAX} inclusive"
        )
    return format_query(joined("<->", query_of(a), query_of(b), distance))


@BODIES("tsquery_not")
def opposite(value: str) -> str:
    """!!a."""
    query = query_of(value)
    return format_query(Not(query)) if query is not None else ""


BODIES.add("tsquery_numnode", lambda value: node_count(query_of(value)))


@BODIES("tsquerytree")
def indexable(value: str) -> str:
    """The part of a query that an index can look for; T where it has to look at everything."""
    query = query_of(value)
    if query is None:
        return ""
    found = _positive(query)
    return "T" if found is None else format_query(found)


def _positive(query: Query) -> Query | None:
    if isinstance(query, Operand):
        return query
    if isinstance(query, Not):
        return None
    left, right = _positive(query.left), _positive(query.right)
    if query.operator == "|":
        return Both("|", left, right) if left is not None and right is not None else None
    return joined("&", left, right)


def _words(value: str) -> set[str]:
    return {operand.word for operand in operands(query_of(value))}


BODIES.add("tsq_mcontains", lambda a, b: _words(a) >= _words(b))
BODIES.add("tsq_mcontained", lambda a, b: _words(a) <= _words(b))


BODIES.add(
    "tsquery_rewrite",
    lambda value, target, substitute: format_query(rewritten(query_of(value), query_of(target), query_of(substitute))),
)


@BODIES.querying("tsquery_rewrite_query")
def rewritten_by_query(context: EvaluationContext, value: str, text: str) -> str:
    """The query with what the rows (target, substitute) of another statement replace. Raises 22023."""
    types, rows = context.query_rows(text)
    if types != [oids.TSQUERY, oids.TSQUERY]:
        raise bad_parameter("ts_rewrite query must return two tsquery columns")
    rules = ((query_of(target), query_of(other)) for target, other in rows if target is not None and other is not None)
    return format_query(rewritten_by(query_of(value), rules))


# --- matching and ranking --------------------------------------------------------------------------------------------

BODIES.add("ts_match_vq", lambda vector, query: matches(lexemes_of(vector), query_of(query)))
BODIES.add("ts_match_qv", lambda query, vector: matches(lexemes_of(vector), query_of(query)))
BODIES.add_with_context(
    "ts_match_tq",
    lambda context, text, query: matches(lexemes_of(vector_of(configuration(context), (text,))), query_of(query)),
)
BODIES.add_with_context(
    "ts_match_tt",
    lambda context, text, words: matches(
        lexemes_of(vector_of(configuration(context), (text,))),
        without_stops(words_query(configuration(context), words, "&")),
    ),
)


def _weights(given: Array) -> Sequence[float]:
    if len(given.lengths) != 1:
        raise bad_parameter("array of weight must be one-dimensional")
    if len(given.elements) < len(DEFAULT_WEIGHTS):
        raise bad_parameter("array of weight is too short")
    if any(one is None for one in given.elements):
        raise bad_parameter("array of weight must not contain nulls")
    weights = [known if one < 0 else one for one, known in zip(given.elements, DEFAULT_WEIGHTS, strict=False)]
    if any(one > 1.0 for one in weights):
        raise bad_parameter("weight out of range")
    return weights


def _rank(weights: Sequence[float], vector: str, query: str, normalization: int = 0) -> float:
    return single(rank(weights, lexemes_of(vector), query_of(query), normalization))


_DEFAULT = tuple(map(single, DEFAULT_WEIGHTS))
BODIES.add("ts_rank_tt ts_rank_ttf", lambda vector, query, how=0: _rank(_DEFAULT, vector, query, how))
BODIES.add(
    "ts_rank_wtt ts_rank_wttf", lambda weights, vector, query, how=0: _rank(_weights(weights), vector, query, how)
)


def _cover_rank(weights: Sequence[float], vector: str, query: str, normalization: int = 0) -> float:
    return single(cover_rank(weights, lexemes_of(vector), query_of(query), normalization))


BODIES.add("ts_rankcd_tt ts_rankcd_ttf", lambda vector, query, how=0: _cover_rank(_DEFAULT, vector, query, how))
BODIES.add(
    "ts_rankcd_wtt ts_rankcd_wttf",
    lambda weights, vector, query, how=0: _cover_rank(_weights(weights), vector, query, how),
)


# --- headlines -------------------------------------------------------------------------------------------------------


def _options(text: str | None) -> HeadlineOptions:
    return HeadlineOptions() if text is None else read_options(text)


def _text_headline(found: Configuration, text: str, query: str, options: str | None = None) -> str:
    return headline(found, text, query_of(query), _options(options))


def _json_headline(found: Configuration, text: str, query: str, options: str | None = None) -> str:
    tree, chosen = query_of(query), _options(options)
    return replaced(document(text), lambda part: headline(found, part, tree, chosen))


def _jsonb_headline(found: Configuration, text: str, query: str, options: str | None = None) -> str:
    return format_jsonb(parse_jsonb(_json_headline(found, text, query, options)))


for _name, _made in (("", _text_headline), ("_json", _json_headline), ("_jsonb", _jsonb_headline)):
    by_configuration(f"ts_headline{_name}", _made)
    BODIES.for_types(f"ts_headline{_name}_byid_opt")(_chosen(_made))
    BODIES.add_with_context(
        f"ts_headline{_name}_opt", lambda context, *given, made=_made: made(configuration(context), *given)
    )


# --- tsvector values -------------------------------------------------------------------------------------------------

BODIES.add("tsvector_length", lambda value: len(lexemes_of(value)))
BODIES.add("tsvector_strip", lambda value: format_lexemes(tuple((word, ()) for word, _ in lexemes_of(value))))


def _weight(letter: str) -> int:
    found = WEIGHTS.find(letter.upper()) if letter else -1
    if found < 0:
        raise bad_parameter(f'unrecognized weight: "{letter}"')
    return found


@BODIES("tsvector_setweight", "tsvector_setweight_by_filter")
def with_weight(value: str, letter: str, words: Array | None = None) -> str:
    """All places, or those of some lexemes, with a weight."""
    weight = _weight(letter)
    chosen = None if words is None else set(words.elements)
    return format_lexemes(
        tuple(
            (word, tuple(Position(one.place, weight) for one in places))
            if chosen is None or word in chosen
            else (word, places)
            for word, places in lexemes_of(value)
        )
    )


@BODIES("tsvector_concat")
def concatenated(a: str, b: str) -> str:
    """Both documents, the second behind the first."""
    first, second = lexemes_of(a), lexemes_of(b)
    last = max((one.place for _, places in first for one in places), default=0)
    words: dict[str, list[Position]] = {word: list(places) for word, places in first}
    for word, places in second:
        words.setdefault(word, []).extend(Position(one.place + last, one.weight) for one in places)
    return format_lexemes(made(words))


@BODIES("tsvector_filter")
def of_weights(value: str, letters: Array) -> str:
    """The lexemes that have places of these weights. Raises 22004."""
    if any(letter is None for letter in letters.elements):
        raise DatacaveError("weight array may not contain nulls", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    wanted = {_weight(letter) for letter in letters.elements}
    kept = ((word, tuple(one for one in places if one.weight in wanted)) for word, places in lexemes_of(value))
    return format_lexemes(tuple((word, places) for word, places in kept if places))


BODIES.add(
    "tsvector_delete_str",
    lambda value, word: format_lexemes(tuple(entry for entry in lexemes_of(value) if entry[0] != word)),
)
BODIES.add(
    "tsvector_delete_arr",
    lambda value, words: format_lexemes(tuple(entry for entry in lexemes_of(value) if entry[0] not in words.elements)),
)
BODIES.add("tsvector_to_array", lambda value: Array.of([word for word, _ in lexemes_of(value)]))


@BODIES("array_to_tsvector")
def vector_of_words(words: Array) -> str:
    """Lexemes without places. Raises 22004, 2200F."""
    if any(word is None for word in words.elements):
        raise DatacaveError("lexeme array may not contain nulls", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    if any(word == "" for word in words.elements):
        raise DatacaveError(
            "lexeme array may not contain empty strings", sqlstate=sqlstate.ZERO_LENGTH_CHARACTER_STRING
        )
    return format_lexemes(made({word: [] for word in words.elements}))


@BODIES("tsvector_unnest")
def spread(value: str) -> Iterator[tuple[str, Array | None, Array | None]]:
    """(lexeme, places, weights)."""
    for word, places in lexemes_of(value):
        if places:
            yield word, Array.of([one.place for one in places]), Array.of([WEIGHTS[one.weight] for one in places])
        else:
            yield word, None, None


# --- parsers and statistics ------------------------------------------------------------------------------------------

BODIES.add("ts_token_type_byid ts_token_type_byname", lambda parser: default_parser(parser) and iter(TOKEN_TYPES))
BODIES.add("ts_parse_byid ts_parse_byname", lambda parser, text: default_parser(parser) and numbered_tokens(text))


@BODIES.querying("ts_stat1", "ts_stat2")
def statistics(context: EvaluationContext, text: str, letters: str | None = None) -> Iterator[tuple[str, int, int]]:
    """(word, number of documents with it, number of places) over the documents of a statement. Raises 22023."""
    types, rows = context.query_rows(text)
    if types != [oids.TSVECTOR]:
        raise bad_parameter("ts_stat query must return one tsvector column")
    wanted = None if letters is None else {WEIGHTS.index(letter) for letter in letters.upper() if letter in WEIGHTS}
    found: dict[str, tuple[int, int]] = {}
    for (value,) in rows:
        for word, places in lexemes_of(value) if value is not None else ():
            count = len(places) or 1
            if wanted:
                count = sum(one.weight in wanted for one in places)
            if count:
                documents, entries = found.get(word, (0, 0))
                found[word] = documents + 1, entries + count
    return ((word, *found[word]) for word in sorted(found, key=str.encode))


def _debugged(found: Configuration, text: str) -> Iterator[tuple[Any, ...]]:
    """ts_debug: the pieces of a document, with the dictionaries that see them and what these make of them."""
    kinds = {alias: description for _, alias, description in TOKEN_TYPES}
    for kind, piece, _ in tokens(text):
        chosen, lexemes = None, None
        seen = found.dictionaries(kind)
        for oid, dictionary in seen:
            made = dictionary.lexize(piece)
            if made is not None:
                chosen, lexemes = oid, Array.of([one.text for one in made])
                break
        yield kind, kinds[kind], piece, Array.of([oid for oid, _ in seen]), chosen, lexemes


@BODIES.with_context("ts_debug(3734 25)")
def debugged_by(context: EvaluationContext, oid: int, text: str) -> Iterator[tuple[Any, ...]]:
    """ts_debug with a configuration."""
    return _debugged(context.types.text_search.configuration(oid), text)


BODIES.add_with_context("ts_debug(25)", lambda context, text: _debugged(configuration(context), text))
