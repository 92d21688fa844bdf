"""TypeIO of the catalog's own types: enums; domains, composites and arrays are put together from their parts.

The value of an enum is its label. Enums compare in the order of their labels, which the labels' texts do not tell.
"""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.catalog import TypeDefinition
from datacave_core.errors import DatacaveError
from datacave_core.types import FormatSettings, TypeIO
from datacave_core.types.codec import Encoder, decode_utf8
from datacave_core.values import Value


def unsafe_label(name: str, label: str) -> DatacaveError:
    """55P04 for a label that is not committed."""
    return DatacaveError(
        f'unsafe use of new value "{label}" of enum type {name}',
        sqlstate=sqlstate.UNSAFE_NEW_ENUM_VALUE_USAGE,
        hint="New enum values must be committed before they can be used.",
    )


def enum_io(definition: TypeDefinition, new: frozenset[str] = frozenset()) -> TypeIO:
    """How the labels of an enum are read, written and compared; those of `new` cannot be used yet."""
    order = {label.label: label.sort_order for label in definition.labels}

    def read(text: str, typmod: int, settings: FormatSettings) -> Value:
        if text not in order:
            raise DatacaveError(
                f'invalid input value for enum {definition.name}: "{text}"',
                sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION,
            )
        if text in new:
            raise unsafe_label(definition.name, text)
        return text

    def write(value: Value, settings: FormatSettings) -> str:
        return str(value)

    def receive(data: bytes) -> Value:
        return read(decode_utf8(data), -1, _NO_SETTINGS)

    def send(value: Value) -> bytes:
        return str(value).encode()

    def encoder(settings: FormatSettings) -> Encoder:
        return send

    return TypeIO(read, write, receive, send, comparison_key=order.__getitem__, text_encoder=encoder)


_NO_SETTINGS = FormatSettings()
