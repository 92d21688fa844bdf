"""SQL types: facts about the built-in ones, and how their values are read, written and compared."""

from __future__ import annotations

from datacave_core.types.codec import TypeIO
from datacave_core.types.io import (
    binary_decoder,
    binary_encoder,
    comparison_key,
    hash_key,
    input_function,
    is_comparable,
    output_function,
    receive_function,
    send_function,
    text_decoder,
    text_encoder,
    type_io,
    typmod_function,
)
from datacave_core.types.names import format_type
from datacave_core.types.registry import BUILTIN_TYPES, find_type, type_by_name, type_by_oid
from datacave_core.types.settings import DEFAULT_SETTINGS, FormatSettings
from datacave_core.types.sqltype import SqlType

__all__ = [
    "BUILTIN_TYPES",
    "DEFAULT_SETTINGS",
    "FormatSettings",
    "SqlType",
    "TypeIO",
    "binary_decoder",
    "binary_encoder",
    "comparison_key",
    "find_type",
    "format_type",
    "hash_key",
    "input_function",
    "is_comparable",
    "output_function",
    "receive_function",
    "send_function",
    "text_decoder",
    "text_encoder",
    "type_by_name",
    "type_by_oid",
    "type_io",
    "typmod_function",
]
