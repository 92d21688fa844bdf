"""Runs a jsonpath over a jsonb document.

Lax mode unwraps arrays where a member, a method or an operand is wanted, wraps single items where an array is, and
takes structural errors for empty results; strict mode raises them. Predicates have three values; an error inside one
makes it unknown (None).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.floating import parse_float8
from datacave_core.types.jsonb import JsonTree
from datacave_core.types.jsonpath import JsonPath, PathNode
from datacave_core.types.numeric import EXACT
from datacave_core.types.zones import Zone
from datacave_sql.exec.suspension import paused
from datacave_sql.functions.bodies.floats import numeric_of_double
from datacave_sql.functions.bodies.numerics import add, divide, multiply, remainder, subtract
from datacave_sql.functions.formatting.standard_input import TYPE_NAMES, PathMoment, read_standard, recognised
from datacave_sql.functions.pathmoments import compare_moments
from datacave_sql.functions.regex import Options, compile_regex

Items = list[JsonTree]

_ARITHMETIC: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
}
_PREDICATES = frozenset({"and", "or", "not", "unknown", "exists", "compare", "starts", "like"})


class PathError(DatacaveError):
    """An error of the walk: what `silent` suppresses and predicates take for unknown."""


def _error(state: str, message: str) -> PathError:
    return PathError(message, sqlstate=state)


def is_number(value: JsonTree) -> bool:
    """Whether a tree is a number."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


