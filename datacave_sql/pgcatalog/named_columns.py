"""Which columns of its table a stored expression names."""

from __future__ import annotations

from functools import lru_cache

from datacave_core.catalog import Table
from datacave_sql.bind.stored_text import expression_tree, mentioned_columns, query_tree

_REMEMBERED_MAX = 20_000


@lru_cache(_REMEMBERED_MAX)
def _names(stored: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.parts[-1] for one in mentioned_columns(expression_tree(stored)) if one.parts))


def columns_named(table: Table, stored: str) -> list[int]:
    """The numbers of the columns, ascending."""
    columns = table.columns_by_name
    return sorted(columns[name].number for name in _names(stored) if name in columns)


@lru_cache(_REMEMBERED_MAX)
def _row_names(stored: str) -> frozenset[str]:
    references = (one.parts for one in mentioned_columns(query_tree(stored)))
    return frozenset(parts[1] for parts in references if len(parts) > 1 and parts[0] in ("old", "new"))


def row_columns_named(table: Table, stored: str) -> list[int]:
    """The numbers of the columns of OLD and NEW that the action of a rule names, ascending."""
    columns = table.columns_by_name
    return sorted(columns[name].number for name in _row_names(stored) if name in columns)
