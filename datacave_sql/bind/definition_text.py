"""Definition texts: stored expressions as pg_get_expr and its kin print them.

What is stored reads back as what was written; what clients see is the expression after analysis: every implicit cast
is written out, constants carry their types, BETWEEN and IN are the comparisons they stand for. The types of names come
from binding the same tree (`Binding.notes`); operators and functions are resolved again on the way up. With `pretty`,
parentheses stand only where precedence asks for them; else every operator has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from datacave_core.types import oids
from datacave_sql.bind.canonical_text import canonical_text
from datacave_sql.bind.operator_names import shown_operator
from datacave_sql.bind.resolving import function_for, operator_for
from datacave_sql.bind.routine_resolution import resolve_named
from datacave_sql.bind.sqltext import SqlText, quote_identifier
from datacave_sql.bind.state import Binding
from datacave_sql.bind.typenames import resolve_type
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import common_type
from datacave_sql.functions.registry import Function
from datacave_sql.functions.resolution import ResolvedCast
from datacave_sql.parse import ast

ATOM, LOW, HIGH, TEST, AND, OR, NOT = "atom", "+", "*", "test", "and", "or", "not"
FUNCTION, CAST = "function", "cast"
_MOMENTS = frozenset({oids.DATE, oids.TIME, oids.TIMETZ, oids.TIMESTAMP, oids.TIMESTAMPTZ})
_LIKE = {"like": "~~", "ilike": "~~*", "similar": "~"}
_OID_NAMES = frozenset((
    oids.REGCLASS, oids.REGTYPE, oids.REGPROC, oids.REGPROCEDURE, oids.REGNAMESPACE, oids.REGROLE, oids.REGOPER,
    oids.REGOPERATOR, oids.REGCONFIG, oids.REGDICTIONARY, oids.REGCOLLATION,
))  # fmt: skip

TypeName = Callable[[int, int], str]
ObjectName = Callable[[int, str], str]
"""(type of the name, as written) -> as the search path needs it."""
FunctionName = Callable[[Function, Sequence[int], tuple[str, ...], bool], str]


class Shown(NamedTuple):
    """A piece of text and how tightly it holds together."""

    text: str
    shape: str = ATOM


def literal(text: str) -> str:
    """A string constant; backslashes mean themselves."""
    return "'" + text.replace("'", "''") + "'"


class DefinitionText:
    """Writes the trees of one binding. `type_name(oid, typmod)` and `object_name` know the search path."""

    def __init__(self, b: Binding, type_name: TypeName, object_name: ObjectName, pretty: bool) -> None:
        self.b = b
        self.type_name = type_name
        self.object_name = object_name
        self.pretty = pretty
        self.indent = 0
        self.qualified = False
        self.frames: list[dict[str, str]] = []
        """For each query around: what its FROM items are called, and how that is printed."""
        self._plain = SqlText()
        self.routine, self.operator_path = "", b.environment.search_path
        self.function_name: FunctionName = lambda function, *call: quote_identifier(function.name)
        """What a function is called, by the types and names of the arguments of the call."""
        self.parameters: tuple[str, ...] = ()
        """In the body of a routine, whose name `routine` is: the names of its input arguments."""

    def parameter(self, number: int) -> Shown:
        """An argument: by its name where it has one, behind the routine's name where columns could be meant."""
        name = self.parameters[number - 1] if number <= len(self.parameters) else ""
        if not name:
            return Shown(f"${number}")
        before = f"{quote_identifier(self.routine)}." if any(self.frames) else ""
        return Shown(before + quote_identifier(name))

    def query(self, statement: ast.Statement, names: Sequence[str] = (), visible: bool = False) -> str:
        """The text of a query inside an expression; overridden where queries can be written."""
        return self._plain.query(statement)

    def source(self, name: str) -> str:
        """A FROM item's name as it is printed: another one where an enclosing query has the same."""
        found = (frame[name] for frame in reversed(self.frames) if name in frame)
        return quote_identifier(next(found, name))

    # types

    def type_of(self, node: ast.Expression) -> tuple[int, int]:
        """(type, typmod) of an expression; unknown for untyped literals."""
        note = (self.b.notes or {}).get(id(node))
        if note is not None:
            return note[0].type, note[0].typmod
        if isinstance(node, ast.BinaryOperation):
            left, right = self.type_of(node.left)[0], self.type_of(node.right)[0]
            return operator_for(node.operator, left, right, self.b.types).result_type, -1
        if isinstance(node, ast.ArrayLiteral):
            return self.b.types.array(self.common(node.elements)), -1
        return oids.UNKNOWN, -1

    def common(self, nodes: Sequence[ast.Expression]) -> int:
        """The common type of several expressions."""
        return common_type([self.type_of(node)[0] for node in nodes], self.b.types, "CASE")

    # parentheses

    def own(self, text: str, shape: str) -> Shown:
        """An operator's text: in parentheses of its own unless pretty."""
        return Shown(text, shape) if self.pretty else Shown(f"({text})")

    def inside(self, shown: Shown, parent: str, right: bool = False) -> str:
        """A part of an expression of shape `parent`."""
        shape = shown.shape
        if shape == ATOM or parent == FUNCTION:
            return shown.text
        if shape in (LOW, HIGH) and parent in (LOW, HIGH):
            fits = (shape == HIGH and parent == LOW) or (shape == parent and not right)
            return shown.text if fits else f"({shown.text})"
        if parent in (AND, OR, NOT) and shape not in (AND, OR, NOT):
            return shown.text
        if parent in (AND, OR) and shape in (AND, NOT):
            return shown.text
        if parent == OR and shape == OR:
            return shown.text
        return f"({shown.text})"

    # expressions

    def __call__(self, node: ast.Expression) -> Shown:
        """An expression as it is."""
        return _WRITERS[type(node)](self, node)

    def top(self, node: ast.Expression, target: int = 0) -> str:
        """A whole stored expression; casts to what it is stored in are implied, and only literals take its type."""
        if self.type_of(node)[0] == oids.UNKNOWN:
            return self.argument(node, self.b.types.base(target) if target else oids.TEXT).text
        return self(node).text

    def argument(self, node: ast.Expression, target: int) -> Shown:
        """An expression as an argument of type `target`: an implicit cast is shown."""
        if isinstance(node, ast.NamedArgument):
            return Shown(f"{quote_identifier(node.name)} => {self.argument(node.value, target).text}")
        given, _ = self.type_of(node)
        if target == oids.ANY and isinstance(node, ast.StringLiteral):
            return Shown(literal(node.value))
        if given == target or target in (0, oids.ANY):
            return self.argument(node, oids.TEXT) if given == oids.UNKNOWN and target != oids.UNKNOWN else self(node)
        if given == oids.UNKNOWN:
            shown = self.constant(node, target)
            return shown if shown is not None else self._cast(self(node), target, -1)
        if self.b.types.kind(target) == "p":
            return self(node)
        return self._cast(self(node), target, -1)

    def _cast(self, shown: Shown, target: int, typmod: int) -> Shown:
        text = self.inside(shown, CAST)
        if not self.pretty:
            text = f"({text})"
        return Shown(f"{text}::{self.type_name(target, typmod)}")

    def constant(self, node: ast.Expression, target: int, typmod: int = -1) -> Shown | None:
        """An untyped literal as a constant of a type; None for anything else."""
        name = self.type_name(target, typmod)
        if isinstance(node, ast.NullLiteral):
            return Shown(f"NULL::{name}")
        if not isinstance(node, ast.StringLiteral):
            return None
        if target in _OID_NAMES:
            return Shown(f"{literal(self.object_name(target, node.value))}::{name}")
        return self._value(canonical_text(self.b, node.value, target), target, typmod)

    def _value(self, text: str, target: int, typmod: int) -> Shown:
        name = self.type_name(target, typmod)
        if target == oids.BOOL:
            return Shown("true" if text == "t" else "false")
        if target == oids.INT4 and not text.startswith("-") and typmod < 0:
            return Shown(text)
        if target == oids.NUMERIC and text[:1].isdigit() and any(letter in text for letter in "eE.") and typmod < 0:
            return Shown(text)
        return Shown(f"{literal(text)}::{name}")

    def number(self, text: str, type_oid: int) -> Shown:
        """A numeric constant."""
        return self._value(text, type_oid, -1)

    def operator(self, name: str, left: ast.Expression | None, right: ast.Expression) -> Shown:
        """`left name right` with the casts that the operator asks for."""
        if isinstance(left, ast.RowExpression) and isinstance(right, ast.RowExpression) and name in ("=", "<>"):
            word = AND if name == "=" else OR
            pairs = zip(left.fields, right.fields, strict=True)
            tests = [self.inside(self.operator(name, one, other), word) for one, other in pairs]
            return self.own(f" {word.upper()} ".join(tests), word)
        given = self.type_of(left)[0] if left is not None else 0
        found = operator_for(name, given, self.type_of(right)[0], self.b.types)
        shape = LOW if name in ("+", "-") else HIGH if name in ("*", "/", "%") else TEST
        word = shown_operator(self.b, found, self.operator_path)
        second = f"{word} {self.inside(self.argument(right, found.argument_types[-1]), shape, right=True)}"
        if left is None:
            return self.own(second, TEST)
        return self.own(f"{self.inside(self.argument(left, found.argument_types[0]), shape)} {second}", shape)

    def value(self, node: ast.Expression, target: int) -> str:
        """A field of a row or of VALUES: a whole row says its type, lest its star be taken for a list of columns."""
        text = self.argument(node, target).text
        if isinstance(node, ast.ColumnRef) and text.endswith(".*"):
            text += f"::{self.type_name(*self.type_of(node))}"
        return text

    def fields(self, row: ast.RowExpression) -> str:
        """The fields of a row."""
        return ", ".join(self.value(item, self.type_of(item)[0]) for item in row.fields)

    def items(self, nodes: Sequence[ast.Expression], target: int) -> str:
        """A list of arguments of one type."""
        return ", ".join(self.argument(node, target).text for node in nodes)

    def keyword(self, word: str, plus: int = 0) -> str:
        """A word on a line of its own, at the present indentation."""
        return "\n" + " " * (max(0, self.indent) + plus) + word

    def order(self, items: Sequence[ast.OrderItem], write: Callable[[ast.Expression], str]) -> str:
        """Sort keys."""
        words = []
        for item in items:
            text = write(item.expression)
            if item.using is not None:
                text += f" USING {item.using[-1]}"
            elif item.descending:
                text += " DESC"
            if item.nulls_first is not None and item.nulls_first != item.descending:
                text += " NULLS FIRST" if item.nulls_first else " NULLS LAST"
            words.append(text)
        return ", ".join(words)

    def window(self, w: ast.WindowDefinition) -> str:
        """An OVER clause or a window's definition."""
        if w.name is not None and not (w.partition_by or w.order_by or w.frame or w.reference):
            return quote_identifier(w.name)
        parts = [quote_identifier(w.reference)] if w.reference else []
        if w.partition_by:
            parts.append("PARTITION BY " + ", ".join(self(item).text for item in w.partition_by))
        if w.order_by:
            parts.append("ORDER BY " + self.order(w.order_by, lambda item: self(item).text))
        if w.frame is not None:
            key = self.type_of(w.order_by[0].expression)[0] if w.order_by else 0
            offset = oids.INT8 if w.frame.mode != "range" else oids.INTERVAL if key in _MOMENTS else key
            ends = [self._bound(w.frame.start, offset), self._bound(w.frame.end, offset)]
            text = f"{w.frame.mode.upper()} BETWEEN {ends[0]} AND {ends[1]}"
            parts.append(text + (f" EXCLUDE {w.frame.exclusion.upper()}" if w.frame.exclusion else ""))
        return f"({' '.join(parts)})"

    def _bound(self, bound: ast.FrameBound, target: int) -> str:
        words = bound.kind.upper()
        if bound.offset is None:
            return words
        shown = self.constant(bound.offset, target) if self.type_of(bound.offset)[0] == oids.UNKNOWN else None
        return f"{(shown or self(bound.offset)).text} {words}"