class Walk:
    """One run of a path over one document. Without `variables` (None) every variable is null.

    `zone` is the session's time zone where comparisons may use it (the functions whose names end in _tz).
    """

    def __init__(
        self,
        path: JsonPath,
        document: JsonTree,
        variables: dict[str, JsonTree] | None,
        zone: Zone | None = None,
    ) -> None:
        self.path = path
        self.zone = zone
        self.document = document
        self.variables = variables
        self.lax = path.lax
        self.forgiving = path.lax  # structural errors are no errors

    def run(self) -> Items:
        """All items the path selects; raises PathError."""
        return self.items(self.path.node, self.document, 0)

    def collect(self, found: Items) -> None:
        """Appends the items one by one, so that those before an error are there."""
        node = self.path.node
        if node[0] == "unary":
            for item in self.operand(node[2], self.document, 0):
                found += self.signed(node[1], item)
            return
        if node[0] != "steps":
            found += self.run()
            return
        for item in self.stream(self.items(node[1], self.document, 0), node[2], 0):
            found.append(item)  # extend would lose what came before an error

    def any(self) -> bool:
        """Whether the path selects something; in lax mode no further than the first item."""
        node = self.path.node
        if node[0] == "unary":
            return any(is_number(item) for item in self.operand(node[2], self.document, 0))
        if not self.lax or node[0] != "steps":
            return bool(self.run())
        return any(True for _ in self.stream(self.items(node[1], self.document, 0), node[2], 0))

    def items(self, node: PathNode, current: JsonTree, size: int) -> Items:
        """The items of an expression; a predicate gives true, false or null."""
        kind = node[0]
        if kind in _PREDICATES:
            return [self.test(node, current, size)]
        if kind == "steps":
            return list(self.stream(self.items(node[1], current, size), node[2], size))
        if kind == "root":
            return [self.document]
        if kind == "current":
            return [current]
        if kind == "constant":
            return [node[1]]
        if kind == "last":
            return [Decimal(size - 1)]
        if kind == "variable":
            if self.variables is None:
                return [None]
            if node[1] not in self.variables:
                raise DatacaveError(f'could not find jsonpath variable "{node[1]}"', sqlstate=sqlstate.UNDEFINED_OBJECT)
            return [self.variables[node[1]]]
        return self.arithmetic(node, current, size)

    def arithmetic(self, node: PathNode, current: JsonTree, size: int) -> Items:
        if node[0] == "unary":
            found = self.operand(node[2], current, size)
            return [value for item in found for value in self.signed(node[1], item)]
        sides = []
        for side, word in ((node[2], "left"), (node[3], "right")):
            found = self.operand(side, current, size)
            if len(found) != 1 or not is_number(found[0]):
                raise _error(
                    sqlstate.SINGLETON_SQL_JSON_ITEM_REQUIRED,
                    f"{word} operand of jsonpath operator {node[1]} is not a single numeric value",
                )
            sides.append(Decimal(found[0]))
        try:
            return [_ARITHMETIC[node[1]](sides[0], sides[1])]
        except DatacaveError as error:
            raise _error(error.sqlstate, error.message) from error

    def signed(self, sign: str, item: Any) -> Items:
        """An item under a sign."""
        if not is_number(item):
            raise _error(
                sqlstate.SQL_JSON_NUMBER_NOT_FOUND,
                f"operand of unary jsonpath operator {sign} is not a numeric value",
            )
        return [subtract(Decimal(0), Decimal(item)) if sign == "-" else item]

    def operand(self, node: PathNode, current: JsonTree, size: int) -> Items:
        """The items of an operand; in lax mode arrays give their elements."""
        found = self.items(node, current, size)
        if self.lax:
            return [part for item in found for part in (item if isinstance(item, list) else [item])]
        return found

    def stream(self, found: Iterable[JsonTree], steps: tuple[PathNode, ...], size: int) -> Iterator[JsonTree]:
        """The items behind the steps, one by one. After `.**` structural errors are forgiven."""
        if not steps:
            yield from found
            return
        forgiving = self.forgiving
        for item in paused(found):
            parts = self.step(steps[0], item, size)
            try:
                self.forgiving = forgiving or steps[0][0] == "any"
                yield from self.stream(parts, steps[1:], size)
            finally:
                self.forgiving = forgiving

    def step(self, step: PathNode, item: JsonTree, size: int) -> Iterator[JsonTree] | Items:
        kind = step[0]
        if kind == "key":
            return self.member(step[1], item)
        if kind == "any key":
            return self.members(item)
        if kind == "any element":
            if isinstance(item, list):
                return item
            if self.lax:
                return [item]
            return self.structural(
                sqlstate.SQL_JSON_ARRAY_NOT_FOUND, "jsonpath wildcard array accessor can only be applied to an array"
            )
        if kind == "subscripts":
            return self.subscripts(step[1], item)
        if kind == "any":
            return _levels(item, step[1], step[2])
        if kind == "filter":
            candidates = item if self.lax and isinstance(item, list) else [item]
            return [part for part in candidates if self.test(step[1], part, size) is True]
        if kind == "datetime":
            if self.lax and isinstance(item, list):
                return [_moment(part, step[1]) for part in item]
            return [_moment(item, step[1])]
        return self.method(step[1], item)

    def structural(self, state: str, message: str) -> Items:
        """What does not fit the document: nothing where that is forgiven, else an error."""
        if self.forgiving:
            return []
        raise _error(state, message)

    def member(self, name: str, item: JsonTree) -> Items:
        if isinstance(item, dict):
            if name in item:
                return [item[name]]
            return self.structural(sqlstate.SQL_JSON_MEMBER_NOT_FOUND, f'JSON object does not contain key "{name}"')
        if self.lax and isinstance(item, list):
            return [part[name] for part in item if isinstance(part, dict) and name in part]
        return self.structural(
            sqlstate.SQL_JSON_MEMBER_NOT_FOUND, "jsonpath member accessor can only be applied to an object"
        )

    def members(self, item: JsonTree) -> Items:
        if isinstance(item, dict):
            return list(item.values())
        if self.lax and isinstance(item, list):
            return [value for part in item if isinstance(part, dict) for value in part.values()]
        return self.structural(
            sqlstate.SQL_JSON_OBJECT_NOT_FOUND, "jsonpath wildcard member accessor can only be applied to an object"
        )

    def subscripts(self, ranges: tuple[tuple[PathNode, PathNode | None], ...], item: JsonTree) -> Items:
        if not isinstance(item, list):
            if not self.lax:
                return self.structural(
                    sqlstate.SQL_JSON_ARRAY_NOT_FOUND, "jsonpath array accessor can only be applied to an array"
                )
            item = [item]
        found: Items = []
        for low_node, high_node in ranges:
            low = self.subscript(low_node, item)
            high = low if high_node is None else self.subscript(high_node, item)
            if not self.forgiving and (low < 0 or low > high or high >= len(item)):
                raise _error(sqlstate.INVALID_SQL_JSON_SUBSCRIPT, "jsonpath array subscript is out of bounds")
            found += item[max(low, 0) : high + 1] if high >= 0 else []
        return found

    def subscript(self, node: PathNode, array: Items) -> int:
        found = self.items(node, array, len(array))
        if len(found) != 1 or not is_number(found[0]):
            raise _error(sqlstate.INVALID_SQL_JSON_SUBSCRIPT, "jsonpath array subscript is not a single numeric value")
        place = int(Decimal(found[0]))
        if not -(2**31) <= place < 2**31:
            raise _error(sqlstate.INVALID_SQL_JSON_SUBSCRIPT, "jsonpath array subscript is out of integer range")
        return place

    def method(self, name: str, item: JsonTree) -> Items:
        if name == "type":
            return [_type_name(item)]
        if name == "size":
            if isinstance(item, list):
                return [Decimal(len(item))]
            if self.lax:
                return [Decimal(1)]
            return self.structural(
                sqlstate.SQL_JSON_ARRAY_NOT_FOUND, "jsonpath item method .size() can only be applied to an array"
            )
        if self.lax and isinstance(item, list):
            return [result for part in item for result in self.single(name, part)]
        return self.single(name, item)

    def single(self, name: str, item: JsonTree) -> Items:
        if name == "keyvalue":
            return self.pairs(item)
        if name == "double":
            return [_double(item)]
        if not is_number(item):
            raise _error(
                sqlstate.NON_NUMERIC_SQL_JSON_ITEM,
                f"jsonpath item method .{name}() can only be applied to a numeric value",
            )
        value = Decimal(item)
        if name == "abs":
            return [value.copy_abs()]
        rounding = ROUND_CEILING if name == "ceiling" else ROUND_FLOOR
        result = value.quantize(Decimal(1), rounding=rounding, context=EXACT)
        return [result if result else result.copy_abs()]

    def pairs(self, item: JsonTree) -> Items:
        if not isinstance(item, dict):
            raise _error(
                sqlstate.SQL_JSON_OBJECT_NOT_FOUND,
                "jsonpath item method .keyvalue() can only be applied to an object",
            )
        # The id tells objects of one document apart; the document itself has 0.
        number = 0 if item is self.document else id(item) % 10_000_000_000
        return [{"id": number, "key": key, "value": value} for key, value in item.items()]

    def test(self, node: PathNode, current: JsonTree, size: int) -> bool | None:
        """A predicate: true, false, or None for unknown."""
        kind = node[0]
        if kind == "and":
            left = self.test(node[1], current, size)
            if left is False:
                return False
            right = self.test(node[2], current, size)
            return left if right is True else right
        if kind == "or":
            left = self.test(node[1], current, size)
            if left is True:
                return True
            right = self.test(node[2], current, size)
            return left if right is False else right
        if kind == "not":
            found = self.test(node[1], current, size)
            return None if found is None else not found
        if kind == "unknown":
            return self.test(node[1], current, size) is None
        if kind == "exists":
            try:
                return bool(self.items(node[1], current, size))
            except PathError:
                return None
        return self.compare(node, current, size)

    def compared(self, operator: str, a: Any, b: Any) -> bool | None:
        """A comparison of two items; dates and times of different types meet where a zone is known or not needed."""
        if isinstance(a, PathMoment) and isinstance(b, PathMoment):
            order = compare_moments(a, b, self.zone)
            return None if order is None else _ordered(operator, order)
        return _compare(operator, a, b)

    def compare(self, node: PathNode, current: JsonTree, size: int) -> bool | None:
        kind = node[0]
        try:
            if kind == "compare":
                lefts, rights = self.operand(node[2], current, size), self.operand(node[3], current, size)
                operator = node[1]
                pairs = (self.compared(operator, a, b) for a in lefts for b in rights)
            elif kind == "starts":
                lefts, rights = self.operand(node[1], current, size), self.items(node[2], current, size)
                pairs = (_starts(a, b) for a in lefts for b in rights[:1])
            else:
                regex = compile_regex(node[2], _options(node[3]))
                lefts = self.operand(node[1], current, size)
                pairs = (regex.matches(a) if isinstance(a, str) else None for a in lefts)
        except PathError:
            return None
        unknown = found = False
        for result in pairs:
            if result is None:
                if not self.lax:
                    return None
                unknown = True
            elif result:
                if self.lax:
                    return True
                found = True
        if found:
            return True
        return None if unknown else False


