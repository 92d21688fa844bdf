"""Views: the stored text of a view as a subquery in the statement that names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import query_tree
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l

VIEW_DEPTH_MAX = 100


def is_security_invoker(view: Table) -> bool:
    """Whether what stands in a view is asked of who uses the view, not of its owner."""
    return dict(view.options).get("security_invoker", "false") in ("true", "on", "1", "yes")


@contextmanager
def inside_view(b: Binding, view: Table, position: int) -> Iterator[None]:
    """Names and privileges as they are in the query of a view. Errors get the place where the view is named."""
    if view.view_query is None or b.view_depth >= VIEW_DEPTH_MAX:
        raise DatacaveError(
            f'infinite recursion detected in rules for relation "{view.name}"',
            sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
            position=position,
        )
    b.view_depth += 1
    environment = b.environment
    schema = b.catalog.schemas[view.schema_oid].name
    path = tuple(dict.fromkeys((schema, *environment.search_path)))
    b.environment = replace(environment, search_path=path)
    acting_role, b.acting_role = b.acting_role, 0 if is_security_invoker(view) else view.owner_oid
    try:
        yield
    except DatacaveError as error:
        error.position = position
        raise
    finally:
        b.view_depth -= 1
        b.environment = environment
        b.acting_role = acting_role


def expand_view(b: Binding, view: Table, position: int) -> tuple[l.LogicalPlan, Sequence[l.OutputColumn]]:
    """The plan of a view's query and its columns, as many as the view has and of its types."""
    with inside_view(b, view, position):
        assert view.view_query is not None
        plan = b.query(query_tree(view.view_query), Scope())
    wanted = view.live_columns
    if len(plan.columns) != len(wanted):
        columns = plan.columns[: len(wanted)]
        references = tuple(n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in columns)
        plan = l.Project(plan, references, columns)
    return plan, plan.columns
