"""ObjectNameGrammar: how DROP, COMMENT, GRANT and ALTER refer to objects of every kind.

An object is a kind, as PostgreSQL's messages spell it, and a name, a routine's signature, or a member of a table.
"""

from __future__ import annotations

from dataclasses import dataclass

from datacave_sql.parse.ast import QualifiedName, RecognisedStatement, RoutineSignature, Statement, TypeName
from datacave_sql.parse.keywords import COLUMN_ID, TYPE_FUNCTION_NAME
from datacave_sql.parse.lexer import BAD, END
from datacave_sql.parse.utility import UtilityGrammar

PLAIN_KINDS: dict[tuple[str, ...], str] = {
    ("table",): "table",
    ("sequence",): "sequence",
    ("view",): "view",
    ("materialized", "view"): "materialized view",
    ("index",): "index",
    ("foreign", "table"): "foreign table",
    ("collation",): "collation",
    ("conversion",): "conversion",
    ("statistics",): "statistics object",
    ("text", "search", "parser"): "text search parser",
    ("text", "search", "dictionary"): "text search dictionary",
    ("text", "search", "template"): "text search template",
    ("text", "search", "configuration"): "text search configuration",
}
"""Kinds whose objects live in a schema and are named by a qualified name."""

SINGLE_KINDS: dict[tuple[str, ...], str] = {
    ("access", "method"): "access method",
    ("event", "trigger"): "event trigger",
    ("extension",): "extension",
    ("foreign", "data", "wrapper"): "foreign-data wrapper",
    ("procedural", "language"): "language",
    ("language",): "language",
    ("publication",): "publication",
    ("schema",): "schema",
    ("server",): "server",
}
"""Kinds whose objects have a name of one part."""

SHARED_KINDS: dict[tuple[str, ...], str] = {
    ("database",): "database",
    ("role",): "role",
    ("subscription",): "subscription",
    ("tablespace",): "tablespace",
}
MEMBER_KINDS = frozenset(["policy", "rule", "trigger"])
ROUTINE_KINDS = frozenset(["function", "procedure", "routine"])
_TYPE_GOES_ON = frozenset([",", ")", "(", "[", ".", "%", "array", "default", "=", "order"])


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """What a statement points at. `on_table` for members of a table; no name for casts, operators, transforms."""

    kind: str
    name: QualifiedName = ()
    on_table: QualifiedName | None = None
    signature: RoutineSignature | None = None
    method: str = ""
    operands: tuple[TypeName | None, TypeName | None] = (None, None)


