"""nc, socat and ncat: every way in which they can use the endpoint."""

import unittest

from harness import Case
from origins import Greeter, Http, Late
from programs import run

REQUEST = b"GET /name HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Clients(Case):
    def setUp(self):
        super().setUp()
        self.http = self.origin(Http("the web server"))
        self.late = self.origin(Late())
        self.way = self.open_way({"HTTP1": self.http, "GREET": self.origin(Greeter()),
                                  "LATE": self.late})

    def ways_in(self, name, port=80):
        at, host, number = self.way.proxy, "127.0.0.1", self.way.port
        return {
            "nc": ["nc", "-x", at, name, port],
            "nc -X 5": ["nc", "-X", "5", "-x", at, name, port],
            "nc -X connect": ["nc", "-X", "connect", "-x", at, name, port],
            "socat SOCKS4A": ["socat", "-t60", "-",
                              f"SOCKS4A:{host}:{name}:{port},socksport={number}"],
            "socat PROXY": ["socat", "-t60", "-",
                            f"PROXY:{host}:{name}:{port},proxyport={number}"],
            "ncat socks5": ["ncat", "--proxy", at, "--proxy-type", "socks5", name, port],
            "ncat socks4": ["ncat", "--proxy", at, "--proxy-type", "socks4", "--proxy-dns",
                            "remote", name, port],
            "ncat http": ["ncat", "--proxy", at, "--proxy-type", "http", name, port],
        }

    def test_request(self):
        for name, command in self.ways_in("HTTP1.tunnel").items():
            with self.subTest(name):
                done = run(*command, input=REQUEST)
                self.assertIn("the web server /name", done.text, done)

    def test_any_port_is_right(self):
        for port in (1, 22, 443, 65535):
            done = run("nc", "-X", "5", "-x", self.way.proxy, "HTTP1.tunnel", port, input=REQUEST)
            self.assertIn("the web server /name", done.text, done)

    def test_service_speaks_first(self):
        for name, command in self.ways_in("GREET.tunnel", 22).items():
            with self.subTest(name):
                client = self.start(*command, stdin=-1, ends=(0, 1, -15, 143))
                client.wait_line("220 here is the service")
                client.process.stdin.write(b"are you there\n")
                client.process.stdin.flush()
                client.wait_line("are you there")
                client.process.stdin.close()
                client.terminate()

    def test_answer_after_the_clients_end(self):
        """The client ends its direction first; the answer must still come."""
        ways = self.ways_in("LATE.tunnel", 7)
        for name in ("nc -X 5", "nc -X connect"):
            ways[name].insert(1, "-N")
        del ways["nc"]
        for name, command in ways.items():
            with self.subTest(name):
                done = run(*command, input=self.late.request(200_000))
                self.assertEqual(done.out, self.late.answer(200_000), done.err)

    def test_nc_shows_the_reason(self):
        nc = ["nc", "-x", self.way.proxy]
        missing = run(*nc, "-X", "5", "SSH9.tunnel", "22", input=None)
        self.assertEqual(missing.code, 1)
        self.assertIn("SOCKSv5 error: Host unreachable", missing.err)
        outside = run(*nc, "-X", "5", "www.example.com", "80", input=None)
        self.assertIn("SOCKSv5 error: Connection not allowed by ruleset", outside.err)
        words = run(*nc, "-X", "connect", "SSH9.tunnel", "22", input=None)
        self.assertRegex(words.err, r'Proxy error: "HTTP/1\.[01] 502 .*SSH9.*HTTP1')
        outside = run(*nc, "-X", "connect", "10.1.2.3", "22", input=None)
        self.assertRegex(outside.err, r'Proxy error: "HTTP/1\.[01] 403 ')

    def test_nc_socks4_gets_the_hint(self):
        """It looks names up itself, so the gateway sees an address at best: refused, with why."""
        mark = self.way.gateway.mark()
        done = run("nc", "-X", "4", "-x", self.way.proxy, "10.1.2.3", "22", input=None)
        self.assertIn("SOCKSv4 error: Request rejected or failed", done.err)
        self.way.gateway.wait_line(r"10\.1\.2\.3.*(remote|socks5h|socks4a|name)", after=mark)

    def test_bracketed_name(self):
        """nc -X connect puts names with a colon in brackets."""
        done = run("nc", "-X", "connect", "-x", self.way.proxy, "no:such.tunnel", "22", input=None)
        self.assertRegex(done.err, r'Proxy error: "HTTP/1\.[01] 502 ')


if __name__ == "__main__":
    unittest.main()
