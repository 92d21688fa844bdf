"""Stored names: what the texts of defaults, checks, indexes and views call things follows when things are renamed.

The catalog keeps these expressions as text, so a rename rewrites every text that names the object: their trees are
mapped and written out again. In a view a renamed table keeps its old name as an alias, and a renamed column of a
select list keeps its old name as a label, so that nothing else in the query has to change. Afterwards everything that
may be concerned is bound once more; what does not bind (a column merged by USING, for instance) refuses the rename.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from datacave_core.catalog import Catalog, Column, Index, Routine, Sequence, Table, TypeDefinition
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types.names import quote_name
from datacave_sql.bind.binder import bind_statement, binding
from datacave_sql.bind.names import Scope
from datacave_sql.bind.rules import rule_sources
from datacave_sql.bind.sqltext import SqlText, quote_identifier
from datacave_sql.bind.statement_text import StatementText
from datacave_sql.bind.stored_text import expression_tree, query_tree
from datacave_sql.parse import ast, parse_statements
from datacave_sql.plan import logical as l
from datacave_sql.session.utility.routine_dependents import means_routine

_SEQUENCE_FUNCTIONS = frozenset({"nextval", "currval", "setval"})

Path = tuple[str, str]
"""Schema and name."""


class Renaming:
    """What changes: relations and types by their (schema, name), and columns of one table."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.relations: dict[Path, Path] = {}
        self.types: dict[Path, Path] = {}
        self.routines: list[tuple[Routine, Path, Path]] = []
        self.column_table: Table | None = None
        self.column: Path = ("", "")  # old and new name

    def relation(self, item: Table | Sequence, schema: str, name: str) -> None:
        """A table, view or sequence gets this schema and name; a table's row type with it."""
        old = (self.catalog.schemas[item.schema_oid].name, item.name)
        if old != (schema, name):
            self.relations[old] = (schema, name)
            if isinstance(item, Table):
                self.types[old] = (schema, name)

    def type(self, item: TypeDefinition, schema: str, name: str) -> None:
        """A type gets this schema and name."""
        old = (self.catalog.schemas[item.schema_oid].name, item.name)
        if old != (schema, name):
            self.types[old] = (schema, name)

    def routine(self, item: Routine, schema: str, name: str) -> None:
        """A function gets this schema and name."""
        old = (self.catalog.schemas[item.schema_oid].name, item.name)
        if old != (schema, name):
            self.routines.append((item, old, (schema, name)))

    def rename_column(self, table: Table, old: str, new: str) -> None:
        """A column gets another name."""
        self.column_table = table
        self.column = (old, new)

    def schema(self, schema_oid: int, name: str) -> None:
        """Everything in a schema gets its new name."""
        for table in self.catalog.tables.values():
            if table.schema_oid == schema_oid:
                self.relation(table, name, table.name)
        for sequence in self.catalog.sequences.values():
            if sequence.schema_oid == schema_oid:
                self.relation(sequence, name, sequence.name)
        for definition in self.catalog.types.values():
            if definition.schema_oid == schema_oid:
                self.type(definition, name, definition.name)
        for routine in self.catalog.routines.values():
            if routine.schema_oid == schema_oid:
                self.routine(routine, name, routine.name)


def rename_in_texts(session: Any, renaming: Renaming, changed: Catalog, *, check: bool = True) -> Catalog:
    """The changed catalog with every stored text rewritten. Raises 0A000 where a text cannot follow.

    Without `check` it is left to a later change of the same statement to find that out.
    """
    objects: list[Any] = []
    concerned: list[Table] = []
    for oid, before in sorted(renaming.catalog.tables.items()):
        if oid not in changed.tables:
            continue
        after = _Texts(session, renaming, before).table(changed.tables[oid])
        if after is not changed.tables[oid]:
            objects.append(after)
            concerned.append(after)
        elif after.kind in ("v", "m") and after.view_query is not None:
            concerned.append(after)
    for oid, definition in sorted(renaming.catalog.types.items()):
        texts = _Texts(session, renaming, definition)
        rewritten = texts.type(changed.types[oid]) if oid in changed.types else definition
        if oid in changed.types and rewritten is not changed.types[oid]:
            objects.append(rewritten)
    result = changed.with_objects(objects) if objects else changed
    if check:
        _check(session, result, concerned)
    return result


