"""Orders as shops export them: a CSV file with dates, decimals, NULLs, and text with quotes, newlines and Unicode."""

from __future__ import annotations

import csv
import datetime
import io
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

TABLE = (
    "CREATE TABLE {name} (id int PRIMARY KEY, customer text NOT NULL, placed date NOT NULL, "
    "shipped timestamptz, amount numeric(12, 2) NOT NULL, weight float8, paid boolean NOT NULL, note text)"
)
CUSTOMERS = (
    "Müller & Söhne",
    "O'Brien",
    'Café "Zum Löwen"',
    "山田商店",
    "Smith, Jones",
    "Ελένη",
    "back\\slash",
    "🚚 Ltd",
)
NOTES = (
    None,
    "",
    "leave at the door",
    'said "two boxes", then "three"',
    "line one\nline two\r\nline three",
    "tab\there; semi;colon, comma",
    "\\N is not NULL here",
    "\\.",
    "ünïcödé — ¿qué? 🎁",
    "x" * 300,
)


class Order(NamedTuple):
    """One row."""

    id: int
    customer: str
    placed: datetime.date
    shipped: datetime.datetime | None
    amount: Decimal
    weight: float | None
    paid: bool
    note: str | None


def make_orders(count: int) -> list[Order]:
    """The first orders, the same at every call."""
    chance = random.Random(20)
    first = datetime.datetime(2019, 1, 1, tzinfo=datetime.UTC)
    made = []
    for number in range(count):
        placed = first + datetime.timedelta(minutes=chance.randrange(3_000_000))
        shipped = placed + datetime.timedelta(microseconds=chance.randrange(10**11)) if number % 7 else None
        made.append(
            Order(
                number,
                chance.choice(CUSTOMERS),
                placed.date(),
                shipped,
                Decimal(chance.randrange(-10_000, 10_000_000)).scaleb(-2),
                chance.random() * 100 if number % 5 else None,
                chance.random() < 0.5,
                chance.choice(NOTES),
            )
        )
    return made


def as_csv(orders: Sequence[Order]) -> str:
    """The text of a CSV file with a head. A NULL is an empty field, an empty text is quoted."""
    file = io.StringIO(newline="")
    file.write("id,customer,placed,shipped,amount,weight,paid,note\n")
    for order in orders:
        fields = ("" if value is None else csv_field(value) for value in order)
        file.write(",".join(fields) + "\n")
    return file.getvalue()


def csv_field(value: object) -> str:
    """A value that is not NULL."""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return repr(value) if isinstance(value, float) else str(value)


def read_csv(text: str) -> list[list[str]]:
    """The fields of a CSV text without head; NULL and the empty text are the same here."""
    return list(csv.reader(io.StringIO(text, newline="")))
