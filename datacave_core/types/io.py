"""The door to input and output: which TypeIO belongs to an oid, and ready-made encoders and decoders for the wire.

Types of the catalog (domains, enumerations, row types) have no entry here; the SQL layer makes their TypeIO from the
same parts and calls the functions that take a TypeIO.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from datacave_core.errors import FeatureNotSupported
from datacave_core.types import oids
from datacave_core.types.array import array_io
from datacave_core.types.bit import BIT_IO, VARBIT_IO
from datacave_core.types.boolean import BOOLEAN_IO
from datacave_core.types.bytea import BYTEA_IO
from datacave_core.types.codec import (
    Decoder,
    Encoder,
    InputFunction,
    KeyFunction,
    OutputFunction,
    ReceiveFunction,
    SendFunction,
    TypeIO,
    TypmodFunction,
    decode_utf8,
)
from datacave_core.types.date import DATE_IO
from datacave_core.types.floating import FLOAT4_IO, FLOAT8_IO
from datacave_core.types.geometry_io import BOX_IO, CIRCLE_IO, LINE_IO, PATH_IO, POINT_IO, POLYGON_IO, SEGMENT_IO
from datacave_core.types.integer import CID_IO, INT2_IO, INT4_IO, INT8_IO, OID_IO, XID8_IO, XID_IO
from datacave_core.types.interval import INTERVAL_IO
from datacave_core.types.json import JSON_IO
from datacave_core.types.jsonb import JSONB_IO
from datacave_core.types.jsonpath import JSONPATH_IO
from datacave_core.types.location import LSN_IO, TID_IO
from datacave_core.types.money import MONEY_IO
from datacave_core.types.names import format_type
from datacave_core.types.network import CIDR_IO, INET_IO, MACADDR8_IO, MACADDR_IO
from datacave_core.types.numeric import NUMERIC_IO
from datacave_core.types.pseudo import VOID_IO, pseudo_io
from datacave_core.types.range import STEP_DATE, STEP_INT4, STEP_INT8, multirange_io, range_io
from datacave_core.types.record import RECORD_IO
from datacave_core.types.registered import REGISTERED_IO
from datacave_core.types.registry import RANGES, RANGES_BY_MULTIRANGE, find_type
from datacave_core.types.settings import FormatSettings
from datacave_core.types.snapshot import SNAPSHOT_IO
from datacave_core.types.text import ACLITEM_IO, BPCHAR_IO, CHAR_IO, NAME_IO, OPAQUE_IO, TEXT_IO, VARCHAR_IO
from datacave_core.types.time import TIME_IO, TIME_TZ_IO
from datacave_core.types.timestamp import TIMESTAMP_IO, TIMESTAMPTZ_IO
from datacave_core.types.tsquery import TSQUERY_IO
from datacave_core.types.tsvector import TSVECTOR_IO
from datacave_core.types.uuid import UUID_IO
from datacave_core.types.vector import INT2VECTOR_IO, OIDVECTOR_IO
from datacave_core.values import Value

_SCALARS: Final[dict[int, TypeIO]] = {
    oids.INT2: INT2_IO,
    oids.INT4: INT4_IO,
    oids.INT8: INT8_IO,
    oids.OID: OID_IO,
    oids.XID: XID_IO,
    oids.XID8: XID8_IO,
    oids.CID: CID_IO,
    oids.TEXT: TEXT_IO,
    oids.VARCHAR: VARCHAR_IO,
    oids.BPCHAR: BPCHAR_IO,
    oids.NAME: NAME_IO,
    oids.CHAR: CHAR_IO,
    oids.UNKNOWN: TEXT_IO,
    oids.CSTRING: TEXT_IO,
    oids.REFCURSOR: OPAQUE_IO,
    oids.ACLITEM: ACLITEM_IO,
    oids.PG_NODE_TREE: OPAQUE_IO,
    oids.PG_NDISTINCT: OPAQUE_IO,
    oids.PG_DEPENDENCIES: OPAQUE_IO,
    oids.PG_MCV_LIST: OPAQUE_IO,
    oids.BOOL: BOOLEAN_IO,
    oids.NUMERIC: NUMERIC_IO,
    oids.FLOAT4: FLOAT4_IO,
    oids.FLOAT8: FLOAT8_IO,
    oids.UUID: UUID_IO,
    oids.BYTEA: BYTEA_IO,
    oids.DATE: DATE_IO,
    oids.TIME: TIME_IO,
    oids.TIMETZ: TIME_TZ_IO,
    oids.TIMESTAMP: TIMESTAMP_IO,
    oids.TIMESTAMPTZ: TIMESTAMPTZ_IO,
    oids.INTERVAL: INTERVAL_IO,
    oids.JSON: JSON_IO,
    oids.JSONB: JSONB_IO,
    oids.JSONPATH: JSONPATH_IO,
    oids.BIT: BIT_IO,
    oids.VARBIT: VARBIT_IO,
    oids.INET: INET_IO,
    oids.CIDR: CIDR_IO,
    oids.MACADDR: MACADDR_IO,
    oids.MACADDR8: MACADDR8_IO,
    oids.MONEY: MONEY_IO,
    oids.POINT: POINT_IO,
    oids.LINE: LINE_IO,
    oids.LSEG: SEGMENT_IO,
    oids.BOX: BOX_IO,
    oids.PATH: PATH_IO,
    oids.POLYGON: POLYGON_IO,
    oids.CIRCLE: CIRCLE_IO,
    oids.TSVECTOR: TSVECTOR_IO,
    oids.TSQUERY: TSQUERY_IO,
    oids.TID: TID_IO,
    oids.PG_LSN: LSN_IO,
    oids.PG_SNAPSHOT: SNAPSHOT_IO,
    oids.TXID_SNAPSHOT: SNAPSHOT_IO,
    oids.RECORD: RECORD_IO,
    oids.VOID: VOID_IO,
    oids.REGPROC: REGISTERED_IO,
    oids.REGPROCEDURE: REGISTERED_IO,
    oids.REGOPER: REGISTERED_IO,
    oids.REGOPERATOR: REGISTERED_IO,
    oids.REGCLASS: REGISTERED_IO,
    oids.REGTYPE: REGISTERED_IO,
    oids.REGCONFIG: REGISTERED_IO,
    oids.REGDICTIONARY: REGISTERED_IO,
    oids.REGNAMESPACE: REGISTERED_IO,
    oids.REGROLE: REGISTERED_IO,
    oids.REGCOLLATION: REGISTERED_IO,
    oids.INT2VECTOR: INT2VECTOR_IO,
    oids.OIDVECTOR: OIDVECTOR_IO,
}
_STEPS: Final = {oids.INT4: STEP_INT4, oids.INT8: STEP_INT8, oids.DATE: STEP_DATE}
_NEVER_QUOTED: Final = frozenset(
    {oids.INT2, oids.INT4, oids.INT8, oids.OID, oids.BOOL, oids.NUMERIC, oids.FLOAT4, oids.FLOAT8, oids.UUID}
)


@cache
def type_io(oid: int) -> TypeIO:
    """The TypeIO of a built-in type; raises 0A000 for a type whose values Datacave cannot hold."""
    found = _SCALARS.get(oid)
    if found is not None:
        return found
    facts = find_type(oid)
    if facts is not None and facts.is_array:
        element = find_type(facts.element_oid)
        assert element is not None
        return array_io(type_io(element.oid), element.oid, element.delimiter, quoting=element.oid not in _NEVER_QUOTED)
    if oid in RANGES:
        subtype = RANGES[oid].subtype_oid
        return range_io(type_io(subtype), _STEPS.get(subtype))
    if oid in RANGES_BY_MULTIRANGE:
        subtype = RANGES_BY_MULTIRANGE[oid].subtype_oid
        return multirange_io(type_io(subtype), _STEPS.get(subtype))
    if facts is not None and facts.kind == "p":
        return pseudo_io(format_type(oid))
    raise FeatureNotSupported(f"type {format_type(oid)} is not supported", hint="Store such values as text.")


def input_function(oid: int) -> InputFunction:
    """`input(text, typmod, settings) -> value`."""
    return type_io(oid).input


def output_function(oid: int) -> OutputFunction:
    """`output(value, settings) -> text`."""
    return type_io(oid).output


def receive_function(oid: int) -> ReceiveFunction:
    """`receive(bytes) -> value`, from the binary form."""
    return type_io(oid).receive


def send_function(oid: int) -> SendFunction:
    """`send(value) -> bytes`, the binary form."""
    return type_io(oid).send


def typmod_function(oid: int) -> TypmodFunction | None:
    """`apply_typmod(value, typmod, explicit) -> value`, or None for types without modifiers."""
    return type_io(oid).apply_typmod


def comparison_key(oid: int) -> KeyFunction | None:
    """A function to objects that order and compare as PostgreSQL does; None when the values themselves do.

    Keys are hashable; equal keys have equal hashes, so that they serve grouping and hash joins as well.
    """
    return type_io(oid).comparison_key


hash_key = comparison_key


def is_comparable(oid: int) -> bool:
    """False for types without a default order, such as json."""
    return type_io(oid).comparable


def text_encoder(oid: int, settings: FormatSettings) -> Encoder:
    """Turns values into the bytes of their text form. Make it once per column, not per value."""
    return text_encoder_of(type_io(oid), settings)


def text_encoder_of(io: TypeIO, settings: FormatSettings) -> Encoder:
    """The same for a TypeIO that is at hand."""
    if io.text_encoder is not None:
        return io.text_encoder(settings)
    output = io.output
    return lambda value: output(value, settings).encode()


def text_decoder(oid: int, settings: FormatSettings, typmod: int = -1) -> Decoder:
    """Turns the bytes of a text form into values, with the length coercion of an assignment."""
    return text_decoder_of(type_io(oid), settings, typmod)


def text_decoder_of(io: TypeIO, settings: FormatSettings, typmod: int = -1) -> Decoder:
    """The same for a TypeIO that is at hand."""
    if io.text_decoder is not None:
        return io.text_decoder(settings, typmod)
    read = io.input
    return lambda data: read(decode_utf8(data), typmod, settings)


def binary_encoder(oid: int) -> Encoder:
    """Turns values into their binary form."""
    return type_io(oid).send


def binary_decoder(oid: int, typmod: int = -1) -> Decoder:
    """Turns binary forms into values, with the length coercion of an assignment."""
    return binary_decoder_of(type_io(oid), typmod)


def binary_decoder_of(io: TypeIO, typmod: int = -1) -> Decoder:
    """The same for a TypeIO that is at hand."""
    receive, apply = io.receive, io.apply_typmod
    if typmod < 0 or apply is None:
        return receive

    def decode(data: bytes) -> Value:
        return apply(receive(data), typmod, False)

    return decode
