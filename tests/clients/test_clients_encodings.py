"""client_encoding: clients that speak another encoding than UTF-8, as psql does in a Windows console."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench.servers import find_program

WORDS = {
    "latin1": "Grüße", "win1252": "5 € – „ja“", "latin9": "œuf à 1 €", "koi8r": "слово", "sjis": "日本語",
    "euc_kr": "한국어",
}  # fmt: skip


@pytest.fixture(params=WORDS)
def spoken(server: Any, request: pytest.FixtureRequest) -> Any:
    with psycopg.connect(f"{server.dsn} client_encoding={request.param}", autocommit=True) as connection:
        yield connection, WORDS[request.param]


def test_texts_go_in_and_come_out_in_every_way(spoken: Any) -> None:
    connection, word = spoken
    assert connection.execute(f"SELECT '{word}', length('{word}')").fetchone() == (word, len(word))
    for mark in ("%t", "%b"):
        found = connection.execute(f"SELECT {mark}::text, octet_length(convert_to({mark}, 'UTF8'))", (word, word))
        assert found.fetchone() == (word, len(word.encode()))
    with connection.cursor(binary=True) as cursor:
        cursor.execute("SELECT %s::text AS a, %s::varchar AS b, 7 AS c", (word, word))
        assert cursor.fetchone() == (word, word, 7)
    cursor = connection.execute(f'SELECT 1 AS "{word}"')
    assert cursor.description[0].name == word


def test_copy_errors_notices_and_notifications(spoken: Any) -> None:
    connection, word = spoken
    connection.execute("CREATE TEMP TABLE words (word text)")
    encoded = f"{word}\n".encode(connection.info.encoding)
    with connection.cursor().copy("COPY words FROM STDIN") as copy:
        for at in range(len(encoded)):
            copy.write(encoded[at : at + 1])
    with connection.cursor().copy("COPY words TO STDOUT") as copy:
        assert b"".join(bytes(part) for part in copy) == encoded
    assert connection.execute("SELECT word = %s FROM words", (word,)).fetchone() == (True,)
    with pytest.raises(psycopg.errors.UndefinedColumn, match=word):
        connection.execute(f'SELECT "{word}" FROM words')
    told = []
    connection.add_notice_handler(lambda notice: told.append(notice.message_primary))
    connection.execute(f"DO $$BEGIN RAISE NOTICE '{word}'; END$$")
    assert told == [word]
    connection.execute("LISTEN words")
    connection.execute("SELECT pg_notify('words', %s)", (word,))
    assert [one.payload for one in connection.notifies(timeout=5, stop_after=1)] == [word]


def test_a_character_that_the_client_cannot_read_fails_the_statement(server: Any) -> None:
    with psycopg.connect(f"{server.dsn} client_encoding=latin1") as connection:
        with pytest.raises(psycopg.errors.UntranslatableCharacter, match='no equivalent in encoding "LATIN1"'):
            connection.execute("SELECT U&'\\20AC'")
        assert connection.info.transaction_status.name == "INERROR"


def test_the_encoding_changes_with_its_transaction(server: Any) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("BEGIN; SET client_encoding = latin2")
        assert connection.execute("SELECT U&'\\0159', pg_client_encoding()").fetchone() == ("ř", "LATIN2")
        connection.execute("ROLLBACK")
        assert connection.info.encoding == "utf-8"
        assert connection.execute("SELECT U&'\\0159\\20AC', pg_client_encoding()").fetchone() == ("ř€", "UTF8")
        assert connection.execute("SET client_encoding = latin1; SELECT U&'\\00e9'").statusmessage == "SET"


def test_psql_speaks_the_encoding_of_its_console(server: Any, psql: str) -> None:
    done = subprocess.run(
        [psql, "-XAt", "-c", "SELECT U&'5 \\20AC'", "-c", "\\encoding", server.dsn],
        env={"PGCLIENTENCODING": "WIN1252"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.splitlines() == [b"5 \x80", b"WIN1252"]


def test_files_are_copied_in_encodings_of_their_own(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("œuf\tà\n".encode("iso8859-15"))
    with psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TEMP TABLE pairs (a text, b text)")
        connection.execute(f"COPY pairs FROM '{path}' (ENCODING 'latin9')".encode())
        assert connection.execute("SELECT a, b FROM pairs").fetchone() == ("œuf", "à")
        with connection.cursor().copy("COPY pairs TO STDOUT (FORMAT csv, ENCODING 'latin9')") as copy:
            assert b"".join(bytes(part) for part in copy) == "œuf,à\n".encode("iso8859-15")
        with (
            pytest.raises(psycopg.errors.UntranslatableCharacter),
            connection.cursor().copy("COPY pairs TO STDOUT (ENCODING 'latin1')") as copy,
        ):
            list(copy)


def test_pg_dump_in_another_encoding(server: Any, psql: str) -> None:
    with psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE names (name text); INSERT INTO names VALUES ('Grüße')")
    done = subprocess.run(
        [find_program("pg_dump"), "--encoding=LATIN1", "-t", "names", server.dsn], capture_output=True, check=True
    )
    assert b"SET client_encoding = 'LATIN1';" in done.stdout and "Grüße".encode("latin-1") in done.stdout
