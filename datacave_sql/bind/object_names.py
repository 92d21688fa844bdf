"""Names that are made up: indexes, constraints and sequences without a given name, as PostgreSQL names them."""

from __future__ import annotations

from collections.abc import Callable

NAME_BYTES_MAX = 63


def joined_name(first: str, second: str, label: str) -> str:
    """`first_second_label`, the longer of the first two cut down until the whole fits."""
    overhead = len(label.encode()) + 1 if label else 0
    if second:
        overhead += 1
    room = NAME_BYTES_MAX - overhead
    a, b = first.encode(), second.encode()
    while len(a) + len(b) > room:
        if len(a) > len(b):
            a = a[:-1]
        else:
            b = b[:-1]
    parts = [a.decode(errors="ignore")]
    if second:
        parts.append(b.decode(errors="ignore"))
    if label:
        parts.append(label)
    return "_".join(parts)


def free_name(first: str, second: str, label: str, taken: Callable[[str], bool]) -> str:
    """The made-up name, with a number at its end where it is taken."""
    name = joined_name(first, second, label)
    number = 0
    while taken(name):
        number += 1
        name = joined_name(first, second, f"{label}{number}")
    return name
