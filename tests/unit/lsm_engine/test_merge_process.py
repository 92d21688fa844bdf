"""Do merges in a real child process leave the same rows, and is the child replaced when it dies?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from datacave_core.wait import Wait
from datacave_lsm import Engine, EngineOptions, KeyRing
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.files import OsFileSystem
from datacave_server.merge_process import MergeProcess
from datacave_server.scheduler import LoopScheduler

PREFIX = b"\0\0\0\1\0\0"


async def settled(event: Wait) -> None:
    done = asyncio.Event()
    event.subscribe(done.set)
    await done.wait()
    event.raise_error()


@pytest.mark.parametrize("keys", [{}, {"k": bytes(range(32))}], ids=["plain", "sealed"])
async def test_merges_in_a_child_process(tmp_path: Path, keys: dict[str, bytes]) -> None:
    tmp_path.chmod(0o700)
    scheduler = LoopScheduler(asyncio.get_running_loop())
    worker = MergeProcess(tmp_path, scheduler, keys, "k" if keys else "")
    engine = Engine.open(
        OsFileSystem(tmp_path),
        SystemClock(),
        scheduler,
        SystemRandomness(),
        EngineOptions(),
        KeyRing(keys, "k") if keys else None,
        worker,
    )
    expected = {}
    for part in range(3):
        for _ in range(2):
            rows = {PREFIX + b"%04d" % number: (b"%d" % part,) for number in range(part, 500, part + 1)}
            expected.update(rows)
            await settled(engine.commit(rows).durable)
            await settled(engine.flush())
        await settled(engine.compact())
        if part == 1:
            worker.close()  # the next merge gets a new child
        found = dict(pair for batch in engine.scan(PREFIX, None, engine.visible_timestamp) for pair in batch)
        assert found == expected
    statistics = engine.statistics()
    assert statistics["merges"] >= 3
    assert statistics["merges_lost"] == 0
    await settled(engine.close())
    worker.close()
    scheduler.close()
