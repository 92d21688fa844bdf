"""Roles by the names that statements give them."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Role
from datacave_core.errors import DatacaveError


def denied(message: str) -> DatacaveError:
    """42501."""
    return DatacaveError(message, sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)


def named_role(session: Any, name: str) -> Role:
    """The role of a name, also of current_user and its kin. Raises 42704."""
    evaluation = session.evaluation
    if name in ("current_user", "current_role"):
        name = evaluation.current_user
    elif name == "session_user":
        name = evaluation.session_user
    found: Role | None = session.catalog_snapshot.role_named(name)
    if found is None:
        raise DatacaveError(f'role "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    return found
