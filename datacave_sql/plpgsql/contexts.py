"""Contexts: the lines that errors and notices carry: which function, which line, which statement."""

from __future__ import annotations

from datacave_core.errors import DatacaveError
from datacave_sql.plpgsql.frames import Frame


def where(frame: Frame) -> str:
    """The line of a context for what a frame does now."""
    if not frame.what:
        return f"PL/pgSQL function {frame.signature}"
    if frame.what.startswith(("during", "while")):
        if frame.line and frame.what.startswith("during statement"):
            return f"PL/pgSQL function {frame.signature} line {frame.line} {frame.what}"
        return f"PL/pgSQL function {frame.signature} {frame.what}"
    return f"PL/pgSQL function {frame.signature} line {frame.line} at {frame.what}"


def note_context(error: DatacaveError, frame: Frame) -> None:
    """Adds the frame's line to an error that passes through it, once."""
    if error.passed is frame:
        return
    error.passed = frame
    add_line(error, where(frame))


def add_line(error: DatacaveError, line: str) -> None:
    """Adds a line to the end of an error's context."""
    error.context = f"{error.context}\n{line}" if error.context else line


def whole_context(frame: Frame) -> str:
    """The context of a frame and of those that have called it."""
    lines = []
    current: Frame | None = frame
    while current is not None:
        lines.append(where(current))
        if current.caller is not None and current.called_by:
            lines.append(current.called_by)
        current = current.caller
    return "\n".join(lines)
