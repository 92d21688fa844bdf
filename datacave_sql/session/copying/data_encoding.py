"""The encoding of COPY data: ENCODING, else client_encoding; inside everything is UTF-8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.encodings import UTF8_CODEC, PieceReader, codec_of, encoding_named, write_text
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.wait import Wait
from datacave_sql.bind.statements import CopyOptions

Piece = tuple[list[bytes], int] | Wait


def data_encoding(session: Any, options: CopyOptions) -> str | None:
    """The encoding of a COPY's data; None for UTF-8. Raises 22023, 0A000 for binary data in other encodings."""
    name = options.encoding or session.settings.value("client_encoding")
    found = encoding_named(name)
    if found is None:
        raise DatacaveError(
            'argument to option "encoding" must be a valid encoding name', sqlstate=sqlstate.INVALID_PARAMETER_VALUE
        )
    if codec_of(found) == UTF8_CODEC:
        return None
    if options.format == "binary":
        raise FeatureNotSupported(f"binary COPY in encoding {found} is not supported", hint="Use ENCODING 'UTF8'.")
    return found


def pieces_read(pieces: Iterator[bytes | Wait], encoding: str) -> Iterator[bytes | Wait]:
    """COPY data as UTF-8. Raises 22021."""
    reader = PieceReader(encoding)
    for piece in pieces:
        if isinstance(piece, Wait):
            yield piece
        elif data := reader.take(piece):
            yield data
    if data := reader.take(b"", last=True):
        yield data


def rows_written(pieces: Iterator[Piece], encoding: str) -> Iterator[Piece]:
    """Rows of COPY data in an encoding. Raises 22P05."""
    for piece in pieces:
        if isinstance(piece, Wait):
            yield piece
        else:
            rows, count = piece
            yield [row if row.isascii() else write_text(row.decode(), encoding) for row in rows], count
