"""The csv format: quoted fields may hold delimiters and line ends; an unquoted null text is NULL.

Source: https://www.postgresql.org/docs/15/sql-copy.html. Quotes toggle anywhere in a field, as PostgreSQL reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from datacave_sql.session.copying.text_format import END_OF_DATA, Lines, TextReader, bad_format


@lru_cache(maxsize=64)
def whole_field_finder(delimiter: str, quote: str) -> Callable[[str], list[str]]:
    """A function that lists the fields of a record, quotes included; one that it does not understand is left out."""
    d, q = re.escape(delimiter), re.escape(quote)
    return re.compile(f"(?:\\A|{d})({q}[^{q}]*(?:{q}{q}[^{q}]*)*{q}|[^{d}{q}]*)(?={d}|\\Z)").findall


@lru_cache(maxsize=64)
def field_finder(delimiter: str, quote: str) -> Callable[[str], list[str]]:
    """The same for records that each begin with a newline; every field keeps the letter it begins after."""
    d, q = re.escape(delimiter), re.escape(quote)
    return re.compile(f"([{d}\\n](?:{q}[^{q}]*(?:{q}{q}[^{q}]*)*{q}|[^{d}{q}\\n]*))(?=[{d}\\n]|\\Z)").findall


class CsvReader:
    """Splits text into records and records into fields."""

    def __init__(
        self,
        delimiter: str,
        null: str,
        quote: str,
        escape: str,
        force_not_null: frozenset[int],
        force_null: frozenset[int],
    ) -> None:
        self._delimiter = delimiter
        self._null = null
        self._quote = quote
        self._escape = escape
        self._force_not_null = force_not_null
        self._force_null = force_null
        # Finds fields that are quoted as a whole or not at all; a record with others is read letter by letter.
        self._whole_fields = whole_field_finder(delimiter, quote) if escape == quote else None
        self._plain = TextReader(delimiter, null)  # for records without quotes
        self._all_fields = field_finder(delimiter, quote) if escape == quote else None
        self._rest = ""
        self._open = ""  # the beginning of a record whose quotes are not closed yet
        self.ended = False

    def take(self, text: str, last: bool) -> Lines:
        """The complete records so far. Raises 22P04 for an open quote at the end."""
        if self.ended:
            return Lines("")
        block = self._rest + text
        if not self._open and self._quote not in block and "\r" not in block and END_OF_DATA not in block:
            end = block.rfind("\n") + 1
            if end == len(block) or not last:
                self._rest = block[end:]
                return Lines(block[:end])
        lines = block.split("\n")
        rest = lines.pop()
        if last:
            self._rest = ""
            if rest:
                lines.append(rest)
        else:
            self._rest = rest
        returns = "\r" in block
        if not self._open and self._quote not in block:
            return Lines(None, self._until_end([line.removesuffix("\r") for line in lines] if returns else lines))
        records: list[str] = []
        pending = self._open
        is_open = bool(pending)
        for line in lines:
            if not is_open and line.removesuffix("\r") == END_OF_DATA:
                self.ended = True
                break
            pending = pending + "\n" + line if is_open else line
            is_open = self._is_open(pending)
            if not is_open:
                # A carriage return is part of the line end only where no quotes are open.
                records.append(pending.removesuffix("\r") if returns else pending)
                pending = ""
        self._open = pending if is_open else ""
        if is_open and last:
            raise bad_format("unterminated CSV quoted field")
        return Lines(None, records)

    def _until_end(self, lines: list[str]) -> list[str]:
        if END_OF_DATA in lines:
            self.ended = True
            return lines[: lines.index(END_OF_DATA)]
        return lines

    def _is_open(self, record: str) -> bool:
        if self._escape == self._quote:
            return record.count(self._quote) % 2 == 1
        inside = False
        at = 0
        while at < len(record):
            letter = record[at]
            if inside and letter == self._escape and record[at + 1 : at + 2] in (self._quote, self._escape):
                at += 2
                continue
            if letter == self._quote:
                inside = not inside
            at += 1
        return inside

    def fields(self, record: str) -> list[str | None]:
        """The fields of one record."""
        null = self._null
        if self._quote not in record:
            parts = record.split(self._delimiter)
            if null in parts:
                return [
                    None if part == null and at not in self._force_not_null else part for at, part in enumerate(parts)
                ]
            return list(parts)
        if self._whole_fields is not None:
            texts = self._whole_fields(record)
            if sum(map(len, texts)) + len(texts) == len(record) + 1:
                return self._unquoted(texts)
        fields: list[str | None] = []
        at = 0
        while True:
            field, quoted, at = self._field(record, at)
            number = len(fields)
            if field == null and ((not quoted and number not in self._force_not_null) or number in self._force_null):
                fields.append(None)
            else:
                fields.append(field)
            if at >= len(record):
                return fields
            at += 1
            if at == len(record):
                fields.append(None if null == "" and len(fields) not in self._force_not_null else "")
                return fields

    def _unquoted(self, texts: list[str]) -> list[str | None]:
        """The values of fields that are quoted as a whole or not at all."""
        null, quote, kept, forced = self._null, self._quote, self._force_not_null, self._force_null
        doubled = quote + quote
        fields: list[str | None] = []
        for number, text in enumerate(texts):
            if text[:1] == quote:
                value = text[1:-1]
                if quote in value:
                    value = value.replace(doubled, quote)
                fields.append(None if value == null and number in forced else value)
            else:
                fields.append(None if text == null and number not in kept else text)
        return fields

    def _field(self, record: str, at: int) -> tuple[str, bool, int]:
        delimiter, quote, escape = self._delimiter, self._quote, self._escape
        parts: list[str] = []
        inside = quoted = False
        end = len(record)
        while at < end:
            letter = record[at]
            if inside:
                if letter == escape and record[at + 1 : at + 2] in (quote, escape) and at + 1 < end:
                    parts.append(record[at + 1])
                    at += 2
                    continue
                if letter == quote:
                    inside = False
                else:
                    parts.append(letter)
            elif letter == delimiter:
                break
            elif letter == quote:
                inside = quoted = True
            else:
                parts.append(letter)
            at += 1
        return "".join(parts), quoted, at

    def columns(self, stretch: Lines, count: int) -> list[Sequence[str | None]] | None:
        """The fields of many records, column by column; None if some record is not as long as it should be."""
        if stretch.block is not None and not self._force_not_null:
            return self._plain.columns(stretch, count)
        records = stretch.split()
        if self._all_fields is not None and records and (found := self._whole_columns(records, count)) is not None:
            return found
        rows = [self.fields(record) for record in records]
        if any(len(row) != count for row in rows):
            return None
        return list(zip(*rows, strict=True))

    def _whole_columns(self, records: Sequence[str], count: int) -> list[Sequence[str | None]] | None:
        """The columns, if all fields are quoted as a whole or not at all and every record has `count` of them."""
        assert self._all_fields is not None
        text = "\n" + "\n".join(records)
        found = self._all_fields(text)
        firsts = found[::count]
        # As many fields as there should be, none left out, and a record begins at every `count`-th.
        if (
            len(found) != count * len(records)
            or sum(map(len, found)) != len(text)
            or not all(field[0] == "\n" for field in firsts)
        ):
            return None
        return [self._column(firsts if at == 0 else found[at::count], at) for at in range(count)]

    def _column(self, texts: list[str], number: int) -> Sequence[str | None]:
        """The values of fields that still have the letter before them."""
        null, quote = self._null, self._quote
        null_when_quoted, null_when_bare = number in self._force_null, number not in self._force_not_null
        if quote not in "".join(texts):
            values: list[str | None] = [text[1:] for text in texts]
            if null in values and null_when_bare:
                return [None if value == null else value for value in values]
            return values
        doubled = quote + quote
        values = []
        add = values.append
        for text in texts:
            if text[1:2] == quote:
                value = text[2:-1]
                if quote in value:
                    value = value.replace(doubled, quote)
                add(None if null_when_quoted and value == null else value)
            else:
                value = text[1:]
                add(None if null_when_bare and value == null else value)
        return values


class CsvWriter:
    """Rows of texts (None: NULL) to csv lines."""

    def __init__(self, delimiter: str, null: str, quote: str, escape: str, force_quote: frozenset[int]) -> None:
        self._delimiter = delimiter
        self._null = null
        self._quote = quote
        self._escape = escape
        self._force_quote = force_quote

    def lines(self, columns: Sequence[Sequence[str | None]]) -> list[bytes]:
        """One line for each row, from columns of texts."""
        single = len(columns) == 1
        written = [self._column(column, at in self._force_quote, single) for at, column in enumerate(columns)]
        delimiter = self._delimiter
        return [(delimiter.join(row) + "\n").encode() for row in zip(*written, strict=True)]

    def _column(self, column: Sequence[str | None], forced: bool, single: bool) -> list[str]:
        null = self._null
        return [null if text is None else self._text(text, forced, single) for text in column]

    def _text(self, text: str, forced: bool, single: bool) -> str:
        quote, escape = self._quote, self._escape
        if (
            forced
            or text == self._null
            or quote in text
            or self._delimiter in text
            or "\n" in text
            or "\r" in text
            or (single and text == END_OF_DATA)
        ):
            if escape != quote and escape in text:
                text = text.replace(escape, escape + escape)
            return quote + text.replace(quote, escape + quote) + quote
        return text

    def header(self, names: Sequence[str]) -> bytes:
        """The header line."""
        line = self._delimiter.join([self._text(name, False, len(names) == 1) for name in names])
        return (line + "\n").encode()
