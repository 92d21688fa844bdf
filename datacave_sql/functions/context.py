"""EvaluationContext: what expressions may ask of the session they run in.

Bodies marked `takes_context` get one as their first argument. The session implements it; tests use a plain object.
Timestamps are microseconds since 2000-01-01 00:00 UTC, as in core's values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from datacave_core.types import FormatSettings
from datacave_core.values import Row
from datacave_core.wait import Steps
from datacave_sql.functions.typelookup import TypeLookup


class CatalogView(Protocol):
    """Names and definitions behind oids, for the system information functions. None where nothing has the oid."""

    def relation_name(self, oid: int) -> tuple[str, str] | None:
        """(schema, name) of a table, index, view or sequence."""

    def relation_oid(self, name: str) -> int | None:
        """The oid of a relation written as in SQL, by the search path."""

    def relation_is_visible(self, oid: int) -> bool | None:
        """Whether an unqualified name finds this relation."""

    def type_oid(self, name: str) -> int | None:
        """The oid of a type written as in SQL, by the search path."""

    def type_is_visible(self, oid: int) -> bool | None: ...

    def type_schema(self, oid: int) -> str | None:
        """The schema to put before a type's name; None where an unqualified name finds it."""

    def function_is_visible(self, oid: int) -> bool | None: ...

    def function_name(self, oid: int, with_arguments: bool) -> str | None:
        """A user's function as regproc or regprocedure prints it."""

    def function_oid(self, name: str) -> int | None:
        """The oid of a user's function written as in SQL, with argument types or without; None if there is none."""

    def name_parts(self, name: str) -> tuple[str, ...]:
        """The parts of a name written as in SQL. Raises 42602."""

    def collation_oid(self, name: str) -> int | None:
        """The oid of a collation of pg_catalog by its bare name."""

    def collation_name(self, oid: int) -> str | None: ...

    def named_object(self, class_oid: int, name: str) -> int | None:
        """The oid of an object of pg_ts_config, pg_ts_dict and kin written as in SQL, by the search path."""

    def named_object_name(self, class_oid: int, oid: int) -> tuple[str, str] | None:
        """(schema, name) of such an object."""

    def named_object_is_visible(self, class_oid: int, oid: int) -> bool | None:
        """Whether an unqualified name finds it."""

    def operator_oids(self, schema: str | None, name: str, types: tuple[int, int] | None) -> list[int]:
        """Users' operators of a name that a schema or the search path has, those with these operand types."""

    def schema_name(self, oid: int) -> str | None: ...

    def schema_oid(self, name: str) -> int | None: ...

    def role_name(self, oid: int) -> str | None: ...

    def role_oid(self, name: str) -> int | None: ...

    def database_name(self, oid: int) -> str | None: ...

    def comment(self, oid: int, catalog: str, column: int) -> str | None:
        """The comment on an object; `catalog` is e.g. "pg_class", `column` 0 for the object itself."""

    def updatable_events(self, oid: int, column: int, triggers: bool) -> int:
        """What can be done to a relation, or (not 0) to one of its columns: bits of pg_relation_is_updatable."""

    def object_description(self, class_oid: int, oid: int, column: int) -> str | None:
        """What pg_describe_object calls an object that no reg* type names."""

    def constraint_definition(self, oid: int, pretty: bool) -> str | None: ...

    def index_definition(self, oid: int, column: int, pretty: bool) -> str | None:
        """The CREATE INDEX statement, or one column of it (from 1)."""

    def index_property(self, oid: int, column: int, name: str) -> bool | None:
        """What pg_index_has_property (column 0) and pg_index_column_has_property answer."""

    def statistics_definition(self, oid: int, *, columns_only: bool) -> str | None:
        """The CREATE STATISTICS statement, or what is written after its ON."""

    def statistics_expressions(self, oid: int) -> list[str] | None: ...

    def statistics_are_visible(self, oid: int) -> bool | None: ...

    def view_definition(self, oid: int, pretty: bool) -> str | None: ...
    def rule_definition(self, oid: int, pretty: bool) -> str | None: ...

    def trigger_definition(self, oid: int, pretty: bool) -> str | None: ...

    def partition_key_definition(self, oid: int) -> str | None:
        """pg_get_partkeydef."""

    def partition_constraint(self, oid: int) -> str | None:
        """pg_get_partition_constraintdef."""

    def partition_ancestors(self, oid: int) -> list[int]:
        """A partition and the partitioned tables it is a part of, the root last; none for other relations."""

    def partition_tree(self, oid: int) -> Iterable[tuple[int, int | None, bool, int]]:
        """(relation, parent, whether it is a leaf, level) of a relation and all partitions below it."""

    def expression_text(self, stored: str, relation: int, pretty: bool) -> str | None:
        """The SQL text of a stored expression (pg_get_expr)."""

    def serial_sequence(self, table: str, column: str) -> str | None:
        """pg_get_serial_sequence: the qualified name of the sequence a column owns; raises 42P01, 42703."""

    def function_text(self, oid: int, part: str) -> str | None:
        """Parts of a function's definition: result, arguments, identity (arguments without defaults),
        definition, body."""

    def relation_size(self, oid: int, part: str) -> int | None:
        """Bytes on disk: part is main, indexes, total or table."""

    def database_size(self, name_or_oid: str | int) -> int: ...

    def row_security_is_active(self, relation: str | int) -> bool | None:
        """Whether policies decide what the current user sees of a table; None for an oid that is unknown."""

    def has_privilege(self, kind: str, role: str | int | None, target: str | int, privilege: str) -> bool | None:
        """has_table_privilege and its family: kind table, column, schema, database, sequence, function, type ...

        The target of a column is (table, column name or number).
        """

    def settings(self) -> Iterable[Row]:
        """The configuration parameters as the rows of pg_settings."""


