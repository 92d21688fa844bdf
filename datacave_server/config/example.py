"""The commented example of a configuration file, made from the schema, and the configuration as a TOML document."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping
from typing import Any

import tomli_w

from datacave_server.config.key import Key, keys_of, sections_of
from datacave_server.config.sections import Config

_HEAD = """\
# Configuration of Datacave. Every key stands here with its default; uncomment what you change.
# A flag overrides an environment variable (DATACAVE_SECTION__KEY), which overrides this file.
# Sizes may have a unit (B, KiB, MiB, GiB, TiB), durations too (us, ms, s, min, h, d). Relative paths start here.
"""
_WIDTH = 118
HIDDEN = "(hidden)"


def render_example() -> str:
    """The text of config.example.toml, which `datacave init` writes too."""
    parts = [_HEAD]
    by_section: dict[str, list[Key]] = {}
    for each in keys_of(Config):
        by_section.setdefault(each.section, []).append(each)
    for path, body in sections_of(Config):
        if path in by_section:
            title = (body.__doc__ or "").partition("\n")[0]
            parts.append(f"\n[{path}]\n{_comment(title)}")
            parts.extend(_render_key(each) for each in by_section[path])
    return "".join(parts)


def to_document(values: Mapping[str, Any], *, with_secrets: bool = False) -> dict[str, Any]:
    """The TOML document that reads as `values` (by dotted path); secrets are replaced unless asked for."""
    document: dict[str, Any] = {}
    for each in keys_of(Config):
        table = document
        for name in each.section.split("."):
            table = table.setdefault(name, {})
        table[each.name] = shown_value(each, values[each.path], with_secrets=with_secrets)
    return document


def shown_value(found: Key, value: Any, *, with_secrets: bool = False) -> Any:
    """A value as TOML writes it, without secrets unless asked for."""
    if found.items is not None:
        return [
            {
                each.name: shown_value(each, getattr(item, each.name), with_secrets=with_secrets)
                for each in keys_of(found.items)
                if getattr(item, each.name) != ""
            }
            for item in value
        ]
    if found.secret and value and not with_secrets:
        return HIDDEN
    assert found.kind is not None
    return found.kind.write(value)


def inline(value: Any) -> str:
    """A TOML value on one line."""
    if isinstance(value, list):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {inline(item)}" for name, item in value.items()) + "}"
    return tomli_w.dumps({"v": value}).removeprefix("v = ").rstrip("\n")


def _render_key(each: Key) -> str:
    if each.items is None:
        unit = f" In {each.kind.unit}." if each.kind is not None and each.kind.unit else ""
        return f"\n{_comment(each.reason + unit)}#{each.name} = {inline(shown_value(each, each.default))}\n"
    lines = [f"\n{_comment(each.reason)}"]
    for field in keys_of(each.items):
        default = (
            "" if field.default is dataclasses.MISSING else f" Default: {inline(shown_value(field, field.default))}."
        )
        lines.append(_comment(f"{field.name}: {field.reason}{default}", "    "))
    for item in shown_value(each, each.default) or ():
        lines.append(f"#[[{each.path}]]\n")
        lines.extend(f"#{name} = {inline(value)}\n" for name, value in item.items())
    return "".join(lines)


def _comment(text: str, indent: str = "") -> str:
    wrapped = textwrap.wrap(text, _WIDTH - len(indent))
    first = f"# {indent[2:]}" if indent else "# "
    return "".join(f"{first if number == 0 else '# ' + indent}{line}\n" for number, line in enumerate(wrapped))
