"""Generate: bound expressions as Python source.

A pipeline becomes one Python function; this module writes the expressions in it. Three forms exist, because SQL has
three truth values and Python two:

    value(e)    code for the SQL value, None for NULL
    truth(e)    code that is truthy exactly when e is TRUE (WHERE, ON, CASE conditions)
    falsity(e)  code that is truthy exactly when e is FALSE (below NOT)

The knowledge that a column or result cannot be NULL travels with the code, so that `WHERE a < 5` over a NOT NULL
column is just `r[0] < 5`. Sub-expressions needed twice are kept in temporaries (`:=`). Deeply nested parts move into
functions of their own, because Python's parser limits nesting. Strict functions are never called with None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.record import record_class
from datacave_sql.expr import nodes as n
from datacave_sql.expr import runtime
from datacave_sql.functions import registry
from datacave_sql.functions.body import Body
from datacave_sql.functions.fixed_parts import FIXED_PARTS, part, sliced
from datacave_sql.functions.typelookup import TypeLookup

LISTED_ITEMS_MIN = 16
"""IN lists with so many parameters become a set in every execution: code grows with each comparison."""

OUTLINE_DEPTH = 12
"""Nesting at which a sub-expression becomes a function of its own."""


@dataclass(frozen=True, slots=True)
class Code:
    """Python source of an expression: `atom` when it may stand anywhere and more than once at no cost."""

    text: str
    nullable: bool
    atom: bool = False


Scope = Mapping[int, Code]
"""Column id -> how generated code reads it."""

INLINE_CONSTANTS = (int, str, float)
SELF_COMPARING = frozenset({16, 17, 18, 19, 20, 21, 23, 25, 26, 1043, 1082, 1083, 1114, 1184, 2950})
"""Types whose Python equality and hash on the value representation are PostgreSQL's equality."""


