"""Dependencies: what falls with an object, and what stands in the way of dropping it.

Parts of an object (a table's indexes, constraints and owned sequences) go with it without a word. Other objects that
need it (views, foreign keys of other tables, columns of a type, defaults with a sequence) forbid dropping it, or go as
well with CASCADE.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from datacave_core import sqlstate
from datacave_core.catalog import (
    CastDefinition,
    Catalog,
    Column,
    Constraint,
    ExtendedStatistics,
    Extension,
    FamilyFunction,
    FamilyOperator,
    Index,
    IndexKey,
    NamedObject,
    OperatorClass,
    OperatorDefinition,
    OperatorFamily,
    Routine,
    Schema,
    Sequence,
    Table,
    TextSearchConfiguration,
    TextSearchDictionary,
    TypeDefinition,
    lasting_type,
)
from datacave_core.errors import DatacaveError
from datacave_sql.bind.named_objects import METHOD_NAMES
from datacave_sql.bind.named_objects import kind_of as named_kind
from datacave_sql.bind.stored_query import reads_column
from datacave_sql.bind.stored_text import expression_tree, mentioned_columns
from datacave_sql.pgcatalog.named_objects import ACCESS_METHODS
from datacave_sql.session.catalog_types import CatalogTypes
from datacave_sql.session.routine_text import described
from datacave_sql.session.utility.extension_members import extension_members
from datacave_sql.session.utility.routine_dependents import (
    dependent_columns,
    dependent_constraints,
    dependent_indexes,
    is_partitioned_by,
)

_InSchema: TypeAlias = Table | Sequence | TypeDefinition | Routine | OperatorDefinition | Extension | NamedObject
_TABLE_KINDS = {
    "r": "table", "p": "table", "v": "view", "m": "materialized view", "c": "composite type", "f": "foreign table",
}  # fmt: skip


@dataclass(slots=True)
class Removal:
    """What goes: whole objects by oid, and parts of tables that stay. `told` are the lines about dependents."""

    catalog: Catalog
    objects: dict[int, Any] = field(default_factory=dict)
    constraints: dict[int, set[int]] = field(default_factory=dict)  # table oid -> constraint oids
    indexes: dict[int, set[int]] = field(default_factory=dict)  # table oid -> index oids
    columns: dict[int, set[int]] = field(default_factory=dict)  # table oid -> column numbers
    defaults: dict[int, set[int]] = field(default_factory=dict)  # table oid -> columns that lose their default
    policies: dict[int, set[int]] = field(default_factory=dict)  # table oid -> policy oids
    rules: dict[int, set[int]] = field(default_factory=dict)  # table oid -> rule oids
    triggers: dict[int, set[int]] = field(default_factory=dict)  # table oid -> trigger oids
    told: list[tuple[str, str]] = field(default_factory=list)  # (dependent, what it depends on)
    parts_told: dict[str, int] = field(default_factory=dict)  # dependent that is part of a table -> table oid

    def apply(self) -> Catalog:
        """The catalog without all this."""
        catalog = self.catalog.without(*self.objects.values()) if self.objects else self.catalog
        parts = (self.constraints, self.indexes, self.columns, self.defaults, self.policies, self.rules, self.triggers)
        touched = {oid for part in parts for oid in part} - self.objects.keys()
        changed: list[Table | OperatorFamily] = [self._reduced(catalog.tables[oid]) for oid in sorted(touched)]
        changed += self._families(catalog)
        return catalog.with_objects(changed) if changed else catalog

    def _families(self, catalog: Catalog) -> Iterator[OperatorFamily]:
        """The families that lose what came with a class."""
        for one in catalog.operator_families.values():
            operators = tuple(part for part in one.operators if part.class_oid not in self.objects)
            functions = tuple(part for part in one.functions if part.class_oid not in self.objects)
            if (operators, functions) != (one.operators, one.functions):
                yield replace(one, operators=operators, functions=functions)

    def _reduced(self, table: Table) -> Table:
        gone = self.constraints.get(table.oid, set())
        no_index = self.indexes.get(table.oid, set())
        no_column = self.columns.get(table.oid, set())
        no_default = self.defaults.get(table.oid, set())
        no_policy = self.policies.get(table.oid, set())
        no_rule = self.rules.get(table.oid, set())
        no_trigger = self.triggers.get(table.oid, set())
        lost = {table.column(number).name for number in no_column}
        columns = tuple(
            dropped_column(column, self.catalog)
            if column.number in no_column
            else replace(column, default=None)
            if column.number in no_default
            else column
            for column in table.columns
        )
        return replace(
            table,
            columns=columns,
            constraints=tuple(one for one in table.constraints if one.oid not in gone),
            indexes=tuple(one for one in table.indexes if one.oid not in no_index),
            policies=tuple(one for one in table.policies if one.oid not in no_policy),
            rules=tuple(one for one in table.rules if one.oid not in no_rule),
            triggers=tuple(one for one in table.triggers if one.oid not in no_trigger),
            statistics=tuple(one for one in table.statistics if not _is_over(one, no_column, lost)),
        )


def _is_over(one: ExtendedStatistics, numbers: set[int], names: set[str]) -> bool:
    """Whether a statistics object is over one of these columns."""
    named = (mention.parts[-1] for text in one.expressions for mention in mentioned_columns(expression_tree(text)))
    return not numbers.isdisjoint(one.columns) or not names.isdisjoint(named)


def objects_in(catalog: Catalog, schema: Schema) -> list[_InSchema]:
    """Everything in a schema: tables, sequences, types, routines."""
    found: list[_InSchema] = []
    found += [one for _, one in sorted(catalog.tables.items()) if one.schema_oid == schema.oid]
    found += [one for _, one in sorted(catalog.sequences.items()) if one.schema_oid == schema.oid]
    found += [one for _, one in sorted(catalog.types.items()) if one.schema_oid == schema.oid]
    found += [one for _, one in sorted(catalog.extensions.items()) if one.schema_oid == schema.oid]
    found += [one for _, one in sorted(catalog.routines.items()) if one.schema_oid == schema.oid]
    found += [one for _, one in sorted(catalog.operators.items()) if one.schema_oid == schema.oid]
    found += [one for one in _named(catalog) if one.schema_oid == schema.oid]
    return found


def _named(catalog: Catalog) -> Iterator[NamedObject]:
    """Text search objects, operator classes, families and conversions."""
    for oid in sorted(catalog.configurations):
        yield catalog.configurations[oid]
    for oid in sorted(catalog.dictionaries):
        yield catalog.dictionaries[oid]
    for oid in sorted(catalog.operator_classes):
        yield catalog.operator_classes[oid]
    for oid in sorted(catalog.operator_families):
        yield catalog.operator_families[oid]
    for oid in sorted(catalog.conversions):
        yield catalog.conversions[oid]


def dropped_column(column: Column, catalog: Catalog) -> Column:
    """What stays of a dropped column: its slot, of a type that nobody can drop."""
    type_oid, typmod = lasting_type(column.type_oid, column.typmod, catalog.types)
    return replace(
        column,
        type_oid=type_oid,
        typmod=typmod,
        name=f"........pg.dropped.{column.number}........",
        not_null=False,
        default=None,
        generated="",
        identity="",
        dropped=True,
    )


def describe(catalog: Catalog, item: Any) -> str:
    """An object as in messages about dependencies."""
    if isinstance(item, Table):
        return f"{_TABLE_KINDS[item.kind]} {item.name}"
    if isinstance(item, Sequence):
        return f"sequence {item.name}"
    if isinstance(item, Schema):
        return f"schema {item.name}"
    if isinstance(item, Index):
        return f"index {item.name}"
    if isinstance(item, Extension):
        return f"extension {item.name}"
    if isinstance(item, Routine):
        return described(item, CatalogTypes(catalog))
    if isinstance(item, NamedObject):
        method = item.method_oid if isinstance(item, OperatorClass | OperatorFamily) else 0
        return f"{named_kind(item)} {item.name}" + (f" for access method {METHOD_NAMES[method]}" if method else "")
    if isinstance(item, OperatorDefinition | CastDefinition):
        types = CatalogTypes(catalog)
        if isinstance(item, CastDefinition):
            return f"cast from {types.name(item.source_oid)} to {types.name(item.target_oid)}"
        left = types.name(item.left_oid) if item.left_oid else "NONE"
        return f"operator {item.name}({left},{types.name(item.right_oid)})"
    assert isinstance(item, TypeDefinition)
    return f"type {item.name}"


def _partitioning_columns(table: Table) -> Iterator[Column]:
    """The columns that a table is partitioned by, themselves or in an expression."""
    for part in table.partition_key.parts if table.partition_key is not None else ():
        if part.column:
            yield table.column(part.column)
        elif part.expression is not None:
            for mention in mentioned_columns(expression_tree(part.expression)):
                if mention.parts[-1] in table.columns_by_name:
                    yield table.columns_by_name[mention.parts[-1]]


def _is_by(table: Table, key: IndexKey, item: OperatorClass) -> bool:
    """Whether a key of an index is by a class: by its name, or because it is the default one of the key's type."""
    if key.operator_class or not item.default:
        return key.operator_class == item.name
    return item.input_oid == (table.column(key.column).type_oid if key.column else key.type_oid)


