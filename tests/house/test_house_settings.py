"""Every configuration key is documented, has the default the code has, and configures something."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from datacave_lsm.options import EngineOptions
from datacave_server.config import KEYS, Config, load, render_example, shown_value
from datacave_server.config.kinds import Only
from datacave_server.storage import engine_options

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config.example.toml").read_text(encoding="utf-8")


def uncommented() -> str:
    """The example with its keys switched on: they are commented out without a blank after the mark."""
    return re.sub(r"^#(?=\S)", "", EXAMPLE, flags=re.MULTILINE)


def test_the_example_is_what_the_code_renders() -> None:
    assert render_example() == EXAMPLE, "datacave init --force config.example.toml writes it anew"


def test_the_example_as_it_stands_changes_nothing() -> None:
    assert set(tomllib.loads(EXAMPLE)) <= {path.partition(".")[0] for path in KEYS}
    assert load(ROOT / "config.example.toml", folder=ROOT).config == load(folder=ROOT).config


def test_the_example_names_every_key_with_its_default_and_unit() -> None:
    document = tomllib.loads(uncommented())
    for path, key in KEYS.items():
        table = document
        for name in key.section.split("."):
            table = table[name]
        if key.items is not None and not key.default:
            assert key.name not in table, path
            continue
        assert table[key.name] == shown_value(key, key.default), path
        if key.kind is not None and key.kind.unit:
            assert re.search(rf"In {key.kind.unit}\.\n#{key.name} = ", EXAMPLE), path


def test_every_key_has_a_reason() -> None:
    assert [path for path, key in KEYS.items() if len(key.reason) < 10 or not key.reason.endswith((".", "."))] == []


def test_every_key_configures_something() -> None:
    """A key is read somewhere outside the schema, unless it can have one value only."""
    read: set[str] = set()
    for path in (ROOT / "datacave_server").rglob("*.py"):
        if path.parent.name == "config" and path.name != "posture.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        read |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert [path for path, key in KEYS.items() if key.name not in read and not isinstance(key.kind, Only)] == []


def test_defaults_are_those_of_the_engine() -> None:
    assert engine_options(Config()) == EngineOptions()
