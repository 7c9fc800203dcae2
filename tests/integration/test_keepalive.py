"""A way that cuts whoever is silent: both ends learn its limit, say so once, and are cut no more."""

import contextlib
import select
import socket
import threading
import time
import unittest

from acceptor import Acceptor
from harness import Case
from origins import Echo
from programs import DEADLINE, wait_until
from sockets import read_exactly, socks5

LIMIT = 2.2
LEARNED = r"was lost: .*; twice in a row after [23]\.\d s of silence, so pings go out every 1\.\d s from now on"


class Impatient:
    """A TCP relay in front of the hub, which ends what is silent for LIMIT seconds in both directions,
    as a proxy does. No byte, no word."""

    def __init__(self, port):
        self.to = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.since = set()  # when each of those began that are still there
        self.acceptor = Acceptor(self.listener, self._came)

    def _came(self, near):
        threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near):
        began = time.monotonic()
        with contextlib.suppress(OSError), near, \
                socket.create_connection(("127.0.0.1", self.to), DEADLINE) as far:
            self.since.add(began)
            other = {near: far, far: near}
            while ready := select.select([near, far], [], [], LIMIT)[0]:
                for sock in ready:
                    if not (data := sock.recv(65536)):
                        ready = []
                        break
                    other[sock].sendall(data)
                if not ready:
                    break
        self.since.discard(began)

    def outlived(self, n):
        """So many have been there for longer than they may be silent, twice."""
        return sum(time.monotonic() - began > 2 * LIMIT for began in list(self.since)) >= n

    def close(self):
        self.acceptor.close()


class Keepalive(Case):
    def test_a_way_with_an_idle_limit(self):
        hub = self.hub()
        way = Impatient(hub.port)
        self.addCleanup(way.close)
        services = {"ECHO1": self.origin(Echo())}
        tokens = self.tunnel(services)
        more = ("--ping-period", "4s")
        endpoint = f"127.0.0.1:{way.port}"
        ends = (self.agent(hub, tokens, services, *more, endpoint=endpoint),
                self.gateway(hub, tokens, *more, endpoint=endpoint))
        for end in ends:
            end.wait_line(LEARNED)
        wait_until(lambda: way.outlived(2), "two connections that are not cut any more")
        for end in ends:
            self.assertEqual(end.output().count("twice in a row"), 1, end.output())
        with socks5(ends[1].port, "ECHO1.tunnel") as sock:
            sock.sendall(b"hello")
            self.assertEqual(read_exactly(sock, 5), b"hello")


if __name__ == "__main__":
    unittest.main()
