"""The accepting side of the tests' own servers."""

import contextlib
import socket
import threading


class Acceptor:
    """Accepts on a listening socket in a thread of its own, which calls each(connection)."""

    def __init__(self, listener, each):
        self.listener = listener
        self.thread = threading.Thread(target=self._run, args=(each,), daemon=True)
        self.thread.start()

    def _run(self, each):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            each(connection)

    def close(self):
        """The thread has left accept(2) before the descriptor is free. A close alone leaves it
        there, and when a signal interrupts it (the end of a child while another one is started),
        the kernel begins the call anew, by the number, which may be another listener's by then."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
