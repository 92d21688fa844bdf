"""Facts: the rows of facts/*.tsv, PostgreSQL 15's own catalog of functions and operators, as lists of texts.

Functions that PostgreSQL does not have are in own_procs.tsv, with oids of a range that it leaves free.
The columns are named in each file's first line. Not here: the objects made of them (registry.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

FACTS = Path(__file__).with_name("facts")

NAME = 1
ARGUMENTS = 8
"""Places of a function's name and of its argument type oids, separated by blanks."""


def fact_rows(name: str) -> Iterator[list[str]]:
    """The rows of one file."""
    lines = iter((FACTS / name).read_text(encoding="utf-8").split("\n"))
    next(lines)
    return (line.split("\t") for line in lines if line)


@cache
def _procs() -> tuple[dict[str, list[list[str]]], dict[int, list[str]]]:
    by_name: dict[str, list[list[str]]] = {}
    by_oid: dict[int, list[str]] = {}
    for name in ("procs.tsv", "own_procs.tsv"):
        for row in fact_rows(name):
            by_name.setdefault(row[NAME], []).append(row)
            by_oid[int(row[0])] = row
    return by_name, by_oid


def proc_row(oid: int) -> list[str]:
    """The row of one function; KeyError if PostgreSQL has none."""
    return _procs()[1][oid]


def proc_rows_named(name: str) -> list[list[str]]:
    """The rows of all functions of a name."""
    return _procs()[0].get(name, [])


def proc_names() -> list[str]:
    """Every function name."""
    return list(_procs()[0])


def proc_oids() -> list[int]:
    """Every function's oid, in name order."""
    return list(_procs()[1])


@cache
def operator_rows() -> dict[int, list[str]]:
    """The rows of all operators by oid."""
    return {int(row[0]): row for row in fact_rows("operators.tsv")}
