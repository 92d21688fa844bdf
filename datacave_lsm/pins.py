"""Pins: the timestamps whose versions somebody still reads, with how many do."""

from __future__ import annotations

from collections.abc import Callable


class Pins(dict[int, int]):
    """Counts by timestamp; none is 0."""

    __slots__ = ()

    def hold(self, timestamp: int) -> Callable[[], None]:
        """Counts one reader more until the returned function is called, however often."""
        self[timestamp] = self.get(timestamp, 0) + 1
        released = False

        def release() -> None:
            nonlocal released
            if released:
                return
            released = True
            if self[timestamp] == 1:
                del self[timestamp]
            else:
                self[timestamp] -= 1

        return release
