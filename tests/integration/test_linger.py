"""Clients that have finished sending, in V3, which cannot pass that on: those that are gone end at once, those that still listen get
their answer."""

import hashlib
import socket
import unittest

from control import Control
from harness import Case
from origins import Http, Late, Origin, Sender, content_hash
from programs import run, wait_until
from sockets import Refused, dial, read_all, read_exactly, read_to_break, socks5

LINGER_MS = 600_000  # nothing here waits for it


class Silent(Origin):
    """Never says or ends anything by itself."""

    def serve(self, connection):
        while connection.recv(65536):
            pass


class Linger(Case):
    def setUp(self):
        super().setUp()
        self.web, self.late = self.origin(Http()), self.origin(Late(thinks=1.5))
        self.silent = self.origin(Silent())
        self.path = self.dir / "gateway.sock"
        self.way = self.open_way(
            {"HTTP1": self.web, "HTTP2": self.silent, "LATE": self.late},
            gateway=("-y", "V3", "--listen", self.path, "--linger", f"{LINGER_MS}ms", "--max-connections", "1",
                     "--open-grace", "0ms"))

    def ended(self, service, reason, mark):
        line = self.way.gateway.wait_line(
            rf"stream .*service={service} ms=(\d+) .*reason={reason}", after=mark)
        self.assertLess(int(line.group(1)), LINGER_MS)

    def newcomer(self):
        try:
            return socks5(self.way.port, "HTTP2.tunnel")
        except Refused:
            return None

    def test_a_client_that_is_gone(self):
        """The web server keeps its connection open and says nothing more."""
        tcp, path = f"socks5h://{self.way.proxy}", f"socks5h://localhost{self.path}"
        for ways in ((tcp,), (tcp, "--interface", "127.0.0.9"), (path,)):
            with self.subTest(ways):
                mark = self.way.gateway.mark()
                done = run("curl", "-sS", "--max-time", "80", "-x", *ways,
                           "http://HTTP1.tunnel/name", cwd=self.dir)
                self.assertEqual(done.text, "web /name\n", done)
                self.ended("HTTP1", "client-closed", mark)

    def test_a_client_that_still_listens(self):
        ways = {
            "tcp": ["nc", "-N", "-X", "5", "-x", self.way.proxy, "LATE.tunnel", "7"],
            "unix": [self.program("tunnel-gateway"), "connect", "--gateway", self.path,
                     "LATE.tunnel", "7"],
        }
        for name, command in ways.items():
            with self.subTest(name):
                done = run(*command, input=self.late.request(200_000))
                self.assertEqual(done.out, self.late.answer(200_000), done.err)

    def test_half_closed_then_gone(self):
        """It listened for a while, then it did not any more."""
        mark = self.way.gateway.mark()
        with socks5(self.way.port, "HTTP2.tunnel") as s:
            s.sendall(b"x")
            s.shutdown(socket.SHUT_WR)
            # Its end has been seen and it is held while this goes through the same gateway.
            done = run("nc", "-N", "-X", "5", "-x", self.way.proxy, "LATE.tunnel", "7",
                       input=self.late.request(10))
            self.assertEqual(done.out, self.late.answer(10), done.err)
            self.assertFalse(self.way.gateway.has_line("stream .*service=HTTP2", after=mark))
        self.ended("HTTP2", "client-closed", mark)

    def test_it_makes_room(self):
        """At the limit, which is one connection here, a newcomer takes a lingering one's place."""
        mark = self.way.gateway.mark()
        with socks5(self.way.port, "HTTP2.tunnel") as first:
            first.sendall(b"x")
            first.shutdown(socket.SHUT_WR)
            with wait_until(self.newcomer, "the first one's end is seen, and there is room"):
                self.assertEqual(read_to_break(first), b"")
                self.ended("HTTP2", "stream-replaced", mark)
                self.assertIsNone(self.newcomer())  # the second one has not finished sending


class Places(Case):
    def test_it_makes_room_among_the_clients(self):
        """At the limit of clients, who has asked for something takes a lingering one's place, and
        not that of one who has only just come."""
        way = self.open_way({"SSH1": self.origin(Silent())},
                            gateway=("-y", "V3", "--linger", f"{LINGER_MS}ms", "--max-clients", "3",
                                     "--open-grace", "0ms"))

        def asks():
            s = socks5(way.port, "SSH1.tunnel")
            self.addCleanup(s.close)
            return s

        lingers, stays = asks(), asks()
        lingers.shutdown(socket.SHUT_WR)
        control = Control(self.dir / "tunnel-gateway" / "admin.sock")
        control.wait_stream(state="half")
        silent = dial(way.port)
        self.addCleanup(silent.close)
        silent.sendall(b"\5\1")  # a part of its greeting
        asks()
        self.assertEqual(read_to_break(lingers), b"")
        silent.sendall(b"\0")
        self.assertEqual(read_exactly(silent, 2), b"\5\0")
        way.gateway.wait_line("stream .*reason=stream-replaced")
        stays.sendall(b"x")
        self.assertEqual(len(control.streams(state="open")), 2)

    def test_a_download_goes_on(self):
        """Its client has finished sending, and is being answered: its end would make no room."""
        size = 32 << 20  # more than all buffers on the way
        origin = self.origin(Sender(size))
        way = self.open_way({"HTTP1": origin},
                            gateway=("-y", "V3", "--linger", f"{LINGER_MS}ms", "--max-clients", "1",
                                     "--open-grace", "0ms"))
        client = socks5(way.port, "HTTP1.tunnel")
        self.addCleanup(client.close)
        client.shutdown(socket.SHUT_WR)
        Control(self.dir / "tunnel-gateway" / "admin.sock").wait_stream(state="half")
        wait_until(origin.stuck, "the client's bytes wait")
        with self.assertRaises(Refused):
            socks5(way.port, "HTTP1.tunnel")
        self.assertEqual(hashlib.sha256(read_all(client)).hexdigest(), content_hash(size))


if __name__ == "__main__":
    unittest.main()
