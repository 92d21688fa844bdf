"""Checking: what CREATE FUNCTION refuses in a PL/pgSQL body."""

from __future__ import annotations

from datacave_core.errors import DatacaveError
from datacave_sql.plpgsql.grammar import parse_body


def check_body(body: str, text: str, name: str) -> None:
    """Raises 42601 for what is no PL/pgSQL, with the place in the statement that creates the function."""
    try:
        parse_body(body)
    except DatacaveError as error:
        if error.position is not None:
            offset = text.find(body)
            line = body.count("\n", 0, error.position - 1) + 1
            error.position = error.position + offset if offset >= 0 else None
            if error.position is None:
                error.context = f'compilation of PL/pgSQL function "{name}" near line {line}'
        raise
