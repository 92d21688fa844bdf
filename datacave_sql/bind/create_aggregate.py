"""CREATE AGGREGATE: an aggregate made of a transition function and, where it has one, a final function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import AggregateParts, Routine, RoutineArgument
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import relations, typenames
from datacave_sql.bind.bound_routines import CreateRoutine
from datacave_sql.bind.create_routine import invalid
from datacave_sql.bind.routine_resolution import as_function, resolve_named, routines_of
from datacave_sql.bind.state import Binding
from datacave_sql.bind.statements import BoundStatement
from datacave_sql.functions import registry
from datacave_sql.functions.coercion import is_binary_coercible
from datacave_sql.functions.polymorphism import POLYMORPHIC
from datacave_sql.functions.registry import Function
from datacave_sql.functions.resolution import ResolvedCast, signature
from datacave_sql.parse import ast

_IGNORED = frozenset(
    {
        "sspace", "mspace", "combinefunc", "serialfunc", "deserialfunc", "msfunc", "minvfunc", "mstype", "mfinalfunc",
        "minitcond", "mfinalfunc_extra", "mfinalfunc_modify", "finalfunc_modify", "parallel", "sortop", "hypothetical",
    }
)  # fmt: skip
_MODIFY = ("read_only", "shareable", "read_write")


def bind_create_aggregate(b: Binding, statement: ast.CreateAggregate, entries: object) -> BoundStatement:
    """CREATE AGGREGATE. Raises 42P13, 42883, 42804, 0A000 for what only functions of PostgreSQL's own can do."""
    schema = relations.creation_schema(b, statement.name, statement.position)
    unknown: list[str] = []
    items = _items(statement, unknown)
    arguments = _arguments(b, statement, items)
    if "sfunc" not in items:
        raise invalid("aggregate sfunc must be specified")
    if "stype" not in items:
        raise invalid("aggregate stype must be specified")
    types = tuple(argument.type_oid for argument in arguments)
    state = _type(b, items["stype"])
    if b.types.kind(state) == "p" and state not in POLYMORPHIC:
        if state == oids.INTERNAL:
            raise FeatureNotSupported(
                "aggregates with a state of type internal are not supported", hint="Use a state of an SQL type."
            )
        raise invalid(f"aggregate transition data type cannot be {b.types.name(state)}")
    if state in POLYMORPHIC and not POLYMORPHIC.intersection(types):
        raise invalid(
            "cannot determine transition data type",
            detail=f"A result of type {b.types.name(state)} requires at least one input of type anyelement, anyarray, "
            "anynonarray, anyenum, anyrange, or anymultirange.",
        )
    transition = _function(b, items["sfunc"], (state, *types), arguments)
    _check_result(b, transition, (state, *types), state, "return type of transition function")
    fits = bool(types) and (is_binary_coercible(types[0], state, b.types) or state in POLYMORPHIC)
    if transition[0].strict and "initcond" not in items and not fits:
        raise invalid(
            "must not omit initial value when transition function is strict and transition type is not compatible "
            "with input type"
        )
    final_extra = _flag(items.get("finalfunc_extra"))
    result, final_oid = state, 0
    if items.get("finalfunc") is not None:
        given = (state, *types) if final_extra else (state,)
        final, result = _function(b, items["finalfunc"], given, arguments)
        final_oid = final.oid
    if result in POLYMORPHIC and not POLYMORPHIC.intersection(types):
        raise DatacaveError("cannot determine result data type", sqlstate=sqlstate.DATATYPE_MISMATCH)
    initial = items.get("initcond")
    if initial is not None and state not in POLYMORPHIC:
        b.types.io(state).input(str(initial), -1, b.environment.format_settings)
    parts = AggregateParts(
        transition[0].oid,
        state,
        final_oid,
        initial=None if initial is None else str(initial),
        final_extra=final_extra,
    )
    depends = tuple(sorted(oid for oid in (transition[0].oid, final_oid, state, *types) if oid >= 16384))
    routine = Routine(
        0,
        schema.oid,
        statement.name[-1],
        "a",
        arguments,
        result,
        volatility="i",
        cost=1.0,
        language="internal",
        depends_on=depends,
        parts=(parts,),
    )
    return CreateRoutine(routine, _replaced(b, routine, statement), (), "CREATE AGGREGATE", tuple(unknown))


def _replaced(b: Binding, routine: Routine, statement: ast.CreateAggregate) -> Routine | None:
    oid = b.catalog.routine_names.get((routine.schema_oid, routine.name, routine.input_types))
    if oid is None:
        return None
    old = b.catalog.routines[oid]
    if not statement.or_replace:
        raise DatacaveError(
            f'function "{routine.name}" already exists with same argument types', sqlstate=sqlstate.DUPLICATE_FUNCTION
        )
    if old.kind != "a":
        word = {"f": "a function", "p": "a procedure"}[old.kind]
        raise DatacaveError(
            "cannot change routine kind",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            detail=f'"{routine.name}" is {word}.',
        )
    if old.return_type_oid != routine.return_type_oid:
        types = ",".join(b.types.name(oid) for oid in routine.input_types)
        raise invalid(
            "cannot change return type of existing function",
            hint=f"Use DROP AGGREGATE {routine.name}({types}) first.",
        )
    return old


