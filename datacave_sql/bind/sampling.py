"""TABLESAMPLE: a condition on the keys of rows, which a digest with the seed of the sample takes or leaves.

BERNOULLI decides for every row by itself; SYSTEM for rows that lie next to each other in key order, whose keys differ
in the last byte only. The same seed takes the same rows, as long as they keep their keys.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding, place_of
from datacave_sql.expr import nodes as n
from datacave_sql.functions.body import Body
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.functions.registry import Function
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

_METHODS = ("bernoulli", "system")
_CUTOFF_BYTES = 9
_SEED = Struct(">d")


def begin_sample(context: Any, percent: float | None, seed: float | None, repeatable: bool) -> bytes:
    """The cutoff below which a digest must stay, and the seed of the digests. Raises 2202H, 2202G."""
    if percent is None:
        raise DatacaveError("TABLESAMPLE parameter cannot be null", sqlstate=sqlstate.INVALID_TABLESAMPLE_ARGUMENT)
    if not 0 <= percent <= 100:
        raise DatacaveError(
            "sample percentage must be between 0 and 100", sqlstate=sqlstate.INVALID_TABLESAMPLE_ARGUMENT
        )
    if not repeatable:
        seed = context.random_float()
    elif seed is None:
        raise DatacaveError(
            "TABLESAMPLE REPEATABLE parameter cannot be null", sqlstate=sqlstate.INVALID_TABLESAMPLE_REPEAT
        )
    assert seed is not None
    cutoff = int(percent / 100 * (1 << 64))
    return cutoff.to_bytes(_CUTOFF_BYTES, "big") + _SEED.pack(seed)


def takes_row(key: bytes, sample: bytes) -> bool:
    """Whether a sample, as `begin_sample` gives it, takes the row of a key."""
    digest = blake2b(key, digest_size=8, key=sample[_CUTOFF_BYTES:]).digest()
    return b"\0" + digest < sample[:_CUTOFF_BYTES]


def takes_neighbours(key: bytes, sample: bytes) -> bool:
    """Whether a sample takes the rows around a key."""
    return takes_row(key[:-1], sample)


def _function(name: str, arguments: tuple[int, ...], result: int, volatility: str, body: Body) -> Function:
    count = len(arguments)
    return Function(
        oid=0,
        name=name,
        kind="f",
        argument_types=arguments,
        return_type=result,
        strict=False,
        volatility=volatility,
        returns_set=False,
        variadic=0,
        default_count=0,
        argument_names=("",) * count,
        columns=(),
        default_values=(),
        cost=1.0,
        rows=0.0,
        parallel="s",
        symbol=name,
        entry=body,
    )


_BEGIN = _function(
    "begin_sample",
    (oids.FLOAT4, oids.FLOAT8, oids.BOOL),
    oids.BYTEA,
    "v",
    Body(begin_sample, takes_context=True),
)
_TAKES = {
    "bernoulli": _function("bernoulli", (oids.BYTEA, oids.BYTEA), oids.BOOL, "s", Body(takes_row)),
    "system": _function("system", (oids.BYTEA, oids.BYTEA), oids.BOOL, "s", Body(takes_neighbours)),
}


def refuse_sample(item: ast.TableRef) -> None:
    """0A000 for TABLESAMPLE of what is no table."""
    if item.sample is not None:
        raise FeatureNotSupported(
            "TABLESAMPLE clause can only be applied to tables and materialized views", position=item.position
        )


def sampled(b: Binding, plan: l.LogicalPlan, key: l.OutputColumn, sample: ast.TableSample, scope: Scope) -> l.Filter:
    """The rows of a scan that a sample takes; `scope` is the place of the FROM item. Raises 42704, 2202H, 42804."""
    method = sample.method[-1]
    if method not in _METHODS or sample.method[:-1] not in ((), ("pg_catalog",)):
        raise DatacaveError(
            f"tablesample method {'.'.join(sample.method)} does not exist",
            sqlstate=sqlstate.UNDEFINED_OBJECT,
            position=sample.position,
        )
    if len(sample.arguments) != 1:
        raise DatacaveError(
            f"tablesample method {method} requires 1 argument, not {len(sample.arguments)}",
            sqlstate=sqlstate.INVALID_TABLESAMPLE_ARGUMENT,
            position=sample.position,
        )
    # Columns of the enclosing queries can be read, those of the FROM items beside this one cannot.
    level = Scope(scope.parent, boundary=True, clause="functions in FROM", commons=scope.commons)
    level.out_of_reach = scope.out_of_reach
    percent = _number(b, sample.arguments[0], oids.FLOAT4, "TABLESAMPLE", level)
    seed: n.Expression = n.Constant(None, oids.FLOAT8)
    if sample.repeatable is not None:
        seed = _number(b, sample.repeatable, oids.FLOAT8, "REPEATABLE", level)
    repeatable = n.Constant(sample.repeatable is not None, oids.BOOL)
    begin = n.FunctionCall(_BEGIN, (percent, seed, repeatable), oids.BYTEA)
    # A subquery, so that a scan begins its sample once.
    column = l.OutputColumn(b.new_id(), "", oids.BYTEA)
    begun = n.SubqueryExpression(
        "scalar", l.Values(((begin,),), (column,)), oids.BYTEA, outer=tuple(sorted(level.outer))
    )
    takes = n.FunctionCall(_TAKES[method], (n.ColumnReference(key.id, oids.BYTEA), begun), oids.BOOL)
    return l.Filter(plan, takes)


def _number(b: Binding, node: ast.Expression, type_oid: int, clause: str, scope: Scope) -> n.Expression:
    value = b.expression(node, scope)
    number = coercion.coerce(b, value, type_oid, -1, ASSIGNMENT)
    if number is None:
        raise DatacaveError(
            f"argument of {clause} must be type {b.types.name(type_oid)}, not type {b.types.name(value.type)}",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            position=place_of(node),
        )
    return number
