"""Where values come from, and what is said about those that cannot be used."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w

from datacave_server.config import AuthRule, Config, ConfigError, User, load, to_document
from datacave_server.config.toml_lines import key_lines

VERIFIER = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2Fs$" + "A" * 43 + "=:" + "B" * 43 + "="


def write(folder: Path, text: str) -> Path:
    file = folder / "datacave.toml"
    file.write_text(text)
    return file


def test_defaults_alone_make_a_configuration(tmp_path: Path) -> None:
    loaded = load(folder=tmp_path)
    assert str(loaded.config.server.listen) == "127.0.0.1:5433"
    assert loaded.config.storage.data_dir == str(tmp_path / ".data")
    assert loaded.config.security.auth.users == (User("admin", superuser=True),)
    assert set(loaded.origins.values()) == {"default"}


def test_flags_outrank_the_environment_which_outranks_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, '[server]\ndrain_seconds = "1s"\nlisten = "127.0.0.1:1"\n[log]\nlevel = "debug"\n')
    loaded = load(
        file,
        {
            "DATACAVE_SERVER__LISTEN": "127.0.0.1:2",
            "DATACAVE_LOG__LEVEL": "warning",
            "HOME": "/",
            "DATACAVE_CONFIG": "x",
        },
        {"log.level": ("--log-level", "error")},
        tmp_path,
    )
    assert (loaded.config.server.drain_seconds, loaded.config.server.listen.port) == (1.0, 2)
    assert loaded.config.log.level == "error"
    assert loaded.origins["server.drain_seconds"] == f"{file}:2"
    assert loaded.origins["server.listen"] == "DATACAVE_SERVER__LISTEN"
    assert loaded.origins["log.level"] == "--log-level"


def test_relative_paths_start_where_they_are_written(tmp_path: Path) -> None:
    below = tmp_path / "etc"
    below.mkdir()
    file = write(below, '[storage]\ndata_dir = "data"\n')
    assert load(file, folder=tmp_path).config.storage.data_dir == str(below / "data")
    environment = {"DATACAVE_STORAGE__DATA_DIR": "data"}
    assert load(file, environment, folder=tmp_path).config.storage.data_dir == str(tmp_path / "data")


def test_tables_are_read_from_the_file_and_from_one_line_in_the_environment(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        f'[[security.auth.users]]\nname = "ann"\nverifier = "{VERIFIER}"\n[[security.auth.users]]\nname = "bob"\n',
    )
    assert load(file).config.security.auth.users == (User("ann", VERIFIER), User("bob"))
    rules = '[{address = "10.0.0.0/8", method = "scram-sha-256", user = "ann"}]'
    loaded = load(file, {"DATACAVE_SECURITY__AUTH__RULES": rules})
    assert loaded.config.security.auth.rules == (AuthRule("10.0.0.0/8", "scram-sha-256", "ann"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[server]\nlisen = "127.0.0.1:1"', ':2: unknown key "server.lisen"; did you mean "server.listen"?'),
        ("[sever]\nx = 1", ':1: unknown section "sever"; did you mean "server"?'),
        ("\n[server]\n\ndata_dir = 'x'", ':4: unknown key "server.data_dir"; did you mean "storage.data_dir"?'),
        (
            '[log]\nlevel = "loud"',
            ':2: log.level: expected "debug" or "info" or "warning" or "error" (\'loud\' was given)',
        ),
        ("server = 3", ':1: "server" is a section: write [server]'),
        ("[cluster]\nenabled = true", ":2: cluster.enabled: only false is possible: a server runs alone so far"),
        ("[sharding]\nshard_count = 16", ":2: sharding.shard_count: only 1 is possible: tables are not sharded yet"),
        (
            "[[security.auth.users]]\nname='a'\n\n[[security.auth.users]]\nnam='b'",
            ':5: unknown key "security.auth.users[1].nam"',
        ),
        ("[[security.auth.users]]\nsuperuser=true", ":1: security.auth.users[0]: name is missing"),
        ("[security.auth]\nusers = 3", ":2: security.auth.users: expected tables"),
        ("[[security.auth.users]]\nname='a'\n[[security.auth.users]]\nname='a'", 'the name "a" is given twice'),
        (
            "[[security.auth.rules]]\naddress='10.0.0.1/8'\nmethod='trust'",
            ":2: security.auth.rules[0].address: expected",
        ),
        ("[security.tls]\ncert_file = 'x'", ":2: security.tls.cert_file: needs key_file too"),
        ("[[security.auth.rules]]\naddress='all'\nmethod='scram-sha-256'\ntls='required'", "the rule requires TLS"),
        ("[security.encryption]\nactive_key = 'a'", ':2: security.encryption.active_key: there is no key "a"'),
        ("[[security.encryption.keys]]\nid='a'", "give one of hex, file and environment"),
        ("[compaction]\nlevel0_stop_files = 5", ":2: compaction: level0_trigger_files"),
        ("[server\n", "is not TOML"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "datacave.toml"))


def test_a_password_in_place_of_a_verifier_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "[[security.auth.users]]\nname = 'a'\nverifier = 'hunter2'"))
    assert ":3: security.auth.users[0].verifier: expected what `datacave gen-password-hash` prints" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_misspelt_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(environment={"DATACAVE_SERVER__LISTN": "127.0.0.1:1"}, folder=tmp_path)
    assert str(caught.value) == 'DATACAVE_SERVER__LISTN: unknown key "server.listn"; did you mean "server.listen"?'


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read"):
        load(tmp_path / "nowhere.toml")


def test_a_shown_configuration_reads_as_the_same(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        f'[wal]\nsync_delay_seconds = "150ms"\n[[security.auth.users]]\nname = "ann"\nverifier = "{VERIFIER}"\n'
        "[[security.encryption.keys]]\nid = 'k'\nenvironment = 'K'\n",
    )
    loaded = load(file, folder=tmp_path)
    again = write(tmp_path, tomli_w.dumps(to_document(loaded.values, with_secrets=True)))
    assert load(again, folder=tmp_path).config == loaded.config
    assert VERIFIER not in tomli_w.dumps(to_document(loaded.values))


OPEN = {"server.listen": ("--listen", "0.0.0.0:5433")}
USER = f'[[security.auth.users]]\nname = "ann"\nverifier = "{VERIFIER}"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no user has a password"),
        (USER, "TLS is off"),
        (f"{USER}[[security.auth.rules]]\naddress='all'\nmethod='trust'", "trust from all would let anybody in"),
        (f"{USER}[[security.auth.rules]]\naddress='10.0.0.0/8'\nmethod='trust'", "trust from 10.0.0.0/8 would let"),
    ],
)
def test_an_open_address_needs_passwords_and_tls(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), flags=OPEN)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [f"{USER}[security.tls]\ncert_file='c'\nkey_file='k'\n", f"[server]\nallow_cleartext = true\n{USER}"],
)
def test_an_open_address_is_accepted_with_passwords_and_tls_or_plain_words(tmp_path: Path, text: str) -> None:
    assert load(write(tmp_path, text), flags=OPEN).config.server.listen.host == "0.0.0.0"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "[::1]"])
def test_loopback_needs_nothing(tmp_path: Path, host: str) -> None:
    load(flags={"server.listen": ("--listen", f"{host}:0")}, folder=tmp_path)


def test_sections_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Config().server.listen = None  # type: ignore[assignment,misc]


def test_lines_are_found_around_strings_arrays_and_comments() -> None:
    text = '''# [no]
a = """
b = 1
""" # "
[s."t"]  # x
c = [ # ]
  "]", { d = 1 },
]
'e' = {f = "#"}
g.h = 1
[[u.v]]
w = '\\'
[[u.v]]
w = 1
'''
    tomllib.loads(text)
    assert key_lines(text) == {
        "a": 2,
        "s.t": 5,
        "s.t.c": 6,
        "s.t.e": 9,
        "s.t.g.h": 10,
        "u.v": 11,
        "u.v[0]": 11,
        "u.v[0].w": 12,
        "u.v[1]": 13,
        "u.v[1].w": 14,
    }
