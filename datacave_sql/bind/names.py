"""Names: which column a name means, through the scopes of nested queries.

A Scope holds what one query level can see: named sources (for `t.a`) and the columns a bare name finds (merged ones of
JOIN USING once). Looking up goes outwards; each boundary scope that is crossed remembers the columns that were taken
from outside, which is how correlation and LATERAL are noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind.access import RelationUse
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l


class SourceColumn(NamedTuple):
    """A column by name: a reference, or for the merged columns of FULL JOIN USING an expression over both sides."""

    name: str
    expression: n.Expression
    table_oid: int = 0
    attribute: int = 0
    use: RelationUse | None = None

    def note_read(self) -> None:
        """Notes that the statement reads the column. Raises 0A000 for one of the past whose type has changed since."""
        if self.use is not None:
            if self.attribute in self.use.unreadable:
                raise FeatureNotSupported(
                    f'the type of column "{self.name}" has changed since',
                    hint="BEGIN AS OF SYSTEM TIME, and SET datacave.as_of, read the types of the past too.",
                )
            self.use.read.add(self.attribute)


@dataclass(slots=True)
class Source:
    """A FROM item with a name. `schema` is set where it may also be named schema.table (no alias).

    `system` are columns that a star does not show. `row_type` is the type of a whole-row reference; `scalar` marks a
    function that returns a single plain column, whose whole row is that value.
    """

    name: str
    columns: tuple[SourceColumn, ...]
    schema: str | None = None
    relation: str | None = None
    table: Table | None = None
    system: tuple[SourceColumn, ...] = ()
    row_type: int = 2249
    scalar: bool = False
    nullable: bool = False
    """Whether an outer join may put NULLs in place of its rows: a whole row is NULL then."""
    hidden: tuple[l.OutputColumn, ...] = ()
    use: RelationUse | None = None
    scan: l.LogicalPlan | None = None
    policy: n.Expression | None = None
    """What row security asks of the rows of a table."""
    covered: tuple[Source, ...] = ()
    """The sources that an aliased join hides: named in error messages only."""
    record: str = ""
    """Of a record variable: "assigned" or "unassigned"."""


SYSTEM_COLUMNS = ("tableoid", "ctid", "xmin", "cmin", "xmax", "cmax")
"""Names that no column of a table may have."""


class CommonName(NamedTuple):
    """A WITH query by name; `columns` are the template its references copy."""

    id: int
    name: str
    columns: tuple[l.OutputColumn, ...]
    recursive: bool = False
    returns_rows: bool = True


@dataclass(frozen=True, slots=True)
class GroupingCall:
    """GROUPING(): its bound arguments, the column that stands for it, and whether that is read by a subquery."""

    arguments: tuple[n.Expression, ...]
    column: l.OutputColumn
    from_inside: bool


@dataclass(slots=True)
class Grouping:
    """What a query level collects above its FROM: aggregates, window calls and set-returning functions, by column."""

    aggregates: dict[n.AggregateCall, l.OutputColumn] = field(default_factory=dict)
    windows: dict[n.WindowCall, l.OutputColumn] = field(default_factory=dict)
    sets: list[tuple[n.Expression, l.OutputColumn]] = field(default_factory=list)
    grouping_calls: list[GroupingCall] = field(default_factory=list)


@dataclass(slots=True)
class Scope:
    """What one query level can see. `clause` is the clause at hand, for the placement rules of calls."""

    parent: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    columns: list[SourceColumn] = field(default_factory=list)
    clause: str = ""
    grouping: Grouping | None = None
    commons: dict[str, CommonName] = field(default_factory=dict)
    windows: dict[str, object] = field(default_factory=dict)
    boundary: bool = False
    outer: set[int] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)
    keep_unknown: bool = False
    in_aggregate: bool = False
    in_window: bool = False
    locked: bool = False
    variables: str = ""
    """Whether the names are variables of a routine: "error", "use_variable" or "use_column", what to do with a name
    that is a column too."""
    out_of_reach: Sequence[Source] = ()
    """Sources of the same FROM that stand before a subquery without LATERAL: named in error messages only."""

    def chain(self) -> Iterator[Scope]:
        """This scope and those around it, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def inner(self) -> Scope:
        """A boundary below this scope, for a subquery."""
        return Scope(self, boundary=True)

    def owned(self) -> set[int]:
        """Numbers of the columns that this level's FROM produces."""
        found: set[int] = set()
        for source in self.sources:
            _add_columns(found, source.columns)
            _add_columns(found, source.system)
        _add_columns(found, self.columns)
        return found

    def common(self, name: str) -> CommonName | None:
        """The WITH query of a name."""
        for scope in self.chain():
            found = scope.commons.get(name)
            if found is not None:
                return found
        return None


