"""What every file keeps to: a head, a length, no leftovers, names that pytest can tell apart."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

from datacave_core import compiled_modules

ROOT = Path(__file__).parents[2]
PACKAGES = [path for path in sorted(ROOT.glob("datacave_*")) if path.is_dir() and path.suffix != ".egg-info"]
SOURCES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
BENCH = sorted((ROOT / "bench").rglob("*.py"))
LINES_MAX = 600
LEFTOVERS = re.compile(r"\b(?:TODO|FIXME|HACK|NotImplementedError)\b|/work/|/tmp/")
SKIPS = re.compile(r"pytest\.skip|mark\.(?:skip|skipif|xfail)|importorskip|unittest\.skip")
BROAD = {"Exception", "BaseException"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "misc", "common", "stuff"}


@cache
def text_of(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    lengths = {relative(path): len(text_of(path).splitlines()) for path in (*SOURCES, *TESTS, *BENCH)}
    assert {name: length for name, length in lengths.items() if length > LINES_MAX} == {}


def test_every_source_file_has_a_head() -> None:
    assert [relative(path) for path in SOURCES if not ast.get_docstring(tree_of(path))] == []


def test_no_file_has_leftovers_or_paths_of_one_machine() -> None:
    this = Path(__file__)
    found = [
        f"{relative(path)}:{number} {match[0]}"
        for path in (*SOURCES, *TESTS, *BENCH)
        if path != this
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if (match := LEFTOVERS.search(line))
    ]
    assert found == []


def test_files_are_named_by_a_noun_of_the_domain() -> None:
    assert [relative(path) for path in SOURCES if path.stem in VAGUE_NAMES or path.parent.name in VAGUE_NAMES] == []


def test_every_package_has_a_door_that_lists_what_it_hands_out() -> None:
    without = [
        package.name
        for package in PACKAGES
        if package.name not in ("datacave_core", "datacave_server")
        and "__all__" not in (package / "__init__.py").read_text()
    ]
    assert without == []


def test_test_modules_can_be_told_apart() -> None:
    names = Counter(path.name for path in TESTS if path.name.startswith("test_"))
    assert [name for name, count in names.items() if count > 1] == []


def test_test_folders_are_not_packages() -> None:
    assert [relative(path) for path in TESTS if path.name == "__init__.py"] == []


def test_no_error_is_swallowed() -> None:
    """A broad handler does something; `contextlib.suppress` is for narrow classes."""
    wrong = []
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler):
                broad = node.type is None or (isinstance(node.type, ast.Name) and node.type.id in BROAD)
                if broad and all(isinstance(each, ast.Pass | ast.Continue) for each in node.body):
                    wrong.append(f"{relative(path)}:{node.lineno}")
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
                names = {ast.unparse(each) for each in node.args}
                wrong += [f"{relative(path)}:{node.lineno}"] if names & BROAD else []
    assert wrong == []


def test_no_test_is_skipped_except_where_a_client_program_is_missing() -> None:
    this = Path(__file__)
    found = {relative(path) for path in TESTS if path != this and SKIPS.search(text_of(path))}
    assert {name for name in found if not name.startswith("tests/clients/")} == set()


def test_every_test_function_can_fail() -> None:
    """A test asserts something, itself or through a function it calls, or expects an error."""
    idle = []
    for path in TESTS:
        tree = tree_of(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                body = [
                    each
                    for each in node.body
                    if not isinstance(each, ast.Expr) or not isinstance(each.value, ast.Constant)
                ]
                if not any(
                    isinstance(each, ast.Assert | ast.With | ast.AsyncWith | ast.Call)
                    for part in body
                    for each in ast.walk(part)
                ):
                    idle.append(f"{relative(path)}::{node.name}")
    assert idle == []


def test_every_kernel_is_built_and_has_a_plain_twin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    listed = {module["name"]: module["sources"] for module in project["tool"]["setuptools"]["ext-modules"]}
    kernels = sorted(path for package in PACKAGES for path in package.rglob("*.pyx"))
    as_they_are = {module: [module.replace(".", "/") + ".py"] for module in compiled_modules.MODULES}
    assert listed == as_they_are | {
        relative(path).removesuffix(".pyx").replace("/", "."): [relative(path)] for path in kernels
    }
    assert [relative(path) for path in kernels if not path.with_name(path.stem[1:] + ".py").is_file()] == []


def test_the_types_of_compiled_modules_name_every_attribute() -> None:
    typed = sorted(path for package in PACKAGES for path in package.rglob("*.pxd"))
    assert sorted(compiled_modules.MODULES) == sorted(
        relative(path).removesuffix(".pxd").replace("/", ".") for path in typed
    )
    for path in typed:
        source = path.with_suffix(".py").read_text("utf-8")
        assert source.startswith("# cython: language_level=3, annotation_typing=False\n")
        slots = {
            node.name: set(ast.literal_eval(each.value))
            for node in ast.parse(source).body
            if isinstance(node, ast.ClassDef)
            for each in node.body
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__slots__"
        }
        declared: dict[str, set[str]] = {}
        for line in path.read_text("utf-8").splitlines():
            if found := re.match(r"cdef class (\w+)", line):
                names = declared[found[1]] = set()
            elif found := re.match(r"    cdef public [\w.]+ (.*)", line):
                names.update(found[1].split(", "))
        assert declared == {name: slots[name] for name in declared}, relative(path)
