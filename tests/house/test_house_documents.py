"""What the documents say is there is there: files, commands, configuration keys, tests."""

from __future__ import annotations

import argparse
import ast
import asyncio
import re
import tomllib
from pathlib import Path

from datacave_server.cli.main import make_parser
from datacave_server.config import KEYS
from datacave_server.config.load import SECTIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MATRIX = (ROOT / "COMPATIBILITY_MATRIX.md").read_text(encoding="utf-8")
STATES = {"yes", "partly", "no"}


def matrix_rows() -> list[list[str]]:
    """The cells of every row of every table, without heads and rules."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in MATRIX.splitlines() if line.startswith("|")
    ]
    return [row for row in rows if row[0] not in ("What", "") and not set(row[0]) <= {"-", ":", " "}]


def test_functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


test_functions.__test__ = False  # type: ignore[attr-defined]


def test_each_row_of_the_matrix_names_tests_that_exist() -> None:
    rows = matrix_rows()
    assert len(rows) >= 5
    wrong = []
    for row in rows:
        what, state, proof = row[0], row[1], row[-1]
        names = re.findall(r"`(tests/[\w/]+\.\w+)(?:::(\w+))?`", proof)
        if state not in STATES:
            wrong.append(f"{what}: state {state!r}")
        if state != "no" and not names:
            wrong.append(f"{what}: no test")
        for file, name in names:
            path = ROOT / file
            if not path.is_file() or (name and name not in test_functions(path)):
                wrong.append(f"{what}: there is no {file}::{name}")
    assert wrong == []


def test_files_the_readme_names_exist() -> None:
    names = re.findall(r"`([\w.-]+/[\w./-]*|[\w.-]+\.(?:md|toml|py))`", README)
    names += re.findall(r"\]\(([^)#:]+)\)", README)
    made_at_run_time = {"datacave.toml", "audit.jsonl"}
    missing = [name for name in names if name not in made_at_run_time and not (ROOT / name).exists()]
    assert missing == []
    assert names


def subcommands(parser: argparse.ArgumentParser, prefix: str = "datacave") -> dict[str, argparse.ArgumentParser]:
    found = {prefix: parser}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                found |= subcommands(below, f"{prefix} {name}")
    return found


def test_commands_the_readme_shows_are_accepted() -> None:
    known = subcommands(make_parser(asyncio.run))
    shown = re.findall(r"\bdatacave (?:audit verify|config show|[a-z][a-z-]+)\b[^`\n|#]*", README)
    assert shown
    for line in shown:
        command = max((each for each in known if line.startswith(each)), key=len)
        assert command != "datacave", f"the README shows {line!r}"
        for flag in re.findall(r"--[a-z-]+", line):
            assert flag in known[command]._option_string_actions, f"the README shows {line!r}"


def test_every_command_explains_itself() -> None:
    for name, parser in subcommands(make_parser(asyncio.run)).items():
        assert parser.description or parser._subparsers or name == "datacave version", name
        assert f"usage: {name}" in parser.format_help()


def test_configuration_the_readme_shows_is_valid() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert blocks

    def paths(table: dict[str, object], prefix: str = "") -> list[str]:
        found = []
        for name, value in table.items():
            path = prefix + name
            found += paths(value, f"{path}.") if path in SECTIONS and isinstance(value, dict) else [path]
        return found

    for block in blocks:
        assert [path for path in paths(tomllib.loads(block)) if path not in KEYS] == []
    for variable in re.findall(r"DATACAVE_[A-Z]+__\w+", README):
        assert variable.removeprefix("DATACAVE_").lower().replace("__", ".") in {*KEYS, "section.key"}


def test_make_targets_the_readme_shows_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^\s*make ([a-z]+)", README, re.MULTILINE)
    assert {"serve", "test"} <= set(targets)
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []
