"""Compression: lz4 or zstd over the data of a segment, kept only where it pays."""

from __future__ import annotations

import lz4.block
import zstandard

from datacave_core.compression import ZSTD_LEVEL, Compression

WORTHWHILE_BYTES_MIN = 256
"""Shorter data stays as it is."""

_KEEP_AT_MOST = 0.85  # of the plain size: a smaller gain is not worth the work of every later read
_SAMPLE_BYTES = 4096


def compress(data: bytes, wish: Compression, zstd_level: int = ZSTD_LEVEL) -> tuple[Compression, bytes]:
    """The data compressed as wished, or as it is when that saves too little."""
    if wish is Compression.NONE or len(data) < WORTHWHILE_BYTES_MIN:
        return Compression.NONE, data
    if len(data) > 4 * _SAMPLE_BYTES:
        # A sample from the middle tells random bytes apart without compressing all of them.
        middle = len(data) // 2
        sample = data[middle : middle + _SAMPLE_BYTES]
        if len(lz4.block.compress(sample, store_size=False)) > 0.95 * _SAMPLE_BYTES:
            return Compression.NONE, data
    if wish is Compression.ZSTD:
        packed = zstandard.ZstdCompressor(level=zstd_level, write_content_size=False).compress(data)
    else:
        packed = lz4.block.compress(data, store_size=False)
    if len(packed) > _KEEP_AT_MOST * len(data):
        return Compression.NONE, data
    return wish, packed


def decompress(data: bytes, compression: int, plain_bytes: int) -> bytes:
    """The data before compression; raises ValueError when it is not what was compressed."""
    if compression == Compression.NONE:
        plain = data
    elif compression == Compression.LZ4:
        try:
            plain = lz4.block.decompress(data, uncompressed_size=plain_bytes)
        except lz4.block.LZ4BlockError as error:
            raise ValueError(str(error)) from None
    elif compression == Compression.ZSTD:
        try:
            plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=plain_bytes)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from None
    else:
        raise ValueError(f"compression {compression} is unknown")
    if len(plain) != plain_bytes:
        raise ValueError(f"{len(plain)} bytes instead of {plain_bytes}")
    return plain
