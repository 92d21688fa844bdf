"""Do measurements hear of a server that does not start?"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.servers import StartFailed, running_datacave


def test_a_server_that_refuses_its_configuration(tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text("[server]\nlisten = 'nowhere'\n")
    with pytest.raises(StartFailed, match=r"server\.listen"), running_datacave(tmp_path, ("--config", str(config))):
        pass


def test_a_server_that_is_not_ready_in_time(tmp_path: Path) -> None:
    with pytest.raises(StartFailed), running_datacave(tmp_path, start_seconds=0.01):
        pass
