"""The key of the lock on the catalog."""

from __future__ import annotations

CATALOG_LOCK = b"\0\0\0\0catalog"
"""The lock of whoever changes the catalog, until its transaction ends: shared by those who lock what they change, alone
for commands on roles and databases."""
