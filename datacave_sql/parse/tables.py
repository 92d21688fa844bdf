"""TableGrammar: CREATE TABLE in all its forms, CREATE INDEX, CREATE TABLE AS."""

from __future__ import annotations

from typing import Literal

from datacave_sql.parse.ast import (
    ColumnDefinition,
    Constraint,
    CreateIndex,
    CreateTable,
    CreateTableAs,
    IndexElement,
    IntoTable,
    LikeClause,
    PartitionBound,
    PartitionKey,
    Persistence,
    QualifiedName,
    Statement,
    StorageOption,
    TypeName,
)
from datacave_sql.parse.constraints import ConstraintGrammar
from datacave_sql.parse.keywords import COLUMN_ID

OnCommit = Literal["", "preserve rows", "delete rows", "drop"]
_LIKE_OPTIONS = (
    "comments",
    "compression",
    "constraints",
    "defaults",
    "identity",
    "generated",
    "indexes",
    "statistics",
    "storage",
)


class TableGrammar(ConstraintGrammar):
    """CreateStmt, CreateAsStmt, IndexStmt."""

    __slots__ = ()

    def create_table(self, position: int, persistence: Persistence) -> Statement:
        """The current token is TABLE."""
        self.index += 1
        if_not_exists = self.if_not_exists()
        name_at = self.position()
        name = self.qualified_name()
        kinds = self.kinds
        if self.accept("of"):
            type_at = self.position()
            of_type = TypeName(type_at, self.any_name())
            return self._table_end(position, name, self._typed_elements(), persistence, if_not_exists, of_type=of_type)
        if self.accept("partition"):
            self.expect("of")
            parent = self.qualified_name()
            elements = self._typed_elements()
            bound = self.partition_bound()
            return self._table_end(position, name, elements, persistence, if_not_exists, parent=parent, bound=bound)
        if kinds[self.index] != "(" or self._as_follows_parentheses():
            return self._create_as(position, name_at, name, persistence, if_not_exists)
        self.index += 1
        found: list[ColumnDefinition | Constraint | LikeClause] = []
        if kinds[self.index] != ")":
            found.append(self._table_element())
            while self.accept(","):
                found.append(self._table_element())
        self.expect(")")
        return self._table_end(position, name, tuple(found), persistence, if_not_exists)

    def _as_follows_parentheses(self) -> bool:
        """Whether `(` opens the column names of CREATE TABLE AS: a name, then a comma or the end of the list."""
        return self.kinds[self.index + 1] in COLUMN_ID and self.kinds[self.index + 2] in (",", ")")

    def _table_element(self) -> ColumnDefinition | Constraint | LikeClause:
        if self.at_table_constraint():
            return self.table_constraint()
        if self.kinds[self.index] == "like":
            return self._like()
        return self.column_definition()

    def _typed_elements(self) -> tuple[ColumnDefinition | Constraint | LikeClause, ...]:
        if not self.accept("("):
            return ()
        found: list[ColumnDefinition | Constraint | LikeClause] = []
        while True:
            found.append(self.table_constraint() if self.at_table_constraint() else self.typed_column())
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(found)

    def _like(self) -> LikeClause:
        position = self.position()
        self.index += 1
        table = self.qualified_name()
        including: set[str] = set()
        while self.kinds[self.index] in ("including", "excluding"):
            add = self.kinds[self.index] == "including"
            self.index += 1
            word = self.choose(*_LIKE_OPTIONS, "all")
            chosen = set(_LIKE_OPTIONS) if word == "all" else {word}
            including = including | chosen if add else including - chosen
        return LikeClause(position, table, frozenset(including))

    def _table_end(
        self,
        position: int,
        name: QualifiedName,
        elements: tuple[ColumnDefinition | Constraint | LikeClause, ...],
        persistence: Persistence,
        if_not_exists: bool,
        *,
        of_type: TypeName | None = None,
        parent: QualifiedName | None = None,
        bound: PartitionBound | None = None,
    ) -> CreateTable:
        inherits: tuple[QualifiedName, ...] = ()
        if of_type is None and parent is None and self.accept("inherits"):
            self.expect("(")
            inherits = self.qualified_names()
            self.expect(")")
        partition_by = self._partition_by()
        shard_by: tuple[str, ...] = ()
        if self.values[self.index] == "shard" and self.kinds[self.index + 1] == "by":
            self.index += 2
            shard_by = self.names_in_parentheses()
        access_method = self.column_id() if self.accept("using") else None
        options = self.storage_options()
        on_commit = self.on_commit()
        tablespace = self.column_id() if self.accept("tablespace") else None
        return CreateTable(
            position,
            name,
            elements,
            persistence,
            if_not_exists,
            inherits,
            partition_by,
            parent,
            bound,
            of_type,
            access_method,
            options,
            on_commit,
            tablespace,
            shard_by,
        )

    def on_commit(self) -> OnCommit:
        """ON COMMIT .., or nothing."""
        if not self.accept("on"):
            return ""
        self.expect("commit")
        word = self.choose("drop", "delete", "preserve")
        if word == "drop":
            return "drop"
        self.expect("rows")
        return "delete rows" if word == "delete" else "preserve rows"

    # --- partitions --------------------------------------------------------------------------------------------------

    def _partition_by(self) -> PartitionKey | None:
        position = self.position()
        if not self.accept("partition"):
            return None
        self.expect("by")
        strategy = self.column_id()
        self.expect("(")
        elements: list[IndexElement] = []
        while True:
            at = self.position()
            column, expression = self.index_key()
            collation = self.any_name() if self.accept("collate") else None
            operator_class = self.any_name() if self.member_name_follows() else None
            elements.append(IndexElement(at, column, expression, collation, operator_class))
            if not self.accept(","):
                break
        self.expect(")")
        return PartitionKey(position, strategy, tuple(elements))

    def partition_bound(self) -> PartitionBound:
        """DEFAULT or FOR VALUES .."""
        position = self.position()
        if self.accept("default"):
            return PartitionBound(position, "default")
        self.expect_words("for", "values")
        word = self.choose("in", "from", "with")
        self.expect("(")
        if word == "with":
            return self._hash_bound(position)
        lower = self.expressions()
        self.expect(")")
        if word == "in":
            return PartitionBound(position, "list", lower)
        self.expect_words("to", "(")
        upper = self.expressions()
        self.expect(")")
        return PartitionBound(position, "range", (), lower, upper)

    def _hash_bound(self, position: int) -> PartitionBound:
        values: dict[str, int] = {}
        while True:
            at = self.position()
            name = self.column_id()
            if name not in ("modulus", "remainder"):
                self.refuse(f'unrecognized hash partition bound specification "{name}"', at)
            if name in values:
                self.refuse(f"{name} for hash partition provided more than once", at, "42710")
            values[name] = self.integer()
            if not self.accept(","):
                break
        self.expect(")")
        for name in ("modulus", "remainder"):
            if name not in values:
                self.refuse(f"{name} for hash partition must be specified", None)
        return PartitionBound(position, "hash", modulus=values["modulus"], remainder=values["remainder"])

    # --- CREATE TABLE AS ---------------------------------------------------------------------------------------------

    def _create_as(
        self, position: int, name_at: int, name: QualifiedName, persistence: Persistence, if_not_exists: bool
    ) -> Statement:
        columns = self.optional_names_in_parentheses()
        access_method = self.column_id() if self.accept("using") else None
        options: tuple[StorageOption, ...] = self.storage_options()
        on_commit = self.on_commit()
        tablespace = self.column_id() if self.accept("tablespace") else None
        into = IntoTable(name_at, name, columns, persistence, access_method, options, on_commit, tablespace)
        self.expect("as")
        if self.kinds[self.index] == "execute":
            source = self.execute()
        else:
            source = self.select_statement()
        return CreateTableAs(position, into, source, False, self.with_data(), if_not_exists)

    def with_data(self) -> bool:
        """WITH DATA, WITH NO DATA, or nothing, which is with."""
        if not self.accept("with"):
            return True
        without = self.accept("no")
        self.expect("data")
        return not without

    def create_materialized_view(self, position: int, persistence: Persistence) -> Statement:
        """The current token is VIEW."""
        self.index += 1
        if_not_exists = self.if_not_exists()
        name_at = self.position()
        name = self.qualified_name()
        columns = self.optional_names_in_parentheses()
        access_method = self.column_id() if self.accept("using") else None
        options = self.definition() if self.accept("with") else ()
        tablespace = self.column_id() if self.accept("tablespace") else None
        into = IntoTable(name_at, name, columns, persistence, access_method, options, "", tablespace)
        self.expect("as")
        source = self.select_statement()
        return CreateTableAs(position, into, source, True, self.with_data(), if_not_exists)

    # --- CREATE INDEX ------------------------------------------------------------------------------------------------

    def create_index(self, position: int, unique: bool) -> Statement:
        """The current token is INDEX."""
        self.index += 1
        concurrently = self.accept("concurrently")
        if_not_exists = self.if_not_exists()
        name = None if self.kinds[self.index] == "on" and not if_not_exists else self.column_id()
        self.expect("on")
        table = self.relation()
        access_method = self.column_id() if self.accept("using") else "btree"
        self.expect("(")
        elements = self.index_elements()
        self.expect(")")
        including: tuple[IndexElement, ...] = ()
        if self.accept("include"):
            self.expect("(")
            including = self.index_elements()
            self.expect(")")
        nulls_not_distinct = self.nulls_not_distinct()
        options = self.definition() if self.accept("with") else ()
        tablespace = self.column_id() if self.accept("tablespace") else None
        return CreateIndex(
            position,
            name,
            table,
            elements,
            unique,
            concurrently,
            if_not_exists,
            access_method,
            including,
            nulls_not_distinct,
            options,
            tablespace,
            self.where(),
        )
