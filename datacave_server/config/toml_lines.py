"""Line numbers of the keys in a TOML text, which the standard library's reader does not tell.

Expects a text that the reader has already accepted, so this only has to skip over values, not judge them.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
_ASSIGNMENT = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' + r"'''.*?'''|" + r'"(?:\\.|[^"\\])*"|' + r"'[^']*'|#[^\n]*|[\[\]{}]|\n|[^\"'#\[\]{}\n]+",
    re.DOTALL,
)
_NAME = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def key_lines(text: str) -> dict[str, int]:
    """Maps each section, table and key to its 1-based line: "server.listen", "security.auth.users[0].name"."""
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    prefix = ""
    for line, statement in _statements(text):
        if header := _HEADER.match(statement):
            path = _path(header[2])
            if header[1] == "[[":
                number = counts.get(path, 0)
                counts[path] = number + 1
                lines.setdefault(path, line)
                path = f"{path}[{number}]"
            lines.setdefault(path, line)
            prefix = f"{path}."
        elif assignment := _ASSIGNMENT.match(statement):
            lines.setdefault(prefix + _path(assignment[1]), line)
    return lines


def _statements(text: str) -> list[tuple[int, str]]:
    """Splits a text at the line ends outside strings, arrays and inline tables; comments are dropped."""
    found: list[tuple[int, str]] = []
    line = start = 1
    depth = 0
    parts: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "\n" and depth == 0:
            found.append((start, "".join(parts)))
            parts.clear()
            line += 1
            start = line
            continue
        if token in ("[", "{"):
            depth += 1
        elif token in ("]", "}"):
            depth -= 1
        if not token.startswith("#"):
            parts.append(token)
        line += token.count("\n")
    found.append((start, "".join(parts)))
    return [(number, statement) for number, statement in found if statement.strip()]


def _path(written: str) -> str:
    return ".".join(name.strip("\"'") for name in _NAME.findall(written))
