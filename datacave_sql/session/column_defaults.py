"""Column defaults by themselves, for rows that get them without an INSERT: ON DELETE and ON UPDATE SET DEFAULT."""

from __future__ import annotations

from datacave_core.catalog import Catalog, Table
from datacave_sql.bind import row_rules
from datacave_sql.bind.binder import binding
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.exec.rowfunction import Factory, compile_factory
from datacave_sql.expr.generate import Generator
from datacave_sql.functions.typelookup import TypeLookup


def column_default(catalog: Catalog, types: TypeLookup, table: Table, number: int) -> Factory:
    """`make(c)()` gives the default value of a column."""
    b = binding(BindingEnvironment(catalog, types), "")
    generator = Generator({}, (), types)
    value = generator.value(row_rules.default_value(b, table, table.column(number))).text
    return compile_factory(generator, "", [f"return {value}"])
