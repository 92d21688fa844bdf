"""ConfigError: why a configuration cannot be used, in words that name the key and the place."""

from __future__ import annotations


class ConfigError(Exception):
    """`place` is a file and line, an environment variable or a flag; "" if the error has no single place."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.message = message
        self.place = place