class SequenceAccess(Protocol):
    """Sequences by oid of their relation."""

    def next_value(self, oid: int, *, of_identity: bool = False) -> int:
        """nextval; the next value `of_identity` takes no privileges on the sequence."""

    def current_value(self, oid: int) -> int:
        """Raises 55000 if nextval has not been called in this session."""

    def last_value(self) -> int:
        """lastval(): raises 55000 if nextval has not been called in this session."""

    def set_value(self, oid: int, value: int, is_called: bool) -> int: ...

    def stored_value(self, oid: int) -> int | None:
        """What nextval gave last to any session; None before the first one."""


class StatisticsAccess(Protocol):
    """What has been done with tables and indexes since the counts began."""

    def counts(self, oid: int, in_transaction: bool = False) -> tuple[int, ...]:
        """Of a table or index, in the order of exec.relation_counts.COUNTED; or only by the running transaction."""

    def upkeep(self, oid: int, kind: str) -> tuple[int | None, int, int, int]:
        """(timestamp, count, rows written since, rows inserted since) of `kind` analyze or vacuum."""

    def live_rows(self, oid: int) -> int:
        """How many rows a table has, about."""

    def reset(self) -> None:
        """Begins all counts of the database anew. Raises 42501."""

    def reset_one(self, oid: int) -> None:
        """Begins the counts of one relation anew. Raises 42501."""

    def check_may_reset(self, function: str) -> None:
        """Raises 42501 for roles that may not call the function."""


class PastAccess(Protocol):
    """The history of the database, as far as functions ask for it. Timestamps are those of commits."""

    def newest(self) -> int:
        """The newest commit that everybody sees."""

    def create_restore_point(self, name: str) -> int: ...

    def drop_restore_point(self, name: str) -> bool: ...

    def restore_points(self) -> Sequence[tuple[str, int]]: ...

    def changes(self, table: str, after: int, until: int | None) -> Iterator[Row]:
        """(commit timestamp, operation, old row, new row), rows as JSON texts."""


class EvaluationContext(Protocol):
    """The running statement and its session."""

    @property
    def format_settings(self) -> FormatSettings:
        """How values are read and printed."""

    @property
    def transaction_timestamp(self) -> int:
        """The start of the transaction."""

    @property
    def statement_timestamp(self) -> int:
        """The start of the statement."""

    @property
    def current_user(self) -> str: ...

    @property
    def session_user(self) -> str: ...

    @property
    def database(self) -> str: ...

    @property
    def search_path(self) -> Sequence[str]:
        """The schemas that exist in the effective search path, without the implicit pg_catalog."""

    @property
    def own_temporary_schema(self) -> str | None:
        """The session's schema of temporary objects, if it has any."""

    @property
    def backend_pid(self) -> int: ...

    @property
    def trigger_depth(self) -> int: ...

    @property
    def server_start_timestamp(self) -> int: ...

    @property
    def catalog(self) -> CatalogView: ...

    @property
    def past(self) -> PastAccess: ...

    @property
    def statistics(self) -> StatisticsAccess: ...
    @property
    def sequences(self) -> SequenceAccess: ...

    @property
    def types(self) -> TypeLookup: ...

    @property
    def query_text(self) -> str:
        """The statement as the client sent it."""

    def default_text_search(self) -> int:
        """The oid of the configuration default_text_search_config. Raises 42704 where it is gone."""

    def query_rows(self, text: str) -> tuple[list[int], Iterator[Row]]:
        """The types of the columns and the rows of a query that a function runs by its text."""

    def export_snapshot(self) -> str:
        """The identifier under which other sessions can take over the transaction's snapshot."""

    def domain_value(self, domain: int, value: Any) -> Any:
        """The value, after the constraints of a domain have been tested. Raises 23514, 23502."""

    def clock_timestamp(self) -> int:
        """The time now."""

    def random_float(self) -> float:
        """0 <= x < 1, from the session's generator."""

    def seed_random(self, seed: float) -> None:
        """setseed: -1 <= seed <= 1."""

    def random_bytes(self, count: int) -> bytes:
        """Unpredictable bytes."""

    def setting(self, name: str) -> str | None:
        """A configuration parameter as SHOW prints it; None if there is none of this name."""

    def set_setting(self, name: str, value: str | None, local: bool) -> str:
        """Sets a parameter (None: to its default) for the session or the transaction; returns what it is now."""

    def notify(self, channel: str, payload: str) -> None:
        """NOTIFY, at commit."""

    def listening_channels(self) -> Sequence[str]:
        """The channels this session listens to."""

    def transaction_id(self) -> int:
        """The running transaction's id (txid_current)."""

    def assigned_transaction_id(self) -> int | None:
        """The same where the transaction has written or been asked for its id; else None."""

    def client_address(self) -> tuple[str, int] | None:
        """The client's address and port; None for a local socket."""

    def sleep(self, seconds: float) -> Steps[None]:
        """Waits that long."""

    def advisory_lock(self, key: tuple[int, ...], shared: bool, transaction: bool) -> Steps[None]:
        """Takes the lock, waiting for it if need be. `key` is one bigint or two integers."""

    def try_advisory_lock(self, key: tuple[int, ...], shared: bool, transaction: bool) -> bool: ...

    def advisory_unlock(self, key: tuple[int, ...], shared: bool) -> bool: ...

    def advisory_unlock_all(self) -> None: ...

    def cancel_backend(self, pid: int, terminate: bool) -> bool: ...

    def blocking_pids(self, pid: int) -> list[int]:
        """Those who hold up a session's lock; 0 is a prepared transaction."""

    def snapshot_blocking_pids(self, pid: int) -> list[int]:
        """Those whose ends a session's safe snapshot waits for."""
