"""CREATE FUNCTION and CREATE PROCEDURE: the signature, the options, and a body that fits the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Routine, RoutineArgument
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, relations, typenames
from datacave_sql.bind import statements as s
from datacave_sql.bind.bound_routines import CreateRoutine
from datacave_sql.bind.names import Scope
from datacave_sql.bind.nested import Entries
from datacave_sql.bind.routine_body import bind_body, body_environment, result_shape
from datacave_sql.bind.routine_options import RoutineOptions, read_options
from datacave_sql.bind.sqltext import SqlText
from datacave_sql.bind.state import Binding
from datacave_sql.bind.statements import BoundQuery
from datacave_sql.bind.stored_text import statements_of
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.functions.polymorphism import POLYMORPHIC
from datacave_sql.parse import ParsedStatement, ast
from datacave_sql.plpgsql.checking import check_body

_MODES = {"in": "i", "default": "i", "out": "o", "inout": "b", "variadic": "v", "table": "t"}
_KIND_WORDS = {"f": "a function", "p": "a procedure", "a": "an aggregate function", "w": "a window function"}
_OTHER_LANGUAGES = frozenset({"c", "internal", "plperl", "plperlu", "plpython3u", "pltcl", "plv8"})
_ARRAYS = frozenset({oids.ANYARRAY, oids.ANYCOMPATIBLEARRAY, oids.ANY})
_COMPATIBLE_NAMES = "anycompatible, anycompatiblearray, anycompatiblenonarray, anycompatiblerange, or"


def invalid(message: str, detail: str | None = None, hint: str | None = None, position: int | None = None) -> Any:
    """42P13."""
    return DatacaveError(
        message, sqlstate=sqlstate.INVALID_FUNCTION_DEFINITION, detail=detail, hint=hint, position=position
    )


def unfit(language: str, what: str) -> DatacaveError:
    """The error of a type that a language has no values of."""
    if language == "plpgsql":
        what = what.replace("have arguments of", "accept")
        return FeatureNotSupported(f"PL/pgSQL functions cannot {what}")
    refused: DatacaveError = invalid(f"SQL functions cannot {what}")
    return refused


def bind_create_function(b: Binding, statement: ast.CreateFunction, entries: Entries) -> s.BoundStatement:
    """CREATE FUNCTION, CREATE PROCEDURE. Raises 42P13, 42723, 42704, 0A000 for languages other than SQL."""
    schema = relations.creation_schema(b, statement.name, statement.position)
    options = read_options(statement.options, procedure=statement.procedure)
    language = _check_language(statement, options)
    arguments = _arguments(b, statement, language)
    result, returns_set = _result(b, statement, arguments, language)
    _check_polymorphic(arguments, result)
    routine = Routine(
        0,
        schema.oid,
        statement.name[-1],
        "p" if statement.procedure else "f",
        arguments,
        result,
        returns_set,
        language=language,
        body=statement.body or "",
        sql_body=statement.sql_body,
        body_path=b.environment.search_path if statement.sql_body else (),
    )
    routine = options.applied(routine)
    if routine.leakproof:
        require_superuser(b)
    old = _replaced(b, routine, statement)
    routine = replace(routine, depends_on=_check_body(b, routine, old, entries))
    tag = "CREATE PROCEDURE" if statement.procedure else "CREATE FUNCTION"
    return CreateRoutine(routine, old, tuple(options.settings), tag)


def _check_language(statement: ast.CreateFunction, options: RoutineOptions) -> str:
    language = options.language
    if language is None:
        if not statement.sql_body:
            raise invalid("no language specified")
        language = "sql"
    if language.lower() == "plpgsql":
        if statement.sql_body:
            raise invalid("inline SQL function body only valid for language SQL")
    elif language.lower() != "sql":
        if language.lower() in _OTHER_LANGUAGES:
            raise FeatureNotSupported(
                f"functions in language {language} are not supported", hint="Write the function in LANGUAGE sql."
            )
        raise DatacaveError(f'language "{language}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    if options.window:
        raise FeatureNotSupported(
            "window functions cannot be written in SQL", hint="Use an aggregate with an OVER clause."
        )
    if options.body is not None and statement.sql_body:
        raise invalid("duplicate function body specified")
    if options.body is None and not statement.sql_body:
        raise invalid("no function body specified")
    if options.body is not None and len(options.body) > 1:
        raise invalid(f'only one AS item needed for language "{language.lower()}"')
    return language.lower()


# --- the signature ---------------------------------------------------------------------------------------------------


def _arguments(b: Binding, statement: ast.CreateFunction, language: str) -> tuple[RoutineArgument, ...]:
    found: list[RoutineArgument] = []
    had_default = had_variadic = False
    for parameter in statement.parameters:
        mode = _MODES[parameter.mode]
        oid, _ = typenames.resolve_type(b, parameter.type_name)
        if parameter.type_name.setof:
            what = "procedures" if statement.procedure else "functions"
            raise invalid(f"{what} cannot accept set arguments")
        if b.types.kind(oid) == "p" and oid not in POLYMORPHIC and oid not in (oids.RECORD, oids.ANY):
            where = "return type" if mode in "ot" else "have arguments of type"
            raise unfit(language, f"{where} {b.types.name(oid)}")
        if language == "sql" and oid in (oids.RECORD, oids.ANY) and mode in "ibv":
            raise invalid(f"SQL functions cannot have arguments of type {b.types.name(oid)}")
        if mode in "ib" and had_variadic and not statement.procedure:
            raise invalid("VARIADIC parameter must be the last input parameter")
        if mode in "iobv" and had_variadic and statement.procedure:
            raise invalid("VARIADIC parameter must be the last parameter")
        if mode == "v":
            if had_variadic:
                raise invalid("VARIADIC parameter must be the last input parameter")
            had_variadic = True
            if oid not in _ARRAYS and not b.types.element(oid):
                raise invalid("VARIADIC parameter must be an array")
        _check_name(found, parameter.name or "", mode)
        default = None
        if parameter.default is not None:
            if mode in "ot":
                raise invalid("only input parameters can have default values")
            had_default = True
            default = _default(b, parameter.default, oid)
        elif mode in "ibv" and had_default:
            raise invalid("input parameters after one with a default value must also have defaults")
        elif mode == "o" and statement.procedure and had_default:
            raise invalid("procedure OUT parameters cannot appear after one with a default value")
        found.append(RoutineArgument(parameter.name or "", oid, mode, default))
    return tuple(found)


def _check_name(found: Sequence[RoutineArgument], name: str, mode: str) -> None:
    """Names of inputs and names of outputs are each used once; an input may have the name of an output."""
    for other in found:
        separate = (mode in "iv" and other.mode in "ot") or (mode in "ot" and other.mode in "iv")
        if name and other.name == name and not separate:
            raise invalid(f'parameter name "{name}" used more than once')


def _default(b: Binding, node: ast.Expression, oid: int) -> str:
    value = b.expression(node, Scope(clause="DEFAULT expressions"))
    for part in n.walk(value):
        if isinstance(part, n.ColumnReference):
            raise DatacaveError(
                "cannot use table references in parameter default value", sqlstate=sqlstate.INVALID_COLUMN_REFERENCE
            )
        if isinstance(part, n.SubqueryExpression):
            raise DatacaveError("cannot use subquery in DEFAULT expression", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    if oid not in POLYMORPHIC and coercion.coerce(b, value, oid, -1, ASSIGNMENT) is None:
        coercion.require(b, value, oid)
    return SqlText(routine=b.routine_name)(node)


def _result(
    b: Binding, statement: ast.CreateFunction, arguments: Sequence[RoutineArgument], language: str
) -> tuple[int, bool]:
    """The result's type and whether there may be many of it."""
    outputs = [argument for argument in arguments if argument.mode in "obt"]
    if statement.procedure:
        return (oids.RECORD if outputs else oids.VOID), False
    implied = 0
    if outputs:
        implied = outputs[0].type_oid if len(outputs) == 1 else oids.RECORD
    if statement.returns_table:
        return implied, True
    if statement.returns is None:
        if not implied:
            raise invalid("function result type must be specified")
        return implied, False
    oid, _ = typenames.resolve_type(b, statement.returns)
    if implied and oid != implied:
        raise invalid(f"function result type must be {b.types.name(implied)} because of OUT parameters")
    if language == "plpgsql" and oid == oids.TRIGGER:
        if arguments:
            raise invalid(
                "trigger functions cannot have declared arguments",
                hint="The arguments of the trigger can be accessed through TG_NARGS and TG_ARGV instead.",
            )
    elif b.types.kind(oid) == "p" and oid not in POLYMORPHIC and oid not in (oids.RECORD, oids.VOID):
        raise unfit(language, f"return type {b.types.name(oid)}")
    return oid, statement.returns.setof


