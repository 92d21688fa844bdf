"""COPY TO: the rows of a table or query in one of the three formats, for the client or a file or program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from datacave_core.types import FormatSettings, TypeIO, oids
from datacave_core.wait import Wait, wait_for
from datacave_sql.bind.statements import CopyTo
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.plan.physical import plan_query
from datacave_sql.session.copying.binary_format import HEADER, TRAILER, BinaryWriter
from datacave_sql.session.copying.csv_format import CsvWriter
from datacave_sql.session.copying.data_encoding import Piece, data_encoding, rows_written
from datacave_sql.session.copying.server_side import PIECE_BYTES, open_server_side
from datacave_sql.session.copying.text_format import TextWriter
from datacave_sql.session.replies import Complete, CopyOutData, CopyOutEnd, CopyOutStart, Reply

Steps = Iterator[Reply | Wait]

_INTEGERS = frozenset({oids.INT2, oids.INT4, oids.INT8, oids.OID})
_TEXTS = frozenset({oids.TEXT, oids.VARCHAR, oids.BPCHAR, oids.NAME, oids.JSON})


def copy_to(session: Any, bound: CopyTo, parameters: Sequence[Any]) -> Steps:
    """COPY table or (query) TO."""
    data_encoding(session, bound.options)
    transaction = session.begin_statement()
    yield from transaction.safe_snapshot()
    transaction.statement_snapshot()
    if bound.file is None:
        yield from _to_client(session, bound, parameters)
    else:
        yield from _to_server(session, bound, parameters)


def _to_client(session: Any, bound: CopyTo, parameters: Sequence[Any]) -> Steps:
    context = ExecutionContext(session, session.transaction, parameters)
    yield CopyOutStart(len(bound.query.columns), bound.options.format == "binary")
    count = 0
    for piece in _written(session, bound, context):
        if isinstance(piece, Wait):
            yield piece
            continue
        rows, more = piece
        count += more
        yield CopyOutData(rows)
    yield CopyOutEnd()
    yield Complete(f"COPY {count}")


def _to_server(session: Any, bound: CopyTo, parameters: Sequence[Any]) -> Steps:
    target = yield from open_server_side(session, bound)
    context = ExecutionContext(session, session.transaction, parameters)
    progress = session.progress.begin("COPY TO", 0)
    progress.phase = target.kind
    gathered: list[bytes] = []
    size = 0
    try:
        for piece in _written(session, bound, context):
            if isinstance(piece, Wait):
                yield piece
                continue
            rows, more = piece
            gathered += rows
            size += sum(map(len, rows))
            progress.tuples_done += more
            if size >= PIECE_BYTES:
                progress.bytes_done += size
                yield from target.write(b"".join(gathered))
                gathered.clear()
                size = 0
        if size:
            yield from target.write(b"".join(gathered))
        yield from target.finish()
        count = progress.tuples_done
    finally:
        session.progress.end()
        target.file.close()
    yield Complete(f"COPY {count}")


def _written(session: Any, bound: CopyTo, context: ExecutionContext) -> Iterator[Piece]:
    """The rows in the encoding of the data."""
    encoding = data_encoding(session, bound.options)
    pieces = _pieces(session, bound, context)
    return pieces if encoding is None else rows_written(pieces, encoding)


def _pieces(session: Any, bound: CopyTo, context: ExecutionContext) -> Iterator[Piece]:
    """The encoded rows in batches, each with how many rows of the table or query it brings."""
    options, transaction = bound.options, session.transaction
    types = session.catalog_state.types
    columns = bound.query.columns
    ios = [types.io(column.type) for column in columns]
    operator = plan_query(session.database.environment(session.catalog_state), bound.query.plan)
    binary = options.format == "binary"
    encode = _encoder(bound, ios, [column.type for column in columns], session.format_settings)
    # The header goes out with the first row: clients take each message for a row.
    head = HEADER if binary else b""
    if options.header and not binary:
        yield [_writer(bound).header([column.name for column in columns])], 0
    for batch in operator.open(context):
        if isinstance(batch, Wait):
            yield batch
            continue
        durable = transaction.must_be_durable_before_rows
        if durable and (wait := transaction.manager.durable_wait(durable)) is not None:
            yield from wait_for(wait)
        rows = encode(batch)
        if head and rows:
            rows[0] = head + rows[0]
            head = b""
        yield rows, len(batch)
    if binary:
        yield [head + TRAILER], 0


def _writer(bound: CopyTo) -> TextWriter | CsvWriter:
    options = bound.options
    if options.format == "csv":
        return CsvWriter(options.delimiter, options.null, options.quote, options.escape, options.force_quote)
    return TextWriter(options.delimiter, options.null)


def _encoder(
    bound: CopyTo, ios: Sequence[TypeIO], types: Sequence[int], settings: FormatSettings
) -> Callable[[list[Any]], list[bytes]]:
    if bound.options.format == "binary":
        return BinaryWriter(ios).rows
    writer = _writer(bound)
    outputs = [_column_text(io, oid, settings) for io, oid in zip(ios, types, strict=True)]

    def encode(rows: list[Any]) -> list[bytes]:
        if not outputs:
            return [b"\n"] * len(rows)
        return writer.lines([output(column) for output, column in zip(outputs, zip(*rows, strict=True), strict=True)])

    return encode


def _column_text(io: TypeIO, oid: int, settings: FormatSettings) -> Callable[[Sequence[Any]], Sequence[str | None]]:
    if oid in _TEXTS:
        return list
    write = io.output
    if oid in _INTEGERS:
        return lambda column: [None if value is None else str(value) for value in column]
    return lambda column: [None if value is None else write(value, settings) for value in column]
