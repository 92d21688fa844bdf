"""Do lone executions of prepared lookups get the bytes that the long way gives?"""

from __future__ import annotations

import pytest

from tests.unit.server_point.twins import SELECT, execution, make_twins, message, parse, query, same


@pytest.fixture
async def both(monkeypatch):
    return make_twins(monkeypatch)


@pytest.mark.parametrize("value", [b"1", b"2", b"3", b" 1 ", b"-5"])
@pytest.mark.parametrize("describe", [True, False])
async def test_rows_are_found(both, value, describe):
    for _ in range(3):
        same(both, execution(b"s", [value], describe=describe), quick=1)


async def test_binary_parameters_and_results(both):
    same(both, execution(b"s", [b"\0\0\0\1"], formats=(1,), results=(1,)), quick=1)
    same(both, execution(b"s", [b"\0\0\0\1"], formats=(1,), results=(0, 1)), quick=1)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([None], {}),
        ([b"x"], {}),
        ([b"99999999999"], {}),
        ([b"\xff"], {}),
        ([], {}),
        ([b"1", b"2"], {}),
        ([b"1"], {"formats": (2,)}),
        ([b"1"], {"formats": (0, 0)}),
        ([b"1"], {"results": (2,)}),
        ([b"1"], {"results": (0, 0, 0)}),
    ],
)
async def test_what_is_wrong_or_special_goes_the_long_way(both, values, options):
    same(both, execution(b"s", values, **options), quick=0)
    same(both, execution(b"s", [b"1"]), quick=1)


async def test_statements_that_are_no_lookups_or_do_not_exist(both):
    same(both, execution(b"nothing", [b"1"]), quick=0)
    same(both, parse(b"nothing", b"SELECT a FROM t WHERE b = $1"), quick=0)
    for _ in range(3):
        same(both, execution(b"nothing", [b"one"]), quick=0)
    same(both, message(b"C", b"Snothing\0") + message(b"S"), quick=0)
    same(both, parse(b"nothing", SELECT), quick=0)
    same(both, execution(b"nothing", [b"1"]), quick=0)  # remembered as no lookup until here
    same(both, execution(b"nothing", [b"1"]), quick=1)


async def test_a_change_of_the_table_ends_what_is_known(both):
    same(both, execution(b"s", [b"1"]), quick=1)
    same(both, query("ALTER TABLE t RENAME COLUMN b TO d"), quick=0)
    assert b"42703" in same(both, execution(b"s", [b"1"]), quick=0)
    same(both, query("ALTER TABLE t RENAME COLUMN d TO b"), quick=0)
    same(both, execution(b"s", [b"1"]), quick=0)
    same(both, query("DROP TABLE t"), quick=0)
    same(both, execution(b"s", [b"1"]), quick=0)


async def test_settings_that_change_how_values_look(both):
    first = same(both, execution(b"s", [b"1"]), quick=1)
    same(both, query("SET timezone = 'Asia/Tokyo'"), quick=0)
    same(both, execution(b"s", [b"1"]), quick=0)
    second = same(both, execution(b"s", [b"1"]), quick=1)
    assert b"2020-01-02 03:04:05+00" in first
    assert b"2020-01-02 12:04:05+09" in second


async def test_inside_a_transaction_its_own_rows_are_seen(both):
    same(both, query("BEGIN"), quick=None)
    same(both, query("UPDATE t SET b = 'uno' WHERE a = 1"), quick=1)
    assert b"uno" in same(both, execution(b"s", [b"1"]), quick=1)
    same(both, query("SELECT 1 / 0"), quick=0)
    assert b"25P02" in same(both, execution(b"s", [b"1"]), quick=0)
    same(both, query("ROLLBACK"), quick=0)
    assert b"one" in same(both, execution(b"s", [b"1"]), quick=1)


async def test_several_messages_and_pieces_of_one(both):
    one = execution(b"s", [b"1"])
    same(both, one + one, quick=0)
    for cut in range(1, len(one), 5):
        fast, slow = both
        assert fast.send(one[:cut]) == slow.send(one[:cut])
        same(both, one[cut:], quick=0)
    same(both, one, quick=1)


async def test_lengths_that_do_not_fit_are_no_lookup(both):
    one = execution(b"s", [b"1"])
    wrong = one[:1] + (int.from_bytes(one[1:5], "big") - 2).to_bytes(4, "big") + one[5:]
    fast, slow = both
    assert fast.send(wrong) == slow.send(wrong)
    assert fast.quick == 0


async def test_a_write_of_the_session_is_seen_by_its_next_lookup(both):
    same(both, execution(b"s", [b"1"]), quick=1)
    same(both, query("UPDATE t SET b = 'eins' WHERE a = 1"), quick=None)
    fast, slow = both
    answer = fast.send(execution(b"s", [b"1"]))
    assert answer == slow.send(execution(b"s", [b"1"]))
    assert b"eins" in answer


