"""Operators: resolution, the logical connectives, comparisons of rows, IN, BETWEEN, LIKE and the IS tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

from datacave_core import sqlstate
from datacave_core.catalog import OperatorDefinition
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, relations, set_calls
from datacave_sql.bind.folding import fold
from datacave_sql.bind.names import Scope
from datacave_sql.bind.resolving import FIRST_USER_OID, operator_for
from datacave_sql.bind.routine_inlining import inlined_value
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions import registry
from datacave_sql.functions.coercion import common_type
from datacave_sql.functions.registry import Function
from datacave_sql.functions.resolution import ResolvedOperator, resolve_operator
from datacave_sql.functions.user_aggregates import operator_fact
from datacave_sql.parse import ast

ROW_OPERATORS = ("=", "<>", "<", "<=", ">", ">=")


def find_operator(
    b: Binding, name: str, left: int, right: int, position: int, schema: tuple[str, ...] = ()
) -> ResolvedOperator:
    """resolve_operator with the operator's place in its errors, among built-in operators and those of users."""
    try:
        if b.catalog.operators and (made := operators_of(b, (*schema, name))):
            facts = [operator_fact(b.catalog, one) for one in made]
            found = resolve_operator(name, left, right, b.types, extra=facts, builtin=not schema, brought=False)
            if found.function.routine is not None or found.operator.oid >= FIRST_USER_OID:
                (b.inlined if b.view_depth else b.dependencies).update((found.operator.oid, found.operator.function))
            return found
        _no_schema(schema, name, position)
        return operator_for(name, left, right, b.types, brought=False)
    except DatacaveError as error:
        raise error.at(position) from None


def operators_of(b: Binding, name: ast.QualifiedName) -> list[OperatorDefinition]:
    """The users' operators that a name can mean, earlier schemas of the search path first."""
    if not b.catalog.operators:
        return []
    found = [one for _, one in sorted(b.catalog.operators.items()) if one.name == name[-1]]
    schema = relations.split_relation_name(b, name, 0)[0]
    schemas = relations.callable_schemas(b) if schema is None else (schema,)
    visible = []
    for schema_name in schemas:
        known = b.catalog.schema_named(schema_name)
        visible += [one for one in found if known is not None and one.schema_oid == known.oid]
    return visible


def apply_operator(
    b: Binding,
    name: str,
    left: n.Expression | None,
    right: n.Expression,
    position: int,
    schema: tuple[str, ...] = (),
) -> n.Expression:
    """`left name right` over bound operands; written rows are compared field by field, other rows as values."""
    fields = _written_fields(left, right)
    if fields is not None and (name in ROW_OPERATORS or name in _PATTERN_OPERATORS):
        return compare_rows(b, name, *fields, position)
    if fields is not None and len(fields[0]) > 1 and not _applies_to_rows(name) and not operators_of(b, (name,)):
        raise FeatureNotSupported(
            f"could not determine interpretation of row comparison operator {name}",
            hint="Row comparison operators must be associated with btree operator families.",
            position=position,
        )
    operands = (right,) if left is None else (left, right)
    found = find_operator(b, name, left.type if left is not None else 0, right.type, position, schema)
    arguments = tuple(
        coercion.require(b, operand, type_oid) for operand, type_oid in zip(operands, found.argument_types, strict=True)
    )
    call = n.FunctionCall(found.function, arguments, found.result_type, -1, name, position)
    if found.function.routine is not None and not found.function.routine.is_compiled:
        inlined = inlined_value(b, call)
        b.calls_routines = b.calls_routines or inlined is None
        return b.placed(inlined if inlined is not None else call, position)
    return b.placed(fold(b, call), position)


_PATTERN_OPERATORS = ("~<~", "~<=~", "~>~", "~>=~")
"""The orderings of text_pattern_ops."""


def _applies_to_rows(name: str) -> bool:
    return any(one.right in (oids.RECORD, oids.ANYELEMENT, oids.ANY) for one in registry.operators_named(name))


