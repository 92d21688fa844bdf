"""Compiler: trees to closures. A closure runs one statement on a Frame and tells how it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import typenames
from datacave_sql.bind.binder import binding
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.parse import ast, parse_type
from datacave_sql.plpgsql import syntax as x
from datacave_sql.plpgsql.expressions import Expression, Names, Query, Wanted
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.returning import Returns
from datacave_sql.plpgsql.variables import Datum, Level, Shape

Signal = Any
"""None: on to the next statement; RETURN; or an Exit."""
Run = Callable[[Frame], Signal]
RETURN = object()


class Exit:
    """EXIT or CONTINUE on its way to its loop or block; `label` None: the innermost loop."""

    __slots__ = ("label", "leaves")

    def __init__(self, label: str | None, leaves: bool) -> None:
        self.label = label
        self.leaves = leaves


class Compiler:
    """Compiles one function. `rules` say who compiles which statement."""

    def __init__(
        self, session: Any, names: Names, returns: Returns, rules: Mapping[type, Callable[[Compiler, Level, Any], Run]]
    ) -> None:
        self.session = session
        self.names = names
        self.returns = returns
        self.types: TypeLookup = session.catalog_state.types
        self._rules = rules
        self.found = Datum(-1, "found", oids.BOOL)

    def begin(self, level: Level) -> None:
        """Called when the arguments have their numbers."""
        self.names.numbered = len(self.names.datums)
        self.found = self.new(level, "found", oids.BOOL)

    def new(self, level: Level | None, name: str, type_oid: int, typmod: int = -1) -> Datum:
        """A new variable."""
        kind, shape = "s", None
        if type_oid == oids.RECORD:
            kind = "r"
        elif self.types.kind(self.types.base(type_oid)) == "c":
            kind, shape = "c", Shape(self.types.attributes(self.types.base(type_oid)), self.types)
        datum = Datum(len(self.names.datums), name, type_oid, typmod, kind, shape=shape)
        self.names.datums.append(datum)
        if level is not None:
            level.names[name] = datum
        return datum

    def expression(self, level: Level, sql: x.Sql, wanted: Wanted = (0, -1)) -> Expression:
        """An expression."""
        return Expression(self.names, level, sql, wanted)

    def condition(self, level: Level, sql: x.Sql) -> Expression:
        """A boolean expression."""
        return Expression(self.names, level, sql, (oids.BOOL, -1))

    def query(self, level: Level, sql: x.Sql, wanted: Sequence[Wanted] | None = None, *, exact: bool = False) -> Query:
        """A query."""
        return Query(self.names, level, sql, wanted, exact=exact)

    def statements(self, level: Level, statements: Sequence[x.Statement]) -> Run:
        """Statements one after the other."""
        steps = tuple((one.line, NAMES[type(one)](one), self._rules[type(one)](self, level, one)) for one in statements)

        def run(frame: Frame) -> Signal:
            for line, what, step in steps:
                frame.line = line
                frame.what = what
                signal = step(frame)
                if signal is not None:
                    return signal
            return None

        return run

    # Types

    def type_of(self, level: Level, written: x.TypeText) -> Wanted:
        """The type that a declaration names. Raises 42704, 42P01, 42703."""
        try:
            return self._type_of(level, written)
        except DatacaveError as error:
            error.position = None
            raise

    def _type_of(self, level: Level, written: x.TypeText) -> Wanted:
        if written.text.lower() == "record":
            return (oids.RECORD, -1)
        reference = written.reference
        b = binding(self.session.binding_environment(self.session.catalog_state), written.text)
        if not reference:
            found = typenames.resolve_type(b, parse_type(written.text))
            if b.types.kind(found.oid) == "p" and found.oid != oids.RECORD:
                raise DatacaveError(
                    f'variable "{level.label or "*unnamed*"}" has pseudo-type {b.types.name(found.oid)}',
                    sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                )
            return found.oid, found.typmod
        if written.kind.startswith("type"):
            variable = level.find(reference)
            if variable is not None:
                datum, fields = variable
                if not fields:
                    return datum.type, datum.typmod
                if datum.shape is not None and datum.shape.index(fields[0]) >= 0:
                    attribute = datum.shape.attributes[datum.shape.index(fields[0])]
                    return attribute.type, attribute.typmod
            if len(reference) > 1:
                found = typenames.resolve_type(b, ast.TypeName(0, reference, percent_type=True))
                return found.oid, found.typmod
            raise DatacaveError(
                f'type reference "{reference[0]}%TYPE" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
            )
        oid = typenames.find_type_oid(b, reference)
        if not oid or not b.types.attributes(oid):
            raise DatacaveError(f'relation "{".".join(reference)}" does not exist', sqlstate=sqlstate.UNDEFINED_TABLE)
        return oid, -1


def _named(name: str) -> Callable[[Any], str]:
    return lambda statement: name


NAMES: dict[type, Callable[[Any], str]] = {
    x.Block: _named("statement block"),
    x.Assign: _named("assignment"),
    x.If: _named("IF"),
    x.Case: _named("CASE"),
    x.Loop: _named("LOOP"),
    x.While: _named("WHILE"),
    x.ForInteger: _named("FOR with integer loop variable"),
    x.ForQuery: lambda s: "FOR over SELECT rows" if s.dynamic is None else "FOR over EXECUTE statement",
    x.ForCursor: _named("FOR over cursor"),
    x.ForEach: _named("FOREACH over array"),
    x.Exit: lambda s: "EXIT" if s.leaves else "CONTINUE",
    x.Return: _named("RETURN"),
    x.ReturnNext: _named("RETURN NEXT"),
    x.ReturnQuery: _named("RETURN QUERY"),
    x.Raise: _named("RAISE"),
    x.Assert: _named("ASSERT"),
    x.Perform: _named("PERFORM"),
    x.Execute: _named("EXECUTE"),
    x.SqlStatement: _named("SQL statement"),
    x.Call: _named("CALL"),
    x.GetDiagnostics: lambda s: "GET STACKED DIAGNOSTICS" if s.stacked else "GET DIAGNOSTICS",
    x.Open: _named("OPEN"),
    x.Fetch: lambda s: "FETCH" if s.into is not None else "MOVE",
    x.Close: _named("CLOSE"),
    x.Null: _named("NULL"),
    x.EndTransaction: lambda s: "COMMIT" if s.commits else "ROLLBACK",
}
"""How error contexts name statements."""
