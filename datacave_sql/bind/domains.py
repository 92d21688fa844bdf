"""Domains: a value of the base type becomes one of the domain after every constraint has been tested.

The tests are written with the nodes that exist: a CASE over the value whose branches call a function that raises.
NULL passes a CHECK, as it does in tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

from datacave_core import sqlstate
from datacave_core.catalog import TypeDefinition
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.range import MultiRange
from datacave_sql.bind.names import Scope, Source, SourceColumn
from datacave_sql.bind.relations import schema_of
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.expr import nodes as n
from datacave_sql.functions.body import Body, CallTypes
from datacave_sql.functions.registry import Function
from datacave_sql.functions.typelookup import TypeLookup


def _violated(message: str, code: str, constraint: str, schema: str, data_type: str) -> NoReturn:
    raise DatacaveError(message, sqlstate=code, constraint=constraint or None, schema=schema, data_type=data_type)


_RAISE = Function(
    oid=0,
    name="domain_violation",
    kind="f",
    argument_types=(oids.TEXT,) * 5,
    return_type=oids.ANYELEMENT,
    strict=False,
    volatility="v",
    returns_set=False,
    variadic=0,
    default_count=0,
    argument_names=("",) * 5,
    columns=(),
    default_values=(),
    cost=1.0,
    rows=0.0,
    parallel="s",
    symbol="domain_violation",
    entry=Body(_violated),
)


def _raise(message: str, code: str, constraint: str, domain: tuple[str, str], type_oid: int) -> n.Expression:
    texts = tuple(n.Constant(text, oids.TEXT) for text in (message, code, constraint, *domain))
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
    place = (schema_of(b, definitions[-1].schema_oid) if definitions else "", name)
    for definition in definitions:
        if definition.not_null:
            message = f"domain {name} does not allow null values"
            branches.append((n.IsNull(operand, False), _raise(message, sqlstate.NOT_NULL_VIOLATION, "", place, e.type)))
        for check in sorted(definition.checks, key=lambda one: one.name):
            condition = b.expression(expression_tree(check.expression), domain_scope(operand, e.type, e.typmod))
            message = f'value for domain {name} violates check constraint "{check.name}"'
            failed = _raise(message, sqlstate.CHECK_VIOLATION, check.name, place, e.type)
            branches.append((n.BooleanTest(condition, False, False), failed))
    if not branches:
        return n.Relabel(e, domain) if not isinstance(e, n.Constant) else n.Constant(e.value, domain)
    return n.Relabel(n.Case(e, tuple(branches), operand, e.type, e.typmod), domain)


def unchecked(e: n.Expression) -> n.Expression:
    """The value under the tests of `domain_value`; any other expression as it is."""
    if isinstance(e, n.Relabel) and isinstance(e.argument, n.Case) and e.argument.operand is not None:
        return e.argument.operand
    return e


def holds_domains(types: TypeLookup, type_oid: int) -> bool:
    """Whether values of a type have values of domains inside."""
    base = types.base(type_oid)
    return any(types.kind(part) == "d" or holds_domains(types, part) for part in _parts(types, base))


def _parts(types: TypeLookup, base: int) -> list[int]:
    """The types of what is inside the values of a type."""
    spanned = types.range_type(base)
    if spanned is not None:
        return [spanned.subtype_oid]
    element = types.element(base)
    return [element] if element else [attribute.type for attribute in types.attributes(base)]


def verified(b: Binding, e: n.Expression) -> n.Expression:
    """A value that was read from text: what it has of domains inside is tested. Raises 23514, 23502 where it runs."""
    return n.FunctionCall(_VERIFY, (e,), e.type) if holds_domains(b.types, e.type) else e


_Test = Callable[[Any, Any], None]


def _test(types: TypeLookup, type_oid: int) -> _Test:
    """`test(context, value)` looks at every value of a domain inside a value."""
    if types.kind(type_oid) == "d":
        inner = _test(types, types.base(type_oid)) if holds_domains(types, type_oid) else None

        def domain(context: Any, value: Any) -> None:
            context.domain_value(type_oid, value)
            if inner is not None and value is not None:
                inner(context, value)

        return domain
    spanned = types.range_type(type_oid)
    element = types.element(type_oid)
    if spanned is not None:
        bound = _test(types, spanned.subtype_oid)

        def bounds(context: Any, value: Any) -> None:
            for one in value.ranges if isinstance(value, MultiRange) else (value,):
                for limit in (one.lower, one.upper):
                    if limit is not None:
                        bound(context, limit)

        return bounds
    if element:
        each = _test(types, element)

        def elements(context: Any, value: Any) -> None:
            for one in value.elements:
                if one is not None or types.kind(element) == "d":
                    each(context, one)

        return elements
    tests = [
        (place, _test(types, attribute.type), types.kind(attribute.type) == "d")
        for place, attribute in enumerate(types.attributes(type_oid))
        if types.kind(attribute.type) == "d" or holds_domains(types, attribute.type)
    ]

    def members(context: Any, value: Any) -> None:
        for place, test, is_domain in tests:
            if value[place] is not None or is_domain:
                test(context, value[place])

    return members


def _verification(types: CallTypes) -> Body:
    test = _test(types.types, types.types.base(types.arguments[0]))

    def verify(context: Any, value: Any) -> Any:
        test(context, value)
        return value

    return Body(verify, takes_context=True)


_VERIFY = replace(
    _RAISE,
    name="verify_domains",
    argument_types=(oids.ANYELEMENT,),
    argument_names=("",),
    strict=True,
    symbol="verify_domains",
    entry=Body(specialise=_verification),
)
