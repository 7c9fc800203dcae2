"""--direct: what is no name of ours is dialled by the gateway itself."""

import hashlib
import socket
import struct
import threading
import time
import unittest

from harness import Case
from origins import Abrupt, Echo, Http, Mute, Origin, Sender, content, content_hash
from programs import run, wait_until
from sockets import (Refused, dial, free_port, http_connect, read_all, read_exactly, read_to_break,
                     socks5)

BULK = 64 << 20


class Ender(Origin):
    """Answers with number and hash of what came only when the client has ended its direction, and
    with `tail` bytes after a while."""

    def __init__(self, tail=0):
        self.tail = tail
        super().__init__()

    def serve(self, connection):
        digest, n = hashlib.sha256(), 0
        while data := connection.recv(65536):
            digest.update(data)
            n += len(data)
        time.sleep(0.3)
        connection.sendall(f"{n} {digest.hexdigest()}\n".encode())
        for piece in content(self.tail):
            connection.sendall(piece)


class EndsFirst(Origin):
    """Sends a word and ends its direction, then counts what still comes."""

    def __init__(self):
        self.received = 0
        super().__init__()

    def serve(self, connection):
        connection.sendall(b"word")
        connection.shutdown(socket.SHUT_WR)
        while data := connection.recv(65536):
            self.received += len(data)


class Direct(Case):
    more = ()

    def setUp(self):
        super().setUp()
        self.inside, self.outside = self.origin(Http("inside")), self.origin(Http("outside"))
        self.way = self.open_way({"HTTP1": self.inside}, gateway=("--direct", *self.more))

    def curl(self, *args):
        return run("curl", "-sS", "--max-time", "80", *args, cwd=self.dir)

    def ended(self, pattern, after=0):
        return self.way.gateway.wait_line(r"stream .*service=- .*" + pattern, after=after)


class Ways(Direct):
    def test_curl(self):
        at, port = self.way.proxy, self.outside.port
        forms = {
            "socks5h": ["-x", f"socks5h://{at}", f"http://localhost:{port}/name"],
            "socks5": ["-x", f"socks5://{at}", f"http://127.0.0.1:{port}/name"],
            "socks4a": ["-x", f"socks4a://{at}", f"http://localhost:{port}/name"],
            "socks4": ["-x", f"socks4://{at}", f"http://127.0.0.1:{port}/name"],
            "http": ["-x", f"http://{at}", f"http://localhost:{port}/name"],
            "http address": ["-x", f"http://{at}", f"http://127.0.0.1:{port}/name"],
            "connect": ["-p", "-x", f"http://{at}", f"http://localhost:{port}/name"],
        }
        for name, form in forms.items():
            with self.subTest(name):
                mark = self.way.gateway.mark()
                done = self.curl("--noproxy", "", *form)
                self.assertEqual(done.text, "outside /name\n", done)
                line = self.ended(r"up=(\d+) down=(\d+) reason=(ok|client-closed)", after=mark)
                self.assertGreater(int(line.group(1)), 20)
                self.assertGreater(int(line.group(2)), 20)

    def test_both_worlds_on_one_proxy(self):
        done = self.curl("--noproxy", "", "-x", f"http://{self.way.proxy}",
                         f"http://localhost:{self.outside.port}/a", "http://HTTP1.tunnel/b")
        self.assertEqual(done.text, "outside /a\ninside /b\n", done)

    def test_bodies(self):
        """A forwarded request's body, whole and in chunks, and a large answer."""
        body = self.dir / "body"
        body.write_bytes(b"".join(content(3_000_000)))
        for more in ([], ["-H", "Transfer-Encoding: chunked"]):
            done = self.curl("--noproxy", "", "-x", f"http://{self.way.proxy}", *more, "-T", body,
                             f"http://localhost:{self.outside.port}/put")
            self.assertEqual(done.text, content_hash(3_000_000), done)
        done = self.curl("--noproxy", "", "-x", f"http://{self.way.proxy}",
                         f"http://localhost:{self.outside.port}/bytes/3000000")
        self.assertEqual(hashlib.sha256(done.out).hexdigest(), content_hash(3_000_000))

    def test_ipv6(self):
        try:
            echo = Echo("::1", socket.AF_INET6)
        except OSError:
            self.skipTest("no IPv6 on loopback")
        self.origin(echo)
        with http_connect(self.way.port, "[::1]", echo.port) as s:
            s.sendall(b"six")
            self.assertEqual(read_exactly(s, 3), b"six")


