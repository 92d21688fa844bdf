"""python -m tests.limits: how much memory clients can make a server take, and what hostile sizes do to it.

Starts a server of its own and prints each figure beside its goal: results that nobody reads, a gigabyte streamed, heavy
statements over 500 MB of rows, statements of unusual size, and messages that are declared before login.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.clients.conftest import RunningServer, start
from tests.limits.measures import Growth, before_login, heavy, hostile, streamed, unread
from tests.security.logins import login_config

HOSTILE_SECONDS_MAX = 25


def serve(folder: Path) -> RunningServer:
    """A server where admin is trusted and ann needs her password."""
    config = folder / "datacave.toml"
    config.write_text(login_config("ann"), encoding="utf-8")
    return start(folder, ["--config", str(config)])


class Figures:
    """Prints figures beside their goals and counts those beyond."""

    def __init__(self) -> None:
        self.beyond = 0

    def memory(self, name: str, growth: Growth, mib_max: float) -> None:
        """One growth of memory."""
        self._line(name, f"+{growth.mib:.0f} MB in {growth.seconds:.1f} s", f"+{mib_max:.0f} MB", growth.mib <= mib_max)

    def _line(self, name: str, found: str, goal: str, met: bool) -> None:
        self.beyond += not met
        print(f"{name:<45} {found:<28} goal {goal:<12} {'met' if met else 'BEYOND'}", flush=True)

    def speed(self, name: str, mib_per_second: float, least: float) -> None:
        """A throughput."""
        self._line(name, f"{mib_per_second:.0f} MB/s", f"{least:.0f} MB/s", mib_per_second >= least)

    def seconds(self, name: str, seconds: float, answer: str, most: float) -> None:
        """A duration and what came of it."""
        self._line(name, f"{seconds:.2f} s, {answer}", f"{most:.0f} s", seconds <= most and answer != "XX000")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.limits", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1: the sizes of the goals")
    parser.add_argument(
        "--only", default="", help="figures whose group contains this: unread, stream, heavy, sizes, login"
    )
    arguments = parser.parse_args()
    scale, only = arguments.scale, arguments.only
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="datacave-limits-") as folder:
        server = serve(Path(folder))
        pid = server.process.pid
        try:
            if only in "unread":
                growth = unread(server.dsn, pid, 10, int(200 * scale), 5 * scale)
                figures.memory("10 unread results of 200 MB", growth, 64)
            if only in "stream":
                growth = streamed(server.dsn, pid, int(1024 * scale))
                figures.memory("1 GB streamed", growth, 64)
                figures.speed("1 GB streamed", 1024 * scale / growth.seconds, 40)
            if only in "heavy":
                for name, growth in heavy(server.dsn, pid, int(500 * scale)).items():
                    figures.memory(f"{name} over 500 MB", growth, 256)
            if only in "sizes":
                for name, (seconds, answer) in hostile(server.dsn, scale).items():
                    figures.seconds(name, seconds, answer, HOSTILE_SECONDS_MAX)
            if only in "login":
                figures.memory(
                    "30 messages of 16 MB before login", before_login(server.host, server.port, pid, "ann", 30), 16
                )
        finally:
            server.stop()
    print(f"{figures.beyond} figures beyond the goals")
    return 1 if figures.beyond else 0


if __name__ == "__main__":
    sys.exit(main())
