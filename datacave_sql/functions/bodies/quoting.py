"""Quoting for SQL: quote_ident, quote_literal, quote_nullable, parse_ident, and format()."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.values import Array, Value
from datacave_sql.functions.body import Bodies, Body, CallTypes
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter, out_of_range
from datacave_sql.functions.identifiers import quote_identifier
from datacave_sql.functions.rendering import output_text

BODIES = Bodies()

BODIES.add("quote_ident", quote_identifier)


@BODIES("quote_literal")
def quote_literal(text: str) -> str:
    """The text as an SQL string; with E in front when it has backslashes."""
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    return "E" + quoted if "\\" in text else quoted


@BODIES("quote_nullable")
def quote_nullable(text: str | None) -> str:
    """The same, and NULL for NULL."""
    return "NULL" if text is None else quote_literal(text)


@BODIES.for_types("quote_literal(2283)", "quote_nullable(2283)")
def _literal_of_anything(types: CallTypes) -> Body:
    return _quoted(types.arguments[0], types)


def _quoted(oid: int, types: CallTypes) -> Body:
    def quote(context: EvaluationContext, value: Value) -> str:
        return quote_nullable(output_text(value, oid, (), types.types, context.format_settings, context))

    return Body(quote, takes_context=True)


_SPECIFIER = re.compile(r"%(?:(\d+)\$)?(-*)(?:(\*)(?:(\d+)\$)?|(\d+))?(.?)", re.DOTALL)


def _too_few() -> DatacaveError:
    return bad_parameter("too few arguments for format()")


def _position(digits: str | None) -> int | None:
    if digits is None:
        return None
    number = int(digits)
    if number > 2**31 - 1:
        raise out_of_range("number is out of range")
    if number == 0:
        raise bad_parameter("format specifies argument 0, but arguments are numbered from 1")
    return number - 1


def _convert(kind: str, text: str | None) -> str:
    if kind == "s":
        return text or ""
    if kind == "L":
        return quote_nullable(text)
    if text is None:
        raise DatacaveError(
            "null values cannot be formatted as an SQL identifier", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED
        )
    return quote_identifier(text)


def format_text(template: str, count: int, text_of: Callable[[int], str | None]) -> str:
    """format(): `%[n$][-][width]` followed by s, I or L; `text_of(i)` is the text of argument i."""
    parts: list[str] = []
    following = 0
    at = 0
    while True:
        found = template.find("%", at)
        if found < 0:
            parts.append(template[at:])
            return "".join(parts)
        parts.append(template[at:found])
        if template[found + 1 : found + 2] == "%":
            parts.append("%")
            at = found + 2
            continue
        match = _SPECIFIER.match(template, found)
        assert match is not None
        position, flags, star, star_position, digits, kind = match.groups()
        if not kind:
            raise bad_parameter("unterminated format() type specifier", hint='For a single "%" use "%%".')
        if kind not in "sIL":
            raise bad_parameter(f'unrecognized format() type specifier "{kind}"', hint='For a single "%" use "%%".')
        at = match.end()
        width = int(digits) if digits else 0
        if star:
            place = _position(star_position)
            if place is None:
                place = following
            following = place + 1
            if place >= count:
                raise _too_few()
            width = int(text_of(place) or 0)
        place = _position(position)
        if place is None:
            place, following = following, following + 1
        else:
            following = place + 1
        if place >= count:
            raise _too_few()
        text = _convert(kind, text_of(place))
        if width < 0 or flags:
            text = text.ljust(abs(width))
        else:
            text = text.rjust(width)
        parts.append(text)


@BODIES("text_format_nv")
def format_without_arguments(template: str | None) -> str | None:
    """format() of a template alone."""
    return None if template is None else format_text(template, 0, lambda place: None)


@BODIES.for_types("text_format")
def _format(types: CallTypes) -> Body:
    oids_given = types.arguments[1:]

    def call(context: EvaluationContext, template: str | None, *values: Value) -> str | None:
        if template is None:
            return None
        settings = context.format_settings

        def text_of(place: int) -> str | None:
            return output_text(values[place], oids_given[place], (), types.types, settings, context)

        return format_text(template, len(values), text_of)

    def call_array(context: EvaluationContext, template: str | None, array: Array | None) -> str | None:
        if template is None:
            return None
        settings = context.format_settings
        elements: tuple[Any, ...] = () if array is None else array.elements
        element = types.types.element(types.arguments[-1])

        def text_of(place: int) -> str | None:
            return output_text(elements[place], element, (), types.types, settings, context)

        return format_text(template, len(elements), text_of)

    return Body(call_array if types.variadic else call, takes_context=True)


def _texts(types: CallTypes, first: int) -> Callable[[EvaluationContext, tuple[Value, ...]], list[str | None]]:
    """The texts of the variadic arguments from `first` on."""
    lookup = types.types
    if types.variadic:
        element = lookup.element(types.arguments[-1])

        def of_array(context: EvaluationContext, values: tuple[Value, ...]) -> list[str | None]:
            if values[0] is not None and not isinstance(values[0], Array):
                raise DatacaveError("VARIADIC argument must be an array", sqlstate=sqlstate.DATATYPE_MISMATCH)
            elements = () if values[0] is None else values[0].elements
            return [output_text(item, element, (), lookup, context.format_settings, context) for item in elements]

        return of_array
    given = types.arguments[first:]
    if all(oid in _TEXT_TYPES for oid in given):
        return lambda context, values: list(values)

    def of_values(context: EvaluationContext, values: tuple[Value, ...]) -> list[str | None]:
        settings = context.format_settings
        return [
            output_text(value, oid, (), lookup, settings, context) for value, oid in zip(values, given, strict=True)
        ]

    return of_values


@BODIES.for_types("text_concat")
def _concat(types: CallTypes) -> Body:
    texts = _texts(types, 0)

    def call(context: EvaluationContext, *values: Value) -> str | None:
        if types.variadic and values[0] is None:
            return None
        return "".join([text for text in texts(context, values) if text is not None])

    return Body(call, takes_context=True)


@BODIES.for_types("text_concat_ws")
def _concat_with_separator(types: CallTypes) -> Body:
    texts = _texts(types, 1)

    def call(context: EvaluationContext, separator: str | None, *values: Value) -> str | None:
        if separator is None or (types.variadic and values[0] is None):
            return None
        return separator.join([text for text in texts(context, values) if text is not None])

    return Body(call, takes_context=True)


def _truth(value: Value) -> str:
    """A boolean as its cast to text gives it, which is what concatenation uses, unlike output."""
    return "true" if value else "false"


@BODIES.for_types("textanycat(25 2776)")
def _text_and_anything(types: CallTypes) -> Body:
    oid = types.arguments[1]
    if oid == oids.BOOL:
        return Body(lambda a, b: a + _truth(b))
    return Body(
        lambda context, a, b: a + (output_text(b, oid, (), types.types, context.format_settings, context) or ""),
        takes_context=True,
    )


@BODIES.for_types("anytextcat(2776 25)")
def _anything_and_text(types: CallTypes) -> Body:
    oid = types.arguments[0]
    if oid == oids.BOOL:
        return Body(lambda a, b: _truth(a) + b)
    return Body(
        lambda context, a, b: (output_text(a, oid, (), types.types, context.format_settings, context) or "") + b,
        takes_context=True,
    )


@BODIES("parse_ident")
def parse_identifier(text: str, strict: bool = True) -> Array:
    """Splits a qualified name into its parts, folding what is not quoted."""
    parts: list[str] = []
    rest = text.strip(" \t\n\r\v\f")
    after_dot = False
    while True:
        missing = True
        if rest.startswith('"'):
            end = 1
            while True:
                end = rest.find('"', end)
                if end < 0:
                    raise _bad_name(text, "String has unclosed double quotes.")
                if rest[end + 1 : end + 2] != '"':
                    break
                end += 2
            word = rest[1:end].replace('""', '"')
            if not word:
                raise _bad_name(text, "Quoted identifier must not be empty.")
            parts.append(word)
            rest = rest[end + 1 :]
            missing = False
        elif found := _WORD.match(rest):
            parts.append(found[0].lower())
            rest = rest[found.end() :]
            missing = False
        if missing:
            if rest.startswith("."):
                raise _bad_name(text, 'No valid identifier before ".".')
            raise _bad_name(text, 'No valid identifier after ".".' if after_dot else None)
        rest = rest.lstrip(" \t\n\r\v\f")
        if rest.startswith("."):
            after_dot = True
            rest = rest[1:].lstrip(" \t\n\r\v\f")
        elif not rest or not strict:
            return Array.of(parts)
        else:
            raise _bad_name(text, None)


_WORD = re.compile(r"[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*")
_TEXT_TYPES = frozenset({25, 1043, 19, 705})


def _bad_name(text: str, detail: str | None) -> DatacaveError:
    return bad_parameter(f'string is not a valid identifier: "{text}"', detail=detail)
