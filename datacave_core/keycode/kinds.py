"""Which kind of key a built-in type makes."""

from __future__ import annotations

from typing import Final

from datacave_core.keycode.composed import (
    ValueEncoder,
    encode_citext,
    encode_hstore,
    encode_inet,
    encode_jsonb,
    encode_tid,
    encode_unsigned,
)
from datacave_core.keycode.scalars import KeyKind
from datacave_core.types import oids

KEY_KINDS: Final[dict[int, KeyKind]] = {
    **dict.fromkeys((oids.INT2, oids.INT4, oids.INT8, oids.OID, oids.XID, oids.CID, oids.MONEY), KeyKind.INT),
    **dict.fromkeys((oids.DATE, oids.TIME, oids.TIMESTAMP, oids.TIMESTAMPTZ), KeyKind.INT),
    **dict.fromkeys(
        (oids.REGPROC, oids.REGPROCEDURE, oids.REGOPER, oids.REGOPERATOR, oids.REGCLASS, oids.REGTYPE), KeyKind.INT
    ),
    **dict.fromkeys(
        (oids.REGCONFIG, oids.REGDICTIONARY, oids.REGNAMESPACE, oids.REGROLE, oids.REGCOLLATION), KeyKind.INT
    ),
    **dict.fromkeys((oids.FLOAT4, oids.FLOAT8), KeyKind.FLOAT),
    **dict.fromkeys((oids.TEXT, oids.VARCHAR, oids.NAME, oids.CHAR, oids.BIT, oids.VARBIT), KeyKind.TEXT),
    oids.NUMERIC: KeyKind.NUMERIC,
    oids.BOOL: KeyKind.BOOL,
    oids.BPCHAR: KeyKind.BPCHAR,
    **dict.fromkeys((oids.BYTEA, oids.MACADDR, oids.MACADDR8), KeyKind.BYTES),
    oids.UUID: KeyKind.UUID,
    oids.INTERVAL: KeyKind.INTERVAL,
    oids.TIMETZ: KeyKind.TIMETZ,
}
"""Built-in types whose keys generated code writes. Domains have those of their base type."""

COMPOSED_ENCODERS: Final[dict[int, ValueEncoder]] = {
    oids.JSONB: encode_jsonb,
    **dict.fromkeys((oids.INET, oids.CIDR), encode_inet),
    **dict.fromkeys((oids.PG_LSN, oids.XID8), encode_unsigned),
    oids.TID: encode_tid,
}
"""Built-in types whose keys a function writes. Arrays, ranges and rows are composed by the SQL layer."""


EXTENSION_ENCODERS: Final[dict[str, ValueEncoder]] = {"citext": encode_citext, "hstore": encode_hstore}
"""The same for the types that extensions bring, by the name that the catalog keeps of how they are read."""


def key_kind(type_oid: int) -> KeyKind | None:
    """The kind of key of a type's values; None if the type cannot be part of a key by itself."""
    return KeyKind.COMPOSED if type_oid in COMPOSED_ENCODERS else KEY_KINDS.get(type_oid)
