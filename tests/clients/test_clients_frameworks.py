"""Frameworks and drivers of other languages: do their programs print what they print against PostgreSQL 15?

`python -m tests.clients.frameworks --install` gets what they need and compares with a running PostgreSQL; it recorded
what is read here.
"""

from __future__ import annotations

from typing import Any

import pytest

from bench.servers import Target
from tests.clients.frameworks import FRAMEWORKS, printed, recorded


@pytest.mark.parametrize("name", list(FRAMEWORKS))
def test_a_program_prints_the_recorded_lines(server: Any, psql: str, name: str) -> None:
    framework = FRAMEWORKS[name]
    if not framework.is_installed:
        pytest.skip(f"{name} is not installed (python -m tests.clients.frameworks --install)")
    target = Target("Datacave", server.port, server.user, server.database, server.process.pid)
    assert printed(framework, target) == recorded(name)
