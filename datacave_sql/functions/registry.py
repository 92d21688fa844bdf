"""Registry: every built-in function, operator and cast that PostgreSQL 15 has, with our body where there is one.

The facts (facts/*.tsv, exported from PostgreSQL's catalog) give names, oids and signatures, so that overload
resolution is exact even for functions that have no body yet; calling those answers 0A000. Rows are turned into
objects on first use, because a server touches few of the 3,200.
Not here: choosing among candidates (resolution.py) and what the functions do (bodies/).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from datacave_core.catalog import Routine
from datacave_core.errors import FeatureNotSupported
from datacave_core.values import Value
from datacave_sql.functions.aggregate import AggregateBody, AggregateMaker
from datacave_sql.functions.bodies import AGGREGATES, BODIES, INLINE_NAMES, WINDOWS
from datacave_sql.functions.body import Body, CallTypes
from datacave_sql.functions.factfiles import fact_rows, proc_names, proc_oids, proc_row, proc_rows_named
from datacave_sql.functions.typelookup import Attribute, TypeLookup
from datacave_sql.functions.window import WindowBody

VOID = 2278

__all__ = ["INLINE_NAMES"]


@dataclass(frozen=True, slots=True)
class Function:
    """One row of pg_proc and its body.

    `kind` is f function, a aggregate, w window. `argument_types` are the input arguments; `argument_names` name them
    ("" where unnamed). `columns` are the OUT and TABLE columns (name, type oid), empty unless the result is a record
    described by them. `variadic` is the element type oid of a VARIADIC last argument ("any" included), or 0.
    `body` and `inline` are None for functions without a body and for those that are specialised per call:
    `registry.bind` gives the body for a call in every case.
    """

    oid: int
    name: str
    kind: str
    argument_types: tuple[int, ...]
    return_type: int
    strict: bool
    volatility: str
    returns_set: bool
    variadic: int
    default_count: int
    argument_names: tuple[str, ...]
    columns: tuple[tuple[str, int], ...]
    default_values: tuple[Value, ...]
    cost: float
    rows: float
    parallel: str
    symbol: str
    entry: Body | None
    routine: Routine | None = field(default=None, compare=False)
    """The catalog's object, where a user has made the function."""
    aggregate: AggregateMaker | None = field(default=None, compare=False)
    """What makes the states of a user's aggregate."""
    default_types: tuple[int, ...] = field(default=(), compare=False)
    """The types of the defaults of a polymorphic function of a user."""

    @property
    def body(self) -> Callable[..., Any] | None:
        return self.entry.call if self.entry is not None else None

    @property
    def inline(self) -> str | None:
        return self.entry.inline if self.entry is not None else None

    @property
    def takes_context(self) -> bool:
        return self.entry is not None and self.entry.takes_context

    @property
    def is_row_source(self) -> bool:
        """Whether calls are made by an operator of their own."""
        return self.returns_set

    @property
    def waits(self) -> bool:
        """Whether a call may have to wait."""
        return self.entry is not None and (self.entry.waits or self.entry.queries)

    @property
    def supported(self) -> bool:
        """Whether a call can be answered."""
        if self.routine is not None and not self.routine.is_compiled:
            return True
        if self.kind == "a":
            return self.symbol in AGGREGATES
        if self.kind == "w":
            return self.symbol in WINDOWS
        return self.entry is not None


@dataclass(frozen=True, slots=True)
class OperatorFact:
    """One row of pg_operator; `left` is 0 for a prefix operator. `function` is the pg_proc oid behind it."""

    oid: int
    name: str
    left: int
    right: int
    result: int
    function: int
    commutator: int
    negator: int
    merges: bool
    hashes: bool
    restrict: str
    join: str
    target: Function | None = field(default=None, compare=False)
    """The function itself, where a user has made the operator."""


@dataclass(frozen=True, slots=True)
class CastFact:
    """One row of pg_cast: `context` i implicit, a assignment, e explicit; `method` f function, i text I/O, b binary."""

    source: int
    target: int
    function: int | None
    context: str
    method: str


@dataclass(frozen=True, slots=True)
class AggregateFact:
    """One row of pg_aggregate: `kind` n normal, o ordered-set, h hypothetical-set."""

    function: int
    kind: str
    direct_count: int
    transition: int
    final: int
    state: int
    sort_operator: int


_DEFAULTS: dict[str, Value] = {
    "false": False,
    "true": True,
    "defaults": "defaults",
    "'{}'::jsonb": "{}",
    "'NFC'::text": "NFC",
    "'use_json_null'::text": "use_json_null",
    "0": 0,
    "NULL": None,
    "0.0": 0.0,
    "60": 60,
}


def _default(expression: str) -> Value:
    if expression == "'{}'::text[]":
        return ()
    return _DEFAULTS[expression]


@cache
def function(oid: int) -> Function:
    """The function with this oid; KeyError if PostgreSQL has none."""
    row = proc_row(oid)
    arguments = tuple(map(int, row[8].split()))
    kind, symbol = row[2], row[19]
    if kind != "f" or not symbol:
        symbol = f"{row[1]}({row[8]})"
    modes, names = row[10], row[11].split(",") if row[11] else []
    columns: tuple[tuple[str, int], ...] = ()
    if modes:
        everything = list(map(int, row[9].split()))
        names += [""] * (len(modes) - len(names))
        columns = tuple((names[i], everything[i]) for i, mode in enumerate(modes) if mode in "otb")
        names = [names[i] for i, mode in enumerate(modes) if mode in "ibv"]
    names += [""] * (len(arguments) - len(names))
    return Function(
        oid=oid,
        name=row[1],
        kind=kind,
        argument_types=arguments,
        return_type=int(row[7]),
        strict=row[3] == "t",
        volatility=row[4],
        returns_set=row[5] == "t",
        variadic=int(row[6]),
        default_count=int(row[12]),
        argument_names=tuple(names),
        columns=columns,
        default_values=tuple(_default(part) for part in row[13].split(", ")) if row[13] else (),
        cost=float(row[14]),
        rows=float(row[15]),
        parallel=row[16],
        symbol=symbol,
        entry=BODIES.get(symbol),
    )


