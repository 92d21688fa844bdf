"""SystemRelation: a relation of pg_catalog or information_schema whose rows are computed.

Three kinds: fixed rows, rows computed once per catalog snapshot, and rows that show the running server. The planner
hands equalities on columns in `lookup_columns` to `lookup`, which finds the rows through a hash table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from datacave_core.values import Array, Row
from datacave_sql.pgcatalog.facts import RelationShape, base_type
from datacave_sql.pgcatalog.snapshot import CatalogRows, SnapshotCache

LOOKED_UP = frozenset(
    {
        "oid", "relname", "relnamespace", "attrelid", "attname", "indrelid", "indexrelid", "conrelid", "confrelid",
        "contypid", "conindid", "adrelid", "typname", "typrelid", "typnamespace", "typelem", "nspname", "proname",
        "enumtypid", "objoid", "objid", "refobjid", "seqrelid", "inhrelid", "inhparent", "rngtypid", "datname",
        "rolname", "name", "castsource", "casttarget", "ev_class", "tgrelid", "tablename", "schemaname", "viewname",
        "indexname", "table_name", "table_schema", "constraint_name", "conname", "rngmultitypid", "aggfnoid",
        "sequencename", "oprname", "reltype",
    }
)  # fmt: skip
"""Names of columns that clients look rows up by."""


FOUND_SINGLY_MAX = 100
"""More values are looked up in a table of all rows."""


class SystemRelation:
    """Fixed rows; the base of the other kinds."""

    __slots__ = ("_fixed", "_tables", "columns", "lookup_columns", "name", "oid", "schema", "shape")

    def __init__(self, shape: RelationShape, fixed: Callable[[], Sequence[Row]] | None = None) -> None:
        self.shape = shape
        self.oid = shape.oid
        self.schema = shape.schema
        self.name = shape.name
        self.columns: tuple[tuple[str, int], ...] = tuple((c.name, base_type(c.type_oid)) for c in shape.columns)
        self.lookup_columns = frozenset(c.number for c in shape.columns if c.name in LOOKED_UP)
        self._fixed = fixed
        self._tables: dict[int, dict[Any, list[Row]]] = {}

    def rows(self, context: Any) -> Iterable[Row]:
        """All rows, over all columns."""
        return self._fixed() if self._fixed is not None else ()

    def lookup(self, attribute: int, values: Sequence[Any], context: Any) -> Iterable[Row]:
        """The rows whose column `attribute` equals one of `values`; NULL finds nothing."""
        table = self._tables.get(attribute)
        if table is None:
            table = self._tables[attribute] = hash_rows(self.rows(context), attribute)
        return found_rows(table, values)


class CatalogRelation(SystemRelation):
    """Rows computed once per catalog snapshot."""

    __slots__ = ("_finders", "_make", "_of_owner", "_owner_column", "_snapshots")

    def __init__(
        self,
        shape: RelationShape,
        make: Callable[[CatalogRows], Sequence[Row]],
        snapshots: SnapshotCache,
        owner: tuple[str, Callable[[CatalogRows, int], Sequence[Row]]] | None = None,
        finders: Mapping[str, Callable[[CatalogRows, Any], Sequence[Row]]] | None = None,
    ) -> None:
        """`owner` names the column with the oid of the relation that rows belong to, and finds them by it; `finders`
        find rows by other columns. Neither makes the rows of all objects."""
        super().__init__(shape)
        self._finders = {c.number: finders[c.name] for c in shape.columns if c.name in finders} if finders else {}
        self._make = make
        self._snapshots = snapshots
        self._owner_column, self._of_owner = 0, owner[1] if owner is not None else None
        if owner is not None:
            self._owner_column = next(c.number for c in shape.columns if c.name == owner[0])

    def rows(self, context: Any) -> Iterable[Row]:
        rows: Iterable[Row] = self._snapshots.of(context.session.catalog_state).once(self.oid, self._make)
        return rows

    def lookup(self, attribute: int, values: Sequence[Any], context: Any) -> Iterable[Row]:
        snapshot = self._snapshots.of(context.session.catalog_state)
        if attribute == self._owner_column and self._of_owner is not None:
            of_owner = self._of_owner
            return [row for value in dict.fromkeys(values) if value is not None for row in of_owner(snapshot, value)]
        finder = self._finders.get(attribute)
        if finder is not None and len(values) <= FOUND_SINGLY_MAX:
            return [row for value in dict.fromkeys(values) if value is not None for row in finder(snapshot, value)]
        table = snapshot.once(
            (self.oid, attribute), lambda found: hash_rows(found.once(self.oid, self._make), attribute)
        )
        return found_rows(table, values)


class LiveRelation(SystemRelation):
    """Rows that show the server as it is now: sessions, locks, settings. Lookups read all rows."""

    __slots__ = ("_make", "_snapshots")

    def __init__(
        self,
        shape: RelationShape,
        make: Callable[[Any, CatalogRows], Iterable[Row]],
        snapshots: SnapshotCache,
    ) -> None:
        super().__init__(shape)
        self._make = make
        self._snapshots = snapshots
        self.lookup_columns = frozenset()

    def rows(self, context: Any) -> Iterable[Row]:
        return self.rows_for(context.session)

    def rows_for(self, session: Any) -> Iterable[Row]:
        """All rows as a session sees them."""
        return self._make(session, self._snapshots.of(session.catalog_state))


def hash_rows(rows: Iterable[Row], attribute: int) -> dict[Any, list[Row]]:
    """Rows by the value of a column."""
    slot = attribute - 1
    table: dict[Any, list[Row]] = {}
    for row in rows:
        value = row[slot]
        if value in table:
            table[value].append(row)
        else:
            table[value] = [row]
    return table


def found_rows(table: Mapping[Any, Sequence[Row]], values: Sequence[Any]) -> Sequence[Row]:
    """The rows of the values, each value once."""
    if len(values) == 1:
        return table.get(values[0], ()) if values[0] is not None else ()
    return [row for value in dict.fromkeys(values) if value is not None for row in table.get(value, ())]


def int2vector(numbers: Sequence[int]) -> Array:
    """A value of int2vector or oidvector: subscripts from 0."""
    return Array(tuple(numbers), (len(numbers),), (0,)) if numbers else Array(())


def array_or_null(elements: Sequence[Any]) -> Array | None:
    """An array, NULL instead of an empty one."""
    return Array.of(tuple(elements)) if elements else None


class RowMaker:
    """Rows of one relation by column name; columns that are not given are NULL. For relations with few rows."""

    __slots__ = ("_places", "_template")

    def __init__(self, shape: RelationShape, **defaults: Any) -> None:
        self._places = {column.name: column.number - 1 for column in shape.columns}
        template = [None] * len(shape.columns)
        for name, value in defaults.items():
            template[self._places[name]] = value
        self._template = template

    def __call__(self, **values: Any) -> Row:
        row = self._template.copy()
        for name, value in values.items():
            row[self._places[name]] = value
        return tuple(row)