def _check_polymorphic(arguments: Sequence[RoutineArgument], result: int) -> None:
    """A polymorphic result needs an argument that settles it. Raises 42P13."""
    given = {argument.type_oid for argument in arguments if argument.mode in "ibv"}
    for oid in (result, *(argument.type_oid for argument in arguments if argument.mode in "obt")):
        family = _family(oid)
        if family is not None and not given & family[0]:
            raise invalid(
                "cannot determine result data type",
                detail=f"A result of type {family[1]} requires at least one input of type {family[2]}.",
            )


def _family(oid: int) -> tuple[frozenset[int], str, str] | None:
    plain = frozenset(
        {oids.ANYELEMENT, oids.ANYARRAY, oids.ANYNONARRAY, oids.ANYENUM, oids.ANYRANGE, oids.ANYMULTIRANGE}
    )
    compatible = frozenset(
        {
            oids.ANYCOMPATIBLE, oids.ANYCOMPATIBLEARRAY, oids.ANYCOMPATIBLENONARRAY, oids.ANYCOMPATIBLERANGE,
            oids.ANYCOMPATIBLEMULTIRANGE,
        }
    )  # fmt: skip
    names = {
        oids.ANYELEMENT: "anyelement", oids.ANYARRAY: "anyarray", oids.ANYNONARRAY: "anynonarray",
        oids.ANYENUM: "anyenum", oids.ANYCOMPATIBLE: "anycompatible", oids.ANYCOMPATIBLEARRAY: "anycompatiblearray",
        oids.ANYCOMPATIBLENONARRAY: "anycompatiblenonarray",
    }  # fmt: skip
    if oid in (oids.ANYRANGE, oids.ANYMULTIRANGE):
        word = "anyrange" if oid == oids.ANYRANGE else "anymultirange"
        return frozenset({oids.ANYRANGE, oids.ANYMULTIRANGE}), word, "anyrange or anymultirange"
    if oid in (oids.ANYCOMPATIBLERANGE, oids.ANYCOMPATIBLEMULTIRANGE):
        word = "anycompatiblerange" if oid == oids.ANYCOMPATIBLERANGE else "anycompatiblemultirange"
        both = frozenset({oids.ANYCOMPATIBLERANGE, oids.ANYCOMPATIBLEMULTIRANGE})
        return both, word, "anycompatiblerange or anycompatiblemultirange"
    if oid in plain:
        return plain, names[oid], "anyelement, anyarray, anynonarray, anyenum, anyrange, or anymultirange"
    if oid in compatible:
        return compatible, names[oid], f"{_COMPATIBLE_NAMES} anycompatiblemultirange"
    return None


