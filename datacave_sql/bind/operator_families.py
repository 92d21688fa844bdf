"""CREATE OPERATOR CLASS and FAMILY, ALTER OPERATOR FAMILY: which operators and functions an index of a type goes by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from datacave_core import sqlstate
from datacave_core.catalog import FamilyFunction, FamilyOperator, OperatorClass, OperatorFamily
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import relations, typenames
from datacave_sql.bind import statements as s
from datacave_sql.bind.bound_named import AlterNamed, CreateNamed
from datacave_sql.bind.family_functions import check_function, function_named
from datacave_sql.bind.named_objects import METHOD_NAMES, check_free, find_oid, method_oid, named_oid, require_own
from datacave_sql.bind.operators import operators_of
from datacave_sql.bind.state import Binding
from datacave_sql.functions import registry
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.facts import fixed_rows
from datacave_sql.pgcatalog.named_objects import ACCESS_METHODS, FAMILY, named_definition

_NUMBER_MAX = 32767


class _Limits(NamedTuple):
    """The highest numbers of operators and functions of an access method, and what it can do."""

    operators: int
    functions: int
    orders: bool = False
    stores: bool = False
    """Whether entries may be of another type than what is indexed."""


_LIMITS = {
    ACCESS_METHODS["btree"]: _Limits(5, 5),
    ACCESS_METHODS["hash"]: _Limits(1, 3),
    ACCESS_METHODS["gist"]: _Limits(_NUMBER_MAX, 11, orders=True, stores=True),
    ACCESS_METHODS["gin"]: _Limits(_NUMBER_MAX, 7, stores=True),
    ACCESS_METHODS["spgist"]: _Limits(_NUMBER_MAX, 7, orders=True, stores=True),
    ACCESS_METHODS["brin"]: _Limits(_NUMBER_MAX, 15, stores=True),
}
_NEW = -1
"""What a class that is made with its family, and the members that come with it, name each other by."""


def invalid(message: str, code: str = sqlstate.INVALID_OBJECT_DEFINITION) -> DatacaveError:
    """42P17."""
    return DatacaveError(message, sqlstate=code)


def bind_create_family(b: Binding, statement: ast.CreateOperatorFamily, entries: object) -> s.BoundStatement:
    """CREATE OPERATOR FAMILY. Raises 42704, 42710."""
    schema = relations.creation_schema(b, statement.name, statement.position)
    made = OperatorFamily(0, schema.oid, statement.name[-1], method_oid(b, statement.method))
    check_free(b, made)
    return CreateNamed((made,), "CREATE OPERATOR FAMILY")


def bind_create_class(b: Binding, statement: ast.CreateOperatorClass, entries: object) -> s.BoundStatement:
    """CREATE OPERATOR CLASS. Raises 42704, 42710, 42883, 42P17; 0A000 for families of the system."""
    schema = relations.creation_schema(b, statement.name, statement.position)
    method = method_oid(b, statement.method)
    input_oid = typenames.resolve_type(b, statement.type_name).oid
    family = _family_of(b, statement, schema.oid, method)
    storage = 0
    operators: list[FamilyOperator] = []
    functions: list[FamilyFunction] = []
    for item in statement.items:
        if isinstance(item, ast.ClassStorage):
            if storage:
                raise invalid("storage type specified more than once")
            storage = typenames.resolve_type(b, item.type_name).oid
        elif isinstance(item, ast.ClassOperator):
            operators.append(replace(_operator(b, item, method, input_oid), class_oid=_NEW))
            _refuse_again(b, "operator", _numbers(operators))
        else:
            functions.append(replace(_function(b, item, method, input_oid), class_oid=_NEW))
            _refuse_again(b, "function", _numbers(functions))
    if storage == input_oid:
        storage = 0
    if storage and not _LIMITS[method].stores:
        raise invalid(f'storage type cannot be different from data type for access method "{statement.method}"')
    made = OperatorClass(
        0, schema.oid, statement.name[-1], method, family.oid or _NEW, input_oid, statement.default, storage
    )
    check_free(b, made)
    if statement.default:
        _check_default(b, made, relations.dotted(statement.type_name.names))
    whole = replace(family, operators=(*family.operators, *operators), functions=(*family.functions, *functions))
    return CreateNamed((whole, made), "CREATE OPERATOR CLASS")


def _family_of(b: Binding, statement: ast.CreateOperatorClass, schema_oid: int, method: int) -> OperatorFamily:
    """The family that a class belongs to: the one that is named, one of its own name, or a new one."""
    if statement.family is not None:
        oid = named_oid(b, "operator family", statement.family, None, statement.method)
    else:
        name = (b.catalog.schemas[schema_oid].name, statement.name[-1])
        found = find_oid(b, "operator family", name, statement.method)
        if found is None:
            return OperatorFamily(0, schema_oid, statement.name[-1], method)
        oid = found
    family = named_definition(b.catalog, FAMILY, oid)
    if not isinstance(family, OperatorFamily):
        raise FeatureNotSupported(
            "operator families of the system cannot be changed",
            hint="Leave FAMILY out; the class then gets a family of its own.",
        )
    return family


def _check_default(b: Binding, made: OperatorClass, written: str) -> None:
    """Raises 42710 where the type has a default class already."""
    own = [(one.name, one.method_oid, one.input_oid, one.default) for one in b.catalog.operator_classes.values()]
    fixed = [(row[2], row[1], row[6], row[7]) for row in fixed_rows("pg_opclass")]
    for name, method, input_oid, default in (*fixed, *own):
        if default and (method, input_oid) == (made.method_oid, made.input_oid):
            raise DatacaveError(
                f'could not make operator class "{made.name}" be default for type {written}',
                sqlstate=sqlstate.DUPLICATE_OBJECT,
                detail=f'Operator class "{name}" already is the default.',
            )


# --- members ---------------------------------------------------------------------------------------------------------


def _operator(b: Binding, item: ast.ClassOperator, method: int, input_oid: int) -> FamilyOperator:
    """A member; without written types its operands are of the class's type (0: of a family, which has none)."""
    limits = _LIMITS[method]
    if not 0 < item.number <= limits.operators:
        raise invalid(f"invalid operator number {item.number}, must be between 1 and {limits.operators}")
    if item.types is not None:
        left, right = (typenames.resolve_type(b, one).oid if one is not None else 0 for one in item.types)
    elif input_oid:
        left = right = input_oid
    else:
        raise invalid("operator argument types must be specified in ALTER OPERATOR FAMILY", sqlstate.SYNTAX_ERROR)
    oid, result = _find_operator(b, item.name, left, right)
    if not left or not right:
        raise invalid("index operators must be binary")
    sort_family = 0
    if item.sort_family is not None:
        sort_family = named_oid(b, "operator family", item.sort_family, None, "btree")
        if not limits.orders:
            raise invalid(f'access method "{METHOD_NAMES[method]}" does not support ordering operators')
    elif result != oids.BOOL:
        raise invalid("index search operators must return boolean")
    return FamilyOperator(oid, item.number, left, right, sort_family)


