"""A TCP relay on loopback, between two programs: for what may be cut, held up or written down there."""

import contextlib
import socket
import threading

from acceptor import Acceptor


class Relay:
    """Passes each connection on to `to`. Kinds of it differ in what they override."""

    def __init__(self, to=None):
        self.to, self.sockets, self.lock = to, set(), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.acceptor = Acceptor(self.listener, self._came)

    def _came(self, near):
        threading.Thread(target=self._one, args=(near,), daemon=True).start()

    def _one(self, near):
        try:
            near, far = self.join(near)
        except OSError:
            near.close()  # as if nobody listened
            return
        with self.lock:
            self.sockets |= {near, far}
        back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
        back.start()
        self._pump(near, far)
        back.join()
        with self.lock:
            self.sockets -= {near, far}
        near.close()
        far.close()

    def _pump(self, source, sink):
        try:
            while data := source.recv(65536):
                self.passes(source, sink, data)
            self.ended(source, sink)
        except OSError:
            shut(source, sink)

    # ---- what differs ----

    def dial(self):
        """The other side of a new connection; OSError: there is none."""
        return socket.create_connection(("127.0.0.1", self.to))

    def join(self, near):
        """The two sockets whose bytes are each other's."""
        far = self.dial()
        for s in (near, far):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return near, far

    def passes(self, source, sink, data):
        sink.sendall(data)

    def ended(self, source, sink):
        """One side has sent its last byte."""
        shut(source, sink)

    # ---- the end ----

    def drop(self):
        """Ends the connections of now."""
        with self.lock:
            sockets, self.sockets = self.sockets, set()
        shut(*sockets)

    def close(self):
        self.acceptor.close()
        self.drop()


def shut(*sockets):
    for s in sockets:
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_RDWR)
