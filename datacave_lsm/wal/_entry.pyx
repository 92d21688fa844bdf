# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The compiled body of entry.EntryEncoder for commits: the same msgpack bytes, written without a call per value.

Source: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next, PyDict_Size
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

CONTRACT = 1

cdef Py_ssize_t KEPT_BYTES_MAX = 1 << 20
"""A buffer that has grown beyond is given back after the entry."""


cdef class CommitEncoder:
    """See entry.PlainCommitEncoder."""

    cdef object _pack
    cdef uint8_t* _buffer
    cdef Py_ssize_t _room
    cdef Py_ssize_t _used

    def __cinit__(self):
        self._buffer = NULL
        self._room = self._used = 0

    def __init__(self, pack):
        self._pack = pack

    def __dealloc__(self):
        PyMem_Free(self._buffer)

    def encode(self, int64_t timestamp, dict writes):
        """See entry.PlainCommitEncoder.encode."""
        cdef Py_ssize_t position = 0
        cdef PyObject* key
        cdef PyObject* row
        self._used = 0
        self._need(16)
        self._buffer[0] = 0x92
        self._used = 1
        self._integer(timestamp)
        self._head(PyDict_Size(writes), 0x80, 16, 0, 0xDE)
        while PyDict_Next(writes, &position, &key, &row):
            if type(<object> key) is not bytes:
                raise TypeError(f"a key is {type(<object> key).__name__}, not bytes")
            self._bytes(<object> key)
            if <object> row is None:
                self._need(1)
                self._buffer[self._used] = 0xC0
                self._used += 1
            elif type(<object> row) is tuple:
                self._tuple(<object> row)
            else:
                self._other(<object> row)
        found = PyBytes_FromStringAndSize(<const char*> self._buffer, self._used)
        if self._room > KEPT_BYTES_MAX:
            PyMem_Free(self._buffer)
            self._buffer = NULL
            self._room = 0
        return found

    cdef int _tuple(self, tuple row) except -1:
        cdef Py_ssize_t at, width = PyTuple_GET_SIZE(row)
        self._need(8 + 9 * width)
        self._head(width, 0x90, 16, 0, 0xDC)
        for at in range(width):
            self._value(<object> PyTuple_GET_ITEM(row, at))
        return 0

    cdef int _value(self, object value) except -1:
        cdef long long number
        cdef int overflow = 0
        kind = type(value)
        if kind is int:
            number = PyLong_AsLongLongAndOverflow(value, &overflow)
            if overflow:
                self._other(value)
            else:
                self._integer(number)
        elif kind is str:
            self._text(value)
        elif value is None:
            self._byte(0xC0)
        elif kind is bytes:
            self._bytes(value)
        elif kind is bool:
            self._byte(0xC3 if value else 0xC2)
        elif kind is float:
            self._real(PyFloat_AS_DOUBLE(value))
        else:
            self._other(value)
        return 0

    cdef int _need(self, Py_ssize_t more) except -1:
        cdef Py_ssize_t room
        cdef uint8_t* grown
        if self._used + more > self._room:
            room = 2 * (self._used + more)
            grown = <uint8_t*> PyMem_Realloc(self._buffer, room)
            if grown == NULL:
                raise MemoryError()
            self._buffer = grown
            self._room = room
        return 0

    cdef int _byte(self, uint8_t byte) except -1:
        self._need(1)
        self._buffer[self._used] = byte
        self._used += 1
        return 0

    cdef void _big_endian(self, uint64_t number, int width) noexcept:
        """There is room."""
        cdef int at
        for at in range(width):
            self._buffer[self._used + at] = <uint8_t> (number >> (8 * (width - 1 - at)))
        self._used += width

    cdef int _integer(self, int64_t number) except -1:
        cdef uint8_t head
        cdef int width
        self._need(9)
        if -32 <= number < 128:
            head, width = <uint8_t> number, 0
        elif number >= 0:
            if number < 1 << 8:
                head, width = 0xCC, 1
            elif number < 1 << 16:
                head, width = 0xCD, 2
            elif number < <int64_t> 1 << 32:
                head, width = 0xCE, 4
            else:
                head, width = 0xCF, 8
        elif number >= -(1 << 7):
            head, width = 0xD0, 1
        elif number >= -(1 << 15):
            head, width = 0xD1, 2
        elif number >= -(<int64_t> 1 << 31):
            head, width = 0xD2, 4
        else:
            head, width = 0xD3, 8
        self._buffer[self._used] = head
        self._used += 1
        self._big_endian(<uint64_t> number, width)
        return 0

    cdef int _real(self, double number) except -1:
        cdef uint64_t bits
        memcpy(&bits, &number, 8)
        self._need(9)
        self._buffer[self._used] = 0xCB
        self._used += 1
        self._big_endian(bits, 8)
        return 0

    cdef int _head(self, Py_ssize_t size, int fixed, int fixed_max, int one_byte, int two_bytes) except -1:
        """Kind and size of what follows: below `fixed_max` in the first byte, else in 1 (if there is such), 2 or 4."""
        self._need(5)
        if size < fixed_max:
            self._buffer[self._used] = <uint8_t> (fixed | size)
            self._used += 1
        elif one_byte and size < 1 << 8:
            self._buffer[self._used] = <uint8_t> one_byte
            self._used += 1
            self._big_endian(size, 1)
        elif size < 1 << 16:
            self._buffer[self._used] = <uint8_t> two_bytes
            self._used += 1
            self._big_endian(size, 2)
        elif size < <Py_ssize_t> 1 << 32:
            self._buffer[self._used] = <uint8_t> (two_bytes + 1)
            self._used += 1
            self._big_endian(size, 4)
        else:
            raise ValueError(f"{size} bytes or items in one value")
        return 0

    cdef int _raw(self, const char* data, Py_ssize_t size) except -1:
        self._need(size)
        memcpy(self._buffer + self._used, data, size)
        self._used += size
        return 0

    cdef int _bytes(self, object data) except -1:
        self._head(PyBytes_GET_SIZE(data), 0, 0, 0xC4, 0xC5)
        self._raw(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        return 0

    cdef int _text(self, object text) except -1:
        cdef Py_ssize_t size = 0
        cdef const char* data = PyUnicode_AsUTF8AndSize(text, &size)
        self._head(size, 0xA0, 32, 0xD9, 0xDA)
        self._raw(data, size)
        return 0

    cdef int _other(self, object value) except -1:
        """What msgpack itself has to look at: extensions, big integers, and what is refused."""
        cdef bytes packed = self._pack(value)
        self._raw(PyBytes_AS_STRING(packed), PyBytes_GET_SIZE(packed))
        return 0
