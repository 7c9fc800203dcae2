"""Bounded memory, measured on the release programs: sanitizers keep freed memory and pad blocks."""

import subprocess
import threading
import time
import unittest

from api import Api, head, request
from harness import Case, descriptors, warm_descriptors
from origins import Echo, Mute, Sender, content
from programs import RELEASE_BIN, run, wait_until
from sockets import read_exactly, socks5
from wire import tls_client

MB = 1024 * 1024


@unittest.skipUnless((RELEASE_BIN / "tunnel-gateway").exists(), "build/release is not built")
class Memory(Case):
    bin = RELEASE_BIN

    def peak(self, programs, work):
        """Runs work() and returns how much each program's memory rose at most meanwhile."""
        before = {p.name: p.rss() for p in programs}
        rise = dict.fromkeys(before, 0)
        done = threading.Event()

        def watch():
            while not done.wait(0.02):
                for p in programs:
                    rise[p.name] = max(rise[p.name], p.rss() - before[p.name])
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            work()
        finally:
            done.set()
            watcher.join()
        return rise

    def assert_bounded(self, rise):
        for name, n in rise.items():
            self.assertLess(n, 16 * MB, f"{name} grew by {n / MB:.1f} MB")

    def test_slow_reader(self):
        """A device that sends as fast as it can to a client that reads little, then all."""
        sender = self.origin(Sender(200 * MB))
        way = self.open_way({"BIG": sender})
        s = socks5(way.port, "BIG.tunnel")
        s.settimeout(300)

        def work():
            wait_until(sender.stuck, "the sender is stopped")
            read_exactly_and_forget(s, 8 * MB)
            wait_until(sender.stuck, "the sender is stopped again")
            read_exactly_and_forget(s, 192 * MB)
        self.assert_bounded(self.peak((way.hub, way.agent, way.gateway), work))

    def test_slow_service(self):
        """A client that sends as fast as it can to a service that reads nothing, then all."""
        mute = self.origin(Mute(200 * MB))
        way = self.open_way({"MUTE": mute})
        s = socks5(way.port, "MUTE.tunnel")
        s.settimeout(300)
        sent = 0

        def send():
            nonlocal sent
            for piece in content(200 * MB):
                s.sendall(piece)
                sent += len(piece)

        def work():
            sending = threading.Thread(target=send, daemon=True)
            sending.start()
            wait_until(lambda: 0 < sent and unchanged(lambda: sent), "the client is stopped")
            self.assertLess(sent, 50 * MB)
            mute.go.set()
            sending.join()
            read_exactly(s, 64)
        self.assert_bounded(self.peak((way.hub, way.agent, way.gateway), work))

    def test_many_slow_readers(self):
        sender = self.origin(Sender(20 * MB))
        way = self.open_way({"BIG": sender})
        readers = [socks5(way.port, "BIG.tunnel") for _ in range(30)]

        def work():
            threads = [threading.Thread(target=read_exactly_and_forget, args=(s, 20 * MB))
                       for s in readers]
            for s in readers:
                s.settimeout(300)
            wait_until(sender.stuck, "all senders are stopped")
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        rise = self.peak((way.hub, way.agent, way.gateway), work)
        self.assertLess(max(rise.values()), 32 * MB, rise)

    def test_1000_idle_connections(self):
        """At most 16 KB each in the gateway, and still answering."""
        echo = self.origin(Echo())
        way = self.open_way({"ECHO": echo}, gateway=["--linger", "1s", "--open-grace", "0"])
        warm = socks5(way.port, "ECHO.tunnel")
        warm.sendall(b"x")
        read_exactly(warm, 1)
        before = way.gateway.rss()
        idle = [socks5(way.port, "ECHO.tunnel") for _ in range(1000)]
        wait_until(lambda: echo.open_clients == 1001, "1,000 at the service")
        each = (way.gateway.rss() - before) / 1000
        self.assertLessEqual(each, 16 * 1024)
        idle[999].sendall(b"still")
        self.assertEqual(read_exactly(idle[999], 5), b"still")
        for s in idle:
            s.close()
        self.wait_one_client(echo)

    def wait_one_client(self, echo):
        wait_until(lambda: echo.open_clients == 1, "the idle ones' end")

    def test_nothing_stays_behind(self):
        """Connections that came and went leave nothing."""
        echo = self.origin(Echo())
        way = self.open_way({"ECHO": echo}, gateway=["--linger", "1s", "--open-grace", "0"])
        programs = (way.hub, way.agent, way.gateway)

        def round_of(n):
            for _ in range(n):
                with socks5(way.port, "ECHO.tunnel") as s:
                    s.sendall(b"x")
                    read_exactly(s, 1)
            self.wait_no_clients(echo)
        round_of(300)
        open_files = {p.name: descriptors(p) for p in programs}
        memory = {p.name: p.rss() for p in programs}
        round_of(1500)
        for p in programs:
            self.assertLess(p.rss() - memory[p.name], 2 * MB, p.name)
            self.assertLessEqual(descriptors(p), open_files[p.name] + 1)

    def test_hub_after_calls(self):
        """Tunnels that were opened and deleted leave nothing in the hub."""
        hub = self.hub()
        with Api(hub.port, keep=True) as calls:
            def round_of(n):
                for _ in range(n):
                    opened = calls.open(["SSH1"], description="d" * 2000)
                    calls.describe(opened["tunnelId"])
                    calls.close_tunnel(opened["tunnelId"], delete=True)
            round_of(200)
            before = hub.rss(), descriptors(hub)
            round_of(800)
            self.assertLess(hub.rss() - before[0], 2 * MB)
            self.assertLessEqual(descriptors(hub), before[1])

    def test_hub_after_crowds(self):
        """Nor do those who say half of something and leave."""
        hub = self.hub()
        body = b'{"description":"never"}'
        whole = request(head("127.0.0.1", "OpenTunnel", body), body)

        def crowd():
            sockets = [tls_client(hub.port) for _ in range(250)]
            for i, s in enumerate(sockets):
                s.sendall(whole[:i % len(whole)])
            for s in sockets:
                s.close()
            wait_until(lambda: descriptors(hub) <= before, "its descriptors")
        before = warm_descriptors(hub)
        crowd()
        memory = hub.rss()
        for _ in range(4):
            crowd()
        self.assertLess(hub.rss() - memory, 2 * MB)
        self.assertEqual(hub.api.list(), [])

    def test_size_of_the_agent(self):
        """Stripped, with everything but libc linked statically: under 900 KB."""
        agent = self.program("tunnel-agent")
        stripped = self.dir / "agent"
        self.assertEqual(run("strip", "-o", stripped, agent).code, 0)
        self.assertLess(stripped.stat().st_size, 900 * 1024)
        needed = subprocess.run(["ldd", str(agent)], capture_output=True, text=True).stdout
        for line in needed.splitlines():
            self.assertRegex(line, r"statically linked|linux-vdso|libc\.so|ld-linux|libm\.so|libpthread|libdl|librt")


def unchanged(value):
    before = value()
    time.sleep(0.5)
    return value() == before


def read_exactly_and_forget(s, n):
    while n > 0:
        data = s.recv(min(n, 65536))
        if not data:
            raise EOFError(f"{n} bytes to come")
        n -= len(data)


if __name__ == "__main__":
    unittest.main()
