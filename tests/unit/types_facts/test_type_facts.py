"""Are the facts about built-in types consistent, and are types called what PostgreSQL calls them?"""

from __future__ import annotations

from pathlib import Path

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.types import BUILTIN_TYPES, find_type, format_type, oids, type_by_name, type_by_oid, type_io
from datacave_core.types.registry import RANGES
from datacave_core.types.typmod import (
    INTERVAL_DAY,
    INTERVAL_HOUR,
    INTERVAL_MONTH,
    INTERVAL_SECOND,
    INTERVAL_YEAR,
    NumericModifier,
    encode_typmod,
    interval_modifier,
    interval_typmod,
    numeric_modifier,
    typmod_suffix,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "types" / "format_type.tsv"
NEVER_STORED = {"xml", "gtsvector"}


def test_constants_are_the_exported_oids() -> None:
    constants = {name: value for name, value in vars(oids).items() if isinstance(value, int)}
    assert len(constants) == len(BUILTIN_TYPES)
    for facts in BUILTIN_TYPES.values():
        name = facts.name[1:].upper() + "_ARRAY" if facts.name.startswith("_") else facts.name.upper()
        assert constants[name] == facts.oid


def test_arrays_and_elements_point_at_each_other() -> None:
    arrays = [facts for facts in BUILTIN_TYPES.values() if facts.is_array]
    assert len(arrays) > 60
    for facts in arrays:
        assert type_by_oid(facts.element_oid).array_oid == facts.oid
    assert not type_by_oid(oids.INT2VECTOR).is_array
    assert not type_by_oid(oids.NAME).is_array


def test_ranges_know_their_parts() -> None:
    for facts in RANGES.values():
        assert type_by_oid(facts.range_oid).kind == "r"
        assert type_by_oid(facts.multirange_oid).kind == "m"
        assert find_type(facts.subtype_oid) is not None


def test_lookups() -> None:
    int4 = type_by_name("int4")
    assert int4 is type_by_oid(23)
    assert type_by_name("integer") is None
    with pytest.raises(DatacaveError, match="cache lookup failed for type 1") as caught:
        type_by_oid(1)
    assert caught.value.sqlstate == "XX000"


def test_types_are_called_as_recorded() -> None:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()[1:]
    assert len(lines) > 400
    for line in lines:
        oid, typmod, name = line.split("\t")
        assert format_type(int(oid), int(typmod) if typmod else None) == name


@pytest.mark.parametrize(
    ("oid", "modifiers", "suffix"),
    [
        (oids.VARCHAR, [10], "(10)"),
        (oids.BPCHAR, [1], "(1)"),
        (oids.NUMERIC, [10], "(10,0)"),
        (oids.NUMERIC, [10, 2], "(10,2)"),
        (oids.NUMERIC, [3, -2], "(3,-2)"),
        (oids.NUMERIC, [1000, 1000], "(1000,1000)"),
        (oids.TIMESTAMP, [3], "(3) without time zone"),
        (oids.TIMESTAMPTZ, [9], "(6) with time zone"),
        (oids.TIME, [0], "(0) without time zone"),
        (oids.BIT, [8], "(8)"),
        (oids.INTERVAL, [INTERVAL_YEAR | INTERVAL_MONTH], " year to month"),
        (oids.INTERVAL, [INTERVAL_SECOND, 2], " second(2)"),
        (oids.INTERVAL, [0x7FFF, 3], "(3)"),
    ],
)
def test_modifiers_are_packed_and_shown(oid: int, modifiers: list[int], suffix: str) -> None:
    assert typmod_suffix(oid, encode_typmod(oid, modifiers)) == suffix


@pytest.mark.parametrize(
    ("oid", "modifiers", "code", "message"),
    [
        (oids.VARCHAR, [0], "22023", "length for type varchar must be at least 1"),
        (oids.BPCHAR, [0], "22023", "length for type char must be at least 1"),
        (oids.VARCHAR, [10485761], "22023", "length for type varchar cannot exceed 10485760"),
        (oids.BIT, [0], "22023", "length for type bit must be at least 1"),
        (oids.VARBIT, [83886081], "22023", "length for type varbit cannot exceed 83886080"),
        (oids.NUMERIC, [0], "22023", "NUMERIC precision 0 must be between 1 and 1000"),
        (oids.NUMERIC, [5, 1001], "22023", "NUMERIC scale 1001 must be between -1000 and 1000"),
        (oids.NUMERIC, [1, 2, 3], "22023", "invalid NUMERIC type modifier"),
        (oids.TIMESTAMP, [-1], "22023", "TIMESTAMP(-1) precision must not be negative"),
        (oids.TIMETZ, [-1], "22023", "TIME(-1) WITH TIME ZONE precision must not be negative"),
        (oids.INTERVAL, [INTERVAL_YEAR | INTERVAL_HOUR], "22023", "invalid INTERVAL type modifier"),
        (oids.INT4, [4], "42601", 'type modifier is not allowed for type "int4"'),
    ],
)
def test_bad_modifiers_are_refused(oid: int, modifiers: list[int], code: str, message: str) -> None:
    with pytest.raises(DatacaveError) as caught:
        encode_typmod(oid, modifiers)
    assert (caught.value.sqlstate, caught.value.message) == (code, message)


def test_modifiers_unpack() -> None:
    assert numeric_modifier(-1) is None
    assert numeric_modifier(encode_typmod(oids.NUMERIC, [7, -3])) == NumericModifier(7, -3)
    assert interval_modifier(interval_typmod(INTERVAL_DAY | INTERVAL_HOUR)) == (INTERVAL_DAY | INTERVAL_HOUR, None)
    assert interval_typmod() == -1


def test_every_common_type_has_input_and_output() -> None:
    """Types that are not supported yet say so with 0A000 instead of guessing."""
    missing = set()
    for facts in BUILTIN_TYPES.values():
        if facts.kind != "b" or facts.is_array:
            continue
        try:
            type_io(facts.oid)
        except DatacaveError as error:
            assert error.sqlstate == "0A000"
            missing.add(facts.name)
    assert missing == NEVER_STORED | {
        "pg_brin_bloom_summary",
        "pg_brin_minmax_multi_summary",
    }
