from libc.stdint cimport int64_t


cdef class RelationCounts:
    cdef public int64_t number, scans, lone, read, fetched, inserted, updated, updated_hot, deleted
    cdef public tuple before


cdef class SessionCounts:
    cdef public dict relations
    cdef public int64_t committed, rolled_back
