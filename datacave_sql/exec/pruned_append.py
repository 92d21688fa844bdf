"""PrunedAppend: the partitions that the conditions of a query leave, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.table.partition_map import PartitionMap

COMBINATIONS_MAX = 1000


@dataclass(slots=True)
class KeyConditions:
    """What must hold of one key column: it is among the values of every `equal`, and beyond every bound."""

    equal: tuple[Factory, ...] = ()
    bounds: tuple[tuple[str, Factory], ...] = ()


@dataclass(slots=True)
class PruningLevel:
    """One partitioned table: `parts` by the places of its map are numbers of scans, or levels below."""

    partitions: PartitionMap
    conditions: tuple[KeyConditions, ...]
    parts: tuple[int | PruningLevel, ...]
    useful: bool
    constant: bool
    """Whether the values in the conditions are the same in all executions, so that no context is needed."""

    def alive(self, context: ExecutionContext | None, found: set[int]) -> None:
        """Adds the numbers of the scans that may give rows."""
        for place in self._places(context):
            part = self.parts[place]
            if isinstance(part, int):
                found.add(part)
            else:
                part.alive(context, found)

    def _places(self, context: ExecutionContext | None) -> set[int]:
        values = [_values(context, one) for one in self.conditions]
        partitions = self.partitions
        if None not in values:
            count = 1
            lists = [one for one in values if one is not None]
            for one in lists:
                count *= len(one)
            if count <= COMBINATIONS_MAX:
                places = {partitions.find(key) for key in product(*lists)}
                return {place for place in places if place is not None}
        if partitions.strategy == "h":
            return partitions.every
        first = values[0]
        if first is not None:
            return set().union(*(partitions.between((value, True), (value, True)) for value in first))
        if not self.conditions[0].bounds:
            return partitions.every
        lower: tuple[object, bool] | None = None
        upper: tuple[object, bool] | None = None
        for operator, make in self.conditions[0].bounds:
            value = make(context)()  # type: ignore[arg-type]
            if value is None:
                return set()
            inclusive = "=" in operator
            key = partitions.key(0, value)
            if operator[0] == ">":
                if lower is None or key > partitions.key(0, lower[0]):
                    lower = (value, inclusive)
            elif upper is None or key < partitions.key(0, upper[0]):
                upper = (value, inclusive)
        return partitions.between(lower, upper)


def _values(context: ExecutionContext | None, conditions: KeyConditions) -> list[object] | None:
    """The values that a key column may have, without NULL; None where it is not bound to a list."""
    if not conditions.equal:
        return None
    found: list[object] | None = None
    for make in conditions.equal:
        given = [value for value in make(context)() if value is not None]  # type: ignore[arg-type]
        found = given if found is None else [value for value in found if value in given]
    return found


@dataclass(slots=True)
class PrunedAppend:
    """The scans of the partitions; which of them run is decided once per execution."""

    parts: tuple[Operator, ...]
    level: PruningLevel
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        found: set[int] = set()
        self.level.alive(context, found)
        for number in sorted(found):
            yield from self.parts[number].open(context)

    def children(self) -> Sequence[Operator]:
        return self.parts

    def label(self) -> str:
        return "Append"

    def details(self) -> Sequence[str]:
        return ()
