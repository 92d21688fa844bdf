"""Notifications: LISTEN, UNLISTEN and NOTIFY between the sessions of a node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from datacave_sql.session.replies import Notification


class Listener(Protocol):
    """A session that can be notified."""

    def notified(self, notification: Notification) -> None: ...


class NotificationHub:
    """Who listens to which channel."""

    def __init__(self) -> None:
        self._channels: dict[str, dict[Listener, None]] = {}

    def listen(self, listener: Listener, channel: str) -> None:
        self._channels.setdefault(channel, {})[listener] = None

    def unlisten(self, listener: Listener, channel: str) -> None:
        listeners = self._channels.get(channel)
        if listeners is not None:
            listeners.pop(listener, None)
            if not listeners:
                del self._channels[channel]

    def unlisten_all(self, listener: Listener) -> None:
        for channel in list(self._channels):
            self.unlisten(listener, channel)

    def channels_of(self, listener: Listener) -> list[str]:
        """The channels somebody listens to."""
        return [channel for channel, listeners in self._channels.items() if listener in listeners]

    def publish(self, notifications: Iterable[Notification]) -> None:
        """Delivers what a transaction has notified, in order."""
        for notification in notifications:
            for listener in list(self._channels.get(notification.channel, ())):
                listener.notified(notification)
