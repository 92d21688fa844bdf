"""DROP: the objects that are meant, and notices about missing ones under IF EXISTS."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.catalog import Sequence, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import named_changes, relations
from datacave_sql.bind import statements as s
from datacave_sql.bind.create_index import METHODS
from datacave_sql.bind.extended_statistics import bind_drop_statistics
from datacave_sql.bind.policies import drop_policy
from datacave_sql.bind.routines import ROUTINE_KINDS, bind_drop_routines
from datacave_sql.bind.rules import drop_rule
from datacave_sql.bind.state import Binding
from datacave_sql.bind.triggers import drop_trigger
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.named_objects import KINDS

_TABLE_KINDS = {"table": "r", "view": "v", "materialized view": "m"}
_WORDS = {"r": "table", "v": "view", "m": "materialized view", "c": "type"}
_CODES = {
    "table": sqlstate.UNDEFINED_TABLE,
    "view": sqlstate.UNDEFINED_TABLE,
    "materialized view": sqlstate.UNDEFINED_TABLE,
    "sequence": sqlstate.UNDEFINED_TABLE,
    "index": sqlstate.UNDEFINED_OBJECT,
    "schema": sqlstate.UNDEFINED_SCHEMA,
    "type": sqlstate.UNDEFINED_OBJECT,
    "domain": sqlstate.UNDEFINED_OBJECT,
}
_ARTICLES = {"table": "a table", "view": "a view", "materialized view": "a materialized view",
             "sequence": "a sequence", "index": "an index"}  # fmt: skip


def bind_drop(b: Binding, statement: ast.Drop, helpers: object) -> s.BoundStatement:
    """DROP of tables, views, sequences, indexes, schemas, types and domains. Raises 42P01, 42704, 3F000, 42809."""
    kind = statement.kind
    if kind in ROUTINE_KINDS:
        return bind_drop_routines(b, statement)
    if kind == "policy":
        return drop_policy(b, statement)
    if kind == "rule":
        return drop_rule(b, statement)
    if kind == "trigger":
        return drop_trigger(b, statement)
    if kind == "statistics object":
        return bind_drop_statistics(b, statement)
    if kind in KINDS:
        return named_changes.bind_drop(b, statement)
    if kind == "extension":
        return _extensions(b, statement)
    if kind not in _CODES:
        return _missing_kind(statement)
    if statement.concurrently:
        _check_concurrent(statement)
    found: list[s.DroppedObject] = []
    notices: list[tuple[str, str]] = []
    for name in statement.names:
        item = _find(b, kind, name, statement)
        if item is not None:
            if statement.concurrently and isinstance(item, tuple) and item[0].kind == "p":
                raise FeatureNotSupported(f'cannot drop partitioned index "{item[1].name}" concurrently')
            if item not in found:
                found.append(item)
            continue
        missing = _missing(b, kind, name)
        if not statement.if_exists:
            raise missing
        notices.append((f"{missing.message}, skipping", "00000"))
    return s.DropObjects(kind, tuple(found), statement.cascade, tuple(notices), statement.concurrently)


def _check_concurrent(statement: ast.Drop) -> None:
    """What DROP INDEX CONCURRENTLY cannot do. Raises 0A000."""
    if len(statement.names) != 1:
        raise FeatureNotSupported("DROP INDEX CONCURRENTLY does not support dropping multiple objects")
    if statement.cascade:
        raise FeatureNotSupported("DROP INDEX CONCURRENTLY does not support CASCADE")


def _extensions(b: Binding, statement: ast.Drop) -> s.BoundStatement:
    found: list[s.DroppedObject] = []
    notices: list[tuple[str, str]] = []
    for name in statement.names:
        oid = b.catalog.extension_names.get(name[-1])
        if oid is not None:
            found.append(b.catalog.extensions[oid])
            continue
        message = f'extension "{name[-1]}" does not exist'
        if not statement.if_exists:
            raise DatacaveError(message, sqlstate=sqlstate.UNDEFINED_OBJECT)
        notices.append((f"{message}, skipping", "00000"))
    return s.DropObjects("extension", tuple(found), statement.cascade, tuple(notices))


def _missing_kind(statement: ast.Drop) -> s.BoundStatement:
    """Kinds of objects that Datacave has none of: IF EXISTS is met with a notice, anything else does not exist."""
    kind = statement.kind
    names = [".".join(name) for name in statement.names]
    names += [f"{'.'.join(item.name)}()" for item in statement.signatures]
    if not names:
        raise FeatureNotSupported(f"DROP {kind.upper()} is not supported", position=statement.position)
    method, of_method = statement.method, ""
    if method:
        if method not in METHODS:
            raise DatacaveError(f'access method "{method}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
        of_method = f' for access method "{method}"'
    if statement.if_exists:
        notices = tuple((f'{kind} "{name}" does not exist{of_method}, skipping', "00000") for name in names)
        return s.NothingToDo(f"DROP {kind.upper().replace('-', ' ')}", notices)
    code = (
        sqlstate.UNDEFINED_FUNCTION
        if kind in ("function", "procedure", "routine", "aggregate")
        else (sqlstate.UNDEFINED_OBJECT)
    )
    raise DatacaveError(f'{kind} "{names[0]}" does not exist{of_method}', sqlstate=code)


def _missing(b: Binding, kind: str, name: ast.QualifiedName) -> DatacaveError:
    if len(name) > 1 and kind != "schema":
        schema = name[-2]
        if b.catalog.schema_named(schema) is None:
            return DatacaveError(f'schema "{schema}" does not exist', sqlstate=sqlstate.UNDEFINED_SCHEMA)
    shown = relations.dotted(name) if kind in ("type", "domain") or len(name) == 1 else name[-1]
    if kind == "domain":
        kind = "type"
    return DatacaveError(f'{kind} "{shown}" does not exist', sqlstate=_CODES[kind])


def _find(b: Binding, kind: str, name: ast.QualifiedName, statement: ast.Drop) -> s.DroppedObject | None:
    if kind == "schema":
        return b.catalog.schema_named(name[-1])
    if kind in ("type", "domain"):
        return _find_type(b, kind, name)
    if kind == "index":
        index = relations.find_index(b, name, statement.position)
        if index is not None:
            return index
        _refuse_other(relations.find_relation(b, name, statement.position), kind, name)
        return None
    found = relations.find_relation(b, name, statement.position)
    if found is None:
        if relations.find_index(b, name, statement.position) is not None:
            raise _wrong(name, kind, "index")
        return None
    if isinstance(found, Sequence):
        if kind == "sequence":
            return found
        raise _wrong(name, kind, "sequence")
    if isinstance(found, Table):
        if kind == "sequence" or _TABLE_KINDS[kind] != found.kind.replace("p", "r"):
            raise _wrong(name, kind, _WORDS.get(found.kind, "table"))
        return found
    raise DatacaveError(
        f'permission denied: "{name[-1]}" is a system catalog', sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE
    )


def _refuse_other(found: object, kind: str, name: ast.QualifiedName) -> None:
    if isinstance(found, Sequence):
        raise _wrong(name, kind, "sequence")
    if isinstance(found, Table):
        raise _wrong(name, kind, _WORDS.get(found.kind, "table"))


def _wrong(name: ast.QualifiedName, kind: str, actual: str) -> DatacaveError:
    return DatacaveError(
        f'"{name[-1]}" is not {_ARTICLES[kind]}',
        sqlstate=sqlstate.WRONG_OBJECT_TYPE,
        hint=f"Use DROP {actual.upper()} to remove {_ARTICLES.get(actual, 'a ' + actual)}.",
    )


def _find_type(b: Binding, kind: str, name: ast.QualifiedName) -> s.DroppedObject | None:
    schemas = name[-2:-1] if len(name) > 1 else relations.search_schemas(b)
    for schema in schemas:
        known = b.catalog.schema_named(schema)
        oid = b.catalog.type_oid_named(known.oid, name[-1]) if known is not None else None
        if oid is None:
            continue
        definition = b.catalog.types.get(oid)
        if definition is None:
            raise DatacaveError(
                f"cannot drop type {name[-1]} because table {name[-1]} requires it",
                sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
                hint=f"You can drop table {name[-1]} instead.",
            )
        if kind == "domain" and definition.kind != "d":
            raise DatacaveError(f'"{name[-1]}" is not a domain', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
        return definition
    return None
