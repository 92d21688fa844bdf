"""CREATE and ALTER of text search objects, operator classes, families and conversions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core.catalog import OperatorClass, OperatorFamily
from datacave_core.wait import Wait
from datacave_sql.bind.bound_named import AlterNamed, CreateNamed
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.warnings import tell

Steps = Iterator[Reply | Wait]


def create_named(session: Any, bound: CreateNamed) -> Steps:
    """CREATE of one object, or of a class with its family."""
    yield from ()
    numbers = Numbers(session.catalog_snapshot)
    owner = session.evaluation.current_role.oid
    made: list[Any] = []
    family = 0
    for item in bound.objects:
        numbered: Any = item if item.oid else replace(item, oid=numbers.take(), owner_oid=owner)
        if isinstance(numbered, OperatorFamily):
            family = numbered.oid
        if isinstance(numbered, OperatorClass) and numbered.family_oid < 0:
            numbered = replace(numbered, family_oid=family)
        made.append(numbered)
    classes = [one for one in made if isinstance(one, OperatorClass)]
    if classes:
        made = [_with_class(one, classes[0].oid) if isinstance(one, OperatorFamily) else one for one in made]
    session.set_catalog(numbers.catalog.with_objects(made))
    yield Complete(bound.tag)


def _with_class(family: OperatorFamily, oid: int) -> OperatorFamily:
    """The family with the members that came with a class."""
    return replace(
        family,
        operators=tuple(replace(one, class_oid=oid) if one.class_oid < 0 else one for one in family.operators),
        functions=tuple(replace(one, class_oid=oid) if one.class_oid < 0 else one for one in family.functions),
    )


def alter_named(session: Any, bound: AlterNamed) -> Steps:
    """ALTER."""
    yield from ()
    for message, code in bound.notices:
        tell(session, "NOTICE", message, code)
    session.set_catalog(session.catalog_snapshot.with_objects((bound.definition,)))
    yield Complete(bound.tag)