def _find_operator(b: Binding, name: ast.QualifiedName, left: int, right: int) -> tuple[int, int]:
    """(oid, result type). Raises 42883."""
    for definition in operators_of(b, name):
        if (definition.left_oid, definition.right_oid) == (left, right):
            return definition.oid, definition.result_oid
    if len(name) == 1 or name[-2] == "pg_catalog":
        for fact in registry.operators_named(name[-1]):
            if (fact.left, fact.right) == (left, right):
                return fact.oid, fact.result
    words = [b.types.name(oid) for oid in (left, right) if oid]
    shown = f"{words[0]} {relations.dotted(name)} {words[-1]}" if left else f"{relations.dotted(name)} {words[-1]}"
    raise DatacaveError(f"operator does not exist: {shown}", sqlstate=sqlstate.UNDEFINED_FUNCTION)


def _function(b: Binding, item: ast.ClassFunction, method: int, input_oid: int) -> FamilyFunction:
    highest = _LIMITS[method].functions
    if not 0 < item.number <= highest:
        raise invalid(f"invalid function number {item.number}, must be between 1 and {highest}")
    function = function_named(b, item.function)
    left, right = _pair(b, item.types) if item.types else (0, 0)
    left, right = check_function(METHOD_NAMES[method], item.number, function, left, right, input_oid)
    left, right = left or input_oid, right or input_oid
    if not left or not right:
        raise invalid("associated data types must be specified for index support function")
    return FamilyFunction(function.oid, item.number, left, right)


