"""A long path: one download through the tunnel and a 1-byte echo beside it, with a relay between the
agent and the hub that delays and limits what passes, next to plain TCP through the same relay.

    path.py [--delay MS] [--rate MBIT] [--seconds N] [--version V3]

The delay is one way: 50 stands for a round trip of 100 ms. Nothing is asserted."""

import argparse
import collections
import os
import pathlib
import socket
import statistics
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ["TUNNEL_BIN"] = str(TOP / "build/release/bin")
sys.path.insert(0, str(TOP / "tests/integration"))

from harness import Case  # noqa: E402
from origins import Echo, Origin  # noqa: E402
from sockets import dial, read_exactly, socks5  # noqa: E402


class Line:
    """One direction: bytes come out `delay` seconds later, at most `rate` bytes a second."""

    def __init__(self, source, sink, delay, rate):
        self.source, self.sink, self.delay, self.rate = source, sink, delay, rate
        self.most = int(rate * delay * 2) + 262144  # what the path and its queue hold
        self.queue, self.held = collections.deque(), 0
        self.news = threading.Condition()
        for work in (self.take, self.give):
            threading.Thread(target=work, daemon=True).start()

    def take(self):
        data = b"x"
        while data:
            try:
                data = self.source.recv(65536)
            except OSError:
                data = b""
            with self.news:
                while self.held > self.most:
                    self.news.wait()
                self.queue.append((time.monotonic() + self.delay, data))
                self.held += len(data)
                self.news.notify_all()

    def give(self):
        free_at = 0.0
        while True:
            with self.news:
                while not self.queue:
                    self.news.wait()
                due, data = self.queue.popleft()
                self.held -= len(data)
                self.news.notify_all()
            now = time.monotonic()
            start = max(now, due, free_at)
            time.sleep(start - now)
            free_at = start + len(data) / self.rate
            try:
                if not data:
                    self.sink.shutdown(socket.SHUT_WR)
                    return
                self.sink.sendall(data)
            except OSError:
                return


class Path:
    """Listens, and leads to `port`."""

    def __init__(self, port, delay, rate):
        self.to, self.how = port, (delay, rate)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.to))
            for s in (near, far):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Line(near, far, *self.how)
            Line(far, near, *self.how)


class Fountain(Origin):
    """Sends until nobody takes it any more."""

    def serve(self, connection):
        try:
            while True:
                connection.sendall(bytes(262144))
        except OSError:
            pass


def speed(connect, seconds):
    """MB/s of one download, once it has got going."""
    with connect() as s:
        read_exactly(s, 1)
        warm = time.monotonic() + 2
        while time.monotonic() < warm:
            s.recv(1048576)
        begin, n = time.monotonic(), 0
        while time.monotonic() < begin + seconds:
            n += len(s.recv(1048576))
        return n / (time.monotonic() - begin) / 1e6


def echoes(connect, seconds):
    with connect() as s:
        found, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            s.sendall(b"x")
            read_exactly(s, 1)
            found.append((time.monotonic() - begin) * 1e3)
    return statistics.median(found), max(found)


class Bench(Case):
    def runTest(self):
        delay, rate = arguments.delay / 1e3, arguments.rate * 1e6 / 8
        fountain, echo = self.origin(Fountain()), self.origin(Echo())
        plain = [Path(o.port, delay, rate) for o in (fountain, echo)]
        services = {"DOWN": fountain, "ECHO": echo}
        hub, tokens = self.hub("-v", "4"), self.tunnel(services)
        path = Path(hub.port, delay, rate)
        self.agent(hub, tokens, services, "-v", "4", endpoint=f"127.0.0.1:{path.port}")
        more = ["-y", arguments.version] if arguments.version else []
        gateway = self.gateway(hub, tokens, "-v", "4", *more)
        ways = (("plain TCP", lambda: dial(plain[0].port), lambda: dial(plain[1].port)),
                ("tunnel", lambda: socks5(gateway.port, "DOWN.tunnel"),
                 lambda: socks5(gateway.port, "ECHO.tunnel")))
        for name, down, ping in ways:
            idle = echoes(ping, 2)
            result = []
            worker = threading.Thread(target=lambda d=down, r=result: r.append(
                speed(d, arguments.seconds)))
            worker.start()
            time.sleep(2)
            busy = echoes(ping, arguments.seconds - 1)
            worker.join()
            print(f"{name:10} {result[0]:7.1f} MB/s   echo idle {idle[0]:6.1f} ms"
                  f"   beside it: median {busy[0]:6.1f}, longest {busy[1]:6.1f} ms", flush=True)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--delay", type=float, default=50)
parser.add_argument("--rate", type=float, default=200)
parser.add_argument("--seconds", type=float, default=5)
parser.add_argument("--version", default="")
arguments = parser.parse_args()
outcome = Bench().run()
for _, text in outcome.errors + outcome.failures:
    print(text, file=sys.stderr)
sys.exit(0 if outcome.wasSuccessful() else 1)
