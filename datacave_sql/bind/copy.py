"""COPY: table or query, columns, checked options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Column, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import coercion, relations, row_rules, row_security
from datacave_sql.bind import statements as s
from datacave_sql.bind.insert import insert_plan
from datacave_sql.bind.nested import Entries
from datacave_sql.bind.rule_events import check_one_statement
from datacave_sql.bind.select import selects_into
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l


def bind_copy(b: Binding, statement: ast.Copy, entries: Entries) -> s.BoundStatement:
    """COPY FROM and COPY TO."""
    if statement.from_source:
        return _copy_from(b, statement)
    return _copy_to(b, statement, entries)


def _columns(table: Table, names: Sequence[str]) -> list[Column]:
    """The columns of a COPY; generated ones only come where nothing is listed (and then not at all)."""
    if not names:
        return [column for column in table.live_columns if not column.generated]
    columns = []
    for name in names:
        column = table.columns_by_name.get(name)
        if column is None:
            raise DatacaveError(
                f'column "{name}" of relation "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
            )
        if column.generated:
            raise DatacaveError(
                f'column "{name}" is a generated column',
                sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
                detail="Generated columns cannot be used in COPY.",
            )
        if column in columns:
            raise DatacaveError(f'column "{name}" specified more than once', sqlstate=sqlstate.DUPLICATE_COLUMN)
        columns.append(column)
    return columns


def _copy_from(b: Binding, statement: ast.Copy) -> s.BoundStatement:
    assert statement.table is not None
    found = relations.find_relation(b, statement.table.name, statement.table.position)
    if isinstance(found, Table) and found.kind in ("v", "m"):
        words = "view" if found.kind == "v" else "materialized view"
        raise DatacaveError(f'cannot copy to {words} "{found.name}"', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if found is None:
        raise relations.undefined_relation(statement.table.name, None)
    table = row_rules.writable_table(b, statement.table, "insert into")
    columns = _columns(table, statement.columns)
    if row_security.applies(b, table, b.use(table, selects=False)):
        raise FeatureNotSupported(
            "COPY FROM not supported with row-level security", hint="Use INSERT statements instead."
        )
    options = bind_options(statement, [column.name for column in columns])
    source = s.CopyRows()
    # What is copied in is of a domain's base type, so that the insert tests the domain.
    outputs = tuple(
        l.OutputColumn(b.new_id(), c.name, b.types.base(c.type_oid), c.typmod, 0, number)
        for number, c in enumerate(columns, 1)
    )
    child: l.LogicalPlan = l.VirtualScan(source, outputs, table.name)
    row = row_rules.row_columns(b, table)
    if statement.where is not None:
        child = l.Filter(child, _condition(b, statement.where, table, columns, outputs))
    if any(b.types.kind(column.type_oid) == "d" for column in columns):
        child = _with_domains(b, child, columns, outputs)
    insert = insert_plan(b, table, child, columns, row)
    return s.CopyFrom(table, tuple(columns), insert, source, options, statement.file, statement.program)


def _with_domains(
    b: Binding, child: l.LogicalPlan, columns: Sequence[Column], outputs: Sequence[l.OutputColumn]
) -> l.LogicalPlan:
    """The copied columns as values of the table's domains."""
    values = []
    for column, output in zip(columns, outputs, strict=True):
        reference = n.ColumnReference(output.id, output.type, output.typmod, output.name)
        value = coercion.coerce(b, reference, column.type_oid, column.typmod, "a")
        assert value is not None
        values.append(value)
    made = tuple(b.output(column.name, value) for column, value in zip(columns, values, strict=True))
    return l.Project(child, tuple(values), made)


def _condition(
    b: Binding,
    where: ast.Expression,
    table: Table,
    columns: Sequence[Column],
    outputs: Sequence[l.OutputColumn],
) -> n.Expression:
    """WHERE sees the copied columns; the others are not known yet."""
    by_number = {column.number: output for column, output in zip(columns, outputs, strict=True)}
    row = tuple(
        by_number.get(c.number) or l.OutputColumn(b.new_id(), c.name, c.type_oid, c.typmod) for c in table.columns
    )
    scope = row_rules.row_scope(b, table, row, table.name, "COPY FROM WHERE conditions")
    bound = coercion.to_boolean(b, b.expression(where, scope), "WHERE")
    if any(isinstance(part, n.SubqueryExpression) for part in n.walk(bound)):
        raise FeatureNotSupported("cannot use subquery in COPY FROM WHERE condition")
    missing = n.columns_used(bound) - {output.id for output in outputs}
    if missing:
        raise FeatureNotSupported(
            "COPY FROM WHERE can only use the columns that are copied", hint="List the column in the COPY."
        )
    return bound


