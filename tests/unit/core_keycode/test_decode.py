"""Do the generated readers of key columns give what was encoded?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from datacave_core.keycode import KeyCodec, KeyColumn, KeyKind, decoder_lines, table_prefix

VALUES: dict[KeyKind, Any] = {
    KeyKind.INT: -5,
    KeyKind.BOOL: True,
    KeyKind.TEXT: "né",
    KeyKind.BYTES: b"a\0b",
    KeyKind.UUID: bytes(range(16)),
    KeyKind.NUMERIC: Decimal("-12.5"),
    KeyKind.FLOAT: 2.5,
}


def read(columns: list[KeyColumn], wanted: set[int], key: bytes) -> dict[int, Any]:
    names: dict[str, Any] = {"key": key}
    exec("\n".join(decoder_lines(columns, wanted, "key", "v", names)), names)
    return {place: names[f"v{place}"] for place in wanted}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nullable", [False, True])
def test_each_kind_is_read_behind_each_other_kind(kind: KeyKind, descending: bool, nullable: bool) -> None:
    for before, value in VALUES.items():
        columns = [
            KeyColumn(before, descending, False, nullable),
            KeyColumn(kind, descending, False, nullable),
            KeyColumn(KeyKind.INT, descending, False, nullable),
        ]
        codec = KeyCodec(table_prefix(7, 1), columns)
        values = (value, VALUES[kind], 9)
        for wanted in ({0}, {1}, {2}, {0, 2}, {0, 1, 2}):
            assert read(columns, wanted, codec.encode(values)) == {place: values[place] for place in wanted}
        if nullable:
            assert read(columns, {0, 1, 2}, codec.encode((None, VALUES[kind], None))) == {
                0: None,
                1: VALUES[kind],
                2: None,
            }


def test_a_composed_value_is_neither_read_nor_passed_over() -> None:
    columns = [KeyColumn(KeyKind.COMPOSED, encoder=lambda value: b"x"), KeyColumn(KeyKind.INT)]
    with pytest.raises(ValueError, match="composed"):
        decoder_lines(columns, {1}, "key", "v", {})
