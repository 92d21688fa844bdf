"""Rendering: any value as text, by type, including records, domains and enums that core's I/O does not know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from datacave_core.types import FormatSettings, oids
from datacave_core.types.array import format_array
from datacave_core.types.io import type_io
from datacave_core.values import Value
from datacave_sql.functions.typelookup import TypeLookup

_NEEDS_QUOTES = re.compile(r'[",()\\ \t\n\r\v\f]')


def output_text(
    value: Value, type_oid: int, columns: Sequence[int], types: TypeLookup, settings: FormatSettings
) -> str | None:
    """The text form of a value; None for NULL. `columns` are the types of an anonymous record's fields."""
    if value is None:
        return None
    if type_oid == oids.VOID:
        return ""
    type_oid = types.base(type_oid)
    kind = types.kind(type_oid)
    if kind == "c" or type_oid == oids.RECORD:
        fields = [attribute.type for attribute in types.attributes(type_oid)] or list(columns)
        return record_text(value, fields, types, settings)
    if kind == "e":
        return str(value)
    element = types.element(type_oid)
    if element and types.kind(types.base(element)) in "ce":
        return format_array(value, ",", lambda item: str(output_text(item, element, (), types, settings)))
    return type_io(type_oid).output(value, settings)


def record_text(value: tuple[Any, ...], fields: Sequence[int], types: TypeLookup, settings: FormatSettings) -> str:
    """`(1,"a b",)`: the fields of a row between parentheses, NULL as nothing."""
    parts = []
    for item, oid in zip(value, fields, strict=True):
        text = output_text(item, oid, (), types, settings)
        if text is None:
            parts.append("")
        elif not text or _NEEDS_QUOTES.search(text):
            parts.append('"' + text.replace("\\", "\\\\").replace('"', '""') + '"')
        else:
            parts.append(text)
    return f"({','.join(parts)})"
