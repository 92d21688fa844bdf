"""FailureThrottle: slows down guessing of one user's password from one address, and nobody else.

A pure decision over the time it is given. After FREE_FAILURES failures in a row every further try takes its turn,
INTERVAL_SECONDS after the one before, however many connections try at once. Success, or FORGET_SECONDS without a
failure, clears the record; the table is bounded, dropping the longest untouched.
"""

from __future__ import annotations

from collections import OrderedDict

FREE_FAILURES = 10
INTERVAL_SECONDS = 0.2
FORGET_SECONDS = 600.0
ENTRIES_MAX = 10_000


class FailureThrottle:
    """Failures by user and address. Times are of one monotonic clock, in seconds."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        # Failures in a row, time of the last touch, and the time from which the next try may be judged.
        self._entries: OrderedDict[tuple[str, str], tuple[int, float, float]] = OrderedDict()

    def delay_seconds(self, user: str, address: str, now: float, wait_seconds_max: float) -> float:
        """How long a try that arrives now must wait before it is judged; takes the turn it waits for.

        A result above `wait_seconds_max` means that the try is refused at once and takes no turn.
        """
        entry = self._entries.get((user, address))
        if entry is None:
            return 0.0
        failures, touched, next_turn = entry
        if now - touched > FORGET_SECONDS:
            del self._entries[user, address]
            return 0.0
        if failures < FREE_FAILURES:
            return 0.0
        turn = max(now, next_turn)
        if turn - now > wait_seconds_max:
            return turn - now
        self._store((user, address), (failures, now, turn + INTERVAL_SECONDS))
        return turn - now

    def failed(self, user: str, address: str, now: float) -> None:
        """Counts a failed try."""
        failures, _, next_turn = self._entries.get((user, address), (0, now, now))
        # The try that uses up the free failures makes the next one wait already.
        first_turn = now + INTERVAL_SECONDS if failures + 1 == FREE_FAILURES else next_turn
        self._store((user, address), (failures + 1, now, first_turn))

    def succeeded(self, user: str, address: str) -> None:
        """Forgets the failures of who has just logged in."""
        self._entries.pop((user, address), None)

    def _store(self, key: tuple[str, str], entry: tuple[int, float, float]) -> None:
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > ENTRIES_MAX:
            self._entries.popitem(last=False)