# --- the body --------------------------------------------------------------------------------------------------------


def _check_body(b: Binding, routine: Routine, old: Routine | None, entries: Entries) -> tuple[int, ...]:
    """Binds the body once, to find what is wrong with it; what a SQL-standard body names is what it depends on."""
    needed = {argument.type_oid for argument in routine.arguments} | {routine.return_type_oid}
    needed = {_defining_oid(b, oid) for oid in needed if oid >= 16384}
    types = [argument.type_oid for argument in routine.arguments if argument.mode in "ibv"]
    polymorphic = any(oid in POLYMORPHIC for oid in types)
    if not b.environment.checks_bodies and not routine.sql_body:
        return tuple(sorted(needed))
    if routine.language == "plpgsql":
        check_body(routine.body, b.text, routine.name)
        return tuple(sorted(needed))
    try:
        statements = statements_of(routine.body)
        if polymorphic and routine.sql_body:
            raise invalid("SQL function with unquoted function body cannot have polymorphic arguments")
        if polymorphic:
            return tuple(sorted(needed))
        columns = tuple((a.name, a.type_oid, -1) for a in routine.arguments if a.mode in "obt")
        shape = result_shape(routine.return_type_oid, columns, b.types)

        def bind(parsed: ParsedStatement, scope: Scope) -> tuple[Binding, BoundQuery]:
            inner, query = entries.bound_in_scope(parsed, routine.body, environment, types, scope)
            if routine.sql_body:
                needed.update(query.dependencies)
            return inner, query

        # The body may call the routine itself.
        own = replace(routine, oid=old.oid if old is not None else b.catalog.next_oid)
        environment = replace(b.environment, catalog=b.catalog.with_objects((own,)))
        environment = body_environment(routine, environment)
        bind_body(routine, statements, types, shape, bind, b.types)
    except DatacaveError as error:
        error.position = None
        raise
    return tuple(sorted(needed - {own.oid}))


