"""pg_ts_config, pg_ts_dict, pg_ts_parser and pg_ts_template: the configurations simple and english."""

from __future__ import annotations

from datacave_core.catalog import ADMIN_ROLE_OID
from datacave_core.values import Row
from datacave_sql.functions.textsearch.dictionaries import CONFIGURATIONS
from datacave_sql.pgcatalog.snapshot import CatalogRows

_SCHEMA = 11
_PARSER = 3722
_SNOWBALL = 13149
_SIMPLE_TEMPLATE = 3727


def configuration_rows(rows: CatalogRows) -> list[Row]:
    """pg_ts_config."""
    return [(oid, name, _SCHEMA, ADMIN_ROLE_OID, _PARSER) for oid, name in CONFIGURATIONS.items()]


def dictionary_rows(rows: CatalogRows) -> list[Row]:
    """pg_ts_dict."""
    options = "language = 'english', stopwords = 'english'"
    return [
        (3765, "simple", _SCHEMA, ADMIN_ROLE_OID, _SIMPLE_TEMPLATE, None),
        (13163, "english_stem", _SCHEMA, ADMIN_ROLE_OID, _SNOWBALL, options),
    ]


def parser_rows(rows: CatalogRows) -> list[Row]:
    """pg_ts_parser."""
    return [(_PARSER, "default", _SCHEMA, 3717, 3718, 3719, 3720, 3721)]


def template_rows(rows: CatalogRows) -> list[Row]:
    """pg_ts_template."""
    return [(_SIMPLE_TEMPLATE, "simple", _SCHEMA, 3725, 3726)]
