"""Release: big structures go bit by bit, because freeing a million rows at once holds everybody up."""

from __future__ import annotations

from typing import Any, Final

from datacave_core.wait import TURN, Steps
from datacave_sql.exec.context import ExecutionContext

ITEMS_PER_STEP: Final = 4096


def released(context: ExecutionContext, items: list[Any] | set[Any] | dict[Any, Any]) -> Steps[None]:
    """Empties a list, a set or a dictionary that nobody needs any more."""
    while items:
        if isinstance(items, list):
            del items[-ITEMS_PER_STEP:]
        else:
            pop = items.popitem if isinstance(items, dict) else items.pop
            for _ in range(min(len(items), ITEMS_PER_STEP)):
                pop()
        if context.slice_over():
            yield TURN
