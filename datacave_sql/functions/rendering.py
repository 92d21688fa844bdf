"""Rendering: any value as text, by type, including records, domains and enums that core's I/O does not know."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core.types import FormatSettings, find_type, oids
from datacave_core.types.io import type_io
from datacave_core.types.record import Record, format_record
from datacave_core.values import Value
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.registered import REGISTERED, registered_text
from datacave_sql.functions.typelookup import TypeLookup


def output_text(
    value: Value,
    type_oid: int,
    columns: Sequence[int],
    types: TypeLookup,
    settings: FormatSettings,
    context: EvaluationContext | None = None,
) -> str | None:
    """The text form of a value; None for NULL. `columns` are the types of an anonymous record's fields.

    With a context the reg* types are written as names; without one only types are.
    """
    if value is None:
        return None
    if type_oid == oids.VOID:
        return ""
    if type_oid == oids.RECORD and not isinstance(value, Record):
        texts = [output_text(item, oid, (), types, settings) for item, oid in zip(value, columns, strict=True)]
        return format_record(texts)
    if context is not None and type_oid in REGISTERED:
        return registered_text(type_oid, value, context)
    if type_oid == oids.REGTYPE and value:
        return types.name(value) if types.find(value) is not None else str(value)
    if find_type(type_oid) is not None:
        return type_io(type_oid).output(value, settings)
    return types.io(type_oid).output(value, settings)
