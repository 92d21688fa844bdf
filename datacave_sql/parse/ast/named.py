"""Statements about text search objects, conversions, operator classes and families."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datacave_sql.parse.ast.node import Node, QualifiedName, Statement
from datacave_sql.parse.ast.objects import RoutineSignature
from datacave_sql.parse.ast.operators import DefinitionItem
from datacave_sql.parse.ast.typename import TypeName


@dataclass(frozen=True, slots=True)
class DefineTextSearch(Statement):
    """CREATE TEXT SEARCH kind name (items); the kind is configuration, dictionary, parser or template."""

    kind: str
    name: QualifiedName
    items: tuple[DefinitionItem, ...]


@dataclass(frozen=True, slots=True)
class AlterDictionary(Statement):
    """ALTER TEXT SEARCH DICTIONARY name (items); an item without a value takes the option away."""

    name: QualifiedName
    items: tuple[DefinitionItem, ...]


@dataclass(frozen=True, slots=True)
class AlterConfiguration(Statement):
    """ALTER TEXT SEARCH CONFIGURATION name ADD, ALTER or DROP MAPPING, or REPLACE of a dictionary.

    `tokens` None is all of them; `dictionaries` of a replacement are the old and the new one.
    """

    name: QualifiedName
    action: Literal["add", "alter", "drop", "replace"]
    tokens: tuple[str, ...] | None
    dictionaries: tuple[QualifiedName, ...] = ()
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateConversion(Statement):
    """CREATE [DEFAULT] CONVERSION name FOR source TO target FROM function."""

    name: QualifiedName
    source: str
    target: str
    function: QualifiedName
    default: bool = False


@dataclass(frozen=True, slots=True)
class ClassOperator(Node):
    """OPERATOR number name [(left, right)] [FOR ORDER BY family] of a class or family; `types` None: not written."""

    number: int
    name: QualifiedName
    types: tuple[TypeName | None, TypeName | None] | None = None
    sort_family: QualifiedName | None = None


@dataclass(frozen=True, slots=True)
class ClassFunction(Node):
    """FUNCTION number [(left, right)] name(types)."""

    number: int
    function: RoutineSignature
    types: tuple[TypeName, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassStorage(Node):
    """STORAGE type."""

    type_name: TypeName


@dataclass(frozen=True, slots=True)
class FamilyMember(Node):
    """OPERATOR or FUNCTION number (left, right) of ALTER OPERATOR FAMILY .. DROP."""

    kind: Literal["operator", "function"]
    number: int
    types: tuple[TypeName, ...]


@dataclass(frozen=True, slots=True)
class CreateOperatorClass(Statement):
    """CREATE OPERATOR CLASS."""

    name: QualifiedName
    default: bool
    type_name: TypeName
    method: str
    family: QualifiedName | None
    items: tuple[ClassOperator | ClassFunction | ClassStorage, ...]


@dataclass(frozen=True, slots=True)
class CreateOperatorFamily(Statement):
    """CREATE OPERATOR FAMILY."""

    name: QualifiedName
    method: str


@dataclass(frozen=True, slots=True)
class AlterOperatorFamily(Statement):
    """ALTER OPERATOR FAMILY .. ADD items, or DROP members."""

    name: QualifiedName
    method: str
    added: tuple[ClassOperator | ClassFunction | ClassStorage, ...] = ()
    dropped: tuple[FamilyMember, ...] = ()


@dataclass(frozen=True, slots=True)
class AlterOperator(Statement):
    """ALTER OPERATOR name (left, right) SET (items), OWNER TO or SET SCHEMA."""

    name: QualifiedName
    left: TypeName | None
    right: TypeName | None
    items: tuple[DefinitionItem, ...] = ()
    role: str | None = None
    schema: str | None = None
