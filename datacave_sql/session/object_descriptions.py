"""Object descriptions: what pg_describe_object calls an object, e.g. "column a of table t" or "rule r on view v".

Not here: functions, operators and types, which the reg* types name (functions/bodies/catalog.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from datacave_core.catalog import Catalog, Table
from datacave_sql.functions.factfiles import fact_rows
from datacave_sql.functions.identifiers import quote_identifier
from datacave_sql.pgcatalog.attributes import default_oid
from datacave_sql.pgcatalog.facts import fixed_rows, relation_shapes
from datacave_sql.pgcatalog.named_objects import ACCESS_METHODS, CLASS, FAMILY, KINDS, method_of

RELATION: Final = 1259
_ATTRIBUTE_DEFAULT, _CONSTRAINT, _REWRITE, _TRIGGER, _POLICY, _STATISTICS = 2604, 2606, 2618, 2620, 3256, 3381
_SCHEMA, _ROLE, _DATABASE, _EXTENSION, _CAST = 2615, 1260, 1262, 3079, 2605
_FIXED: Final = {
    2601: ("access method", "pg_am"),
    3456: ("collation", "pg_collation"),
    2612: ("language", "pg_language"),
}
"""Kinds that nobody adds to, and the relations that list them."""
_RELATION_KINDS: Final = {
    "r": "table", "p": "table", "v": "view", "m": "materialized view", "S": "sequence", "i": "index", "I": "index",
    "c": "composite type", "f": "foreign table", "t": "toast table",
}  # fmt: skip
_NAMED_KINDS: Final = {class_oid: kind for kind, class_oid in KINDS.items()}
_METHOD_NAMES: Final = {oid: name for name, oid in ACCESS_METHODS.items()}


class Names(Protocol):
    """What a session's view of its catalog knows of names."""

    def relation_name(self, oid: int) -> tuple[str, str] | None: ...

    def relation_is_visible(self, oid: int) -> bool | None: ...

    def named_object_name(self, class_oid: int, oid: int) -> tuple[str, str] | None: ...

    def named_object_is_visible(self, class_oid: int, oid: int) -> bool | None: ...

    def statistics_are_visible(self, oid: int) -> bool | None: ...

    def type_text(self, oid: int) -> str: ...


def describe(names: Names, catalog: Catalog, class_oid: int, oid: int, column: int) -> str | None:
    """The phrase for an object of a system table; None where there is none."""
    if class_oid == RELATION:
        return _relation(names, catalog, oid, column)
    if class_oid in (_CONSTRAINT, _REWRITE, _TRIGGER, _POLICY, _ATTRIBUTE_DEFAULT):
        return _part(names, catalog, class_oid, oid)
    if class_oid == _STATISTICS:
        return _statistics(names, catalog, oid)
    if class_oid == _CAST:
        return _cast(names, catalog, oid)
    if class_oid in _FIXED:
        kind, relation = _FIXED[class_oid]
        found = next((row[1] for row in fixed_rows(relation) if row[0] == oid), None)
        return _called(kind, quote_identifier(found) if kind == "collation" and found is not None else found)
    if class_oid in _NAMED_KINDS:
        return _named(names, catalog, class_oid, oid)
    places: dict[int, tuple[str, Any]] = {
        _SCHEMA: ("schema", catalog.schemas),
        _ROLE: ("role", catalog.roles),
        _DATABASE: ("database", catalog.databases),
        _EXTENSION: ("extension", catalog.extensions),
    }
    kind, known = places.get(class_oid, ("", {}))
    one = known.get(oid)
    return _called(kind, one.name if one is not None else None)


def _called(kind: str, name: str | None) -> str | None:
    return None if name is None else f"{kind} {name}"


def _qualified(schema: str, name: str, visible: bool | None) -> str:
    return quote_identifier(name) if visible else f"{quote_identifier(schema)}.{quote_identifier(name)}"


