"""Operations: the commands of the storage, `checkpoint` and `key-rotate`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from datacave_server.commands import CommandError
from datacave_server.config import ConfigError
from datacave_server.lifecycle import Environment, finished
from datacave_server.storage import Storage, key_ring, master_keys

CHECKPOINT_FOLDER = "checkpoints"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Operations:
    """Commands on one open storage."""

    def __init__(self, environment: Environment, storage: Storage) -> None:
        self._environment = environment
        self._storage = storage
        environment.commands.add("checkpoint", self.checkpoint)
        environment.commands.add("key-rotate", self.rotate_key)

    async def checkpoint(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"name": ...} -> the folder and what is in it. The checkpoint is whole and durable."""
        name = parameters.get("name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise CommandError("the name of a checkpoint is made of letters, digits, dots, dashes and underscores")
        checkpoint = self._storage.engine.checkpoint(f"{CHECKPOINT_FOLDER}/{name}")
        await finished(checkpoint.finished)
        assert checkpoint.facts is not None
        self._record("checkpoint", name=name)
        path = self._environment.files.root / checkpoint.folder
        return {**asdict(checkpoint.facts), "folder": str(path)}

    async def rotate_key(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Reads the keys of the configuration anew and puts everything under the active one -> the proof."""
        config = self._environment.reload()
        keys = master_keys(config)
        ring = key_ring(config, keys)
        if ring is None:
            raise ConfigError("security.encryption.active_key is empty: there is no key to rotate to")
        rotation = self._storage.engine.rotate_key(ring)
        self._storage.merges.replace_keys(keys, ring.current, allow_plain=ring.allow_plain)
        await finished(rotation.finished)
        assert rotation.proof is not None
        self._record("key_rotation", key=ring.current)
        return asdict(rotation.proof)

    def _record(self, event: str, **fields: str) -> None:
        if self._environment.audit is not None:
            self._environment.audit.record(event, **fields)
