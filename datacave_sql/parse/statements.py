"""StatementGrammar: which rule reads which statement, by its first word."""

from __future__ import annotations

from collections.abc import Callable

from datacave_sql.parse.alteration import AlterationGrammar
from datacave_sql.parse.ast import ReassignOwned, RecognisedStatement, Statement
from datacave_sql.parse.lexer import END, PARAM
from datacave_sql.parse.statement import ParsedStatement


class StatementGrammar(AlterationGrammar):
    """stmtmulti: statements with semicolons between them."""

    __slots__ = ()

    def statements(self) -> list[ParsedStatement]:
        """Every statement of the text; empty ones are left out."""
        kinds = self.kinds
        found: list[ParsedStatement] = []
        while True:
            while kinds[self.index] == ";":
                self.index += 1
            if kinds[self.index] == END:
                return found
            first = self.index
            statement = self.statement()
            if kinds[self.index] != ";" and kinds[self.index] != END:
                raise self.syntax_error()
            count = self._parameter_count(first) if self.tokens.has_parameters else 0
            found.append(ParsedStatement(statement, self.starts[first], self.ends[self.index - 1], count))

    def statement(self) -> Statement:
        """One statement, up to its semicolon or the end."""
        rule = _RULES.get(self.kinds[self.index])
        if rule is None:
            raise self.syntax_error()
        return rule(self)

    def load(self) -> Statement:
        position = self.position()
        self.index += 1
        self.string()
        return RecognisedStatement(position, "LOAD")

    def reassign_owned(self) -> Statement:
        position = self.position()
        self.index += 1
        self.expect_words("owned", "by")
        roles = self.roles()
        self.expect("to")
        return ReassignOwned(position, roles, self.role())

    def import_schema(self) -> Statement:
        position = self.position()
        self.index += 1
        self.expect_words("foreign", "schema")
        return self.recognised(position, "IMPORT FOREIGN SCHEMA")

    def _parameter_count(self, first: int) -> int:
        numbers = [int(self.values[i]) for i in range(first, self.index) if self.kinds[i] == PARAM]
        return max(numbers, default=0)


_RULES: dict[str, Callable[[StatementGrammar], Statement]] = {
    "select": StatementGrammar.preparable_statement,
    "values": StatementGrammar.preparable_statement,
    "table": StatementGrammar.preparable_statement,
    "with": StatementGrammar.preparable_statement,
    "(": StatementGrammar.preparable_statement,
    "insert": StatementGrammar.preparable_statement,
    "update": StatementGrammar.preparable_statement,
    "delete": StatementGrammar.preparable_statement,
    "merge": StatementGrammar.preparable_statement,
    "begin": StatementGrammar.begin,
    "start": StatementGrammar.begin,
    "commit": StatementGrammar.commit,
    "end": StatementGrammar.commit,
    "rollback": StatementGrammar.rollback,
    "abort": StatementGrammar.rollback,
    "savepoint": StatementGrammar.savepoint,
    "release": StatementGrammar.release,
    "set": StatementGrammar.set_statement,
    "reset": StatementGrammar.reset,
    "show": StatementGrammar.show,
    "prepare": StatementGrammar.prepare,
    "execute": StatementGrammar.execute,
    "deallocate": StatementGrammar.deallocate,
    "declare": StatementGrammar.declare_cursor,
    "fetch": StatementGrammar.fetch,
    "move": StatementGrammar.fetch,
    "close": StatementGrammar.close,
    "discard": StatementGrammar.discard,
    "listen": StatementGrammar.listen,
    "unlisten": StatementGrammar.unlisten,
    "notify": StatementGrammar.notify,
    "create": StatementGrammar.create,
    "alter": StatementGrammar.alter,
    "drop": StatementGrammar.drop,
    "comment": StatementGrammar.comment,
    "security": StatementGrammar.security_label,
    "grant": StatementGrammar.grant,
    "revoke": StatementGrammar.revoke,
    "copy": StatementGrammar.copy,
    "explain": StatementGrammar.explain,
    "vacuum": StatementGrammar.vacuum,
    "analyze": StatementGrammar.vacuum,
    "analyse": StatementGrammar.vacuum,
    "checkpoint": StatementGrammar.checkpoint,
    "cluster": StatementGrammar.cluster,
    "reindex": StatementGrammar.reindex,
    "refresh": StatementGrammar.refresh,
    "lock": StatementGrammar.lock,
    "truncate": StatementGrammar.truncate,
    "do": StatementGrammar.do,
    "call": StatementGrammar.call,
    "load": StatementGrammar.load,
    "reassign": StatementGrammar.reassign_owned,
    "import": StatementGrammar.import_schema,
}
