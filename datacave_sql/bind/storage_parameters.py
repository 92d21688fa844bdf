"""Storage parameters: WITH (fillfactor = ..) of tables, views and indexes, checked as PostgreSQL checks them.

Those of PostgreSQL are kept for tools that read them back; the storage engine goes by its own configuration, and by the
two that are Datacave's own, `retention` and `compression`. There are no TOAST tables, so that `toast.` parameters are
checked and have no effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datacave_core import sqlstate
from datacave_core.catalog import Index, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind.parameter_checks import (
    Check,
    boolean,
    integer,
    invalid,
    one_of,
    real,
    retention_microseconds,
    table_compression,
)
from datacave_sql.parse import ast

Parameters = tuple[tuple[str, str], ...]

RETENTION = "retention"
COMPRESSION = "compression"
_ON_OFF_AUTO = '"on", "off", and "auto"'
_VACUUM: dict[str, Check] = {
    "autovacuum_enabled": boolean,
    "autovacuum_vacuum_threshold": integer(0),
    "autovacuum_vacuum_insert_threshold": integer(-1),
    "autovacuum_vacuum_cost_limit": integer(1, 10000),
    "autovacuum_freeze_min_age": integer(0, 1_000_000_000),
    "autovacuum_multixact_freeze_min_age": integer(0, 1_000_000_000),
    "autovacuum_freeze_max_age": integer(100_000, 2_000_000_000),
    "autovacuum_multixact_freeze_max_age": integer(10_000, 2_000_000_000),
    "autovacuum_freeze_table_age": integer(0, 2_000_000_000),
    "autovacuum_multixact_freeze_table_age": integer(0, 2_000_000_000),
    "log_autovacuum_min_duration": integer(-1),
    "autovacuum_vacuum_cost_delay": real(-1, 100),
    "autovacuum_vacuum_scale_factor": real(0, 100),
    "autovacuum_vacuum_insert_scale_factor": real(0, 100),
    "vacuum_index_cleanup": one_of(("auto", "on", "off", "true", "false", "yes", "no", "1", "0"), _ON_OFF_AUTO),
    "vacuum_truncate": boolean,
}
_TABLE: Mapping[str, Check] = {
    **_VACUUM,
    "fillfactor": integer(10, 100),
    "toast_tuple_target": integer(128, 8160),
    "parallel_workers": integer(0, 1024),
    "autovacuum_analyze_threshold": integer(0),
    "autovacuum_analyze_scale_factor": real(0, 100),
    "user_catalog_table": boolean,
    RETENTION: retention_microseconds,
    COMPRESSION: table_compression,
}
_VIEW: Mapping[str, Check] = {
    "security_barrier": boolean,
    "security_invoker": boolean,
    "check_option": one_of(("local", "cascaded"), '"local" and "cascaded"'),
}
_INDEX: Mapping[str, Mapping[str, Check]] = {
    "btree": {
        "fillfactor": integer(10, 100),
        "deduplicate_items": boolean,
        "vacuum_cleanup_index_scale_factor": real(0, 1e10),
    },
    "hash": {"fillfactor": integer(10, 100)},
    "gist": {
        "fillfactor": integer(10, 100),
        "buffering": one_of(("auto", "on", "off", "true", "false", "yes", "no", "1", "0"), _ON_OFF_AUTO),
    },
    "spgist": {"fillfactor": integer(10, 100)},
    "gin": {"fastupdate": boolean, "gin_pending_list_limit": integer(64)},
    "brin": {"autosummarize": boolean, "pages_per_range": integer(1, 131072)},
}


def table_parameters(
    written: Sequence[ast.StorageOption], *, reset: bool = False, temporary: bool = False
) -> Parameters:
    """The parameters of a table. Raises 22023 for unknown names and for values out of bounds.

    Raises 0A000 for OIDS. `retention` is how long old versions are kept, as an interval; temporary tables have none.
    """
    kept = []
    for option in written:
        if option.namespace is None and option.name.lower() == "oids":
            if not reset and boolean("oids", _value(option)):
                raise DatacaveError(
                    "tables declared WITH OIDS are not supported", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED
                )
            continue
        if option.name == RETENTION and option.namespace is None and temporary and not reset:
            raise FeatureNotSupported("temporary tables keep no history")
        kept.append(option)
    return _checked(kept, {None: _TABLE, "toast": _VACUUM}, reset)


def view_parameters(written: Sequence[ast.StorageOption], *, reset: bool = False) -> Parameters:
    """The parameters of a view. Raises 22023."""
    return _checked(written, {None: _VIEW, "toast": {}}, reset)


def index_parameters(method: str, written: Sequence[ast.StorageOption], *, reset: bool = False) -> Parameters:
    """The parameters of an index with an access method. Raises 22023."""
    return _checked(written, {None: _INDEX[method]}, reset)


def changed_parameters(of: Table | Index, written: Parameters, *, reset: bool) -> Parameters:
    """What a table or an index has after SET or RESET."""
    known = dict(of.options)
    for name, value in written:
        if reset:
            known.pop(name, None)
        else:
            known[name] = value
    return tuple(known.items())


def _value(option: ast.StorageOption) -> str:
    return "true" if option.value is None else option.value


def _checked(
    written: Sequence[ast.StorageOption], spaces: Mapping[str | None, Mapping[str, Check]], reset: bool
) -> Parameters:
    """The parameters outside of namespaces; `spaces` has the checks of all."""
    seen: set[tuple[str | None, str]] = set()
    for option in written:
        if reset:
            if option.value is not None:
                raise DatacaveError("RESET must not include values for parameters", sqlstate=sqlstate.SYNTAX_ERROR)
            continue
        checks = spaces.get(option.namespace)
        if checks is None:
            raise invalid(f'unrecognized parameter namespace "{option.namespace}"')
        if (option.namespace, option.name) in seen:
            raise invalid(f'parameter "{option.name}" specified more than once')
        seen.add((option.namespace, option.name))
        # PostgreSQL gives views no TOAST table, and looks at none of its parameters.
        if checks and option.name not in checks:
            raise invalid(f'unrecognized parameter "{option.name}"')
        if checks:
            checks[option.name](option.name, _value(option))
    return tuple((option.name, _value(option)) for option in written if option.namespace is None)
