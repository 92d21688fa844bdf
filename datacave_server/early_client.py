"""EarlyClient: what a connection answers as long as there is no session behind it."""

from __future__ import annotations

from datacave_protocol import Event
from datacave_server.deadlines import Timeouts


class EarlyClient:
    """The calls of a pump that are about statements: there are none."""

    def answer_at_once(self, data: bytes) -> bytes | None:
        """Everything is read message by message."""
        return None

    def copy_event(self, event: Event) -> None:
        """No statement takes data."""

    @property
    def wants_copy_data(self) -> bool:
        """Never."""
        return False

    def idle_bytes(self) -> bytes:
        """Nothing."""
        return b""

    @property
    def timeouts(self) -> Timeouts | None:
        """There are no limits before there is a session."""
        return None

    @property
    def in_block(self) -> bool:
        """Never."""
        return False
