"""Numbering: new objects get their oids, storage ids and index numbers, and refer to each other by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from datacave_core.catalog import (
    Catalog,
    Constraint,
    EnumLabel,
    Index,
    Routine,
    Schema,
    Sequence,
    Table,
    TypeDefinition,
    initial_grants,
)


class Numbers:
    """Hands out oids; `catalog` is the snapshot in which they are taken."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def take(self) -> int:
        """The next oid."""
        self.catalog, oids = self.catalog.allocate()
        return oids[0]

    def table(self, table: Table, owner_oid: int) -> Table:
        """A new table, view or composite type with everything that belongs to it."""
        oid = self.take()
        stored = table.kind in ("r", "m")
        numbered = replace(
            table,
            oid=oid,
            owner_oid=owner_oid,
            row_type_oid=self.take(),
            row_array_type_oid=self.take(),
            storage_id=self.take() if stored else 0,
            indexes=(),
            constraints=(),
            next_index_number=1,
            privileges=initial_grants(self.catalog, "table", owner_oid, table.schema_oid),
        )
        for index in table.indexes:
            numbered = self.with_index(numbered, index, clustered=index.primary and not index.deferrable)
        for constraint in table.constraints:
            numbered = self.with_constraint(numbered, constraint)
        if not table.statistics:
            return numbered
        statistics = tuple(replace(one, oid=self.take(), owner_oid=owner_oid) for one in table.statistics)
        return replace(numbered, statistics=statistics)

    def routine(self, routine: Routine, owner_oid: int) -> Routine:
        """A new function, procedure or aggregate."""
        privileges = initial_grants(self.catalog, "function", owner_oid, routine.schema_oid)
        return replace(routine, oid=self.take(), owner_oid=owner_oid, privileges=privileges)

    def with_index(self, table: Table, index: Index, *, clustered: bool = False) -> Table:
        """The table with one more index."""
        number = 0 if clustered else table.next_index_number
        added = replace(index, oid=self.take(), index_number=number)
        following = table.next_index_number if clustered else number + 1
        return replace(table, indexes=(*table.indexes, added), next_index_number=following)

    def with_constraint(self, table: Table, constraint: Constraint) -> Table:
        """The table with one more constraint; unique and primary keys are tied to the index of their name."""
        added = replace(constraint, oid=self.take())
        indexes = table.indexes
        if added.kind in ("p", "u", "x"):
            if not added.index_oid:
                added = replace(added, index_oid=next(one.oid for one in indexes if one.name == added.name))
            indexes = tuple(
                replace(one, constraint_oid=added.oid) if one.oid == added.index_oid else one for one in indexes
            )
        elif added.kind == "f":
            if not added.referenced_table_oid:
                added = replace(added, referenced_table_oid=table.oid)
            if not added.index_oid:
                target = (
                    table
                    if added.referenced_table_oid == table.oid
                    else self.catalog.tables[added.referenced_table_oid]
                )
                added = replace(added, index_oid=referenced_index(target, added.referenced_columns))
        return replace(table, indexes=indexes, constraints=(*table.constraints, added))

    def sequence(self, sequence: Sequence, owner_oid: int) -> Sequence:
        """A new sequence."""
        privileges = initial_grants(self.catalog, "sequence", owner_oid, sequence.schema_oid)
        return replace(sequence, oid=self.take(), owner_oid=owner_oid, privileges=privileges)

    def schema(self, name: str, owner_oid: int, database_oid: int) -> Schema:
        """A new schema."""
        return Schema(self.take(), name, owner_oid, database_oid, initial_grants(self.catalog, "schema", owner_oid, 0))

    def type(self, definition: TypeDefinition, owner_oid: int) -> TypeDefinition:
        """A new type, or a changed one with new parts."""
        changed = definition
        if not changed.oid:
            privileges = initial_grants(self.catalog, "type", owner_oid, changed.schema_oid)
            changed = replace(
                changed, oid=self.take(), array_oid=self.take(), owner_oid=owner_oid, privileges=privileges
            )
        return replace(
            changed,
            labels=tuple(self._label(label) for label in changed.labels),
            checks=tuple(check if check.oid else replace(check, oid=self.take()) for check in changed.checks),
        )

    def _label(self, label: EnumLabel) -> EnumLabel:
        return label if label.oid else replace(label, oid=self.take())


def referenced_index(table: Table, columns: Iterable[int]) -> int:
    """The oid of the unique index over exactly these columns; 0 if there is none."""
    wanted = set(columns)
    for index in table.indexes:
        if (
            index.unique
            and not index.deferrable
            and index.predicate is None
            and {key.column for key in index.keys} == wanted
        ):
            return index.oid
    return 0