def _written_fields(
    left: n.Expression | None, right: n.Expression
) -> tuple[tuple[n.Expression, ...], tuple[n.Expression, ...]] | None:
    """The fields of two rows that the query spells out; None for anything else."""
    if isinstance(left, n.RowConstructor) and isinstance(right, n.RowConstructor) and left.written and right.written:
        return left.fields, right.fields
    return None


def compare_rows(
    b: Binding, name: str, left: Sequence[n.Expression], right: Sequence[n.Expression], position: int
) -> n.Expression:
    """A comparison of rows, as conditions on their fields: lexicographic for the orderings."""
    if len(left) != len(right):
        raise DatacaveError(
            "unequal number of entries in row expressions", sqlstate=sqlstate.SYNTAX_ERROR, position=position
        )
    if not left:
        raise FeatureNotSupported("cannot compare rows of zero length", position=position)
    if name in ("=", "<>"):
        tests = tuple(apply_operator(b, name, x, y, position) for x, y in zip(left, right, strict=True))
        if len(tests) == 1:
            return tests[0]
        return n.And(tests) if name == "=" else n.Or(tests)
    strict = name.replace("=", "")
    result = apply_operator(b, name, left[-1], right[-1], position)
    for x, y in zip(reversed(left[:-1]), reversed(right[:-1]), strict=True):
        before = apply_operator(b, strict, x, y, position)
        same = apply_operator(b, "=", x, y, position)
        result = n.Or((before, n.And((same, result))))
    return result


def _no_schema(schema: tuple[str, ...], name: str, position: int) -> None:
    if schema and schema[-1] != "pg_catalog":
        raise DatacaveError(
            f"operator does not exist: {'.'.join(schema)}.{name}",
            sqlstate=sqlstate.UNDEFINED_FUNCTION,
            position=position,
        )


def _named_schema(schema: tuple[str, ...]) -> tuple[str, ...]:
    return () if schema and schema[-1] == "pg_catalog" else schema


def bind_binary(b: Binding, e: ast.BinaryOperation, scope: Scope) -> n.Expression:
    # Long chains (a + b + c ...) nest to the left: they are walked, not recursed into.
    spine: list[ast.BinaryOperation] = [e]
    while isinstance(spine[-1].left, ast.BinaryOperation):
        spine.append(spine[-1].left)
    left = b.expression(spine[-1].left, scope)
    for node in reversed(spine):
        right = b.expression(node.right, scope)
        left = apply_operator(b, node.operator, left, right, node.position, _named_schema(node.schema))
        left = set_calls.collected(b, left, scope, node.position)
    return left


def bind_unary(b: Binding, e: ast.UnaryOperation, scope: Scope) -> n.Expression:
    operand = b.expression(e.operand, scope)
    value = apply_operator(b, e.operator, None, operand, e.position, _named_schema(e.schema))
    return set_calls.collected(b, value, scope, e.position)


def bind_not(b: Binding, e: ast.Not, scope: Scope) -> n.Expression:
    return n.Not(coercion.to_boolean(b, b.expression(e.operand, scope), "NOT"))


def bind_and(b: Binding, e: ast.And, scope: Scope) -> n.Expression:
    return n.And(tuple(coercion.to_boolean(b, b.expression(part, scope), "AND") for part in e.operands))


def bind_or(b: Binding, e: ast.Or, scope: Scope) -> n.Expression:
    return n.Or(tuple(coercion.to_boolean(b, b.expression(part, scope), "OR") for part in e.operands))


def bind_is_null(b: Binding, e: ast.IsNull, scope: Scope) -> n.Expression:
    return n.IsNull(b.expression(e.operand, scope), e.negated)


_TRUTHS = {"true": True, "false": False, "unknown": None}


def bind_boolean_test(b: Binding, e: ast.BooleanTest, scope: Scope) -> n.Expression:
    operand = b.expression(e.operand, scope)
    words = f"IS {'NOT ' if e.negated else ''}{e.test.upper()}"
    return n.BooleanTest(coercion.to_boolean(b, operand, words), _TRUTHS[e.test], e.negated)


