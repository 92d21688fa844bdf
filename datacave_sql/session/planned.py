"""Planned: the operators of a bound query, ready to be opened by a session."""

from __future__ import annotations

from typing import Any

from datacave_sql.bind.statements import BoundQuery
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.suspendable import Suspendable
from datacave_sql.plan.physical import plan_query


def planned(session: Any, state: Any, bound: BoundQuery) -> Operator:
    """The plan; one that calls routines may wait in the middle of an expression."""
    operator = plan_query(session.database.environment(state), bound.plan)
    if bound.calls_routines and not isinstance(operator, Suspendable):
        return Suspendable(operator, operator.columns, operator.not_null)
    return operator
