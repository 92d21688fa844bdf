cdef class WriteSet:
    cdef public dict rows, _buckets
    cdef public list undo
    cdef public set _unsorted
    cdef public object _ordered_count

    cpdef put(self, bytes key, object row)
