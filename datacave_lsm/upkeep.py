"""Upkeep: the jobs that somebody asks for, checkpoints and the rotation of the master key, in slices on the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.layout import Layout
from datacave_core.ports import FileSystem, Scheduler
from datacave_core.wait import Wait
from datacave_lsm.background import Slices, off_loop
from datacave_lsm.checkpoint import Checkpoint, write_checkpoint
from datacave_lsm.compaction import merge_tables
from datacave_lsm.crypto import KeyRing
from datacave_lsm.format import Seals
from datacave_lsm.options import EngineOptions
from datacave_lsm.retention import Retentions
from datacave_lsm.rotation import Rotation, prove, rewrap_table
from datacave_lsm.tablebuild import TableFactory
from datacave_lsm.version import TableFile, VersionEdit, View
from datacave_lsm.version.manifest import ManifestState
from datacave_lsm.version.view import TableHandle
from datacave_lsm.wal import Log


class RewrapFailed(DatacaveError):
    """A table could not be put under the current master key; nothing is lost, and the old key is still needed."""

    sqlstate = sqlstate.IO_ERROR


class Install(Protocol):
    """Puts an edit into the manifest, then its files in force."""

    def __call__(self, edit: VersionEdit) -> Slices[None]: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What the jobs need of the engine's maintenance; functions give what changes while a job waits.

    `first_needed_segment` is the first log segment whose commits are not all in tables; `rotated` ends a rotation.
    """

    files: FileSystem
    scheduler: Scheduler
    seals: Seals
    log: Log
    factory: TableFactory
    options: EngineOptions
    state: Callable[[], ManifestState]
    view: Callable[[], View]
    take_number: Callable[[], int]
    retentions: Callable[[], Retentions]
    horizon_fields: Callable[[], dict[str, Any]]
    known_layout: Callable[[bytes], Layout | None]
    flushed: Callable[[], Wait]
    first_needed_segment: Callable[[], int]
    manifest_name: Callable[[], str]
    install: Install
    rotated: Callable[[], None]


def copy_database(checkpoint: Checkpoint, desk: Desk) -> Slices[None]:
    """Writes a checkpoint; may run beside flushes and merges."""
    view = desk.view()  # holds the tables
    number = desk.take_number()
    state = replace(desk.state(), next_number=number + 1)
    release = desk.log.hold(state.log_number)
    try:
        # After the state was taken: the commits of its files, and all before them, are in the log then.
        durable = desk.log.sync()
        yield durable
        durable.raise_error()
        work = partial(write_checkpoint, desk.files, checkpoint.folder, desk.seals, state, number, desk.log.ends())
        checkpoint.facts = yield from off_loop(desk.scheduler, work)
    finally:
        release()
    del view


def rotate(rotation: Rotation, desk: Desk) -> Slices[None]:
    """Puts every live file under the ring's current key; runs in the place of a merge.

    A table that cannot be written fails the rotation only; the manifest failing is the engine's end, as always.
    """
    flushed = desk.flushed()
    yield flushed
    flushed.raise_error()
    ring = desk.seals.ring
    assert ring is not None
    try:
        while stale := [handle for handle in _handles(desk.view()) if handle.file.key_id != ring.current]:
            yield from _put_under_current_key(stale[0], ring, desk)
        durable = desk.log.sync()
        yield durable
        durable.raise_error()
        log_number = desk.first_needed_segment()
        yield from desk.install(VersionEdit(log_number=log_number))
        yield from off_loop(desk.scheduler, partial(desk.log.remove_before, log_number))
        yield from off_loop(desk.scheduler, desk.log.remove_spares)
        tables = frozenset(handle.file.number for handle in _handles(desk.view()))
        work = partial(prove, desk.files, ring.current, tables, log_number, desk.manifest_name())
        proof = yield from off_loop(desk.scheduler, work)
    except RewrapFailed as error:
        desk.rotated()
        rotation.finished.finish(error)
        return
    desk.rotated()
    rotation.end(proof)


def _handles(view: View) -> list[TableHandle]:
    return [*view.level0, *(handle for *_, handles in view.deeper for handle in handles)]


def _put_under_current_key(handle: TableHandle, ring: KeyRing, desk: Desk) -> Slices[None]:
    file, name = handle.file, handle.reader.name
    level = next(at for at, files in enumerate(desk.view().levels.files) if file in files)
    outputs: list[TableFile]
    try:
        if file.key_id:
            outputs = [(yield from off_loop(desk.scheduler, partial(rewrap_table, desk.files, file, ring)))]
            handle.reader.reopen((yield from off_loop(desk.scheduler, partial(desk.files.open, name))))
            handle.file = outputs[0]
        else:
            outputs = yield from merge_tables(
                [[handle.reader]],
                False,
                desk.retentions(),
                desk.factory.at_level(level),
                desk.known_layout,
                desk.options.table_bytes_max,
                desk.options.slice_rows,
            )
    except (OSError, DatacaveError) as error:
        raise RewrapFailed(f'file "{name}" could not be put under the current master key: {error}') from error
    number = desk.take_number()
    added = tuple([(level, output) for output in outputs])
    yield from desk.install(
        VersionEdit(
            next_number=number,
            **desk.horizon_fields(),
            removed=frozenset((file.number,)),
            added=added,
        )
    )
