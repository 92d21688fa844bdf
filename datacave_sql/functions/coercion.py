"""Coercion: whether and how a value of one type becomes a value of another, and the common type of several.

Pure functions over type oids, after chapters 10.3 to 10.5 of PostgreSQL's documentation. Literals of type unknown
coerce to everything; turning their text into the value (the target's input function) is the binder's business.
Not here: polymorphic types (polymorphism.py), choosing functions and operators (resolution.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.functions import registry
from datacave_sql.functions.registry import Function
from datacave_sql.functions.typelookup import VECTORS, TypeLookup

IMPLICIT = "i"
ASSIGNMENT = "a"
EXPLICIT = "e"
_RANK = {IMPLICIT: 0, ASSIGNMENT: 1, EXPLICIT: 2}


@dataclass(frozen=True, slots=True)
class Coercion:
    """How to get from `source` to `target`.

    `kind`: "none" (the value stays as it is), "function" (call `function`; further arguments, if it has them, are the
    target's typmod and whether the cast is explicit), "io" (through the text forms), "array" (each element by
    `element`), "record" (field by field). When `domain` is not 0 its constraints must be checked afterwards.
    """

    kind: str
    source: int
    target: int
    function: Function | None = None
    element: Coercion | None = None
    domain: int = 0


def find_coercion(source: int, target: int, context: str, types: TypeLookup) -> Coercion | None:
    """The way from source to target that is allowed in this context (IMPLICIT, ASSIGNMENT, EXPLICIT), or None."""
    base_target = types.base(target)
    domain = target if base_target != target and source != target else 0
    base_source = types.base(source)
    if source == target or base_source == base_target:
        return Coercion("none", source, target, domain=domain)
    if base_source == oids.UNKNOWN:
        return Coercion("io", base_source, base_target, domain=domain)
    rule = types.cast(source, target) or types.cast(base_source, base_target) if types.custom else None
    if rule is not None:
        if _RANK[context] < _RANK[rule.context]:
            return None
        kind = "function" if rule.function is not None else "none" if rule.binary else "io"
        return Coercion(kind, base_source, base_target, rule.function, domain=domain)
    fact = registry.cast(base_source, base_target)
    if fact is not None:
        if _RANK[context] < _RANK[fact.context]:
            return None
        if fact.method == "f" and fact.function is not None:
            return Coercion("function", base_source, base_target, registry.function(fact.function), domain=domain)
        return Coercion("none" if fact.method == "b" else "io", base_source, base_target, domain=domain)
    source_kind, target_kind = types.kind(base_source), types.kind(base_target)
    if source_kind == "c" and base_target == oids.RECORD:
        return Coercion("none", base_source, base_target, domain=domain)
    if base_source == oids.RECORD and target_kind == "c":
        return Coercion("record", base_source, base_target, domain=domain)
    source_element, target_element = types.element(base_source), types.element(base_target)
    # The vectors of the system tables would capture coercions that mean real arrays.
    if source_element and target_element and base_target not in VECTORS:
        if types.kind(source_element) == "c" and target_element == oids.RECORD:
            return Coercion("none", base_source, base_target, domain=domain)
        element = find_coercion(source_element, target_element, context, types)
        if element is not None:
            kind = "none" if element.kind == "none" and not element.domain else "array"
            return Coercion(kind, base_source, base_target, element=element, domain=domain)
    through_text = (_RANK[context] >= _RANK[ASSIGNMENT] and types.category(base_target) == "S") or (
        context == EXPLICIT and types.category(base_source) == "S"
    )
    if through_text and source_kind != "p" and target_kind != "p":
        return Coercion("io", base_source, base_target, domain=domain)
    if through_text and base_source in _WITH_TEXT:
        return Coercion("io", base_source, base_target, domain=domain)
    return None


_WITH_TEXT = frozenset({oids.RECORD, oids.RECORD_ARRAY, oids.VOID, oids.CSTRING, oids.ANYARRAY})
"""Pseudo-types with values that have a text form."""


def require_coercion(source: int, target: int, context: str, types: TypeLookup) -> Coercion:
    """find_coercion, or 42846 when there is none."""
    found = find_coercion(source, target, context, types)
    if found is None:
        raise DatacaveError(
            f"cannot cast type {types.name(source)} to {types.name(target)}", sqlstate=sqlstate.CANNOT_COERCE
        )
    return found


def is_binary_coercible(source: int, target: int, types: TypeLookup) -> bool:
    """Whether a value of the source type is one of the target type without any work."""
    if source == target:
        return True
    if target in (oids.ANY, oids.ANYELEMENT, oids.ANYCOMPATIBLE):
        return True
    source = types.base(source)
    if source == target:
        return True
    fact = registry.cast(source, target)
    if fact is None and types.custom and (rule := types.cast(source, target)) is not None:
        return rule.binary and rule.context == IMPLICIT
    return fact is not None and fact.method == "b" and fact.context == IMPLICIT


def common_type(candidates: Sequence[int], types: TypeLookup, construct: str) -> int:
    """The type of a UNION column, CASE, COALESCE, GREATEST, ARRAY or VALUES column; unknown alone becomes text.

    `construct` opens the message of the 42804 raised for types that do not match, e.g. "CASE". PostgreSQL looks at
    the ELSE branch of a CASE before the others.
    """
    first = candidates[0]
    if first != oids.UNKNOWN and all(candidate == first for candidate in candidates):
        return first
    chosen = types.base(first)
    for candidate in candidates[1:]:
        other = types.base(candidate)
        if other in (oids.UNKNOWN, chosen):
            continue
        if chosen == oids.UNKNOWN:
            chosen = other
        elif types.category(other) != types.category(chosen):
            raise DatacaveError(
                f"{construct} types {types.name(chosen)} and {types.name(other)} cannot be matched",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
            )
        elif (
            not types.preferred(chosen)
            and find_coercion(chosen, other, IMPLICIT, types) is not None
            and find_coercion(other, chosen, IMPLICIT, types) is None
        ):
            chosen = other
    return oids.TEXT if chosen == oids.UNKNOWN else chosen


def require_common_coercion(source: int, target: int, types: TypeLookup, construct: str) -> Coercion:
    """The implicit way to a common type, or 42846 with the construct's wording."""
    found = find_coercion(source, target, IMPLICIT, types)
    if found is None:
        raise DatacaveError(
            f"{construct} could not convert type {types.name(source)} to {types.name(target)}",
            sqlstate=sqlstate.CANNOT_COERCE,
        )
    return found