def _add_columns(found: set[int], columns: Iterable[SourceColumn]) -> None:
    for column in columns:
        e = column.expression
        if isinstance(e, n.ColumnReference):
            found.add(e.column)
        else:
            found |= n.columns_used(e)


def note_outer(scope: Scope, owner: Scope, columns: set[int]) -> None:
    """Remembers, at every boundary between a scope and the owner of columns, that they come from outside."""
    for level in scope.chain():
        if level is owner:
            level.taken |= columns
            return
        if level.boundary:
            level.outer |= columns


def level_of(scope: Scope, used: set[int]) -> Scope:
    """The query level an aggregate belongs to: the innermost one whose columns it reads, else the one it stands in."""
    if used:
        for level in scope.chain():
            if level.owned() & used:
                return level
    return scope


NotedOuter: TypeAlias = list[tuple[Scope, frozenset[int]]]


def noted_outer(scope: Scope) -> NotedOuter:
    """What the boundaries around a scope have noted of outer columns so far."""
    return [(one, frozenset(one.outer)) for one in scope.chain() if one.boundary]


def take_from_outside(scope: Scope, level: Scope, column: int, noted: NotedOuter) -> None:
    """A call in `scope` that belongs to an outer level is taken from there as a column; what its arguments read there
    since `noted` is not."""
    if level is not scope:
        own = level.owned()
        for boundary, before in noted:
            boundary.outer -= own - before
            if boundary.parent is level:
                break
    note_outer(scope, level, {column})


def _taken(scope: Scope, owner: Scope, column: SourceColumn) -> SourceColumn:
    if scope is not owner:
        note_outer(scope, owner, n.columns_used(column.expression))
    return column


def ambiguous(name: str, position: int) -> DatacaveError:
    """42702."""
    return DatacaveError(
        f'column reference "{name}" is ambiguous', sqlstate=sqlstate.AMBIGUOUS_COLUMN, position=position
    )


def find_column(scope: Scope, name: str, position: int) -> SourceColumn | None:
    """The column a bare name means, or None. Raises 42702."""
    for level in scope.chain():
        found = [column for column in level.columns if column.name == name]
        if len(found) > 1:
            raise ambiguous(name, position)
        if found:
            variable = None if level.variables else _variable(level, name, position)
            return variable if variable is not None else _taken(scope, level, found[0])
        system = [column for source in level.sources for column in source.system if column.name == name]
        if len(system) > 1:
            raise ambiguous(name, position)
        if system:
            return _taken(scope, level, system[0])
    return None


def find_variable(scope: Scope, name: str) -> SourceColumn | None:
    """The variable of a routine, or its argument, that a bare name means where no column can be meant."""
    for level in scope.chain():
        for column in level.columns if level.variables else ():
            if column.name == name:
                return _taken(scope, level, column)
    return None


def _variable(level: Scope, name: str, position: int) -> SourceColumn | None:
    """The variable that a column's name means instead, if the routine wants that. Raises 42702."""
    for outer in level.chain():
        for column in outer.columns if outer.variables else ():
            if column.name == name and outer.variables != "use_column":
                if outer.variables == "use_variable":
                    return column
                error = ambiguous(name, position)
                error.detail = "It could refer to either a PL/pgSQL variable or a table column."
                raise error
    return None


def find_source(scope: Scope, name: str, schema: str | None, position: int) -> tuple[Scope, Source] | None:
    """The FROM item a name means, and its level. Raises 42P09 when two have it."""
    for level in scope.chain():
        if schema is None:
            found = [source for source in level.sources if source.name == name]
        else:
            found = [source for source in level.sources if source.relation == name and source.schema == schema]
        if len(found) > 1:
            raise DatacaveError(
                f'table reference "{name}" is ambiguous', sqlstate=sqlstate.AMBIGUOUS_ALIAS, position=position
            )
        if found:
            return level, found[0]
    return None


def column_of(scope: Scope, owner: Scope, source: Source, name: str, position: int) -> SourceColumn | None:
    """A column of a source by name. Raises 42702 when it has two of that name."""
    found = [column for column in source.columns if column.name == name]
    if len(found) > 1:
        raise ambiguous(name, position)
    if not found:
        found = [column for column in source.system if column.name == name]
    return _taken(scope, owner, found[0]) if found else None


