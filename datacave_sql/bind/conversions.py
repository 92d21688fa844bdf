"""CREATE CONVERSION: the catalog's word for a function of the system between two encodings."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.catalog import Conversion
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import relations
from datacave_sql.bind import statements as s
from datacave_sql.bind.bound_named import CreateNamed
from datacave_sql.bind.family_functions import function_named
from datacave_sql.bind.named_objects import check_free
from datacave_sql.bind.state import Binding
from datacave_sql.functions.bodies.session import encoding_name, encoding_number
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.facts import fixed_rows

_ARGUMENTS = (oids.INT4, oids.INT4, oids.CSTRING, oids.INTERNAL, oids.INT4, oids.BOOL)


def bind_create_conversion(b: Binding, statement: ast.CreateConversion, entries: object) -> s.BoundStatement:
    """CREATE CONVERSION. Raises 42704 for encodings, 42883, 42P17, 42710."""
    schema = relations.creation_schema(b, statement.name, statement.position)
    source, target = _encoding(statement.source, "source"), _encoding(statement.target, "destination")
    types = tuple(ast.TypeName(0, (name,)) for name in ("int4", "int4", "cstring", "internal", "int4", "bool"))
    function = function_named(b, ast.RoutineSignature(0, statement.function, types))
    if function.return_type != oids.INT4:
        raise DatacaveError(
            f"encoding conversion function {relations.dotted(statement.function)} must return type integer",
            sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
        )
    known = next((row for row in fixed_rows("pg_conversion") if row[6] == function.oid), None)
    if known is not None:
        for given, wanted, word in ((source, known[4], "source"), (target, known[5], "destination")):
            if given != wanted:
                names = f'"{encoding_name(wanted)}", but got "{encoding_name(given)}"'
                raise DatacaveError(f"expected {word} encoding {names}", sqlstate=sqlstate.INTERNAL_ERROR)
    made = Conversion(0, schema.oid, statement.name[-1], source, target, function.oid, statement.default)
    check_free(b, made)
    for one in b.catalog.conversions.values():
        same = (one.schema_oid, one.source_encoding, one.target_encoding) == (schema.oid, source, target)
        if made.default and one.default and same:
            raise DatacaveError(
                f"default conversion for {encoding_name(source)} to {encoding_name(target)} already exists",
                sqlstate=sqlstate.DUPLICATE_OBJECT,
            )
    return CreateNamed((made,), "CREATE CONVERSION")


def _encoding(name: str, what: str) -> int:
    found = encoding_number(name)
    if found < 0:
        raise DatacaveError(f'{what} encoding "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    return found
