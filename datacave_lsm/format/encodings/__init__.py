"""Column encodings: a column of a row group to bytes and back.

`encode_column` chooses the lightest encoding that fits; `open_column` gives an opened segment that decodes on demand.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from datacave_core.compression import ZSTD_LEVEL, Compression
from datacave_core.layout import PhysicalColumn, PhysicalType
from datacave_core.rowbatch import ColumnVector
from datacave_lsm.format.encodings.booleans import encode_booleans, open_booleans
from datacave_lsm.format.encodings.constant import ConstantSegment
from datacave_lsm.format.encodings.floats import encode_floats, open_floats
from datacave_lsm.format.encodings.integers import encode_integers, open_integers
from datacave_lsm.format.encodings.pointsource import PointKind, PointSource
from datacave_lsm.format.encodings.segment import HEAD, ColumnSegment, EncodedColumn, Nulls, validity_bytes
from datacave_lsm.format.encodings.strings import encode_strings, open_strings
from datacave_lsm.format.encodings.vectors import constant_vector, vector_of

__all__ = [
    "ColumnSegment",
    "Compression",
    "EncodedColumn",
    "PointKind",
    "PointSource",
    "compression_of",
    "constant_vector",
    "encode_column",
    "open_column",
    "vector_of",
]

_HEAD_BYTES = HEAD.size
_SOME_NULL, _ALL_NULL = int(Nulls.SOME), int(Nulls.ALL)
_INT64, _FLOAT64, _DECIMAL64, _BOOL = (
    PhysicalType.INT64,
    PhysicalType.FLOAT64,
    PhysicalType.DECIMAL64,
    PhysicalType.BOOL,
)


def encode_column(
    vector: ColumnVector, column: PhysicalColumn, wish: Compression, zstd_level: int = ZSTD_LEVEL
) -> EncodedColumn:
    """The segment payload of a vector; `wish` is the compression to try on text and bytes."""
    column_type = column.type
    if column_type is PhysicalType.TEXT or column_type is PhysicalType.BYTES:
        return encode_strings(cast("list[object]", vector.values), vector.nulls, column_type, wish, zstd_level)
    values = cast("NDArray[np.generic]", vector.values)
    if column_type is PhysicalType.FLOAT64:
        return encode_floats(cast("NDArray[np.float64]", values), vector.nulls)
    if column_type is PhysicalType.BOOL:
        return encode_booleans(cast("NDArray[np.bool_]", values), vector.nulls)
    decimal = column_type is PhysicalType.DECIMAL64
    return encode_integers(cast("NDArray[np.int64]", values), vector.nulls, decimal=decimal)


def compression_of(payload: bytes) -> Compression:
    """How the data of a segment is compressed."""
    return Compression(HEAD.unpack_from(payload)[1])


def open_column(payload: bytes, column: PhysicalColumn) -> ColumnSegment:
    """The opened segment over a verified payload; raises ValueError or struct.error when it makes no sense."""
    encoding, compression, nulls, width, count, data_bytes, entries, base = HEAD.unpack_from(payload)
    column_type = column.type
    body = _HEAD_BYTES
    validity: bytes | None = None
    if nulls:
        if nulls == _ALL_NULL:
            return ConstantSegment(count, None, len(payload), column_type, column.scale, None, None)
        if nulls != _SOME_NULL:
            raise ValueError(f"null kind {nulls} is unknown")
        body += validity_bytes(count)
        validity = payload[_HEAD_BYTES:body]
    if column_type is _INT64:
        return open_integers(payload, encoding, width, count, base, validity, body, None)
    if column_type is _DECIMAL64:
        return open_integers(payload, encoding, width, count, base, validity, body, column.scale)
    if column_type is _FLOAT64:
        return open_floats(payload, encoding, count, base, validity, body)
    if column_type is _BOOL:
        return open_booleans(payload, encoding, count, base, validity, body)
    return open_strings(
        payload, encoding, compression, width, count, data_bytes, entries, base, validity, body, column_type
    )
