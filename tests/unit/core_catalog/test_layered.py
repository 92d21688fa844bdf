"""Does a layered map answer as a dictionary does, through any line of copies, and do copies leave it alone?"""

from __future__ import annotations

import random

import pytest

from datacave_core.catalog.layered import LAYER_MIN, LayeredMap


def filled(count: int) -> LayeredMap[int, str]:
    made: LayeredMap[int, str] = LayeredMap()
    for number in range(count):
        made[number] = f"v{number}"
    return made


def test_lines_of_copies_answer_as_dictionaries_do() -> None:
    chance = random.Random(5)
    kept: list[tuple[LayeredMap[int, int], dict[int, int]]] = [(LayeredMap(), {})]
    for step in range(3000):
        mapped, model = kept[chance.randrange(len(kept))]
        mapped, model = mapped.copy(), dict(model)
        for _ in range(chance.choice((1, 1, 1, 40))):
            key = chance.randrange(400)
            if key in model and chance.random() < 0.4:
                assert mapped.pop(key) == model.pop(key)
            else:
                mapped[key] = model[key] = step
        kept = [*kept[-8:], (mapped, model)]
        for one, expected in kept[-3:]:
            probe = chance.randrange(400)
            assert (one.get(probe), probe in one) == (expected.get(probe), probe in expected)
    for one, expected in kept:
        assert dict(one) == expected
        assert (len(one), bool(one), sorted(one)) == (len(expected), bool(expected), sorted(expected))
        assert dict(one.items()) == expected
        assert all(one[key] == expected[key] for key in expected)


def test_what_is_gone_is_not_found() -> None:
    mapped = filled(10).copy()
    del mapped[3]
    assert mapped.get(3, "none") == "none"
    assert 3 not in mapped
    with pytest.raises(KeyError):
        mapped[3]
    with pytest.raises(KeyError):
        mapped.pop(3)
    mapped[3] = "again"
    assert mapped[3] == "again"


def test_differences_name_every_key_that_differs_and_few_others() -> None:
    chance = random.Random(6)
    first = filled(5000).copy()
    mapped, touched = first, set()
    for _ in range(300):
        mapped = mapped.copy()
        key = chance.randrange(5000)
        mapped[key] = "new"
        touched.add(key)
        assert touched <= set(mapped.keys_unlike(first))
    one_more = mapped.copy()
    one_more[77] = "newest"
    assert 77 in one_more.keys_unlike(mapped)
    assert len(list(one_more.keys_unlike(mapped))) < 5000


def test_a_change_touches_few_entries() -> None:
    mapped = filled(10_000).copy().copy()
    for number in range(LAYER_MIN):
        before, mapped = mapped, mapped.copy()
        mapped[number] = "new"
        assert len(list(mapped.keys_unlike(before))) <= LAYER_MIN + 1
