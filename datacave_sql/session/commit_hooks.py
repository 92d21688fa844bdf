"""Commit hooks: what a transaction has to do when it ends, one way or the other."""

from __future__ import annotations

from collections.abc import Callable

from datacave_core.wait import Steps


class CommitHooks:
    """Work that waits for the end of the transaction, in the order in which it came up."""

    def __init__(self) -> None:
        self._after_commit: list[Callable[[], None]] = []
        self._after_rollback: list[Callable[[], None]] = []
        self._at_commit: list[Callable[[], Steps[None]]] = []

    def after_commit(self, work: Callable[[], None]) -> None:
        """Runs `work` once the transaction has committed; forgotten when it rolls back."""
        self._after_commit.append(work)

    def at_commit(self, work: Callable[[], Steps[None]]) -> None:
        """Runs `work` inside the transaction when it commits, before its catalog is written."""
        self._at_commit.append(work)

    def after_rollback(self, work: Callable[[], None]) -> None:
        """Runs `work` when what has been done up to now is taken back, by ROLLBACK or ROLLBACK TO."""
        self._after_rollback.append(work)
