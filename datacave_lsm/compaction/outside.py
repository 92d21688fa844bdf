"""OutsideMerges: merges in another process, as jobs of the engine; what a lost process leaves behind is removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from datacave_core.layout import Layout
from datacave_core.ports import FileSystem, Scheduler
from datacave_core.wait import Wait
from datacave_lsm.background import Slices, off_loop
from datacave_lsm.compaction.picker import MergeTask
from datacave_lsm.compaction.remote import MergeRequest, MergeWorker, merge_answer
from datacave_lsm.options import EngineOptions
from datacave_lsm.retention import Retentions
from datacave_lsm.tablebuild import TableFactory
from datacave_lsm.version import TableFile
from datacave_lsm.version.levels import table_name


class OutsideMerges:
    """One merge at a time. `take_numbers(count)` gives unused file numbers that the manifest knows by then."""

    __slots__ = ("_cancel", "_files", "_options", "_scheduler", "_take_numbers", "_worker", "lost")

    def __init__(
        self,
        worker: MergeWorker,
        files: FileSystem,
        scheduler: Scheduler,
        options: EngineOptions,
        take_numbers: Callable[[int], Slices[int]],
    ) -> None:
        self._worker = worker
        self._files = files
        self._scheduler = scheduler
        self._options = options
        self._take_numbers = take_numbers
        self._cancel: Callable[[], None] | None = None
        self.lost = 0

    def cancel(self) -> None:
        """Ends the merge under way."""
        if self._cancel is not None:
            self._cancel()

    def run(
        self, task: MergeTask, retentions: Retentions, factory: TableFactory, layouts: Mapping[bytes, Layout]
    ) -> Slices[list[TableFile] | None]:
        """The outputs of a merge, or None if the process is lost. Raises OSError and DataCorrupted."""
        options = self._options
        size = sum(file.size_bytes for file in task.inputs)
        count = 2 * (size // options.table_bytes_max) + len(task.inputs) + 8
        # Recorded first: whatever becomes of the worker, nobody uses these numbers again.
        first = yield from self._take_numbers(count)
        request = MergeRequest(
            [[(file.number, file.commit_timestamp) for file in part] for part in task.parts],
            task.bottom,
            retentions,
            first,
            count,
            layouts,
            options.table_bytes_max,
            options.group_rows_max,
            factory.compression,
            options.merge_bytes_per_second_max,
            factory.chosen,
        )
        finished = Wait("IO:Compaction")
        answers: list[bytes] = []

        def done(answer: bytes | None, error: BaseException | None) -> None:
            if answer is not None:
                answers.append(answer)
            finished.finish()

        self._cancel = self._worker.submit(request.encode(), done)
        try:
            yield finished
        finally:
            self._cancel = None
        outputs: list[TableFile] | None = None
        try:
            outputs = merge_answer(answers[0]) if answers else None
        finally:
            if outputs is None:
                self.lost += 1
                yield from off_loop(self._scheduler, partial(self._remove_tables, first, count))
        return outputs

    def _remove_tables(self, first: int, count: int) -> None:
        """Off the loop: what a failed merge left behind."""
        for number in range(first, first + count):
            for name in (table_name(number), f"{table_name(number)}.tmp"):
                if self._files.exists(name):
                    self._files.remove(name)