def _column(w: DefinitionText, e: ast.ColumnRef) -> Shown:
    note = (w.b.notes or {}).get(id(e))
    if note is None or e.star:
        return Shown(".".join([*map(quote_identifier, e.parts), *(["*"] if e.star else [])]))
    bound, scope = note
    if isinstance(bound, n.CaseOperand):
        return Shown("VALUE")
    if isinstance(bound, n.Parameter):
        return w.parameter(bound.number)
    if isinstance(bound, n.ColumnReference):
        for level in scope.chain():
            for source in level.sources:
                for column in (*source.columns, *source.system):
                    if n.columns_used(column.expression) == {bound.column}:
                        if not w.qualified or not source.name:
                            return Shown(quote_identifier(column.name))
                        return Shown(f"{w.source(source.name)}.{quote_identifier(column.name)}")
    if isinstance(bound, n.RowConstructor) and len(e.parts) == 1:
        return Shown(f"{w.source(e.parts[0])}.*")
    return Shown(".".join(map(quote_identifier, e.parts)))


def _integer(w: DefinitionText, e: ast.IntegerLiteral) -> Shown:
    return w.number(str(e.value), w.type_of(e)[0])


def _explicit_cast(w: DefinitionText, e: ast.Cast) -> Shown:
    target = resolve_type(w.b, e.type_name)
    given, typmod = w.type_of(e.operand)
    if isinstance(e.operand, ast.ArrayLiteral):
        element = w.b.types.element(w.b.types.base(target.oid))
        if element:
            text = f"ARRAY[{w.items(e.operand.elements, element)}]"
            same = bool(e.operand.elements) and all(w.type_of(one)[0] == oids.UNKNOWN for one in e.operand.elements)
            return Shown(text) if same else Shown(f"{text}::{w.type_name(target.oid, target.typmod)}")
    if given == oids.UNKNOWN:
        shown = w.constant(e.operand, target.oid, target.typmod)
        if shown is not None:
            return shown
    if given == target.oid and target.typmod in (-1, typmod):
        return w(e.operand)
    return w._cast(w(e.operand), target.oid, target.typmod)


