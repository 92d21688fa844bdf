"""Short rounds of python -m tests.reliability, which stand for its long ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability import bit_rot
from tests.reliability.bit_rot import flips
from tests.reliability.failed_sync import failed_sync
from tests.reliability.power import power_failures


def test_the_power_fails_again_and_again() -> None:
    assert power_failures(6, seed=1).startswith("6 power failures")


def test_flipped_bits_are_noticed() -> None:
    tables = flips(("tables/",), 20, seed=1)
    assert tables.at_start + tables.while_reading + tables.unused == 20
    others = flips(("wal/", "MANIFEST", "CURRENT"), 10, seed=1)
    assert others.at_start


def test_rows_that_are_served_from_flipped_bits_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bit_rot, "read_all", lambda disk, sealed: {})
    with pytest.raises(AssertionError, match="was served"):
        flips(("tables/",), 1, seed=1)


@pytest.mark.parametrize("kind", ["log", "table"])
def test_a_failed_sync_stops_the_server(tmp_path: Path, kind: str) -> None:
    assert "0 lost; no sync twice" in failed_sync(tmp_path, kind)
