"""Imports run one way, have no cycles, and stand at the top of the file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "datacave_core": set(),
    "datacave_lsm": {"datacave_core"},
    "datacave_sql": {"datacave_core"},
    "datacave_protocol": {"datacave_core"},
    "datacave_server": {"datacave_core", "datacave_lsm", "datacave_sql", "datacave_protocol"},
}
# Third parties are met in one place each; the comment of pyproject.toml says what for.
ONLY_IN = {
    "sqlglot": ("datacave_sql/parse/",),
    "cryptography": ("datacave_lsm/crypto.py", "datacave_server/tls.py", "datacave_sql/functions/ciphers.py"),
    "aiohttp": ("datacave_server/admin/",),
    "greenlet": ("datacave_sql/exec/suspension.py",),
    "re2": ("datacave_sql/functions/regex/linear.py",),
    "regex": ("datacave_sql/functions/regex/bounded.py",),
    "uvloop": ("datacave_server/__main__.py",),
    "tomli_w": ("datacave_server/config/", "datacave_server/cli/"),
    "sortedcontainers": ("datacave_core/memory/", "datacave_lsm/"),
    "lz4": ("datacave_lsm/",),
    "zstandard": ("datacave_lsm/",),
}
REASON_MARK = "# imported here:"

FILES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def imported_names(node: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """The modules, and names of modules, that import statements below a node mention."""
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            for alias in each.names:
                yield alias.name, each
        elif isinstance(each, ast.ImportFrom):
            assert each.level == 0, "imports are absolute"
            assert each.module is not None
            for alias in each.names:
                yield f"{each.module}.{alias.name}", each


def resolve(name: str) -> str | None:
    """The module of ours that importing a dotted name means."""
    while name:
        if name in MODULES:
            return name
        name = name.rpartition(".")[0]
    return None


def handed_out(door: str) -> set[str]:
    """The names in a door's `__all__`."""
    for node in TREES[MODULES[door]].body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return set(names)
    return set()


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_checks_see_every_package() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(MAY_IMPORT)


def test_packages_import_one_way() -> None:
    wrong = []
    for path in FILES:
        package = path.relative_to(ROOT).parts[0]
        for name, node in imported_names(TREES[path]):
            other = name.partition(".")[0]
            if other.startswith("datacave_") and other != package and other not in MAY_IMPORT[package]:
                wrong.append(f"{relative(path)}:{node.lineno} imports {name}")
    assert wrong == []


def test_the_server_goes_through_the_doors() -> None:
    """datacave_core is words shared by all; of the other packages the server knows the doors only."""
    wrong = []
    for path in FILES:
        if path.relative_to(ROOT).parts[0] != "datacave_server":
            continue
        for name, node in imported_names(TREES[path]):
            module = resolve(name)
            if module is None or not module.startswith(("datacave_lsm", "datacave_sql", "datacave_protocol")):
                continue
            door = module.partition(".")[0]
            # `frontend` of datacave_protocol, for one, is a module that the door hands out.
            if module != door and module.removeprefix(f"{door}.") not in handed_out(door):
                wrong.append(f"{relative(path)}:{node.lineno} imports {name}")
    assert wrong == []


def test_third_parties_are_met_in_one_place() -> None:
    wrong = []
    for path in FILES:
        for name, node in imported_names(TREES[path]):
            places = ONLY_IN.get(name.partition(".")[0])
            if places and not relative(path).startswith(places):
                wrong.append(f"{relative(path)}:{node.lineno} imports {name}")
    assert wrong == []


def test_imports_stand_at_the_top() -> None:
    wrong = []
    for path in FILES:
        lines = path.read_text(encoding="utf-8").splitlines()
        top = set(TREES[path].body)
        for name, node in imported_names(TREES[path]):
            if node not in top and REASON_MARK not in lines[node.lineno - 1] + lines[node.lineno - 2]:
                wrong.append(f"{relative(path)}:{node.lineno} imports {name}")
    assert wrong == []


def import_graph() -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        found = {resolve(name) for name, _ in imported_names(TREES[path])}
        graph[module] = {other for other in found if other is not None and other != module}
    return graph


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of some cycle, in order; empty if there is none."""
    done: set[str] = set()
    for start in graph:
        stack: list[tuple[str, Iterator[str]]] = [(start, iter(sorted(graph[start])))]
        trail = [start]
        while stack and start not in done:
            module, others = stack[-1]
            following = next((other for other in others if other not in done), None)
            if following is None:
                done.add(module)
                stack.pop()
                trail.pop()
            elif following in trail:
                return [*trail[trail.index(following) :], following]
            else:
                stack.append((following, iter(sorted(graph[following]))))
                trail.append(following)
    return []


def test_modules_import_without_cycles() -> None:
    assert find_cycle(import_graph()) == []


@pytest.mark.parametrize(
    ("graph", "cycle"),
    [
        ({"a": {"b"}, "b": set()}, []),
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]),
        ({"a": set(), "b": {"a", "c"}, "c": {"a", "b"}}, ["b", "c", "b"]),
    ],
)
def test_the_cycle_finder_finds_cycles(graph: dict[str, set[str]], cycle: list[str]) -> None:
    assert find_cycle(graph) == cycle
