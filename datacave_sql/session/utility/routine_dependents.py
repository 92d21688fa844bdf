"""Dependents of routines and text search configurations: which stored expressions name them, found in their texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from datacave_core.catalog import Catalog, Routine, Table, TextSearchConfiguration
from datacave_core.errors import DatacaveError
from datacave_sql.bind.registered import split_name
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.parse import ast
from datacave_sql.parse.lexer import SCONST, tokenize

Named = Routine | TextSearchConfiguration


def calls_routine(catalog: Catalog, routine: Named, text: str | None) -> bool:
    """Whether a stored expression calls the routine, by its full name and number of arguments, or has the name of the
    configuration as a constant."""
    if text is None or routine.name not in text:
        return False
    if isinstance(routine, TextSearchConfiguration):
        return _names_configuration(text, catalog.schemas[routine.schema_oid].name, routine.name)
    try:
        tree = expression_tree(text)
    except DatacaveError:
        return False
    schema = catalog.schemas[routine.schema_oid].name
    return any(means_routine(call, routine, schema) for call in _calls(tree))


def _names_configuration(text: str, schema: str, name: str) -> bool:
    tokens = tokenize(text)
    for kind, value in zip(tokens.kinds, tokens.values, strict=True):
        if kind == SCONST and name in value:
            try:
                parts = split_name(value, 0)
            except DatacaveError:
                continue
            if parts[-1] == name and parts[:-1] in ((), (schema,)):
                return True
    return False


def means_routine(call: ast.FunctionCall, routine: Routine, schema: str) -> bool:
    """Whether a stored call can mean the routine `schema.name`, by its name and number of arguments."""
    if call.name[-1] != routine.name or (len(call.name) > 1 and call.name[-2] != schema):
        return False
    given, count = len(call.arguments), len(routine.input_types)
    fewest = count - sum(argument.default is not None for argument in routine.arguments)
    variadic = any(argument.mode == "v" for argument in routine.arguments)
    return fewest <= given <= count or (variadic and given >= count - 1)


def _calls(node: Any) -> Iterator[ast.FunctionCall]:
    if isinstance(node, ast.FunctionCall):
        yield node
    if isinstance(node, tuple):
        for item in node:
            yield from _calls(item)
    elif isinstance(node, ast.Node):
        for item in fields(node):
            yield from _calls(getattr(node, item.name))


def dependent_columns(catalog: Catalog, routine: Named, table: Table) -> Iterator[tuple[int, bool]]:
    """(column number, whether it is generated) of defaults that call the routine."""
    for column in table.live_columns:
        if calls_routine(catalog, routine, column.default):
            yield column.number, bool(column.generated)


def dependent_constraints(catalog: Catalog, routine: Named, table: Table) -> Iterator[int]:
    """Oids of the CHECK constraints that call the routine."""
    for constraint in table.constraints:
        if constraint.kind == "c" and calls_routine(catalog, routine, constraint.expression):
            yield constraint.oid


def dependent_indexes(catalog: Catalog, routine: Named, table: Table) -> Iterator[int]:
    """Oids of the indexes whose keys or conditions call the routine."""
    for index in table.indexes:
        texts = [key.expression for key in index.keys if not key.column]
        if any(calls_routine(catalog, routine, text) for text in (*texts, index.predicate)):
            yield index.oid


def is_partitioned_by(catalog: Catalog, routine: Named, table: Table) -> bool:
    """Whether the partition key of a table calls the routine."""
    parts = table.partition_key.parts if table.partition_key is not None else ()
    return any(calls_routine(catalog, routine, part.expression) for part in parts)
