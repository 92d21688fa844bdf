"""The types that extensions bring, by the name that the catalog keeps of how a base type is read and compared."""

from __future__ import annotations

from typing import Final

from datacave_core.types.citext import CITEXT_IO
from datacave_core.types.codec import TypeIO
from datacave_core.types.hstore import HSTORE_IO

EXTENSION_IO: Final[dict[str, TypeIO]] = {"citext": CITEXT_IO, "hstore": HSTORE_IO}
