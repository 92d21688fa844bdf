"""Connection: one client's session on the wire, without a socket.

Bytes go in by `receive_data`, events come out of `next_event`; what the server answers is made here where it moves the
state (`state.py` draws the states), and by plain functions of `backend.py` and `writer.py` where it does not.

Invariants: an event is handed out once and in the order of its bytes; feeding a session byte by byte gives the same
events as feeding it whole, except that a BoundExecution may come as its parts and CopyData in smaller pieces; no memory
is taken for bytes that have not arrived; after a ProtocolViolation `next_event` gives nothing but NEED_DATA.
While the answer to an extended message is under way, the caller does not ask for the next event.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final

from datacave_core.encodings import UTF8_CODEC, codec_of
from datacave_core.errors import DatacaveError
from datacave_protocol import backend
from datacave_protocol.errorresponse import error_response
from datacave_protocol.frontend import (
    NEED_DATA,
    CancelRequest,
    CopyData,
    CopyDone,
    CopyFail,
    Disconnected,
    Event,
    GSSENCRequest,
    Malformed,
    NeedData,
    ProtocolVersion,
    SSLRequest,
    StartupMessage,
)
from datacave_protocol.password import Expected, read_password_message
from datacave_protocol.reader import READERS, read_bound_execution, read_query
from datacave_protocol.startup import NEWEST_VERSION, read_startup, startup_length
from datacave_protocol.state import (
    BIND,
    COPY_DATA,
    COPY_DONE,
    DESCRIBE,
    EXECUTE,
    PARSE,
    PASSWORD,
    QUERY,
    RECEIVE,
    SILENT,
    SMALL_MESSAGE_BYTES_MAX,
    SMALL_MESSAGES,
    SYNC,
    State,
)
from datacave_protocol.transcoding import Transcoding
from datacave_protocol.violation import ProtocolMisuse, ProtocolViolation

MESSAGE_BYTES_MAX: Final = 2**30
PASSWORD_MESSAGE_BYTES_MAX: Final = 65_536
_KEPT_BYTES_MAX: Final = 4096
"""An idle connection does not hold on to a longer chunk that it has read."""

_unpack_header = Struct(">Bi").unpack_from
_STATUS: Final = {"I": backend.READY_IDLE, "T": backend.READY_IN_TRANSACTION, "E": backend.READY_FAILED}

_STARTUP, _NEGOTIATING, _AUTHENTICATING = State.STARTUP, State.NEGOTIATING, State.AUTHENTICATING
_BUSY, _READY, _EXTENDED, _SKIPPING = State.BUSY, State.READY, State.EXTENDED, State.SKIPPING
_COPY_IN, _COPY_OUT, _FAILED, _CLOSED = State.COPY_IN, State.COPY_OUT, State.FAILED, State.CLOSED

_QUICK: Final = {
    code: (READERS[code], RECEIVE[_READY][code] or _READY) for code in (PARSE, BIND, DESCRIBE, EXECUTE, SYNC)
}
"""What the short way reads and the state it leads to."""


class Connection:
    """The server's end of one connection.

    `message_bytes_max` bounds messages after login, `password_message_bytes_max` those before. `version` is the
    protocol version in use once the StartupMessage is out. `state` is for others to read only.
    """

    __slots__ = (
        "_after_copy",
        "_data",
        "_ended",
        "_expected",
        "_gss_answered",
        "_partial",
        "_position",
        "_request",
        "_ssl_answered",
        "_startup",
        "_sync_dropped",
        "_sync_taken",
        "message_bytes_max",
        "password_message_bytes_max",
        "state",
        "transcoding",
        "version",
    )

    def __init__(
        self,
        *,
        message_bytes_max: int = MESSAGE_BYTES_MAX,
        password_message_bytes_max: int = PASSWORD_MESSAGE_BYTES_MAX,
    ) -> None:
        self.state = _STARTUP
        self.transcoding: Transcoding | None = None
        self.version = NEWEST_VERSION
        self.message_bytes_max = message_bytes_max
        self.password_message_bytes_max = password_message_bytes_max
        # Unread bytes are _data[_position:] and then _partial, which grows cheaply until the message at hand is whole.
        self._data = b""
        self._position = 0
        self._partial = bytearray()
        self._ended = False
        self._expected = Expected.NOTHING
        self._request: SSLRequest | GSSENCRequest | None = None
        self._startup: StartupMessage | None = None  # until the first ReadyForQuery
        self._ssl_answered = False
        self._gss_answered = False
        self._after_copy = _BUSY
        self._sync_taken = False  # the event being answered is a BoundExecution
        self._sync_dropped = False  # ... whose Sync fell into copy-in mode, where it means nothing

    # Bytes in, events out.

    @property
    def buffered_bytes(self) -> int:
        """Bytes received and not yet handed out: when they grow too many, stop reading from the socket."""
        return len(self._data) - self._position + len(self._partial)

    @property
    def at_rest(self) -> bool:
        """Whether the client is expected to begin something new and has not begun: nothing is unread."""
        return self.state is _READY and self._position == len(self._data) and not self._partial

    def receive_data(self, data: bytes) -> None:
        """Takes bytes from the client; b"" says that the client has closed its side."""
        if self.transcoding is not None and data:
            data = self.transcoding.received(data)
            if not data:
                return
        if self._position == len(self._data) and not self._partial:
            self._data = data
            self._position = 0
        else:
            self._partial += data
        if not data:
            self._ended = True

    def speak(self, encoding: str) -> None:
        """From here on the client's messages, and those that are for it, are in an encoding. Raises 0A000."""
        old = self.transcoding
        self.transcoding = None if codec_of(encoding) == UTF8_CODEC else Transcoding(encoding, self.message_bytes_max)
        if old is not None and (data := old.left_over()):
            self.receive_data(data)

    def next_event(self) -> Event | NeedData:
        """The next thing the client says, or NEED_DATA.

        Raises ProtocolViolation when the client breaks the protocol: `send_error` it, then close the connection.
        """
        state = self.state
        if state is _BUSY:
            return NEED_DATA
        if state is _READY or state is _EXTENDED:
            data = self._data
            start = self._position
            if len(data) - start > 4:
                code, length = _unpack_header(data, start)
                end = start + 1 + length
                if end <= len(data) and 4 <= length <= self.message_bytes_max:
                    if code == BIND:
                        found = read_bound_execution(data, start, end)
                        if found is not None:
                            event, self._position = found
                            self.state = _BUSY
                            self._sync_taken = True
                            return event
                    elif code == QUERY:
                        self._position = end
                        self.state = _BUSY
                        try:
                            return read_query(data, start + 5, end)
                        except DatacaveError as error:
                            return Malformed(error, True)
                    quick = _QUICK.get(code)
                    if quick is not None and length <= SMALL_MESSAGE_BYTES_MAX:
                        self._position = end
                        self.state = quick[1]
                        try:
                            return quick[0](data, start + 5, end)
                        except DatacaveError as error:
                            return Malformed(error, quick[1] is _BUSY)
            elif start == len(data) and not self._partial and not self._ended:
                if start > _KEPT_BYTES_MAX:
                    self._forget_bytes()
                return NEED_DATA
        try:
            return self._next_event()
        except ProtocolViolation:
            self.state = _FAILED
            self._forget_bytes()
            raise

    def _next_event(self) -> Event | NeedData:
        state = self.state
        if state in SILENT or (state is _AUTHENTICATING and self._expected is Expected.NOTHING):
            return NEED_DATA
        if state is _STARTUP:
            return self._next_startup()
        if state is _COPY_IN:
            chunks = self._take_copy_data()
            if chunks:
                return CopyData(chunks[0] if len(chunks) == 1 else b"".join(chunks))
        moves = RECEIVE[state]
        while (frame := self._take_frame()) is not None:
            code, start, end = frame
            following = moves[code]
            if following is not None:
                return self._read(code, start, end, following)
        return self._end_of_stream() if self._ended else NEED_DATA

    def _read(self, code: int, start: int, end: int, following: State) -> Event:
        if code == PASSWORD:
            expected, self._expected = self._expected, Expected.NOTHING
            return read_password_message(expected, self._data, start, end)
        if self.state is _COPY_IN:
            if code == COPY_DATA:
                return CopyData(self._data[start:end])
            self.state = self._after_copy
            if code == COPY_DONE:
                return CopyDone()
            return CopyFail(self._data[start:end].split(b"\0", 1)[0].decode("utf-8", "replace"))
        self.state = following
        try:
            event = READERS[code](self._data, start, end)
        except DatacaveError as error:
            return Malformed(error, following is _BUSY)
        if following is _CLOSED:
            self._forget_bytes()
        return event

    def _next_startup(self) -> Event | NeedData:
        if not self._gather(4):
            return self._end_of_stream() if self._ended else NEED_DATA
        start = self._position
        length = startup_length(self._data, start)
        if not self._gather(length):
            return self._end_of_stream() if self._ended else NEED_DATA
        start = self._position
        self._position = start + length
        packet = self._data[start : start + length]
        event = read_startup(packet, ssl_answered=self._ssl_answered, gss_answered=self._gss_answered)
        if isinstance(event, StartupMessage):
            self.state = _AUTHENTICATING
            self.version = min(event.version, NEWEST_VERSION)
            self._startup = event
        elif isinstance(event, CancelRequest):
            self.state = _CLOSED
            self._forget_bytes()
        else:
            self.state = _NEGOTIATING
            self._request = event
        return event

    def _take_frame(self) -> tuple[int, int, int] | None:
        """Moves past one whole message: its code and the borders of its body; None while it is not all there."""
        if not self._gather(1):
            return None
        code = self._data[self._position]
        if code not in RECEIVE[self.state]:
            raise self._unexpected(code)
        if not self._gather(5):
            return None
        _, length = _unpack_header(self._data, self._position)
        if not 4 <= length <= self._length_max(code):
            raise ProtocolViolation("invalid message length")
        if not self._gather(1 + length):
            return None
        start = self._position
        self._position = start + 1 + length
        return code, start + 5, self._position

    def _take_copy_data(self) -> list[bytes]:
        """The payloads of the whole CopyData messages in `_data`, up to whatever else comes next."""
        chunks: list[bytes] = []
        data = self._data
        position = self._position
        last = len(data) - 5
        length_max = self.message_bytes_max
        while position <= last:
            code, length = _unpack_header(data, position)
            end = position + 1 + length
            if code != COPY_DATA or not 4 <= length <= length_max or end > len(data):
                break
            chunks.append(data[position + 5 : end])
            position = end
        self._position = position
        return chunks

    def _gather(self, count: int) -> bool:
        """Whether `count` unread bytes are at hand; brings them together in `_data` if so."""
        unread = len(self._data) - self._position
        if unread >= count:
            return True
        if unread + len(self._partial) < count:
            return False
        self._data = self._data[self._position :] + self._partial
        self._position = 0
        self._partial = bytearray()
        return True

    def _length_max(self, code: int) -> int:
        if code in SMALL_MESSAGES:
            return SMALL_MESSAGE_BYTES_MAX
        return self.password_message_bytes_max if code == PASSWORD else self.message_bytes_max

    def _unexpected(self, code: int) -> ProtocolViolation:
        if self.state is _COPY_IN:
            return ProtocolViolation(f"unexpected message type 0x{code:02X} during COPY from stdin")
        if self.state is _AUTHENTICATING:
            kind = "password" if self._expected is Expected.PASSWORD else "SASL"
            return ProtocolViolation(f"expected {kind} response, got message type {code}")
        return ProtocolViolation(f"invalid frontend message type {code}")

    def _end_of_stream(self) -> Disconnected:
        mid_message = self.buffered_bytes > 0
        self.state = _CLOSED
        self._forget_bytes()
        return Disconnected(mid_message)

    def _forget_bytes(self) -> None:
        self._data = b""
        self._position = 0
        self._partial = bytearray()

    # Answers that move the state.

    def accept_encryption(self) -> bytes:
        """The byte that accepts an SSLRequest; the TLS handshake follows, then a start-up packet inside it.

        Raises ProtocolViolation if anything came behind the request in clear text: it might have been slipped in by
        somebody in between (CVE-2021-23214).
        """
        self._require(_NEGOTIATING)
        if not isinstance(self._request, SSLRequest):
            raise ProtocolMisuse("only TLS can be accepted")
        if self.buffered_bytes:
            self.state = _FAILED
            self._forget_bytes()
            raise ProtocolViolation(
                "received unencrypted data after SSL request",
                detail="This could be either a client-software bug or evidence of an attempted "
                "man-in-the-middle attack.",
            )
        self._ssl_answered = self._gss_answered = True
        self.state = _STARTUP
        return backend.TLS_ACCEPTED

    def refuse_encryption(self) -> bytes:
        """The byte that refuses an SSLRequest or GSSENCRequest; the client may go on in clear text or hang up."""
        self._require(_NEGOTIATING)
        if isinstance(self._request, SSLRequest):
            self._ssl_answered = True
        else:
            self._gss_answered = True
        self.state = _STARTUP
        return backend.ENCRYPTION_REFUSED

    def negotiate_version(self) -> bytes:
        """NegotiateProtocolVersion if the client asked for more than there is, else nothing; goes out first of all."""
        self._require(_AUTHENTICATING)
        startup = self._startup
        if startup is None or (startup.version <= NEWEST_VERSION and not startup.unknown_options):
            return b""
        return backend.negotiate_protocol_version(self.version, startup.unknown_options)

    @property
    def cancel_key_bytes(self) -> int:
        """How long the secret key of BackendKeyData is to be: 4 bytes, 32 from protocol 3.2 on."""
        return 32 if self.version >= ProtocolVersion(3, 2) else 4

    def request_password(self) -> bytes:
        """AuthenticationCleartextPassword; a PasswordMessage follows."""
        self._require(_AUTHENTICATING)
        self._expected = Expected.PASSWORD
        return backend.AUTHENTICATION_CLEARTEXT_PASSWORD

    def request_sasl(self, mechanisms: Sequence[str]) -> bytes:
        """AuthenticationSASL; a SASLInitialResponse follows."""
        self._require(_AUTHENTICATING)
        self._expected = Expected.SASL_INITIAL
        return backend.authentication_sasl(mechanisms)

    def continue_sasl(self, challenge: bytes) -> bytes:
        """AuthenticationSASLContinue; a SASLResponse follows."""
        self._require(_AUTHENTICATING)
        self._expected = Expected.SASL
        return backend.authentication_sasl_continue(challenge)

    def finish_sasl(self, outcome: bytes) -> bytes:
        """AuthenticationSASLFinal; `accept_user` follows."""
        self._require(_AUTHENTICATING)
        return backend.authentication_sasl_final(outcome)

    def accept_user(self) -> bytes:
        """AuthenticationOk; ParameterStatus, BackendKeyData and `ready_for_query` follow."""
        self._require(_AUTHENTICATING)
        self.state = _BUSY
        return backend.AUTHENTICATION_OK

    def ready_for_query(self, status: str) -> bytes:
        """ReadyForQuery with "I" (idle), "T" (in a transaction) or "E" (in a failed one).

        Gives nothing when the Sync of a BoundExecution fell into a COPY FROM STDIN, where Sync is ignored: the client
        sends another at the end of its data.
        """
        if self.state is _BUSY:
            self.state = _READY
            self._sync_taken = False
            self._startup = None
            return _STATUS[status]
        if self._sync_dropped and self.state in (_EXTENDED, _SKIPPING):
            self._sync_dropped = False
            return b""
        raise ProtocolMisuse(f"ReadyForQuery in state {self.state.value}")

    def send_error(self, error: DatacaveError) -> bytes:
        """ErrorResponse. FATAL and PANIC end the connection, and so does any error before the first ReadyForQuery.

        In a series of extended messages everything up to Sync is skipped from here on.
        """
        state = self.state
        if state is _CLOSED:
            raise ProtocolMisuse("ErrorResponse on a closed connection")
        if state in (_FAILED, _STARTUP, _NEGOTIATING) or self._startup is not None:
            self.state = _CLOSED
            return error_response(error, error.severity if error.severity == "PANIC" else "FATAL")
        if state is _COPY_IN or state is _COPY_OUT:
            state = self._after_copy
        if error.severity in ("FATAL", "PANIC"):
            self.state = _CLOSED
        elif state is _EXTENDED:
            self.state = _SKIPPING
        else:
            self.state = state
        return error_response(error)

    def start_copy_in(self, overall_format: int, column_formats: Sequence[int]) -> bytes:
        """CopyInResponse; CopyData events follow, ended by CopyDone or CopyFail, or by our `send_error`."""
        self._enter_copy(_COPY_IN)
        if self._sync_taken:
            self._sync_taken = False
            self._sync_dropped = True
            self._after_copy = _EXTENDED
        return backend.copy_response(b"G", overall_format, column_formats)

    def start_copy_out(self, overall_format: int, column_formats: Sequence[int]) -> bytes:
        """CopyOutResponse; `backend.copy_data` messages follow, ended by `finish_copy_out` or `send_error`."""
        self._enter_copy(_COPY_OUT)
        return backend.copy_response(b"H", overall_format, column_formats)

    def finish_copy_out(self) -> bytes:
        """CopyDone; CommandComplete follows."""
        self._require(_COPY_OUT)
        self.state = self._after_copy
        return backend.COPY_DONE

    def _enter_copy(self, state: State) -> None:
        if self.state is not _BUSY and self.state is not _EXTENDED:
            raise ProtocolMisuse(f"COPY in state {self.state.value}")
        self._after_copy = self.state
        self.state = state

    def _require(self, state: State) -> None:
        if self.state is not state:
            raise ProtocolMisuse(f"wanted state {state.value}, but it is {self.state.value}")
