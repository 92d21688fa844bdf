"""jsonb_path_exists, jsonb_path_match, jsonb_path_query and the operators @? and @@."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.jsonb import JsonTree, format_jsonb
from datacave_core.types.jsonpath import parse_jsonpath
from datacave_core.types.zones import Zone
from datacave_sql.functions.bodies.jsonb import tree
from datacave_sql.functions.bodies.zoned import zone_of
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.formatting.standard_input import PathMoment
from datacave_sql.functions.pathwalk import PathError, Walk

BODIES = Bodies()


def walk(document: str, path: str, variables: str | None, zone: Zone | None = None) -> Walk:
    """A walk that is ready to run; `variables` None for the operators, which have none."""
    given = None if variables is None else tree(variables)
    if variables is not None and not isinstance(given, dict):
        raise bad_parameter(
            '"vars" argument is not an object',
            detail='Jsonpath parameters should be encoded as key-value pairs of "vars" object.',
        )
    return Walk(parse_jsonpath(path), tree(document), given, zone)


def select(document: str, path: str, variables: str | None, silent: bool, zone: Zone | None = None) -> list[JsonTree]:
    """What the path selects; with `silent` up to the first error. Dates and times come as texts."""
    found: list[Any] = []
    try:
        walk(document, path, variables, zone).collect(found)
    except PathError:
        if not silent:
            raise
    return [str(item) if isinstance(item, PathMoment) else item for item in found]


@BODIES("jsonb_path_exists")
def exists(document: str, path: str, variables: str | None, silent: bool, zone: Zone | None = None) -> bool | None:
    """Whether the path selects anything."""
    try:
        return walk(document, path, variables, zone).any()
    except PathError:
        if silent:
            return None
        raise


BODIES.add("jsonb_path_exists_opr", lambda document, path: exists(document, path, None, True))


@BODIES("jsonb_path_match")
def match(document: str, path: str, variables: str | None, silent: bool, zone: Zone | None = None) -> bool | None:
    """The truth of a predicate."""
    found = select(document, path, variables, silent, zone)
    if len(found) == 1 and (found[0] is None or isinstance(found[0], bool)):
        return found[0]
    if silent:
        return None
    raise DatacaveError("single boolean result is expected", sqlstate=sqlstate.SINGLETON_SQL_JSON_ITEM_REQUIRED)


BODIES.add("jsonb_path_match_opr", lambda document, path: match(document, path, None, True))


@BODIES("jsonb_path_query")
def query(document: str, path: str, variables: str, silent: bool, zone: Zone | None = None) -> Iterator[str]:
    """The selected items as rows."""
    return map(format_jsonb, select(document, path, variables, silent, zone))


@BODIES("jsonb_path_query_array")
def query_array(document: str, path: str, variables: str, silent: bool, zone: Zone | None = None) -> str:
    """The selected items as one array."""
    return format_jsonb(select(document, path, variables, silent, zone))


@BODIES("jsonb_path_query_first")
def query_first(document: str, path: str, variables: str, silent: bool, zone: Zone | None = None) -> str | None:
    """The first selected item."""
    found = select(document, path, variables, silent, zone)
    return format_jsonb(found[0]) if found else None


def _in_zone(body: Callable[..., Any]) -> Callable[..., Any]:
    """The same in the session's time zone."""

    def run(context: EvaluationContext, document: str, path: str, variables: str, silent: bool) -> Any:
        return body(document, path, variables, silent, zone_of(context))

    return run


for _symbol, _body in (
    ("exists", exists), ("match", match), ("query", query), ("query_array", query_array), ("query_first", query_first),
):  # fmt: skip
    BODIES.add_with_context(f"jsonb_path_{_symbol}_tz", _in_zone(_body))
