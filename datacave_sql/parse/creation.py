"""CreationGrammar: CREATE, by the words that follow; the kinds without a file of their own are read here."""

from __future__ import annotations

from typing import Literal

from datacave_sql.parse.ast import (
    ColumnDefinitionItem,
    ColumnRef,
    CommonTable,
    CreateCompositeType,
    CreateDatabase,
    CreateDomain,
    CreateEnumType,
    CreateExtension,
    CreateRangeType,
    CreateSchema,
    CreateSequence,
    CreateStatistics,
    CreateView,
    Expression,
    NullLiteral,
    Option,
    Persistence,
    QualifiedName,
    Query,
    RecognisedStatement,
    Select,
    Statement,
    TableRef,
    Target,
    WithClause,
)
from datacave_sql.parse.keywords import IDENT, NON_RESERVED_WORD
from datacave_sql.parse.lexer import SCONST
from datacave_sql.parse.named_objects import NamedObjectGrammar

_RECOGNISED: dict[tuple[str, ...], str] = {
    ("access", "method"): "CREATE ACCESS METHOD",
    ("collation",): "CREATE COLLATION",
    ("event", "trigger"): "CREATE EVENT TRIGGER",
    ("foreign", "data", "wrapper"): "CREATE FOREIGN DATA WRAPPER",
    ("foreign", "table"): "CREATE FOREIGN TABLE",
    ("language",): "CREATE LANGUAGE",
    ("trusted",): "CREATE LANGUAGE",
    ("procedural", "language"): "CREATE LANGUAGE",
    ("publication",): "CREATE PUBLICATION",
    ("server",): "CREATE SERVER",
    ("subscription",): "CREATE SUBSCRIPTION",
    ("tablespace",): "CREATE TABLESPACE",
    ("transform",): "CREATE TRANSFORM",
    ("user", "mapping"): "CREATE USER MAPPING",
}
_REPLACEABLE = frozenset(["view", "function", "procedure", "trigger", "rule", "aggregate", "language", "transform"])
_SCHEMA_ELEMENTS = frozenset(["create", "grant"])