def _defining_oid(b: Binding, oid: int) -> int:
    return b.catalog.array_types.get(oid, oid)


def _replaced(b: Binding, routine: Routine, statement: ast.CreateFunction) -> Routine | None:
    """The routine that OR REPLACE replaces. Raises 42723, 42809, 42P13 where the new one does not fit its callers."""
    oid = b.catalog.routine_names.get((routine.schema_oid, routine.name, routine.input_types))
    if oid is None:
        return None
    old = b.catalog.routines[oid]
    if not statement.or_replace:
        raise DatacaveError(
            f'function "{routine.name}" already exists with same argument types',
            sqlstate=sqlstate.DUPLICATE_FUNCTION,
        )
    if old.kind != routine.kind:
        raise DatacaveError(
            "cannot change routine kind",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            detail=f'"{routine.name}" is {_KIND_WORDS[old.kind]}.',
        )
    word = "PROCEDURE" if routine.kind == "p" else "FUNCTION"
    types = ", ".join(b.types.name(oid) for oid in routine.input_types)
    hint = f"Use DROP {word} {routine.name}({types.replace(', ', ',')}) first."
    before = [(a.name, a.type_oid, a.mode) for a in old.arguments if a.mode in "obt"]
    after = [(a.name, a.type_oid, a.mode) for a in routine.arguments if a.mode in "obt"]
    if (old.return_type_oid, old.returns_set) != (routine.return_type_oid, routine.returns_set):
        if routine.kind == "p":
            raise invalid("cannot change whether a procedure has output parameters", hint=hint)
        raise invalid("cannot change return type of existing function", hint=hint)
    if routine.return_type_oid == oids.RECORD and [x[:2] for x in before] != [x[:2] for x in after]:
        raise invalid(
            "cannot change return type of existing function",
            detail="Row type defined by OUT parameters is different.",
            hint=hint,
        )
    inputs = zip(
        [a for a in old.arguments if a.mode in "ibv"], [a for a in routine.arguments if a.mode in "ibv"], strict=True
    )
    for was, now in inputs:
        if was.name and was.name != now.name:
            raise invalid(f'cannot change name of input parameter "{was.name}"', hint=hint)
    if sum(a.default is not None for a in old.arguments) > sum(a.default is not None for a in routine.arguments):
        raise invalid("cannot remove parameter defaults from existing function", hint=hint)
    return old


def require_superuser(b: Binding) -> None:
    """Raises 42501 for who wants a function to be trusted with what it must not leak."""
    role = b.catalog.role_named(b.environment.current_user)
    if role is not None and not role.superuser:
        raise DatacaveError("only superuser can define a leakproof function", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
