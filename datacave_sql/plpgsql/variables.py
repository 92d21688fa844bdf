"""Variables: the numbered variables of a function, the blocks that give them names, and their names as SQL sees them.

Variable number i is parameter i + 1 of every statement. A record without a type has a shape only when it has a value,
so what is bound against it holds for that shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from datacave_core.types import oids
from datacave_core.types.record import record_class
from datacave_sql.bind.names import Scope, Source, SourceColumn
from datacave_sql.expr import nodes as n
from datacave_sql.functions.typelookup import Attribute, TypeLookup


class Shape:
    """The columns of a record, and the class of its values."""

    __slots__ = ("_make", "_types", "attributes")

    def __init__(self, attributes: Sequence[Attribute], types: TypeLookup) -> None:
        self.attributes = tuple(attributes)
        self._types = types
        self._make: Callable[[Any], Any] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) and self.attributes == other.attributes

    def __hash__(self) -> int:
        return hash(self.attributes)

    @property
    def make(self) -> Callable[[Any], Any]:
        """Makes a value of a tuple."""
        if self._make is None:
            kinds = [one.type for one in self.attributes]
            names = [one.name for one in self.attributes]
            self._make = record_class(names, kinds, [self._types.io(oid) for oid in kinds])
        return self._make

    def index(self, name: str) -> int:
        """The place of a field, or -1."""
        for place, attribute in enumerate(self.attributes):
            if attribute.name == name:
                return place
        return -1


@dataclass(slots=True)
class Datum:
    """One variable. `kind` is s (scalar), c (composite type) or r (record)."""

    number: int
    name: str
    type: int
    typmod: int = -1
    kind: str = "s"
    constant: bool = False
    not_null: bool = False
    shape: Shape | None = None
    """The columns of a composite type."""
    cursor: Any = None
    """What a bound cursor is bound to."""


@dataclass(slots=True)
class Level:
    """The names of one block."""

    parent: Level | None = None
    label: str | None = None
    names: dict[str, Datum] = field(default_factory=dict)
    is_loop: bool = False

    def chain(self) -> Sequence[Level]:
        """This block and those around it, innermost first."""
        found: list[Level] = []
        level: Level | None = self
        while level is not None:
            found.append(level)
            level = level.parent
        return found

    def find(self, names: Sequence[str]) -> tuple[Datum, tuple[str, ...]] | None:
        """The variable that a dotted name begins with, and the fields after it."""
        for level in self.chain():
            datum = level.names.get(names[0])
            if datum is not None and (len(names) == 1 or datum.kind != "s"):
                return datum, tuple(names[1:])
            if level.label == names[0] and len(names) > 1:
                datum = level.names.get(names[1])
                if datum is not None and (len(names) == 2 or datum.kind != "s"):
                    return datum, tuple(names[2:])
        return None


def scope_of(level: Level, shapes: Sequence[Shape | None], conflict: str) -> Scope:
    """The names of a block and those around it for the binder."""
    scope: Scope | None = None
    for one in reversed(level.chain()):
        sources: list[Source] = []
        columns: list[SourceColumn] = []
        for name, datum in one.names.items():
            value = n.Parameter(datum.number + 1, datum.type, datum.typmod)
            whole: n.Expression = value
            if datum.kind != "s":
                shape = datum.shape or shapes[datum.number]
                fields: tuple[SourceColumn, ...] = ()
                if shape is not None:
                    fields = tuple(
                        SourceColumn(item.name, n.FieldSelect(value, place, item.type, item.typmod))
                        for place, item in enumerate(shape.attributes)
                    )
                    if datum.kind == "r":
                        parts = tuple(column.expression for column in fields)
                        labels = tuple(column.name for column in fields)
                        whole = n.RowConstructor(parts, oids.RECORD, -1, labels)
                sources.append(
                    Source(
                        name,
                        fields,
                        one.label,
                        name,
                        row_type=datum.type,
                        record="assigned" if shape is not None else "unassigned",
                    )
                )
            columns.append(SourceColumn(name, whole))
        if one.label is not None:
            sources.append(Source(one.label, tuple(columns)))
        scope = Scope(scope, sources, columns, variables=conflict)
    assert scope is not None
    return scope
