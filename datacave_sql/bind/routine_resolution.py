"""Routine resolution: the functions and procedures that users have made, as candidates for a call by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datacave_core.catalog import Routine
from datacave_core.types import oids
from datacave_sql.bind import relations
from datacave_sql.bind.names import Scope
from datacave_sql.bind.resolving import function_for
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.functions.registry import Function
from datacave_sql.functions.resolution import ResolvedCast, ResolvedFunction, resolve_function
from datacave_sql.functions.routines import function_of, is_polymorphic
from datacave_sql.functions.user_aggregates import with_states
from datacave_sql.parse import ast


def as_function(b: Binding, routine: Routine) -> Function:
    """The routine as resolution sees it."""
    element = 0
    for argument in routine.arguments:
        if argument.mode == "v":
            element = _element(b, argument.type_oid)
    made = function_of(routine, element)
    if made.default_count and is_polymorphic(routine):
        types = [b.expression(expression_tree(str(text)), Scope()).type for text in made.default_values]
        made = replace(made, default_types=tuple(types))
    return with_states(b.catalog, made, routine) if routine.kind == "a" else made


def _element(b: Binding, oid: int) -> int:
    polymorphic = {oids.ANYARRAY: oids.ANYELEMENT, oids.ANYCOMPATIBLEARRAY: oids.ANYCOMPATIBLE, oids.ANY: oids.ANY}
    return polymorphic.get(oid) or b.types.element(oid)


def routines_of(b: Binding, name: ast.QualifiedName) -> list[Routine]:
    """The routines that a name can mean, those of earlier schemas of the search path first; hidden ones left out."""
    if not b.catalog.routines:
        return []
    found = b.catalog.routines_named(name[-1])
    if not found:
        return []
    if len(name) > 1:
        schema = relations.split_relation_name(b, name, 0)[0]
        known = b.catalog.schema_named(schema) if schema is not None else None
        return [routine for routine in found if known is not None and routine.schema_oid == known.oid]
    visible: list[Routine] = []
    seen: set[tuple[int, ...]] = set()
    for schema_name in relations.callable_schemas(b):
        known = b.catalog.schema_named(schema_name)
        for routine in found:
            if known is not None and routine.schema_oid == known.oid and routine.input_types not in seen:
                seen.add(routine.input_types)
                visible.append(routine)
    return visible


def resolve_named(
    b: Binding, name: ast.QualifiedName, types: Sequence[int], labels: tuple[str, ...], variadic: bool
) -> ResolvedFunction | ResolvedCast:
    """The function that a call means, among built-in ones and those of users. Raises 42883, 42725, 42804."""
    candidates = [as_function(b, routine) for routine in routines_of(b, name)]
    if not candidates:
        return function_for(name[-1], tuple(types), b.types, labels, variadic)
    builtin = len(name) == 1
    return resolve_function(
        name[-1], types, b.types, names=labels, variadic=variadic, extra=candidates, builtin=builtin
    )


def note_call(b: Binding, routine: Routine, e: ast.FunctionCall | None = None) -> None:
    """Remembers what a call needs: the routine itself, and its full name for the stored text of the call."""
    (b.inlined if b.view_depth else b.dependencies).add(routine.oid)
    if e is not None:
        b.routine_names[id(e)] = (b.catalog.schemas[routine.schema_oid].name, routine.name)
