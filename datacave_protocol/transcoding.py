"""Transcoding: one client's messages in another encoding than UTF-8.

Messages of the client are turned into UTF-8 before they are read, the server's into the client's encoding before they
are sent; values in rows and parameters are turned where their formats and types are known (`rows`, `parameter`), and
COPY data by the statement. A session in UTF-8 has no Transcoding and pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Final

from datacave_core.encodings import codec_of, read_text, write_text
from datacave_core.types import oids
from datacave_protocol.state import BIND, CLOSE, COPY_FAIL, DESCRIBE, EXECUTE, PARSE, QUERY

TEXT_TYPES: Final = frozenset({oids.TEXT, oids.VARCHAR, oids.BPCHAR, oids.NAME, oids.JSON, oids.UNKNOWN, oids.CSTRING})
"""Types whose binary form is text in the client's encoding."""

_INVALID: Final = b"\xff"
"""Stands for bytes that mean nothing in the client's encoding: the reader refuses it with 22021."""

_STRINGS: Final = {QUERY: 1, PARSE: 2, BIND: 2, EXECUTE: 1, COPY_FAIL: 1}
"""How many texts begin a message of the client."""

_unpack_header = Struct(">Bi").unpack_from
_unpack_length = Struct(">i").unpack_from
_FIELD_BYTES: Final = 18
_ROW, _COPIED, _DESCRIPTION, _NOTIFICATION, _ERROR, _NOTICE, _STATUS = b"DdTAENS"


class Transcoding:
    """Both directions of one connection."""

    __slots__ = ("_codec", "_message_bytes_max", "_unread", "_wanted", "encoding")

    def __init__(self, encoding: str, message_bytes_max: int) -> None:
        """Raises 0A000 for an encoding that cannot be spoken."""
        self.encoding = encoding
        self._codec = codec_of(encoding)
        self._message_bytes_max = message_bytes_max
        self._unread = bytearray()
        self._wanted = 5  # bytes before there is anything to do

    # From the client

    def received(self, data: bytes) -> bytes:
        """The messages that are whole now, in UTF-8; the rest is kept until more comes."""
        self._unread += data
        if len(self._unread) < self._wanted:
            return b""
        data = bytes(self._unread)
        out: list[bytes] = []
        position, self._wanted = 0, 5
        while len(data) - position >= 5:
            code, length = _unpack_header(data, position)
            end = position + 1 + length
            if not 4 <= length <= self._message_bytes_max:
                # Nonsense goes on as it is, to be refused.
                out.append(data[position:])
                position = len(data)
                break
            if end > len(data):
                self._wanted = end - position
                break
            out.append(self._message(code, data[position:end]))
            position = end
        del self._unread[:position]
        return b"".join(out)

    def left_over(self) -> bytes:
        """What has come of a message that is not whole yet, as it is; it is forgotten here."""
        data = bytes(self._unread)
        self._unread.clear()
        self._wanted = 5
        return data

    def _message(self, code: int, message: bytes) -> bytes:
        start = 6 if code in (DESCRIBE, CLOSE) else 5
        count = 1 if start == 6 else _STRINGS.get(code, 0)
        if not count or message.isascii():
            return message
        parts = []
        position = start
        for _ in range(count):
            end = message.find(b"\0", position)
            if end < 0:
                return message
            parts.append(self._as_utf8(message[position:end]) + b"\0")
            position = end + 1
        body = message[5:start] + b"".join(parts) + message[position:]
        return message[:1] + (len(body) + 4).to_bytes(4, "big") + body

    def _as_utf8(self, text: bytes) -> bytes:
        try:
            return text.decode(self._codec).encode()
        except UnicodeDecodeError:
            return _INVALID

    def parameter(self, value: bytes | None, format_code: int, type_oid: int) -> bytes | None:
        """A parameter of a Bind with the text in it in UTF-8. Raises 22021."""
        if value is None or value.isascii() or (format_code and type_oid not in TEXT_TYPES):
            return value
        return read_text(value, self.encoding).encode()

    # To the client

    def rows(self, data: bytes, columns: Sequence[bool]) -> bytes:
        """DataRow messages with the values of the marked columns in the client's encoding. Raises 22P05."""
        if data.isascii():
            return data
        return b"".join(one if one.isascii() else self._row(one, columns) for one in _messages(data))

    def _row(self, message: bytes, columns: Sequence[bool]) -> bytes:
        parts = [message[5:7]]
        position = 7
        for marked in columns:
            (length,) = _unpack_length(message, position)
            start, position = position + 4, position + 4 + max(length, 0)
            value = message[start:position]
            if marked and length > 0 and not value.isascii():
                value = write_text(value.decode(), self.encoding)
                parts.append(len(value).to_bytes(4, "big") + value)
            else:
                parts.append(message[start - 4 : position])
        body = b"".join(parts)
        return b"D" + (len(body) + 4).to_bytes(4, "big") + body

    def sent(self, data: bytes) -> bytes:
        """Whole messages of the server in the client's encoding, but for rows and COPY data, which have been. What the
        encoding lacks becomes a question mark: a message must not fail."""
        if data.isascii():
            return data
        return b"".join(map(self._reply, _messages(data)))

    def _reply(self, message: bytes) -> bytes:
        code = message[0]
        if code in (_ROW, _COPIED) or message.isascii():
            return message
        if code in (_ERROR, _NOTICE, _STATUS):
            body = self._from_utf8(message[5:])
        elif code == _NOTIFICATION:
            body = message[5:9] + self._from_utf8(message[9:])
        elif code == _DESCRIPTION:
            body = self._description(message)
        else:
            return message
        return message[:1] + (len(body) + 4).to_bytes(4, "big") + body

    def _description(self, message: bytes) -> bytes:
        parts = [message[5:7]]
        position = 7
        while position < len(message):
            end = message.index(b"\0", position)
            parts.append(self._from_utf8(message[position:end]))
            position = end + 1 + _FIELD_BYTES
            parts.append(message[end:position])
        return b"".join(parts)

    def _from_utf8(self, text: bytes) -> bytes:
        return text.decode("utf-8", "replace").encode(self._codec, "replace")


def _messages(data: bytes) -> Iterator[bytes]:
    """The messages that stand one behind the other."""
    position = 0
    while position < len(data):
        end = position + 1 + _unpack_length(data, position + 1)[0]
        yield data[position:end]
        position = end
