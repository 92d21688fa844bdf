"""Arrays of any element type: an Array value, `{1,2,NULL}` as text, dimensions and oids in front as binary.

The reader of literals is a state machine with one state per kind of thing just seen, so that each refusal can say
what PostgreSQL says.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import (
    GREATEST,
    Decoder,
    Encoder,
    KeyFunction,
    TypeIO,
    bad_length,
    decode_utf8,
)
from datacave_core.types.names import format_type
from datacave_core.types.settings import FormatSettings
from datacave_core.values import Array, Value

DIMENSIONS_MAX: Final = 6
ELEMENTS_MAX: Final = 134217727
BUILTIN_OID_MAX: Final = 10000

_HEAD: Final = Struct("!iiI")
_DIMENSION: Final = Struct("!ii")
_LENGTH: Final = Struct("!i")
_SPACES: Final = " \t\n\r\v\f"
_DIMENSION_ITEM: Final = re.compile(r"\[([0-9+-]*)(:?)([0-9+-]*)(\]?)")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+")


class _Seen(enum.Enum):
    """What the reader of a literal has just passed."""

    NOTHING = enum.auto()
    LEVEL_START = enum.auto()
    ELEMENT = enum.auto()
    QUOTED_OPEN = enum.auto()
    QUOTED = enum.auto()
    ELEMENT_DELIMITER = enum.auto()
    LEVEL_END = enum.auto()
    LEVEL_DELIMITER = enum.auto()


def _malformed(text: str, detail: str | None) -> DatacaveError:
    return DatacaveError(
        f'malformed array literal: "{text}"', sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION, detail=detail
    )


def too_many_dimensions(count: int) -> DatacaveError:
    """54000, beyond six dimensions."""
    return DatacaveError(
        f"number of array dimensions ({count}) exceeds the maximum allowed ({DIMENSIONS_MAX})",
        sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED,
    )


def parse_array(text: str, delimiter: str, read: Callable[[str], Value]) -> Array:
    """Reads an array literal, each element with `read`; raises 22P02, 2202E, 54000 and what `read` raises."""
    if text[:1] == "{" and text[-1:] == "}" and len(text) > 2:
        inner = text[1:-1]
        if _SPECIAL.search(inner) is None:
            parts = inner.split(delimiter)
            if "" not in parts:
                return Array(
                    tuple([None if len(part) == 4 and part.upper() == "NULL" else read(part) for part in parts]),
                    (len(parts),),
                    (1,),
                )
    at, lower_bounds, lengths = _dimensions(text)
    if not lengths:
        if text[at : at + 1] != "{":
            raise _malformed(text, 'Array value must start with "{" or dimension information.')
        elements, found = _contents(text[at:], text, delimiter, read)
        return Array(elements, found, (1,) * len(found))
    if text[at : at + 1] != "=":
        raise _malformed(text, 'Missing "=" after array dimensions.')
    at += 1
    while text[at : at + 1] and text[at] in _SPACES:
        at += 1
    if text[at : at + 1] != "{":
        raise _malformed(text, 'Array contents must start with "{".')
    elements, found = _contents(text[at:], text, delimiter, read, lengths)
    return Array(elements, found, lower_bounds)


_SPECIAL: Final = re.compile(r'[{}"\\ \t\n\r\v\f]')


def _dimensions(text: str) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """The explicit `[m:n]` items in front, if any, and where they end."""
    at = 0
    lower_bounds: list[int] = []
    lengths: list[int] = []
    while True:
        while at < len(text) and text[at] in _SPACES:
            at += 1
        found = _DIMENSION_ITEM.match(text, at)
        if found is None:
            return at, tuple(lower_bounds), tuple(lengths)
        if len(lengths) >= DIMENSIONS_MAX:
            raise too_many_dimensions(len(lengths) + 1)
        first, colon, second, closing = found.groups()
        if not first:
            raise _malformed(text, '"[" must introduce explicitly-specified array dimensions.')
        if colon and not second:
            raise _malformed(text, "Missing array dimension value.")
        if not closing:
            raise _malformed(text, 'Missing "]" after array dimensions.')
        lower, upper = (_number(first), _number(second)) if colon else (1, _number(first))
        if upper < lower:
            raise DatacaveError("upper bound cannot be less than lower bound", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
        lower_bounds.append(lower)
        lengths.append(upper - lower + 1)
        at = found.end()


def _number(text: str) -> int:
    found = _NUMBER.match(text)
    return int(found[0]) if found else 0


def _contents(
    text: str,
    whole: str,
    delimiter: str,
    read: Callable[[str], Value],
    expected: tuple[int, ...] | None = None,
) -> tuple[tuple[Value, ...], tuple[int, ...]]:
    """The elements and the dimensions of a text that starts with a brace."""
    raw, lengths = _scan(text, delimiter)
    if expected is not None and expected != lengths:
        raise _malformed(whole, "Specified array dimensions do not match array contents.")
    return tuple([None if item is None else read(item) for item in raw]), lengths


def _scan(text: str, delimiter: str) -> tuple[list[str | None], tuple[int, ...]]:
    """Splits nested braces into unquoted texts, None for NULL, and checks that the nesting is a box."""
    items: list[str | None] = []
    counts: list[int] = []  # members so far, per open level
    lengths: dict[int, int] = {}  # members of a closed level, per depth
    depth_max = 0
    element_depth = 0
    state = _Seen.NOTHING
    part: list[str] = []  # characters of the running element
    kept = 0  # how many of them trailing blanks may not take away
    quoted = False

    def finish() -> None:
        nonlocal kept, quoted, element_depth
        item = "".join(part[:kept])
        items.append(None if not quoted and len(item) == 4 and item.upper() == "NULL" else item)
        part.clear()
        kept = 0
        quoted = False
        if element_depth and element_depth != len(counts):
            raise _malformed(text, "Multidimensional arrays must have sub-arrays with matching dimensions.")
        element_depth = len(counts)
        counts[-1] += 1

    at = 0
    end = len(text)
    while True:
        if at >= end:
            raise _malformed(text, "Unexpected end of input.")
        character = text[at]
        at += 1
        if character == "\\":
            if state not in _ELEMENT_MAY_GO_ON and state is not _Seen.QUOTED_OPEN:
                raise _malformed(text, 'Unexpected "\\" character.')
            if at >= end:
                raise _malformed(text, "Unexpected end of input.")
            if state is not _Seen.QUOTED_OPEN:
                state = _Seen.ELEMENT
            part.append(text[at])
            at += 1
            kept = len(part)
            quoted = True
        elif character == '"':
            if state is _Seen.QUOTED_OPEN:
                state = _Seen.QUOTED
                kept = len(part)
            elif state in (_Seen.LEVEL_START, _Seen.ELEMENT_DELIMITER):
                state = _Seen.QUOTED_OPEN
                quoted = True
            else:
                raise _malformed(text, "Unexpected array element.")
        elif state is _Seen.QUOTED_OPEN:
            part.append(character)
        elif character == "{":
            if state not in (_Seen.NOTHING, _Seen.LEVEL_START, _Seen.LEVEL_DELIMITER):
                raise _malformed(text, 'Unexpected "{" character.')
            if len(counts) >= DIMENSIONS_MAX:
                raise too_many_dimensions(len(counts) + 1)
            state = _Seen.LEVEL_START
            counts.append(0)
            depth_max = max(depth_max, len(counts))
        elif character == "}":
            if state not in _VALUE_IS_COMPLETE and not (len(counts) == 1 and state is _Seen.LEVEL_START):
                raise _malformed(text, 'Unexpected "}" character.')
            if state in (_Seen.ELEMENT, _Seen.QUOTED):
                finish()
            state = _Seen.LEVEL_END
            count = counts.pop()
            if lengths.setdefault(len(counts), count) != count:
                raise _malformed(text, "Multidimensional arrays must have sub-arrays with matching dimensions.")
            if not counts:
                break
            counts[-1] += 1
        elif character == delimiter:
            if state not in _VALUE_IS_COMPLETE:
                raise _malformed(text, f'Unexpected "{delimiter}" character.')
            if state is _Seen.LEVEL_END:
                state = _Seen.LEVEL_DELIMITER
            else:
                finish()
                state = _Seen.ELEMENT_DELIMITER
        elif character in _SPACES:
            if part:
                part.append(character)
        else:
            if state not in _ELEMENT_MAY_GO_ON:
                raise _malformed(text, "Unexpected array element.")
            state = _Seen.ELEMENT
            part.append(character)
            kept = len(part)
    if text[at:].strip(_SPACES):
        raise _malformed(text, "Junk after closing right brace.")
    if not items:
        return items, ()
    return items, tuple([lengths[depth] for depth in range(depth_max)])


_ELEMENT_MAY_GO_ON: Final = (_Seen.LEVEL_START, _Seen.ELEMENT, _Seen.ELEMENT_DELIMITER)
_VALUE_IS_COMPLETE: Final = (_Seen.ELEMENT, _Seen.QUOTED, _Seen.LEVEL_END)


def format_array(value: Array, delimiter: str, write: Callable[[Value], str], *, quoting: bool = True) -> str:
    """The literal of an array; `quoting=False` says that no element of the type ever needs quotes."""
    elements = value.elements
    if not elements:
        return "{}"
    if quoting:
        special = _NEEDS_QUOTES[delimiter]
        texts = ["NULL" if element is None else _quoted(write(element), special) for element in elements]
    else:
        texts = ["NULL" if element is None else write(element) for element in elements]
    for length in reversed(value.lengths[1:]):
        texts = ["{" + delimiter.join(texts[at : at + length]) + "}" for at in range(0, len(texts), length)]
    body = "{" + delimiter.join(texts) + "}"
    if any(bound != 1 for bound in value.lower_bounds):
        bounds = zip(value.lower_bounds, value.lengths, strict=True)
        return "".join(f"[{lower}:{lower + length - 1}]" for lower, length in bounds) + "=" + body
    return body


_NEEDS_QUOTES: Final = {
    delimiter: re.compile(rf'["\\{{}}{delimiter} \t\n\r\v\f]|\A(?:null)?\Z', re.IGNORECASE) for delimiter in ",;"
}


def _quoted(text: str, special: re.Pattern[str]) -> str:
    if special.search(text) is None:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def send_array(value: Array, element_oid: int, send: Callable[[Value], bytes]) -> bytes:
    """Binary form: number of dimensions, whether there are NULLs, the element type, dimensions, elements."""
    elements = value.elements
    parts = [_HEAD.pack(len(value.lengths), 1 if None in elements else 0, element_oid)]
    parts += [_DIMENSION.pack(*pair) for pair in zip(value.lengths, value.lower_bounds, strict=True)]
    for element in elements:
        if element is None:
            parts.append(b"\xff\xff\xff\xff")
        else:
            data = send(element)
            parts.append(_LENGTH.pack(len(data)))
            parts.append(data)
    return b"".join(parts)


def receive_array(data: bytes, element_oid: int, receive: Callable[[bytes], Value]) -> Array:
    """The reverse of send_array; raises 22P03, 42804, 54000, 08P01."""
    if len(data) < 12:
        raise bad_length(data, 12)
    dimensions, flags, found_oid = _HEAD.unpack_from(data)
    if dimensions < 0:
        raise _bad_binary(f"invalid number of dimensions: {dimensions}")
    if dimensions > DIMENSIONS_MAX:
        raise too_many_dimensions(dimensions)
    if flags not in (0, 1):
        raise _bad_binary("invalid array flags")
    if found_oid != element_oid and found_oid < BUILTIN_OID_MAX and element_oid < BUILTIN_OID_MAX:
        raise DatacaveError(
            f"binary data has array element type {found_oid} ({format_type(found_oid)}) "
            f"instead of expected {element_oid} ({format_type(element_oid)})",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
        )
    at = 12 + 8 * dimensions
    if len(data) < at:
        raise bad_length(data, at)
    bounds = [_DIMENSION.unpack_from(data, 12 + 8 * number) for number in range(dimensions)]
    count = 1 if bounds else 0
    for length, lower in bounds:
        if length < 0 or count * length > ELEMENTS_MAX:
            raise DatacaveError(
                f"array size exceeds the maximum allowed ({ELEMENTS_MAX})", sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED
            )
        if lower + length > 2**31 - 1:
            raise DatacaveError(f"array lower bound is too large: {lower}", sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED)
        count *= length
    elements: list[Any] = []
    for number in range(count):
        if len(data) < at + 4:
            raise bad_length(data, at + 4)
        (length,) = _LENGTH.unpack_from(data, at)
        at += 4
        if length == -1:
            elements.append(None)
            continue
        if length < -1 or at + length > len(data):
            raise _bad_binary("insufficient data left in message")
        try:
            elements.append(receive(data[at : at + length]))
        except DatacaveError as error:
            if error.message == "incorrect binary data format":
                raise _bad_binary(f"improper binary format in array element {number + 1}") from None
            raise
        at += length
    if at != len(data):
        raise bad_length(data, at)
    if not elements:
        return Array(())
    return Array(tuple(elements), tuple([pair[0] for pair in bounds]), tuple([pair[1] for pair in bounds]))


def _bad_binary(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION)


def array_key(element_key: KeyFunction | None) -> KeyFunction:
    """Elements first, NULL after everything; then the number of elements, then the shape."""
    if element_key is None:

        def key(value: Array) -> object:
            elements = value.elements
            if None in elements:
                elements = tuple([GREATEST if element is None else element for element in elements])
            return elements, len(value.lengths), value.lengths, value.lower_bounds

        return key
    of_element = element_key

    def keyed(value: Array) -> object:
        elements = tuple([GREATEST if element is None else of_element(element) for element in value.elements])
        return elements, len(value.lengths), value.lengths, value.lower_bounds

    return keyed


def array_io(element: TypeIO, element_oid: int, delimiter: str = ",", *, quoting: bool = True) -> TypeIO:
    """The input and output of arrays of one element type."""
    read_element, write_element = element.input, element.output
    apply_element = element.apply_typmod

    def read(text: str, typmod: int, settings: FormatSettings) -> Array:
        return parse_array(text, delimiter, lambda part: read_element(part, typmod, settings))

    def write(value: Array, settings: FormatSettings) -> str:
        return format_array(value, delimiter, lambda item: write_element(item, settings), quoting=quoting)

    def receive(data: bytes) -> Array:
        return receive_array(data, element_oid, element.receive)

    def send(value: Array) -> bytes:
        return send_array(value, element_oid, element.send)

    def apply(value: Array, typmod: int, explicit: bool) -> Array:
        assert apply_element is not None
        return value._replace(
            elements=tuple([None if item is None else apply_element(item, typmod, explicit) for item in value.elements])
        )

    def encoder(settings: FormatSettings) -> Encoder:
        return lambda value: write(value, settings).encode()

    def decoder(settings: FormatSettings, typmod: int) -> Decoder:
        return lambda data: read(decode_utf8(data), typmod, settings)

    return TypeIO(
        input=read,
        output=write,
        receive=receive,
        send=send,
        apply_typmod=None if apply_element is None else apply,
        comparison_key=array_key(element.comparison_key),
        comparable=element.comparable,
        text_encoder=encoder,
        text_decoder=decoder,
    )
