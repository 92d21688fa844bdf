"""Targets: what assignments, INTO and loops store into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.record import Record
from datacave_sql.bind.names import Scope, unassigned_record
from datacave_sql.bind.partial_assignment import replaced
from datacave_sql.bind.sqltext import quote_identifier
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions.typelookup import Attribute, TypeLookup
from datacave_sql.parse import ast, parse_statements
from datacave_sql.plpgsql import syntax as x
from datacave_sql.plpgsql.expressions import Expression, Names, Wanted, assigned
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.variables import Datum, Level, Shape

Store = Callable[[Frame, Any], None]


def find(level: Level, names: Sequence[str]) -> tuple[Datum, tuple[str, ...]]:
    """The variable that a name means and the fields after it. Raises 42601."""
    found = level.find(names)
    if found is None:
        raise DatacaveError(f'"{".".join(names)}" is not a known variable', sqlstate=sqlstate.SYNTAX_ERROR)
    return found


def writable(datum: Datum) -> Datum:
    """Raises 22005 for a constant."""
    if datum.constant:
        raise DatacaveError(f'variable "{datum.name}" is declared CONSTANT', sqlstate=sqlstate.ERROR_IN_ASSIGNMENT)
    return datum


def store_whole(datum: Datum, types: TypeLookup) -> Store:
    """Puts a value of the variable's type into it."""
    number = datum.number
    if datum.kind == "r":
        return lambda frame, value: store_record(frame, number, value, None, types)
    if datum.not_null:

        def checked(frame: Frame, value: Any) -> None:
            if value is None:
                raise DatacaveError(
                    f'null value cannot be assigned to variable "{datum.name}" declared NOT NULL',
                    sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED,
                )
            frame.values[number] = value

        return checked
    if datum.shape is not None:
        width = len(datum.shape.attributes)

        def row(frame: Frame, value: Any) -> None:
            frame.values[number] = None if value is None else _fitted(value, width)

        return row

    def plain(frame: Frame, value: Any) -> None:
        frame.values[number] = value

    return plain


def _fitted(value: Any, width: int) -> Any:
    if len(value) == width:
        return value if type(value) is tuple else tuple(value)
    return (*value[:width], *((None,) * (width - len(value))))


def store_record(frame: Frame, number: int, value: Any, shape: Shape | None, types: TypeLookup) -> None:
    """Gives a record a value; a bare tuple needs its shape."""
    if value is None:
        frame.values[number] = None
        if shape is not None:
            frame.shapes[number] = shape
            frame.values[number] = shape.make((None,) * len(shape.attributes))
        return
    if shape is None and isinstance(value, Record):
        made = type(value)
        shape = frame.shapes[number]
        if shape is None or shape.make is not made:
            shape = Shape([Attribute(*one) for one in zip(made.names, made.types, strict=True)], types)
    if shape is None:
        raise DatacaveError(
            "cannot assign non-composite value to a record variable", sqlstate=sqlstate.DATATYPE_MISMATCH
        )
    frame.shapes[number] = shape
    frame.values[number] = shape.make(value)


def assignment(
    names: Names, level: Level, types: TypeLookup, target: x.Target, value: x.Sql
) -> Callable[[Frame], None]:
    """target := value"""
    datum, fields = find(level, target.names)
    writable(datum)
    if not fields and not target.subscripted:
        expression = Expression(names, level, value, (datum.type, datum.typmod))
        if datum.kind == "r":
            return lambda frame: _assign_record(frame, datum, expression, types)
        number = datum.number
        if not datum.not_null and datum.shape is None:

            def plain(frame: Frame) -> None:
                frame.values[number] = expression(frame)

            return plain
        store = store_whole(datum, types)
        return lambda frame: store(frame, expression(frame))
    if datum.kind == "r":
        return _record_part(names, level, datum, fields, target, value)
    tree = _target_tree(target, fields)
    element = types.element(types.base(datum.type)) if _names_element(tree) else 0

    def rewrite(b: Binding, new: n.Expression, scope: Scope, frame: Frame) -> n.Expression:
        old = n.Parameter(datum.number + 1, types.base(datum.type), datum.typmod)
        if element:
            new = assigned(b, new, (element, datum.typmod))
        return assigned(b, replaced(b, tree, old, new, scope), (datum.type, datum.typmod))

    part = Expression(names, level, value, rewrite=rewrite)
    whole = store_whole(datum, types)
    return lambda frame: whole(frame, part(frame))


def _names_element(tree: ast.AssignmentTarget) -> bool:
    """Whether the target is an element of an array, not a slice and not a field."""
    return all(isinstance(part, ast.Subscript) and not part.is_slice for part in tree.indirection)


