"""Asides: what a session tells its client between the answers: notices, changed parameters, notifications."""

from __future__ import annotations

from collections.abc import Callable

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.session.replies import Notice, Notification, ParameterChanged
from datacave_sql.session.settings import SessionSettings

CHANNEL_BYTES_MAX = 63
PAYLOAD_BYTES_MAX = 7999


class Asides:
    """What waits to be told. `wake` is called when a notification arrives while the session may be idle."""

    settings: SessionSettings

    def __init__(self, process_id: int, wake: Callable[[], None] | None) -> None:
        self.process_id = process_id
        self.notices: list[Notice] = []
        self.pending_notifications: dict[Notification, None] = {}
        """What the running transaction has notified: delivered when it commits, repeated ones once."""
        self.listens_at_commit = False
        """Whether LISTEN or UNLISTEN waits for the commit."""
        self._inbox: list[Notification] = []
        self._wake = wake

    def notify(self, channel: str, payload: str) -> None:
        """NOTIFY: delivered when the transaction commits; repeated ones once.

        Raises 22023 for an empty channel and for a channel or payload that is too long.
        """
        refused = None
        if not channel:
            refused = "channel name cannot be empty"
        elif len(channel.encode()) > CHANNEL_BYTES_MAX:
            refused = "channel name too long"
        elif len(payload.encode()) > PAYLOAD_BYTES_MAX:
            refused = "payload string too long"
        if refused is not None:
            raise DatacaveError(refused, sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
        self.pending_notifications[Notification(self.process_id, channel, payload)] = None

    def forget_notifications(self, kept: int) -> None:
        """Takes back all that the transaction has notified, except for the first ones."""
        for notification in list(self.pending_notifications)[kept:]:
            del self.pending_notifications[notification]

    def notified(self, notification: Notification) -> None:
        """Called when another session (or this one) has notified a channel this one listens to."""
        self._inbox.append(notification)
        if self._wake is not None:
            self._wake()

    def take_notifications(self) -> list[Notification]:
        """What has arrived; to be sent while the session is idle outside a block."""
        taken, self._inbox = self._inbox, []
        return taken

    @property
    def has_asides(self) -> bool:
        """Whether there are notices or changed parameters for the client."""
        return bool(self.notices) or self.settings.has_changes

    @property
    def has_news(self) -> bool:
        """Whether there is anything at all for an idle client: asides or notifications."""
        return bool(self.notices) or bool(self._inbox) or self.settings.has_changes

    def take_parameter_changes(self) -> list[ParameterChanged]:
        """Parameters that clients follow and that have changed since the last call."""
        return self.settings.take_changes()

    def reported_parameters(self) -> list[tuple[str, str]]:
        """The parameters that clients follow, with their values, for the start of a session."""
        return self.settings.reported()

    def take_notices(self) -> list[Notice]:
        """Warnings and notices raised since the last call."""
        taken, self.notices = self.notices, []
        return taken
