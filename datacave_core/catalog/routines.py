"""Routines: functions, procedures and aggregates made by users, and the operators and casts that call them."""

from __future__ import annotations

from dataclasses import dataclass

from datacave_core.catalog.objects import Grant


@dataclass(frozen=True, slots=True)
class RoutineArgument:
    """One argument; `mode` is i in, o out, b inout, v variadic, t a column of RETURNS TABLE; `default` is SQL text."""

    name: str
    type_oid: int
    mode: str = "i"
    default: str | None = None


@dataclass(frozen=True, slots=True)
class AggregateParts:
    """How an aggregate is computed: oids of functions (0: none), the type of the state and its first value as text.

    `kind` is n normal, o ordered-set, h hypothetical-set; `final_extra` says that the final function also gets NULLs
    in place of the aggregated arguments.
    """

    transition_oid: int
    state_type_oid: int
    final_oid: int = 0
    combine_oid: int = 0
    initial: str | None = None
    kind: str = "n"
    direct_count: int = 0
    final_extra: bool = False
    sort_operator_oid: int = 0
    state_size: int = 0
    depends_only_on_order: bool = False


@dataclass(frozen=True, slots=True)
class Routine:
    """A function (kind f), procedure (p) or aggregate (a) made by a user, or a constructor of a range type.

    `body` is the text between the quotes, or, where `sql_body` is "return" or "atomic", statements of the SQL
    standard's form, whose names are always looked for in `body_path`, the search path of their creation.
    `depends_on` lists oids of routines, relations and types that the definition needs. `parts` has one entry for
    aggregates and none for others.
    """

    oid: int
    schema_oid: int
    name: str
    kind: str = "f"
    arguments: tuple[RoutineArgument, ...] = ()
    return_type_oid: int = 2278
    returns_set: bool = False
    language: str = "sql"
    body: str = ""
    sql_body: str = ""
    body_path: tuple[str, ...] = ()
    volatility: str = "v"
    strict: bool = False
    security_definer: bool = False
    leakproof: bool = False
    parallel: str = "u"
    cost: float = 100.0
    rows: float = 0.0
    settings: tuple[tuple[str, str], ...] = ()
    owner_oid: int = 10
    privileges: tuple[Grant, ...] = ()
    depends_on: tuple[int, ...] = ()
    parts: tuple[AggregateParts, ...] = ()
    extension_oid: int = 0  # the extension that it belongs to
    type_oid: int = 0  # the range type that it makes values of

    @property
    def is_compiled(self) -> bool:
        """Whether `body` is the symbol of what it does: functions of extensions and constructors."""
        return bool(self.extension_oid or self.type_oid) and self.language != "sql" and self.kind != "a"

    @property
    def input_types(self) -> tuple[int, ...]:
        """What identifies the routine among those of its name."""
        return tuple(argument.type_oid for argument in self.arguments if argument.mode in "ibv")


@dataclass(frozen=True, slots=True)
class OperatorDefinition:
    """An operator made by a user; `left_oid` is 0 for a prefix operator. Oids of 0 mean none."""

    oid: int
    schema_oid: int
    name: str
    left_oid: int
    right_oid: int
    result_oid: int
    function_oid: int
    commutator_oid: int = 0
    negator_oid: int = 0
    restrict: str = ""
    join: str = ""
    hashes: bool = False
    merges: bool = False
    owner_oid: int = 10
    extension_oid: int = 0


@dataclass(frozen=True, slots=True)
class CastDefinition:
    """A cast made by a user: `context` i implicit, a assignment, e explicit; `method` f function, i text, b binary."""

    oid: int
    source_oid: int
    target_oid: int
    function_oid: int = 0
    context: str = "e"
    method: str = "f"
    extension_oid: int = 0


@dataclass(frozen=True, slots=True)
class Extension:
    """CREATE EXTENSION; what belongs to it names it by oid."""

    oid: int
    name: str
    schema_oid: int
    version: str
    owner_oid: int = 10
