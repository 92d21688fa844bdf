"""TypeNameGrammar: types as SQL spells them, turned into PostgreSQL's internal names.

Long spellings: `double precision`, `character varying(n)`, `timestamp(p) with time zone`, `interval day to second(p)`,
`bit varying(n)`, `national character`. Before a constant (`char 'x'`, `bit '1'`) a missing length means any length;
elsewhere `char` and `bit` have length 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from datacave_core import sqlstate
from datacave_sql.parse.ast import Expression, IntegerLiteral, TypeName
from datacave_sql.parse.cursor import TokenCursor
from datacave_sql.parse.keywords import TYPE_FUNCTION_NAME

INTERVAL_FULL_RANGE = 0x7FFF
INTERVAL_FIELD_MASKS = {
    "year": 1 << 2,
    "month": 1 << 1,
    "day": 1 << 3,
    "hour": 1 << 10,
    "minute": 1 << 11,
    "second": 1 << 12,
}
"""Bits of PostgreSQL's interval type modifier."""

_FIELDS = ("year", "month", "day", "hour", "minute", "second")
_RANGE_ENDS = {
    "year": ("month",),
    "day": ("hour", "minute", "second"),
    "hour": ("minute", "second"),
    "minute": ("second",),
}
_PLAIN = {
    "int": "int4",
    "integer": "int4",
    "smallint": "int2",
    "bigint": "int8",
    "real": "float4",
    "boolean": "bool",
    "decimal": "numeric",
    "dec": "numeric",
    "numeric": "numeric",
}
_CHARACTER = frozenset(["character", "char", "varchar", "national", "nchar"])
SPECIAL_TYPE_WORDS = frozenset([*_PLAIN, *_CHARACTER, "float", "bit", "time", "timestamp", "interval"])
"""Keywords that begin a type with a syntax of its own (`double` needs `precision` after it)."""


