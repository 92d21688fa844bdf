"""RowDescription of what the SQL layer says of its results."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_protocol import FieldDescription, backend, result_formats
from datacave_sql import ResultColumn


def row_description(columns: Sequence[ResultColumn], formats: tuple[int, ...]) -> bytes:
    """RowDescription of a result in these formats."""
    codes = result_formats(formats, len(columns))
    return backend.row_description(
        [FieldDescription(*column, code) for column, code in zip(columns, codes, strict=True)]
    )
