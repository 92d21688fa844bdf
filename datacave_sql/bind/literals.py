"""Literals: the text of an untyped constant read by the input function of the type its context asks for.

Plans are shared by sessions whose settings differ, so a literal is read once and for all only where no setting can
change its meaning (`2024-02-03`, but not `02/03/2024` or `now`); others are checked here and read at each execution.
"""

from __future__ import annotations

import re
from dataclasses import replace

from datacave_core.errors import DatacaveError
from datacave_core.types import FormatSettings, TypeIO, oids
from datacave_core.types.array import array_io
from datacave_core.types.registered import REGISTERED_IO
from datacave_sql.bind.registered import registered_constant
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n

_ISO_DATE = r"\d{4}-\d\d?-\d\d?"
_ISO_TIME = r"\d\d?:\d\d(:\d\d(\.\d+)?)?"
_ZONE = r"([+-]\d\d?(:?\d\d)?|Z|[ ]?UTC)"
_EXACT_FORMS = {
    oids.DATE: re.compile(_ISO_DATE),
    oids.TIMESTAMP: re.compile(f"{_ISO_DATE}([ T]{_ISO_TIME})?"),
    oids.TIMESTAMPTZ: re.compile(f"{_ISO_DATE}[ T]{_ISO_TIME}{_ZONE}"),
    oids.TIME: re.compile(_ISO_TIME),
    oids.TIMETZ: re.compile(f"{_ISO_TIME}{_ZONE}"),
    oids.INTERVAL: re.compile(r"[^-]*"),
}
_MOVING = re.compile(r"now|today|tomorrow|yesterday|allballs", re.IGNORECASE)
_NAMED = {
    oids.REGCLASS,
    oids.REGTYPE,
    oids.REGPROC,
    oids.REGPROCEDURE,
    oids.REGNAMESPACE,
    oids.REGCONFIG,
    oids.REGDICTIONARY,
    oids.REGROLE,
    oids.REGOPER,
    oids.REGOPERATOR,
    oids.REGCOLLATION,
}


def depends_on_settings(text: str, type_oid: int) -> bool:
    """Whether a session's settings or the time may change what a literal of a scalar type means."""
    form = _EXACT_FORMS.get(type_oid)
    return form is not None and form.fullmatch(text.strip()) is None


def read_literal(b: Binding, text: str, type_oid: int, typmod: int, explicit: bool, position: int) -> n.Expression:
    """The constant that an untyped literal stands for; `type_oid` is no domain.

    Raises what the type's input function raises (22P02 and its kin), at the literal's position.
    """
    if type_oid in _NAMED:
        return n.Constant(registered_constant(b, text, type_oid, position), type_oid)
    types = b.types
    element = types.element(type_oid) or type_oid
    moving = element in _EXACT_FORMS and _MOVING.search(text) is not None
    shifting = depends_on_settings(text, element)
    if moving:
        cast: n.Expression = n.TextCast(n.Constant(text, oids.TEXT), type_oid, -1, position)
        return n.LengthCast(cast, type_oid, typmod, explicit) if typmod >= 0 else cast
    io = types.io(type_oid) if element not in _NAMED else _array_of_names(b, element, position)
    try:
        value = io.input(text, typmod if type_oid == oids.INTERVAL else -1, b.environment.format_settings)
    except DatacaveError as error:
        raise error.at(position) from None
    if shifting:
        cast = n.TextCast(n.Constant(text, oids.TEXT), type_oid, -1, position)
        return n.LengthCast(cast, type_oid, typmod, explicit) if typmod >= 0 else cast
    if typmod < 0 or io.apply_typmod is None:
        return n.Constant(value, type_oid, typmod)
    try:
        return n.Constant(io.apply_typmod(value, typmod, explicit), type_oid, typmod)
    except DatacaveError:
        # A value that is too long fails when it is stored, not where it is written.
        return n.LengthCast(n.Constant(value, type_oid), type_oid, typmod, explicit)


def _array_of_names(b: Binding, element: int, position: int) -> TypeIO:
    """How an array of one of the reg* types is read: its elements are names."""

    def read(text: str, typmod: int, settings: FormatSettings) -> int:
        return registered_constant(b, text, element, position)

    return array_io(replace(REGISTERED_IO, input=read), element)
