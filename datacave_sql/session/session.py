"""Session: one client's connection to the database, without the wire.

    idle --BEGIN--> in a block --error--> failed --ROLLBACK--> idle
      \\--statement--> implicit transaction --end of the string, or Sync--> idle

A statement runs as a generator of replies and Waits (replies.py); whoever drives it may throw an error into it, such
as QueryCanceled. Order of a commit: deferred checks, the catalog's changes as rows, one store commit, the new catalog
is installed, then the wait for the disk.
Not here: the wire (server), what utility statements do (utility/), compiling (compiler.py).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Any

from datacave_core.catalog import Catalog, rebased
from datacave_core.errors import DatacaveError
from datacave_core.transaction import (
    AdvisoryLocks,
    Isolation,
    LockOwner,
    Mark,
    TableLockMode,
    Transaction,
    committed,
    failed,
    is_long,
    released,
    roll_back,
    undisturbed,
)
from datacave_core.types import FormatSettings, TypeIO, find_type
from datacave_core.types.array import array_io
from datacave_core.values import Row
from datacave_core.wait import Steps, Wait, wait_for
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.relation_counts import SessionCounts
from datacave_sql.exec.suspension import in_turns
from datacave_sql.exec.work_memory import StatementMemory
from datacave_sql.functions.registered import REGISTERED, registered_io
from datacave_sql.session.asides import Asides
from datacave_sql.session.at_once import AtOnce
from datacave_sql.session.commit_hooks import CommitHooks
from datacave_sql.session.compiled import CompiledQuery, CompiledUtility
from datacave_sql.session.compiler import Compiler, Plan
from datacave_sql.session.definition_changes import DefinitionChanges
from datacave_sql.session.definition_waits import bound_when_settled
from datacave_sql.session.evaluation import SessionEvaluation
from datacave_sql.session.failed_block import in_failed_block
from datacave_sql.session.held_statements import HeldStatements
from datacave_sql.session.hidden_indexes import HidesIndexes
from datacave_sql.session.past import SessionPast
from datacave_sql.session.progress import SessionProgress
from datacave_sql.session.replies import Complete, EmptyQuery, Reply
from datacave_sql.session.settings import SessionSettings
from datacave_sql.session.snapshot_reader import SnapshotReader, StaleReader
from datacave_sql.session.touched_tables import check_may_write, wait_for_tables
from datacave_sql.session.under_way import WorkUnderWay
from datacave_sql.session.utility import drop_temporary_schema, empty_at_commit, run_utility, runs_in_failed_block


class Session(Asides, CommitHooks, DefinitionChanges, HeldStatements, AtOnce, HidesIndexes):
    """One client. Everything runs in one thread; at most one statement is under way.

    `evaluation` answers what expressions ask; `settings` holds the parameters.
    """

    def __init__(
        self,
        database: Any,
        home: Any,
        process_id: int,
        user: str,
        database_name: str,
        settings: dict[str, str],
        command_line: str | None,
        client_address: tuple[str, int] | None,
        wake: Callable[[], None] | None,
    ) -> None:
        self.database = database
        self.home = home
        """The database it is connected to (a NamedDatabase)."""
        self.user = user
        self.database_name = database_name
        self.client_address = client_address
        self.owner = LockOwner(process_id)
        self._contended_tables = database.transactions.table_locks.contended
        self._name_parts: tuple[Any, ...] = (None, None, None, None)
        self._name_context: tuple[Any, ...] = ()
        self.advisory_locks = AdvisoryLocks(database.transactions.locks, self.owner)
        Asides.__init__(self, process_id, wake)
        CommitHooks.__init__(self)
        DefinitionChanges.__init__(self)
        self.settings = SessionSettings(database.default_settings(user, database_name), settings, command_line)
        self.memory = StatementMemory(database.memory)
        self.transaction: Transaction | None = None
        self.in_block = False
        self.failed = False
        self.several = False
        """Whether the statement at hand is one of several in a string."""
        self.savepoints: list[tuple[str, Mark, Any]] = []
        HeldStatements.__init__(self)
        self.emptied_at_commit: set[int] = set()
        """Oids of temporary tables with ON COMMIT DELETE ROWS."""
        self.made_temporary = False  # whether the transaction has made a temporary object
        self.counts: SessionCounts = home.activity.session_began()
        self.compiler = Compiler(self)
        self.find_plan = self.compiler.cached
        self._own_catalog: Any = None  # a CatalogState with uncommitted changes, or of the past
        self.evaluation = SessionEvaluation(self)
        self.past = SessionPast(self)
        self._catalog_base: Catalog | None = None
        self._known_catalog: Catalog | None = None  # of the snapshot, where _own_catalog only hides newer indexes
        self.progress = SessionProgress()
        self._unreadable_past: DatacaveError | None = None  # why datacave.as_of cannot be read
        self.reader = SnapshotReader(database.store)
        """For lookups without a transaction; where they need one, it is never up to date, which sends them the long
        way."""
        self.settings.rights_changed = self._rights_changed
        self.settings.reading_changed = self._reading_changed
        self.settings.is_configuration = self.evaluation.is_configuration
        self._reading_changed()
        self.closed = False
        self.under_way: WorkUnderWay | None = None
        self.start_microseconds: int = database.clock.now_microseconds()

    # What others ask

    @property
    def transaction_status(self) -> str:
        """As in ReadyForQuery: "I" idle, "T" in a transaction block, "E" in a failed one."""
        if self.failed:
            return "E"
        return "T" if self.in_block else "I"

    @property
    def definitions_change(self) -> bool:
        """Whether somebody may be changing a table: names are found only after a look at who does."""
        return bool(self._contended_tables)

    @property
    def in_function(self) -> bool:
        """Whether a PL/pgSQL function runs, whose statements are inside of a transaction as those of a block are."""
        return self.evaluation.routines.frame is not None

    @property
    def catalog_state(self) -> Any:
        """The CatalogState that this session's statements see: its own changes, else the committed one."""
        return self._own_catalog if self._own_catalog is not None else self.home.state

    @property
    def catalog_snapshot(self) -> Catalog:
        """The catalog that this session's statements see."""
        catalog: Catalog = self.catalog_state.catalog
        return catalog

    @property
    def rights_catalog(self) -> Catalog:
        """The catalog whose privileges count: under datacave.as_of the present one, so that no right comes back."""
        rights: Catalog = self.home.state.catalog if self.settings.as_of else self.catalog_snapshot
        return rights

    @property
    def format_settings(self) -> FormatSettings:
        """How values are read and printed in this session; a new object whenever that changes."""
        return self.settings.format_settings

    @property
    def name_context(self) -> tuple[Any, ...]:
        """What decides which objects names mean: plans are shared between sessions that agree in it."""
        settings, catalog = self.settings, self.catalog_snapshot
        path, role, authorization = settings.search_path, settings.role, settings.session_authorization
        known = self._name_parts
        if known[0] is not catalog or known[1] is not path or known[2] is not role or known[3] is not authorization:
            evaluation = self.evaluation
            temporary = evaluation.own_temporary_schema
            self._name_context = (path, evaluation.current_user, temporary, settings.row_security)
            self._name_parts = (catalog, path, role, authorization)
        return self._name_context

    def _rights_changed(self) -> None:
        """Somebody else's rights count from now on."""
        self._name_parts = (None, None, None, None)
        self.forget_plans()

    @property
    def search_path(self) -> tuple[str, ...]:
        """The schemas that exist in the search path, without the implicit pg_catalog."""
        return self.evaluation.search_path

    def binding_environment(self, state: Any) -> BindingEnvironment:
        """What the binder finds names in."""
        return BindingEnvironment(
            catalog=state.catalog,
            types=state.types,
            search_path=self.search_path,
            current_user=self.evaluation.current_user,
            session_user=self.evaluation.session_user,
            format_settings=self.format_settings,
            virtual_relations=self.database.virtual_relations,
            temporary_schema=self.evaluation.own_temporary_schema,
            row_security=self.settings.row_security,
            rights=self.rights_catalog,
            past=self.past,
            transition_tables=self.evaluation.triggers.transition_tables(),
            checks_bodies=bool(self.settings.value("check_function_bodies")),
        )

    def find_io(self, type_oid: int) -> TypeIO:
        """How values of a type are read and written, the catalog's types included."""
        if type_oid in REGISTERED:
            return registered_io(type_oid, self.evaluation)
        facts = find_type(type_oid)
        if facts is not None and facts.element_oid in REGISTERED and facts.is_array:
            return array_io(registered_io(facts.element_oid, self.evaluation), facts.element_oid)
        io: TypeIO = self.catalog_state.types.io(type_oid)
        return io

    # Simple queries

    def simple_query(self, text: str, found: Plan | None = None) -> Generator[Reply | Wait, None, None]:
        """Runs a string of statements; outside a block they are one implicit transaction. Ends where ReadyForQuery is
        due; after an error too, which is raised. `found` is what `find_plan` gave."""
        self.close_portal("")
        self.evaluation.query_text = text
        try:
            self._begin_in_past()
            if found is None or self.settings.as_of:
                found = self.find_plan(text)
            if found is not None:
                compiled, parameters = found
                yield from self.run(compiled, parameters, with_header=True)
            elif (bulk := self.compiler.bulk_insert(text)) is not None:
                yield from self.run(bulk[0], (), with_header=True, rows=bulk[1])
            else:
                statements = yield from in_turns(text, lambda: self.compiler.parse(text))
                if not statements:
                    yield EmptyQuery()
                single = len(statements) == 1
                self.several = not single
                for position, parsed in enumerate(statements):
                    self._check_not_failed(parsed.statement)
                    compile_it = partial(self.compiler.compile, text, parsed, None, keep=single)
                    compiled = yield from bound_when_settled(self, parsed, compile_it, text if single else "")
                    last = position == len(statements) - 1
                    yield from self.run(compiled, (), with_header=True, hold_tag=last)
                    if last:
                        return
        except GeneratorExit:
            self.abort()
            raise
        except BaseException:
            self.abort()
            raise
        finally:
            self.several = False

    def run(
        self, compiled: CompiledQuery | CompiledUtility, parameters: Sequence[Any], *, with_header: bool,
        hold_tag: bool = True,
        rows: Sequence[Row] = (),
    ) -> Iterator[Reply | Wait]:  # fmt: skip
        """Runs one statement of a simple query; the last one (`hold_tag`) also ends an implicit transaction, and its
        tag comes only after that has succeeded."""
        tag: Complete | None = None
        for step in self.execute(compiled, parameters, with_header=with_header, given_rows=rows):
            if type(step) is Complete and hold_tag:
                tag = step
            else:
                yield step
        if hold_tag:
            yield from self.end_implicit()
            if tag is not None:
                yield tag

    # One statement

    def execute(
        self,
        compiled: CompiledQuery | CompiledUtility,
        parameters: Sequence[Any],
        *,
        with_header: bool = False,
        given_rows: Sequence[Row] = (),
        text: str | None = None,
        inner: bool = False,
    ) -> Generator[Reply | Wait, None, None]:
        """Runs a statement to its end inside the present (or a new implicit) transaction. `text` is the statement as
        the client wrote it, where that is not the plan's; `inner`: a routine runs it, which may go on after an error.
        """
        if not with_header:
            self.evaluation.query_text = compiled.text if text is None else text
        if isinstance(compiled, CompiledUtility):
            yield from run_utility(self, compiled, parameters)
            return
        if self.failed:
            raise in_failed_block()
        transaction = self.begin_statement()
        if transaction.loads:
            yield from transaction.loads.settle()
        if self._unreadable_past is not None:
            raise self._unreadable_past
        if transaction.read_only:
            check_may_write(compiled)
        wait = transaction.lock_tables(compiled.tables)
        if wait is not None or compiled.catalog is not self.catalog_snapshot:
            compiled = yield from wait_for_tables(self, compiled, transaction, wait, may_change=with_header)
        if transaction.deferrable:
            yield from transaction.safe_snapshot()
        mark = self._latest_mark = transaction.savepoint()
        transaction.statement_snapshot()
        context = ExecutionContext(self, transaction, parameters)
        context.given_rows = given_rows
        if with_header and compiled.returns_rows:
            yield compiled.header
        rows = 0
        try:
            for batch in compiled.operator.open(context):
                if isinstance(batch, Wait):
                    yield batch
                    continue
                moment = transaction.must_be_durable_before_rows
                if moment and (durable := transaction.manager.durable_wait(moment)) is not None:
                    yield durable
                rows += len(batch)
                if compiled.returns_rows:
                    yield batch
        except GeneratorExit:
            if not transaction.ended:
                transaction.cancel_wait()
                transaction.rollback_to(self.mark_to_undo(transaction, mark))
            raise
        except BaseException:
            if not transaction.ended:
                back = self.mark_to_undo(transaction, mark)
                yield from failed(transaction, back, ends=not inner and not self.savepoints)
            raise
        yield Complete(compiled.tag(rows if compiled.kind == "select" else context.rows_changed))

    def lookup(self, compiled: CompiledQuery, parameters: Sequence[Any]) -> list[Row] | None:
        """The rows of a statement that finds them by complete keys, without a generator; None where that is not
        possible at the moment."""
        if self.failed:
            raise in_failed_block()
        operator = compiled.lookup
        if operator is None or compiled.catalog is not self.catalog_snapshot or self._contended_tables:
            return None
        transaction = self.transaction
        reader: Any = transaction
        if transaction is None:
            reader = self.reader
            if self.owner.last_commit_timestamp > reader.renew():
                return None
            self.evaluation.statement_started()
        else:
            if transaction.deferrable and transaction.waits_for_safety:
                return None
            transaction.lock_tables(compiled.tables)
            transaction.statement_snapshot()
            if transaction.must_be_durable_before_rows or transaction.loads:
                return None
        context = ExecutionContext(self, reader, parameters)
        keys = operator.make_keys(context)()
        get = reader.get
        pairs = [(key, row) for key in keys if (row := get(key)) is not None]
        self.counts.within(operator.counted_oid, reader.number).looked_up(len(pairs), lone=transaction is None)
        if not pairs:
            return []
        rows: list[Row] = operator.make(context)(pairs)
        return rows

    def going_on(
        self, step: Reply | Wait, steps: Generator[Reply | Wait, None, None]
    ) -> Generator[Reply | Wait, None, None]:
        """The rest of an `execute` of which one step has been taken; an error spoils the block, as in a query."""
        try:
            yield step
            yield from steps
        except BaseException:
            self.abort()
            raise

    def begin_statement(self) -> Transaction:
        """The transaction that the next statement runs in."""
        transaction = self.transaction
        if transaction is None:
            transaction = self.begin_transaction()
        self.evaluation.statement_started()
        return transaction

    def begin_transaction(
        self, isolation: Isolation | None = None, read_only: bool | None = None, deferrable: bool | None = None
    ) -> Transaction:
        """Starts a transaction with the session's defaults."""
        settings = self.settings
        transaction: Transaction = self.database.transactions.begin(
            isolation if isolation is not None else settings.default_isolation,
            settings.default_read_only if read_only is None else read_only,
            settings.default_deferrable if deferrable is None else deferrable,
            self.owner,
        )
        self.transaction = transaction
        self.evaluation.transaction_started()
        if self.settings.as_of:
            try:
                self.travel(self.past.moment(self.settings.as_of))
            except DatacaveError as error:
                # Queries are told; what sets parameters and ends transactions still works.
                transaction.read_only = True
                self._unreadable_past = error
        return transaction

    def travel(self, moment: int) -> None:
        """Makes the transaction read a past moment (microseconds since 1970), definitions included.

        Raises 72000 for what is no longer kept, 22023 for the future.
        """
        assert self.transaction is not None
        since, until = self.past.span_of(moment)
        self.transaction.read_as_of(moment)
        if until is not None:
            self._own_catalog = self.database.new_state(self.past.catalog_at(since), past=True)

    def _begin_in_past(self) -> None:
        """Under datacave.as_of even names are looked up in the past: a transaction starts before they are."""
        if self.settings.as_of and self.transaction is None:
            self.begin_transaction()

    def _reading_changed(self) -> None:
        stale = self.settings.reads_in_transactions
        self.reader = StaleReader(self.database.store) if stale else SnapshotReader(self.database.store)

    def _check_not_failed(self, statement: Any) -> None:
        if self.failed and not runs_in_failed_block(statement):
            raise in_failed_block()

    # The catalog

    def lock_table(self, oid: int, mode: int = TableLockMode.ACCESS_EXCLUSIVE) -> Steps[None]:
        """Locks a table until the transaction ends, by default against everybody else."""
        transaction = self.transaction
        assert transaction is not None
        wait = transaction.lock_table(oid, mode)
        if wait is not None:
            yield from wait_for(wait)

    def _run_at_commit(self) -> Steps[None]:
        for work in self._at_commit:
            yield from work()
        if self.emptied_at_commit:
            yield from empty_at_commit(self)

    # The end of transactions

    def end_implicit(self) -> Steps[None]:
        """Commits an implicit transaction; a block stays open."""
        if not self.in_block and self.transaction is not None:
            yield from self.commit()

    def commit(self) -> Steps[None]:
        """Commits and waits for the disk. On an error everything is rolled back."""
        transaction = self.transaction
        if transaction is None:
            self._ended(True)
            return
        try:
            yield from self._materialise_held_portals()
            if self._at_commit or self.emptied_at_commit:
                yield from self._run_at_commit()
            if self.changes_catalog:
                yield from self._prepare_definitions(transaction)
            else:
                yield from transaction.prepare_commit()
            wait_durable = self.settings.synchronous_commit
            changed: Catalog | None = self._own_catalog.catalog if self.changes_catalog else None
            long = is_long(transaction)
            if long and not transaction.writes:
                yield from undisturbed(released(transaction))
            commit = transaction.commit(wait_durable=wait_durable, keep_locks=long or changed is not None)
        except BaseException:
            self.rollback()
            raise
        # It is in the log: whatever happens from here on, even the end of the session, it has been committed.
        self._after_rollback.clear()
        if long and changed is None:
            yield from committed(transaction)
        work, self._after_commit = self._after_commit, []
        notifications = list(self.pending_notifications)
        try:
            # Nobody plans with definitions before their rows are there for everybody to see.
            if changed is not None and commit is not None and wait_durable:
                yield from wait_for(commit.durable)
        finally:
            if changed is not None:
                transaction.release_locks()
                self.database.install_catalog(self.home, rebased(changed, self.home.catalog))
            self._ended(True)
            for one in work:
                one()
        if commit is not None and wait_durable:
            yield from wait_for(commit.durable)
        if notifications:
            self.home.notifications.publish(notifications)

    def rollback(self) -> None:
        """Takes the whole transaction back."""
        if self.transaction is not None:
            roll_back(self.transaction)
        work, self._after_rollback = self._after_rollback, []
        self._ended(False)
        for one in work:
            one()

    def _ended(self, committed: bool) -> None:
        if self.transaction is not None:
            self.counts.ended(committed and not self.failed)
        self.transaction = None
        self.in_block = False
        self.failed = False
        self.savepoints.clear()
        self._own_catalog = self._catalog_base = self._known_catalog = self._unreadable_past = None
        self._after_commit.clear()
        self._after_rollback.clear()
        self._at_commit.clear()
        self.listens_at_commit = self.made_temporary = False
        self.pending_notifications.clear()
        self.settings.transaction_ended(committed)
        for name in [name for name, portal in self.portals.items() if not portal.transaction_ended(committed)]:
            self.close_portal(name)

    def abort(self) -> None:
        """What follows an error: an implicit transaction is rolled back, a block waits for ROLLBACK."""
        if self.in_block:
            self.failed = True
            transaction = self.transaction
            if transaction is not None:
                # Nothing of it can be committed any more: others need not wait for its locks.
                transaction.cancel_wait()
                if self.savepoints:
                    transaction.rollback_to(self.savepoints[-1][1])
                else:
                    roll_back(transaction)
        else:
            self.rollback()

    def rollback_in_steps(self) -> Steps[None]:
        """The same as `rollback`; a big transaction lets others go on meanwhile."""
        if self.transaction is not None and not self.transaction.ended and is_long(self.transaction):
            yield from undisturbed(released(self.transaction))
        self.rollback()

    def _materialise_held_portals(self) -> Steps[None]:
        for portal in list(self.portals.values()):
            if portal.holdable:
                yield from portal.materialise()

    def savepoint_state(self) -> Any:
        """What a savepoint has to remember besides the transaction's mark."""
        return (
            self._own_catalog,
            len(self._after_commit),
            self.settings.savepoint(),
            len(self._after_rollback),
            len(self._at_commit),
            len(self.pending_notifications),
            self.listens_at_commit,
        )

    def restore_savepoint_state(self, state: Any) -> None:
        """Goes back to what `savepoint_state` gave."""
        if self._known_catalog is None:
            self._own_catalog = state[0]
            self.rebase()
        del self._after_commit[state[1] :]
        self.settings.rollback_to(state[2])
        del self._at_commit[state[4] :]
        self.forget_notifications(state[5])
        self.listens_at_commit = state[6]
        work = self._after_rollback[state[3] :]
        del self._after_rollback[state[3] :]
        for one in work:
            one()

    def close(self) -> None:
        """Ends the session: its transaction is rolled back, its locks and channels are given up."""
        if self.closed:
            return
        self.closed = True
        for name in list(self.portals):
            self.close_portal(name)
        self.rollback()
        self.evaluation.advisory_unlock_all()
        self.home.notifications.unlisten_all(self)
        drop_temporary_schema(self)
        self.home.activity.session_ended(self.counts)
        self.database.sessions.pop(self.process_id, None)
