"""What each configuration parameter is for, in one sentence; read when somebody asks (pg_settings, SHOW ALL)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def descriptions() -> dict[str, str]:
    """The sentences by the parameters' names."""
    text = files(__package__).joinpath("parameter_descriptions.tsv").read_text(encoding="utf-8")
    return dict(line.split("\t") for line in text.splitlines()[1:])
