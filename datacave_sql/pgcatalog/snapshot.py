"""CatalogRows: what has been computed from one catalog snapshot, and what the next one may take over.

A snapshot never changes, so rows are computed once for it. Most objects are the same in the next snapshot: rows that
depend on one object alone are kept by the object's identity and handed on, so that after CREATE TABLE among ten
thousand tables only one table's rows are made. Rows show names of roles, schemas and types; a change of those drops
everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from datacave_core.catalog import Catalog, Rule, Table, Trigger
from datacave_core.catalog import Sequence as CatalogSequence
from datacave_core.values import Row
from datacave_sql.bind.definitions import Definitions
from datacave_sql.bind.environment import BindingEnvironment, VirtualRelations
from datacave_sql.bind.operator_names import class_name
from datacave_sql.bind.trigger_text import function_name
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.pgcatalog.references import Reference, of_expression, of_rule, of_trigger_condition, of_view

Kept = dict[Any, tuple[Any, Sequence[Row]]]


class CatalogRows:
    """One snapshot with the rows computed from it."""

    __slots__ = ("_definitions", "_environment", "_kept", "_values", "catalog", "types")

    def __init__(
        self,
        catalog: Catalog,
        types: TypeLookup,
        before: CatalogRows | None,
        definitions: Definitions,
        relations: VirtualRelations,
    ) -> None:
        self.catalog = catalog
        self.types = types
        self._definitions = definitions
        self._environment = BindingEnvironment(catalog, types, virtual_relations=relations)
        self._values: dict[Any, Any] = {}
        self._kept: dict[str, Kept] = {}
        if before is not None and _same_surroundings(before.catalog, catalog):
            self._kept = dict(before._kept)

    def once(self, key: Any, make: Callable[[CatalogRows], Any]) -> Any:
        """What `make` computes from this snapshot, computed on first use."""
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = make(self)
        return found

    def per_object(
        self, kind: str, objects: Iterable[tuple[Any, Any]], make: Callable[[CatalogRows, Any], Sequence[Row]]
    ) -> list[Row]:
        """The rows of many objects, given as (key, object); those of objects seen before are not made again."""
        before = self._kept.get(kind, {})
        now: Kept = {}
        rows: list[Row] = []
        for key, item in objects:
            entry = before.get(key)
            if entry is None or entry[0] is not item:
                entry = (item, make(self, item))
            now[key] = entry
            rows += entry[1]
        self._kept[kind] = now
        return rows

    def of_object(
        self, kind: str, key: Any, item: Any, make: Callable[[CatalogRows, Any], Sequence[Row]]
    ) -> Sequence[Row]:
        """The rows of one object, kept as `per_object` keeps them."""
        kept = self._kept.setdefault(kind, {})
        entry = kept.get(key)
        if entry is None or entry[0] is not item:
            entry = kept[key] = (item, make(self, item))
        return entry[1]

    def owned_sequences(self, table_oid: int) -> Sequence[CatalogSequence]:
        """The sequences that columns of a table own."""
        found: dict[int, list[CatalogSequence]] = self.once("owned sequences", _by_owner)
        return found.get(table_oid, ())

    def expression(self, stored: str, table: Table | None, target: int = 0) -> str:
        """A stored expression as it is shown under the usual search path; `target` is the type of its column."""
        return self._definitions.expression(self._environment, stored, table, target)

    def domain_check(self, stored: str, base: int) -> str:
        """The condition of a domain over `base`."""
        return self._definitions.domain_check(self._environment, stored, base)

    def view_query(self, view: Table) -> str | None:
        """The query of a view under the usual search path, with its semicolon."""
        return f"{self._definitions.view(self._environment, view)};" if view.view_query is not None else None

    def rule(self, table: Table, rule: Rule) -> str:
        """CREATE RULE under the usual search path."""
        return self._definitions.rule(self._environment, table, rule)

    def trigger_condition(self, table: Table, trigger: Trigger) -> str | None:
        """WHEN of a trigger."""
        return self._definitions.trigger_condition(self._environment, table, trigger)

    def trigger_function(self, trigger: Trigger) -> str:
        """The name of the function that a trigger calls."""
        return function_name(self.catalog, trigger.function_oid, self._environment.search_path)

    def class_name(self, name: str) -> str:
        """An operator class, with its schema where the search path needs it."""
        return class_name(self.catalog, name, self._environment.search_path)

    def references(self, stored: str, table: Table | None, target: int = 0) -> list[Reference]:
        """What a stored expression refers to; `target` is the type of what it is a default of."""
        return of_expression(self._environment, stored, table, target)

    def view_references(self, view: Table) -> list[Reference]:
        """What the query of a view refers to."""
        return of_view(self._environment, view)

    def rule_references(self, table: Table, rule: Rule) -> list[Reference]:
        """What a rule refers to."""
        return of_rule(self._environment, table, rule)

    def trigger_references(self, table: Table, condition: str) -> list[Reference]:
        """What WHEN of a trigger refers to."""
        return of_trigger_condition(self._environment, condition, table)

    def role_name(self, oid: int) -> str:
        """The name of a role, as pg_get_userbyid gives it."""
        role = self.catalog.roles.get(oid)
        return role.name if role is not None else f"unknown (OID={oid})"

    def schema_name(self, oid: int) -> str:
        """The name of a schema."""
        return self.catalog.schemas[oid].name


def _same_surroundings(one: Catalog, other: Catalog) -> bool:
    return one.roles is other.roles and one.schemas is other.schemas and one.types is other.types


def _by_owner(rows: CatalogRows) -> dict[int, list[CatalogSequence]]:
    found: dict[int, list[CatalogSequence]] = {}
    for sequence in rows.catalog.sequences.values():
        if sequence.owned_by_table_oid:
            found.setdefault(sequence.owned_by_table_oid, []).append(sequence)
    return found


class SnapshotCache:
    """The rows of the snapshots used last: the committed one, and those of transactions that change the catalog."""

    __slots__ = ("_definitions", "_recent", "_relations")

    KEPT = 3

    def __init__(self, definitions: Definitions, relations: VirtualRelations) -> None:
        self._definitions = definitions
        self._relations = relations
        self._recent: list[CatalogRows] = []

    def of(self, state: Any) -> CatalogRows:
        """The rows of a catalog state (`catalog` and `types`)."""
        catalog = state.catalog
        recent = self._recent
        for found in recent:
            if found.catalog is catalog:
                return found
        made = CatalogRows(catalog, state.types, recent[0] if recent else None, self._definitions, self._relations)
        self._recent = [made, *recent[: self.KEPT - 1]]
        return made
