"""DatabaseParts: the real parts of a server, made from the configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from datacave_core.errors import FeatureNotSupported, StorageStopped
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.ports import Store
from datacave_lsm import Engine, EngineOptions, KeyRing
from datacave_server.config import Config, ConfigError, EncryptionKey
from datacave_server.lifecycle import Environment, Listener

KEY_HEX_DIGITS = 64
NO_KEY = bytes(PREFIX_LENGTH)


class DatabaseParts:
    """The storage engine, the SQL database over it, and the listener in front."""

    def open_store(self, environment: Environment) -> Store:
        """Recovers the storage engine from its folder."""
        return Engine.open(
            environment.files,
            environment.clock,
            environment.scheduler,
            environment.randomness,
            engine_options(environment.config),
            make_key_ring(environment.config),
        )

    async def make_listener(self, environment: Environment, store: Store) -> Listener:
        raise FeatureNotSupported("no listener")

    def store_failure(self, store: Store) -> str | None:
        """A store that has stopped itself refuses every read, so a read of nothing finds out."""
        try:
            store.get(NO_KEY, 0)
        except StorageStopped as error:
            return error.message
        return None


def engine_options(config: Config) -> EngineOptions:
    """The engine's options that the configuration says."""
    storage, wal, compaction = config.storage, config.wal, config.compaction
    return EngineOptions(
        memtable_bytes_max=storage.memtable_bytes_max,
        row_cache_bytes=storage.row_cache_bytes,
        segment_cache_bytes=storage.segment_cache_bytes,
        retention_seconds=storage.retention_seconds,
        compression=storage.compression,
        log_segment_bytes=wal.segment_bytes,
        sync_delay_seconds=wal.sync_delay_seconds,
        table_bytes_max=compaction.table_bytes_max,
        level0_trigger_files=compaction.level0_trigger_files,
        level0_slow_files=compaction.level0_slow_files,
        level0_stop_files=compaction.level0_stop_files,
        level1_bytes=compaction.level1_bytes,
    )


def make_key_ring(config: Config, environment: Mapping[str, str] = os.environ) -> KeyRing | None:
    """The master keys, or None if files are not encrypted. Raises ConfigError, never showing a key."""
    section = config.security.encryption
    if not section.active_key:
        return None
    keys = {each.id: _key_bytes(each, environment) for each in section.keys}
    return KeyRing(keys, section.active_key, allow_plain=section.allow_plain)


def _key_bytes(key: EncryptionKey, environment: Mapping[str, str]) -> bytes:
    if key.hex:
        return bytes.fromhex(key.hex)
    if key.file:
        place = key.file
        try:
            text = Path(key.file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not hexadecimal text"
            raise ConfigError(f'security.encryption.keys: key "{key.id}": {reason}', place) from None
    else:
        place = key.environment
        text = environment.get(key.environment, "")
    digits = text.strip()
    try:
        if len(digits) == KEY_HEX_DIGITS:
            return bytes.fromhex(digits)
    except ValueError:
        pass  # answered below, without the digits
    raise ConfigError(f'security.encryption.keys: key "{key.id}": expected {KEY_HEX_DIGITS} hexadecimal digits', place)
