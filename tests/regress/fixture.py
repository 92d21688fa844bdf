"""The objects of test_setup.sql on both sides, made once and copied for every file.

On the oracle the copy is a database made from a template; on Datacave it is a copy of the data folder.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import psycopg
import psycopg.sql

from tests.regress.playback import client_copy
from tests.regress.script import read_steps, replace_variables, set_value
from tests.regress.server import Server
from tests.regress.target import Target

TEMPLATE = "datacave_regress_setup"
DATABASE = "datacave_regress_run"
SETUP_SECONDS_MAX = 120.0


class Fixture:
    """Both sides of a run."""

    def __init__(self, folder: Path, seconds_max: float) -> None:
        self.folder = folder
        self.seconds_max = seconds_max
        self.variables = {"abs_srcdir": str(folder.parent), "abs_builddir": str(folder.parent)}
        self.variables |= {"libdir": "", "dlsuffix": "", "HOST": "127.0.0.1", "DBNAME": DATABASE}
        self.work = Path(tempfile.mkdtemp(prefix="datacave-regress-setup-"))
        self.admin = psycopg.connect("dbname=postgres", autocommit=True)

    def __enter__(self) -> Fixture:
        for name in (DATABASE, TEMPLATE):
            self.admin.execute(f"drop database if exists {name} with (force)")
        self.admin.execute(f"create database {TEMPLATE}")
        self._prepare(f"dbname={TEMPLATE}")
        server = Server()
        try:
            self._prepare(server.conninfo)
            server.stop()
            shutil.copytree(server.data, self.work / "data")
        finally:
            server.remove()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.admin.execute(f"drop database if exists {DATABASE} with (force)")
        self.admin.execute(f"drop database if exists {TEMPLATE} with (force)")
        self.admin.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def script(self, name: str) -> str:
        """The text of a script."""
        return (self.folder / f"{name}.sql").read_text(encoding="utf-8", errors="surrogateescape")

    def _prepare(self, conninfo: str) -> None:
        """Runs test_setup.sql; what one side lacks shows in the files that need it."""
        known = dict(self.variables)
        target = Target(conninfo, SETUP_SECONDS_MAX)
        for step in read_steps(self.script("test_setup")):
            if step.command == "set":
                name, value = set_value(step.argument, known)
                known[name] = value
            elif step.text:
                target.run(*client_copy(replace_variables(step.text, known), step.copy_data))
        target.close()

    @contextmanager
    def pair(self) -> Iterator[tuple[Target, Target, Callable[[], None]]]:
        """Fresh copies of both sides, and how to restart ours."""
        self._drop_roles()
        self.admin.execute(f"create database {DATABASE} template {TEMPLATE}")
        server = Server(self.work / "data")
        oracle = Target(f"dbname={DATABASE}", self.seconds_max)
        ours = Target(server.conninfo, self.seconds_max)

        def restart() -> None:
            server.restart()
            ours.conninfo = server.conninfo

        try:
            yield oracle, ours, restart
        finally:
            oracle.close()
            ours.close()
            server.remove()
            self._roll_back_prepared()
            self.admin.execute(f"drop database if exists {DATABASE} with (force)")

    def _roll_back_prepared(self) -> None:
        """Prepared transactions outlive their sessions, and keep the database from being dropped."""
        find = "select gid from pg_prepared_xacts where database = %s"
        with psycopg.connect(f"dbname={DATABASE}", autocommit=True) as connection:
            for (gid,) in connection.execute(find, (DATABASE,)).fetchall():
                connection.execute(psycopg.sql.SQL("rollback prepared {}").format(psycopg.sql.Literal(gid)))

    def _drop_roles(self) -> None:
        """Roles belong to no database: those of an earlier script would still be there."""
        names = [row[0] for row in self.admin.execute("select rolname from pg_roles where rolname like 'regress%'")]
        for name in names:
            self.admin.execute(f'drop role if exists "{name}"')
