"""INHERITS: columns and constraints of parents, merged with those that a table has or declares itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Column, Constraint, Table
from datacave_core.errors import DatacaveError
from datacave_core.types import format_type
from datacave_sql.bind import relations
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.parse import ast


def find_parents(b: Binding, names: Sequence[ast.QualifiedName], position: int, persistence: str) -> list[Table]:
    """The tables to inherit from. Raises 42P01, 42809, 42P07 for one that is named twice."""
    parents: list[Table] = []
    for name in names:
        parent = relations.require_table(b, name, position)
        if parent.partition_key is not None:
            raise DatacaveError(
                f'cannot inherit from partitioned table "{parent.name}"', sqlstate=sqlstate.WRONG_OBJECT_TYPE
            )
        if parent.partition_bound is not None:
            raise DatacaveError(f'cannot inherit from partition "{parent.name}"', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
        if parent.kind != "r":
            raise DatacaveError(
                f'inherited relation "{parent.name}" is not a table or foreign table',
                sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            )
        check_persistence(parent, persistence, "inherit from")
        if any(parent.oid == one.oid for one in parents):
            raise DatacaveError(
                f'relation "{parent.name}" would be inherited from more than once', sqlstate=sqlstate.DUPLICATE_TABLE
            )
        parents.append(parent)
    return parents


def check_persistence(parent: Table, persistence: str, verb: str) -> None:
    """Raises 42809 for a permanent child of a temporary parent."""
    if parent.persistence == "t" and persistence != "t":
        raise DatacaveError(f'cannot {verb} temporary relation "{parent.name}"', sqlstate=sqlstate.WRONG_OBJECT_TYPE)


def inherit_columns(b: Binding, draft: Any, parents: Sequence[Table]) -> None:
    """Puts the parents' columns into the draft; those of one name become one. Raises 42804, 42P16."""
    for parent in parents:
        for column in parent.live_columns:
            known = next((one for one in draft.columns if one.name == column.name), None)
            if known is None:
                made = replace(
                    column,
                    number=len(draft.columns) + 1,
                    missing=None,
                    added=0,
                    privileges=(),
                    identity="",
                    default=None if column.identity else column.default,
                    inherit_count=1,
                    is_local=False,
                )
                draft.columns.append(made)
                continue
            draft.notices.append(f'merging multiple inherited definitions of column "{column.name}"')
            _check_same_type(b, "inherited column", column, known)
            if known.generated != column.generated:
                raise DatacaveError(
                    f'inherited column "{column.name}" has a generation conflict', sqlstate=sqlstate.DATATYPE_MISMATCH
                )
            default = known.default
            if column.default != known.default and not column.identity:
                if known.default is not None and column.default is not None:
                    draft.conflicting[column.name] = column.generated
                else:
                    default = known.default if column.default is None else column.default
            draft.columns[known.number - 1] = replace(
                known,
                not_null=known.not_null or column.not_null,
                default=default,
                inherit_count=known.inherit_count + 1,
            )


def _check_same_type(b: Binding, what: str, column: Column, known: Column) -> None:
    if (column.type_oid, column.typmod) != (known.type_oid, known.typmod):
        old, new = (format_type(one.type_oid, one.typmod, b.types.find) for one in (known, column))
        raise DatacaveError(
            f'{what} "{column.name}" has a type conflict',
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            detail=f"{old} versus {new}",
        )
    if column.collation != known.collation:
        raise DatacaveError(
            f'{what} "{column.name}" has a collation conflict',
            sqlstate=sqlstate.COLLATION_MISMATCH,
            detail=f'"{_collation(known)}" versus "{_collation(column)}"',
        )


_COLLATIONS = {100: "default", 950: "C", 951: "POSIX"}


def _collation(column: Column) -> str:
    return _COLLATIONS.get(column.collation, str(column.collation))


