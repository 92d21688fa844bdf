"""Disk: what a power failure leaves of files, and disks that fail, fill up and rot.

A file has two contents: what the running system reads, and what has reached the platter. Writes that were not synced
lie between the two; a crash keeps, loses or tears each of them on its own, so that a later one may survive an earlier
one (a hole reads as zeros). Names are the same: creations, renames and removals in a folder become certain only when
the folder is synced. A failed sync loses the writes it was called for, whatever a later sync says, as Linux does.
Invariants: one seed gives one history; after a crash every handle of the time before raises PowerFailure.
"""

from __future__ import annotations

import errno
import os
import random
from dataclasses import dataclass, field

SECTOR_BYTES = 512


class PowerFailure(BaseException):
    """The machine is off. No handler of Exception or OSError sees it."""


@dataclass(slots=True, eq=False)
class Inode:
    """A file's contents."""

    current: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # (offset, data) or (length, None): truncate


@dataclass(frozen=True, slots=True, eq=False)
class NameChange:
    """An unsynced change of names: `old` goes, `new` is given to `inode` (None: a folder)."""

    old: str | None
    new: str | None
    inode: Inode | None


class Disk:
    """The state of one disk over any number of crashes."""

    def __init__(self, seed: int = 0, capacity_bytes: int | None = None) -> None:
        self._random = random.Random(seed)
        self.capacity_bytes = capacity_bytes
        self.names: dict[str, Inode | None] = {}  # None: a folder
        self.locks: set[str] = set()
        self.generation = 0
        self.changes = 0
        """Changing operations so far: create, write, truncate, allocate, sync, rename, link, remove, folders."""
        self.reads = 0
        self._durable_names: dict[str, Inode | None] = {}
        self._pending_names: list[NameChange] = []
        self._failures: dict[int, OSError] = {}
        self._read_failures: dict[int, OSError] = {}
        self._crash_at: int | None = None
        self._kept_in_crash = False
        self.short_writes = False
        """Whether writes sometimes write less than they were given."""

    # Planning misfortune

    def fail_at(self, number: int, error: int = errno.EIO, count: int = 1) -> None:
        """Lets `count` changing operations fail, beginning with the one that will be number `number` (from 1)."""
        for each in range(number, number + count):
            self._failures[each] = OSError(error, os.strerror(error))

    def fail_read_at(self, number: int, error: int = errno.EIO) -> None:
        """Lets the read that will be number `number` (from 1) fail."""
        self._read_failures[number] = OSError(error, os.strerror(error))

    def crash_at(self, number: int, *, kept: bool = False) -> None:
        """Lets the power fail in the middle of changing operation `number` (from 1); with `kept` the process alone
        ends there, and all that it has written stays."""
        self._crash_at, self._kept_in_crash = number, kept

    def rot(self, name: str, offset: int, mask: int = 0x01) -> None:
        """Flips bits of one byte, on the platter and for readers."""
        inode = self.inode(name)
        for content in (inode.current, inode.durable):
            if offset < len(content):
                content[offset] ^= mask

    def crash(self) -> None:
        """The power fails and comes back: what was not certain is decided, open files and locks are gone."""
        chance = self._random
        if self._kept_in_crash:
            self._keep_all()
        names = dict(self._durable_names)
        for change in self._pending_names:
            if chance.random() < 0.5:
                _apply_name(names, change)
        # What lies in a folder that was lost is lost too.
        self.names = {name: inode for name, inode in names.items() if _folders_exist(names, name)}
        inodes = {id(inode): inode for inode in self.names.values() if inode is not None}
        for inode in inodes.values():
            fate = chance.random()
            for offset, data in inode.pending:
                # Often all or nothing survives, and those are the cases that look most like luck.
                kept = fate < 0.2 or (fate < 0.8 and chance.random() < 0.5)
                if not kept:
                    continue
                if data is not None and chance.random() < 0.4:
                    data = self._tear(data)
                _apply_write(inode.durable, offset, data)
            inode.pending.clear()
            inode.current = bytearray(inode.durable)
        self._durable_names = dict(self.names)
        self._pending_names.clear()
        self.locks.clear()
        self._crash_at, self._kept_in_crash = None, False
        self._failures.clear()
        self._read_failures.clear()
        self.generation += 1

    def _keep_all(self) -> None:
        for change in self._pending_names:
            _apply_name(self._durable_names, change)
        self._pending_names.clear()
        for inode in self.names.values():
            if inode is not None:
                self.sync(inode)

    # For MemoryFileSystem

    def inode(self, name: str) -> Inode:
        """The file with a name. Raises FileNotFoundError, IsADirectoryError."""
        inode = self.names.get(name)
        if inode is None:
            if name in self.names:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return inode

    def begin_change(self) -> bool:
        """Counts a changing operation; True if the power fails in it (call `power_failure` halfway)."""
        self.changes += 1
        failure = self._failures.pop(self.changes, None)
        if failure is not None:
            raise failure
        return self.changes == self._crash_at

    def begin_read(self) -> None:
        """Counts a read."""
        self.reads += 1
        failure = self._read_failures.pop(self.reads, None)
        if failure is not None:
            raise failure

    def coin(self) -> bool:
        """True half of the time."""
        return self._random.random() < 0.5

    def power_failure(self) -> PowerFailure:
        """Crashes; the answer is to be raised."""
        self.crash()
        return PowerFailure("power failure")

    def write(self, inode: Inode, data: bytes, offset: int | None = None) -> int:
        """Writes at an offset or appends, perhaps only a part. Raises ENOSPC when nothing fits."""
        if offset is None:
            offset = len(inode.current)
        length = len(data)
        if self.short_writes and length > 1 and self.coin():
            length = self._random.randrange(1, length)
        free = self._free_bytes()
        room = None if free is None else len(inode.current) - offset + free
        if room is not None and length > room:
            if room <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            length = room
        written = bytes(data[:length])
        inode.pending.append((offset, written))
        _apply_write(inode.current, offset, written)
        return length

    def truncate(self, inode: Inode, length: int) -> None:
        """Cuts or extends with zeros."""
        inode.pending.append((length, None))
        _apply_write(inode.current, length, None)

    def reserve(self, inode: Inode, length: int) -> None:
        """Lengthens a file with zeros that have their space. Raises ENOSPC."""
        growth = length - len(inode.current)
        free = self._free_bytes()
        if free is not None and growth > free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if growth > 0:
            self.truncate(inode, length)

    def sync(self, inode: Inode) -> None:
        """Everything written to the file is certain."""
        for offset, data in inode.pending:
            _apply_write(inode.durable, offset, data)
        inode.pending.clear()

    def lose_unsynced(self, inode: Inode) -> None:
        """After a failed sync: the kernel takes the pages for clean, and no later sync writes them."""
        inode.pending.clear()

    def change_name(self, change: NameChange) -> None:
        """A creation, rename or removal, not yet certain."""
        _apply_name(self.names, change)
        self._pending_names.append(change)

    def sync_folder(self, folder: str) -> None:
        """Every change of names in a folder is certain."""
        later: list[NameChange] = []
        for change in self._pending_names:
            touched = {folder_of(name) for name in (change.old, change.new) if name is not None}
            if folder in touched:
                _apply_name(self._durable_names, change)
            else:
                later.append(change)
        self._pending_names = later

    def used_bytes(self) -> int:
        """Space taken by all files."""
        inodes = {id(inode): inode for inode in self.names.values() if inode is not None}
        return sum(len(inode.current) for inode in inodes.values())

    def _free_bytes(self) -> int | None:
        """How much files may grow; None if without limit."""
        return None if self.capacity_bytes is None else max(self.capacity_bytes - self.used_bytes(), 0)

    def _tear(self, data: bytes) -> bytes:
        """Some leading part: whole sectors, or any number of bytes."""
        if len(data) > SECTOR_BYTES and self.coin():
            return data[: self._random.randrange(0, len(data) // SECTOR_BYTES + 1) * SECTOR_BYTES]
        return data[: self._random.randrange(0, len(data) + 1)]


def folder_of(name: str) -> str:
    """The folder a name lies in; "" is the top."""
    return name.rpartition("/")[0]


def _folders_exist(names: dict[str, Inode | None], name: str) -> bool:
    folder = folder_of(name)
    while folder:
        if folder not in names:
            return False
        folder = folder_of(folder)
    return True


def _apply_name(names: dict[str, Inode | None], change: NameChange) -> None:
    if change.old is not None:
        names.pop(change.old, None)
    if change.new is not None:
        names[change.new] = change.inode


def _apply_write(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
    else:
        if offset > len(content):
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data
