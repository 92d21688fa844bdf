"""Files in memory and seals for the format tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal

import pytest

from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_lsm.crypto import KeyRing
from datacave_lsm.format import Seals


class MemoryFile:
    """A File in memory; `write_max` cuts writes short, as an operating system may."""

    def __init__(self, content: bytes = b"", write_max: int | None = None) -> None:
        self.content = bytearray(content)
        self.write_max = write_max
        self.synced = 0
        self.reads = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        data = data[: self.write_max]
        self.content += data
        return len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads += 1
        return bytes(self.content[offset : offset + length])

    def size(self) -> int:
        return len(self.content)

    def sync(self) -> None:
        self.synced = len(self.content)

    def close(self) -> None:
        self.closed = True


class MemoryFiles:
    """A FileSystem in memory that can fail its n-th operation and keeps a diary of them."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.names: dict[str, MemoryFile] = {}
        self.diary: list[str] = []
        self.fail_at = fail_at

    def note(self, what: str) -> None:
        self.diary.append(what)
        if self.fail_at is not None and len(self.diary) == self.fail_at:
            raise OSError(f"planned failure of {what}")

    def create(self, name: str) -> MemoryFile:
        self.note(f"create {name}")
        if name in self.names:
            raise FileExistsError(name)
        files = self

        class Noted(MemoryFile):
            def write(self, data: bytes) -> int:
                files.note("write")
                return super().write(data)

            def sync(self) -> None:
                files.note("sync")
                super().sync()

        self.names[name] = Noted()
        return self.names[name]

    def open(self, name: str) -> MemoryFile:
        if name not in self.names:
            raise FileNotFoundError(name)
        return self.names[name]

    def rename(self, old: str, new: str) -> None:
        self.note(f"rename {old} {new}")
        self.names[new] = self.names.pop(old)

    def remove(self, name: str) -> None:
        del self.names[name]

    def exists(self, name: str) -> bool:
        return name in self.names

    def sync_folder(self, name: str = "") -> None:
        self.note(f"sync_folder {name!r}")


class Sequence:
    """Randomness that repeats from its seed."""

    def __init__(self, seed: bytes = b"seed") -> None:
        self.state = seed

    def token_bytes(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            self.state = hashlib.sha256(self.state).digest()
            out += self.state
        return out[:count]


MASTER_KEY = bytes(range(32))
OTHER_KEY = bytes(range(32, 64))


def make_seals(sealed: bool) -> Seals:
    return Seals(KeyRing({"k1": MASTER_KEY}, "k1"), Sequence()) if sealed else Seals()


MIXED_LAYOUT = Layout(
    3,
    (
        PhysicalColumn(PhysicalType.INT64),
        PhysicalColumn(PhysicalType.FLOAT64),
        PhysicalColumn(PhysicalType.DECIMAL64, scale=2, missing=Decimal("0.00")),
        PhysicalColumn(PhysicalType.BOOL),
        PhysicalColumn(PhysicalType.BYTES),
        PhysicalColumn(PhysicalType.TEXT, missing="none"),
    ),
)


@pytest.fixture(params=[False, True], ids=["plain", "sealed"])
def seals(request: pytest.FixtureRequest) -> Seals:
    return make_seals(request.param)


@pytest.fixture
def new_file() -> type[MemoryFile]:
    return MemoryFile


@pytest.fixture
def new_files() -> type[MemoryFiles]:
    return MemoryFiles


@pytest.fixture
def ring_of() -> Callable[..., Seals]:
    """Seals from key ids to use, first one current; the ids k1 and k2 hold known keys."""

    def make(*ids: str, allow_plain: bool = False) -> Seals:
        known = {"k1": MASTER_KEY, "k2": OTHER_KEY}
        ring = KeyRing({key_id: known[key_id] for key_id in ids}, ids[0], allow_plain=allow_plain)
        return Seals(ring, Sequence(b"other"))

    return make


@pytest.fixture
def mixed_layout() -> Layout:
    return MIXED_LAYOUT
