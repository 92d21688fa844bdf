"""The types that come with the system relations: their row types, and information_schema's domains, with arrays."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from datacave_core.types import SqlType, find_type, oids
from datacave_sql.functions.typelookup import Attribute
from datacave_sql.pgcatalog.facts import domain_shapes, relation_shapes


def _array(oid: int, name: str, element: int) -> SqlType:
    template = find_type(oids.TEXT_ARRAY)
    assert template is not None
    return replace(template, oid=oid, name="_" + name, element_oid=element, array_oid=0, collation_oid=0)


@cache
def _types() -> dict[int, SqlType]:
    found: dict[int, SqlType] = {}
    template = find_type(oids.TEXT)
    assert template is not None
    for shape in relation_shapes().values():
        if shape.row_type_oid:
            found[shape.row_type_oid] = replace(
                template, oid=shape.row_type_oid, name=shape.name, kind="c", category="C", preferred=False,
                array_oid=shape.array_type_oid, relation_oid=shape.oid, collation_oid=0, align="d",
            )  # fmt: skip
        if shape.array_type_oid:
            found[shape.array_type_oid] = _array(shape.array_type_oid, shape.name, shape.row_type_oid)
    for domain in domain_shapes().values():
        base = find_type(domain.base_oid)
        assert base is not None
        found[domain.oid] = replace(
            base, oid=domain.oid, name=domain.name, kind="d", preferred=False, array_oid=domain.array_oid,
            base_oid=domain.base_oid, base_typmod=domain.typmod, collation_oid=domain.collation,
        )  # fmt: skip
        found[domain.array_oid] = _array(domain.array_oid, domain.name, domain.oid)
    return found


def system_type(oid: int) -> SqlType | None:
    """The type with this oid, or None."""
    return _types().get(oid)


@cache
def _oids_by_name() -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for shape in relation_shapes().values():
        if shape.row_type_oid:
            found[shape.schema, shape.name] = shape.row_type_oid
        if shape.array_type_oid:
            found[shape.schema, "_" + shape.name] = shape.array_type_oid
    for domain in domain_shapes().values():
        found["information_schema", domain.name] = domain.oid
        found["information_schema", "_" + domain.name] = domain.array_oid
    return found


def system_type_named(schema: str, name: str) -> int:
    """The oid of the type with this name in pg_catalog or information_schema, 0 if there is none."""
    return _oids_by_name().get((schema, name), 0)


def system_attributes(oid: int) -> list[Attribute]:
    """The columns of a row type."""
    found = _types().get(oid)
    if found is None or not found.relation_oid:
        return []
    columns = relation_shapes()[found.relation_oid].columns
    return [Attribute(column.name, column.type_oid, column.typmod) for column in columns]
