"""The node that has a tunnel goes away: killed, drained, or cut off from Redis. Native streams go on."""

import hashlib
import signal
import subprocess
import time
import unittest

from cluster import LEASE, ClusterCase, hub_metrics, open_at
from harness import ESTABLISHED
from origins import Http, content_hash
from programs import environment, wait_until

SIZE = 60_000_000


class Download:
    """curl through the tunnel, at a rate that takes some seconds."""

    def __init__(self, gateway, n=SIZE, rate="12M"):
        self.n, self.digest, self.size = n, hashlib.sha256(), 0
        self.process = subprocess.Popen(
            ["curl", "-sS", "--fail", "--limit-rate", rate, "--socks5-hostname",
             f"127.0.0.1:{gateway.port}", f"http://HTTP1.tunnel/bytes/{n}"],
            env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read(self, until):
        while self.size < until and (data := self.process.stdout.read(65536)):
            self.digest.update(data)
            self.size += len(data)
        return self.size

    def right(self):
        self.read(self.n)
        code, err = self.process.wait(), self.process.stderr.read().decode()
        self.process.stdout.close(), self.process.stderr.close()
        return code == 0 and self.size == self.n and \
            self.digest.hexdigest() == content_hash(self.n), (code, err, self.size)


class Owner(ClusterCase):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http())
        self.three()

    def way(self, api, **more):
        """A gateway and an agent that know only the balancer."""
        tokens = open_at(api, self.dir, ["HTTP1"])
        there = {"endpoint": f"localhost:{self.balancer.port}"}
        self.an_agent = self.agent(None, tokens, {"HTTP1": self.web}, **there, **more)
        self.a_gateway = self.gateway(None, tokens, **there, **more)
        return tokens

    def owner(self):
        """The name of the node that has both ends."""
        def found():
            for name, hub in self.nodes.items():
                if hub.alive() and hub_metrics(hub)["tunnel_hub_ends"] == 2:
                    return name
            return None
        wait_until(found, "both ends are at one node")
        return found()

    def lose(self, name):
        hub = self.nodes.pop(name)
        self.balancer.ports = [n.port for n in self.nodes.values()]
        return hub

    def assert_right(self, download):
        good, what = download.right()
        self.assertTrue(good, what)

    def test_killed(self):
        self.way(self.nodes["a"].api)
        owner = self.owner()
        download = Download(self.a_gateway)
        download.read(SIZE // 4)
        self.lose(owner).kill()
        since = time.monotonic()
        download.read(SIZE // 2)
        self.assertLess(time.monotonic() - since, 4 * LEASE)
        self.assert_right(download)
        self.assertNotEqual(self.owner(), owner)

    def test_drained(self):
        """Both ends go on at another node at once: nobody waits for the lease, nor for silence."""
        self.way(self.nodes["a"].api)
        owner = self.owner()
        download = Download(self.a_gateway)
        download.read(SIZE // 4)
        hub = self.lose(owner)
        marks = [(p, p.mark()) for p in (self.an_agent, self.a_gateway)]
        since = time.monotonic()
        hub.process.send_signal(signal.SIGTERM)
        for end, mark in marks:
            end.wait_line(ESTABLISHED, after=mark)
        self.assertLess(time.monotonic() - since, LEASE)
        self.assertEqual(hub.wait(), 0)
        self.assert_right(download)


if __name__ == "__main__":
    unittest.main()
