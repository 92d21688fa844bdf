"""psql scripts as a list of steps: statements with their COPY data, and the few backslash commands that matter.

A step is one statement (several when joined by `\\;`), or a backslash command. psql's variables are kept by name in
the text and replaced when the step runs, because `\\gset` makes them on the way.
Not here: running anything (target.py), formatting commands such as \\pset and \\d, which are read and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_DOLLAR = re.compile(r"\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$")
_BODY_BEGIN = re.compile(r"\bbegin\s+atomic\b", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z_]\w*")
_FROM_STDIN = re.compile(r"^\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
_VARIABLE = re.compile(r"(?<![:\w]):(?:'(\w+)'|\"(\w+)\"|(\w+))")


@dataclass(frozen=True)
class Step:
    """One thing to do: a statement, with the command that ended it (`gset`, `gexec`, or none), or a command."""

    line: int
    text: str
    command: str = ""
    argument: str = ""
    copy_data: tuple[bytes, ...] = ()


def _quoted_end(text: str, at: int, quote: str, *, backslashes: bool) -> int:
    while at < len(text):
        if backslashes and text[at] == "\\":
            at += 2
        elif text[at] == quote:
            return at + 1
        else:
            at += 1
    return len(text)


def _comment_end(text: str, at: int) -> int:
    depth = 1
    while at < len(text) and depth:
        if text.startswith("/*", at):
            depth, at = depth + 1, at + 2
        elif text.startswith("*/", at):
            depth, at = depth - 1, at + 2
        else:
            at += 1
    return at


def _copy_data(text: str, at: int) -> tuple[bytes, int]:
    end = re.compile(r"^\\\.\s*$", re.MULTILINE).search(text, at)
    if end is None:
        return text[at:].encode(), len(text)
    return text[at : end.start()].encode(), min(end.end() + 1, len(text))


def read_steps(text: str) -> Iterator[Step]:
    """The steps of a script, as psql would cut it."""
    at = start = 0
    depth = 0
    atomic = 0
    joined: list[str] = []
    while at < len(text):
        char = text[at]
        if char == "'":
            escapes = at > start and text[at - 1] in "eE" and (at < 2 or not text[at - 2].isalnum())
            at = _quoted_end(text, at + 1, "'", backslashes=escapes)
        elif char == '"':
            at = _quoted_end(text, at + 1, '"', backslashes=False)
        elif text.startswith("--", at):
            at = text.find("\n", at) % (len(text) + 1)
        elif text.startswith("/*", at):
            at = _comment_end(text, at + 2)
        elif char == "$" and (tag := _DOLLAR.match(text, at)) and not (at > start and text[at - 1].isalnum()):
            end = text.find(tag[0], tag.end())
            at = len(text) if end < 0 else end + len(tag[0])
        elif char in "([":
            depth, at = depth + 1, at + 1
        elif char in ")]":
            depth, at = max(0, depth - 1), at + 1
        elif word := _WORD.match(text, at):
            at = word.end()
            lowered = word[0].lower()
            if _BODY_BEGIN.match(text, word.start()):
                atomic = 1
            elif atomic and lowered == "case":
                atomic += 1
            elif atomic and lowered == "end":
                atomic -= 1
        elif char == ";" and depth == 0 and not atomic:
            statement, line = text[start:at].strip(), text.count("\n", 0, start) + 1
            at += 1
            joined.append(statement)
            newline = text.find("\n", at) % (len(text) + 1)
            data = []
            for part in joined:
                if _FROM_STDIN.match(_without_comments(part)):
                    block, newline = _copy_data(text, newline + 1)
                    data.append(block)
            if data:
                at = newline
            yield Step(line, ";\n".join(joined), copy_data=tuple(data))
            joined, start = [], at
        elif text.startswith("\\;", at):
            joined.append(text[start:at].strip())
            at += 2
            start = at
        elif char == "\\":
            newline = text.find("\n", at) % (len(text) + 1)
            command, _, argument = text[at + 1 : newline].strip().partition(" ")
            joined.append(text[start:at].strip())
            statement = ";\n".join(part for part in joined if part)
            yield Step(text.count("\n", 0, at) + 1, statement, command, argument.strip())
            joined, at = [], newline
            start, depth, atomic = at, 0, 0
        else:
            at += 1


def _without_comments(text: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


def replace_variables(text: str, variables: dict[str, str]) -> str:
    """The text with psql's `:name`, `:'name'` and `:"name"` replaced, where the variable is known."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[3]
        found = variables.get(name)
        if found is None:
            return match[0]
        if match[1]:
            return "'" + found.replace("'", "''") + "'"
        return '"' + found.replace('"', '""') + '"' if match[2] else found

    return _VARIABLE.sub(value, text)


def set_value(argument: str, variables: dict[str, str]) -> tuple[str, str]:
    """Name and value of a \\set command: its words are joined without blanks."""
    name, _, rest = argument.partition(" ")
    words = re.findall(r"'(?:[^']|'')*'|[^\s']+", replace_variables(rest, variables))
    return name, "".join(word[1:-1].replace("''", "'") if word.startswith("'") else word for word in words)
