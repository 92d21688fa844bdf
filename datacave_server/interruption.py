"""Interruption: how a statement that was told to stop in the middle of a wait gets to know."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait


def ended(steps: Generator[Any, None, None] | None, error: BaseException) -> Iterator[Wait]:
    """Tells steps of an error that was thrown in while they waited; what they have to take back may take its time.

    Steps that have ended, be it by this very error, stay as they are.
    """
    if steps is None:
        return
    try:
        wait = steps.throw(error)
        while True:
            try:
                yield wait
            except GeneratorExit:
                steps.close()
                raise
            except DatacaveError:
                pass  # it is being ended already
            wait = next(steps)
    except GeneratorExit:
        raise
    except BaseException as ended:
        if ended is not error and not isinstance(ended, StopIteration | DatacaveError):
            raise
