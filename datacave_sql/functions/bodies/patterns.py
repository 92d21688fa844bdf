"""Regular expressions in SQL: ~ and its relatives, the regexp_ functions, substring by pattern, SIMILAR TO."""

from __future__ import annotations

from collections.abc import Iterator

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.values import Array
from datacave_sql.exec.suspension import pause_inside
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.regex import Options, Regex, compile_regex, options_of

BODIES = Bodies()

_IGNORE_CASE = Options(ignore_case=True)

Spans = tuple[tuple[int, int], ...]


def matches(text: str, pattern: str) -> bool:
    """text ~ pattern."""
    return compile_regex(pattern).matches(text)


def matches_any_case(text: str, pattern: str) -> bool:
    """text ~* pattern."""
    return compile_regex(pattern, _IGNORE_CASE).matches(text)


BODIES.inline(compile_regex=compile_regex)
BODIES.add("textregexeq nameregexeq", matches, "compile_regex({1}).matches({0})")
BODIES.add("textregexne nameregexne", lambda text, pattern: not matches(text, pattern))
BODIES.add("texticregexeq nameicregexeq", matches_any_case)
BODIES.add("texticregexne nameicregexne", lambda text, pattern: not matches_any_case(text, pattern))


def _all_matches(regex: Regex, text: str, start: int = 0) -> Iterator[Spans]:
    """Matches that do not overlap; after an empty one the search goes on one character later."""
    number = 0
    while start <= len(text):
        number += 1
        if number % 64 == 0:
            pause_inside()
        found = regex.search(text, start)
        if found is None:
            return
        yield found
        end = found[0][1]
        start = end + 1 if end == found[0][0] else end


def _parts(text: str, found: Spans) -> Array:
    """The groups of a match, or the whole where there are none."""
    spans = found[1:] or found[:1]
    return Array.of([text[low:high] if low >= 0 else None for low, high in spans])


def _no_global(function: str) -> DatacaveError:
    return bad_parameter(
        f'{function}() does not support the "global" option',
        hint=f"Use the {function}es function instead." if function == "regexp_match" else None,
    )


def _compiled(pattern: str, flags: str, function: str) -> Regex:
    options, everywhere = options_of(flags)
    if everywhere:
        raise _no_global(function)
    return compile_regex(pattern, options)


@BODIES("regexp_match", "regexp_match_no_flags")
def match(text: str, pattern: str, flags: str = "") -> Array | None:
    """The groups of the first match; NULL when there is none."""
    found = _compiled(pattern, flags, "regexp_match").search(text)
    return None if found is None else _parts(text, found)


@BODIES("regexp_matches", "regexp_matches_no_flags")
def match_all(text: str, pattern: str, flags: str = "") -> Iterator[Array]:
    """The groups of the first match, or with flag g of every match."""
    options, everywhere = options_of(flags)
    regex = compile_regex(pattern, options)
    if everywhere:
        return (_parts(text, found) for found in _all_matches(regex, text))
    first = regex.search(text)
    return iter(() if first is None else (_parts(text, first),))


@BODIES("regexp_like", "regexp_like_no_flags")
def like(text: str, pattern: str, flags: str = "") -> bool:
    """Whether the pattern is found."""
    return _compiled(pattern, flags, "regexp_like").matches(text)


def _positive(name: str, value: int) -> None:
    if value <= 0:
        raise bad_parameter(f'invalid value for parameter "{name}": {value}')


@BODIES("regexp_count", "regexp_count_no_flags", "regexp_count_no_start")
def count(text: str, pattern: str, start: int = 1, flags: str = "") -> int:
    """The number of matches."""
    _positive("start", start)
    regex = _compiled(pattern, flags, "regexp_count")
    return sum(1 for _ in _all_matches(regex, text, start - 1))


def _nth(regex: Regex, text: str, start: int, number: int) -> Spans | None:
    for place, found in enumerate(_all_matches(regex, text, start - 1), 1):
        if place == number:
            return found
    return None


