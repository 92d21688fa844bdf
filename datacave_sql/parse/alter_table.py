"""AlterTableGrammar: ALTER TABLE and its relatives for indexes, sequences, views and composite types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from datacave_sql.parse.ast import (
    AddColumn,
    AddConstraint,
    AddIdentity,
    AlterAction,
    AlterColumnDefault,
    AlterColumnNotNull,
    AlterColumnOptions,
    AlterColumnStatistics,
    AlterColumnStorage,
    AlterColumnType,
    AlterConstraint,
    AlterSequence,
    AlterTable,
    AttachPartition,
    ColumnDefinition,
    DetachPartition,
    DropColumn,
    DropColumnExpression,
    DropConstraint,
    DropIdentity,
    InheritParent,
    OwnerTo,
    RecognisedStatement,
    Rename,
    SequenceOption,
    SetIdentity,
    SetOptions,
    SetSchema,
    Statement,
    TableRef,
    TableSwitch,
    ValidateConstraint,
)
from datacave_sql.parse.constraints import ConstraintAttributes
from datacave_sql.parse.lexer import ICONST
from datacave_sql.parse.tables import TableGrammar

AlterKind = Literal["table", "index", "sequence", "view", "materialized view", "foreign table", "type"]
_TAGS: dict[AlterKind, str] = {
    "table": "ALTER TABLE",
    "index": "ALTER INDEX",
    "materialized view": "ALTER MATERIALIZED VIEW",
}
_MEMBER_KINDS = frozenset(["table", "view", "materialized view", "foreign table"])


class AlterTableGrammar(TableGrammar):
    """AlterTableStmt, and RenameStmt and AlterObjectSchemaStmt for relations."""

    __slots__ = ()

    def alter_relation(self, position: int, kind: AlterKind) -> Statement:
        """The current token follows the word of the kind."""
        if self.kinds[self.index] == "all" and kind in _TAGS:
            return self._alter_all_in_tablespace(position, kind)
        if_exists = self.if_exists()
        table = self.relation() if kind in ("table", "foreign table") else self._plain_relation()
        kinds = self.kinds
        if kinds[self.index] == "rename":
            return self._rename(position, kind, table, if_exists)
        if kinds[self.index] == "set" and kinds[self.index + 1] == "schema":
            self.index += 2
            return SetSchema(position, kind, table.name, self.column_id(), if_exists)
        if kind == "sequence":
            options = self.sequence_options()
            if options:
                return AlterSequence(position, table.name, options, if_exists)
        if self._depends_follows():
            self.accept("no")
            self.expect_words("depends", "on", "extension")
            self.column_id()
            return RecognisedStatement(position, f"ALTER {kind.upper()}")
        actions = [self._action(kind)]
        while self.accept(","):
            actions.append(self._action(kind))
        return AlterTable(position, kind, table, tuple(actions), if_exists)

    def _plain_relation(self) -> TableRef:
        position = self.position()
        return TableRef(position, self.qualified_name())

    def _depends_follows(self) -> bool:
        kind = self.kinds[self.index]
        return kind == "depends" or (kind == "no" and self.kinds[self.index + 1] == "depends")

    def _alter_all_in_tablespace(self, position: int, kind: AlterKind) -> Statement:
        self.expect_words("all", "in", "tablespace")
        self.column_id()
        if self.accept("owned"):
            self.expect("by")
            self.roles()
        self.expect_words("set", "tablespace")
        self.column_id()
        self.accept("nowait")
        return RecognisedStatement(position, _TAGS[kind])

    def _rename(self, position: int, kind: AlterKind, table: TableRef, if_exists: bool) -> Statement:
        self.index += 1
        if self.accept("to"):
            return Rename(position, kind, table.name, self.column_id(), if_exists=if_exists)
        if kind not in _MEMBER_KINDS:
            raise self.syntax_error()
        member_kind = "column"
        if kind == "table" and self.accept("constraint"):
            member_kind = "constraint"
        else:
            self.accept("column")
        member = self.column_id()
        self.expect("to")
        new_name = self.column_id()
        return Rename(position, kind, table.name, new_name, member_kind, member, if_exists, only=table.only)

    # --- actions -----------------------------------------------------------------------------------------------------

    def _action(self, kind: AlterKind) -> AlterAction:
        word = self.kinds[self.index]
        rule = _ACTIONS.get(word)
        if rule is None:
            raise self.syntax_error()
        position = self.position()
        if word in ("attach", "detach"):
            return self._partition_action(position, kind)
        return rule(self, position)

    def _add(self, position: int) -> AlterAction:
        self.index += 1
        if self.at_table_constraint():
            return AddConstraint(position, self.table_constraint())
        self.accept("column")
        if_not_exists = self.if_not_exists()
        return AddColumn(position, self.column_definition(), if_not_exists)

    def _drop(self, position: int) -> AlterAction:
        self.index += 1
        if self.accept("constraint"):
            if_exists = self.if_exists()
            name = self.column_id()
            return DropConstraint(position, name, if_exists, self.cascade())
        self.accept("column")
        if_exists = self.kinds[self.index] == "if" and self.kinds[self.index + 1] == "exists"
        if if_exists:
            self.index += 2
        name = self.column_id()
        return DropColumn(position, name, if_exists, self.cascade())

    def _alter(self, position: int) -> AlterAction:
        self.index += 1
        if self.kinds[self.index] == "constraint":
            self.index += 1
            name = self.column_id()
            attributes = ConstraintAttributes()
            self.constraint_attributes(attributes, "FOREIGN KEY", {"DEFERRABLE"})
            return AlterConstraint(position, name, attributes.deferrable, attributes.initially_deferred)
        self.accept("column")
        if self.kinds[self.index] == ICONST:
            at = self.position()
            ordinal = self.integer()
            if not 0 < ordinal <= 32767:
                self.refuse("column number must be in range from 1 to 32767", at, "22023")
            self.expect_words("set", "statistics")
            return AlterColumnStatistics(position, ordinal, self.signed_integer())
        column = self.column_id()
        word = self.kinds[self.index]
        if word == "options":
            return AlterColumnOptions(position, column, self.generic_options(), False)
        if word == "type":
            return self._column_type(position, column)
        if word == "restart" or (word == "set" and self._identity_option_follows()):
            return self._set_identity(position, column)
        self.choose("set", "drop", "reset", "add")
        if word == "reset":
            return AlterColumnOptions(position, column, self.definition(), True)
        if word == "add":
            self.expect("generated")
            always = self.generated_when()
            self.expect_words("as", "identity")
            return AddIdentity(position, column, always, self.parenthesised_sequence_options())
        if word == "drop":
            return self._column_drop(position, column)
        return self._column_set(position, column)

    def _column_type(self, position: int, column: str) -> AlterAction:
        self.expect("type")
        type_name = self.type_name()
        collation = self.any_name() if self.accept("collate") else None
        using = self.expression() if self.accept("using") else None
        return AlterColumnType(position, column, type_name, collation, using)

    def _column_drop(self, position: int, column: str) -> AlterAction:
        word = self.choose("default", "not", "expression", "identity")
        if word == "default":
            return AlterColumnDefault(position, column, None)
        if word == "not":
            self.expect("null")
            return AlterColumnNotNull(position, column, False)
        if_exists = self.if_exists()
        if word == "expression":
            return DropColumnExpression(position, column, if_exists)
        return DropIdentity(position, column, if_exists)

    def _column_set(self, position: int, column: str) -> AlterAction:
        if self.kinds[self.index] == "(":
            return AlterColumnOptions(position, column, self.definition(), False)
        word = self.choose("default", "not", "statistics", "storage", "compression", "data")
        if word == "default":
            return AlterColumnDefault(position, column, self.expression())
        if word == "not":
            self.expect("null")
            return AlterColumnNotNull(position, column, True)
        if word == "statistics":
            return AlterColumnStatistics(position, column, self.signed_integer())
        if word == "storage":
            return AlterColumnStorage(position, column, "storage", self.column_id())
        if word == "compression":
            return AlterColumnStorage(position, column, "compression", self.compression_method())
        return self._column_type(position, column)

    def _identity_option_follows(self) -> bool:
        following = self.kinds[self.index + 1]
        return following in _IDENTITY_WORDS

    def _set_identity(self, position: int, column: str) -> AlterAction:
        always: bool | None = None
        options: list[SequenceOption] = []
        while (word := self.kinds[self.index]) in ("restart", "set"):
            if word == "set":
                self.index += 1
                if self.accept("generated"):
                    always = self.generated_when()
                    continue
            option = self.sequence_option()
            if option is None:
                raise self.syntax_error()
            options.append(option)
        return SetIdentity(position, column, always, tuple(options))

    def _partition_action(self, position: int, kind: AlterKind) -> AlterAction:
        word = self.kinds[self.index]
        self.index += 1
        self.expect("partition")
        table = self.qualified_name()
        if word == "attach":
            return AttachPartition(position, table, None if kind == "index" else self.partition_bound())
        if self.accept("concurrently"):
            return DetachPartition(position, table, "concurrently")
        return DetachPartition(position, table, "finalize" if self.accept("finalize") else "")

    def _set(self, position: int) -> AlterAction:
        self.index += 1
        if self.kinds[self.index] == "(":
            return SetOptions(position, self.definition(), False)
        word = self.choose("without", "logged", "unlogged", "access", "tablespace")
        if word == "without":
            return TableSwitch(position, f"set without {self.choose('oids', 'cluster')}")
        if word == "access":
            self.expect("method")
            return TableSwitch(position, "set access method", self.column_id())
        if word == "tablespace":
            return TableSwitch(position, "set tablespace", self.column_id())
        return TableSwitch(position, f"set {word}")

    def _reset(self, position: int) -> AlterAction:
        self.index += 1
        return SetOptions(position, self.definition(), True)

    def _owner(self, position: int) -> AlterAction:
        self.index += 1
        self.expect("to")
        return OwnerTo(position, self.role())

    def _validate(self, position: int) -> AlterAction:
        self.index += 1
        self.expect("constraint")
        return ValidateConstraint(position, self.column_id())

    def _cluster_on(self, position: int) -> AlterAction:
        self.index += 1
        self.expect("on")
        return TableSwitch(position, "cluster on", self.column_id())

    def _inherit(self, position: int) -> AlterAction:
        self.index += 1
        return InheritParent(position, self.qualified_name(), False)

    def _no(self, position: int) -> AlterAction:
        self.index += 1
        if self.accept("inherit"):
            return InheritParent(position, self.qualified_name(), True)
        self.expect_words("force", "row", "level", "security")
        return TableSwitch(position, "no force row level security")

    def _of(self, position: int) -> AlterAction:
        if self.accept("not"):
            self.expect("of")
            return TableSwitch(position, "not of")
        self.index += 1
        return TableSwitch(position, "of", ".".join(self.any_name()))

    def _enable(self, position: int) -> AlterAction:
        verb = self.kinds[self.index]
        self.index += 1
        if self.accept("row"):
            self.expect_words("level", "security")
            return TableSwitch(position, f"{verb} row level security")
        if verb == "force":
            raise self.syntax_error()
        if verb == "enable" and self.kinds[self.index] in ("always", "replica"):
            verb += " " + self.kinds[self.index]
            self.index += 1
        what = self.choose("trigger", "rule")
        if what == "trigger" and " " not in verb and self.kinds[self.index] in ("all", "user"):
            self.index += 1
            return TableSwitch(position, f"{verb} trigger", self.kinds[self.index - 1])
        return TableSwitch(position, f"{verb} {what}", self.column_id())

    def _replica(self, position: int) -> AlterAction:
        self.index += 1
        self.expect("identity")
        word = self.choose("nothing", "full", "default", "using")
        if word == "using":
            self.expect("index")
            return TableSwitch(position, "replica identity using index", self.column_id())
        return TableSwitch(position, f"replica identity {word}")

    def _options(self, position: int) -> AlterAction:
        return SetOptions(position, self.generic_options(), False)

    def _partition_rule(self, position: int) -> AlterAction:
        return self._partition_action(position, "table")

    # --- composite types ---------------------------------------------------------------------------------------------

    def alter_attributes(self, position: int, table: TableRef) -> Statement:
        """ALTER TYPE name ADD|DROP|ALTER ATTRIBUTE .., .."""
        actions = [self._attribute_action()]
        while self.accept(","):
            actions.append(self._attribute_action())
        return AlterTable(position, "type", table, tuple(actions))

    def _attribute_action(self) -> AlterAction:
        position = self.position()
        word = self.choose("add", "drop", "alter")
        self.expect("attribute")
        if word == "add":
            item = self.column_definition_item()
            column = ColumnDefinition(item.position, item.name, item.type_name, item.collation)
            return AddColumn(position, column, False, self.cascade())
        if word == "drop":
            if_exists = self.if_exists()
            name = self.column_id()
            return DropColumn(position, name, if_exists, self.cascade())
        name = self.column_id()
        if self.accept("set"):
            self.expect("data")
        self.expect("type")
        type_name = self.type_name()
        collation = self.any_name() if self.accept("collate") else None
        return AlterColumnType(position, name, type_name, collation, None, self.cascade())


_IDENTITY_WORDS = frozenset(["generated", "as", "cache", "cycle", "no", "increment", "logged", "maxvalue", "minvalue"])
_IDENTITY_WORDS |= {"owned", "sequence", "start", "restart", "unlogged"}
_ACTIONS: dict[str, Callable[[AlterTableGrammar, int], AlterAction]] = {
    "add": AlterTableGrammar._add,
    "drop": AlterTableGrammar._drop,
    "alter": AlterTableGrammar._alter,
    "attach": AlterTableGrammar._partition_rule,
    "detach": AlterTableGrammar._partition_rule,
    "set": AlterTableGrammar._set,
    "reset": AlterTableGrammar._reset,
    "owner": AlterTableGrammar._owner,
    "validate": AlterTableGrammar._validate,
    "cluster": AlterTableGrammar._cluster_on,
    "inherit": AlterTableGrammar._inherit,
    "no": AlterTableGrammar._no,
    "of": AlterTableGrammar._of,
    "not": AlterTableGrammar._of,
    "enable": AlterTableGrammar._enable,
    "disable": AlterTableGrammar._enable,
    "force": AlterTableGrammar._enable,
    "replica": AlterTableGrammar._replica,
    "options": AlterTableGrammar._options,
}
