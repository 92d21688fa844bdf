"""Parameters: the types of $1, $2, ..., given by the client or found from the first use that asks for a type."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.expr import nodes as n
from datacave_sql.functions.typelookup import TypeLookup

PARAMETER_NUMBER_MAX = 65535


class Parameters:
    """The parameters of one statement. `given` None: there are none, and $1 is an error; `numbered`: how many there
    are at most."""

    def __init__(self, given: Sequence[int] | None, types: TypeLookup, *, numbered: int = PARAMETER_NUMBER_MAX) -> None:
        self._given = given is not None
        self._last = numbered
        self._types = types
        self._known: dict[int, int] = {}
        self._count = len(given or ())
        for number, oid in enumerate(given or (), 1):
            if oid not in (0, oids.UNKNOWN):
                if types.find(oid) is None:
                    # PostgreSQL calls it an internal error; it is the client's.
                    raise DatacaveError(f"type with OID {oid} does not exist", sqlstate=sqlstate.UNDEFINED_OBJECT)
                self._known[number] = oid

    def reference(self, number: int, position: int) -> n.Parameter:
        """$n where it is written; of type unknown as long as nothing is known about it. Raises 42P02."""
        if not self._given or not 0 < number <= self._last:
            raise DatacaveError(
                f"there is no parameter ${number}", sqlstate=sqlstate.UNDEFINED_PARAMETER, position=position
            )
        self._count = max(self._count, number)
        return n.Parameter(number, self._known.get(number, oids.UNKNOWN))

    def settle(self, parameter: n.Parameter, type_oid: int, position: int | None) -> n.Parameter:
        """The parameter with the type its context asks for. Raises 42P08 when another context asked for another."""
        known = self._known.setdefault(parameter.number, type_oid)
        if known != type_oid:
            raise DatacaveError(
                f"inconsistent types deduced for parameter ${parameter.number}",
                sqlstate=sqlstate.AMBIGUOUS_PARAMETER,
                detail=f"{self._types.name(known)} versus {self._types.name(type_oid)}",
                position=position,
            )
        return n.Parameter(parameter.number, type_oid)

    def final_types(self) -> tuple[int, ...]:
        """The types of all parameters, in order. Raises 42P18 for one whose type nothing tells."""
        for number in range(1, self._count + 1):
            if number not in self._known:
                raise DatacaveError(
                    f"could not determine data type of parameter ${number}",
                    sqlstate=sqlstate.INDETERMINATE_DATATYPE,
                )
        return tuple(self._known[number] for number in range(1, self._count + 1))
