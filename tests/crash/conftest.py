"""A process whose power has failed says nothing: what its generators still try when they are collected is no news."""

from __future__ import annotations

import pytest

QUIET = pytest.mark.filterwarnings(
    "ignore:(?s)Exception ignored in.*PowerFailure:pytest.PytestUnraisableExceptionWarning"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "crash" in item.path.parts:
            item.add_marker(QUIET)
