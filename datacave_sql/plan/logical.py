"""Logical plans: what a statement means as a tree of relational operators, before anything is chosen.

The binder builds them, `rules/` rewrites them, `physical/` chooses access paths and algorithms. Every node lists the
columns it produces; column ids are unique in a statement, and a node that passes a column on keeps its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from datacave_core.catalog import Table
from datacave_sql.expr.nodes import AggregateCall, Expression, SortKey, WindowCall

CheckName: TypeAlias = str | tuple[str, str, str]
"""The name of a CHECK constraint; or what is asked of ("policy" new rows, "existing" rows in the way of an INSERT,
"target" rows of a MERGE), the name of a row security policy that restricts, empty for those that permit, its table."""

Secured: TypeAlias = "tuple[tuple[CheckName, Expression], ...]"
"""What row security asks of rows that are written, over the attributes of the table that is named."""

KEY_ATTRIBUTE = -100
"""Attribute number of the hidden scan column that holds the storage key of a row (bytes)."""

ROW_ATTRIBUTE = -101
"""Attribute number of the hidden scan column that holds the whole SQL row (a tuple by attribute number - 1)."""

KEYED_ATTRIBUTES = frozenset((KEY_ATTRIBUTE, -1, -2))
"""What is computed from the storage key."""

VERSION_BEGIN_ATTRIBUTE = -110
VERSION_END_ATTRIBUTE = -111
VERSION_TRANSACTION_ATTRIBUTE = -112
"""Attribute numbers of the hidden columns of row versions (FOR SYSTEM_TIME ALL and its kin)."""

TABLE_OID_ATTRIBUTE = -6
"""Attribute number of the system column tableoid, as in PostgreSQL; ctid is -1, xmin -2, cmin -3, xmax -4, cmax -5."""


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column a node produces. `table_oid` and `attribute` say where it comes from, for RowDescription."""

    id: int
    name: str
    type: int
    typmod: int = -1
    table_oid: int = 0
    attribute: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the past: a timestamptz, an interval before now, or a commit timestamp (bigint).

    The plan holds for moments from `since` (inclusive) to `until` (exclusive, None: no end), between two changes of
    the definitions; both are microseconds since 1970.
    """

    value: Expression
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class VersionSpan:
    """Which versions of rows: "all", "between" (end included) or "from" (end excluded) two moments."""

    kind: str
    start: Moment | None
    end: Moment | None


@dataclass(frozen=True, slots=True)
class Scan:
    """All live rows of a table (or materialized view). `columns` carry the attribute numbers to read.

    With `as_of` they are those of a past moment; with `versions` every version that was live in a span of time.
    """

    table: Table
    columns: tuple[OutputColumn, ...]
    alias: str
    as_of: Moment | None = None
    versions: VersionSpan | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """All rows of a table and of those that inherit from it, or of the partitions of a table.

    The members are scans that give the same column ids, each with the attribute numbers of its own table; conditions
    on the rows hold for all of them. `table` is the one that was named.
    """

    table: Table
    members: tuple[Scan, ...]
    columns: tuple[OutputColumn, ...]
    alias: str
    partitioning: Partitioning | None = None


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How the partitions of a table are told apart: its key, over the columns of a row, and what each part holds.

    `parts` stand in the order of `bounds`: the place of a table among the members or leaves of the node that carries
    this, or the Partitioning of a partition that is partitioned itself.
    """

    table: Table
    keys: tuple[Expression, ...]
    bounds: tuple[Any, ...]
    parts: tuple[int | Partitioning, ...]


@dataclass(frozen=True, slots=True)
class PartitionTest:
    """A row is in the part at `place` of `bounds` exactly if the key of `table` over the row's columns is."""

    table: Table
    keys: tuple[Expression, ...]
    bounds: tuple[Any, ...]
    place: int


@dataclass(frozen=True, slots=True)
class VirtualScan:
    """Rows that are computed from the catalog: a relation of pg_catalog or information_schema.

    `relation` offers `rows(context) -> iterable of tuples` over all of its attributes, in attribute order.
    """

    relation: Any
    columns: tuple[OutputColumn, ...]
    alias: str


@dataclass(frozen=True, slots=True)
class Values:
    """Rows written out; zero columns and one row is the FROM-less SELECT."""

    rows: tuple[tuple[Expression, ...], ...]
    columns: tuple[OutputColumn, ...]