def equality(b: Binding, left: int, right: int, position: int) -> ResolvedOperator:
    """The = operator between two types."""
    return find_operator(b, "=", left, right, position)


def bind_distinct(b: Binding, e: ast.DistinctFrom, scope: Scope) -> n.Expression:
    left, right = b.expression(e.left, scope), b.expression(e.right, scope)
    return distinct_from(b, left, right, e.negated, e.position)


def distinct_from(b: Binding, left: n.Expression, right: n.Expression, negated: bool, position: int) -> n.Expression:
    """IS [NOT] DISTINCT FROM over bound operands."""
    fields = _written_fields(left, right)
    if fields is not None:
        if len(fields[0]) != len(fields[1]):
            raise DatacaveError(
                "unequal number of entries in row expressions", sqlstate=sqlstate.SYNTAX_ERROR, position=position
            )
        parts = tuple(distinct_from(b, x, y, negated, position) for x, y in zip(*fields, strict=True))
        if not parts:
            return n.Constant(negated, oids.BOOL)
        if len(parts) == 1:
            return parts[0]
        return n.And(parts) if negated else n.Or(parts)
    found = equality(b, left.type, right.type, position)
    first, second = found.argument_types
    return n.DistinctFrom(coercion.require(b, left, first), coercion.require(b, right, second), found.function, negated)


def bind_between(b: Binding, e: ast.Between, scope: Scope) -> n.Expression:
    """a >= low AND a <= high; SYMMETRIC takes either order of the bounds."""
    operand, low, high = (b.expression(part, scope) for part in (e.operand, e.low, e.high))

    def inside(first: n.Expression, last: n.Expression) -> n.Expression:
        return n.And(
            (
                apply_operator(b, ">=", operand, first, e.position),
                apply_operator(b, "<=", operand, last, e.position),
            )
        )

    def outside(first: n.Expression, last: n.Expression) -> n.Expression:
        return n.Or(
            (apply_operator(b, "<", operand, first, e.position), apply_operator(b, ">", operand, last, e.position))
        )

    if e.negated:
        return n.And((outside(low, high), outside(high, low))) if e.symmetric else outside(low, high)
    return n.Or((inside(low, high), inside(high, low))) if e.symmetric else inside(low, high)


def bind_in(b: Binding, e: ast.InList, scope: Scope) -> n.Expression:
    """A list of one common type becomes InList; rows and mixed types become a chain of comparisons."""
    operand = b.expression(e.operand, scope)
    items = [b.expression(item, scope) for item in e.items]
    name = "<>" if e.negated else "="
    rows = isinstance(operand, n.RowConstructor) or any(isinstance(item, n.RowConstructor) for item in items)
    constants = all(isinstance(item, n.Constant | n.Parameter) for item in items)
    if not rows and len(items) > 1 and constants:
        found = _in_list(b, operand, items, e)
        if found is not None:
            return found
    tests = tuple(apply_operator(b, name, operand, item, e.position) for item in items)
    tests = tuple(coercion.to_boolean(b, test, "IN") for test in tests)
    if len(tests) == 1:
        return tests[0]
    return n.And(tests) if e.negated else n.Or(tests)


def _in_list(b: Binding, operand: n.Expression, items: list[n.Expression], e: ast.InList) -> n.Expression | None:
    try:
        common = common_type([operand.type, *(item.type for item in items)], b.types, "IN")
        found = operator_for("=", common, common, b.types)
    except DatacaveError:
        return None
    if found.argument_types[0] != found.argument_types[1]:
        return None
    type_oid = found.argument_types[0]
    if type_oid != common:
        # Literals are read as the common type says (regclass), which the operator takes as another (oid).
        items = [coercion.require(b, item, common) if item.type == oids.UNKNOWN else item for item in items]
    argument = coercion.coerce(b, operand, type_oid)
    values = [coercion.coerce(b, item, type_oid) for item in items]
    if argument is None or any(value is None for value in values):
        return None
    return n.InList(argument, tuple(value for value in values if value is not None), found.function, e.negated)


