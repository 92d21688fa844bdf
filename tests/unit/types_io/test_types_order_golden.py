"""Do values sort, equal and hash as in PostgreSQL, by the keys that the types give?"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from datacave_core.types import DEFAULT_SETTINGS, comparison_key, input_function, type_by_name

GOLDEN = Path(__file__).parents[2] / "golden" / "types" / "order_values.tsv"


def test_keys_compare_as_recorded() -> None:
    wrong = []
    types = defaultdict(int)
    for line in GOLDEN.read_text(encoding="ascii").splitlines()[1:]:
        name, left, right, answer = line.split("\t")
        found = type_by_name(name.strip('"'))
        assert found is not None
        types[name] += 1
        key = comparison_key(found.oid) or (lambda value: value)
        read = input_function(found.oid)
        a, b = (key(read(_unescape(text), -1, DEFAULT_SETTINGS)) for text in (left, right))
        got = -1 if a < b else 0 if a == b else 1
        if got != int(answer) or (got == 0) != (a == b) or (got == 0 and hash(a) != hash(b)) or (got == 1) != (b < a):
            wrong.append(f"{name} {left} {right}: want {answer}, got {got}")
    assert not wrong, "\n".join(wrong)
    assert len(types) > 25


def _unescape(field: str) -> str:
    return field.encode("ascii").decode("unicode_escape")