def missing_source(scope: Scope, name: str, position: int, schema: str | None = None) -> DatacaveError:
    """42P01 for a qualifier that no FROM item has, with PostgreSQL's hints."""
    hint = None
    unreachable = False
    for level in scope.chain():
        covered = [inner for source in level.sources for inner in source.covered]
        for source in (*level.out_of_reach, *covered):
            if source.name == name:
                unreachable = True
                hint = f'There is an entry for table "{name}", but it cannot be referenced from this part of the query.'
        for source in level.sources if schema is not None else ():
            if source.name == name:
                unreachable = True
                hint = f'There is an entry for table "{name}", but it cannot be referenced from this part of the query.'
        for source in (*level.sources, *level.out_of_reach):
            if source.relation == name and source.name != name:
                unreachable = True
                hint = f'Perhaps you meant to reference the table alias "{source.name}".'
    if unreachable:
        return DatacaveError(
            f'invalid reference to FROM-clause entry for table "{name}"',
            sqlstate=sqlstate.UNDEFINED_TABLE,
            hint=hint,
            position=position,
        )
    return DatacaveError(
        f'missing FROM-clause entry for table "{name}"', sqlstate=sqlstate.UNDEFINED_TABLE, position=position
    )


def undefined_field(source: Source, field_name: str) -> DatacaveError:
    """The error of a field that a record variable does not have, or of any as long as it has no value."""
    if source.record == "unassigned":
        return unassigned_record(source.name)
    return DatacaveError(f'record "{source.name}" has no field "{field_name}"', sqlstate=sqlstate.UNDEFINED_COLUMN)


def unassigned_record(name: str) -> DatacaveError:
    """55000 for a record variable without a value."""
    return DatacaveError(
        f'record "{name}" is not assigned yet',
        sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        detail="The tuple structure of a not-yet-assigned record is indeterminate.",
    )


_SYSTEM_COLUMN_ERRORS = {
    "check constraints": 'system column "{}" reference in check constraint is invalid',
    "column generation expressions": 'cannot use system column "{}" in column generation expression',
}
"""By clause, for the clauses where tableoid is the only system column that may be used."""


def undefined_column(scope: Scope, name: str, qualifier: str | None, position: int) -> DatacaveError:
    """42703 with a hint that names the column most like it; 42P10 for a system column where none may be used, 0A000
    for one of a written row, which has none before the commit."""
    if scope.clause in _SYSTEM_COLUMN_ERRORS and name in SYSTEM_COLUMNS:
        return DatacaveError(
            _SYSTEM_COLUMN_ERRORS[scope.clause].format(name),
            sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
            position=position,
        )
    if name in SYSTEM_COLUMNS and any(_returns_rows(one, qualifier) for one in scope.chain()):
        return FeatureNotSupported(
            f'system column "{name}" is not supported in RETURNING',
            hint="Select it from the table once the change is committed.",
            position=position,
        )
    shown = f"{qualifier}.{name}" if qualifier else f'"{name}"'
    return DatacaveError(
        f"column {shown} does not exist",
        sqlstate=sqlstate.UNDEFINED_COLUMN,
        hint=_similar(scope, name, qualifier),
        position=position,
    )


def _returns_rows(level: Scope, qualifier: str | None) -> bool:
    return level.clause == "RETURNING" and any(
        source.table is not None and source.table.kind in "rp" and qualifier in (None, source.name)
        for source in level.sources
    )


def _similar(scope: Scope, name: str, qualifier: str | None) -> str | None:
    """PostgreSQL's hint: the nearest names by edit distance, up to half of the name's length, at most two of them."""
    limit = min(3, len(name) // 2) if len(name) > 1 else 0
    limit = max(limit, 0)
    best: list[tuple[str, str]] = []
    best_distance = 4
    for level in scope.chain():
        for source in level.sources:
            penalty = 0 if qualifier is None or qualifier == source.name else edit_distance(qualifier, source.name)
            for column in source.columns:
                if column.name == name and qualifier is not None:
                    distance = penalty
                else:
                    distance = edit_distance(name, column.name)
                    if distance > max(len(name), len(column.name)) // 2:
                        continue
                    distance += penalty
                if distance > 3 or distance > best_distance:
                    continue
                if distance < best_distance:
                    best, best_distance = [], distance
                best.append((source.name, column.name))
    if len(best) == 1:
        return f'Perhaps you meant to reference the column "{best[0][0]}.{best[0][1]}".'
    if len(best) == 2:
        (a, b), (c, d) = best
        return f'Perhaps you meant to reference the column "{a}.{b}" or the column "{c}.{d}".'
    return None


def edit_distance(a: str, b: str) -> int:
    """Levenshtein's distance: insertions, deletions and substitutions at a cost of one."""
    previous = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        current = [i]
        for j, right in enumerate(b, 1):
            current.append(min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (left != right)))
        previous = current
    return previous[-1]
