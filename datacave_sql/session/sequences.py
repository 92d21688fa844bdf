"""Sequences: values handed out from blocks that are reserved in the store.

A sequence's value never rolls back. A block of values is reserved by one small commit outside any transaction; what is
left of it when the process dies is skipped, as PostgreSQL skips what it had logged ahead. setval and a restart of the
sequence write through.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgpack

from datacave_core import sqlstate
from datacave_core.catalog import Sequence, sequence_value_key
from datacave_core.errors import DatacaveError
from datacave_core.transaction import NEWEST, TransactionManager
from datacave_core.values import Row

RESERVED_VALUES = 33
"""Values reserved at a time: the one asked for and 32 more, as PostgreSQL logs ahead."""


@dataclass(slots=True)
class _State:
    next_value: int
    left: int  # values that may be handed out before the store has to hear of it
    last_value: int
    is_called: bool


class SequenceStore:
    """The present values of all sequences."""

    def __init__(self, manager: TransactionManager) -> None:
        self._manager = manager
        self._states: dict[int, _State] = {}
        self.newest_write = 0
        """The timestamp of the newest value that was written: until it is durable, no value may be shown to a client,
        because it might be given out again."""

    def next_value(self, sequence: Sequence) -> int:
        """The next value. Raises 2200H when the sequence is used up."""
        state = self._state(sequence)
        value = state.next_value
        if not sequence.minimum <= value <= sequence.maximum:
            bound = "maximum" if sequence.increment > 0 else "minimum"
            if not sequence.cycle:
                limit = sequence.maximum if sequence.increment > 0 else sequence.minimum
                raise DatacaveError(
                    f'nextval: reached {bound} value of sequence "{sequence.name}" ({limit})',
                    sqlstate=sqlstate.SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
                )
            value = sequence.minimum if sequence.increment > 0 else sequence.maximum
            state.left = 0
        if state.left <= 0:
            state.left = RESERVED_VALUES
            ahead = value + sequence.increment * (RESERVED_VALUES - 1)
            self._write(sequence.oid, min(max(ahead, sequence.minimum), sequence.maximum), True)
        state.left -= 1
        state.next_value = value + sequence.increment
        state.last_value = value
        state.is_called = True
        return value

    def last_value(self, sequence: Sequence) -> tuple[int, bool]:
        """(last_value, is_called), as selecting from the sequence shows them."""
        state = self._state(sequence)
        return state.last_value, state.is_called

    def reserved(self, sequence: Sequence) -> int:
        """How many values may be handed out before the store has to hear of it (log_cnt)."""
        return self._state(sequence).left

    def set_value(self, sequence: Sequence, value: int, is_called: bool) -> None:
        """setval. Raises 22003 outside the sequence's bounds."""
        self._check_bounds(sequence, value)
        self._write(sequence.oid, value, is_called)
        next_value = value + sequence.increment if is_called else value
        self._states[sequence.oid] = _State(next_value, 0, value, is_called)

    def restarted(self, sequence: Sequence, value: int) -> dict[bytes, Row | None]:
        """What a transaction writes that lets a sequence begin at a value; `set_value` comes after its commit. Raises
        22003 outside the sequence's bounds."""
        self._check_bounds(sequence, value)
        return {sequence_value_key(sequence.oid): _stored(value, False)}

    def _check_bounds(self, sequence: Sequence, value: int) -> None:
        if not sequence.minimum <= value <= sequence.maximum:
            raise DatacaveError(
                f'setval: value {value} is out of bounds for sequence "{sequence.name}"'
                f" ({sequence.minimum}..{sequence.maximum})",
                sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE,
            )

    def forget(self, oid: int) -> None:
        """Called when a sequence is dropped or redefined."""
        self._states.pop(oid, None)

    def _state(self, sequence: Sequence) -> _State:
        state = self._states.get(sequence.oid)
        if state is None:
            row = self._manager.store.get(sequence_value_key(sequence.oid), NEWEST)
            if row is None:
                state = _State(sequence.start, 0, sequence.start, False)
            else:
                value, is_called = msgpack.unpackb(row[0])
                state = _State(value + sequence.increment if is_called else value, 0, value, is_called)
            self._states[sequence.oid] = state
        return state

    def _write(self, oid: int, value: int, is_called: bool) -> None:
        self.newest_write = self._manager.write_now({sequence_value_key(oid): _stored(value, is_called)}).timestamp


def _stored(value: int, is_called: bool) -> Row:
    return (msgpack.packb((value, is_called)),)
