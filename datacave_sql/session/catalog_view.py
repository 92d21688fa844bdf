"""SessionCatalogView: names and definitions behind oids, for the system information functions.

Everything is answered from the session's catalog snapshot. Visibility follows the search path, with pg_catalog first
where the path does not name it. Not here: the texts of definitions (definitions.py), the rows of pg_catalog.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import PG_CATALOG_OID, Catalog, ExtendedStatistics, Index, Sequence, Table, has_privileges_of
from datacave_core.errors import DatacaveError
from datacave_core.types import find_type, format_type, type_by_name
from datacave_core.values import Row
from datacave_sql.bind.definitions import Definitions
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.bind.operator_names import class_name
from datacave_sql.bind.row_security import is_exempt
from datacave_sql.bind.sqltext import quote_identifier
from datacave_sql.bind.updatability import updatable_events
from datacave_sql.functions.identifiers import split_dotted
from datacave_sql.parse import parse_type
from datacave_sql.pgcatalog.attributes import default_oid, default_parts
from datacave_sql.pgcatalog.facts import fixed_rows
from datacave_sql.pgcatalog.internal_triggers import derived_triggers
from datacave_sql.pgcatalog.named_objects import find_named, method_of, name_of
from datacave_sql.pgcatalog.signatures import function_arguments, function_result
from datacave_sql.pgcatalog.systemtypes import system_type_named
from datacave_sql.session.comment_classes import CLASS_OIDS
from datacave_sql.session.definitions import (
    constraint_text,
    index_key_text,
    index_text,
    statistics_columns,
    statistics_text,
)
from datacave_sql.session.object_descriptions import describe
from datacave_sql.session.parameter_text import split_identifiers
from datacave_sql.session.partition_definitions import ancestors, key_text, tree
from datacave_sql.session.partition_definitions import constraint_text as partition_constraint_text
from datacave_sql.session.privileges import has_privilege
from datacave_sql.session.routine_text import arguments_text, definition_text, result_text, signature_text

BYTES_PER_ROW_GUESS = 64


class SessionCatalogView:
    """The CatalogView of a session."""

    __slots__ = ("_session",)

    def __init__(self, session: Any) -> None:
        self._session = session

    @property
    def _catalog(self) -> Catalog:
        catalog: Catalog = self._session.catalog_snapshot
        return catalog

    def _path(self) -> Iterator[tuple[str, int]]:
        """(name, oid) of the schemas in which unqualified names are looked up, in order."""
        session = self._session
        names = session.evaluation.search_path
        catalog = self._catalog
        temporary = session.evaluation.own_temporary_schema
        if temporary is not None and temporary not in names:
            yield temporary, catalog.schema_names[temporary]
        if "pg_catalog" not in names:
            yield "pg_catalog", PG_CATALOG_OID
        for name in names:
            yield name, catalog.schema_names[name]

    # Relations

    def _relation(self, oid: int) -> tuple[int, str] | None:
        """(schema oid, name) of a relation of the catalog, indexes included."""
        catalog = self._catalog
        found = catalog.relation_by_oid(oid)
        if found is not None:
            return found.schema_oid, found.name
        indexed = catalog.index_by_oid(oid)
        return (indexed[0].schema_oid, indexed[1].name) if indexed is not None else None

    def _virtual(self, oid: int) -> tuple[str, str] | None:
        relations = self._session.database.virtual_relations
        name: tuple[str, str] | None = None if relations is None else relations.name_of(oid)
        return name

    def updatable_events(self, oid: int, column: int, triggers: bool) -> int:
        table = self._catalog.tables.get(oid)
        if table is None or column > len(table.columns):
            return 0
        columns = frozenset({table.column(column).name}) if column else None
        return updatable_events(self._catalog, table, columns, 0, triggers)

    def relation_name(self, oid: int) -> tuple[str, str] | None:
        """(schema, name) of a table, index, view or sequence."""
        found = self._relation(oid)
        if found is not None:
            return self._catalog.schemas[found[0]].name, found[1]
        return self._virtual(oid)

    def relation_oid(self, name: str) -> int | None:
        """The oid of a relation written as in SQL, by the search path. Raises 42602 for malformed names."""
        parts = self.name_parts(name)
        catalog = self._catalog
        relations = self._session.database.virtual_relations
        if len(parts) == 1:
            places = list(self._path())
        else:
            oid = catalog.schema_names.get(parts[-2])
            places = [(parts[-2], oid)] if oid is not None else []
        for schema, schema_oid in places:
            found = catalog.relation_names.get((schema_oid, parts[-1]))
            if found is not None:
                return found
            virtual = relations.lookup(schema, parts[-1]) if relations is not None else None
            if virtual is not None:
                return int(virtual.oid)
        return None

    def relation_is_visible(self, oid: int) -> bool | None:
        """Whether an unqualified name finds this relation."""
        found = self.relation_name(oid)
        if found is None:
            return None
        relations = self._session.database.virtual_relations
        for schema, schema_oid in self._path():
            if schema == found[0]:
                return True
            if (schema_oid, found[1]) in self._catalog.relation_names:
                return False
            if relations is not None and relations.lookup(schema, found[1]) is not None:
                return False
        return False

    @staticmethod
    def name_parts(name: str) -> tuple[str, ...]:
        """The parts of a name written as in SQL. Raises 42602."""
        parts = split_identifiers(name.replace(".", ",")) if '"' not in name else split_dotted(name)
        if not parts:
            raise DatacaveError("invalid name syntax", sqlstate=sqlstate.INVALID_NAME)
        return parts

    # Types, functions

    def type_oid(self, name: str) -> int | None:
        """The oid of a type written as in SQL, by the search path."""
        try:
            named = parse_type(name)
        except DatacaveError:
            return None
        oid = self._named_type(named.names)
        return self._session.catalog_state.types.array(oid) if oid and named.array_bounds else oid

    def _named_type(self, names: tuple[str, ...]) -> int | None:
        catalog = self._catalog
        if len(names) == 1:
            places = list(self._path())
        else:
            schema = catalog.schema_names.get(names[-2])
            places = [(names[-2], schema)] if schema is not None else []
        for schema_name, schema_oid in places:
            if schema_name == "pg_catalog":
                builtin = type_by_name(names[-1])
                if builtin is not None:
                    return builtin.oid
            if system := system_type_named(schema_name, names[-1]):
                return system
            found = catalog.type_names.get((schema_oid, names[-1]))
            if found is not None:
                return found
        return None

    def type_is_visible(self, oid: int) -> bool | None:
        """Whether an unqualified name finds this type."""
        if find_type(oid) is not None:
            return True
        state = self._session.catalog_state
        if state.types.find(oid) is None:
            return None
        schema, name = self._session.database.virtual_relations.type_place(state, oid)
        for place, place_oid in self._path():
            if place == schema:
                return True
            if (place_oid, name) in self._catalog.type_names or (
                place_oid == PG_CATALOG_OID and type_by_name(name) is not None
            ):
                return False
        return False

    def type_schema(self, oid: int) -> str | None:
        """The schema to put before a type's name; None where an unqualified name finds it."""
        if find_type(oid) is not None or self.type_is_visible(oid) is not False:
            return None
        state = self._session.catalog_state
        schema: str = self._session.database.virtual_relations.type_place(state, oid)[0]
        return schema

    def type_text(self, oid: int) -> str:
        """A type's name, with its schema where the search path does not find it."""
        types = self._session.catalog_state.types
        found = types.find(oid)
        schema = self.type_schema(found.element_oid if found.is_array else oid) if found is not None else None
        return format_type(oid, None, types.find, schema=schema)

    def function_is_visible(self, oid: int) -> bool | None:
        """Whether an unqualified name finds this function."""
        routine = self._catalog.routines.get(oid)
        if routine is None:
            return True
        for _, schema_oid in self._path():
            found = self._catalog.routine_names.get((schema_oid, routine.name, routine.input_types))
            if found is not None:
                return found == oid
        return False

    def function_name(self, oid: int, with_arguments: bool) -> str | None:
        """A user's function as regproc or regprocedure prints it."""
        routine = self._catalog.routines.get(oid)
        if routine is None:
            return None
        schema = self._catalog.schemas[routine.schema_oid].name
        text = signature_text(routine, self.type_text) if with_arguments else quote_identifier(routine.name)
        return text if self.function_is_visible(oid) else f"{quote_identifier(schema)}.{text}"

    def function_oid(self, name: str) -> int | None:
        """The oid of a user's function, written with argument types or without. Raises 42725 where that is not one."""
        head, opened, tail = name.partition("(")
        parts = self.name_parts(head.strip())
        schemas = [self._catalog.schema_names.get(parts[-2])] if len(parts) > 1 else [oid for _, oid in self._path()]
        found = [one for one in self._catalog.routines_named(parts[-1]) if one.schema_oid in schemas]
        if opened:
            inside = tail.rstrip().removesuffix(")").strip()
            types = tuple(self.type_oid(word.strip()) for word in inside.split(",")) if inside else ()
            found = [one for one in found if one.input_types == types]
        if len(found) > 1 and not opened:
            raise DatacaveError(f'more than one function named "{name}"', sqlstate=sqlstate.AMBIGUOUS_FUNCTION)
        return found[0].oid if found else None

    def operator_oids(self, schema: str | None, name: str, types: tuple[int, int] | None) -> list[int]:
        """Users' operators of a name that a schema or the search path has, those with these operand types."""
        schemas = [self._catalog.schema_names.get(schema)] if schema is not None else [oid for _, oid in self._path()]
        return [
            one.oid
            for one in self._catalog.operators.values()
            if one.name == name and one.schema_oid in schemas and types in (None, (one.left_oid, one.right_oid))
        ]

    def named_object(self, class_oid: int, name: str) -> int | None:
        """The oid of an object of pg_ts_config and kin, by the search path."""
        *schema, bare = self.name_parts(name)
        schemas = schema[-1:] or [one for one, _ in self._path()]
        return find_named(self._catalog, class_oid, schemas, bare)

    def named_object_name(self, class_oid: int, oid: int) -> tuple[str, str] | None:
        """(schema, name) of such an object."""
        return name_of(self._catalog, class_oid, oid)

    def named_object_is_visible(self, class_oid: int, oid: int) -> bool | None:
        """Whether an unqualified name finds it."""
        catalog = self._catalog
        found = name_of(catalog, class_oid, oid)
        if found is None:
            return None
        method = method_of(catalog, class_oid, oid)
        return find_named(catalog, class_oid, [one for one, _ in self._path()], found[1], method) == oid

    def collation_oid(self, name: str) -> int | None:
        """The oid of a collation of pg_catalog by its bare name."""
        return next((row[0] for row in fixed_rows("pg_collation") if row[1] == name), None)

    def collation_name(self, oid: int) -> str | None:
        """The name of a collation."""
        return next((row[1] for row in fixed_rows("pg_collation") if row[0] == oid), None)

    # Schemas, roles, databases

    def schema_name(self, oid: int) -> str | None:
        """The name of a schema."""
        schema = self._catalog.schemas.get(oid)
        return schema.name if schema is not None else None

    def schema_oid(self, name: str) -> int | None:
        """The oid of a schema written as in SQL."""
        return self._catalog.schema_names.get(self._single(name))

    def _single(self, name: str) -> str:
        """A name that no schema may stand before. Raises 42602."""
        parts = self.name_parts(name)
        if len(parts) > 1:
            raise DatacaveError("invalid name syntax", sqlstate=sqlstate.INVALID_NAME)
        return parts[0]

    def role_name(self, oid: int) -> str | None:
        """The name of a role."""
        role = self._catalog.roles.get(oid)
        return role.name if role is not None else None

    def role_oid(self, name: str) -> int | None:
        """The oid of a role written as in SQL."""
        return self._catalog.role_names.get(self._single(name))

    def database_name(self, oid: int) -> str | None:
        """The name of a database."""
        database = self._catalog.databases.get(oid)
        return database.name if database is not None else None

    # Definitions

    def comment(self, oid: int, catalog: str, column: int) -> str | None:
        """The comment on an object; without a catalog, on whatever has the oid."""
        if catalog:
            class_oid = CLASS_OIDS.get(catalog)
            return self._catalog.comment(class_oid, oid, column) if class_oid is not None else None
        for class_oid in sorted(set(CLASS_OIDS.values())):
            text = self._catalog.comment(class_oid, oid, column)
            if text is not None:
                return text
        return None

    def constraint_definition(self, oid: int, pretty: bool) -> str | None:
        """pg_get_constraintdef."""
        found = self._session.database.virtual_relations.constraint(self._session.catalog_state, oid)
        if found is None:
            return None
        owner, constraint = found
        if isinstance(owner, Table):
            return constraint_text(
                self._catalog, owner, constraint, self._qualified, lambda stored: self._shown(stored, owner, pretty)
            )
        text = self._definitions.domain_check(self._environment, constraint.expression, owner.base_type_oid, pretty)
        return f"CHECK ({text})" + ("" if constraint.validated else " NOT VALID")

    @property
    def _environment(self) -> BindingEnvironment:
        environment: BindingEnvironment = self._session.binding_environment(self._session.catalog_state)
        return environment

    @property
    def _definitions(self) -> Definitions:
        definitions: Definitions = self._session.database.virtual_relations.definitions
        return definitions

    def _shown(self, stored: str, table: Table | None, pretty: bool, target: int = 0) -> str:
        return self._definitions.expression(self._environment, stored, table, target, pretty)

    def _qualified(self, table: Table) -> str:
        """A table's name, with its schema where the search path does not find it."""
        if self.relation_is_visible(table.oid):
            return quote_identifier(table.name)
        return f"{quote_identifier(self._catalog.schemas[table.schema_oid].name)}.{quote_identifier(table.name)}"

    def partition_key_definition(self, oid: int) -> str | None:
        """pg_get_partkeydef."""
        table = self._catalog.tables.get(oid)
        return key_text(table, self._plainly) if table is not None else None

    def partition_constraint(self, oid: int) -> str | None:
        """pg_get_partition_constraintdef."""
        table = self._catalog.tables.get(oid)
        if table is None:
            return None
        return partition_constraint_text(self._catalog, table, self._session.catalog_state.types.find, self._plainly)

    def partition_ancestors(self, oid: int) -> list[int]:
        """A partition and the partitioned tables it is a part of, the root last; none for other relations."""
        return ancestors(self._catalog, oid)

    def partition_tree(self, oid: int) -> Iterable[tuple[int, int | None, bool, int]]:
        """(relation, parent, whether it is a leaf, level) of a relation and all partitions below it."""
        return tree(self._catalog, oid)

    def _plainly(self, stored: str, table: Table) -> str:
        return self._shown(stored, table, False)

    def index_definition(self, oid: int, column: int, pretty: bool) -> str | None:
        """pg_get_indexdef."""
        found: tuple[Table, Index] | None = self._catalog.index_by_oid(oid)
        if found is None:
            text: str | None = self._session.database.virtual_relations.index_definition(oid)
            return text if not column else None
        table, index = found
        if column:
            return index_key_text(table, index, column, lambda stored: self._shown(stored, table, pretty))
        schema = self._catalog.schemas[table.schema_oid].name
        name = self._qualified(table) if pretty else f"{quote_identifier(schema)}.{quote_identifier(table.name)}"
        return index_text(table, index, name, lambda stored: self._shown(stored, table, pretty), self._class_name)

    def _class_name(self, name: str) -> str:
        return class_name(self._catalog, name, self._session.search_path)

    def index_property(self, oid: int, column: int, name: str) -> bool | None:
        """A property of an index or of one of its columns (0: of the whole); None where there is no such thing."""
        state = self._session.catalog_state
        found: bool | None = self._session.database.virtual_relations.index_property(state, oid, column, name.lower())
        return found

    def _statistics(self, oid: int) -> tuple[Table, ExtendedStatistics] | None:
        table = self._catalog.table_of_part(oid)
        found = [one for one in table.statistics if one.oid == oid] if table is not None else []
        return (table, found[0]) if table is not None and found else None

    def statistics_definition(self, oid: int, *, columns_only: bool) -> str | None:
        """pg_get_statisticsobjdef, pg_get_statisticsobjdef_columns."""
        found = self._statistics(oid)
        if found is None:
            return None
        table, one = found
        if columns_only:
            return statistics_columns(table, one, lambda stored: self._shown(stored, table, True))
        schema = self._catalog.schemas[one.schema_oid].name
        return statistics_text(
            table, one, schema, self._qualified(table), lambda stored: self._shown(stored, table, True)
        )

    def statistics_expressions(self, oid: int) -> list[str] | None:
        """pg_get_statisticsobjdef_expressions; None without any."""
        found = self._statistics(oid)
        if found is None or not found[1].expressions:
            return None
        return [self._plainly(stored, found[0]) for stored in found[1].expressions]

    def statistics_are_visible(self, oid: int) -> bool | None:
        """Whether the search path finds a statistics object; None for an oid that is unknown."""
        found = self._statistics(oid)
        if found is None:
            return None
        own = {one.schema_oid: one for table in self._catalog.tables.values() for one in table.statistics
               if one.name == found[1].name}  # fmt: skip
        for name in self._session.search_path:
            schema = self._catalog.schema_named(name)
            if schema is not None and schema.oid in own:
                return own[schema.oid].oid == oid
        return False

    def view_definition(self, oid: int, pretty: bool) -> str | None:
        """pg_get_viewdef."""
        table = self._catalog.tables.get(oid)
        if table is None or table.view_query is None:
            return None
        return f"{self._definitions.view(self._environment, table, pretty)};"

    def rule_definition(self, oid: int, pretty: bool) -> str | None:
        """pg_get_ruledef."""
        owner = self._catalog.table_of_part(oid)
        for rule in owner.rules if owner is not None else ():
            if owner is not None and rule.oid == oid:
                return self._definitions.rule(self._environment, owner, rule, pretty)
        for table in self._catalog.tables.values():
            if table.view_query is not None and default_oid(table.oid, 0) == oid:
                return self._definitions.view_rule(self._environment, table, pretty)
        return None

    def trigger_definition(self, oid: int, pretty: bool) -> str | None:
        """pg_get_triggerdef."""
        table = self._catalog.table_of_part(oid)
        for trigger in table.triggers if table is not None else ():
            if table is not None and trigger.oid == oid:
                return self._definitions.trigger(self._environment, table, trigger, pretty)
        for one in derived_triggers(self._catalog):
            if one.trigger.oid == oid:
                return self._definitions.trigger(self._environment, one.table, one.trigger, pretty)
        return None

    def expression_text(self, stored: str, relation: int, pretty: bool) -> str | None:
        """pg_get_expr: expressions are stored as text, those of defaults with the type of their column."""
        target, text = default_parts(stored)
        return self._shown(text, self._catalog.tables.get(relation), pretty, target)

    def object_description(self, class_oid: int, oid: int, column: int) -> str | None:
        return describe(self, self._catalog, class_oid, oid, column)

    def serial_sequence(self, table: str, column: str) -> str | None:
        """pg_get_serial_sequence. Raises 42P01, 42703."""
        oid = self.relation_oid(table)
        found = self._catalog.tables.get(oid) if oid is not None else None
        if found is None:
            raise DatacaveError(f'relation "{table}" does not exist', sqlstate=sqlstate.UNDEFINED_TABLE)
        known = found.columns_by_name.get(column)
        if known is None:
            raise DatacaveError(
                f'column "{column}" of relation "{found.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
            )
        owned = self._catalog.sequences_owned_by(found.oid, known.number)
        if not owned:
            return None
        schema = self._catalog.schemas[owned[0].schema_oid].name
        return f"{quote_identifier(schema)}.{quote_identifier(owned[0].name)}"

    def function_text(self, oid: int, part: str) -> str | None:
        """Parts of a function's definition; built-in functions have no text."""
        routine = self._catalog.routines.get(oid)
        if routine is not None:
            if part == "result":
                return result_text(routine, self.type_text)
            body = self._definitions.body(self._environment, routine) if routine.sql_body else ""
            if part == "body":
                return body or None
            if part == "definition":
                if routine.kind == "a":
                    raise DatacaveError(
                        f'"{routine.name}" is an aggregate function', sqlstate=sqlstate.WRONG_OBJECT_TYPE
                    )
                return definition_text(self._catalog, routine, self.type_text, body)
            return arguments_text(routine, self.type_text, with_defaults=part == "arguments")
        if part == "result":
            return function_result(oid)
        if part in ("definition", "body"):
            return None
        return function_arguments(oid, with_defaults=part == "arguments")

    # Sizes, privileges

    def relation_size(self, oid: int, part: str) -> int | None:
        """Bytes, estimated from the number of rows: rows of all tables share their files."""
        catalog = self._catalog
        table = catalog.tables.get(oid)
        if table is not None:
            rows = self._rows(table)
            indexes = len([one for one in table.indexes if one.index_number]) * rows * BYTES_PER_ROW_GUESS // 2
            main = rows * BYTES_PER_ROW_GUESS * max(1, len(table.live_columns) // 4)
            return {"main": main, "table": main, "indexes": indexes}.get(part, main + indexes)
        indexed = catalog.index_by_oid(oid)
        if indexed is not None:
            return self._rows(indexed[0]) * BYTES_PER_ROW_GUESS // 2
        return 0 if self.relation_name(oid) is not None else None

    def _rows(self, table: Table) -> int:
        if not table.storage_id:
            return 0
        return int(self._session.database.sizes.row_count(table))

    def database_size(self, name_or_oid: str | int) -> int:
        """Bytes on disk of the whole store, in which the rows of all databases lie together."""
        catalog = self._catalog
        if isinstance(name_or_oid, str):
            found = catalog.database_named(name_or_oid)
            if found is None:
                raise DatacaveError(f'database "{name_or_oid}" does not exist', sqlstate=sqlstate.UNDEFINED_DATABASE)
        statistics = self._session.database.store.statistics()
        on_disk = sum(statistics.get("level_bytes", ()))
        return int(on_disk + statistics.get("frozen_bytes", 0) + statistics.get("memtable_bytes", 0))

    def row_security_is_active(self, relation: str | int) -> bool | None:
        """row_security_active. Raises 42P01 for an unknown name."""
        oid = self.relation_oid(relation) if isinstance(relation, str) else relation
        if oid is None:
            raise DatacaveError(f'relation "{relation}" does not exist', sqlstate=sqlstate.UNDEFINED_TABLE)
        table = self._catalog.tables.get(oid)
        if table is None:
            return False if self.relation_name(oid) is not None else None
        role = self._session.evaluation.current_role
        return not is_exempt(role, table, has_privileges_of(self._catalog, role.oid, table.owner_oid))

    def has_privilege(self, kind: str, role: str | int | None, target: Any, privilege: str) -> bool | None:
        """has_table_privilege and its family."""
        return has_privilege(self._session, self, kind, role, target, privilege)

    def settings(self) -> Iterable[Row]:
        """The rows of pg_settings."""
        rows: Iterable[Row] = self._session.database.virtual_relations.lookup("pg_catalog", "pg_settings").rows_for(
            self._session
        )
        return rows

    def sequence(self, oid: int) -> Sequence | None:
        """The sequence with an oid."""
        return self._catalog.sequences.get(oid)
