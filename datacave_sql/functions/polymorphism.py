"""Polymorphism: what anyelement, anyarray, anycompatible and their relatives stand for in one call.

Two families: in the plain one all types must agree exactly; in the anycompatible one a common type is chosen. See
chapter 38.2.5 of PostgreSQL's documentation.
"""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.functions.coercion import IMPLICIT, find_coercion
from datacave_sql.functions.typelookup import TypeLookup

_PLAIN_ELEMENTS = frozenset({oids.ANYELEMENT, oids.ANYNONARRAY, oids.ANYENUM})
_COMPATIBLE_ELEMENTS = frozenset({oids.ANYCOMPATIBLE, oids.ANYCOMPATIBLENONARRAY})
_PLAIN = _PLAIN_ELEMENTS | {oids.ANYARRAY, oids.ANYRANGE, oids.ANYMULTIRANGE}
_COMPATIBLE = _COMPATIBLE_ELEMENTS | {oids.ANYCOMPATIBLEARRAY, oids.ANYCOMPATIBLERANGE, oids.ANYCOMPATIBLEMULTIRANGE}
POLYMORPHIC = _PLAIN | _COMPATIBLE


def mismatch(message: str, detail: str | None = None) -> DatacaveError:
    """42804."""
    return DatacaveError(message, sqlstate=sqlstate.DATATYPE_MISMATCH, detail=detail)


def resolve_polymorphic(
    actual: Sequence[int], declared: Sequence[int], result: int, types: TypeLookup
) -> tuple[tuple[int, ...], int]:
    """The declared argument and result types with every polymorphic one replaced by what the actual types imply.

    Raises 42804 when the actual types do not fit together or leave a type undetermined.
    """
    if not any(oid in POLYMORPHIC for oid in declared):
        return tuple(declared), result
    meaning = _meanings(actual, declared, types)
    arguments = []
    for given, oid in zip(actual, declared, strict=True):
        if oid in POLYMORPHIC:
            if oid not in meaning:
                _settle(oid, meaning, types)
            # anyarray takes pseudo-typed statistics columns as they come.
            arguments.append(meaning.get(oid, given))
        else:
            arguments.append(oid)
    if result in POLYMORPHIC:
        _settle(result, meaning, types)
        result = meaning[result]
    return tuple(arguments), result


def is_consistent(actual: Sequence[int], declared: Sequence[int], types: TypeLookup) -> bool:
    """Whether the actual types can stand for the polymorphic declared ones."""
    try:
        _meanings(actual, declared, types)
    except DatacaveError:
        return False
    return True


def _meanings(actual: Sequence[int], declared: Sequence[int], types: TypeLookup) -> dict[int, int]:
    """What each polymorphic oid stands for, as far as the known arguments say."""
    meaning: dict[int, int] = {}
    compatible: list[int] = []
    compatible_count = 0
    compatible_range = 0
    for given, oid in zip(actual, declared, strict=True):
        if oid in _COMPATIBLE:
            compatible_count += 1
        if oid not in POLYMORPHIC or given == oids.UNKNOWN:
            continue
        if oid in _PLAIN_ELEMENTS:
            known = meaning.setdefault(oids.ANYELEMENT, given)
            if known != given:
                raise mismatch(
                    'arguments declared "anyelement" are not all alike',
                    f"{types.name(known)} versus {types.name(given)}",
                )
        elif oid in _COMPATIBLE_ELEMENTS:
            compatible.append(given)
        else:
            given = types.base(given)
            if oid in _PLAIN:
                known = meaning.setdefault(oid, given)
                if known != given:
                    raise mismatch(
                        f'arguments declared "{types.name(oid)}" are not all alike',
                        f"{types.name(known)} versus {types.name(given)}",
                    )
            inner = _inner(oid, given, types)
            if oid in _PLAIN:
                _agree(oid, inner, meaning, types)
            elif oid == oids.ANYCOMPATIBLEARRAY:
                compatible.append(inner)
            else:
                range_oid = given if oid == oids.ANYCOMPATIBLERANGE else types.subtype(given)
                if compatible_range not in (0, range_oid):
                    raise mismatch(
                        f"arguments declared {types.name(oid)} are not all alike",
                        f"{types.name(compatible_range)} versus {types.name(range_oid)}",
                    )
                compatible_range = range_oid
                meaning[oids.ANYCOMPATIBLERANGE] = range_oid
                compatible.append(inner)
    if compatible_count:
        meaning[oids.ANYCOMPATIBLE] = _common(compatible, types) if compatible else oids.TEXT
        if compatible_range and types.subtype(compatible_range) != meaning[oids.ANYCOMPATIBLE]:
            raise mismatch(
                f"anycompatiblerange type {types.name(compatible_range)} does not match anycompatible type "
                f"{types.name(meaning[oids.ANYCOMPATIBLE])}"
            )
    _check_restrictions(declared, meaning, types)
    return meaning


