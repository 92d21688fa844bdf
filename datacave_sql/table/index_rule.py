"""IndexRule: what an index computes from a row, where that is more than reading columns.

The expressions are bound over attribute numbers: a ColumnReference's `column` is the number of a column of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datacave_core.values import Row
from datacave_sql.expr import nodes as n


@dataclass(frozen=True, slots=True)
class IndexRule:
    """Key expressions (None for a plain column) and the condition of a partial index, as trees and as functions.

    `values(row)` gives the values of all keys and `applies(row)` says whether the row has an entry; both are None
    where the index is plain in that respect.
    """

    keys: tuple[n.Expression | None, ...]
    predicate: n.Expression | None
    values: Callable[[Row], tuple[Any, ...]] | None
    applies: Callable[[Row], bool] | None
    conflicts: Callable[[tuple[Any, ...], tuple[Any, ...]], bool] | None = None
    """Of an exclusion constraint: whether all operators hold between the key values of two rows."""

    @property
    def columns(self) -> frozenset[int]:
        """Numbers of the columns that the expressions and the condition read."""
        parts = [one for one in (*self.keys, self.predicate) if one is not None]
        return frozenset(number for one in parts for number in n.columns_used(one))


def over_attributes(expression: n.Expression, attributes: Mapping[int, int]) -> n.Expression:
    """The expression with column ids replaced by attribute numbers, to be compared with those of rules."""
    replaced: n.Expression = n.transform(
        expression,
        lambda e: (
            n.ColumnReference(attributes[e.column], e.type, e.typmod, e.name)
            if isinstance(e, n.ColumnReference) and e.column in attributes
            else e
        ),
    )
    return replaced
