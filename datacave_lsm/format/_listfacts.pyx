# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The compiled bodies of listfacts.py."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE, PyList_SET_ITEM
from cpython.object cimport PyObject, PyObject_Size
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.string cimport memcmp

cdef extern from "Python.h":
    ctypedef struct PyObjectHead "PyObject":
        PyObject* ob_type

CONTRACT = 1


def types_of(list values):
    """See listfacts.plain_types_of."""
    cdef Py_ssize_t at
    cdef PyObject* last = NULL
    cdef PyObject* kind
    cdef set found = set()
    for at in range(PyList_GET_SIZE(values)):
        kind = (<PyObjectHead*> PyList_GET_ITEM(values, at)).ob_type
        if kind != last:
            found.add(<object> kind)
            last = kind
    return found


def lengths_of(list values):
    """See listfacts.plain_lengths_of."""
    cdef Py_ssize_t at, length, last = -1
    cdef set found = set()
    for at in range(PyList_GET_SIZE(values)):
        length = PyObject_Size(<object> PyList_GET_ITEM(values, at))
        if length != last:
            found.add(length)
            last = length
    return found


def total_length(list values):
    """See listfacts.plain_total_length."""
    cdef Py_ssize_t at, total = 0
    for at in range(PyList_GET_SIZE(values)):
        value = <object> PyList_GET_ITEM(values, at)
        if value is not None:
            total += PyObject_Size(value)
    return total


def ascends(list keys):
    """See listfacts.plain_ascends."""
    cdef Py_ssize_t at, length, last_bytes, most
    cdef int order
    cdef object last, key
    if PyList_GET_SIZE(keys) == 0:
        return True
    last = <object> PyList_GET_ITEM(keys, 0)
    if type(last) is not bytes:
        raise TypeError("keys are bytes")
    for at in range(1, PyList_GET_SIZE(keys)):
        key = <object> PyList_GET_ITEM(keys, at)
        if type(key) is not bytes:
            raise TypeError("keys are bytes")
        length, last_bytes = PyBytes_GET_SIZE(key), PyBytes_GET_SIZE(last)
        most = length if length < last_bytes else last_bytes
        order = memcmp(PyBytes_AS_STRING(last), PyBytes_AS_STRING(key), most)
        if order > 0 or (order == 0 and last_bytes >= length):
            return False
        last = key
    return True


def column_of(list rows, Py_ssize_t number):
    """See listfacts.plain_column_of."""
    cdef Py_ssize_t at, count = PyList_GET_SIZE(rows)
    cdef list found = [None] * count
    cdef tuple row
    cdef object value
    for at in range(count):
        row = rows[at]
        if row is None or not 0 <= number < PyTuple_GET_SIZE(row):
            raise IndexError(f"value {number} of {row}")
        value = <object> PyTuple_GET_ITEM(row, number)
        Py_INCREF(value)
        Py_DECREF(None)
        PyList_SET_ITEM(found, at, value)
    return found


cdef inline bint below(PyObject* left, PyObject* right):
    """Whether a byte string is less than another."""
    cdef Py_ssize_t left_bytes = PyBytes_GET_SIZE(<object> left), right_bytes = PyBytes_GET_SIZE(<object> right)
    cdef int order = memcmp(
        PyBytes_AS_STRING(<object> left),
        PyBytes_AS_STRING(<object> right),
        left_bytes if left_bytes < right_bytes else right_bytes,
    )
    return order < 0 if order else left_bytes < right_bytes


def extremes(list values):
    """See listfacts.plain_extremes."""
    cdef Py_ssize_t at
    cdef PyObject* least
    cdef PyObject* greatest
    cdef PyObject* value
    if types_of(values) != {bytes}:
        return min(values), max(values)
    least = greatest = <PyObject*> PyList_GET_ITEM(values, 0)
    for at in range(1, PyList_GET_SIZE(values)):
        value = <PyObject*> PyList_GET_ITEM(values, at)
        if below(value, least):
            least = value
        elif below(greatest, value):
            greatest = value
    return <object> least, <object> greatest
