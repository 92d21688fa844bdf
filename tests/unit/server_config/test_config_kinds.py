"""Kinds read what people write, refuse the rest with words, and write what they read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacave_server.config.kinds import (
    Address,
    Boolean,
    Choice,
    Duration,
    FilePath,
    HostPort,
    Integer,
    Kind,
    Only,
    Size,
    write_duration,
    write_size,
)

HERE = Path("/srv/here")
SIZE = Size(0)
DURATION = Duration(0, 1e9)


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (SIZE, 4096, 4096),
        (SIZE, "64MiB", 64 * 1024 * 1024),
        (SIZE, "1.5 KiB", 1536),
        (SIZE, "17", 17),
        (SIZE, "9B", 9),
        (DURATION, "200ms", 0.2),
        (DURATION, "1.5s", 1.5),
        (DURATION, "2min", 120.0),
        (DURATION, "1h", 3600.0),
        (DURATION, 3, 3),
        (DURATION, "250us", 0.00025),
        (HostPort(), "localhost:0", Address("localhost", 0)),
        (HostPort(), "[::1]:5433", Address("::1", 5433)),
        (FilePath(), "certs/a.pem", "/srv/here/certs/a.pem"),
        (FilePath(), "/etc/a.pem", "/etc/a.pem"),
        (FilePath(may_be_empty=True), "", ""),
        (Only(1, "one"), 1, 1),
    ],
)
def test_values_are_read(kind: Kind[Any], written: object, value: object) -> None:
    assert kind.read(written, HERE) == value


@pytest.mark.parametrize(
    ("kind", "written", "expected"),
    [
        (SIZE, "64MB", "MiB"),
        (SIZE, "many", "size in bytes"),
        (SIZE, True, "size in bytes"),
        (SIZE, "0.3B", "whole number of bytes"),
        (Size(1024), 10, "from 1KiB"),
        (DURATION, "5 parsecs", "duration in seconds"),
        (DURATION, float("nan"), "duration in seconds"),
        (Duration(0.1, 10), 11, "from 100ms to 10s"),
        (Boolean(), "true", "true or false"),
        (Integer(1, 9), 10, "from 1 to 9"),
        (Integer(0, 9), True, "whole number"),
        (Choice("a", "b"), "c", '"a" or "b"'),
        (HostPort(), "localhost", "HOST:PORT"),
        (HostPort(), "localhost:65536", "HOST:PORT"),
        (HostPort(), "::1:5433", "HOST:PORT"),
        (FilePath(), "", "a path"),
        (Only(False, "alone so far"), True, "alone so far"),
        (Only(1, "one"), True, "only 1"),
    ],
)
def test_other_values_are_refused_with_what_is_expected(kind: Kind[Any], written: object, expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)):
        kind.read(written, HERE)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [(Boolean(), "On", True), (Boolean(), "0", False), (Integer(0, 9), "7", 7), (Only(False, "x"), "FALSE", False)],
)
def test_texts_of_flags_and_variables_are_read(kind: Kind[Any], text: str, value: object) -> None:
    assert kind.read_text(text, HERE) == value


@given(st.integers(0, 1 << 45))
def test_written_sizes_read_back(size: int) -> None:
    assert SIZE.read(write_size(size), HERE) == size


@given(st.integers(0, 10**13))
def test_written_durations_read_back(microseconds: int) -> None:
    seconds = round(microseconds / 1e6, 6)
    assert DURATION.read(write_duration(seconds), HERE) == seconds


@given(st.sampled_from(["127.0.0.1", "::1", "db.example", "fe80::1%eth0"]), st.integers(0, 65535))
def test_written_addresses_read_back(host: str, port: int) -> None:
    assert HostPort().read(str(Address(host, port)), HERE) == Address(host, port)
