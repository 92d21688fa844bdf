"""DeclarationGrammar: DECLARE sections and the types in them."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_sql.parse import parse_type
from datacave_sql.plpgsql.scanner import BodyScanner
from datacave_sql.plpgsql.syntax import Alias, Cursor, Sql, TypeText, Variable

_ENDS = frozenset({";", ":=", "=", ",", ")"})
_END_WORDS = frozenset({"default", "not", "collate"})


class DeclarationGrammar(BodyScanner):
    """decl_sect."""

    def declarations(self) -> tuple[Variable | Alias | Cursor, ...]:
        """Everything between DECLARE and BEGIN."""
        found: list[Variable | Alias | Cursor] = []
        seen: set[str] = set()
        while self.accept("declare"):
            pass
        while self.word() != "begin":
            if self.accept("declare"):
                continue
            if self.at_operator("<<"):
                raise self.refuse("block label must be placed before DECLARE, not after")
            at = self.index
            item = self._declaration()
            if item.name in seen:
                raise self.error("duplicate declaration", at)
            seen.add(item.name)
            found.append(item)
        return tuple(found)

    def _declaration(self) -> Variable | Alias | Cursor:
        line = self.line
        name = self.name()
        if self.accept("alias", "for"):
            if self.kind == "PARAM":
                other: tuple[str, ...] = (f"${self.values[self.index]}",)
                self.index += 1
            else:
                other = self.names()
            self.expect(";")
            return Alias(line, name, other)
        scroll = None
        if self.accept("no", "scroll"):
            scroll = False
        elif self.word() == "scroll" and self.word(1) == "cursor":
            self.index += 1
            scroll = True
        if self.word() == "cursor" and (self.kinds[self.index + 1] == "(" or self.word(1) in ("for", "is")):
            return self._cursor(line, name, scroll)
        constant = self.accept("constant")
        kind = self.type_text()
        if self.accept("collate"):
            self.names()
        not_null = False
        if self.accept("not"):
            self.expect("null")
            not_null = True
        default: Sql | None = None
        if self.accept("default") or self.accept(":=") or self.accept("="):
            default = self.expression(";")
        elif not_null:
            raise self.refuse(
                f'variable "{name}" must have a default value, since it\'s declared NOT NULL',
                sqlstate.NULL_VALUE_NOT_ALLOWED,
            )
        self.expect(";")
        return Variable(line, name, kind, constant, not_null, default)

    def _cursor(self, line: int, name: str, scroll: bool | None) -> Cursor:
        self.index += 1
        arguments: list[tuple[str, TypeText]] = []
        if self.accept("("):
            while True:
                label = self.name()
                arguments.append((label, self.type_text()))
                if not self.accept(","):
                    break
            self.expect(")")
        if not self.accept("is"):
            self.expect("for")
        query = self.sql(self.index, self.find(";"), whole=True)
        self.expect(";")
        return Cursor(line, name, tuple(arguments), query, scroll)

    def type_text(self) -> TypeText:
        """A type, up to what can follow it. Raises 42601."""
        first = self.index
        if self.is_name():
            names = self.names()
            if self.kind == "%" and self.word(1) in ("type", "rowtype"):
                kind = self.word(1)
                self.index += 2
                while self.accept("[", "]"):
                    kind = "type[]"
                return TypeText(
                    self.body[self.starts[first] : self.ends[self.index - 1]], self.starts[first], names, kind
                )
            self.index = first
        depth = 0
        while True:
            kind = self.kind
            if kind in ("END", "BAD") or (
                not depth and (kind in _ENDS or (self.word() in _END_WORDS and self.index > first))
            ):
                break
            if kind in "([":
                depth += 1
            elif kind in ")]":
                depth -= 1
            self.index += 1
        if self.index == first:
            raise self.error("missing data type declaration") if self.kind != "END" else self.error()
        start = self.starts[first]
        text = self.body[start : self.ends[self.index - 1]]
        if text.lower() != "record":
            try:
                parse_type(text)
            except Exception as error:
                position = getattr(error, "position", None)
                if position is not None:
                    error.position = position + start  # type: ignore[attr-defined]
                raise
        return TypeText(text, start)
