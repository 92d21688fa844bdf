"""TypeLookup: what function resolution and type-dependent bodies ask about types, by oid.

This class answers for the built-in types; a session extends it with its enums, domains and composites by overriding
`find`, `range_type`, `attributes` and `labels`. Unknown oids raise XX000.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import SqlType, find_type, format_type, oids
from datacave_core.types.array import array_io
from datacave_core.types.codec import KeyFunction, TypeIO
from datacave_core.types.enumeration import enum_io
from datacave_core.types.io import type_io
from datacave_core.types.record import record_io
from datacave_core.types.registry import RANGES, RANGES_BY_MULTIRANGE
from datacave_core.types.sqltype import RangeType
from datacave_sql.functions.textsearch.search import BUILT_IN_SEARCH, TextSearch

VECTORS = frozenset({oids.INT2VECTOR, oids.OIDVECTOR})
"""Types that can be taken apart as arrays and are elements of arrays like any other."""


class Attribute(NamedTuple):
    """One column of a composite type."""

    name: str
    type: int
    typmod: int = -1


class CastRule(NamedTuple):
    """A user's cast: a function, or None for a cast through the text forms, or of the value as it is (`binary`).

    `context` is as in pg_cast.
    """

    function: Any
    context: str
    binary: bool = False


class TypeLookup:
    """Facts about types. Stateless for built-in types."""

    custom = False
    """Whether there are casts or operators of users, so that what resolution remembers of built-in types is not all."""

    def cast(self, source: int, target: int) -> CastRule | None:
        """A user's cast between exactly these types, or None."""
        return None

    @property
    def text_search(self) -> TextSearch:
        """Configurations and dictionaries of text search by oid."""
        return BUILT_IN_SEARCH

    def find(self, oid: int) -> SqlType | None:
        """The type with this oid, or None."""
        return find_type(oid)

    def range_type(self, oid: int) -> RangeType | None:
        """The range with this range or multirange oid, or None."""
        return RANGES.get(oid) or RANGES_BY_MULTIRANGE.get(oid)

    def attributes(self, oid: int) -> Sequence[Attribute]:
        """The columns of a composite type, without dropped ones; empty for others."""
        return ()

    def reads(self, oid: int) -> str:
        """How values of a type that an extension has brought are read and compared, by name; "" for other types."""
        return ""

    def operators(self, name: str) -> Sequence[Any]:
        """The OperatorFacts of a name between types that extensions have brought, wherever these lie."""
        return ()

    def labels(self, oid: int) -> Sequence[str]:
        """The labels of an enum in their order; empty for others."""
        return ()

    def check_labels(self, oid: int, labels: Sequence[str]) -> None:
        """Raises 55P04 for a label that an enum has got in the running transaction."""

    def type(self, oid: int) -> SqlType:
        """The type with this oid; raises XX000 if there is none."""
        found = self.find(oid)
        if found is None:
            raise DatacaveError(f"cache lookup failed for type {oid}", sqlstate=sqlstate.INTERNAL_ERROR)
        return found

    def kind(self, oid: int) -> str:
        """pg_type.typtype: b base, c composite, d domain, e enum, p pseudo, r range, m multirange."""
        return self.type(oid).kind

    def category(self, oid: int) -> str:
        """pg_type.typcategory."""
        return self.type(oid).category

    def preferred(self, oid: int) -> bool:
        """pg_type.typispreferred."""
        return self.type(oid).preferred

    def element(self, oid: int) -> int:
        """The element type of an array type, int2vector and oidvector among them, else 0."""
        found = self.type(oid)
        return found.element_oid if found.is_array or oid in VECTORS else 0

    def array(self, oid: int) -> int:
        """The array type over this type, or 0."""
        return self.type(oid).array_oid

    def base(self, oid: int) -> int:
        """The type below a domain, however deep; any other type is its own base."""
        found = self.type(oid)
        while found.kind == "d":
            found = self.type(found.base_oid)
        return found.oid

    def base_typmod(self, oid: int) -> int:
        """The length, precision or scale that a domain gives its base type, -1 for none."""
        found = self.type(oid)
        typmod = -1
        while found.kind == "d":
            typmod = found.base_typmod if found.base_typmod >= 0 else typmod
            found = self.type(found.base_oid)
        return typmod

    def subtype(self, oid: int) -> int:
        """The subtype of a range, the range of a multirange, else 0."""
        found = self.range_type(oid)
        if found is None:
            return 0
        return found.subtype_oid if found.range_oid == oid else found.range_oid

    def multirange(self, oid: int) -> int:
        """The multirange type over a range, else 0."""
        found = self.range_type(oid)
        return found.multirange_oid if found is not None and found.range_oid == oid else 0

    def io(self, oid: int) -> TypeIO:
        """How values of the type are read, written and compared; raises 0A000 for types that have no values here.

        Made anew on every call for user-defined types: ask once per plan, not per value.
        """
        base = self.base(oid)
        if find_type(base) is not None:
            return type_io(base)
        found = self.type(base)
        if found.kind == "e":
            return enum_io(found.name, self.labels(base))
        if found.kind == "c":
            columns = self.attributes(base)
            types = [column.type for column in columns]
            return record_io([self.io(oid) for oid in types], types, [column.typmod for column in columns])
        if found.is_array:
            return array_io(self.io(found.element_oid), found.element_oid)
        return type_io(base)

    def comparison_key(self, oid: int) -> KeyFunction | None:
        """A function to objects that order as PostgreSQL does; None when the values themselves do."""
        return self.io(oid).comparison_key

    def name(self, oid: int, typmod: int | None = None) -> str:
        """The type's SQL name as format_type prints it, e.g. "timestamp without time zone"."""
        return format_type(oid, typmod, self.find)


BUILTIN_LOOKUP = TypeLookup()
"""The lookup that knows the built-in types only."""
