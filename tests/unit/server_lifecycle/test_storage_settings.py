"""Options and keys of the configuration reach the storage engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from datacave_core.errors import DatacaveError
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.config import Config, ConfigError, EncryptionKey, EncryptionSection, SecuritySection, load
from datacave_server.files import OsFileSystem
from datacave_server.lifecycle import finished
from datacave_server.scheduler import LoopScheduler
from datacave_server.storage import Storage, engine_options, master_keys

DIGITS = "0123456789abcdef" * 4
KEY = b"k" * 20


def encrypted(*keys: EncryptionKey) -> Config:
    return Config(security=SecuritySection(encryption=EncryptionSection(active_key="k", keys=keys)))


async def open_storage(folder: Path, config: Config) -> tuple[Storage, LoopScheduler]:
    scheduler = LoopScheduler(asyncio.get_running_loop())
    storage = Storage(config, OsFileSystem(folder / "store"), SystemClock(), scheduler, SystemRandomness())
    await storage.open()
    return storage, scheduler


async def close(storage: Storage, scheduler: LoopScheduler) -> None:
    await asyncio.wait_for(finished(storage.engine.close()), 20)
    storage.merges.close()
    scheduler.close()


async def test_rows_survive_a_restart_sealed(tmp_path: Path) -> None:
    config = encrypted(EncryptionKey("k", hex=DIGITS))
    storage, scheduler = await open_storage(tmp_path, config)
    await asyncio.wait_for(finished(storage.engine.commit({KEY: (b"row",)}).durable), 20)
    await close(storage, scheduler)
    storage, scheduler = await open_storage(tmp_path, config)
    assert storage.engine.get(KEY, storage.engine.visible_timestamp) == (b"row",)
    await close(storage, scheduler)
    assert KEY not in b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())


async def test_without_the_key_nothing_opens(tmp_path: Path) -> None:
    await close(*await open_storage(tmp_path, encrypted(EncryptionKey("k", hex=DIGITS))))
    with pytest.raises(DatacaveError):
        await open_storage(tmp_path, encrypted(EncryptionKey("k", hex="ff" * 32)))


def test_keys_come_from_the_configuration_a_file_or_the_environment(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(DIGITS + "\n")
    for key in (
        EncryptionKey("k", hex=DIGITS),
        EncryptionKey("k", file=str(tmp_path / "key")),
        EncryptionKey("k", environment="SECRET"),
    ):
        assert master_keys(encrypted(key), {"SECRET": DIGITS}) == {"k": bytes.fromhex(DIGITS)}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (EncryptionKey("k", file="/nowhere/key"), '/nowhere/key: security.encryption.keys: key "k": No such file'),
        (
            EncryptionKey("k", environment="NOT_SET"),
            'NOT_SET: security.encryption.keys: key "k": this environment variable is not set',
        ),
        (EncryptionKey("k", environment="SHORT"), "expected 64 hexadecimal digits"),
        (EncryptionKey("k", environment="OTHER"), "expected 64 hexadecimal digits"),
    ],
)
def test_keys_that_cannot_be_used_are_named_and_not_shown(key: EncryptionKey, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        master_keys(encrypted(key), {"SHORT": "abcd", "OTHER": "x" * 64})
    assert message in str(caught.value)
    assert "abcd" not in str(caught.value)
    assert "xxxx" not in str(caught.value)


def test_settings_of_the_file_reach_the_engine(tmp_path: Path) -> None:
    from_file = load(environment={"DATACAVE_WAL__SEGMENT_BYTES": "1MiB"}, folder=tmp_path).config
    assert engine_options(from_file).log_segment_bytes == 1 << 20
    deep = load(environment={"DATACAVE_STORAGE__ZSTD_LEVEL_MIN": "5"}, folder=tmp_path).config
    assert engine_options(deep).zstd_level_min == 5