class ObjectNameGrammar(UtilityGrammar):
    """object_type_any_name and its siblings."""

    __slots__ = ()

    def kind_of(self, kinds: dict[tuple[str, ...], str]) -> str:
        """Steps over the words of one of these kinds, or over nothing and returns an empty text."""
        for words, kind in kinds.items():
            if self.accept_words(*words):
                return kind
        return ""

    def object_reference(self) -> ObjectReference:
        """Any object that COMMENT, SECURITY LABEL and ALTER EXTENSION can name."""
        kind = self.kind_of(PLAIN_KINDS)
        if kind:
            return ObjectReference(kind, self.any_name())
        kind = self.kind_of(SINGLE_KINDS) or self.kind_of(SHARED_KINDS)
        if kind:
            return ObjectReference(kind, (self.column_id(),))
        word = self.kinds[self.index]
        self.index += 1
        if word == "column":
            return ObjectReference("column", self.any_name())
        if word in ("type", "domain"):
            return ObjectReference(word, self.type_name().names)
        if word in ROUTINE_KINDS:
            return ObjectReference(word, signature=self.signature())
        if word == "aggregate":
            return ObjectReference(word, signature=self.aggregate_signature())
        if word == "constraint":
            name = self.column_id()
            self.expect("on")
            on_domain = self.kinds[self.index] == "domain" and self.kinds[self.index + 1] in COLUMN_ID
            self.index += on_domain
            return ObjectReference("domain constraint" if on_domain else "constraint", (name,), self.any_name())
        if word in MEMBER_KINDS:
            name = self.column_id()
            self.expect("on")
            return ObjectReference(word, (name,), self.any_name())
        if word == "cast":
            return ObjectReference(word, operands=self.cast_types())
        if word == "transform":
            self.transform_name()
            return ObjectReference(word)
        if word == "operator":
            return self._operator_reference()
        if word == "large":
            self.expect("object")
            return ObjectReference("large object", (str(self.number()),))
        raise self.syntax_error(self.index - 1)

    def cast_types(self) -> tuple[TypeName, TypeName]:
        """(type AS type) of a cast."""
        self.expect("(")
        source = self.type_name()
        self.expect("as")
        target = self.type_name()
        self.expect(")")
        return source, target

    def transform_name(self) -> None:
        """FOR type LANGUAGE name of a transform."""
        self.expect("for")
        self.type_name()
        self.expect("language")
        self.column_id()

    def _operator_reference(self) -> ObjectReference:
        for word in ("class", "family"):
            if self.accept(word):
                name = self.any_name()
                self.expect("using")
                return ObjectReference(f"operator {word}", name, method=self.column_id())
        name, left, right = self.operator_with_types()
        return ObjectReference("operator", name, operands=(left, right))

    def operator_with_types(self) -> tuple[QualifiedName, TypeName | None, TypeName | None]:
        """`schema.op (left, right)` with NONE for a missing side."""
        schema, operator = self.any_operator()
        name = (*schema, operator)
        self.expect("(")
        left = right = None
        missing = self.accept("none")
        if not missing:
            left = self.type_name()
        if missing or self.kinds[self.index] == ",":
            self.expect(",")
            if missing or not self.accept("none"):
                right = self.type_name()
        elif self.kinds[self.index] == ")":
            self.refuse(
                "missing argument", self.position(), hint="Use NONE to denote the missing argument of a unary operator."
            )
        self.expect(")")
        return name, left, right

    # --- routines ----------------------------------------------------------------------------------------------------

    def routine_name(self) -> QualifiedName:
        """A function's name: one word that may be one, or a qualified name."""
        kind = self.kinds[self.index]
        if kind not in COLUMN_ID and kind not in TYPE_FUNCTION_NAME:
            raise self.syntax_error()
        parts = [self.values[self.index]]
        self.index += 1
        if kind in COLUMN_ID:
            while self.accept("."):
                parts.append(self.column_label())
        return tuple(parts)

    def signature(self) -> RoutineSignature:
        """A routine by name, with or without the types of its arguments."""
        position = self.position()
        name = self.routine_name()
        if not self.accept("("):
            return RoutineSignature(position, name, None)
        types: list[TypeName] = []
        if self.kinds[self.index] != ")":
            types = self._argument_types()
        self.expect(")")
        return RoutineSignature(position, name, tuple(types))

    def signatures(self, aggregate: bool = False) -> tuple[RoutineSignature, ...]:
        """Routines with commas between them."""
        found = [self.aggregate_signature() if aggregate else self.signature()]
        while self.accept(","):
            found.append(self.aggregate_signature() if aggregate else self.signature())
        return tuple(found)

    def aggregate_signature(self) -> RoutineSignature:
        """An aggregate: `f(*)`, `f(types)`, `f(types ORDER BY types)`."""
        position = self.position()
        name = self.routine_name()
        self.expect("(")
        types: list[TypeName] = []
        if not self.accept("*"):
            if self.kinds[self.index] != "order":
                types = self._argument_types()
            if self.accept("order"):
                self.expect("by")
                types += self._argument_types()
        self.expect(")")
        return RoutineSignature(position, name, tuple(types))

    def _argument_types(self) -> list[TypeName]:
        """The types that identify a routine: those of its input arguments."""
        found: list[TypeName] = []
        while True:
            mode, _name, type_name = self.routine_argument()
            if mode != "out":
                found.append(type_name)
            if not self.accept(","):
                return found

    def routine_argument(self) -> tuple[str, str | None, TypeName]:
        """[mode] [name] type, or name mode type: the mode as written in lower case, "" where none is."""
        mode = self._argument_mode()
        name: str | None = None
        kind = self.kinds[self.index]
        following = self.kinds[self.index + 1]
        named = kind in TYPE_FUNCTION_NAME and following not in _TYPE_GOES_ON
        if named and not (kind == "double" and following == "precision"):
            name = self.values[self.index]
            self.index += 1
            mode = mode or self._argument_mode()
        return mode, name, self.routine_type_name()

    def _argument_mode(self) -> str:
        kind = self.kinds[self.index]
        if kind == "in":
            self.index += 1
            return "inout" if self.accept("out") else "in"
        if kind in ("out", "inout", "variadic"):
            self.index += 1
            return kind
        return ""

    # --- statements without a node -----------------------------------------------------------------------------------

    def recognised(self, position: int, tag: str) -> Statement:
        """Steps over the rest of a statement that the binder will refuse by its tag."""
        kinds = self.kinds
        depth = 0
        while (kind := kinds[self.index]) != END:
            if kind == BAD:
                raise self.syntax_error()
            if kind == "(":
                depth += 1
            elif kind == ")":
                depth -= 1
                if depth < 0:
                    raise self.syntax_error()
            elif kind == ";" and depth == 0:
                break
            self.index += 1
        if depth:
            raise self.syntax_error()
        return RecognisedStatement(position, tag)
