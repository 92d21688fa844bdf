"""SqlType: what pg_type says about one type, as an immutable value.

Field names are plain words; the pg_type column is named beside each. Built-in rows come from `builtin_types.tsv`
(`registry.py`); the catalog makes more of them for domains, enumerations and row types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ARRAY_SUBSCRIPT: Final = "array_subscript_handler"
"""The subscript handler of true arrays; int2vector and oidvector have it too, with a fixed base."""


@dataclass(frozen=True, slots=True)
class SqlType:
    """One row of pg_type. Oids of 0 mean none, `-` as a function name likewise."""

    oid: int
    name: str  # typname
    length: int  # typlen: bytes, -1 varlena, -2 cstring
    by_value: bool  # typbyval
    kind: str  # typtype: b base, c composite, d domain, e enum, p pseudo, r range, m multirange
    category: str  # typcategory
    preferred: bool  # typispreferred
    delimiter: str  # typdelim
    relation_oid: int  # typrelid
    element_oid: int  # typelem
    array_oid: int  # typarray
    base_oid: int  # typbasetype
    align: str  # typalign: c s i d
    storage: str  # typstorage: p e m x
    collation_oid: int  # typcollation
    base_typmod: int = -1  # typtypmod
    dimensions: int = 0  # typndims
    not_null: bool = False  # typnotnull
    defined: bool = True  # typisdefined
    default: str | None = None  # typdefault
    subscript: str = "-"  # typsubscript
    input: str = "-"  # typinput
    output: str = "-"  # typoutput
    receive: str = "-"  # typreceive
    send: str = "-"  # typsend
    typmod_in: str = "-"  # typmodin
    typmod_out: str = "-"  # typmodout
    analyze: str = "-"  # typanalyze

    @property
    def is_array(self) -> bool:
        """True for T[] types, whose values are Array; false for int2vector, oidvector and subscriptable scalars."""
        return self.length == -1 and self.element_oid != 0 and self.subscript == ARRAY_SUBSCRIPT and self.array_oid == 0


@dataclass(frozen=True, slots=True)
class RangeType:
    """One row of pg_range."""

    range_oid: int
    subtype_oid: int
    multirange_oid: int
    collation_oid: int
    canonical: str
    subtype_difference: str
