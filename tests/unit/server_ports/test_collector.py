"""A look at everything waits for a quiet second, and frozen objects are looked at again after a long rest."""

from __future__ import annotations

from datacave_server.collector import DUE_AFTER, OVERDUE_AFTER, REST_CHECKS, Collector


class Body:
    """What the module gc does, noted."""

    def __init__(self) -> None:
        self.middle = 7
        self.told: list[str] = []

    def get_stats(self) -> list[dict[str, int]]:
        return [{}, {"collections": self.middle}, {}]

    def collect(self) -> None:
        self.told.append("collect")

    def freeze(self) -> None:
        self.told.append("freeze")

    def unfreeze(self) -> None:
        self.told.append("unfreeze")


class World:
    """A collector whose seconds are busy or quiet as told."""

    def __init__(self) -> None:
        self.body = Body()
        self.used = 0.0
        self.collector = Collector(self.body, lambda: self.used)

    def second(self, *, busy: bool, middle: int = 0) -> list[str]:
        self.used += 0.9 if busy else 0.01
        self.body.middle += middle
        self.body.told.clear()
        self.collector.check()
        return list(self.body.told)


def test_a_busy_server_waits_and_a_quiet_one_looks():
    world = World()
    assert world.second(busy=False, middle=DUE_AFTER - 1) == []
    assert world.second(busy=True, middle=1) == []
    assert world.second(busy=False) == ["collect", "freeze"]
    assert world.second(busy=False) == []


def test_a_server_that_is_never_quiet_does_not_wait_for_ever():
    world = World()
    assert world.second(busy=True, middle=OVERDUE_AFTER - 1) == []
    assert world.second(busy=True, middle=1) == ["collect", "freeze"]


def test_what_is_frozen_is_looked_at_after_a_long_rest_once():
    world = World()
    world.second(busy=False, middle=DUE_AFTER)
    told = [world.second(busy=False) for _ in range(2 * REST_CHECKS)]
    assert [found for found in told if found] == [["unfreeze", "collect", "freeze"]]
    world.second(busy=False, middle=DUE_AFTER)
    told = [world.second(busy=number == REST_CHECKS // 2) for number in range(REST_CHECKS)]
    assert [found for found in told if found] == []