def merge_declared(b: Binding, draft: Any, declared: Column, has_default: bool) -> Column:
    """A declared column that is inherited too, in the place of the inherited one. Raises 42804, 42P16."""
    known: Column = next(one for one in draft.columns if one.name == declared.name)
    if known.number == draft.declared:
        draft.notices.append(f'merging column "{declared.name}" with inherited definition')
    else:
        draft.notices.append(f'moving and merging column "{declared.name}" with inherited definition')
    _check_same_type(b, "column", declared, known)
    if known.generated:
        if has_default and not declared.generated:
            raise DatacaveError(
                f'column "{declared.name}" inherits from generated column but specifies default',
                sqlstate=sqlstate.INVALID_COLUMN_DEFINITION,
            )
        if declared.identity:
            raise DatacaveError(
                f'column "{declared.name}" inherits from generated column but specifies identity',
                sqlstate=sqlstate.INVALID_COLUMN_DEFINITION,
            )
        if declared.generated:
            raise DatacaveError(
                f'child column "{declared.name}" specifies generation expression',
                sqlstate=sqlstate.INVALID_COLUMN_DEFINITION,
                hint="Omit the generation expression in the definition of the child table column to inherit the "
                "generation expression from the parent table.",
            )
    default = known.default
    if (has_default or declared.generated) and not known.generated:
        default = declared.default
        draft.conflicting.pop(declared.name, None)
    return replace(
        known,
        not_null=known.not_null or declared.not_null,
        default=default,
        generated=known.generated or declared.generated,
        identity=declared.identity,
        is_local=True,
    )


def check_conflicts(draft: Any) -> None:
    """Raises 42611 for defaults of parents that differ and are not overridden."""
    for name, generated in draft.conflicting.items():
        words = "generation expressions" if generated else "default values"
        hint = "a generation expression" if generated else "a default"
        raise DatacaveError(
            f'column "{name}" inherits conflicting {words}',
            sqlstate=sqlstate.INVALID_COLUMN_DEFINITION,
            hint=f"To resolve the conflict, specify {hint} explicitly.",
        )


def inherited_checks(draft: Any, parents: Sequence[Table]) -> None:
    """Puts the parents' CHECK constraints into the draft; those of one name must be the same. Raises 42710."""
    for parent in parents:
        numbers = {column.number: column.name for column in parent.live_columns}
        for constraint in parent.constraints:
            if constraint.kind != "c" or constraint.no_inherit:
                continue
            place = next((slot for slot, (one, _) in enumerate(draft.made) if one.name == constraint.name), None)
            if place is not None:
                known = draft.made[place][0]
                if not same_check(known, constraint):
                    raise DatacaveError(
                        f'check constraint name "{constraint.name}" appears multiple times but with different '
                        "expressions",
                        sqlstate=sqlstate.DUPLICATE_OBJECT,
                    )
                draft.made[place] = (replace(known, inherit_count=known.inherit_count + 1), None)
                continue
            own = {column.name: column.number for column in draft.columns}
            columns = tuple(own[numbers[number]] for number in constraint.columns if number in numbers)
            made = replace(constraint, oid=0, columns=columns, inherit_count=1, is_local=False, parent_oid=0)
            draft.made.append((made, None))


def same_check(one: Constraint, other: Constraint) -> bool:
    """Whether two CHECK constraints say the same."""
    if one.expression is None or other.expression is None or one.no_inherit:
        return False
    return one.expression == other.expression or bool(
        expression_tree(one.expression) == expression_tree(other.expression)
    )


def merge_check(b: Binding, table: Table, known: Constraint, declared: Constraint) -> Constraint:
    """A declared CHECK of the name of an inherited one. Raises 42710, 42P17."""
    if known.kind != "c" or declared.kind != "c" or not known.inherit_count or known.is_local:
        raise DatacaveError(
            f'constraint "{declared.name}" for relation "{table.name}" already exists',
            sqlstate=sqlstate.DUPLICATE_OBJECT,
        )
    if declared.no_inherit:
        raise DatacaveError(
            f'constraint "{declared.name}" conflicts with inherited constraint on relation "{table.name}"',
            sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
        )
    if not same_check(known, declared):
        raise DatacaveError(
            f'constraint "{declared.name}" for relation "{table.name}" already exists',
            sqlstate=sqlstate.DUPLICATE_OBJECT,
        )
    return replace(known, is_local=True)
