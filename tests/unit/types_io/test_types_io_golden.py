"""Does every type read, print, send and receive as PostgreSQL does? The answers were recorded by
tests/oracle/record_types.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.types import (
    FormatSettings,
    binary_decoder,
    binary_encoder,
    input_function,
    oids,
    output_function,
    text_decoder,
    text_encoder,
    type_by_name,
    typmod_function,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "types"
FILES = sorted(path.name for path in GOLDEN.glob("io_*.tsv"))


def unescape(field: str) -> str:
    return field.encode("ascii").decode("unicode_escape")


def rows(name: str) -> Iterator[list[str]]:
    for line in (GOLDEN / name).read_text(encoding="ascii").splitlines()[1:]:
        yield line.split("\t")


def settings_of(text: str) -> FormatSettings:
    given = dict(part.split("=") for part in text.split(";") if part)
    style, order = given.get("datestyle", "ISO,MDY").split(",")
    return FormatSettings(
        date_style=style,
        date_order=order,
        interval_style=given.get("intervalstyle", "postgres"),
        time_zone=given.get("timezone", "UTC"),
        extra_float_digits=int(given.get("extra_float_digits", "1")),
        bytea_output=given.get("bytea_output", "hex"),
        transaction_time=lambda: 848_000_000_000_000,
    )


def ask(oid: int, typmod: int, question: str, settings: FormatSettings) -> list[str]:
    """SQLSTATE, answer, detail, hint, context and binary form, after the cast of a literal."""
    try:
        if oid == oids.INTERVAL:
            value = input_function(oid)(question, typmod, settings)
        else:
            value = input_function(oid)(question, -1, settings)
            apply = typmod_function(oid)
            if typmod >= 0:
                assert apply is not None
                value = apply(value, typmod, True)
        return ["00000", output_function(oid)(value, settings), "", "", "", binary_encoder(oid)(value).hex()]
    except DatacaveError as error:
        return [error.sqlstate, error.message, error.detail or "", error.hint or "", error.context or "", ""]


@pytest.mark.parametrize("file", FILES)
def test_types_read_print_and_send_as_recorded(file: str) -> None:
    wrong = []
    for settings_text, name, typmod, question, *answer in rows(file):
        found = type_by_name(name)
        assert found is not None
        asked = unescape(question)
        got = ask(found.oid, int(typmod or -1), asked, settings_of(settings_text))
        want = [unescape(field) for field in answer]
        if got != want:
            wrong.append(f"{settings_text} {name} {typmod} {asked!r}\n  want {want}\n  got  {got}")
    assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:20])


@pytest.mark.parametrize("file", FILES)
def test_values_survive_both_forms(file: str) -> None:
    """What was printed and sent reads back to the same value, through the closures of the wire."""
    for settings_text, name, _, _, code, answer, _, _, _, binary in rows(file):
        found = type_by_name(name)
        assert found is not None
        if code != "00000" or name in ("xml", "int2vector", "oidvector"):
            continue
        settings = settings_of(settings_text)
        try:
            value = binary_decoder(found.oid)(bytes.fromhex(binary))
        except DatacaveError as error:
            assert error.message in ("time zone displacement out of range", "timestamp out of range")
            continue
        assert binary_encoder(found.oid)(value).hex() == binary
        if settings.extra_float_digits > 0:
            text = unescape(answer)
            assert text_encoder(found.oid, settings)(value).decode() == text
            if settings.date_style == "ISO" and name != "timetz":
                again = text_decoder(found.oid, settings)(text.encode())
                assert again == value or ("NaN" in text and binary_encoder(found.oid)(again).hex() == binary)
