"""Big structures go bit by bit once they are handed over."""

from __future__ import annotations

import weakref

import pytest

from datacave_core.disposal import ITEMS_PER_STEP, Disposal


class Item:
    """Something whose end can be seen."""


@pytest.mark.parametrize(
    "kind", [list, set, lambda items: dict.fromkeys(items, None), lambda items: dict(enumerate(items))]
)
def test_a_step_frees_so_many_items(kind):
    disposal = Disposal()
    wanted = []
    disposal.on_wanted = lambda: wanted.append(True)
    items = [Item() for _ in range(3 * ITEMS_PER_STEP)]
    seen = [weakref.ref(item) for item in items]
    structure = kind(items)
    del items
    disposal.discard(structure)
    alive = []
    del structure
    assert wanted == [True]
    while True:
        alive.append(sum(ref() is not None for ref in seen))
        if not disposal.step():
            break
    alive.append(sum(ref() is not None for ref in seen))
    assert alive == [3 * ITEMS_PER_STEP, 2 * ITEMS_PER_STEP, ITEMS_PER_STEP, 0]


def test_a_big_structure_inside_goes_bit_by_bit_too_unless_somebody_has_it():
    disposal = Disposal()
    disposal.on_wanted = lambda: None
    kept = list(range(2 * ITEMS_PER_STEP))
    inner = [[Item() for _ in range(2 * ITEMS_PER_STEP)] for _ in range(2)]
    seen = weakref.ref(inner[0][0])
    disposal.discard(
        {number: [number] for number in range(ITEMS_PER_STEP - 3)}
        | {-1: inner.pop(0), -2: inner.pop(), -3: kept, -4: []}
    )
    del inner
    steps = 0
    while disposal.step():
        steps += 1
    assert steps == 5
    assert seen() is None
    assert kept == list(range(2 * ITEMS_PER_STEP))


def test_without_a_driver_nothing_is_held():
    disposal = Disposal()
    structure = [Item() for _ in range(2 * ITEMS_PER_STEP)]
    seen = weakref.ref(structure[0])
    disposal.discard(structure)
    del structure
    assert seen() is None
    assert not disposal.step()


def test_what_is_handed_over_twice_goes_once():
    disposal = Disposal()
    disposal.on_wanted = lambda: None
    structure = list(range(ITEMS_PER_STEP + 1))
    disposal.discard(structure, structure)
    while disposal.step():
        pass
    assert structure == []
