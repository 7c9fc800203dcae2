"""Whatever arrives on the endpoint: its protocol's own error or a clean close; a good client beside
it notices nothing."""

import random
import socket
import struct
import unittest

import certificates
from harness import Case, descriptors
from origins import Echo, Http
from programs import run, wait_until
from sockets import dial, get, read_all, read_exactly, read_answer, socks5

TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(200))
SOCKS5_REQUEST = b"\5\1\0\5\1\0\3"


class BadInput(Case):
    def setUp(self):
        super().setUp()
        self.web, self.echo = self.origin(Http("web")), self.origin(Echo())
        self.way = self.open_way({"HTTP1": self.web, "ECHO": self.echo})
        self.port = self.way.port
        self.good = socks5(self.port, "ECHO.tunnel")
        self.addCleanup(self.good.close)

    def assert_unharmed(self):
        self.good.sendall(b"still here?")
        self.assertEqual(read_exactly(self.good, 11), b"still here?")
        with socks5(self.port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
        self.assert_alive(self.way.hub, self.way.agent, self.way.gateway)

    def answer(self, data, end=False):
        """What the gateway says to this, until it closes."""
        s = dial(self.port)
        try:
            s.sendall(data)
            if end:
                s.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass  # it has heard enough
        with s:
            return read_all(s)

    # ---- not a protocol of ours ----

    def test_junk(self):
        noise = random.Random(7)
        for data in (b"\0" * 100, b"\xff" * 100, b"\1\2\3", TLS_HELLO, noise.randbytes(5000),
                     b"SSH-2.0-OpenSSH_9.2\r\n", b"HELO there\r\n", b"\r\n\r\n\r\n",
                     b"{\"json\": 1}\n", b"\n"):
            with self.subTest(data[:20]):
                self.answer(data, end=True)
                self.assert_unharmed()

    def test_many_kinds_of_noise(self):
        noise = random.Random(11)
        starts = (b"\5", b"\4", b"\5\1\0\5", b"\4\1\0\x50", b"GET ", b"CONNECT ", b"", b"POST /")
        for i in range(200):
            self.answer(noise.choice(starts) + noise.randbytes(noise.randrange(1, 300)), end=True)
        self.assert_unharmed()

    def test_tls_hello_gets_an_alert_or_a_close(self):
        answer = self.answer(TLS_HELLO)
        self.assertIn(answer[:1], (b"", b"\x15"))

    def test_the_log_names_the_protocol(self):
        for data, protocol, text in (
                (TLS_HELLO, "tls", "a TLS hello: .*socks5h://"),
                (b"\0\1\2", "unknown", "neither SOCKS nor HTTP"),
                (b"GET /\r\n\r\n", "http", "a request that is no valid HTTP/1.1"),
                (b"\5\1\0\5\1\0\x09", "socks5", ".*"),
                (b"\4\2\0\x50\0\0\0\1\0A.tunnel\0", "socks4", ".*")):
            with self.subTest(protocol):
                self.answer(data, end=True)
                self.way.gateway.wait_line(f'refused .*protocol="?{protocol}"? .*{text}')

    def test_http_words_for_other_protocols(self):
        answer = self.answer(b"SSH-2.0-OpenSSH_9.2\r\n")
        self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1."), answer)

    # ---- SOCKS ----

    def test_socks5_errors(self):
        cases = {
            "no acceptable method": (b"\5\1\1", b"\5\xff"),
            "no methods": (b"\5\0", b"\5\xff"),
            "bind": (b"\5\1\0\5\2\0\3\5A.tun\0\x50", 7),
            "udp": (b"\5\1\0\5\3\0\1\1\2\3\4\0\x50", 7),
            "resolve": (b"\5\1\0\5\xf0\0\3\5A.tun\0\0", 7),
            "address type": (b"\5\1\0\5\1\0\x09\1\2\3\4\0\x50", 8),
            "IPv4 literal": (b"\5\1\0\5\1\0\1\x0a\1\2\3\0\x50", 2),
            "IPv6 literal": (b"\5\1\0\5\1\0\4" + b"\0" * 15 + b"\1\0\x50", 2),
            "outside": (SOCKS5_REQUEST + b"\x0bexample.com\0\x50", 2),
            "no service": (SOCKS5_REQUEST + b"\x0bNONE.tunnel\0\x50", 4),
            "only the suffix": (SOCKS5_REQUEST + b"\6tunnel\0\x50", (2, 4)),
            "empty name": (SOCKS5_REQUEST + b"\0\0\x50", (1, 2, 4)),
            "255 bytes": (SOCKS5_REQUEST + b"\xff" + b"a" * 248 + b".tunnel\0\x50", 4),
            "NUL inside": (SOCKS5_REQUEST + b"\x0cHTTP1\0tunnel\0\x50", (1, 2, 4)),
            "NUL before the suffix": (SOCKS5_REQUEST + b"\x0dHTTP1\0.tunnel\0\x50", (1, 2, 4)),
            "dots": (SOCKS5_REQUEST + b"\x0a...tunnel.\0\x50", (2, 4)),
        }
        for name, (data, want) in cases.items():
            with self.subTest(name):
                answer = self.answer(data)
                if isinstance(want, bytes):
                    self.assertEqual(answer, want)
                else:
                    self.assertEqual(answer[:2], b"\5\0", answer)
                    self.assertEqual(answer[2:3], b"\5", answer)
                    codes = want if isinstance(want, tuple) else (want,)
                    self.assertIn(answer[3], codes)
                    self.assertEqual(len(answer), 12, answer)  # a whole reply
        self.assert_unharmed()

    def test_wrong_version_inside(self):
        for data in (b"\5\1\0\4\1\0\3\x0cHTTP1.tunnel\0\x50", b"\5\1\0GET / HTTP/1.1\r\n\r\n"):
            answer = self.answer(data)
            self.assertEqual(answer[:2], b"\5\0")
            self.assertTrue(len(answer) == 2 or answer[3] != 0, answer)
        self.assert_unharmed()

    def test_socks4(self):
        name = b"HTTP1.tunnel\0"
        cases = {
            "bind": (b"\4\2\0\x50\0\0\0\1me\0" + name, 91),
            "address": (b"\4\1\0\x50\x0a\1\2\3me\0", 91),
            "no service": (b"\4\1\0\x50\0\0\0\1me\0NONE.tunnel\0", 91),
            "name of 300 bytes": (b"\4\1\0\x50\0\0\0\1me\0" + b"a" * 293 + b".tunnel\0", 91),
        }
        for case, (data, want) in cases.items():
            with self.subTest(case):
                answer = self.answer(data)
                self.assertEqual(answer[:2], bytes([0, want]), answer)
                self.assertEqual(len(answer), 8)
        for endless in (b"\4\1\0\x50\0\0\0\1" + b"u" * 100_000,
                        b"\4\1\0\x50\0\0\0\1me\0" + b"n" * 100_000):
            answer = self.answer(endless)
            self.assertIn(answer[:2], (b"", bytes([0, 91])))
        self.assert_unharmed()

    # ---- HTTP ----

    def http_status(self, data):
        answer = self.answer(data)
        self.assertTrue(answer.startswith(b"HTTP/1."), (data[:100], answer[:100]))
        return int(answer.split()[1])

    def test_http_refusals(self):
        host = b"Host: HTTP1.tunnel\r\n"
        start = b"GET http://HTTP1.tunnel/name HTTP/1.1\r\n"
        post = b"POST http://HTTP1.tunnel/put HTTP/1.1\r\n" + host
        cases = {
            "two Hosts": start + host + b"Host: HTTP2.tunnel\r\n\r\n",
            "no Host in 1.1": start + b"\r\n",
            "folded header": start + host + b"X-A: 1\r\n 2\r\n\r\n",
            "space before the colon": start + host + b"X-A : 1\r\n\r\n",
            "no colon": start + host + b"nonsense\r\n\r\n",
            "NUL in a value": start + host + b"X-A: a\0b\r\n\r\n",
            "bare CR": start + host + b"X-A: a\rb\r\n\r\n",
            "two lengths": post + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "length and chunked":
                post + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "unknown coding": post + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "signed length": post + b"Content-Length: +3\r\n\r\nabc",
            "negative length": post + b"Content-Length: -3\r\n\r\nabc",
            "length with junk": post + b"Content-Length: 3 3\r\n\r\nabc",
            "huge length": post + b"Content-Length: 99999999999999999999999\r\n\r\n",
            "not a version": b"GET http://HTTP1.tunnel/name HTTP/9.9\r\n" + host + b"\r\n",
            "no version": b"GET http://HTTP1.tunnel/name\r\n\r\n",
            "space in the target": b"GET http://HTTP1.tunnel/na me HTTP/1.1\r\n" + host + b"\r\n",
            "user in the target": b"GET http://u:p@HTTP1.tunnel/ HTTP/1.1\r\n" + host + b"\r\n",
            "CONNECT without port and name": b"CONNECT : HTTP/1.1\r\nHost: :\r\n\r\n",
            "CONNECT with a path": b"CONNECT /x HTTP/1.1\r\nHost: x\r\n\r\n",
            "port too high": b"CONNECT HTTP1.tunnel:65536 HTTP/1.1\r\n" + host + b"\r\n",
            "another scheme": b"GET ftp://HTTP1.tunnel/x HTTP/1.1\r\n" + host + b"\r\n",
        }
        before = len(self.web.seen)
        for name, data in cases.items():
            with self.subTest(name):
                status = self.http_status(data)
                self.assertTrue(400 <= status < 600, status)
        self.assertEqual(len(self.web.seen), before, "a refused request reached the service")
        self.assert_unharmed()

    def test_http_1_megabyte_of_headers(self):
        start = b"GET http://HTTP1.tunnel/name HTTP/1.1\r\nHost: HTTP1.tunnel\r\n"
        for more in (b"X: " + b"y" * 1_000_000 + b"\r\n\r\n", b"X-A: b\r\n" * 125_000 + b"\r\n",
                     b"y" * 1_000_000):
            answer = self.answer(start + more)
            self.assertTrue(answer == b"" or answer.split()[1] in (b"431", b"400"), answer[:80])
        endless = self.answer(b"GET " + b"a" * 1_000_000)
        self.assertTrue(endless == b"" or endless.split()[1] in (b"400", b"414", b"431"))
        self.assert_unharmed()

    def test_http_name_of_300_bytes(self):
        name = b"a" * 293 + b".tunnel"
        for data in (b"CONNECT " + name + b":80 HTTP/1.0\r\n\r\n",
                     b"GET http://" + name + b"/ HTTP/1.1\r\nHost: " + name + b"\r\n\r\n"):
            self.assertIn(self.http_status(data), (400, 404, 414))
        self.assert_unharmed()

    def test_smuggling(self):
        """What follows one request on its connection never reaches the service as a second one."""
        inner = b"GET /smuggled HTTP/1.1\r\nHost: HTTP1.tunnel\r\n\r\n"
        post = b"POST http://HTTP1.tunnel/put HTTP/1.1\r\nHost: HTTP1.tunnel\r\n"
        for data in (
                post + b"Content-Length: 0\r\n\r\n" + inner,
                post + b"Content-Length: 3\r\n\r\nabc" + inner,
                post + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
                post + b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + inner,
                post + b"Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n" + inner,
                post + b"Connection: Content-Length\r\nContent-Length: 3\r\n\r\nabc" + inner,
                b"GET http://HTTP1.tunnel/a HTTP/1.1\r\nHost: HTTP1.tunnel\r\n\r\n" + inner):
            self.answer(data)
        self.assertNotIn("/smuggled", self.web.seen)
        self.assert_unharmed()

    def test_answers_carry_nothing_of_the_client(self):
        """No injected header lines, no control bytes, no markup."""
        for data in (b"CONNECT a\x1b[31m.tunnel:80 HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"GET http://<script>.tunnel/ HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"GET http://a%0d%0aX-Injected:1.tunnel/ HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"):
            answer = self.answer(data)
            self.assertNotIn(b"\x1b", answer)
            self.assertNotIn(b"<script>", answer)
            self.assertNotIn(b"\nX-Injected", answer)
        self.assertNotIn("\x1b", self.way.gateway.output())
        self.assert_unharmed()

    # ---- splits and silence ----

    def test_byte_by_byte(self):
        name = b"HTTP1.tunnel"
        request = b"GET /name HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        greetings = {
            "socks5": (b"\5\1\0\5\1\0\3" + bytes([len(name)]) + name + b"\0\x50", 12),
            "socks4a": (b"\4\1\0\x50\0\0\0\1me\0" + name + b"\0", 8),
        }
        for kind, (data, size) in greetings.items():
            with self.subTest(kind), dial(self.port) as s:
                for i in range(len(data)):
                    s.sendall(data[i:i + 1])
                read_exactly(s, size)
                self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
        for head in (b"CONNECT HTTP1.tunnel:80 HTTP/1.0\r\n\r\n",):
            with dial(self.port) as s:
                for i in range(len(head)):
                    s.sendall(head[i:i + 1])
                self.assertEqual(read_answer(s)[0], 200)
                for i in range(len(request)):
                    s.sendall(request[i:i + 1])
                self.assertIn(b"web /name", read_all(s))

    def test_everything_in_one_write(self):
        """Greeting, request and data together: the data must not get lost."""
        name = b"HTTP1.tunnel"
        request = b"GET /name HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        for start in (b"\5\1\0\5\1\0\3" + bytes([len(name)]) + name + b"\0\x50",
                      b"\4\1\0\x50\0\0\0\1me\0" + name + b"\0",
                      b"CONNECT HTTP1.tunnel:80 HTTP/1.1\r\nHost: HTTP1.tunnel:80\r\n\r\n"):
            self.assertIn(b"web /name", self.answer(start + request))

    def test_300_silent_ones_at_once(self):
        """They are closed after 10 s, and until then others are served."""
        before = descriptors(self.way.gateway)
        starts = (b"", b"\5", b"\5\1\0\5\1", b"\4\1\0\x50", b"GET / HT", b"CONNECT HTTP1.tun")
        silent = []
        for i in range(300):
            s = dial(self.port)
            s.sendall(starts[i % len(starts)])
            silent.append(s)
        self.assert_unharmed()
        for s in silent:
            read_all(s)  # returns when the gateway closes
            s.close()
        wait_until(lambda: descriptors(self.way.gateway) <= before + 2, "its descriptors")
        self.assert_unharmed()

    def test_300_pieces_of_junk_at_once(self):
        noise = random.Random(3)
        sockets = [dial(self.port) for _ in range(300)]
        for s in sockets:
            try:
                s.sendall(noise.choice((b"", b"\5", b"\4", b"GET ")) + noise.randbytes(100))
            except ConnectionError:
                pass
        self.assert_unharmed()
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            read_all(s)
            s.close()
        self.assert_unharmed()

    def test_foreign_names_are_summed_up(self):
        """A browser that sends everything here must not flood the log."""
        for i in range(300):
            host = f"host{i}.example".encode()
            self.answer(SOCKS5_REQUEST + bytes([len(host)]) + host + struct.pack(">H", 443))
        self.assert_unharmed()
        lines = [line for line in self.way.gateway.output().splitlines() if ".example" in line]
        self.assertLess(len(lines), 100)
        self.assertGreater(len(lines), 0)

    def test_out_of_descriptors(self):
        """The newcomer is refused, who is being served goes on."""
        tokens = self.tunnel({"ECHO": self.echo}, name="small")
        hub = self.way.hub
        self.agent(hub, tokens, {"ECHO": self.echo})
        limited = self.start("sh", "-c", 'ulimit -n 40; exec "$@"', "sh",
                             self.program("tunnel-gateway"), "-e", f"127.0.0.1:{hub.port}",
                             "--token-file", tokens.source, "--ca", certificates.certificate().ca,
                             "--listen", "127.0.0.1:0")
        port = int(limited.wait_line(r"Listening on \S+:(\d+)").group(1))
        limited.wait_line("Successfully established")
        served = socks5(port, "ECHO.tunnel")
        crowd = [dial(port) for _ in range(60)]
        served.sendall(b"me first")
        self.assertEqual(read_exactly(served, 8), b"me first")
        for s in crowd:
            s.close()
        served.sendall(b"and now")
        self.assertEqual(read_exactly(served, 7), b"and now")
        served.close()

        def again():
            try:
                with socks5(port, "ECHO.tunnel") as s:
                    s.sendall(b"hello")
                    return read_exactly(s, 5) == b"hello"
            except (OSError, EOFError):
                return False
        wait_until(again, "a newcomer is served again")


class HubPort(Case):
    """The same for the hub's port, which the whole world can reach."""

    def test_noise_on_the_hubs_port(self):
        web = self.origin(Http("web"))
        way = self.open_way({"HTTP1": web})
        noise = random.Random(5)
        silent = [dial(way.hub.port) for _ in range(100)]
        for i in range(100):
            with dial(way.hub.port) as s:
                try:
                    s.sendall(noise.choice((TLS_HELLO, b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n",
                                            b"", b"\x16\3\1")) + noise.randbytes(200))
                    s.shutdown(socket.SHUT_WR)
                except ConnectionError:
                    pass
                read_all(s)
        done = run("curl", "-sS", "-x", f"http://{way.proxy}", "http://HTTP1.tunnel/name")
        self.assertEqual(done.text, "web /name\n", done)
        for s in silent:
            s.close()


if __name__ == "__main__":
    unittest.main()
