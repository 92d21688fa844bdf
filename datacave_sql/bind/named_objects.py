"""Names of text search objects, operator classes, families and conversions, as statements write them."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import NamedObject, OperatorClass, OperatorFamily
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import relations
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.named_objects import ACCESS_METHODS, KINDS, find_named, named_definition

_UNIQUE_INDEXES = {
    "text search configuration": ("ts_config_cfgname", "cfg"),
    "text search dictionary": ("ts_dict_dictname", "dict"),
}
"""Indexes of the system tables of kinds that CREATE does not look for another one of."""
METHOD_NAMES = {oid: name for name, oid in ACCESS_METHODS.items()}


def method_oid(b: Binding, name: str) -> int:
    """The oid of an access method of indexes. Raises 42704."""
    found = ACCESS_METHODS.get(name)
    if found is None:
        raise DatacaveError(f'access method "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    return found


def _schemas(b: Binding, name: ast.QualifiedName) -> tuple[str, ...]:
    if len(name) == 1:
        return relations.search_schemas(b)
    schema, _ = relations.split_relation_name(b, name, 0)
    return (schema,) if schema is not None else ()


def find_oid(b: Binding, kind: str, name: ast.QualifiedName, method: str = "") -> int | None:
    """The oid of an object, or None."""
    return find_named(b.catalog, KINDS[kind], _schemas(b, name), name[-1], method_oid(b, method) if method else 0)


def named_oid(b: Binding, kind: str, name: ast.QualifiedName, position: int | None = None, method: str = "") -> int:
    """The oid of an object. Raises 42704, 3F000."""
    found = find_oid(b, kind, name, method)
    if found is None:
        raise missing(b, kind, name, method, position)
    return found


def missing(
    b: Binding, kind: str, name: ast.QualifiedName, method: str = "", position: int | None = None
) -> DatacaveError:
    """The error for a name that nothing has."""
    if len(name) > 1 and b.catalog.schema_named(name[-2]) is None:
        message, code = f'schema "{name[-2]}" does not exist', sqlstate.INVALID_SCHEMA_NAME
    else:
        suffix = f' for access method "{method}"' if method else ""
        message, code = f'{kind} "{relations.dotted(name)}" does not exist{suffix}', sqlstate.UNDEFINED_OBJECT
    return DatacaveError(message, sqlstate=code, position=position)


def require_own(b: Binding, kind: str, name: ast.QualifiedName, method: str = "") -> Any:
    """The object of a user. Raises 42704, 0A000 for one that is there from the beginning."""
    oid = named_oid(b, kind, name, None, method)
    found = named_definition(b.catalog, KINDS[kind], oid)
    if found is None:
        hint = (
            "Make a copy of it: CREATE TEXT SEARCH CONFIGURATION .. (COPY = ..)." if "configuration" in kind else None
        )
        raise FeatureNotSupported(f'{kind} "{relations.dotted(name)}" of the system cannot be changed', hint=hint)
    return found


def check_free(b: Binding, item: NamedObject) -> None:
    """Raises 42710 where another object has the name."""
    kind = kind_of(item)
    method = item.method_oid if isinstance(item, OperatorClass | OperatorFamily) else 0
    known = b.catalog.named_objects.get((KINDS[kind], item.schema_oid, item.name, method))
    if known in (None, item.oid):
        return
    index = _UNIQUE_INDEXES.get(kind) if not item.oid else None
    if index is not None:
        raise DatacaveError(
            f'duplicate key value violates unique constraint "pg_{index[0]}_index"',
            sqlstate=sqlstate.UNIQUE_VIOLATION,
            detail=f"Key ({index[1]}name, {index[1]}namespace)=({item.name}, {item.schema_oid}) already exists.",
        )
    where = f' for access method "{METHOD_NAMES[method]}"' if method else ""
    schema = f' in schema "{b.catalog.schemas[item.schema_oid].name}"' if item.oid else ""
    raise DatacaveError(f'{kind} "{item.name}"{where} already exists{schema}', sqlstate=sqlstate.DUPLICATE_OBJECT)


def kind_of(item: NamedObject) -> str:
    """The kind as messages name it."""
    words = {
        "TextSearchDictionary": "text search dictionary",
        "TextSearchConfiguration": "text search configuration",
        "OperatorFamily": "operator family",
        "OperatorClass": "operator class",
        "Conversion": "conversion",
    }
    return words[type(item).__name__]