def _relation_kind(catalog: Catalog, oid: int) -> tuple[str, tuple[tuple[int, str], ...]]:
    """The kind of a relation and its columns' numbers and names."""
    table = catalog.tables.get(oid)
    if table is not None:
        return table.kind, tuple((one.number, one.name) for one in table.live_columns)
    if oid in catalog.sequences:
        return "S", tuple(enumerate(("last_value", "log_cnt", "is_called"), 1))
    found = catalog.index_by_oid(oid)
    if found is not None:
        on, index = found
        return "i", tuple(enumerate((on.column(k.column).name if k.column else "expr" for k in index.keys), 1))
    composite = catalog.types.get(oid)
    if composite is not None:
        return composite.kind, tuple((one.number, one.name) for one in composite.attributes if not one.dropped)
    shape = relation_shapes().get(oid)
    return (shape.kind, tuple((one.number, one.name) for one in shape.columns)) if shape is not None else ("", ())


def _relation(names: Names, catalog: Catalog, oid: int, column: int = 0) -> str | None:
    kind, columns = _relation_kind(catalog, oid)
    if kind not in _RELATION_KINDS:
        return None
    found = names.relation_name(oid)
    name = names.type_text(oid) if found is None else _qualified(*found, names.relation_is_visible(oid))
    shown = f"{_RELATION_KINDS[kind]} {name}"
    if not column:
        return shown
    attribute = dict(columns).get(column)
    return f"column {attribute} of {shown}" if attribute is not None else None


def _part(names: Names, catalog: Catalog, class_oid: int, oid: int) -> str | None:
    """What belongs to a table or a domain."""
    table = catalog.table_of_part(oid)
    if class_oid in (_ATTRIBUTE_DEFAULT, _REWRITE) and table is None:
        return _derived(names, catalog, class_oid, oid)
    if table is None:
        checks = (check for one in catalog.types.values() for check in one.checks if check.oid == oid)
        found = next(checks, None)
        return _called("constraint", found.name if found is not None else None)
    kind, parts = _parts(table, class_oid)
    name = next((part.name for part in parts if part.oid == oid), None)
    return f"{kind} {name} on {_relation(names, catalog, table.oid)}" if name is not None else None


def _parts(table: Table, class_oid: int) -> tuple[str, Iterable[Any]]:
    if class_oid == _CONSTRAINT:
        return "constraint", table.constraints
    if class_oid == _TRIGGER:
        return "trigger", table.triggers
    return ("policy", table.policies) if class_oid == _POLICY else ("rule", table.rules)


def _derived(names: Names, catalog: Catalog, class_oid: int, oid: int) -> str | None:
    """Defaults, and the rules that are the queries of views: their oids follow from those of their tables."""
    for table in catalog.tables.values():
        if class_oid == _REWRITE:
            if table.view_query is not None and default_oid(table.oid, 0) == oid:
                return f"rule _RETURN on {_relation(names, catalog, table.oid)}"
            continue
        for column in table.live_columns:
            if column.default is not None and default_oid(table.oid, column.number) == oid:
                return f"default value for {_relation(names, catalog, table.oid, column.number)}"
    return None


def _statistics(names: Names, catalog: Catalog, oid: int) -> str | None:
    table = catalog.table_of_part(oid)
    found = next((one for one in table.statistics if one.oid == oid), None) if table is not None else None
    if found is None:
        return None
    schema = catalog.schemas[found.schema_oid].name
    return f"statistics object {_qualified(schema, found.name, names.statistics_are_visible(oid))}"


def _cast(names: Names, catalog: Catalog, oid: int) -> str | None:
    own = catalog.casts.get(oid)
    types = (own.source_oid, own.target_oid) if own is not None else None
    if types is None:
        types = next(((int(row[1]), int(row[2])) for row in fact_rows("casts.tsv") if int(row[0]) == oid), None)
    return None if types is None else "cast from {} to {}".format(*map(names.type_text, types))


def _named(names: Names, catalog: Catalog, class_oid: int, oid: int) -> str | None:
    found = names.named_object_name(class_oid, oid)
    if found is None:
        return None
    shown = f"{_NAMED_KINDS[class_oid]} {_qualified(*found, names.named_object_is_visible(class_oid, oid))}"
    if class_oid in (CLASS, FAMILY):
        shown += f" for access method {_METHOD_NAMES[method_of(catalog, class_oid, oid)]}"
    return shown