class Generator:
    """Writes expressions for one generated function and collects the names it needs.

    `variables` are the names of the row variables in scope, passed on to outlined functions. `subquery` turns a
    SubqueryExpression into code; the planner supplies it.
    """

    def __init__(
        self,
        scope: Scope,
        variables: Sequence[str],
        types: TypeLookup,
        subquery: Callable[[Generator, n.SubqueryExpression], Code] | None = None,
        namespace: dict[str, Any] | None = None,
    ) -> None:
        self.scope = scope
        self.variables = tuple(variables)
        self.types = types
        self.subquery = subquery
        self.namespace: dict[str, Any] = namespace if namespace is not None else {}
        self.prelude: list[str] = []
        self._temporaries = 0
        self._depth = 0
        self._bound: set[str] = set()
        self._operand: list[Code] = []
        self._element: list[Code] = []

    # names

    def name(self, prefix: str, value: Any) -> str:
        """A global name of the generated module that is bound to a value."""
        for known, held in self.namespace.items():
            if held is value and known.startswith(prefix):
                return known
        name = f"{prefix}{len(self.namespace)}"
        self.namespace[name] = value
        return name

    def temporary(self) -> str:
        """A fresh local variable."""
        self._temporaries += 1
        return f"t{self._temporaries}"

    def bind_line(self, name: str, line: str) -> str:
        """Makes the factory run `line` once per execution; returns the name it sets."""
        if name not in self._bound:
            self._bound.add(name)
            self.prelude.append(line)
        return name

    # the three forms

    def value(self, e: n.Expression) -> Code:
        """Code for the value; NULL is None."""
        self._depth += 1
        try:
            code = _VALUE[type(e)](self, e)
            if self._depth % OUTLINE_DEPTH == 0 and not code.atom:
                code = Code(self._outline(code.text), code.nullable)
            return code
        except KeyError:
            raise DatacaveError(f"no code for {type(e).__name__}", sqlstate=sqlstate.INTERNAL_ERROR) from None
        finally:
            self._depth -= 1

    def truth(self, e: n.Expression) -> str:
        """Code that is truthy exactly when the condition is TRUE."""
        self._depth += 1
        try:
            text = self._truth(e)
            return self._outline(text) if self._depth % OUTLINE_DEPTH == 0 else text
        finally:
            self._depth -= 1

    def falsity(self, e: n.Expression) -> str:
        """Code that is truthy exactly when the condition is FALSE."""
        self._depth += 1
        try:
            text = self._falsity(e)
            return self._outline(text) if self._depth % OUTLINE_DEPTH == 0 else text
        finally:
            self._depth -= 1

    def _truth(self, e: n.Expression) -> str:
        if isinstance(e, n.And):
            return "(" + " and ".join(self.truth(a) for a in e.arguments) + ")"
        if isinstance(e, n.Or):
            return "(" + " or ".join(self.truth(a) for a in e.arguments) + ")"
        if isinstance(e, n.Not):
            return self.falsity(e.argument)
        if isinstance(e, n.FunctionCall) and not self._has_own_value(e):
            guards, body, _ = self._strict_call(e)
            if guards:
                return "(" + " and ".join(f"{g} is not None" for g in guards) + f" and {body})"
            return body
        return self.value(e).text

    def _falsity(self, e: n.Expression) -> str:
        if isinstance(e, n.And):
            return "(" + " or ".join(self.falsity(a) for a in e.arguments) + ")"
        if isinstance(e, n.Or):
            return "(" + " and ".join(self.falsity(a) for a in e.arguments) + ")"
        if isinstance(e, n.Not):
            return self.truth(e.argument)
        if isinstance(e, n.FunctionCall) and not self._has_own_value(e):
            guards, body, nullable = self._strict_call(e)
            if not nullable:
                if guards:
                    return "(" + " and ".join(f"{g} is not None" for g in guards) + f" and not {body})"
                return f"(not {body})"
        code = self.value(e)
        return f"({code.text} is False)" if code.nullable else f"(not {code.text})"

    # parts

    def atom(self, code: Code) -> tuple[str, str]:
        """(code to evaluate first, code to use after): the same for atoms, a temporary otherwise."""
        if code.atom:
            return code.text, code.text
        name = self.temporary()
        return f"({name} := {code.text})", name

    def _outline(self, text: str) -> str:
        name = f"e{len(self.namespace)}"
        self.namespace[name] = None
        taken = ", ".join((*self.variables, *(c.text for c in self._operand), *(c.text for c in self._element)))
        self.prelude.append(f"def {name}({taken}): return {text}")
        return f"{name}({taken})"

    def constant(self, value: Any) -> Code:
        """A literal where Python has a cheap and exact one, else a name."""
        if value is None:
            return Code("None", True, True)
        if value is True or value is False:
            return Code(repr(value), False, True)
        if type(value) is int:
            return Code(f"({value})" if value < 0 else str(value), False, True)
        if type(value) is str and len(value) <= 200:
            return Code(repr(value), False, True)
        return Code(self.name("k", value), False, True)

    def _has_own_value(self, e: n.FunctionCall) -> bool:
        return not e.function.strict

    def _body(self, e: n.FunctionCall) -> Body:
        # A row given as an anonymous record keeps the type that names its columns.
        types = tuple(
            a.argument.type if isinstance(a, n.Relabel) and a.type == oids.RECORD else a.type for a in e.arguments
        )
        return registry.bind(e.function, types, e.type, self.types, variadic=e.variadic, columns=e.columns)

    def _strict_call(self, e: n.FunctionCall) -> tuple[list[str], str, bool]:
        """(expressions that must not be None, the call's code, whether it may still be None) of a strict function."""
        return self.strict_body(self._body(e), [self.value(a) for a in e.arguments], e.type)

    def strict_body(self, body: Body, arguments: Sequence[Code], result_type: int) -> tuple[list[str], str, bool]:
        """The same for argument code that is already written."""
        guards: list[str] = []
        used: list[str] = []
        template = body.inline
        for number, code in enumerate(arguments):
            if code.nullable:
                first, after = self.atom(code)
                guards.append(first)
                used.append(after)
            elif code.atom or template is None or template.count(f"{{{number}}}") == 1:
                used.append(code.text)
            else:
                first, after = self.atom(code)
                guards.append(first)
                used.append(after)
        if template is not None:
            # INLINE_NAMES and plain builtins are the only names a template uses.
            return guards, "(" + template.format(*used) + ")", False
        if body.call is None:
            raise DatacaveError("function without a body", sqlstate=sqlstate.INTERNAL_ERROR)
        name = self.name("f", body.call)
        if body.takes_context:
            used.insert(0, "c")
        return guards, f"{name}({', '.join(used)})", result_type != 16 or body.takes_context

    def equality(self, function: registry.Function, left: str, right: str, type_oid: int) -> str:
        """Code that compares two atoms that are not None."""
        body = registry.bind(function, function.argument_types, function.return_type, self.types)
        pair = [Code(left, False, True), Code(right, False, True)]
        return self.strict_body(body, pair, 16)[1]


