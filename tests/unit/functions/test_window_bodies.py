"""What do window functions give for the rows of a partition?"""

from __future__ import annotations

from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_sql.functions import registry
from datacave_sql.functions.window import Partition


def over(name: str, *arguments: list[Any], count: int = 5, starts: list[int] | None = None) -> list[Any]:
    """The values over five rows whose second and third are peers; frames reach from the start to the last peer."""
    starts = [0, 1, 1, 3, 4] if starts is None else starts
    ends = [max(i for i, s in enumerate(starts) if s == start) + 1 for start in starts]
    function = next(
        f for f in registry.functions_named(name) if f.kind == "w" and len(f.argument_types) == len(arguments)
    )
    frames = [range(end) for end in ends]
    return registry.bind_window(function).call(Partition(count, arguments, starts, ends, frames))


VALUES = ["a", "b", "c", "d", "e"]


def test_numbering_and_ranking() -> None:
    assert over("row_number") == [1, 2, 3, 4, 5]
    assert over("rank") == [1, 2, 2, 4, 5]
    assert over("dense_rank") == [1, 2, 2, 3, 4]
    assert over("percent_rank") == [0.0, 0.25, 0.25, 0.75, 1.0]
    assert over("cume_dist") == [0.2, 0.6, 0.6, 0.8, 1.0]


def test_percent_rank_of_a_single_row_is_zero() -> None:
    assert over("percent_rank", count=1, starts=[0]) == [0.0]


def test_tiles_are_as_equal_as_can_be() -> None:
    assert over("ntile", [3] * 5) == [1, 1, 2, 2, 3]
    assert over("ntile", [9] * 5) == [1, 2, 3, 4, 5]
    assert over("ntile", [None] * 5) == [None] * 5


def test_tiles_must_be_positive() -> None:
    with pytest.raises(DatacaveError) as caught:
        over("ntile", [0] * 5)
    assert caught.value.sqlstate == "22014"


def test_values_of_other_rows() -> None:
    assert over("lag", VALUES) == [None, "a", "b", "c", "d"]
    assert over("lead", VALUES, [2] * 5) == ["c", "d", "e", None, None]
    assert over("lag", VALUES, [1, 0, -1, None, 9], ["z"] * 5) == ["z", "b", "d", None, "z"]


def test_values_of_the_frame() -> None:
    assert over("first_value", VALUES) == ["a"] * 5
    assert over("last_value", VALUES) == ["a", "c", "c", "d", "e"]
    assert over("nth_value", VALUES, [2] * 5) == [None, "b", "b", "b", "b"]


def test_the_nth_value_counts_from_one() -> None:
    with pytest.raises(DatacaveError) as caught:
        over("nth_value", VALUES, [0] * 5)
    assert caught.value.sqlstate == "22016"
