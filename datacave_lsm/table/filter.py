"""Bloom filter over the user keys of a table: answers "certainly not here" without touching a row group.

Double hashing after Kirsch and Mitzenmacher ("Less Hashing, Same Performance", 2006): the two halves of xxh3_64 of the
key give all probes. Ten bits per key let about 1 % of absent keys through. Byte table: FORMAT.md, "Filter".
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from datacave_core.compiled import compiled

_HEAD = struct.Struct("<IIQ")
_LOW = 0xFFFFFFFF

PIECE_KEYS = 32768

key_hash = xxh3_64_intdigest
"""The hash of a key; compute it once to ask many filters."""


def build_filter(hashes: NDArray[np.uint64], bits_per_key: int) -> bytes:
    """The filter payload for the hashes of all keys; `bits_per_key` 0 builds one that lets everything through."""
    bit_count = max(64, (len(hashes) * bits_per_key + 7) // 8 * 8)
    if bits_per_key == 0:
        return _HEAD.pack(0, 0, 0)
    probes = min(16, max(1, round(bits_per_key * 0.6931)))
    bits = np.zeros(bit_count, np.bool_)
    # In pieces: setting bits holds the interpreter lock, and the event loop wants it every few milliseconds.
    for start in range(0, len(hashes), PIECE_KEYS):
        piece = hashes[start : start + PIECE_KEYS]
        place = piece & np.uint64(_LOW)
        step = (piece >> np.uint64(32)) | np.uint64(1)
        for _ in range(probes):
            bits[place % np.uint64(bit_count)] = True
            place = place + step
    return _HEAD.pack(probes, 0, bit_count) + np.packbits(bits, bitorder="little").tobytes()


def plain_may_contain(bits: bytes, bit_count: int, probes: int, hashed: int) -> bool:
    """Whether all bits of a hash are set; `bits` holds at least `bit_count` of them."""
    place = hashed & _LOW
    step = hashed >> 32 | 1
    for _ in range(probes):
        bit = place % bit_count
        if not bits[bit >> 3] >> (bit & 7) & 1:
            return False
        place += step
    return True


_may_contain = compiled("datacave_lsm.table._filter", "may_contain", plain_may_contain, 1)


class BloomFilter:
    """An opened filter."""

    __slots__ = ("_bit_count", "_bits", "_probes")

    def __init__(self, payload: bytes) -> None:
        """Raises ValueError when the payload makes no sense."""
        self._probes, _, self._bit_count = _HEAD.unpack_from(payload)
        self._bits = payload[_HEAD.size :]
        if self._bit_count != 8 * len(self._bits) or (self._probes > 0 and not self._bits):
            raise ValueError(f"{len(self._bits)} bytes hold no {self._bit_count} bits")

    @property
    def cost_bytes(self) -> int:
        return len(self._bits)

    def may_contain(self, hashed: int) -> bool:
        """False only if no key with this hash was added."""
        return _may_contain(self._bits, self._bit_count, self._probes, hashed)
