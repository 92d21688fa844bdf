"""citext, the type of the extension of that name: text whose letters compare regardless of their case.

The value is the str as it was written; what compares is its lower case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from datacave_core.types.text import TEXT_IO

CITEXT_IO: Final = replace(TEXT_IO, comparison_key=str.lower)