def _guarded(guards: list[str], body: str, otherwise: str = "None") -> str:
    if not guards:
        return body
    return f"({otherwise} if " + " or ".join(f"{g} is None" for g in guards) + f" else {body})"


def _constant(g: Generator, e: n.Constant) -> Code:
    return g.constant(e.value)


def _parameter(g: Generator, e: n.Parameter) -> Code:
    name = f"p{e.number}"
    g.bind_line(name, f"{name} = c.parameters[{e.number - 1}]")
    return Code(name, True, True)


def _column(g: Generator, e: n.ColumnReference) -> Code:
    code = g.scope.get(e.column)
    if code is not None:
        return code
    name = f"o{e.column}"
    g.bind_line(name, f"{name} = c.outer[{e.column}]")
    return Code(name, True, True)


def _call(g: Generator, e: n.FunctionCall) -> Code:
    if e.function.strict:
        guards, body, nullable = g._strict_call(e)
        if not guards:
            return Code(body, nullable)
        only_bindings = all(not g.value(a).nullable for a in e.arguments)
        return Code(_guarded(guards, body), nullable or not only_bindings)
    body_entry = g._body(e)
    if body_entry.call is None:
        raise DatacaveError("function without a body", sqlstate=sqlstate.INTERNAL_ERROR)
    texts = [g.value(a).text for a in e.arguments]
    if body_entry.takes_context:
        texts.insert(0, "c")
    return Code(f"{g.name('f', body_entry.call)}({', '.join(texts)})", True)


def _relabel(g: Generator, e: n.Relabel) -> Code:
    return g.value(e.argument)


def _text_cast(g: Generator, e: n.TextCast) -> Code:
    convert = g.name("f", runtime.text_conversion(e.argument.type, e.type, e.typmod, g.types))
    argument = g.value(e.argument)
    first, after = g.atom(argument)
    if not argument.nullable:
        return Code(f"{convert}(c, {argument.text})", False)
    return Code(_guarded([first], f"{convert}(c, {after})"), True)


def _length_cast(g: Generator, e: n.LengthCast) -> Code:
    convert = g.name("f", runtime.length_coercion(e.type, e.typmod, e.explicit, g.types))
    argument = g.value(e.argument)
    if not argument.nullable:
        return Code(f"{convert}({argument.text})", False)
    first, after = g.atom(argument)
    return Code(_guarded([first], f"{convert}({after})"), True)


def _element_operand(g: Generator, e: n.ElementOperand) -> Code:
    return g._element[-1]


