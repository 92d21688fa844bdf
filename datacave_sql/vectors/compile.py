"""Compile: bound expressions as functions from a frame to a vector.

Arithmetic, comparisons and CASE have kernels; everything else is the row code of expr/generate.py over the columns it
reads, and where that is one column of few values, it is computed once per value. So every expression has a vector form,
and its results and errors are those of the row form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np

from datacave_core.types import oids
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.rowfunction import compile_factory
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Code, Generator
from datacave_sql.vectors.kernels import arithmetic, comparison
from datacave_sql.vectors.vector import INTEGERS, Frame, Mask, Vector, scaled, sql_values, vector_of

Run: TypeAlias = Callable[[Frame], Vector]
Test: TypeAlias = Callable[[Frame], Mask]
VectorFactory: TypeAlias = Callable[[ExecutionContext], Run]
MaskFactory: TypeAlias = Callable[[ExecutionContext], Test]

MEMO_VALUES_MAX = 20_000
"""A column with more different values is computed row by row."""

MEMO_TRIAL_ROWS = 4096
"""After so many rows it is decided whether values repeat often enough."""

_MEMO_TYPES = INTEGERS | {oids.TEXT, oids.VARCHAR, oids.BPCHAR, oids.NAME, oids.CHAR, oids.UUID, oids.BOOL}
_WIDENING = {("int4", oids.INT2), ("int8", oids.INT2), ("int8", oids.INT4)}
_TO_NUMERIC = frozenset({oids.INT2, oids.INT4, oids.INT8})

MakeGenerator = Callable[[dict[int, Code], Sequence[str]], Generator]


class _Memo(dict[Any, Any]):
    """What a function gives for each value it has met."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def __missing__(self, value: Any) -> Any:
        found = self[value] = self.function(value)
        return found


