"""AlterationGrammar: ALTER, by the words that follow; relations are read in `alter_table.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from datacave_sql.parse.alter_table import AlterKind
from datacave_sql.parse.ast import (
    AlterDatabase,
    AlterDomain,
    AlterEnumType,
    AlterFunction,
    AlterSettings,
    AlterStatistics,
    ChangeOwner,
    Option,
    QualifiedName,
    RecognisedStatement,
    Rename,
    ResetParameter,
    SetParameter,
    SetSchema,
    SetTransaction,
    Statement,
    TableRef,
)
from datacave_sql.parse.creation import CreationGrammar
from datacave_sql.parse.object_names import ROUTINE_KINDS

_RELATIONS: dict[tuple[str, ...], AlterKind] = {
    ("table",): "table",
    ("index",): "index",
    ("sequence",): "sequence",
    ("view",): "view",
    ("materialized", "view"): "materialized view",
    ("foreign", "table"): "foreign table",
}
_RECOGNISED: dict[tuple[str, ...], str] = {
    ("foreign", "data", "wrapper"): "ALTER FOREIGN DATA WRAPPER",
    ("large", "object"): "ALTER LARGE OBJECT",
    ("user", "mapping"): "ALTER USER MAPPING",
    ("server",): "ALTER SERVER",
    ("publication",): "ALTER PUBLICATION",
    ("subscription",): "ALTER SUBSCRIPTION",
    ("tablespace",): "ALTER TABLESPACE",
    ("event", "trigger"): "ALTER EVENT TRIGGER",
    ("extension",): "ALTER EXTENSION",
    ("collation",): "ALTER COLLATION",
    ("language",): "ALTER LANGUAGE",
    ("procedural", "language"): "ALTER LANGUAGE",
}


class AlterationGrammar(CreationGrammar):
    """Every ALTER."""

    __slots__ = ()

    def alter(self) -> Statement:
        position = self.position()
        self.index += 1
        for words, relation in _RELATIONS.items():
            if self.accept_words(*words):
                return self.alter_relation(position, relation)
        kind = self.kinds[self.index]
        following = self.kinds[self.index + 1] if kind != "END" else "END"
        if kind in ("role", "user", "group") and following != "mapping":
            self.index += 1
            return self._alter_role(position, kind)
        if kind == "type":
            return self._alter_type(position)
        if kind == "domain":
            return self._alter_domain(position)
        if kind == "database":
            return self._alter_database(position)
        if kind == "schema":
            self.index += 1
            return self._plain_change(position, "schema", (self.column_id(),))
        if kind == "system":
            self.index += 1
            return self._alter_system(position)
        if kind == "default" and following == "privileges":
            self.index += 2
            return self.alter_default_privileges(position)
        if kind in ROUTINE_KINDS or kind == "aggregate":
            self.index += 1
            return self._alter_routine(position, kind)
        if kind in ("trigger", "rule", "policy"):
            self.index += 1
            return self._alter_member(position, kind)
        if kind == "statistics":
            self.index += 1
            return self._alter_statistics(position)
        for words, tag in _RECOGNISED.items():
            if self.accept_words(*words):
                return self.recognised(position, tag)
        return self._alter_named(position, kind)

    def _alter_named(self, position: int, kind: str) -> Statement:
        """Text search objects, conversions, operators with their classes and families."""
        if self.accept("conversion"):
            return self._plain_change(position, "conversion", self.any_name())
        if self.accept_words("text", "search"):
            word = self.choose("configuration", "dictionary", "parser", "template")
            name = self.any_name()
            found: Statement | None = None
            if word == "configuration":
                found = self.alter_configuration(position, name)
            elif word == "dictionary":
                found = self.alter_dictionary(position, name)
            return found or self._plain_change(position, f"text search {word}", name)
        if kind != "operator":
            raise self.syntax_error()
        self.index += 1
        if self.kinds[self.index] not in ("class", "family"):
            return self.alter_operator(position)
        word = self.choose("class", "family")
        name = self.any_name()
        self.expect("using")
        method = self.column_id()
        found = self.alter_operator_family(position, name, method) if word == "family" else None
        if found is not None:
            return found
        change = self._plain_change(position, f"operator {word}", name)
        assert isinstance(change, Rename | ChangeOwner | SetSchema)
        return replace(change, method=method)

    def _alter_statistics(self, position: int) -> Statement:
        if_exists = self.if_exists()
        name = self.qualified_name()
        if if_exists or (self.kinds[self.index] == "set" and self.kinds[self.index + 1] == "statistics"):
            self.expect_words("set", "statistics")
            return AlterStatistics(position, name, self.signed_integer(), if_exists)
        return self._plain_change(position, "statistics object", name)

    def _plain_change(self, position: int, kind: str, name: QualifiedName) -> Statement:
        """RENAME TO, OWNER TO or SET SCHEMA."""
        word = self.choose("rename", "owner", "set")
        if word == "set":
            self.expect("schema")
            return SetSchema(position, kind, name, self.column_id())
        self.expect("to")
        if word == "owner":
            return ChangeOwner(position, kind, name, self.role())
        return Rename(position, kind, name, self.column_id())

    # --- roles and databases -----------------------------------------------------------------------------------------

    def _alter_role(self, position: int, kind: str) -> Statement:
        name: str | None = None
        if kind == "group" or not self.accept("all"):
            name = self.role()
            if self.accept_words("rename", "to"):
                return Rename(position, "role", (name,), self.role())
            if kind == "group":
                return self.alter_group(position, name)
        database: str | None = None
        within = self.accept_words("in", "database")
        if within:
            database = self.column_id()
        if self.kinds[self.index] in ("set", "reset"):
            return self._settings(position, "role", name, database)
        if name is None or within:
            raise self.syntax_error()
        return self.alter_role_options(position, name)

    def _settings(
        self, position: int, scope: Literal["role", "database", "system"], role: str | None, database: str | None
    ) -> Statement:
        at = self.position()
        setting: SetParameter | ResetParameter | SetTransaction
        setting = self.set_rest(at, False) if self.accept("set") else self.reset_parameter(at)
        if isinstance(setting, SetTransaction):
            return RecognisedStatement(position, f"ALTER {scope.upper()} SET TRANSACTION")
        return AlterSettings(position, scope, setting, role, database)

    def _alter_database(self, position: int) -> Statement:
        self.index += 1
        name = self.column_id()
        kind = self.kinds[self.index]
        following = self.kinds[self.index + 1] if kind != "END" else "END"
        if kind in ("rename", "owner") and following == "to":
            return self._plain_change(position, "database", (name,))
        if self.accept_words("refresh", "collation", "version"):
            return RecognisedStatement(position, "ALTER DATABASE")
        if kind == "set" and following == "tablespace":
            self.index += 2
            self.column_id()
            return RecognisedStatement(position, "ALTER DATABASE")
        if kind in ("set", "reset"):
            return self._settings(position, "database", None, name)
        self.accept("with")
        return AlterDatabase(position, name, self.database_options())

    def _alter_system(self, position: int) -> Statement:
        if self.kinds[self.index] not in ("set", "reset"):
            raise self.syntax_error()
        return self._settings(position, "system", None, None)

    # --- types and domains -------------------------------------------------------------------------------------------

    def _alter_type(self, position: int) -> Statement:
        self.index += 1
        at = self.position()
        name = self.any_name()
        kind = self.kinds[self.index]
        following = self.kinds[self.index + 1] if kind != "END" else "END"
        if following == "attribute":
            if kind == "rename":
                self.index += 2
                member = self.column_id()
                self.expect("to")
                new_name = self.column_id()
                return Rename(position, "type", name, new_name, "attribute", member, False, self.cascade())
            return self.alter_attributes(position, TableRef(at, name))
        if kind == "add" and following == "value":
            self.index += 2
            return self._add_enum_value(position, name)
        if kind == "rename" and following == "value":
            self.index += 2
            old = self.string()
            self.expect("to")
            return AlterEnumType(position, name, self.string(), old)
        if kind == "set" and following == "(":
            return self.recognised(position, "ALTER TYPE")
        return self._plain_change(position, "type", name)

    def _add_enum_value(self, position: int, name: QualifiedName) -> Statement:
        if_not_exists = self.if_not_exists()
        label = self.string()
        neighbour: str | None = None
        after = True
        if self.kinds[self.index] in ("before", "after"):
            after = self.kinds[self.index] == "after"
            self.index += 1
            neighbour = self.string()
        return AlterEnumType(position, name, label, None, neighbour, after, if_not_exists)

    def _alter_domain(self, position: int) -> Statement:
        self.index += 1
        name = self.any_name()
        kind = self.kinds[self.index]
        following = self.kinds[self.index + 1] if kind != "END" else "END"
        if kind == "rename" and following == "constraint":
            self.index += 2
            member = self.column_id()
            self.expect("to")
            return Rename(position, "domain", name, self.column_id(), "constraint", member)
        if kind in ("rename", "owner") or (kind == "set" and following == "schema"):
            return self._plain_change(position, "domain", name)
        if kind == "validate":
            self.index += 1
            self.expect("constraint")
            return AlterDomain(position, name, "validate", constraint_name=self.column_id())
        if kind == "add":
            self.index += 1
            if not self.at_table_constraint():
                raise self.syntax_error()
            return AlterDomain(position, name, "add constraint", constraint=self.table_constraint())
        self.choose("set", "drop")
        if kind == "drop" and self.accept("constraint"):
            if_exists = self.if_exists()
            member = self.column_id()
            return AlterDomain(position, name, "drop constraint", None, None, member, if_exists, self.cascade())
        word = self.choose("default", "not")
        if word == "not":
            self.expect("null")
            return AlterDomain(position, name, "set not null" if kind == "set" else "drop not null")
        if kind == "set":
            return AlterDomain(position, name, "set default", self.expression())
        return AlterDomain(position, name, "drop default")

    # --- routines and members of tables ------------------------------------------------------------------------------

    def _alter_routine(self, position: int, kind: str) -> Statement:
        signature = self.aggregate_signature() if kind == "aggregate" else self.signature()
        word = self.kinds[self.index]
        following = self.kinds[self.index + 1] if word != "END" else "END"
        tag = f"ALTER {kind.upper()}"
        if (word in ("rename", "owner") and following == "to") or (word == "set" and following == "schema"):
            change = self._plain_change(position, kind, signature.name)
            assert isinstance(change, Rename | ChangeOwner | SetSchema)
            return replace(change, signature=signature)
        if kind == "aggregate":
            raise self.syntax_error()
        if word in ("no", "depends"):
            self.accept("no")
            self.expect_words("depends", "on", "extension")
            self.column_id()
            return RecognisedStatement(position, tag)
        options: list[Option] = []
        while (option := self.function_option(creating=False)) is not None:
            options.append(option)
        if not options:
            raise self.syntax_error()
        self.accept("restrict")
        return AlterFunction(position, kind, signature, tuple(options))

    def _alter_member(self, position: int, kind: str) -> Statement:
        if_exists = kind == "policy" and self.if_exists()
        member = self.column_id()
        self.expect("on")
        table = self.qualified_name()
        if self.accept_words("rename", "to"):
            return Rename(position, kind, table, self.column_id(), kind, member, if_exists)
        if kind == "policy":
            return self.alter_policy(position, member, table)
        return self.recognised(position, f"ALTER {kind.upper()}")
