# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The compiled body of rowread.py: rows of an opened group, one by key or a span of them, without Python calls.

Segments are described by `ColumnSegment.point_source()`. Pointers lead into immutable bytes that `_kept` holds on to.
Rows whose values hold no references are taken from the collector's sight at once, as it would do itself later: a scan
that makes a million of them would make it run over and over.
"""

from cpython.buffer cimport PyBUF_FULL_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef extern from "Python.h":
    int PyObject_IS_GC(PyObject* thing)
    void PyObject_GC_UnTrack(PyObject* thing)

CONTRACT = 1

cdef enum:
    UNKNOWN = -1  # nobody has asked for it yet
    CALL = 0  # pointsource.PointKind
    CONSTANT = 1
    INTEGERS = 2
    FLOATS = 3
    BITS = 4
    FIXED_STRINGS = 5
    STRINGS = 6
    DICTIONARY = 7

cdef int64_t EVERY = 2**63 - 1  # rowread.EVERY

cdef Py_ssize_t SHARED_ROWS_MIN = 64
"""Spans of this length take the values of a dictionary from the segment, which makes each of them once."""


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


cdef class RowReader:
    """See rowread.PlainRowReader."""

    cdef Py_ssize_t _count
    cdef Py_ssize_t _prefix_bytes
    cdef Py_ssize_t _suffixes_bytes
    cdef int _suffix_width
    cdef int _tombstones
    cdef int _complete
    cdef int _stamped
    cdef Py_ssize_t _columns_count
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

    def __init__(self, keys, list columns):
        cdef Py_ssize_t number, count = len(columns)
        prefix, suffixes, width, offsets = keys.point_source()
        self._kept = [keys, prefix, suffixes, offsets]
        self._count = keys.count
        self._prefix_bytes = len(prefix)
        self._prefix = bytes_pointer(prefix)
        self._suffixes = bytes_pointer(suffixes)
        self._suffixes_bytes = len(suffixes)
        self._suffix_width = width
        self._suffix_offsets = bytes_pointer(offsets)
        if offsets is not None and (len(offsets) != self._count + 1 or offsets.itemsize != 4):
            raise ValueError("offsets of keys")
        self._segments = columns
        self._values = [None] * (count + 2)
        self._columns_count = count
        self._tombstones = self._complete = self._stamped = 0
        PyMem_Free(self._columns)
        self._columns = <Source*> PyMem_Malloc(max(1, count) * sizeof(Source))
        if self._columns == NULL:
            raise MemoryError()
        for number in range(count):
            self._columns[number].kind = UNKNOWN

    def __dealloc__(self):
        PyMem_Free(self._columns)

    def attach(self, timestamps, operations):
        """See rowread.PlainRowReader.attach."""
        if not self._stamped:
            self._describe(&self._timestamps, timestamps, self._columns_count)
            self._stamped = 1
        if operations is not None and not self._tombstones:
            self._describe(&self._operations, operations, self._columns_count + 1)
            self._tombstones = 1

    cdef int _know(self, Py_ssize_t number) except -1:
        """Makes sure that a stored column is described."""
        if self._columns[number].kind == UNKNOWN:
            self._describe(&self._columns[number], self._segments[number], number)
        return 0

    cdef int _know_all(self) except -1:
        cdef Py_ssize_t number
        if not self._complete:
            for number in range(self._columns_count):
                self._know(number)
            self._complete = 1
        return 0

    cdef int _describe(self, Source* source, object segment, Py_ssize_t number) except -1:
        if segment is None:
            raise ValueError(f"column {number} is not open")
        found = segment.point_source()
        self._kept.append(found)
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
        self._values[number] = found.value if found.kind == CONSTANT else segment
        source.kind = found.kind  # last: a source with a kind is complete
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
        """See rowread.PlainRowReader.get."""
        cdef const uint8_t* raw = <const uint8_t*> PyBytes_AS_STRING(key)
        cdef Py_ssize_t length = PyBytes_GET_SIZE(key) - self._prefix_bytes
        cdef Py_ssize_t low = 0, high = self._count, middle, number
        cdef int64_t stamp
        if not self._stamped:
            raise ValueError("no timestamps")
        self._know_all()
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
        return stamp, self._row(low, 0, NULL, self._columns_count, None, ())

    def first_at_least(self, bytes key):
        """See rowread.PlainRowReader.first_at_least."""
        cdef const uint8_t* raw = <const uint8_t*> PyBytes_AS_STRING(key)
        cdef Py_ssize_t length = PyBytes_GET_SIZE(key)
        cdef Py_ssize_t low = 0, high = self._count, middle
        cdef int order = memcmp(raw, self._prefix, min(length, self._prefix_bytes))
        if order:
            return 0 if order < 0 else self._count
        if length < self._prefix_bytes:
            return 0
        raw += self._prefix_bytes
        length -= self._prefix_bytes
        while low < high:
            middle = (low + high) >> 1
            if self._compare(middle, raw, length) < 0:
                low = middle + 1
            else:
                high = middle
        return low

    def repeats(self):
        """See rowread.PlainRowReader.repeats."""
        cdef Py_ssize_t at
        cdef bytearray flags = None
        for at in range(1, self._count):
            if self._same(at):
                if flags is None:
                    flags = bytearray(self._count)
                flags[at] = 1
        return None if flags is None else bytes(flags)

    def pairs(self, Py_ssize_t start, Py_ssize_t stop, int64_t timestamp, bint hidden, tuple missing):
        """See rowread.PlainRowReader.pairs."""
        cdef Py_ssize_t at
        cdef list found = [], called
        cdef object row, key
        cdef tuple pair
        cdef int tracked
        self._check(start, stop, timestamp)
        self._know_all()
        called = self._prepared(start, stop, NULL, self._columns_count)
        tracked = called is not None or PyTuple_GET_SIZE(missing) > 0
        for at in range(start, stop):
            if not self._shows(at, timestamp, hidden) or (self._tombstones and self._deletes(at)):
                continue
            key = self._key(at)
            row = self._row(at, start, NULL, self._columns_count, called, missing)
            pair = PyTuple_New(2)
            Py_INCREF(key)
            PyTuple_SET_ITEM(pair, 0, key)
            Py_INCREF(row)
            PyTuple_SET_ITEM(pair, 1, row)
            if not tracked:
                PyObject_GC_UnTrack(<PyObject*> pair)
            found.append(pair)
        return found

    def stretch(self, Py_ssize_t start, Py_ssize_t stop, int64_t timestamp, bint hidden, tuple missing):
        """See rowread.PlainRowReader.stretch."""
        cdef Py_ssize_t at
        cdef list keys = [], rows = [], called
        self._check(start, stop, timestamp)
        self._know_all()
        called = self._prepared(start, stop, NULL, self._columns_count)
        for at in range(start, stop):
            if self._shows(at, timestamp, hidden):
                keys.append(self._key(at))
                if self._tombstones and self._deletes(at):
                    rows.append(None)
                else:
                    rows.append(self._row(at, start, NULL, self._columns_count, called, missing))
        return keys, rows

    def rows(
        self,
        Py_ssize_t start,
        Py_ssize_t stop,
        int64_t timestamp,
        bint hidden,
        columns,
        tuple missing,
        bint places,
    ):
        """See rowread.PlainRowReader.rows."""
        cdef Py_ssize_t at, place, number, width
        cdef Py_ssize_t* chosen = NULL
        cdef list found = [], called
        self._check(start, stop, timestamp)
        try:
            if columns is None:
                self._know_all()
                width = self._columns_count
            else:
                width = len(columns)
                chosen = <Py_ssize_t*> PyMem_Malloc(max(1, width) * sizeof(Py_ssize_t))
                if chosen == NULL:
                    raise MemoryError()
                for place in range(width):
                    number = columns[place]
                    if not 0 <= number < self._columns_count + PyTuple_GET_SIZE(missing):
                        raise IndexError(f"column {number} of {self._columns_count}")
                    if number < self._columns_count:
                        self._know(number)
                    chosen[place] = number
            called = self._prepared(start, stop, chosen, width)
            for at in range(start, stop):
                if self._shows(at, timestamp, hidden) and not (self._tombstones and self._deletes(at)):
                    found.append(self._row(at, start, chosen, width, called, missing))
                elif places:
                    found.append(None)
        finally:
            PyMem_Free(chosen)
        return found

    cdef int _check(self, Py_ssize_t start, Py_ssize_t stop, int64_t timestamp) except -1:
        if not 0 <= start <= stop <= self._count:
            raise IndexError(f"rows {start} to {stop} of {self._count}")
        if timestamp != EVERY and not self._stamped:
            raise ValueError("no timestamps")
        return 0

    cdef bint _same(self, Py_ssize_t at) except -1:
        """Whether a row (not the first) has the key of the row before."""
        cdef Py_ssize_t before, start, stop
        if self._suffix_offsets == NULL:
            start = at * self._suffix_width
            return not memcmp(
                self._suffixes + start, self._suffixes + start - self._suffix_width, self._suffix_width
            )
        before = item(self._suffix_offsets, 4, at - 1)
        start = item(self._suffix_offsets, 4, at)
        stop = item(self._suffix_offsets, 4, at + 1)
        if before > start or start > stop or stop > self._suffixes_bytes:
            raise ValueError("offsets of keys")
        return stop - start == start - before and not memcmp(
            self._suffixes + before, self._suffixes + start, stop - start
        )

    cdef bint _shows(self, Py_ssize_t at, int64_t timestamp, bint hidden) except -1:
        """Whether the version of a row is the one to see of its key."""
        if timestamp == EVERY:
            return not hidden if at == 0 else not self._same(at)
        if self._stamp(at) > timestamp:
            return False
        if at == 0:
            return not hidden
        return not self._same(at) or self._stamp(at - 1) > timestamp

    cdef bint _deletes(self, Py_ssize_t at) except -1:
        return <object> self._value(&self._operations, self._columns_count + 1, at) != 0

    cdef object _key(self, Py_ssize_t at):
        cdef Py_ssize_t start, length
        cdef uint8_t* raw
        if self._suffix_offsets == NULL:
            start = at * self._suffix_width
            length = self._suffix_width
        else:
            start = item(self._suffix_offsets, 4, at)
            length = <Py_ssize_t> item(self._suffix_offsets, 4, at + 1) - start
            if length < 0 or start + length > self._suffixes_bytes:
                raise ValueError("offsets of keys")
        key = PyBytes_FromStringAndSize(NULL, self._prefix_bytes + length)
        raw = <uint8_t*> PyBytes_AS_STRING(key)
        memcpy(raw, self._prefix, self._prefix_bytes)
        memcpy(raw + self._prefix_bytes, self._suffixes + start, length)
        return key

    cdef list _prepared(self, Py_ssize_t start, Py_ssize_t stop, const Py_ssize_t* chosen, Py_ssize_t width):
        """For columns that the segment itself decodes best, the values of the span; None where there is none."""
        cdef Py_ssize_t place, number
        cdef int kind
        cdef list called = None
        for place in range(width):
            number = place if chosen == NULL else chosen[place]
            if number >= self._columns_count:
                continue
            kind = self._columns[number].kind
            if kind == CALL or (kind == DICTIONARY and stop - start >= SHARED_ROWS_MIN):
                if called is None:
                    called = [None] * self._columns_count
                if called[number] is None:
                    values = self._segments[number].values(start, stop)
                    if len(values) != stop - start:
                        raise ValueError(f"{len(values)} values of {stop - start} rows")
                    called[number] = values
        return called

    cdef tuple _row(
        self,
        Py_ssize_t at,
        Py_ssize_t start,
        const Py_ssize_t* chosen,
        Py_ssize_t width,
        list called,
        tuple missing,
    ):
        """The row at a place: the chosen columns, or all stored ones and then `missing`."""
        cdef Py_ssize_t more = PyTuple_GET_SIZE(missing) if chosen == NULL else 0
        cdef Py_ssize_t place, number
        cdef bint tracked = False
        cdef tuple row = PyTuple_New(width + more)
        cdef object value
        cdef object values
        for place in range(width + more):
            number = place if chosen == NULL else chosen[place]
            if number >= self._columns_count:
                value = <object> PyTuple_GET_ITEM(missing, number - self._columns_count)
                tracked = tracked or PyObject_IS_GC(<PyObject*> value)
            else:
                values = None if called is None else <object> PyList_GET_ITEM(called, number)
                if values is not None:
                    value = <object> PyList_GET_ITEM(values, at - start)
                    tracked = tracked or PyObject_IS_GC(<PyObject*> value)
                else:
                    value = self._value(&self._columns[number], number, at)
                    if self._columns[number].kind <= CONSTANT:
                        tracked = tracked or PyObject_IS_GC(<PyObject*> value)
            Py_INCREF(value)
            PyTuple_SET_ITEM(row, place, value)
        if width + more > 0 and not tracked:
            PyObject_GC_UnTrack(<PyObject*> row)
        return row
