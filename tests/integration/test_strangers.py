"""Strangers at the doors of hub and gateway, as many as come from one address: who is in notices nothing, and
newcomers get in, those of other addresses and of that one."""

import concurrent.futures
import contextlib
import socket
import threading
import unittest
import uuid

import certificates
import ops
import strangers
from harness import Case, write_secret
from origins import Echo
from programs import DEADLINE, wait_until
from sockets import Refused, dial, read_all, read_exactly, socks5
from wire import Dropped, read_head, request

FLOODER, NEWCOMER = "127.0.0.9", "127.0.0.7"
ROUNDS = 100


class Strangers(Case):
    def newcomer(self, hub, source):
        """Comes until it is let in, as a client does; a new TLS session each time."""
        text = request("source", self.tunnel(["SSH1"]).source.read_text().strip(),
                       [f"client-token: {uuid.uuid4()}"]).encode()

        def comes():
            with contextlib.suppress(OSError, Dropped):
                bare = socket.create_connection(("127.0.0.1", hub.port), DEADLINE,
                                                source_address=(source, 0))
                with certificates.trust().wrap_socket(bare, server_hostname="127.0.0.1") as sock:
                    sock.sendall(text)
                    return " 101 " in read_head(sock)[0].split("\r\n")[0]
        wait_until(comes, f"a newcomer from {source} is let in")

    def assert_unmoved(self, way):
        """What is connected goes on, and newcomers from there and from elsewhere come in."""
        with socks5(way.port, "ECHO1.tunnel") as sock:
            for i in range(ROUNDS):
                sock.sendall(b"%03d" % i)
                self.assertEqual(read_exactly(sock, 3), b"%03d" % i)
        self.newcomer(way.hub, NEWCOMER)
        self.newcomer(way.hub, FLOODER)

    def test_hellos(self):
        """Each would cost an operation of the hub's key, and none of them is ever followed up."""
        way = self.open_way({"ECHO1": self.origin(Echo())}, hub=("-v", "4"))
        with strangers.flooding(way.hub.port, FLOODER, 1000) as those:
            those.wait_for(1000)
            self.assert_unmoved(way)
            wait_until(lambda: ops.metrics(way.hub)["tunnel_hub_turned_away_total"] > 0,
                       "some are turned away unheard")
        self.assert_alive(way.hub, way.agent, way.gateway)

    def test_idle(self):
        way = self.open_way({"ECHO1": self.origin(Echo())},
                            hub=("-v", "4", "--workers", "2", "--per-address", "100"))
        with strangers.standing(way.hub.port, 800, FLOODER) as those:
            those.wait_for(100)
            self.assert_unmoved(way)
            self.assertLessEqual(ops.metrics(way.hub)["tunnel_hub_pending_connections"], 110)

    def test_exceptions(self):
        """A proxy in front of the hub is everybody's address."""
        hub = self.hub("--workers", "1", "--per-address", "4",
                       "--per-address-except", "192.0.2.0/24",
                       "--per-address-except", "127.0.0.8/31")
        with strangers.standing(hub.port, 20, FLOODER), strangers.standing(hub.port, 20, NEWCOMER):
            wait_until(lambda: ops.metrics(hub)["tunnel_hub_turned_away_total"] > 0,
                       "those of the other address are turned away")
            wait_until(lambda: ops.metrics(hub)["tunnel_hub_pending_connections"] == 24,
                       "20 and 4 stand")

    def test_bad_exceptions(self):
        for net in ("plant", "10.0.0.0/33", "10.0.0/8"):
            hub = self.start(self.program("tunnel-hub"), "--per-address-except", net,
                             "--cert", "c", "--key", "k", "--state", "s", ends=(1,))
            hub.wait_line(f"--per-address-except={net}: want an address or network")
            self.assertEqual(hub.wait(), 1)


