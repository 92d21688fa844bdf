"""PointPath: lone executions of prepared lookups, answered from bytes to bytes.

Most traffic of many applications is one message sequence (Bind, perhaps Describe, Execute, Sync) that finds a row by
its key. Where the whole sequence is one chunk, the session is idle and the statement is known, everything around the
lookup is the same every time: the head of the Bind names the statement, its tail the formats, and both are found in a
dictionary as they are. Whatever does not fit is left to the connection and the client, who know the rest.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

from datacave_protocol import (
    BoundTail,
    FieldDescription,
    backend,
    parameter_decoder,
    read_bound_head,
    read_bound_tail,
    result_encoder,
    result_formats,
)
from datacave_sql import CompiledQuery, PointLookup, PreparedStatement, Session

BIND = 0x42
KNOWN_MAX = 1000
"""Heads that a session remembers."""

_unpack_int32 = Struct(">i").unpack_from

_TAGS = [backend.command_complete(f"SELECT {count}") + backend.READY_IDLE for count in range(2)]


class _Answer:
    """What comes before the rows, and how rows become bytes; for one tail of one statement."""

    __slots__ = ("encode", "head", "tail_bytes")

    def __init__(self, head: bytes, encode: Any, tail_bytes: int) -> None:
        self.head = head
        self.encode = encode
        self.tail_bytes = tail_bytes


class _Statement:
    """A head: the statement and the formats of its parameters. `lookup` is None where the long way is the only one."""

    __slots__ = ("answers", "count", "decode", "lookup", "prepared")

    def __init__(self, prepared: PreparedStatement | None, count: int) -> None:
        self.prepared = prepared
        self.count = count
        self.lookup: PointLookup | None = None
        self.decode: Any = None
        self.answers: dict[bytes, _Answer] = {}


class PointPath:
    """The lookups of one session."""

    __slots__ = ("_known", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[bytes, _Statement] = {}

    def answer(self, data: bytes) -> bytes | None:
        """The answer to a chunk that came while nothing else was under way, or None: nothing has happened then."""
        if data[0] != BIND:
            return None
        try:
            # As read_bound_execution: the head ends behind the number of parameters.
            position = data.index(0, 6) + 3
            position += 2 + 2 * data[position - 1]
            head = data[5:position]
            statement = self._known.get(head) or self._meet(head)
            lookup = statement.lookup
            if lookup is None or not lookup.holds():
                self._look_again(head, statement)
                return None
            values: list[bytes | None] = []
            for _ in range(statement.count):
                (length,) = _unpack_int32(data, position)
                position += 4
                if length >= 0:
                    stop = position + length
                    values.append(data[position:stop])
                    position = stop
                else:
                    values.append(None)
            tail = data[position:]
            answer = statement.answers.get(tail) or self._meet_tail(statement, tail)
            # The Bind must end where its length says; a NULL must be written as -1.
            if _unpack_int32(data, 1)[0] != position + answer.tail_bytes - 1 or None in values:
                return None
            rows = lookup.rows(statement.decode(values))
        except Exception:
            # Reading changes nothing, so the long way can do it all again and tell what is wrong.
            return None
        if rows is None:
            return None
        if not rows:
            return answer.head + _TAGS[0]
        count = len(rows)
        end = _TAGS[1] if count == 1 else backend.command_complete(f"SELECT {count}") + backend.READY_IDLE
        body: bytes = answer.encode(rows)
        return answer.head + body + end

    def _meet(self, head: bytes) -> _Statement:
        """Remembers a head; ValueError where it is none."""
        name, formats, count = read_bound_head(head)
        session = self._session
        prepared = session.prepared.get(name)
        known = _Statement(prepared, count)
        compiled = prepared.compiled if prepared is not None else None
        if (
            prepared is not None
            and isinstance(compiled, CompiledQuery)
            and compiled.lookup is not None
            and len(compiled.parameter_types) == count
        ):
            known.lookup = PointLookup(session, prepared, compiled)
            known.decode = parameter_decoder(compiled.parameter_types, formats, known.lookup.settings, session.find_io)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[head] = known
        return known

    def _look_again(self, head: bytes, statement: _Statement) -> None:
        """Forgets a head whose statement is another one by now."""
        name = read_bound_head(head)[0]
        prepared = self._session.prepared.get(name)
        if statement.lookup is not None or prepared is not statement.prepared:
            del self._known[head]

    def _meet_tail(self, statement: _Statement, tail: bytes) -> _Answer:
        """Remembers a tail; ValueError where it is none."""
        found: BoundTail = read_bound_tail(tail)
        session = self._session
        compiled = statement.prepared.compiled if statement.prepared is not None else None
        if not isinstance(compiled, CompiledQuery):
            raise ValueError("not a query")
        columns = compiled.columns
        codes = result_formats(found.result_formats, len(columns))
        description = backend.row_description(
            [FieldDescription(*column, code) for column, code in zip(columns, codes, strict=True)]
        )
        encode = result_encoder(
            tuple(column.type_oid for column in columns),
            found.result_formats,
            session.format_settings,
            session.find_io,
        )
        head = backend.BIND_COMPLETE + (description if found.describe else b"")
        if len(statement.answers) >= KNOWN_MAX:
            statement.answers.clear()
        answer = statement.answers[tail] = _Answer(head, encode, found.formats_bytes)
        return answer
