"""Functions of the system that give what its views show: they ask these, so that both say the same.

PostgreSQL defines the views over these functions; here it is the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.values import Row, Value
from datacave_sql.functions.bodies.quoting import quote_literal
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter

BODIES = Bodies()

_ACTIVITY: Final = (
    "SELECT a.datid, a.pid, a.usesysid, a.application_name, a.state, a.query, a.wait_event_type, a.wait_event, "
    "a.xact_start, a.query_start, a.backend_start, a.state_change, a.client_addr, a.client_hostname, a.client_port, "
    "a.backend_xid, a.backend_xmin, a.backend_type, s.ssl IS TRUE, s.version, s.cipher, s.bits, s.client_dn, "
    "s.client_serial, s.issuer_dn, false, NULL, false, a.leader_pid, a.query_id "
    "FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_stat_ssl s ON s.pid = a.pid"
)
_ROWS: Final = {
    "pg_cursor": "SELECT name, statement, is_holdable, is_binary, is_scrollable, creation_time FROM "
    "pg_catalog.pg_cursors",
    "pg_prepared_statement": "SELECT * FROM pg_catalog.pg_prepared_statements",
    "pg_prepared_xact": "SELECT p.transaction, p.gid, p.prepared, r.oid, d.oid FROM pg_catalog.pg_prepared_xacts p "
    "LEFT JOIN pg_catalog.pg_roles r ON r.rolname = p.owner LEFT JOIN pg_catalog.pg_database d ON d.datname = "
    "p.database",
    "pg_lock_status": "SELECT * FROM pg_catalog.pg_locks",
    "pg_config": "SELECT * FROM pg_catalog.pg_config",
    "pg_hba_file_rules": "SELECT * FROM pg_catalog.pg_hba_file_rules",
    "pg_ident_file_mappings": "SELECT * FROM pg_catalog.pg_ident_file_mappings",
    "show_all_file_settings": "SELECT * FROM pg_catalog.pg_file_settings",
    "pg_get_shmem_allocations": "SELECT * FROM pg_catalog.pg_shmem_allocations",
    "pg_get_backend_memory_contexts": "SELECT * FROM pg_catalog.pg_backend_memory_contexts",
    "pg_stat_get_slru": "SELECT * FROM pg_catalog.pg_stat_slru",
    "pg_show_replication_origin_status": "SELECT * FROM pg_catalog.pg_replication_origin_status",
}
"""Sets of rows, by symbol."""
_ONE_ROW: Final = {
    "pg_stat_get_archiver": "SELECT * FROM pg_catalog.pg_stat_archiver",
    "pg_stat_get_wal": "SELECT * FROM pg_catalog.pg_stat_wal",
}
_BACKEND: Final = {
    "activity": "query", "activity_start": "query_start", "client_addr": "client_addr", "client_port": "client_port",
    "dbid": "datid", "pid": "pid", "start": "backend_start", "userid": "usesysid", "wait_event": "wait_event",
    "wait_event_type": "wait_event_type", "xact_start": "xact_start",
}  # fmt: skip
"""pg_stat_get_backend_*: columns of pg_stat_activity. A session's number is its process id."""
_DATABASE: Final = {
    "active_time": "active_time", "blk_read_time": "blk_read_time", "blk_write_time": "blk_write_time",
    "blocks_fetched": "blks_read + blks_hit", "blocks_hit": "blks_hit", "checksum_failures": "checksum_failures",
    "checksum_last_failure": "checksum_last_failure", "conflict_all": "conflicts", "deadlocks": "deadlocks",
    "idle_in_transaction_time": "idle_in_transaction_time", "numbackends": "numbackends",
    "session_time": "session_time", "sessions": "sessions", "sessions_abandoned": "sessions_abandoned",
    "sessions_fatal": "sessions_fatal", "sessions_killed": "sessions_killed", "stat_reset_time": "stats_reset",
    "temp_bytes": "temp_bytes", "temp_files": "temp_files", "tuples_deleted": "tup_deleted",
    "tuples_fetched": "tup_fetched", "tuples_inserted": "tup_inserted", "tuples_returned": "tup_returned",
    "tuples_updated": "tup_updated", "xact_commit": "xact_commit", "xact_rollback": "xact_rollback",
}  # fmt: skip
_CONFLICTS: Final = {
    "bufferpin": "confl_bufferpin", "lock": "confl_lock", "snapshot": "confl_snapshot",
    "startup_deadlock": "confl_deadlock", "tablespace": "confl_tablespace",
}  # fmt: skip
_WRITER: Final = {
    "bgwriter_buf_written_checkpoints": "buffers_checkpoint", "bgwriter_buf_written_clean": "buffers_clean",
    "bgwriter_maxwritten_clean": "maxwritten_clean", "bgwriter_requested_checkpoints": "checkpoints_req",
    "bgwriter_stat_reset_time": "stats_reset", "bgwriter_timed_checkpoints": "checkpoints_timed",
    "buf_alloc": "buffers_alloc", "buf_fsync_backend": "buffers_backend_fsync",
    "buf_written_backend": "buffers_backend", "checkpoint_sync_time": "checkpoint_sync_time",
    "checkpoint_write_time": "checkpoint_write_time",
}  # fmt: skip
_FUNCTIONS: Final = {"calls": "calls", "self_time": "self_time", "total_time": "total_time"}


