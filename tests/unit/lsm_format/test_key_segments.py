"""Are the keys of a group stored whole, and found where bisection over a list finds them?"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacave_lsm.format.keys import FixedKeySegment, OffsetKeySegment, encode_keys, open_keys

fixed = st.lists(st.binary(min_size=3, max_size=3).map(lambda tail: b"table\0" + tail), min_size=1, max_size=50)
mixed = st.lists(st.binary(max_size=6), min_size=1, max_size=50)


@given(st.one_of(fixed, mixed), st.lists(st.binary(max_size=10), max_size=20))
@settings(max_examples=200, deadline=None)
def test_searches_agree_with_a_sorted_list(keys, others):
    keys = sorted(keys)
    segment = open_keys(encode_keys(keys))
    assert segment.keys() == keys
    for start in range(0, len(keys), 7):
        assert segment.keys(start, start + 5) == keys[start : start + 5] or start + 5 > len(keys)
    for key in keys + others + [b"table\0" + other for other in others]:
        assert segment.first_at_least(key) == bisect_left(keys, key)
        assert segment.first_after(key) == bisect_right(keys, key)
        assert segment.find(key) == (keys.index(key) if key in keys else -1)


def test_trailing_zero_bytes_stay():
    keys = [b"t" + bytes([n, 0, 0]) for n in range(200)]
    segment = open_keys(encode_keys(keys))
    assert isinstance(segment, FixedKeySegment)
    assert segment.keys() == keys
    assert segment.keys(10, 190) == keys[10:190]


def test_one_key_in_many_versions_costs_no_suffix():
    segment = open_keys(encode_keys([b"same key"] * 100))
    assert isinstance(segment, FixedKeySegment)
    assert segment.suffixes == b""
    assert segment.keys() == [b"same key"] * 100
    assert (segment.find(b"same key"), segment.first_after(b"same key")) == (0, 100)


def test_a_key_that_is_the_prefix_of_the_others_comes_first():
    keys = [b"ab", b"abc", b"abd"]
    segment = open_keys(encode_keys(keys))
    assert isinstance(segment, OffsetKeySegment)
    assert segment.prefix == b"ab"
    assert segment.keys() == keys


@pytest.mark.parametrize("cut", [1, 2])
def test_a_payload_of_the_wrong_length_is_refused(cut):
    for keys in ([b"a1", b"a2"], [b"a1", b"a22"]):
        with pytest.raises(ValueError, match=r"bytes of suffixes|buffer|length"):
            open_keys(encode_keys(keys)[:-cut])
