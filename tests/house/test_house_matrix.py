"""Is the SQL part of the compatibility matrix what the tests declare today?"""

from __future__ import annotations

from tests.matrix.document import MATRIX, document
from tests.matrix.features import declared


def test_the_generated_part_is_what_the_tests_declare() -> None:
    text = MATRIX.read_text(encoding="utf-8")
    assert document(text) == text, "stale: run python -m tests.matrix"


def test_declarations_are_read() -> None:
    assert {feature.kind for feature in declared()} >= {"statement"}
