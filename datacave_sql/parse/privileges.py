"""PrivilegeGrammar: GRANT, REVOKE, ALTER DEFAULT PRIVILEGES, and the options of roles."""

from __future__ import annotations

from typing import Literal

from datacave_sql.parse.ast import (
    AlterDefaultPrivileges,
    AlterPolicy,
    AlterRole,
    CreatePolicy,
    CreateRole,
    Expression,
    Grant,
    GrantRole,
    Option,
    Privilege,
    QualifiedName,
    RoutineSignature,
    Statement,
)
from datacave_sql.parse.drops import DropGrammar
from datacave_sql.parse.keywords import IDENT

_FLAGS = {
    "superuser": True,
    "nosuperuser": False,
    "createrole": True,
    "nocreaterole": False,
    "replication": True,
    "noreplication": False,
    "createdb": True,
    "nocreatedb": False,
    "login": True,
    "nologin": False,
    "bypassrls": True,
    "nobypassrls": False,
    "noinherit": False,
}
_SINGLE_TARGETS: dict[tuple[str, ...], str] = {
    ("foreign", "data", "wrapper"): "foreign-data wrapper",
    ("foreign", "server"): "foreign server",
    ("database",): "database",
    ("language",): "language",
    ("schema",): "schema",
    ("tablespace",): "tablespace",
}
_PLURALS = {
    "tables": "table",
    "sequences": "sequence",
    "functions": "function",
    "procedures": "procedure",
    "routines": "routine",
    "types": "type",
    "schemas": "schema",
}
_DEFAULT_TARGETS = ("tables", "functions", "routines", "sequences", "types", "schemas")


