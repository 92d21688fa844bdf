"""Bound statements about text search objects, operator classes, families and conversions; see statements.py."""

from __future__ import annotations

from dataclasses import dataclass

from datacave_core.catalog import NamedObject, OperatorDefinition


@dataclass(frozen=True, slots=True)
class CreateNamed:
    """CREATE: new objects have oid 0. A class whose family is made with it names -1 as that, and members that come with
    a class name -1 as the class."""

    objects: tuple[NamedObject, ...]
    tag: str


@dataclass(frozen=True, slots=True)
class AlterNamed:
    """ALTER, also of an operator: the object as it will be. `notices` tell of what was not there."""

    definition: NamedObject | OperatorDefinition
    tag: str
    notices: tuple[tuple[str, str], ...] = ()
