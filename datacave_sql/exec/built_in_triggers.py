"""Built-in trigger functions: suppress_redundant_updates_trigger, tsvector_update_trigger and its kin."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Column
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.values import Row
from datacave_sql.exec.triggers import TriggerCall
from datacave_sql.functions.textsearch.documents import vector_of
from datacave_sql.pgcatalog.named_objects import CONFIGURATION

SUPPRESS_REDUNDANT_UPDATES = 1291
TSVECTOR_UPDATE, TSVECTOR_UPDATE_COLUMN = 3752, 3753
BUILT_IN_TRIGGERS = frozenset({SUPPRESS_REDUNDANT_UPDATES, TSVECTOR_UPDATE, TSVECTOR_UPDATE_COLUMN})
_CHARACTERS = frozenset({oids.TEXT, oids.VARCHAR, oids.BPCHAR})


def call_built_in(context: Any, call: TriggerCall) -> Row | None:
    """What the trigger function gives."""
    if call.trigger.function_oid == SUPPRESS_REDUNDANT_UPDATES:
        return None if call.old == call.new else call.new
    return _with_document(context, call, by_column=call.trigger.function_oid == TSVECTOR_UPDATE_COLUMN)


def _protocol(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.E_R_I_E_TRIGGER_PROTOCOL_VIOLATED)


def _with_document(context: Any, call: TriggerCall, *, by_column: bool) -> Row:
    """The new row with the tsvector of its texts: arguments are the tsvector's column, the configuration (or the column
    with it) and the columns of the texts. Raises 39P01, 42703, 42804, 22004."""
    trigger, row = call.trigger, call.new
    if trigger.timing != "b" or not trigger.for_each_row or call.event not in "iu" or row is None:
        raise _protocol("tsvector_update_trigger: must be fired for row BEFORE INSERT or UPDATE")
    if len(trigger.arguments) < 3:
        raise _protocol("tsvector_update_trigger: arguments must be tsvector_field, ts_config, text_field1, ...)")
    target = _column(call, trigger.arguments[0])
    if context.types.base(target.type_oid) != oids.TSVECTOR:
        raise _mismatch(f'column "{target.name}" is not of tsvector type')
    named = trigger.arguments[1]
    texts = [_column(call, name) for name in trigger.arguments[2:]]
    read = list(texts)
    if by_column:
        given = _column(call, named)
        if context.types.base(given.type_oid) != oids.REGCONFIG:
            raise _mismatch(f'column "{named}" is not of regconfig type')
        read.append(given)
        configuration = row[given.number - 1]
        if configuration is None:
            raise DatacaveError(
                f'configuration column "{named}" must not be null', sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED
            )
    else:
        if "." not in named:
            raise DatacaveError(
                f'text search configuration name "{named}" must be schema-qualified',
                sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            )
        configuration = context.catalog.named_object(CONFIGURATION, named)
        if configuration is None:
            raise DatacaveError(
                f'text search configuration "{named}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
            )
    for column in texts:
        if context.types.base(column.type_oid) not in _CHARACTERS:
            raise _mismatch(f'column "{column.name}" is not of a character type')
    old = call.old
    if call.event == "u" and old is not None and all(old[one.number - 1] == row[one.number - 1] for one in read):
        return row
    values = (row[column.number - 1] for column in texts)
    search = context.types.text_search.configuration(configuration)
    vector = vector_of(search, [value for value in values if value is not None], apart=False)
    at = target.number - 1
    return (*row[:at], vector, *row[at + 1 :])


def _column(call: TriggerCall, name: str) -> Column:
    column = call.table.columns_by_name.get(name)
    if column is None:
        raise DatacaveError(f'column "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN)
    return column


def _mismatch(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.DATATYPE_MISMATCH)
