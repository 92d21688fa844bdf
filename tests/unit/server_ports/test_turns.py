"""Long statements take turns; others come between any two of them."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from datacave_server.turns import Turns


def test_one_goes_on_in_each_turn_of_the_loop_and_others_come_between():
    told: list[str] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        turns = Turns(loop)

        def others(left: int) -> None:
            told.append("others")
            if left:
                loop.call_soon(others, left - 1)

        def long(name: str, left: int) -> None:
            told.append(name)
            if left:
                turns.queue(lambda: long(name, left - 1))

        for name in "abc":
            turns.queue(lambda name=name: long(name, 1))
        loop.call_soon(others, 5)
        while len(told) < 12:
            await asyncio.sleep(0)

    asyncio.run(run())
    assert [name for name in told if name != "others"] == ["a", "b", "c", "a", "b", "c"]
    for one, other in pairwise(told):
        assert "others" in (one, other)


def test_who_leaves_the_queue_costs_no_turn():
    told: list[str] = []

    async def run() -> None:
        turns = Turns(asyncio.get_running_loop())
        turns.queue(lambda: told.append("a"))
        turns.queue(lambda: told.append("b")).cancel()
        turns.queue(lambda: told.append("c"))
        for _ in range(2):
            await asyncio.sleep(0)

    asyncio.run(run())
    assert told == ["a", "c"]
