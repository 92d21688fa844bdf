"""citext: comparisons of texts in lower case. What the extension has beyond them is written in SQL."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from datacave_sql.functions.body import Bodies

BODIES = Bodies()


def _compared(operation: Callable[[Any, Any], bool]) -> Callable[[str, str], bool]:
    return lambda a, b: operation(a.lower(), b.lower())


for _word, _sign in {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    BODIES.add(f"citext_{_word}", _compared(getattr(operator, _word)), f"{{0}}.lower() {_sign} {{1}}.lower()")
for _word in ("lt", "le", "gt", "ge"):
    BODIES.add(f"citext_pattern_{_word}", _compared(getattr(operator, _word)))


@BODIES("citext_cmp", "citext_pattern_cmp")
def compare(a: str, b: str) -> int:
    """-1, 0 or 1."""
    low, high = a.lower(), b.lower()
    return (low > high) - (low < high)


BODIES.add("citext_larger", lambda a, b: a if a.lower() > b.lower() else b)
BODIES.add("citext_smaller", lambda a, b: a if a.lower() < b.lower() else b)
