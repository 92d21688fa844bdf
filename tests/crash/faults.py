"""Every file call of a scripted workload fails, one after the other: is anything acknowledged ever lost?

    python -m tests.crash.faults [--step N] [--errors EIO,ENOSPC,memory] [--worlds plain,sealed,ingesting]

Call n of the engine on its FileSystem and File ports, reads among them, fails once, or n and all after it, with EIO,
with ENOSPC, or for want of memory; for every n of a workload with flushes, merges, a change of retention, a checkpoint,
a rotation of the master key and a restart. Whatever the engine then says, the directory is opened again, on half of the
runs after a power failure: all commits that were acknowledged are there, whole, and no others, and it goes on from
there.

Printed is what became of the workloads, by port method, and which calls in the engine's source were reached.
"""

from __future__ import annotations

import argparse
import ast
import errno
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from datacave_core.errors import DatacaveError
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness
from datacave_core.ports import FileSystem
from datacave_lsm import EngineOptions, KeyRing, perform_merge
from tests.crash.test_engine_crash import INGESTING, OPTIONS, PREFIX, RING, RINGS, Script, StillWaiting

ENGINE = Path(__file__).parents[2] / "datacave_lsm"
FILE_SYSTEM_CALLS = (
    "create",
    "open",
    "rename",
    "link",
    "remove",
    "list",
    "exists",
    "make_folder",
    "sync_folder",
    "lock",
)
FILE_CALLS = ("write", "write_at", "read_at", "size", "truncate", "allocate", "sync", "close")
WORLDS: dict[str, tuple[KeyRing | None, EngineOptions]] = {
    "plain": (None, OPTIONS),
    "sealed": (RING, OPTIONS),
    "ingesting": (RING, INGESTING),
    "recovering": (RING, OPTIONS),
}
"""The last one begins with the restart after a power failure; its merges are done by somebody else."""
POWER_FAILURES = (37, 90, 143, 196, 260)
"""The operations of the workload in which the power fails before a restart."""
ERRORS: dict[str, Callable[[], BaseException]] = {
    "EIO": lambda: OSError(errno.EIO, os.strerror(errno.EIO)),
    "ENOSPC": lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "memory": lambda: MemoryError("no memory for a file call"),
}
Site = tuple[str, int]


@dataclass(slots=True)
class Plan:
    """Which call fails; `number` 0: none. `lasting`: all after it fail too, until the plan is dropped."""

    number: int = 0
    lasting: bool = False
    make: Callable[[], BaseException] = ERRORS["EIO"]
    calls: int = 0
    failed: str = ""
    sites: dict[Site, str] | None = None

    def begin(self, method: str) -> None:
        """Counts a call, and lets it fail."""
        self.calls += 1
        if self.sites is not None:
            self._note_site(method)
        if self.number and (self.calls == self.number or (self.lasting and self.calls > self.number)):
            self.failed = self.failed or method
            raise self.make()

    def _note_site(self, method: str) -> None:
        assert self.sites is not None
        frame: Any = sys._getframe(2)
        while frame is not None:
            path = Path(frame.f_code.co_filename)
            if ENGINE in path.parents:
                self.sites.setdefault((str(path.relative_to(ENGINE)), frame.f_lineno), method)
                return
            frame = frame.f_back


class FaultyFile:
    """File port: another file whose calls fail as planned."""

    def __init__(self, file: Any, plan: Plan, disk: Disk) -> None:
        self._file = file
        self._plan = plan
        self._disk = disk

    def sync(self) -> None:
        """A sync that fails loses what it was called for."""
        try:
            self._plan.begin("sync")
        except OSError as error:
            self._disk.fail_at(self._disk.changes + 1, error.errno or errno.EIO)
        self._file.sync()


class FaultyFiles:
    """FileSystem port: a simulated disk whose calls fail as planned."""

    def __init__(self, disk: Disk, plan: Plan) -> None:
        self._files = MemoryFileSystem(disk)
        self._plan = plan
        self._disk = disk

    def create(self, name: str, *, in_place: bool = False) -> FaultyFile:
        """A new file."""
        self._plan.begin("create")
        return FaultyFile(self._files.create(name, in_place=in_place), self._plan, self._disk)

    def open(self, name: str, *, in_place: bool = False) -> FaultyFile:
        """An existing file."""
        self._plan.begin("open")
        return FaultyFile(self._files.open(name, in_place=in_place), self._plan, self._disk)


def _forward(holder: type, inner: str, method: str) -> None:
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        self._plan.begin(method)
        return getattr(getattr(self, inner), method)(*arguments, **named)

    setattr(holder, method, call)


for _method in FILE_SYSTEM_CALLS[2:]:
    _forward(FaultyFiles, "_files", _method)
for _method in FILE_CALLS:
    if _method != "sync":
        _forward(FaultyFile, "_file", _method)


class Workload(Script):
    """The script of the power failures."""

    def __init__(self, disk: Disk, seed: int, ring: KeyRing | None, options: EngineOptions, plan: Plan) -> None:
        super().__init__(disk, seed, ring, options)
        self.plan = plan

    def files(self) -> FileSystem:
        """The disk through the plan."""
        faulty: Any = FaultyFiles(self.disk, self.plan)
        return faulty

    def submit(self, request: bytes, done: Callable[[bytes | None, BaseException | None], None]) -> Callable[[], None]:
        """MergeWorker: what another process would do."""
        work = partial(perform_merge, self.files(), SeededRandomness(len(request)), self.ring, request)
        self.scheduler.run(work, done)
        return lambda: None

    def restart(self) -> None:
        """The process ends without a word, and another one opens the directory, with no faults any more."""
        self.plan = Plan()
        self.disk.locks.clear()
        self.bury()
        if self.ring is not None:
            self.ring = RINGS[self.ring.current]


