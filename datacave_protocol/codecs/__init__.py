"""Codecs: from types and wire formats to the functions that turn values into messages and messages into values."""

from datacave_protocol.codecs.formats import BINARY, TEXT, parameter_formats, result_formats
from datacave_protocol.codecs.parameters import ParameterDecoder, check_parameter_count, parameter_decoder
from datacave_protocol.codecs.results import column_encoder, result_encoder

__all__ = [
    "BINARY",
    "TEXT",
    "ParameterDecoder",
    "check_parameter_count",
    "column_encoder",
    "parameter_decoder",
    "parameter_formats",
    "result_encoder",
    "result_formats",
]
