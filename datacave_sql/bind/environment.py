"""BindingEnvironment: what a statement is bound against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from datacave_core.catalog import Catalog
from datacave_core.catalog import Sequence as CatalogSequence
from datacave_core.types import DEFAULT_SETTINGS, FormatSettings
from datacave_core.values import Row
from datacave_sql.functions.typelookup import TypeLookup


class VirtualRelation(Protocol):
    """A relation whose rows are computed: `columns` are (name, type oid) by attribute number."""

    @property
    def oid(self) -> int: ...

    @property
    def columns(self) -> Sequence[tuple[str, int]]: ...

    def rows(self, context: Any) -> Iterable[Row]:
        """Tuples over all columns."""


class LookupRelation(VirtualRelation, Protocol):
    """A virtual relation that can also find rows by the value of a column."""

    @property
    def lookup_columns(self) -> frozenset[int]:
        """Attribute numbers by which `lookup` finds rows without reading all of them."""

    def lookup(self, attribute: int, values: Sequence[Any], context: Any) -> Iterable[Row]:
        """The rows whose column equals one of the values, each once; NULL equals nothing."""


class VirtualRelations(Protocol):
    """The relations of pg_catalog and information_schema."""

    def lookup(self, schema: str, name: str) -> VirtualRelation | None:
        """The relation schema.name, or None."""

    def of_sequence(self, sequence: CatalogSequence) -> VirtualRelation:
        """The relation with the one row of a sequence: last_value, log_cnt, is_called."""

    def index_oid(self, name: str) -> int | None:
        """The oid of an index of pg_catalog, or None."""


class Past(Protocol):
    """The definitions of the past, by moments in microseconds since 1970."""

    def now(self) -> int: ...

    def evaluate(self, expression: Any) -> Any:
        """The value of an expression over nothing. Raises 0A000 if it has parameters."""

    def restore_point(self, name: str) -> int | None:
        """The commit timestamp of a named restore point."""

    def changed_at(self, moment: int | None) -> int:
        """When the definitions of a moment (None: the present ones) came into force."""

    def span_of(self, moment: int) -> tuple[int, int | None]:
        """From when until when the definitions of a moment held; no end: they still do."""

    def catalog_at(self, moment: int) -> Catalog:
        """The definitions of a moment. Raises 72000 before the first kept ones."""


@dataclass(frozen=True, slots=True)
class BindingEnvironment:
    """A catalog snapshot and how the session finds names in it.

    `search_path` holds schemas that exist, in order, without the implicit pg_catalog and without the temporary schema,
    which is `temporary_schema` where the session has one.
    """

    catalog: Catalog
    types: TypeLookup
    search_path: tuple[str, ...] = ("public",)
    current_user: str = "admin"
    session_user: str = "admin"
    unread: bool = False
    format_settings: FormatSettings = DEFAULT_SETTINGS
    virtual_relations: VirtualRelations | None = None
    temporary_schema: str | None = None
    row_security: bool = True
    rights: Catalog | None = None
    """Whose roles, privileges and policies count where another catalog is read, that of a past moment."""
    past: Past | None = None
    transition_tables: Mapping[str, VirtualRelation] = field(default_factory=dict)
    """The tables of changed rows that the trigger which runs can read, by name."""
    checks_bodies: bool = True
    """check_function_bodies: whether the body of a function is bound when it is made."""
