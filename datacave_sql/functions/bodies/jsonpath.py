"""jsonb_path_exists, jsonb_path_match, jsonb_path_query and the operators @? and @@."""

from __future__ import annotations

from collections.abc import Iterator

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.jsonb import JsonTree, format_jsonb
from datacave_core.types.jsonpath import parse_jsonpath
from datacave_sql.functions.bodies.jsonb import tree
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.pathwalk import PathError, Walk

BODIES = Bodies()


def walk(document: str, path: str, variables: str | None) -> Walk:
    """A walk that is ready to run; `variables` None for the operators, which have none."""
    given = None if variables is None else tree(variables)
    if variables is not None and not isinstance(given, dict):
        raise bad_parameter(
            '"vars" argument is not an object',
            detail='Jsonpath parameters should be encoded as key-value pairs of "vars" object.',
        )
    return Walk(parse_jsonpath(path), tree(document), given)


def select(document: str, path: str, variables: str | None, silent: bool) -> list[JsonTree]:
    """What the path selects; with `silent` up to the first error."""
    found: list[JsonTree] = []
    try:
        walk(document, path, variables).collect(found)
    except PathError:
        if not silent:
            raise
    return found


@BODIES("jsonb_path_exists", "jsonb_path_exists_tz")
def exists(document: str, path: str, variables: str | None, silent: bool) -> bool | None:
    """Whether the path selects anything."""
    try:
        return walk(document, path, variables).any()
    except PathError:
        if silent:
            return None
        raise


BODIES.add("jsonb_path_exists_opr", lambda document, path: exists(document, path, None, True))


@BODIES("jsonb_path_match", "jsonb_path_match_tz")
def match(document: str, path: str, variables: str | None, silent: bool) -> bool | None:
    """The truth of a predicate."""
    found = select(document, path, variables, silent)
    if len(found) == 1 and (found[0] is None or isinstance(found[0], bool)):
        return found[0]
    if silent:
        return None
    raise DatacaveError("single boolean result is expected", sqlstate=sqlstate.SINGLETON_SQL_JSON_ITEM_REQUIRED)


BODIES.add("jsonb_path_match_opr", lambda document, path: match(document, path, None, True))


@BODIES("jsonb_path_query", "jsonb_path_query_tz")
def query(document: str, path: str, variables: str, silent: bool) -> Iterator[str]:
    """The selected items as rows."""
    return map(format_jsonb, select(document, path, variables, silent))


@BODIES("jsonb_path_query_array", "jsonb_path_query_array_tz")
def query_array(document: str, path: str, variables: str, silent: bool) -> str:
    """The selected items as one array."""
    return format_jsonb(select(document, path, variables, silent))


@BODIES("jsonb_path_query_first", "jsonb_path_query_first_tz")
def query_first(document: str, path: str, variables: str, silent: bool) -> str | None:
    """The first selected item."""
    found = select(document, path, variables, silent)
    return format_jsonb(found[0]) if found else None
