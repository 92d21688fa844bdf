"""Is a SQL workload whole after its process or its power has ended at some file operations? At every one:
python -m tests.crash.transactions. And does the check notice what is not whole?"""

from __future__ import annotations

import pytest

from datacave_core.keycode import table_prefix
from datacave_core.memory import Disk
from tests.crash.sql_workload import Digest, Workload, trouble, trouble_after, undisturbed

STEP = 23


@pytest.fixture(scope="module")
def run() -> tuple[list[Digest], int]:
    return undisturbed()


@pytest.mark.parametrize("kept", [False, True], ids=["power", "process"])
def test_the_workload_is_whole_after_an_end_anywhere(run: tuple[list[Digest], int], kept: bool) -> None:
    digests, operations = run
    assert [one for number in range(5, operations, STEP) for one in trouble_after(number, digests, kept=kept)] == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("row", "rows of a are"),
        ("entry", "index a_v: "),
        ("orphan", "belong to nobody"),
        ("prepared", "prepared"),
        ("notification", "was told"),
        ("feed", "the feed"),
    ],
)
def test_what_is_not_whole_is_noticed(run: tuple[list[Digest], int], damage: str, told: str) -> None:
    digests, _ = run
    workload = Workload(Disk())
    workload.run()
    assert trouble(_reopened(workload), digests) == []
    workload = Workload(Disk())
    workload.run()
    _reopened(workload)
    table = next(
        one for home in workload.database.homes.values() for one in home.catalog.tables.values() if one.name == "a"
    )
    if damage == "row":
        workload.execute("reader", "insert into a values (77, null, 1)")
        workload.execute("reader", "delete from e")
    elif damage == "entry":
        index = next(one for one in table.indexes if one.name == "a_v")
        low = table_prefix(table.storage_id, index.index_number)
        ((key, _), *_), *_ = workload.store.scan(low, low + b"\xff", workload.store.newest_timestamp)
        workload.store.commit({key: None})
    elif damage == "orphan":
        workload.store.commit({table_prefix(table.storage_id + 900, 0) + b"x": (b"",)})
    elif damage == "prepared":
        workload.execute("reader", "rollback prepared 'kept'")
    elif damage == "notification":
        workload.execute("reader", "delete from a where id = 30")
    else:
        assert workload.position is not None
        workload.position[1].pop(5)
    assert any(told in one for one in trouble(workload, digests))


def _reopened(workload: Workload) -> Workload:
    workload.settle(workload.store.close())
    workload.open()
    return workload
