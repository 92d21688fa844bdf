"""LIKE in CREATE TABLE: columns of another table, with what INCLUDING asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Constraint, ExtendedStatistics, Table
from datacave_core.errors import DatacaveError
from datacave_sql.bind import inheritance, relations, typenames
from datacave_sql.bind import statements as s
from datacave_sql.bind.object_names import free_name
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast

PG_CLASS_OID = 1259


def copy_like(b: Binding, draft: Any, clause: ast.LikeClause) -> None:
    """Puts the other table's columns into the draft, and defaults, checks, indexes as far as they are included."""
    source = _source(b, clause)
    numbers: dict[int, int] = {}
    for column in source.live_columns:
        known = next((one for one in draft.columns if one.name == column.name), None)
        if known is not None and known.name not in draft.inherited:
            raise DatacaveError(f'column "{column.name}" specified more than once', sqlstate=sqlstate.DUPLICATE_COLUMN)
        draft.declared += 1
        number = len(draft.columns) + 1 if known is None else known.number
        numbers[column.number] = number
        made = replace(column, number=number, missing=None, added=0, privileges=())
        if column.identity:
            made = _identity(b, draft, made, source.oid, column.number, "identity" in clause.including)
        elif column.generated:
            if "generated" not in clause.including:
                made = replace(made, generated="", default=None)
        elif "defaults" not in clause.including:
            made = replace(made, default=None)
        if known is None:
            draft.columns.append(made)
        else:
            draft.inherited.discard(known.name)
            draft.columns[number - 1] = inheritance.merge_declared(b, draft, made, made.default is not None)
        if "comments" in clause.including:
            text = b.catalog.comment(PG_CLASS_OID, source.oid, column.number)
            if text is not None:
                draft.comments.append((number, text))
    if "constraints" in clause.including:
        for constraint in source.constraints:
            if constraint.kind == "c":
                columns = tuple(numbers[c] for c in constraint.columns)
                draft.made.append((replace(constraint, oid=0, columns=columns), None))
                _comment(b, draft, clause, "pg_constraint", constraint.oid, constraint.name)
    if "indexes" in clause.including:
        for index in source.indexes:
            name = _index(b, draft, index, numbers)
            _comment(b, draft, clause, "pg_class", index.oid, name)
            _comment(b, draft, clause, "pg_constraint", index.constraint_oid, name)
    if "statistics" in clause.including:
        for one in source.statistics:
            name = _statistics(b, draft, one, numbers)
            _comment(b, draft, clause, "pg_statistic_ext", one.oid, name)


_CLASS_OIDS = {"pg_class": PG_CLASS_OID, "pg_constraint": 2606, "pg_statistic_ext": 3381}


def _comment(b: Binding, draft: Any, clause: ast.LikeClause, kind: str, oid: int, name: str) -> None:
    """The comment on a part of the other table, for the part of this name here."""
    text = b.catalog.comment(_CLASS_OIDS[kind], oid) if "comments" in clause.including and oid else None
    if text is not None:
        draft.part_comments.append((kind, name, text))


def _statistics(b: Binding, draft: Any, one: ExtendedStatistics, numbers: dict[int, int]) -> str:
    columns = tuple(sorted(numbers[c] for c in one.columns))
    words = [draft.columns[number - 1].name for number in columns] + ["expr"] * len(one.expressions)
    known = {
        found.name for table in b.catalog.tables.values() for found in table.statistics
        if found.schema_oid == draft.schema.oid
    } | {found.name for found in draft.statistics}  # fmt: skip
    name = free_name(draft.name, "_".join(words), "stat", known.__contains__)
    draft.statistics.append(replace(one, oid=0, owner_oid=0, schema_oid=draft.schema.oid, name=name, columns=columns))
    return name


def _source(b: Binding, clause: ast.LikeClause) -> Table:
    """The relation, or the composite type as one. Raises 42P01, 42809."""
    found = relations.find_relation(b, clause.table, clause.position)
    if isinstance(found, Table):
        return found
    if found is not None:
        raise DatacaveError(
            f'relation "{clause.table[-1]}" is invalid in LIKE clause',
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            detail="This operation is not supported for sequences.",
        )
    oid = typenames.find_type_oid(b, clause.table)
    definition = b.catalog.types.get(oid) if oid else None
    if definition is None or definition.kind != "c":
        raise relations.undefined_relation(clause.table, clause.position)
    return Table(definition.oid, definition.schema_oid, definition.name, definition.attributes, kind="c")


def _identity(b: Binding, draft: Any, column: Any, table_oid: int, number: int, include: bool) -> Any:
    if not include:
        return replace(column, identity="", default=None)
    for sequence in b.catalog.sequences_owned_by(table_oid, number):
        if sequence.identity:
            name = free_name(draft.name, column.name, "seq", draft.names.__contains__)
            draft.names.add(name)
            made = replace(sequence, oid=0, schema_oid=draft.schema.oid, name=name, owned_by_table_oid=0,
                           owned_by_column=column.number)  # fmt: skip
            draft.sequences.append(s.OwnedSequence(column.number, made))
    return column


def _index(b: Binding, draft: Any, index: Any, numbers: dict[int, int]) -> str:
    """The name of the index that is put into the draft."""
    keys = tuple(replace(key, column=numbers[key.column] if key.column else 0) for key in index.keys)
    words = "_".join(draft.columns[key.column - 1].name if key.column else "expr" for key in keys)

    def taken(name: str) -> bool:
        return name in draft.names or (draft.schema.oid, name) in b.catalog.relation_names

    if index.primary:
        name = free_name(draft.name, "", "pkey", taken)
    else:
        name = free_name(draft.name, words, "key" if index.constraint_oid else "idx", taken)
    draft.names.add(name)
    included = tuple(numbers[c] for c in index.included)
    made = replace(index, oid=0, index_number=0, name=name, keys=keys, included=included, constraint_oid=0)
    if index.constraint_oid:
        kind = "p" if index.primary else "u"
        draft.made.append((Constraint(0, name, kind, tuple(key.column for key in keys)), made))
    else:
        draft.indexes.append(made)
    return str(name)
