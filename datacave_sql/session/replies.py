"""Replies: what running a statement yields besides Waits. A list is a batch of result rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from datacave_core.errors import DatacaveError
from datacave_core.rowbatch import RowBatch
from datacave_core.wait import Wait


class ResultColumn(NamedTuple):
    """One column of a result, as RowDescription tells it."""

    name: str
    type_oid: int
    type_size: int
    typmod: int = -1
    table_oid: int = 0
    attribute: int = 0


@dataclass(frozen=True, slots=True)
class ResultHeader:
    """Rows with these columns follow."""

    columns: tuple[ResultColumn, ...]


@dataclass(frozen=True, slots=True)
class Complete:
    """The statement is done; `tag` as in CommandComplete, e.g. "INSERT 0 1"."""

    tag: str


@dataclass(frozen=True, slots=True)
class EmptyQuery:
    """The statement text was empty."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """The row limit of Execute is reached and the portal has more rows."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning or notice for the client; `error.severity` says which."""

    error: DatacaveError


@dataclass(frozen=True, slots=True)
class ParameterChanged:
    """A parameter that clients follow has a new value (ParameterStatus)."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Notification:
    """A NOTIFY of some session for a channel this one listens to."""

    process_id: int
    channel: str
    payload: str


@dataclass(slots=True)
class CopyInRequest:
    """The client is asked for COPY data.

    Who answers the client appends what arrives to `chunks`, sets `ended` (and `failure` on CopyFail), and finishes
    `more`; the statement yields `more` when it has used up all chunks, after putting a fresh Wait there.
    """

    column_count: int
    binary: bool
    chunks: list[bytes]
    more: Wait
    ended: bool = False
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class CopyOutStart:
    """COPY data for the client follows as CopyOutData, then CopyOutEnd."""

    column_count: int
    binary: bool


@dataclass(frozen=True, slots=True)
class CopyOutData:
    """A stretch of complete COPY rows; `rows` lists them, because every row is one CopyData message."""

    rows: list[bytes]


@dataclass(frozen=True, slots=True)
class CopyOutEnd:
    """The end of the COPY data."""


Reply: TypeAlias = (
    RowBatch
    | ResultHeader
    | Complete
    | EmptyQuery
    | Suspended
    | Notice
    | ParameterChanged
    | Notification
    | CopyInRequest
    | CopyOutStart
    | CopyOutData
    | CopyOutEnd
)
