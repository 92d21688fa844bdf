"""The keys of the locks on the catalog and on tables."""

from __future__ import annotations

CATALOG_LOCK = b"\0\0\0\0catalog"
"""The lock of whoever changes the catalog, until its transaction ends."""


def table_lock(oid: int) -> bytes:
    """The lock that writers of a table share and that changes of its definition take alone."""
    return b"\0\0\0\0table" + oid.to_bytes(4, "big")
