"""A download through a cluster of three nodes: the one that carries it is killed, and the bar goes on
(scripts/demo --cluster). Again and again until Ctrl-C, or with --check once, and the exit code tells."""

import os
import pathlib
import sys
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ["TUNNEL_BIN"] = str(TOP / "build/release/bin")
sys.path.insert(0, str(TOP / "tests/integration"))

from cluster import ClusterCase, hub_metrics, open_at  # noqa: E402
from downloads import Download  # noqa: E402
from origins import Http  # noqa: E402
from programs import wait_until  # noqa: E402

CHECK = "--check" in sys.argv[1:]
SIZE = 60_000_000 if CHECK else 180_000_000
KILLED, BACK = 0.25, 0.7  # parts of the download after which that happens
WIDTH = 50


def tell(text):
    print(f"\r\033[K{text}" if sys.stdout.isatty() else text, flush=True)


class Demo(ClusterCase):
    lease = "5s"

    def runTest(self):
        try:
            self.begin()
            while True:
                self.download()
                if CHECK:
                    return
                time.sleep(2)
        except KeyboardInterrupt:
            tell("Everything is ended.")

    def begin(self):
        tell(f"redis-server on 127.0.0.1:{self.redis.port}")
        for name, hub in zip("abc", self.three("-v", "4")):
            tell(f"node {name}       on 127.0.0.1:{hub.port}")
        tokens = open_at(self.nodes["a"].api, self.dir, ["HTTP1"])
        there = {"endpoint": f"localhost:{self.balancer.port}"}
        self.agent(None, tokens, {"HTTP1": self.origin(Http())}, "-v", "4", up=False, **there)
        self.way = self.gateway(None, tokens, "-v", "4", **there)
        tell(f"All nodes behind one address, 127.0.0.1:{self.balancer.port}, for the agent and for "
             f"the gateway\non 127.0.0.1:{self.way.port}. Ctrl-C ends everything."
             f"{'' if CHECK else f' Logs: {self.dir}'}\n")

    def carrier(self):
        """The node that has both ends; None: they are on their way."""
        for name, hub in self.nodes.items():
            if hub_metrics(hub)["tunnel_hub_ends"] == 2:
                return name
        return None

    def bar(self, download):
        """A line that is drawn again and again, only where somebody looks."""
        if not sys.stdout.isatty():
            return
        done = WIDTH * download.size // download.n
        node = self.carrier()
        print(f"\r\033[K[{'#' * done}{' ' * (WIDTH - done)}] {download.size // 1000000:4} MB  "
              f"{f'by node {node}' if node else 'no node has it'}", end="", flush=True)

    def follow(self, download, part):
        until = int(SIZE * part)
        while download.size < until and download.read(min(until, download.size + SIZE // 200)):
            self.bar(download)
        self.assertGreaterEqual(download.size, until, "the download ended early")

    def download(self):
        first = wait_until(self.carrier, "both ends are at one node")
        tell(f"A download of {SIZE // 1000000} MB. It goes by node {first}.")
        download = Download(self.way, SIZE)
        self.follow(download, KILLED)
        hub = self.nodes.pop(first)
        self.balancer.ports = [n.port for n in self.nodes.values()]
        hub.kill()
        tell(f"Node {first} is killed (kill -9).")
        self.follow(download, BACK)
        then = wait_until(self.carrier, "both ends are at one node")
        tell(f"It goes on by node {then}.")
        self.node(first, "-v", "4")
        tell(f"Node {first} is back.")
        self.follow(download, 1)
        good, what = download.right()
        self.assertTrue(good, what)
        tell(f"The download is complete, and its SHA-256 is right. It began at node {first}, and "
             f"ended at node {self.carrier()}.\n")


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("demo: --cluster may go with --check")
    result = unittest.TestResult()
    Demo().run(result)
    for _, text in result.errors + result.failures:
        print(text, file=sys.stderr)
    return not result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
