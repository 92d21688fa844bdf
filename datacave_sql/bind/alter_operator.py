"""ALTER OPERATOR: selectivity functions, owner and schema; COMMENT ON operators and casts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import OperatorDefinition
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import objects, relations, typenames
from datacave_sql.bind import statements as s
from datacave_sql.bind.bound_named import AlterNamed
from datacave_sql.bind.operators import operators_of
from datacave_sql.bind.state import Binding
from datacave_sql.functions import registry
from datacave_sql.functions.factfiles import fact_rows
from datacave_sql.parse import ast

_FIXED = ("leftarg", "rightarg", "function", "procedure", "commutator", "negator", "hashes", "merges")
_SIGNATURES = {
    "restrict": "(internal, oid, internal, integer)",
    "join": "(internal, oid, internal, smallint, internal)",
}
_OPERATORS, _CASTS = 2617, 2605
"""Oids of pg_operator and pg_cast."""


def named_operator(
    b: Binding, name: ast.QualifiedName, left: ast.TypeName | None, right: ast.TypeName | None
) -> OperatorDefinition | int:
    """The operator of a user, or the oid of one of the system. Raises 42883, 42601 for what was a postfix operator."""
    if right is None:
        raise DatacaveError("postfix operators are not supported", sqlstate=sqlstate.SYNTAX_ERROR)
    if len(name) > 1:
        relations.require_schema(b, name[-2])
    given = (
        typenames.resolve_type(b, left).oid if left is not None else 0,
        typenames.resolve_type(b, right).oid,
    )
    for definition in operators_of(b, name):
        if (definition.left_oid, definition.right_oid) == given:
            return definition
    if len(name) == 1 or name[-2] == "pg_catalog":
        for fact in registry.operators_named(name[-1]):
            if (fact.left, fact.right) == given:
                return fact.oid
    dotted, words = relations.dotted(name), [b.types.name(oid) for oid in given if oid]
    shown = f"{words[0]} {dotted} {words[1]}" if len(words) == 2 else f"{dotted} {words[0]}"
    raise DatacaveError(f"operator does not exist: {shown}", sqlstate=sqlstate.UNDEFINED_FUNCTION)


def bind_alter_operator(b: Binding, statement: ast.AlterOperator, entries: object) -> s.BoundStatement:
    """ALTER OPERATOR. Raises 42883, 42601, 42723; 0A000 for operators of the system."""
    found = named_operator(b, statement.name, statement.left, statement.right)
    changed = {item.name: _selectivity(item) for item in statement.items}
    if isinstance(found, int):
        raise FeatureNotSupported("operators of the system cannot be changed")
    if statement.role is not None:
        return s.ChangeOwner("operator", found, objects.role_oid(b, statement.role), "ALTER OPERATOR")
    if statement.schema is not None:
        schema = relations.require_schema(b, statement.schema)
        place = (schema.oid, found.name, found.left_oid, found.right_oid)
        if b.catalog.operator_names.get(place) not in (None, found.oid):
            raise DatacaveError(
                f'operator {found.name} already exists in schema "{schema.name}"',
                sqlstate=sqlstate.DUPLICATE_FUNCTION,
            )
        return s.SetObjectSchema("operator", found, schema, "ALTER OPERATOR")
    restrict, join = changed.get("restrict", found.restrict), changed.get("join", found.join)
    return AlterNamed(replace(found, restrict=restrict, join=join), "ALTER OPERATOR")


def _selectivity(item: ast.DefinitionItem) -> str:
    """The name of an estimator; "" for NONE. Raises 42601, 42883."""
    wanted = _SIGNATURES.get(item.name)
    if wanted is None:
        word = "cannot be changed" if item.name in _FIXED else "not recognized"
        raise DatacaveError(f'operator attribute "{item.name}" {word}', sqlstate=sqlstate.SYNTAX_ERROR)
    if item.value is None:
        return ""
    name = item.value.names[-1] if isinstance(item.value, ast.TypeName) else str(item.value)
    if not registry.functions_named(name):
        raise DatacaveError(f"function {name}{wanted} does not exist", sqlstate=sqlstate.UNDEFINED_FUNCTION)
    return name


def comment_on_operator(b: Binding, statement: ast.Comment) -> s.BoundStatement:
    """COMMENT ON OPERATOR."""
    found = named_operator(b, statement.name, *statement.operands)
    return s.CommentOn(_OPERATORS, found if isinstance(found, int) else found.oid, 0, statement.text)


def comment_on_cast(b: Binding, statement: ast.Comment) -> s.BoundStatement:
    """COMMENT ON CAST. Raises 42704."""
    written = [one for one in statement.operands if one is not None]
    source, target = (typenames.resolve_type(b, one).oid for one in written)
    oid = b.catalog.cast_types.get((source, target))
    for row in fact_rows("casts.tsv"):
        if oid is None and (int(row[1]), int(row[2])) == (source, target):
            oid = int(row[0])
    if oid is None:
        raise DatacaveError(
            f"cast from type {b.types.name(source)} to type {b.types.name(target)} does not exist",
            sqlstate=sqlstate.UNDEFINED_OBJECT,
        )
    return s.CommentOn(_CASTS, oid, 0, statement.text)


ALTER_OPERATORS: Mapping[type, Callable[..., s.BoundStatement]] = {ast.AlterOperator: bind_alter_operator}