_NOT_COPIED = {"v": "view", "m": "materialized view", "p": "partitioned table"}
"""Kinds of relations whose rows are copied by a query only."""


def _copy_to(b: Binding, statement: ast.Copy, entries: Entries) -> s.BoundStatement:
    query: ast.Statement
    if statement.table is not None:
        table = relations.find_relation(b, statement.table.name, statement.table.position)
        if isinstance(table, Table):
            if table.kind in _NOT_COPIED:
                raise DatacaveError(
                    f'cannot copy from {_NOT_COPIED[table.kind]} "{table.name}"',
                    sqlstate=sqlstate.WRONG_OBJECT_TYPE,
                    hint="Try the COPY (SELECT ...) TO variant.",
                )
            names = [column.name for column in _columns(table, statement.columns)]
        elif table is None:
            raise relations.undefined_relation(statement.table.name, None)
        else:
            names = list(statement.columns)
        query = _table_query(statement, names)
    else:
        assert statement.query is not None
        query = statement.query
        if not isinstance(query, ast.Query | ast.Insert | ast.Update | ast.Delete):
            if isinstance(query, ast.Merge):
                raise FeatureNotSupported("MERGE not supported in COPY")
            raise FeatureNotSupported("COPY query must be a SELECT, INSERT, UPDATE or DELETE")
    if isinstance(query, ast.Query) and selects_into(query):
        raise FeatureNotSupported("COPY (SELECT INTO) is not supported")
    bound = entries.bound_query(b, query)
    if not isinstance(query, ast.Query):
        check_one_statement(b, query, copied=True)
    if not bound.returns_rows:
        raise FeatureNotSupported("COPY query must have a RETURNING clause")
    options = bind_options(statement, [column.name for column in bound.columns])
    return s.CopyTo(bound, options, statement.file, statement.program)


def _table_query(statement: ast.Copy, names: Sequence[str]) -> ast.Query:
    at = statement.position
    targets: tuple[ast.Target, ...]
    if names:
        targets = tuple(ast.Target(at, ast.ColumnRef(at, (name,))) for name in names)
    else:
        targets = (ast.Target(at, ast.ColumnRef(at, (), True)),)
    assert statement.table is not None
    # The rows of children are copied with the children.
    return ast.Query(at, ast.Select(at, targets, (replace(statement.table, only=True),)))


# --- options ---------------------------------------------------------------------------------------------------------


def _syntax(message: str, code: str = sqlstate.SYNTAX_ERROR) -> DatacaveError:
    return DatacaveError(message, sqlstate=code)


def _boolean(option: ast.CopyOption) -> bool:
    value = option.value
    if value is None or value.lower() in ("true", "on", "1"):
        return True
    if value.lower() in ("false", "off", "0"):
        return False
    raise _syntax(f"{option.name} requires a Boolean value")


def _forced(option: ast.CopyOption, names: Sequence[str]) -> frozenset[int]:
    if option.columns is None:
        raise _syntax(f'argument to option "{option.name}" must be a list of column names')
    if option.columns == ("*",):
        return frozenset(range(len(names)))
    places = set()
    for name in option.columns:
        if name not in names:
            words = option.name.upper()
            raise DatacaveError(
                f'{words} column "{name}" not referenced by COPY', sqlstate=sqlstate.INVALID_COLUMN_REFERENCE
            )
        places.add(list(names).index(name))
    return frozenset(places)


