"""Disposal: big structures that nobody needs any more go bit by bit, because freeing a million rows at once holds
everybody up.

Whoever has made one hands it over by `discard` as the last thing, also when an error ends the work. Where nobody drives
the disposal (`on_wanted` is None, as in tests) it goes at once, as it would have without.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from typing import Any, Final, TypeAlias

ITEMS_PER_STEP: Final = 2048

Discarded: TypeAlias = list[Any] | dict[Any, Any] | set[Any]


class Disposal:
    """The structures that wait to be freed."""

    __slots__ = ("_heap", "on_wanted")

    def __init__(self) -> None:
        self._heap: list[Discarded] = []
        self.on_wanted: Callable[[], None] | None = None
        """Told when there is something to do again: `step` is to be called until it says that there is not."""

    def discard(self, *structures: Discarded | None) -> None:
        """Takes what its last owner gives up: it is emptied."""
        for one in structures:
            if one is not None and len(one) > ITEMS_PER_STEP and self.on_wanted is not None:
                self._heap.append(one)
                if len(self._heap) == 1:
                    self.on_wanted()

    def step(self) -> bool:
        """Frees some items; whether there are more."""
        heap = self._heap
        if heap:
            structure = heap.pop()
            if isinstance(structure, list):
                items = structure[-ITEMS_PER_STEP:]
                del structure[-ITEMS_PER_STEP:]
            elif isinstance(structure, dict):
                items = [structure.popitem()[1] for _ in range(min(len(structure), ITEMS_PER_STEP))]
            else:
                items = [structure.pop() for _ in range(min(len(structure), ITEMS_PER_STEP))]
            if structure:
                heap.append(structure)
            # Whoever handed it over may have emptied it since, or handed it over twice.
            if items and isinstance(items[0], list | dict | set):
                while items:
                    inner = items.pop()
                    # Two references are this name and the question itself: others still use what has more.
                    if isinstance(inner, list | dict | set) and len(inner) > ITEMS_PER_STEP and getrefcount(inner) == 2:
                        heap.append(inner)
        return bool(heap)


DISPOSAL: Final = Disposal()
"""The one of the process: memory is everybody's."""

discard = DISPOSAL.discard