def _array_cast(g: Generator, e: n.ArrayCast) -> Code:
    argument = g.value(e.argument)
    first, after = g.atom(argument)
    g._element.append(Code(f"x{len(g._element)}", True, True))
    element = g.value(e.element)
    variable = g._element.pop().text
    rebuild = g.name("f", runtime.rebuild_array)
    body = f"{rebuild}({after}, [{element.text} for {variable} in {after}.elements])"
    return Code(_guarded([first], body), argument.nullable)


def _and(g: Generator, e: n.And) -> Code:
    codes = [g.value(a) for a in e.arguments]
    if not any(code.nullable for code in codes):
        return Code("(" + " and ".join(code.text for code in codes) + ")", False)
    text, names = "", []
    for code in codes:
        first, after = g.atom(code)
        text += f"False if {first} is False else "
        names.append(after)
    return Code(f"({text}None if " + " or ".join(f"{name} is None" for name in names) + " else True)", True)


def _or(g: Generator, e: n.Or) -> Code:
    codes = [g.value(a) for a in e.arguments]
    if not any(code.nullable for code in codes):
        return Code("(" + " or ".join(code.text for code in codes) + ")", False)
    text, names = "", []
    for code in codes:
        first, after = g.atom(code)
        text += f"True if {first} else "
        names.append(after)
    return Code(f"({text}None if " + " or ".join(f"{name} is None" for name in names) + " else False)", True)


def _not(g: Generator, e: n.Not) -> Code:
    code = g.value(e.argument)
    if not code.nullable:
        return Code(f"(not {code.text})", False)
    first, after = g.atom(code)
    return Code(_guarded([first], f"(not {after})"), True)


def _is_null(g: Generator, e: n.IsNull) -> Code:
    code = g.value(e.argument)
    if runtime.is_row_type(e.argument.type, g.types):
        test = g.name("f", runtime.row_is_not_null if e.negated else runtime.row_is_null)
        return Code(f"{test}({code.text})", False)
    return Code(f"({code.text} is {'not ' if e.negated else ''}None)", False)


def _boolean_test(g: Generator, e: n.BooleanTest) -> Code:
    code = g.value(e.argument)
    return Code(f"({code.text} is {'not ' if e.negated else ''}{e.value})", False)


def _distinct_from(g: Generator, e: n.DistinctFrom) -> Code:
    left, right = g.value(e.left), g.value(e.right)
    first_left, left_name = g.atom(left)
    first_right, right_name = g.atom(right)
    equal = g.equality(e.equals, left_name, right_name, e.left.type)
    # Both sides are bound before anything is compared.
    bind = f"({first_left}, {first_right}) is None or " if not (left.atom and right.atom) else ""
    same = f"({bind}({right_name} is None if {left_name} is None else ({right_name} is not None and {equal})))"
    return Code(same if e.negated else f"(not {same})", False)


def _case(g: Generator, e: n.Case) -> Code:
    if e.operand is not None:
        operand = g.value(e.operand)
        first, after = g.atom(operand)
        g._operand.append(Code(after, operand.nullable, True))
    codes = [(g.truth(condition), g.value(result)) for condition, result in e.branches]
    default = g.value(e.default)
    if e.operand is not None:
        g._operand.pop()
    text = "".join(f"{code.text} if {condition} else " for condition, code in codes) + default.text
    nullable = default.nullable or any(code.nullable for _, code in codes)
    if len(codes) > 20:
        text = default.text
        for condition, code in reversed(codes):
            text = g._outline(f"({code.text} if {condition} else {text})")
    if e.operand is not None and not operand.atom:
        return Code(f"(({text}) if ({first}, 1) else None)", nullable)
    return Code(f"({text})", nullable)


def _case_operand(g: Generator, e: n.CaseOperand) -> Code:
    return g._operand[-1]


def _coalesce(g: Generator, e: n.Coalesce) -> Code:
    text = ""
    for argument in e.arguments[:-1]:
        code = g.value(argument)
        if not code.nullable:
            return Code(f"({text}{code.text})", False)
        first, after = g.atom(code)
        text += f"{after} if {first} is not None else "
    last = g.value(e.arguments[-1])
    return Code(f"({text}{last.text})", last.nullable)