class Collector:
    """Follows dependencies from the objects to drop."""

    def __init__(self, catalog: Catalog) -> None:
        self.removal = Removal(catalog)
        self._catalog = catalog

    def add(self, item: Any) -> None:
        """Drops a table, view, sequence, schema or type."""
        removal = self.removal
        if item.oid in removal.objects:
            return
        if (whole_oid := getattr(item, "extension_oid", 0)) and whole_oid not in removal.objects:
            owner = self._catalog.extensions[whole_oid]
            raise DatacaveError(
                f"cannot drop {describe(self._catalog, item)} because extension {owner.name} requires it",
                sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
                hint=f"You can drop extension {owner.name} instead.",
            )
        if isinstance(item, Routine | TypeDefinition) and (whole := self._range_of(item)) is not None:
            raise DatacaveError(
                f"cannot drop {describe(self._catalog, item)} because {describe(self._catalog, whole)} requires it",
                sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
                hint=f"You can drop {describe(self._catalog, whole)} instead.",
            )
        removal.objects[item.oid] = item
        self._follow(item)

    def _follow(self, item: Any) -> None:
        """What needs an object that goes."""
        removal = self.removal
        if isinstance(item, Schema):
            for inside in objects_in(self._catalog, item):
                if inside.oid not in removal.objects:
                    self._tell(describe(self._catalog, inside), item)
                    self.add(inside)
        elif isinstance(item, Table):
            self._with_table(item)
        elif isinstance(item, Sequence):
            self._with_sequence(item)
        elif isinstance(item, TypeDefinition):
            self._with_type(item)
        elif isinstance(item, Routine):
            self._with_routine(item)
        elif isinstance(item, OperatorDefinition):
            self._views_on(item.oid, item)
            self._members_on({item.oid}, item)
        elif isinstance(item, OperatorFamily):
            for one in self._catalog.operator_classes.values():
                if one.family_oid == item.oid and one.oid not in self.removal.objects:
                    self.add(one)
        elif isinstance(item, OperatorClass):
            self._with_class(item)
        elif isinstance(item, TextSearchConfiguration):
            self._views_on(item.oid, item)
            self._routines_on((item.oid,), item)
            self._tables_with(item)
        elif isinstance(item, TextSearchDictionary):
            for configuration in self._catalog.configurations.values():
                if any(item.oid in one.dictionary_oids for one in configuration.mappings):
                    self._depending(configuration, item)
        elif isinstance(item, Extension):
            members = extension_members(self._catalog, item)
            removal.objects.update({one.oid: one for one in members})
            for one in members:
                self._follow(one)

    def _with_class(self, item: OperatorClass) -> None:
        """The indexes by a class, or the constraints they belong to; its family loses what came with it."""
        what = describe(self._catalog, item)
        for _, table in sorted(self._catalog.tables.items()):
            for index in table.indexes if table.oid not in self.removal.objects else ():
                gone = self.removal.indexes.setdefault(table.oid, set())
                if ACCESS_METHODS[index.method] != item.method_oid or index.oid in gone:
                    continue
                if not any(_is_by(table, key, item) for key in index.keys):
                    continue
                constraint = next((one for one in table.constraints if index.constraint_oid == one.oid), None)
                if constraint is None:
                    self._tell(f"index {index.name}", what)
                    gone.add(index.oid)
                else:
                    self._tell(f"constraint {constraint.name} on table {table.name}", what)
                    self.add_constraint(table, constraint)

    def _depending(self, dependent: Any, item: Any) -> None:
        """What goes too, unless it goes anyway."""
        if dependent.oid not in self.removal.objects:
            self._tell(describe(self._catalog, dependent), item)
            self.add(dependent)

    def _range_of(self, item: Routine | TypeDefinition) -> TypeDefinition | None:
        """The range type that a constructor or a multirange type is a part of, if it stays."""
        oid = item.type_oid if isinstance(item, Routine) else item.base_type_oid if item.kind == "m" else 0
        return None if not oid or oid in self.removal.objects else self._catalog.types[oid]

    def _parts_of_range(self, definition: TypeDefinition) -> None:
        """Multirange type, constructors and cast go with a range type without a word."""
        catalog = self._catalog
        multirange = catalog.types[definition.multirange_oid]
        parts: list[Any] = [multirange, *(one for one in catalog.routines.values() if one.type_oid == definition.oid)]
        cast = catalog.cast_types.get((definition.oid, multirange.oid))
        if cast is not None:
            parts.append(catalog.casts[cast])
        self.removal.objects.update({one.oid: one for one in parts})
        for one in parts:
            if isinstance(one, Routine):
                self._with_routine(one)
        self._with_type(multirange)

    def _tell(self, dependent: str, item: Any) -> None:
        self.removal.told.append((dependent, item if isinstance(item, str) else describe(self._catalog, item)))

    def _with_table(self, table: Table) -> None:
        for sequence in self._catalog.sequences_owned_by(table.oid):
            self.removal.objects.setdefault(sequence.oid, sequence)
        for referring, constraint, _ in self._catalog.references_to(table):
            gone = self.removal.constraints.setdefault(referring.oid, set())
            if referring.oid != table.oid and referring.oid not in self.removal.objects and constraint.oid not in gone:
                if not constraint.parent_oid:
                    told = f"constraint {constraint.name} on table {referring.name}"
                    self.removal.parts_told[told] = referring.oid
                    self._tell(told, table)
                gone.add(constraint.oid)
        for child in self._catalog.children_of(table.oid):
            if child.oid not in self.removal.objects:
                if child.partition_bound is None:
                    self._tell(describe(self._catalog, child), table)
                self.add(child)
        self._views_on(table.oid, table)
        self._routines_on((table.oid, table.row_type_oid) if table.row_type_oid else (table.oid,), table)
        if table.row_type_oid:
            self._columns_of_type((table.row_type_oid, table.row_array_type_oid), f"type {table.name}")

    def _views_on(self, oid: int, item: Any) -> None:
        for view in self._catalog.tables_needing(oid):
            if view.kind in ("v", "m") and oid in view.depends_on and view.oid not in self.removal.objects:
                self._tell(describe(self._catalog, view), item)
                self.add(view)
            for policy in view.policies:
                if oid in policy.depends_on and view.oid not in self.removal.objects:
                    self._tell(f"policy {policy.name} on table {view.name}", item)
                    self.removal.policies.setdefault(view.oid, set()).add(policy.oid)
            for rule in view.rules:
                if oid in rule.depends_on and view.oid not in self.removal.objects:
                    self._tell(f"rule {rule.name} on {describe(self._catalog, view)}", item)
                    self.removal.rules.setdefault(view.oid, set()).add(rule.oid)
            for trigger in view.triggers:
                named = (trigger.function_oid, trigger.referenced_oid, *trigger.depends_on)
                if oid in named and view.oid not in self.removal.objects:
                    self._tell(f"trigger {trigger.name} on {describe(self._catalog, view)}", item)
                    self.removal.triggers.setdefault(view.oid, set()).add(trigger.oid)

    def _routines_on(self, oids: Iterable[int], item: Any) -> None:
        """The routines that need one of these."""
        needed = set(oids)
        for _, routine in sorted(self._catalog.routines.items()):
            if needed.intersection(routine.depends_on) and routine.oid not in self.removal.objects:
                self._tell(describe(self._catalog, routine), item)
                self.add(routine)

    def _members_on(self, oids: set[int], item: Any) -> None:
        """The operator classes, and members of families, that need one of these types, functions or operators."""
        for one in self._catalog.operator_classes.values():
            if one.input_oid in oids or one.storage_oid in oids:
                self._depending(one, item)
        for family in self._catalog.operator_families.values():
            members: tuple[FamilyOperator | FamilyFunction, ...] = (*family.operators, *family.functions)
            for member in members:
                target = member.operator_oid if isinstance(member, FamilyOperator) else member.function_oid
                if oids & {target, member.left_oid, member.right_oid}:
                    self._depending(self._catalog.operator_classes.get(member.class_oid, family), item)
        for conversion in self._catalog.conversions.values():
            if conversion.function_oid in oids:
                self._depending(conversion, item)

    def _operators_on(self, oids: Iterable[int], item: Any) -> None:
        """The operators and casts between these types."""
        needed = set(oids) - {0}
        self._members_on(needed, item)
        for operator in self._catalog.operators.values():
            concerned = needed & {operator.left_oid, operator.right_oid, operator.result_oid}
            if concerned and operator.oid not in self.removal.objects:
                self._tell(describe(self._catalog, operator), item)
                self.add(operator)
        for cast in self._catalog.casts.values():
            if needed & {cast.source_oid, cast.target_oid} and cast.oid not in self.removal.objects:
                self._tell(describe(self._catalog, cast), item)
                self.add(cast)

    def _with_routine(self, routine: Routine) -> None:
        catalog, removal = self._catalog, self.removal
        self._views_on(routine.oid, routine)
        self._routines_on((routine.oid,), routine)
        users: list[Any] = [*catalog.operators.values(), *catalog.casts.values()]
        for one in users:
            if one.function_oid == routine.oid and one.oid not in removal.objects:
                self._tell(describe(catalog, one), routine)
                self.add(one)
        self._members_on({routine.oid}, routine)
        self._tables_with(routine)

    def _tables_with(self, routine: Routine | TextSearchConfiguration) -> None:
        """The parts of tables whose stored expressions need a routine or a configuration."""
        catalog, removal = self._catalog, self.removal
        for _, table in sorted(catalog.tables.items()):
            if table.oid in removal.objects:
                continue
            if is_partitioned_by(catalog, routine, table):
                self._tell(describe(catalog, table), routine)
                self.add(table)
                continue
            for number, generated in dependent_columns(catalog, routine, table):
                column = table.column(number)
                if generated:
                    self._tell(f"column {column.name} of table {table.name}", routine)
                    removal.columns.setdefault(table.oid, set()).add(number)
                else:
                    self._tell(f"default value for column {column.name} of table {table.name}", routine)
                    removal.defaults.setdefault(table.oid, set()).add(number)
            for oid in dependent_constraints(catalog, routine, table):
                name = next(one.name for one in table.constraints if one.oid == oid)
                self._tell(f"constraint {name} on table {table.name}", routine)
                removal.constraints.setdefault(table.oid, set()).add(oid)
            for oid in dependent_indexes(catalog, routine, table):
                self._tell(f"index {table.index(oid).name}", routine)
                removal.indexes.setdefault(table.oid, set()).add(oid)

    def _with_sequence(self, sequence: Sequence) -> None:
        for _, table in sorted(self._catalog.tables.items()):
            for column in table.live_columns:
                if column.default is not None and self._names(column, sequence):
                    self.removal.defaults.setdefault(table.oid, set()).add(column.number)
                    if table.oid not in self.removal.objects:
                        self._tell(f"default value for column {column.name} of table {table.name}", sequence)

    @staticmethod
    def _names(column: Column, sequence: Sequence) -> bool:
        default = column.default or ""
        return f"'{sequence.name}'" in default or f".{sequence.name}'" in default or f'"{sequence.name}"' in default

    def _with_type(self, definition: TypeDefinition) -> None:
        if definition.kind == "r":
            self._parts_of_range(definition)
        self._columns_of_type((definition.oid, definition.array_oid), describe(self._catalog, definition))
        self._routines_on((definition.oid,), definition)
        self._operators_on((definition.oid, definition.array_oid), definition)
        for table in self._catalog.tables_needing(definition.oid):
            if table.of_type_oid == definition.oid and table.oid not in self.removal.objects:
                self._tell(describe(self._catalog, table), definition)
                self.add(table)
        for _, other in sorted(self._catalog.types.items()):
            if other.base_type_oid in (definition.oid, definition.array_oid) and other.kind in ("d", "r"):
                if other.oid not in self.removal.objects:
                    self._tell(describe(self._catalog, other), definition)
                self.add(other)

    def _columns_of_type(self, type_oids: tuple[int, int], what: str) -> None:
        for table in self._catalog.tables_needing(*type_oids):
            if table.oid in self.removal.objects:
                continue
            if any(column.type_oid in type_oids for column in _partitioning_columns(table)):
                self._tell(describe(self._catalog, table), what)
                self.add(table)
                continue
            for column in table.live_columns:
                if column.type_oid in type_oids:
                    self._tell(f"column {column.name} of table {table.name}", what)
                    self.add_column(table, column)

    def add_index(self, table: Table, index: Index) -> None:
        """Drops an index. Raises 2BP01 for the index of a constraint."""
        for constraint in table.constraints:
            if constraint.index_oid == index.oid and constraint.kind in ("p", "u", "x"):
                raise DatacaveError(
                    f"cannot drop index {index.name} because constraint {constraint.name} on table {table.name}"
                    " requires it",
                    sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
                    hint=f"You can drop constraint {constraint.name} on table {table.name} instead.",
                )
        whole = self._catalog.index_by_oid(index.parent_oid) if index.parent_oid else None
        if whole is not None and index.parent_oid not in self.removal.indexes.get(whole[0].oid, ()):
            raise DatacaveError(
                f"cannot drop index {index.name} because index {whole[1].name} requires it",
                sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
                hint=f"You can drop index {whole[1].name} instead.",
            )
        self._parts_of(table, index.oid)
        self.removal.indexes.setdefault(table.oid, set()).add(index.oid)
        self._keys_through(table, index.oid, f"index {index.name}")

    def add_constraint(self, table: Table, constraint: Constraint) -> None:
        """Drops a constraint, with its index and the foreign keys that need it."""
        self.removal.constraints.setdefault(table.oid, set()).add(constraint.oid)
        if constraint.kind in ("p", "u", "x") and constraint.index_oid:
            self.removal.indexes.setdefault(table.oid, set()).add(constraint.index_oid)
            self._keys_through(table, constraint.index_oid, f"constraint {constraint.name} on table {table.name}")
        self._views_on(constraint.oid, f"constraint {constraint.name} on table {table.name}")

    def _parts_of(self, table: Table, index_oid: int) -> None:
        """The parts of an index in partitions go with it."""
        for child in self._catalog.children_of(table.oid):
            for part in child.indexes:
                if part.parent_oid == index_oid:
                    self.removal.indexes.setdefault(child.oid, set()).add(part.oid)
                    self._parts_of(child, part.oid)

    def _keys_through(self, table: Table, index_oid: int, what: str) -> None:
        for referring, constraint in self._catalog.foreign_keys_to(table.oid):
            if constraint.index_oid == index_oid:
                self._tell(f"constraint {constraint.name} on table {referring.name}", what)
                self.removal.constraints.setdefault(referring.oid, set()).add(constraint.oid)

    def add_column(self, table: Table, column: Column) -> None:
        """Drops a column with the indexes and constraints over it."""
        removal = self.removal
        removal.columns.setdefault(table.oid, set()).add(column.number)
        for index in table.indexes:
            if column.number in (*(key.column for key in index.keys), *index.included) or _mentions(index, column.name):
                removal.indexes.setdefault(table.oid, set()).add(index.oid)
                self._keys_through(table, index.oid, f"column {column.name} of table {table.name}")
        for constraint in table.constraints:
            if column.number in constraint.columns:
                removal.constraints.setdefault(table.oid, set()).add(constraint.oid)
        for sequence in self._catalog.sequences_owned_by(table.oid, column.number):
            removal.objects[sequence.oid] = sequence
        for trigger in table.triggers:
            read = mentioned_columns(expression_tree(trigger.condition)) if trigger.condition is not None else ()
            if column.number in trigger.update_columns or any(one.parts[-1] == column.name for one in read):
                self._tell(
                    f"trigger {trigger.name} on table {table.name}", f"column {column.name} of table {table.name}"
                )
                removal.triggers.setdefault(table.oid, set()).add(trigger.oid)
        for view in self._catalog.tables_needing(table.oid):
            reads = view.kind in ("v", "m") and reads_column(view, table.oid, column.number)
            if reads and view.oid not in removal.objects:
                self._tell(describe(self._catalog, view), f"column {column.name} of table {table.name}")
                self.add(view)

    def check(self, what: str, cascade: bool) -> None:
        """Raises 2BP01 if others depend on what is to be dropped and CASCADE was not written."""
        removal = self.removal
        # Parts of tables that go too are not worth telling.
        removal.told[:] = [pair for pair in removal.told if removal.parts_told.get(pair[0]) not in removal.objects]
        if not self.removal.told or cascade:
            return
        raise DatacaveError(
            f"cannot drop {what} because other objects depend on it",
            sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
            detail="\n".join(f"{dependent} depends on {item}" for dependent, item in self.removal.told),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )

    def notices(self) -> Iterator[tuple[str, str | None]]:
        """(message, detail) about what CASCADE takes along."""
        told = self.removal.told
        if len(told) == 1:
            yield f"drop cascades to {told[0][0]}", None
        elif told:
            yield (
                f"drop cascades to {len(told)} other objects",
                "\n".join(f"drop cascades to {dependent}" for dependent, _ in told),
            )


def _mentions(index: Index, column: str) -> bool:
    """Whether an expression or the condition of an index reads a column of its table."""
    texts = [key.expression for key in index.keys if key.expression is not None]
    if index.predicate is not None:
        texts.append(index.predicate)
    return any(
        reference.parts[-1] == column for text in texts for reference in mentioned_columns(expression_tree(text))
    )
