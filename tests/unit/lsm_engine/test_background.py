"""When slices of background jobs run beside commits."""

from __future__ import annotations

from collections.abc import Callable

from datacave_core.ports import File
from datacave_lsm.background import GIVEN_MAX, Background, Slices


class Turns:
    """A loop whose turns the test takes one by one."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def call_soon(self, work: Callable[[], None]) -> None:
        self.due.append(work)

    def call_later(self, seconds: float, work: Callable[[], None]) -> Callable[[], None]:
        raise AssertionError("nothing here takes time")

    def run(self, work: Callable[[], object], done: Callable[..., None]) -> None:
        raise AssertionError("nothing here leaves the loop")

    def sync(self, file: File, done: Callable[[BaseException | None], None]) -> None:
        raise AssertionError("nothing here is synced")

    def turn(self) -> None:
        due, self.due = self.due, []
        for work in due:
            work()


class Commits:
    """What a log shows of its commits."""

    def __init__(self) -> None:
        self.syncs = 0
        self.gathering = False


class Job:
    """Counts its slices."""

    def __init__(self, slices: int) -> None:
        self._slices = slices
        self.done = 0
        self.ended: list[BaseException | None] = []

    def run(self) -> Slices[None]:
        for _ in range(self._slices):
            self.done += 1
            yield None


def begun(slices: int) -> tuple[Turns, Commits, Job]:
    turns, commits, job = Turns(), Commits(), Job(slices)
    Background(turns, job.ended.append, commits).start(job.run())
    return turns, commits, job


def test_a_job_has_every_turn_while_nobody_commits() -> None:
    turns, _, job = begun(3)
    for expected in (1, 2, 3):
        turns.turn()
        assert job.done == expected
    turns.turn()
    assert job.ended == [None]


def test_a_lone_committer_meets_one_slice_per_commit_and_that_while_the_disk_works() -> None:
    turns, commits, job = begun(10)
    for number in range(1, 4):
        commits.syncs += 1  # the committer hears of the commit before ...
        turns.turn()
        commits.gathering = True  # ... and makes the next one,
        turns.turn()
        assert job.done == number - 1
        commits.gathering = False  # which the disk has now
        turns.turn()
        assert job.done == number


def test_commits_in_every_turn_do_not_keep_a_job_from_its_end() -> None:
    turns, commits, job = begun(4)
    commits.gathering = True
    for _ in range((GIVEN_MAX + 1) * 5):
        commits.syncs += 1
        turns.turn()
    assert job.done == 4
    assert job.ended == [None]