def _moment(item: JsonTree, template: str | None) -> Any:
    """.datetime(): a text as a date or time."""
    if not isinstance(item, str):
        raise _error(
            sqlstate.INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
            "jsonpath item method .datetime() can only be applied to a string",
        )
    if template is not None:
        try:
            return read_standard(item, template)
        except DatacaveError as error:
            raise PathError(error.message, sqlstate=error.sqlstate, detail=error.detail, hint=error.hint) from error
    found = recognised(item)
    if found is None:
        raise PathError(
            f'datetime format is not recognized: "{item}"',
            sqlstate=sqlstate.INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
            hint="Use a datetime template argument to specify the input data format.",
        )
    return found


def _levels(item: JsonTree, first: int | None, last: int | None) -> Items:
    """The item and what is inside it, from level `first` to `last`; None is the level of items without members."""
    found: Items = []

    def visit(value: JsonTree, level: int) -> None:
        children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        at_end = not isinstance(value, dict | list)
        if first is None:
            if at_end and level > 0:
                found.append(value)
        elif level >= first and (last is None or level <= last):
            found.append(value)
        if last is None or level < last:
            for child in children:
                visit(child, level + 1)

    visit(item, 0)
    return found


def _type_name(item: Any) -> str:
    if isinstance(item, PathMoment):
        return TYPE_NAMES[item.kind]
    if item is None:
        return "null"
    if isinstance(item, bool):
        return "boolean"
    if is_number(item):
        return "number"
    return "string" if isinstance(item, str) else "array" if isinstance(item, list) else "object"


