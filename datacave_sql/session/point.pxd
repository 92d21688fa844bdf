cimport cython
cimport datacave_core.transaction.transaction as kernel
from datacave_sql.exec.relation_counts cimport RelationCounts


cdef class PointStatement:
    cdef public object _authorization, _context, _evaluation, _home, _role, _session, _state, compiled, settings

    cpdef bint holds(self) except *
    cpdef _renewed(self, parameters)
    @cython.locals(transaction=kernel.Transaction)
    cpdef kernel.Transaction _transaction(self)


cdef class PointLookup(PointStatement):
    cdef public object _contended_tables, _get, _make, _make_keys, _owner, _tables
    cdef public RelationCounts _counts

    @cython.locals(counts=RelationCounts)
    cpdef rows(self, parameters)
    @cython.locals(transaction=kernel.Transaction, counts=RelationCounts)
    cpdef rows_in_block(self, parameters)
