"""Short rounds of python -m tests.reliability, which stand for its long ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from datacave_lsm import CheckReport
from tests.reliability import bit_rot, every_byte
from tests.reliability.bit_rot import flips
from tests.reliability.every_byte import STATES
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


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_a_flipped_byte_is_noticed_by_name_or_is_not_read(state: str, sealed: bool) -> None:
    """A sample of python -m tests.reliability bytes, which takes every byte."""
    tally = every_byte.flips(every_byte.Victim(state, sealed, 3), random.Random(1), 97)
    assert tally.noticed > 50
    assert tally.unused == 0 or state != "checkpoint"


def test_a_byte_that_nobody_notices_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    victim = every_byte.Victim("closed", False, 3)
    monkeypatch.setattr(victim, "read", lambda disk: victim.rows)
    monkeypatch.setattr(every_byte, "check_directory", lambda *arguments: CheckReport())
    with pytest.raises(AssertionError, match="nobody notices"):
        every_byte.flips(victim, random.Random(1), 97)


@pytest.mark.parametrize("kind", ["log", "table"])
def test_a_failed_sync_stops_the_server(tmp_path: Path, kind: str) -> None:
    assert "0 lost; no sync twice" in failed_sync(tmp_path, kind)
