"""Sequence options: what CREATE SEQUENCE, ALTER SEQUENCE, serial and identity say about a sequence."""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Sequence
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import typenames
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast

_LIMITS = {
    oids.INT2: (-(2**15), 2**15 - 1),
    oids.INT4: (-(2**31), 2**31 - 1),
    oids.INT8: (-(2**63), 2**63 - 1),
}


def _bad(message: str, position: int | None = None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_PARAMETER_VALUE, position=position)


def _written(options: Items[ast.SequenceOption]) -> dict[str, ast.SequenceOption]:
    found: dict[str, ast.SequenceOption] = {}
    for option in options:
        if option.name in found:
            raise DatacaveError(
                "conflicting or redundant options", sqlstate=sqlstate.SYNTAX_ERROR, position=option.position
            )
        found[option.name] = option
    return found


def new_sequence(
    b: Binding,
    schema_oid: int,
    name: str,
    options: Items[ast.SequenceOption],
    type_oid: int = oids.INT8,
    *,
    for_identity: bool = False,
) -> Sequence:
    """A sequence with oid 0 from its options. Raises 22023, 42601."""
    base = Sequence(0, schema_oid, name, type_oid, start=0, minimum=0, maximum=0)
    return apply_options(b, base, options, True, for_identity=for_identity)[0]


def apply_options(
    b: Binding, old: Sequence, options: Items[ast.SequenceOption], fresh: bool, *, for_identity: bool = False
) -> tuple[Sequence, int | None]:
    """(the sequence as it will be, the value to restart with or None)."""
    found = _written(options)
    type_oid = old.type_oid
    if "as" in found:
        type_name = found["as"].value
        assert isinstance(type_name, ast.TypeName)
        type_oid = typenames.resolve_type(b, type_name).oid
        if type_oid not in _LIMITS:
            what = "identity column type" if for_identity else "sequence type"
            raise _bad(f"{what} must be smallint, integer, or bigint")
    low, high = _LIMITS[type_oid]
    increment = _number(found, "increment", 1 if fresh else old.increment)
    if increment == 0:
        raise _bad("INCREMENT must not be zero")
    old_low, old_high = _LIMITS[old.type_oid]
    maximum, minimum = old.maximum, old.minimum
    if fresh or "maxvalue" in found or (type_oid != old.type_oid and old.maximum == old_high):
        maximum = high if increment > 0 else -1
    if fresh or "minvalue" in found or (type_oid != old.type_oid and old.minimum == old_low):
        minimum = 1 if increment > 0 else low
    maximum = _number(found, "maxvalue", maximum)
    minimum = _number(found, "minvalue", minimum)
    type_name_text = b.types.name(type_oid)
    if not low <= maximum <= high:
        raise _bad(f"MAXVALUE ({maximum}) is out of range for sequence data type {type_name_text}")
    if not low <= minimum <= high:
        raise _bad(f"MINVALUE ({minimum}) is out of range for sequence data type {type_name_text}")
    if minimum >= maximum:
        raise _bad(f"MINVALUE ({minimum}) must be less than MAXVALUE ({maximum})")
    start = _number(found, "start", (minimum if increment > 0 else maximum) if fresh else old.start)
    if start < minimum:
        raise _bad(f"START value ({start}) cannot be less than MINVALUE ({minimum})")
    if start > maximum:
        raise _bad(f"START value ({start}) cannot be greater than MAXVALUE ({maximum})")
    restart = None
    if "restart" in found:
        restart = _number(found, "restart", start)
        if restart < minimum:
            raise _bad(f"RESTART value ({restart}) cannot be less than MINVALUE ({minimum})")
        if restart > maximum:
            raise _bad(f"RESTART value ({restart}) cannot be greater than MAXVALUE ({maximum})")
    cache = _number(found, "cache", 1 if fresh else old.cache)
    if cache <= 0:
        raise _bad(f"CACHE ({cache}) must be greater than zero")
    cycle = bool(found["cycle"].value) if "cycle" in found else (False if fresh else old.cycle)
    sequence = replace(
        old,
        type_oid=type_oid,
        start=start,
        increment=increment,
        minimum=minimum,
        maximum=maximum,
        cache=cache,
        cycle=cycle,
    )
    return sequence, restart


def _number(found: dict[str, ast.SequenceOption], name: str, otherwise: int) -> int:
    option = found.get(name)
    if option is None or option.value is None:
        return otherwise
    assert isinstance(option.value, int)
    return option.value
