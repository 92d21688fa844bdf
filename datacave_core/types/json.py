"""json: the text as it was given, once it has been found to be JSON. There is no order and no equality."""

from __future__ import annotations

import json
from typing import Any, Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import Decoder, Encoder, TypeIO, decode_utf8
from datacave_core.types.json_check import JsonChecker
from datacave_core.types.settings import FormatSettings


def _refuse(word: str) -> Any:
    raise ValueError(word)  # NaN and Infinity, which Python's reader would take


def _keep(number: str) -> str:
    return number


_READER: Final = json.JSONDecoder(parse_constant=_refuse, parse_int=_keep, parse_float=_keep)


def too_deep() -> DatacaveError:
    """54001, for a nesting that would exhaust the stack."""
    return DatacaveError(
        "stack depth limit exceeded",
        sqlstate=sqlstate.STATEMENT_TOO_COMPLEX,
        hint='Increase the configuration parameter "max_stack_depth" (currently 2048kB), after ensuring the '
        "platform's stack depth limit is adequate.",
    )


def check_json(text: str) -> str:
    """Returns the text; raises 22P02 with detail and context when it is not JSON."""
    try:
        _READER.decode(text)
    except ValueError:
        JsonChecker(text, unescape=False).check()
    except RecursionError:
        JsonChecker(text, unescape=False).check()
    return text


def _input(text: str, typmod: int, settings: FormatSettings) -> str:
    return check_json(text)


def _output(value: str, settings: FormatSettings) -> str:
    return value


def _receive(data: bytes) -> str:
    return check_json(decode_utf8(data))


def _send(value: str) -> bytes:
    return value.encode()


def _encoder(settings: FormatSettings) -> Encoder:
    return str.encode


def _decoder(settings: FormatSettings, typmod: int) -> Decoder:
    return _receive


JSON_IO: Final = TypeIO(
    _input, _output, _receive, _send, comparable=False, text_encoder=_encoder, text_decoder=_decoder
)