def _null_if(g: Generator, e: n.NullIf) -> Code:
    left, right = g.value(e.left), g.value(e.right)
    first_left, left_name = g.atom(left)
    first_right, right_name = g.atom(right)
    compared = left_name
    if e.right_side is not None:
        compared = g.value(e.right_side).text
    equal = g.equality(e.equals, compared, right_name, e.left.type)
    return Code(
        f"(None if {first_left} is None else {left_name} if {first_right} is None"
        f" else None if {equal} else {left_name})",
        True,
    )


def _extremum(g: Generator, e: n.Extremum) -> Code:
    pick = g.name("f", runtime.greatest if e.greatest else runtime.least)
    key = g.types.comparison_key(e.type)
    codes = [g.value(a) for a in e.arguments]
    values = ", ".join(code.text for code in codes)
    return Code(f"{pick}(({values},), {g.name('k', key) if key else None})", all(code.nullable for code in codes))


def _is_given(e: n.Expression) -> bool:
    return isinstance(e, n.Constant | n.Parameter)


def _given(e: n.Expression) -> int | tuple[Any]:
    """The place of a parameter, or a constant in a tuple."""
    if isinstance(e, n.Parameter):
        return e.number - 1
    return (e.value if isinstance(e, n.Constant) else None,)


def _in_list(g: Generator, e: n.InList) -> Code:
    argument = g.value(e.argument)
    first, after = g.atom(argument)
    items = e.items
    if e.argument.type in SELF_COMPARING and all(isinstance(i, n.Constant) for i in items):
        known = frozenset(i.value for i in items if isinstance(i, n.Constant) and i.value is not None)
        has_null = any(isinstance(i, n.Constant) and i.value is None for i in items)
        found = f"{after} in {g.name('k', known)}"
        missing = "None" if has_null else ("True" if e.negated else "False")
        if not has_null:
            body = f"({after} not in {g.name('k', known)})" if e.negated else f"({found})"
        else:
            body = f"({'False' if e.negated else 'True'} if {found} else {missing})"
        if not argument.nullable and not argument.atom and not has_null:
            body = body.replace(after, argument.text, 1)
            return Code(body, False)
        guards = [first] if argument.nullable or not argument.atom else []
        return Code(_guarded(guards, body), argument.nullable or has_null)
    if e.argument.type in SELF_COMPARING and len(items) >= LISTED_ITEMS_MIN and all(map(_is_given, items)):
        values = g.name("k", runtime.listed([_given(i) for i in items]))
        given = g.bind_line(f"s_{values}", f"s_{values} = {values}(c.parameters)")
        hit, miss = ("False", "True") if e.negated else ("True", "False")
        guards = [first] if argument.nullable or not argument.atom else []
        return Code(_guarded(guards, f"({hit} if {after} in {given} else None if None in {given} else {miss})"), True)
    codes = [g.value(i) for i in items]
    tests, null_names = [], []
    for code in codes:
        item_first, item_after = g.atom(code)
        equal = g.equality(e.equals, after, item_after, e.argument.type)
        if code.nullable:
            tests.append(f"({item_first} is not None and {equal})")
            null_names.append(item_after)
        elif code.atom:
            tests.append(equal)
        else:
            tests.append(f"({item_first} is not None and {equal})")
    hit, miss = ("False", "True") if e.negated else ("True", "False")
    if null_names:
        miss = f"(None if {' or '.join(f'{name} is None' for name in null_names)} else {miss})"
    body = f"({hit} if {' or '.join(tests)} else {miss})"
    guards = [first] if argument.nullable or not argument.atom else []
    return Code(_guarded(guards, body), argument.nullable or bool(null_names))


