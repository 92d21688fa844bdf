from datacave_core.transaction.lock_table cimport LockTable
from datacave_core.transaction.snapshot cimport TransactionSnapshot


cdef class Transaction(TransactionSnapshot):
    cdef public LockTable _lock_table
    cdef public list before_commit
    cdef public object loads, moved, number, start_microseconds, _prepared
    cdef public bint ended

    cpdef get(self, bytes key)
    cpdef get_latest_version(self, bytes key)
    cpdef get_latest(self, bytes key)
    cpdef bint lock_at_once(self, bytes key, int mode) except *
    cpdef bint lock_table_at_once(self, object table_oid, int mode) except *
    cpdef put(self, bytes key, object row)
    cpdef _end(self)
