# cython: language_level=3
"""The compiled body of syncthread.SyncThread: the thread never asks for the interpreter lock."""

import os

from libc.errno cimport EINTR, errno
from libc.stdint cimport uint64_t

cdef extern from "<unistd.h>" nogil:
    int fdatasync(int descriptor)
    Py_ssize_t read(int descriptor, void* buffer, size_t count)
    Py_ssize_t write(int descriptor, const void* buffer, size_t count)

CONTRACT = 1


cdef class SyncThread:
    """See syncthread.PlainSyncThread."""

    cdef int _wanted
    cdef int _done
    cdef int _descriptor
    cdef int _error
    cdef bint _stopping

    def __init__(self, int done):
        self._done = done
        self._descriptor = -1
        self._error = 0
        self._stopping = False
        self._wanted = os.eventfd(0, os.EFD_CLOEXEC)

    def work(self):
        """The thread's body."""
        cdef uint64_t count
        cdef uint64_t one = 1
        with nogil:
            while True:
                if read(self._wanted, &count, 8) != 8:
                    if errno == EINTR:
                        continue
                    break
                if self._stopping:
                    break
                self._error = 0 if fdatasync(self._descriptor) == 0 else errno
                while write(self._done, &one, 8) != 8 and errno == EINTR:
                    pass

    def want(self, int descriptor):
        """Syncs a descriptor; the last one must have been done."""
        self._descriptor = descriptor
        os.eventfd_write(self._wanted, 1)

    def error(self):
        """The error number of the sync that is done; 0 for none."""
        return self._error

    def stop(self):
        """Ends the thread; nothing must be under way."""
        self._stopping = True
        os.eventfd_write(self._wanted, 1)

    def close(self):
        """Gives up the descriptor once the thread has ended."""
        os.close(self._wanted)
