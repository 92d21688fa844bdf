"""EXCLUDE: a constraint that no two rows satisfy all of its operators, and the index that finds such rows."""

from __future__ import annotations

from collections.abc import Callable

from datacave_core import sqlstate
from datacave_core.catalog import Constraint, Index, IndexKey, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import coercion, row_rules
from datacave_sql.bind.index_keys import free_word, index_key
from datacave_sql.bind.indexable import refuse_subquery
from datacave_sql.bind.object_names import free_name
from datacave_sql.bind.operator_classes import require_default
from datacave_sql.bind.sqltext import SqlText
from datacave_sql.bind.state import Binding
from datacave_sql.bind.storage_parameters import index_parameters
from datacave_sql.functions.resolution import resolve_operator
from datacave_sql.parse import ast
from datacave_sql.table.nested_ranges import METHODS

_METHODS = ("btree", "hash", "gist", "spgist")


def bind_exclusion(
    b: Binding, table: Table, constraint: ast.ExclusionConstraint, in_use: Callable[[str], bool], taken: set[str]
) -> tuple[Constraint, Index | None]:
    """The constraint and its index. Raises 42883, 42809, 0A000, 42704."""
    method = constraint.access_method
    if method not in _METHODS:
        if method in ("gin", "brin"):
            raise FeatureNotSupported(f'access method "{method}" does not support exclusion constraints')
        raise DatacaveError(f'access method "{method}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    row = row_rules.row_columns(b, table)
    scope = row_rules.row_scope(b, table, row, table.name, "index expressions")
    keys: list[IndexKey] = []
    words: list[str] = []
    operators: list[str] = []
    for element, operator in constraint.elements:
        key, _, word = index_key(b, table, element, scope, None)
        type_oid = table.column(key.column).type_oid if key.column else key.type_oid
        if method in METHODS and not element.operator_class:
            require_default(b, method, type_oid)
        found = resolve_operator(operator[-1], type_oid, type_oid, b.types).operator
        shown = f"{operator[-1]}({b.types.name(found.left)},{b.types.name(found.right)})"
        if found.commutator != found.oid:
            raise DatacaveError(
                f"operator {shown} is not commutative",
                sqlstate=sqlstate.WRONG_OBJECT_TYPE,
                detail="Only commutative operators can be used in exclusion constraints.",
            )
        if method in ("btree", "hash") and found.name != "=":
            raise DatacaveError(
                f'operator {shown} is not a member of operator family of access method "{method}"',
                sqlstate=sqlstate.WRONG_OBJECT_TYPE,
                detail="The exclusion operator must be related to the index operator class for the constraint.",
            )
        keys.append(key)
        words.append(free_word(word, words))
        operators.append(operator[-1])
    predicate = None
    if constraint.where is not None:
        where = row_rules.row_scope(b, table, row, table.name, "index predicates")
        bound = coercion.to_boolean(b, b.expression(constraint.where, where), "WHERE")
        refuse_subquery(b, bound, "index predicate")
        predicate = SqlText()(constraint.where)
    name = constraint.name or free_name(table.name, "_".join(words), "excl", in_use)
    if constraint.name is not None and in_use(name):
        raise DatacaveError(f'relation "{name}" already exists', sqlstate=sqlstate.DUPLICATE_TABLE)
    taken.add(name)
    deferrable = bool(constraint.deferrable or constraint.initially_deferred)
    index = Index(
        0,
        0,
        name,
        tuple(keys),
        predicate=predicate,
        included=tuple(table.columns_by_name[one].number for one in constraint.including),
        method=method,
        deferrable=deferrable,
        exclusion=tuple(operators),
        options=index_parameters(method, constraint.options),
    )
    made = Constraint(
        0,
        name,
        "x",
        tuple(key.column for key in keys),
        deferrable=deferrable,
        initially_deferred=bool(constraint.initially_deferred),
    )
    return made, index
