"""Signatures of built-in functions as text: pg_get_function_arguments, pg_get_function_result."""

from __future__ import annotations

from typing import Final

from datacave_core.types import format_type
from datacave_sql.functions.factfiles import proc_row
from datacave_sql.functions.identifiers import quote_identifier

_WORDS: Final = {"i": "", "o": "OUT ", "b": "INOUT ", "v": "VARIADIC "}
_INPUT: Final = "ibv"


def _row(oid: int) -> list[str] | None:
    try:
        return proc_row(oid)
    except KeyError:
        return None


def _arguments(row: list[str]) -> list[tuple[str, str, str]]:
    """(mode, name, type) of all arguments."""
    types = [format_type(int(oid)) for oid in (row[9] or row[8]).split()]
    modes = row[10] or "i" * len(types)
    names = row[11].split(",") if row[11] else []
    names += [""] * (len(types) - len(names))
    if row[6] != "0" and not row[10] and types:
        modes = modes[:-1] + "v"
    return list(zip(modes, names, types, strict=True))


def function_arguments(oid: int, *, with_defaults: bool) -> str | None:
    """The arguments as CREATE FUNCTION would have them; None for an oid that is no function's."""
    row = _row(oid)
    if row is None:
        return None
    arguments = [argument for argument in _arguments(row) if argument[0] in _WORDS]
    defaults = row[13].split(", ") if row[13] and with_defaults else []
    without = sum(mode in _INPUT for mode, _, _ in arguments) - len(defaults)
    parts = []
    inputs = 0
    for mode, name, type_name in arguments:
        text = _WORDS[mode] + (f"{quote_identifier(name)} " if name else "") + type_name
        if mode in _INPUT:
            if inputs >= without:
                text += f" DEFAULT {defaults[inputs - without]}"
            inputs += 1
        parts.append(text)
    return ", ".join(parts)


def function_result(oid: int) -> str | None:
    """The result type as CREATE FUNCTION would have it; None for an oid that is no function's."""
    row = _row(oid)
    if row is None:
        return None
    columns = [(name, type_name) for mode, name, type_name in _arguments(row) if mode == "t"]
    if columns:
        return "TABLE(" + ", ".join(f"{quote_identifier(name)} {type_name}" for name, type_name in columns) + ")"
    result = format_type(int(row[7]))
    return f"SETOF {result}" if row[5] == "t" else result
