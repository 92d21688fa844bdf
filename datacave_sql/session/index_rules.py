"""Index rules: the stored texts of index expressions and conditions, bound and compiled once per catalog."""

from __future__ import annotations

from typing import Any

from datacave_core.catalog import Catalog, Index, Table
from datacave_core.errors import FeatureNotSupported
from datacave_core.types import DEFAULT_SETTINGS
from datacave_sql.bind import coercion, row_rules
from datacave_sql.bind.binder import binding
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.rowfunction import compile_factory, tuple_text
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Code, Generator
from datacave_sql.functions.resolution import resolve_operator
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.table.index_rule import IndexRule, over_attributes


class _NoSession:
    """What index expressions may ask: types and fixed formats, since what a session sets must not matter to them."""

    def __init__(self, types: TypeLookup) -> None:
        self.types = types
        self.format_settings = DEFAULT_SETTINGS
        self.evaluation = self

    def __getattr__(self, name: str) -> Any:
        raise FeatureNotSupported(f"an index expression cannot use what depends on the session ({name})")


def index_rules(catalog: Catalog, types: TypeLookup, table: Table) -> dict[int, IndexRule]:
    """Rules by index oid, for the indexes of a table that have an expression or a condition."""
    return {
        index.oid: _rule(catalog, types, table, index)
        for index in table.indexes
        if index.predicate is not None or index.exclusion or any(not key.column for key in index.keys)
    }


def _rule(catalog: Catalog, types: TypeLookup, table: Table, index: Index) -> IndexRule:
    b = binding(BindingEnvironment(catalog, types), "")
    row = row_rules.row_columns(b, table)
    scope = row_rules.row_scope(b, table, row, table.name, "index expressions")
    schema = row_rules.schema_name(b, table)
    attributes = {column.id: column.attribute for column in row}
    keys = tuple(
        None
        if key.column
        else over_attributes(
            coercion.settled(b, row_rules.stored_expression(b, key.expression or "", scope, schema)), attributes
        )
        for key in index.keys
    )
    predicate = None
    if index.predicate is not None:
        bound = coercion.to_boolean(b, row_rules.stored_expression(b, index.predicate, scope, schema), "WHERE")
        predicate = over_attributes(bound, attributes)
    reading = {column.number: Code(f"r[{column.number - 1}]", not column.not_null, True) for column in table.columns}
    context = ExecutionContext(_NoSession(types), None, ())  # type: ignore[arg-type]
    values = None
    if any(key is not None for key in keys):
        generator = Generator(reading, ("r",), types)
        texts = [
            f"r[{key.column - 1}]" if expression is None else generator.value(expression).text
            for key, expression in zip(index.keys, keys, strict=True)
        ]
        values = compile_factory(generator, "r", [f"return {tuple_text(texts)}"])(context)
    applies = None
    if predicate is not None:
        generator = Generator(reading, ("r",), types)
        applies = compile_factory(generator, "r", [f"return {generator.truth(predicate)}"])(context)
    conflicts = None
    if index.exclusion:
        places = {-1 - place: Code(f"a[{place}]", False, True) for place in range(len(index.keys))}
        places |= {1 + place: Code(f"b[{place}]", False, True) for place in range(len(index.keys))}
        generator = Generator(places, ("a", "b"), types)
        tests = []
        for place, (key, operator) in enumerate(zip(index.keys, index.exclusion, strict=True)):
            type_oid = table.column(key.column).type_oid if key.column else key.type_oid
            found = resolve_operator(operator, type_oid, type_oid, types)
            sides = tuple(n.ColumnReference(one, type_oid) for one in (-1 - place, 1 + place))
            tests.append(generator.truth(n.FunctionCall(found.function, sides, found.result_type, operator=operator)))
        conflicts = compile_factory(generator, "a, b", [f"return bool({' and '.join(tests)})"])(context)
    return IndexRule(keys, predicate, values, applies, conflicts)
