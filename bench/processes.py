"""Processor time of a process and everything below it, from /proc (Linux, proc(5))."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")
# Positions after the name in parentheses, which may itself contain blanks.
PARENT, USER_TICKS, CHILDREN_SYSTEM_TICKS = 1, 11, 14


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name; None if the process is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def cpu_seconds(pid: int) -> float | None:
    """Processor time of a process, its living descendants, and those it has waited for; None without /proc."""
    if stat_fields(pid) is None:
        return None
    known = {int(path.name): stat_fields(int(path.name)) for path in PROC.iterdir() if path.name.isdigit()}
    ticks, family = 0, {pid}
    # A child may have a lower number than its parent, so the family grows until it no longer does.
    while True:
        more = {
            each
            for each, fields in known.items()
            if fields is not None and each not in family and int(fields[PARENT]) in family
        }
        if not more:
            break
        family |= more
    for each in family:
        if (fields := known.get(each)) is not None:
            ticks += sum(map(int, fields[USER_TICKS : CHILDREN_SYSTEM_TICKS + 1]))
    return ticks / os.sysconf("SC_CLK_TCK")
