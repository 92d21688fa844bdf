"""SessionEvaluation: what expressions ask of the session they run in (functions/context.py).

The clock is asked only when somebody wants to know: a statement's time is taken when it is first used and stays for
the statement; a transaction's time is the start that the transaction itself has noted.
Not here: names behind oids (catalog_view.py).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Role, allows_on
from datacave_core.catalog import Sequence as CatalogSequence
from datacave_core.errors import DatacaveError, FeatureNotSupported, QueryCanceled
from datacave_core.transaction import AdvisoryLocks, advisory_key, advisory_key_pair
from datacave_core.types import FormatSettings
from datacave_core.values import Row
from datacave_core.wait import Steps, Wait, wait_for
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.pgcatalog.named_objects import CONFIGURATION
from datacave_sql.session.blocking import blocking_pids, snapshot_blocking_pids
from datacave_sql.session.catalog_view import SessionCatalogView
from datacave_sql.session.domain_checks import DomainChecks
from datacave_sql.session.past import SessionHistory
from datacave_sql.session.privileges import check_may_signal
from datacave_sql.session.query_text import query_rows
from datacave_sql.session.routine_calls import RoutineCalls
from datacave_sql.session.session_statistics import SessionStatistics
from datacave_sql.session.settings import setting_or_none
from datacave_sql.session.transaction_parameters import set_setting, show_setting
from datacave_sql.session.trigger_calls import TriggerCalls
from datacave_sql.session.warnings import warn

EPOCH_MICROSECONDS = 946_684_800_000_000
"""2000-01-01 00:00 UTC in microseconds since 1970."""


class SessionSequences:
    """Sequences as functions use them, with what nextval has given in this session."""

    __slots__ = ("_last", "_session", "_values")

    def __init__(self, session: Any) -> None:
        self._session = session
        self._values: dict[int, int] = {}
        self._last = 0

    def _sequence(self, oid: int) -> CatalogSequence:
        sequence: CatalogSequence | None = self._session.catalog_snapshot.sequences.get(oid)
        if sequence is None:
            name = self._session.evaluation.catalog.relation_name(oid)
            if name is None:
                raise DatacaveError(f"could not open relation with OID {oid}", sqlstate=sqlstate.UNDEFINED_TABLE)
            raise DatacaveError(f'"{name[1]}" is not a sequence', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
        return sequence

    def _check_allowed(self, sequence: CatalogSequence, letters: str) -> None:
        """Raises 42501 for a role that has none of these privileges."""
        session = self._session
        role = session.evaluation.current_role
        if not role.superuser and not any(
            allows_on(session.catalog_snapshot, role.oid, "sequence", sequence, letter) for letter in letters
        ):
            raise DatacaveError(
                f"permission denied for sequence {sequence.name}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE
            )

    def _check_writable(self, function: str) -> None:
        transaction = self._session.transaction
        if transaction is not None and transaction.read_only:
            raise DatacaveError(
                f"cannot execute {function}() in a read-only transaction", sqlstate=sqlstate.READ_ONLY_SQL_TRANSACTION
            )

    def next_value(self, oid: int, *, of_identity: bool = False) -> int:
        """nextval; the next value `of_identity` takes no privileges on the sequence."""
        sequence = self._sequence(oid)
        if not of_identity:
            self._check_allowed(sequence, "Uw")
        if sequence.persistence != "t":
            self._check_writable("nextval")
        sequences = self._session.database.sequences
        value: int = sequences.next_value(sequence)
        self._values[oid] = value
        self._last = oid
        self._show_once_durable(sequences)
        return value

    def _show_once_durable(self, sequences: Any) -> None:
        transaction = self._session.transaction
        if transaction is not None:
            transaction.show_after(sequences.newest_write)

    def current_value(self, oid: int) -> int:
        """currval. Raises 55000 if nextval has not been called in this session."""
        sequence = self._sequence(oid)
        self._check_allowed(sequence, "Ur")
        value = self._values.get(oid)
        if value is None:
            raise DatacaveError(
                f'currval of sequence "{sequence.name}" is not yet defined in this session',
                sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            )
        return value

    def last_value(self) -> int:
        """lastval. Raises 55000 if nextval has not been called in this session."""
        if self._last not in self._session.catalog_snapshot.sequences:
            raise DatacaveError(
                "lastval is not yet defined in this session", sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE
            )
        return self._values[self._last]

    def stored_value(self, oid: int) -> int | None:
        """What nextval gave last to any session; None before the first one."""
        value, is_called = self._session.database.sequences.last_value(self._sequence(oid))
        return value if is_called else None

    def set_value(self, oid: int, value: int, is_called: bool) -> int:
        """setval."""
        sequence = self._sequence(oid)
        self._check_allowed(sequence, "w")
        if sequence.persistence != "t":
            self._check_writable("setval")
        sequences = self._session.database.sequences
        sequences.set_value(sequence, value, is_called)
        self._show_once_durable(sequences)
        if is_called:
            self._values[oid] = value
        return value

    def forget(self) -> None:
        """DISCARD SEQUENCES."""
        self._values.clear()
        self._last = 0


class SessionEvaluation:
    """The EvaluationContext of a session."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._statement_time = 0
        self._random: random.Random | None = None
        self._path_key: tuple[Any, ...] = ()
        self._path: tuple[str, ...] = ()
        self._advisory = AdvisoryLocks(session.database.transactions.locks, session.owner)
        self.catalog = SessionCatalogView(session)
        self.sequences = SessionSequences(session)
        self.past = SessionHistory(session)
        self.statistics = SessionStatistics(session)
        self.routines = RoutineCalls(session)
        self.triggers = TriggerCalls(session)
        self.call_routine = self.routines.value
        self.call_routine_set = self.routines.rows
        self.domain_value = DomainChecks(session).value
        self.backend_pid: int = session.process_id
        self.query_text = ""
        self.constraint_modes: dict[int, bool] = {}
        """SET CONSTRAINTS of the transaction: constraint oid (0: all) to whether it is deferred."""
        self._shown_number = 0
        self.temporary_schema = f"pg_temp_{session.process_id}"
        session.settings.set_identity(session.user, self._is_superuser, lambda: self.transaction_timestamp)

    def _is_superuser(self, name: str) -> bool:
        role = self._session.catalog_snapshot.role_named(name)
        return role is not None and role.superuser

    def export_snapshot(self) -> str:
        """The identifier under which other sessions can take over the transaction's snapshot."""
        identifier: str = self._session.database.exported_snapshots.export(self._session)
        return identifier

    @property
    def trigger_depth(self) -> int:
        """How many triggers run inside each other."""
        return self.triggers.depth

    # Time

    def statement_started(self) -> None:
        """A statement starts: its time is not known yet."""
        self._statement_time = 0

    def transaction_started(self) -> None:
        """A transaction starts."""
        if self.constraint_modes:
            self.constraint_modes = {}
        self._statement_time = 0

    @property
    def statement_timestamp(self) -> int:
        """When the running statement started (when somebody first asked)."""
        if not self._statement_time:
            self._statement_time = self.clock_timestamp()
        return self._statement_time

    @property
    def known_statement_timestamp(self) -> int:
        """The same; 0 while nobody has asked."""
        return self._statement_time

    @property
    def transaction_timestamp(self) -> int:
        """When the running transaction started."""
        transaction = self._session.transaction
        if transaction is None:
            return self.statement_timestamp
        start: int = transaction.start_microseconds
        return start - EPOCH_MICROSECONDS

    @property
    def server_start_timestamp(self) -> int:
        """When the database was opened."""
        start: int = self._session.database.start_microseconds
        return start - EPOCH_MICROSECONDS

    def clock_timestamp(self) -> int:
        """The time now."""
        now: int = self._session.database.clock.now_microseconds()
        return now - EPOCH_MICROSECONDS

    # Who and where

    @property
    def format_settings(self) -> FormatSettings:
        """How values are read and printed."""
        settings: FormatSettings = self._session.settings.format_settings
        return settings

    @property
    def current_user(self) -> str:
        """The role whose privileges count."""
        settings = self._session.settings
        role: str = settings.role
        if role != "none":
            return role
        user: str = settings.session_authorization
        return user

    @property
    def session_user(self) -> str:
        """The role that the session belongs to."""
        user: str = self._session.settings.session_authorization
        return user

    @property
    def current_role(self) -> Role:
        """The catalog's role behind `current_user`; a user known to the server alone has the administrator's."""
        catalog = self._session.catalog_snapshot
        role = catalog.role_named(self.current_user)
        if role is None:
            role = catalog.role_named(self._session.database.options.admin_name)
        assert role is not None
        found: Role = role
        return found

    @property
    def database(self) -> str:
        """The database's name."""
        name: str = self._session.database_name
        return name

    @property
    def database_oid(self) -> int:
        """The database's oid."""
        oid: int = self._session.home.oid
        return oid

    @property
    def search_path(self) -> tuple[str, ...]:
        """The schemas that exist in the search path, without the implicit pg_catalog."""
        session = self._session
        catalog = session.catalog_snapshot
        raw = session.settings.search_path
        user = self.current_user
        key = self._path_key
        if not key or key[0] is not catalog or key[1] is not raw or key[2] != user:
            names: dict[str, None] = {}
            role = catalog.role_named(user)
            for name in raw:
                if name == "$user":
                    name = user
                elif name == "pg_temp":
                    name = self.temporary_schema
                oid = catalog.schema_names.get(name)
                if oid is not None and (
                    name == self.temporary_schema
                    or role is None
                    or allows_on(catalog, role.oid, "schema", catalog.schemas[oid], "U")
                ):
                    names[name] = None
            self._path = tuple(names)
            self._path_key = (catalog, raw, user)
        return self._path

    @property
    def own_temporary_schema(self) -> str | None:
        """The session's schema of temporary objects, if it has any."""
        name = self.temporary_schema
        return name if name in self._session.catalog_snapshot.schema_names else None

    @property
    def types(self) -> TypeLookup:
        """Types by oid."""
        types: TypeLookup = self._session.catalog_state.types
        return types

    def client_address(self) -> tuple[str, int] | None:
        """The client's address and port; None for a local socket."""
        address: tuple[str, int] | None = self._session.client_address
        return address

    # Chance

    def _generator(self) -> random.Random:
        if self._random is None:
            self._random = random.Random(self._session.database.randomness.token_bytes(16))
        return self._random

    def random_float(self) -> float:
        """0 <= x < 1."""
        return self._generator().random()

    def seed_random(self, seed: float) -> None:
        """setseed. Raises 22023 outside -1 .. 1."""
        if not -1 <= seed <= 1:
            raise DatacaveError(
                f"setseed parameter {seed:g} is out of allowed range [-1,1]", sqlstate=sqlstate.INVALID_PARAMETER_VALUE
            )
        self._generator().seed(seed)

    def random_bytes(self, count: int) -> bytes:
        """Unpredictable bytes."""
        found: bytes = self._session.database.randomness.token_bytes(count)
        return found

    # Parameters

    def setting(self, name: str) -> str | None:
        """A parameter as SHOW prints it; None if there is none of this name."""
        shown = show_setting(self._session, name)
        return shown if shown is not None else setting_or_none(self._session.settings, name)

    def set_setting(self, name: str, value: str | None, local: bool) -> str:
        """set_config."""
        set_setting(self._session, name, value, local)
        return self.setting(name) or ""

    # Other sessions

    def is_configuration(self, name: str) -> bool:
        """Whether a text names a configuration of text search."""
        try:
            return self.catalog.named_object(CONFIGURATION, name) is not None
        except DatacaveError:
            return False

    def default_text_search(self) -> int:
        """The oid of the configuration default_text_search_config. Raises 42704 where it is gone."""
        name = self._session.settings.get("default_text_search_config")
        found = self.catalog.named_object(CONFIGURATION, name)
        if found is None:
            raise DatacaveError(
                f'text search configuration "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
            )
        return found

    def query_rows(self, text: str) -> tuple[list[int], Iterator[Row]]:
        """The types of the columns and the rows of a query that a function runs by its text."""
        return query_rows(self._session, text)

    def notify(self, channel: str, payload: str) -> None:
        """NOTIFY, at commit."""
        self._session.notify(channel, payload)

    def listening_channels(self) -> Sequence[str]:
        """The channels this session listens to."""
        return sorted(self._session.home.notifications.channels_of(self._session))

    def transaction_id(self) -> int:
        """The running transaction's number."""
        transaction = self._session.transaction
        self._shown_number = transaction.number if transaction is not None else 0
        return self._shown_number

    def assigned_transaction_id(self) -> int | None:
        """The number where the transaction has written or been asked for it."""
        transaction = self._session.transaction
        if transaction is None or not (transaction.writes or transaction.number == self._shown_number):
            return None
        number: int = transaction.number
        return number

    def sleep(self, seconds: float) -> Steps[None]:
        """Waits that long. Raises 0A000 where nobody can wake the session."""
        call_later = self._session.database.call_later
        if call_later is None:
            raise FeatureNotSupported("pg_sleep needs a server")
        woken = Wait("Timeout:PgSleep")
        take_back = call_later(max(seconds, 0.0), woken.finish)
        try:
            yield from wait_for(woken)
        finally:
            take_back()

    def _advisory_key(self, key: tuple[int, ...]) -> bytes:
        oid = self.database_oid
        return advisory_key(oid, key[0]) if len(key) == 1 else advisory_key_pair(oid, key[0], key[1])

    def advisory_lock(self, key: tuple[int, ...], shared: bool, transaction: bool) -> Steps[None]:
        """Takes the lock, waiting for it if need be."""
        yield from self._advisory.lock(self._advisory_key(key), shared=shared, transaction=transaction)

    def try_advisory_lock(self, key: tuple[int, ...], shared: bool, transaction: bool) -> bool:
        """Takes the lock if it is free."""
        return self._advisory.try_lock(self._advisory_key(key), shared=shared, transaction=transaction)

    def advisory_unlock(self, key: tuple[int, ...], shared: bool) -> bool:
        """Gives up one hold; warns where there is none."""
        if self._advisory.unlock(self._advisory_key(key), shared=shared):
            return True
        kind = "ShareLock" if shared else "ExclusiveLock"
        warn(self._session, f"you don't own a lock of type {kind}")
        return False

    def advisory_unlock_all(self) -> None:
        """Gives up all of the session's holds."""
        self._advisory.unlock_all()

    def blocking_pids(self, pid: int) -> list[int]:
        """Those who hold up a session's lock; 0 is a prepared transaction."""
        return blocking_pids(self._session.database, pid)

    def snapshot_blocking_pids(self, pid: int) -> list[int]:
        """Those whose ends a session's safe snapshot waits for."""
        return snapshot_blocking_pids(self._session.database, pid)

    def cancel_backend(self, pid: int, terminate: bool) -> bool:
        """pg_cancel_backend and pg_terminate_backend."""
        if pid not in self._session.database.sessions:
            warn(self._session, f"PID {pid} is not a PostgreSQL backend process")
            return False
        check_may_signal(self._session, self._session.database.sessions[pid], "terminate" if terminate else "cancel")
        error: DatacaveError
        if terminate:
            error = DatacaveError(
                "terminating connection due to administrator command", sqlstate=sqlstate.ADMIN_SHUTDOWN
            )
            error.severity = "FATAL"
        else:
            error = QueryCanceled("canceling statement due to user request")
        return bool(self._session.database.interrupt(pid, error))