class _Texts:
    """Rewrites the texts of one table or type."""

    def __init__(self, session: Any, renaming: Renaming, owner: Table | TypeDefinition) -> None:
        self._session = session
        self._renaming = renaming
        self._owner = owner
        self._schema = renaming.catalog.schemas[owner.schema_oid].name
        self._columns: frozenset[int] = frozenset()  # places of mentions of the renamed column in a query

    # Tables and types

    def table(self, table: Table) -> Table:
        """A table with its texts rewritten; the same one if none changes."""
        columns = tuple(self._column(column) for column in table.columns)
        constraints = tuple(
            one if one.expression is None else _changed(one, expression=self.expression(one.expression))
            for one in table.constraints
        )
        indexes = tuple(self._index(index) for index in table.indexes)
        query = table.view_query
        if query is not None:
            query = self.query(query)
        key = table.partition_key
        if key is not None:
            parts = tuple(
                part if part.expression is None else _changed(part, expression=self.expression(part.expression))
                for part in key.parts
            )
            key = _changed(key, parts=parts)
        rules = tuple(
            _changed(
                rule,
                condition=rule.condition and self._rule_text(rule.condition, None),
                actions=tuple(self._rule_text(action, query_tree(action)) for action in rule.actions),
            )
            for rule in table.rules
        )
        triggers = tuple(
            _changed(one, condition=one.condition and self._rule_text(one.condition, None)) for one in table.triggers
        )
        rewritten: Table = _changed(
            table,
            triggers=triggers,
            columns=columns,
            constraints=constraints,
            indexes=indexes,
            statistics=tuple(
                _changed(one, expressions=tuple(map(self.expression, one.expressions))) for one in table.statistics
            ),
            view_query=query,
            partition_key=key,
            rules=rules,
        )
        return rewritten

    def _rule_text(self, text: str, action: ast.Statement | None) -> str:
        """The condition or an action of a rule."""
        tree: ast.Node = expression_tree(text) if action is None else action
        column_table = self._renaming.column_table
        self._columns = frozenset()
        if column_table is not None and not isinstance(tree, ast.Notify):
            session = self._session
            environment = session.binding_environment(session.catalog_state)
            b = binding(replace(environment, search_path=(self._schema, *environment.search_path)), text)
            b.mentions = []
            assert isinstance(self._owner, Table)
            scope = Scope(None, rule_sources(b, self._owner), [])
            if isinstance(tree, ast.Expression):
                b.expression(tree, scope)
            else:
                assert action is not None
                b.query(action, Scope(scope, boundary=True))
            number = next(c.number for c in column_table.live_columns if c.name == self._renaming.column[0])
            self._columns = frozenset(
                position for position, _, oid, attribute in b.mentions if (oid, attribute) == (column_table.oid, number)
            )
        mapped = _map(tree, self._in_rule)
        if mapped is tree:
            return text
        return StatementText()(mapped) if action is None else StatementText().query(mapped)

    def _in_rule(self, node: Any) -> Any:
        table = self._renaming.column_table
        if table is not None and isinstance(node, ast.Insert | ast.Update):
            schema = self._renaming.catalog.schemas[table.schema_oid].name
            if node.table.name[-2:] == (schema, table.name):
                renamed = _map(node.columns if isinstance(node, ast.Insert) else node.assignments, self._assigned)
                name = "columns" if isinstance(node, ast.Insert) else "assignments"
                return self._in_query(replace(node, **{name: renamed}))
        return self._in_query(node)

    def _assigned(self, node: Any) -> Any:
        old, new = self._renaming.column
        if isinstance(node, ast.AssignmentTarget) and node.column == old:
            return replace(node, column=new)
        return node

    def _column(self, column: Column) -> Column:
        if column.default is None:
            return column
        rewritten: Column = _changed(column, default=self.expression(column.default))
        return rewritten

    def _index(self, index: Index) -> Index:
        keys = tuple(
            key if key.expression is None else _changed(key, expression=self.expression(key.expression))
            for key in index.keys
        )
        predicate = None if index.predicate is None else self.expression(index.predicate)
        rewritten: Index = _changed(index, keys=keys, predicate=predicate)
        return rewritten

    def type(self, definition: TypeDefinition) -> TypeDefinition:
        """A domain with its texts rewritten."""
        default = None if definition.default is None else self.expression(definition.default)
        checks = tuple(_changed(check, expression=self.expression(check.expression)) for check in definition.checks)
        rewritten: TypeDefinition = _changed(definition, default=default, checks=checks)
        return rewritten

    # Texts

    def expression(self, text: str) -> str:
        """An expression over the columns of the owner."""
        tree = expression_tree(text)
        mapped = _map(tree, self._in_expression)
        return text if mapped is tree else SqlText()(mapped)

    def query(self, text: str) -> str:
        """A view's query."""
        tree = query_tree(text)
        self._columns = self._mentions(tree, text) if self._renaming.column_table is not None else frozenset()
        mapped = _map(tree, self._in_query)
        return text if mapped is tree else SqlText().query(mapped)

    def _in_expression(self, node: Any) -> Any:
        table = self._renaming.column_table
        if isinstance(node, ast.ColumnRef) and not node.star:
            old, new = self._renaming.column
            if table is not None and table.oid == self._owner.oid and node.parts[-1] == old and len(node.parts) <= 2:
                return replace(node, parts=(*node.parts[:-1], new))
            if len(node.parts) > 1 and isinstance(self._owner, Table):
                target = self._renaming.relations.get((self._schema, self._owner.name))
                if target is not None and node.parts[-2] == self._owner.name:
                    return replace(node, parts=(target[1], node.parts[-1]))
            return node
        return self._anywhere(node)

    def _in_query(self, node: Any) -> Any:
        if isinstance(node, ast.TableRef) and len(node.name) == 2:
            target = self._renaming.relations.get((node.name[0], node.name[1]))
            if target is not None:
                alias = node.alias or (ast.Alias(node.position, node.name[1]) if target[1] != node.name[1] else None)
                return replace(node, name=target, alias=alias)
            return node
        if isinstance(node, ast.ColumnRef) and not node.star:
            if node.position in self._columns and node.parts[-1] == self._renaming.column[0]:
                return replace(node, parts=(*node.parts[:-1], self._renaming.column[1]))
            if len(node.parts) == 3 and (node.parts[0], node.parts[1]) in self._renaming.relations:
                return replace(node, parts=node.parts[1:])
            return node
        if isinstance(node, ast.Target) and node.alias is None and isinstance(node.expression, ast.FunctionCall):
            renamed = self._anywhere(node.expression)
            return node if renamed.name == node.expression.name else replace(node, alias=node.expression.name[-1])
        if isinstance(node, ast.Target) and node.alias is None and isinstance(node.expression, ast.ColumnRef):
            if node.expression.position in self._columns:
                return replace(node, alias=self._renaming.column[0])
            return node
        return self._anywhere(node)

    def _anywhere(self, node: Any) -> Any:
        if isinstance(node, ast.FunctionCall):
            for routine, (schema, _), renamed in self._renaming.routines:
                if len(node.name) > 1 and means_routine(node, routine, schema):
                    return replace(node, name=renamed)
        if isinstance(node, ast.TypeName):
            target = self._type(node.names)
            return node if target is None else replace(node, names=target)
        if (
            isinstance(node, ast.Cast)
            and isinstance(node.operand, ast.StringLiteral)
            and node.type_name.names[-1] == "regclass"
        ):
            text = self._relation_text(node.operand.value)
            return node if text is None else replace(node, operand=ast.StringLiteral(node.operand.position, text))
        if isinstance(node, ast.FunctionCall) and node.name[-1] in _SEQUENCE_FUNCTIONS and node.arguments:
            first = node.arguments[0]
            written = self._relation_text(first.value) if isinstance(first, ast.StringLiteral) else None
            if written is not None:
                return replace(node, arguments=(ast.StringLiteral(first.position, written), *node.arguments[1:]))
        return node

    def _relation_text(self, written: str) -> str | None:
        """The new name of a relation written in a string; None if it is not renamed."""
        view = self._session.evaluation.catalog
        parts = view.name_parts(written)
        schemas = [parts[-2]] if len(parts) > 1 else [*self._session.search_path, self._schema]
        for schema in schemas:
            oid = self._renaming.catalog.schema_names.get(schema)
            if oid is not None and (oid, parts[-1]) in self._renaming.catalog.relation_names:
                target = self._renaming.relations.get((schema, parts[-1]))
                return None if target is None else f"{quote_name(target[0])}.{quote_name(target[1])}"
        return None

    def _type(self, names: tuple[str, ...]) -> tuple[str, str] | None:
        schemas = [names[-2]] if len(names) > 1 else [*self._session.search_path, self._schema]
        for schema in schemas:
            oid = self._renaming.catalog.schema_names.get(schema)
            if oid is not None and (oid, names[-1]) in self._renaming.catalog.type_names:
                return self._renaming.types.get((schema, names[-1]))
        return None

    def _mentions(self, tree: ast.Statement, text: str) -> frozenset[int]:
        """Where a view's query reads the renamed column straight from its table."""
        table = self._renaming.column_table
        assert table is not None and isinstance(self._owner, Table)
        if table.oid not in self._owner.depends_on:
            return frozenset()
        session = self._session
        environment = session.binding_environment(session.catalog_state)
        path = tuple(dict.fromkeys((self._schema, *environment.search_path)))
        b = binding(replace(environment, search_path=path), text)
        b.mentions = []
        plan = b.query(tree, Scope())
        number = next(column.number for column in table.live_columns if column.name == self._renaming.column[0])
        if table.storage_id:
            ids = {
                column.id
                for scan in _scans(plan)
                if scan.table.oid == table.oid
                for column in scan.columns
                if column.attribute == number
            }
            return frozenset(position for position, column, _, _ in b.mentions if column in ids)
        return frozenset(
            position for position, _, oid, attribute in b.mentions if (oid, attribute) == (table.oid, number)
        )


