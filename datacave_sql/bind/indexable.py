"""What may be indexed: types with an order, expressions without subqueries."""

from __future__ import annotations

from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions.resolution import resolve_operator
from datacave_sql.table.inverted_items import inverted_items, keeps_items
from datacave_sql.table.key_columns import no_operator_class, value_encoder
from datacave_sql.table.nested_ranges import METHODS
from datacave_sql.table.shape_ranges import is_shape


def refuse_subquery(b: Binding, e: n.Expression, where: str) -> None:
    """Raises 0A000 for a stored expression that holds a subquery."""
    for node in n.walk(e):
        if isinstance(node, n.SubqueryExpression):
            raise FeatureNotSupported(f"cannot use subquery in {where}", position=b.position(node))


def require_indexable(b: Binding, type_oid: int, method: str = "btree", operator_class: str = "") -> None:
    """Raises 42704 for a type that has no order (for hash: no equality, for gin: no items) to build an index on."""
    try:
        if keeps_items(b.types, method, (type_oid,), (operator_class,)):
            comparable = inverted_items(b.types, type_oid, operator_class) is not None
        elif method in METHODS and is_shape(b.types, type_oid):
            comparable = True
        elif b.types.reads(b.types.base(type_oid)):
            comparable = method in ("btree", "hash")
        else:
            resolve_operator("=" if method == "hash" else "<", type_oid, type_oid, b.types)
            comparable = b.types.io(type_oid).comparable and value_encoder(b.types, type_oid) is not None
    except DatacaveError:
        comparable = False
    if not comparable:
        raise no_operator_class(b.types.name(type_oid), method)


def is_sortable(b: Binding, type_oid: int) -> bool:
    """Whether a type has an order of its own."""
    if b.types.reads(b.types.base(type_oid)):
        return True
    try:
        resolve_operator("<", type_oid, type_oid, b.types)
    except DatacaveError:
        return False
    return b.types.io(type_oid).comparable
