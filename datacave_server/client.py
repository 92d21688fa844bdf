"""Client: answers the events of a logged-in connection from its session.

Replies of the session become messages here, with encoders that are kept per prepared statement. The sequence every
driver sends (BoundExecution) and lone queries of rows by key are answered without a generator.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, cast

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, QueryCanceled
from datacave_core.wait import Wait
from datacave_protocol import (
    TEXT_TYPES,
    Connection,
    Event,
    ProtocolViolation,
    backend,
    check_parameter_count,
    frontend,
    notice_response,
    parameter_decoder,
    parameter_formats,
    result_encoder,
    result_formats,
)
from datacave_server.deadlines import Timeouts
from datacave_server.interruption import ended
from datacave_server.pointpath import PointPath
from datacave_server.pump import Pump, Work, internal_error
from datacave_server.row_description import row_description
from datacave_server.statement_codecs import StatementCodecs
from datacave_sql import (
    LONG_CHARACTERS_MIN,
    CompiledQuery,
    CompiledUtility,
    Complete,
    CopyInRequest,
    CopyOutData,
    CopyOutEnd,
    CopyOutStart,
    EmptyQuery,
    Notice,
    ParameterChanged,
    Portal,
    PreparedStatement,
    ResultColumn,
    ResultHeader,
    Session,
    Suspended,
)

TEXT_ONLY: tuple[int, ...] = ()

READY = {"I": backend.READY_IDLE, "T": backend.READY_IN_TRANSACTION, "E": backend.READY_FAILED}

KNOWN_CODECS_MAX = 1000
"""Plans of which a session keeps encoders and decoders."""

PARTS_MAX = 16
"""Encoded batches that are kept back before they are handed on."""

COPY_BYTES_MAX = 4 * 1024 * 1024
"""COPY data that may wait for a statement that is busy with earlier data; beyond it the client is not read from."""


class SessionClient:
    """One logged-in client."""

    def __init__(self, pump: Pump, session: Session) -> None:
        self._pump = pump
        self._wire: Connection = pump.wire
        self.session = session
        session.under_way = pump
        self._copy: CopyInRequest | None = None
        self._copy_bytes = 0
        self._columns: tuple[ResultColumn, ...] = ()
        self._points = PointPath(session, self._ready_at_once, self._failed_at_once)
        self.answer_at_once: Callable[[bytes], bytes | Work | None] = self._points.answer
        self._known_codecs: dict[int, StatementCodecs] = {}
        self._answers: dict[type, Callable[[Any], bytes | Work]] = {
            frontend.BoundExecution: self._bound_execution,
            frontend.Query: self._query,
            frontend.Parse: self._guarded(self._parse),
            frontend.Bind: self._guarded(self._bind),
            frontend.DescribeStatement: self._guarded(self._describe_statement),
            frontend.DescribePortal: self._guarded(self._describe_portal),
            frontend.Execute: self._execute,
            frontend.CloseStatement: self._guarded(self._close_statement),
            frontend.ClosePortal: self._guarded(self._close_portal),
            frontend.Flush: lambda event: b"",
            frontend.Sync: self._sync,
            frontend.FunctionCall: self._function_call,
            frontend.Malformed: self._malformed,
            frontend.Terminate: self._terminate,
            frontend.Disconnected: self._terminate,
            frontend.CopyData: lambda event: b"",
            frontend.CopyDone: lambda event: b"",
            frontend.CopyFail: lambda event: b"",
        }

    def answer(self, event: Event) -> bytes | Work:
        return self._answers[type(event)](event)

    def violated(self, error: ProtocolViolation) -> bytes:
        return self._wire.send_error(error)

    def failed(self, error: DatacaveError) -> bytes:
        error.severity = "FATAL"
        return self._wire.send_error(error)

    def lost(self) -> None:
        self.session.close()

    @property
    def timeouts(self) -> Timeouts | None:
        return self.session.settings

    @property
    def in_block(self) -> bool:
        return self.session.in_block

    def idle_bytes(self) -> bytes:
        return self._notifications() if self.session.transaction_status == "I" else b""

    def follow_encoding(self) -> None:
        """Speaks with the client in the encoding that client_encoding names now."""
        wire, encoding = self._wire, str(self.session.settings.value("client_encoding"))
        if encoding == (wire.transcoding.encoding if wire.transcoding is not None else "UTF8"):
            return
        self._pump.flush()
        wire.speak(encoding)
        self._known_codecs.clear()
        # The point path answers from bytes to bytes, which are UTF-8.
        self.answer_at_once = self._points.answer if wire.transcoding is None else _the_long_way

    # Errors and ends of queries

    def _error(self, error: BaseException) -> bytes:
        """ErrorResponse for whatever went wrong; the session has already been told."""
        if not isinstance(error, DatacaveError):
            error = internal_error(error)
        head = self._asides()
        answer = head + self._wire.send_error(error)
        if error.severity in ("FATAL", "PANIC"):
            self._pump.close_soon()
        return answer

    def _failed_statement(self, error: BaseException) -> bytes:
        """The end of an answer whose statement has failed."""
        self.session.abort()
        return self._error(error) + self._ready()

    def _failed_at_once(self, error: Exception) -> bytes:
        """The same for a statement that the wire has not seen (`answer_at_once`)."""
        self.session.abort()
        answer = self._error(error)
        return answer + self._ready_at_once() if self._wire.at_rest else answer

    def _ready_at_once(self) -> bytes:
        session = self.session
        ready = READY[session.transaction_status]
        if not session.has_news:
            return ready
        return self._asides_and_changes() + (self._notifications() if ready is backend.READY_IDLE else b"") + ready

    def _ready(self) -> bytes:
        status = self.session.transaction_status
        head = self._asides_and_changes()
        if status == "I":
            head += self._notifications()
        return head + self._wire.ready_for_query(status)

    def asides_and_ready(self) -> bytes:
        """The first ReadyForQuery, after the notices that the login brought up."""
        return self._ready()

    def _asides(self) -> bytes:
        """Notices that have come up."""
        session = self.session
        if not session.has_asides:
            return b""
        return b"".join([notice_response(notice.error, notice.error.severity) for notice in session.take_notices()])

    def _asides_and_changes(self) -> bytes:
        """The same with the parameters that have changed, which are told before ReadyForQuery."""
        if not self.session.has_asides:
            return b""
        changed = self.session.take_parameter_changes()
        if any(one.name == "client_encoding" for one in changed):
            self.follow_encoding()
        changes = [backend.parameter_status(one.name, one.value) for one in changed]
        return self._asides() + b"".join(changes)

    def _notifications(self) -> bytes:
        return b"".join(
            backend.notification_response(one.process_id, one.channel, one.payload)
            for one in self.session.take_notifications()
        )

    def _guarded(self, answer: Callable[[Any], bytes | Work]) -> Callable[[Any], bytes | Work]:
        """An answer that turns errors into ErrorResponse."""

        def guarded(event: Any) -> bytes | Work:
            try:
                return answer(event)
            except Exception as error:
                self.session.abort()
                return self._error(error)

        return guarded

    def _malformed(self, event: frontend.Malformed) -> bytes:
        self.session.abort()
        answer = self._error(event.error)
        return answer + self._ready() if event.ready_owed else answer

    def _terminate(self, event: Any) -> bytes:
        self._pump.close_soon()
        return b""

    def _function_call(self, event: frontend.FunctionCall) -> bytes:
        self.session.abort()
        error = DatacaveError(
            "function calls by the fast path are not supported",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            hint="Use SELECT function(...).",
        )
        return self._error(error) + self._ready()

    # Simple queries

    def _query(self, event: frontend.Query) -> bytes | Work:
        session = self.session
        try:
            found = session.find_plan(event.text)
            if found is not None and isinstance(compiled := found[0], CompiledQuery):
                parameters = found[1]
                if compiled.lookup is None:
                    if session.in_block and not compiled.returns_rows:
                        session.close_portal("")
                        return self._write_in_block(session.execute(compiled, parameters, text=event.text))
                    return self._answer_query(session.simple_query(event.text, found))
                codecs = self._codecs(compiled)
                description, encode = codecs.results.get(TEXT_ONLY) or self._result_codec(codecs, TEXT_ONLY)
                try:
                    rows = session.lookup(compiled, parameters)
                except Exception as error:
                    return description + self._failed_statement(error)
                if rows is None:
                    return self._answer_query(session.simple_query(event.text, found))
                tag = backend.command_complete(compiled.tag(len(rows)))
                return description + (encode(rows) if rows else b"") + tag + self._ready()
        except Exception as error:
            return self._failed_statement(error)
        return self._answer_query(session.simple_query(event.text, found))

    def _write_in_block(self, steps: Generator[Any, None, None]) -> bytes | Work:
        """A statement without rows that is one of a block: it rarely has to wait for anything."""
        step = next(steps)
        if type(step) is not Complete:
            return self._answer_query(self.session.going_on(step, steps))
        self._pump.statement_ended()
        return self._asides() + backend.command_complete(step.tag) + self._ready()

    def _answer_query(self, steps: Generator[Any, None, None]) -> Work:
        """The answer to a simple query from the replies of the session."""
        encode: Any = None
        try:
            for step in steps:
                if type(step) is list:
                    yield encode(step)
                elif isinstance(step, Wait):
                    yield step
                elif type(step) is Complete:
                    self._pump.statement_ended()
                    yield self._asides() + backend.command_complete(step.tag)
                elif type(step) is ResultHeader:
                    self._columns = step.columns
                    self.follow_encoding()
                    encode = self._encoder(step.columns, TEXT_ONLY)
                    yield row_description(step.columns, TEXT_ONLY)
                else:
                    yield from self._other(step)
        except GeneratorExit:
            raise
        except BaseException as error:
            self._copy = None
            yield from ended(steps, error)
            yield self._error(_told(error))
        yield self._ready()

    def _encoder(self, columns: Sequence[ResultColumn], formats: tuple[int, ...]) -> Any:
        session = self.session
        oids = tuple(column.type_oid for column in columns)
        encode = result_encoder(oids, formats, session.format_settings, session.find_io)
        transcoding = self._wire.transcoding
        if transcoding is None:
            return encode
        codes = result_formats(formats, len(columns))
        texts = [not code or oid in TEXT_TYPES for code, oid in zip(codes, oids, strict=True)]
        return lambda rows: transcoding.rows(encode(rows), texts)

    def _other(self, step: Any) -> Work:
        """Replies that are rare: COPY, empty queries, asides."""
        wire = self._wire
        if isinstance(step, EmptyQuery):
            yield backend.EMPTY_QUERY_RESPONSE
        elif isinstance(step, Suspended):
            yield backend.PORTAL_SUSPENDED
        elif isinstance(step, Notice):
            yield notice_response(step.error, step.error.severity)
        elif isinstance(step, ParameterChanged):
            yield backend.parameter_status(step.name, step.value)
        elif isinstance(step, CopyInRequest):
            self._copy = step
            code = 1 if step.binary else 0
            yield self._asides() + wire.start_copy_in(code, (code,) * step.column_count)
            self._pump.flush()
        elif isinstance(step, CopyOutStart):
            code = 1 if step.binary else 0
            yield wire.start_copy_out(code, (code,) * step.column_count)
        elif isinstance(step, CopyOutData):
            yield b"".join(map(backend.copy_data, step.rows))
        elif isinstance(step, CopyOutEnd):
            yield wire.finish_copy_out()

    # COPY data

    @property
    def wants_copy_data(self) -> bool:
        copy = self._copy
        return copy is not None and (self._copy_bytes < COPY_BYTES_MAX or not copy.chunks)

    def copy_event(self, event: Event) -> None:
        copy = self._copy
        if copy is None:
            return
        if isinstance(event, frontend.CopyData):
            if not copy.chunks:
                self._copy_bytes = 0
            self._copy_bytes += len(event.data)
            copy.chunks.append(event.data)
        elif isinstance(event, frontend.CopyDone):
            copy.ended = True
            self._copy = None
        elif isinstance(event, frontend.CopyFail):
            copy.failure = event.message
            copy.ended = True
            self._copy = None
        else:
            # The client is gone or says goodbye in the middle of its data.
            copy.failure = "unexpected EOF on client connection with an open transaction"
            copy.ended = True
            self._copy = None
            self._pump.close_soon()
        copy.more.finish()

    # Extended queries

    def _parse(self, event: frontend.Parse) -> bytes | Work:
        if self.session.definitions_change or len(event.text) >= LONG_CHARACTERS_MIN:
            return self._parse_when_settled(event)
        self.session.prepare(event.statement, event.text, event.parameter_types)
        return self._asides() + backend.PARSE_COMPLETE

    def _parse_when_settled(self, event: frontend.Parse) -> Work:
        session = self.session
        try:
            yield from session.prepare_when_settled(event.statement, event.text, event.parameter_types)
            yield self._asides() + backend.PARSE_COMPLETE
        except GeneratorExit:
            raise
        except BaseException as error:
            session.abort()
            yield self._error(_told(error))

    def _prepared(self, name: str) -> PreparedStatement:
        """A prepared statement whose plan holds for the present catalog."""
        return self.session.prepared_statement(name)

    def _codecs(self, holder: CompiledQuery | CompiledUtility) -> StatementCodecs:
        settings = self.session.format_settings
        codecs = self._known_codecs.get(id(holder))
        # The entry keeps its plan alive, so an id cannot come to mean another one.
        if codecs is None or codecs.settings is not settings:
            if len(self._known_codecs) >= KNOWN_CODECS_MAX:
                self._known_codecs.clear()
            codecs = self._known_codecs[id(holder)] = StatementCodecs(holder, settings)
        return codecs

    def _result_codec(self, codecs: StatementCodecs, formats: tuple[int, ...]) -> tuple[bytes, Any]:
        compiled = codecs.compiled
        columns = compiled.columns if compiled.columns is not None else ()
        returns_rows = compiled.returns_rows
        description = row_description(columns, formats) if returns_rows else backend.NO_DATA
        found = (description, self._encoder(columns, formats))
        codecs.results[formats] = found
        return found

    def _values(self, prepared: PreparedStatement, event: Any) -> Sequence[Any]:
        compiled = prepared.compiled
        types = compiled.parameter_types if compiled is not None else ()
        check_parameter_count(len(event.parameters), len(types), prepared.name)
        if not types or compiled is None:
            return ()
        codecs = self._codecs(compiled)
        decode = codecs.decoders.get(event.parameter_formats)
        if decode is None:
            session = self.session
            decode = codecs.decoders[event.parameter_formats] = parameter_decoder(
                types, event.parameter_formats, session.format_settings, session.find_io
            )
        parameters = event.parameters
        if (transcoding := self._wire.transcoding) is not None:
            codes = parameter_formats(event.parameter_formats, len(types))
            parameters = [
                transcoding.parameter(value, code, oid)
                for value, code, oid in zip(parameters, codes, types, strict=True)
            ]
        return cast(Sequence[Any], decode(parameters))

    def _bind(self, event: frontend.Bind) -> bytes:
        session = self.session
        prepared = self._prepared(event.statement)
        session.check_bind(prepared)
        values = self._values(prepared, event)
        portal = session.bind(event.portal, prepared, values)
        compiled = prepared.compiled
        count = len(compiled.columns or ()) if compiled is not None else 0
        result_formats(event.result_formats, count)
        portal.cache = event.result_formats
        return backend.BIND_COMPLETE

    def _describe_statement(self, event: frontend.DescribeStatement) -> bytes:
        prepared = self._prepared(event.statement)
        compiled = prepared.compiled
        if compiled is None:
            return backend.parameter_description(()) + backend.NO_DATA
        head = backend.parameter_description(compiled.parameter_types)
        if not compiled.returns_rows:
            return head + backend.NO_DATA
        return head + row_description(compiled.columns or (), TEXT_ONLY)

    def _describe_portal(self, event: frontend.DescribePortal) -> bytes:
        portal = self.session.portal(event.portal)
        compiled = portal.compiled
        if compiled is None or not portal.returns_rows:
            return backend.NO_DATA
        return row_description(compiled.columns or (), portal.cache or TEXT_ONLY)

    def _close_statement(self, event: frontend.CloseStatement) -> bytes:
        self.session.prepared.pop(event.statement, None)
        return backend.CLOSE_COMPLETE

    def _close_portal(self, event: frontend.ClosePortal) -> bytes:
        self.session.close_portal(event.portal)
        return backend.CLOSE_COMPLETE

    def _execute(self, event: frontend.Execute) -> Work:
        try:
            portal = self.session.portal(event.portal)
            if portal.compiled is None:
                yield backend.EMPTY_QUERY_RESPONSE
                return
            yield from self._portal_bytes(portal, event.row_limit)
        except GeneratorExit:
            raise
        except BaseException as error:
            self._copy = None
            self.session.abort()
            yield self._error(_told(error))

    def _portal_bytes(self, portal: Portal, row_limit: int) -> Work:
        compiled = portal.compiled
        encode: Any = None
        for step in portal.execute(row_limit):
            if type(step) is list:
                if encode is None and compiled is not None:
                    codecs = self._codecs(compiled)
                    formats = portal.cache or TEXT_ONLY
                    encode = (codecs.results.get(formats) or self._result_codec(codecs, formats))[1]
                yield encode(step)
            elif isinstance(step, Wait):
                yield step
            elif type(step) is Complete:
                yield self._asides() + backend.command_complete(step.tag)
            elif type(step) is not ResultHeader:
                yield from self._other(step)

    def _sync(self, event: Any) -> bytes | Work:
        session = self.session
        if session.transaction is None or session.in_block:
            return self._ready()
        return self._sync_commit()

    def _sync_commit(self) -> Work:
        try:
            yield from self.session.end_implicit()
        except GeneratorExit:
            raise
        except BaseException as error:
            self.session.abort()
            yield self._error(_told(error))
        yield self._ready()

    def _bound_execution(self, event: frontend.BoundExecution) -> bytes | Work:
        session = self.session
        prepared = session.prepared.get(event.statement)
        if prepared is not None:
            compiled = prepared.compiled
            if type(compiled) is CompiledQuery and compiled.lookup is not None and not session.failed:
                head = b""
                try:
                    values = self._values(prepared, event)
                    codecs = self._codecs(compiled)
                    description, encode = codecs.results.get(event.result_formats) or self._result_codec(
                        codecs, event.result_formats
                    )
                    head = backend.BIND_COMPLETE + description if event.describe else backend.BIND_COMPLETE
                    rows = session.lookup(compiled, values)
                    if rows is not None:
                        tag = backend.command_complete(compiled.tag(len(rows)))
                        body = encode(rows) if rows else b""
                        if session.has_asides:
                            tag += self._asides_and_changes()
                        return b"".join((head, body, tag, self._wire.ready_for_query(session.transaction_status)))
                except Exception as error:
                    return head + self._failed_statement(error)
        return self._bound_steps(event)

    def _bound_steps(self, event: frontend.BoundExecution) -> Work:
        """The whole sequence in one generator and, where nothing has to wait, in one piece of bytes.

        No portal is made: the unnamed one could not be executed again before it is replaced.
        """
        session = self.session
        parts: list[bytes] = []
        steps: Generator[Any, None, None] | None = None
        try:
            prepared = self._prepared(event.statement)
            session.check_bind(prepared)
            values = self._values(prepared, event)
            session.close_portal("")
            compiled = prepared.compiled
            if compiled is None:
                parts.append(backend.BIND_COMPLETE)
                parts.append((backend.NO_DATA if event.describe else b"") + backend.EMPTY_QUERY_RESPONSE)
            else:
                codecs = self._codecs(compiled)
                formats = event.result_formats
                description, encode = codecs.results.get(formats) or self._result_codec(codecs, formats)
                parts.append(backend.BIND_COMPLETE + description if event.describe else backend.BIND_COMPLETE)
                steps = session.execute(compiled, values)
                for step in steps:
                    kind = type(step)
                    if kind is list:
                        parts.append(encode(step))
                        if len(parts) > PARTS_MAX:
                            yield b"".join(parts)
                            parts.clear()
                    elif kind is Complete:
                        if session.has_asides:
                            parts.append(self._asides())
                        parts.append(backend.command_complete(cast(Complete, step).tag))
                    elif isinstance(step, Wait):
                        yield step
                    elif kind is not ResultHeader:
                        yield b"".join(parts)
                        parts.clear()
                        yield from self._other(step)
            if session.transaction is not None and not session.in_block:
                yield from session.end_implicit()
        except GeneratorExit:
            raise
        except BaseException as error:
            self._copy = None
            yield from ended(steps, error)
            session.abort()
            parts.append(self._error(_told(error)))
        parts.append(self._ready())
        yield b"".join(parts)


def _the_long_way(data: bytes) -> None:
    """No answer at once."""


def _told(error: BaseException) -> BaseException:
    """Errors that end the process are not for clients."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    return error


def cancel_error() -> QueryCanceled:
    """What a cancelled statement fails with."""
    return QueryCanceled("canceling statement due to user request")
