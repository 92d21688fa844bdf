"""The real parts: options and keys reach the storage engine, and its stop is seen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from datacave_core.errors import StorageStopped
from datacave_core.wait import Wait
from datacave_server.assembly import DatabaseParts, engine_options, make_key_ring
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.config import Config, ConfigError, EncryptionKey, EncryptionSection, SecuritySection, load
from datacave_server.files import OsFileSystem
from datacave_server.lifecycle import Environment, finished
from datacave_server.metrics import MetricsRegistry
from datacave_server.scheduler import LoopScheduler

DIGITS = "0123456789abcdef" * 4


def encrypted(*keys: EncryptionKey) -> Config:
    return Config(security=SecuritySection(encryption=EncryptionSection(active_key="k", keys=keys)))


def environment(folder: Path, config: Config) -> Environment:
    scheduler = LoopScheduler(asyncio.get_running_loop())
    files = OsFileSystem(folder / "store")
    return Environment(config, files, SystemClock(), SystemRandomness(), scheduler, MetricsRegistry(), None, None)


async def test_rows_survive_a_restart(tmp_path: Path) -> None:
    parts = DatabaseParts()
    for opening in range(2):
        around = environment(tmp_path, encrypted(EncryptionKey("k", hex=DIGITS)))
        store = parts.open_store(around)
        assert parts.store_failure(store) is None
        if opening == 0:
            assert (await commit(store.commit({b"k" * 20: (b"row",)}).durable)) is None
        assert store.get(b"k" * 20, store.visible_timestamp) == (b"row",)
        await finished(store.close())
        around.scheduler.close()
    sealed = b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert b"k" * 20 not in sealed


async def commit(durable: Wait) -> None:
    await asyncio.wait_for(finished(durable), 20)


async def test_a_stopped_engine_is_seen(tmp_path: Path) -> None:
    parts = DatabaseParts()
    around = environment(tmp_path, Config())
    store = parts.open_store(around)
    store.stop(StorageStopped("fsync of the log failed"))  # type: ignore[attr-defined]
    assert parts.store_failure(store) == "fsync of the log failed"
    around.scheduler.close()


def test_keys_come_from_the_configuration_a_file_or_the_environment(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(DIGITS + "\n")
    wrapped = {
        bytes(make_key_ring(encrypted(key), {"SECRET": DIGITS}).wrap(bytes(32)))  # type: ignore[union-attr]
        for key in (
            EncryptionKey("k", hex=DIGITS),
            EncryptionKey("k", file=str(tmp_path / "key")),
            EncryptionKey("k", environment="SECRET"),
        )
    }
    assert len(wrapped) == 1
    assert make_key_ring(Config()) is None


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (EncryptionKey("k", file="/nowhere/key"), '/nowhere/key: security.encryption.keys: key "k": No such file'),
        (EncryptionKey("k", environment="NOT_SET"), 'NOT_SET: security.encryption.keys: key "k": expected 64'),
        (EncryptionKey("k", environment="SHORT"), "expected 64 hexadecimal digits"),
        (EncryptionKey("k", environment="OTHER"), "expected 64 hexadecimal digits"),
    ],
)
def test_keys_that_cannot_be_used_are_named_and_not_shown(key: EncryptionKey, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_key_ring(encrypted(key), {"SHORT": "abcd", "OTHER": "x" * 64})
    assert message in str(caught.value)
    assert "abcd" not in str(caught.value)
    assert "xxxx" not in str(caught.value)


def test_settings_of_the_file_reach_the_engine(tmp_path: Path) -> None:
    from_file = load(environment={"DATACAVE_WAL__SEGMENT_BYTES": "1MiB"}, folder=tmp_path).config
    assert engine_options(from_file).log_segment_bytes == 1 << 20