def _group(found: Spans | None, regex: Regex, group: int) -> tuple[int, int] | None:
    if group == 1 and not regex.groups:
        group = 0  # without groups the whole match counts as the first
    if found is None or group > regex.groups:
        return None
    span = found[group]
    return None if span[0] < 0 else span


@BODIES(
    "regexp_instr",
    "regexp_instr_no_subexpr",
    "regexp_instr_no_flags",
    "regexp_instr_no_endoption",
    "regexp_instr_no_n",
    "regexp_instr_no_start",
)
def position(
    text: str, pattern: str, start: int = 1, number: int = 1, end: int = 0, flags: str = "", group: int = 0
) -> int:
    """Where the n-th match (or a group of it) starts, or with `end` 1 the place behind it; 0 for none."""
    _positive("start", start)
    _positive("n", number)
    if end not in (0, 1):
        raise bad_parameter(f'invalid value for parameter "endoption": {end}')
    if group < 0:
        raise bad_parameter(f'invalid value for parameter "subexpr": {group}')
    regex = _compiled(pattern, flags, "regexp_instr")
    span = _group(_nth(regex, text, start, number), regex, group)
    return 0 if span is None else span[end] + 1


@BODIES(
    "regexp_substr",
    "regexp_substr_no_subexpr",
    "regexp_substr_no_flags",
    "regexp_substr_no_n",
    "regexp_substr_no_start",
)
def substring_match(
    text: str, pattern: str, start: int = 1, number: int = 1, flags: str = "", group: int = 0
) -> str | None:
    """The n-th match, or a group of it."""
    _positive("start", start)
    _positive("n", number)
    if group < 0:
        raise bad_parameter(f'invalid value for parameter "subexpr": {group}')
    regex = _compiled(pattern, flags, "regexp_substr")
    span = _group(_nth(regex, text, start, number), regex, group)
    return None if span is None else text[span[0] : span[1]]


@BODIES("textregexsubstr")
def substring_by_pattern(text: str, pattern: str) -> str | None:
    """substring(text from pattern): the first group, or the whole match."""
    regex = compile_regex(pattern)
    found = regex.search(text)
    span = _group(found, regex, 1 if regex.groups else 0)
    return None if span is None else text[span[0] : span[1]]


def _replacement(template: str) -> list[str | int]:
    """Literal texts and group numbers."""
    parts: list[str | int] = []
    literal: list[str] = []
    at = 0
    while at < len(template):
        character = template[at]
        following = template[at + 1 : at + 2]
        if character == "\\" and following and following in "123456789&":
            parts.append("".join(literal))
            literal.clear()
            parts.append(0 if following == "&" else int(following))
            at += 2
        elif character == "\\" and following == "\\":
            literal.append("\\")
            at += 2
        else:
            literal.append(character)
            at += 1
    parts.append("".join(literal))
    return parts


def _replace(text: str, regex: Regex, template: str, start: int, number: int) -> str:
    """Replaces the n-th match, or every one when `number` is 0."""
    parts = _replacement(template)
    result: list[str] = []
    copied = 0
    for place, found in enumerate(_all_matches(regex, text, start - 1), 1):
        if number and place != number:
            continue
        low, high = found[0]
        result.append(text[copied:low])
        for part in parts:
            if isinstance(part, str):
                result.append(part)
            elif part <= regex.groups and found[part][0] >= 0:
                result.append(text[found[part][0] : found[part][1]])
        copied = high
        if number:
            break
    result.append(text[copied:])
    return "".join(result)


@BODIES("textregexreplace_noopt")
def replace_first(text: str, pattern: str, template: str) -> str:
    """regexp_replace of the first match."""
    return _replace(text, compile_regex(pattern), template, 1, 1)


@BODIES("textregexreplace")
def replace(text: str, pattern: str, template: str, flags: str) -> str:
    """regexp_replace of the first match, or with flag g of every match."""
    if flags[:1].isdigit():
        raise bad_parameter(
            f'invalid regular expression option: "{flags[0]}"',
            hint="If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer "
            "explicitly.",
        )
    options, everywhere = options_of(flags)
    return _replace(text, compile_regex(pattern, options), template, 1, 0 if everywhere else 1)


