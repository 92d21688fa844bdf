"""Functions: a body compiled for the types of its call, and running it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Routine, Table
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.functions.body import CallTypes
from datacave_sql.functions.polymorphism import POLYMORPHIC, resolve_polymorphic
from datacave_sql.functions.typelookup import Attribute, TypeLookup
from datacave_sql.plpgsql.blocks import BLOCKS
from datacave_sql.plpgsql.compiler import RETURN, Compiler, Run
from datacave_sql.plpgsql.contexts import note_context
from datacave_sql.plpgsql.control import CONTROL
from datacave_sql.plpgsql.cursors import CURSORS
from datacave_sql.plpgsql.expressions import Names
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.grammar import parse_body
from datacave_sql.plpgsql.queries import QUERIES
from datacave_sql.plpgsql.raising import RAISING
from datacave_sql.plpgsql.returning import Returns
from datacave_sql.plpgsql.targets import store_record
from datacave_sql.plpgsql.transactions import TRANSACTIONS
from datacave_sql.plpgsql.trigger_variables import VARIABLES
from datacave_sql.plpgsql.variables import Datum, Level, Shape

RULES = {**BLOCKS, **CONTROL, **QUERIES, **RAISING, **CURSORS, **TRANSACTIONS}
ENTRY, EXIT = "during function entry", "during function exit"


class Function:
    """One compiled body."""

    __slots__ = (
        "_arguments",
        "_body",
        "_found",
        "_names",
        "_read_only",
        "_records",
        "catalog",
        "returns",
        "routine",
        "signature",
    )

    def __init__(
        self, catalog: Catalog, routine: Routine | None, signature: str, names: Names, arguments: Sequence[Datum],
        found: Datum, returns: Returns, body: Run,
    ) -> None:  # fmt: skip
        self.catalog = catalog
        self.routine = routine
        self.signature = signature
        self.returns = returns
        self._names = names
        self._arguments = [one.number for one in arguments]
        self._records = [one.number for one in arguments if one.kind == "r"]
        self._found = found.number
        self._body = body
        self._read_only = routine is not None and routine.volatility != "v"

    def run(self, session: Any, arguments: Sequence[Any], caller: Frame | None, *, atomic: bool) -> Frame:
        """Runs the body; the frame has the result. Raises 2F005 where it ends without RETURN."""
        frame = Frame(session, self.signature, len(self._names.datums), read_only=self._read_only, atomic=atomic)
        frame.caller = caller
        values = frame.values
        values[self._found] = False
        for number, value in zip(self._arguments, arguments, strict=True):
            values[number] = value
        for number in self._records:
            store_record(frame, number, values[number], None, session.catalog_state.types)
        session.evaluation.routines.frame = frame
        try:
            self.finish(frame, self._body(frame))
        except DatacaveError as error:
            note_context(error, frame)
            raise
        finally:
            session.evaluation.routines.frame = caller
        return frame

    def finish(self, frame: Frame, signal: Any) -> None:
        """Takes the result out of the frame."""
        returns = self.returns
        if returns.is_set:
            return
        if returns.outputs:
            frame.result = returns.output_value(frame)
        elif returns.type == oids.VOID:
            frame.result = ""
        elif signal is not RETURN:
            frame.what, frame.line = "", 0
            raise DatacaveError(
                "control reached end of function without RETURN"
                if returns.kind != "trigger"
                else "control reached end of trigger procedure without RETURN",
                sqlstate=sqlstate.S_R_E_FUNCTION_EXECUTED_NO_RETURN_STATEMENT,
            )


def signature_of(routine: Routine, types: TypeLookup) -> str:
    """The routine as contexts name it."""
    return f"{routine.name}({','.join(types.name(oid) for oid in routine.input_types)})"


def _conflict(session: Any, written: str) -> str:
    return written or str(session.settings.value("plpgsql.variable_conflict"))


def compile_routine(session: Any, routine: Routine, call: CallTypes) -> Function:
    """The body of a function or procedure for the types of a call."""
    tree = parse_body(routine.body, checks=False)
    types: TypeLookup = session.catalog_state.types
    names = Names(_conflict(session, tree.conflict), tree.strict_parameters)
    returns = Returns("procedure" if routine.kind == "p" else "function", call.result, routine.returns_set)
    c = Compiler(session, names, returns, RULES)
    level = Level(None, routine.name)
    inputs: list[Datum] = []
    given = list(call.arguments)
    declared = [argument.type_oid for argument in routine.arguments if argument.mode in "ibv"]
    for place, argument in enumerate(routine.arguments, 1):
        oid = argument.type_oid
        if argument.mode in "ibv":
            actual = given[len(inputs)]
            if oid in POLYMORPHIC or (oid == oids.RECORD and types.attributes(types.base(actual))):
                oid = actual
        elif oid in POLYMORPHIC:
            oid = resolve_polymorphic(given, declared, oid, types)[1]
        datum = c.new(level, f"${place}", oid)
        if argument.name:
            level.names[argument.name] = datum
            datum.name = argument.name
        if argument.mode in "ibv":
            inputs.append(datum)
        if argument.mode in "obt":
            returns.outputs.append(datum)
    c.begin(level)
    if routine.kind == "p" and not returns.outputs:
        returns.type = oids.VOID
    _set_columns(returns, call, types)
    body = _compiled(c, level, tree)
    return Function(
        session.catalog_snapshot, routine, signature_of(routine, types), names, inputs, c.found, returns, body
    )


def _compiled(c: Compiler, level: Level, tree: Any) -> Run:
    try:
        return c.statements(level, (tree.block,))
    except DatacaveError as error:
        error.position = None
        raise


def _set_columns(returns: Returns, call: CallTypes, types: TypeLookup) -> None:
    """The columns of a row result, as far as they are known."""
    if len(returns.outputs) > 1 or (returns.outputs and returns.kind == "procedure"):
        returns.type = oids.RECORD
        returns.columns = Shape([Attribute(one.name, one.type, one.typmod) for one in returns.outputs], types)
    elif returns.outputs:
        returns.type = returns.outputs[0].type
        returns.columns = returns.outputs[0].shape
    elif returns.type == oids.RECORD:
        returns.columns = Shape(call.columns, types) if call.columns else None
    else:
        attributes = types.attributes(types.base(returns.type)) if returns.type != oids.VOID else ()
        returns.columns = Shape(attributes, types) if attributes else None


def compile_trigger(session: Any, routine: Routine, table: Table) -> Function:
    """A trigger function for the rows of one table."""
    tree = parse_body(routine.body, checks=False)
    types: TypeLookup = session.catalog_state.types
    names = Names(_conflict(session, tree.conflict), tree.strict_parameters)
    row_type = table.row_type_oid
    returns = Returns("trigger", row_type, columns=Shape(types.attributes(row_type), types))
    c = Compiler(session, names, returns, RULES)
    level = Level(None, routine.name)
    c.begin(level)
    c.names.numbered = 0
    inputs = [c.new(level, name, oid or row_type) for name, oid in VARIABLES]
    return Function(
        session.catalog_snapshot,
        routine,
        f"{routine.name}()",
        names,
        inputs,
        c.found,
        returns,
        _compiled(c, level, tree),
    )


def compile_block_statement(session: Any, body: str) -> Function:
    """DO."""
    tree = parse_body(body)
    names = Names(_conflict(session, tree.conflict), tree.strict_parameters)
    returns = Returns("block")
    c = Compiler(session, names, returns, RULES)
    level = Level()
    c.begin(level)
    run = _compiled(c, level, tree)
    return Function(session.catalog_snapshot, None, "inline_code_block", names, [], c.found, returns, run)
