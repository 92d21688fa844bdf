"""ConstraintGrammar: column definitions, column and table constraints, sequence options, storage options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from datacave_sql.parse.ast import (
    CheckConstraint,
    ColumnDefinition,
    Constraint,
    DefaultConstraint,
    ExclusionConstraint,
    ForeignKeyConstraint,
    GeneratedConstraint,
    IdentityConstraint,
    IndexElement,
    NotNullConstraint,
    NullConstraint,
    QualifiedName,
    ReferentialAction,
    SequenceOption,
    StorageOption,
    TableRef,
    UniqueConstraint,
)
from datacave_sql.parse.keywords import COLUMN_ID
from datacave_sql.parse.session import SessionGrammar

_CONSTRAINT_WORDS = frozenset(["constraint", "check", "unique", "primary", "exclude", "foreign"])


class ConstraintAttributes:
    """DEFERRABLE, INITIALLY DEFERRED, NOT VALID, NO INHERIT as they are collected after a constraint."""

    __slots__ = ("deferrable", "initially_deferred", "no_inherit", "not_valid")

    def __init__(self) -> None:
        self.deferrable: bool | None = None
        self.initially_deferred: bool | None = None
        self.not_valid = False
        self.no_inherit = False


class ConstraintGrammar(SessionGrammar):
    """columnDef, ColConstraint, TableConstraint, SeqOptElem, reloptions."""

    __slots__ = ()

    # --- columns -----------------------------------------------------------------------------------------------------

    def column_definition(self) -> ColumnDefinition:
        """name type [COMPRESSION m] [OPTIONS (..)] constraints."""
        position = self.position()
        name = self.column_id()
        type_name = self.type_name()
        compression = self.compression_method() if self.accept("compression") else None
        options = self.generic_options() if self.kinds[self.index] == "options" else ()
        constraints, collation = self.column_constraints()
        return ColumnDefinition(position, name, type_name, collation, constraints, compression, options)

    def typed_column(self) -> ColumnDefinition:
        """name [WITH OPTIONS] constraints, in a typed table or a partition."""
        position = self.position()
        name = self.column_id()
        if self.accept("with"):
            self.expect("options")
        constraints, collation = self.column_constraints()
        return ColumnDefinition(position, name, None, collation, constraints)

    def compression_method(self) -> str:
        """The name after COMPRESSION."""
        return "default" if self.accept("default") else self.column_id()

    def column_constraints(self) -> tuple[tuple[Constraint, ...], QualifiedName | None]:
        """Constraints and COLLATE after a column's or domain's type. Attributes go to the constraint before them."""
        found: list[Constraint] = []
        collation: QualifiedName | None = None
        kinds = self.kinds
        while True:
            position = self.position()
            if kinds[self.index] == "collate":
                if collation is not None:
                    self.refuse("multiple COLLATE clauses not allowed", position)
                self.index += 1
                collation = self.any_name()
                continue
            name = self.column_id() if self.accept("constraint") else None
            rule = _COLUMN_RULES.get(kinds[self.index])
            if rule is None or (kinds[self.index] == "not" and kinds[self.index + 1] == "deferrable"):
                if name is not None:
                    raise self.syntax_error()
                return tuple(found), collation
            found.append(self._with_attributes(rule, position, name))

    def _with_attributes(
        self,
        rule: Callable[[ConstraintGrammar, int, str | None, ConstraintAttributes], Constraint],
        position: int,
        name: str | None,
    ) -> Constraint:
        """Reads a column constraint twice where attributes follow it, since the node cannot be changed afterwards."""
        start = self.index
        attributes = ConstraintAttributes()
        found = rule(self, position, name, attributes)
        if not self.column_attributes(attributes, found):
            return found
        end = self.index
        self.index = start
        found = rule(self, position, name, attributes)
        self.index = end
        return found

    def column_attributes(self, attributes: ConstraintAttributes, owner: Constraint) -> bool:
        """DEFERRABLE and INITIALLY after a column constraint; only keys and references may be deferred."""
        kinds = self.kinds
        seen = False
        while True:
            position = self.position()
            deferring = not isinstance(owner, UniqueConstraint | ForeignKeyConstraint)
            if kinds[self.index] == "deferrable":
                self._one_of("DEFERRABLE", deferring, attributes.deferrable is not None, position)
                attributes.deferrable = True
                self.index += 1
            elif kinds[self.index] == "not" and kinds[self.index + 1] == "deferrable":
                self._one_of("NOT DEFERRABLE", deferring, attributes.deferrable is not None, position)
                attributes.deferrable = False
                self.index += 2
            elif kinds[self.index] == "initially":
                self.index += 1
                deferred = self.choose("deferred", "immediate") == "deferred"
                word = "DEFERRED" if deferred else "IMMEDIATE"
                self._one_of(f"INITIALLY {word}", deferring, attributes.initially_deferred is not None, position)
                attributes.initially_deferred = deferred
            else:
                return seen
            seen = True

    def _one_of(self, word: str, misplaced: bool, repeated: bool, position: int) -> None:
        if misplaced:
            self.refuse(f"misplaced {word} clause", position)
        if repeated:
            family = "INITIALLY IMMEDIATE/DEFERRED" if word.startswith("INITIALLY") else "DEFERRABLE/NOT DEFERRABLE"
            self.refuse(f"multiple {family} clauses not allowed", position)

    # --- column constraints ------------------------------------------------------------------------------------------

    def _not_null(self, position: int, name: str | None, _attributes: ConstraintAttributes) -> Constraint:
        self.index += 1
        self.expect("null")
        return NotNullConstraint(position, name)

    def _null(self, position: int, name: str | None, _attributes: ConstraintAttributes) -> Constraint:
        self.index += 1
        return NullConstraint(position, name)

    def _default(self, position: int, name: str | None, _attributes: ConstraintAttributes) -> Constraint:
        self.index += 1
        return DefaultConstraint(position, name, expression=self.restricted_expression())

    def _column_check(self, position: int, name: str | None, _attributes: ConstraintAttributes) -> Constraint:
        self.index += 1
        self.expect("(")
        expression = self.expression()
        self.expect(")")
        no_inherit = self.accept("no")
        if no_inherit:
            self.expect("inherit")
        return CheckConstraint(position, name, no_inherit=no_inherit, expression=expression)

    def _generated(self, position: int, name: str | None, _attributes: ConstraintAttributes) -> Constraint:
        self.index += 1
        at = self.position()
        always = self.generated_when()
        self.expect("as")
        if self.accept("identity"):
            return IdentityConstraint(position, name, always=always, options=self.parenthesised_sequence_options())
        self.expect("(")
        expression = self.expression()
        self.expect(")")
        self.expect("stored")
        if not always:
            self.refuse("for a generated column, GENERATED ALWAYS must be specified", at)
        return GeneratedConstraint(position, name, expression=expression)

    def generated_when(self) -> bool:
        """ALWAYS (true) or BY DEFAULT (false)."""
        if self.choose("always", "by") == "always":
            return True
        self.expect("default")
        return False

    def _column_key(self, position: int, name: str | None, attributes: ConstraintAttributes) -> Constraint:
        primary = self.kinds[self.index] == "primary"
        self.index += 1
        if primary:
            self.expect("key")
        distinct_nulls = not primary and self.nulls_not_distinct()
        return UniqueConstraint(
            position,
            name,
            attributes.deferrable,
            attributes.initially_deferred,
            primary=primary,
            nulls_not_distinct=distinct_nulls,
            options=self.definition() if self.accept("with") else (),
            tablespace=self._index_tablespace(),
        )

    def nulls_not_distinct(self) -> bool:
        """NULLS [NOT] DISTINCT, or nothing."""
        if self.kinds[self.index] != "nulls" or self.kinds[self.index + 1] not in ("not", "distinct"):
            return False
        self.index += 1
        negated = self.accept("not")
        self.expect("distinct")
        return negated

    def _index_tablespace(self) -> str | None:
        if not self.accept("using"):
            return None
        self.expect_words("index", "tablespace")
        return self.column_id()

    def _references(
        self,
        position: int,
        name: str | None,
        attributes: ConstraintAttributes,
        columns: tuple[str, ...] = (),
    ) -> ForeignKeyConstraint:
        self.expect("references")
        at = self.position()
        referenced = TableRef(at, self.qualified_name())
        referenced_columns = self.optional_names_in_parentheses()
        match: Literal["simple", "full", "partial"] = "simple"
        at = self.position()
        if self.accept("match"):
            word = self.choose("full", "partial", "simple")
            if word == "partial":
                self.refuse("MATCH PARTIAL not yet implemented", at, "0A000")
            match = "full" if word == "full" else "simple"
        on_delete: ReferentialAction = "no action"
        on_update: ReferentialAction = "no action"
        delete_columns: tuple[str, ...] = ()
        seen: set[str] = set()
        while self.kinds[self.index] == "on" and self.kinds[self.index + 1] in {"delete", "update"} - seen:
            at = self.position()
            self.index += 2
            event = self.kinds[self.index - 1]
            seen.add(event)
            action, action_columns = self._referential_action()
            if event == "delete":
                on_delete, delete_columns = action, action_columns
            else:
                if action_columns:
                    self.refuse(
                        f"a column list with {action.upper()} is only supported for ON DELETE actions", at, "0A000"
                    )
                on_update = action
        return ForeignKeyConstraint(
            position,
            name,
            attributes.deferrable,
            attributes.initially_deferred,
            attributes.not_valid,
            referenced=referenced,
            columns=columns,
            referenced_columns=referenced_columns,
            match=match,
            on_delete=on_delete,
            on_update=on_update,
            delete_columns=delete_columns,
        )

    def _column_references(self, position: int, name: str | None, attributes: ConstraintAttributes) -> Constraint:
        return self._references(position, name, attributes)

    def _referential_action(self) -> tuple[ReferentialAction, tuple[str, ...]]:
        word = self.choose("no", "restrict", "cascade", "set")
        if word == "no":
            self.expect("action")
            return "no action", ()
        if word == "restrict":
            return "restrict", ()
        if word == "cascade":
            return "cascade", ()
        target: ReferentialAction = "set null" if self.choose("null", "default") == "null" else "set default"
        return target, self.optional_names_in_parentheses()

    # --- table constraints -------------------------------------------------------------------------------------------

    def at_table_constraint(self) -> bool:
        """Whether a table constraint begins here, not a column."""
        return self.kinds[self.index] in _CONSTRAINT_WORDS

    def table_constraint(self) -> Constraint:
        """[CONSTRAINT name] CHECK, UNIQUE, PRIMARY KEY, EXCLUDE or FOREIGN KEY with attributes."""
        position = self.position()
        name = self.column_id() if self.accept("constraint") else None
        kind = self.choose("check", "unique", "primary", "exclude", "foreign")
        start = self.index
        attributes = ConstraintAttributes()
        found = self._table_constraint(kind, position, name, attributes)
        if not self._table_attributes(kind, attributes):
            return found
        end = self.index
        self.index = start
        found = self._table_constraint(kind, position, name, attributes)
        self.index = end
        return found

    def _table_constraint(
        self, kind: str, position: int, name: str | None, attributes: ConstraintAttributes
    ) -> Constraint:
        if kind == "check":
            self.expect("(")
            expression = self.expression()
            self.expect(")")
            return CheckConstraint(
                position, name, None, None, attributes.not_valid, attributes.no_inherit, expression=expression
            )
        if kind == "foreign":
            self.expect("key")
            columns = self.names_in_parentheses()
            return self._references(position, name, attributes, columns)
        if kind == "exclude":
            return self._exclusion_constraint(position, name, attributes)
        primary = kind == "primary"
        if primary:
            self.expect("key")
        nulls_not_distinct = not primary and self.nulls_not_distinct()
        if self.kinds[self.index] == "using":
            self.index += 1
            self.expect("index")
            return UniqueConstraint(
                position,
                name,
                attributes.deferrable,
                attributes.initially_deferred,
                primary=primary,
                index_name=self.column_id(),
            )
        columns = self.names_in_parentheses()
        return UniqueConstraint(
            position,
            name,
            attributes.deferrable,
            attributes.initially_deferred,
            primary=primary,
            columns=columns,
            including=self.names_in_parentheses() if self.accept("include") else (),
            nulls_not_distinct=nulls_not_distinct,
            options=self.definition() if self.accept("with") else (),
            tablespace=self._index_tablespace(),
        )

    def _exclusion_constraint(self, position: int, name: str | None, attributes: ConstraintAttributes) -> Constraint:
        method = self.column_id() if self.accept("using") else "btree"
        self.expect("(")
        elements: list[tuple[IndexElement, QualifiedName]] = []
        while True:
            element = self.index_element()
            self.expect("with")
            if self.kinds[self.index] == "operator":
                schema, operator = self.operator_name()
            else:
                schema, operator = self.any_operator()
            elements.append((element, (*schema, operator)))
            if not self.accept(","):
                break
        self.expect(")")
        including = self.names_in_parentheses() if self.accept("include") else ()
        options = self.definition() if self.accept("with") else ()
        tablespace = self._index_tablespace()
        where = None
        if self.accept("where"):
            self.expect("(")
            where = self.expression()
            self.expect(")")
        return ExclusionConstraint(
            position,
            name,
            attributes.deferrable,
            attributes.initially_deferred,
            access_method=method,
            elements=tuple(elements),
            including=including,
            options=options,
            tablespace=tablespace,
            where=where,
        )

    def _table_attributes(self, kind: str, attributes: ConstraintAttributes) -> bool:
        label = {
            "check": "CHECK",
            "unique": "UNIQUE",
            "primary": "PRIMARY KEY",
            "exclude": "EXCLUDE",
            "foreign": "FOREIGN KEY",
        }
        allowed = {"check": {"NOT VALID", "NO INHERIT"}, "foreign": {"DEFERRABLE", "NOT VALID"}}.get(
            kind, {"DEFERRABLE"}
        )
        return self.constraint_attributes(attributes, label[kind], allowed)

    def constraint_attributes(self, attributes: ConstraintAttributes, label: str, allowed: set[str]) -> bool:
        """Attributes in any order; `label` names the constraint when one does not belong to it."""
        kinds = self.kinds
        seen = False
        while True:
            position = self.position()
            kind = kinds[self.index]
            following = kinds[self.index + 1] if kind != "END" else "END"
            family = "DEFERRABLE"
            if kind == "deferrable" or (kind == "not" and following == "deferrable"):
                self.index += 1 if kind == "deferrable" else 2
                value = kind == "deferrable"
                if attributes.deferrable is not None and attributes.deferrable != value:
                    self.refuse("conflicting constraint properties", position)
                if not value and attributes.initially_deferred:
                    self.refuse("constraint declared INITIALLY DEFERRED must be DEFERRABLE", position)
                attributes.deferrable = value
            elif kind == "initially":
                self.index += 1
                deferred = self.choose("deferred", "immediate") == "deferred"
                if attributes.initially_deferred is not None and attributes.initially_deferred != deferred:
                    self.refuse("conflicting constraint properties", position)
                if deferred and attributes.deferrable is False:
                    self.refuse("constraint declared INITIALLY DEFERRED must be DEFERRABLE", position)
                attributes.initially_deferred = deferred
            elif kind == "not" and following == "valid":
                self.index += 2
                family = "NOT VALID"
                attributes.not_valid = True
            elif kind == "no" and following == "inherit":
                self.index += 2
                family = "NO INHERIT"
                attributes.no_inherit = True
            else:
                return seen
            if family not in allowed:
                self.refuse(f"{label} constraints cannot be marked {family}", None, "0A000")
            seen = True

    # --- options -----------------------------------------------------------------------------------------------------

    def definition(self) -> tuple[StorageOption, ...]:
        """(name = value, ..), values as text; also `namespace.name`."""
        self.expect("(")
        found: list[StorageOption] = []
        while True:
            position = self.position()
            name = self.column_label()
            namespace = None
            if self.accept("."):
                namespace, name = name, self.column_label()
            value = self.definition_value() if self.accept("=") else None
            found.append(StorageOption(position, name, value, namespace))
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(found)

    def generic_options(self) -> tuple[StorageOption, ...]:
        """OPTIONS (name 'value', ..) of foreign objects."""
        self.expect_words("options", "(")
        found: list[StorageOption] = []
        while True:
            position = self.position()
            if self.kinds[self.index] in ("add", "set", "drop") and self.kinds[self.index + 1] != "SCONST":
                dropped = self.kinds[self.index] == "drop"
                self.index += 1
                if dropped:
                    found.append(StorageOption(position, self.column_label()))
                    if not self.accept(","):
                        break
                    continue
            found.append(StorageOption(position, self.column_label(), self.string()))
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(found)

    def parenthesised_sequence_options(self) -> tuple[SequenceOption, ...]:
        """(options) or nothing."""
        if not self.accept("("):
            return ()
        found = self.sequence_options()
        if not found:
            raise self.syntax_error()
        self.expect(")")
        return found

    def sequence_options(self) -> tuple[SequenceOption, ...]:
        """Sequence options as long as there are any."""
        found: list[SequenceOption] = []
        while (option := self.sequence_option()) is not None:
            found.append(option)
        return tuple(found)

    def sequence_option(self) -> SequenceOption | None:
        """One sequence option, or None."""
        position = self.position()
        kind = self.kinds[self.index]
        if kind == "as":
            self.index += 1
            return SequenceOption(position, "as", self.simple_type_name())
        if kind == "cache":
            self.index += 1
            return SequenceOption(position, "cache", self._whole_number())
        if kind == "cycle":
            self.index += 1
            return SequenceOption(position, "cycle", True)
        if kind == "no":
            following = self.kinds[self.index + 1]
            if following == "cycle":
                self.index += 2
                return SequenceOption(position, "cycle", False)
            if following in ("maxvalue", "minvalue"):
                self.index += 2
                return SequenceOption(position, "maxvalue" if following == "maxvalue" else "minvalue", None)
            return None
        if kind == "increment":
            self.index += 1
            self.accept("by")
            return SequenceOption(position, "increment", self._whole_number())
        if kind == "maxvalue":
            self.index += 1
            return SequenceOption(position, "maxvalue", self._whole_number())
        if kind == "minvalue":
            self.index += 1
            return SequenceOption(position, "minvalue", self._whole_number())
        if kind == "owned":
            self.index += 1
            self.expect("by")
            return SequenceOption(position, "owned by", self.any_name())
        if kind == "sequence":
            self.index += 1
            self.expect("name")
            return SequenceOption(position, "sequence name", self.any_name())
        if kind == "start":
            self.index += 1
            self.accept("with")
            return SequenceOption(position, "start", self._whole_number())
        if kind == "restart":
            self.index += 1
            if self.accept("with") or self.kinds[self.index] in ("ICONST", "FCONST", "+", "-"):
                return SequenceOption(position, "restart", self._whole_number())
            return SequenceOption(position, "restart", None)
        if kind in ("logged", "unlogged"):
            self.index += 1
            return SequenceOption(position, "logged", kind == "logged")
        return None

    def _whole_number(self) -> int:
        """A number that may be larger than 31 bits; a fraction is refused as PostgreSQL's bigint input does."""
        at = self.index
        value = self.number()
        if isinstance(value, float):
            text = self.values[self.index - 1]
            self.refuse(f'invalid input syntax for type bigint: "{text}"', self.starts[at] + 1, "22P02")
        return value

    def storage_options(self) -> tuple[StorageOption, ...]:
        """WITH (..), WITHOUT OIDS, or nothing."""
        if self.accept("with"):
            return self.definition()
        if self.accept("without"):
            self.expect("oids")
        return ()

    def member_name_follows(self) -> bool:
        """Whether a name, not a word of the grammar, comes next."""
        return self.kinds[self.index] in COLUMN_ID


_COLUMN_RULES: dict[str, Callable[[ConstraintGrammar, int, str | None, ConstraintAttributes], Constraint]] = {
    "not": ConstraintGrammar._not_null,
    "null": ConstraintGrammar._null,
    "default": ConstraintGrammar._default,
    "check": ConstraintGrammar._column_check,
    "generated": ConstraintGrammar._generated,
    "unique": ConstraintGrammar._column_key,
    "primary": ConstraintGrammar._column_key,
    "references": ConstraintGrammar._column_references,
}
