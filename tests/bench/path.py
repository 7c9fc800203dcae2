"""A long path: one download through the tunnel and a 1-byte echo beside it, with a relay between the
agent and the hub that delays and limits what passes, next to plain TCP through the same relay.

    path.py [--delay MS] [--rate MBIT] [--seconds N] [--version V3]

The delay is one way: 50 stands for a round trip of 100 ms. Nothing is asserted."""

import argparse
import os
import pathlib
import statistics
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ["TUNNEL_BIN"] = str(TOP / "build/release/bin")
sys.path.insert(0, str(TOP / "tests/integration"))

from harness import Case  # noqa: E402
from sockets import dial, read_exactly, socks5  # noqa: E402


TOOLS = TOP / "build/release/tests"
DOWN, ECHO = b"d" + (10**15).to_bytes(8, "big"), b"e"  # what the load server is asked for


def speed(connect, seconds):
    """MB/s of one download, once it has got going."""
    with connect() as s:
        s.sendall(DOWN)
        warm = time.monotonic() + 2
        while time.monotonic() < warm:
            s.recv(1048576)
        begin, n = time.monotonic(), 0
        while time.monotonic() < begin + seconds:
            n += len(s.recv(1048576))
        return n / (time.monotonic() - begin) / 1e6


def echoes(connect, seconds):
    with connect() as s:
        s.sendall(ECHO)
        found, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            s.sendall(b"x")
            read_exactly(s, 1)
            found.append((time.monotonic() - begin) * 1e3)
    return statistics.median(found), max(found)


class Bench(Case):
    def listening(self, *argv):
        program = self.start(*argv, ends=(-15,))
        return int(program.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1))

    def path(self, port):
        return self.listening(TOOLS / "relay", port, arguments.delay, arguments.rate * 1e6 / 8)

    def runTest(self):
        load = self.listening(TOOLS / "load", "serve")
        services = {"LOAD": f"127.0.0.1:{load}"}
        hub, tokens = self.hub("-v", "4"), self.tunnel(services)
        plain, to_hub = self.path(load), self.path(hub.port)
        self.agent(hub, tokens, services, "-v", "4", endpoint=f"127.0.0.1:{to_hub}")
        more = ["-y", arguments.version] if arguments.version else []
        gateway = self.gateway(hub, tokens, "-v", "4", "--open-grace", "0", *more)
        ways = (("plain TCP", lambda: dial(plain)),
                ("tunnel", lambda: socks5(gateway.port, "LOAD.tunnel")))
        speeds = [self.measure(*way) for way in ways]
        print(f"{'tunnel / plain TCP':20} {speeds[1] / speeds[0]:7.2f}")

    def measure(self, name, connect):
        idle = echoes(connect, 2)
        result = []
        worker = threading.Thread(target=lambda: result.append(speed(connect, arguments.seconds)))
        worker.start()
        time.sleep(2)
        busy = echoes(connect, arguments.seconds - 1)
        worker.join()
        print(f"{name:10} {result[0]:7.1f} MB/s   echo idle {idle[0]:6.1f} ms"
              f"   beside it: median {busy[0]:6.1f}, longest {busy[1]:6.1f} ms", flush=True)
        return result[0]


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
