cdef class LockOwner:
    cdef public object process_id, transaction_number, last_commit_timestamp, waiting
    cdef public list acquired, transaction_advisory, table_log
    cdef public dict session_advisory, tables


cdef class LockTable:
    cdef public dict _entries
    cdef public object _now, deadlocks, waits

    cpdef bint acquire_at_once(self, LockOwner owner, bytes key, int mode) except *
    cpdef release_all(self, LockOwner owner)
