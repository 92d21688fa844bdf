cimport cython
cimport datacave_core.transaction.transaction as kernel
from datacave_sql.exec.relation_counts cimport RelationCounts
from datacave_sql.session.point cimport PointStatement


cdef class PointUpdate(PointStatement):
    cdef public object _find, _keys, _table_oid, _update
    cdef public RelationCounts _counts, _found

    @cython.locals(transaction=kernel.Transaction, counts=RelationCounts, found=RelationCounts)
    cpdef run(self, parameters)
    cpdef kernel.Transaction _writable(self)


cdef class PointInsert(PointStatement):
    cdef public object _insert, _make_source, _row_id, _table_oid
    cdef public RelationCounts _counts

    @cython.locals(transaction=kernel.Transaction, counts=RelationCounts)
    cpdef run(self, parameters)


cdef kernel.Transaction _writable(kernel.Transaction transaction, object table_oid)
