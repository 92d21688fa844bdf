"""Generated key encoders: one Python function per list of key columns.

Encoding a key is on the path of every row. A function written out for its columns packs the prefix and all fixed-width
columns beside it in one call; interpreting the column list for each key costs about five times as much.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from datacave_core.keycode.scalars import (
    INT_BIAS,
    INVERTED,
    UINT64_MAX,
    KeyKind,
    encode_bpchar,
    encode_bytes,
    encode_float_bits,
    encode_interval,
    encode_numeric,
    encode_text,
    encode_timetz,
)


class _KeyColumn(Protocol):
    @property
    def kind(self) -> KeyKind: ...
    @property
    def descending(self) -> bool: ...
    @property
    def nulls_first(self) -> bool: ...
    @property
    def nullable(self) -> bool: ...
    @property
    def encoder(self) -> Callable[[Any], bytes] | None: ...


class _Codec(Protocol):
    @property
    def prefix(self) -> bytes: ...
    @property
    def columns(self) -> Sequence[_KeyColumn]: ...


_NAMES: dict[str, Any] = {
    "INVERTED": INVERTED,
    "encode_bpchar": encode_bpchar,
    "encode_bytes": encode_bytes,
    "encode_float_bits": encode_float_bits,
    "encode_interval": encode_interval,
    "encode_numeric": encode_numeric,
    "encode_text": encode_text,
    "encode_timetz": encode_timetz,
}

_VARIABLE = {
    KeyKind.NUMERIC: "encode_numeric",
    KeyKind.TEXT: "encode_text",
    KeyKind.BPCHAR: "encode_bpchar",
    KeyKind.BYTES: "encode_bytes",
    KeyKind.INTERVAL: "encode_interval",
    KeyKind.TIMETZ: "encode_timetz",
}


def make_encoder(codec: _Codec, positions: Sequence[int] | None = None) -> Callable[[Sequence[Any]], bytes]:
    """A function from a row to its key; `positions` says where in the row the key columns are (default: 0, 1, ...)."""
    return compile_encoder(codec.prefix, codec.columns, "values", positions)


def make_argument_encoder(codec: _Codec) -> Callable[..., bytes]:
    """A function from the key columns as arguments to the key."""
    return compile_encoder(codec.prefix, codec.columns, "arguments", None)


def make_batch_encoder(
    codec: _Codec, positions: Sequence[int] | None = None
) -> Callable[[Iterable[Sequence[Any]]], list[bytes]]:
    """A function from rows to their keys."""
    return compile_encoder(codec.prefix, codec.columns, "rows", positions)


def compile_encoder(
    prefix: bytes, columns: Sequence[_KeyColumn], takes: str, positions: Sequence[int] | None
) -> Callable[..., Any]:
    """The function in one of three shapes: it takes `values` (a row), `arguments` or `rows`.

    It raises struct.error for integers beyond 64 bits.
    """
    if positions is None:
        positions = range(len(columns))
    names = dict(_NAMES)
    names["PREFIX"] = prefix
    if takes == "arguments":
        places = [f"v{i}" for i in range(len(columns))]
        body = _key_expression(prefix, columns, places, names)
        source = f"def encode({', '.join(places)}):\n    return {body}\n"
    else:
        body = _key_expression(prefix, columns, [f"row[{position}]" for position in positions], names)
        if takes == "rows":
            source = f"def encode(rows):\n    return [{body} for row in rows]\n"
        else:
            source = f"def encode(row):\n    return {body}\n"
    # Only names and numbers from the column list enter the source; values are arguments.
    exec(compile(source, "<key encoder>", "exec"), names)
    encode: Callable[..., Any] = names["encode"]
    return encode


def _key_expression(prefix: bytes, columns: Sequence[_KeyColumn], places: list[str], names: dict[str, Any]) -> str:
    """An expression for the key: runs of fixed-width columns are packed together, the rest is concatenated."""
    parts: list[str] = []
    run_format = f"{len(prefix)}s"
    run_values = ["PREFIX"]

    def close_run() -> None:
        nonlocal run_format, run_values
        if run_values == ["PREFIX"]:
            parts.append("PREFIX")
        elif run_values:
            parts.append(f"{_packer(run_format, names)}({', '.join(run_values)})")
        run_format, run_values = "", []

    for column, place in zip(columns, places, strict=True):
        fixed = _fixed(column, place)
        if fixed is not None and not column.nullable:
            run_format += fixed[0]
            run_values.append(fixed[1])
            continue
        close_run()
        if fixed is not None:
            value = f"{_packer('B' + fixed[0], names)}(1, {fixed[1]})"
        else:
            value = f"{_variable(column, names)}({place})"
            if column.descending:
                value += ".translate(INVERTED)"
            if column.nullable:
                value = f"b'\\x01' + {value}"
        if column.nullable:
            null = "b'\\x00'" if column.nulls_first else "b'\\x02'"
            value = f"({null} if {place} is None else {value})"
        parts.append(value)
    close_run()
    return " + ".join(parts)


def _variable(column: _KeyColumn, names: dict[str, Any]) -> str:
    """The name of the function that encodes a column of variable width."""
    if column.kind is not KeyKind.COMPOSED:
        return _VARIABLE[column.kind]
    if column.encoder is None:
        raise ValueError("a column of a composed type needs its encoder")
    name = f"encode_composed_{len(names)}"
    names[name] = column.encoder
    return name


def _fixed(column: _KeyColumn, place: str) -> tuple[str, str] | None:
    """Format character and value expression of a column of fixed width; None for the others."""
    kind = column.kind
    descending = column.descending
    if kind is KeyKind.INT:
        return "Q", f"{INT_BIAS - 1} - {place}" if descending else f"{place} + {INT_BIAS}"
    if kind is KeyKind.FLOAT:
        bits = f"encode_float_bits({place})"
        return "Q", f"{UINT64_MAX} - {bits}" if descending else bits
    if kind is KeyKind.BOOL:
        return "B", f"254 + (not {place})" if descending else f"0 + {place}"
    if kind is KeyKind.UUID:
        return "16s", f"{place}.translate(INVERTED)" if descending else place
    return None


def _packer(run_format: str, names: dict[str, Any]) -> str:
    name = f"pack_{run_format}"
    names[name] = struct.Struct(">" + run_format).pack
    return name
