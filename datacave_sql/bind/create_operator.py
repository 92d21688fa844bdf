"""CREATE and DROP of operators and casts: names and rules for calling a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import CastDefinition, OperatorDefinition
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import relations, routines, typenames
from datacave_sql.bind.bound_routines import ITSELF, CreateCast, CreateOperator
from datacave_sql.bind.create_aggregate import bind_create_aggregate
from datacave_sql.bind.create_routine import invalid
from datacave_sql.bind.operators import operators_of
from datacave_sql.bind.routine_resolution import as_function, resolve_named, routines_of
from datacave_sql.bind.state import Binding
from datacave_sql.bind.statements import BoundStatement, DropObjects
from datacave_sql.functions import registry
from datacave_sql.functions.coercion import is_binary_coercible
from datacave_sql.functions.registry import Function
from datacave_sql.functions.resolution import ResolvedCast, signature
from datacave_sql.parse import ast

_KNOWN = frozenset(
    {
        "leftarg", "rightarg", "procedure", "function", "commutator", "negator", "restrict", "join", "hashes",
        "merges", "sort1", "sort2", "ltcmp", "gtcmp",
    }
)  # fmt: skip


def support_function(b: Binding, name: tuple[str, ...], given: tuple[int, ...]) -> Function:
    """A plain function by name and argument types. Raises 42883, 0A000."""
    plain = tuple(part for part in name if part != "pg_catalog" or len(name) == 1)
    known = registry.functions_named(plain[-1]) if len(plain) == 1 else ()
    for function in (*(as_function(b, routine) for routine in routines_of(b, plain)), *known):
        if function.argument_types == given and function.kind == "f":
            if not function.supported:
                raise registry.unsupported(function)
            return function
    found = resolve_named(b, plain, given, (), False)
    exact = not isinstance(found, ResolvedCast) and all(
        is_binary_coercible(have, wanted, b.types) for have, wanted in zip(given, found.argument_types, strict=False)
    )
    if isinstance(found, ResolvedCast) or not exact:
        raise DatacaveError(
            f"function {signature('.'.join(plain), given, b.types)} does not exist",
            sqlstate=sqlstate.UNDEFINED_FUNCTION,
        )
    return found.function


# --- operators -------------------------------------------------------------------------------------------------------


def bind_create_operator(b: Binding, statement: ast.CreateOperator, entries: object) -> BoundStatement:
    """CREATE OPERATOR. Raises 42P13, 42883, 42723."""
    schema = relations.creation_schema(b, statement.name, statement.position)
    items: dict[str, Any] = {}
    warnings = []
    for item in statement.items:
        if item.name not in _KNOWN:
            warnings.append(f'operator attribute "{item.name}" not recognized')
        items[item.name] = item.value
    left, right = _operand(b, items.get("leftarg")), _operand(b, items.get("rightarg"))
    name = items.get("function", items.get("procedure"))
    if name is None:
        raise invalid("operator function must be specified")
    if not left and not right:
        raise invalid("operator argument types must be specified")
    if not right:
        raise invalid("operator right argument type must be specified", detail="Postfix operators are not supported.")
    function = support_function(b, _words(name), (left, right) if left else (right,))
    boolean = function.return_type == oids.BOOL
    if not left and (items.get("commutator") or items.get("join")):
        what = "commutators" if items.get("commutator") else "join selectivity"
        raise invalid(f"only binary operators can have {what}")
    for key, word in (("negator", "negators"), ("restrict", "restriction selectivity"), ("join", "join selectivity")):
        if items.get(key) and not boolean:
            raise invalid(f"only boolean operators can have {word}")
    hashes, merges = _flag(items, "hashes"), _flag(items, "merges")
    for held, word in ((hashes, "hash"), (merges, "merge join")):
        if held and not left:
            raise invalid(f"only binary operators can {word}")
        if held and not boolean:
            raise invalid(f"only boolean operators can {word}")
    place = (schema.oid, statement.name[-1], left, right)
    if place in b.catalog.operator_names or _builtin(statement.name, left, right):
        raise DatacaveError(f"operator {statement.name[-1]} already exists", sqlstate=sqlstate.DUPLICATE_FUNCTION)
    if _is_itself(b, items.get("negator"), schema.oid, statement.name[-1]):
        raise invalid("operator cannot be its own negator")
    if function.routine is not None:
        b.dependencies.add(function.oid)
    own = left == right and _is_itself(b, items.get("commutator"), schema.oid, statement.name[-1])
    definition = OperatorDefinition(
        0,
        schema.oid,
        statement.name[-1],
        left,
        right,
        function.return_type,
        function.oid,
        ITSELF if own else _other(b, items.get("commutator"), right, left),
        _other(b, items.get("negator"), left, right),
        _selectivity(items.get("restrict")),
        _selectivity(items.get("join")),
        hashes,
        merges,
    )
    return CreateOperator(definition, tuple(warnings))


def _builtin(name: ast.QualifiedName, left: int, right: int) -> bool:
    return (
        len(name) > 1
        and name[-2] == "pg_catalog"
        and any((one.left, one.right) == (left, right) for one in registry.operators_named(name[-1]))
    )


def _operand(b: Binding, value: Any) -> int:
    if value is None:
        return 0
    if not isinstance(value, ast.TypeName):
        value = ast.TypeName(0, (str(value),))
    if value.setof:
        raise invalid("SETOF type not allowed for operator argument")
    return typenames.resolve_type(b, value).oid


def _words(value: Any) -> tuple[str, ...]:
    return value.names if isinstance(value, ast.TypeName) else (str(value),)


def _flag(items: Mapping[str, Any], name: str) -> bool:
    if name not in items:
        return False
    value = items[name]
    if value is None:
        return True
    word = value.names[-1].lower() if isinstance(value, ast.TypeName) else str(value).lower()
    if word not in ("true", "false", "on", "off", "1", "0"):
        raise DatacaveError(f"{name} requires a Boolean value", sqlstate=sqlstate.SYNTAX_ERROR)
    return word in ("true", "on", "1")


def _is_itself(b: Binding, value: Any, schema_oid: int, name: str) -> bool:
    """Whether a commutator or negator has the name of the operator that is being made."""
    if not isinstance(value, ast.OperatorName) or value.name[-1] != name:
        return False
    if len(value.name) > 1:
        return relations.require_schema(b, value.name[-2]).oid == schema_oid
    path = b.environment.search_path
    return bool(path) and relations.require_schema(b, path[0]).oid == schema_oid


def _other(b: Binding, value: Any, left: int, right: int) -> int:
    """The oid of a commutator or negator that is there already, else 0."""
    if not isinstance(value, ast.OperatorName):
        return 0
    for definition in operators_of(b, value.name):
        if (definition.left_oid, definition.right_oid) == (left, right):
            return definition.oid
    for fact in registry.operators_named(value.name[-1]):
        if (fact.left, fact.right) == (left, right):
            return fact.oid
    return 0


def _selectivity(value: Any) -> str:
    if value is None:
        return ""
    name = _words(value)[-1]
    if not registry.functions_named(name):
        raise DatacaveError(
            f"function {name}(internal, oid, internal, integer) does not exist", sqlstate=sqlstate.UNDEFINED_FUNCTION
        )
    return name


def bind_drop_operator(b: Binding, statement: ast.DropOperator, entries: object) -> BoundStatement:
    """DROP OPERATOR. Raises 42883."""
    found: list[Any] = []
    notices: list[tuple[str, str]] = []
    for name, left, right in statement.operators:
        try:
            found.append(_operator(b, name, left, right))
        except DatacaveError as error:
            missing = (sqlstate.UNDEFINED_FUNCTION, sqlstate.UNDEFINED_OBJECT, sqlstate.INVALID_SCHEMA_NAME)
            if not statement.if_exists or error.sqlstate not in missing:
                raise
            shown = "".join(name[-1:]) if error.sqlstate == sqlstate.UNDEFINED_FUNCTION else ""
            message = f"operator {shown} does not exist" if shown else error.message
            notices.append((f"{message}, skipping", "00000"))
    return DropObjects("operator", tuple(found), statement.cascade, tuple(notices))


def _operator(
    b: Binding, name: ast.QualifiedName, left: ast.TypeName | None, right: ast.TypeName | None
) -> OperatorDefinition:
    if len(name) > 1:
        relations.require_schema(b, name[-2])
    if right is None:
        raise DatacaveError("postfix operators are not supported", sqlstate=sqlstate.SYNTAX_ERROR)
    left_oid = typenames.resolve_type(b, left).oid if left is not None else 0
    right_oid = typenames.resolve_type(b, right).oid
    for definition in operators_of(b, name):
        if (definition.left_oid, definition.right_oid) == (left_oid, right_oid):
            return definition
    dotted = relations.dotted(name)
    words = [b.types.name(oid) for oid in (left_oid, right_oid) if oid]
    shown = f"{words[0]} {dotted} {words[-1]}" if len(words) == 2 else f"{dotted} {words[0] if words else ''}"
    for fact in registry.operators_named(name[-1]):
        if (fact.left, fact.right) == (left_oid, right_oid):
            raise DatacaveError(
                f"cannot drop operator {dotted}({','.join(words)}) because it is required by the database system",
                sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
            )
    raise DatacaveError(f"operator does not exist: {shown}", sqlstate=sqlstate.UNDEFINED_FUNCTION)


# --- casts -----------------------------------------------------------------------------------------------------------


def _bad_cast(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_OBJECT_DEFINITION)


def bind_create_cast(b: Binding, statement: ast.CreateCast, entries: object) -> BoundStatement:
    """CREATE CAST. Raises 42P17, 42710, 42809, 0A000 for WITHOUT FUNCTION between types that are stored differently."""
    source, target = (typenames.resolve_type(b, name).oid for name in (statement.source, statement.target))
    for oid, word in ((source, "source"), (target, "target")):
        if b.types.kind(oid) == "p":
            raise DatacaveError(
                f"{word} data type {b.types.name(oid)} is a pseudo-type", sqlstate=sqlstate.WRONG_OBJECT_TYPE
            )
    function_oid = 0
    if statement.method == "function":
        assert statement.function is not None
        function_oid = _cast_function(b, statement.function, source, target)
    elif source == target:
        raise _bad_cast("source data type and target data type are the same")
    elif statement.method == "without":
        _check_binary(b, source, target)
    if registry.cast(source, target) is not None or (source, target) in b.catalog.cast_types:
        raise DatacaveError(
            f"cast from type {b.types.name(source)} to type {b.types.name(target)} already exists",
            sqlstate=sqlstate.DUPLICATE_OBJECT,
        )
    method = {"function": "f", "without": "b", "inout": "i"}[statement.method]
    return CreateCast(CastDefinition(0, source, target, function_oid, statement.context[0], method))


def _cast_function(b: Binding, item: ast.RoutineSignature, source: int, target: int) -> int:
    types = routines.argument_types(b, item)
    function: Function
    known = [f for f in registry.functions_named(item.name[-1]) if f.argument_types == types]
    if known and not any(one.input_types == types for one in routines_of(b, item.name)):
        function = known[0]
    else:
        function = as_function(b, routines.find_routine(b, "function", item))
        b.dependencies.add(function.oid)
    given = function.argument_types
    if not 1 <= len(given) <= 3:
        raise _bad_cast("cast function must take one to three arguments")
    if not is_binary_coercible(source, given[0], b.types):
        raise _bad_cast("argument of cast function must match or be binary-coercible from source data type")
    if len(given) > 1 and given[1] != oids.INT4:
        raise _bad_cast("second argument of cast function must be type integer")
    if len(given) > 2 and given[2] != oids.BOOL:
        raise _bad_cast("third argument of cast function must be type boolean")
    if not is_binary_coercible(function.return_type, target, b.types):
        raise _bad_cast("return data type of cast function must match or be binary-coercible to target data type")
    if function.returns_set:
        raise _bad_cast("cast function must not return a set")
    if function.kind != "f":
        raise _bad_cast("cast function must be a normal function")
    if not function.supported:
        raise registry.unsupported(function)
    return function.oid


def _check_binary(b: Binding, source: int, target: int) -> None:
    for oid in (source, target):
        kind = b.types.kind(oid)
        words = {"c": "composite data types", "e": "enum data types", "d": "domain data types"}
        if kind in words:
            word = "must not be marked binary-compatible" if kind == "d" else "are not binary-compatible"
            raise _bad_cast(f"{words[kind]} {word}")
        if b.types.element(oid):
            raise _bad_cast("array data types are not binary-compatible")
    one, other = b.types.type(source), b.types.type(target)
    if (one.length, one.by_value, one.align) != (other.length, other.by_value, other.align):
        raise _bad_cast("source and target data types are not physically compatible")
    raise FeatureNotSupported(
        "casts WITHOUT FUNCTION are not supported", hint="Use WITH INOUT, or WITH FUNCTION and a function."
    )


def bind_drop_cast(b: Binding, statement: ast.DropCast, entries: object) -> BoundStatement:
    """DROP CAST. Raises 42704, 2BP01 for built-in casts."""
    try:
        source, target = (typenames.resolve_type(b, name).oid for name in (statement.source, statement.target))
    except DatacaveError as error:
        if not statement.if_exists or error.sqlstate not in (sqlstate.UNDEFINED_OBJECT, sqlstate.INVALID_SCHEMA_NAME):
            raise
        return DropObjects("cast", (), statement.cascade, ((f"{error.message}, skipping", "00000"),))
    oid = b.catalog.cast_types.get((source, target))
    if oid is not None:
        return DropObjects("cast", (b.catalog.casts[oid],), statement.cascade)
    shown = f"from type {b.types.name(source)} to type {b.types.name(target)}"
    if registry.cast(source, target) is not None:
        raise DatacaveError(
            f"cannot drop cast {shown.removeprefix('from type ').replace('to type', 'to')} because it is required by "
            "the database system",
            sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
        )
    if statement.if_exists:
        return DropObjects("cast", (), statement.cascade, ((f"cast {shown} does not exist, skipping", "00000"),))
    raise DatacaveError(f"cast {shown} does not exist", sqlstate=sqlstate.UNDEFINED_OBJECT)


OPERATOR_STATEMENTS: Mapping[type, Callable[..., BoundStatement]] = {
    ast.CreateAggregate: bind_create_aggregate,
    ast.CreateOperator: bind_create_operator,
    ast.DropOperator: bind_drop_operator,
    ast.CreateCast: bind_create_cast,
    ast.DropCast: bind_drop_cast,
}
