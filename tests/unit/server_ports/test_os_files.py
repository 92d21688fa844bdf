"""The operating system's files keep the promises of the FileSystem port."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from datacave_core.ports import FileSystem
from datacave_server.files import OsFile, OsFileSystem


@pytest.fixture
def root(tmp_path: Path) -> OsFileSystem:
    return OsFileSystem(tmp_path / "root")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_a_body_of_the_port(root: OsFileSystem) -> None:
    files: FileSystem = root
    assert files.list() == []


def test_a_file_is_appended_to_and_read_anywhere(root: OsFileSystem) -> None:
    file = root.create("a")
    assert file.write(b"hello ") == 6
    assert file.read_at(0, 5) == b"hello"
    assert file.write(b"world") == 5
    assert file.read_at(3, 100) == b"lo world"
    assert file.read_at(11, 1) == b""
    assert file.size() == 11
    file.sync()
    file.close()
    again = root.open("a")
    again.write(b"!")
    assert again.read_at(0, 20) == b"hello world!"
    again.close()


def test_truncation_moves_the_end_where_the_next_write_goes(root: OsFileSystem) -> None:
    file = root.create("a")
    file.write(b"0123456789")
    file.truncate(4)
    file.write(b"x")
    assert file.read_at(0, 20) == b"0123x"
    file.close()


def test_reserved_space_is_written_in_place(root: OsFileSystem) -> None:
    file = root.create("a", in_place=True)
    file.allocate(1 << 20)
    assert file.size() == 1 << 20
    assert (root.root / "a").stat().st_blocks * 512 >= 1 << 20
    assert file.write_at(5, b"xyz") == 3
    assert file.read_at(4, 5) == b"\0xyz\0"
    file.close()
    again = root.open("a", in_place=True)
    again.write_at(6, b"-")
    assert again.read_at(5, 3) == b"x-z" and again.size() == 1 << 20
    again.close()


def test_more_space_than_there_is_cannot_be_reserved(root: OsFileSystem) -> None:
    file = root.create("a")
    with pytest.raises(OSError, match="a"):
        file.allocate(1 << 60)
    file.close()


def test_a_closed_file_fails_and_closes_once(root: OsFileSystem) -> None:
    file = root.create("a")
    file.close()
    other = os.open(root.root, os.O_RDONLY)
    file.close()
    os.fstat(other)
    os.close(other)
    with pytest.raises(OSError, match="descriptor"):
        file.write(b"x")


def test_a_new_file_must_be_new_and_an_old_one_old(root: OsFileSystem) -> None:
    root.create("a").close()
    with pytest.raises(FileExistsError):
        root.create("a")
    with pytest.raises(FileNotFoundError):
        root.open("b")


def test_names_are_listed_in_order_renamed_linked_and_removed(root: OsFileSystem) -> None:
    root.make_folder("f")
    for name in ("f/b", "f/a", "f/c"):
        root.create(name).close()
    assert root.list("f") == ["a", "b", "c"]
    root.rename("f/b", "f/a")
    root.link("f/c", "f/d")
    root.remove("f/c")
    root.sync_folder("f")
    assert root.list("f") == ["a", "d"]
    assert root.exists("f/d")
    assert not root.exists("f/c")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "f/../../x"])
def test_no_name_leads_out_of_the_root(root: OsFileSystem, name: str) -> None:
    with pytest.raises(OSError, match="must stay below"):
        root.create(name)


def test_nobody_else_can_read_anything(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        root = OsFileSystem(tmp_path / "deep" / "root")
        root.make_folder("f")
        root.create("f/a").close()
        root.lock("LOCK")
    finally:
        os.umask(old)
    assert [mode(root.root), mode(root.root / "f")] == [0o700, 0o700]
    assert [mode(root.root / "f" / "a"), mode(root.root / "LOCK")] == [0o600, 0o600]


def test_a_folder_that_others_can_enter_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "open"
    path.mkdir()
    path.chmod(0o755)
    with pytest.raises(PermissionError, match="0755") as caught:
        OsFileSystem(path)
    assert caught.value.filename == str(path)
    OsFileSystem(path, shared=True)


def test_descriptors_do_not_reach_child_processes(root: OsFileSystem) -> None:
    file = root.create("a")
    assert isinstance(file, OsFile)
    assert fcntl.fcntl(file._descriptor, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    file.close()


def test_a_second_lock_is_refused_and_names_file_and_process(root: OsFileSystem) -> None:
    release = root.lock("LOCK")
    with pytest.raises(BlockingIOError, match=f"process {os.getpid()}") as caught:
        root.lock("LOCK")
    assert caught.value.filename == str(root.root / "LOCK")
    release()
    root.lock("LOCK")()


def test_the_lock_of_a_dead_process_is_free(root: OsFileSystem) -> None:
    code = (
        "import os, sys\nfrom datacave_server.files import OsFileSystem\n"
        "release = OsFileSystem(sys.argv[1]).lock('LOCK')\nos._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(root.root)], check=False).returncode == 9
    root.lock("LOCK")()
