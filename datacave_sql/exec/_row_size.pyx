# cython: language_level=3, boundscheck=False, wraparound=False
"""The compiled twin of row_size.py."""

from cpython.bytes cimport PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_GET_LENGTH

from decimal import Decimal

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)

CONTRACT = 1

cdef object DECIMAL = Decimal

cdef enum:
    DEPTH_MAX = 40


cdef Py_ssize_t value_bytes(object value, int depth) except -1:
    cdef object kind = type(value)
    cdef Py_ssize_t found
    cdef Py_ssize_t place = 0
    cdef PyObject *key
    cdef PyObject *item
    if value is None or kind is bool:
        return 0
    if kind is int or kind is float:
        return 32
    if kind is str:
        found = PyUnicode_GET_LENGTH(value)
        return 56 + (found if PyUnicode_IS_ASCII(value) else 4 * found)
    if kind is bytes:
        return 40 + PyBytes_GET_SIZE(value)
    if kind is DECIMAL:
        return 104
    if depth == DEPTH_MAX:
        return 128
    if kind is dict:
        found = 64 + 48 * len(value)
        while PyDict_Next(value, &place, &key, &item):
            found += value_bytes(<object> key, depth + 1) + value_bytes(<object> item, depth + 1)
        return found
    if kind is list or isinstance(value, tuple):
        found = 56 + 8 * len(value)
        for one in value:
            found += value_bytes(one, depth + 1)
        return found
    return 128


def rows_bytes(list rows):
    """As the plain one."""
    cdef Py_ssize_t found = 0
    cdef Py_ssize_t i
    cdef object row
    for row in rows:
        if type(row) is tuple:
            found += 56 + 8 * PyTuple_GET_SIZE(row)
            for i in range(PyTuple_GET_SIZE(row)):
                found += value_bytes(<object> PyTuple_GET_ITEM(row, i), 1)
        else:
            found += value_bytes(row, 0)
    return found
