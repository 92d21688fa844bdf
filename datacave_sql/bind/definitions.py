"""Definitions: stored expressions and queries as their texts are shown, by what a search path makes necessary.

Texts that cannot be bound any more, or hold forms without a layout, are shown as they are stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from datacave_core.catalog import Routine, Rule, Table, Trigger
from datacave_core.errors import DatacaveError
from datacave_core.types import find_type, format_type, oids
from datacave_sql.bind import relations
from datacave_sql.bind.binder import binding
from datacave_sql.bind.definition_query import DefinitionQuery
from datacave_sql.bind.definition_statement import DefinitionStatement
from datacave_sql.bind.domains import domain_scope
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.bind.names import Scope
from datacave_sql.bind.routine_body import body_environment, parameter_scope
from datacave_sql.bind.routine_resolution import resolve_named
from datacave_sql.bind.row_rules import row_columns, row_scope
from datacave_sql.bind.rules import VIEW_RULE, condition_scope, rule_sources
from datacave_sql.bind.sqltext import quote_identifier
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree, query_tree, statements_of
from datacave_sql.bind.trigger_text import function_name, trigger_text
from datacave_sql.expr import nodes as n
from datacave_sql.functions.registry import Function
from datacave_sql.functions.resolution import ResolvedFunction
from datacave_sql.parse import ast

_TRAILING_SPACES = re.compile(r" +\n")
TEXTS_MAX = 20_000
_EVENTS = {"i": "INSERT", "u": "UPDATE", "d": "DELETE"}

_Key = tuple[str, int, int, int, bool, tuple[str, ...]]


class Definitions:
    """The texts of definitions; those of one table are kept as long as the table is the same object."""

    def __init__(self) -> None:
        self._kept: dict[_Key, tuple[object, str]] = {}

    def expression(
        self,
        environment: BindingEnvironment,
        stored: str,
        table: Table | None = None,
        target: int = 0,
        pretty: bool = False,
    ) -> str:
        """A default, check, index expression or predicate; `target` is the type of the column it is a default of."""
        key = (stored, id(table), target, 0, pretty, _path(environment))
        return self._remembered(key, table, lambda: self._expression(environment, stored, table, target, pretty))

    def domain_check(self, environment: BindingEnvironment, stored: str, base: int, pretty: bool = False) -> str:
        """The condition of a domain over `base`."""
        key = (stored, 0, 0, base, pretty, _path(environment))
        scope = domain_scope(n.CaseOperand(base), base, -1)
        return self._remembered(key, None, lambda: self._text(environment, stored, scope, 0, pretty))

    def view(self, environment: BindingEnvironment, view: Table, pretty: bool = False) -> str:
        """The query of a view, without the semicolon."""
        stored = view.view_query or ""
        key = (stored, id(view), 0, 0, pretty, _path(environment))
        return self._remembered(key, view, lambda: self._view(environment, view, pretty))

    def rule(self, environment: BindingEnvironment, table: Table, rule: Rule, pretty: bool = False) -> str:
        """CREATE RULE with the semicolon."""
        key = (rule.name, id(table), 0, -1, pretty, _path(environment))
        return self._remembered(key, table, lambda: self._rule(environment, table, rule, pretty))

    def trigger_condition(
        self, environment: BindingEnvironment, table: Table, trigger: Trigger, pretty: bool = False
    ) -> str | None:
        """WHEN of a trigger."""
        stored = trigger.condition
        if stored is None:
            return None
        key = (stored, id(table), -1, trigger.oid, pretty, _path(environment))

        def make() -> str:
            b = _noting(_reaching(environment, table), "")
            try:
                tree = expression_tree(stored)
                b.expression(tree, Scope(None, rule_sources(b, table), [], "trigger WHEN conditions"))
                return _writer(b, environment, pretty)(tree).text
            except (DatacaveError, KeyError):
                return stored

        return self._remembered(key, table, make)

    def trigger(self, environment: BindingEnvironment, table: Table, trigger: Trigger, pretty: bool = False) -> str:
        """CREATE TRIGGER."""
        catalog = environment.catalog
        referenced = catalog.tables.get(trigger.referenced_oid)
        return trigger_text(
            trigger,
            table,
            _relation_text(environment, table, pretty),
            _relation_text(environment, referenced, pretty) if referenced is not None else "",
            self.trigger_condition(environment, table, trigger, pretty),
            function_name(catalog, trigger.function_oid, environment.search_path),
        )

    def view_rule(self, environment: BindingEnvironment, view: Table, pretty: bool = False) -> str:
        """The query of a view as the rule that it is."""
        name = _relation_text(environment, view, pretty)
        return (
            f'CREATE RULE "{VIEW_RULE}" AS\n    ON SELECT TO {name} DO INSTEAD {self.view(environment, view, pretty)};'
        )

    def _rule(self, environment: BindingEnvironment, table: Table, rule: Rule, pretty: bool) -> str:
        b = _noting(_reaching(environment, table), "")
        b.defining = True
        sources = rule_sources(b, table)
        writer = _writer(b, environment, pretty, DefinitionStatement)
        assert isinstance(writer, DefinitionStatement)
        text = f"CREATE RULE {quote_identifier(rule.name)} AS\n    ON {_EVENTS[rule.event]} TO "
        text += _relation_text(environment, table, pretty)
        if rule.condition is not None:
            condition = expression_tree(rule.condition)
            b.expression(condition, condition_scope(sources, rule.event))
            text += writer.rule_condition(condition)
        text += " DO INSTEAD " if rule.instead else " DO "
        shown = []
        for stored in rule.actions:
            try:
                tree = query_tree(stored)
                if not isinstance(tree, ast.Notify):
                    b.query(tree, Scope(Scope(None, sources, []), boundary=True))
                shown.append(writer.query(tree))
            except (DatacaveError, KeyError):
                shown.append(stored)
        if len(shown) > 1:
            text += "(" + "".join(f"{one};\n" for one in shown) + ");"
        else:
            text += f"{shown[0] if shown else 'NOTHING'};"
        return _TRAILING_SPACES.sub("\n", text)

    def body(self, environment: BindingEnvironment, routine: Routine) -> str:
        """The SQL-standard body of a function or procedure: RETURN or BEGIN ATOMIC."""
        key = (routine.body, routine.oid, 0, -2, False, _path(environment))
        return self._remembered(key, routine, lambda: self._body(environment, routine))

    def _body(self, environment: BindingEnvironment, routine: Routine) -> str:
        names = [argument.name for argument in routine.arguments if argument.mode in "ibv"]
        values = [n.Parameter(number, oid) for number, oid in enumerate(routine.input_types, 1)]
        shown = []
        for parsed in statements_of(routine.body):
            b = binding(body_environment(routine, environment), routine.body, routine.input_types)
            b.notes, b.defining = {}, True
            writer = _writer(b, environment, False, DefinitionStatement)
            writer.routine, writer.parameters = routine.name, tuple(names)
            tree = parsed.statement
            try:
                b.query(tree, Scope(parameter_scope(routine.name, names, values), boundary=True))
                if routine.sql_body == "return":
                    assert isinstance(tree, ast.Query) and isinstance(tree.body, ast.Select)
                    return f"RETURN {writer.top(tree.body.targets[0].expression, routine.return_type_oid)}"
                writer.indent = 1
                shown.append(_TRAILING_SPACES.sub("\n", writer.query(tree)).strip(" "))
            except (DatacaveError, KeyError):
                return _as_written(routine)
        return "\n".join(["BEGIN ATOMIC", *(f" {one};" for one in shown), "END"])

    def _remembered(self, key: _Key, owner: object, make: Callable[[], str]) -> str:
        found = self._kept.get(key)
        if found is not None and found[0] is owner:
            return found[1]
        text = make()
        if len(self._kept) >= TEXTS_MAX:
            self._kept.clear()
        self._kept[key] = (owner, text)
        return text

    def _expression(
        self, environment: BindingEnvironment, stored: str, table: Table | None, target: int, pretty: bool
    ) -> str:
        scope = Scope(clause="stored expressions")
        if table is not None:
            b = binding(environment, stored)
            scope = row_scope(b, table, row_columns(b, table), table.name, "stored expressions")
        return self._text(environment, stored, scope, target, pretty, table)

    def _text(
        self,
        environment: BindingEnvironment,
        stored: str,
        scope: Scope,
        target: int,
        pretty: bool,
        table: Table | None = None,
    ) -> str:
        b = _noting(_reaching(environment, table), stored)
        try:
            tree = expression_tree(stored)
            b.expression(tree, scope)
            writer = _writer(b, environment, pretty)
            writer.qualified = False
            return _TRAILING_SPACES.sub("\n", writer.top(tree, target))
        except (DatacaveError, KeyError):
            return stored

    def _view(self, environment: BindingEnvironment, view: Table, pretty: bool) -> str:
        stored = view.view_query or ""
        b = _noting(_reaching(environment, view), stored)
        try:
            tree = query_tree(stored)
            b.query(tree, Scope())
            names = [column.name for column in view.live_columns]
            return _TRAILING_SPACES.sub("\n", _writer(b, environment, pretty).query(tree, names, visible=True))
        except (DatacaveError, KeyError):
            return f" {stored}"


def _as_written(routine: Routine) -> str:
    """A body in the words of its creator."""
    if routine.sql_body == "return":
        return f"RETURN {routine.body.removeprefix('SELECT ')}"
    return "\n".join(["BEGIN ATOMIC", *(f" {one};" for one in routine.body.split(";\n")), "END"])


def _noting(environment: BindingEnvironment, text: str) -> Binding:
    b = binding(environment, text)
    b.notes = {}
    return b


def _path(environment: BindingEnvironment) -> tuple[str, ...]:
    return (environment.temporary_schema or "", *environment.search_path)


def _reaching(environment: BindingEnvironment, table: Table | None) -> BindingEnvironment:
    """The environment in which stored names are found: with the schema of what they belong to."""
    schema = environment.catalog.schemas.get(table.schema_oid) if table is not None else None
    if schema is None or schema.name in environment.search_path:
        return environment
    return replace(environment, search_path=(*environment.search_path, schema.name))


def _relation_text(environment: BindingEnvironment, table: Table, pretty: bool) -> str:
    """A relation's name: with its schema where the search path does not lead to it, or always unless pretty."""
    seen = relations.find_relation(binding(environment, ""), (table.name,), 0) if pretty else None
    schema = environment.catalog.schemas[table.schema_oid].name
    parts = (table.name,) if seen is not None and seen.oid == table.oid else (schema, table.name)
    return ".".join(map(quote_identifier, parts))


