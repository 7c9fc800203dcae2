"""The tests' own servers let go of what they close."""

import pathlib
import signal
import socket
import subprocess
import unittest

from acceptor import Acceptor
from programs import wait_until


class Closed(unittest.TestCase):
    def listener(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        return listener

    def waits(self, acceptor):
        where = pathlib.Path(f"/proc/self/task/{acceptor.thread.native_id}/wchan").read_text()
        return where == "0" or "accept" in where  # 0: this kernel does not tell

    def interrupt_a_thread(self):
        """A signal that this thread blocks is another one's, though it does nothing there either:
        that one's system call is interrupted and begun anew."""
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        self.addCleanup(signal.pthread_sigmask, signal.SIG_UNBLOCK, [signal.SIGCHLD])
        subprocess.run(["true"], check=True)

    def test_it_takes_no_connection_of_another_listener(self):
        first, taken = self.listener(), []
        acceptor = Acceptor(first, taken.append)
        with socket.create_connection(first.getsockname()):
            wait_until(lambda: taken, "it accepts")
        taken.pop().close()
        wait_until(lambda: self.waits(acceptor), "it is in accept(2) again")
        number = first.fileno()
        acceptor.close()
        second, others = self.listener(), []
        self.assertEqual(second.fileno(), number)
        self.interrupt_a_thread()
        other = Acceptor(second, others.append)
        wait_until(lambda: self.waits(other), "it is in accept(2)")
        with socket.create_connection(second.getsockname()):
            wait_until(lambda: taken or others, "one of them accepts")
        other.close()
        for connection in (*taken, *others):
            connection.close()
        self.assertEqual((len(taken), len(others)), (0, 1))


if __name__ == "__main__":
    unittest.main()
