"""The scheduler runs work in the loop and in threads, and gives results and failures back in the loop."""

from __future__ import annotations

import asyncio
import errno
import functools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import datacave_server.scheduler
from datacave_core.ports import Clock, Randomness, Scheduler
from datacave_server import _syncthread
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.files import OsFileSystem
from datacave_server.scheduler import LoopScheduler
from datacave_server.syncthread import PlainSyncThread


@pytest.fixture
async def scheduler() -> Iterator[LoopScheduler]:
    made = LoopScheduler(asyncio.get_running_loop(), threads=2)
    yield made
    made.close()


async def run(scheduler: LoopScheduler, work: object) -> tuple[object, BaseException | None, threading.Thread]:
    done = asyncio.get_running_loop().create_future()
    scheduler.run(work, lambda result, error: done.set_result((result, error, threading.current_thread())))  # type: ignore[arg-type]
    return await done  # type: ignore[no-any-return]


async def test_it_is_a_body_of_the_port(scheduler: LoopScheduler) -> None:
    port: Scheduler = scheduler
    called = asyncio.Event()
    port.call_soon(called.set)
    assert not called.is_set()
    await called.wait()


async def test_work_runs_elsewhere_and_its_result_comes_back_here(scheduler: LoopScheduler) -> None:
    worker, error, here = await run(scheduler, threading.current_thread)
    assert worker is not threading.main_thread()
    assert (error, here) == (None, threading.main_thread())


async def test_a_failure_comes_back_as_it_was_raised(scheduler: LoopScheduler) -> None:
    failure = OSError(5, "disk")

    def fail() -> None:
        raise failure

    result, error, _ = await run(scheduler, fail)
    assert (result, error) == (None, failure)


async def test_work_that_waits_does_not_hold_up_other_work(scheduler: LoopScheduler) -> None:
    gate = threading.Event()
    slow = asyncio.ensure_future(run(scheduler, lambda: gate.wait(30)))
    assert (await run(scheduler, lambda: "quick"))[0] == "quick"
    assert not slow.done()
    gate.set()
    assert (await slow)[0] is True


async def test_a_delayed_call_can_be_taken_back(scheduler: LoopScheduler) -> None:
    called: list[str] = []
    done = asyncio.Event()
    cancel = scheduler.call_later(0.001, lambda: called.append("cancelled"))
    scheduler.call_later(0.002, done.set)
    cancel()
    await done.wait()
    assert called == []


async def test_closing_finishes_the_work_at_hand() -> None:
    scheduler = LoopScheduler(asyncio.get_running_loop(), threads=1)
    results: list[int | None] = []
    for number in range(5):
        scheduler.run(lambda number=number: number, lambda result, error: results.append(result))  # type: ignore[misc]
    scheduler.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert results == [0, 1, 2, 3, 4]
    with pytest.raises(RuntimeError, match="closed"):
        scheduler.run(lambda: 1, lambda result, error: None)


def test_clocks_and_chance_are_bodies_of_their_ports() -> None:
    clock: Clock = SystemClock()
    randomness: Randomness = SystemRandomness()
    assert clock.now_microseconds() > 1_700_000_000_000_000
    assert clock.monotonic() <= clock.monotonic()
    assert len(randomness.token_bytes(16)) == 16
    assert randomness.token_bytes(16) != randomness.token_bytes(16)


@pytest.mark.parametrize("body", [PlainSyncThread, _syncthread.SyncThread])
async def test_files_are_synced_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: type) -> None:
    monkeypatch.setattr(datacave_server.scheduler, "SyncThread", body)
    scheduler = LoopScheduler(asyncio.get_running_loop(), threads=1)
    files = OsFileSystem(tmp_path)
    order: list[tuple[int, BaseException | None]] = []
    finished = asyncio.Event()
    made = [files.create(f"file{number}") for number in range(5)]

    def ended(number: int, error: BaseException | None) -> None:
        assert threading.current_thread() is threading.main_thread()
        order.append((number, error))
        if len(order) == 5:
            finished.set()

    for number, file in enumerate(made):
        file.write(b"x" * 10_000)
        scheduler.sync(file, functools.partial(ended, number))
    await finished.wait()
    assert order == [(number, None) for number in range(5)]
    made[0].close()
    finished.clear()
    order.clear()
    for number, file in enumerate(made):
        scheduler.sync(file, functools.partial(ended, number))
    await finished.wait()
    assert [number for number, _ in order] == [0, 1, 2, 3, 4]
    error = order[0][1]
    assert isinstance(error, OSError)
    assert error.errno == errno.EBADF
    assert [each for _, each in order[1:]] == [None] * 4
    scheduler.sync(made[1], functools.partial(ended, 5))
    scheduler.close()
    with pytest.raises(RuntimeError):
        scheduler.sync(made[1], functools.partial(ended, 6))


async def test_a_file_of_another_kind_is_synced_in_a_worker(scheduler: LoopScheduler) -> None:
    class Diary:
        def sync(self) -> None:
            assert threading.current_thread() is not threading.main_thread()
            raise OSError(errno.EIO, "disk")

    done = asyncio.get_running_loop().create_future()
    scheduler.sync(Diary(), done.set_result)  # type: ignore[arg-type]
    assert (await done).errno == errno.EIO
