"""Horizons: from which timestamp on each table can be read, and which earlier timestamps are kept for somebody.

Versions that newer ones hide are kept for a while: as long as the options say, or as long as was set for a table. When
files are written, the horizon moves up to that much before now; it never moves back. A table gets the default horizon
with its first setting, and returns to it once it has been overtaken.

A pin keeps what can be read at its timestamp. Tables whose horizon is beyond it already are its holes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from datacave_core.errors import SnapshotTooOld
from datacave_core.keycode import prefix_end
from datacave_core.layout import TABLE_PREFIX_LENGTH, check_table_prefix
from datacave_core.ports import KeptFor
from datacave_lsm.pins import Pins
from datacave_lsm.retention import Retention, Retentions


@dataclass(frozen=True, slots=True)
class TableHorizon:
    """`kept` is what was set for a table, None once it is to return to the default."""

    kept: KeptFor | None
    horizon: int


DEFAULT = b""
"""Stands for all tables without a horizon of their own among the holes of a pin."""


class Horizons:
    """`default` is the horizon of most tables, `latest` the last one of all: reads from there on need no question."""

    __slots__ = ("_default_microseconds", "_holes", "_own", "_pins", "_recorded", "default", "latest")

    def __init__(self, default_microseconds: int, default: int, own: Mapping[bytes, TableHorizon]) -> None:
        self._default_microseconds = default_microseconds
        self.default = default
        self._own = dict(own)
        self._pins = Pins()
        self._holes: dict[int, set[bytes]] = {}
        self._recorded = bool(own)  # whether the manifest may name any table
        self.latest = 0
        self._look_around()

    def _look_around(self) -> None:
        self.latest = max([self.default, *(each.horizon for each in self._own.values())])

    # Reading

    def earliest(self, key: bytes | None = None) -> int:
        """The horizon of the table of a key, or the default one."""
        own = self._own.get(key[:TABLE_PREFIX_LENGTH]) if key is not None else None
        return self.default if own is None else own.horizon

    def check(self, timestamp: int, low: bytes, high: bytes | None) -> None:
        """Raises SnapshotTooOld if versions of a key with low <= key < high that were visible then may be gone."""
        if timestamp >= self.latest:
            return
        table = low[:TABLE_PREFIX_LENGTH]
        end = prefix_end(table)
        several = len(table) < TABLE_PREFIX_LENGTH or high is None or (end is not None and high > end)

        def concerned(name: bytes) -> bool:
            if name == DEFAULT:
                return several or table not in self._own
            return name == table or (several and name >= table and (high is None or name < high))

        # Of a pinned timestamp only the holes are missing.
        names: Iterable[bytes] = (DEFAULT, *self._own)
        if timestamp in self._pins:
            names = self._holes.get(timestamp, ())
        for name in names:
            if concerned(name) and timestamp < (horizon := self.earliest(name)):
                raise SnapshotTooOld(timestamp, horizon)

    def is_readable(self, timestamp: int, key: bytes) -> bool:
        """Whether the table of a key can be read at a timestamp."""
        try:
            self.check(timestamp, key, key + b"\0")
        except SnapshotTooOld:
            return False
        return True

    # Pins

    def pin(self, timestamp: int, kept: bool) -> Callable[[], None]:
        """Keeps what can be read at a timestamp until the returned function is called.

        Raises SnapshotTooOld if no table can be. `kept`: an earlier process has had it pinned all along.
        """
        if timestamp not in self._pins:
            self._holes.pop(timestamp, None)
            if timestamp < self.latest and not kept:
                earliest = min([self.default, *(each.horizon for each in self._own.values())])
                if timestamp < earliest:
                    raise SnapshotTooOld(timestamp, earliest)
                holes = {name for name, each in self._own.items() if timestamp < each.horizon}
                self._holes[timestamp] = holes | ({DEFAULT} if timestamp < self.default else set())
        return self._pins.hold(timestamp)

    @property
    def pinned(self) -> int:
        """How many timestamps are pinned."""
        return len(self._pins)

    # Settings

    def settings(self) -> dict[bytes, KeptFor]:
        """What is set, by table prefix."""
        return {prefix: each.kept for prefix, each in self._own.items() if each.kept is not None}

    def microseconds(self, prefix: bytes) -> int:
        """How long a table keeps versions."""
        own = self._own.get(prefix)
        return self._default_microseconds if own is None or own.kept is None else own.kept.microseconds

    def set(self, prefix: bytes, kept: KeptFor | None) -> bool:
        """Sets how long a table keeps versions; None: as long as the others. Whether that changes anything.

        Raises ValueError for a prefix of another length.
        """
        before = self._own.get(check_table_prefix(prefix))
        if (None if before is None else before.kept) == kept:
            return False
        if before is None:
            self._own[prefix] = TableHorizon(kept, self.default)
            for holes in self._holes.values():
                if DEFAULT in holes:
                    holes.add(prefix)
        else:
            self._own[prefix] = replace(before, kept=kept)
        return True

    # For those who write files

    def advance(self, now: int, visible: int) -> Retentions:
        """Moves all horizons up to what is to be kept at a moment, but not beyond the newest visible commit."""
        self.default = max(self.default, min(now - self._default_microseconds, visible))
        for prefix, each in list(self._own.items()):
            kept = each.kept
            if kept is not None and kept.until is not None and now > kept.until:
                kept = None
            microseconds = self._default_microseconds if kept is None else kept.microseconds
            horizon = max(each.horizon, min(now - microseconds, visible))
            if kept is None and horizon <= self.default:
                del self._own[prefix]
            else:
                self._own[prefix] = TableHorizon(kept, horizon)
        self._holes = {timestamp: holes for timestamp, holes in self._holes.items() if timestamp in self._pins}
        self._look_around()
        return self.retentions()

    def retentions(self) -> Retentions:
        """What is to be kept as of now."""
        pins = self._pins
        own = {prefix: Retention.of(each.horizon, pins) for prefix, each in self._own.items()}
        return Retentions(Retention.of(self.default, pins), own)

    def edit_fields(self) -> dict[str, Any]:
        """What an edit of the manifest says of the horizons; nothing of those of tables while there never were any.

        Every edit says so that none is left, since one that says it may fail: a table whose old horizon stood in the
        manifest for good could be read where its versions are gone.
        """
        self._recorded = self._recorded or bool(self._own)
        if not self._recorded:
            return {"horizon": self.default}
        return {"horizon": self.default, "horizons": tuple(sorted(self._own.items(), key=itemgetter(0)))}


def horizon_records(own: Iterable[tuple[bytes, TableHorizon]]) -> list[tuple[bytes, int, int | None, int | None]]:
    """[prefix, horizon, microseconds, until], as in the manifest."""
    return [
        (prefix, each.horizon, *((None, None) if each.kept is None else (each.kept.microseconds, each.kept.until)))
        for prefix, each in own
    ]


def horizons_of(
    records: Iterable[tuple[bytes, int, int | None, int | None]],
) -> tuple[tuple[bytes, TableHorizon], ...]:
    """The inverse of horizon_records."""
    return tuple(
        (prefix, TableHorizon(None if microseconds is None else KeptFor(microseconds, until), horizon))
        for prefix, horizon, microseconds, until in records
    )
