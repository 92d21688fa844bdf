"""MemoryFileSystem: the FileSystem port on a simulated Disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence

from datacave_core.memory.disk import Disk, Inode, NameChange, PowerFailure, folder_of
from datacave_core.ports import File


class MemoryFile:
    """File port."""

    __slots__ = ("_closed", "_disk", "_generation", "_inode")

    def __init__(self, disk: Disk, inode: Inode) -> None:
        self._disk = disk
        self._inode = inode
        self._generation = disk.generation
        self._closed = False

    def write(self, data: bytes) -> int:
        """Appends at the end."""
        crash = self._begin()
        written = self._disk.write(self._inode, data)
        if crash:
            raise self._disk.power_failure()
        return written

    def write_at(self, offset: int, data: bytes) -> int:
        """Writes over what is at an offset."""
        crash = self._begin()
        written = self._disk.write(self._inode, data, offset)
        if crash:
            raise self._disk.power_failure()
        return written

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes."""
        self._check()
        self._disk.begin_read()
        return bytes(self._inode.current[offset : offset + length])

    def size(self) -> int:
        """The length of the file."""
        self._check()
        return len(self._inode.current)

    def truncate(self, length: int) -> None:
        """Cuts the file, or extends it with zeros."""
        crash = self._begin()
        self._disk.truncate(self._inode, length)
        if crash:
            raise self._disk.power_failure()

    def allocate(self, length: int) -> None:
        """Lengthens the file with zeros that have their space."""
        crash = self._begin()
        self._disk.reserve(self._inode, length)
        if crash:
            raise self._disk.power_failure()

    def sync(self) -> None:
        """Makes the contents certain; a failed sync loses them."""
        try:
            crash = self._begin()
        except OSError:
            self._disk.lose_unsynced(self._inode)
            raise
        if not crash or self._disk.coin():
            self._disk.sync(self._inode)
        if crash:
            raise self._disk.power_failure()

    def close(self) -> None:
        """Ends the use of this handle."""
        self._closed = True

    def _check(self) -> None:
        if self._generation != self._disk.generation:
            raise PowerFailure("this file was open when the power failed")
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def _begin(self) -> bool:
        self._check()
        return self._disk.begin_change()


class MemoryFileSystem:
    """FileSystem port. After a crash of its disk it raises PowerFailure; the restarted system makes a new one."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk if disk is not None else Disk()
        self._generation = self.disk.generation

    def create(self, name: str, *, in_place: bool = False) -> File:
        """A new file."""
        crash = self._begin()
        if name in self.disk.names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        self._require_folder(name)
        inode = Inode()
        self._change_name(NameChange(None, name, inode), crash)
        return MemoryFile(self.disk, inode)

    def open(self, name: str, *, in_place: bool = False) -> File:
        """An existing file."""
        self._check()
        return MemoryFile(self.disk, self.disk.inode(name))

    def rename(self, old: str, new: str) -> None:
        """Atomically replaces `new`."""
        crash = self._begin()
        inode = self.disk.inode(old)
        self._require_folder(new)
        self._change_name(NameChange(old, new, inode), crash)

    def link(self, old: str, new: str) -> None:
        """A second name."""
        crash = self._begin()
        inode = self.disk.inode(old)
        if new in self.disk.names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
        self._require_folder(new)
        self._change_name(NameChange(None, new, inode), crash)

    def remove(self, name: str) -> None:
        """Removes a name, or an empty folder."""
        crash = self._begin()
        if name not in self.disk.names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        if any(folder_of(other) == name for other in self.disk.names):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), name)
        self._change_name(NameChange(name, None, None), crash)

    def list(self, folder: str = "") -> Sequence[str]:
        """The names in a folder, without the folder's own."""
        self._check()
        self._require_folder(f"{folder}/" if folder else "")
        return sorted(name.rpartition("/")[2] for name in self.disk.names if folder_of(name) == folder)

    def exists(self, name: str) -> bool:
        """Whether there is a file or folder with this name."""
        self._check()
        return name in self.disk.names

    def make_folder(self, name: str) -> None:
        """A new folder; nothing happens if it is there."""
        crash = self._begin()
        if name in self.disk.names:
            if self.disk.names[name] is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
            return
        self._require_folder(name)
        self._change_name(NameChange(None, name, None), crash)

    def sync_folder(self, name: str = "") -> None:
        """Makes the names in a folder certain."""
        crash = self._begin()
        self._require_folder(f"{name}/" if name else "")
        if not crash or self.disk.coin():
            self.disk.sync_folder(name)
        if crash:
            raise self.disk.power_failure()

    def lock(self, name: str) -> Callable[[], None]:
        """An exclusive lock that ends with its release or with a crash."""
        self._check()
        disk = self.disk
        generation = disk.generation
        if name in disk.locks:
            raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK), name)
        disk.locks.add(name)

        def release() -> None:
            if disk.generation == generation:
                disk.locks.discard(name)

        return release

    def _check(self) -> None:
        if self._generation != self.disk.generation:
            raise PowerFailure("this system was running when the power failed")

    def _begin(self) -> bool:
        self._check()
        return self.disk.begin_change()

    def _require_folder(self, name: str) -> None:
        folder = folder_of(name)
        if folder and self.disk.names.get(folder, self) is not None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)

    def _change_name(self, change: NameChange, crash: bool) -> None:
        if not crash or self.disk.coin():
            self.disk.change_name(change)
        if crash:
            raise self.disk.power_failure()
