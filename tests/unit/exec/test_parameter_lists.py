"""Do long IN lists of parameters mean what short ones mean?"""

from __future__ import annotations

import pytest

from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_sql import Database

INTEGER = 23


def answer(operator: str, operand: str, values: list[int | None]) -> bool | None:
    clock = SimulatedClock()
    session = Database.open(MemoryStore(clock), clock, SeededRandomness(1)).connect("admin")
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    session.prepare("", f"select {operand}::int {operator} ({places}, 77)", [INTEGER] * len(values))
    portal = session.bind("", session.prepared_statement(""), values)
    rows = [row for step in portal.execute(0) if isinstance(step, list) for row in step]
    found: bool | None = rows[0][0]
    return found


@pytest.mark.parametrize("count", [3, 15, 40, 3000])
def test_long_lists_of_parameters(count: int) -> None:
    values: list[int | None] = list(range(1, count + 1))
    assert answer("in", "3", values) is True
    assert answer("not in", "3", values) is False
    assert answer("in", "77", values) is True
    assert answer("in", "-5", values) is False
    assert answer("not in", "-5", values) is True
    assert answer("in", "null", values) is None
    values[0] = None
    assert answer("in", "3", values) is True
    assert answer("in", "-5", values) is None
    assert answer("not in", "-5", values) is None
    assert answer("not in", "2", values) is False
