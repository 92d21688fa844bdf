# cython: language_level=3, annotation_typing=False
"""PointPath: executions of statements that find or write a row by its key, answered from bytes to bytes.

Most traffic of many applications is one message sequence (Bind, perhaps Describe, Execute, Sync; perhaps a Parse of the
unnamed statement before it; or a Query) that finds a row by its key, alone or in a transaction block, or in a block
writes one. Where the whole sequence is one chunk, the session is idle and the statement is known, everything around
the row is the same every time: the head of the Bind names the statement, its tail the formats, and both are found in a
dictionary as they are. Whatever does not fit is left to the connection and the client, who know the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import Any, TypeAlias, TypeVar

from datacave_core.values import Row
from datacave_core.wait import Wait
from datacave_protocol import (
    BoundTail,
    backend,
    parameter_decoder,
    read_bound_head,
    read_bound_tail,
    read_parse,
    result_encoder,
)
from datacave_server.durable_answer import DurableAnswer
from datacave_server.row_description import row_description
from datacave_sql import (
    CompiledQuery,
    CompiledUtility,
    PointLookup,
    PointWrite,
    PreparedStatement,
    Session,
    SharedShape,
    fingerprint,
    point_write,
)

Answer: TypeAlias = bytes | Iterator[bytes | Wait]
"""A whole answer, or the steps of one that has to wait for the disk."""

K = TypeVar("K")
V = TypeVar("V")

BIND = 0x42
PARSE = 0x50
QUERY = 0x51
KNOWN_MAX = 1000
"""Heads that a session remembers."""

_unpack_int32 = Struct(">i").unpack_from

SIMPLE_TAIL = BoundTail((), True, 0)
"""What a simple query asks for: text, described."""

_TAGS = [backend.command_complete(f"SELECT {count}") + backend.READY_IDLE for count in range(2)]
_BLOCK_TAGS = [backend.command_complete(f"SELECT {count}") + backend.READY_IN_TRANSACTION for count in range(2)]
_BEGUN = backend.command_complete("BEGIN") + backend.READY_IN_TRANSACTION
_COMMITTED = backend.command_complete("COMMIT")


class _Answer:
    """What comes before the rows, and how rows become bytes; for one tail of one statement."""

    __slots__ = ("encode", "head", "tail_bytes")

    def __init__(self, head: bytes, encode: Any, tail_bytes: int) -> None:
        self.head = head
        self.encode = encode
        self.tail_bytes = tail_bytes


class _Statement:
    """A head: the statement and the formats of its parameters. `point` is None where the long way is the only one."""

    __slots__ = ("answers", "count", "decode", "point", "prepared", "written")

    def __init__(self, prepared: PreparedStatement | None, count: int) -> None:
        self.prepared = prepared
        self.count = count
        self.point: PointLookup | PointWrite | None = None
        self.decode: Any = None
        self.answers: dict[bytes, _Answer] = {}
        self.written: dict[int, bytes] = {}  # what ends the answer of a write, by the number of rows

    def holds(self, session: Session) -> bool:
        """Whether the name still means the statement and its plan is still good."""
        prepared, point = self.prepared, self.point
        return (
            prepared is not None
            and point is not None
            and session.prepared.get(prepared.name) is prepared
            and prepared.compiled is point.compiled
            and point.holds()
        )


class _Shape:
    """What simple queries of one fingerprint have in common; `context` is what their names were looked up in."""

    __slots__ = ("answer", "context", "shared", "statement")

    def __init__(self, shared: SharedShape, statement: _Statement, answer: _Answer, context: tuple[Any, ...]) -> None:
        self.shared = shared
        self.statement = statement
        self.answer = answer
        self.context = context


class PointPath:
    """The point statements of one session.

    `ready` gives what ends an answer, with whatever else there is to tell the client; `fail` tells of a failed
    statement, after which the transaction is spoilt or gone.
    """

    __slots__ = ("_blocks", "_fail", "_known", "_ready", "_session", "_shapes", "_simple", "_unnamed")

    def __init__(self, session: Session, ready: Callable[[], bytes], fail: Callable[[Exception], bytes]) -> None:
        self._session = session
        self._ready = ready
        self._fail = fail
        self._known: dict[bytes, _Statement] = {}
        self._unnamed: dict[bytes, PreparedStatement] = {}
        self._simple: dict[int, _Statement] = {}
        self._shapes: dict[tuple[str, str], _Shape] = {}
        self._blocks: dict[bytes, tuple[CompiledUtility, str]] = {}  # Queries that do nothing but begin or end a block

    def answer(self, data: bytes) -> Answer | None:
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
            # Blocks, writes and commits tell their errors themselves. What is left, reading messages and lone lookups,
            # changes nothing, so the long way can do it all again and tell what is wrong.
            return None
        return None

    def _bound(self, data: bytes, start: int) -> Answer | None:
        """The answer to a Bind at `start` and what follows; before it stands nothing or the Parse of its statement."""
        # As read_bound_execution: the head ends behind the number of parameters.
        position = data.index(0, start + 6) + 3
        position += 2 + 2 * data[position - 1]
        head = data[:position] if start else data[5:position]
        statement = self._known.get(head) or self._meet(head, data[start + 5 : position])
        point = statement.point
        if point is None or not statement.holds(self._session):
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
        return self._run(statement, answer, point, statement.decode(values), point.compiled.text)

    def _run(
        self,
        statement: _Statement,
        answer: _Answer,
        point: PointLookup | PointWrite,
        values: Sequence[Any],
        text: str,
    ) -> Answer | None:
        session = self._session
        alone = session.transaction is None
        if not alone and session.settings.idle_in_transaction_session_timeout_ms:
            return None  # its timer is the pump's
        if alone:
            if not isinstance(point, PointLookup):
                return self._write_alone(answer, point, values, text)
            if (rows := point.rows(values)) is None:
                return None
            session.evaluation.query_text = text
            return _rows_answer(answer, rows, _TAGS, backend.READY_IDLE)
        try:
            if isinstance(point, PointLookup):
                if (rows := point.rows_in_block(values)) is None:
                    return None
                session.evaluation.query_text = text
                return _rows_answer(answer, rows, _BLOCK_TAGS, backend.READY_IN_TRANSACTION)
            count = point.run(values)
        except Exception as error:
            # Even a read may have ended the transaction's chances (SERIALIZABLE): it is told here, not tried again.
            session.evaluation.query_text = text
            return answer.head + self._fail(error)
        if count is None:
            return None
        session.evaluation.query_text = text
        end = statement.written.get(count)
        if end is None:
            end = backend.command_complete(point.compiled.tag(count)) + backend.READY_IN_TRANSACTION
            statement.written[count] = end
        return answer.head + end

    def _write_alone(self, answer: _Answer, point: PointWrite, values: Sequence[Any], text: str) -> Answer | None:
        """A write that is a transaction of its own."""
        session = self._session
        if session.settings.as_of or session.has_asides:
            return None
        session.begin_transaction()
        try:
            count = point.run(values)
            if count is None or not session.commits_at_once:
                session.rollback()
                return None
            head = answer.head + backend.command_complete(point.compiled.tag(count))
            return self._commit(head, text)
        except Exception as error:
            session.evaluation.query_text = text
            return answer.head + self._fail(error)

    def _commit(self, head: bytes, text: str) -> Answer:
        """Commits, and answers with the head once that is durable."""
        session = self._session
        session.evaluation.query_text = text
        durable = session.commit_at_once()
        if durable is None or (durable.done and durable.error is None):
            return head + self._ready()
        return DurableAnswer(durable, head, self._ready, self._fail)

    def _parsed(self, data: bytes) -> Answer | None:
        """The answer to a Parse of the unnamed statement, known from before, with its execution behind it."""
        end = 1 + _unpack_int32(data, 1)[0]
        if data[5] or data[end] != BIND:
            return None
        message = data[:end]
        session = self._session
        if session.failed:
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
        return backend.PARSE_COMPLETE + answer if isinstance(answer, bytes) else _after(backend.PARSE_COMPLETE, answer)

    def _query(self, data: bytes) -> Answer | None:
        """The answer to a Query with one statement."""
        if _unpack_int32(data, 1)[0] + 1 != len(data) or data[-1]:
            return None
        session = self._session
        if session.failed:
            return None
        block = self._blocks.get(data)
        if block is not None:
            return self._end_or_begin(*block)
        text = data[5:-1].decode()
        printed = fingerprint(text)
        if printed is not None:
            shape, kinds, literals = printed
            known = self._shapes.get((shape, kinds))
            if known is not None and known.context is session.name_context:
                point = known.statement.point
                if point is not None and point.holds():
                    values = session.compiler.literal_values(known.shared, literals)
                    if values is not None:
                        return self._run(known.statement, known.answer, point, values, text)
        plan = session.find_plan(text)
        if plan is None:
            return None
        compiled, values = plan
        if not isinstance(compiled, CompiledQuery):
            done = self._end_or_begin(compiled, text)
            if done is not None:
                _keep(self._blocks, data, (compiled, text))
            return done
        statement = self._simple.get(id(compiled))
        # The entry keeps its plan alive, so an id cannot come to mean another one.
        if statement is None or (point := statement.point) is None or not point.holds():
            if (point := self._point(compiled)) is None:
                return None
            statement = self._meet_query(compiled, point)
        answer = statement.answers.get(b"") or self._remember_answer(statement, compiled, b"", SIMPLE_TAIL)
        if printed is not None:
            shared = session.compiler.shared(printed[0], printed[1])
            if shared is not None and shared.query is compiled:
                known = _Shape(shared, statement, answer, session.name_context)
                _keep(self._shapes, (printed[0], printed[1]), known)
        return self._run(statement, answer, point, values, text)

    def _end_or_begin(self, compiled: CompiledUtility, text: str) -> Answer | None:
        """The answer to BEGIN or COMMIT, if it is plain."""
        session = self._session
        if session.transaction is None:
            if session.settings.idle_in_transaction_session_timeout_ms or not session.begin_at_once(compiled):
                return None
            session.evaluation.query_text = text
            return _BEGUN
        if session.settings.idle_in_transaction_session_timeout_ms or not session.is_plain_commit(compiled):
            return None
        try:
            return self._commit(_COMMITTED, text)
        except Exception as error:
            return self._fail(error)

    def _point(self, compiled: CompiledQuery) -> PointLookup | PointWrite | None:
        """The short way of a plan."""
        if compiled.lookup is not None:
            return PointLookup(self._session, compiled)
        return point_write(self._session, compiled)

    def _meet_query(self, compiled: CompiledQuery, point: PointLookup | PointWrite) -> _Statement:
        """Remembers the plan of a simple query."""
        statement = _Statement(None, 0)
        statement.point = point
        _keep(self._simple, id(compiled), statement)
        return statement

    def _meet_parse(self, message: bytes) -> PreparedStatement | None:
        """Remembers a Parse whose statement has a plan already."""
        event = read_parse(message, 5, len(message))
        compiled = self._session.compiler.known(event.text, event.parameter_types)
        if not isinstance(compiled, CompiledQuery) or (compiled.lookup is None and not compiled.written):
            return None
        prepared = PreparedStatement("", event.text, compiled.parsed, event.parameter_types, compiled)
        _keep(self._unnamed, message, prepared)
        return prepared

    def _meet(self, key: bytes, head: bytes) -> _Statement:
        """Remembers a head; ValueError where it is none."""
        name, formats, count = read_bound_head(head)
        session = self._session
        prepared = session.prepared.get(name)
        known = _Statement(prepared, count)
        compiled = prepared.compiled if prepared is not None else None
        if isinstance(compiled, CompiledQuery) and len(compiled.parameter_types) == count:
            known.point = self._point(compiled)
        if known.point is not None and compiled is not None:
            known.decode = parameter_decoder(compiled.parameter_types, formats, known.point.settings, session.find_io)
        _keep(self._known, key, known)
        return known

    def _look_again(self, key: bytes, statement: _Statement) -> None:
        """Forgets a head whose statement is another one by now."""
        prepared = statement.prepared
        name = "" if prepared is None else prepared.name
        if statement.point is not None or prepared is None or self._session.prepared.get(name) is not prepared:
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
        if compiled.returns_rows:
            description = row_description(columns, found.result_formats)
        else:
            description = b"" if found is SIMPLE_TAIL else backend.NO_DATA
        encode = result_encoder(
            tuple(column.type_oid for column in columns),
            found.result_formats,
            session.format_settings,
            session.find_io,
        )
        head = (b"" if found is SIMPLE_TAIL else backend.BIND_COMPLETE) + (description if found.describe else b"")
        answer = _Answer(head, encode, found.formats_bytes)
        _keep(statement.answers, tail, answer)
        return answer


def _keep(known: dict[K, V], key: K, value: V) -> None:
    """Remembers something; all is forgotten rather than ever more remembered."""
    if len(known) >= KNOWN_MAX:
        known.clear()
    known[key] = value


def _after(head: bytes, rest: Iterator[bytes | Wait]) -> Iterator[bytes | Wait]:
    yield head
    yield from rest


def _rows_answer(answer: _Answer, rows: list[Row], tags: list[bytes], ready: bytes) -> bytes:
    if not rows:
        return answer.head + tags[0]
    count = len(rows)
    end = tags[1] if count == 1 else backend.command_complete(f"SELECT {count}") + ready
    body: bytes = answer.encode(rows)
    return answer.head + body + end