class Recovery(Workload):
    """A restart after the power has failed in operation `failure`, and a little more."""

    def __init__(self, failure: int, ring: KeyRing | None, options: EngineOptions, plan: Plan) -> None:
        super().__init__(Disk(failure), failure, ring, options, Plan())
        self.run_until_power_fails(failure)
        self.plan = plan
        self.worker = self

    def run(self) -> None:
        """What goes on until the power fails, and then what goes on after it."""
        if not self.disk.generation:
            super().run()
            return
        engine = self.open()
        found = engine.get(PREFIX + b"00", engine.newest_timestamp)
        self.made = 0 if found is None else found[0]
        for step in range(7):
            self.commit(engine, wait_durable=step != 2)
        self.settle(engine.flush())
        self.settle(engine.compact())
        self.settle(engine.close())


@dataclass(slots=True)
class Tally:
    """How workloads ended, by the port method that failed first."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    runs: int = 0

    def add(self, method: str, outcome: str) -> None:
        """One workload."""
        self.runs += 1
        self.outcomes.setdefault(method, Counter())[outcome] += 1

    def lines(self) -> list[str]:
        """A table: calls by outcomes."""
        kinds = sorted({kind for counts in self.outcomes.values() for kind in counts})
        lines = ["  " + "call".ljust(12) + "".join(kind.rjust(16) for kind in kinds)]
        for method, counts in sorted(self.outcomes.items()):
            lines.append("  " + method.ljust(12) + "".join(str(counts[kind]).rjust(16) for kind in kinds))
        return lines


def begun(case: str, plan: Plan) -> Workload:
    """A workload that is about to run: of a world, or of `recovering` after a power failure."""
    world, _, failure = case.partition(" ")
    ring, options = WORLDS[world]
    if failure:
        return Recovery(int(failure), ring, options, plan)
    return Workload(Disk(plan.number), plan.number, ring, options, plan)


def cases(world: str) -> list[str]:
    """What to begin in a world."""
    return [world] if world != "recovering" else [f"{world} {failure}" for failure in POWER_FAILURES]


def undisturbed(case: str) -> Plan:
    """The workload without a fault: how many calls it makes, and where."""
    plan = Plan(sites={})
    workload = begun(case, plan)
    workload.run()
    made = workload.made
    workload.restart()
    assert workload.check() == made
    return plan


def run_one(case: str, plan: Plan) -> str:
    """One workload with one fault; what became of it. Raises AssertionError for anything lost or wrong."""
    workload = begun(case, plan)
    try:
        workload.run()
        outcome = "went on"
    except DatacaveError:
        outcome = "refused"
    except OSError:
        outcome = "system error"
    except MemoryError:
        outcome = "memory error"
    except StillWaiting:
        outcome = "waited"
    made = workload.made
    workload.restart()
    if plan.number % 2:
        workload.disk.crash()
    number = workload.check()
    assert outcome != "went on" or number == made
    return outcome


def run_kind(case: str, calls: int, error: str, lasting: bool, step: int, wrong: list[str]) -> Tally:
    """Every `step`th call fails in turn; `wrong` gets what was lost or wrong."""
    tally = Tally()
    for number in range(1 + (len(error) + lasting) % step, calls + 1, step):
        plan = Plan(number, lasting, ERRORS[error])
        try:
            outcome = run_one(case, plan)
        except Exception as found:
            outcome = "WRONG"
            kind = f"{error} {'for good' if lasting else 'once'}"
            wrong.append(f"{case}: call {number} ({plan.failed}), {kind}: {type(found).__name__}: {found}")
        tally.add(plan.failed, outcome)
    return tally


def call_sites() -> dict[Site, str]:
    """Every call of a port method in the engine's source, by its file and line."""
    found: dict[Site, str] = {}
    names = {*FILE_SYSTEM_CALLS, *FILE_CALLS}
    for path in sorted(ENGINE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Attribute) or node.attr not in names:
                continue
            holder = ast.unparse(node.value).rpartition(".")[2].lstrip("_")
            if holder in ("file", "files"):
                found[str(path.relative_to(ENGINE)), node.lineno] = node.attr
    return found


def main() -> int:
    """The command; exit code 1 if anything was lost or wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.faults", description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="every how many calls fail in turn")
    parser.add_argument("--errors", default=",".join(ERRORS))
    parser.add_argument("--worlds", default=",".join(WORLDS))
    arguments = parser.parse_args()
    wrong: list[str] = []
    reached: dict[Site, str] = {}
    for case in [case for world in arguments.worlds.split(",") for case in cases(world)]:
        plan = undisturbed(case)
        reached |= plan.sites or {}
        print(f"{case}: {plan.calls} file calls", flush=True)
        for error in arguments.errors.split(","):
            for lasting in (False, True):
                began, known = time.monotonic(), len(wrong)
                tally = run_kind(case, plan.calls, error, lasting, arguments.step, wrong)
                kind = f"{error} {'for good' if lasting else 'once'}"
                print(f" {kind}: {tally.runs} runs, {time.monotonic() - began:.0f} s")
                print("\n".join([*tally.lines(), *wrong[known:]]), flush=True)
    sites = call_sites()
    missed = sorted(site for site in sites if site not in reached)
    print(f"calls in the source of the engine: {len(sites)}, failed in turn: {len(sites) - len(missed)}; not reached:")
    for path, line in missed:
        print(f"  {path}:{line} {sites[path, line]}")
    print(f"wrong: {len(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