def _all_rows(text: str) -> Callable[[EvaluationContext], Iterator[Row]]:
    return lambda context: context.query_rows(text)[1]


def _one_row(text: str) -> Callable[[EvaluationContext], Row | None]:
    return lambda context: next(context.query_rows(text)[1], None)


def _one_value(text: str) -> Callable[..., Value]:
    """The value of a query with the numbers that are given in place of `{0}`, `{1}`."""

    def ask(context: EvaluationContext, *numbers: int) -> Value:
        for row in context.query_rows(text.format(*(f"({int(one)})" for one in numbers)))[1]:
            return row[0]
        return None

    return ask


for _symbol, _text in _ROWS.items():
    BODIES.querying(_symbol)(_all_rows(_text))
for _symbol, _text in _ONE_ROW.items():
    BODIES.querying(_symbol)(_one_row(_text))
for _name, _column in _BACKEND.items():
    BODIES.querying(f"pg_stat_get_backend_{_name}")(
        _one_value(f"SELECT {_column} FROM pg_catalog.pg_stat_activity WHERE pid = {{0}}")
    )
for _prefix, _relation, _key, _columns in (
    ("pg_stat_get_db_", "pg_stat_database", " WHERE datid = {0}::oid", _DATABASE),
    ("pg_stat_get_db_conflict_", "pg_stat_database_conflicts", " WHERE datid = {0}::oid", _CONFLICTS),
    ("pg_stat_get_", "pg_stat_bgwriter", "", _WRITER),
    ("pg_stat_get_function_", "pg_stat_user_functions", " WHERE funcid = {0}::oid", _FUNCTIONS),
    ("pg_stat_get_xact_function_", "pg_stat_xact_user_functions", " WHERE funcid = {0}::oid", _FUNCTIONS),
):
    for _name, _column in _columns.items():
        BODIES.querying(_prefix + _name)(_one_value(f"SELECT {_column} FROM pg_catalog.{_relation}{_key}"))


@BODIES.querying("pg_stat_get_backend_idset")
def backend_numbers(context: EvaluationContext) -> Iterator[int]:
    """The numbers of the sessions."""
    return (row[0] for row in context.query_rows("SELECT pid FROM pg_catalog.pg_stat_activity ORDER BY 1")[1])


@BODIES.querying("pg_stat_get_activity")
def activity(context: EvaluationContext, pid: int | None) -> Iterator[Row]:
    """One session, or all of them."""
    return context.query_rows(_ACTIVITY if pid is None else f"{_ACTIVITY} WHERE a.pid = {int(pid)}")[1]


BODIES.querying("pg_relation_filenode")(
    _one_value("SELECT NULLIF(relfilenode, 0) FROM pg_catalog.pg_class WHERE oid = {0}::oid")
)
BODIES.querying("pg_filenode_relation")(
    _one_value("SELECT oid FROM pg_catalog.pg_class WHERE relfilenode = {1}::oid AND {1} <> 0")
)


