"""Catalog functions: names, definitions, comments, sizes, visibility and privileges behind oids.

They ask the CatalogView of the EvaluationContext, which says None for what it does not know. Built-in types and
functions are answered from the facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import find_type, format_type, oids
from datacave_core.values import Array, Row
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.registered import find_registered, registered_text, registered_value
from datacave_sql.parse.keywords import BARE_WORDS, KEYWORDS

BODIES = Bodies()

_KEYWORD_CATEGORIES = {
    "unreserved": ("U", "unreserved"),
    "column": ("C", "unreserved (cannot be function or type name)"),
    "type": ("T", "reserved (can be function or type name)"),
    "reserved": ("R", "reserved"),
}

FIRST_NORMAL_XID = 3
XID_AGE_MAX = 2**31 - 1


@BODIES.with_context("format_type")
def type_name(context: EvaluationContext, oid: int | None, typmod: int | None) -> str | None:
    """The SQL name of a type."""
    if oid is None:
        return None
    if find_type(oid) is not None:
        return format_type(oid, typmod)
    found = context.types.find(oid)
    schema = context.catalog.type_schema(found.element_oid if found.is_array else oid) if found is not None else None
    return format_type(oid, typmod, context.types.find, schema=schema)


@BODIES.with_context("obj_description(26 19)", "shobj_description(26 19)")
def description(context: EvaluationContext, oid: int, catalog: str) -> str | None:
    """The comment on an object."""
    return context.catalog.comment(oid, catalog, 0)


BODIES.add_with_context("obj_description(26)", lambda context, oid: context.catalog.comment(oid, "", 0))


@BODIES.with_context("col_description(26 23)")
def column_description(context: EvaluationContext, oid: int, column: int) -> str | None:
    """The comment on a column."""
    return context.catalog.comment(oid, "pg_class", column)


BODIES.add_with_context("pg_table_is_visible", lambda context, oid: context.catalog.relation_is_visible(oid))
BODIES.add_with_context("pg_type_is_visible", lambda context, oid: context.catalog.type_is_visible(oid))
BODIES.add_with_context("pg_function_is_visible", lambda context, oid: context.catalog.function_is_visible(oid))
BODIES.add("pg_operator_is_visible pg_collation_is_visible", lambda oid: True)
_NAMED_CLASSES = {
    "pg_opclass": 2616, "pg_opfamily": 2753, "pg_conversion": 2607, "pg_ts_config": 3602, "pg_ts_dict": 3600,
    "pg_ts_parser": 3601, "pg_ts_template": 3764,
}  # fmt: skip
"""Oids of system tables that list objects of schemas."""
for _relation_name, _class_oid in _NAMED_CLASSES.items():
    BODIES.add_with_context(
        f"{_relation_name}_is_visible",
        lambda context, oid, known=_class_oid: context.catalog.named_object_is_visible(known, oid),
    )


@BODIES.with_context("pg_get_userbyid")
def role_name(context: EvaluationContext, oid: int) -> str:
    """The name of a role."""
    return context.catalog.role_name(oid) or f"unknown (OID={oid})"


@BODIES.with_context("pg_get_constraintdef", "pg_get_constraintdef_ext")
def constraint_definition(context: EvaluationContext, oid: int, pretty: bool = False) -> str | None:
    """The definition of a constraint."""
    return context.catalog.constraint_definition(oid, pretty)


@BODIES.with_context("pg_get_indexdef")
def index_definition(context: EvaluationContext, oid: int) -> str | None:
    """The CREATE INDEX statement."""
    return context.catalog.index_definition(oid, 0, False)


@BODIES.with_context("pg_get_indexdef_ext")
def index_column_definition(context: EvaluationContext, oid: int, column: int, pretty: bool) -> str | None:
    """One column of an index, or the whole statement for column 0."""
    return context.catalog.index_definition(oid, column, pretty)


@BODIES.with_context("pg_get_viewdef", "pg_get_viewdef_ext", "pg_get_viewdef_wrap")
def view_definition(context: EvaluationContext, oid: int, pretty: bool | int = False) -> str | None:
    """The query behind a view."""
    return context.catalog.view_definition(oid, bool(pretty))


@BODIES.with_context("pg_get_viewdef_name", "pg_get_viewdef_name_ext")
def view_definition_by_name(context: EvaluationContext, name: str, pretty: bool = False) -> str | None:
    """The same by name."""
    return context.catalog.view_definition(_relation(context, name), pretty)


@BODIES.with_context("pg_get_expr", "pg_get_expr_ext")
def expression_text(context: EvaluationContext, stored: str, relation: int, pretty: bool = False) -> str | None:
    """The SQL text of a stored expression."""
    return context.catalog.expression_text(stored, relation, pretty)


@BODIES.with_context("pg_get_serial_sequence")
def serial_sequence(context: EvaluationContext, table: str, column: str) -> str | None:
    """The sequence a column owns."""
    return context.catalog.serial_sequence(table, column)


BODIES.add("pg_get_replica_identity_index", lambda oid: None)
BODIES.add_with_context(
    "pg_statistics_obj_is_visible", lambda context, oid: context.catalog.statistics_are_visible(oid)
)
BODIES.add_with_context(
    "pg_get_statisticsobjdef", lambda context, oid: context.catalog.statistics_definition(oid, columns_only=False)
)
BODIES.add_with_context(
    "pg_get_statisticsobjdef_columns",
    lambda context, oid: context.catalog.statistics_definition(oid, columns_only=True),
)


@BODIES.with_context("pg_get_statisticsobjdef_expressions")
def statistics_expressions(context: EvaluationContext, oid: int) -> Array | None:
    """The expressions of a statistics object."""
    found = context.catalog.statistics_expressions(oid)
    return Array.of(found) if found is not None else None


_METHOD_PROPERTIES = {
    403: ("can_order", "can_unique", "can_multi_col", "can_exclude", "can_include"),
    405: ("can_exclude",),
    783: ("can_multi_col", "can_exclude", "can_include"),
    2742: ("can_multi_col",),
    4000: ("can_exclude", "can_include"),
    3580: ("can_multi_col",),
}
"""What access methods of indexes can do, by their oids."""


@BODIES("pg_indexam_has_property")
def index_method_property(oid: int, name: str) -> bool | None:
    """Whether an access method has a property; NULL for unknown methods and names."""
    known = _METHOD_PROPERTIES.get(oid)
    return name.lower() in known if known is not None and name.lower() in _METHOD_PROPERTIES[403] else None


@BODIES.with_context("pg_index_has_property")
def index_property(context: EvaluationContext, oid: int, name: str) -> bool | None:
    """Whether an index has a property; NULL for unknown indexes and names."""
    return context.catalog.index_property(oid, 0, name)


@BODIES.with_context("pg_index_column_has_property")
def index_column_property(context: EvaluationContext, oid: int, column: int, name: str) -> bool | None:
    """Whether a column of an index (from 1) has a property; NULL for unknown ones."""
    return context.catalog.index_property(oid, column, name) if column > 0 else None


BODIES.add("pg_tablespace_location", lambda oid: "")
BODIES.add("pg_available_extensions pg_available_extension_versions", lambda: iter(()))
BODIES.add_with_context(
    "pg_get_ruledef pg_get_ruledef_ext",
    lambda context, oid, pretty=False: context.catalog.rule_definition(oid, pretty),
)
BODIES.add_with_context(
    "pg_get_triggerdef pg_get_triggerdef_ext",
    lambda context, oid, pretty=False: context.catalog.trigger_definition(oid, pretty),
)


@BODIES("information_schema._pg_expandarray(2277)")
def expand_array(array: Array) -> Iterator[tuple[Any, int]]:
    """The elements with their places from 1."""
    for place, element in enumerate(array.elements, 1):
        yield element, place


@BODIES("pg_get_keywords")
def keywords() -> Iterator[tuple[str, str, bool, str, str]]:
    """Every keyword with its category and whether it may be an output name without AS."""
    for word in sorted(KEYWORDS):
        code, category = _KEYWORD_CATEGORIES[KEYWORDS[word]]
        bare = word in BARE_WORDS
        yield word, code, bare, category, "can be bare label" if bare else "requires AS"


@BODIES.with_context("show_all_settings")
def all_settings(context: EvaluationContext) -> Iterator[Row]:
    """The rows of pg_settings."""
    return iter(context.catalog.settings())


@BODIES.with_context("xid_age", "mxid_age")
def age(context: EvaluationContext, xid: int) -> int:
    """How many transactions ago; the reserved numbers are infinitely old."""
    return context.transaction_id() - xid if xid >= FIRST_NORMAL_XID else XID_AGE_MAX


BODIES.add_with_context("pg_partition_ancestors", lambda context, oid: iter(context.catalog.partition_ancestors(oid)))
BODIES.add_with_context("pg_partition_tree", lambda context, oid: iter(context.catalog.partition_tree(oid)))
BODIES.add_with_context("pg_get_partkeydef", lambda context, oid: context.catalog.partition_key_definition(oid))
BODIES.add_with_context(
    "pg_get_partition_constraintdef", lambda context, oid: context.catalog.partition_constraint(oid)
)


@BODIES.with_context("pg_partition_root")
def partition_root(context: EvaluationContext, oid: int) -> int | None:
    """The uppermost partitioned relation; NULL for one that has nothing to do with partitions."""
    found = context.catalog.partition_ancestors(oid)
    return found[-1] if found else None


BODIES.add("pg_relation_is_publishable", lambda oid: False)
_COLUMN_EVENTS = 20
BODIES.add_with_context(
    "pg_relation_is_updatable", lambda context, oid, triggers: context.catalog.updatable_events(oid, 0, triggers)
)
BODIES.add_with_context(
    "pg_column_is_updatable",
    lambda context, oid, column, triggers: (
        column > 0 and context.catalog.updatable_events(oid, column, triggers) & _COLUMN_EVENTS == _COLUMN_EVENTS
    ),
)


def _relation(context: EvaluationContext, name: str) -> int:
    return registered_value(oids.REGCLASS, name, context)


@BODIES.with_context("text_regclass")
def relation_of_text(context: EvaluationContext, name: str) -> int:
    """text to regclass; raises 42P01."""
    return _relation(context, name)


def _to_registered(type_oid: int) -> Any:
    def find(context: EvaluationContext, name: str) -> int | None:
        try:
            return find_registered(type_oid, name, context)
        except DatacaveError as error:
            if error.sqlstate == sqlstate.AMBIGUOUS_FUNCTION:
                return None
            raise

    return find


for _symbol, _type_oid in (
    ("to_regclass", oids.REGCLASS),
    ("to_regcollation", oids.REGCOLLATION),
    ("to_regnamespace", oids.REGNAMESPACE),
    ("to_regoper", oids.REGOPER),
    ("to_regoperator", oids.REGOPERATOR),
    ("to_regproc", oids.REGPROC),
    ("to_regprocedure", oids.REGPROCEDURE),
    ("to_regrole", oids.REGROLE),
    ("to_regtype", oids.REGTYPE),
):
    BODIES.add_with_context(_symbol, _to_registered(_type_oid))


def _size(part: str) -> Any:
    return lambda context, oid: context.catalog.relation_size(oid, part)


BODIES.add_with_context("pg_relation_size(2205)", _size("main"))
BODIES.add_with_context("pg_table_size", _size("table"))
BODIES.add_with_context("pg_indexes_size", _size("indexes"))
BODIES.add_with_context("pg_total_relation_size", _size("total"))


@BODIES.with_context("pg_relation_size")
def relation_size(context: EvaluationContext, oid: int, fork: str) -> int | None:
    """The size of one fork; only the main one exists here."""
    if fork not in ("main", "fsm", "vm", "init"):
        raise DatacaveError(
            "invalid fork name",
            sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            hint='Valid fork names are "main", "fsm", "vm", and "init".',
        )
    return context.catalog.relation_size(oid, "main") if fork == "main" else 0


BODIES.add_with_context(
    "pg_database_size_name pg_database_size_oid", lambda context, database: context.catalog.database_size(database)
)

BODIES.add_with_context(
    "pg_tablespace_size_name pg_tablespace_size_oid",
    lambda context, tablespace: context.catalog.database_size(context.database),
)

_KINDS = {
    "table": "table",
    "any_column": "any_column",
    "column": "column",
    "schema": "schema",
    "database": "database",
    "sequence": "sequence",
    "function": "function",
    "language": "language",
    "tablespace": "tablespace",
    "type": "type",
    "foreign_data_wrapper": "foreign_data_wrapper",
    "server": "server",
}


def _privilege(kind: str, *, with_role: bool) -> Any:
    def ask(context: EvaluationContext, *arguments: Any) -> bool | None:
        role = arguments[0] if with_role else None
        target, *column, privilege = arguments[1:] if with_role else arguments
        if column:
            target = (target, column[0])
        return context.catalog.has_privilege(kind, role, target, privilege)

    return ask


for _word, _kind in _KINDS.items():
    _columns = ("_name", "_attnum") if _word == "column" else ("",)
    for _column in _columns:
        for _target in ("name", "id"):
            BODIES.add_with_context(f"has_{_word}_privilege_{_target}{_column}", _privilege(_kind, with_role=False))
            for _role in ("name", "id"):
                BODIES.add_with_context(
                    f"has_{_word}_privilege_{_role}_{_target}{_column}", _privilege(_kind, with_role=True)
                )
for _target in ("name", "id"):
    BODIES.add_with_context(f"pg_has_role_{_target}", _privilege("role", with_role=False))
    for _role in ("name", "id"):
        BODIES.add_with_context(f"pg_has_role_{_role}_{_target}", _privilege("role", with_role=True))
BODIES.add_with_context(
    "row_security_active row_security_active_name",
    lambda context, relation: context.catalog.row_security_is_active(relation),
)


@BODIES("pg_options_to_table")
def options(reloptions: Any) -> Iterator[tuple[str, str | None]]:
    """`name=value` strings as rows."""
    for option in reloptions.elements:
        name, found, value = option.partition("=")
        yield name, value if found else None


@BODIES.with_context("pg_get_function_result")
def function_result(context: EvaluationContext, oid: int) -> str | None:
    """The result type of a function as written in CREATE FUNCTION."""
    return context.catalog.function_text(oid, "result")


BODIES.add_with_context(
    "pg_get_function_arguments", lambda context, oid: context.catalog.function_text(oid, "arguments")
)
BODIES.add_with_context(
    "pg_get_function_identity_arguments", lambda context, oid: context.catalog.function_text(oid, "identity")
)
BODIES.add_with_context("pg_get_function_sqlbody", lambda context, oid: context.catalog.function_text(oid, "body"))
BODIES.add_with_context("pg_get_functiondef", lambda context, oid: context.catalog.function_text(oid, "definition"))
BODIES.add("pg_get_function_arg_default", lambda oid, place: None)


_REGISTERED_KINDS = {
    1247: ("type", oids.REGTYPE), 1255: ("function", oids.REGPROCEDURE), 2617: ("operator", oids.REGOPERATOR),
}  # fmt: skip
"""What the reg* types name, by system table."""


@BODIES.with_context("pg_describe_object")
def describe(context: EvaluationContext, catalog: int, oid: int, column: int) -> str | None:
    """A phrase such as "table t" or "type integer"."""
    kind, registered = _REGISTERED_KINDS.get(catalog, ("", 0))
    if not registered:
        return context.catalog.object_description(catalog, oid, column)
    name = registered_text(registered, oid, context)
    return None if name in ("-", str(oid)) else f"{kind} {name}"
