"""SessionGrammar: transactions, settings, prepared statements, cursors, notifications."""

from __future__ import annotations

from typing import Literal

from datacave_core import sqlstate
from datacave_sql.parse.ast import (
    Begin,
    Cast,
    CloseCursor,
    Commit,
    Deallocate,
    DeclareCursor,
    Discard,
    Execute,
    Expression,
    FetchCursor,
    IntegerLiteral,
    Listen,
    Notify,
    Prepare,
    PreparedTransaction,
    ReleaseSavepoint,
    ResetParameter,
    Rollback,
    RollbackTo,
    Savepoint,
    SetConstraints,
    SetParameter,
    SettingValue,
    SetTransaction,
    ShowParameter,
    Statement,
    TransactionModes,
    TypeName,
    Unlisten,
)
from datacave_sql.parse.dml import DmlGrammar
from datacave_sql.parse.keywords import IDENT, NON_RESERVED_WORD
from datacave_sql.parse.lexer import FCONST, ICONST, SCONST

_MODE_WORDS = frozenset(["isolation", "read", "deferrable", "not"])
_ZONE_HOUR_MINUTE = frozenset([1 << 10, (1 << 10) | (1 << 11)])


class SessionGrammar(DmlGrammar):
    """Statements about the session."""

    __slots__ = ()

    # --- transactions ------------------------------------------------------------------------------------------------

    def begin(self) -> Statement:
        position = self.position()
        start = self.kinds[self.index] == "start"
        self.index += 1
        if start:
            self.expect("transaction")
        else:
            self._transaction_word()
        return Begin(position, self.transaction_modes(required=False), start)

    def commit(self) -> Statement:
        position = self.position()
        ended = self.kinds[self.index] == "end"
        self.index += 1
        if not ended and self.accept("prepared"):
            return PreparedTransaction(position, "commit", self.string())
        self._transaction_word()
        return Commit(position, self._chain())

    def rollback(self) -> Statement:
        position = self.position()
        aborted = self.kinds[self.index] == "abort"
        self.index += 1
        if not aborted and self.accept("prepared"):
            return PreparedTransaction(position, "rollback", self.string())
        self._transaction_word()
        if not aborted and self.accept("to"):
            return RollbackTo(position, self._savepoint_name())
        return Rollback(position, self._chain())

    def savepoint(self) -> Statement:
        position = self.position()
        self.index += 1
        return Savepoint(position, self.column_id())

    def release(self) -> Statement:
        position = self.position()
        self.index += 1
        return ReleaseSavepoint(position, self._savepoint_name())

    def _savepoint_name(self) -> str:
        """[SAVEPOINT] name; `savepoint` may itself be the name."""
        if self.kinds[self.index] == "savepoint" and self.kinds[self.index + 1] in NON_RESERVED_WORD:
            self.index += 1
        return self.column_id()

    def _transaction_word(self) -> None:
        if self.kinds[self.index] in ("work", "transaction"):
            self.index += 1

    def _chain(self) -> bool:
        if not self.accept("and"):
            return False
        refused = self.accept("no")
        self.expect("chain")
        return not refused

    def transaction_modes(self, required: bool) -> TransactionModes:
        """Modes with or without commas between them; a later one wins."""
        position = self.position()
        isolation: Literal["read uncommitted", "read committed", "repeatable read", "serializable"] | None = None
        read_only: bool | None = None
        deferrable: bool | None = None
        as_of: Expression | None = None
        kinds = self.kinds
        first = True
        while True:
            kind = kinds[self.index]
            if kind == "isolation":
                self.index += 1
                self.expect("level")
                word = self.choose("read", "repeatable", "serializable")
                if word == "serializable":
                    isolation = "serializable"
                elif word == "repeatable":
                    self.expect("read")
                    isolation = "repeatable read"
                else:
                    committed = self.choose("committed", "uncommitted") == "committed"
                    isolation = "read committed" if committed else "read uncommitted"
            elif kind == "read":
                self.index += 1
                read_only = self.choose("only", "write") == "only"
            elif kind == "deferrable":
                self.index += 1
                deferrable = True
            elif kind == "not":
                self.index += 1
                self.expect("deferrable")
                deferrable = False
            elif kind == "as" and self.system_time_words_follow():
                as_of = self.as_of_system_time()
            elif required and first:
                raise self.syntax_error()
            else:
                break
            first = False
            if self.accept(",") and kinds[self.index] not in _MODE_WORDS:
                raise self.syntax_error()
        return TransactionModes(position, isolation, read_only, deferrable, as_of)

    def set_constraints(self, position: int) -> Statement:
        names = () if self.accept("all") else self.qualified_names()
        return SetConstraints(position, names, self.choose("deferred", "immediate") == "deferred")

    # --- settings ----------------------------------------------------------------------------------------------------

    def set_statement(self) -> Statement:
        position = self.position()
        self.index += 1
        if self.kinds[self.index] == "constraints" and self.kinds[self.index + 1] not in ("=", "to", "."):
            self.index += 1
            return self.set_constraints(position)
        local = False
        if self.kinds[self.index] in ("local", "session") and self.kinds[self.index + 1] not in ("=", "to", "."):
            if self.kinds[self.index] == "local":
                self.index += 1
                local = True
            elif self.kinds[self.index + 1] not in ("authorization", "characteristics"):
                self.index += 1
        return self.set_rest(position, local)

    def set_rest(self, position: int, local: bool) -> SetParameter | SetTransaction:
        """What follows SET, SET LOCAL, SET SESSION."""
        kinds = self.kinds
        kind = kinds[self.index]
        following = kinds[self.index + 1]
        if following in ("=", "to", ".") and not (kind == "time" and following != "=" and following != "to"):
            return self._set_plain(position, local)
        if kind == "transaction":
            self.index += 1
            if self.accept("snapshot"):
                return SetTransaction(position, TransactionModes(position), snapshot=self.string())
            return SetTransaction(position, self.transaction_modes(required=True))
        if kind == "session":
            self.index += 1
            if self.accept("characteristics"):
                self.expect_words("as", "transaction")
                return SetTransaction(position, self.transaction_modes(required=True), session=True)
            self.expect("authorization")
            if self.accept("default"):
                return SetParameter(position, "session_authorization", (), local)
            return SetParameter(position, "session_authorization", (self.word_or_string(),), local)
        if kind == "time":
            self.index += 1
            self.expect("zone")
            return self._time_zone(position, local)
        if kind == "catalog" and following == SCONST:
            self.refuse("current database cannot be changed", self.starts[self.index + 1] + 1, "0A000")
        if kind == "schema" and following == SCONST:
            self.index += 1
            return SetParameter(position, "search_path", (self.string(),), local)
        if kind == "names":
            self.index += 1
            if kinds[self.index] == SCONST:
                return SetParameter(position, "client_encoding", (self.string(),), local)
            self.accept("default")
            return SetParameter(position, "client_encoding", (), local)
        if kind == "role":
            self.index += 1
            return SetParameter(position, "role", (self.word_or_string(),), local)
        if kind == "xml" and following == "option":
            self.index += 2
            return SetParameter(position, "xmloption", (self.choose("document", "content").upper(),), local)
        return self._set_plain(position, local)

    def _set_plain(self, position: int, local: bool) -> SetParameter:
        name = self.setting_name()
        if self.accept("from"):
            self.expect("current")
            return SetParameter(position, name, (), local, True)
        self.choose("to", "=")
        if self.accept("default"):
            return SetParameter(position, name, (), local)
        values = [self._setting_value()]
        while self.accept(","):
            values.append(self._setting_value())
        return SetParameter(position, name, tuple(values), local)

    def setting_name(self) -> str:
        """A parameter's name, perhaps with points in it."""
        name = self.column_id()
        while self.accept("."):
            name += "." + self.column_id()
        return name

    def _setting_value(self) -> SettingValue:
        if self.kinds[self.index] in ("true", "false", "on"):
            self.index += 1
            return self.values[self.index - 1]
        if self.kinds[self.index] in (ICONST, FCONST, "+", "-"):
            return self.number()
        return self.word_or_string()

    def number(self) -> int | float:
        """A number with or without a sign; an integer of more than 31 bits counts as fractional, as in PostgreSQL."""
        sign = -1 if self.accept("-") else 1
        if sign == 1:
            self.accept("+")
        if self.kinds[self.index] not in (ICONST, FCONST):
            raise self.syntax_error()
        text = self.values[self.index]
        self.index += 1
        return sign * (int(text) if text.isdigit() else float(text))

    def _time_zone(self, position: int, local: bool) -> SetParameter:
        kind = self.kinds[self.index]
        if kind == "interval":
            value = self.primary()
            if isinstance(value, Cast):
                mask = value.type_name.modifiers[0] if value.type_name.modifiers else None
                precise = len(value.type_name.modifiers) > 1
                hours = isinstance(mask, IntegerLiteral) and mask.value in _ZONE_HOUR_MINUTE
                if mask is not None and not precise and not hours:
                    self.refuse("time zone interval must be HOUR or HOUR TO MINUTE", mask.position)
            return SetParameter(position, "timezone", (), local, False, value)
        if kind in ("default", "local"):
            self.index += 1
            return SetParameter(position, "timezone", (), local)
        if kind in (SCONST, IDENT):
            self.index += 1
            return SetParameter(position, "timezone", (self.values[self.index - 1],), local)
        return SetParameter(position, "timezone", (self.number(),), local)

    def reset(self) -> Statement:
        return self.reset_parameter(self.position())

    def reset_parameter(self, position: int) -> ResetParameter:
        """RESET and what follows."""
        self.expect("reset")
        return ResetParameter(position, None if self.accept("all") else self._setting_or_words())

    def show(self) -> Statement:
        position = self.position()
        self.index += 1
        return ShowParameter(position, None if self.accept("all") else self._setting_or_words())

    def _setting_or_words(self) -> str:
        if self.accept_words("time", "zone"):
            return "timezone"
        if self.accept_words("transaction", "isolation", "level"):
            return "transaction_isolation"
        if self.accept_words("session", "authorization"):
            return "session_authorization"
        return self.setting_name()

    # --- prepared statements -----------------------------------------------------------------------------------------

    def prepare(self) -> Statement:
        position = self.position()
        self.index += 1
        if self.kinds[self.index] == "transaction" and self.kinds[self.index + 1] == SCONST:
            self.index += 1
            return PreparedTransaction(position, "prepare", self.string())
        name = self.column_id()
        types: list[TypeName] = []
        if self.accept("("):
            types.append(self.type_name())
            while self.accept(","):
                types.append(self.type_name())
            self.expect(")")
        self.expect("as")
        start = self.starts[self.index]
        statement = self.preparable_statement()
        return Prepare(position, name, tuple(types), statement, start, self.ends[self.index - 1])

    def execute(self) -> Statement:
        position = self.position()
        self.index += 1
        name = self.column_id()
        arguments: tuple[Expression, ...] = ()
        if self.accept("("):
            arguments = self.expressions()
            self.expect(")")
        return Execute(position, name, arguments)

    def deallocate(self) -> Statement:
        position = self.position()
        self.index += 1
        if self.kinds[self.index] == "prepare" and self.kinds[self.index + 1] != "END":
            self.index += self.kinds[self.index + 1] != ";"
        return Deallocate(position, None if self.accept("all") else self.column_id())

    # --- cursors -----------------------------------------------------------------------------------------------------

    def declare_cursor(self) -> Statement:
        position = self.position()
        self.index += 1
        name = self.column_id()
        binary = False
        scroll: bool | None = None
        insensitive: bool | None = None
        while (kind := self.kinds[self.index]) != "cursor":
            self.index += 1
            if kind == "binary":
                binary = True
            elif kind == "scroll" or kind == "no":
                if kind == "no":
                    self.expect("scroll")
                if scroll is not None and scroll != (kind == "scroll"):
                    self._refuse_both("SCROLL", "NO SCROLL")
                scroll = kind == "scroll"
            elif kind == "insensitive" or kind == "asensitive":
                if insensitive is not None and insensitive != (kind == "insensitive"):
                    self._refuse_both("INSENSITIVE", "ASENSITIVE")
                insensitive = kind == "insensitive"
            else:
                raise self.syntax_error(self.index - 1)
        self.index += 1
        hold = False
        if self.accept("with"):
            self.expect("hold")
            hold = True
        elif self.accept("without"):
            self.expect("hold")
        self.expect("for")
        return DeclareCursor(position, name, self.select_statement(), binary, scroll, insensitive, hold)

    def _refuse_both(self, first: str, second: str) -> None:
        self.refuse(f"cannot specify both {first} and {second}", None, sqlstate.INVALID_CURSOR_DEFINITION)

    def fetch(self) -> Statement:
        position = self.position()
        move = self.kinds[self.index] == "move"
        self.index += 1
        direction: Literal["forward", "backward", "absolute", "relative"] = "forward"
        count: int | None = 1
        kind = self.kinds[self.index]
        following = self.kinds[self.index + 1]
        is_name = following in ("END", ";")  # FETCH first; with a cursor named first
        if kind in (ICONST, "+", "-"):
            count = self.signed_integer()
        elif kind == "all" and not is_name:
            self.index += 1
            count = None
        elif kind in ("next", "prior") and not is_name:
            self.index += 1
            direction = "backward" if kind == "prior" else "forward"
        elif kind in ("first", "last") and not is_name:
            self.index += 1
            direction = "absolute"
            count = 1 if kind == "first" else -1
        elif kind in ("absolute", "relative") and not is_name:
            self.index += 1
            direction = "absolute" if kind == "absolute" else "relative"
            count = self.signed_integer()
        elif kind in ("forward", "backward") and not is_name:
            self.index += 1
            direction = "forward" if kind == "forward" else "backward"
            if self.kinds[self.index] in (ICONST, "+", "-"):
                count = self.signed_integer()
            elif self.accept("all"):
                count = None
        if self.kinds[self.index] in ("from", "in"):
            self.index += 1
        return FetchCursor(position, self.column_id(), direction, count, move)

    def close(self) -> Statement:
        position = self.position()
        self.index += 1
        return CloseCursor(position, None if self.accept("all") else self.column_id())

    # --- the rest ----------------------------------------------------------------------------------------------------

    def discard(self) -> Statement:
        position = self.position()
        self.index += 1
        word = self.choose("all", "plans", "sequences", "temp", "temporary")
        if word == "all":
            return Discard(position, "all")
        if word == "plans":
            return Discard(position, "plans")
        return Discard(position, "sequences" if word == "sequences" else "temp")

    def listen(self) -> Statement:
        position = self.position()
        self.index += 1
        return Listen(position, self.column_id())

    def unlisten(self) -> Statement:
        position = self.position()
        self.index += 1
        return Unlisten(position, None if self.accept("*") else self.column_id())

    def notify(self) -> Statement:
        position = self.position()
        self.index += 1
        channel = self.column_id()
        return Notify(position, channel, self.string() if self.accept(",") else "")
