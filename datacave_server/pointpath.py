"""PointPath: lone executions of prepared lookups, answered from bytes to bytes.

Most traffic of many applications is one message sequence (Bind, perhaps Describe, Execute, Sync; perhaps a Parse of the
unnamed statement before it; or a Query) that finds a row by its key. Where the whole sequence is one chunk, the session
is idle and the statement is known, everything around the lookup is the same every time: the head of the Bind names the
statement, its tail the formats, and both are found in a dictionary as they are. Whatever does not fit is left to the
connection and the client, who know the rest.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

from datacave_core.values import Row
from datacave_protocol import (
    BoundTail,
    backend,
    parameter_decoder,
    read_bound_head,
    read_bound_tail,
    read_parse,
    result_encoder,
)
from datacave_server.row_description import row_description
from datacave_sql import CompiledQuery, PointLookup, PreparedStatement, Session

BIND = 0x42
PARSE = 0x50
QUERY = 0x51
KNOWN_MAX = 1000
"""Heads that a session remembers."""

_unpack_int32 = Struct(">i").unpack_from

SIMPLE_TAIL = BoundTail((), True, 0)
"""What a simple query asks for: text, described."""

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

    def holds(self, session: Session) -> bool:
        """Whether the name still means the statement and its plan is still good."""
        prepared, lookup = self.prepared, self.lookup
        return (
            prepared is not None
            and lookup is not None
            and session.prepared.get(prepared.name) is prepared
            and prepared.compiled is lookup.compiled
            and lookup.holds()
        )


class PointPath:
    """The lookups of one session."""

    __slots__ = ("_known", "_session", "_simple", "_unnamed")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[bytes, _Statement] = {}
        self._unnamed: dict[bytes, PreparedStatement] = {}
        self._simple: dict[int, _Statement] = {}

    def answer(self, data: bytes) -> bytes | None:
        """The answer to a chunk that came while nothing else was under way, or None: nothing has happened then."""
        first = data[0]
        try:
            if first == BIND:
                return self._bound(data, 0)
            if first == PARSE:
                return self._parsed(data)
            if first == QUERY:
                return self._query(data)
        except Exception:
            # Reading changes nothing, so the long way can do it all again and tell what is wrong.
            return None
        return None

    def _bound(self, data: bytes, start: int) -> bytes | None:
        """The answer to a Bind at `start` and what follows; before it stands nothing or the Parse of its statement."""
        # As read_bound_execution: the head ends behind the number of parameters.
        position = data.index(0, start + 6) + 3
        position += 2 + 2 * data[position - 1]
        head = data[:position] if start else data[5:position]
        statement = self._known.get(head) or self._meet(head, data[start + 5 : position])
        lookup = statement.lookup
        if lookup is None or not statement.holds(self._session):
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
        if _unpack_int32(data, start + 1)[0] != position - start + answer.tail_bytes - 1 or None in values:
            return None
        return _rows_answer(answer, lookup.rows(statement.decode(values)))

    def _parsed(self, data: bytes) -> bytes | None:
        """The answer to a Parse of the unnamed statement, known from before, with its execution behind it."""
        end = 1 + _unpack_int32(data, 1)[0]
        if data[5] or data[end] != BIND:
            return None
        message = data[:end]
        session = self._session
        if session.transaction is not None or session.failed:
            return None
        prepared = self._unnamed.get(message) or self._meet_parse(message)
        if prepared is None:
            return None
        session.prepared[""] = prepared
        answer = self._bound(data, end)
        if answer is None:
            # The plan may be of the past; the next time it is looked for anew.
            del self._unnamed[message]
            return None
        return backend.PARSE_COMPLETE + answer

    def _query(self, data: bytes) -> bytes | None:
        """The answer to a Query with one statement."""
        if _unpack_int32(data, 1)[0] + 1 != len(data) or data[-1]:
            return None
        session = self._session
        if session.transaction is not None or session.failed:
            return None
        plan = session.find_plan(data[5:-1].decode())
        if plan is None:
            return None
        compiled, values = plan
        if not isinstance(compiled, CompiledQuery) or compiled.lookup is None:
            return None
        statement = self._simple.get(id(compiled))
        # The entry keeps its plan alive, so an id cannot come to mean another one.
        if statement is None or statement.lookup is None or not statement.lookup.holds():
            statement = _Statement(None, 0)
            statement.lookup = PointLookup(session, compiled)
            if len(self._simple) >= KNOWN_MAX:
                self._simple.clear()
            self._simple[id(compiled)] = statement
        answer = statement.answers.get(b"") or self._remember_answer(statement, compiled, b"", SIMPLE_TAIL)
        return _rows_answer(answer, statement.lookup.rows(values))

    def _meet_parse(self, message: bytes) -> PreparedStatement | None:
        """Remembers a Parse whose statement has a plan already."""
        event = read_parse(message, 5, len(message))
        compiled = self._session.compiler.known(event.text, event.parameter_types)
        if not isinstance(compiled, CompiledQuery) or compiled.lookup is None:
            return None
        if len(self._unnamed) >= KNOWN_MAX:
            self._unnamed.clear()
        prepared = PreparedStatement("", event.text, compiled.parsed, event.parameter_types, compiled)
        self._unnamed[message] = prepared
        return prepared

    def _meet(self, key: bytes, head: bytes) -> _Statement:
        """Remembers a head; ValueError where it is none."""
        name, formats, count = read_bound_head(head)
        session = self._session
        prepared = session.prepared.get(name)
        known = _Statement(prepared, count)
        compiled = prepared.compiled if prepared is not None else None
        if (
            isinstance(compiled, CompiledQuery)
            and compiled.lookup is not None
            and len(compiled.parameter_types) == count
        ):
            known.lookup = PointLookup(session, compiled)
            known.decode = parameter_decoder(compiled.parameter_types, formats, known.lookup.settings, session.find_io)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[key] = known
        return known

    def _look_again(self, key: bytes, statement: _Statement) -> None:
        """Forgets a head whose statement is another one by now."""
        prepared = statement.prepared
        name = "" if prepared is None else prepared.name
        if statement.lookup is not None or prepared is None or self._session.prepared.get(name) is not prepared:
            del self._known[key]

    def _meet_tail(self, statement: _Statement, tail: bytes) -> _Answer:
        """Remembers a tail; ValueError where it is none."""
        found = read_bound_tail(tail)
        compiled = statement.prepared.compiled if statement.prepared is not None else None
        if not isinstance(compiled, CompiledQuery):
            raise ValueError("not a query")
        return self._remember_answer(statement, compiled, tail, found)

    def _remember_answer(
        self, statement: _Statement, compiled: CompiledQuery, tail: bytes, found: BoundTail
    ) -> _Answer:
        session = self._session
        columns = compiled.columns
        description = row_description(columns, found.result_formats)
        encode = result_encoder(
            tuple(column.type_oid for column in columns),
            found.result_formats,
            session.format_settings,
            session.find_io,
        )
        head = (b"" if found is SIMPLE_TAIL else backend.BIND_COMPLETE) + (description if found.describe else b"")
        if len(statement.answers) >= KNOWN_MAX:
            statement.answers.clear()
        answer = statement.answers[tail] = _Answer(head, encode, found.formats_bytes)
        return answer


def _rows_answer(answer: _Answer, rows: list[Row] | None) -> bytes | None:
    if rows is None:
        return None
    if not rows:
        return answer.head + _TAGS[0]
    count = len(rows)
    end = _TAGS[1] if count == 1 else backend.command_complete(f"SELECT {count}") + backend.READY_IDLE
    body: bytes = answer.encode(rows)
    return answer.head + body + end
