"""Installer: the level state in force. Edits enter the manifest one after the other, then their files the view.

    install  edit -> files opened -> manifest record synced -> state and view, in one moment
    ingest   files that the log names already -> state and view at once; the manifest follows with the next record

Invariants: an edit is recorded after all ingests that came before it, and those after the log that names them.
Not here: what the edits are made of (maintenance.py, upkeep.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from datacave_core.ports import FileSystem, Scheduler
from datacave_core.wait import Wait
from datacave_lsm.background import Slices, off_loop
from datacave_lsm.format import Seals
from datacave_lsm.options import EngineOptions
from datacave_lsm.recovery import Recovered, open_table, remove_leftovers
from datacave_lsm.table import Group, SegmentCache
from datacave_lsm.version import Manifest, TableHandle, VersionEdit, View
from datacave_lsm.version.manifest import ManifestState
from datacave_lsm.wal import Log

Ingested = tuple[int, VersionEdit]
"""The log segment that names some files, and the edit that records them."""


class Installer:
    """`state` sums up all edits in force, `handles` has its files by number; `show` gets every view of them."""

    def __init__(
        self,
        files: FileSystem,
        scheduler: Scheduler,
        seals: Seals,
        options: EngineOptions,
        cache: SegmentCache[Group],
        recovered: Recovered,
        log: Log,
        counters: dict[str, int],
        show: Callable[[View], None],
        unused: Callable[[TableHandle], None],
    ) -> None:
        self._files = files
        self._scheduler = scheduler
        self._seals = seals
        self._options = options
        self._cache = cache
        self._log = log
        self._counters = counters
        self._show = show
        self._unused = unused
        self.state = state = recovered.state
        self.handles = recovered.handles
        self.next_number = max(state.next_number, recovered.manifest_number + 1)
        state.closed = (0, 0)
        number = self.take_number()
        state.next_number = self.next_number
        self._manifest = Manifest(files, seals, number, state.snapshot())
        self._broken = False
        self._renew = False
        self._taken: Wait | None = None
        self._ingested: list[Ingested] = []
        remove_leftovers(files, state, number)
        self._put_in_force(state)

    @property
    def manifest_name(self) -> str:
        """The manifest in force."""
        return self._manifest.name

    @property
    def unrecorded(self) -> bool:
        """Whether there are ingested files that only the log names."""
        return bool(self._ingested)

    def first_needed_segment(self) -> int | None:
        """The first log segment that names files which the manifest does not, if there is one."""
        return min([number for number, _ in self._ingested], default=None)

    def take_number(self) -> int:
        """A file number that was never used."""
        number = self.next_number
        self.next_number += 1
        return number

    def take_numbers(self, count: int) -> int:
        """The first of so many numbers."""
        first = self.next_number
        self.next_number += count
        return first

    def renew_manifest(self) -> None:
        """Lets the next edit begin a new manifest, sealed with the key that is current then."""
        self._renew = True

    def ingest(self, edit: VersionEdit, handles: Sequence[TableHandle], log_number: int) -> None:
        """Puts files in force that a commit in log segment `log_number` has just named."""
        state = replace(self.state)
        state.apply(edit)
        self.handles.update({handle.file.number: handle for handle in handles})
        self._ingested.append((log_number, edit))
        self._put_in_force(state)

    def install(self, edit: VersionEdit, in_force: Callable[[], None] | None = None) -> Slices[None]:
        """Puts an edit into the manifest, then its files in force. Raises OSError, or what the log has failed with."""
        while self._taken is not None:
            yield self._taken
        taken = self._taken = Wait("IO:Manifest")
        try:
            added = yield from off_loop(self._scheduler, partial(self._open_added, edit))
            ingested = 0
            while ingested < len(self._ingested):
                ingested = len(self._ingested)
                durable = self._log.sync()
                yield durable
                durable.raise_error()
            edits = [before for _, before in self._ingested]
            state = replace(self.state)
            state.apply(edit)
            number = 0
            too_long = self._manifest.size_bytes >= self._options.manifest_bytes_max
            if self._broken or self._renew or too_long:
                number = self.take_number()
                state.next_number = self.next_number
            yield from off_loop(self._scheduler, partial(self._record, [*edits, edit], state.snapshot(), number))
            state = replace(self.state)  # with what was ingested meanwhile
            state.apply(edit)
            self.handles.update(added)
            live = {file.number for file in state.levels.all_files()}
            for number in [number for number in self.handles if number not in live]:
                self.handles.pop(number).obsolete = True
            for handle in self.handles.values():
                for place in [place for place in handle.masks if place[1] in edit.removed]:
                    del handle.masks[place]
            self._put_in_force(state)
            if in_force is not None:
                in_force()
        finally:
            self._taken = None
            taken.finish()

    def _put_in_force(self, state: ManifestState) -> None:
        self.state = state
        self._show(View(state.levels, self.handles, self._unused))

    def close(self, closed: VersionEdit | None) -> None:
        """Off the loop: records the orderly end if one is given and the manifest is whole; closes all files."""
        try:
            if closed is not None and not self._broken:
                self._log.trim()
                for _, edit in self._ingested:
                    self._manifest.append(edit)
                self._manifest.append(closed)
        finally:
            self._log.close()
            self._manifest.close()
            for handle in self.handles.values():
                handle.reader.close()

    def _open_added(self, edit: VersionEdit) -> dict[int, TableHandle]:
        """Off the loop: reads back the tails of new files before anything depends on them."""
        new = [file for _, file in edit.added if file.number not in self.handles]
        return {file.number: open_table(self._files, file, self._seals, self._cache) for file in new}

    def _record(self, edits: Sequence[VersionEdit], snapshot: VersionEdit, number: int) -> None:
        """Off the loop, one at a time: makes edits durable, in a new manifest if a number for one is given.

        All but the last are of files that were ingested. They leave the list here, since the job may end with this,
        when the engine is closed, and nothing may record them again.
        """
        ingested = len(edits) - 1
        if not number:
            # Until the record is whole nothing may be appended behind it.
            self._broken = True
            for edit in edits:
                self._manifest.append(edit)
            self._broken = False
            del self._ingested[:ingested]
            return
        old = self._manifest
        # If this fails halfway CURRENT may name the new one already: the old one must not go on.
        self._broken, self._renew = True, False
        self._manifest = Manifest(self._files, self._seals, number, snapshot)
        self._broken = False
        del self._ingested[:ingested]
        try:
            old.close()
            self._files.remove(old.name)
        except (OSError, MemoryError):
            # The edit is in force; to report a failure would let its job repeat it. The next start removes the file.
            self._counters["removal_failures"] += 1
