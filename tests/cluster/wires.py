"""A node's way to Redis that can be cut."""

import contextlib
import socket
import threading


class Wire:
    """When it is cut nothing passes any more, and nobody is told."""

    def __init__(self, port):
        self.redis, self.cut, self.sockets = port, False, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                redis = socket.create_connection(("127.0.0.1", self.redis))
            except OSError:
                client.close()  # as if nobody listened
                continue
            self.sockets |= {client, redis}
            for a, b in ((client, redis), (redis, client)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    def _pump(self, a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                if not self.cut:
                    b.sendall(data)
        for s in (a, b):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def mend(self):
        self.cut = False
        for s in list(self.sockets):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.mend()
        self.listener.close()
        for s in list(self.sockets):
            s.close()
