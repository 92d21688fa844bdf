"""CatalogTypes: built-in types and those of a catalog snapshot, by oid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datacave_core.catalog import Catalog, Table, TypeDefinition
from datacave_core.types import SqlType, TypeIO, find_type, oids, type_io
from datacave_core.types.array import array_io
from datacave_core.types.extension_types import EXTENSION_IO
from datacave_core.types.range import multirange_io, range_io
from datacave_core.types.record import record_io
from datacave_core.types.sqltype import RangeType
from datacave_sql.functions.extensions import extension_type
from datacave_sql.functions.registry import OperatorFact
from datacave_sql.functions.textsearch.search import TextSearch
from datacave_sql.functions.typelookup import Attribute, CastRule, TypeLookup
from datacave_sql.functions.user_aggregates import any_function, operator_fact
from datacave_sql.pgcatalog.systemtypes import system_attributes, system_type
from datacave_sql.session.catalog_io import enum_io, unsafe_label


class CatalogTypes(TypeLookup):
    """What the functions and the planner ask about types, answered from one catalog snapshot."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._made: dict[int, SqlType | None] = {}
        self._ios: dict[int, TypeIO] = {}
        self._brought: dict[str, list[OperatorFact]] | None = None
        self.custom = bool(catalog.casts)
        self._text_search = TextSearch(catalog)

    @property
    def text_search(self) -> TextSearch:
        """Configurations and dictionaries, those of users among them."""
        return self._text_search

    def find(self, oid: int) -> SqlType | None:
        found = find_type(oid)
        if found is not None:
            return found
        if oid not in self._made:
            self._made[oid] = self._make(oid)
        return self._made[oid]

    def cast(self, source: int, target: int) -> CastRule | None:
        """A user's cast between exactly these types."""
        oid = self._catalog.cast_types.get((source, target))
        if oid is None:
            return None
        found = self._catalog.casts[oid]
        function = any_function(self._catalog, found.function_oid) if found.function_oid else None
        return CastRule(function, found.context, found.method == "b" and bool(found.extension_oid))

    def io(self, oid: int) -> TypeIO:
        """How values of a type are read, written and compared."""
        if find_type(oid) is not None:
            return type_io(oid)
        found = self._ios.get(oid)
        if found is None:
            found = self._ios[oid] = self._make_io(oid)
        return found

    def _make_io(self, oid: int) -> TypeIO:
        facts = self.type(oid)
        if reads := self.reads(oid):
            return EXTENSION_IO[reads]
        if facts.kind == "e":
            return enum_io(self._catalog.types[oid], self._new_labels(oid))
        if facts.kind == "d":
            return self.io(facts.base_oid)
        if facts.kind == "c":
            columns = self.attributes(oid)
            return record_io(
                [self.io(column.type) for column in columns],
                [column.type for column in columns],
                [column.typmod for column in columns],
            )
        if facts.kind == "r":
            return range_io(self.io(self.subtype(oid)))
        if facts.kind == "m":
            return multirange_io(self.io(self.subtype(self.subtype(oid))))
        if facts.is_array:
            return array_io(self.io(facts.element_oid), facts.element_oid)
        return super().io(oid)

    def _make(self, oid: int) -> SqlType | None:
        catalog = self._catalog
        definition = catalog.types.get(oid)
        if definition is not None:
            return self._defined(definition)
        table = catalog.table_of_row_type(oid)
        if table is not None:
            return _row_type(table)
        element = catalog.array_types.get(oid)
        if element is not None:
            return self._array(oid, element)
        return system_type(oid)

    def _defined(self, definition: TypeDefinition) -> SqlType:
        template = find_type(oids.TEXT)
        assert template is not None
        if definition.kind == "b":
            brought = extension_type(definition.reads)
            return replace(
                template, oid=definition.oid, name=definition.name, category=brought.category, preferred=False,
                array_oid=definition.array_oid, collation_oid=template.collation_oid if brought.collatable else 0,
                subscript=brought.subscript, input=brought.input, output=brought.output, receive=brought.receive,
                send=brought.send,
            )  # fmt: skip
        if definition.kind == "e":
            return replace(
                template, oid=definition.oid, name=definition.name, length=4, by_value=True, kind="e", category="E",
                preferred=False, array_oid=definition.array_oid, collation_oid=0, align="i", storage="p",
            )  # fmt: skip
        if definition.kind == "d":
            base = self.type(definition.base_type_oid)
            return replace(
                base, oid=definition.oid, name=definition.name, kind="d", preferred=False,
                array_oid=definition.array_oid, base_oid=definition.base_type_oid, base_typmod=definition.typmod,
                not_null=definition.not_null, default=definition.default,
            )  # fmt: skip
        if definition.kind in ("r", "m"):
            like = find_type(oids.NUMRANGE if definition.kind == "r" else oids.NUMMULTIRANGE)
            assert like is not None
            return replace(
                like, oid=definition.oid, name=definition.name, array_oid=definition.array_oid,
                align="d" if self.type(definition.base_type_oid).align == "d" else "i",
            )  # fmt: skip
        return _composite(template, definition.oid, definition.name, definition.array_oid, 0)

    def _array(self, oid: int, element: int) -> SqlType:
        template = find_type(oids.TEXT_ARRAY)
        assert template is not None
        inner = self.type(element)
        return replace(
            template, oid=oid, name=f"_{inner.name}", element_oid=element, array_oid=0,
            collation_oid=inner.collation_oid, align="d" if inner.align == "d" else "i",
        )  # fmt: skip

    def reads(self, oid: int) -> str:
        definition = self._catalog.types.get(oid)
        return definition.reads if definition is not None else ""

    def operators(self, name: str) -> Sequence[OperatorFact]:
        if self._brought is None:
            self._brought = {}
            for _, one in sorted(self._catalog.operators.items()):
                if one.extension_oid and (self.reads(one.left_oid) or self.reads(one.right_oid)):
                    self._brought.setdefault(one.name, []).append(operator_fact(self._catalog, one))
        return self._brought.get(name, ())

    def range_type(self, oid: int) -> RangeType | None:
        built_in = super().range_type(oid)
        if built_in is not None:
            return built_in
        definition = self._catalog.types.get(oid)
        if definition is not None and definition.kind == "m":
            definition = self._catalog.types.get(definition.base_type_oid)
        if definition is None or definition.kind != "r":
            return None
        return RangeType(
            definition.oid, definition.base_type_oid, definition.multirange_oid, definition.collation, "-", "-"
        )

    def attributes(self, oid: int) -> Sequence[Attribute]:
        definition = self._catalog.types.get(oid)
        if definition is not None:
            return [Attribute(c.name, c.type_oid, c.typmod) for c in definition.attributes if not c.dropped]
        table = self._catalog.table_of_row_type(oid)
        if table is not None:
            return [Attribute(c.name, c.type_oid, c.typmod) for c in table.live_columns]
        return system_attributes(oid)

    def _new_labels(self, oid: int) -> frozenset[str]:
        """The labels that an enum has got in the running transaction: a rollback would take them out of rows."""
        base = self._catalog.base
        before = base.types.get(oid) if base is not None else None
        if before is None:
            return frozenset()
        known = {label.oid for label in before.labels}
        return frozenset(label.label for label in self._catalog.types[oid].labels if label.oid not in known)

    def check_labels(self, oid: int, labels: Sequence[str]) -> None:
        """Raises 55P04 for a label that an enum has got in the running transaction."""
        if self._catalog.base is None:
            return
        new = self._new_labels(oid)
        for label in labels:
            if label in new:
                raise unsafe_label(self._catalog.types[oid].name, label)

    def labels(self, oid: int) -> Sequence[str]:
        definition = self._catalog.types.get(oid)
        if definition is None or definition.kind != "e":
            return ()
        return [label.label for label in sorted(definition.labels, key=lambda label: label.sort_order)]


def _row_type(table: Table) -> SqlType:
    template = find_type(oids.TEXT)
    assert template is not None
    return _composite(template, table.row_type_oid, table.name, table.row_array_type_oid, table.oid)


def _composite(template: SqlType, oid: int, name: str, array_oid: int, relation_oid: int) -> SqlType:
    return replace(
        template, oid=oid, name=name, kind="c", category="C", preferred=False, array_oid=array_oid,
        relation_oid=relation_oid, collation_oid=0, align="d",
    )  # fmt: skip
