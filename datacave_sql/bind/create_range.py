"""CREATE TYPE AS RANGE: a range type over a subtype with an order, and the multirange type that comes with it."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import TypeDefinition
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import relations, typenames
from datacave_sql.bind import statements as s
from datacave_sql.bind.constructs import resolve_collation
from datacave_sql.bind.operator_classes import key_class
from datacave_sql.bind.routine_resolution import as_function, routines_of
from datacave_sql.bind.state import Binding
from datacave_sql.functions import registry
from datacave_sql.functions.resolution import signature
from datacave_sql.parse import ast

_ATTRIBUTES = ("subtype", "subtype_opclass", "collation", "canonical", "subtype_diff", "multirange_type_name")
NAME_BYTES_MAX = 63


def bind_create_range(b: Binding, statement: ast.CreateRangeType, entries: object) -> s.BoundStatement:
    """CREATE TYPE AS RANGE. Raises 42601, 42710, 42P17, 42704, 42804, 42809, 42883."""
    schema_oid = relations.type_place(b, statement.name, statement.position)
    items: dict[str, ast.DefinitionItem] = {}
    for item in statement.items:
        if item.name not in _ATTRIBUTES:
            raise DatacaveError(
                f'type attribute "{item.name}" not recognized',
                sqlstate=sqlstate.SYNTAX_ERROR,
                position=item.position,
            )
        if item.name in items:
            raise DatacaveError(
                "conflicting or redundant options", sqlstate=sqlstate.SYNTAX_ERROR, position=item.position
            )
        items[item.name] = item
    if "canonical" in items:
        raise _invalid(
            "cannot specify a canonical function without a pre-created shell type",
            "Create the type as a shell type, then create its canonicalization function, then do a full CREATE TYPE.",
        )
    if "subtype" not in items:
        raise DatacaveError('type attribute "subtype" is required', sqlstate=sqlstate.SYNTAX_ERROR)
    subtype = typenames.resolve_type(b, _type_name(items["subtype"])).oid
    if b.types.kind(subtype) == "p":
        raise DatacaveError(f"range subtype cannot be {b.types.name(subtype)}", sqlstate=sqlstate.DATATYPE_MISMATCH)
    _check_order(b, items.get("subtype_opclass"), subtype)
    collation = b.types.type(subtype).collation_oid
    if "collation" in items:
        if not collation:
            raise DatacaveError(
                "range collation specified but subtype does not support collation",
                sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            )
        collation = resolve_collation(b, _names(items["collation"]), items["collation"].position)
    difference = _difference(b, _names(items["subtype_diff"]), subtype) if "subtype_diff" in items else 0
    name = statement.name[-1]
    if "multirange_type_name" in items:
        written = _names(items["multirange_type_name"])
        multirange_schema = relations.type_place(b, written, statement.position)
        multirange_name = written[-1]
    else:
        multirange_schema, multirange_name = schema_oid, multirange_name_of(name)
        if multirange_name == name or b.catalog.type_oid_named(schema_oid, multirange_name) is not None:
            raise DatacaveError(
                f'type "{multirange_name}" already exists',
                sqlstate=sqlstate.DUPLICATE_OBJECT,
                detail=f'Failed while creating a multirange type for type "{name}".',
                hint='You can manually specify a multirange type name using the "multirange_type_name" attribute.',
            )
    definition = TypeDefinition(
        0, 0, schema_oid, name, "r", base_type_oid=subtype, collation=collation, subtype_difference_oid=difference
    )
    return s.CreateType(definition, multirange=TypeDefinition(0, 0, multirange_schema, multirange_name, "m"))


def multirange_name_of(name: str) -> str:
    """What the multirange type of a range type is called where nobody says it."""
    before, word, after = name.partition("range")
    if word:
        made = f"{before}multirange{after}"
    else:
        made = name.encode()[: NAME_BYTES_MAX - len("_multirange")].decode(errors="ignore") + "_multirange"
    return made.encode()[:NAME_BYTES_MAX].decode(errors="ignore")


def _invalid(message: str, hint: str | None = None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_OBJECT_DEFINITION, hint=hint)


def _type_name(item: ast.DefinitionItem) -> ast.TypeName:
    if isinstance(item.value, ast.TypeName):
        return item.value
    if isinstance(item.value, str):
        return ast.TypeName(item.position, (item.value,))
    raise DatacaveError(
        f"argument of {item.name} must be a type name", sqlstate=sqlstate.SYNTAX_ERROR, position=item.position
    )


def _names(item: ast.DefinitionItem) -> ast.QualifiedName:
    names: Any = _type_name(item).names
    return tuple(names)


def _check_order(b: Binding, item: ast.DefinitionItem | None, subtype: int) -> None:
    try:
        key_class(b, None if item is None else _names(item), "btree", subtype)
    except DatacaveError as error:
        if item is None:
            error.hint = (
                "You must specify an operator class for the range type or define a default operator class for the "
                "subtype."
            )
        raise


def _difference(b: Binding, name: ast.QualifiedName, subtype: int) -> int:
    """The oid of a subtype_diff function: (subtype, subtype) to double precision, immutable."""
    candidates = [as_function(b, routine) for routine in routines_of(b, name)]
    candidates += registry.functions_named(name[-1])
    for function in candidates:
        if function.argument_types == (subtype, subtype) and function.kind == "f":
            written = signature(".".join(name), (subtype, subtype), b.types)
            if function.return_type != oids.FLOAT8:
                raise _invalid(f"range subtype diff function {written} must return type double precision")
            if function.volatility != "i":
                raise _invalid(f"range subtype diff function {written} must be immutable")
            return function.oid
    raise DatacaveError(
        f"function {signature('.'.join(name), (subtype, subtype), b.types)} does not exist",
        sqlstate=sqlstate.UNDEFINED_FUNCTION,
    )