@BODIES.querying("pg_tablespace_databases")
def databases_in(context: EvaluationContext, tablespace: int) -> Iterator[int]:
    """The databases in a tablespace."""
    text = f"SELECT oid FROM pg_catalog.pg_database WHERE dattablespace = {int(tablespace)}::oid ORDER BY 1"
    return (row[0] for row in context.query_rows(text)[1])


@BODIES.querying("pg_sequence_parameters")
def sequence_parameters(context: EvaluationContext, oid: int) -> Row | None:
    """How a sequence counts."""
    text = (
        "SELECT seqstart, seqmin, seqmax, seqincrement, seqcycle, seqcache, seqtypid FROM pg_catalog.pg_sequence "
        f"WHERE seqrelid = {int(oid)}::oid"
    )
    return next(context.query_rows(text)[1], None)


_ALWAYS_COUNTED: Final = frozenset({"archiver", "bgwriter", "checkpointer", "slru", "wal"})
_OTHER_KINDS: Final = _ALWAYS_COUNTED | {"function", "replslot", "subscription"}


@BODIES.querying("pg_stat_have_stats")
def has_statistics(context: EvaluationContext, kind: str, database: int, oid: int) -> Any:
    """Whether something is counted: relations and databases are, from the beginning. Raises 22023."""
    relations = {"relation": ("pg_class", oid), "database": ("pg_database", database)}
    if kind not in relations:
        if kind not in _OTHER_KINDS:
            raise bad_parameter(f'invalid statistics kind: "{kind}"')
        return kind in _ALWAYS_COUNTED
    relation, wanted = relations[kind]
    found = context.query_rows(f"SELECT 1 FROM pg_catalog.{relation} WHERE oid = {int(wanted)}::oid")[1]
    return next(found, None) is not None


_PARAMETER_PRIVILEGES: Final = ("SET", "ALTER SYSTEM")


def _may_set(context: EvaluationContext, condition: str, privileges: str) -> bool | None:
    """Whether a role may SET what only superusers may, or change it for all: superusers may. Raises 22023."""
    for word in privileges.split(","):
        if word.strip().upper().removesuffix(" WITH GRANT OPTION") not in _PARAMETER_PRIVILEGES:
            raise bad_parameter(f'unrecognized privilege type: "{word.strip()}"')
    rows = context.query_rows(f"SELECT rolsuper FROM pg_catalog.pg_roles WHERE {condition}")[1]
    return next((row[0] for row in rows), None)


@BODIES.querying("has_parameter_privilege_name")
def has_parameter_privilege(context: EvaluationContext, parameter: str, privileges: str) -> bool | None:
    """has_parameter_privilege of the current role."""
    return _may_set(context, "rolname = current_user", privileges)


@BODIES.querying("has_parameter_privilege_name_name")
def role_has_parameter_privilege(context: EvaluationContext, role: str, parameter: str, privileges: str) -> bool | None:
    """The same of a role by name. Raises 42704."""
    found = _may_set(context, f"rolname = {quote_literal(role)}", privileges)
    if found is None:
        raise DatacaveError(f'role "{role}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    return found


@BODIES.querying("has_parameter_privilege_id_name")
def oid_has_parameter_privilege(context: EvaluationContext, role: int, parameter: str, privileges: str) -> bool | None:
    """The same of a role by its oid."""
    return _may_set(context, f"oid = {int(role)}::oid", privileges)


@BODIES.querying("brin_summarize_new_values", "brin_summarize_range", "brin_desummarize_range")
def summarize(context: EvaluationContext, oid: int, block: int | None = None) -> int:
    """How many ranges of blocks were summed up: none, entries are kept as rows come. Raises 42809."""
    text = (
        "SELECT amname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam "
        f"WHERE c.oid = {int(oid)}::oid"
    )
    for method, name in context.query_rows(text)[1]:
        if method != "brin":
            raise DatacaveError(f'"{name}" is not a BRIN index', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
        return 0
    raise DatacaveError(f"could not open relation with OID {oid}", sqlstate=sqlstate.UNDEFINED_TABLE)
