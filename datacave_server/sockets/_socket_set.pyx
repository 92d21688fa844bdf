# cython: language_level=3
"""The compiled body of socket_set.SocketSet and plain_send."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, ECONNRESET, EINTR, errno
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL
    uint32_t EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event)
    int epoll_wait(int epoll, epoll_event* events, int count, int milliseconds)

cdef extern from "<sys/socket.h>" nogil:
    int MSG_NOSIGNAL
    Py_ssize_t c_recv "recv"(int descriptor, void* buffer, size_t size, int flags)
    Py_ssize_t c_send "send"(int descriptor, const void* buffer, size_t size, int flags)

cdef extern from "<unistd.h>" nogil:
    int c_close "close"(int descriptor)

CONTRACT = 1

cdef enum:
    EVENTS_MAX = 64
    TURN_EVENTS_MAX = 12
    READ_BYTES_MAX = 256 * 1024


cdef class SocketSet:
    """See socket_set.PlainSocketSet."""

    cdef readonly int descriptor
    cdef dict _members
    cdef char* _buffer

    def __cinit__(self):
        self._members = {}
        self._buffer = <char*> malloc(READ_BYTES_MAX)
        self.descriptor = epoll_create1(EPOLL_CLOEXEC)
        if self._buffer is NULL:
            raise MemoryError
        if self.descriptor < 0:
            raise OSError(errno, "epoll_create1")

    def __dealloc__(self):
        free(self._buffer)
        if self.descriptor >= 0:
            c_close(self.descriptor)

    cdef int _control(self, int operation, int descriptor, uint32_t events) except -1:
        cdef epoll_event event
        event.events = events
        event.data.fd = descriptor
        if epoll_ctl(self.descriptor, operation, descriptor, &event) < 0:
            raise OSError(errno, "epoll_ctl")
        return 0

    def add(self, int descriptor, received, member):
        """Watches a socket; `received` gets what comes."""
        self._members[descriptor] = (received, member)
        self._control(EPOLL_CTL_ADD, descriptor, EPOLLIN)

    def watch(self, int descriptor, bint reading, bint writing):
        """Changes what is watched."""
        self._control(EPOLL_CTL_MOD, descriptor, (EPOLLIN if reading else 0) | (EPOLLOUT if writing else 0))

    def remove(self, int descriptor):
        """Forgets a socket, before it is closed."""
        if self._members.pop(descriptor, None) is not None:
            self._control(EPOLL_CTL_DEL, descriptor, 0)

    def turn(self):
        """Reads and tells whatever is due."""
        cdef epoll_event events[EVENTS_MAX]
        cdef int count, place, descriptor
        cdef uint32_t what
        cdef Py_ssize_t size
        cdef dict members = self._members
        cdef tuple entry
        cdef int handled = 0
        while handled < TURN_EVENTS_MAX:
            count = epoll_wait(self.descriptor, events, EVENTS_MAX, 0)
            if count <= 0:
                return
            handled += count
            for place in range(count):
                descriptor = events[place].data.fd
                what = events[place].events
                found = members.get(descriptor)
                if found is None:
                    continue  # gone in this very turn
                entry = <tuple> found
                if what & EPOLLIN:
                    size = c_recv(descriptor, self._buffer, READ_BYTES_MAX, 0)
                    if size >= 0:
                        try:
                            if size:
                                entry[0](PyBytes_FromStringAndSize(self._buffer, size))
                            else:
                                entry[1].ended()
                        except Exception as error:
                            entry[1].broken(error)
                    elif errno != EAGAIN and errno != EINTR:
                        entry[1].failed(errno)
                elif what & (EPOLLHUP | EPOLLERR):
                    entry[1].failed(ECONNRESET)  # nobody reads, and nobody could answer
                if what & EPOLLOUT and members.get(descriptor) is entry:
                    entry[1].writable()

    def close(self):
        """Gives up the descriptor."""
        c_close(self.descriptor)
        self.descriptor = -1


def send(int descriptor, bytes data not None):
    """See socket_set.plain_send."""
    cdef Py_ssize_t sent = c_send(descriptor, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), MSG_NOSIGNAL)
    return sent if sent >= 0 else -errno