class Ends(Direct):
    def test_half_close(self):
        """The far server learns of the client's end, and its answer still comes."""
        ender = self.origin(Ender(tail=200_000))
        question = b"".join(content(300_000))
        answer = f"300000 {content_hash(300_000)}\n".encode() + b"".join(content(200_000))
        for kind in ("5", "connect"):
            with self.subTest(kind):
                mark = self.way.gateway.mark()
                done = run("nc", "-N", "-X", kind, "-x", self.way.proxy, "127.0.0.1", ender.port,
                           input=question)
                self.assertEqual(done.out, answer, done.err)
                self.ended(rf"up=300000 down={len(answer)} reason=client-closed", after=mark)

    def test_half_close_from_far(self):
        far = self.origin(EndsFirst())
        with socks5(self.way.port, "localhost", far.port) as s:
            self.assertEqual(read_all(s), b"word")
            s.sendall(b"x" * 100_000)
            wait_until(lambda: far.received == 100_000, "what comes after the service's end")
        self.ended("up=100000 down=4 reason=service-closed")

    def test_reset(self):
        abrupt = self.origin(Abrupt())
        with socks5(self.way.port, "127.0.0.1", abrupt.port) as s:
            s.sendall(b"x")
            self.assertEqual(read_to_break(s), b"")
        self.ended("up=1 down=0 reason=reset")

    def test_client_resets(self):
        echo = self.origin(Echo())
        with socks5(self.way.port, "127.0.0.1", echo.port) as s:
            s.sendall(b"x")
            read_exactly(s, 1)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wait_no_clients(echo)
        self.ended("up=1 down=1 reason=client-reset")

    def test_shutdown(self):
        echo = self.origin(Echo())
        with socks5(self.way.port, "127.0.0.1", echo.port) as s:
            self.assertEqual(self.way.gateway.terminate(), 0)
            self.assertEqual(read_to_break(s), b"")
        self.ended("reason=shutdown")


class Pressure(Direct):
    def test_slow_reader(self):
        sender = self.origin(Sender(BULK))
        before = self.way.gateway.rss()
        with socks5(self.way.port, "127.0.0.1", sender.port) as s:
            wait_until(sender.stuck, "the sender is stopped")
            self.assertLess(self.way.gateway.rss() - before, 8 << 20)
            digest = hashlib.sha256()
            while data := s.recv(262144):
                digest.update(data)
        self.assertEqual(digest.hexdigest(), content_hash(BULK))

    def test_slow_origin(self):
        mute = self.origin(Mute(BULK))
        sent = [0]

        def send(s):
            for piece in content(BULK):
                s.sendall(piece)
                sent[0] += len(piece)

        def stuck():
            now = sent[0]
            time.sleep(0.5)
            return 0 < now == sent[0] < BULK

        before = self.way.gateway.rss()
        with socks5(self.way.port, "127.0.0.1", mute.port) as s:
            thread = threading.Thread(target=send, args=(s,), daemon=True)
            thread.start()
            wait_until(stuck, "the client is stopped")
            self.assertLess(self.way.gateway.rss() - before, 8 << 20)
            mute.go.set()
            self.assertEqual(read_exactly(s, 64).decode(), content_hash(BULK))
            thread.join()


class Refusals(Direct):
    more = ("--max-clients", "3")

    def test_what_the_dial_says(self):
        closed, long = free_port(), "a" * 64 + ".example"
        for name, port, socks, http in (("127.0.0.1", closed, 5, 502), (long, 80, 4, 502)):
            with self.subTest(name):
                with self.assertRaises(Refused) as caught:
                    socks5(self.way.port, name, port)
                self.assertEqual(caught.exception.code, socks)
                with self.assertRaises(Refused) as caught:
                    http_connect(self.way.port, name, port)
                self.assertEqual(caught.exception.code, http)
        done = self.curl("--noproxy", "", "-x", f"http://{self.way.proxy}", "-i",
                         f"http://localhost:{closed}/")
        self.assertRegex(done.text, r"HTTP/1.1 502 localhost: connection refused")
        self.assertIn("X-Tunnel-Error: refused;", done.text)

    def test_our_names_stay_ours(self):
        """Also those that lead nowhere: no resolver is to hear of them."""
        for name, code in (("NONE.tunnel", 4), ("none.TUNNEL.", 4), ("tunnel", 2), (".tunnel", 2),
                           ("a.b.c.tunnel", 4)):
            with self.subTest(name):
                with self.assertRaises(Refused) as caught:
                    socks5(self.way.port, name)
                self.assertEqual(caught.exception.code, code)

    def test_no_hosts(self):
        """Above all no paths of unix sockets."""
        path = self.dir / "secret.sock"
        secret = self.origin(Echo(str(path), socket.AF_UNIX))
        for name in (str(path), "a b", "%2f", "-v"):
            with self.subTest(name):
                with self.assertRaises(Refused) as caught:
                    socks5(self.way.port, name)
                self.assertEqual(caught.exception.code, 1)
        with self.assertRaises(Refused) as caught:
            socks5(self.way.port, "127.0.0.1", 0)
        self.assertEqual(caught.exception.code, 1)
        self.assertEqual(secret.clients, 0)

    def test_limit(self):
        """Direct clients count, too, and leave room when they go."""
        echo = self.origin(Echo())
        held = [socks5(self.way.port, "127.0.0.1", echo.port) for _ in range(3)]
        with self.assertRaises(Refused) as caught:
            socks5(self.way.port, "127.0.0.1", echo.port)
        self.assertEqual(caught.exception.code, 1)
        for s in held:
            s.close()

        def again():
            try:
                return socks5(self.way.port, "127.0.0.1", echo.port)
            except Refused:
                return None

        wait_until(again, "there is room again").close()

    def test_early_bytes(self):
        """Greeting, request and data in one write."""
        echo = self.origin(Echo())
        with dial(self.way.port) as s:
            s.sendall(b"\5\1\0\5\1\0\1\x7f\0\0\1" + struct.pack(">H", echo.port) + b"early")
            self.assertEqual(read_exactly(s, 2 + 10 + 5)[-5:], b"early")


if __name__ == "__main__":
    unittest.main()
