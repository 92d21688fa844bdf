"""Answers: what a server says to a query, with the oids of users' objects replaced by what they stand for.

Two servers number objects differently; apart from that their catalogs can be compared row by row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.servers import Target

FIRST_USER_OID = 16384
NAMES = (
    "SELECT oid, 'relation ' || relnamespace::regnamespace || '.' || relname FROM pg_class WHERE relkind <> 'c'",
    "SELECT oid, 'type ' || relnamespace::regnamespace || '.' || relname FROM pg_class WHERE relkind = 'c'",
    "SELECT oid, 'type ' || typnamespace::regnamespace || '.' || typname FROM pg_type",
    "SELECT oid, 'schema ' || nspname FROM pg_namespace",
    "SELECT oid, 'constraint ' || conname || ' of ' || conrelid::regclass FROM pg_constraint",
    "SELECT oid, 'default ' || adrelid::regclass || ' ' || adnum FROM pg_attrdef",
    "SELECT oid, 'role ' || rolname FROM pg_roles",
    "SELECT oid, 'routine ' || proname FROM pg_proc",
    "SELECT oid, 'database ' || datname FROM pg_database",
    "SELECT oid, 'label ' || enumlabel FROM pg_enum",
    "SELECT oid, 'rule of ' || ev_class::regclass FROM pg_rewrite",
    "SELECT oid, 'trigger ' || tgname FROM pg_trigger",
    "SELECT oid, 'policy ' || polname FROM pg_policy",
    "SELECT oid, 'operator ' || oprname FROM pg_operator",
    "SELECT oid, 'cast of ' || castsource::regtype || ' to ' || casttarget::regtype FROM pg_cast",
    "SELECT oid, 'default privileges in ' || defaclnamespace::regnamespace FROM pg_default_acl",
    "SELECT oid, 'statistics ' || stxname FROM pg_statistic_ext",
)
_NUMBER = re.compile(r"(?<![\w.])\d{5,10}(?![\w.])")
_IN_NAME = re.compile(r"(?<=_)\d{5,10}(?=_|\b)|^\d{5,10}(?=_)")


@dataclass(frozen=True)
class Answer:
    """Columns by name and type, rows as text. An error is one row."""

    columns: tuple[tuple[str, int], ...]
    rows: tuple[tuple[str | None, ...], ...]


class Asked:
    """A connection to one of the servers."""

    def __init__(self, target: Target) -> None:
        where = f"host=127.0.0.1 port={target.port} user={target.user} dbname={target.database}"
        self.connection = psycopg.connect(where, autocommit=True)
        self._names: dict[str, str] = {}

    def learn(self) -> None:
        """Reads the names of the objects there are now."""
        self._names = {}
        for query in NAMES:
            for oid, name in self.connection.execute(query.encode()):
                if oid >= FIRST_USER_OID or name == "database default":
                    self._names.setdefault(str(oid), _IN_NAME.sub("N", name))

    def answer(self, query: str, parameters: Sequence[Any] = ()) -> Answer:
        """The answer to one query."""
        try:
            cursor = self.connection.execute(query.encode(), parameters or None)
        except psycopg.Error as error:
            return Answer((), ((f"{error.sqlstate}: {error.diag.message_primary}",),))
        result = cursor.pgresult
        assert result is not None
        numbers = range(result.nfields)
        columns = tuple(((result.fname(n) or b"").decode(), min(result.ftype(n), FIRST_USER_OID)) for n in numbers)
        rows = tuple(
            tuple(self._named(result.get_value(row, number)) for number in numbers) for row in range(result.ntuples)
        )
        return Answer(columns, rows)

    def _named(self, value: bytes | None) -> str | None:
        if value is None:
            return None
        text = _NUMBER.sub(lambda found: self._names.get(found[0], found[0]), value.decode())
        return _IN_NAME.sub(lambda found: self._names.get(found[0], "N"), text)


def differences(ours: Answer, theirs: Answer, ordered: bool = False, shown: int = 3) -> list[str]:
    """How two answers differ; nothing for equal ones."""
    if ours.columns != theirs.columns:
        return [f"columns {ours.columns or ours.rows} instead of {theirs.columns or theirs.rows}"]
    mine, other = Counter(ours.rows), Counter(theirs.rows)
    extra, missing = list((mine - other).elements()), list((other - mine).elements())
    if not extra and not missing:
        return ["another order"] if ordered and ours.rows != theirs.rows else []
    found = [f"{len(extra)} rows of {len(ours.rows)} differ, {len(missing)} of {len(theirs.rows)} are missed"]
    for row in extra[:shown]:
        best = max(missing, key=lambda one: sum(a == b for a, b in zip(row, one, strict=True)), default=None)
        if best is None:
            found.append(f"  too many: {row}")
        else:
            cells = zip(theirs.columns, row, best, strict=True)
            found.append("  " + ", ".join(f"{name}: {a!r} not {b!r}" for (name, _), a, b in cells if a != b))
    if len(missing) > len(extra):
        found += [f"  missing: {row}" for row in missing[:shown]]
    return found