def _pair(b: Binding, types: tuple[ast.TypeName, ...]) -> tuple[int, int]:
    """The types of a member, written once where both are the same. Raises 42601."""
    if len(types) > 2:
        raise invalid("one or two argument types must be specified", sqlstate.SYNTAX_ERROR)
    found = [typenames.resolve_type(b, one).oid for one in types]
    return found[0], found[-1]


_Number = tuple[int, int, int]


def _numbers(members: Iterable[FamilyOperator | FamilyFunction]) -> list[_Number]:
    """(number, left, right) of members."""
    return [
        (one.strategy if isinstance(one, FamilyOperator) else one.number, one.left_oid, one.right_oid)
        for one in members
    ]


def _refuse_again(b: Binding, kind: str, numbers: list[_Number]) -> None:
    number, left, right = last = numbers[-1]
    if last in numbers[:-1]:
        types = f"({b.types.name(left)},{b.types.name(right)})"
        raise invalid(f"{kind} number {number} for {types} appears more than once")


# --- ALTER OPERATOR FAMILY -------------------------------------------------------------------------------------------


def bind_alter_family(b: Binding, statement: ast.AlterOperatorFamily, entries: object) -> s.BoundStatement:
    """ADD and DROP. Raises 42710, 42704, 42P17, 42601."""
    method = method_oid(b, statement.method)
    if len(statement.name) > 1:
        relations.require_schema(b, statement.name[-2])
        relations.check_schema_usage(b, statement.name[-2])
    family: OperatorFamily = require_own(b, "operator family", statement.name, statement.method)
    changed = _with_added(b, family, statement, method) if statement.added else _without(b, family, statement)
    return AlterNamed(changed, "ALTER OPERATOR FAMILY")


def _with_added(b: Binding, family: OperatorFamily, statement: ast.AlterOperatorFamily, method: int) -> OperatorFamily:
    operators: list[FamilyOperator] = []
    functions: list[FamilyFunction] = []
    for item in statement.added:
        if isinstance(item, ast.ClassStorage):
            raise invalid("STORAGE cannot be specified in ALTER OPERATOR FAMILY", sqlstate.SYNTAX_ERROR)
        if isinstance(item, ast.ClassOperator):
            operators.append(_operator(b, item, method, 0))
            _refuse_again(b, "operator", _numbers(operators))
        else:
            functions.append(_function(b, item, method, 0))
            _refuse_again(b, "function", _numbers(functions))
    for kind, given, known in (
        ("operator", _numbers(operators), _numbers(family.operators)),
        ("function", _numbers(functions), _numbers(family.functions)),
    ):
        for one in given:
            if one in known:
                raise DatacaveError(
                    f'{_member(b, kind, one)} already exists in operator family "{family.name}"',
                    sqlstate=sqlstate.DUPLICATE_OBJECT,
                )
    return replace(family, operators=(*family.operators, *operators), functions=(*family.functions, *functions))


def _without(b: Binding, family: OperatorFamily, statement: ast.AlterOperatorFamily) -> OperatorFamily:
    operators, functions = list(family.operators), list(family.functions)
    for member in statement.dropped:
        wanted = (member.number, *_pair(b, member.types))
        kept = operators if member.kind == "operator" else functions
        places = [place for place, one in enumerate(_numbers(kept)) if one == wanted]
        if not places:
            raise DatacaveError(
                f'{_member(b, member.kind, wanted)} does not exist in operator family "{family.name}"',
                sqlstate=sqlstate.UNDEFINED_OBJECT,
            )
        del kept[places[0]]
    return replace(family, operators=tuple(operators), functions=tuple(functions))


def _member(b: Binding, kind: str, one: _Number) -> str:
    number, left, right = one
    return f"{kind} {number}({b.types.name(left)},{b.types.name(right)})"


OPERATOR_FAMILIES: Mapping[type, Callable[..., s.BoundStatement]] = {
    ast.CreateOperatorFamily: bind_create_family,
    ast.CreateOperatorClass: bind_create_class,
    ast.AlterOperatorFamily: bind_alter_family,
}
