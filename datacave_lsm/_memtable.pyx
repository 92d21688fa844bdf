# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The compiled bodies of memtable.py and key_order.py: versions come in, cells and sorted keys go out.

Cells and rows whose values hold no references are taken from the collector's sight at once, as it would do itself later:
memtables hold most objects of a server, and none of them are garbage.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE, PyList_New, PyList_SET_ITEM
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef extern from "Python.h":
    ctypedef struct PyVarObject:
        Py_ssize_t ob_size
    ctypedef struct PyBytesObject:
        char* ob_sval
    int PyObject_IS_GC(PyObject* thing)
    int PyObject_GC_IsTracked(PyObject* thing)
    void PyObject_GC_UnTrack(PyObject* thing)
    PyObject* PyDict_SetDefault(object mapping, object key, object value) except NULL
    int PyDict_SetItem(object mapping, object key, object value) except -1
    PyObject* PyDict_GetItemWithError(object mapping, object key) except? NULL

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define lsm_prefetch(p) __builtin_prefetch(p)
    #else
    #define lsm_prefetch(p) ((void)0)
    #endif
    """
    void lsm_prefetch(const void* place)

CONTRACT = 1


cdef inline bint untracked(PyObject* thing):
    """Whether the collector need not look into a value; a row without references is taken from its sight."""
    cdef Py_ssize_t at
    cdef object row
    if not PyObject_IS_GC(thing) or not PyObject_GC_IsTracked(thing):
        return True
    row = <object> thing
    if not PyTuple_CheckExact(row) or PyTuple_GET_SIZE(row) == 0:
        return False
    for at in range(PyTuple_GET_SIZE(row)):
        if PyObject_IS_GC(<PyObject*> PyTuple_GET_ITEM(row, at)):
            return False
    PyObject_GC_UnTrack(thing)
    return True


def insert(dict cells, dict writes, object timestamp, list tail):
    """See memtable.plain_insert."""
    cdef Py_ssize_t position = 0
    cdef PyObject* key
    cdef PyObject* row
    cdef PyObject* found
    cdef tuple cell
    cdef bint plain
    while PyDict_Next(writes, &position, &key, &row):
        plain = untracked(row)
        cell = PyTuple_New(3)
        Py_INCREF(timestamp)
        PyTuple_SET_ITEM(cell, 0, timestamp)
        Py_INCREF(<object> row)
        PyTuple_SET_ITEM(cell, 1, <object> row)
        Py_INCREF(None)
        PyTuple_SET_ITEM(cell, 2, None)
        found = PyDict_SetDefault(cells, <object> key, cell)
        if found == <PyObject*> cell:
            tail.append(<object> key)
        else:
            # The new cell is nobody else's yet.
            plain = untracked(found) and plain
            Py_INCREF(<object> found)
            PyTuple_SET_ITEM(cell, 2, <object> found)
            Py_DECREF(None)
            PyDict_SetItem(cells, <object> key, cell)
        if plain:
            PyObject_GC_UnTrack(<PyObject*> cell)


def gather(dict cells, list keys):
    """See memtable.plain_gather."""
    cdef Py_ssize_t at, count = PyList_GET_SIZE(keys)
    cdef PyObject* cell
    cdef PyObject** found
    found = <PyObject**> PyMem_Malloc(max(1, count) * sizeof(PyObject*))
    if found == NULL:
        raise MemoryError()
    try:
        # Keys, cells and rows lie all over the memory: each is asked for a while before it is looked at.
        for at in range(count):
            if at + 8 < count:
                lsm_prefetch(<const void*> PyList_GET_ITEM(keys, at + 8))
            cell = PyDict_GetItemWithError(cells, <object> PyList_GET_ITEM(keys, at))
            if cell == NULL:
                raise KeyError(keys[at])
            found[at] = cell
            lsm_prefetch(cell)
        for at in range(count):
            lsm_prefetch(<const void*> PyTuple_GET_ITEM(<object> found[at], 1))
        return cells_apart(found, count)
    finally:
        PyMem_Free(found)


cdef object cells_apart(PyObject** found, Py_ssize_t count):
    """Timestamps and rows of cells, and whether none has an older one."""
    cdef Py_ssize_t at
    cdef PyObject* cell
    cdef bint single = True
    cdef list timestamps = PyList_New(count)
    cdef list rows = PyList_New(count)
    cdef object value
    for at in range(count):
        cell = found[at]
        value = <object> PyTuple_GET_ITEM(<object> cell, 0)
        Py_INCREF(value)
        PyList_SET_ITEM(timestamps, at, value)
        value = <object> PyTuple_GET_ITEM(<object> cell, 1)
        Py_INCREF(value)
        PyList_SET_ITEM(rows, at, value)
        if <object> PyTuple_GET_ITEM(<object> cell, 2) is not None:
            single = False
    return timestamps, rows, single


def unfold(dict cells, list keys, tuple snapshots):
    """See memtable.plain_unfold."""
    cdef Py_ssize_t at, count = PyList_GET_SIZE(keys), last = PyTuple_GET_SIZE(snapshots) - 1
    cdef int64_t horizon = snapshots[last]
    cdef int64_t timestamp
    cdef Py_ssize_t bucket, newer_bucket, high, middle
    cdef PyObject* cell
    cdef object key, moment
    cdef list kept_keys = []
    cdef list kept_timestamps = []
    cdef list kept_rows = []
    for at in range(count):
        if at + 8 < count:
            lsm_prefetch(<const void*> PyList_GET_ITEM(keys, at + 8))
        key = <object> PyList_GET_ITEM(keys, at)
        cell = PyDict_GetItemWithError(cells, key)
        if cell == NULL:
            raise KeyError(key)
        newer_bucket = -1
        while cell != <PyObject*> None:
            moment = <object> PyTuple_GET_ITEM(<object> cell, 0)
            timestamp = moment
            if timestamp <= horizon:
                # As bisect_left: the first snapshot that is not below the timestamp; the last one never is.
                bucket, high = 0, last
                while bucket < high:
                    middle = (bucket + high) // 2
                    if <int64_t> snapshots[middle] < timestamp:
                        bucket = middle + 1
                    else:
                        high = middle
                if bucket == newer_bucket:
                    cell = <PyObject*> PyTuple_GET_ITEM(<object> cell, 2)
                    continue
                newer_bucket = bucket
            kept_keys.append(key)
            kept_timestamps.append(moment)
            kept_rows.append(<object> PyTuple_GET_ITEM(<object> cell, 1))
            cell = <PyObject*> PyTuple_GET_ITEM(<object> cell, 2)
    return kept_keys, kept_timestamps, kept_rows


cdef struct Entry:
    uint64_t word
    PyObject* key


cdef inline bint above(const Entry* left, const Entry* right, Py_ssize_t skip) noexcept:
    """Whether the left key is greater; both share their first `skip` bytes."""
    cdef Py_ssize_t left_bytes, right_bytes, most
    cdef int order
    if left.word != right.word:
        return left.word > right.word
    left_bytes = (<PyVarObject*> left.key).ob_size
    right_bytes = (<PyVarObject*> right.key).ob_size
    most = left_bytes if left_bytes < right_bytes else right_bytes
    order = memcmp(
        (<PyBytesObject*> left.key).ob_sval + skip, (<PyBytesObject*> right.key).ob_sval + skip, most - skip
    )
    return order > 0 if order else left_bytes > right_bytes


cdef void sort(Entry* entries, Entry* spare, Py_ssize_t count, Py_ssize_t skip) noexcept:
    """Sorts by merging ever longer runs, which begin as insertions within a few entries."""
    cdef Py_ssize_t start, stop, at, place, width, left, right, middle
    cdef Entry moved
    cdef Entry* source = entries
    cdef Entry* target = spare
    cdef Entry* swapped
    start = 0
    while start < count:
        stop = start + 16 if start + 16 < count else count
        for at in range(start + 1, stop):
            moved = entries[at]
            place = at
            while place > start and above(&entries[place - 1], &moved, skip):
                entries[place] = entries[place - 1]
                place -= 1
            entries[place] = moved
        start = stop
    width = 16
    while width < count:
        start = 0
        while start < count:
            middle = start + width if start + width < count else count
            stop = middle + width if middle + width < count else count
            left, right, place = start, middle, start
            while left < middle and right < stop:
                if above(&source[left], &source[right], skip):
                    target[place] = source[right]
                    right += 1
                else:
                    target[place] = source[left]
                    left += 1
                place += 1
            if left < middle:
                memcpy(target + place, source + left, (middle - left) * sizeof(Entry))
            elif right < stop:
                memcpy(target + place, source + right, (stop - right) * sizeof(Entry))
            start = stop
        swapped = source
        source = target
        target = swapped
        width *= 2
    if source != entries:
        memcpy(entries, source, count * sizeof(Entry))


def ordered(list keys):
    """See key_order.plain_ordered."""
    cdef Py_ssize_t count = PyList_GET_SIZE(keys)
    cdef Py_ssize_t at, place, shared, length, most
    cdef PyObject* key
    cdef const uint8_t* first
    cdef const uint8_t* raw
    cdef uint64_t word
    cdef Entry* entries
    cdef bint sorted_already = True
    cdef list found
    if count < 2:
        return list(keys)
    for at in range(count):
        if not PyBytes_CheckExact(<object> PyList_GET_ITEM(keys, at)):
            raise TypeError("keys are bytes")
    entries = <Entry*> PyMem_Malloc(2 * count * sizeof(Entry))
    if entries == NULL:
        raise MemoryError()
    try:
        key = <PyObject*> PyList_GET_ITEM(keys, 0)
        first = <const uint8_t*> PyBytes_AS_STRING(<object> key)
        shared = PyBytes_GET_SIZE(<object> key)
        for at in range(1, count):
            if at + 8 < count:
                lsm_prefetch(<const void*> PyList_GET_ITEM(keys, at + 8))
            key = <PyObject*> PyList_GET_ITEM(keys, at)
            raw = <const uint8_t*> PyBytes_AS_STRING(<object> key)
            length = PyBytes_GET_SIZE(<object> key)
            if length < shared:
                shared = length
            if memcmp(raw, first, shared):
                most = shared
                shared = 0
                while shared < most and raw[shared] == first[shared]:
                    shared += 1
        for at in range(count):
            key = <PyObject*> PyList_GET_ITEM(keys, at)
            raw = <const uint8_t*> PyBytes_AS_STRING(<object> key) + shared
            length = PyBytes_GET_SIZE(<object> key) - shared
            word = 0
            for place in range(length if length < 8 else 8):
                word |= <uint64_t> raw[place] << (56 - 8 * place)
            entries[at].word = word
            entries[at].key = key
            if at and sorted_already and above(&entries[at - 1], &entries[at], shared):
                sorted_already = False
        if sorted_already:
            return list(keys)
        sort(entries, entries + count, count, shared)
        found = PyList_New(count)
        for at in range(count):
            Py_INCREF(<object> entries[at].key)
            PyList_SET_ITEM(found, at, <object> entries[at].key)
        return found
    finally:
        PyMem_Free(entries)


def merged(list left, list right):
    """See key_order.plain_merged."""
    cdef Py_ssize_t left_count = PyList_GET_SIZE(left), right_count = PyList_GET_SIZE(right)
    cdef Py_ssize_t left_at = 0, right_at = 0, at = 0
    cdef list found = PyList_New(left_count + right_count)
    cdef Entry one, other
    one.word = other.word = 0
    while left_at < left_count or right_at < right_count:
        if left_at < left_count:
            one.key = <PyObject*> PyList_GET_ITEM(left, left_at)
            if left_at + 8 < left_count:
                lsm_prefetch(<const void*> PyList_GET_ITEM(left, left_at + 8))
        if right_at < right_count:
            other.key = <PyObject*> PyList_GET_ITEM(right, right_at)
            if right_at + 8 < right_count:
                lsm_prefetch(<const void*> PyList_GET_ITEM(right, right_at + 8))
        if right_at == right_count or (left_at < left_count and not above(&one, &other, 0)):
            Py_INCREF(<object> one.key)
            PyList_SET_ITEM(found, at, <object> one.key)
            left_at += 1
        else:
            Py_INCREF(<object> other.key)
            PyList_SET_ITEM(found, at, <object> other.key)
            right_at += 1
        at += 1
    return found
