"""Frame: one running call of a function: its variables' values and what its statements leave behind."""

from __future__ import annotations

from typing import Any

from datacave_core.errors import DatacaveError
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.plpgsql.results import ResultRows
from datacave_sql.plpgsql.variables import Shape


class Frame:
    """What the closures of one function work on."""

    __slots__ = (
        "atomic",
        "called_by",
        "caller",
        "context",
        "error",
        "line",
        "loops",
        "read_only",
        "result",
        "row_count",
        "rows",
        "session",
        "shapes",
        "signature",
        "subtransactions",
        "values",
        "what",
    )

    def __init__(self, session: Any, signature: str, variables: int, *, read_only: bool, atomic: bool) -> None:
        self.session = session
        self.signature = signature
        self.caller: Frame | None = None
        self.called_by = ""
        """The SQL statement of the caller that has made the call, as contexts show it."""
        self.values: list[Any] = [None] * variables
        self.shapes: list[Shape | None] = [None] * variables
        self.context = ExecutionContext(session, session.transaction, self.values)
        self.read_only = read_only
        self.atomic = atomic
        """Whether the function may not end the transaction."""
        self.error: DatacaveError | None = None
        """The error that the innermost running handler has caught."""
        self.line = 0
        self.what = ""
        """The statement that runs, as error contexts name it; before the first one what is being done instead."""
        self.result: Any = None
        self.loops: list[Any] = []
        """The LoopRows of loops over queries that run now."""
        self.subtransactions = 0
        """How many blocks with handlers are open."""
        self.rows = ResultRows(self.context)
        self.row_count = 0
