"""Keycode: SQL values as bytes whose order is PostgreSQL's order."""

from datacave_core.keycode.codec import (
    Bound,
    KeyCodec,
    KeyColumn,
    key_successor,
    prefix_end,
    split_prefix,
    table_prefix,
)
from datacave_core.keycode.composed import (
    SCALAR_ENCODERS,
    ValueEncoder,
    array_encoder,
    multirange_encoder,
    range_encoder,
    row_encoder,
)
from datacave_core.keycode.decode import decoder_lines
from datacave_core.keycode.generate import make_argument_encoder, make_batch_encoder, make_encoder
from datacave_core.keycode.kinds import COMPOSED_ENCODERS, EXTENSION_ENCODERS, KEY_KINDS, key_kind
from datacave_core.keycode.scalars import KeyKind

__all__ = [
    "COMPOSED_ENCODERS",
    "EXTENSION_ENCODERS",
    "KEY_KINDS",
    "SCALAR_ENCODERS",
    "Bound",
    "KeyCodec",
    "KeyColumn",
    "KeyKind",
    "ValueEncoder",
    "array_encoder",
    "decoder_lines",
    "key_kind",
    "key_successor",
    "make_argument_encoder",
    "make_batch_encoder",
    "make_encoder",
    "multirange_encoder",
    "prefix_end",
    "range_encoder",
    "row_encoder",
    "split_prefix",
    "table_prefix",
]
