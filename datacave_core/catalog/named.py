"""Named objects that live in a schema beside relations, types and routines: text search, operator classes, conversions.

As in objects.py, references are oids, and the codes are PostgreSQL's. Two objects of a kind may have one name in
different schemas; operator classes and families also under different access methods.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextSearchDictionary:
    """A dictionary made by a user: a template with options, names in lower case."""

    oid: int
    schema_oid: int
    name: str
    template_oid: int
    options: tuple[tuple[str, str], ...] = ()
    owner_oid: int = 10


@dataclass(frozen=True, slots=True)
class TokenDictionaries:
    """The dictionaries that see the tokens of a kind (its number of the parser), in order."""

    token: int
    dictionary_oids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TextSearchConfiguration:
    """A configuration made by a user."""

    oid: int
    schema_oid: int
    name: str
    parser_oid: int
    mappings: tuple[TokenDictionaries, ...] = ()
    owner_oid: int = 10


@dataclass(frozen=True, slots=True)
class FamilyOperator:
    """An operator of a family. `sort_family_oid` is not 0 for an operator by which an index orders."""

    operator_oid: int
    strategy: int
    left_oid: int
    right_oid: int
    sort_family_oid: int = 0
    class_oid: int = 0  # the class that it came with; 0: added to the family by itself


@dataclass(frozen=True, slots=True)
class FamilyFunction:
    """A support function of a family."""

    function_oid: int
    number: int
    left_oid: int
    right_oid: int
    class_oid: int = 0


@dataclass(frozen=True, slots=True)
class OperatorFamily:
    """An operator family made by a user, for one access method."""

    oid: int
    schema_oid: int
    name: str
    method_oid: int
    operators: tuple[FamilyOperator, ...] = ()
    functions: tuple[FamilyFunction, ...] = ()
    owner_oid: int = 10
    extension_oid: int = 0  # the extension that it belongs to


@dataclass(frozen=True, slots=True)
class OperatorClass:
    """An operator class made by a user; `storage_oid` 0 is the type itself."""

    oid: int
    schema_oid: int
    name: str
    method_oid: int
    family_oid: int
    input_oid: int
    default: bool = False
    storage_oid: int = 0
    owner_oid: int = 10
    extension_oid: int = 0


@dataclass(frozen=True, slots=True)
class Conversion:
    """A conversion between encodings (by their numbers) made by a user."""

    oid: int
    schema_oid: int
    name: str
    source_encoding: int
    target_encoding: int
    function_oid: int
    default: bool = False
    owner_oid: int = 10


NamedObject = TextSearchDictionary | TextSearchConfiguration | OperatorFamily | OperatorClass | Conversion
"""Any of them."""

CLASS_OIDS: dict[type, int] = {
    TextSearchDictionary: 3600,
    TextSearchConfiguration: 3602,
    OperatorFamily: 2753,
    OperatorClass: 2616,
    Conversion: 2607,
}
"""Oids of the system tables that list them."""