def _like(w: DefinitionText, e: ast.Like) -> Shown:
    name = ("!" if e.negated else "") + _LIKE[e.kind]
    if e.escape is None and e.kind != "similar":
        return w.operator(name, e.operand, e.pattern)
    function = "similar_to_escape" if e.kind == "similar" else "like_escape"
    parts = w.argument(e.pattern, oids.TEXT).text
    if e.escape is not None:
        parts += f", {w.argument(e.escape, oids.TEXT).text}"
    left = w.inside(w.argument(e.operand, oids.TEXT), TEST)
    return w.own(f"{left} {name} {function}({parts})", TEST)


def _between(w: DefinitionText, e: ast.Between) -> Shown:
    first, second, word = ("<", ">", OR) if e.negated else (">=", "<=", AND)
    pairs = [(e.low, e.high), (e.high, e.low)] if e.symmetric else [(e.low, e.high)]
    parts = []
    for low, high in pairs:
        both = (w.operator(first, e.operand, low), w.operator(second, e.operand, high))
        parts.append(w.own(f" {word.upper()} ".join(w.inside(one, word) for one in both), word))
    if len(parts) == 1:
        return parts[0]
    outer = AND if e.negated else OR
    return w.own(f" {outer.upper()} ".join(w.inside(one, outer) for one in parts), outer)


