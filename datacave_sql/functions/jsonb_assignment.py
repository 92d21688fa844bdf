"""Assigning to parts of jsonb by subscripts: missing members and elements are made on the way, gaps become null."""

from __future__ import annotations

import re
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.jsonb import JsonTree, format_jsonb, jsonb_object, jsonb_tree

_INTEGER = re.compile(r"\s*[+-]?\d+")


def set_jsonb(first_is_number: bool, document: str | None, value: str | None, *path: str | None) -> str:
    """The document with the value at a path; NULL as a value is JSON's null. Raises 22004, 22023, 22P02."""
    if any(step is None for step in path):
        raise DatacaveError("jsonb subscript in assignment must not be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    steps = [step for step in path if step is not None]
    empty: JsonTree = [] if first_is_number else {}
    tree: Any = jsonb_tree(document) if document is not None else empty
    new = jsonb_tree(value) if value is not None else None
    return format_jsonb(_set(tree, steps, 0, new))


def _set(tree: Any, steps: list[str], level: int, new: Any) -> Any:
    step = steps[level]
    last = level == len(steps) - 1
    if isinstance(tree, dict):
        inner = new
        if not last:
            rest = steps[level + 1 :]
            inner = _set(tree[step], steps, level + 1, new) if step in tree else _made(rest, new)
        return jsonb_object([*((key, item) for key, item in tree.items() if key != step), (step, inner)])
    if not isinstance(tree, list):
        raise DatacaveError(
            "cannot replace existing key",
            sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            detail="The path assumes key is a composite object, but it is a scalar value.",
        )
    if _INTEGER.fullmatch(step) is None:
        raise DatacaveError(
            f'path element at position {level + 1} is not an integer: "{step}"',
            sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION,
        )
    index = int(step)
    elements = list(tree)
    if index < 0:
        if -index > len(elements):
            raise DatacaveError(
                f"path element at position {level + 1} is out of range: {index}",
                sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            )
        index += len(elements)
    if index < len(elements):
        elements[index] = new if last else _set(elements[index], steps, level + 1, new)
    else:
        elements += [None] * (index - len(elements))
        elements.append(new if last else _made(steps[level + 1 :], new))
    return elements


def _made(steps: list[str], new: Any) -> Any:
    """What stands where the path goes on and nothing is there yet."""
    for step in reversed(steps):
        if _INTEGER.fullmatch(step) is not None:
            new = [*[None] * max(int(step), 0), new]
        else:
            new = {step: new}
    return new
