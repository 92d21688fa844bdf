"""Parsing: the default parser as pg_ts_parser shows it, its kinds of tokens with their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.textsearch.tokens import tokens

DEFAULT_PARSER: Final = 3722
"""The oid of the parser."""
TOKEN_TYPES: Final = tuple(
    (number, alias, description)
    for number, (alias, description) in enumerate(
        (
            ("asciiword", "Word, all ASCII"),
            ("word", "Word, all letters"),
            ("numword", "Word, letters and digits"),
            ("email", "Email address"),
            ("url", "URL"),
            ("host", "Host"),
            ("sfloat", "Scientific notation"),
            ("version", "Version number"),
            ("hword_numpart", "Hyphenated word part, letters and digits"),
            ("hword_part", "Hyphenated word part, all letters"),
            ("hword_asciipart", "Hyphenated word part, all ASCII"),
            ("blank", "Space symbols"),
            ("tag", "XML tag"),
            ("protocol", "Protocol head"),
            ("numhword", "Hyphenated word, letters and digits"),
            ("asciihword", "Hyphenated word, all ASCII"),
            ("hword", "Hyphenated word, all letters"),
            ("url_path", "URL path"),
            ("file", "File or path name"),
            ("float", "Decimal notation"),
            ("int", "Signed integer"),
            ("uint", "Unsigned integer"),
            ("entity", "XML entity"),
        ),
        1,
    )
)
"""(number, alias, description) as ts_token_type gives them."""
_NUMBERS: Final = {alias: number for number, alias, _ in TOKEN_TYPES}


def default_parser(parser: int | str) -> bool:
    """True for the default parser, given by its oid or name. Raises 42704, 22023."""
    if isinstance(parser, int):
        if parser != DEFAULT_PARSER:
            raise bad_parameter(f"cache lookup failed for text search parser {parser}")
        return True
    if parser.removeprefix("pg_catalog.").strip('"') != "default":
        raise DatacaveError(f'text search parser "{parser}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    return True


def numbered_tokens(text: str) -> Iterator[tuple[int, str]]:
    """ts_parse: the pieces of a document with the numbers of their kinds."""
    return ((_NUMBERS[kind], piece) for kind, piece, _ in tokens(text))
