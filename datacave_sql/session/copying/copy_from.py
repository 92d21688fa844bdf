"""COPY FROM: the data of the client, or of a file or program of the server, becomes rows.

The bound INSERT writes them in big batches. A batch that fails is taken back and run again row by row, so that the
error can name its line.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported, QueryCanceled
from datacave_core.transaction import TableLockMode
from datacave_core.types.codec import decode_utf8
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait, wait_for
from datacave_sql.bind.statements import CopyFrom
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.plan.physical import plan_query
from datacave_sql.session.copying.binary_format import BinaryReader
from datacave_sql.session.copying.bulk import BulkLoad, bulk_load
from datacave_sql.session.copying.columns import RowReader, shown
from datacave_sql.session.copying.csv_format import CsvReader
from datacave_sql.session.copying.data_encoding import data_encoding, pieces_read
from datacave_sql.session.copying.server_side import open_server_side
from datacave_sql.session.copying.text_format import Lines, TextReader, bad_format
from datacave_sql.session.replies import Complete, CopyInRequest, Reply

Steps = Iterator[Reply | Wait]

PIECE_BYTES_MAX = 128 * 1024
"""How much is taken in at a time; what it takes to write that many rows is about one time slice."""


def copy_from(session: Any, bound: CopyFrom, parameters: Sequence[Any]) -> Steps:
    """COPY table FROM."""
    options = bound.options
    data_encoding(session, options)
    transaction = session.begin_statement()
    if transaction.read_only and bound.table.persistence != "t":
        raise DatacaveError(
            "cannot execute COPY FROM in a read-only transaction", sqlstate=sqlstate.READ_ONLY_SQL_TRANSACTION
        )
    wait = transaction.lock_table(bound.table.oid, TableLockMode.ROW_EXCLUSIVE)
    if wait is not None:
        yield from wait_for(wait)
        if session.catalog_snapshot.tables.get(bound.table.oid) is not bound.table:
            raise DatacaveError(
                f'relation "{bound.table.name}" was changed by another session while COPY waited for it',
                sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            )
    transaction.statement_snapshot()
    if options.freeze:
        _check_freeze(session, bound)
    if bound.file is None:
        yield from _from_client(session, bound)
    else:
        yield from _from_server(session, bound)


def _from_client(session: Any, bound: CopyFrom) -> Steps:
    request = CopyInRequest(len(bound.columns), bound.options.format == "binary", [], Wait("Client:CopyData"))
    yield request

    def pieces() -> Iterator[bytes | Wait]:
        while True:
            while not request.chunks and not request.ended:
                request.more = Wait("Client:ClientRead")
                yield from wait_for(request.more)
            if request.failure is not None:
                raise QueryCanceled(f"COPY from stdin failed: {request.failure}")
            yield _take(request.chunks)
            if request.ended and not request.chunks:
                return

    yield from _load(session, bound, "PIPE", pieces())


def _from_server(session: Any, bound: CopyFrom) -> Steps:
    source = yield from open_server_side(session, bound)

    def pieces() -> Iterator[bytes | Wait]:
        while data := (yield from source.read()):
            yield data
        yield from source.finish()

    try:
        yield from _load(session, bound, source.kind, pieces())
    finally:
        source.file.close()


def _load(session: Any, bound: CopyFrom, kind: str, pieces: Iterator[bytes | Wait]) -> Steps:
    """Takes in all pieces; what has come is complete only once they have ended without an error."""
    encoding = data_encoding(session, bound.options)
    if encoding is not None:
        pieces = pieces_read(pieces, encoding)
    progress = session.progress.begin("COPY FROM", bound.table.oid)
    progress.phase = kind
    load = _BinaryLoad(session, bound) if bound.options.format == "binary" else _TextLoad(session, bound)
    try:
        for piece in pieces:
            if isinstance(piece, Wait):
                yield piece
                continue
            progress.bytes_done += len(piece)
            yield from load.take(piece, False)
            progress.tuples_done = load.context.rows_changed
        yield from load.take(b"", True)
    except DatacaveError as error:
        if error.context is None or error.context.startswith(", column"):
            error.context = f"COPY {bound.table.name}, line {load.line}{error.context or ''}"
        raise
    finally:
        session.progress.end()
        load.close()
    yield Complete(f"COPY {load.context.rows_changed}")


def _check_freeze(session: Any, bound: CopyFrom) -> None:
    """FREEZE is for tables whose rows nobody else can have seen; rows need no freezing here. Raises 0A000, 55000."""
    if bound.table.kind == "p":
        raise FeatureNotSupported("cannot perform COPY FREEZE on a partitioned table")
    committed = session.home.state.catalog.tables.get(bound.table.oid)
    if committed is not None and committed.storage_id == bound.table.storage_id:
        raise DatacaveError(
            "cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction",
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        )


def _take(chunks: list[bytes]) -> bytes:
    """The first of the chunks at hand, up to PIECE_BYTES_MAX or one chunk."""
    size = count = 0
    for chunk in chunks:
        if count and size + len(chunk) > PIECE_BYTES_MAX:
            break
        size += len(chunk)
        count += 1
    data = b"".join(chunks[:count])
    del chunks[:count]
    return data


class _Load:
    """A COPY under way. `line` is the line that is being read."""

    def __init__(self, session: Any, bound: CopyFrom) -> None:
        self.bound = bound
        self.context = ExecutionContext(session, session.transaction, ())
        self.line = 1
        self.operator = plan_query(session.database.environment(session.catalog_state), bound.insert)
        types = session.catalog_state.types
        self.types = [(column.type_oid, column.typmod) for column in bound.columns]
        self.ios = [types.io(column.type_oid) for column in bound.columns]
        self.names = [column.name for column in bound.columns]

    def insert(self, rows: list[Row], first_line: int, lines: Callable[[], Sequence[str]] | None) -> Iterator[Wait]:
        """Writes a batch of rows that begins at a line."""
        context = self.context
        transaction = context.transaction
        mark = transaction.savepoint()
        before = context.rows_changed
        try:
            yield from self._write(rows)
        except DatacaveError as error:
            if error.sqlstate[:2] not in ("23", "22", "42", "P0"):
                raise
            transaction.rollback_to(mark)
            context.rows_changed = before
        else:
            if context.slice_over():
                yield TURN
            return
        for at, row in enumerate(rows):
            self.line = first_line + at
            try:
                yield from self._write([row])
            except DatacaveError as error:
                if lines is not None and error.sqlstate != sqlstate.UNIQUE_VIOLATION:
                    error.context = f'COPY {self.bound.table.name}, line {self.line}: "{shown(lines()[at])}"'
                raise

    def close(self) -> None:
        """Called at the end, whatever it is."""

    def _write(self, rows: list[Row]) -> Iterator[Wait]:
        self.bound.source.batch = rows
        try:
            for step in self.operator.open(self.context):
                if isinstance(step, Wait):
                    yield step
        finally:
            self.bound.source.batch = ()


class _TextLoad(_Load):
    def __init__(self, session: Any, bound: CopyFrom) -> None:
        super().__init__(session, bound)
        options = bound.options
        self._reader: TextReader | CsvReader
        if options.format == "csv":
            self._reader = CsvReader(
                options.delimiter,
                options.null,
                options.quote,
                options.escape,
                options.force_not_null,
                options.force_null,
            )
        else:
            self._reader = TextReader(options.delimiter, options.null)
        self._rows = RowReader(self.types, self.ios, session.format_settings, self.names)
        readers = self._rows.readers
        self._bulk = bulk_load(self.context, bound, self.operator, self.types, readers) if self.names else None
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._header = options.header or options.header_match
        self._first_line = self.line

    def take(self, data: bytes, last: bool) -> Iterator[Wait]:
        """Reads a piece of the data."""
        stretch = self._reader.take(self._decode(data, last), last)
        if self._header and stretch.count:
            self._header = False
            if self.bound.options.header_match:
                self._check_header(stretch.split()[0])
            stretch = stretch.without_first()
            self.line += 1
            self._first_line = self.line
        if stretch.count:
            bulk = self._bulk
            yield from self._take_rows(stretch) if bulk is None else self._take_columns(bulk, stretch)
        if last and self._bulk is not None:
            yield from self._end_columns(self._bulk)

    def close(self) -> None:
        """Nothing is left of a load that was not completed."""
        if self._bulk is not None:
            self._bulk.give_up()

    def _take_rows(self, stretch: Lines) -> Iterator[Wait]:
        first = self.line
        rows = self._read(stretch)
        yield from self.insert(rows, first, stretch.split)
        self.line = first + _line_count(stretch)

    def _take_columns(self, bulk: BulkLoad, stretch: Lines) -> Iterator[Wait]:
        enough = bulk.gather(stretch, self.line)
        self.line += _line_count(stretch)
        if not bulk.started and not (enough and bulk.begin()):
            if enough:
                yield from self._row_by_row(bulk)
            return
        while bulk.gathered:
            columns = self._reader.columns(bulk.gathered[0][0], len(self.names))
            if columns is None or not (yield from bulk.take(columns)):
                yield from self._row_by_row(bulk)
                return
            del bulk.gathered[0]

    def _end_columns(self, bulk: BulkLoad) -> Iterator[Wait]:
        if bulk.started and (yield from bulk.end()):
            self._bulk = None
            self.context.rows_changed += bulk.rows
        else:
            yield from self._row_by_row(bulk)

    def _row_by_row(self, bulk: BulkLoad) -> Iterator[Wait]:
        """Goes on without a bulk load, with what it has taken first."""
        self._bulk = None
        end, self.line = self.line, self._first_line

        def insert(rows: list[Row]) -> Iterator[Wait]:
            yield from self.insert(rows, self.line, None)
            self.line += len(rows)

        yield from bulk.insert_instead(insert)
        for lines, first in bulk.gathered:
            self.line = first
            yield from self._take_rows(lines)
        self.line = end

    def _decode(self, data: bytes, last: bool) -> str:
        try:
            text = self._decoder.decode(data, last)
        except UnicodeDecodeError:
            text = decode_utf8(data)
        if "\0" in text:
            decode_utf8(b"\0")
        return text

    def _read(self, stretch: Lines) -> list[Row]:
        """The values of lines; on any doubt line by line, so that the error names its line."""
        count = len(self.names)
        columns = self._reader.columns(stretch, count) if count else None
        if columns is not None:
            try:
                return self._rows.columns(columns)
            except DatacaveError:
                pass  # found again below, with its line and column
        rows = []
        for line in stretch.split():
            fields = self._reader.fields(line)
            if len(fields) < count or (len(fields) > count and not (count == 0 and fields in ([""], [None]))):
                message = (
                    f'missing data for column "{self.names[len(fields)]}"'
                    if len(fields) < count
                    else "extra data after last expected column"
                )
                error = bad_format(message)
                error.context = f'COPY {self.bound.table.name}, line {self.line}: "{shown(line)}"'
                raise error
            rows.append(self._rows.row(fields[:count]))
            self.line += 1 + line.count("\n")
        return rows

    def _check_header(self, line: str) -> None:
        """HEADER MATCH: the names must be those of the columns, in order."""
        fields = self._reader.fields(line)
        context = f'COPY {self.bound.table.name}, line 1: "{shown(line)}"'
        if len(fields) != len(self.names):
            error = bad_format(f"wrong number of fields in header line: got {len(fields)}, expected {len(self.names)}")
            error.context = context
            raise error
        for at, (found, name) in enumerate(zip(fields, self.names, strict=True), 1):
            if found != name:
                got = f'null value ("{self.bound.options.null}")' if found is None else f'"{found}"'
                error = bad_format(f'column name mismatch in header line field {at}: got {got}, expected "{name}"')
                error.context = context
                raise error


def _line_count(stretch: Lines) -> int:
    """The lines of the data in a stretch: a field in quotes may hold some, too."""
    return stretch.count + (sum([line.count("\n") for line in stretch.split()]) if stretch.block is None else 0)


class _BinaryLoad(_Load):
    def __init__(self, session: Any, bound: CopyFrom) -> None:
        super().__init__(session, bound)
        self._reader = BinaryReader(self.types, self.ios, self.names)

    def take(self, data: bytes, last: bool) -> Iterator[Wait]:
        """Reads a piece of the data."""
        try:
            rows = self._reader.take(data, last)
        finally:
            self.line = self._reader.rows_read + 1
        if rows:
            yield from self.insert(rows, self.line - len(rows), None)