class PrivilegeGrammar(DropGrammar):
    """GrantStmt, RevokeStmt, GrantRoleStmt, role options."""

    __slots__ = ()

    def grant(self) -> Statement:
        return self._grant_or_revoke(self.position(), False)

    def revoke(self) -> Statement:
        return self._grant_or_revoke(self.position(), True)

    def _grant_or_revoke(self, position: int, revoke: bool) -> Statement:
        self.index += 1
        option = ""
        if revoke and self.kinds[self.index] in ("grant", "admin") and self.kinds[self.index + 1] == "option":
            option = self.kinds[self.index]
            self.index += 2
            self.expect("for")
        privileges = self._privileges()
        if privileges is not None and option != "grant" and self.kinds[self.index] in ("to", "from"):
            return self._role_membership(position, revoke, privileges, option == "admin")
        if option == "admin":
            raise self.syntax_error()
        self.expect("on")
        kind, names, signatures, all_in_schema = self._grant_target()
        return self._grant_end(
            position, revoke, privileges or (), kind, names, signatures, all_in_schema, option == "grant"
        )

    def _grant_end(
        self,
        position: int,
        revoke: bool,
        privileges: tuple[Privilege, ...],
        kind: str,
        names: tuple[QualifiedName, ...],
        signatures: tuple[RoutineSignature, ...],
        all_in_schema: bool,
        grant_option: bool,
        defaults: bool = False,
    ) -> Grant:
        self.expect("from" if revoke else "to")
        grantees = self._grantees()
        if not revoke and self.accept("with"):
            self.expect_words("grant", "option")
            grant_option = True
        granted_by = None if defaults else self._granted_by()
        cascade = revoke and self.cascade()
        return Grant(
            position,
            revoke,
            privileges,
            kind,
            names,
            grantees,
            signatures,
            all_in_schema,
            grant_option,
            cascade,
            granted_by,
        )

    def _role_membership(
        self, position: int, revoke: bool, privileges: tuple[Privilege, ...], admin_option: bool
    ) -> Statement:
        self.expect("from" if revoke else "to")
        for privilege in privileges:
            if privilege.columns:
                self.refuse("column names cannot be included in GRANT/REVOKE ROLE", None, "0LP01")
        members = self.roles()
        if not revoke and self.accept("with"):
            self.expect_words("admin", "option")
            admin_option = True
        granted_by = self._granted_by()
        cascade = revoke and self.cascade()
        roles = tuple([privilege.name for privilege in privileges])
        return GrantRole(position, revoke, roles, members, admin_option, cascade, granted_by)

    def _granted_by(self) -> str | None:
        if not self.accept("granted"):
            return None
        self.expect("by")
        return self.role()

    def _privileges(self) -> tuple[Privilege, ...] | None:
        """A list of privileges, or None for ALL without columns."""
        position = self.position()
        if self.accept("all"):
            self.accept("privileges")
            columns = self.optional_names_in_parentheses()
            return (Privilege(position, "all", columns),) if columns else None
        found: list[Privilege] = []
        while True:
            position = self.position()
            kind = self.kinds[self.index]
            if kind == "alter":
                self.index += 1
                self.expect("system")
                found.append(Privilege(position, "alter system"))
            else:
                if kind in ("select", "references", "create"):
                    self.index += 1
                    name = kind
                else:
                    name = self.column_id()
                found.append(Privilege(position, name, self.optional_names_in_parentheses()))
            if not self.accept(","):
                return tuple(found)

    def _grant_target(self) -> tuple[str, tuple[QualifiedName, ...], tuple[RoutineSignature, ...], bool]:
        kind = self.kind_of(_SINGLE_TARGETS)
        if kind:
            return kind, tuple([(name,) for name in self.names()]), (), False
        word = self.kinds[self.index]
        following = self.kinds[self.index + 1]
        if word in ("table", "sequence"):
            self.index += 1
            return word, self.qualified_names(), (), False
        if word in ("function", "procedure", "routine") and following not in (",", "to", "from", "."):
            self.index += 1
            return word, (), self.signatures(), False
        if word in ("domain", "type") and following not in (",", "to", "from", "."):
            self.index += 1
            return word, self.any_names(), (), False
        if word == "large" and following == "object":
            self.index += 2
            numbers = [(str(self.number()),)]
            while self.accept(","):
                numbers.append((str(self.number()),))
            return "large object", tuple(numbers), (), False
        if word == "parameter" and following not in (",", "to", "from", "."):
            self.index += 1
            parameters = [(self.setting_name(),)]
            while self.accept(","):
                parameters.append((self.setting_name(),))
            return "parameter", tuple(parameters), (), False
        if self.accept("all"):
            plural = self.choose("tables", "sequences", "functions", "procedures", "routines")
            self.expect_words("in", "schema")
            return _PLURALS[plural], tuple([(name,) for name in self.names()]), (), True
        return "table", self.qualified_names(), (), False

    def _grantees(self) -> tuple[str, ...]:
        found: list[str] = []
        while True:
            self.accept("group")
            found.append(self.role())
            if not self.accept(","):
                return tuple(found)

    def alter_default_privileges(self, position: int) -> Statement:
        """The current token follows PRIVILEGES."""
        roles: tuple[str, ...] = ()
        schemas: tuple[str, ...] = ()
        while self.kinds[self.index] in ("in", "for"):
            if self.accept("in"):
                self.expect("schema")
                schemas += self.names()
            else:
                self.expect("for")
                self.choose("role", "user")
                roles += self.roles()
        at = self.position()
        revoke = self.choose("grant", "revoke") == "revoke"
        grant_option = revoke and self.accept_words("grant", "option", "for")
        privileges = self._privileges() or ()
        self.expect("on")
        kind = _PLURALS[self.choose(*_DEFAULT_TARGETS)]
        grant = self._grant_end(at, revoke, privileges, kind, (), (), False, grant_option, True)
        return AlterDefaultPrivileges(position, roles, schemas, grant)

    # --- policies ----------------------------------------------------------------------------------------------------

    def create_policy(self, position: int) -> Statement:
        """The current token follows POLICY."""
        name = self.column_id()
        self.expect("on")
        table = self.qualified_name()
        permissive = True
        if self.accept("as"):
            at = self.position()
            word = self.column_id()
            if word not in ("permissive", "restrictive"):
                self.refuse(
                    f'unrecognized row security option "{word}"',
                    at,
                    "42601",
                    "Only PERMISSIVE or RESTRICTIVE policies are supported currently.",
                )
            permissive = word == "permissive"
        command = self.choose("all", "select", "insert", "update", "delete") if self.accept("for") else "all"
        roles = self.roles() if self.accept("to") else ("public",)
        using, check = self._policy_conditions()
        return CreatePolicy(position, name, table, permissive, command, roles, using, check)

    def alter_policy(self, position: int, name: str, table: QualifiedName) -> Statement:
        """ALTER POLICY name ON table [TO ..] [USING ..] [WITH CHECK ..]."""
        roles = self.roles() if self.accept("to") else ()
        using, check = self._policy_conditions()
        return AlterPolicy(position, name, table, roles, using, check)

    def _policy_conditions(self) -> tuple[Expression | None, Expression | None]:
        using: Expression | None = None
        check: Expression | None = None
        if self.accept("using"):
            using = self._in_parentheses()
        if self.accept_words("with", "check"):
            check = self._in_parentheses()
        return using, check

    def _in_parentheses(self) -> Expression:
        self.expect("(")
        found = self.expression()
        self.expect(")")
        return found

    # --- roles -------------------------------------------------------------------------------------------------------

    def create_role(self, position: int, kind: Literal["role", "user", "group"]) -> Statement:
        """The current token follows ROLE, USER or GROUP."""
        at = self.position()
        name = self.role()
        if name == "public":
            self.refuse('role name "public" is reserved', at, "42939")
        self.accept("with")
        return CreateRole(position, name, kind, self._role_options(True))

    def alter_role_options(self, position: int, name: str) -> Statement:
        """ALTER ROLE name [WITH] options."""
        self.accept("with")
        return AlterRole(position, name, self._role_options(False))

    def alter_group(self, position: int, name: str) -> Statement:
        """ALTER GROUP name ADD|DROP USER names."""
        at = self.position()
        word = self.choose("add", "drop")
        self.expect("user")
        return AlterRole(position, name, (Option(at, f"{word} user", self.roles()),))

    def _role_options(self, creating: bool) -> tuple[Option, ...]:
        found: list[Option] = []
        while (option := self._role_option(creating)) is not None:
            found.append(option)
        return tuple(found)

    def _role_option(self, creating: bool) -> Option | None:
        position = self.position()
        kind = self.kinds[self.index]
        if kind == IDENT:
            word = self.values[self.index]
            if word not in _FLAGS:
                self.refuse(f'unrecognized role option "{word}"', position)
            self.index += 1
            name = word[2:] if word.startswith("no") else word
            return Option(position, name, _FLAGS[word])
        if kind == "password":
            self.index += 1
            return Option(position, "password", None if self.accept("null") else self.string())
        if kind == "encrypted":
            self.index += 1
            self.expect("password")
            return Option(position, "password", self.string())
        if kind == "unencrypted":
            self.refuse(
                "UNENCRYPTED PASSWORD is no longer supported",
                position,
                "0A000",
                "Remove UNENCRYPTED to store the password in encrypted form instead.",
            )
        if kind == "inherit":
            self.index += 1
            return Option(position, "inherit", True)
        if kind == "connection":
            self.index += 1
            self.expect("limit")
            return Option(position, "connection limit", self.signed_integer())
        if kind == "valid":
            self.index += 1
            self.expect("until")
            return Option(position, "valid until", self.string())
        if kind == "user":
            self.index += 1
            return Option(position, "role", self.roles())
        if not creating:
            return None
        if kind == "sysid":
            self.index += 1
            return Option(position, "sysid", self.integer())
        if kind in ("admin", "role"):
            self.index += 1
            return Option(position, kind, self.roles())
        if kind == "in":
            self.index += 1
            self.choose("role", "group")
            return Option(position, "in role", self.roles())
        return None
