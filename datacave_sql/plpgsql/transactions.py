"""Transactions: COMMIT and ROLLBACK inside procedures, CALL with its output arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.bind.binder import binding
from datacave_sql.bind.parameters import Parameters
from datacave_sql.bind.routines import bind_call
from datacave_sql.exec.suspension import run_inside
from datacave_sql.parse import ast, parse_statements
from datacave_sql.plpgsql import syntax as x
from datacave_sql.plpgsql.compiler import Compiler, Run
from datacave_sql.plpgsql.dynamic import noted
from datacave_sql.plpgsql.expressions import Query, shaped
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.inner_statements import InnerQuery
from datacave_sql.plpgsql.targets import Targets
from datacave_sql.plpgsql.variables import Level, scope_of
from datacave_sql.session.permissions import check_permissions


def compile_end(c: Compiler, level: Level, s: x.EndTransaction) -> Run:
    """COMMIT, ROLLBACK. Raises 2D000 where the caller needs its transaction."""

    def run(frame: Frame) -> None:
        if frame.atomic:
            raise DatacaveError("invalid transaction termination", sqlstate=sqlstate.INVALID_TRANSACTION_TERMINATION)
        if frame.subtransactions:
            word = "commit" if s.commits else "roll back"
            raise DatacaveError(
                f"cannot {word} while a subtransaction is active", sqlstate=sqlstate.INVALID_TRANSACTION_TERMINATION
            )
        session = frame.session
        old = session.transaction
        around: Frame | None = frame
        while around is not None:
            for rows in around.loops:
                if rows.writes:
                    raise DatacaveError(
                        "cannot perform transaction commands inside a cursor loop that is not read-only",
                        sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
                    )
                rows.materialise()
            around = around.caller
        if s.commits:
            run_inside(session.commit())
        else:
            session.rollback()
        if s.chain:
            session.begin_transaction(old.isolation, old.read_only, old.deferrable)
        else:
            session.begin_transaction()
        session.transaction.statement_snapshot()
        frame.context.transaction = session.transaction

    return run


def compile_call(c: Compiler, level: Level, s: x.Call) -> Run:
    """CALL: the output arguments are assigned to the variables that stand for them."""
    statement: Any = parse_statements(s.sql.text)[0].statement
    query = Query(c.names, level, s.sql)
    outputs: list[Targets] = []
    known: list[Any] = [None, None]

    def prepare(frame: Frame) -> Any:
        session = frame.session
        state = session.catalog_state
        if known[0] is state.catalog and known[1] is not None:
            return known[1]
        b = binding(session.binding_environment(state), s.sql.text, ())
        b.parameters = Parameters([one.type for one in c.names.datums], state.types, numbered=c.names.numbered)
        try:
            bound: Any = bind_call(b, statement, scope_of(level, frame.shapes, c.names.conflict))
        except DatacaveError as error:
            raise query.internal(error) from None
        check_permissions(session, bound)
        outputs[:] = [
            Targets(level, c.types, [_variable(node, name)]) for name, node in _output_arguments(b, statement, bound)
        ]
        bound, _ = shaped(b, bound, [one.wanted[0] if one.wanted else (0, -1) for one in outputs] or None, exact=False)
        known[0], known[1] = state.catalog, query.compile(frame, bound)
        return known[1]

    def run(frame: Frame) -> None:
        compiled = prepare(frame)
        session = frame.session
        session.evaluation.routines.may_commit = not frame.atomic and not frame.subtransactions
        inner = InnerQuery(session, compiled, tuple(frame.values), read_only=frame.read_only)
        try:
            rows = [row for batch in inner.batches() for row in batch]
        except DatacaveError as error:
            raise noted(error, s.sql.text) from None
        frame.context.transaction = session.transaction
        if outputs and rows:
            for target, value in zip(outputs, rows[0], strict=True):
                target.store(frame, (value,), None)

    return run


def _output_arguments(b: Any, statement: ast.Call, bound: Any) -> list[tuple[str, ast.Expression]]:
    """The arguments that stand for OUT and INOUT, in the procedure's order."""
    routine = bound.plan.calls[0][0].function.routine
    declared = [one for one in routine.arguments if one.mode in "ibvo"]
    found: list[tuple[str, ast.Expression]] = []
    named = {one.name: one.value for one in statement.call.arguments if isinstance(one, ast.NamedArgument)}
    for place, argument in enumerate(declared):
        if argument.mode not in "ob":
            continue
        given = statement.call.arguments
        node: ast.Expression | None = named.get(argument.name)
        if node is None and place < len(given) and not isinstance(given[place], ast.NamedArgument):
            node = given[place]
        if node is not None:
            found.append((argument.name, node))
    return found


def _variable(node: ast.Expression, name: str) -> x.Target:
    if isinstance(node, ast.ColumnRef) and not node.star:
        return x.Target(tuple(node.parts), False, ".".join(node.parts), 0)
    raise DatacaveError(
        f'procedure parameter "{name}" is an output parameter but corresponding argument is not writable',
        sqlstate=sqlstate.SYNTAX_ERROR,
    )


TRANSACTIONS: dict[type, Callable[[Compiler, Level, Any], Run]] = {
    x.EndTransaction: compile_end,
    x.Call: compile_call,
}