def _writer(
    b: Binding, environment: BindingEnvironment, pretty: bool, kind: type[DefinitionQuery] = DefinitionQuery
) -> DefinitionQuery:
    catalog = environment.catalog
    shown = binding(environment, "")

    def type_name(oid: int, typmod: int) -> str:
        if find_type(oid) is not None:
            return format_type(oid, typmod)
        found = environment.types.find(oid)
        element = found.element_oid if found is not None and found.is_array else oid
        definition = catalog.types.get(element)
        schema = None
        if definition is not None:
            name = definition.name
            for candidate in relations.search_schemas(shown):
                place = catalog.schema_names.get(candidate)
                if place is not None and (place, name) in catalog.type_names:
                    if catalog.type_names[place, name] == element:
                        return format_type(oid, typmod, environment.types.find)
                    break
            schema = catalog.schemas[definition.schema_oid].name
        return format_type(oid, typmod, environment.types.find, schema=schema)

    def visible(name: tuple[str, ...]) -> str:
        found = relations.find_relation(b, name, 0)
        if found is not None and len(name) > 1:
            seen = relations.find_relation(shown, name[-1:], 0)
            if seen is not None and seen.oid == found.oid:
                return quote_identifier(name[-1])
        return ".".join(map(quote_identifier, name))

    def relation_name(item: ast.TableRef) -> str:
        return visible(item.name)

    def object_name(kind: int, text: str) -> str:
        if kind != oids.REGCLASS:
            return text
        parts = _name_parts(text)
        return visible(parts) if parts else text

    def function_name(function: Function, types: Sequence[int], labels: tuple[str, ...], variadic: bool) -> str:
        bare = quote_identifier(function.name)
        if function.routine is None:
            return bare
        try:
            seen: object = resolve_named(shown, (function.name,), types, labels, variadic)
        except DatacaveError:
            seen = None
        if isinstance(seen, ResolvedFunction) and seen.function.oid == function.oid:
            return bare
        return f"{quote_identifier(catalog.schemas[function.routine.schema_oid].name)}.{bare}"

    writer = kind(b, type_name, object_name, relation_name, pretty)
    writer.function_name = function_name
    writer.operator_path = environment.search_path
    return writer


def _name_parts(text: str) -> tuple[str, ...]:
    """The parts of a name written as in SQL; empty for anything else."""
    try:
        tree = expression_tree(text)
    except DatacaveError:
        return ()
    return tree.parts if isinstance(tree, ast.ColumnRef) and not tree.star else ()
