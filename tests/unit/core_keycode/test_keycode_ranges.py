"""Do the ranges of a codec hold exactly the keys that the condition means, and do all generated encoders agree?"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from datacave_core.keycode import (
    Bound,
    KeyCodec,
    KeyColumn,
    KeyKind,
    key_successor,
    make_argument_encoder,
    make_batch_encoder,
    make_encoder,
    prefix_end,
    split_prefix,
    table_prefix,
)

NUMBERS: list[int | None] = [None, -(2**63), -2, 0, 1, 5, 2**63 - 1]


def inside(key: bytes, bounds: tuple[bytes, bytes | None]) -> bool:
    low, high = bounds
    return low <= key and (high is None or key < high)


@pytest.mark.parametrize(("descending", "nulls_first", "nullable"), list(product([False, True], repeat=3)))
def test_bounds_of_one_column(descending: bool, nulls_first: bool, nullable: bool) -> None:
    codec = KeyCodec(
        table_prefix(7), (KeyColumn(KeyKind.TEXT), KeyColumn(KeyKind.INT, descending, nulls_first, nullable))
    )
    rows = [(name, n) for name in ("a", "ab", "b") for n in NUMBERS if nullable or n is not None]
    ends = [None, *(Bound(n, inclusive) for n in NUMBERS if n is not None for inclusive in (True, False))]
    for lower, upper, not_null in product(ends, ends, [False, True]):
        bounds = codec.key_range(("ab",), lower, upper, not_null=not_null)
        for name, n in rows:
            expected = name == "ab"
            if lower is not None or upper is not None or not_null:
                expected = expected and n is not None
            if expected and n is not None and lower is not None:
                expected = n >= lower.value if lower.inclusive else n > lower.value
            if expected and n is not None and upper is not None:
                expected = n <= upper.value if upper.inclusive else n < upper.value
            assert inside(codec.encode((name, n)), bounds) == expected, (name, n, lower, upper)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nullable", [False, True])
def test_text_prefixes(descending: bool, nullable: bool) -> None:
    codec = KeyCodec(table_prefix(7), (KeyColumn(KeyKind.INT), KeyColumn(KeyKind.TEXT, descending, False, nullable)))
    bounds = codec.text_prefix_range((1,), "ab")
    for text in ("", "a", "ab", "abc", "ab\U0010ffff", "ac", "b"):
        assert inside(codec.encode((1, text)), bounds) == text.startswith("ab")
        assert not inside(codec.encode((2, text)), bounds)
    if nullable:
        assert not inside(codec.encode((1, None)), bounds)


def test_text_prefix_of_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="int"):
        KeyCodec(b"", (KeyColumn(KeyKind.INT),)).text_prefix_range((), "1")


def test_prefix_end_and_successor() -> None:
    assert prefix_end(b"ab") == b"ac"
    assert prefix_end(b"a\xff\xff") == b"b"
    assert prefix_end(b"\xff\xff") is None
    assert prefix_end(b"") is None
    assert b"ab" < key_successor(b"ab") < b"ab\0\0" < b"ab\1"


def test_prefix_names_table_and_index() -> None:
    assert len(table_prefix(16384, 2)) == 6
    assert split_prefix(table_prefix(2**32 - 1, 65535) + b"key") == (2**32 - 1, 65535)
    assert table_prefix(1, 65535) < table_prefix(2, 0)


def test_generated_encoders_agree() -> None:
    columns = (
        KeyColumn(KeyKind.INT),
        KeyColumn(KeyKind.BOOL, descending=True),
        KeyColumn(KeyKind.TEXT, nullable=True),
        KeyColumn(KeyKind.FLOAT),
        KeyColumn(KeyKind.UUID, descending=True),
    )
    codec = KeyCodec(table_prefix(9), columns)
    row: tuple[Any, ...] = (4, True, None, -1.5, bytes(range(16)))
    key = codec.encode(row)
    assert make_argument_encoder(codec)(*row) == key
    assert make_encoder(codec, (6, 5, 4, 3, 2))((0, 0, *reversed(row))) == key
    assert make_batch_encoder(codec)([row, row]) == [key, key]
    assert codec.encode_prefix(row[:3]) == key[: len(codec.encode_prefix(row[:3]))]
    assert codec.decode(key) == row
    assert codec.decode_columns(key, 2) == ((4, True), 6 + 8 + 1)


def test_codec_without_columns_is_its_prefix() -> None:
    assert KeyCodec(b"prefix", ()).encode(()) == b"prefix"