def _array_comparison(g: Generator, e: n.ArrayComparison) -> Code:
    argument, array = g.value(e.argument), g.value(e.array)
    body = registry.bind(e.operator, e.operator.argument_types, 16, g.types)
    compare = runtime.comparison_function(body)
    if e.name == "=" and not e.every and e.argument.type in SELF_COMPARING:
        test = g.name("f", runtime.any_equal)
        return Code(f"{test}({argument.text}, {array.text})", True)
    test = g.name("f", runtime.compare_every if e.every else runtime.compare_any)
    return Code(f"{test}({argument.text}, {array.text}, {g.name('f', compare)})", True)


def _array(g: Generator, e: n.ArrayConstructor) -> Code:
    build = g.name("f", runtime.nest_arrays if e.nested else runtime.build_array)
    return Code(f"{build}([{', '.join(g.value(x).text for x in e.elements)}])", False)


def _row(g: Generator, e: n.RowConstructor) -> Code:
    codes = [g.value(x) for x in e.fields]
    text = "(" + "".join(f"{code.text}, " for code in codes) + ")"
    if e.type == oids.RECORD:
        names = e.names or tuple(f"f{place}" for place in range(1, len(e.fields) + 1))
        columns = [field.type if field.type != oids.UNKNOWN else oids.TEXT for field in e.fields]
        made = record_class(names, columns, [g.types.io(oid) for oid in columns])
        text = f"{g.name('f', made)}({text})"
    if e.optional and all(code.nullable for code in codes):
        return Code(f"{g.name('f', runtime.present_row)}({text})", True)
    return Code(text, False)


def _field(g: Generator, e: n.FieldSelect) -> Code:
    argument = g.value(e.argument)
    first, after = g.atom(argument)
    return Code(f"(None if {first} is None else {after}[{e.index}])", True)


def _subscript(g: Generator, e: n.Subscript) -> Code:
    def bounds(items: tuple[n.Expression | None, ...]) -> str:
        return "(" + "".join(f"{'None' if x is None else g.value(x).text}, " for x in items) + ")"

    argument = g.value(e.argument).text
    is_fixed = e.argument.type in FIXED_PARTS
    if e.slices:
        slice_array = g.name("f", sliced if is_fixed else runtime.slice_array)
        present = tuple((low is not None, high is not None) for low, high in zip(e.lower, e.upper, strict=True))
        return Code(f"{slice_array}({argument}, {bounds(e.lower)}, {bounds(e.upper)}, {g.name('k', present)})", True)
    element = runtime.name_letter if e.argument.type == oids.NAME else part if is_fixed else runtime.array_element
    return Code(f"{g.name('f', element)}({argument}, {bounds(e.upper)})", True)


def _subquery(g: Generator, e: n.SubqueryExpression) -> Code:
    if g.subquery is None:
        raise DatacaveError("cannot use subquery here", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    return g.subquery(g, e)


_VALUE: dict[type, Callable[[Generator, Any], Code]] = {
    n.Constant: _constant,
    n.Parameter: _parameter,
    n.ColumnReference: _column,
    n.FunctionCall: _call,
    n.Relabel: _relabel,
    n.TextCast: _text_cast,
    n.LengthCast: _length_cast,
    n.ElementOperand: _element_operand,
    n.ArrayCast: _array_cast,
    n.And: _and,
    n.Or: _or,
    n.Not: _not,
    n.IsNull: _is_null,
    n.BooleanTest: _boolean_test,
    n.DistinctFrom: _distinct_from,
    n.Case: _case,
    n.CaseOperand: _case_operand,
    n.Coalesce: _coalesce,
    n.NullIf: _null_if,
    n.Extremum: _extremum,
    n.InList: _in_list,
    n.ArrayComparison: _array_comparison,
    n.ArrayConstructor: _array,
    n.RowConstructor: _row,
    n.FieldSelect: _field,
    n.Subscript: _subscript,
    n.SubqueryExpression: _subquery,
}
