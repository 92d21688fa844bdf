"""Do the catalogs show users' objects as PostgreSQL's do, row by row?"""

from __future__ import annotations

import pytest

from tests.clients.answers import Asked, differences
from tests.clients.catalogs import answer_of, asked_of, recorded
from tests.clients.twins import datacave

ANSWERS = recorded()
DIFFERENT = {
    "pg_catalog.pg_policies": "columns in subqueries of conditions are shown without their table",
    "pg_catalog.pg_views": "what a call gives to VARIADIC is not shown as an array",
    "information_schema.views": "the same",
}
"""What differs still, each for one reason."""


@pytest.fixture(scope="module")
def asked():  # type: ignore[no-untyped-def]
    """A server with the shop and the depot."""
    with datacave() as target:
        yield asked_of(target)


@pytest.mark.parametrize("name", ANSWERS)
def test_relation(asked: Asked, name: str) -> None:
    columns, right = ANSWERS[name]
    found = differences(answer_of(asked, name, columns), right)
    assert bool(found) == (name in DIFFERENT), found
