"""Datacave as a process of its own, over a folder that lives as long as the run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START_SECONDS_MAX = 120
_ADDRESS = re.compile(r"ready on 127\.0\.0\.1:(\d+)")


class Server:
    """A server process; `template` is a data folder to start from, `program` the module that serves."""

    def __init__(self, template: Path | None = None, program: str = "datacave_server") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="datacave-regress-"))
        self.data = self.folder / "data"
        self.program = program
        if template is not None:
            shutil.copytree(template, self.data)
        self.log = self.folder / "log"
        self.process, self.port = self._start()

    def _start(self) -> tuple[subprocess.Popen[bytes], int]:
        output = self.folder / "output"
        listen = ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--data-dir", str(self.data)]
        with output.open("wb") as out, self.log.open("ab") as log:
            command = [sys.executable, "-m", self.program, "serve", "--log-level", "warning", *listen]
            process = subprocess.Popen(command, stdout=out, stderr=log)
        until = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < until and process.poll() is None:
            if found := _ADDRESS.search(output.read_text()):
                return process, int(found[1])
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start: {self.log.read_text()[-2000:]}")

    @property
    def conninfo(self) -> str:
        """Where it is, for libpq."""
        return f"host=127.0.0.1 port={self.port} user=admin dbname=default"

    def restart(self) -> None:
        """Kills the process and starts another over the same folder."""
        self.process.kill()
        self.process.wait()
        self.process, self.port = self._start()

    def stop(self) -> None:
        """Ends the process in order; the folder stays."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def remove(self) -> None:
        """Ends the process and removes the folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
