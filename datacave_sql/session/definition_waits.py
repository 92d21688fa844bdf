"""Definition waits: a statement finds its names once nobody is changing the tables that it names.

Queries wait for their tables' locks before they run, and are planned anew if the catalog has changed meanwhile
(touched_tables.py). What stands here is for statements that come to a change under way: one that names what only the
change makes, and one whose columns are told to the client before it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from datacave_core.errors import DatacaveError
from datacave_core.wait import Steps
from datacave_sql.exec.suspension import in_turns
from datacave_sql.parse import ParsedStatement
from datacave_sql.parse.ast.node import Node, QualifiedName
from datacave_sql.session.compiled import ACCESS_SHARE

T = TypeVar("T")


def bound_when_settled(session: Any, parsed: ParsedStatement, bind: Callable[[], T], text: str) -> Steps[T]:
    """What `bind` gives; where it raises, again after changes of the tables that the statement names. Where the
    statement's text is long, binding it takes its time."""
    while True:
        catalog = session.catalog_snapshot
        try:
            return (yield from in_turns(text, bind))
        except DatacaveError:
            yield from wait_for_changes(session, parsed.statement)
            if session.catalog_snapshot is catalog:
                raise


def wait_for_changes(session: Any, statement: Node) -> Steps[None]:
    """Waits until nobody else is changing the tables that a statement names. Their locks are not kept: the statement
    takes those it needs."""
    table_locks = session.database.transactions.table_locks
    if session.failed:
        return
    for oid in _named_tables(session, statement) if table_locks.contended else ():
        if oid in table_locks.contended and not table_locks.is_free(session.owner, oid, ACCESS_SHARE):
            transaction = session.begin_statement()
            mark = transaction.savepoint()
            yield from session.lock_table(oid, ACCESS_SHARE)
            transaction.rollback_to(mark)


def _named_tables(session: Any, statement: Node) -> list[int]:
    catalog = session.catalog_snapshot
    found: dict[int, None] = {}
    for written in _names(statement):
        for name in (written, written[:-1]):  # the name of a column has that of its table in it
            schemas: Sequence[str] = name[-2:-1] or session.search_path
            tables = (catalog.find_table(schema, name[-1]) for schema in schemas if name)
            found.update((table.oid, None) for table in islice(filter(None, tables), 1))
    return list(found)


def _names(node: Any) -> Iterator[QualifiedName]:
    """All names of a statement; most of them are not those of tables."""
    if isinstance(node, tuple):
        if node and all(isinstance(part, str) for part in node):
            yield node
        else:
            for part in node:
                yield from _names(part)
    elif isinstance(node, Node):
        for slots in (getattr(kind, "__slots__", ()) for kind in type(node).__mro__):
            for name in slots:
                yield from _names(getattr(node, name))