class Gateway(Case):
    """The same at the gateway's endpoint."""

    def test_idle(self):
        """Who says nothing, or half a request, makes room for those who ask for something."""
        way = self.open_way({"ECHO1": self.origin(Echo())},
                            gateway=("--max-clients", "20", "-v", "4"))
        with socks5(way.port, "ECHO1.tunnel") as there, contextlib.ExitStack() as stack:
            for i in range(200):
                sock = stack.enter_context(dial(way.port))
                sock.sendall((b"", b"\5", b"GET http://x")[i % 3])
            for sock in (there, stack.enter_context(socks5(way.port, "ECHO1.tunnel"))):
                sock.sendall(b"hello")
                self.assertEqual(read_exactly(sock, 5), b"hello")

    def test_full(self):
        """When all places are taken by those who are served, nobody else is sent away for it."""
        way = self.open_way({"ECHO1": self.origin(Echo())},
                            gateway=("--max-clients", "3", "-v", "4"))
        with contextlib.ExitStack() as stack:
            there = [stack.enter_context(socks5(way.port, "ECHO1.tunnel")) for _ in range(3)]
            idle = stack.enter_context(dial(way.port))
            with self.assertRaises(Refused):
                socks5(way.port, "ECHO1.tunnel")
            idle.setblocking(False)
            self.assertRaises(BlockingIOError, idle.recv, 1)
            for sock in there:
                sock.sendall(b"hello")
                self.assertEqual(read_exactly(sock, 5), b"hello")

    def password(self):
        """A gateway with a password: knock(password, source) is a SOCKS5 greeting with it."""
        secret = write_secret(self.dir / "auth", "right\n")
        return self.open_way({"ECHO1": self.origin(Echo())}, gateway=("--user", "plant", "--password-file", secret))

    @staticmethod
    def knock(port, password, source):
        """The gateway's byte on it, or None for a close."""
        with socket.create_connection(("127.0.0.1", port), DEADLINE, (source, 0)) as sock:
            sock.sendall(b"\5\1\2")
            read_exactly(sock, 2)
            sock.sendall(b"\1\5plant" + bytes([len(password)]) + password)
            try:
                return read_exactly(sock, 2)[1]
            except (EOFError, ConnectionError):
                return None

    def test_wrong_passwords(self):
        """Who guesses is not heard any more; those at other addresses are."""
        way = self.password()
        self.assertEqual(self.knock(way.port, b"right", FLOODER), 0)
        over = threading.Event()

        def guess(i):
            while not over.is_set():
                self.assertEqual(self.knock(way.port, b"wrong%d" % i, FLOODER), 1)
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            guesses = [pool.submit(guess, i) for i in range(40)]
            try:
                wait_until(lambda: self.knock(way.port, b"right", FLOODER) == 1, "it is not heard")
                self.assertEqual(self.knock(way.port, b"right", NEWCOMER), 0)
            finally:
                over.set()
            for one in guesses:
                one.result()
        wait_until(lambda: self.knock(way.port, b"right", FLOODER) == 0, "all is forgiven")


class Operations(Case):
    def test_idle(self):
        hub = self.hub()
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(dial(hub.ops_port))
            self.assertEqual(ops.ask(hub, "/readyz")[0], 200)

    def test_names(self):
        """A page of another name that leads here cannot read it (DNS rebinding)."""
        hub = self.hub("--ops-host", "hub.example", "--ops-host", "hub")
        for host, status in (("evil.example", 421), ("hub.example", 200), ("hub:9464", 200),
                             (f"localhost:{hub.ops_port}", 200)):
            with dial(hub.ops_port) as sock:
                sock.sendall(f"GET /metrics HTTP/1.1\r\nHost: {host}\r\n"
                             "Connection: close\r\n\r\n".encode())
                self.assertTrue(read_all(sock).startswith(b"HTTP/1.1 %d " % status), host)


class Ends(Case):
    """Health and metrics of gateway and agent on a TCP address, and nothing else there."""

    def test_pages(self):
        way = self.open_way({"ECHO1": self.origin(Echo())},
                            gateway=("--ops-listen", "127.0.0.1:0"),
                            agent=("--ops-listen", "127.0.0.1:0"))
        for program in (way.gateway, way.agent):
            line = program.wait_line(r"operations: listening on \S+:(\d+)")
            program.ops_port = int(line[1])
            self.assertEqual(ops.ask(program, "/healthz"), (200, "ok\n"))
            self.assertEqual(ops.ask(program, "/readyz"), (200, "ready\n"))
            self.assertEqual(ops.ask(program, "/v1/snapshot")[0], 404)
            self.assertTrue([m for m in ops.metrics(program) if m.startswith("tunnel_")])
        way.hub.kill()
        wait_until(lambda: ops.ask(way.gateway, "/readyz")[0] == 503, "it is not ready")

    def test_taken(self):
        hub = self.hub()
        gateway = self.end("tunnel-gateway", hub, self.tunnel(["SSH1"]).source, "--listen",
                           "127.0.0.1:0", "--ops-listen", f"127.0.0.1:{hub.ops_port}", ends=(1,))
        gateway.wait_line("--ops-listen: cannot listen on .*: .*in use")
        self.assertEqual(gateway.wait(), 1)


if __name__ == "__main__":
    unittest.main()
