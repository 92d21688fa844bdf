"""Folder: the FileSystem port below one folder of another, so that an engine's files can be written and read there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datacave_core.ports import File, FileSystem


class Folder:
    """Every name is taken relative to `folder`, which exists. Every method raises OSError."""

    __slots__ = ("_files", "_folder")

    def __init__(self, files: FileSystem, folder: str) -> None:
        self._files = files
        self._folder = folder

    def _name(self, name: str) -> str:
        return f"{self._folder}/{name}" if name else self._folder

    def create(self, name: str, *, in_place: bool = False) -> File:
        """A new file for reading and appending, or for `write_at`; FileExistsError if it is there."""
        return self._files.create(self._name(name), in_place=in_place)

    def open(self, name: str, *, in_place: bool = False) -> File:
        """An existing file for reading and appending at its end, or for `write_at`."""
        return self._files.open(self._name(name), in_place=in_place)

    def rename(self, old: str, new: str) -> None:
        """Atomically replaces `new`."""
        self._files.rename(self._name(old), self._name(new))

    def link(self, old: str, new: str) -> None:
        """A hard link: a second name of one file."""
        self._files.link(self._name(old), self._name(new))

    def remove(self, name: str) -> None:
        self._files.remove(self._name(name))

    def list(self, folder: str = "") -> Sequence[str]:
        """The names in a folder, sorted."""
        return self._files.list(self._name(folder))

    def exists(self, name: str) -> bool:
        return self._files.exists(self._name(name))

    def make_folder(self, name: str) -> None:
        self._files.make_folder(self._name(name))

    def sync_folder(self, name: str = "") -> None:
        """Makes creations, renames and removals in the folder survive a power failure."""
        self._files.sync_folder(self._name(name))

    def lock(self, name: str) -> Callable[[], None]:
        """Takes an exclusive lock on the directory, or raises BlockingIOError; returns the release."""
        return self._files.lock(self._name(name))
