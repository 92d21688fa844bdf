cdef class _Answer:
    cdef public object head, encode, tail_bytes


cdef class _Statement:
    cdef public object count, decode, point, prepared
    cdef public dict answers, written


cdef class _Shape:
    cdef public object shared, context
    cdef public _Statement statement
    cdef public _Answer answer


cdef class PointPath:
    cdef public object _fail, _ready, _session
    cdef public dict _known, _unnamed, _simple, _shapes, _blocks

    cpdef answer(self, bytes data)
    cpdef _bound(self, bytes data, start)
    cpdef _run(self, _Statement statement, _Answer answer, point, values, text)
    cpdef _query(self, bytes data)
    cpdef _end_or_begin(self, compiled, text)
    cpdef _commit(self, bytes head, text)
