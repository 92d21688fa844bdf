"""The storage engine as the configuration wants it: options, master keys, the process that merges.

No key is ever shown: errors name the key's id and where it should have come from.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from datacave_core.ports import Clock, Randomness, Scheduler
from datacave_core.wait import Wait
from datacave_lsm import Engine, EngineOptions, KeyRing, Progress
from datacave_server.config import Config, ConfigError, EncryptionKey
from datacave_server.files import OsFileSystem
from datacave_server.merge_process import MergeProcess

KEY_HEX_DIGITS = 64


class Storage:
    """An engine and the process that merges for it; `progress` shows how far the engine is recovered."""

    __slots__ = ("_opening", "engine", "merges", "progress")

    def __init__(
        self, config: Config, files: OsFileSystem, clock: Clock, scheduler: Scheduler, randomness: Randomness
    ) -> None:
        """Raises ConfigError and MasterKeyError."""
        section = config.security.encryption
        keys = master_keys(config) if section.active_key else {}
        ring = key_ring(config, keys)
        self.merges = MergeProcess(files.root, scheduler, keys, section.active_key, allow_plain=section.allow_plain)
        self.progress = Progress()
        self.engine: Engine
        self._opening = Engine.opening(
            files,
            clock,
            scheduler,
            randomness,
            engine_options(config),
            ring,
            self.merges,
            progress=self.progress,
        )

    async def open(self) -> Engine:
        """Recovers the engine. Raises OSError and what `Engine.opening` raises; may be cancelled."""
        steps = self._opening
        try:
            while True:
                event = next(steps)
                if event is None:
                    await asyncio.sleep(0)
                elif not event.done:
                    await _until_done(event)
        except StopIteration as end:
            self.engine = end.value
            return self.engine
        finally:
            steps.close()


async def _until_done(event: Wait) -> None:
    """Waits, also when it is cancelled meanwhile: a thread is at work on the files of the job."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    event.subscribe(lambda: done.set_result(None))
    try:
        await asyncio.shield(done)
    except asyncio.CancelledError:
        await done
        raise


def engine_options(config: Config) -> EngineOptions:
    """The engine's options that the configuration says."""
    storage, wal, compaction = config.storage, config.wal, config.compaction
    return EngineOptions(
        memtable_bytes_max=storage.memtable_bytes_max,
        row_cache_bytes=storage.row_cache_bytes,
        segment_cache_bytes=storage.segment_cache_bytes,
        retention_seconds=storage.retention_seconds,
        compression=storage.compression,
        zstd_level_min=storage.zstd_level_min,
        log_segment_bytes=wal.segment_bytes,
        sync_delay_seconds=wal.sync_delay_seconds,
        table_bytes_max=compaction.table_bytes_max,
        level0_trigger_files=compaction.level0_trigger_files,
        level0_slow_files=compaction.level0_slow_files,
        level0_stop_files=compaction.level0_stop_files,
        level1_bytes=compaction.level1_bytes,
        merge_bytes_per_second_max=compaction.bytes_per_second_max,
    )


def key_ring(config: Config, keys: Mapping[str, bytes]) -> KeyRing | None:
    """The ring of the configured keys, or None if files are not to be sealed. Raises MasterKeyError."""
    section = config.security.encryption
    return KeyRing(keys, section.active_key, allow_plain=section.allow_plain) if section.active_key else None


def master_keys(config: Config, environment: Mapping[str, str] = os.environ) -> dict[str, bytes]:
    """The configured master keys by id. Raises ConfigError for a key that is missing or malformed."""
    return {key.id: _key_bytes(key, environment) for key in config.security.encryption.keys}


def _key_bytes(key: EncryptionKey, environment: Mapping[str, str]) -> bytes:
    if key.hex:
        return bytes.fromhex(key.hex)
    name = f'security.encryption.keys: key "{key.id}"'
    place = key.file or key.environment
    if key.file:
        try:
            digits = Path(key.file).read_text(encoding="ascii").strip()
        except OSError as error:
            raise ConfigError(f"{name}: {error.strerror}", place) from None
        except UnicodeDecodeError:
            digits = ""
    elif key.environment in environment:
        digits = environment[key.environment].strip()
    else:
        raise ConfigError(f"{name}: this environment variable is not set", place)
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        found = b""
    if len(digits) != KEY_HEX_DIGITS or not found:
        raise ConfigError(f"{name}: expected {KEY_HEX_DIGITS} hexadecimal digits", place)
    return found
