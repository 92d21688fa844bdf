"""The built-in types, by oid and by internal name, read once from the exported facts.

Not here: how values are read and written (`io.py`), the names of user types (the catalog).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.sqltype import RangeType, SqlType


def _rows(name: str) -> list[dict[str, str]]:
    lines = files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()
    head = lines[0].split("\t")
    return [dict(zip(head, line.split("\t"), strict=True)) for line in lines[1:]]


def _sql_type(row: dict[str, str]) -> SqlType:
    return SqlType(
        oid=int(row["oid"]),
        name=row["typname"],
        length=int(row["typlen"]),
        by_value=row["typbyval"] == "t",
        kind=row["typtype"],
        category=row["typcategory"],
        preferred=row["typispreferred"] == "t",
        delimiter=row["typdelim"],
        relation_oid=int(row["typrelid"]),
        element_oid=int(row["typelem"]),
        array_oid=int(row["typarray"]),
        base_oid=int(row["typbasetype"]),
        align=row["typalign"],
        storage=row["typstorage"],
        collation_oid=int(row["typcollation"]),
        base_typmod=int(row["typtypmod"]),
        dimensions=int(row["typndims"]),
        not_null=row["typnotnull"] == "t",
        defined=row["typisdefined"] == "t",
        default=row["typdefault"] or None,
        subscript=row["typsubscript"],
        input=row["typinput"],
        output=row["typoutput"],
        receive=row["typreceive"],
        send=row["typsend"],
        typmod_in=row["typmodin"],
        typmod_out=row["typmodout"],
        analyze=row["typanalyze"],
    )


def _range_type(row: dict[str, str]) -> RangeType:
    return RangeType(
        range_oid=int(row["range_oid"]),
        subtype_oid=int(row["subtype_oid"]),
        multirange_oid=int(row["multirange_oid"]),
        collation_oid=int(row["collation_oid"]),
        canonical=row["canonical"],
        subtype_difference=row["subtype_difference"],
    )


BUILTIN_TYPES: Final[Mapping[int, SqlType]] = MappingProxyType(
    {t.oid: t for t in map(_sql_type, _rows("builtin_types.tsv"))}
)
"""Every built-in type by oid."""

TYPES_BY_NAME: Final[Mapping[str, SqlType]] = MappingProxyType({t.name: t for t in BUILTIN_TYPES.values()})
"""Every built-in type by its internal name: `int4`, `_int4`, `bpchar`."""

RANGES: Final[Mapping[int, RangeType]] = MappingProxyType(
    {r.range_oid: r for r in map(_range_type, _rows("builtin_ranges.tsv"))}
)
"""The built-in range types by oid."""

RANGES_BY_MULTIRANGE: Final[Mapping[int, RangeType]] = MappingProxyType({r.multirange_oid: r for r in RANGES.values()})
"""The same by the oid of the multirange."""


def find_type(oid: int) -> SqlType | None:
    """The built-in type with this oid, or None."""
    return BUILTIN_TYPES.get(oid)


def type_by_oid(oid: int) -> SqlType:
    """The built-in type with this oid; raises XX000 as PostgreSQL's cache lookups do."""
    found = BUILTIN_TYPES.get(oid)
    if found is None:
        raise DatacaveError(f"cache lookup failed for type {oid}", sqlstate=sqlstate.INTERNAL_ERROR)
    return found


def type_by_name(name: str) -> SqlType | None:
    """The built-in type with this internal name, or None."""
    return TYPES_BY_NAME.get(name)