def bind_options(statement: ast.Copy, names: Sequence[str]) -> s.CopyOptions:
    """Checked options with their format's defaults. Raises 42601, 22023, 0A000 as PostgreSQL does."""
    given: dict[str, ast.CopyOption] = {}
    for option in statement.options:
        if option.name in given:
            raise DatacaveError(
                "conflicting or redundant options", sqlstate=sqlstate.SYNTAX_ERROR, position=option.position
            )
        if option.name not in _KNOWN:
            raise DatacaveError(
                f'option "{option.name}" not recognized', sqlstate=sqlstate.SYNTAX_ERROR, position=option.position
            )
        given[option.name] = option
    kind = (given["format"].value or "") if "format" in given else "text"
    if kind not in ("text", "csv", "binary"):
        raise DatacaveError(
            f'COPY format "{kind}" not recognized',
            sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            position=given["format"].position,
        )
    csv = kind == "csv"
    if kind == "binary":
        for name in ("delimiter", "null"):
            if name in given:
                raise _syntax(f"cannot specify {name.upper()} in BINARY mode")
        if "header" in given:
            raise FeatureNotSupported("cannot specify HEADER in BINARY mode")
    for name in ("quote", "escape", "force_quote", "force_not_null", "force_null"):
        if name in given and not csv:
            words = name.replace("_", " ") if name.startswith("force") else name.upper()
            raise FeatureNotSupported(f"COPY {words} available only in CSV mode")
    return _checked(statement, given, kind, names)


_KNOWN = frozenset(
    {"format", "freeze", "delimiter", "null", "header", "quote", "escape", "force_quote", "force_not_null",
     "force_null", "encoding"}
)  # fmt: skip


def _single_byte(text: str, message: str) -> None:
    if len(text.encode()) != 1:
        raise FeatureNotSupported(message)


def _checked(statement: ast.Copy, given: dict[str, ast.CopyOption], kind: str, names: Sequence[str]) -> s.CopyOptions:
    csv = kind == "csv"

    def text(name: str, otherwise: str) -> str:
        option = given.get(name)
        return option.value if option is not None and option.value is not None else otherwise

    delimiter = text("delimiter", "," if csv else "\t")
    null = text("null", "" if csv else "\\N")
    quote = text("quote", '"')
    escape = text("escape", quote)
    _single_byte(delimiter, "COPY delimiter must be a single one-byte character")
    if delimiter in "\r\n":
        raise _syntax("COPY delimiter cannot be newline or carriage return", sqlstate.INVALID_PARAMETER_VALUE)
    if "\r" in null or "\n" in null:
        raise _syntax(
            "COPY null representation cannot use newline or carriage return", sqlstate.INVALID_PARAMETER_VALUE
        )
    if not csv and delimiter in "\\.abcdefghijklmnopqrstuvwxyz0123456789":
        raise _syntax(f'COPY delimiter cannot be "{delimiter}"', sqlstate.INVALID_PARAMETER_VALUE)
    if csv:
        _single_byte(quote, "COPY quote must be a single one-byte character")
        _single_byte(escape, "COPY escape must be a single one-byte character")
        if delimiter == quote:
            raise _syntax("COPY delimiter and quote must be different", sqlstate.INVALID_PARAMETER_VALUE)
        if quote in null:
            raise FeatureNotSupported("CSV quote character must not appear in the NULL specification")
    if delimiter in null:
        raise FeatureNotSupported("COPY delimiter must not appear in the NULL specification")
    for name, only_from in (("force_quote", False), ("force_not_null", True), ("force_null", True)):
        if name in given and statement.from_source != only_from:
            words = name.replace("_", " ")
            message = f"COPY {words} only available using COPY {'FROM' if only_from else 'TO'}"
            raise FeatureNotSupported(message)
    header = given.get("header")
    match = header is not None and header.value is not None and header.value.lower() == "match"
    if match and not statement.from_source:
        raise FeatureNotSupported('cannot use "match" with HEADER in COPY TO')
    return s.CopyOptions(
        kind,
        delimiter,
        null,
        header is not None and (match or _boolean(header)),
        match,
        quote,
        escape,
        _forced(given["force_quote"], names) if "force_quote" in given else frozenset(),
        _forced(given["force_not_null"], names) if "force_not_null" in given else frozenset(),
        _forced(given["force_null"], names) if "force_null" in given else frozenset(),
        text("encoding", "") or None,
        "freeze" in given and _boolean(given["freeze"]),
    )
