"""Key: what the schema says about one configuration key, kept in the metadata of its dataclass field."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from datacave_server.config.kinds import Kind


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its dotted path, its kind, its default and why it exists.

    `items` is the dataclass of the tables in an array of tables, and None for a plain value.
    `secret` values are never shown.
    """

    path: str
    kind: Kind[Any] | None
    default: Any
    reason: str
    items: type[Any] | None = None
    secret: bool = False

    @property
    def section(self) -> str:
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


def key(default: Any, kind: Kind[Any], reason: str, *, secret: bool = False) -> Any:
    """A dataclass field that is a configuration key with a plain value."""
    return dataclasses.field(default=default, metadata={"kind": kind, "reason": reason, "secret": secret})


def required_key(kind: Kind[Any], reason: str, *, secret: bool = False) -> Any:
    """A key of an array's tables that has no default."""
    return dataclasses.field(metadata={"kind": kind, "reason": reason, "secret": secret})


def tables(items: type[Any], default: tuple[Any, ...], reason: str) -> Any:
    """A dataclass field that is an array of tables, each read as the dataclass `items`."""
    return dataclasses.field(default=default, metadata={"items": items, "reason": reason})


def section(body: type[Any]) -> Any:
    """A dataclass field that is a section, with every key at its default."""
    return dataclasses.field(default_factory=body, metadata={"section": body})


def keys_of(body: type[Any], prefix: str = "") -> Iterator[Key]:
    """All keys of a section and the sections below it, in the order they are written in."""
    for field in dataclasses.fields(body):
        path = f"{prefix}{field.name}"
        if "section" in field.metadata:
            yield from keys_of(field.metadata["section"], f"{path}.")
        else:
            metadata = field.metadata
            yield Key(
                path,
                metadata.get("kind"),
                field.default,
                metadata["reason"],
                metadata.get("items"),
                metadata.get("secret", False),
            )


def sections_of(body: type[Any], prefix: str = "") -> Iterator[tuple[str, type[Any]]]:
    """All sections below a root with their dotted paths, parents first."""
    for field in dataclasses.fields(body):
        if "section" in field.metadata:
            path = f"{prefix}{field.name}"
            yield path, field.metadata["section"]
            yield from sections_of(field.metadata["section"], f"{path}.")
