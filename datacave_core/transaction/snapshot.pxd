from datacave_core.transaction.lock_table cimport LockOwner
from datacave_core.transaction.shared cimport SharedState
from datacave_core.transaction.write_set cimport WriteSet


cdef class TransactionSnapshot:
    cdef public SharedState manager
    cdef public LockOwner owner
    cdef public WriteSet _writes, _readable
    cdef public dict _past_pins
    cdef public object isolation, snapshot, must_be_durable_before_rows
    cdef public object _store, _unpin, _serial
    cdef public bint read_only, deferrable, _snapshot_fixed

    cpdef statement_snapshot(self)
