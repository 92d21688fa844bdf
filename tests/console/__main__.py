"""Walks through the console in a real headless Chromium: python -m tests.console [--pictures DIR].

Needs Chromium (Debian: apt-get install chromium). Exit code 0 when every station was passed, 2 without a browser.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from datacave_protocol import make_verifier
from datacave_server.assembly import DatabaseParts
from datacave_server.clock import SystemRandomness
from datacave_server.config import load
from datacave_server.lifecycle import Server
from tests.console.browser import browser_page, find_browser
from tests.console.walk import Walk

CONFIG = """
[server]
listen = "127.0.0.1:0"
[storage]
data_dir = "{folder}/data"
[metrics]
listen = "127.0.0.1:0"
[log]
level = "warning"
[[security.auth.rules]]
address = "loopback"
method = "scram-sha-256"
user = "console_user"
[[security.auth.rules]]
address = "loopback"
method = "trust"
[[security.auth.users]]
name = "admin"
superuser = true
[[security.auth.users]]
name = "console_user"
superuser = true
verifier = "{verifier}"
"""


async def walk(program: str, pictures: Path) -> None:
    """Starts a server of its own and takes the walk."""
    with tempfile.TemporaryDirectory(prefix="datacave-console-") as folder:
        verifier = make_verifier("a good pass phrase", SystemRandomness())
        path = Path(folder) / "datacave.toml"
        path.write_text(CONFIG.format(folder=folder, verifier=verifier), encoding="utf-8")
        path.chmod(0o600)
        server = Server(load(path, {}, {}).config, DatabaseParts(), lambda text: None)
        running = asyncio.ensure_future(server.run())
        while not server.addresses:
            await asyncio.sleep(0.05)
            if running.done():
                running.result()
        try:
            address = server.addresses[0]
            dsn = f"host={address.host} port={address.port} user=admin dbname=default"
            async with browser_page(program) as page:
                await Walk(page, f"http://{server.admin_address}", dsn, pictures).walk()
        finally:
            server.request_stop()
            await running


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.console", description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder for the screenshots; without it they are not kept")
    arguments = parser.parse_args()
    program = find_browser()
    if program is None:
        print("no browser: install Chromium (Debian: apt-get install chromium) and run this again", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="datacave-pictures-") as folder:
        pictures = arguments.pictures or Path(folder)
        pictures.mkdir(parents=True, exist_ok=True)
        asyncio.run(walk(program, pictures))
    print("the console holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
