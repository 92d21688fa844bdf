"""pg_depend: what routines, aggregates, operators, casts and extensions need."""

from __future__ import annotations

from typing import Final

from datacave_core.catalog import FIRST_USER_OID, Routine
from datacave_core.values import Row
from datacave_sql.pgcatalog.references import OPERATOR, PROCEDURE, TYPE, catalog_of
from datacave_sql.pgcatalog.snapshot import CatalogRows

_NAMESPACE: Final = 2615
_LANGUAGE: Final = 2612
_CLASS: Final = 2616
_FAMILY: Final = 2753
_CAST: Final = 2605
_EXTENSION: Final = 3079
_PLPGSQL: Final = 13563
_NORMAL, _INTERNAL, _MEMBER = "n", "i", "e"


def routine_depend_rows(rows: CatalogRows) -> list[Row]:
    """The rows of all of them."""
    catalog = rows.catalog
    found = rows.per_object("depend.routine", catalog.routines.items(), _of_routine)
    for operator in catalog.operators.values():
        found.append((OPERATOR, operator.oid, 0, _NAMESPACE, operator.schema_oid, 0, _NORMAL))
        needed = dict.fromkeys((operator.left_oid, operator.right_oid, operator.result_oid))
        found += ((OPERATOR, operator.oid, 0, TYPE, oid, 0, _NORMAL) for oid in needed if oid >= FIRST_USER_OID)
        if operator.function_oid >= FIRST_USER_OID:
            found.append((OPERATOR, operator.oid, 0, PROCEDURE, operator.function_oid, 0, _NORMAL))
        if operator.extension_oid:
            found.append((OPERATOR, operator.oid, 0, _EXTENSION, operator.extension_oid, 0, _MEMBER))
    for cast in catalog.casts.values():
        # A range is cast to its multirange by what was made together with them.
        function = catalog.routines.get(cast.function_oid)
        kind = _INTERNAL if function is not None and function.type_oid else _NORMAL
        found += (
            (_CAST, cast.oid, 0, TYPE, oid, 0, kind)
            for oid in (cast.source_oid, cast.target_oid)
            if oid >= FIRST_USER_OID
        )
        if cast.function_oid >= FIRST_USER_OID:
            found.append((_CAST, cast.oid, 0, PROCEDURE, cast.function_oid, 0, kind))
        if cast.extension_oid:
            found.append((_CAST, cast.oid, 0, _EXTENSION, cast.extension_oid, 0, _MEMBER))
    for extension in catalog.extensions.values():
        found.append((_EXTENSION, extension.oid, 0, _NAMESPACE, extension.schema_oid, 0, _NORMAL))
    for class_oid, owned in ((_FAMILY, catalog.operator_families), (_CLASS, catalog.operator_classes)):
        members = (one for one in owned.values() if one.extension_oid)
        found += ((class_oid, one.oid, 0, _EXTENSION, one.extension_oid, 0, _MEMBER) for one in members)
    for definition in catalog.types.values():
        if definition.extension_oid:
            found.append((TYPE, definition.oid, 0, _EXTENSION, definition.extension_oid, 0, _MEMBER))
    return found


def _of_routine(rows: CatalogRows, routine: Routine) -> list[Row]:
    catalog = rows.catalog
    oid = routine.oid
    found: list[Row] = [(PROCEDURE, oid, 0, _NAMESPACE, routine.schema_oid, 0, _NORMAL)]
    if routine.type_oid:
        found.append((PROCEDURE, oid, 0, TYPE, routine.return_type_oid, 0, _INTERNAL))
    if routine.extension_oid:
        found.append((PROCEDURE, oid, 0, _EXTENSION, routine.extension_oid, 0, _MEMBER))
    if routine.language == "plpgsql":
        found.append((PROCEDURE, oid, 0, _LANGUAGE, _PLPGSQL, 0, _NORMAL))
    types = {argument.type_oid for argument in routine.arguments} | {routine.return_type_oid}
    needed = {(TYPE, one) for one in types if one >= FIRST_USER_OID}
    if not routine.type_oid:
        needed |= {(catalog_of(catalog, one), one) for one in routine.depends_on if one >= FIRST_USER_OID}
    found += ((PROCEDURE, oid, 0, kind, one, 0, _NORMAL) for kind, one in sorted(needed))
    return found
