"""Support functions of operator classes: which function is meant, and whether its signature fits its number."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import relations
from datacave_sql.bind.routine_resolution import as_function, routines_of
from datacave_sql.bind.routines import argument_types
from datacave_sql.bind.state import Binding
from datacave_sql.functions import registry
from datacave_sql.functions.registry import Function
from datacave_sql.functions.resolution import signature
from datacave_sql.parse import ast

_OPTIONS = {"btree": 5, "hash": 3, "gist": 10, "gin": 7, "spgist": 6, "brin": 5}
"""The numbers of the functions that parse options of a class."""


def _invalid(message: str, hint: str | None = None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_OBJECT_DEFINITION, hint=hint)


def function_named(b: Binding, item: ast.RoutineSignature) -> Function:
    """The function with exactly these argument types, of a user or of the system. Raises 42883, 42725."""
    plain = item.name[-1:] if item.name[:-1] == ("pg_catalog",) else item.name
    known = registry.functions_named(plain[-1]) if len(plain) == 1 else ()
    found = [*(as_function(b, routine) for routine in routines_of(b, plain)), *known]
    if item.arguments is None:
        if len(found) == 1:
            return found[0]
        name = relations.dotted(item.name)
        if found:
            raise DatacaveError(
                f'function name "{name}" is not unique',
                sqlstate=sqlstate.AMBIGUOUS_FUNCTION,
                hint="Specify the argument list to select the function unambiguously.",
            )
        raise DatacaveError(f'could not find a function named "{name}"', sqlstate=sqlstate.UNDEFINED_FUNCTION)
    types = argument_types(b, item)
    for function in found:
        if function.argument_types == types:
            return function
    raise DatacaveError(
        f"function {signature(relations.dotted(item.name), types, b.types)} does not exist",
        sqlstate=sqlstate.UNDEFINED_FUNCTION,
    )


def check_function(
    method: str, number: int, function: Function, left: int, right: int, input_oid: int
) -> tuple[int, int]:
    """The types that a support function stands for, as far as it tells them. Raises 42P17."""
    given, result = function.argument_types, function.return_type
    if number == _OPTIONS[method]:
        if input_oid:
            if (left and left != input_oid) or (right and right != input_oid):
                raise _invalid(
                    "associated data types for operator class options parsing functions must match opclass input type"
                )
        elif left != right:
            raise _invalid(
                "left and right associated data types for operator class options parsing functions must match"
            )
        if result != oids.VOID or given != (oids.INTERNAL,):
            raise _invalid(
                "invalid operator class options parsing function",
                "Valid signature of operator class options parsing function is (internal) RETURNS void.",
            )
        return left, right
    if method == "btree":
        return _btree(number, given, result, left, right)
    if method == "hash":
        arguments, wanted, words = (1, oids.INT4, "one argument") if number == 1 else (2, oids.INT8, "two arguments")
        if len(given) != arguments:
            raise _invalid(f"hash function {number} must have {words}")
        if result != wanted:
            raise _invalid(f"hash function {number} must return {'integer' if number == 1 else 'bigint'}")
        return left or given[0], right or given[0]
    return left, right


def _btree(number: int, given: tuple[int, ...], result: int, left: int, right: int) -> tuple[int, int]:
    if number == 1:
        if len(given) != 2:
            raise _invalid("btree comparison functions must have two arguments")
        if result != oids.INT4:
            raise _invalid("btree comparison functions must return integer")
        return left or given[0], right or given[1]
    if number == 2:
        if given != (oids.INTERNAL,):
            raise _invalid('btree sort support functions must accept type "internal"')
        if result != oids.VOID:
            raise _invalid("btree sort support functions must return void")
    elif number == 3:
        if len(given) != 5:
            raise _invalid("btree in_range functions must have five arguments")
        if result != oids.BOOL:
            raise _invalid("btree in_range functions must return boolean")
        return left or given[0], right or given[2]
    elif number == 4:
        if len(given) != 1:
            raise _invalid("btree equal image functions must have one argument")
        if result != oids.BOOL:
            raise _invalid("btree equal image functions must return boolean")
        if left != right:
            raise _invalid("btree equal image functions must not be cross-type")
    return left, right
