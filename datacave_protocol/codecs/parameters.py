"""Parameter codecs: the values of Bind from their text or binary form.

Ask for a decoder once per prepared statement, formats and settings, not once per execution. Nothing is kept here,
because settings that compare equal may still differ in what 'now' means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any, TypeAlias

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import FormatSettings, TypeIO
from datacave_core.types.io import text_decoder_of, type_io
from datacave_core.values import Row, Value
from datacave_protocol.codecs.formats import TEXT, parameter_formats

ParameterDecoder: TypeAlias = Callable[[Sequence[bytes | None]], Row]
"""Parameters in wire form to values; the number must be right. Raises what the types' input functions raise."""


def check_parameter_count(supplied: int, required: int, statement: str) -> None:
    """Raises 08P01 when Bind does not bring what the prepared statement needs."""
    if supplied != required:
        raise DatacaveError(
            f'bind message supplies {supplied} parameters, but prepared statement "{statement}" requires {required}',
            sqlstate=sqlstate.PROTOCOL_VIOLATION,
        )


def parameter_decoder(
    type_oids: tuple[int, ...],
    formats: tuple[int, ...],
    settings: FormatSettings,
    find_io: Callable[[int], TypeIO] = type_io,
) -> ParameterDecoder:
    """A decoder for parameters of these types; `formats` as Bind gives them.

    Raises 08P01 and 22023 for bad formats, 0A000 for types without an input.
    """
    codes = parameter_formats(formats, len(type_oids))
    names: dict[str, Any] = {}
    for number, (oid, code) in enumerate(zip(type_oids, codes, strict=True)):
        io = find_io(oid)
        names[f"decode{number}"] = (
            text_decoder_of(io, settings, -1) if code == TEXT else _binary_decoder(io.receive, number + 1)
        )
    exec(_compiled(len(type_oids)), names)
    decoder: ParameterDecoder = names["decode_parameters"]
    return decoder


@lru_cache(maxsize=256)
def _compiled(count: int) -> CodeType:
    """One call per parameter that is not NULL; parameter n is p<n>."""
    lines = ["def decode_parameters(parameters):"]
    if count:
        lines.append(f"    {''.join(f'p{number}, ' for number in range(count))}= parameters")
    values = "".join(f"None if p{number} is None else decode{number}(p{number}), " for number in range(count))
    lines.append(f"    return ({values})")
    return compile("\n".join(lines) + "\n", "<parameter decoder>", "exec")


def _binary_decoder(receive: Callable[[bytes], Value], number: int) -> Callable[[bytes], Value]:
    """PostgreSQL names the parameter when bytes are left over."""

    def decode(data: bytes) -> Value:
        try:
            return receive(data)
        except DatacaveError as error:
            if error.sqlstate == sqlstate.INVALID_BINARY_REPRESENTATION and error.message.endswith("data format"):
                error.message = f"{error.message} in bind parameter {number}"
            raise

    return decode
