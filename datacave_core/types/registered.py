"""The reg* types: an oid that is printed as the name of the object it belongs to.

Names live in the catalog, which this package does not see: here such values are numbers, `-` for 0, and names are
refused. The SQL layer puts names in their place, both ways.
"""

from __future__ import annotations

from typing import Final

from datacave_core.errors import FeatureNotSupported
from datacave_core.types.codec import TypeIO
from datacave_core.types.integer import OID_IO
from datacave_core.types.settings import FormatSettings


def _input(text: str, typmod: int, settings: FormatSettings) -> int:
    if text == "-":
        return 0
    if text.isascii() and text.isdigit():
        return int(OID_IO.input(text, typmod, settings))
    raise FeatureNotSupported(f'"{text}" cannot be looked up here', hint="Give the object's oid.")


def _output(value: int, settings: FormatSettings) -> str:
    return str(value) if value else "-"


REGISTERED_IO: Final = TypeIO(_input, _output, OID_IO.receive, OID_IO.send)
