"""Changes: how two snapshots of a catalog differ, and the same change made to a newer snapshot.

Transactions change the catalog side by side, each a line of snapshots of its own. When one commits, the others' lines
are moved onto the new snapshot (`rebased`). Locks keep two transactions from changing the same object
(`definition_locks_of`); where a change did not know of another one, `rebased` refuses, and the statement is run again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

import msgpack

from datacave_core import sqlstate
from datacave_core.catalog.entries import FIRST_USER_OID, INTERNAL_NAMES, OBJECT_MAPS, CatalogObject, names_of
from datacave_core.catalog.objects import Comment, DefaultPrivileges, Role, SystemPrivileges, Table, TypeDefinition
from datacave_core.catalog.record import object_key
from datacave_core.catalog.snapshot import Catalog, Pair, changes_between
from datacave_core.errors import DatacaveError
from datacave_core.transaction import KEY_SHARE, NO_KEY_UPDATE, SHARE, UPDATE

DEFINITION_LOCKS: Final = b"\0\0\0\0"
"""What the keys of the locks on definitions and names begin with; no row has such a key."""

_LOCKS: Final = DEFINITION_LOCKS + b"definition"
_NAMES: Final = DEFINITION_LOCKS + b"name"
_OWN_OIDS: Final = {"oid", "row_type_oid", "row_array_type_oid", "array_oid", "constraint_oid", "multirange_oid"}
_OID_LISTS: Final = {"depends_on", "parents", "dictionary_oids"}


class ConcurrentChange(DatacaveError):
    """Another transaction has committed a change that this one did not know of; the statement may be run again."""

    def __init__(self) -> None:
        super().__init__("tuple concurrently updated", sqlstate=sqlstate.INTERNAL_ERROR)


def references(item: Any) -> set[int]:
    """The oids of user objects that an object names in its fields."""
    found: set[int] = set()
    for field in dataclasses.fields(item):
        value = getattr(item, field.name)
        if isinstance(value, int):
            if value >= FIRST_USER_OID and field.name.endswith("oid") and field.name not in _OWN_OIDS:
                found.add(value)
        elif isinstance(value, tuple) and value:
            if field.name in _OID_LISTS:
                found.update(value)
            elif field.name == "columns_read":
                found.update(oid for oid, _ in value)
            elif dataclasses.is_dataclass(value[0]):
                for part in value:
                    found |= references(part)
        elif dataclasses.is_dataclass(value):
            found |= references(value)
    return found


def _oids(item: CatalogObject) -> Iterator[int]:
    """The oids under which others name an object."""
    if isinstance(item, Table):
        yield from (item.oid, item.row_type_oid, item.row_array_type_oid)
        yield from (index.oid for index in item.indexes)
    elif isinstance(item, TypeDefinition):
        yield from (item.oid, item.array_oid)
    elif not isinstance(item, Comment) and hasattr(item, "oid"):
        yield item.oid


def _moved(pairs: list[Pair]) -> set[int]:
    """The oids of what is gone, and of tables and types that have changed: who names them has to know."""
    found: set[int] = set()
    for old, new in pairs:
        if old is not None and (new is None or isinstance(old, Table | TypeDefinition)):
            found.update(_oids(old))
    return found


def rebased(changed: Catalog, newest: Catalog) -> Catalog:
    """A snapshot with uncommitted changes, moved onto the newest committed one. Raises ConcurrentChange where both
    touch the same, and what `with_objects` raises for names."""
    base = changed.base
    if base is newest or changed is newest:
        return changed
    if base is None:
        return newest
    own, others = list(changes_between(base, changed)), list(changes_between(base, newest))
    theirs = {object_key(one) for pair in others for one in pair if one is not None}
    if any(object_key(one) in theirs for pair in own for one in pair if one is not None):
        raise ConcurrentChange
    for mine, moved in ((own, _moved(others)), (others, _moved(own))):
        if moved and any(new is not None and not moved.isdisjoint(references(new)) for _, new in mine):
            raise ConcurrentChange
    return newest.with_changes(
        [new for _, new in own if new is not None], [old for old, new in own if old is not None and new is None]
    )


def definition_lock(item: CatalogObject) -> bytes:
    """The key of the lock on an object's definition."""
    return _LOCKS + object_key(item)


def definition_oid(key: bytes) -> int | None:
    """The oid of the object whose definition a lock is on; None for locks on names."""
    return int.from_bytes(key[-4:], "big") if key.startswith(_LOCKS) else None


def definition_locks_of(before: Catalog, after: Catalog) -> Iterator[tuple[bytes, int]]:
    """The locks, keys with modes, that keep others away from what a change touches: objects that are changed or gone,
    names that come or go, and what new references refer to. Roles are changed under a lock of their own."""
    for old, new in changes_between(before, after):
        if old is not None:
            yield definition_lock(old), UPDATE if new is None else NO_KEY_UPDATE
        elif isinstance(new, Comment | SystemPrivileges | DefaultPrivileges):
            yield definition_lock(new), UPDATE  # it has no oid of its own that nobody else could take
        for name, key in sorted(_names(old) ^ _names(new), key=repr):
            if name not in INTERNAL_NAMES:
                yield _NAMES + msgpack.packb([name, key]), UPDATE
        if new is None:
            continue
        for oid in sorted(references(new) - (references(old) if old is not None else set())):
            one = _holder(before, oid)
            if one is not None:
                yield definition_lock(one), SHARE if isinstance(one, Table | TypeDefinition) else KEY_SHARE


def _names(item: CatalogObject | None) -> set[tuple[str, Any]]:
    return set() if item is None else {name[:2] for name in names_of(item)}


def _holder(catalog: Catalog, oid: int) -> CatalogObject | None:
    """The object that has an oid, itself or for one of its parts; roles do not count."""
    oid = catalog.array_types.get(oid, oid)
    oid = catalog.index_tables.get(oid, oid)
    oid = catalog.row_types.get(oid, oid)
    for kind, name in OBJECT_MAPS.items():
        if kind is not Role and (found := getattr(catalog, name).get(oid)) is not None:
            return found  # type: ignore[no-any-return]
    return None
