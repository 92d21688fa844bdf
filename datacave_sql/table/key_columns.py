"""Key columns: how values of any type with an order lie in a key, composed types out of what they are made of."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.keycode import (
    COMPOSED_ENCODERS,
    EXTENSION_ENCODERS,
    KEY_KINDS,
    SCALAR_ENCODERS,
    KeyColumn,
    KeyKind,
    ValueEncoder,
    array_encoder,
    multirange_encoder,
    range_encoder,
    row_encoder,
)
from datacave_sql.functions.typelookup import TypeLookup


def key_column(
    types: TypeLookup, type_oid: int, descending: bool = False, nulls_first: bool = False, nullable: bool = False
) -> KeyColumn | None:
    """The column of a key for values of a type, domains by their base type; None for types that have no keys."""
    kind = _plain_kind(types, type_oid)
    if kind is not None:
        return KeyColumn(kind, descending, nulls_first, nullable)
    encoder = value_encoder(types, type_oid)
    return None if encoder is None else KeyColumn(KeyKind.COMPOSED, descending, nulls_first, nullable, encoder)


def value_encoder(types: TypeLookup, type_oid: int) -> ValueEncoder | None:
    """The function that encodes one value of a type; None for types that have no keys."""
    kind = _plain_kind(types, type_oid)
    if kind is not None:
        return SCALAR_ENCODERS[kind]
    base = types.base(type_oid)
    composed = COMPOSED_ENCODERS.get(base)
    if composed is not None:
        return composed
    if reads := types.reads(base):
        return EXTENSION_ENCODERS[reads]
    spanned = types.range_type(base)
    if spanned is not None:
        bound = value_encoder(types, spanned.subtype_oid)
        if bound is None:
            return None
        return range_encoder(bound) if spanned.range_oid == base else multirange_encoder(bound)
    if element := types.element(base):
        encoder = value_encoder(types, element)
        return None if encoder is None else array_encoder(encoder)
    found = [value_encoder(types, attribute.type) for attribute in types.attributes(base)]
    members = [encoder for encoder in found if encoder is not None]
    return row_encoder(members) if members and len(members) == len(found) else None


def keeps_order(types: TypeLookup, type_oid: int) -> bool:
    """Whether keys of a type stand in the order of its values: enums are ordered by label, hstore by pair."""
    base = types.base(type_oid)
    parts = [attribute.type for attribute in types.attributes(base)]
    spanned = types.range_type(base)
    parts += [spanned.subtype_oid] if spanned is not None else [types.element(base)] if types.element(base) else []
    return types.kind(base) != "e" and types.reads(base) != "hstore" and all(keeps_order(types, part) for part in parts)


def no_operator_class(type_name: str, method: str) -> DatacaveError:
    """42704 of a type that an access method can do nothing with."""
    return DatacaveError(
        f'data type {type_name} has no default operator class for access method "{method}"',
        sqlstate=sqlstate.UNDEFINED_OBJECT,
        hint="You must specify an operator class for the index or define a default operator class for the data type.",
    )


def _plain_kind(types: TypeLookup, type_oid: int) -> KeyKind | None:
    base = types.base(type_oid) if types.find(type_oid) is not None else type_oid
    return KEY_KINDS.get(base) or (KeyKind.TEXT if types.kind(base) == "e" else None)