def _inner(oid: int, given: int, types: TypeLookup) -> int:
    """The element, subtype or subtype of the range of a container argument."""
    if oid in (oids.ANYARRAY, oids.ANYCOMPATIBLEARRAY):
        inner, word = (given if given == oids.ANYARRAY else types.element(given)), "an array"
    elif oid in (oids.ANYRANGE, oids.ANYCOMPATIBLERANGE):
        inner, word = (types.subtype(given) if types.kind(given) == "r" else 0), "a range type"
    else:
        inner, word = (types.subtype(types.subtype(given)) if types.kind(given) == "m" else 0), "a multirange type"
    if not inner:
        raise mismatch(f"argument declared {types.name(oid)} is not {word} but type {types.name(given)}")
    return inner


def _agree(oid: int, inner: int, meaning: dict[int, int], types: TypeLookup) -> None:
    known = meaning.setdefault(oids.ANYELEMENT, inner)
    if known != inner:
        raise mismatch(
            f"argument declared {types.name(oid)} is not consistent with argument declared anyelement",
            f"{types.name(meaning[oid])} versus {types.name(known)}",
        )


def _common(candidates: Sequence[int], types: TypeLookup) -> int:
    chosen = types.base(candidates[0]) if any(c != candidates[0] for c in candidates) else candidates[0]
    for candidate in candidates[1:]:
        other = types.base(candidate)
        if other == types.base(chosen):
            continue
        if types.category(other) != types.category(chosen):
            raise mismatch(
                "arguments of anycompatible family cannot be cast to a common type",
                f"{types.name(chosen)} versus {types.name(other)}",
            )
        forward = find_coercion(chosen, other, IMPLICIT, types) is not None
        if not types.preferred(chosen) and forward and find_coercion(other, chosen, IMPLICIT, types) is None:
            chosen = other
    if any(find_coercion(candidate, chosen, IMPLICIT, types) is None for candidate in candidates):
        raise mismatch("arguments of anycompatible family cannot be cast to a common type")
    return chosen


def _check_restrictions(declared: Sequence[int], meaning: dict[int, int], types: TypeLookup) -> None:
    element = meaning.get(oids.ANYELEMENT)
    if element is not None:
        if oids.ANYNONARRAY in declared and types.element(types.base(element)):
            raise mismatch(f"type matched to anynonarray is an array type: {types.name(element)}")
        if oids.ANYENUM in declared and types.kind(types.base(element)) != "e":
            raise mismatch(f"type matched to anyenum is not an enum type: {types.name(element)}")
    compatible = meaning.get(oids.ANYCOMPATIBLE)
    if compatible is not None and oids.ANYCOMPATIBLENONARRAY in declared and types.element(types.base(compatible)):
        raise mismatch(f"type matched to anycompatiblenonarray is an array type: {types.name(compatible)}")


def _settle(oid: int, meaning: dict[int, int], types: TypeLookup) -> None:
    """Derives one polymorphic type from what is known of its family."""
    if oid in meaning:
        return
    element = meaning.get(oids.ANYCOMPATIBLE if oid in _COMPATIBLE else oids.ANYELEMENT)
    if element is None:
        raise mismatch("could not determine polymorphic type because input has type unknown")
    if oid in _PLAIN_ELEMENTS or oid in _COMPATIBLE_ELEMENTS:
        meaning[oid] = element
    elif oid in (oids.ANYARRAY, oids.ANYCOMPATIBLEARRAY):
        array = oids.ANYARRAY if element == oids.ANYARRAY else types.array(element)
        if not array:
            raise DatacaveError(
                f"could not find array type for data type {types.name(element)}", sqlstate=sqlstate.UNDEFINED_OBJECT
            )
        meaning[oid] = array
    else:
        _settle_range(oid, meaning, types)


def _settle_range(oid: int, meaning: dict[int, int], types: TypeLookup) -> None:
    """A range from the multirange next to it or the other way round; neither follows from the element alone."""
    range_oid, multirange_oid = (
        (oids.ANYRANGE, oids.ANYMULTIRANGE)
        if oid in _PLAIN
        else (oids.ANYCOMPATIBLERANGE, oids.ANYCOMPATIBLEMULTIRANGE)
    )
    if oid == range_oid and multirange_oid in meaning:
        meaning[oid] = types.subtype(meaning[multirange_oid])
    elif oid == multirange_oid and range_oid in meaning:
        meaning[oid] = types.multirange(meaning[range_oid])
    else:
        raise mismatch(f"could not determine polymorphic type {types.name(oid)} because input has type unknown")