@dataclass(frozen=True, slots=True)
class FunctionScan:
    """Set-returning functions side by side (ROWS FROM); shorter ones are padded with NULL.

    Each call fills as many columns as it returns; `ordinality` adds a bigint column at the end.
    """

    calls: tuple[tuple[Expression, int], ...]
    columns: tuple[OutputColumn, ...]
    ordinality: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """The rows for which the predicate is true.

    A `barrier` lets no condition from above see other rows, unless it can tell nobody about them.
    """

    child: LogicalPlan
    predicate: Expression
    barrier: bool = False

    @property
    def columns(self) -> tuple[OutputColumn, ...]:
        return self.child.columns


@dataclass(frozen=True, slots=True)
class Project:
    """Computes `expressions`, one for each of `columns`. A plain ColumnReference may keep its id."""

    child: LogicalPlan
    expressions: tuple[Expression, ...]
    columns: tuple[OutputColumn, ...]


@dataclass(frozen=True, slots=True)
class ProjectSet:
    """Like Project, where some expressions are calls of set-returning functions at the top: one row per element."""

    child: LogicalPlan
    expressions: tuple[Expression, ...]
    columns: tuple[OutputColumn, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """kind: "inner", "left", "right", "full", "semi", "anti". `lateral`: the right side uses columns of the left.

    Columns are the left's, then the right's (for semi and anti: the left's only).
    """

    kind: str
    left: LogicalPlan
    right: LogicalPlan
    condition: Expression | None
    lateral: bool = False

    @property
    def columns(self) -> tuple[OutputColumn, ...]:
        if self.kind in ("semi", "anti"):
            return self.left.columns
        return self.left.columns + self.right.columns


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Groups by `groups` and computes `aggregates`; `columns` are the groups', then the aggregates'.

    `grouping_sets`, when given, lists sets of positions into `groups`; groups that are not in a set are NULL there.
    `grouping_column` is the id of a column, last in `columns`, with the bit mask for GROUPING(): bit i is set when
    group i (counted from the least significant) is not in the set at hand.
    """

    child: LogicalPlan
    groups: tuple[Expression, ...]
    aggregates: tuple[AggregateCall, ...]
    columns: tuple[OutputColumn, ...]
    grouping_sets: tuple[tuple[int, ...], ...] | None = None
    grouping_column: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Adds one column per window call to the child's columns."""

    child: LogicalPlan
    calls: tuple[WindowCall, ...]
    columns: tuple[OutputColumn, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    """Orders rows; stable."""

    child: LogicalPlan
    keys: tuple[SortKey, ...]

    @property
    def columns(self) -> tuple[OutputColumn, ...]:
        return self.child.columns


@dataclass(frozen=True, slots=True)
class Limit:
    """Skips `offset` rows, then passes `count`; with `ties_keys` also the rows equal to the last one by these keys."""

    child: LogicalPlan
    count: Expression | None
    offset: Expression | None
    ties_keys: tuple[SortKey, ...] = ()

    @property
    def columns(self) -> tuple[OutputColumn, ...]:
        return self.child.columns


@dataclass(frozen=True, slots=True)
class Distinct:
    """One row of each set of equal rows; with `on`, the first row for each value of these expressions."""

    child: LogicalPlan
    on: tuple[Expression, ...] | None = None

    @property
    def columns(self) -> tuple[OutputColumn, ...]:
        return self.child.columns


@dataclass(frozen=True, slots=True)
class SetOperation:
    """kind: "union", "intersect", "except"; columns by position, both sides already of the result types."""

    kind: str
    every: bool
    left: LogicalPlan
    right: LogicalPlan
    columns: tuple[OutputColumn, ...]


@dataclass(frozen=True, slots=True)
class CommonTable:
    """A WITH query that is run once per execution, shared by its references. `name` for EXPLAIN.

    For a recursive one `plan` is the non-recursive term and `recursive` the recursive one, in which CommonTableScan
    with the same `id` reads the rows of the last round; `distinct` drops rows seen before (UNION without ALL).
    """

    id: int
    name: str
    plan: LogicalPlan
    recursive: LogicalPlan | None = None
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class With:
    """Makes common tables known to `child`. Data-modifying ones run to the end even where nobody reads them."""

    tables: tuple[CommonTable, ...]
    child: LogicalPlan

    @property
    def columns(self) -> tuple[OutputColumn, ...]:
        return self.child.columns


@dataclass(frozen=True, slots=True)
class CommonTableScan:
    """A reference to a common table: its columns by position."""

    id: int
    name: str
    columns: tuple[OutputColumn, ...]


@dataclass(frozen=True, slots=True)
class LockedTable:
    """One table of a LockRows: ids of its hidden key and row columns, and the scan's other columns of it.

    With `members` the rows are those of these tables, each given with its attribute numbers for those of `table`.
    """

    table: Table
    key_column: int
    old_row_column: int
    target_columns: tuple[OutputColumn, ...]
    members: tuple[tuple[Table, tuple[int, ...]], ...] | None = None


@dataclass(frozen=True, slots=True)
class LockRows:
    """SELECT FOR UPDATE and its kin: locks the rows of `tables` that pass.

    mode: "update", "no key update", "share", "key share"; policy: "wait", "nowait", "skip". `recheck` is the
    conjunction of the query's conditions, evaluated again when a row has changed since the snapshot.
    """

    child: LogicalPlan
    tables: tuple[LockedTable, ...]
    mode: str
    policy: str
    recheck: Expression | None = None

    @property
    def columns(self) -> tuple[OutputColumn, ...]:
        return self.child.columns


@dataclass(frozen=True, slots=True)
class WrittenMember:
    """One of the tables that are written where their parent is named.

    `attributes` are its attribute numbers for those of the parent (from 1; 0 for dropped ones). `generated` and
    `checks` are those of Update, over `row_columns` of this table; `tests` say whether a row is in its partition.
    """

    table: Table
    attributes: tuple[int, ...]
    generated: tuple[tuple[int, Expression], ...]
    checks: tuple[tuple[CheckName, Expression], ...]
    row_columns: tuple[OutputColumn, ...]
    tests: tuple[PartitionTest, ...] = ()


@dataclass(frozen=True, slots=True)
class Routing:
    """Where rows of a partitioned table go: complete rows are `row_columns`; `partitioning` leads to the `leaves`.

    `arbiters` are, for ON CONFLICT, the numbers of the indexes of each leaf.
    """

    partitioning: Partitioning
    row_columns: tuple[OutputColumn, ...]
    leaves: tuple[WrittenMember, ...]
    arbiters: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class OnConflict:
    """ON CONFLICT. `index_numbers`: the arbiter indexes (empty: any). Without `assignments`: DO NOTHING.

    `secured_existing` must hold for the row in the way, `secured` (over the insert's row) for what it becomes.

    `existing` are the columns (one per table attribute) that stand for the row in the way, `excluded` for the
    proposed one, in `assignments` and `predicate`.
    """

    index_numbers: tuple[int, ...]
    assignments: tuple[tuple[int, Expression], ...] = ()
    predicate: Expression | None = None
    existing: tuple[OutputColumn, ...] = ()
    excluded: tuple[OutputColumn, ...] = ()
    secured_existing: Secured = ()
    secured: Secured = ()


@dataclass(frozen=True, slots=True)
class Insert:
    """Inserts the child's rows. `targets`: attribute numbers, one per child column; the others get `defaults`.

    `defaults` pairs attribute numbers with bound default expressions (identity and serial included); `generated` with
    the expressions of stored generated columns, over `row_columns`; `checks` are (constraint name, condition) over
    `row_columns`, one per attribute of the complete new row. `returning` is computed over `row_columns` too. With
    `routing` the rows go to partitions, whose generated columns and checks count; `tests` are those of the table.
    """

    table: Table
    child: LogicalPlan
    targets: tuple[int, ...]
    defaults: tuple[tuple[int, Expression], ...]
    generated: tuple[tuple[int, Expression], ...]
    checks: tuple[tuple[CheckName, Expression], ...]
    row_columns: tuple[OutputColumn, ...]
    on_conflict: OnConflict | None
    returning: tuple[Expression, ...] | None
    columns: tuple[OutputColumn, ...]
    tests: tuple[PartitionTest, ...] = ()
    routing: Routing | None = None
    view_checks: tuple[tuple[str, Expression], ...] = ()
    secured: Secured = ()
    oid_column: int = 0
    """Id of the column of `returning` that stands for the oid of the table a row is in."""
    xmax_column: int = 0
    """That which is not 0 for rows that ON CONFLICT DO UPDATE has updated; 0 where nothing reads it."""


@dataclass(frozen=True, slots=True)
class Update:
    """Updates the rows the child finds. `key_column` and `old_row_column` are the ids of its hidden scan columns.

    `assignments` pairs attribute numbers with expressions over the child's columns. The new row's attributes are
    `row_columns` (for generated, checks and returning); `returning` may use the child's other columns as well.
    The child passes on every column that `assignments`, `returning` and its own conditions need; `recheck` is the
    conjunction of the conditions on the target, evaluated again when the row has changed since the snapshot; there
    `target_columns` (the scan's columns of the target) take the newest values. With `members` the rows are those of
    these tables, and the hidden columns hold keys and rows as these tables have them. A row that leaves its partition
    (by `tests`) goes where `routing` says, or nowhere.
    """

    table: Table
    child: LogicalPlan
    key_column: int
    old_row_column: int
    target_columns: tuple[OutputColumn, ...]
    assignments: tuple[tuple[int, Expression], ...]
    generated: tuple[tuple[int, Expression], ...]
    checks: tuple[tuple[CheckName, Expression], ...]
    row_columns: tuple[OutputColumn, ...]
    recheck: Expression | None
    returning: tuple[Expression, ...] | None
    columns: tuple[OutputColumn, ...]
    members: tuple[WrittenMember, ...] | None = None
    tests: tuple[PartitionTest, ...] = ()
    routing: Routing | None = None
    view_checks: tuple[tuple[str, Expression], ...] = ()
    secured: Secured = ()
    oid_column: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes the rows the child finds; the fields are Update's. `returning` reads the child's columns."""

    table: Table
    child: LogicalPlan
    key_column: int
    old_row_column: int
    target_columns: tuple[OutputColumn, ...]
    recheck: Expression | None
    returning: tuple[Expression, ...] | None
    columns: tuple[OutputColumn, ...]
    members: tuple[WrittenMember, ...] | None = None


@dataclass(frozen=True, slots=True)
class MergeAction:
    """One WHEN of MERGE. kind: "update", "insert", "delete", "nothing". For an insert `assignments` give every column
    that gets a value, defaults included. `existing` must hold for the row that is written over, `secured` for what an
    update makes of it."""

    matched: bool
    kind: str
    condition: Expression | None = None
    assignments: tuple[tuple[int, Expression], ...] = ()
    existing: Secured = ()
    secured: Secured = ()


@dataclass(frozen=True, slots=True)
class Merge:
    """MERGE: the child gives rows of the source with the target's columns, NULL in those that match none of its rows.

    The fields are Update's; `recheck` is the ON condition, `secured` is for the rows that are inserted. `members` are
    the tables with rows of the target, which is one of them where new rows do not go through `routing`.
    """

    table: Table
    child: LogicalPlan
    key_column: int
    old_row_column: int
    target_columns: tuple[OutputColumn, ...]
    actions: tuple[MergeAction, ...]
    generated: tuple[tuple[int, Expression], ...]
    row_columns: tuple[OutputColumn, ...]
    recheck: Expression | None
    members: tuple[WrittenMember, ...]
    routing: Routing | None
    tests: tuple[PartitionTest, ...]
    columns: tuple[OutputColumn, ...] = ()
    returning: None = None
    view_checks: tuple[tuple[str, Expression], ...] = ()
    secured: Secured = ()


@dataclass(frozen=True, slots=True)
class RuleSteps:
    """What rules make of a write: plans that run one after the other, each seeing what those before it have done.

    Rows come from the step `answering`, as its RETURNING gives them; the command tag counts those of `counting`.
    """

    steps: tuple[LogicalPlan, ...]
    answering: int | None
    counting: int | None
    returning: tuple[Expression, ...] | None
    columns: tuple[OutputColumn, ...]


LogicalPlan: TypeAlias = (
    Scan
    | Append
    | VirtualScan
    | Values
    | FunctionScan
    | Filter
    | Project
    | ProjectSet
    | Join
    | Aggregate
    | Window
    | Sort
    | Limit
    | Distinct
    | SetOperation
    | With
    | CommonTableScan
    | LockRows
    | Insert
    | Update
    | Delete
    | Merge
    | RuleSteps
)

PLAN_NODES = (
    Moment, VersionSpan, Scan, Append, Partitioning, PartitionTest, VirtualScan, Values, FunctionScan, Filter, Project,
    ProjectSet, Join, Aggregate, Window, Sort, Limit, Distinct, SetOperation, With, CommonTable, CommonTableScan,
    LockedTable, LockRows, OnConflict, WrittenMember, Routing, Insert, Update, Delete, MergeAction, Merge,
    RuleSteps,
)  # fmt: skip
"""Every class of this module that holds expressions or plans, for isinstance."""
