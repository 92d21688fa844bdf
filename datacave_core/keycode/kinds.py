"""Which kind of key a built-in type makes."""

from __future__ import annotations

from typing import Final

from datacave_core.keycode.scalars import KeyKind
from datacave_core.types import oids

KEY_KINDS: Final[dict[int, KeyKind]] = {
    **dict.fromkeys((oids.INT2, oids.INT4, oids.INT8, oids.OID, oids.MONEY), KeyKind.INT),
    **dict.fromkeys((oids.DATE, oids.TIME, oids.TIMESTAMP, oids.TIMESTAMPTZ), KeyKind.INT),
    **dict.fromkeys((oids.FLOAT4, oids.FLOAT8), KeyKind.FLOAT),
    **dict.fromkeys((oids.TEXT, oids.VARCHAR, oids.NAME, oids.CHAR), KeyKind.TEXT),
    oids.NUMERIC: KeyKind.NUMERIC,
    oids.BOOL: KeyKind.BOOL,
    oids.BPCHAR: KeyKind.BPCHAR,
    oids.BYTEA: KeyKind.BYTES,
    oids.UUID: KeyKind.UUID,
    oids.INTERVAL: KeyKind.INTERVAL,
    oids.TIMETZ: KeyKind.TIMETZ,
}
"""Built-in types that have keys. Domains have those of their base type; other types have none yet."""


def key_kind(type_oid: int) -> KeyKind | None:
    """The kind of key of a type's values; None if the type cannot be part of a key."""
    return KEY_KINDS.get(type_oid)