def _target_tree(target: x.Target, fields: Sequence[str]) -> ast.AssignmentTarget:
    text = "v" + "".join(f".{quote_identifier(name)}" for name in fields)
    if target.subscripted:
        text += target.text[target.text.index("[") :]
    statement: Any = parse_statements(f"UPDATE v SET {text} = NULL")[0].statement
    found: ast.AssignmentTarget = statement.assignments[0].target
    return found


def _assign_record(frame: Frame, datum: Datum, expression: Expression, types: TypeLookup) -> None:
    value = expression(frame)
    if value is not None and not isinstance(value, tuple):
        raise DatacaveError(
            "cannot assign non-composite value to a record variable", sqlstate=sqlstate.DATATYPE_MISMATCH
        )
    store_record(frame, datum.number, value, expression.shape if value is not None else None, types)


def field_of(frame: Frame, datum: Datum, name: str) -> tuple[Shape, int]:
    """A field of a record variable. Raises 55000, 42703."""
    shape = datum.shape or frame.shapes[datum.number]
    if shape is None:
        raise unassigned_record(datum.name)
    place = shape.index(name)
    if place < 0:
        raise DatacaveError(f'record "{datum.name}" has no field "{name}"', sqlstate=sqlstate.UNDEFINED_COLUMN)
    return shape, place


def _record_part(
    names: Names, level: Level, datum: Datum, fields: tuple[str, ...], target: x.Target, value: x.Sql
) -> Callable[[Frame], None]:
    def rewrite(b: Binding, new: n.Expression, scope: Scope, frame: Frame) -> n.Expression:
        shape, place = field_of(frame, datum, fields[0])
        attribute = shape.attributes[place]
        if len(fields) > 1 or target.subscripted:
            old = n.FieldSelect(n.Parameter(datum.number + 1, oids.RECORD), place, attribute.type, attribute.typmod)
            new = replaced(b, _target_tree(target, fields[1:]), old, new, scope)
        return assigned(b, new, (attribute.type, attribute.typmod))

    expression = Expression(names, level, value, rewrite=rewrite)
    return lambda frame: _store_field(frame, datum, fields[0], expression(frame))


def _store_field(frame: Frame, datum: Datum, name: str, value: Any) -> None:
    shape, place = field_of(frame, datum, name)
    old = frame.values[datum.number]
    members = list(old) if old is not None else [None] * len(shape.attributes)
    members[place] = value
    frame.values[datum.number] = shape.make(members) if datum.kind == "r" else tuple(members)


class Targets:
    """The targets of INTO and of loops over rows: one record or several scalars."""

    def __init__(
        self, level: Level, types: TypeLookup, targets: Sequence[x.Target], *, constants: bool = False
    ) -> None:
        self._types = types
        self.wanted: list[Wanted] | None = []
        self._stores: list[Store] = []
        self._row: Datum | None = None
        self._is_domain = False
        for target in targets:
            datum, fields = find(level, target.names)
            if not constants:
                writable(datum)
            if datum.kind != "s" and not fields:
                if len(targets) > 1:
                    raise DatacaveError(
                        "record variable cannot be part of multiple-item INTO list", sqlstate=sqlstate.SYNTAX_ERROR
                    )
                self._row = datum
                self._is_domain = types.base(datum.type) != datum.type
                shape = datum.shape
                self.wanted = [(a.type, a.typmod) for a in shape.attributes] if shape is not None else None
                return
            if fields:
                kind: Wanted = (0, -1)
                if datum.shape is not None and datum.shape.index(fields[0]) >= 0:
                    attribute = datum.shape.attributes[datum.shape.index(fields[0])]
                    kind = (attribute.type, attribute.typmod)
                self.wanted.append(kind)
                self._stores.append(
                    lambda frame, value, datum=datum, name=fields[0]: _store_field(frame, datum, name, value)  # type: ignore[misc]
                )
            else:
                self.wanted.append((datum.type, datum.typmod))
                self._stores.append(store_whole(datum, types))

    @property
    def width(self) -> int | None:
        """How many columns they take; None: any number."""
        if self._row is None:
            return len(self._stores)
        return len(self._row.shape.attributes) if self._row.shape is not None else None

    def store(self, frame: Frame, row: Any, query: Any) -> None:
        """Stores a row of a query, NULLs for None; a record gets the `shape` of the query."""
        datum = self._row
        if datum is None:
            if row is None:
                for store in self._stores:
                    store(frame, None)
                return
            for store, value in zip(self._stores, row, strict=True):
                store(frame, value)
        elif datum.kind == "r":
            store_record(frame, datum.number, row, query.shape, self._types)
        else:
            assert datum.shape is not None
            value = (None,) * len(datum.shape.attributes) if row is None else tuple(row)
            if self._is_domain:
                value = frame.context.domain_value(datum.type, value)
            frame.values[datum.number] = value
