"""Do the functions that name blockers tell who holds up a DEFERRABLE transaction?"""

from __future__ import annotations

from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_core.wait import Wait
from datacave_sql import Database


def test_a_safe_snapshot_waits_for_writers_that_are_named() -> None:
    clock = SimulatedClock()
    database = Database.open(MemoryStore(clock), clock, SeededRandomness(1))
    writer, reader, asking = (database.connect("admin") for _ in range(3))

    def ask(expression: str) -> object:
        ((answer,),) = (
            row for step in asking.simple_query(f"select {expression}") if type(step) is list for row in step
        )
        return answer

    for text in (
        "create table t (k int primary key)",
        "begin isolation level serializable",
        "insert into t values (1)",
    ):
        list(writer.simple_query(text))
    list(reader.simple_query("begin isolation level serializable read only deferrable"))
    steps = reader.simple_query("select * from t")
    wait = next(step for step in steps if isinstance(step, Wait))
    assert not wait.done
    assert ask(f"pg_safe_snapshot_blocking_pids({reader.process_id})::text") == f"{{{writer.process_id}}}"
    assert ask(f"pg_blocking_pids({reader.process_id})::text") == "{}"
    for pid, blocks in ((writer.process_id, True), (asking.process_id, False)):
        assert ask(f"pg_isolation_test_session_is_blocked({reader.process_id}, array[{pid}])") is blocks
    list(writer.simple_query("commit"))
    assert wait.done
    list(steps)
    assert ask(f"pg_safe_snapshot_blocking_pids({reader.process_id})::text") == "{}"
