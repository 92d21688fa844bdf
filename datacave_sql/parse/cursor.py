"""TokenCursor: the parser's place in the token list, names by place, and syntax errors.

The grammar classes build on one another in one line, each adding a family of rules:

    TokenCursor -> TypeNameGrammar -> ExpressionGrammar -> PrimaryGrammar -> QueryGrammar -> FromGrammar -> ...

`index` is the current token. `accept` steps over a token of a kind, `expect` demands it. The token that cannot go on
is the one a syntax error names, as in an LALR parser, so no rule looks further ahead than PostgreSQL's lexer does
unless it is sure of the answer.
"""

from __future__ import annotations

from typing import NoReturn

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.parse.ast import QualifiedName
from datacave_sql.parse.keywords import COLUMN_ID, COLUMN_LABEL, NON_RESERVED_WORD
from datacave_sql.parse.lexer import BAD, END, ICONST, SCONST, Tokens

INT32_MAX = 2**31 - 1


class TokenCursor:
    """The tokens and the current one."""

    __slots__ = ("ends", "furthest", "index", "kinds", "starts", "tokens", "values")

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.kinds = tokens.kinds
        self.values = tokens.values
        self.starts = tokens.starts
        self.ends = tokens.ends
        self.index = 0
        self.furthest = 0  # the token at which a run of words that had begun well went wrong

    # --- errors ------------------------------------------------------------------------------------------------------

    def syntax_error(self, index: int | None = None) -> DatacaveError:
        """The error for a token that cannot stand where it is; raise what this returns."""
        if index is None:
            index = max(self.index, self.furthest)
        if self.kinds[index] == BAD and self.tokens.error is not None:
            return self.tokens.error
        return self.error_at("syntax error", index)

    def error_at(self, message: str, index: int) -> DatacaveError:
        """A syntax error with a message of its own, followed by the text of a token."""
        if self.kinds[index] == END:
            where = "at end of input"
        else:
            where = f'at or near "{self.tokens.text[self.starts[index] : self.ends[index]]}"'
        return DatacaveError(f"{message} {where}", sqlstate=sqlstate.SYNTAX_ERROR, position=self.starts[index] + 1)

    def refuse(
        self, message: str, position: int | None, code: str = sqlstate.SYNTAX_ERROR, hint: str | None = None
    ) -> NoReturn:
        """Raises an error that the grammar's own rules know, with a full message."""
        raise DatacaveError(message, sqlstate=code, position=position, hint=hint)

    # --- tokens ------------------------------------------------------------------------------------------------------

    def position(self) -> int:
        """The 1-based position of the current token."""
        return self.starts[self.index] + 1

    def accept(self, kind: str) -> bool:
        """Steps over the current token if it is of this kind."""
        if self.kinds[self.index] == kind:
            self.index += 1
            return True
        return False

    def accept_words(self, *kinds: str) -> bool:
        """Steps over a run of tokens if all of them are there."""
        index = self.index
        for kind in kinds:
            if self.kinds[index] != kind:
                if index > self.furthest and index > self.index:
                    self.furthest = index
                return False
            index += 1
        self.index = index
        return True

    def expect(self, kind: str) -> None:
        """Steps over a token that must be there."""
        if self.kinds[self.index] != kind:
            raise self.syntax_error()
        self.index += 1

    def expect_words(self, *kinds: str) -> None:
        """Steps over a run of tokens that must be there."""
        for kind in kinds:
            self.expect(kind)

    def choose(self, *kinds: str) -> str:
        """Steps over a token that must be one of these kinds, and returns it."""
        kind = self.kinds[self.index]
        if kind not in kinds:
            raise self.syntax_error()
        self.index += 1
        return kind

    def next_kind(self, ahead: int = 1) -> str:
        """The kind of a later token; END beyond the end."""
        index = self.index + ahead
        return self.kinds[index] if index < len(self.kinds) else END

    # --- names -------------------------------------------------------------------------------------------------------

    def column_id(self) -> str:
        """A name of a column, table, cursor and so on."""
        index = self.index
        if self.kinds[index] not in COLUMN_ID:
            raise self.syntax_error()
        self.index = index + 1
        return self.values[index]

    def column_label(self) -> str:
        """A name after AS or a point: any word."""
        index = self.index
        if self.kinds[index] not in COLUMN_LABEL:
            raise self.syntax_error()
        self.index = index + 1
        return self.values[index]

    def names(self) -> tuple[str, ...]:
        """name, name, .."""
        found = [self.column_id()]
        while self.accept(","):
            found.append(self.column_id())
        return tuple(found)

    def names_in_parentheses(self) -> tuple[str, ...]:
        """(name, ..)"""
        self.expect("(")
        found = self.names()
        self.expect(")")
        return found

    def optional_names_in_parentheses(self) -> tuple[str, ...]:
        """(name, ..) or nothing."""
        return self.names_in_parentheses() if self.kinds[self.index] == "(" else ()

    def any_name(self) -> QualifiedName:
        """A name with any number of parts."""
        parts = [self.column_id()]
        while self.accept("."):
            parts.append(self.column_label())
        return tuple(parts)

    def any_names(self) -> tuple[QualifiedName, ...]:
        """name, name, .. of any number of parts each."""
        found = [self.any_name()]
        while self.accept(","):
            found.append(self.any_name())
        return tuple(found)

    def qualified_name(self) -> QualifiedName:
        """A relation's name: at most catalog, schema and name."""
        start = self.position()
        name = self.any_name()
        self.check_relation_name(name, start)
        return name

    def check_relation_name(self, name: QualifiedName, position: int) -> None:
        """Refuses more than three parts."""
        if len(name) > 3:
            self.refuse(f"improper qualified name (too many dotted names): {'.'.join(name)}", position)

    def qualified_names(self) -> tuple[QualifiedName, ...]:
        """name, name, .. of relations."""
        found = [self.qualified_name()]
        while self.accept(","):
            found.append(self.qualified_name())
        return tuple(found)

    def role(self) -> str:
        """A role's name, or current_user, session_user, current_role as such."""
        index = self.index
        kind = self.kinds[index]
        if kind in NON_RESERVED_WORD:
            value = self.values[index]
            if value == "none":
                self.refuse('role name "none" is reserved', self.position(), sqlstate.RESERVED_NAME)
        elif kind in ("current_role", "current_user", "session_user"):
            value = kind
        else:
            raise self.syntax_error()
        self.index = index + 1
        return value

    def roles(self) -> tuple[str, ...]:
        """role, role, .."""
        found = [self.role()]
        while self.accept(","):
            found.append(self.role())
        return tuple(found)

    # --- constants ---------------------------------------------------------------------------------------------------

    def string(self) -> str:
        """A string constant."""
        if self.kinds[self.index] != SCONST:
            raise self.syntax_error()
        self.index += 1
        return self.values[self.index - 1]

    def word_or_string(self) -> str:
        """A word that is not reserved, or a string."""
        index = self.index
        if self.kinds[index] not in NON_RESERVED_WORD and self.kinds[index] != SCONST:
            raise self.syntax_error()
        self.index = index + 1
        return self.values[index]

    def integer(self) -> int:
        """An integer constant of at most 31 bits."""
        index = self.index
        if self.kinds[index] != ICONST:
            raise self.syntax_error()
        value = int(self.values[index])
        if value > INT32_MAX:
            raise self.syntax_error()
        self.index = index + 1
        return value

    def signed_integer(self) -> int:
        """An integer constant of at most 31 bits, with a sign or without."""
        if self.accept("-"):
            return -self.integer()
        self.accept("+")
        return self.integer()

    # --- frequent little rules ---------------------------------------------------------------------------------------

    def cascade(self) -> bool:
        """CASCADE, RESTRICT, or nothing, which is RESTRICT."""
        if self.accept("cascade"):
            return True
        self.accept("restrict")
        return False

    def if_exists(self) -> bool:
        """IF EXISTS or nothing."""
        if self.accept("if"):
            self.expect("exists")
            return True
        return False

    def if_not_exists(self) -> bool:
        """IF NOT EXISTS or nothing; `if` alone may be a name."""
        if self.kinds[self.index] == "if" and self.next_kind() == "not":
            self.index += 2
            self.expect("exists")
            return True
        return False
