"""COPY with a file of the server or a program that runs there: who may, opening, and what can go wrong."""

from __future__ import annotations

import errno
import signal
from dataclasses import dataclass
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, has_privileges_of
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.ports import ServerFile
from datacave_core.wait import Steps
from datacave_sql.bind.statements import CopyFrom, CopyTo

READ_ROLE_OID = 4569
WRITE_ROLE_OID = 4570
PROGRAM_ROLE_OID = 4571
"""The predefined roles pg_read_server_files, pg_write_server_files and pg_execute_server_program."""

PIECE_BYTES = 128 * 1024

_CODES = {
    errno.EPERM: sqlstate.INSUFFICIENT_PRIVILEGE,
    errno.EACCES: sqlstate.INSUFFICIENT_PRIVILEGE,
    errno.EROFS: sqlstate.INSUFFICIENT_PRIVILEGE,
    errno.ENOENT: sqlstate.UNDEFINED_FILE,
    errno.EEXIST: sqlstate.DUPLICATE_FILE,
    errno.ENOTDIR: sqlstate.WRONG_OBJECT_TYPE,
    errno.EISDIR: sqlstate.WRONG_OBJECT_TYPE,
    errno.ENOTEMPTY: sqlstate.WRONG_OBJECT_TYPE,
    errno.ENOSPC: sqlstate.DISK_FULL,
    errno.EDQUOT: sqlstate.DISK_FULL,
    errno.ENFILE: sqlstate.INSUFFICIENT_RESOURCES,
    errno.EMFILE: sqlstate.INSUFFICIENT_RESOURCES,
}


def check_may_copy(catalog: Catalog, role_oid: int, bound: CopyFrom | CopyTo) -> None:
    """Raises 42501 unless the role may name this file or program."""
    if bound.file is None:
        return
    reading = isinstance(bound, CopyFrom)
    if bound.program:
        wanted, name, doing = PROGRAM_ROLE_OID, "pg_execute_server_program", "COPY to or from an external program"
    elif reading:
        wanted, name, doing = READ_ROLE_OID, "pg_read_server_files", "COPY from a file"
    else:
        wanted, name, doing = WRITE_ROLE_OID, "pg_write_server_files", "COPY to a file"
    if not has_privileges_of(catalog, role_oid, wanted):
        raise DatacaveError(
            f"must be superuser or have privileges of the {name} role to {doing}",
            sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
            hint="Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.",
        )


@dataclass(slots=True)
class ServerSide:
    """The open file or program of a COPY. `reading`: it is where the rows come from."""

    name: str
    program: bool
    reading: bool
    file: ServerFile

    @property
    def kind(self) -> str:
        """What pg_stat_progress_copy calls it."""
        return "PROGRAM" if self.program else "FILE"

    def read(self) -> Steps[bytes]:
        """The next piece; nothing at the end. Raises the SQLSTATE of what the system says."""
        try:
            return (yield from self.file.read(PIECE_BYTES))
        except OSError as error:
            raise _failure("could not read from COPY file", error) from error

    def write(self, data: bytes) -> Steps[None]:
        """Hands a piece on."""
        try:
            yield from self.file.write(data)
        except OSError as error:
            if not self.program:
                raise _failure("could not write to COPY file", error) from error
            if error.errno == errno.EPIPE:
                yield from self.finish()  # a program that has ended with an error explains itself
            raise _failure("could not write to COPY program", error) from error

    def finish(self) -> Steps[None]:
        """The end of a COPY that went well so far."""
        try:
            status = yield from self.file.finish()
        except OSError as error:
            closed = "pipe to external command" if self.program else f'file "{self.name}"'
            raise _failure(f"could not close {closed}", error) from error
        if status:
            raise DatacaveError(
                f'program "{self.name}" failed',
                sqlstate=sqlstate.EXTERNAL_ROUTINE_EXCEPTION,
                detail=_ended(status),
            )


def open_server_side(session: Any, bound: CopyFrom | CopyTo) -> Steps[ServerSide]:
    """Opens what a COPY names. Raises 42602, 42809, 58P01, 42501 and others as the system answers."""
    files = session.database.server_files
    name = bound.file
    assert name is not None
    reading = isinstance(bound, CopyFrom)
    if files is None:
        raise FeatureNotSupported(
            "this server has no files that COPY could use", hint="Use COPY with STDIN or STDOUT, or psql's \\copy."
        )
    if not reading and not bound.program and not name.startswith("/"):
        raise DatacaveError("relative path not allowed for COPY to file", sqlstate=sqlstate.INVALID_NAME)
    try:
        if bound.program:
            file = yield from files.start(name, writing=not reading)
        else:
            file = yield from files.open(name, writing=not reading)
    except OSError as error:
        raise _not_opened(name, bound.program, reading, error) from error
    return ServerSide(name, bound.program, reading, file)


def _not_opened(name: str, program: bool, reading: bool, error: OSError) -> DatacaveError:
    if program:
        return _failure(f'could not execute command "{name}"', error)
    if error.errno == errno.EISDIR and reading:
        return DatacaveError(f'"{name}" is a directory', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    failure = _failure(f'could not open file "{name}" for {"reading" if reading else "writing"}', error)
    if error.errno in (errno.ENOENT, errno.EACCES):
        doing = "FROM instructs the server to read" if reading else "TO instructs the server to write"
        failure.hint = f"COPY {doing} a file. You may want a client-side facility such as psql's \\copy."
    return failure


def _failure(message: str, error: OSError) -> DatacaveError:
    code = _CODES.get(error.errno or 0, sqlstate.IO_ERROR)
    return DatacaveError(f"{message}: {error.strerror or error}", sqlstate=code)


def _ended(status: int) -> str:
    if status == 126:
        return "command not executable"
    if status == 127:
        return "command not found"
    if status < 0:
        return f"child process was terminated by signal {-status}: {signal.strsignal(-status)}"
    return f"child process exited with exit code {status}"
