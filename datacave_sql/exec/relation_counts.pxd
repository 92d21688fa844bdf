from libc.stdint cimport int64_t


cdef class RelationCounts:
    cdef public int64_t number, scans, lone, read, fetched, inserted, updated, updated_hot, deleted
    cdef public int64_t scans_before, read_before, fetched_before, inserted_before, updated_before, updated_hot_before
    cdef public int64_t deleted_before

    cpdef begin(self, int64_t number)


cdef class SessionCounts:
    cdef public dict relations
    cdef public int64_t committed, rolled_back
