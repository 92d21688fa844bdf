"""Definitions: indexes and constraints as SQL text, as psql, pg_dump and ORMs read them back."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from datacave_core.catalog import Catalog, Constraint, ExtendedStatistics, Index, IndexKey, Table
from datacave_core.types import oids
from datacave_sql.bind.sqltext import quote_identifier, quote_literal
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.facts import fixed_rows

_ACTIONS = {"r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


Shown = Callable[[str], str]
"""A stored expression as it is shown."""

ClassName = Callable[[str], str]
"""The name of an operator class, with its schema where the search path needs it."""


def _key_name(table: Table, key: IndexKey, shown: Shown) -> str:
    if key.column:
        return quote_identifier(table.column(key.column).name)
    return _part(key.expression or "", shown)


def _part(stored: str, shown: Shown) -> str:
    """An expression among others: calls stand by themselves, everything else in parentheses."""
    text = shown(stored)
    return text if isinstance(expression_tree(stored), ast.FunctionCall) else f"({text})"


_DEFAULT_COLLATION, _NAME_COLLATION = 100, 950


def _collation_text(table: Table, key: IndexKey) -> str:
    """What is said of a key's collation where it is not the one its values come with."""
    own = table.column(key.column).collation if key.column else _NAME_COLLATION if key.type_oid == oids.NAME else 0
    if not key.collation or key.collation == (own or _DEFAULT_COLLATION):
        return ""
    name = next(row[1] for row in fixed_rows("pg_collation") if row[0] == key.collation)
    return f" COLLATE {quote_identifier(name)}"


def _key_text(table: Table, key: IndexKey, shown: Shown, class_name: ClassName) -> str:
    text = _key_name(table, key, shown) + _collation_text(table, key)
    if key.operator_class:
        text += f" {class_name(key.operator_class)}"
    if key.descending:
        text += " DESC" if key.nulls_first else " DESC NULLS LAST"
    elif key.nulls_first:
        text += " NULLS FIRST"
    return text


def index_key_text(table: Table, index: Index, column: int, shown: Shown) -> str:
    """One column of an index, key columns first; empty beyond the last."""
    if 1 <= column <= len(index.keys):
        return _key_name(table, index.keys[column - 1], shown)
    if column <= len(index.keys) + len(index.included):
        return quote_identifier(table.column(index.included[column - 1 - len(index.keys)]).name)
    return ""


def index_text(table: Table, index: Index, table_name: str, shown: Shown, class_name: ClassName) -> str:
    """The CREATE INDEX statement."""
    unique = "UNIQUE " if index.unique else ""
    keys = ", ".join(_key_text(table, key, shown, class_name) for key in index.keys)
    only = "ONLY " if table.kind == "p" else ""
    text = f"CREATE {unique}INDEX {quote_identifier(index.name)} ON {only}{table_name} USING {index.method} ({keys})"
    if index.included:
        text += f" INCLUDE ({_names(table, index.included)})"
    if index.nulls_not_distinct:
        text += " NULLS NOT DISTINCT"
    text += _with_options(index)
    if index.predicate:
        text += f" WHERE {shown(index.predicate)}"
    return text


def _with_options(index: Index) -> str:
    if not index.options:
        return ""
    shown = [
        f"{quote_identifier(name)}={value if quote_identifier(value) == value else quote_literal(value)}"
        for name, value in index.options
    ]
    return f" WITH ({', '.join(shown)})"


def _names(table: Table, columns: Iterable[int]) -> str:
    return ", ".join(quote_identifier(table.column(number).name) for number in columns)


def constraint_text(
    catalog: Catalog, table: Table, constraint: Constraint, qualified: Callable[[Table], str], shown: Shown
) -> str:
    """A constraint without its name."""
    kind = constraint.kind
    if kind == "c":
        text = f"CHECK ({shown(constraint.expression or '')})"
        if constraint.no_inherit:
            text += " NO INHERIT"
    elif kind == "f":
        text = _foreign_key_text(catalog, table, constraint, qualified)
    elif kind == "x":
        text = _exclusion_text(catalog, table, constraint, shown)
    elif kind == "t":
        text = "TRIGGER"
    else:
        text = "PRIMARY KEY" if kind == "p" else "UNIQUE"
        found = catalog.index_by_oid(constraint.index_oid)
        if found is not None and found[1].nulls_not_distinct:
            text += " NULLS NOT DISTINCT"
        text += f" ({_names(table, constraint.columns)})"
        if found is not None and found[1].included:
            text += f" INCLUDE ({_names(table, found[1].included)})"
    if constraint.deferrable:
        text += " DEFERRABLE"
    if constraint.initially_deferred:
        text += " INITIALLY DEFERRED"
    if not constraint.validated:
        text += " NOT VALID"
    return text


def _exclusion_text(
    catalog: Catalog, table: Table, constraint: Constraint, shown: Shown, class_name: ClassName = str
) -> str:
    found = catalog.index_by_oid(constraint.index_oid)
    assert found is not None
    index = found[1]
    parts = ", ".join(
        f"{_key_text(table, key, shown, class_name)} WITH {operator}"
        for key, operator in zip(index.keys, index.exclusion, strict=True)
    )
    text = f"EXCLUDE USING {index.method} ({parts}){_with_options(index)}"
    return text if index.predicate is None else f"{text} WHERE ({shown(index.predicate)})"


def _foreign_key_text(catalog: Catalog, table: Table, constraint: Constraint, qualified: Callable[[Table], str]) -> str:
    target = catalog.tables[constraint.referenced_table_oid]
    text = f"FOREIGN KEY ({_names(table, constraint.columns)}) REFERENCES {qualified(target)}"
    text += f"({_names(target, constraint.referenced_columns)})"
    if constraint.match == "f":
        text += " MATCH FULL"
    if constraint.on_update in _ACTIONS:
        text += f" ON UPDATE {_ACTIONS[constraint.on_update]}"
    if constraint.on_delete in _ACTIONS:
        text += f" ON DELETE {_ACTIONS[constraint.on_delete]}"
        if constraint.delete_set_columns:
            text += f" ({_names(table, constraint.delete_set_columns)})"
    return text


_STATISTICS_KINDS = {"d": "ndistinct", "f": "dependencies", "m": "mcv"}


def statistics_columns(table: Table, one: ExtendedStatistics, shown: Shown) -> str:
    """What a statistics object is over."""
    parts = [quote_identifier(table.column(number).name) for number in one.columns]
    return ", ".join([*parts, *(_part(stored, shown) for stored in one.expressions)])


def statistics_text(table: Table, one: ExtendedStatistics, schema: str, table_name: str, shown: Shown) -> str:
    """The CREATE STATISTICS statement."""
    words = [_STATISTICS_KINDS[letter] for letter in one.kinds if letter in _STATISTICS_KINDS]
    kinds = f" ({', '.join(words)})" if 0 < len(words) < len(_STATISTICS_KINDS) else ""
    name = f"{quote_identifier(schema)}.{quote_identifier(one.name)}"
    return f"CREATE STATISTICS {name}{kinds} ON {statistics_columns(table, one, shown)} FROM {table_name}"
