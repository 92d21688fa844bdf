"""Facts: the shape of PostgreSQL 15's system relations and the rows of those that never change.

The files facts/*.tsv are exported (tests/oracle/export_pgcatalog.py): one header line, tabs between fields, `\\N` for
NULL, functions as oids. Everything is read on first use. Not here: functions, operators and casts
(functions/facts), built-in types (core).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from datacave_core.catalog import INFORMATION_SCHEMA_OID, PG_CATALOG_OID
from datacave_core.types import DEFAULT_SETTINGS, type_io
from datacave_core.values import Row
from datacave_sql.functions.factfiles import fact_rows

_FACTS: Final = Path(__file__).with_name("facts")
SCHEMA_OIDS: Final = {"pg_catalog": PG_CATALOG_OID, "information_schema": INFORMATION_SCHEMA_OID}


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """One column of a system relation, as pg_attribute has it."""

    number: int
    name: str
    type_oid: int
    typmod: int
    dimensions: int
    not_null: bool
    collation: int


@dataclass(frozen=True, slots=True)
class RelationShape:
    """One system table or view. `public_privileges` are letters, None where pg_class.relacl is null."""

    oid: int
    schema: str
    name: str
    kind: str  # r or v, or i of an index
    row_type_oid: int
    array_type_oid: int
    access_method: int
    shared: bool
    has_index: bool
    replica_identity: str
    public_privileges: str | None
    columns: tuple[ColumnShape, ...]

    @property
    def schema_oid(self) -> int:
        return SCHEMA_OIDS[self.schema]


@dataclass(frozen=True, slots=True)
class IndexShape:
    """One index of a system table; `constraint_oid` is 0 where there is none."""

    oid: int
    relation_oid: int
    unique: bool
    primary: bool
    immediate: bool
    keys: tuple[int, ...]
    collations: tuple[int, ...]
    classes: tuple[int, ...]
    options: tuple[int, ...]
    constraint_oid: int
    definition: str


@dataclass(frozen=True, slots=True)
class DomainShape:
    """One of information_schema's domains."""

    oid: int
    name: str
    array_oid: int
    base_oid: int
    typmod: int
    collation: int
    constraint_oid: int
    constraint_name: str
    definition: str


def read_facts(path: Path) -> tuple[list[str], list[list[str]]]:
    """The header and the lines of one file."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return lines[0].split("\t"), [line.split("\t") for line in lines[1:] if line]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


@cache
def relation_shapes() -> dict[int, RelationShape]:
    """Tables, views and indexes of pg_catalog and information_schema, by oid."""
    columns: dict[int, list[ColumnShape]] = {}
    for relation, number, name, type_oid, typmod, dimensions, not_null, collation in read_facts(_FACTS / "columns.tsv")[
        1
    ]:
        columns.setdefault(int(relation), []).append(
            ColumnShape(int(number), name, int(type_oid), int(typmod), int(dimensions), not_null == "t", int(collation))
        )
    found = {}
    for oid, schema, name, kind, row, array, method, shared, indexed, identity, public in read_facts(
        _FACTS / "relations.tsv"
    )[1]:
        found[int(oid)] = RelationShape(
            int(oid), schema, name, kind, int(row), int(array), int(method), shared == "t", indexed == "t", identity,
            None if public == "-" else public, tuple(columns.get(int(oid), ())),
        )  # fmt: skip
    return found


@cache
def index_shapes() -> dict[int, IndexShape]:
    """The indexes of the system tables, by oid."""
    found = {}
    for oid, relation, unique, primary, immediate, keys, collations, classes, options, constraint, text in read_facts(
        _FACTS / "indexes.tsv"
    )[1]:
        found[int(oid)] = IndexShape(
            int(oid), int(relation), unique == "t", primary == "t", immediate == "t", _numbers(keys),
            _numbers(collations), _numbers(classes), _numbers(options), int(constraint), text,
        )  # fmt: skip
    return found


@cache
def domain_shapes() -> dict[int, DomainShape]:
    """The domains of information_schema, by oid."""
    found = {}
    for oid, name, array, base, typmod, collation, constraint, constraint_name, text in read_facts(
        _FACTS / "domains.tsv"
    )[1]:
        checked = constraint != "\\N"
        found[int(oid)] = DomainShape(
            int(oid), name, int(array), int(base), int(typmod), int(collation), int(constraint) if checked else 0,
            constraint_name if checked else "", text if checked else "",
        )  # fmt: skip
    return found


@cache
def base_type(type_oid: int) -> int:
    """The type that values of a column have on the wire: of a domain, the type below it."""
    domain = domain_shapes().get(type_oid)
    return domain.base_oid if domain is not None else type_oid


@cache
def fixed_rows(name: str) -> tuple[Row, ...]:
    """The rows of a catalog that never change; () for one without a file."""
    path = _FACTS / f"{name}.tsv"
    if not path.exists():
        return ()
    shape = next(shape for shape in relation_shapes().values() if shape.name == name)
    _, lines = read_facts(path)
    readers = [type_io(base_type(column.type_oid)).input for column in shape.columns]
    settings = DEFAULT_SETTINGS
    return tuple(
        tuple(None if text == "\\N" else read(text, -1, settings) for read, text in zip(readers, line, strict=True))
        for line in lines
    )


@cache
def function_oid(name: str) -> int:
    """The oid of a built-in function whose name is not overloaded; 0 for "-"."""
    if name == "-":
        return 0
    return _function_oids()[name]


@cache
def _function_oids() -> dict[str, int]:
    return {line[1]: int(line[0]) for line in reversed(list(fact_rows("procs.tsv")))}
