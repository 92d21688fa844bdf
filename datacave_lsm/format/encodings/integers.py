"""Integers: INT64 and DECIMAL64 as a constant, as offsets of 1, 2 or 4 bytes from their minimum, or as they are."""

from __future__ import annotations

import struct
from decimal import Context, Decimal
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import PhysicalType
from datacave_core.rowbatch import ColumnVector
from datacave_lsm.format.encodings.constant import ConstantSegment, encode_all_null
from datacave_lsm.format.encodings.pointsource import PointKind, PointSource
from datacave_lsm.format.encodings.segment import (
    CONSTANT,
    FRAME,
    HEAD,
    PLAIN,
    UNSIGNED,
    ColumnSegment,
    EncodedColumn,
    Encoding,
    Nulls,
    pack_validity,
)

DECIMAL_NAN = -(2**63)
"""The scaled integer that stands for NaN in a DECIMAL64 column."""

_CONTEXT = Context(prec=40)
_INT64 = np.dtype("<i8")
_ITEMS = {**UNSIGNED, 8: struct.Struct("<q")}


def encode_integers(values: NDArray[np.int64], nulls: NDArray[np.bool_] | None, *, decimal: bool) -> EncodedColumn:
    """Encodes int64 values; the sentinel of a decimal NaN leaves the bounds unknown."""
    count = len(values)
    null_count = 0
    present = values
    if nulls is not None:
        null_count = int(np.count_nonzero(nulls))
        present = values[~nulls]
    if not len(present):
        return EncodedColumn(encode_all_null(count), None, None, null_count)
    low, high = int(present.min()), int(present.max())
    has_nulls = Nulls.SOME if null_count else Nulls.NONE
    validity = pack_validity(nulls) if null_count else b""
    span = high - low
    if span == 0:
        payload = HEAD.pack(Encoding.CONSTANT, 0, has_nulls, 0, count, 0, 0, low) + validity
    else:
        if nulls is not None:
            values = np.where(nulls, low, values)
        width = 1 if span < 1 << 8 else 2 if span < 1 << 16 else 4 if span < 1 << 32 else 8
        if width == 8:
            head = HEAD.pack(Encoding.PLAIN, 0, has_nulls, 8, count, 0, 0, 0)
            body = values.astype(_INT64, copy=False).tobytes()
        else:
            head = HEAD.pack(Encoding.FRAME, 0, has_nulls, width, count, 0, 0, low)
            body = _narrow(values - low, width)
        payload = head + validity + body
    if decimal and low == DECIMAL_NAN:
        return EncodedColumn(payload, None, None, null_count)
    return EncodedColumn(payload, low, high, null_count)


def _narrow(values: NDArray[np.int64], width: int) -> bytes:
    if width == 1:
        return values.astype(np.uint8).tobytes()
    if width == 2:
        return values.astype("<u2").tobytes()
    return values.astype("<u4").tobytes()


def decimal_of(scaled: int, scale: int) -> Decimal:
    """The Decimal of a scaled integer, with exactly `scale` decimal places."""
    if scaled == DECIMAL_NAN:
        return Decimal("NaN")
    return _CONTEXT.scaleb(Decimal(scaled), -scale)


def scaled_of(value: Decimal | int, scale: int) -> int:
    """The scaled integer of a Decimal; raises ValueError when it does not fit the scale or 18 digits."""
    value = Decimal(value)
    if value.is_nan():
        return DECIMAL_NAN
    if not value.is_finite():
        raise ValueError(f"{value} does not fit a DECIMAL64 column")
    shifted = _CONTEXT.scaleb(value, scale)
    scaled = int(shifted)
    if scaled != shifted or not -(10**18) < scaled < 10**18:
        raise ValueError(f"{value} does not fit a DECIMAL64 column of scale {scale}")
    return scaled


def scaled_many(values: list[Any], scale: int) -> list[int]:
    """`scaled_of` for many values at once (`values` has no None)."""
    try:
        shifted = list(map(_CONTEXT.multiply, values, repeat(Decimal(10**scale))))
        scaled = list(map(Decimal.__int__, shifted))
    except (ValueError, OverflowError, ArithmeticError):
        return [scaled_of(value, scale) for value in values]
    if scaled and (scaled != shifted or max(scaled) >= 10**18 or min(scaled) <= -(10**18)):
        return [scaled_of(value, scale) for value in values]
    return scaled