@cache
def functions_named(name: str) -> tuple[Function, ...]:
    """All functions, aggregates and window functions of this name; empty if there are none."""
    return tuple(function(int(row[0])) for row in proc_rows_named(name))


def function_names() -> list[str]:
    """Every name, for pg_proc and for completion."""
    return proc_names()


def all_functions() -> Iterator[Function]:
    """Every function, in name order."""
    return (function(oid) for oid in proc_oids())


@cache
def _operators() -> tuple[dict[str, tuple[OperatorFact, ...]], dict[int, OperatorFact]]:
    by_name: dict[str, list[OperatorFact]] = {}
    by_oid: dict[int, OperatorFact] = {}
    for r in fact_rows("operators.tsv"):
        left, right, result, proc, commutator, negator = map(int, r[3:9])
        flags = r[9] == "t", r[10] == "t"
        fact = OperatorFact(
            int(r[0]), r[1], left, right, result, proc, commutator, negator, *flags, restrict=r[11], join=r[12]
        )
        by_name.setdefault(fact.name, []).append(fact)
        by_oid[fact.oid] = fact
    return {name: tuple(facts) for name, facts in by_name.items()}, by_oid


def operators_named(name: str) -> tuple[OperatorFact, ...]:
    """All operators of this name, prefix ones included."""
    return _operators()[0].get(name, ())


def operator_oids() -> list[int]:
    """Every operator's oid, in name order."""
    return list(_operators()[1])


def operator(oid: int) -> OperatorFact:
    """The operator with this oid; KeyError if PostgreSQL has none."""
    return _operators()[1][oid]


@cache
def _casts() -> dict[tuple[int, int], CastFact]:
    casts = {}
    for row in fact_rows("casts.tsv"):
        source, target = int(row[1]), int(row[2])
        casts[source, target] = CastFact(source, target, int(row[3]) or None, row[4], row[5])
    return casts


def cast(source: int, target: int) -> CastFact | None:
    """The pg_cast entry for exactly these types; text I/O casts and arrays are resolution's business."""
    return _casts().get((source, target))


@cache
def _aggregates() -> dict[int, AggregateFact]:
    facts = {}
    for r in fact_rows("aggregates.tsv"):
        facts[int(r[0])] = AggregateFact(int(r[0]), r[1], int(r[2]), int(r[3]), int(r[4]), int(r[6]), int(r[9]))
    return facts


def aggregate(oid: int) -> AggregateFact:
    """The pg_aggregate entry of an aggregate function."""
    return _aggregates()[oid]


def aggregate_kind(function: Function) -> str:
    """pg_aggregate.aggkind: n normal, o ordered-set, h hypothetical-set."""
    if function.routine is not None:
        return function.routine.parts[0].kind
    return aggregate(function.oid).kind


def bind(
    function: Function,
    argument_types: tuple[int, ...],
    result_type: int,
    types: TypeLookup,
    *,
    variadic: bool = False,
    columns: tuple[Attribute, ...] = (),
) -> Body:
    """The body for one call, specialised where the function asks for it; FeatureNotSupported if there is none.

    `argument_types` are the actual types, also where the function takes "any"; `variadic` says that the last argument
    of a VARIADIC "any" function is an array marked VARIADIC; `columns` is a column definition list.
    """
    entry = function.entry
    if entry is None:
        raise unsupported(function)
    if function.return_type == VOID and function.routine is None:
        return _answering_void(entry)
    if entry.specialise is not None:
        return entry.specialise(CallTypes(argument_types, result_type, types, variadic, columns))
    return entry


def _answering_void(entry: Body) -> Body:
    """The value of type void is an empty text, not NULL."""
    call = entry.call
    assert call is not None
    work: Callable[..., Any] = call

    def answer(*arguments: Any) -> str:
        work(*arguments)
        return ""

    def wait(context: Any, *arguments: Any) -> str:
        context.run_inside(work(context, *arguments))
        return ""

    return Body(wait if entry.waits else answer, takes_context=entry.takes_context, waits=entry.waits)


def bind_aggregate(
    function: Function, argument_types: tuple[int, ...], result_type: int, types: TypeLookup
) -> AggregateBody:
    """The transition, batch and final functions of an aggregate call; FeatureNotSupported if there are none."""
    make = function.aggregate or AGGREGATES.get(function.symbol)
    if make is None:
        raise unsupported(function)
    return make(CallTypes(argument_types, result_type, types))


def bind_window(function: Function) -> WindowBody:
    """The body of a window function that is not an aggregate."""
    body = WINDOWS.get(function.symbol)
    if body is None:
        raise unsupported(function)
    return body


def unsupported(function: Function) -> FeatureNotSupported:
    """The answer to a call of a function that PostgreSQL has and Datacave has not."""
    return FeatureNotSupported(
        f"function {function.name} is not supported yet",
        hint="This built-in function of PostgreSQL has no counterpart in Datacave so far.",
    )