async def test_a_notification_comes_with_the_next_answer(both):
    same(both, query("LISTEN x"), quick=0)
    for client in both:
        client.session.database.connect("admin", "default", {}, None, None, lambda: None)
        client.send(query("NOTIFY x, 'hello'"))
    same(both, execution(b"s", [b"1"]), quick=1)


async def test_another_role_or_another_time_goes_the_long_way(both):
    same(both, execution(b"s", [b"1"]), quick=1)
    same(both, query("CREATE ROLE reader"), quick=0)
    same(both, query("GRANT SELECT ON t TO reader"), quick=0)
    same(both, execution(b"s", [b"1"]), quick=0)
    same(both, execution(b"s", [b"1"]), quick=1)
    same(both, query("SET ROLE reader"), quick=0)
    same(both, execution(b"s", [b"1"]), quick=0)
    same(both, execution(b"s", [b"1"]), quick=1)
    same(both, query("RESET ROLE"), quick=0)
    same(both, execution(b"s", [b"1"]), quick=0)
    for client in both:
        past = client.session.database.store.visible_timestamp
        client.send(query("UPDATE t SET b = 'later'"))
        client.send(query(f"SET datacave.as_of = '{past}'"))
    for _ in range(2):
        assert b"one" in same(both, execution(b"s", [b"1"]), quick=0)
    same(both, query("RESET datacave.as_of"), quick=0)
    for quick in (0, 1):
        assert b"later" in same(both, execution(b"s", [b"1"]), quick=quick)


async def test_where_lone_reads_count_as_transactions_they_go_the_long_way(both):
    same(both, execution(b"s", [b"1"]), quick=1)
    same(both, query("SET default_transaction_isolation = 'serializable'"), quick=0)
    same(both, execution(b"s", [b"1"]), quick=0)
    same(both, query("SELECT b FROM t WHERE a = 1"), quick=0)
    same(both, query("RESET default_transaction_isolation"), quick=0)
    same(both, execution(b"s", [b"1"]), quick=1)


async def test_simple_queries(both):
    text = "SELECT b, c FROM t WHERE a = {}"
    same(both, query(text.format(1)), quick=1)
    for value in ("1", "2", "3", "-1", "'1'", "NULL", "1 AND b = 'one'"):
        same(both, query(text.format(value)), quick=None)
    same(both, query(text.format(3)), quick=1)
    for wrong in ("'x'", "99999999999", "nothing", "1; SELECT 2", "$1"):
        fast, slow = both
        assert fast.send(query(text.format(wrong))) == slow.send(query(text.format(wrong)))
    same(both, query("SET timezone = 'Asia/Tokyo'"), quick=0)
    assert b"12:04:05+09" in same(both, query(text.format(1)), quick=None)
    same(both, query("ALTER TABLE t RENAME COLUMN c TO d"), quick=0)
    assert b"42703" in same(both, query(text.format(1)), quick=None)
    same(both, query("ALTER TABLE t RENAME COLUMN d TO c"), quick=0)
    same(both, query("BEGIN"), quick=None)
    same(both, query(text.format(1)), quick=1)
    same(both, query("SELECT 1 / 0"), quick=0)
    assert b"25P02" in same(both, query(text.format(1)), quick=None)
    same(both, query("ROLLBACK"), quick=0)
    same(both, query(text.format(1)), quick=1)
    broken = message(b"Q", text.format(1).encode())
    fast, slow = both
    assert fast.send(broken) == slow.send(broken)


async def test_statements_parsed_for_one_execution(both):
    def unnamed(text, values, **options):
        return parse(b"", text)[: -len(message(b"S"))] + execution(b"", values, **options)

    first, second = SELECT, b"SELECT a, b FROM t WHERE a = $1"
    for text in (first, second):
        same(both, unnamed(text, [b"1"]), quick=None)
    for _ in range(3):
        for text in (first, second):
            same(both, unnamed(text, [b"1"]), quick=1)
            same(both, unnamed(text, [b"7"], describe=False), quick=1)
            same(both, unnamed(text, [b"x"]), quick=0)
    same(both, unnamed(second, [b"2"]), quick=1)
    same(both, execution(b"", [b"1"]), quick=1)  # the unnamed statement is the one that was parsed last
    same(both, unnamed(b"SELECT 1 FROM t WHERE b = $1", [b"one"]), quick=0)
    same(both, execution(b"", [b"one"]), quick=0)
    same(both, query("ALTER TABLE t ADD COLUMN e int"), quick=0)
    same(both, unnamed(first, [b"1"]), quick=None)
    same(both, unnamed(first, [b"1"]), quick=1)
    same(both, query("BEGIN"), quick=None)
    same(both, unnamed(first, [b"1"]), quick=1)
    same(both, query("COMMIT"), quick=0)
    same(both, query("DROP TABLE t"), quick=0)
    assert b"42P01" in same(both, unnamed(first, [b"1"]), quick=0)


async def test_parameters_of_types_that_do_not_exist(both):
    answer = same(both, parse(b"x", b"SELECT $1", (21273,)), quick=0)
    assert b"C42704\0Mtype with OID 21273 does not exist\0" in answer
    same(both, execution(b"s", [b"1"]), quick=1)