def _constant_item(node: ast.Expression) -> bool:
    if isinstance(node, ast.Cast):
        return _constant_item(node.operand)
    literals = (ast.IntegerLiteral, ast.DecimalLiteral, ast.StringLiteral, ast.BooleanLiteral, ast.NullLiteral)
    return isinstance(node, literals)


def _in_list(w: DefinitionText, e: ast.InList) -> Shown:
    name, word = ("<>", AND) if e.negated else ("=", OR)
    given = [w.type_of(node)[0] for node in (e.operand, *e.items)]
    whole = all(_constant_item(item) for item in e.items) and not isinstance(e.operand, ast.RowExpression)
    if len(e.items) > 1 and whole:
        element = common_type(given, w.b.types, "IN")
        found = operator_for(name, given[0], element, w.b.types)
        left, right = found.argument_types
        array = f"ARRAY[{w.items(e.items, element)}]"
        if element != right:
            array = array if w.pretty else f"({array})"
            array = f"{array}::{w.type_name(w.b.types.array(right), -1)}"
            array = array if w.pretty else f"({array})"
        words = "ALL" if e.negated else "ANY"
        array = array if element != right and not w.pretty else f"({array})"
        return w.own(f"{w.inside(w.argument(e.operand, left), TEST)} {name} {words} {array}", TEST)
    tests = [w.operator(name, e.operand, item) for item in e.items]
    if len(tests) == 1:
        return tests[0]
    return w.own(f" {word.upper()} ".join(w.inside(test, word) for test in tests), word)


