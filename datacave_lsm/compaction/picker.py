"""Picker: which merge the level state calls for next, and where a file made elsewhere goes. Pure functions of it.

Every level has a score, the ratio of what it holds to what it may hold: files for level 0, bytes below. The level with
the highest score of at least 1 gives files to the next one. The levels between the first and the deepest one in use
grow evenly to what there is, so that a new deepest level makes all steps smaller, at most by `level_growth` each: the
bench `compaction` shows what that saves over steps of ten. Level 0 may grow to twice its files while level 1 is so
much bigger that it would be rewritten for the sake of little: the bench `compaction` shows what that saves.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from datacave_lsm.options import EngineOptions
from datacave_lsm.version import Levels, TableFile

LEVEL_GROWTH_MIN = 2.0
LEVEL1_SHARE = 2
"""How many times the bytes of level 0 a merge into level 1 may rewrite before it waits for more files."""


@dataclass(frozen=True, slots=True)
class MergeTask:
    """Files of `level` (newest first), those of levels between (`middle`), and those they touch on the target level.

    `bottom` says that no deeper level can hold an older version of their keys, so that tombstones may be dropped.
    """

    level: int
    upper: tuple[TableFile, ...]
    lower: tuple[TableFile, ...]
    bottom: bool
    middle: tuple[tuple[TableFile, ...], ...] = ()

    @property
    def target(self) -> int:
        """The level that gets the output."""
        return self.level + 1 + len(self.middle)

    @property
    def inputs(self) -> tuple[TableFile, ...]:
        """All files the merge replaces."""
        return tuple(file for part in self.parts for file in part)

    @property
    def parts(self) -> list[tuple[TableFile, ...]]:
        """The inputs, newest first; each holds files that do not overlap."""
        upper = [(file,) for file in self.upper] if self.level == 0 else [self.upper]
        return [part for part in (*upper, *self.middle, self.lower) if part]

    @property
    def trivial(self) -> bool:
        """Files that touch nothing, not even each other: they change their level without being rewritten."""
        if self.lower or self.middle or (self.bottom and any(file.tombstones for file in self.upper)):
            return False
        ordered = sorted(self.upper, key=lambda file: file.smallest_key)
        return all(left.largest_key < right.smallest_key for left, right in pairwise(ordered))


def level_bytes_max(level: int, levels: Levels, options: EngineOptions) -> float:
    """The target size of a level from 1 on."""
    base, growth = options.level1_bytes, float(options.level_growth)
    deepest = levels.deepest
    if level < deepest:
        held = sum(levels.size_bytes(at) for at in range(1, deepest + 1))
        growth = min(max((held / base) ** (1 / (deepest - 1)), LEVEL_GROWTH_MIN), growth)
    return base * growth ** (level - 1)


def scores(levels: Levels, options: EngineOptions) -> list[float]:
    """One score per level that can give files away."""
    found = [_level0_score(levels, options)]
    for level in range(1, options.level_count - 1):
        size = levels.size_bytes(level)
        found.append(size / level_bytes_max(level, levels, options) if size else 0.0)
    return found


def _level0_score(levels: Levels, options: EngineOptions) -> float:
    files = levels.files[0]
    score = len(files) / options.level0_trigger_files
    if not 1 <= score < 2 or levels.size_bytes(1) <= LEVEL1_SHARE * levels.size_bytes(0):
        return score
    smallest, largest = min(file.smallest_key for file in files), max(file.largest_key for file in files)
    touched = sum(file.size_bytes for file in levels.touching(1, smallest, largest))
    return score if touched <= LEVEL1_SHARE * levels.size_bytes(0) else 0.0


def pick(levels: Levels, options: EngineOptions) -> MergeTask | None:
    """The most urgent merge, or None when every level is within its bounds."""
    ranking = scores(levels, options)
    score, level = max((score, -level) for level, score in enumerate(ranking))
    if score < 1:
        return None
    level = -level
    if level == 0:
        return merge_of(levels, 0, levels.files[0])

    # The file that drags the least of the next level along; the oldest of equals.
    def cost(file: TableFile) -> tuple[float, int]:
        touched = levels.touching(level + 1, file.smallest_key, file.largest_key)
        return sum(other.size_bytes for other in touched) / file.size_bytes, file.number

    return merge_of(levels, level, (min(levels.files[level], key=cost),))


def merge_of(levels: Levels, level: int, upper: tuple[TableFile, ...]) -> MergeTask:
    """The merge of some files of a level into the next."""
    smallest = min(file.smallest_key for file in upper)
    largest = max(file.largest_key for file in upper)
    lower = levels.touching(level + 1, smallest, largest)
    smallest = min([smallest, *(file.smallest_key for file in lower)])
    largest = max([largest, *(file.largest_key for file in lower)])
    deeper = range(level + 2, len(levels.files))
    bottom = not any(levels.touching(below, smallest, largest) for below in deeper)
    return MergeTask(level, upper, lower, bottom)


def merge_of_range(levels: Levels, low: bytes | None, high: bytes | None, obsolete_before: int = 0) -> MergeTask | None:
    """The merge of everything with low <= key < high into the deepest level that has any of it, in one go.

    Files that overlap with a chosen one come along. None where all that is concerned lies on one level below 0 already
    and deletes nothing. With `obsolete_before` the merge is there for versions before that timestamp: None where there
    are no such versions.
    """
    count = len(levels.files)
    chosen = [levels.overlapping(level, low, high) for level in range(count)]
    if obsolete_before and not any(file.min_timestamp < obsolete_before for files in chosen for file in files):
        return None
    while any(chosen):
        smallest = min(file.smallest_key for files in chosen for file in files)
        largest = max(file.largest_key for files in chosen for file in files)
        wider = [levels.touching(level, smallest, largest) for level in range(count)]
        if wider == chosen:
            break
        chosen = wider
    filled = [level for level, files in enumerate(chosen) if files]
    in_place = filled and filled[0] > 0 and len(filled) == 1
    if not filled or (in_place and not obsolete_before and not any(file.tombstones for file in chosen[filled[0]])):
        return None
    # Files of a single level are written anew where they are: what is above them is nothing.
    first, target = filled[0], max(filled[-1], 1)
    if first == target:
        first -= 1
    return MergeTask(first, chosen[first], chosen[target], True, tuple(chosen[first + 1 : target]))


def ingest_level(levels: Levels, file: TableFile, merging: MergeTask | None, options: EngineOptions) -> int:
    """The level for a file that is newer than all others: the lowest that fits.

    None of its keys may be on that level or above it, nor come there with the merge under way; a level that it would
    fill beyond its size is passed over, and no level below the deepest one in use is opened without need.
    """
    deepest = max(levels.deepest, 1)
    chosen = 0
    for level in range(len(levels.files)):
        if levels.touching(level, file.smallest_key, file.largest_key):
            break
        if merging is not None and level in (merging.level, merging.target) and _within(merging, file):
            break
        if level > deepest and chosen:
            room = level_bytes_max(chosen, levels, options) - levels.size_bytes(chosen)
            if file.size_bytes <= room:
                break
        chosen = level
    return chosen


def expected_level(levels: Levels, key: bytes) -> int:
    """The level that a file of ingested rows, which begins with `key`, will get if the levels stay as they are."""
    chosen = 0
    for level in range(max(levels.deepest, 1) + 1):
        if levels.touching(level, key, key):
            break
        chosen = level
    return chosen


def _within(merging: MergeTask, file: TableFile) -> bool:
    """Whether outputs of the merge may hold keys of the file's range."""
    smallest = min(each.smallest_key for each in merging.inputs)
    largest = max(each.largest_key for each in merging.inputs)
    return file.smallest_key <= largest and file.largest_key >= smallest
