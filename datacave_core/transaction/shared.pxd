from datacave_core.transaction.lock_table cimport LockTable
from datacave_core.transaction.table_locks cimport TableLocks


cdef class SharedState:
    cdef public object store, clock, moves, durability, dependencies, _next_number
    cdef public LockTable locks
    cdef public TableLocks table_locks
    cdef public set active
    cdef public dict _layouts, prepared