_LIKE_OPERATORS = {
    ("like", False): "~~",
    ("like", True): "!~~",
    ("ilike", False): "~~*",
    ("ilike", True): "!~~*",
    ("similar", False): "~",
    ("similar", True): "!~",
}


def bind_like(b: Binding, e: ast.Like, scope: Scope) -> n.Expression:
    """LIKE and its kin are operators; an ESCAPE rewrites the pattern first."""
    operand = b.expression(e.operand, scope)
    pattern = b.expression(e.pattern, scope)
    if e.kind == "similar":
        arguments = [pattern] if e.escape is None else [pattern, b.expression(e.escape, scope)]
        pattern = call_builtin(b, "similar_to_escape", arguments, e.position)
    elif e.escape is not None:
        pattern = call_builtin(b, "like_escape", [pattern, b.expression(e.escape, scope)], e.position)
    return apply_operator(b, _LIKE_OPERATORS[e.kind, e.negated], operand, pattern, e.position)


def call_builtin(b: Binding, name: str, arguments: Sequence[n.Expression], position: int) -> n.Expression:
    """A call of a built-in function of text arguments that the grammar implies."""
    values = tuple(coercion.require(b, argument, oids.TEXT) for argument in arguments)
    function = builtin(name, (oids.TEXT,) * len(values))
    return n.FunctionCall(function, values, function.return_type, position=position)


def builtin(name: str, argument_types: tuple[int, ...]) -> Function:
    """The built-in function of exactly this signature; KeyError if there is none."""
    for function in registry.functions_named(name):
        if function.argument_types == argument_types:
            return function
    raise KeyError(name)


def bind_quantified_array(b: Binding, e: ast.QuantifiedArray, scope: Scope) -> n.Expression:
    """x op ANY (array)."""
    _no_schema(e.schema, e.operator, e.position)
    operand = b.expression(e.operand, scope)
    array = b.expression(e.array, scope)
    element = oids.UNKNOWN
    if array.type != oids.UNKNOWN:
        element = b.types.element(b.types.base(array.type))
        if not element:
            raise DatacaveError(
                "op ANY/ALL (array) requires array on right side",
                sqlstate=sqlstate.WRONG_OBJECT_TYPE,
                position=e.position,
            )
    found = find_operator(b, e.operator, operand.type, element, e.position)
    if found.result_type != oids.BOOL:
        raise DatacaveError(
            "op ANY/ALL (array) requires operator to yield boolean",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            position=e.position,
        )
    left, right = found.argument_types
    wanted = b.types.array(right)
    if not wanted:
        raise DatacaveError(
            f"could not find array type for data type {b.types.name(right)}",
            sqlstate=sqlstate.UNDEFINED_OBJECT,
            position=e.position,
        )
    return n.ArrayComparison(
        coercion.require(b, operand, left),
        coercion.require(b, array, wanted),
        found.function,
        e.quantifier == "all",
        name=e.operator,
    )


def conjunction(parts: Sequence[n.Expression]) -> n.Expression | None:
    """All of the conditions; None for no condition."""
    flat = [item for part in parts for item in (part.arguments if isinstance(part, n.And) else (part,))]
    if not flat:
        return None
    return flat[0] if len(flat) == 1 else n.And(tuple(flat))


def any_of(parts: Sequence[n.Expression]) -> n.Expression:
    """Disjunction of one or more conditions."""
    return reduce(lambda x, y: n.Or((x, y)), parts)


OPERATORS: Mapping[type, Callable[..., n.Expression]] = {
    ast.BinaryOperation: bind_binary,
    ast.UnaryOperation: bind_unary,
    ast.Not: bind_not,
    ast.And: bind_and,
    ast.Or: bind_or,
    ast.IsNull: bind_is_null,
    ast.BooleanTest: bind_boolean_test,
    ast.DistinctFrom: bind_distinct,
    ast.Between: bind_between,
    ast.InList: bind_in,
    ast.Like: bind_like,
    ast.QuantifiedArray: bind_quantified_array,
}
