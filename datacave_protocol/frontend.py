"""Frontend messages: what a client says, as the events `Connection.next_event` hands out.

Tuples with names: cheap to make, compare and print. Strings are decoded UTF-8; parameter values stay bytes, because
only their types tell what they mean. Message formats: https://www.postgresql.org/docs/15/protocol-message-formats.html.
Not here: reading them from bytes (`reader.py`, `startup.py`).
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from datacave_core.errors import DatacaveError


class ProtocolVersion(NamedTuple):
    """Major and minor version of the protocol."""

    major: int
    minor: int


class SSLRequest(NamedTuple):
    """Asks for TLS; answered by `accept_encryption` or `refuse_encryption`."""


class GSSENCRequest(NamedTuple):
    """Asks for GSSAPI encryption; answered by `refuse_encryption`."""


class CancelRequest(NamedTuple):
    """Asks to cancel what another connection is doing; the connection that carries it is closed without an answer."""

    process_id: int
    secret_key: bytes


class StartupMessage(NamedTuple):
    """Opens a session.

    `version` is what the client asked for; `parameters` holds the run-time settings among its options (neither user,
    database, options, replication nor `_pq_.` names); `command_line` is the `options` entry, unsplit.
    """

    version: ProtocolVersion
    user: str
    database: str
    parameters: dict[str, str]
    command_line: str | None = None
    replication: str | None = None
    unknown_options: tuple[str, ...] = ()


class PasswordMessage(NamedTuple):
    """A password in clear text."""

    password: bytes


class SASLInitialResponse(NamedTuple):
    """The chosen SASL mechanism and its first message, if any."""

    mechanism: str
    data: bytes | None


class SASLResponse(NamedTuple):
    """A later message of the SASL exchange."""

    data: bytes


class Query(NamedTuple):
    """A string of statements by the simple protocol; ReadyForQuery is owed."""

    text: str


class Parse(NamedTuple):
    """Prepares a statement; a type of 0 is left to inference."""

    statement: str
    text: str
    parameter_types: tuple[int, ...]


class Bind(NamedTuple):
    """Makes a portal from a prepared statement.

    Formats: none (all text), one for all, or one each; 0 is text, 1 is binary.
    """

    portal: str
    statement: str
    parameter_formats: tuple[int, ...]
    parameters: list[bytes | None]
    result_formats: tuple[int, ...]


class DescribeStatement(NamedTuple):
    """Asks for ParameterDescription and RowDescription or NoData."""

    statement: str


class DescribePortal(NamedTuple):
    """Asks for RowDescription or NoData."""

    portal: str


class Execute(NamedTuple):
    """Runs a portal; at most `row_limit` rows, 0 for all."""

    portal: str
    row_limit: int


class BoundExecution(NamedTuple):
    """Bind to the unnamed portal, Describe of it (if `describe`), Execute without a limit, and Sync, in one.

    Answered by BindComplete, RowDescription or NoData (if `describe`), the rows, CommandComplete and ReadyForQuery; or
    by ErrorResponse and ReadyForQuery. The unnamed portal is replaced and gone when the transaction ends.
    """

    statement: str
    parameter_formats: tuple[int, ...]
    parameters: list[bytes | None]
    result_formats: tuple[int, ...]
    describe: bool


class CloseStatement(NamedTuple):
    """Forgets a prepared statement; no error if there is none."""

    statement: str


class ClosePortal(NamedTuple):
    """Forgets a portal; no error if there is none."""

    portal: str


class Flush(NamedTuple):
    """Asks for everything answered so far to be sent."""


class Sync(NamedTuple):
    """Ends a series of extended messages and its implicit transaction; ReadyForQuery is owed."""


class FunctionCall(NamedTuple):
    """The old fast path to a function; ReadyForQuery is owed."""

    function_oid: int
    argument_formats: tuple[int, ...]
    arguments: list[bytes | None]
    result_format: int


class CopyData(NamedTuple):
    """The payloads of all complete CopyData messages at hand, joined: their borders carry no meaning."""

    data: bytes


class CopyDone(NamedTuple):
    """The client has sent all of its copy data."""


class CopyFail(NamedTuple):
    """The client gives its copy up; the COPY must fail with 57014."""

    message: str


class Terminate(NamedTuple):
    """The client says goodbye."""


class Disconnected(NamedTuple):
    """The client closed the connection without a goodbye; `mid_message` if in the middle of a message."""

    mid_message: bool


class Malformed(NamedTuple):
    """A message with an intact frame whose contents make no sense or are not UTF-8.

    The server treats it as a statement that failed with `error`; the session goes on. `ready_owed` says that
    ReadyForQuery must follow the ErrorResponse.
    """

    error: DatacaveError
    ready_owed: bool


class NeedData(Enum):
    """The type of NEED_DATA."""

    NEED_DATA = "need data"


NEED_DATA: Final = NeedData.NEED_DATA
"""Nothing to hand out before more bytes arrive, or before the server has answered what it owes."""

Event: TypeAlias = (
    SSLRequest
    | GSSENCRequest
    | CancelRequest
    | StartupMessage
    | PasswordMessage
    | SASLInitialResponse
    | SASLResponse
    | Query
    | Parse
    | Bind
    | DescribeStatement
    | DescribePortal
    | Execute
    | BoundExecution
    | CloseStatement
    | ClosePortal
    | Flush
    | Sync
    | FunctionCall
    | CopyData
    | CopyDone
    | CopyFail
    | Terminate
    | Disconnected
    | Malformed
)
