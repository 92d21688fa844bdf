"""The real bodies of the Clock and Randomness ports."""

from __future__ import annotations

import os
import time


class SystemClock:
    """The operating system's clocks."""

    __slots__ = ()

    def now_microseconds(self) -> int:
        """Microseconds since 1970-01-01 00:00 UTC; steps when the system clock is set."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()


class SystemRandomness:
    """The operating system's generator, fit for keys and nonces."""

    __slots__ = ()

    def token_bytes(self, count: int) -> bytes:
        return os.urandom(count)
