"""The byte formats: file header, sealed or checksummed segments, column encodings. FORMAT.md describes every byte."""

from __future__ import annotations

from datacave_lsm.format.header import HEADER_BYTES, FileHeader, FileKind
from datacave_lsm.format.sealing import Opener, Sealer, Seals
from datacave_lsm.format.transfer import read_exactly, write_all, write_all_at

__all__ = [
    "HEADER_BYTES",
    "FileHeader",
    "FileKind",
    "Opener",
    "Sealer",
    "Seals",
    "read_exactly",
    "write_all",
    "write_all_at",
]
