"""V1, V2 and V3 sessions between our own ends, seen by what arrives and by the services."""

import concurrent.futures
import pathlib
import time
import unittest

from harness import Case
from origins import Echo, Http, content_hash
from programs import run, wait_until
from sockets import dial, get, get_hash, read_exactly


class Versions(Case):
    def setUp(self):
        super().setUp()
        self.the_hub = self.hub()

    def localproxy_way(self, version, services, agent=None):
        """localproxy as source with -y; returns {service: port}."""
        tokens, hub = self.tunnel(services), self.the_hub
        if agent is None:
            # A V1 source names no service; by -y the agent knows that this is meant.
            self.agent(hub, tokens, services, *(["-y", "V1"] if version == "V1" else []))
        else:
            self.localproxy(hub, tokens.destination, "-d", agent,
                            *(["-y", "V1"] if version == "V1" else []))
        more = ["-y", version] if version else []
        source = self.localproxy(hub, tokens.source, "-m", "src", *more)
        ports = {}
        for name in services:
            line = source.wait_line(rf"\[info\] {name} = (\d+)")
            ports[name] = int(line.group(1))
        source.wait_line("Listening for new connection on port")
        for port in ports.values():
            wait_until(lambda p=port: self.listens(p), "its listener")
        return ports

    def listens(self, port):
        text = "".join(pathlib.Path(f"/proc/net/{kind}").read_text()
                       for kind in ("tcp", "tcp6"))
        return f":{port:04X} " in text

    def get(self, port, path="/name"):
        with dial(port) as s:
            return get(s, path)

    def test_one_after_the_other(self):
        for version in ("V1", "V2", "V3", None):
            with self.subTest(version):
                web = self.origin(Http("web"))
                ports = self.localproxy_way(version, {"HTTP1": web})
                for i in range(5):
                    self.assertEqual(self.wait_get(ports["HTTP1"]), (200, b"web /name\n"), i)

    def wait_get(self, port):
        """V1 and V2 take one connection at a time: the former must have ended everywhere."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.get(port)
            except (OSError, IndexError, ValueError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def test_v2_several_services(self):
        one, two = self.origin(Http("one")), self.origin(Http("two"))
        ports = self.localproxy_way("V2", {"A": one, "B": two})
        for _ in range(3):
            self.assertEqual(self.wait_get(ports["A"]), (200, b"one /name\n"))
            self.assertEqual(self.wait_get(ports["B"]), (200, b"two /name\n"))

    def test_v3_many_at_once(self):
        """128 at once, as the reference program's setting says, which dies of the 129th: here it
        waits until one of them leaves."""
        echo = self.origin(Echo())
        ports = self.localproxy_way(None, {"ECHO": echo})
        sockets = [dial(ports["ECHO"]) for _ in range(128)]
        for i, s in enumerate(sockets):
            s.sendall(b"%5d" % i)
            self.assertEqual(read_exactly(s, 5), b"%5d" % i)
        with dial(ports["ECHO"]) as beyond:
            beyond.sendall(b"waits")
            sockets[7].sendall(b"still here")
            self.assertEqual(read_exactly(sockets[7], 10), b"still here")
            self.assertEqual(echo.clients, 128)
            sockets[7].close()
            self.assertEqual(read_exactly(beyond, 5), b"waits")
        for s in sockets:
            s.close()

    def test_bulk_in_each_version(self):
        n = 8_000_000
        want = (200, n, content_hash(n))
        for version in ("V1", "V2", "V3"):
            with self.subTest(version):
                ports = self.localproxy_way(version, {"HTTP1": self.origin(Http("web"))})
                with dial(ports["HTTP1"]) as s:
                    self.assertEqual(get_hash(s, f"/bytes/{n}"), want)

    def test_localproxy_on_both_ends(self):
        for version in ("V1", "V2", None):
            with self.subTest(version):
                web = self.origin(Http("web"))
                to = f"HTTP1={web.address}" if version != "V1" else web.address
                ports = self.localproxy_way(version, {"HTTP1": web}, agent=to)
                for _ in range(3):
                    self.assertEqual(self.wait_get(ports["HTTP1"]), (200, b"web /name\n"))

    def test_second_client_while_the_first_is_open(self):
        """V1 and V2 have one connection per service: neither may lose data by the other."""
        for version in ("V1", "V2"):
            with self.subTest(version):
                echo = self.origin(Echo())
                port = self.localproxy_way(version, {"ECHO": echo})["ECHO"]
                first = dial(port)
                first.sendall(b"first")
                self.assertEqual(read_exactly(first, 5), b"first")
                # One of the two is served on, the other one is cut off: never a mixture.
                with concurrent.futures.ThreadPoolExecutor() as pool:
                    two = pool.submit(self.try_second, port)
                    one = pool.submit(self.try_echo, first, b"first again")
                    answers = (one.result(), two.result())
                self.assertIn(answers, ((b"first again", b""), (b"", b"second"),
                                        (b"first again", b"second")))
                first.close()

    def try_second(self, port):
        """A refusal is a reset, which connect may see already."""
        try:
            with dial(port) as s:
                return self.try_echo(s, b"second")
        except ConnectionResetError:
            return b""

    def try_echo(self, s, data):
        try:
            s.sendall(data)
            return read_all_of(s, len(data))
        except OSError:
            return b""


def read_all_of(s, n):
    try:
        return read_exactly(s, n)
    except (OSError, EOFError):
        return b""


class Gateway(Case):
    def test_gateway_in_each_version(self):
        for version in ("V1", "V2"):
            with self.subTest(version):
                web = self.origin(Http("web"))
                way = self.open_way({"HTTP1": web}, gateway=["-y", version],
                                    agent=["-y", "V1"] if version == "V1" else [])
                for _ in range(3):
                    done = run("curl", "-sS", "--retry", "5", "--retry-all-errors",
                               "--retry-delay", "1", "-x", f"http://{way.proxy}",
                               "http://HTTP1.tunnel/name")
                    self.assertEqual(done.text, "web /name\n", done)


if __name__ == "__main__":
    unittest.main()
