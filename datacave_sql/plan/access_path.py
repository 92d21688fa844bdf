"""Access paths: which keys of which index hold the rows that a set of conditions leaves.

Pure matching of conditions against indexes. A condition serves when one side is a column and the other can be computed
without the table's columns: equality (also IN and = ANY) on leading key columns, then a range on the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from datacave_core.catalog import FIRST_USER_OID, Index
from datacave_core.keycode import KeyKind
from datacave_core.types import oids
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.implication import implies
from datacave_sql.plan.planning import is_volatile
from datacave_sql.table.access import IndexAccess, TableAccess
from datacave_sql.table.index_rule import over_attributes
from datacave_sql.table.inverted_access import InvertedAccess
from datacave_sql.table.nested_ranges import METHODS, nested_searches
from datacave_sql.table.nested_ranges import MIRRORED as NESTED
from datacave_sql.table.shape_ranges import is_shape

MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

NULL, NOT_NULL = "null", "not null"
"""Operators of conditions without a value: IS NULL and IS NOT NULL."""

_MIRRORED_ITEMS = {
    "=": "=", "&&": "&&", "@>": "<@", "<@": "@>", "@@": "@@", "%": "%", "<%": "%>", "<<%": "%>>",
}  # fmt: skip
_PATTERN_TYPES = frozenset({oids.TEXT, oids.VARCHAR})
_SURROGATES, _AFTER_SURROGATES, _LAST_LETTER = 0xD800, 0xE000, 0x10FFFF
_FAMILIES = [{20, 21, 23, 26}, {25, 1043, 19}, {700, 701}]


@dataclass(frozen=True, slots=True)
class ColumnCondition:
    """`column operator value`. For "in" the value is a tuple of expressions, for "any" an array expression.

    Tests for NULL have no value.
    """

    attribute: int
    operator: str
    value: n.Expression | tuple[n.Expression, ...]
    source: n.Expression


@dataclass(frozen=True, slots=True)
class AccessPath:
    """The keys of an index: values for its leading columns, then bounds for the next one."""

    index: Index
    equal: tuple[ColumnCondition, ...]
    lower: ColumnCondition | None
    upper: ColumnCondition | None
    inverted: tuple[tuple[int, ColumnCondition], ...] = ()
    """Of a gin index: the place of the key that each condition is about."""
    nested: ColumnCondition | None = None
    """Of an index of ranges or addresses: what its first key overlaps, contains or is contained in."""

    @property
    def is_point(self) -> bool:
        """Whether every key column is fixed, so that the range is one key per combination of values."""
        if not self.index.unique or self.index.deferrable or len(self.equal) != len(self.index.keys):
            return False
        return all(condition.operator != NULL for condition in self.equal)

    @property
    def single_row(self) -> bool:
        """Whether at most one row can be found."""
        return self.is_point and all(condition.operator == "=" for condition in self.equal)

    @property
    def tests_nulls(self) -> bool:
        """Whether only a test for NULL narrows it: there may be few NULLs, or hardly anything else."""
        if self.lower is not None:
            return self.lower.operator == NOT_NULL and not self.equal
        bounded = self.upper is not None or self.nested is not None
        return bool(self.equal) and not bounded and all(condition.operator == NULL for condition in self.equal)

    @property
    def sources(self) -> tuple[n.Expression, ...]:
        """The conditions the path is made of."""
        parts = [condition.source for condition in self.equal]
        parts += [bound.source for bound in (self.lower, self.upper) if bound is not None]
        parts += [condition.source for _, condition in self.inverted]
        parts += [self.nested.source] if self.nested is not None else []
        return tuple(dict.fromkeys(parts))


def same_family(a: int, b: int) -> bool:
    """Whether values of both types have one representation and one key encoding."""
    return a == b or any(a in family and b in family for family in _FAMILIES)


def column_condition(
    part: n.Expression, attributes: dict[int, int], computed: Mapping[n.Expression, int] | None = None
) -> list[ColumnCondition]:
    """What a condition says about single columns; `attributes` maps column ids to attribute numbers.

    `computed` maps indexed expressions, over attribute numbers, to made-up (negative) ones.
    """

    def column_of(e: n.Expression) -> tuple[int, int] | None:
        if computed and (number := computed.get(over_attributes(e, attributes))) is not None:
            return number, e.type
        while isinstance(e, n.Relabel):
            e = e.argument
        if isinstance(e, n.ColumnReference) and e.column in attributes:
            return attributes[e.column], e.type
        return None

    def ranged(operator: str, column_type: int) -> bool:
        # Keys of enums are ordered by label: they serve equality alone.
        return operator == "=" or column_type < FIRST_USER_OID

    def usable(e: n.Expression, column_type: int) -> bool:
        return same_family(e.type, column_type) and not n.columns_used(e) & attributes.keys() and not is_volatile(e)

    found: list[ColumnCondition] = []
    if isinstance(part, n.FunctionCall) and part.operator in MIRRORED and len(part.arguments) == 2:
        left, right = part.arguments
        column = column_of(left)
        if column is not None and usable(right, column[1]) and ranged(part.operator, column[1]):
            found.append(ColumnCondition(column[0], part.operator, right, part))
        else:
            column = column_of(right)
            if column is not None and usable(left, column[1]) and ranged(part.operator, column[1]):
                found.append(ColumnCondition(column[0], MIRRORED[part.operator], left, part))
    elif isinstance(part, n.FunctionCall) and part.operator == "~~" and isinstance(part.arguments[1], n.Constant):
        column = column_of(part.arguments[0])
        if column is not None and column[1] in _PATTERN_TYPES and isinstance(part.arguments[1].value, str):
            found += _prefix_conditions(column[0], part.arguments[1], part)
    elif isinstance(part, n.InList) and not part.negated:
        column = column_of(part.argument)
        if column is not None and all(usable(item, column[1]) for item in part.items):
            found.append(ColumnCondition(column[0], "in", part.items, part))
    elif isinstance(part, n.ArrayComparison) and not part.every and part.name == "=":
        column = column_of(part.argument)
        if (
            column is not None
            and part.operator.argument_types
            and same_family(part.operator.argument_types[1], column[1])
            and not n.columns_used(part.array) & attributes.keys()
            and not is_volatile(part.array)
        ):
            found.append(ColumnCondition(column[0], "any", part.array, part))
    elif isinstance(part, n.ColumnReference) and part.type == 16 and part.column in attributes:
        found.append(ColumnCondition(attributes[part.column], "=", n.Constant(True, 16), part))
    return found


def _prefix_conditions(attribute: int, pattern: n.Constant, source: n.Expression) -> list[ColumnCondition]:
    """What LIKE says about where a value lies: between its fixed beginning and the next text after all of these."""
    text: str = pattern.value
    end = next((place for place, letter in enumerate(text) if letter in "%_\\"), len(text))
    prefix = text[:end]
    if not prefix:
        return []
    found = [ColumnCondition(attribute, ">=", n.Constant(prefix, pattern.type), source)]
    last = ord(prefix[-1]) + 1
    if last == _SURROGATES:
        last = _AFTER_SURROGATES
    if last <= _LAST_LETTER:
        found.append(ColumnCondition(attribute, "<", n.Constant(prefix[:-1] + chr(last), pattern.type), source))
    return found


def access_paths(
    access: TableAccess,
    columns: Sequence[l.OutputColumn],
    conjuncts: Sequence[n.Expression],
    *,
    nulls: bool = False,
) -> list[AccessPath]:
    """Every index that the conditions can use: with its first key, or because they imply its own condition.

    With `nulls` also by IS NULL and IS NOT NULL, which name no value that a join or an outer row could give.
    """
    attributes = {column.id: column.attribute for column in columns if column.attribute > 0}
    computed = _computed_keys(access)
    conditions: dict[int, list[ColumnCondition]] = {}
    for part in conjuncts:
        found_here = column_condition(part, attributes, computed)
        if nulls and isinstance(part, n.IsNull) and (number := _key_number(part.argument, attributes, computed)):
            found_here = [ColumnCondition(number, NOT_NULL if part.negated else NULL, (), part)]
        for condition in found_here:
            conditions.setdefault(condition.attribute, []).append(condition)
    paths = []
    for one in access.indexes:
        index = one.index
        if not index.valid or index.exclusion:
            continue
        partial = one.rule is not None and one.rule.predicate is not None
        if partial and not _is_covered(one, attributes, conjuncts):
            continue
        if isinstance(one, InvertedAccess):
            found = inverted_conditions(one, attributes, computed, conjuncts)
            if found:
                paths.append(AccessPath(index, (), None, None, found))
            continue
        equal: list[ColumnCondition] = []
        lower = upper = None
        for place, key in enumerate(index.keys):
            if one.codec.columns[place].kind is KeyKind.COMPOSED and is_shape(access.types, access.key_type(key)):
                break  # what boxes and circles are compared by is their area
            attribute = key.column or computed[one.rule.keys[place]]  # type: ignore[union-attr, index]
            known = conditions.get(attribute, [])
            exact = next((c for c in known if c.operator == "="), None)
            exact = exact or next((c for c in known if c.operator in ("in", "any")), None)
            testable = nulls and _tells_nulls(one, place)
            if exact is None and testable:
                exact = next((c for c in known if c.operator == NULL), None)
            if exact is not None:
                equal.append(exact)
                continue
            if index.method != "hash":
                lower = next((c for c in known if c.operator in (">", ">=")), None)
                upper = next((c for c in known if c.operator in ("<", "<=")), None)
            if testable and lower is None and upper is None:
                lower = next((c for c in known if c.operator == NOT_NULL), None)
            break
        nested = None
        if index.method in METHODS and not equal and lower is None and upper is None:
            nested = nested_condition(access, one, attributes, computed, conjuncts)
        if equal or lower is not None or upper is not None or partial or nested is not None:
            paths.append(AccessPath(index, tuple(equal), lower, upper, nested=nested))
    return paths


def _tells_nulls(one: IndexAccess, place: int) -> bool:
    """Whether the entries whose key is NULL stand together; a composed value is also NULL when all its fields are."""
    column = one.codec.columns[place]
    return one.index.method == "btree" and column.nullable and column.kind is not KeyKind.COMPOSED


def inverted_conditions(
    access: InvertedAccess,
    attributes: dict[int, int],
    computed: Mapping[n.Expression, int],
    conjuncts: Sequence[n.Expression],
) -> tuple[tuple[int, ColumnCondition], ...]:
    """The conditions that a gin index can look for, each with the place of its key."""
    places = {
        key.column or computed[access.rule.keys[place]]: place  # type: ignore[union-attr, index]
        for place, key in enumerate(access.index.keys)
    }
    found = []
    for part in conjuncts:
        if not isinstance(part, n.FunctionCall) or part.operator is None or len(part.arguments) != 2:
            continue
        left, right = part.arguments
        for operator, own, other in ((part.operator, left, right), (_MIRRORED_ITEMS.get(part.operator), right, left)):
            place = places.get(_key_number(own, attributes, computed) or 0)
            if operator is None or place is None or operator not in access.keys[place].searches:
                continue
            if not n.columns_used(other) & attributes.keys() and not is_volatile(other):
                found.append((place, ColumnCondition(access.index.keys[place].column, operator, other, part)))
                break
    return tuple(found)


def nested_condition(
    access: TableAccess,
    one: IndexAccess,
    attributes: dict[int, int],
    computed: Mapping[n.Expression, int],
    conjuncts: Sequence[n.Expression],
) -> ColumnCondition | None:
    """A condition that says where in an index of ranges or addresses its rows are."""
    key = one.index.keys[0]
    searches = nested_searches(access.types, access.key_type(key), one.codec)
    wanted = key.column or computed[one.rule.keys[0]]  # type: ignore[union-attr, index]
    for part in conjuncts if searches else ():
        if not isinstance(part, n.FunctionCall) or part.operator is None or len(part.arguments) != 2:
            continue
        left, right = part.arguments
        for operator, own, other in ((part.operator, left, right), (NESTED.get(part.operator), right, left)):
            if operator not in searches or _key_number(own, attributes, computed) != wanted:
                continue
            if not n.columns_used(other) & attributes.keys() and not is_volatile(other):
                return ColumnCondition(key.column, str(operator), other, part)
    return None


def _key_number(e: n.Expression, attributes: dict[int, int], computed: Mapping[n.Expression, int]) -> int | None:
    """The attribute number of a column, or the made-up one of an indexed expression."""
    if computed and (number := computed.get(over_attributes(e, attributes))) is not None:
        return number
    while isinstance(e, n.Relabel):
        e = e.argument
    return attributes.get(e.column) if isinstance(e, n.ColumnReference) else None


def _computed_keys(access: TableAccess) -> dict[n.Expression, int]:
    """Indexed expressions of a table, each with a number of its own below zero."""
    found: dict[n.Expression, int] = {}
    for one in access.indexes:
        if one.rule is not None:
            for expression in one.rule.keys:
                if expression is not None:
                    found.setdefault(expression, -1000 - len(found))
    return found


def _is_covered(index: IndexAccess, attributes: dict[int, int], conjuncts: Sequence[n.Expression]) -> bool:
    """Whether every row that satisfies the conditions has an entry in a partial index."""
    assert index.rule is not None and index.rule.predicate is not None
    return implies([over_attributes(part, attributes) for part in conjuncts], index.rule.predicate)


def best_path(
    paths: Sequence[AccessPath], covers: Callable[[AccessPath], object | None] = lambda path: None
) -> AccessPath | None:
    """The most selective one: single rows, then more fixed columns, then bounded ranges, then the table itself or an
    index that `covers` what is read."""
    if not paths:
        return None
    return max(
        paths,
        key=lambda path: (
            path.single_row,
            path.is_point,
            len(path.equal),
            len(path.inverted),
            path.nested is not None,
            (path.lower is not None) + (path.upper is not None),
            path.index.index_number == 0 or covers(path) is not None,
        ),
    )
