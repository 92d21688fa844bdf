"""Returns: what a function gives back, and the rules of RETURN that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.record import Record
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.plpgsql.expressions import Wanted
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.variables import Datum, Shape


@dataclass(slots=True)
class Returns:
    """The result of a function. `columns` are those of a row result, None where they are not known before it runs."""

    kind: str
    """function, procedure, trigger or block (DO)"""
    type: int = oids.VOID
    is_set: bool = False
    outputs: list[Datum] = field(default_factory=list)
    columns: Shape | None = None
    describes: bool = False
    """Whether the columns are those that the call asks for."""

    @property
    def is_row(self) -> bool:
        """Whether the result is a row."""
        return self.columns is not None or self.type == oids.RECORD

    @property
    def wanted(self) -> Wanted:
        """What RETURN converts its value to."""
        return (self.type, -1) if self.kind == "function" else (0, -1)

    def row_wanted(self) -> list[Wanted] | None:
        """What RETURN QUERY converts its columns to."""
        if self.columns is not None:
            return [(one.type, one.typmod) for one in self.columns.attributes]
        return None if self.type == oids.RECORD else [(self.type, -1)]

    def output_value(self, frame: Frame) -> Any:
        """The result that the output arguments make."""
        if len(self.outputs) == 1 and self.kind == "function":
            return frame.values[self.outputs[0].number]
        return self.row(tuple(frame.values[one.number] for one in self.outputs))

    def row(self, members: tuple[Any, ...]) -> Any:
        """A row of the result's columns."""
        return self.columns.make(members) if self.columns is not None and self.type == oids.RECORD else members

    def fitted(self, value: Any, types: TypeLookup) -> Any:
        """A row as the caller expects it. Raises 42804."""
        if value is None or not self.is_row:
            return value
        if not isinstance(value, tuple):
            raise DatacaveError(
                "cannot return non-composite value from function returning composite type",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
            )
        columns = self.columns
        if columns is None:
            return value
        kinds = value.types if isinstance(value, Record) else None
        wanted = columns.attributes
        detail = None
        if len(value) != len(wanted):
            detail = f"Number of returned columns ({len(value)}) does not match expected column count ({len(wanted)})."
        elif kinds is not None:
            for place, (kind, attribute) in enumerate(zip(kinds, wanted, strict=True), 1):
                if kind not in (attribute.type, oids.UNKNOWN):
                    detail = (
                        f"Returned type {types.name(kind)} does not match expected type "
                        f"{types.name(attribute.type)} in column {place}."
                    )
                    break
        if detail is not None and self.kind == "trigger":
            raise DatacaveError(
                "returned row structure does not match the structure of the triggering table",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                detail=detail,
            )
        if detail is not None:
            raise DatacaveError(
                "returned record type does not match expected record type",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                detail=detail,
            )
        return value if self.type == oids.RECORD else tuple(value)