def _scans(node: Any) -> Iterable[l.Scan | l.Append]:
    if isinstance(node, l.Scan):
        yield node
    if isinstance(node, l.Append):
        # What it reads goes by the names of the parent.
        yield node
    elif isinstance(node, tuple | list):
        for item in node:
            yield from _scans(item)
    elif is_dataclass(node):
        for one in fields(node):
            yield from _scans(getattr(node, one.name))


def _map(node: Any, change: Callable[[Any], Any]) -> Any:
    """A tree with `change` applied to every node, parents first; the same object where nothing changes."""
    if isinstance(node, tuple):
        items = [_map(item, change) for item in node]
        return node if all(new is old for new, old in zip(items, node, strict=True)) else tuple(items)
    if not isinstance(node, ast.Node):
        return node
    node = change(node)
    changes = {}
    for one in fields(node):
        value = getattr(node, one.name)
        new = _map(value, change)
        if new is not value:
            changes[one.name] = new
    return replace(node, **changes) if changes else node


def _changed(item: Any, **values: Any) -> Any:
    """The item with new values; the same one if they are equal to the old ones."""
    different = {name: value for name, value in values.items() if getattr(item, name) != value}
    return replace(item, **different) if different else item


def _check(session: Any, catalog: Catalog, tables: list[Table]) -> None:
    """Binds what may be concerned against the new catalog. Raises 0A000 for what does not bind any more."""
    state = session.database.new_state(catalog)
    environment = replace(session.binding_environment(state), unread=True)
    for table in tables:
        schema = quote_identifier(catalog.schemas[table.schema_oid].name)
        name = f"{schema}.{quote_identifier(table.name)}"
        text = f"SELECT * FROM {name}" if table.kind in ("v", "m") else f"INSERT INTO {name} DEFAULT VALUES"
        try:
            bind_statement(parse_statements(text)[0], text, environment, None)
            if table.kind == "m" and table.view_query is not None:
                bind_statement(parse_statements(table.view_query)[0], table.view_query, environment, None)
        except DatacaveError as error:
            raise FeatureNotSupported(
                f'the definition of "{table.name}" cannot follow this change: {error.message}',
                hint="Drop it first and create it again afterwards.",
            ) from None
