"""Reader: the bodies of frontend messages as events, and the short way for the sequence drivers send most.

Every function takes the receive buffer and the borders of one message's body in it, so that nothing is cut out before
its meaning is known. Contents that make no sense raise DatacaveError (08P01 or 22021) with severity ERROR: the frame
was intact, the session goes on. Framing and states are `connection.py`'s.

The short way: Bind to the unnamed portal, Describe of it (or not), Execute without a limit and Sync, when they lie in
the buffer without a gap, become one BoundExecution. Its tail has a single spelling, so one comparison finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct, unpack_from
from struct import error as StructError
from typing import Final, NamedTuple, TypeVar

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_protocol.frontend import (
    Bind,
    BoundExecution,
    ClosePortal,
    CloseStatement,
    CopyDone,
    CopyFail,
    DescribePortal,
    DescribeStatement,
    Event,
    Execute,
    Flush,
    FunctionCall,
    Parse,
    Query,
    Sync,
    Terminate,
)
from datacave_protocol.state import (
    BIND,
    CLOSE,
    COPY_DONE,
    COPY_FAIL,
    DESCRIBE,
    EXECUTE,
    FLUSH,
    FUNCTION_CALL,
    PARSE,
    QUERY,
    SYNC,
    TERMINATE,
)
from datacave_protocol.text import decode_text, invalid_encoding

_EXECUTE_AND_SYNC: Final = b"E\0\0\0\x09\0\0\0\0\0S\0\0\0\4"
_DESCRIBE_EXECUTE_AND_SYNC: Final = b"D\0\0\0\x06P\0" + _EXECUTE_AND_SYNC
_EXECUTE_TAIL_BYTES: Final = len(_EXECUTE_AND_SYNC)
_DESCRIBE_TAIL_BYTES: Final = len(_DESCRIBE_EXECUTE_AND_SYNC)

_unpack_uint16 = Struct(">H").unpack_from
_unpack_int32 = Struct(">i").unpack_from
_unpack_uint32 = Struct(">I").unpack_from
_new = tuple.__new__

T = TypeVar("T")
_KNOWN_MAX: Final = 1024
_KNOWN_BYTES_MAX: Final = 256
_known_heads: Final[dict[bytes, tuple[str, tuple[int, ...], int]]] = {}
_known_formats: Final[dict[bytes, tuple[tuple[int, ...]]]] = {}


def read_bound_execution(data: bytes, start: int, tail: int) -> tuple[BoundExecution, int] | None:
    """The Bind at `start`, whose message ends at `tail`, together with what follows, and where that ends.

    None if something else follows, or if the Bind is anything but plain and whole: then `read_bind` says what it is.
    """
    if data.startswith(_DESCRIBE_EXECUTE_AND_SYNC, tail):
        describe = True
        after = tail + _DESCRIBE_TAIL_BYTES
    elif data.startswith(_EXECUTE_AND_SYNC, tail):
        describe = False
        after = tail + _EXECUTE_TAIL_BYTES
    else:
        return None
    try:
        # The head runs from the statement's name to the number of parameters and repeats with every execution.
        position = data.index(0, start + 6, tail) + 3
        position += 2 + 2 * data[position - 1]
        head = data[start + 5 : position]
        statement, parameter_formats, count = _known_heads.get(head) or _read_head(head)
        parameters: list[bytes | None] = []
        while count:
            count -= 1
            (length,) = _unpack_int32(data, position)
            position += 4
            if length >= 0:
                stop = position + length
                parameters.append(data[position:stop])
                position = stop
            elif length == -1:
                parameters.append(None)
            else:
                return None
        result_formats = _known_formats.get(data[position:tail]) or _read_result_formats(data[position:tail])
    except (ValueError, IndexError, StructError):
        return None
    return _new(BoundExecution, (statement, parameter_formats, parameters, result_formats[0], describe)), after


class BoundTail(NamedTuple):
    """What follows the parameters of a Bind: result formats, which take `formats_bytes`; whether a Describe of the
    portal comes before Execute and Sync."""

    result_formats: tuple[int, ...]
    describe: bool
    formats_bytes: int


def read_bound_head(head: bytes) -> tuple[str, tuple[int, ...], int]:
    """The part of a Bind of the unnamed portal that repeats: statement, parameter formats, number of parameters.

    Raises ValueError, IndexError or struct.error if it is anything else.
    """
    return _known_heads.get(head) or _read_head(head)


def read_bound_tail(tail: bytes) -> BoundTail:
    """What comes after the parameters, up to the end of the Sync. Raises ValueError if it is anything else."""
    for end, describe in ((_DESCRIBE_EXECUTE_AND_SYNC, True), (_EXECUTE_AND_SYNC, False)):
        if tail.endswith(end):
            formats = tail[: -len(end)]
            return BoundTail((_known_formats.get(formats) or _read_result_formats(formats))[0], describe, len(formats))
    raise ValueError("not the end of a bound execution")


def _read_head(head: bytes) -> tuple[str, tuple[int, ...], int]:
    """The statement, parameter formats and number of parameters; ValueError for what the short way does not take."""
    if head[0]:
        raise ValueError  # a named portal outlives this series
    end = head.index(0, 1)
    formats, position = _read_formats(head, end + 1)
    if position + 2 != len(head):
        raise ValueError
    known = head[1:end].decode(), formats, _unpack_uint16(head, position)[0]
    _remember(_known_heads, head, known)
    return known


def _read_result_formats(body: bytes) -> tuple[tuple[int, ...]]:
    """The result formats, wrapped so that none at all is still true; ValueError if the body is anything else."""
    formats, position = _read_formats(body, 0)
    if position != len(body):
        raise ValueError
    known = (formats,)
    _remember(_known_formats, body, known)
    return known


def _remember(cache: dict[bytes, T], key: bytes, known: T) -> None:
    if len(key) <= _KNOWN_BYTES_MAX:
        if len(cache) >= _KNOWN_MAX:
            cache.clear()
        cache[key] = known


def _read_formats(data: bytes, position: int) -> tuple[tuple[int, ...], int]:
    count = data[position] << 8 | data[position + 1]
    position += 2
    if count == 0:
        return (), position
    return unpack_from(f">{count}h", data, position), position + 2 * count


def _read_values(data: bytes, position: int, end: int) -> tuple[list[bytes | None], int]:
    count = data[position] << 8 | data[position + 1]
    position += 2
    values: list[bytes | None] = []
    for _ in range(count):
        if position + 4 > end:
            raise _insufficient()
        (length,) = _unpack_int32(data, position)
        position += 4
        if length >= 0:
            stop = position + length
            if stop > end:
                raise _insufficient()
            values.append(data[position:stop])
            position = stop
        elif length == -1:
            values.append(None)
        else:
            raise _insufficient()
    return values, position


def read_query(data: bytes, start: int, end: int) -> Query:
    """Query: one string, its NUL the last byte."""
    stop = data.find(0, start, end)
    if stop != end - 1:
        raise _bad_string() if stop < 0 else _bad_format()
    try:
        return _new(Query, (data[start:stop].decode(),))
    except UnicodeDecodeError as broken:
        raise invalid_encoding(data[start:stop], broken.start) from None


def read_parse(data: bytes, start: int, end: int) -> Parse:
    """Parse: statement name, text, parameter types."""
    name_end = data.find(0, start, end)
    text_end = data.find(0, name_end + 1, end)
    if name_end < 0 or text_end < 0:
        raise _bad_string()
    position = text_end + 3
    if position > end:
        raise _insufficient()
    count = data[text_end + 1] << 8 | data[text_end + 2]
    stop = position + 4 * count
    if stop > end:
        raise _insufficient()
    if stop < end:
        raise _bad_format()
    types = unpack_from(f">{count}I", data, position) if count else ()
    try:
        return _new(Parse, (data[start:name_end].decode(), data[name_end + 1 : text_end].decode(), types))
    except UnicodeDecodeError as broken:
        raise invalid_encoding(broken.object, broken.start) from None


def read_bind(data: bytes, start: int, end: int) -> Bind:
    """Bind: portal, statement, formats and values of the parameters, formats of the result columns."""
    portal, position = _read_string(data, start, end)
    statement, position = _read_string(data, position, end)
    parameter_formats, position = _read_bounded_formats(data, position, end)
    if position + 2 > end:
        raise _insufficient()
    parameters, position = _read_values(data, position, end)
    result_formats, position = _read_bounded_formats(data, position, end)
    if position != end:
        raise _bad_format()
    return Bind(portal, statement, parameter_formats, parameters, result_formats)


def read_describe(data: bytes, start: int, end: int) -> DescribeStatement | DescribePortal:
    """Describe: S or P, and a name."""
    kind, name = _read_kind_and_name(data, start, end)
    if kind == b"S":
        return DescribeStatement(name)
    if kind == b"P":
        return DescribePortal(name)
    raise _violation(f"invalid DESCRIBE message subtype {kind[0]}")


def read_close(data: bytes, start: int, end: int) -> CloseStatement | ClosePortal:
    """Close: S or P, and a name."""
    kind, name = _read_kind_and_name(data, start, end)
    if kind == b"S":
        return CloseStatement(name)
    if kind == b"P":
        return ClosePortal(name)
    raise _violation(f"invalid CLOSE message subtype {kind[0]}")


def read_execute(data: bytes, start: int, end: int) -> Execute:
    """Execute: a portal and a row limit; limits below one mean no limit."""
    portal, position = _read_string(data, start, end)
    if position + 4 > end:
        raise _insufficient()
    if position + 4 < end:
        raise _bad_format()
    (limit,) = _unpack_int32(data, position)
    return Execute(portal, max(limit, 0))


def read_function_call(data: bytes, start: int, end: int) -> FunctionCall:
    """FunctionCall: oid, formats and values of the arguments, format of the result."""
    if start + 4 > end:
        raise _insufficient()
    (function_oid,) = _unpack_uint32(data, start)
    formats, position = _read_bounded_formats(data, start + 4, end)
    if position + 2 > end:
        raise _insufficient()
    arguments, position = _read_values(data, position, end)
    result_format, position = _read_count(data, position, end)
    if position != end:
        raise _bad_format()
    return FunctionCall(function_oid, formats, arguments, result_format)


def read_copy_fail(data: bytes, start: int, end: int) -> CopyFail:
    """CopyFail: the reason the client gives."""
    text, position = _read_string(data, start, end)
    if position != end:
        raise _bad_format()
    return CopyFail(text)


def _read_string(data: bytes, start: int, end: int) -> tuple[str, int]:
    stop = data.find(0, start, end)
    if stop < 0:
        raise _bad_string()
    return decode_text(data[start:stop]), stop + 1


def _read_count(data: bytes, position: int, end: int) -> tuple[int, int]:
    if position + 2 > end:
        raise _insufficient()
    return _unpack_uint16(data, position)[0], position + 2


def _read_bounded_formats(data: bytes, position: int, end: int) -> tuple[tuple[int, ...], int]:
    count, after = _read_count(data, position, end)
    if after + 2 * count > end:
        raise _insufficient()
    return _read_formats(data, position)


def _read_kind_and_name(data: bytes, start: int, end: int) -> tuple[bytes, str]:
    if start == end:
        raise _violation("no data left in message")
    name, position = _read_string(data, start + 1, end)
    if position != end:
        raise _bad_format()
    return data[start : start + 1], name


def _empty(event: Event) -> Callable[[bytes, int, int], Event]:
    def read(data: bytes, start: int, end: int) -> Event:
        if start != end:
            raise _bad_format()
        return event

    return read


def _violation(text: str) -> DatacaveError:
    return DatacaveError(text, sqlstate=sqlstate.PROTOCOL_VIOLATION)


def _insufficient() -> DatacaveError:
    return _violation("insufficient data left in message")


def _bad_string() -> DatacaveError:
    return _violation("invalid string in message")


def _bad_format() -> DatacaveError:
    return _violation("invalid message format")


def _copy_done(data: bytes, start: int, end: int) -> CopyDone:
    return CopyDone()  # PostgreSQL does not look at its body


def _terminate(data: bytes, start: int, end: int) -> Terminate:
    return Terminate()  # nobody would hear a complaint about its body


READERS: Final[Mapping[int, Callable[[bytes, int, int], Event]]] = {
    QUERY: read_query,
    PARSE: read_parse,
    BIND: read_bind,
    DESCRIBE: read_describe,
    EXECUTE: read_execute,
    CLOSE: read_close,
    FLUSH: _empty(Flush()),
    SYNC: _empty(Sync()),
    FUNCTION_CALL: read_function_call,
    TERMINATE: _terminate,
    COPY_DONE: _copy_done,
    COPY_FAIL: read_copy_fail,
}
"""Message code to the reader of its body; CopyData and password messages are `connection.py`'s."""
