"""Player: runs the permutations of a specification against one server and notes what every step gave and when.

A step of which the server says that it waits for a lock, or that has not answered after a long while, is said to be
waiting; it reports when it ends, as in PostgreSQL's tester. Steps of a session that still waits are held back until it
goes on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection

from tests.isolation.spec import Spec

WAITING_SECONDS = 0.35
STEP_SECONDS_MAX = 3.0
LOOK_SECONDS = 0.03
_BLOCKED = "select 1 from pg_stat_activity where pid = %s and wait_event_type in ('Lock', 'IPC', 'Timeout')"


@dataclass(slots=True)
class Running:
    """A step under way."""

    step: str
    task: asyncio.Task[str]


async def play(spec: Spec, permutation: list[str], conninfo: str) -> list[str]:
    """The events of one permutation: "step: outcome", "step: waiting", and later "step ends: outcome"."""
    control = await AsyncConnection.connect(conninfo, autocommit=True)
    clients = [await AsyncConnection.connect(conninfo, autocommit=True) for _ in spec.sessions]
    events: list[str] = []
    try:
        for setup in spec.setup:
            events.append(f"setup: {await _outcome(control, setup)}")
        for session, client in zip(spec.sessions, clients, strict=True):
            if session.setup:
                events.append(f"setup of {session.name}: {await _outcome(client, session.setup)}")
        await _steps(spec, permutation, clients, control, events)
        for session, client in zip(spec.sessions, clients, strict=True):
            if session.teardown:
                await _outcome(client, session.teardown)
    finally:
        for client in clients:
            await client.close()
        if spec.teardown:
            await _outcome(control, spec.teardown)
        await control.close()
    return events


async def _steps(
    spec: Spec,
    permutation: list[str],
    clients: list[AsyncConnection[Any]],
    control: AsyncConnection[Any],
    events: list[str],
) -> None:
    running: dict[int, Running] = {}
    for step in permutation:
        place = spec.session_of(step)
        if place in running:
            await asyncio.wait({running[place].task}, timeout=STEP_SECONDS_MAX)
            await _report(running, events, clients)
            if place in running:
                await clients[place].cancel_safe()
                await asyncio.wait({running[place].task}, timeout=STEP_SECONDS_MAX)
                events.append(f"{running[place].step} canceled")
                del running[place]
        task = asyncio.create_task(_outcome(clients[place], spec.sessions[place].steps[step]))
        if await _settles(task, control, clients[place]):
            events.append(f"{step}: {task.result()}")
            # Whoever this step has let go on gets the time to do so.
            for other, one in running.items():
                await asyncio.wait({one.task}, timeout=WAITING_SECONDS)
                await _settles(one.task, control, clients[other])
        else:
            events.append(f"{step}: waiting")
            running[place] = Running(step, task)
        await _report(running, events, clients)
    for place, one in list(running.items()):
        done, _ = await asyncio.wait({one.task}, timeout=STEP_SECONDS_MAX)
        if not done:
            await clients[place].cancel_safe()
            await asyncio.wait({one.task}, timeout=STEP_SECONDS_MAX)
            events.append(f"{one.step} canceled")
            del running[place]
    await _report(running, events, clients)


async def _settles(task: asyncio.Task[str], control: AsyncConnection[Any], client: AsyncConnection[Any]) -> bool:
    """Whether a step ends; False once it waits for a lock, or takes very long."""
    for _ in range(int(STEP_SECONDS_MAX / LOOK_SECONDS)):
        done, _ = await asyncio.wait({task}, timeout=LOOK_SECONDS)
        if done:
            return True
        if await (await control.execute(_BLOCKED, (client.info.backend_pid,))).fetchone():
            done, _ = await asyncio.wait({task}, timeout=LOOK_SECONDS)
            return bool(done)
    return task.done()


async def _report(running: dict[int, Running], events: list[str], clients: list[AsyncConnection[Any]]) -> None:
    """Reports the steps that have ended meanwhile, in the order in which they began to wait."""
    for place, one in list(running.items()):
        if one.task.done():
            events.append(f"{one.step} ends: {one.task.result()}")
            del running[place]


async def _outcome(client: AsyncConnection[Any], text: str) -> str:
    """What a string of statements gave: rows and tags of each, and the code of the error, if any."""
    parts: list[str] = []
    try:
        cursor = await client.execute(text)
        while True:
            if cursor.description is not None:
                rows = sorted(map(str, await cursor.fetchall())) if _is_unordered(text) else await cursor.fetchall()
                parts.append(f"{rows}")
            else:
                parts.append(str(cursor.statusmessage))
            if not cursor.nextset():
                break
    except psycopg.Error as error:
        parts.append(f"{error.sqlstate} {error.diag.message_primary}")
    return "; ".join(parts)


def _is_unordered(text: str) -> bool:
    return "order by" not in text.lower()