class TypeNameGrammar(TokenCursor, ABC):
    """Type names; needs expressions for modifiers."""

    __slots__ = ()

    @abstractmethod
    def expressions(self) -> tuple[Expression, ...]:
        """One or more expressions with commas between them."""

    def type_name(self) -> TypeName:
        """Any type, with SETOF and array bounds."""
        setof = self.accept("setof")
        simple = self.simple_type_name()
        kinds = self.kinds
        bounds: list[int] = []
        if self.accept("array"):
            if self.accept("["):
                bounds.append(self.integer())
                self.expect("]")
            else:
                bounds.append(-1)
        else:
            while kinds[self.index] == "[":
                self.index += 1
                bounds.append(-1 if kinds[self.index] == "]" else self.integer())
                self.expect("]")
        if setof or bounds:
            return TypeName(simple.position, simple.names, simple.modifiers, tuple(bounds), setof, simple.percent_type)
        return simple

    def routine_type_name(self) -> TypeName:
        """A type in a routine's signature, where `table.column%TYPE` may stand too."""
        start = self.index
        setof = self.accept("setof")
        if self.kinds[self.index] in TYPE_FUNCTION_NAME and self.next_kind() == ".":
            position = self.position()
            parts = [self.values[self.index]]
            self.index += 1
            while self.accept("."):
                parts.append(self.column_label())
            if self.kinds[self.index] == "%" and self.next_kind() == "type":
                self.index += 2
                return TypeName(position, tuple(parts), (), (), setof, True)
        self.index = start
        return self.type_name()

    def simple_type_name(self, constant: bool = False) -> TypeName:
        """A type without SETOF and bounds; `constant` says that a string constant follows."""
        kind = self.kinds[self.index]
        position = self.starts[self.index] + 1
        if kind in _PLAIN:
            self.index += 1
            name = _PLAIN[kind]
            if name == "numeric" and self.kinds[self.index] == "(":
                return TypeName(position, ("pg_catalog", name), self._modifiers())
            return TypeName(position, ("pg_catalog", name))
        if kind in _CHARACTER:
            return self._character(position, constant)
        if kind in ("timestamp", "time"):
            self.index += 1
            return self._timestamp(kind, position)
        if kind == "interval":
            self.index += 1
            precision = self._precision()
            if precision:
                return TypeName(
                    position, ("pg_catalog", "interval"), (IntegerLiteral(0, INTERVAL_FULL_RANGE), *precision)
                )
            return TypeName(position, ("pg_catalog", "interval"), () if constant else self.interval_fields())
        if kind == "float":
            self.index += 1
            return TypeName(position, ("pg_catalog", self._float_name()))
        if kind == "bit":
            self.index += 1
            name = "varbit" if self.accept("varying") else "bit"
            if self.kinds[self.index] == "(":
                return TypeName(position, ("pg_catalog", name), self._modifiers())
            return TypeName(position, ("pg_catalog", name), self._default_length(name == "bit" and not constant))
        if kind == "double" and self.next_kind() == "precision":
            self.index += 2
            return TypeName(position, ("pg_catalog", "float8"))
        if kind not in TYPE_FUNCTION_NAME:
            raise self.syntax_error()
        parts = [self.values[self.index]]
        self.index += 1
        while self.accept("."):
            parts.append(self.column_label())
        return TypeName(position, tuple(parts), self._modifiers() if self.kinds[self.index] == "(" else ())

    def interval_fields(self) -> tuple[Expression, ...]:
        """YEAR, DAY TO SECOND(3) and so on as type modifiers, or nothing."""
        first = self.kinds[self.index]
        if first not in _FIELDS:
            return ()
        position = self.position()
        self.index += 1
        last = first
        if self.kinds[self.index] == "to" and first in _RANGE_ENDS:
            self.index += 1
            last = self.choose(*_RANGE_ENDS[first])
        # A range covers every field between its ends; year to month is the only one that lies outside the day fields.
        between = _FIELDS[_FIELDS.index(first) : _FIELDS.index(last) + 1]
        mask = sum(INTERVAL_FIELD_MASKS[field] for field in between)
        precision = self._precision() if last == "second" else ()
        return (IntegerLiteral(position, mask), *precision)

    def _modifiers(self) -> tuple[Expression, ...]:
        self.expect("(")
        found = self.expressions()
        self.expect(")")
        return found

    def _precision(self) -> tuple[Expression, ...]:
        if not self.accept("("):
            return ()
        position = self.position()
        value = self.integer()
        self.expect(")")
        return (IntegerLiteral(position, value),)

    def _default_length(self, one: bool) -> tuple[Expression, ...]:
        return (IntegerLiteral(0, 1),) if one else ()

    def _float_name(self) -> str:
        if not self.accept("("):
            return "float8"
        position = self.position()
        bits = self.integer()
        self.expect(")")
        if bits < 1:
            self.refuse("precision for type float must be at least 1 bit", position, sqlstate.INVALID_PARAMETER_VALUE)
        if bits > 53:
            self.refuse(
                "precision for type float must be less than 54 bits", position, sqlstate.INVALID_PARAMETER_VALUE
            )
        return "float4" if bits <= 24 else "float8"

    def _character(self, position: int, constant: bool) -> TypeName:
        word = self.kinds[self.index]
        self.index += 1
        if word == "national":
            self.choose("character", "char")
        varying = word == "varchar" or self.accept("varying")
        name = "varchar" if varying else "bpchar"
        if self.kinds[self.index] == "(":
            return TypeName(position, ("pg_catalog", name), self._precision())
        return TypeName(position, ("pg_catalog", name), self._default_length(not varying and not constant))

    def _timestamp(self, word: str, position: int) -> TypeName:
        precision = self._precision()
        if self.kinds[self.index] == "with" and self.next_kind() == "time":
            self.index += 2
            self.expect("zone")
            word += "tz"
        elif self.accept("without"):
            self.expect_words("time", "zone")
        return TypeName(position, ("pg_catalog", word), precision)
