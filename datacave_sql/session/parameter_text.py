"""Parameters whose texts have a grammar: search_path, DateStyle, TimeZone, client_encoding, the start-up options.

Every function gives the canonical text or its parts, or raises 22023 with PostgreSQL's wording.
"""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.encodings import codec_of, encoding_named
from datacave_core.errors import DatacaveError
from datacave_core.types.zones import find_zone
from datacave_sql.functions.identifiers import quoted_part


def split_identifiers(text: str) -> tuple[str, ...] | None:
    """A list of identifiers separated by commas, unquoted ones in lower case; None if it is malformed."""
    names: list[str] = []
    at, end = 0, len(text)
    while at < end and text[at].isspace():
        at += 1
    if at == end:
        return ()
    while True:
        if at < end and text[at] == '"':
            quoted = quoted_part(text, at)
            if quoted is None:
                return None
            name, at = quoted
        else:
            start = at
            while at < end and text[at] != "," and not text[at].isspace():
                at += 1
            name = text[start:at].lower()
            if not name:
                return None
        names.append(name)
        while at < end and text[at].isspace():
            at += 1
        if at == end:
            return tuple(names)
        if text[at] != ",":
            return None
        at += 1
        while at < end and text[at].isspace():
            at += 1


def check_search_path(text: str) -> tuple[str, ...]:
    """The names of a search path."""
    names = split_identifiers(text)
    if names is None:
        raise _invalid("search_path", text, "List syntax is invalid.")
    return names


def check_date_style(text: str, present: tuple[str, str], default: tuple[str, str]) -> tuple[str, str]:
    """(style, order) after SET DateStyle; what the text leaves open stays as `present` has it."""
    words = split_identifiers(text)
    if words is None:
        raise _invalid("DateStyle", text, "List syntax is invalid.")
    style: str | None = None
    order: str | None = None
    conflict = False
    german = False
    for word in words:
        new_style = new_order = None
        if word == "iso":
            new_style = "ISO"
        elif word == "sql":
            new_style = "SQL"
        elif word.startswith("postgres"):
            new_style = "Postgres"
        elif word == "german":
            new_style = "German"
            german = True
        elif word == "ymd":
            new_order = "YMD"
        elif word == "dmy" or word.startswith("euro"):
            new_order = "DMY"
        elif word in ("mdy", "us") or word.startswith("noneuro"):
            new_order = "MDY"
        elif word == "default":
            style = style or default[0]
            order = order or default[1]
            continue
        else:
            raise _invalid("DateStyle", text, f'Unrecognized key word: "{word}".')
        if new_style is not None:
            conflict = conflict or style not in (None, new_style)
            style = new_style
        if new_order is not None:
            conflict = conflict or order not in (None, new_order)
            order = new_order
    if conflict:
        raise _invalid("DateStyle", text, 'Conflicting "datestyle" specifications.')
    if german and order is None:
        order = "DMY"
    return style or present[0], order or present[1]


def check_time_zone(text: str) -> str:
    """The canonical name of a time zone: a name, a POSIX specification, or hours east of UTC."""
    try:
        hours = float(text)
    except ValueError:
        found = find_zone(text)
        if found is None:
            raise _invalid("TimeZone", text) from None
        return found.name
    if not abs(hours) <= 168:
        raise _invalid("TimeZone", text)
    return offset_zone(round(hours * 3600))


def offset_zone(seconds_east: int) -> str:
    """The POSIX specification of a fixed offset, as SET TIME ZONE with a number or an interval makes it."""
    sign, against = ("-", "+") if seconds_east < 0 else ("+", "-")
    hours, rest = divmod(abs(seconds_east), 3600)
    minutes, seconds = divmod(rest, 60)
    clock = f"{hours:02}"
    if minutes or seconds:
        clock += f":{minutes:02}"
    if seconds:
        clock += f":{seconds:02}"
    return f"<{sign}{clock}>{against}{clock}"


def check_client_encoding(text: str) -> str:
    """The encoding that is spoken with the client, by its own name; SQL_ASCII passes bytes as they are, which must be
    UTF-8 all the same. Raises 22023, 0A000 for those that Datacave has not."""
    found = encoding_named(text)
    if found is None:
        raise _invalid("client_encoding", text)
    codec_of(found)
    return found


def split_command_line(text: str) -> list[tuple[str, str]]:
    """(name, value) pairs of start-up options such as `-c geqo=off --work_mem=1MB`; a backslash keeps a blank."""
    words: list[str] = []
    word = ""
    started = False
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "\\" and at + 1 < len(text):
            word += text[at + 1]
            started = True
            at += 2
            continue
        if letter.isspace():
            if started:
                words.append(word)
            word, started = "", False
        else:
            word += letter
            started = True
        at += 1
    if started:
        words.append(word)
    pairs: list[tuple[str, str]] = []
    rest = iter(words)
    for word in rest:
        if word in ("-c", "--"):
            setting = next(rest, None)
        elif word.startswith(("--", "-c")):
            setting = word[2:]
        else:
            raise DatacaveError(
                f"invalid command-line argument for server process: {word}", sqlstate=sqlstate.SYNTAX_ERROR
            )
        if setting is None or "=" not in setting:
            shown = setting if setting is not None else ""
            option = f"--{shown}" if word.startswith("--") else f"-c {shown}"
            raise DatacaveError(f"{option} requires a value", sqlstate=sqlstate.SYNTAX_ERROR)
        name, value = setting.split("=", 1)
        pairs.append((name.replace("-", "_"), value))
    return pairs


def _invalid(name: str, text: str, detail: str | None = None) -> DatacaveError:
    return DatacaveError(
        f'invalid value for parameter "{name}": "{text}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE, detail=detail
    )