def open_integers(
    payload: bytes,
    encoding: int,
    width: int,
    count: int,
    base: int,
    validity: bytes | None,
    body: int,
    scale: int | None,
) -> ColumnSegment:
    """The segment over a payload whose body starts at `body`; `scale` is None for INT64."""
    if encoding in (FRAME, PLAIN):
        if scale is None:
            return IntegerSegment(payload, width, count, base, validity, body)
        return DecimalSegment(payload, width, count, base, validity, body, scale)
    if encoding != CONSTANT:
        raise ValueError(f"encoding {encoding} of an integer column")
    if scale is None:
        return ConstantSegment(count, validity, len(payload), PhysicalType.INT64, 0, base, base)
    return ConstantSegment(count, validity, len(payload), PhysicalType.DECIMAL64, scale, base, decimal_of(base, scale))


class IntegerSegment(ColumnSegment):
    """INT64 as items of `width` bytes above `base` (width 8: signed, base 0)."""

    __slots__ = ("_base", "_body", "_payload", "_unpack", "_width")

    def __init__(self, payload: bytes, width: int, count: int, base: int, validity: bytes | None, body: int) -> None:
        if len(payload) - body != count * width:
            raise ValueError(f"{len(payload) - body} bytes for {count} rows")
        self.count = count
        self.cost_bytes = len(payload)
        self._validity = validity
        self._payload = payload
        self._width = width
        self._base = base
        self._body = body
        self._unpack = _ITEMS[width].unpack_from

    def vector(self, start: int = 0, stop: int | None = None) -> ColumnVector:
        stop = self.count if stop is None else stop
        return ColumnVector(self.integers(start, stop), self.nulls(start, stop))

    def integers(self, start: int, stop: int) -> NDArray[np.int64]:
        """The stored integers of rows start .. stop; NULL rows hold some value of the column."""
        width = self._width
        offset = self._body + start * width
        if start >= stop:
            return np.zeros(0, np.int64)
        if width == 8:
            return np.frombuffer(self._payload, np.int64, stop - start, offset)
        wide = np.frombuffer(self._payload, f"<u{width}", stop - start, offset).astype(np.int64)
        if self._base:
            wide += self._base
        return wide

    def point_source(self) -> PointSource:
        return PointSource(
            PointKind.INTEGERS, self._payload, self._body, self._width, self._base, validity=self._validity
        )

    def _stored_at(self, position: int) -> Any:
        return self._base + self._unpack(self._payload, self._body + position * self._width)[0]

    def _stored(self, start: int, stop: int) -> list[Any]:
        values: list[Any] = self.integers(start, stop).tolist()
        return values


class DecimalSegment(IntegerSegment):
    """DECIMAL64: scaled integers that leave as Decimals with exactly `scale` decimal places."""

    __slots__ = ("_scale", "_unit")

    def __init__(
        self, payload: bytes, width: int, count: int, base: int, validity: bytes | None, body: int, scale: int
    ) -> None:
        super().__init__(payload, width, count, base, validity, body)
        self._scale = scale
        self._unit = Decimal((0, (1,), -scale))  # a product with an integer has exactly `scale` decimal places

    def vector(self, start: int = 0, stop: int | None = None) -> ColumnVector:
        stop = self.count if stop is None else stop
        return ColumnVector(self.integers(start, stop), self.nulls(start, stop), self._scale)

    def point_source(self) -> PointSource:
        return PointSource(PointKind.CALL)

    def _stored_at(self, position: int) -> Any:
        scaled = self._base + self._unpack(self._payload, self._body + position * self._width)[0]
        return decimal_of(scaled, self._scale) if scaled == DECIMAL_NAN else _CONTEXT.multiply(scaled, self._unit)

    def _stored(self, start: int, stop: int) -> list[Any]:
        scaled = self.integers(start, stop).tolist()
        values = list(map(_CONTEXT.multiply, scaled, repeat(self._unit)))
        if DECIMAL_NAN in scaled:
            return [decimal_of(item, self._scale) for item in scaled]
        return values
