"""Names of operators and their classes as definitions show them: with a schema where the search path needs it."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core.catalog import Catalog
from datacave_sql.bind.sqltext import quote_identifier
from datacave_sql.bind.state import Binding
from datacave_sql.functions.resolution import ResolvedOperator


def shown_operator(b: Binding, found: ResolvedOperator, search_path: Sequence[str]) -> str:
    """The name, or OPERATOR(schema.name)."""
    made = b.catalog.operators.get(found.operator.oid)
    if made is None:
        return found.operator.name
    schema = b.catalog.schemas[made.schema_oid].name
    return made.name if schema in search_path else f"OPERATOR({quote_identifier(schema)}.{made.name})"


def class_name(catalog: Catalog, name: str, search_path: Sequence[str]) -> str:
    """An operator class, with its schema where the search path does not lead to it."""
    made = next((one for one in catalog.operator_classes.values() if one.name == name), None)
    schema = catalog.schemas[made.schema_oid].name if made is not None else ""
    return name if made is None or schema in search_path else f"{quote_identifier(schema)}.{name}"
