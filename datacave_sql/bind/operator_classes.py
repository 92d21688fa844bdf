"""Operator classes: which ones an index key may name, and what stands in the catalog for them."""

from __future__ import annotations

from functools import cache

from datacave_core import sqlstate
from datacave_core.catalog import OperatorClass
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind.indexable import require_indexable
from datacave_sql.bind.named_objects import find_oid
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.facts import fixed_rows
from datacave_sql.pgcatalog.named_objects import CLASS, named_definition
from datacave_sql.table.key_columns import no_operator_class

METHOD_OIDS = {"btree": 403, "hash": 405, "gist": 783, "gin": 2742, "spgist": 4000, "brin": 3580}
_ANY_BY_KIND = {"e": oids.ANYENUM, "r": oids.ANYRANGE, "m": oids.ANYMULTIRANGE}


@cache
def _classes(method: int) -> dict[str, list[tuple[int, bool]]]:
    """(input type, is default) by the name of a class."""
    found: dict[str, list[tuple[int, bool]]] = {}
    for row in fixed_rows("pg_opclass"):
        if row[1] == method:
            found.setdefault(row[2], []).append((row[6], row[7]))
    return found


def _classes_of(b: Binding, method: str) -> list[tuple[int, bool]]:
    """(input type, is default) of all classes, those that extensions have brought among them."""
    found = [one for pairs in _classes(METHOD_OIDS[method]).values() for one in pairs]
    brought = (one for one in b.catalog.operator_classes.values() if one.extension_oid)
    return found + [(one.input_oid, one.default) for one in brought if one.method_oid == METHOD_OIDS[method]]


def key_class(b: Binding, name: ast.QualifiedName | None, method: str, type_oid: int) -> str:
    """The class to keep for a key of a type: "" for the default one. Raises 42704, 42804."""
    if name is None:
        require_indexable(b, type_oid, method)
        if method not in ("btree", "hash"):
            require_default(b, method, type_oid)
        return ""
    written = name[-1]
    own = named_definition(b.catalog, CLASS, find_oid(b, "operator class", name, method) or 0)
    if isinstance(own, OperatorClass):
        return _own_class(b, own, method, type_oid)
    known = _classes(METHOD_OIDS[method]).get(written)
    if known is None or (len(name) > 1 and name[-2] != "pg_catalog"):
        raise DatacaveError(
            f'operator class "{".".join(name)}" does not exist for access method "{method}"',
            sqlstate=sqlstate.UNDEFINED_OBJECT,
        )
    base = b.types.base(type_oid)
    for accepted, default in known:
        if _accepts(b, accepted, base):
            require_indexable(b, type_oid, method)
            # bpchar and name have classes of their own, varchar is indexed as text.
            return "" if default and (accepted == base or written == "text_ops") else written
    raise DatacaveError(
        f'operator class "{written}" does not accept data type {b.types.name(type_oid)}',
        sqlstate=sqlstate.DATATYPE_MISMATCH,
    )


def _own_class(b: Binding, own: OperatorClass, method: str, type_oid: int) -> str:
    """The name of a user's class, where it orders as the type itself does. Raises 42804, 0A000."""
    base = b.types.base(type_oid)
    if not _accepts(b, own.input_oid, base):
        raise DatacaveError(
            f'operator class "{own.name}" does not accept data type {b.types.name(type_oid)}',
            sqlstate=sqlstate.DATATYPE_MISMATCH,
        )
    require_indexable(b, type_oid, method, own.name)
    if own.extension_oid:
        return "" if own.default else own.name
    family = b.catalog.operator_families[own.family_oid]
    given = {one.number: one.function_oid for one in family.functions if one.class_oid == own.oid}
    if method not in ("btree", "hash") or given.get(1) is None or given.get(1) != _support(method, own.input_oid):
        raise FeatureNotSupported(
            f'operator class "{own.name}" cannot be used for an index',
            hint="Indexes go by the order that a type has; a class may only have the type's own support function 1.",
        )
    return own.name


def _support(method: str, type_oid: int) -> int | None:
    """Support function 1 of the default class of a type."""
    family = next(
        (row[5] for row in fixed_rows("pg_opclass") if row[1] == METHOD_OIDS[method] and row[6] == type_oid and row[7]),
        None,
    )
    for row in fixed_rows("pg_amproc"):
        if row[1] == family and row[2] == row[3] == type_oid and row[4] == 1:
            return int(row[5])
    return None


def require_default(b: Binding, method: str, type_oid: int) -> None:
    """Raises 42704 for a type that an access method has no default class for."""
    base = b.types.base(type_oid)
    if not any(default and _accepts(b, accepted, base) for accepted, default in _classes_of(b, method)):
        raise no_operator_class(b.types.name(type_oid), method)


def _accepts(b: Binding, accepted: int, type_oid: int) -> bool:
    if accepted == type_oid or (accepted == oids.TEXT and type_oid == oids.VARCHAR):
        return True
    described = b.types.find(type_oid)
    if described is None:
        return False
    if accepted == oids.ANYARRAY:
        return described.is_array
    return _ANY_BY_KIND.get(described.kind) == accepted