@BODIES("textregexreplace_extended", "textregexreplace_extended_no_flags", "textregexreplace_extended_no_n")
def replace_nth(text: str, pattern: str, template: str, start: int, number: int | None = None, flags: str = "") -> str:
    """regexp_replace of the n-th match from a position; 0 for all."""
    _positive("start", start)
    if number is not None and number < 0:
        raise bad_parameter(f'invalid value for parameter "n": {number}')
    options, everywhere = options_of(flags)
    if number is None:
        number = 0 if everywhere else 1
    return _replace(text, compile_regex(pattern, options), template, start, number)


def _split(text: str, pattern: str, flags: str, function: str) -> Iterator[str]:
    """The text between matches; empty matches at the ends and right after a match split nothing."""
    regex = _compiled(pattern, flags, function)
    copied = 0
    for found in _all_matches(regex, text):
        low, high = found[0]
        if low == high and (low == copied or low == len(text)):
            continue
        yield text[copied:low]
        copied = high
    yield text[copied:]


@BODIES("regexp_split_to_table", "regexp_split_to_table_no_flags")
def split_to_table(text: str, pattern: str, flags: str = "") -> Iterator[str]:
    """regexp_split_to_table."""
    return iter(list(_split(text, pattern, flags, "regexp_split_to_table")))


@BODIES("regexp_split_to_array", "regexp_split_to_array_no_flags")
def split_to_array(text: str, pattern: str, flags: str = "") -> Array:
    """regexp_split_to_array."""
    return Array.of(list(_split(text, pattern, flags, "regexp_split_to_array")))


def similar_pattern(pattern: str, escape: str | None) -> str:
    """A SIMILAR TO pattern as a regular expression; `escape` None stands for the backslash."""
    mark = "\\" if escape is None else escape
    if len(mark) > 1:
        raise DatacaveError(
            "invalid escape string",
            sqlstate=sqlstate.INVALID_ESCAPE_SEQUENCE,
            hint="Escape string must be empty or one character.",
        )
    parts = ["^(?:"]
    after_escape = False
    depth = 0  # of brackets
    quotes = 0
    for character in pattern:
        if after_escape:
            if character == '"' and not depth:
                if quotes == 0:
                    parts.append("){1,1}?(")
                elif quotes == 1:
                    parts.append("){1,1}(?:")
                else:
                    raise DatacaveError(
                        "SQL regular expression may not contain more than two escape-double-quote separators",
                        sqlstate=sqlstate.INVALID_USE_OF_ESCAPE_CHARACTER,
                    )
                quotes += 1
            else:
                parts.append("\\" + character)
            after_escape = False
        elif mark and character == mark:
            after_escape = True
        elif depth:
            if character == "\\":
                parts.append("\\")
            parts.append(character)
            if character == "]":
                depth = 0
        elif character == "[":
            parts.append(character)
            depth = 1
        elif character == "%":
            parts.append(".*")
        elif character == "_":
            parts.append(".")
        elif character == "(":
            parts.append("(?:")
        elif character in "\\.^$":
            parts.append("\\" + character)
        else:
            parts.append(character)
    parts.append(")$")
    return "".join(parts)


@BODIES("similar_to_escape_2", "similar_to_escape_1")
def similar_to_escape(pattern: str, escape: str | None = None) -> str:
    """What SIMILAR TO turns its pattern into."""
    return similar_pattern(pattern, escape)


@BODIES("similar_escape")
def similar_escape(pattern: str | None, escape: str | None) -> str | None:
    """The older form of the same."""
    return None if pattern is None else similar_pattern(pattern, escape)


@BODIES("substring(25 25 25)")
def substring_similar(text: str, pattern: str, escape: str) -> str | None:
    """substring(text similar pattern escape escape)."""
    return substring_by_pattern(text, similar_pattern(pattern, escape))
