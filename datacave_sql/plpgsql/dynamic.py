"""Dynamic SQL and statements that are no queries: what runs by its text, with the rows it gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.values import Row
from datacave_sql.bind.binder import bind_in_scope
from datacave_sql.bind.names import Scope
from datacave_sql.functions.typelookup import Attribute
from datacave_sql.parse import ParsedStatement, ast, parse_statements
from datacave_sql.plpgsql.contexts import add_line
from datacave_sql.plpgsql.expressions import Expression, Wanted, shaped
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.inner_statements import InnerQuery, check_read_only, run_steps
from datacave_sql.plpgsql.variables import Shape
from datacave_sql.session.compiled import CompiledQuery, compiled_query
from datacave_sql.session.permissions import check_permissions
from datacave_sql.session.planned import planned

_QUERIES = (ast.Query, ast.Insert, ast.Update, ast.Delete, ast.Merge)
_TRANSACTION = (
    ast.Begin, ast.Commit, ast.Rollback, ast.Savepoint, ast.ReleaseSavepoint, ast.RollbackTo, ast.PreparedTransaction,
)  # fmt: skip
PLANS_MAX = 50


class Outcome:
    """What a statement has done: its rows, their shape, how many it has written, its kind."""

    __slots__ = ("_inner", "kind", "returns_rows", "rows", "shape")

    def __init__(
        self, rows: Iterator[Row], shape: Shape | None, inner: InnerQuery | None, kind: str, returns_rows: bool
    ) -> None:
        self.rows = rows
        self.shape = shape
        self.kind = kind
        self.returns_rows = returns_rows
        self._inner = inner

    @property
    def rows_changed(self) -> int:
        """How many rows it has written."""
        return self._inner.rows_changed if self._inner is not None else 0


def run_utility(frame: Frame, text: str, parsed: ParsedStatement) -> Outcome:
    """Runs a statement that is no query. Raises 0A000 for what no function may do."""
    session = frame.session
    statement = parsed.statement
    if isinstance(statement, _TRANSACTION):
        raise DatacaveError("unsupported transaction command in PL/pgSQL", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    if isinstance(statement, ast.Copy) and statement.file is None and not statement.program:
        raise DatacaveError("cannot COPY to/from client in PL/pgSQL", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    if frame.read_only and not isinstance(statement, ast.ShowParameter | ast.Explain):
        raise check_read_only(_words(statement))
    try:
        compiled = session.compiler.compile(text, parsed, None)
    except DatacaveError as error:
        if error.position is not None:
            error.internal_query, error.internal_position, error.position = text, error.position, None
        raise
    before = session.evaluation.query_text
    session.evaluation.routines.may_commit = not frame.atomic and not frame.subtransactions
    try:
        steps = run_steps(session, session.execute(compiled, (), inner=True))
    finally:
        session.evaluation.query_text = before
    frame.context.transaction = session.transaction
    shape = None
    if compiled.columns is not None:
        shape = Shape([Attribute(c.name, c.type_oid, c.typmod) for c in compiled.columns], session.catalog_state.types)
    rows = [row for step in steps if type(step) is list for row in step]
    return Outcome(iter(rows), shape, None, "utility", compiled.columns is not None)


def _words(statement: object) -> str:
    return "".join(f" {letter}" if letter.isupper() else letter for letter in type(statement).__name__).strip().upper()


class Dynamic:
    """EXECUTE of one place: the text, the values of USING, and the plans of the texts it had."""

    def __init__(
        self, text: Expression, using: Sequence[Expression], wanted: Sequence[Wanted] | None, exact: bool
    ) -> None:
        self._text = text
        self._using = using
        self._wanted = wanted
        self._exact = exact
        self._plans: dict[Any, tuple[CompiledQuery, Shape | None]] = {}

    def start(self, frame: Frame) -> tuple[str, Outcome]:
        """Begins an execution: the text and what comes of it."""
        text = self._text(frame)
        if text is None:
            raise DatacaveError("query string argument of EXECUTE is null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
        text = str(text)
        values = tuple(one(frame) for one in self._using)
        types = tuple(one.type if one.type != oids.UNKNOWN else oids.TEXT for one in self._using)
        try:
            return text, self._start(frame, text, types, values)
        except DatacaveError as error:
            if error.position is not None and error.internal_query is None:
                error.internal_query, error.internal_position = text, error.position
                error.position = None
            raise

    def parameters(self, frame: Frame) -> list[tuple[str, int, Any]]:
        """($n, type, value) of USING."""
        return [
            (f"${place}", one.type if one.type != oids.UNKNOWN else oids.TEXT, one(frame))
            for place, one in enumerate(self._using, 1)
        ]

    def _start(self, frame: Frame, text: str, types: tuple[int, ...], values: tuple[Any, ...]) -> Outcome:
        session = frame.session
        catalog = session.catalog_snapshot
        key = (text, types, session.name_context)
        found = self._plans.get(key)
        if found is None or found[0].catalog is not catalog:
            statements = parse_statements(text)
            if not statements:
                return Outcome(iter(()), None, None, "utility", False)
            for parsed in statements[:-1]:
                self._run(frame, text, parsed, types, values)
            return self._run(frame, text, statements[-1], types, values, key if len(statements) == 1 else None)
        return self._outcome(frame, *found, values)

    def _run(
        self,
        frame: Frame,
        text: str,
        parsed: ParsedStatement,
        types: tuple[int, ...],
        values: tuple[Any, ...],
        key: Any = None,
    ) -> Outcome:
        session = frame.session
        statement = parsed.statement
        if isinstance(statement, _TRANSACTION):
            raise DatacaveError(
                "EXECUTE of transaction commands is not implemented", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED
            )
        if not isinstance(statement, _QUERIES):
            return run_utility(frame, text, parsed)
        if isinstance(statement, ast.Query) and getattr(statement.body, "into", None) is not None:
            raise DatacaveError(
                "EXECUTE of SELECT ... INTO is not implemented",
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                hint="You might want to use EXECUTE ... INTO or EXECUTE CREATE TABLE ... AS instead.",
            )
        state = session.catalog_state
        b, query = bind_in_scope(parsed, text, session.binding_environment(state), types, Scope())
        check_permissions(session, query)
        query, shape = shaped(b, query, self._wanted, exact=self._exact)
        compiled = compiled_query(state.catalog, query, planned(session, state, query), text, parsed)
        if key is not None:
            if len(self._plans) >= PLANS_MAX:
                self._plans.clear()
            self._plans[key] = (compiled, shape)
        outcome = self._outcome(frame, compiled, shape, values)
        if key is None:
            outcome.rows = iter(list(outcome.rows))
        return outcome

    def _outcome(self, frame: Frame, compiled: CompiledQuery, shape: Shape | None, values: tuple[Any, ...]) -> Outcome:
        inner = InnerQuery(frame.session, compiled, values, read_only=frame.read_only)
        rows = (row for batch in inner.batches() for row in batch)
        return Outcome(rows, shape, inner, compiled.kind, compiled.returns_rows)


def noted(error: DatacaveError, text: str) -> DatacaveError:
    """An error out of a SQL statement, which its context names."""
    if error.internal_query is None:
        add_line(error, f'SQL statement "{text}"')
    return error
