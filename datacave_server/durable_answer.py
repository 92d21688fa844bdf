"""DurableAnswer: the answer to a commit that is on its way to the disk."""

from __future__ import annotations

from collections.abc import Callable

from datacave_core.wait import Wait


class DurableAnswer:
    """The steps of an answer: the Wait while it is not done, then the answer's bytes, once.

    `head` and what `ready` says then is the answer if the commit has become durable; what `fail` makes of the error
    if it has not.
    """

    __slots__ = ("_fail", "_head", "_ready", "_told", "durable")

    def __init__(
        self, durable: Wait, head: bytes, ready: Callable[[], bytes], fail: Callable[[Exception], bytes]
    ) -> None:
        self.durable = durable
        self._head = head
        self._ready = ready
        self._fail = fail
        self._told = False

    def __iter__(self) -> DurableAnswer:
        return self

    def __next__(self) -> bytes | Wait:
        if self._told:
            raise StopIteration
        return self.told() if self.durable.done else self.durable

    def throw(self, error: BaseException) -> bytes:
        """The answer where something else has gone wrong meanwhile."""
        if not isinstance(error, Exception):
            raise error
        self._told = True
        return self._fail(error)

    def told(self) -> bytes:
        """The answer; the Wait must be done."""
        self._told = True
        error = self.durable.error
        if error is None:
            return self._head + self._ready()
        if isinstance(error, Exception):
            return self._fail(error)
        raise error