def _joined(word: str) -> Callable[[DefinitionText, Any], Shown]:
    def write(w: DefinitionText, e: Any) -> Shown:
        return w.own(f" {word.upper()} ".join(w.inside(w(part), word) for part in e.operands), word)

    return write


def _case(w: DefinitionText, e: ast.Case) -> Shown:
    results = [when.result for when in e.whens] + ([e.default] if e.default is not None else [])
    common = w.type_of(e)[0]
    operand = ""
    kind = 0
    if e.operand is not None:
        kind = w.type_of(e.operand)[0]
        operand = " " + w.argument(e.operand, kind).text
    text = w.keyword("CASE") + operand
    w.indent += 4
    for when, result in zip(e.whens, results, strict=False):
        condition = w(when.condition).text
        if e.operand is not None:
            found = operator_for("=", kind, w.type_of(when.condition)[0], w.b.types)
            condition = w.argument(when.condition, found.argument_types[1]).text
        text += f"{w.keyword('WHEN ')}{condition} THEN {w.argument(result, common).text}"
    default = w.argument(e.default, common).text if e.default is not None else f"NULL::{w.type_name(common, -1)}"
    text += w.keyword("ELSE ") + default
    w.indent -= 4
    return Shown(text + w.keyword("END"))


def _call(w: DefinitionText, e: ast.FunctionCall) -> Shown:
    if e.sql_syntax:
        shown = _sql_words(w, e)
        if shown is not None:
            return shown
    types = [w.type_of(node)[0] for node in e.arguments]
    labels = tuple(node.name for node in e.arguments if isinstance(node, ast.NamedArgument))
    keys = [w.type_of(item.expression)[0] for item in e.order_by] if e.within_group else []
    found = resolve_named(w.b, e.name, (*types, *keys), labels, e.variadic)
    if isinstance(found, ResolvedCast):
        return w._cast(w(e.arguments[0]), found.target, -1)
    targets = [0] * len(types)
    for source, target in zip(found.sources, found.argument_types, strict=True):
        if source is not None and source < len(targets):
            targets[source] = target
    if found.collected:
        targets[-found.collected :] = [found.argument_types[-1]] * found.collected
    parts = [w.argument(node, target).text for node, target in zip(e.arguments, targets, strict=True)]
    if e.variadic and parts:
        parts[-1] = f"VARIADIC {parts[-1]}"
    inner = "*" if e.star else ("DISTINCT " if e.distinct else "") + ", ".join(parts)
    if e.order_by and not e.within_group:
        inner += " ORDER BY " + w.order(e.order_by, lambda item: w(item).text)
    text = f"{w.function_name(found.function, (*types, *keys), labels, e.variadic)}({inner})"
    if e.within_group:
        sorted_as = found.argument_types[len(types) :]
        keyed = {id(item.expression): target for item, target in zip(e.order_by, sorted_as, strict=False)}
        inner = w.order(e.order_by, lambda one: w.argument(one, keyed.get(id(one), 0)).text)
        text += f" WITHIN GROUP (ORDER BY {inner})"
    if e.filter is not None:
        text += f" FILTER (WHERE {w(e.filter).text})"
    return Shown(f"{text} OVER {w.window(e.over)}" if e.over is not None else text)


