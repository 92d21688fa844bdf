"""OsFileSystem: the real body of the FileSystem port, over one directory of the operating system.

Invariants: files are created with mode 0600 and folders with 0700; every descriptor is closed on exec; a name never
leads out of the root. Not here: retries, checksums (the storage engine's business).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

FILE_MODE = 0o600
FOLDER_MODE = 0o700
FOREIGN_BITS = 0o077

_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


class OsFile:
    """An open file; appends at its end or, opened in place, writes anywhere; reads anywhere."""

    __slots__ = ("_descriptor", "_name")

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name

    def write(self, data: bytes) -> int:
        """Appends; may write less than all."""
        try:
            return os.write(self._descriptor, data)
        except OSError as error:
            raise self.named(error.errno) from None

    def write_at(self, offset: int, data: bytes) -> int:
        """Writes over what is at an offset; may write less than all. Linux would append to a file not `in_place`."""
        try:
            return os.pwrite(self._descriptor, data, offset)
        except OSError as error:
            raise self.named(error.errno) from None

    def read_at(self, offset: int, length: int) -> bytes:
        """Reads up to `length` bytes at `offset`; shorter only at the end of the file."""
        data = os.pread(self._descriptor, length, offset)
        if len(data) == length or not data:
            return data
        # A signal or a read above 2 GiB may cut a read short before the end of the file.
        pieces = [data]
        have = len(data)
        while have < length and (data := os.pread(self._descriptor, length - have, offset + have)):
            pieces.append(data)
            have += len(data)
        return b"".join(pieces)

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def truncate(self, length: int) -> None:
        try:
            os.ftruncate(self._descriptor, length)
        except OSError as error:
            raise self.named(error.errno) from None

    def allocate(self, length: int) -> None:
        """Makes the file at least `length` bytes long, with zeros that have their space; ENOSPC shows here."""
        # The standard library's posix_fallocate writes zeros, block by block, where the file system cannot reserve.
        if _fallocate(self._descriptor, 0, 0, length) != 0:
            number = ctypes.get_errno()
            if number not in (errno.EOPNOTSUPP, errno.ENOSYS):
                raise self.named(number)

    def sync(self) -> None:
        """fdatasync: the contents survive a power failure once this returns."""
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise self.named(error.errno) from None

    def named(self, number: int | None) -> OSError:
        """The error of a call on this file, which names it as the operating system does not."""
        return OSError(number, os.strerror(number or 0), self._name)

    @property
    def descriptor(self) -> int:
        """The number that the operating system knows the file by; -1 once it is closed."""
        return self._descriptor

    def close(self) -> None:
        """Closes the descriptor; a second close does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __repr__(self) -> str:
        return f"OsFile({self._name!r})"


class OsFileSystem:
    """Files below one directory, which is made if it is missing.

    Raises PermissionError if the directory belongs to another user or is open to others, unless it is `shared`.
    """

    __slots__ = ("root",)

    def __init__(self, root: str | Path, *, shared: bool = False) -> None:
        self.root = Path(root).absolute()
        self.root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if not shared:
            check_private(self.root)

    def _path(self, name: str) -> Path:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts:
            raise OSError(errno.EINVAL, "a file name must stay below the data directory", name)
        return self.root / pure

    def create(self, name: str, *, in_place: bool = False) -> OsFile:
        """A new file for reading and appending, or for `write_at`; FileExistsError if it is there."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | (0 if in_place else os.O_APPEND)
        return OsFile(os.open(self._path(name), flags, FILE_MODE), name)

    def open(self, name: str, *, in_place: bool = False) -> OsFile:
        """An existing file for reading and appending at its end, or for `write_at`."""
        flags = os.O_RDWR | os.O_CLOEXEC | (0 if in_place else os.O_APPEND)
        return OsFile(os.open(self._path(name), flags), name)

    def rename(self, old: str, new: str) -> None:
        """Atomically replaces `new`."""
        self._path(old).replace(self._path(new))

    def link(self, old: str, new: str) -> None:
        """A hard link: a second name of one file."""
        self._path(new).hardlink_to(self._path(old))

    def remove(self, name: str) -> None:
        self._path(name).unlink()

    def list(self, folder: str = "") -> Sequence[str]:
        """The names in a folder, sorted."""
        return sorted(path.name for path in self._path(folder).iterdir())

    def exists(self, name: str) -> bool:
        return self._path(name).exists()

    def make_folder(self, name: str) -> None:
        self._path(name).mkdir(mode=FOLDER_MODE)

    def sync_folder(self, name: str = "") -> None:
        """Makes creations, renames and removals in the folder survive a power failure."""
        descriptor = os.open(self._path(name), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock(self, name: str) -> Callable[[], None]:
        """Takes an exclusive lock on the directory through the file `name`, which then holds this process id.

        Raises BlockingIOError naming the file and the process that holds it; returns the release. The operating system
        releases the lock of a process that dies.
        """
        path = self._path(name)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            by = f" by process {holder}" if holder else ""
            raise BlockingIOError(errno.EWOULDBLOCK, f"the directory is in use{by}", str(path)) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

        def release() -> None:
            os.close(descriptor)

        return release


def check_private(folder: Path) -> None:
    """Raises PermissionError, naming the folder, if anybody but this process's user owns it or may enter it."""
    status = folder.stat()
    if status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "the folder belongs to another user", str(folder))
    if status.st_mode & FOREIGN_BITS:
        mode = stat.S_IMODE(status.st_mode)
        message = f"the folder has mode {mode:04o} and must be open to its owner only (chmod 700)"
        raise PermissionError(errno.EPERM, message, str(folder))
