"""DropGrammar: DROP of every kind, COMMENT ON, SECURITY LABEL."""

from __future__ import annotations

from datacave_sql.parse.ast import (
    Comment,
    Drop,
    DropCast,
    DropDatabase,
    DropOperator,
    DropOwned,
    DropRole,
    QualifiedName,
    RecognisedStatement,
    Statement,
    TypeName,
)
from datacave_sql.parse.object_names import (
    MEMBER_KINDS,
    PLAIN_KINDS,
    ROUTINE_KINDS,
    SINGLE_KINDS,
    ObjectNameGrammar,
)


class DropGrammar(ObjectNameGrammar):
    """DropStmt, RemoveFuncStmt and their siblings, CommentStmt, SecLabelStmt."""

    __slots__ = ()

    def drop(self) -> Statement:
        position = self.position()
        self.index += 1
        kind = self.kind_of(PLAIN_KINDS)
        if kind:
            concurrently = kind == "index" and self.accept("concurrently")
            if_exists = self.if_exists()
            names = self.any_names()
            return Drop(position, kind, names, if_exists=if_exists, cascade=self.cascade(), concurrently=concurrently)
        kind = self.kind_of(SINGLE_KINDS)
        if kind:
            if_exists = self.if_exists()
            plain = tuple([(name,) for name in self.names()])
            return Drop(position, kind, plain, if_exists=if_exists, cascade=self.cascade())
        word = self.kinds[self.index]
        self.index += 1
        if word in ("type", "domain"):
            if_exists = self.if_exists()
            types = self._type_names()
            return Drop(position, word, types, if_exists=if_exists, cascade=self.cascade())
        if word in ROUTINE_KINDS or word == "aggregate":
            if_exists = self.if_exists()
            signatures = self.signatures(word == "aggregate")
            return Drop(position, word, signatures=signatures, if_exists=if_exists, cascade=self.cascade())
        if word in MEMBER_KINDS:
            if_exists = self.if_exists()
            name = self.column_id()
            self.expect("on")
            table = self.any_name()
            return Drop(position, word, ((name,),), on_table=table, if_exists=if_exists, cascade=self.cascade())
        if word == "database":
            return self._drop_database(position)
        if word == "user" and self.kinds[self.index] == "mapping":
            return self.recognised(position, "DROP USER MAPPING")
        if word in ("role", "user", "group"):
            if_exists = self.if_exists()
            return DropRole(position, self.roles(), if_exists)
        if word in ("tablespace", "subscription"):
            if_exists = self.if_exists()
            name = self.column_id()
            cascade = word == "subscription" and self.cascade()
            return Drop(position, word, ((name,),), if_exists=if_exists, cascade=cascade)
        return self._drop_unnamed(position, word)

    def _type_names(self) -> tuple[QualifiedName, ...]:
        found: list[TypeName] = [self.type_name()]
        while self.accept(","):
            found.append(self.type_name())
        return tuple([type_name.names for type_name in found])

    def _drop_database(self, position: int) -> Statement:
        if_exists = self.if_exists()
        name = self.column_id()
        force = False
        if self.kinds[self.index] in ("with", "("):
            self.accept("with")
            self.expect("(")
            self.expect("force")
            while self.accept(","):
                self.expect("force")
            force = True
            self.expect(")")
        return DropDatabase(position, name, if_exists, force)

    def _drop_unnamed(self, position: int, word: str) -> Statement:
        if word == "owned":
            self.expect("by")
            roles = self.roles()
            return DropOwned(position, roles, self.cascade())
        if word == "cast" or word == "transform":
            if_exists = self.if_exists()
            if word == "cast":
                source, target = self.cast_types()
                return DropCast(position, source, target, if_exists, self.cascade())
            self.transform_name()
            return Drop(position, word, if_exists=if_exists, cascade=self.cascade())
        if word != "operator":
            raise self.syntax_error(self.index - 1)
        family = ""
        for candidate in ("class", "family"):
            if self.accept(candidate):
                family = " " + candidate
        if_exists = self.if_exists()
        if family:
            name = self.any_name()
            self.expect("using")
            method = self.column_id()
        else:
            operators = [self.operator_with_types()]
            while self.accept(","):
                operators.append(self.operator_with_types())
            return DropOperator(position, tuple(operators), if_exists, self.cascade())
        return Drop(position, "operator" + family, (name,), if_exists=if_exists, cascade=self.cascade(), method=method)

    # --- COMMENT and SECURITY LABEL ----------------------------------------------------------------------------------

    def comment(self) -> Statement:
        position = self.position()
        self.index += 1
        self.expect("on")
        reference = self.object_reference()
        self.expect("is")
        text = None if self.accept("null") else self.string()
        return Comment(
            position,
            reference.kind,
            reference.name,
            text,
            reference.on_table,
            reference.signature,
            reference.method,
            reference.operands,
        )

    def security_label(self) -> Statement:
        position = self.position()
        self.index += 1
        self.expect("label")
        if self.accept("for"):
            self.word_or_string()
        self.expect("on")
        self.object_reference()
        self.expect("is")
        if not self.accept("null"):
            self.string()
        return RecognisedStatement(position, "SECURITY LABEL")
