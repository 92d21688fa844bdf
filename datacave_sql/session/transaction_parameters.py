"""Parameters that show or change something other than a stored value: the running transaction, the user, the seed."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import is_member
from datacave_core.errors import DatacaveError
from datacave_core.transaction import Isolation
from datacave_sql.session.parameter import PARAMETERS, find_parameter

TRANSACTION_PARAMETERS = ("transaction_isolation", "transaction_read_only", "transaction_deferrable")

ISOLATION_LEVELS: dict[str, Isolation] = {
    "read uncommitted": Isolation.READ_COMMITTED,
    "read committed": Isolation.READ_COMMITTED,
    "repeatable read": Isolation.REPEATABLE_READ,
    "serializable": Isolation.SERIALIZABLE,
}


def show_setting(session: Any, name: str) -> str | None:
    """One of these parameters as SHOW prints it; None for all others."""
    key = name.lower()
    if key == "seed":
        return "unavailable"
    if key not in TRANSACTION_PARAMETERS:
        return None
    transaction, settings = session.transaction, session.settings
    if key == "transaction_isolation":
        isolation: Isolation = settings.default_isolation if transaction is None else transaction.isolation
        return isolation.value
    if key == "transaction_read_only":
        flag = settings.default_read_only if transaction is None else transaction.read_only
    else:
        flag = settings.default_deferrable if transaction is None else transaction.deferrable
    return "on" if flag else "off"


def set_setting(session: Any, name: str, value: str | None, local: bool) -> None:
    """SET of any parameter; a value of None is its default."""
    key = name.lower()
    if key in TRANSACTION_PARAMETERS:
        _set_transaction(session, key, value)
        return
    if key == "seed":
        parsed = PARAMETERS["seed"].parse(value or "0", name)
        session.evaluation.seed_random(float(parsed))
        return
    if value is not None and key in ("role", "session_authorization"):
        check_role(session, key, value)
    if key == "datacave.as_of" and value:
        session.past.span_of(session.past.moment(value))
    if key == "session_authorization":
        session.settings.reset("role", local)
    if value is None:
        session.settings.reset(name, local)
    else:
        session.settings.set(name, value, local)


def check_role(session: Any, key: str, name: str) -> None:
    """Raises 22023 for a role that does not exist and 42501 for one that the user may not take."""
    if key == "role" and name == "none":
        return
    catalog = session.catalog_snapshot
    role = catalog.role_named(name)
    if role is None:
        raise DatacaveError(f'role "{name}" does not exist', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    if key == "session_authorization":
        # It counts who has logged in, so that there is a way back.
        user = catalog.role_named(session.user)
        if user is not None and not user.superuser and user.oid != role.oid:
            raise DatacaveError(
                f'permission denied to set session authorization "{name}"', sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE
            )
        return
    user = catalog.role_named(session.settings.session_authorization)
    if user is None:
        return
    if not is_member(catalog, user.oid, role.oid):
        raise DatacaveError(f'permission denied to set role "{name}"', sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)


def _set_transaction(session: Any, key: str, value: str | None) -> None:
    text = value if value is not None else session.settings.get("default_" + key)
    parsed = find_parameter(key).parse(text, key)
    transaction = session.transaction
    if transaction is None or not session.in_block:
        # The implicit transaction of this statement ends with it, so there is nothing to change.
        return
    if key == "transaction_isolation":
        if ISOLATION_LEVELS[str(parsed)] is not transaction.isolation and session.savepoints:
            raise DatacaveError(
                "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction",
                sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION,
            )
        transaction.change(isolation=ISOLATION_LEVELS[str(parsed)])
    elif key == "transaction_read_only":
        if transaction.read_only and parsed is False and session.savepoints:
            raise DatacaveError(
                "cannot set transaction read-write mode inside a read-only transaction",
                sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION,
            )
        transaction.change(read_only=parsed is True)
    else:
        transaction.change(deferrable=parsed is True)
