"""pg_catalog and information_schema as relations that are computed from the catalog."""

from datacave_sql.pgcatalog.registry import SystemRelations

__all__ = ["SystemRelations"]
