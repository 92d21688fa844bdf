"""System time: AS OF SYSTEM TIME, FOR SYSTEM_TIME and the catalog of the past.

A moment is written as a timestamp, as an interval before now ('-10s' too), as a commit timestamp (a whole number of
microseconds since 1970) or as the name of a restore point. A moment that is known while the statement is bound finds
its tables in the catalog of that moment, so that dropped tables and columns can be read; one that comes as a parameter
finds them in the present one, and is refused when it runs if the definitions have changed since.
"""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_core.values import Interval
from datacave_sql.bind import coercion
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.exec.moment import EPOCH_MICROSECONDS, interval_microseconds
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

COMMIT_TIMESTAMP_DIGITS_MIN = 15
"""So many digits make a literal a commit timestamp: microseconds since 1970, not a date such as 20260101."""


def bind_moment(b: Binding, node: ast.Expression, *, bound: bool = False) -> l.Moment:
    """A moment of the past; a mere `bound` of a span of time may lie before everything that is kept.

    Raises 42804 for a type that names no moment, 22007 and the like for what cannot be read.
    """
    value = b.expression(node, Scope(clause="AS OF SYSTEM TIME"))
    kind = value.type
    if isinstance(value, n.Constant) and kind == oids.UNKNOWN and isinstance(value.value, str):
        value = _from_text(b, value.value, value)
    elif kind in (oids.INT4, oids.INT8, oids.NUMERIC):
        value = coercion.to_type(b, value, oids.INT8, "AS OF SYSTEM TIME")
    elif kind == oids.INTERVAL:
        pass
    else:
        value = coercion.to_type(b, value, oids.TIMESTAMPTZ, "AS OF SYSTEM TIME")
    if isinstance(value, n.Constant) and value.value is None:
        raise DatacaveError(
            "AS OF SYSTEM TIME must not be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED, position=node.position
        )
    if b.environment.past is None or bound:
        return l.Moment(value, 0, None)
    known = _known(b, value)
    if known is None:
        b.shareable = False
        return l.Moment(value, b.environment.past.changed_at(None), None)
    since, until = b.environment.past.span_of(known)
    if value.type == oids.INTERVAL and until is not None:
        # As time goes by it comes to lie in another span.
        b.shareable = False
    return l.Moment(value, since, until)


def _from_text(b: Binding, text: str, constant: n.Constant) -> n.Expression:
    written = text.strip()
    past = b.environment.past
    if past is not None and (named := past.restore_point(written)) is not None:
        return n.Constant(named, oids.INT8)
    if written.startswith("-"):
        return coercion.to_type(b, constant, oids.INTERVAL, "AS OF SYSTEM TIME")
    if written.isdigit() and len(written) >= COMMIT_TIMESTAMP_DIGITS_MIN:
        return n.Constant(int(written), oids.INT8)
    return coercion.to_type(b, constant, oids.TIMESTAMPTZ, "AS OF SYSTEM TIME")


def _known(b: Binding, value: n.Expression) -> int | None:
    """The moment in microseconds since 1970, if it does not depend on when the statement runs, or only on now."""
    past = b.environment.past
    if past is None:
        return None
    try:
        found: Any = past.evaluate(value)
    except DatacaveError as error:
        if error.sqlstate == sqlstate.FEATURE_NOT_SUPPORTED:
            return None
        raise
    if found is None or value.type == oids.INT8:
        return found if found is None else int(found)
    if isinstance(found, Interval):
        return int(past.now() + interval_microseconds(found))
    return int(found) + EPOCH_MICROSECONDS


class Reading:
    """While it lasts, tables are found in the catalog of a moment and read at it."""

    def __init__(self, b: Binding, moment: l.Moment | None) -> None:
        self._b = b
        self._moment = moment
        self._before: Any = None

    def __enter__(self) -> None:
        b = self._b
        self._before = (b.moment, b.catalog)
        if self._moment is not None:
            b.moment = self._moment
            if b.environment.past is not None and self._moment.until is not None:
                b.catalog = b.environment.past.catalog_at(self._moment.since)

    def __exit__(self, *unused: Any) -> None:
        self._b.moment, self._b.catalog = self._before


def reading(b: Binding, node: ast.Expression | None) -> Reading:
    """AS OF SYSTEM TIME of a query, for everything in it; nothing changes without one."""
    return Reading(b, None if node is None else bind_moment(b, node))


def table_moment(b: Binding, time: ast.SystemTime | None) -> Reading:
    """FOR SYSTEM_TIME of one table: the catalog in which it is found, and when it is read."""
    if time is None or time.kind != "as of" or time.start is None:
        return Reading(b, None)
    return Reading(b, bind_moment(b, time.start))


VERSION_COLUMNS = (
    ("system_begin", oids.TIMESTAMPTZ, l.VERSION_BEGIN_ATTRIBUTE),
    ("system_end", oids.TIMESTAMPTZ, l.VERSION_END_ATTRIBUTE),
    ("system_transaction", oids.INT8, l.VERSION_TRANSACTION_ATTRIBUTE),
)
"""Hidden columns of FOR SYSTEM_TIME BETWEEN, FROM and ALL: when a version began and ended, and its commit timestamp."""


def version_span(b: Binding, table: Table, time: ast.SystemTime) -> l.VersionSpan:
    """FOR SYSTEM_TIME BETWEEN, FROM .. TO, ALL."""
    if table.persistence == "t":
        raise FeatureNotSupported("temporary tables keep no history", position=time.position)
    start = bind_moment(b, time.start, bound=True) if time.start is not None else None
    end = bind_moment(b, time.end, bound=True) if time.end is not None else None
    return l.VersionSpan(time.kind, start, end)
