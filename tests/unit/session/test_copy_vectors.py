"""Do the columns of a bulk load hold what the types' own input functions say, for fields of every kind?"""

from __future__ import annotations

import random

import pytest

from datacave_core.catalog import physical_type
from datacave_core.errors import DatacaveError
from datacave_core.layout import PhysicalColumn
from datacave_core.types import FormatSettings, oids, type_io
from datacave_core.vectors import column_vector
from datacave_sql.session.copying.columns import make_readers
from datacave_sql.session.copying.vectors import vector_reader

NUMERIC_8_2 = ((8 << 16) | 2) + 4
VARCHAR_5 = 9

KINDS = {
    "int4": (
        oids.INT4,
        -1,
        ["0", "-1", "2147483647", "-2147483648", "007", "2147483648", " 5", "", "1-", "--1", "1\n2"],
    ),
    "int8": (oids.INT8, -1, ["0", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "12"]),
    "numeric": (
        oids.NUMERIC,
        NUMERIC_8_2,
        ["0.00", "-0.00", "123456.78", "-999999.99", "1000000.00", ".50", "-.50", "1.5", "1e2", "NaN", "1-.50", "."],
    ),
    "date": (
        oids.DATE,
        -1,
        [
            "2000-01-01",
            "1999-12-31",
            "0001-01-01",
            "9999-12-31",
            "2024-02-29",
            "2023-02-29",
            "2023-13-01",
            "2023-00-10",
        ],
    ),
    "timestamp": (
        oids.TIMESTAMP,
        -1,
        [
            "2000-01-01 00:00:00",
            "1999-12-31 23:59:59",
            "2024-02-29 12:34:56",
            "2023-01-01 24:00:00",
            "0099-01-01 00:00:00",
        ],
    ),
    "timestamp with fraction": (
        oids.TIMESTAMP,
        -1,
        ["2000-01-01 00:00:00.000001", "1969-12-31 23:59:59.999999", "2024-02-29 12:34:56.500000"],
    ),
    "float8": (oids.FLOAT8, -1, ["0.1", "-2e10", "1e308", "1e309", "1e-320", "0", "1e-400", "NaN", "+5"]),
    "text": (oids.TEXT, -1, ["", "abc", "Grüße"]),
    "varchar": (oids.VARCHAR, VARCHAR_5, ["", "abcde", "abcdef", "abc      "]),
}


def outcome(work):  # type: ignore[no-untyped-def]
    """The values of a vector, or "refused": which error comes first is for the reading row by row to say."""
    try:
        vector = work()
    except DatacaveError:
        return "refused"
    values = vector.values if isinstance(vector.values, list) else vector.values.tolist()
    nulls = [False] * len(values) if vector.nulls is None else vector.nulls.tolist()
    return [None if null else repr(value) for value, null in zip(values, nulls, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_those_of_the_input_functions(kind: str) -> None:
    oid, typmod, pool = KINDS[kind]
    settings = FormatSettings()
    (read,) = make_readers([(oid, typmod)], [type_io(oid)], settings)
    physical, scale, convert, _ = physical_type(oid, typmod)
    column = PhysicalColumn(physical, True, scale)
    fast = vector_reader(oid, typmod, column, convert, read)

    def slow(fields):  # type: ignore[no-untyped-def]
        values = [None if field is None else type_io(oid).input(field, typmod, settings) for field in fields]
        return column_vector(column, values)

    chance = random.Random(kind)
    refused = 0
    for turn in range(400):
        some = chance.sample(pool, chance.randint(1, min(3, len(pool))))
        fields = [chance.choice(some) for _ in range(chance.randint(1, 12))]
        if turn % 5 == 0:
            fields[chance.randrange(len(fields))] = None
        found = outcome(lambda: fast(fields))  # noqa: B023
        assert found == outcome(lambda: slow(fields)), fields  # noqa: B023
        refused += isinstance(found, str)
    assert refused < 400