class Compiler:
    """Compiles expressions over columns of known types. `make_generator(scope, variables)` writes row code."""

    def __init__(self, types: Mapping[int, int], make_generator: MakeGenerator) -> None:
        self._types = types
        self._make_generator = make_generator

    def value(self, e: n.Expression) -> VectorFactory:
        """The values of an expression."""
        if isinstance(e, n.ColumnReference) and e.column in self._types:
            column = e.column
            return lambda c: lambda frame: frame.columns[column]
        if isinstance(e, n.Relabel):
            return self.value(e.argument)
        if isinstance(e, n.FunctionCall):
            kernel = self._call(e)
            if kernel is not None:
                return kernel
        elif isinstance(e, n.Case) and e.operand is None:
            return self._case(e)
        return self._by_rows(e)

    def truth(self, e: n.Expression) -> MaskFactory:
        """Where a condition is TRUE."""
        if isinstance(e, n.And):
            return self.conjunction(e.arguments)
        if isinstance(e, n.Or) and all(map(self.is_plain, e.arguments)):
            return self._some([self.truth(part) for part in e.arguments])
        if isinstance(e, n.IsNull) and isinstance(e.argument, n.ColumnReference) and e.argument.column in self._types:
            return self._null_test(e.argument.column, e.negated)
        if isinstance(e, n.ColumnReference | n.FunctionCall) and self.is_plain(e):
            return _true_where(self.value(e))
        if isinstance(e, n.InList) and not e.negated and (found := self._integer_list(e)) is not None:
            return found
        return self._truth_by_rows(e)

    def is_plain(self, e: n.Expression) -> bool:
        """Whether evaluating the expression for rows that do not need it does no harm and is cheap."""
        if isinstance(e, n.Constant | n.Parameter):
            return True
        if isinstance(e, n.ColumnReference):
            return e.column in self._types
        if isinstance(e, n.Relabel):
            return self.is_plain(e.argument)
        if isinstance(e, n.And | n.Or):
            return all(map(self.is_plain, e.arguments))
        if isinstance(e, n.FunctionCall) and len(e.arguments) == 2 and e.operator is not None:
            left, right = (argument.type for argument in e.arguments)
            return comparison(e.operator, left, right) is not None and all(map(self.is_plain, e.arguments))
        return False

    # Kernels

    def _call(self, e: n.FunctionCall) -> VectorFactory | None:
        if len(e.arguments) == 1:
            argument = e.arguments[0]
            if (e.function.name, argument.type) in _WIDENING:
                return self.value(argument)
            if e.function.name == "numeric" and e.typmod == -1 and argument.type in _TO_NUMERIC:
                return self._widened(e)
            return None
        if len(e.arguments) != 2 or e.operator is None or not n.columns_used(e) & self._types.keys():
            return None
        left, right = e.arguments
        kernel = comparison(e.operator, left.type, right.type)
        if kernel is None and left.type == right.type:
            kernel = arithmetic(e.operator, left.type, e.type)
        if kernel is None:
            return None
        first, second, slow = self._operand(left), self._operand(right), self._by_rows(e)
        chosen = kernel

        def make(c: ExecutionContext) -> Run:
            a, b, by_rows = first(c), second(c), slow(c)

            def run(frame: Frame) -> Vector:
                found = chosen(a(frame), b(frame))
                return by_rows(frame) if found is None else found

            return run

        return make

    def _operand(self, e: n.Expression) -> VectorFactory:
        """A kernel's operand: constants keep one row."""
        if n.columns_used(e) & self._types.keys():
            return self.value(e)
        return self._constant(e)

    def _constant(self, e: n.Expression) -> VectorFactory:
        """An expression without columns of the frame, evaluated when the first frame needs it."""
        generator = self._make_generator({}, ())
        make = compile_factory(generator, "", [f"return {generator.value(e).text}"])
        type_oid = e.type

        def make_run(c: ExecutionContext) -> Run:
            compute = make(c)
            kept: list[Vector] = []

            def run(frame: Frame) -> Vector:
                if not kept:
                    kept.append(scaled(vector_of([compute()], type_oid), type_oid))
                return kept[0]

            return run

        return make_run

    def _widened(self, e: n.FunctionCall) -> VectorFactory:
        inner = self.value(e.arguments[0])

        def make(c: ExecutionContext) -> Run:
            run_inner = inner(c)

            def run(frame: Frame) -> Vector:
                found = run_inner(frame)
                if isinstance(found.values, list):
                    return Vector([None if v is None else Decimal(v) for v in found.values], found.nulls)
                return Vector(found.values, found.nulls, 0)

            return run

        return make

    def _case(self, e: n.Case) -> VectorFactory:
        branches = [(self.truth(condition), self._operand(value)) for condition, value in e.branches]
        default = self._operand(e.default)
        type_oid = e.type
        wanted = tuple(sorted(n.columns_used(e) & self._types.keys()))

        def make(c: ExecutionContext) -> Run:
            tests = [(test(c), value(c)) for test, value in branches]
            otherwise = default(c)

            def run(frame: Frame) -> Vector:
                left = np.arange(frame.count)
                rest = frame
                parts: list[tuple[Any, Vector]] = []
                for test, value in tests:
                    if not len(left):
                        break
                    hit = test(rest)
                    if hit.any():
                        chosen = rest.keep(hit, wanted)
                        parts.append((left[hit], value(chosen).spread(chosen.count)))
                        left = left[~hit]
                        rest = rest.keep(~hit, wanted)
                if len(left):
                    parts.append((left, otherwise(rest).spread(len(left))))
                return _placed(parts, frame.count, type_oid)

            return run

        return make

    # Conditions

    def conjunction(self, parts: Sequence[n.Expression]) -> MaskFactory:
        """Where all conditions are TRUE: cheap ones over all rows first, the others over what is left."""
        plain = [self.truth(part) for part in parts if self.is_plain(part)]
        others = [
            (self.truth(part), tuple(sorted(n.columns_used(part) & self._types.keys())))
            for part in parts
            if not self.is_plain(part)
        ]

        def make(c: ExecutionContext) -> Test:
            first = [test(c) for test in plain]
            later = [(test(c), columns) for test, columns in others]

            def run(frame: Frame) -> Mask:
                mask = np.ones(frame.count, np.bool_)
                for test in first:
                    mask &= test(frame)
                for test, columns in later:
                    places = np.flatnonzero(mask)
                    if not len(places):
                        break
                    hit = test(frame.keep(mask, columns))
                    if not hit.all():
                        mask = np.zeros(frame.count, np.bool_)
                        mask[places[hit]] = True
                return mask

            return run

        return make

    @staticmethod
    def _some(tests: Sequence[MaskFactory]) -> MaskFactory:
        def make(c: ExecutionContext) -> Test:
            runs = [test(c) for test in tests]

            def run(frame: Frame) -> Mask:
                found = runs[0](frame)
                for one in runs[1:]:
                    found = found | one(frame)
                return found

            return run

        return make

    @staticmethod
    def _null_test(column: int, negated: bool) -> MaskFactory:
        def run(frame: Frame) -> Mask:
            nulls = frame.columns[column].spread(frame.count).nulls
            if nulls is None:
                return np.full(frame.count, negated)
            return ~nulls if negated else nulls

        return lambda c: run

    def _integer_list(self, e: n.InList) -> MaskFactory | None:
        if e.argument.type not in INTEGERS or not all(
            isinstance(item, n.Constant) and item.value is not None for item in e.items
        ):
            return None
        argument = self.value(e.argument)
        wanted = np.array([item.value for item in e.items if isinstance(item, n.Constant)], np.int64)

        def make(c: ExecutionContext) -> Test:
            value = argument(c)

            def run(frame: Frame) -> Mask:
                found = value(frame).spread(frame.count)
                mask = np.isin(np.asarray(found.values), wanted)
                return mask if found.nulls is None else mask & ~found.nulls

            return run

        return make

    # Row code

    def _by_rows(self, e: n.Expression) -> VectorFactory:
        used = sorted(n.columns_used(e) & self._types.keys())
        if not used:
            return self._constant(e)
        make_row = self._row_code(e, used, truth=False)
        type_oid = e.type
        types = [self._types[column] for column in used]
        memo_allowed = len(used) == 1 and types[0] in _MEMO_TYPES

        def make(c: ExecutionContext) -> Run:
            call = _Caller(make_row(c), memo_allowed)

            def run(frame: Frame) -> Vector:
                inputs = [
                    sql_values(frame.columns[column].spread(frame.count), one)
                    for column, one in zip(used, types, strict=True)
                ]
                return scaled(vector_of(call(inputs), type_oid), type_oid)

            return run

        return make

    def _truth_by_rows(self, e: n.Expression) -> MaskFactory:
        used = sorted(n.columns_used(e) & self._types.keys())
        make_row = self._row_code(e, used, truth=True)
        types = [self._types[column] for column in used]
        memo_allowed = len(used) == 1 and types[0] in _MEMO_TYPES

        def make(c: ExecutionContext) -> Test:
            call = _Caller(make_row(c), memo_allowed)

            def run(frame: Frame) -> Mask:
                if not used:
                    return np.full(frame.count, bool(call([[None]])[0]))
                inputs = [
                    sql_values(frame.columns[column].spread(frame.count), one)
                    for column, one in zip(used, types, strict=True)
                ]
                return np.fromiter(map(bool, call(inputs)), np.bool_, frame.count)

            return run

        return make

    def _row_code(
        self, e: n.Expression, used: Sequence[int], *, truth: bool
    ) -> Callable[[ExecutionContext], Callable[..., list[Any]]]:
        """`run(columns)`: the values of an expression for rows given as one list per column."""
        names = [f"v{place}" for place in range(len(used))]
        scope = {column: Code(name, True, True) for column, name in zip(used, names, strict=True)}
        generator = self._make_generator(scope, names)
        text = generator.truth(e) if truth else generator.value(e).text
        if not names:
            return compile_factory(generator, "columns", [f"return [{text}]"])
        over = f"{names[0]} in columns[0]" if len(names) == 1 else f"{', '.join(names)} in zip(*columns)"
        return compile_factory(generator, "columns", [f"return [{text} for {over}]"])


