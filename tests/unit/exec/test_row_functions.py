"""Generated functions: what their compilation says to the world."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any, cast

from datacave_sql.exec.rowfunction import compile_factory


def test_a_constant_compared_with_none_warns_nobody() -> None:
    generator = cast(Any, SimpleNamespace(prelude=[], namespace={}))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        make = compile_factory(generator, "", ["return (1 is None)"])
    assert make(cast(Any, None))() is False
    assert heard == []
