"""NamedObjectGrammar: CREATE and ALTER of text search objects, conversions, operator classes and families."""

from __future__ import annotations

from typing import Literal

from datacave_sql.parse.ast import (
    AlterConfiguration,
    AlterDictionary,
    AlterOperator,
    AlterOperatorFamily,
    ClassFunction,
    ClassOperator,
    ClassStorage,
    CreateConversion,
    CreateOperatorClass,
    CreateOperatorFamily,
    DefineTextSearch,
    FamilyMember,
    QualifiedName,
    Statement,
    TypeName,
)
from datacave_sql.parse.rules import RuleGrammar

_ClassItem = ClassOperator | ClassFunction | ClassStorage


class NamedObjectGrammar(RuleGrammar):
    """DefineStmt for text search, AlterTSConfigurationStmt, CreateConversionStmt, CreateOpClassStmt and kin."""

    __slots__ = ()

    # --- text search -------------------------------------------------------------------------------------------------

    def define_text_search(self, position: int, kind: str) -> Statement:
        """The current token follows CREATE TEXT SEARCH kind."""
        return DefineTextSearch(position, kind, self.any_name(), self.definition_items())

    def alter_configuration(self, position: int, name: QualifiedName) -> Statement | None:
        """ADD, ALTER or DROP MAPPING; None where something else follows the name."""
        action: Literal["add", "alter", "drop"]
        word = self.kinds[self.index]
        if word == "add":
            action = "add"
        elif word == "alter":
            action = "alter"
        elif word == "drop":
            action = "drop"
        else:
            return None
        self.index += 1
        self.expect("mapping")
        if action == "drop":
            if_exists = self.if_exists()
            self.expect("for")
            return AlterConfiguration(position, name, "drop", self.names(), (), if_exists)
        tokens: tuple[str, ...] | None = None
        if action == "add":
            self.expect("for")
            tokens = self.names()
        elif self.accept("for"):
            tokens = self.names()
        if action == "alter" and self.accept("replace"):
            old = self.any_name()
            self.expect("with")
            return AlterConfiguration(position, name, "replace", tokens, (old, self.any_name()))
        self.expect("with")
        return AlterConfiguration(position, name, action, tokens, self.any_names())

    def alter_dictionary(self, position: int, name: QualifiedName) -> Statement | None:
        """(items) after the name; None where something else follows."""
        return AlterDictionary(position, name, self.definition_items()) if self.kinds[self.index] == "(" else None

    # --- conversions -------------------------------------------------------------------------------------------------

    def create_conversion(self, position: int, default: bool) -> Statement:
        """The current token follows CONVERSION."""
        name = self.any_name()
        self.expect("for")
        source = self.string()
        self.expect("to")
        target = self.string()
        self.expect("from")
        return CreateConversion(position, name, source, target, self.any_name(), default)

    # --- operator classes and families -------------------------------------------------------------------------------

    def create_operator_class(self, position: int) -> Statement:
        """The current token follows OPERATOR CLASS."""
        name = self.any_name()
        default = self.accept("default")
        self.expect_words("for", "type")
        type_name = self.type_name()
        self.expect("using")
        method = self.column_id()
        family = self.any_name() if self.accept("family") else None
        self.expect("as")
        return CreateOperatorClass(position, name, default, type_name, method, family, self._class_items())

    def create_operator_family(self, position: int) -> Statement:
        """The current token follows OPERATOR FAMILY."""
        name = self.any_name()
        self.expect("using")
        return CreateOperatorFamily(position, name, self.column_id())

    def alter_operator_family(self, position: int, name: QualifiedName, method: str) -> Statement | None:
        """ADD items or DROP members; None where something else follows the method."""
        if self.accept("add"):
            return AlterOperatorFamily(position, name, method, self._class_items())
        if not self.accept("drop"):
            return None
        members = [self._family_member()]
        while self.accept(","):
            members.append(self._family_member())
        return AlterOperatorFamily(position, name, method, (), tuple(members))

    def _class_items(self) -> tuple[_ClassItem, ...]:
        items = [self._class_item()]
        while self.accept(","):
            items.append(self._class_item())
        return tuple(items)

    def _class_item(self) -> _ClassItem:
        position = self.position()
        word = self.choose("operator", "function", "storage")
        if word == "storage":
            return ClassStorage(position, self.type_name())
        number = self.signed_integer()
        if word == "function":
            types = self._types_in_parentheses() if self.accept("(") else ()
            return ClassFunction(position, number, self.signature(), types)
        sort_family: QualifiedName | None = None
        written: tuple[TypeName | None, TypeName | None] | None = None
        start = self.index
        schema, operator = self.any_operator()
        name: QualifiedName = (*schema, operator)
        if self.kinds[self.index] == "(":
            self.index = start
            name, left, right = self.operator_with_types()
            written = (left, right)
        if self.accept("for"):
            if self.accept("search"):
                return ClassOperator(position, number, name, written)
            self.expect_words("order", "by")
            sort_family = self.any_name()
        self.accept("recheck")
        return ClassOperator(position, number, name, written, sort_family)

    def _types_in_parentheses(self) -> tuple[TypeName, ...]:
        types = [self.type_name()]
        while self.accept(","):
            types.append(self.type_name())
        self.expect(")")
        return tuple(types)

    def _family_member(self) -> FamilyMember:
        position = self.position()
        word: Literal["operator", "function"] = "operator"
        if self.choose("operator", "function") == "function":
            word = "function"
        number = self.signed_integer()
        self.expect("(")
        return FamilyMember(position, word, number, self._types_in_parentheses())

    # --- operators ---------------------------------------------------------------------------------------------------

    def alter_operator(self, position: int) -> Statement:
        """The current token follows OPERATOR."""
        name, left, right = self.operator_with_types()
        if self.accept_words("owner", "to"):
            return AlterOperator(position, name, left, right, role=self.role())
        self.expect("set")
        if self.accept("schema"):
            return AlterOperator(position, name, left, right, schema=self.column_id())
        return AlterOperator(position, name, left, right, self.definition_items())
