"""The text format: one row per line, fields between delimiters, backslash escapes.

Source: https://www.postgresql.org/docs/15/sql-copy.html. A block of whole lines without anything special is split by
two calls per line; a block with escaped delimiters or line ends goes field by field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError

END_OF_DATA: Final = "\\."
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPE: Final = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_NUMERIC_RUN: Final = re.compile(r"(?:\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3}))+")


def bad_format(message: str) -> DatacaveError:
    """22P04."""
    return DatacaveError(message, sqlstate=sqlstate.BAD_COPY_FILE_FORMAT)


def unescape(field: str) -> str:
    """A field without its escapes. Raises 22021 for escaped bytes that are no UTF-8."""
    if "\\" not in field:
        return field

    def numbers(found: re.Match[str]) -> str:
        data = bytes(
            int(part[1:], 16) if part[0] == "x" else int(part, 8) & 0xFF for part in found.group()[1:].split("\\")
        )
        try:
            text = data.decode()
        except UnicodeDecodeError:
            shown_bytes = " ".join(f"0x{byte:02x}" for byte in data)
            raise DatacaveError(
                f'invalid byte sequence for encoding "UTF8": {shown_bytes}',
                sqlstate=sqlstate.CHARACTER_NOT_IN_REPERTOIRE,
            ) from None
        return text

    parts: list[str] = []
    at = 0
    while at < len(field):
        slash = field.find("\\", at)
        if slash < 0 or slash == len(field) - 1:
            parts.append(field[at:])
            break
        parts.append(field[at:slash])
        run = _NUMERIC_RUN.match(field, slash)
        if run is not None:
            parts.append(numbers(run))
            at = run.end()
        else:
            letter = field[slash + 1]
            parts.append(_ESCAPES.get(letter, letter))
            at = slash + 2
    return "".join(parts)


class Lines:
    """Complete lines that stand together. They are taken apart only where somebody asks for single ones."""

    __slots__ = ("_lines", "block", "count")

    def __init__(self, block: str | None, lines: list[str] | None = None) -> None:
        self.block = block
        """All lines, each with its newline, where they came with newlines; else None."""
        self._lines = lines
        self.count = len(lines) if lines is not None else (block or "").count("\n")

    def split(self) -> list[str]:
        """The lines without their ends."""
        if self._lines is None:
            self._lines = (self.block or "").split("\n")[:-1]
        return self._lines

    def without_first(self) -> Lines:
        """The rest after a header."""
        return Lines(None, self.split()[1:])


class TextReader:
    """Splits text into lines and lines into fields; `take` may be called with any stretch of the data."""

    def __init__(self, delimiter: str, null: str) -> None:
        self._delimiter = delimiter
        self._null = null
        self._rest = ""
        self._line_end: str | None = None
        self.ended = False

    def take(self, text: str, last: bool) -> Lines:
        """The complete lines so far; with `last`, what remains too."""
        if self.ended:
            return Lines("")
        block = self._rest + text
        if not block:
            return Lines("")
        if self._line_end is None:
            self._line_end = _line_end(block, last)
            if self._line_end is None:
                self._rest = block
                return Lines("")
        if self._line_end == "\n" and "\\" not in block and "\r" not in block:
            end = block.rfind("\n") + 1
            if end == len(block) or not last:
                self._rest = block[end:]
                return Lines(block[:end])
        lines = block.split(self._line_end)
        if "\\" + self._line_end in block:
            lines = self._joined(lines)
        rest = lines.pop()
        if last:
            if rest:
                lines.append(rest)
            self._rest = ""
        else:
            self._rest = rest
        if self._line_end == "\n" and "\r" in block:
            self._check_carriage_returns(lines)
        if END_OF_DATA in block and END_OF_DATA in lines:
            lines = lines[: lines.index(END_OF_DATA)]
            self.ended = True
        return Lines(None, lines)

    def _joined(self, lines: list[str]) -> list[str]:
        """Lines whose end was escaped go together."""
        joined: list[str] = []
        pending = ""
        for line in lines:
            line = pending + line
            pending = ""
            if line != END_OF_DATA and (len(line) - len(line.rstrip("\\"))) % 2:
                pending = line + (self._line_end or "\n")
            else:
                joined.append(line)
        if pending:
            joined.append(pending[: -len(self._line_end or "\n")])
        return joined

    @staticmethod
    def _check_carriage_returns(lines: list[str]) -> None:
        for line in lines:
            if "\r" in line:
                error = bad_format("literal carriage return found in data")
                error.hint = 'Use "\\r" to represent carriage return.'
                raise error

    def fields(self, line: str) -> list[str | None]:
        """The fields of one line."""
        delimiter, null = self._delimiter, self._null
        parts = line.split(delimiter)
        if "\\" not in line:
            return [None if part == null else part for part in parts]
        if "\\" + delimiter in line:
            parts = self._unsplit(parts)
        return [None if part == null else unescape(part) for part in parts]

    def _unsplit(self, parts: list[str]) -> list[str]:
        joined: list[str] = []
        pending = ""
        for part in parts:
            part = pending + part
            pending = ""
            if (len(part) - len(part.rstrip("\\"))) % 2:
                pending = part + self._delimiter
            else:
                joined.append(part)
        if pending:
            joined.append(pending[:-1])
        return joined

    def columns(self, stretch: Lines, count: int) -> list[Sequence[str | None]] | None:
        """The fields of many lines, column by column; None if some line is not plain and must be looked at alone."""
        if stretch.block is not None:
            return self._plain_columns(stretch, count)
        lines = stretch.split()
        delimiter, null = self._delimiter, self._null
        rows = [line.split(delimiter) for line in lines]
        if any(len(row) != count for row in rows):
            return None
        columns: list[Sequence[str | None]] = []
        for column in zip(*rows, strict=True):
            joined = "".join(column)
            if "\\" in joined:
                if any(part.endswith("\\") for part in column):
                    return None
                columns.append([None if part == null else unescape(part) for part in column])
            elif null in column:
                columns.append([None if part == null else part for part in column])
            else:
                columns.append(column)
        return columns

    def _plain_columns(self, stretch: Lines, count: int) -> list[Sequence[str | None]] | None:
        """Lines without escapes are split all at once; a newline between delimiters must then be every n-th field."""
        delimiter, null = self._delimiter, self._null
        assert stretch.block is not None
        fields = stretch.block.replace("\n", f"{delimiter}\n{delimiter}").split(delimiter)
        fields.pop()
        lines, width = stretch.count, count + 1
        if len(fields) != lines * width or fields[count::width].count("\n") != lines:
            return None
        columns: list[Sequence[str | None]] = []
        for at in range(count):
            column = fields[at::width]
            columns.append([None if part == null else part for part in column] if null in column else column)
        return columns


def _line_end(block: str, last: bool) -> str | None:
    """The line end that the first line has; None while that cannot be told."""
    newline, carriage = block.find("\n"), block.find("\r")
    if carriage < 0 or 0 <= newline < carriage:
        return "\n" if newline >= 0 or last else None
    if carriage == len(block) - 1 and not last:
        return None
    return "\r\n" if block[carriage + 1 : carriage + 2] == "\n" else "\r"


_TEXT_ESCAPES: Final = {
    ord("\\"): "\\\\",
    ord("\b"): "\\b",
    ord("\f"): "\\f",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    ord("\v"): "\\v",
}
_SPECIAL: Final = re.compile(r"[\\\b\f\n\r\t\v]")


class TextWriter:
    """Rows of texts (None: NULL) to lines."""

    def __init__(self, delimiter: str, null: str) -> None:
        self._delimiter = delimiter
        self._null = null
        self._escapes = dict(_TEXT_ESCAPES)
        if delimiter != "\t":
            self._escapes[ord(delimiter)] = "\\" + delimiter
            self._special = re.compile(f"[\\\\\\b\\f\\n\\r\\t\\v{re.escape(delimiter)}]")
        else:
            self._special = _SPECIAL

    def lines(self, columns: Sequence[Sequence[str | None]]) -> list[bytes]:
        """One line for each row, from columns of texts."""
        delimiter = self._delimiter
        written = [self._column(column) for column in columns]
        return [(delimiter.join(row) + "\n").encode() for row in zip(*written, strict=True)]

    def _column(self, column: Sequence[str | None]) -> Sequence[str]:
        null, search, escapes = self._null, self._special.search, self._escapes
        try:
            joined = "".join(column)  # type: ignore[arg-type]
        except TypeError:
            return [
                null if text is None else text if search(text) is None else text.translate(escapes) for text in column
            ]
        if search(joined) is None:
            return column  # type: ignore[return-value]
        return [(text or "").translate(escapes) for text in column]

    def header(self, names: Sequence[str]) -> bytes:
        """The header line."""
        return (self._delimiter.join([name.translate(self._escapes) for name in names]) + "\n").encode()
