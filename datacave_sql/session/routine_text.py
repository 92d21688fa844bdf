"""Routines as text: signatures for messages, and the definitions that psql, pg_dump and drivers read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from datacave_core.catalog import Catalog, Routine, RoutineArgument
from datacave_sql.bind.sqltext import quote_identifier, quote_literal
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.session.parameter_text import split_identifiers

_WORDS = {"i": "", "o": "OUT ", "b": "INOUT ", "v": "VARIADIC "}
_VOLATILITY = {"i": "IMMUTABLE", "s": "STABLE"}
_PARALLEL = {"s": "SAFE", "r": "RESTRICTED"}
_LISTS = frozenset({"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"})
KIND_WORDS = {"f": "function", "p": "procedure", "a": "function"}


TypeName = Callable[[int], str]
"""A type's name by its oid, with its schema where the search path needs it."""


def signature_text(routine: Routine, type_name: TypeName) -> str:
    """name(input types), as messages and regprocedure have it."""
    return f"{quote_identifier(routine.name)}({','.join(map(type_name, routine.input_types))})"


def described(routine: Routine, types: TypeLookup) -> str:
    """The routine in messages about dependencies."""
    return f"{KIND_WORDS[routine.kind]} {signature_text(routine, types.name)}"


def _argument(routine: Routine, argument: RoutineArgument, type_name: TypeName, *, with_default: bool) -> str:
    word = "IN " if routine.kind == "p" and argument.mode == "i" else _WORDS[argument.mode]
    text = word + (f"{quote_identifier(argument.name)} " if argument.name else "") + type_name(argument.type_oid)
    if with_default and argument.default is not None:
        text += f" DEFAULT {argument.default}"
    return text


def arguments_text(routine: Routine, type_name: TypeName, *, with_defaults: bool) -> str:
    """pg_get_function_arguments, or without defaults pg_get_function_identity_arguments."""
    shown: Iterable[RoutineArgument] = (one for one in routine.arguments if one.mode in _WORDS)
    if not with_defaults:
        modes = "iobv" if routine.kind == "p" else "ibv"
        shown = (one for one in shown if one.mode in modes or (one.mode == "o" and routine.kind != "a"))
    return ", ".join(_argument(routine, one, type_name, with_default=with_defaults) for one in shown)


def result_text(routine: Routine, type_name: TypeName) -> str | None:
    """pg_get_function_result: None for procedures."""
    if routine.kind == "p":
        return None
    columns = [argument for argument in routine.arguments if argument.mode == "t"]
    if columns:
        shown = ", ".join(f"{quote_identifier(one.name)} {type_name(one.type_oid)}" for one in columns)
        return f"TABLE({shown})"
    result = type_name(routine.return_type_oid)
    return f"SETOF {result}" if routine.returns_set else result


def definition_text(catalog: Catalog, routine: Routine, type_name: TypeName, sql_body: str) -> str:
    """pg_get_functiondef: the CREATE OR REPLACE statement; `sql_body` is the SQL-standard body, if it has one."""
    word = "PROCEDURE" if routine.kind == "p" else "FUNCTION"
    schema = catalog.schemas[routine.schema_oid].name
    arguments = arguments_text(routine, type_name, with_defaults=True)
    lines = [f"CREATE OR REPLACE {word} {quote_identifier(schema)}.{quote_identifier(routine.name)}({arguments})"]
    result = result_text(routine, type_name)
    if result is not None:
        lines.append(f" RETURNS {result}")
    lines.append(f" LANGUAGE {routine.language}")
    options = [_VOLATILITY.get(routine.volatility, ""), f"PARALLEL {_PARALLEL[routine.parallel]}" if (
        routine.parallel in _PARALLEL
    ) else "", "STRICT" if routine.strict else "", "SECURITY DEFINER" if routine.security_definer else "",
        "LEAKPROOF" if routine.leakproof else ""]  # fmt: skip
    if routine.cost != 100:
        options.append(f"COST {routine.cost:g}")
    if routine.returns_set and routine.rows != 1000:
        options.append(f"ROWS {routine.rows:g}")
    options = [option for option in options if option]
    if options:
        lines.append(" " + " ".join(options))
    for name, value in routine.settings:
        words = split_identifiers(value) if name in _LISTS else None
        lines.append(
            f" SET {quote_identifier(name)} TO {', '.join(map(quote_literal, (value,) if words is None else words))}"
        )
    if sql_body:
        lines.append(f"{sql_body}\n")
    else:
        quote = "$function$" if routine.kind != "p" else "$procedure$"
        while quote in routine.body:
            quote = quote[:-1] + "x$"
        lines.append(f"AS {quote}{routine.body}{quote}\n")
    return "\n".join(lines)
