"""Kinds of configuration values: how a value is read from TOML or text, what it may be, and how it is written back.

Invariant: `read(write(value)) == value` for every kind, so that a shown configuration can be used as one.
Not here: which keys exist (sections.py), where values come from (load.py).
"""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

SIZE_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
SECONDS_BY_UNIT = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_TRUE_WORDS = ("true", "on", "yes", "1")
_FALSE_WORDS = ("false", "off", "no", "0")


class Kind(Generic[T]):
    """How one key's values are read, checked and written. `unit` says what a bare number means; "" if nothing."""

    unit: str = ""

    def read(self, value: object, folder: Path) -> T:
        """Reads a TOML value. `folder` is where relative paths start. Raises ValueError saying what is expected."""
        raise ValueError(f"no value can be read from {value!r} below {folder}")

    def read_text(self, text: str, folder: Path) -> T:
        """Reads what a flag or an environment variable says."""
        return self.read(text, folder)

    def write(self, value: T) -> Any:
        """The TOML value that reads as `value`."""
        return value


class Text(Kind[str]):
    """Any text, optionally matching a pattern."""

    def __init__(self, pattern: str | None = None, expected: str = "a text") -> None:
        self._pattern = re.compile(pattern) if pattern else None
        self._expected = expected

    def read(self, value: object, folder: Path) -> str:
        if not isinstance(value, str) or (self._pattern and not self._pattern.fullmatch(value)):
            raise ValueError(f"expected {self._expected}")
        return value


class Choice(Kind[str]):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def read(self, value: object, folder: Path) -> str:
        if value not in self.words:
            raise ValueError("expected " + " or ".join(f'"{word}"' for word in self.words))
        return str(value)


class Boolean(Kind[bool]):
    """true or false."""

    def read(self, value: object, folder: Path) -> bool:
        if not isinstance(value, bool):
            raise ValueError("expected true or false")
        return value

    def read_text(self, text: str, folder: Path) -> bool:
        word = text.strip().lower()
        if word in _TRUE_WORDS:
            return True
        if word in _FALSE_WORDS:
            return False
        raise ValueError("expected true or false")


class Integer(Kind[int]):
    """A whole number within bounds, both inclusive."""

    def __init__(self, low: int, high: int, unit: str = "") -> None:
        self.low = low
        self.high = high
        self.unit = unit

    def read(self, value: object, folder: Path) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise ValueError(f"expected a whole number from {self.low} to {self.high}")
        return value

    def read_text(self, text: str, folder: Path) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"expected a whole number from {self.low} to {self.high}") from None
        return self.read(number, folder)


class Only(Kind[T]):
    """A key with one possible value so far: anything else is refused with the reason."""

    def __init__(self, value: T, reason: str) -> None:
        self._value = value
        self._reason = reason

    def read(self, value: object, folder: Path) -> T:
        if value != self._value or type(value) is not type(self._value):
            raise ValueError(f"only {str(self._value).lower()} is possible: {self._reason}")
        return self._value

    def read_text(self, text: str, folder: Path) -> T:
        if text.strip().lower() != str(self._value).lower():
            raise ValueError(f"only {str(self._value).lower()} is possible: {self._reason}")
        return self._value


class Size(Kind[int]):
    """Bytes: a bare number, or a text such as "64MiB"."""

    unit = "bytes"

    def __init__(self, low: int, high: int = 1 << 50) -> None:
        self.low = low
        self.high = high

    def read(self, value: object, folder: Path) -> int:
        size = _quantity(value, SIZE_UNITS, "a size in bytes, or with a unit such as 64MiB")
        if size != int(size):
            raise ValueError("expected a whole number of bytes")
        if not self.low <= size <= self.high:
            raise ValueError(f"expected a size from {write_size(self.low)} to {write_size(self.high)}")
        return int(size)

    def write(self, value: int) -> str | int:
        return write_size(value)


class Duration(Kind[float]):
    """Seconds: a bare number, or a text such as "200ms"; 0 may have a meaning of its own, said in the key's reason."""

    unit = "seconds"

    def __init__(self, low: float, high: float) -> None:
        self.low = low
        self.high = high

    def read(self, value: object, folder: Path) -> float:
        seconds = _quantity(value, SECONDS_BY_UNIT, "a duration in seconds, or with a unit such as 200ms")
        if not self.low <= seconds <= self.high:
            raise ValueError(f"expected a duration from {write_duration(self.low)} to {write_duration(self.high)}")
        return seconds

    def write(self, value: float) -> str:
        return write_duration(value)


class FilePath(Kind[str]):
    """A path; relative ones start at the folder of the configuration file, or else at the working directory."""

    def __init__(self, *, may_be_empty: bool = False) -> None:
        self._may_be_empty = may_be_empty

    def read(self, value: object, folder: Path) -> str:
        if not isinstance(value, str) or "\0" in value or not (value or self._may_be_empty):
            raise ValueError("expected a path")
        return str(folder / Path(value).expanduser()) if value else ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen or whom to meet. `host` is a name or an IP address without brackets; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class HostPort(Kind[Address]):
    """An address as HOST:PORT, or [IPV6]:PORT."""

    def read(self, value: object, folder: Path) -> Address:
        match = (
            re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:\[\]]+)):(\d{1,5})", value)
            if isinstance(value, str)
            else None
        )
        if match is None or int(match[3]) > 65535:
            raise ValueError("expected HOST:PORT, such as 127.0.0.1:5433 or [::1]:5433")
        return Address(match[1] or match[2], int(match[3]))

    def write(self, value: Address) -> str:
        return str(value)


def write_size(size: int) -> str | int:
    """The shortest exact way to say a size: 65536 is "64KiB", 1000 stays 1000."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size and size % SIZE_UNITS[unit] == 0:
            return f"{size // SIZE_UNITS[unit]}{unit}"
    return size


def write_duration(seconds: float) -> str:
    """The shortest exact way to say a duration: 3600 is "1h", 0.2 is "200ms"."""
    if seconds == 0:
        return "0s"
    for unit in ("d", "h", "min", "s"):
        count = seconds / SECONDS_BY_UNIT[unit]
        if count == int(count):
            return f"{int(count)}{unit}"
    microseconds = round(seconds * 1e6)
    return f"{microseconds // 1000}ms" if microseconds % 1000 == 0 else f"{microseconds}us"


def read_toml_value(text: str) -> object:
    """Reads one TOML value, such as an array of tables on one line. Raises ValueError."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"expected a TOML value: {error}") from None


def _quantity(value: object, factors: dict[str, Any], expected: str) -> float:
    """The number in base units that a bare number or a text with a unit says. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    if isinstance(value, str) and (match := _QUANTITY.fullmatch(value.strip())):
        number, unit = match[1], match[2]
        factor = factors.get(unit) if unit else 1
        if factor is not None:
            quantity = float(number) * factor if "." in number or isinstance(factor, float) else int(number) * factor
            # 200 * 1e-3 is not 0.2 to the last bit: durations are whole microseconds.
            return round(quantity, 6) if isinstance(quantity, float) else quantity
    raise ValueError(f"expected {expected} ({', '.join(factors)})")
