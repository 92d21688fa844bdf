"""Domains: a value of the base type becomes one of the domain after every constraint has been tested.

The tests are written with the nodes that exist: a CASE over the value whose branches call a function that raises.
NULL passes a CHECK, as it does in tables.
"""

from __future__ import annotations

from typing import Any, NoReturn

from datacave_core import sqlstate
from datacave_core.catalog import TypeDefinition
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind.names import Scope, Source, SourceColumn
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.expr import nodes as n
from datacave_sql.functions.body import Body
from datacave_sql.functions.registry import Function


def _violated(message: str, code: str, constraint: str, data_type: str) -> NoReturn:
    raise DatacaveError(message, sqlstate=code, constraint=constraint or None, data_type=data_type)


_RAISE = Function(
    oid=0,
    name="domain_violation",
    kind="f",
    argument_types=(oids.TEXT,) * 4,
    return_type=oids.ANYELEMENT,
    strict=False,
    volatility="v",
    returns_set=False,
    variadic=0,
    default_count=0,
    argument_names=("",) * 4,
    columns=(),
    default_values=(),
    cost=1.0,
    rows=0.0,
    parallel="s",
    symbol="domain_violation",
    entry=Body(_violated),
)


def _raise(message: str, code: str, constraint: str, domain: str, type_oid: int) -> n.Expression:
    texts = tuple(n.Constant(text, oids.TEXT) for text in (message, code, constraint, domain))
    return n.FunctionCall(_RAISE, texts, type_oid)


def definitions_of(b: Binding, domain: int) -> list[TypeDefinition]:
    """A domain and those it is built on, the innermost first."""
    found: list[TypeDefinition] = []
    definition = b.catalog.types.get(domain)
    while definition is not None and definition.kind == "d":
        found.insert(0, definition)
        definition = b.catalog.types.get(definition.base_type_oid)
    return found


def domain_scope(e: Any, type_oid: int, typmod: int) -> Scope:
    """The names in a domain's CHECK: VALUE, which stands for `e`."""
    value = SourceColumn("value", e)
    return Scope(None, [Source("", (value,))], [value], "check constraints")


def domain_value(b: Binding, e: n.Expression, domain: int) -> n.Expression:
    """A value of a domain's base type as one of the domain. It raises 23514 or 23502 when a constraint fails."""
    branches: list[tuple[n.Expression, n.Expression]] = []
    operand = n.CaseOperand(e.type, e.typmod)
    definitions = definitions_of(b, domain)
    # Whichever of them fails: the value was to be of the outermost one.
    name = definitions[-1].name if definitions else ""
    for definition in definitions:
        if definition.not_null:
            message = f"domain {name} does not allow null values"
            branches.append((n.IsNull(operand, False), _raise(message, sqlstate.NOT_NULL_VIOLATION, "", name, e.type)))
        for check in sorted(definition.checks, key=lambda one: one.name):
            condition = b.expression(expression_tree(check.expression), domain_scope(operand, e.type, e.typmod))
            message = f'value for domain {name} violates check constraint "{check.name}"'
            failed = _raise(message, sqlstate.CHECK_VIOLATION, check.name, name, e.type)
            branches.append((n.BooleanTest(condition, False, False), failed))
    if not branches:
        return n.Relabel(e, domain) if not isinstance(e, n.Constant) else n.Constant(e.value, domain)
    return n.Relabel(n.Case(e, tuple(branches), operand, e.type, e.typmod), domain)
