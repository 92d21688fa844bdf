"""Assigning to a key of an hstore by its subscript."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.hstore import check_part, hstore_pairs, hstore_text


def set_hstore(old: str | None, value: str | None, key: str | None) -> str:
    """The value with a key set; NULL counts as empty. Raises 22004."""
    if key is None:
        raise DatacaveError("hstore subscript in assignment must not be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    check_part(key, "key")
    check_part(value, "value")
    return hstore_text({**(hstore_pairs(old) if old is not None else {}), key: value})
