"""The node that has a tunnel goes away: killed, drained, or cut off from Redis. Native streams go on."""

import signal
import threading
import unittest

from cluster import Balancer, ClusterCase, hub_metrics, open_at
from downloads import SIZE, Download
from harness import ESTABLISHED
from origins import Http
from programs import wait_until
from tcp_relay import shut


class OwnerCase(ClusterCase):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http())
        self.begin()

    def begin(self):
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

    def is_connected(self, hub, tokens):
        state = hub.api.describe(tokens.id)["sourceConnectionState"]
        return state["status"] == "CONNECTED"

    def lose(self, name):
        hub = self.nodes.pop(name)
        self.balancer.ports = [n.port for n in self.nodes.values()]
        return hub

    def assert_right(self, download):
        good, what = download.right()
        self.assertTrue(good, what)


class Lost(OwnerCase):
    lease = "5s"

    def test_killed(self):
        self.way(self.nodes["a"].api)
        owner = self.owner()
        download = Download(self.a_gateway)
        download.read(SIZE // 4)
        self.lose(owner).kill()
        self.assert_right(download)
        self.assertNotEqual(self.owner(), owner)
        self.assertTrue(any(n.has_line(f"node {owner} was not heard of") for n in
                            self.nodes.values()))

    def test_frozen(self):
        """It is taken for dead meanwhile. Nobody has come elsewhere, so it claims again what it has,
        and the same connections go on."""
        tokens = self.way(self.nodes["a"].api)
        hub = self.nodes[self.owner()]
        download = Download(self.a_gateway)
        download.read(SIZE // 4)
        hub.process.send_signal(signal.SIGSTOP)
        for other in self.nodes.values():
            if other is not hub:
                self.wait_nodes(other, 2)
        hub.process.send_signal(signal.SIGCONT)
        hub.wait_line("claims again what it has")
        self.assert_right(download)
        for other in self.nodes.values():
            self.wait_nodes(other, 3)
            wait_until(lambda at=other: self.is_connected(at, tokens), "it has claimed the tunnel")


class Drained(OwnerCase):
    def begin(self):
        self.three("--grace", "60s")

    def test_drained(self):
        """Both ends go on at another node in the middle of a download: nobody waits for the lease, nor
        for silence."""
        self.way(self.nodes["a"].api)
        owner = self.owner()
        download = Download(self.a_gateway, 5 * SIZE)  # so fast that it is never silent
        download.read(SIZE // 4)
        reader = threading.Thread(target=download.read, args=(5 * SIZE,))
        reader.start()
        self.addCleanup(reader.join)
        self.addCleanup(download.process.kill)
        hub = self.lose(owner)
        marks = [(p, p.mark()) for p in (self.an_agent, self.a_gateway)]
        hub.process.send_signal(signal.SIGTERM)
        for end, mark in marks:
            end.wait_line(ESTABLISHED, after=mark)
        self.assertLess(download.size, 5 * SIZE)
        self.assertEqual(hub.wait(), 0)
        reader.join()
        self.assert_right(download)
        for n in self.nodes.values():
            n.wait_line(f"node {owner} at .*: left")
            self.assertFalse(n.has_line("was not heard of|: dead"))
        for end, mark in marks:
            self.assertTrue(end.has_line("was lost: the hub ended it", after=mark))
            self.assertFalse(end.has_line("503|refused", after=mark), end.output())


class DrainedLate(OwnerCase):
    lease = "5s"

    def begin(self):
        self.three("--grace", "2s")

    def test_a_node_does_not_hear_of_it(self):
        """Half the lease is waited for it, which is longer than the grace; that begins then."""
        self.way(self.nodes["a"].api)
        hub = self.lose(self.owner())
        frozen = self.lose(next(iter(self.nodes)))
        self.addCleanup(frozen.process.send_signal, signal.SIGCONT)
        frozen.process.send_signal(signal.SIGSTOP)
        hub.process.send_signal(signal.SIGTERM)
        self.assertEqual(hub.wait(), 0)
        self.assertTrue(hub.has_line("this node of the cluster is shutting down"))


class Way(Balancer):
    """Clients leave it without a word to their node."""

    def __init__(self):
        super().__init__()
        self.clients, self.gone = set(), set()

    def join(self, near):
        near, far = super().join(near)
        self.clients.add(near)
        return near, far

    def leave(self):
        with self.lock:
            self.gone |= self.sockets
        shut(*self.clients)

    def passes(self, source, sink, data):
        if source not in self.gone:
            super().passes(source, sink, data)

    def ended(self, source, sink):
        if source not in self.gone:
            super().ended(source, sink)


class Replaced(OwnerCase):
    """Clients reach each node by a way that they can leave."""

    lease = "5s"

    def begin(self):
        self.balancer = self.origin(Way())
        self.ways = [self.origin(Way()) for _ in range(3)]
        for name, way in zip(("a", "b", "c"), self.ways):
            way.ports = [self.node(name, "--announce", f"localhost:{way.port}",
                                   announce=False).port]
        for hub in self.nodes.values():
            self.wait_nodes(hub, 3)

    def test_frozen_and_replaced(self):
        """Others have taken the tunnel meanwhile: it lets go of what it had, and nothing is doubled."""
        self.way(self.nodes["a"].api)
        hub = self.nodes[self.owner()]
        download = Download(self.a_gateway)
        download.read(SIZE // 4)
        hub.process.send_signal(signal.SIGSTOP)
        others = [n for n in self.nodes.values() if n is not hub]
        for other in others:  # until then the ends would be told to come later, and later
            self.wait_nodes(other, 2)
        self.balancer.ports = [n.port for n in others]
        marks = [(p, p.mark()) for p in (self.an_agent, self.a_gateway)]
        for way in (self.balancer, *self.ways):
            way.leave()
        for end, mark in marks:
            end.wait_line(ESTABLISHED, after=mark)
        hub.process.send_signal(signal.SIGCONT)
        hub.wait_line("claims again what it has")
        wait_until(lambda: hub_metrics(hub)["tunnel_hub_ends"] == 0, "it has let go")
        self.assert_right(download)


if __name__ == "__main__":
    unittest.main()
