"""A server under comparison: runs a query string over libpq and writes down what came back.

A statement that takes longer than its time is reported as a hang; the caller then starts the server again, since a
server that hangs may not hear a request to cancel. A lost connection is reported as lost and made again.
"""

from __future__ import annotations

import re
import select
import time
from dataclasses import dataclass, field

import psycopg
from psycopg import pq
from psycopg.pq import abc

FIRST_USER_OID = 16384
GUARD = "datacave_regress_guard"
_TRANSACTION_COMMAND = re.compile(
    r"^(\s*--[^\n]*\n)*\s*(begin|start|commit|end|rollback|abort|savepoint|release|prepare\s+transaction|set\s+(local|transaction))\b",
    re.IGNORECASE,
)
SETTINGS = (
    b"set datestyle = 'Postgres, MDY'",
    b"set timezone = 'PST8PDT'",
    b"set intervalstyle = 'postgres_verbose'",
)


@dataclass(frozen=True)
class Answer:
    """What one command gave: rows, a tag, or an error."""

    tag: str = ""
    sqlstate: str = ""
    message: str = ""
    columns: tuple[tuple[str, int], ...] = ()
    rows: tuple[tuple[bytes | None, ...], ...] = ()


@dataclass
class Outcome:
    """What a query string gave."""

    answers: list[Answer] = field(default_factory=list)
    fate: str = ""

    @property
    def sqlstates(self) -> list[str]:
        """The SQLSTATE of every error."""
        return [answer.sqlstate for answer in self.answers if answer.sqlstate]


class Target:
    """One connection, made again when it was lost."""

    def __init__(self, conninfo: str, seconds_max: float) -> None:
        self.conninfo = conninfo
        self.seconds_max = seconds_max
        self.connection = self._connect()

    def _connect(self) -> abc.PGconn:
        connection = pq.PGconn.connect(self.conninfo.encode())
        if connection.status != pq.ConnStatus.OK:
            raise ConnectionError(connection.error_message.decode())
        for setting in SETTINGS:
            connection.exec_(setting)
        return connection

    def reconnect(self) -> None:
        """Connects again, to where `conninfo` now points."""
        self.connection.finish()
        self.connection = self._connect()

    def close(self) -> None:
        """Ends the connection."""
        self.connection.finish()

    def run(self, sql: str, copy_data: tuple[bytes, ...] = ()) -> Outcome:
        """Runs a query string, giving each COPY FROM STDIN its data."""
        outcome = Outcome()
        data = list(copy_data)
        connection = self.connection
        connection.send_query(sql.encode())
        until = time.monotonic() + self.seconds_max
        while True:
            if not self._ready(until):
                outcome.fate = "hang"
                return outcome
            result = connection.get_result()
            if result is None:
                break
            status = result.status
            if status == pq.ExecStatus.COPY_IN:
                connection.put_copy_data(data.pop(0) if data else b"")
                connection.put_copy_end()
            elif status in (pq.ExecStatus.COPY_OUT,):
                rows = self._copied(until)
                if rows is None:
                    outcome.fate = "hang"
                    return outcome
                outcome.answers.append(Answer(tag="COPY OUT", rows=tuple(rows)))
            else:
                outcome.answers.append(_read_answer(result))
        if connection.status != pq.ConnStatus.OK:
            outcome.fate = "lost"
            self.connection.finish()
            self.connection = self._connect()
        return outcome

    def run_guarded(self, sql: str, copy_data: tuple[bytes, ...], oracle: Target) -> Outcome:
        """Runs a query string so that an error of ours alone does not spoil the rest of a transaction block."""
        status = pq.TransactionStatus
        guarded = self.connection.transaction_status == status.INTRANS and not _TRANSACTION_COMMAND.match(sql)
        if not guarded:
            return self.run(sql, copy_data)
        self.run(f"savepoint {GUARD}")
        outcome = self.run(sql, copy_data)
        if self.connection.transaction_status == status.INTRANS:
            self.run(f"release {GUARD}")
        elif oracle.connection.transaction_status == status.INTRANS:
            self.run(f"rollback to {GUARD}")
        return outcome

    def _ready(self, until: float) -> bool:
        connection = self.connection
        while True:
            try:
                flushing = connection.flush()
                if connection.is_busy():
                    left = until - time.monotonic()
                    if left <= 0:
                        return False
                    waiting = [connection.socket]
                    select.select(waiting, waiting if flushing else [], [], left)
                    connection.consume_input()
                    continue
            except psycopg.OperationalError:
                return True
            return True

    def _copied(self, until: float) -> list[tuple[bytes]] | None:
        rows: list[tuple[bytes]] = []
        while True:
            size, data = self.connection.get_copy_data(1)
            if size == -1:
                return rows
            if size == 0:
                left = until - time.monotonic()
                if left <= 0:
                    return None
                select.select([self.connection.socket], [], [], left)
                self.connection.consume_input()
            else:
                rows.append((bytes(data),))


def _read_answer(result: abc.PGresult) -> Answer:
    status = result.status
    field = pq.DiagnosticField
    if status == pq.ExecStatus.FATAL_ERROR:
        state = (result.error_field(field.SQLSTATE) or b"LOST!").decode()
        message = (result.error_field(field.MESSAGE_PRIMARY) or result.error_message or b"").decode()
        return Answer(sqlstate=state, message=message)
    tag = (result.command_status or b"").decode()
    if status != pq.ExecStatus.TUPLES_OK:
        return Answer(tag=tag)
    numbers = range(result.nfields)
    columns = tuple(((result.fname(n) or b"").decode(), min(result.ftype(n), FIRST_USER_OID)) for n in numbers)
    rows = tuple(tuple(result.get_value(row, n) for n in numbers) for row in range(result.ntuples))
    return Answer(tag=tag, columns=columns, rows=rows)
