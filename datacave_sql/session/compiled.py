"""Compiled statements: everything that is known before parameters come, shared through the plan cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from datacave_core.catalog import Catalog
from datacave_core.transaction import TableLockMode
from datacave_core.types import find_type
from datacave_sql.bind.statements import BoundQuery
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.table_scan import KeyLookup
from datacave_sql.plan import logical as l
from datacave_sql.session.replies import ResultColumn, ResultHeader

ACCESS_SHARE = int(TableLockMode.ACCESS_SHARE)
ROW_SHARE = int(TableLockMode.ROW_SHARE)
ROW_EXCLUSIVE = int(TableLockMode.ROW_EXCLUSIVE)

TAGS = {"select": "SELECT", "insert": "INSERT 0", "update": "UPDATE", "delete": "DELETE", "merge": "MERGE"}


@dataclass(slots=True)
class CompiledQuery:
    """A planned query. It holds for exactly one catalog snapshot; any change of the catalog makes a new one, unless
    the query is `steady` (see steady_plans.py).

    `lookup` is the root operator where that finds rows by their complete keys: such statements need no transaction
    of their own and run without a generator. `written` lists the oids of the tables that it writes, `locked` those
    whose rows it locks, `tables` all tables that it touches with the modes in which it locks them.
    """

    catalog: Catalog
    operator: Operator
    columns: tuple[ResultColumn, ...]
    returns_rows: bool
    kind: str
    read_only: bool
    parameter_types: tuple[int, ...]
    written: tuple[int, ...]
    lookup: KeyLookup | None
    plan: l.LogicalPlan
    text: str
    parsed: Any
    shareable: bool = True
    locked: tuple[int, ...] = ()
    tables: tuple[tuple[int, int], ...] = ()
    steady: bool = False
    header: ResultHeader = field(init=False)

    def __post_init__(self) -> None:
        self.header = ResultHeader(self.columns)

    def tag(self, rows: int) -> str:
        """The command tag."""
        if self.kind == "call":
            return "CALL"
        return f"{TAGS[self.kind]} {rows}"


@dataclass(slots=True)
class CompiledUtility:
    """A statement that is no query; `columns` is None where it returns no rows.

    `statement` is its bound form, or None while it is prepared and bound only when it is run.
    """

    catalog: Catalog
    statement: Any
    columns: tuple[ResultColumn, ...] | None
    parameter_types: tuple[int, ...] = ()
    text: str = ""
    parsed: Any = None

    shareable: bool = True

    @property
    def returns_rows(self) -> bool:
        """Whether it gives rows, as SHOW and EXPLAIN do."""
        return self.columns is not None


def result_columns(catalog: Catalog, columns: Sequence[l.OutputColumn]) -> tuple[ResultColumn, ...]:
    """What RowDescription says of a plan's columns."""
    return tuple(
        ResultColumn(
            column.name, column.type, _size(catalog, column.type), column.typmod, column.table_oid, column.attribute
        )
        if column.attribute > 0
        else ResultColumn(column.name, column.type, _size(catalog, column.type), column.typmod)
        for column in columns
    )


def shapes(columns: Sequence[ResultColumn] | None) -> list[tuple[str, int, int]] | None:
    """What must stay when a statement is planned anew: names and types, wherever the columns come from."""
    return None if columns is None else [(one.name, one.type_oid, one.typmod) for one in columns]


def _size(catalog: Catalog, type_oid: int) -> int:
    found = find_type(type_oid)
    if found is not None:
        return found.length
    # Users' types: enums have 4 bytes in PostgreSQL, everything else a varying size.
    made = catalog.types.get(type_oid)
    return 4 if made is not None and made.kind == "e" and made.oid == type_oid else -1


def written_tables(plan: l.LogicalPlan) -> tuple[int, ...]:
    """Oids of the tables that a plan writes, in data-modifying common tables too."""
    writers = (l.Insert, l.Update, l.Delete, l.Merge, l.WrittenMember)
    return tuple(sorted({node.table.oid for node in _nodes(plan) if isinstance(node, writers)}))


def locked_tables(plan: l.LogicalPlan) -> tuple[int, ...]:
    """Oids of the tables whose rows a plan locks (FOR UPDATE and its kin)."""
    return tuple(sorted({node.table.oid for node in _nodes(plan) if isinstance(node, l.LockedTable)}))


def touched_tables(plan: l.LogicalPlan) -> tuple[tuple[int, int], ...]:
    """The tables of a plan with the modes in which it locks them."""
    modes: dict[int, int] = {}
    for node in _nodes(plan):
        if isinstance(node, l.Scan | l.Append):
            modes.setdefault(node.table.oid, ACCESS_SHARE)
    modes.update(dict.fromkeys(locked_tables(plan), ROW_SHARE))
    modes.update(dict.fromkeys(written_tables(plan), ROW_EXCLUSIVE))
    return tuple(sorted(modes.items()))


def _nodes(node: Any) -> Iterator[Any]:
    if isinstance(node, l.PLAN_NODES):
        yield node
        for name in node.__slots__:
            yield from _nodes(getattr(node, name))
    elif isinstance(node, tuple):
        for item in node:
            yield from _nodes(item)


def compiled_query(catalog: Catalog, bound: BoundQuery, operator: Operator, text: str, parsed: Any) -> CompiledQuery:
    """Puts a bound and planned query together."""
    return CompiledQuery(
        catalog,
        operator,
        result_columns(catalog, bound.columns),
        bound.returns_rows,
        bound.kind,
        bound.read_only,
        bound.parameter_types,
        written_tables(bound.plan),
        operator if isinstance(operator, KeyLookup) and operator.as_of is None else None,
        bound.plan,
        text,
        parsed,
        bound.shareable,
        locked_tables(bound.plan),
        touched_tables(bound.plan),
    )