def _double(item: JsonTree) -> Decimal:
    if not isinstance(item, str) and not is_number(item):
        raise _error(
            sqlstate.NON_NUMERIC_SQL_JSON_ITEM,
            "jsonpath item method .double() can only be applied to a string or numeric value",
        )
    word = "string" if isinstance(item, str) else "numeric"
    try:
        value = parse_float8(str(item))
    except DatacaveError as error:
        value = float("nan") if isinstance(item, str) else float("inf")
        if value != value or value - value != 0:
            raise _bad_double(word) from error
    if value - value != 0:
        raise _bad_double(word)
    return numeric_of_double(value) if isinstance(item, str) else Decimal(item)


def _bad_double(word: str) -> PathError:
    return _error(
        sqlstate.NON_NUMERIC_SQL_JSON_ITEM,
        f"{word} argument of jsonpath item method .double() is not a valid representation of a double precision number",
    )


def _compare(operator: str, a: JsonTree, b: JsonTree) -> bool | None:
    """Numbers, strings, booleans and nulls among themselves; null is only unequal to others."""
    first, second = _type_name(a), _type_name(b)
    if first != second:
        return operator == "!=" if "null" in (first, second) else None
    if first in ("array", "object"):
        return None
    return _ordered(operator, 0 if a is None or a == b else -1 if a < b else 1)


def _ordered(operator: str, order: int) -> bool:
    return {
        "==": order == 0,
        "!=": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[operator]


def _starts(a: JsonTree, b: JsonTree) -> bool | None:
    return a.startswith(b) if isinstance(a, str) and isinstance(b, str) else None


def _options(flags: str) -> Options:
    if "q" in flags:
        return Options(ignore_case="i" in flags, literal=True)
    return Options(ignore_case="i" in flags, newline_stops="s" not in flags, newline_anchors="m" in flags)
