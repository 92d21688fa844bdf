"""Routines by name: DROP, ALTER, COMMENT and GRANT find them by their signatures; CALL runs a procedure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from datacave_core import sqlstate
from datacave_core.catalog import Routine
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import calls, relations, typenames
from datacave_sql.bind import statements as s
from datacave_sql.bind.bound_routines import AlterRoutine
from datacave_sql.bind.create_routine import bind_create_function, require_superuser
from datacave_sql.bind.names import Scope
from datacave_sql.bind.routine_options import read_options
from datacave_sql.bind.routine_resolution import as_function, note_call, routines_of
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions import registry
from datacave_sql.functions.resolution import ResolvedCast, signature
from datacave_sql.functions.routines import specialised
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

ROUTINE_KINDS = frozenset({"function", "procedure", "routine", "aggregate"})
_KINDS = {"function": "fw", "procedure": "p", "aggregate": "a", "routine": "fpaw"}
_ARTICLES = {"function": "a function", "procedure": "a procedure", "aggregate": "an aggregate"}


def _written(b: Binding, item: ast.RoutineSignature, types: tuple[int, ...]) -> str:
    return signature(relations.dotted(item.name), types, b.types)


def _undefined(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.UNDEFINED_FUNCTION)


def argument_types(b: Binding, item: ast.RoutineSignature) -> tuple[int, ...]:
    """The types that a signature names. Raises 42704."""
    return tuple(typenames.resolve_type(b, name).oid for name in item.arguments or ())


def find_routine(b: Binding, kind: str, item: ast.RoutineSignature) -> Routine:
    """The routine of a signature. Raises 42883, 42725 where a name alone is not enough, 42809, 2BP01 for built-ins."""
    if len(item.name) > 1:
        relations.require_schema(b, item.name[-2])
    wanted = _KINDS[kind]
    found = routines_of(b, item.name)
    if item.arguments is None:
        fitting = [routine for routine in found if routine.kind in wanted]
        if len(fitting) > 1:
            raise DatacaveError(
                f'{kind} name "{relations.dotted(item.name)}" is not unique',
                sqlstate=sqlstate.AMBIGUOUS_FUNCTION,
                hint=f"Specify the argument list to select the {kind} unambiguously.",
            )
        if not fitting:
            if found:
                raise _wrong_kind(f"{relations.dotted(item.name)}", kind)
            raise _undefined(f'could not find a {kind} named "{relations.dotted(item.name)}"')
        return fitting[0]
    types = argument_types(b, item)
    for routine in found:
        if routine.input_types == types:
            if routine.kind not in wanted:
                raise _wrong_kind(_written(b, item, types), kind)
            return routine
    if len(item.name) == 1 and any(f.argument_types == types for f in registry.functions_named(item.name[0])):
        raise DatacaveError(
            f"cannot drop function {_written(b, item, types)} because it is required by the database system",
            sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
        )
    star = kind == "aggregate" and not types
    text = f"{relations.dotted(item.name)}(*)" if star else _written(b, item, types)
    raise _undefined(f"{'function' if kind == 'routine' else kind} {text} does not exist")


def _wrong_kind(text: str, kind: str) -> DatacaveError:
    return DatacaveError(f"{text} is not {_ARTICLES[kind]}", sqlstate=sqlstate.WRONG_OBJECT_TYPE)


def bind_drop_routines(b: Binding, statement: ast.Drop) -> s.BoundStatement:
    """DROP FUNCTION, PROCEDURE, ROUTINE, AGGREGATE."""
    found: list[Routine] = []
    notices: list[tuple[str, str]] = []
    for item in statement.signatures:
        try:
            routine = find_routine(b, statement.kind, item)
        except DatacaveError as error:
            missing = (sqlstate.UNDEFINED_FUNCTION, sqlstate.UNDEFINED_OBJECT, sqlstate.INVALID_SCHEMA_NAME)
            if not statement.if_exists or error.sqlstate not in missing:
                raise
            message = error.message
            if message.startswith("could not find"):
                message = f"{statement.kind} {relations.dotted(item.name)}() does not exist"
            notices.append((f"{message}, skipping", "00000"))
            continue
        if routine not in found:
            found.append(routine)
    return s.DropObjects(statement.kind, tuple(found), statement.cascade, tuple(notices))


def bind_alter_function(b: Binding, statement: ast.AlterFunction, entries: object) -> s.BoundStatement:
    """ALTER FUNCTION and PROCEDURE with options."""
    routine = find_routine(b, statement.kind, statement.signature)
    options = read_options(statement.options, procedure=routine.kind == "p")
    if options.changes.get("leakproof"):
        require_superuser(b)
    return AlterRoutine(options.applied(routine), tuple(options.settings), f"ALTER {statement.kind.upper()}")


def bind_call(b: Binding, statement: ast.Call, around: Scope | None = None) -> s.BoundQuery:
    """CALL: a query of the procedure's output arguments. Raises 42883, 42809 for a function."""
    e = statement.call
    scope = Scope(around, clause="CALL arguments")
    arguments = [b.expression(item, scope) for item in e.arguments]
    labels = tuple(item.name for item in e.arguments if isinstance(item, ast.NamedArgument))
    types = [argument.type for argument in arguments]
    try:
        found = calls.resolve_name(b, e, types, labels)
    except DatacaveError as error:
        if error.sqlstate == sqlstate.UNDEFINED_FUNCTION:
            error.message = error.message.replace("function ", "procedure ", 1)
            error.args = (error.message,)
            error.hint = (
                "No procedure matches the given name and argument types. You might need to add explicit type casts."
            )
        raise
    if isinstance(found, ResolvedCast) or found.function.kind != "p":
        raise DatacaveError(
            f"{signature(relations.dotted(e.name), types, b.types)} is not a procedure",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            hint="To call a function, use SELECT.",
            position=e.position,
        )
    routine = found.function.routine
    assert routine is not None
    note_call(b, routine, e)
    values = calls.final_arguments(b, found, arguments)
    inputs = [value for value, argument in zip(values, _declared(routine), strict=True) if argument.mode != "o"]
    function = specialised(found.function, found.argument_types, b.types)
    result = oids.RECORD if function.columns else oids.VOID
    call = n.FunctionCall(function, tuple(inputs), result, position=e.position)
    described = function.columns or (("", oids.VOID),)
    columns = tuple(l.OutputColumn(b.new_id(), name, oid) for name, oid in described)
    b.calls_routines = True
    b.writes = True
    plan = l.FunctionScan(((call, len(columns)),), columns)
    return s.BoundQuery(
        plan,
        "call",
        columns if function.columns else (),
        bool(function.columns),
        b.parameters.final_types(),
        False,
        tuple(sorted(b.dependencies)),
        calls_routines=True,
    )


def _declared(routine: Routine) -> list:  # type: ignore[type-arg]
    return [argument for argument in routine.arguments if argument.mode in "ibvo"]


ROUTINES: Mapping[type, Callable[..., s.BoundStatement]] = {
    ast.CreateFunction: bind_create_function,
    ast.AlterFunction: bind_alter_function,
    ast.Call: lambda b, statement, entries: bind_call(b, statement),
}

__all__ = ["ROUTINES", "ROUTINE_KINDS", "as_function", "bind_drop_routines", "find_routine"]