def _items(statement: ast.CreateAggregate, unknown: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in statement.items:
        name = item.name
        if name in ("stype1", "sfunc1", "initcond1"):
            name = name[:-1]
        if name in ("stype", "sfunc", "finalfunc", "initcond", "basetype", "finalfunc_extra") or name in _IGNORED:
            found[name] = item.value if item.value is not None else (True if name.endswith("extra") else None)
            if name == "hypothetical":
                raise FeatureNotSupported(
                    "hypothetical-set aggregates of users are not supported", hint="Use the built-in ones."
                )
            if name.endswith("_modify") and _word(item.value) not in _MODIFY:
                raise DatacaveError(
                    f'parameter "{name}" must be READ_ONLY, SHAREABLE, or READ_WRITE', sqlstate=sqlstate.SYNTAX_ERROR
                )
            if name == "parallel" and _word(item.value) not in ("safe", "restricted", "unsafe"):
                raise DatacaveError(
                    'parameter "parallel" must be SAFE, RESTRICTED, or UNSAFE', sqlstate=sqlstate.SYNTAX_ERROR
                )
        else:
            unknown.append(f'aggregate attribute "{item.name}" not recognized')
    if ("msfunc" in found) != ("mstype" in found):
        if "msfunc" in found:
            raise invalid("aggregate mstype must be specified when msfunc is specified")
        raise invalid("aggregate msfunc must be specified when mstype is specified")
    return found


def _word(value: Any) -> str:
    return value.names[-1].lower() if isinstance(value, ast.TypeName) else str(value).lower()


def _flag(value: Any) -> bool:
    return value is True or (value is not None and _word(value) in ("true", "on", "1"))


def _type(b: Binding, value: Any) -> int:
    if isinstance(value, str):
        value = ast.TypeName(0, (value,))
    if not isinstance(value, ast.TypeName):
        raise invalid("aggregate stype must be specified")
    return typenames.resolve_type(b, value).oid


def _arguments(b: Binding, statement: ast.CreateAggregate, items: dict[str, Any]) -> tuple[RoutineArgument, ...]:
    if statement.parameters is None:
        base = items.get("basetype")
        if base is None:
            raise invalid("aggregate input type must be specified")
        if _word(base) in ("any", "*"):
            return ()
        return (RoutineArgument("", _type(b, base)),)
    if statement.ordered_from >= 0:
        raise FeatureNotSupported(
            "ordered-set aggregates of users are not supported", hint="Use the built-in ones, or ORDER BY in the call."
        )
    found = []
    for parameter in statement.parameters:
        if parameter.mode in ("out", "inout"):
            raise DatacaveError("aggregates cannot have output arguments", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
        oid = typenames.resolve_type(b, parameter.type_name).oid
        if parameter.mode == "variadic" and oid == oids.ANY:
            raise FeatureNotSupported(
                'aggregates with VARIADIC "any" arguments are not supported', hint="Use VARIADIC anyarray."
            )
        found.append(RoutineArgument(parameter.name or "", oid, "v" if parameter.mode == "variadic" else "i"))
    return tuple(found)


def _function(
    b: Binding, value: Any, given: Sequence[int], arguments: Sequence[RoutineArgument]
) -> tuple[Function, int]:
    """A support function by name, and the type of its result for these arguments. Raises 42883, 42804."""
    if isinstance(value, str):
        value = ast.TypeName(0, (value,))
    name = tuple(part for part in value.names if part != "pg_catalog" or len(value.names) == 1)
    exact = [as_function(b, routine) for routine in routines_of(b, name)] + list(registry.functions_named(name[-1]))
    for function in exact:
        if function.argument_types == tuple(given) and function.kind == "f" and not function.variadic:
            if not function.supported:
                raise registry.unsupported(function)
            return function, function.return_type
    if POLYMORPHIC.intersection(given):
        for function in exact:
            result = _polymorphic_result(function, given)
            if result:
                return function, result
    found = resolve_named(b, name, given, (), False)
    if isinstance(found, ResolvedCast):
        raise DatacaveError(
            f"function {signature('.'.join(name), given, b.types)} does not exist",
            sqlstate=sqlstate.UNDEFINED_FUNCTION,
        )
    for wanted, have in zip(given, found.argument_types, strict=False):
        if not is_binary_coercible(wanted, have, b.types) and have not in POLYMORPHIC:
            raise DatacaveError(
                f"function {signature('.'.join(name), found.function.argument_types, b.types)} requires run-time type "
                "coercion",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
            )
    if found.function.kind != "f":
        raise DatacaveError(f"{name[-1]} is not a plain function", sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if not found.function.supported:
        raise registry.unsupported(found.function)
    return found.function, found.result_type


def _polymorphic_result(function: Function, given: Sequence[int]) -> int:
    """The result of a support function whose polymorphic arguments stand where the aggregate's do, or 0."""
    declared = function.argument_types
    if function.kind != "f" or len(declared) != len(given) or not function.supported:
        return 0
    if any((have in POLYMORPHIC) != (want in POLYMORPHIC) for have, want in zip(declared, given, strict=True)):
        return 0
    if function.return_type not in POLYMORPHIC:
        return function.return_type
    return next((want for have, want in zip(declared, given, strict=True) if have == function.return_type), 0)


def _check_result(b: Binding, found: tuple[Function, int], given: Sequence[int], wanted: int, what: str) -> None:
    function, result = found
    if result != wanted and not (result in POLYMORPHIC and wanted in POLYMORPHIC):
        raise DatacaveError(
            f"{what} {function.name} is not {b.types.name(wanted)}", sqlstate=sqlstate.DATATYPE_MISMATCH
        )
