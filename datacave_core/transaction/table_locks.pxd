from datacave_core.transaction.lock_table cimport LockOwner, LockTable


cdef class TableLocks:
    cdef public LockTable _locks
    cdef public set _owners, contended
    cdef public dict _ended

    cpdef bint acquire_weak(self, LockOwner owner, object table_oid, int mode) except *
    cpdef release(self, LockOwner owner)
    cpdef _note(self, LockOwner owner, object table_oid, int mode)
