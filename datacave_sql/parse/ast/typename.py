"""TypeName: a type as written, with SQL's long spellings already turned into PostgreSQL's internal names.

`integer` is ("pg_catalog", "int4"), `timestamp(3) with time zone` is ("pg_catalog", "timestamptz") with one modifier,
`character(5)` is ("pg_catalog", "bpchar"), `"integer"` stays ("integer",).
"""

from __future__ import annotations

from dataclasses import dataclass

from datacave_sql.parse.ast.node import Expression, Node, QualifiedName


@dataclass(frozen=True, slots=True)
class TypeName(Node):
    """A reference to a type.

    `modifiers` are the expressions in parentheses. For `interval` they are what PostgreSQL's own type modifier input
    takes: the bit mask of the fields (see INTERVAL_FIELD_MASKS in `typenames.py`), then the precision; a precision
    alone comes with the full mask 0x7FFF. `array_bounds` has one entry for each `[]`; -1 where no bound is written.
    """

    names: QualifiedName
    modifiers: tuple[Expression, ...] = ()
    array_bounds: tuple[int, ...] = ()
    setof: bool = False
    percent_type: bool = False
