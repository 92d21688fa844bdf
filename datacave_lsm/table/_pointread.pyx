# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The compiled body of pointread.py: one key looked up in an opened row group, its row decoded, without Python calls.

Segments are described by `ColumnSegment.point_source()`. Pointers lead into immutable bytes that `_kept` holds on to.
"""

from cpython.buffer cimport PyBUF_FULL_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

CONTRACT = 1

cdef enum:
    CALL = 0  # pointread.PointKind
    CONSTANT = 1
    INTEGERS = 2
    FLOATS = 3
    BITS = 4
    FIXED_STRINGS = 5
    STRINGS = 6
    DICTIONARY = 7


cdef struct Source:
    int kind
    int width
    int text
    int64_t base
    Py_ssize_t data_bytes
    const uint8_t* validity
    const uint8_t* data
    const uint8_t* codes
    const uint8_t* offsets


cdef const uint8_t* bytes_pointer(object held) except? NULL:
    """Where the bytes of an immutable object start; NULL for None. The caller keeps the object."""
    cdef Py_buffer view
    cdef const uint8_t* start
    if held is None:
        return NULL
    PyObject_GetBuffer(held, &view, PyBUF_FULL_RO)
    start = <const uint8_t*> view.buf
    PyBuffer_Release(&view)
    return start


cdef inline uint64_t item(const uint8_t* items, int width, Py_ssize_t at) noexcept:
    cdef uint16_t two
    cdef uint32_t four
    cdef uint64_t eight
    if width == 1:
        return items[at]
    if width == 2:
        memcpy(&two, items + 2 * at, 2)
        return two
    if width == 4:
        memcpy(&four, items + 4 * at, 4)
        return four
    memcpy(&eight, items + 8 * at, 8)
    return eight


cdef object string(const uint8_t* data, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t limit, int text):
    if start > stop or stop > limit:
        raise ValueError(f"a string from {start} to {stop} in {limit} bytes")
    if text:
        return PyUnicode_DecodeUTF8(<const char*> data + start, stop - start, NULL)
    return PyBytes_FromStringAndSize(<const char*> data + start, stop - start)


cdef class PointReader:
    """See pointread.PointReader."""

    cdef Py_ssize_t _count
    cdef Py_ssize_t _prefix_bytes
    cdef Py_ssize_t _suffixes_bytes
    cdef int _suffix_width
    cdef int _tombstones
    cdef int _columns_count
    cdef int _offset_width
    cdef const uint8_t* _prefix
    cdef const uint8_t* _suffixes
    cdef const uint8_t* _suffix_offsets
    cdef Source _timestamps
    cdef Source _operations
    cdef Source* _columns
    cdef list _kept
    cdef list _segments
    cdef list _values

    def __cinit__(self):
        self._columns = NULL

    def __init__(self, keys, timestamps, operations, columns):
        prefix, suffixes, width, offsets = keys.point_source()
        self._kept = [keys, timestamps, operations, prefix, suffixes, offsets]
        self._count = keys.count
        self._prefix_bytes = len(prefix)
        self._prefix = bytes_pointer(prefix)
        self._suffixes = bytes_pointer(suffixes)
        self._suffixes_bytes = len(suffixes)
        self._suffix_width = width
        self._suffix_offsets = bytes_pointer(offsets)
        if offsets is not None and (len(offsets) != self._count + 1 or offsets.itemsize != 4):
            raise ValueError("offsets of keys")
        self._segments = list(columns)
        self._values = [None] * (len(columns) + 2)
        self._columns_count = len(columns)
        self._columns = <Source*> PyMem_Malloc(max(1, len(columns)) * sizeof(Source))
        if self._columns == NULL:
            raise MemoryError()
        self._describe(&self._timestamps, timestamps, len(columns))
        self._tombstones = operations is not None
        if operations is not None:
            self._describe(&self._operations, operations, len(columns) + 1)
        for number, segment in enumerate(columns):
            self._describe(&self._columns[<int> number], segment, number)

    def __dealloc__(self):
        PyMem_Free(self._columns)

    cdef int _describe(self, Source* source, object segment, Py_ssize_t number) except -1:
        found = segment.point_source()
        self._kept.append(found)
        source.kind = found.kind
        source.width = found.width
        source.text = found.text
        source.base = found.base
        source.data_bytes = found.data_bytes
        source.validity = bytes_pointer(found.validity)
        source.data = bytes_pointer(found.data)
        if source.data != NULL:
            source.data += <Py_ssize_t> found.start
        source.codes = bytes_pointer(found.data)
        if source.codes != NULL:
            source.codes += <Py_ssize_t> found.codes_at
        source.offsets = bytes_pointer(found.offsets)
        if source.offsets != NULL:
            source.offsets += <Py_ssize_t> found.offsets_at
        self._values[number] = found.value if source.kind == CONSTANT else segment
        return 0

    cdef int _compare(self, Py_ssize_t position, const uint8_t* suffix, Py_ssize_t suffix_bytes) except -2:
        """How the key at a position compares with a key: below 0, 0, above 0."""
        cdef Py_ssize_t start, length
        cdef int order
        if self._suffix_offsets == NULL:
            start = position * self._suffix_width
            length = self._suffix_width
        else:
            start = item(self._suffix_offsets, 4, position)
            length = <Py_ssize_t> item(self._suffix_offsets, 4, position + 1) - start
            if length < 0 or start + length > self._suffixes_bytes:
                raise ValueError("offsets of keys")
        order = memcmp(self._suffixes + start, suffix, min(length, suffix_bytes))
        if order:
            return -1 if order < 0 else 1
        if length == suffix_bytes:
            return 0
        return -1 if length < suffix_bytes else 1

    cdef object _value(self, Source* source, Py_ssize_t number, Py_ssize_t at):
        cdef int kind = source.kind
        cdef double real
        cdef uint64_t first
        if kind == CALL:
            return self._values[number].value_at(at)
        if source.validity != NULL and not source.validity[at >> 3] >> (at & 7) & 1:
            return None
        if kind == CONSTANT:
            return self._values[number]
        if kind == INTEGERS:
            return <int64_t> (<uint64_t> source.base + item(source.data, source.width, at))
        if kind == FIXED_STRINGS:
            return string(source.data, at * source.base, (at + 1) * source.base, source.data_bytes, source.text)
        if kind == STRINGS:
            return string(
                source.data,
                item(source.offsets, source.width, at),
                item(source.offsets, source.width, at + 1),
                source.data_bytes,
                source.text,
            )
        if kind == DICTIONARY:
            first = item(source.codes, source.width, at)
            if first >= <uint64_t> source.base:
                raise ValueError(f"code {first} of a dictionary of {source.base}")
            return string(
                source.data,
                item(source.offsets, 4, first),
                item(source.offsets, 4, first + 1),
                source.data_bytes,
                source.text,
            )
        if kind == FLOATS:
            memcpy(&real, source.data + 8 * at, 8)
            return real
        return bool(source.data[at >> 3] >> (at & 7) & 1)

    cdef int64_t _stamp(self, Py_ssize_t at) except? -1:
        if self._timestamps.kind == INTEGERS:
            return <int64_t> (
                <uint64_t> self._timestamps.base + item(self._timestamps.data, self._timestamps.width, at)
            )
        return <object> self._value(&self._timestamps, self._columns_count, at)

    def get(self, bytes key, int64_t timestamp):
        """See pointread.PointReader.get."""
        cdef const uint8_t* raw = <const uint8_t*> PyBytes_AS_STRING(key)
        cdef Py_ssize_t length = PyBytes_GET_SIZE(key) - self._prefix_bytes
        cdef Py_ssize_t low = 0, high = self._count, middle, number
        cdef int64_t stamp
        if length < 0 or memcmp(raw, self._prefix, self._prefix_bytes):
            return None
        raw += self._prefix_bytes
        while low < high:
            middle = (low + high) >> 1
            if self._compare(middle, raw, length) < 0:
                low = middle + 1
            else:
                high = middle
        if low == self._count or self._compare(low, raw, length):
            return None
        stamp = self._stamp(low)
        while stamp > timestamp:
            # Versions of one key are few and stand newest first.
            low += 1
            if low == self._count or self._compare(low, raw, length):
                return None
            stamp = self._stamp(low)
        if self._tombstones and <object> self._value(&self._operations, self._columns_count + 1, low):
            return stamp, None
        row = PyTuple_New(self._columns_count)
        for number in range(self._columns_count):
            value = self._value(&self._columns[number], number, low)
            Py_INCREF(value)
            PyTuple_SET_ITEM(row, number, value)
        return stamp, row
