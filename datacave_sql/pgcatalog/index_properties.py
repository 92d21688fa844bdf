"""What pg_index_has_property and pg_index_column_has_property answer: what PostgreSQL's access methods can do.

Facts of PostgreSQL 15 about its methods; what depends on the operator class of a column is read from its families.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from datacave_core.values import Row
from datacave_sql.pgcatalog.facts import fixed_rows

_BTREE: Final = 403
_GIST: Final = 783
_SPGIST: Final = 4000
_DESCENDING: Final = 1
_NULLS_FIRST: Final = 2
_COMPRESS: Final = 3
_FETCH: Final = 9
_POLYGONS: Final = "poly_ops"


class _Method(NamedTuple):
    ordered: bool = False
    included: bool = False  # columns of INCLUDE
    scanned: bool = False  # row by row, not only as a bitmap
    backward: bool = False
    clustered: bool = False
    arrays: bool = False  # searches for several values at once
    nulls: bool = False


_METHODS: Final = {
    _BTREE: _Method(True, True, True, True, True, True, True),
    405: _Method(scanned=True, backward=True),
    _GIST: _Method(included=True, scanned=True, clustered=True, nulls=True),
    2742: _Method(),
    _SPGIST: _Method(included=True, scanned=True, nulls=True),
    3580: _Method(nulls=True),
}


def index_property(method: int, name: str) -> bool | None:
    """A property of a whole index; None for names that are none."""
    known = _METHODS[method]
    found = {
        "clusterable": known.clustered,
        "index_scan": known.scanned,
        "bitmap_scan": True,
        "backward_scan": known.backward,
    }
    return found.get(name)


def column_property(row: Row, method: int, number: int, name: str) -> bool | None:
    """A property of one column (from 1) of an index, given by its row of pg_index; None where there is no answer."""
    known = _METHODS[method]
    columns, keys = row[2], row[3]
    if not 0 < number <= columns:
        return None
    is_key = number <= keys
    if name in ("distance_orderable", "returnable"):
        return _by_class(row, method, number, is_key, name)
    if name == "orderable":
        return known.ordered and is_key
    if not is_key:
        return None
    option = row[18].elements[number - 1]
    found = {
        "asc": known.ordered and not option & _DESCENDING,
        "desc": known.ordered and bool(option & _DESCENDING),
        "nulls_first": known.ordered and bool(option & _NULLS_FIRST),
        "nulls_last": known.ordered and not option & _NULLS_FIRST,
        "search_array": known.arrays,
        "search_nulls": known.nulls,
    }
    return found.get(name)


def _by_class(row: Row, method: int, number: int, is_key: bool, name: str) -> bool | None:
    returnable = name == "returnable"
    if method not in (_GIST, _SPGIST):
        return method == _BTREE if returnable else False
    if not is_key:
        return True if returnable and method == _SPGIST else None
    operator_class = _classes().get(row[17].elements[number - 1])
    if operator_class is None:
        return None
    if not returnable:
        return (operator_class[5], operator_class[6]) in _distances()
    if method == _SPGIST:
        return bool(operator_class[2] != _POLYGONS)
    support = _support().get((operator_class[5], operator_class[6]), frozenset())
    return _FETCH in support or _COMPRESS not in support


@cache
def _classes() -> dict[int, Row]:
    return {row[0]: row for row in fixed_rows("pg_opclass")}


@cache
def _distances() -> frozenset[tuple[int, int]]:
    """(family, type) of what is ordered by distance."""
    return frozenset((row[1], row[2]) for row in fixed_rows("pg_amop") if row[5] == "o")


@cache
def _support() -> dict[tuple[int, int], frozenset[int]]:
    """By (family, type): the numbers of the support functions."""
    found: dict[tuple[int, int], set[int]] = {}
    for row in fixed_rows("pg_amproc"):
        found.setdefault((row[1], row[2]), set()).add(row[4])
    return {key: frozenset(numbers) for key, numbers in found.items()}
