"""Loading: defaults, then the configuration file, then the environment, then flags; each value knows where it is from.

Environment variables are DATACAVE_SECTION__KEY, nested as DATACAVE_SECURITY__TLS__CERT_FILE; arrays of tables are
written there as one TOML value. Unknown keys and bad values are errors that name the place and the nearest valid name.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datacave_server.config.error import ConfigError
from datacave_server.config.key import Key, keys_of, sections_of
from datacave_server.config.kinds import read_toml_value
from datacave_server.config.posture import check_posture
from datacave_server.config.sections import Config
from datacave_server.config.toml_lines import key_lines

ENVIRONMENT_PREFIX = "DATACAVE_"
DEFAULT_ORIGIN = "default"

KEYS: Mapping[str, Key] = {each.path: each for each in keys_of(Config)}
SECTIONS: Mapping[str, type[Any]] = dict(sections_of(Config))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, and where each key's value is from: "default", "FILE:LINE", a variable or a flag, by path."""

    config: Config
    origins: Mapping[str, str]
    values: Mapping[str, Any]


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, tuple[str, str]] | None = None,
    folder: Path | None = None,
) -> Loaded:
    """Reads and checks a configuration.

    `flags` maps a key's path to the flag's name and text. `folder` is the working directory. Raises ConfigError.
    """
    here = folder or Path.cwd()
    values: dict[str, Any] = {each.path: each.default for each in KEYS.values()}
    origins = dict.fromkeys(values, DEFAULT_ORIGIN)
    data_dir = KEYS["storage.data_dir"]
    values[data_dir.path] = str(here / data_dir.default)

    if file is not None:
        for path, value, place in _read_file(file):
            values[path] = _read_value(KEYS[path], value, place, file.absolute().parent)
            origins[path] = place
    for name, text in sorted((environment or {}).items()):
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name:
            path = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            values[path] = _read_text(_known(path, name), text, name, here)
            origins[path] = name
    for path, (flag, text) in (flags or {}).items():
        values[path] = _read_text(KEYS[path], text, flag, here)
        origins[path] = flag

    config: Config = _build(Config, "", values)
    check_posture(config, origins)
    return Loaded(config, origins, values)


def nearest(name: str, known: list[str]) -> str:
    """A hint with the most similar known name, or ""."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


def _known(path: str, place: str) -> Key:
    if path in KEYS:
        return KEYS[path]
    # A right name in the wrong section is likelier than a similar path.
    moved = [each for each in KEYS if each.rpartition(".")[2] == path.rpartition(".")[2]]
    hint = f'; did you mean "{moved[0]}"?' if moved else nearest(path, [*KEYS, *SECTIONS])
    what = "section" if path in SECTIONS or "." not in path else "key"
    raise ConfigError(f'unknown {what} "{path}"{hint}', place)


def _read_file(file: Path) -> Iterator[tuple[str, object, str]]:
    """All values of a TOML file with their paths and places."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", str(file)) from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8 text", str(file)) from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not TOML: {error}", str(file)) from None
    yield from _walk(document, "", key_lines(text), file)


def _walk(
    table: Mapping[str, Any], prefix: str, lines: Mapping[str, int], file: Path
) -> Iterator[tuple[str, object, str]]:
    for name, value in table.items():
        path = prefix + name
        place = f"{file}:{lines[path]}" if path in lines else str(file)
        if path in SECTIONS:
            if not isinstance(value, dict):
                raise ConfigError(f'"{path}" is a section: write [{path}]', place)
            yield from _walk(value, f"{path}.", lines, file)
        else:
            found = _known(path, place)
            if found.items is not None and isinstance(value, list):
                value = [
                    _Placed(item, _item_lines(lines, f"{path}[{number}]", file)) for number, item in enumerate(value)
                ]
            yield path, value, place


@dataclass(frozen=True, slots=True)
class _Placed:
    """A table of an array with the places of its keys; "" stands for the table itself."""

    table: object
    places: Mapping[str, str]


def _item_lines(lines: Mapping[str, int], path: str, file: Path) -> dict[str, str]:
    prefix = f"{path}."
    places = {name.removeprefix(prefix): f"{file}:{line}" for name, line in lines.items() if name.startswith(prefix)}
    if path in lines:
        places[""] = f"{file}:{lines[path]}"
    return places


def _read_text(found: Key, text: str, place: str, folder: Path) -> Any:
    try:
        if found.kind is not None:
            return found.kind.read_text(text, folder)
        value = read_toml_value(text)
    except ValueError as error:
        raise _bad_value(found, text, error, place) from None
    return _read_value(found, value, place, folder)


def _read_value(found: Key, value: object, place: str, folder: Path) -> Any:
    if found.items is not None:
        if not isinstance(value, list):
            raise ConfigError(f"{found.path}: expected tables, written as [[{found.path}]]", place)
        return tuple(_read_item(found, number, item, place, folder) for number, item in enumerate(value))
    assert found.kind is not None
    try:
        return found.kind.read(value, folder)
    except ValueError as error:
        raise _bad_value(found, value, error, place) from None


def _read_item(found: Key, number: int, item: object, place: str, folder: Path) -> Any:
    places: Mapping[str, str] = {}
    if isinstance(item, _Placed):
        places = item.places
        item = item.table
    path = f"{found.path}[{number}]"
    own_place = places.get("", place)
    if not isinstance(item, dict):
        raise ConfigError(f"{path}: expected a table", own_place)
    assert found.items is not None
    fields = {each.name: each for each in keys_of(found.items)}
    values: dict[str, Any] = {}
    for name, value in item.items():
        at = places.get(name, own_place)
        if name not in fields:
            raise ConfigError(f'unknown key "{path}.{name}"{nearest(name, list(fields))}', at)
        values[name] = _read_value(dataclasses.replace(fields[name], path=f"{path}.{name}"), value, at, folder)
    for name, each in fields.items():
        if name not in values and each.default is dataclasses.MISSING:
            raise ConfigError(f"{path}: {name} is missing", own_place)
    return found.items(**values)


def _bad_value(found: Key, value: object, error: ValueError, place: str) -> ConfigError:
    shown = "" if found.secret else f" ({value!r} was given)"
    return ConfigError(f"{found.path}: {error}{shown}", place)


def _build(body: type[Any], prefix: str, values: Mapping[str, Any]) -> Any:
    parts: dict[str, Any] = {}
    for field in dataclasses.fields(body):
        path = f"{prefix}{field.name}"
        below = field.metadata.get("section")
        parts[field.name] = _build(below, f"{path}.", values) if below is not None else values[path]
    return body(**parts)
