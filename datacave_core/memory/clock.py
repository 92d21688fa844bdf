"""A clock that stands still until it is moved."""

from __future__ import annotations

SIMULATION_START_MICROSECONDS = 1_750_000_000_000_000


class SimulatedClock:
    """Clock port. Wall time may be set back, as the clocks of real machines are; monotonic time never goes back."""

    __slots__ = ("_monotonic", "_wall_microseconds")

    def __init__(self, start_microseconds: int = SIMULATION_START_MICROSECONDS) -> None:
        self._wall_microseconds = start_microseconds
        self._monotonic = 0.0

    def now_microseconds(self) -> int:
        """Microseconds since 1970."""
        return self._wall_microseconds

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Lets time pass on both clocks."""
        if seconds < 0:
            raise ValueError("time does not pass backwards; use jump_wall")
        self._monotonic += seconds
        self._wall_microseconds += round(seconds * 1_000_000)

    def jump_wall(self, seconds: float) -> None:
        """Sets wall time forward or back, as an administrator or a time daemon would."""
        self._wall_microseconds += round(seconds * 1_000_000)