class _Caller:
    """Calls row code, for a column of few values once per value."""

    __slots__ = ("_compute", "_memo", "_rows")

    def __init__(self, compute: Callable[..., list[Any]], memo_allowed: bool) -> None:
        self._compute = compute
        self._rows = 0
        self._memo = _Memo(lambda value: compute(((value,),))[0]) if memo_allowed else None

    def __call__(self, columns: Sequence[list[Any]]) -> list[Any]:
        memo = self._memo
        if memo is None:
            return self._compute(columns)
        found = list(map(memo.__getitem__, columns[0]))
        self._rows += len(found)
        if len(memo) > MEMO_VALUES_MAX or (self._rows > MEMO_TRIAL_ROWS and len(memo) * 2 > self._rows):
            self._memo = None
        return found


def _true_where(value: VectorFactory) -> MaskFactory:
    def make(c: ExecutionContext) -> Test:
        compute = value(c)

        def run(frame: Frame) -> Mask:
            found = compute(frame).spread(frame.count)
            mask = np.asarray(found.values, np.bool_)
            return mask if found.nulls is None else mask & ~found.nulls

        return run

    return make


def _placed(parts: Sequence[tuple[Any, Vector]], count: int, type_oid: int) -> Vector:
    """Vectors of some rows each, put in their places."""
    if len(parts) == 1:
        return parts[0][1]
    nulls = np.zeros(count, np.bool_)
    for places, vector in parts:
        if vector.nulls is not None:
            nulls[places] = vector.nulls
    kept = nulls if nulls.any() else None
    scale = max(vector.scale for _, vector in parts)
    arrays = [vector.values for _, vector in parts if not isinstance(vector.values, list)]
    numeric = type_oid == oids.NUMERIC
    fits = not numeric or all(
        scale == vector.scale
        or not len(vector)
        or max(abs(int(np.max(vector.values))), abs(int(np.min(vector.values)))) * 10 ** (scale - vector.scale)
        < 1 << 62
        for _, vector in parts
        if not isinstance(vector.values, list)
    )
    if len(arrays) < len(parts) or not fits:
        values: list[Any] = [None] * count
        for places, vector in parts:
            for place, value in zip(places.tolist(), sql_values(vector, type_oid), strict=True):
                values[place] = value
        return vector_of(values, type_oid)
    found = np.zeros(count, arrays[0].dtype)
    mixed = numeric and any(vector.scale != scale or vector.scales is not None for _, vector in parts)
    scales = np.zeros(count, np.int16) if mixed else None
    for places, vector in parts:
        found[places] = vector.values if vector.scale == scale else vector.values * 10 ** (scale - vector.scale)
        if scales is not None:
            scales[places] = vector.scale if vector.scales is None else vector.scales
    return Vector(found, kept, scale, scales)