def _sql_words(w: DefinitionText, e: ast.FunctionCall) -> Shown | None:
    """Calls that PostgreSQL prints in SQL's own words."""
    name, given = e.name[-1], e.arguments
    types = tuple(w.type_of(node)[0] for node in given)
    found = function_for(name, types, w.b.types, (), False)
    if isinstance(found, ResolvedCast):
        return None
    parts = [w.argument(node, target) for node, target in zip(given, found.argument_types, strict=False)]
    if name == "extract" and isinstance(given[0], ast.StringLiteral):
        return Shown(f"EXTRACT({given[0].value} FROM {parts[1].text})")
    if name == "timezone" and len(parts) == 2:
        return Shown(f"({w.inside(parts[1], TEST)} AT TIME ZONE {w.inside(parts[0], TEST)})")
    if name == "pg_collation_for":
        return Shown(f"COLLATION FOR ({parts[0].text})")
    if name == "overlaps":
        one, other = (f"({a.text}, {b.text})" for a, b in (parts[:2], parts[2:]))
        return Shown(f"({one} OVERLAPS {other})")
    if name in ("normalize", "is_normalized"):
        form = given[1].value if len(given) > 1 and isinstance(given[1], ast.StringLiteral) else ""
        if name == "normalize":
            return Shown(f"NORMALIZE({parts[0].text}{', ' + form if form else ''})")
        return Shown(f"({w.inside(parts[0], TEST)} IS {form + ' ' if form else ''}NORMALIZED)")
    if name == "position":
        return Shown(f"POSITION(({parts[1].text}) IN ({parts[0].text}))")
    if name == "substring" and found.argument_types[1] == oids.TEXT:
        if len(parts) < 3:
            return None
        return Shown(f"SUBSTRING({parts[0].text} SIMILAR {parts[1].text} ESCAPE {parts[2].text})")
    if name == "substring" and len(parts) > 1:
        rest = f" FOR {parts[2].text}" if len(parts) > 2 else ""
        return Shown(f"SUBSTRING({parts[0].text} FROM {parts[1].text}{rest})")
    if name in ("btrim", "ltrim", "rtrim"):
        side = {"btrim": "BOTH", "ltrim": "LEADING", "rtrim": "TRAILING"}[name]
        what = f"{parts[1].text} " if len(parts) > 1 else ""
        return Shown(f"TRIM({side} {what}FROM {parts[0].text})")
    if name == "overlay" and len(parts) > 2:
        rest = f" FOR {parts[3].text}" if len(parts) > 3 else ""
        return Shown(f"OVERLAY({parts[0].text} PLACING {parts[1].text} FROM {parts[2].text}{rest})")
    return None


def _quantified(w: DefinitionText, e: ast.QuantifiedArray) -> Shown:
    array = w.type_of(e.array)[0]
    element = w.b.types.element(w.b.types.base(array)) if array != oids.UNKNOWN else w.type_of(e.operand)[0]
    found = operator_for(e.operator, w.type_of(e.operand)[0], element, w.b.types)
    left, right = found.argument_types
    inner = w.argument(e.array, w.b.types.array(right)).text
    if isinstance(e.array, ast.ScalarSubquery):
        # Without a cast the subquery would be read as rows to compare with.
        inner = f"({inner})" if w.pretty else inner
        inner += f"::{w.type_name(w.b.types.array(right), -1)}"
    return w.own(f"{w.inside(w.argument(e.operand, left), TEST)} {e.operator} {e.quantifier.upper()} ({inner})", TEST)


def _compared(w: DefinitionText, node: ast.Expression) -> str:
    """What is compared with the rows of a subquery."""
    if isinstance(node, ast.RowExpression):
        return f"({w.fields(node)})"
    return w.inside(w(node), TEST)


def _in_query(w: DefinitionText, e: ast.InSubquery) -> Shown:
    text = f"({_compared(w, e.operand)} IN ({w.query(e.query)}))"
    return w.own(f"NOT {text}", NOT) if e.negated else Shown(text)


def _compared_query(w: DefinitionText, e: ast.QuantifiedSubquery) -> Shown:
    return Shown(f"({_compared(w, e.operand)} {e.operator} {e.quantifier.upper()} ({w.query(e.query)}))")


def _array(w: DefinitionText, e: ast.ArrayLiteral) -> Shown:
    if all(isinstance(item, ast.ArrayLiteral) for item in e.elements):
        return Shown("ARRAY[" + ", ".join(w(item).text for item in e.elements) + "]")
    return Shown(f"ARRAY[{w.items(e.elements, w.common(e.elements))}]")


def _subscripts(w: DefinitionText, e: ast.SubscriptedExpression) -> Shown:
    operand = w(e.operand).text
    text = operand if isinstance(e.operand, ast.ColumnRef) else f"({operand})"
    for part in e.subscripts:
        upper = w(part.upper).text if part.upper is not None else ""
        lower = w(part.lower).text if part.lower is not None else ""
        text += f"[{lower}:{upper}]" if part.is_slice else f"[{upper}]"
    return Shown(text)


def _distinct_from(w: DefinitionText, e: ast.DistinctFrom) -> Shown:
    found = operator_for("=", w.type_of(e.left)[0], w.type_of(e.right)[0], w.b.types)
    left, right = (w.inside(w.argument(node, target), TEST) for node, target in
                   zip((e.left, e.right), found.argument_types, strict=True))  # fmt: skip
    shown = w.own(f"{left} IS DISTINCT FROM {right}", TEST)
    return w.own(f"NOT {w.inside(shown, NOT)}", NOT) if e.negated else shown


