# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The compiled body of filter.BloomFilter's test."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t, uint64_t

CONTRACT = 1


def may_contain(bytes bits, uint64_t bit_count, int probes, uint64_t hashed):
    """Whether all bits of a hash are set; `bits` holds at least `bit_count` of them."""
    cdef const uint8_t* data = <const uint8_t*> PyBytes_AS_STRING(bits)
    cdef uint64_t place = hashed & 0xFFFFFFFF
    cdef uint64_t step = hashed >> 32 | 1
    cdef uint64_t bit
    for _ in range(probes):
        bit = place % bit_count
        if not data[bit >> 3] >> (bit & 7) & 1:
            return False
        place += step
    return True
