"""What belongs to an extension."""

from __future__ import annotations

from typing import Any

from datacave_core.catalog import Catalog, Extension


def extension_members(catalog: Catalog, extension: Extension) -> list[Any]:
    """The types, routines, operators, their classes and families, and casts that an extension has brought."""
    kinds: tuple[Any, ...] = (
        catalog.types, catalog.routines, catalog.operators, catalog.casts, catalog.operator_families,
        catalog.operator_classes,
    )  # fmt: skip
    return [one for kind in kinds for _, one in sorted(kind.items()) if one.extension_oid == extension.oid]