def _null_if(w: DefinitionText, e: ast.NullIf) -> Shown:
    found = operator_for("=", w.type_of(e.left)[0], w.type_of(e.right)[0], w.b.types)
    parts = zip((e.left, e.right), found.argument_types, strict=True)
    return Shown("NULLIF(" + ", ".join(w.argument(node, target).text for node, target in parts) + ")")


def _row(w: DefinitionText, e: ast.RowExpression) -> Shown:
    return Shown(f"ROW({w.fields(e)})")


def _value_function(w: DefinitionText, e: ast.SqlValueFunction) -> Shown:
    return Shown(e.name.upper() + (f"({e.precision})" if e.precision is not None else ""))


def _string(w: DefinitionText, e: ast.StringLiteral) -> Shown:
    return Shown(f"{literal(e.value)}::text")


def _collate(w: DefinitionText, e: ast.Collate) -> Shown:
    name = e.collation[-1]
    target = w.type_of(e)[0]
    return w.own(f"{w.inside(w.argument(e.operand, target), CAST)} COLLATE {quote_identifier(name)}", TEST)


_WRITERS: dict[type, Callable[[DefinitionText, Any], Shown]] = {
    ast.IntegerLiteral: _integer,
    ast.DecimalLiteral: lambda w, e: w.number(e.text, oids.NUMERIC),
    ast.StringLiteral: _string,
    ast.BitStringLiteral: lambda w, e: Shown(f"{'X' if e.hexadecimal else 'B'}'{e.digits}'::\"bit\""),
    ast.BooleanLiteral: lambda w, e: Shown("true" if e.value else "false"),
    ast.NullLiteral: lambda w, e: Shown("NULL::text"),
    ast.Parameter: lambda w, e: w.parameter(e.number),
    ast.ColumnRef: _column,
    ast.FieldSelection: lambda w, e: Shown(f"({w(e.operand).text}).{quote_identifier(e.field)}"),
    ast.FieldStar: lambda w, e: Shown(f"({w(e.operand).text}).*"),
    ast.SubscriptedExpression: _subscripts,
    ast.UnaryOperation: lambda w, e: w.operator(e.operator, None, e.operand),
    ast.BinaryOperation: lambda w, e: w.operator(e.operator, e.left, e.right),
    ast.Not: lambda w, e: w.own(f"NOT {w.inside(w(e.operand), NOT)}", NOT),
    ast.And: _joined(AND),
    ast.Or: _joined(OR),
    ast.IsNull: lambda w, e: w.own(
        f"{w.inside(w.argument(e.operand, w.type_of(e.operand)[0]), TEST)} IS {'NOT ' if e.negated else ''}NULL", TEST
    ),
    ast.BooleanTest: lambda w, e: w.own(
        f"{w.inside(w.argument(e.operand, oids.BOOL), TEST)} IS {'NOT ' if e.negated else ''}{e.test.upper()}", TEST
    ),
    ast.DistinctFrom: _distinct_from,
    ast.Between: _between,
    ast.InList: _in_list,
    ast.InSubquery: _in_query,
    ast.Like: _like,
    ast.QuantifiedArray: _quantified,
    ast.QuantifiedSubquery: _compared_query,
    ast.Exists: lambda w, e: Shown(f"(EXISTS ({w.query(e.query)}))"),
    ast.ScalarSubquery: lambda w, e: Shown(f"({w.query(e.query)})"),
    ast.ArraySubquery: lambda w, e: Shown(f"ARRAY({w.query(e.query)})"),
    ast.ArrayLiteral: _array,
    ast.RowExpression: _row,
    ast.Case: _case,
    ast.Coalesce: lambda w, e: Shown(f"COALESCE({w.items(e.arguments, w.type_of(e)[0])})"),
    ast.NullIf: _null_if,
    ast.MinMax: lambda w, e: Shown(f"{e.kind.upper()}({w.items(e.arguments, w.type_of(e)[0])})"),
    ast.Cast: _explicit_cast,
    ast.Collate: _collate,
    ast.NamedArgument: lambda w, e: w(e.value),
    ast.FunctionCall: _call,
    ast.SqlValueFunction: _value_function,
    ast.GroupingCall: lambda w, e: Shown("GROUPING(" + ", ".join(w(item).text for item in e.arguments) + ")"),
}
