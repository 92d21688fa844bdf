"""LISTEN and NOTIFY between sessions: with the commit or not at all, each once, in order, and to sessions that idle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

Session = psycopg.Connection[Any]


def connected(server: Any, database: str | None = None) -> Session:
    dsn = server.dsn if database is None else f"{server.dsn} dbname={database}"
    return psycopg.connect(dsn, autocommit=True)


@pytest.fixture
def listener(server: Any) -> Iterator[Session]:
    with connected(server) as session:
        session.execute("LISTEN news")
        yield session


@pytest.fixture
def speaker(server: Any) -> Iterator[Session]:
    with connected(server) as session:
        yield session


def heard(listener: Session, speaker: Session) -> list[tuple[str, str]]:
    """What has come on the channel until a last word, said now: a notification too many would stand before it."""
    speaker.execute("NOTIFY news, 'last word'")
    found = []
    for each in listener.notifies(timeout=20):
        if each.payload == "last word":
            return found
        found.append((each.channel, each.payload))
    raise AssertionError("the last word was not heard")


def test_only_what_is_committed_is_heard(listener: Session, speaker: Session) -> None:
    with speaker.transaction():
        speaker.execute("NOTIFY news, 'kept'")
        speaker.execute("SELECT pg_notify('news', 'function')")
    with speaker.transaction(force_rollback=True):
        speaker.execute("NOTIFY news, 'never'")
        speaker.execute("SELECT pg_notify('news', 'never either')")
    with pytest.raises(psycopg.errors.DivisionByZero):
        speaker.execute("NOTIFY news, 'failed'; SELECT 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        speaker.execute("SELECT pg_notify('news', 'failed'), 1 / (random() * 0)::int")
    assert heard(listener, speaker) == [("news", "kept"), ("news", "function")]


def test_nothing_is_heard_before_the_commit(listener: Session, speaker: Session, server: Any) -> None:
    with connected(server) as other, speaker.transaction():
        speaker.execute("NOTIFY news, 'late'")
        assert heard(listener, other) == []
    assert heard(listener, speaker) == [("news", "late")]


def test_what_a_savepoint_takes_back_is_not_heard(listener: Session, speaker: Session) -> None:
    with speaker.transaction():
        speaker.execute("NOTIFY news, 'before'")
        speaker.execute("SAVEPOINT one; NOTIFY news, 'taken back'; SAVEPOINT two; NOTIFY news, 'this too'")
        speaker.execute("ROLLBACK TO one; NOTIFY news, 'after'")
        speaker.execute("SAVEPOINT three; NOTIFY news, 'released'; RELEASE three")
    assert heard(listener, speaker) == [("news", each) for each in ("before", "after", "released")]


def test_equal_notifications_of_a_transaction_come_once(listener: Session, speaker: Session) -> None:
    with speaker.transaction():
        speaker.execute("NOTIFY news, 'a'; NOTIFY news, 'b'; NOTIFY news, 'a'; NOTIFY news; NOTIFY news, ''")
        speaker.execute("SELECT pg_notify('news', 'b') FROM generate_series(1, 3)")
        speaker.execute("SAVEPOINT s; NOTIFY news, 'a'; NOTIFY news, 'c'; RELEASE s; NOTIFY news, 'c'")
    speaker.execute("NOTIFY news, 'a'")
    speaker.execute("SELECT pg_notify('news', NULL)")
    assert [payload for _, payload in heard(listener, speaker)] == ["a", "b", "", "c", "a", ""]


def test_notifications_of_transactions_come_in_the_order_of_their_commits(
    listener: Session, speaker: Session, server: Any
) -> None:
    with connected(server) as other:
        speaker.execute("BEGIN; NOTIFY news, 'second'")
        other.execute("BEGIN; NOTIFY news, 'first'; COMMIT")
        speaker.execute("COMMIT")
    assert [payload for _, payload in heard(listener, speaker)] == ["first", "second"]


def test_listen_and_unlisten_wait_for_the_commit(listener: Session, speaker: Session) -> None:
    with listener.transaction(force_rollback=True):
        listener.execute("UNLISTEN *; LISTEN other")
    with listener.transaction():
        listener.execute("SAVEPOINT one; LISTEN other; UNLISTEN news; ROLLBACK TO one")
    assert listener.execute("SELECT pg_listening_channels()").fetchall() == [("news",)]
    speaker.execute("NOTIFY other, 'unheard'; NOTIFY news, 'heard'")
    assert heard(listener, speaker) == [("news", "heard")]
    with listener.transaction():
        listener.execute("LISTEN other")
        listener.execute("NOTIFY other, 'own'")
    speaker.execute("NOTIFY other, 'heard'")
    assert heard(listener, speaker) == [("other", "own"), ("other", "heard")]
    listener.execute("UNLISTEN other")
    speaker.execute("NOTIFY other, 'unheard'")
    assert heard(listener, speaker) == []
    listener.execute("UNLISTEN *")
    assert listener.execute("SELECT pg_listening_channels()").fetchall() == []


def test_a_listener_in_a_block_hears_after_the_block(listener: Session, speaker: Session) -> None:
    came: list[str] = []
    listener.add_notify_handler(lambda each: came.append(each.payload))
    with listener.transaction():
        listener.execute("SELECT 1")
        speaker.execute("NOTIFY news, 'patience'")
        listener.execute("SELECT 2")
        assert came == []
    listener.execute("SELECT 3")
    assert came == ["patience"]


def test_the_sender_is_named(listener: Session, speaker: Session) -> None:
    speaker.execute("NOTIFY news, 'hello'")
    (found,) = list(listener.notifies(timeout=20, stop_after=1))
    assert found.pid == speaker.info.backend_pid


def test_sessions_that_look_up_rows_by_key_hear_too(listener: Session, speaker: Session) -> None:
    listener.execute("CREATE TABLE rows_by_key (id int PRIMARY KEY, name text)")
    listener.execute("INSERT INTO rows_by_key VALUES (1, 'one')")
    look_up = "SELECT name FROM rows_by_key WHERE id = %s"
    came: list[str] = []
    try:
        for _ in range(3):
            assert listener.execute(look_up, (1,), prepare=True).fetchone() == ("one",)
        # Idle after a lookup: the notification comes by itself.
        speaker.execute("NOTIFY news, 'idle'")
        assert [each.payload for each in listener.notifies(timeout=20, stop_after=1)] == ["idle"]
        # Not read while idle: it comes with or before the next lookup's answer.
        listener.add_notify_handler(lambda each: came.append(each.payload))
        speaker.execute("NOTIFY news, 'waiting'")
        assert listener.execute(look_up, (1,), prepare=True).fetchone() == ("one",)
        assert came == ["waiting"]
        # A lookup inside a block tells nothing before the block ends.
        with listener.transaction():
            assert listener.execute(look_up, (1,), prepare=True).fetchone() == ("one",)
            speaker.execute("NOTIFY news, 'after the block'")
            assert listener.execute(look_up, (1,), prepare=True).fetchone() == ("one",)
            assert came == ["waiting"]
        listener.execute("SELECT 1")
        assert came == ["waiting", "after the block"]
    finally:
        listener.execute("DROP TABLE rows_by_key")


def test_databases_do_not_hear_each_other(listener: Session, speaker: Session, server: Any) -> None:
    speaker.execute("CREATE DATABASE elsewhere")
    try:
        with connected(server, "elsewhere") as other:
            other.execute("LISTEN news")
            speaker.execute("NOTIFY news, 'here'")
            other.execute("NOTIFY news, 'there'")
            assert heard(listener, speaker) == [("news", "here")]
            assert [each.payload for each in other.notifies(timeout=20, stop_after=1)] == ["there"]
    finally:
        speaker.execute("DROP DATABASE elsewhere")


@pytest.mark.parametrize(
    "statement, state",
    [
        ("SELECT pg_notify('', 'x')", "22023"),
        ("SELECT pg_notify(NULL, 'x')", "22023"),
        ("SELECT pg_notify('news', repeat('x', 8000))", "22023"),
        (f"NOTIFY news, '{'x' * 8000}'", "22023"),
        (f"SELECT pg_notify('{'n' * 64}', 'x')", "22023"),
    ],
)
def test_bad_notifications_are_refused(listener: Session, speaker: Session, statement: Any, state: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        speaker.execute(statement)
    assert caught.value.sqlstate == state
    assert heard(listener, speaker) == []
