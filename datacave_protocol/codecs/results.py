"""Result codecs: the row encoder for the types, formats and settings of a result.

Ask once per plan and settings, not once per execution: the look-up hashes all of them.
Not here: the generated loop over the rows (`writer.py`), the text and binary forms of types (`datacave_core.types`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from datacave_core.types import FormatSettings, TypeIO, find_type, oids
from datacave_core.types.io import text_encoder_of, type_io
from datacave_protocol.codecs.formats import TEXT, result_formats
from datacave_protocol.writer import ColumnEncoder, Inline, RowsEncoder, data_row_encoder

_TEXT_KINDS: Final[dict[int, Inline]] = {
    **dict.fromkeys((oids.INT2, oids.INT4, oids.INT8, oids.OID, oids.XID, oids.XID8, oids.CID), Inline.INT_TEXT),
    **dict.fromkeys((oids.TEXT, oids.VARCHAR, oids.BPCHAR, oids.NAME, oids.JSON, oids.JSONB), Inline.STR),
    **dict.fromkeys((oids.UNKNOWN, oids.CSTRING), Inline.STR),
    oids.BOOL: Inline.BOOL_TEXT,
}
_BINARY_KINDS: Final[dict[int, Inline]] = {
    **dict.fromkeys((oids.TEXT, oids.VARCHAR, oids.BPCHAR, oids.NAME, oids.JSON), Inline.STR),
    **dict.fromkeys((oids.UNKNOWN, oids.CSTRING), Inline.STR),
    **dict.fromkeys((oids.OID, oids.XID, oids.CID), Inline.OID),
    **dict.fromkeys((oids.BYTEA, oids.UUID), Inline.BYTES),
    oids.INT2: Inline.INT2,
    oids.INT4: Inline.INT4,
    oids.INT8: Inline.INT8,
    oids.FLOAT4: Inline.FLOAT4,
    oids.FLOAT8: Inline.FLOAT8,
    oids.BOOL: Inline.BOOL,
}


_REGISTERED_SCALARS: Final = (
    oids.REGPROC, oids.REGPROCEDURE, oids.REGOPER, oids.REGOPERATOR, oids.REGCLASS, oids.REGTYPE, oids.REGCONFIG,
    oids.REGDICTIONARY, oids.REGNAMESPACE, oids.REGROLE, oids.REGCOLLATION,
)  # fmt: skip
_REGISTERED: Final = frozenset(
    (*_REGISTERED_SCALARS, *(facts.array_oid for oid in _REGISTERED_SCALARS if (facts := find_type(oid)) is not None))
)
"""Types whose text form is a name in the catalog."""


def result_encoder(
    type_oids: tuple[int, ...],
    formats: tuple[int, ...],
    settings: FormatSettings,
    find_io: Callable[[int], TypeIO] = type_io,
) -> RowsEncoder:
    """Rows of these types as DataRow messages; `formats` as Bind gives them.

    `find_io` knows the types of the catalog (domains, enumerations, row types) as well as the built-in ones, and the
    names that values of the reg* types stand for.
    Raises 08P01 and 22023 for bad formats, 0A000 for types without an output.
    """
    if _REGISTERED.isdisjoint(type_oids) and all(find_type(oid) is not None for oid in type_oids):
        return _known_encoder(type_oids, formats, settings)
    return _new_encoder(type_oids, formats, settings, find_io)


def column_encoder(
    type_oid: int, wire_format: int, settings: FormatSettings, find_io: Callable[[int], TypeIO] = type_io
) -> ColumnEncoder:
    """How one column of a result is encoded."""
    kind = (_TEXT_KINDS if wire_format == TEXT else _BINARY_KINDS).get(type_oid)
    if kind is not None:
        return kind
    io = find_io(type_oid)
    return text_encoder_of(io, settings) if wire_format == TEXT else io.send


@lru_cache(maxsize=1024)
def _known_encoder(type_oids: tuple[int, ...], formats: tuple[int, ...], settings: FormatSettings) -> RowsEncoder:
    return _new_encoder(type_oids, formats, settings, type_io)


def _new_encoder(
    type_oids: tuple[int, ...],
    formats: tuple[int, ...],
    settings: FormatSettings,
    find_io: Callable[[int], TypeIO],
) -> RowsEncoder:
    codes = result_formats(formats, len(type_oids))
    return data_row_encoder(
        [column_encoder(oid, code, settings, find_io) for oid, code in zip(type_oids, codes, strict=True)]
    )
