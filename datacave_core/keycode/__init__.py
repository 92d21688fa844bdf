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
from datacave_core.keycode.generate import make_argument_encoder, make_batch_encoder, make_encoder
from datacave_core.keycode.kinds import KEY_KINDS, key_kind
from datacave_core.keycode.scalars import KeyKind

__all__ = [
    "KEY_KINDS",
    "Bound",
    "KeyCodec",
    "KeyColumn",
    "KeyKind",
    "key_kind",
    "key_successor",
    "make_argument_encoder",
    "make_batch_encoder",
    "make_encoder",
    "prefix_end",
    "split_prefix",
    "table_prefix",
]