class CreationGrammar(NamedObjectGrammar):
    """Every CREATE."""

    __slots__ = ()

    def create(self) -> Statement:
        position = self.position()
        self.index += 1
        or_replace = self.accept_words("or", "replace")
        start = self.index
        persistence = self._persistence()
        kinds = self.kinds
        kind = kinds[self.index]
        following = kinds[self.index + 1] if kind != "END" else "END"
        if kind == "recursive" and following == "view":
            self.index += 1
            return self._create_view(position, or_replace, persistence, True)
        if kind == "view":
            return self._create_view(position, or_replace, persistence, False)
        if not or_replace:
            if kind == "table":
                return self.create_table(position, persistence)
            if kind == "sequence":
                return self._create_sequence(position, persistence)
            if kind == "materialized" and (self.index == start or persistence == "unlogged"):
                self.index += 1
                if kinds[self.index] != "view":
                    raise self.syntax_error()
                return self.create_materialized_view(position, persistence)
        if self.index != start:
            raise self.syntax_error()
        if kind in ("function", "procedure"):
            self.index += 1
            return self.create_function(position, or_replace, kind == "procedure")
        if kind == "trigger" or (kind == "constraint" and following == "trigger"):
            self.index += 1 if kind == "trigger" else 2
            return self.create_trigger(position, or_replace, kind == "constraint")
        if kind == "rule":
            self.index += 1
            return self.create_rule(position, or_replace)
        if kind == "aggregate":
            self.index += 1
            return self.create_aggregate(position, or_replace)
        if or_replace and kind not in _REPLACEABLE | {"trusted", "procedural"}:
            raise self.syntax_error()
        return self._create_object(position, kind, following)

    def _persistence(self) -> Persistence:
        kind = self.kinds[self.index]
        if kind in ("local", "global"):
            self.index += 1
            self.choose("temporary", "temp")
            return "temporary"
        if kind in ("temporary", "temp"):
            self.index += 1
            return "temporary"
        if kind == "unlogged":
            self.index += 1
            return "unlogged"
        return "permanent"

    def _create_object(self, position: int, kind: str, following: str) -> Statement:
        if kind == "unique":
            self.index += 1
            if self.kinds[self.index] != "index":
                raise self.syntax_error()
            return self.create_index(position, True)
        if kind == "index":
            return self.create_index(position, False)
        if kind == "user" and following == "mapping":
            return self.recognised(position, "CREATE USER MAPPING")
        if kind in ("role", "user", "group"):
            self.index += 1
            word: Literal["role", "user", "group"] = "role" if kind == "role" else "user" if kind == "user" else "group"
            return self.create_role(position, word)
        if kind == "schema":
            return self._create_schema(position)
        if kind == "type":
            return self._create_type(position)
        if kind == "domain":
            return self._create_domain(position)
        if kind == "database":
            return self._create_database(position)
        if kind == "policy":
            self.index += 1
            return self.create_policy(position)
        if kind == "extension":
            return self._create_extension(position)
        if kind == "assertion":
            self.refuse("CREATE ASSERTION is not yet implemented", None, "0A000")
        if kind == "cast":
            self.index += 1
            return self.create_cast(position)
        if kind == "statistics":
            self.index += 1
            return self._create_statistics(position)
        for words, tag in _RECOGNISED.items():
            if self.accept_words(*words):
                return self.recognised(position, tag)
        if kind == "conversion" or (kind == "default" and following == "conversion"):
            self.index += 1 + (kind == "default")
            return self.create_conversion(position, kind == "default")
        if self.accept_words("text", "search"):
            return self.define_text_search(position, self.choose("configuration", "dictionary", "parser", "template"))
        if kind == "operator":
            self.index += 1
            if self.accept("class"):
                return self.create_operator_class(position)
            if self.accept("family"):
                return self.create_operator_family(position)
            return self.create_operator(position)
        raise self.syntax_error()

    def _create_statistics(self, position: int) -> Statement:
        if_not_exists = self.if_not_exists()
        name = self.qualified_name()
        kinds = self.optional_names_in_parentheses()
        self.expect("on")
        elements = [self._statistics_element()]
        while self.accept(","):
            elements.append(self._statistics_element())
        self.expect("from")
        return CreateStatistics(position, name, kinds, tuple(elements), self.from_list(), if_not_exists)

    def _statistics_element(self) -> Expression:
        position = self.position()
        column, expression = self.index_key()
        return ColumnRef(position, (column,)) if column is not None else expression or NullLiteral(position)

    # --- schemas and views -------------------------------------------------------------------------------------------

    def _create_schema(self, position: int) -> Statement:
        self.index += 1
        if_not_exists = self.if_not_exists()
        name: str | None = None
        authorization: str | None = None
        if self.kinds[self.index] != "authorization":
            name = self.column_id()
        if self.accept("authorization"):
            authorization = self.role()
        elements: list[Statement] = []
        while self.kinds[self.index] in _SCHEMA_ELEMENTS:
            at = self.position()
            elements.append(self.grant() if self.kinds[self.index] == "grant" else self.create())
            if if_not_exists:
                self.refuse("CREATE SCHEMA IF NOT EXISTS cannot include schema elements", at, "0A000")
        return CreateSchema(position, name, authorization, if_not_exists, tuple(elements))

    def _create_view(self, position: int, or_replace: bool, persistence: Persistence, recursive: bool) -> Statement:
        self.index += 1
        at = self.position()
        name = self.qualified_name()
        columns = self.names_in_parentheses() if recursive else self.optional_names_in_parentheses()
        options = self.definition() if self.accept("with") else ()
        self.expect("as")
        query = self.select_statement()
        check: Literal["", "local", "cascaded"] = ""
        check_at = self.position()
        if self.accept("with"):
            check = "local" if self.accept("local") else "cascaded"
            if check == "cascaded":
                self.accept("cascaded")
            self.expect_words("check", "option")
            if recursive:
                self.refuse("WITH CHECK OPTION not supported on recursive views", check_at, "0A000")
        if recursive:
            query = _recursive_query(at, name[-1], columns, query)
        return CreateView(position, name, query, columns, or_replace, persistence, options, check)

    def _create_sequence(self, position: int, persistence: Persistence) -> Statement:
        self.index += 1
        if_not_exists = self.if_not_exists()
        name = self.qualified_name()
        return CreateSequence(position, name, self.sequence_options(), persistence, if_not_exists)

    # --- types -------------------------------------------------------------------------------------------------------

    def _create_type(self, position: int) -> Statement:
        self.index += 1
        name = self.any_name()
        if self.kinds[self.index] == "(":
            return self.recognised(position, "CREATE TYPE")
        if not self.accept("as"):
            return RecognisedStatement(position, "CREATE TYPE")
        if self.accept("enum"):
            self.expect("(")
            labels: list[str] = []
            if self.kinds[self.index] != ")":
                labels.append(self.string())
                while self.accept(","):
                    labels.append(self.string())
            self.expect(")")
            return CreateEnumType(position, name, tuple(labels))
        if self.accept("range"):
            return CreateRangeType(position, name, self.definition_items())
        self.expect("(")
        attributes: list[ColumnDefinitionItem] = []
        if self.kinds[self.index] != ")":
            attributes.append(self.column_definition_item())
            while self.accept(","):
                attributes.append(self.column_definition_item())
        self.expect(")")
        return CreateCompositeType(position, name, tuple(attributes))

    def _create_domain(self, position: int) -> Statement:
        self.index += 1
        name: QualifiedName = self.any_name()
        self.accept("as")
        type_name = self.type_name()
        constraints, collation = self.column_constraints()
        return CreateDomain(position, name, type_name, collation, constraints)

    # --- databases and extensions ------------------------------------------------------------------------------------

    def _create_database(self, position: int) -> Statement:
        self.index += 1
        name = self.column_id()
        self.accept("with")
        return CreateDatabase(position, name, self.database_options())

    def database_options(self) -> tuple[Option, ...]:
        """name [=] value, without commas; DEFAULT is no value."""
        found: list[Option] = []
        while True:
            position = self.position()
            kind = self.kinds[self.index]
            if kind == "connection":
                self.index += 1
                self.expect("limit")
                name = "connection_limit"
            elif kind == IDENT or kind in ("encoding", "location", "owner", "tablespace", "template"):
                self.index += 1
                name = self.values[self.index - 1]
            else:
                return tuple(found)
            self.accept("=")
            found.append(Option(position, name, self._database_value()))

    def _database_value(self) -> str | int | None:
        kind = self.kinds[self.index]
        if self.accept("default"):
            return None
        if kind in ("true", "false", "on") or kind in NON_RESERVED_WORD or kind == SCONST:
            self.index += 1
            return self.values[self.index - 1]
        number = self.number()
        return number if isinstance(number, int) else str(number)

    def _create_extension(self, position: int) -> Statement:
        self.index += 1
        if_not_exists = self.if_not_exists()
        name = self.column_id()
        self.accept("with")
        options: list[Option] = []
        while (kind := self.kinds[self.index]) in ("schema", "version", "cascade", "from"):
            at = self.position()
            self.index += 1
            if kind == "schema":
                options.append(Option(at, "schema", self.column_id()))
            elif kind == "cascade":
                options.append(Option(at, "cascade", True))
            elif kind == "version":
                options.append(Option(at, "version", self.word_or_string()))
            else:
                self.word_or_string()
                self.refuse("CREATE EXTENSION ... FROM is no longer supported", at, "0A000")
        return CreateExtension(position, name, if_not_exists, tuple(options))


def _recursive_query(position: int, name: str, columns: tuple[str, ...], query: Query) -> Query:
    """CREATE RECURSIVE VIEW v (c) AS q is CREATE VIEW v AS WITH RECURSIVE v (c) AS (q) SELECT c FROM v."""
    table = CommonTable(position, name, columns, query)
    targets = tuple([Target(position, ColumnRef(position, (column,))) for column in columns])
    body = Select(position, targets, (TableRef(position, (name,)),))
    return Query(position, body, WithClause(position, True, (table,)))
