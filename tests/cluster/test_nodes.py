"""Three hubs as one: a tunnel is at one of them, and its ends and its callers may come to any."""

import contextlib
import hashlib
import signal
import unittest

import wire
from control import Control
from cluster import ClusterCase, hub_metrics, open_at
from harness import ESTABLISHED
from origins import Http, content_hash
from programs import run, wait_until


@contextlib.contextmanager
def stopped(program):
    program.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        program.process.send_signal(signal.SIGCONT)


class Nodes(ClusterCase):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http())

    def fetch(self, gateway, n=100000, **options):
        """Whether n bytes come through the tunnel as they are."""
        got = run("curl", "-sS", "--fail", "--socks5-hostname", f"127.0.0.1:{gateway.port}",
                  f"http://HTTP1.tunnel/bytes/{n}", **options)
        self.assertEqual(got.code, 0, got)
        return hashlib.sha256(got.out).hexdigest() == content_hash(n)

    def test_redirect(self):
        """Our own ends go where the tunnel is, and cost no hop."""
        a, b, c = self.three()
        tokens = open_at(a.api, self.dir, ["HTTP1"])
        gateway = self.gateway(b, tokens, up=False)
        gateway.wait_line(ESTABLISHED)
        agent = self.agent(c, tokens, {"HTTP1": self.web})
        agent.wait_line(f"sends us to localhost:{b.port}")
        gateway.wait_line("is up, with")
        self.assertTrue(self.fetch(gateway))
        wait_until(lambda: '"event":"redirect"' in self.audit("c"), "the audit log has it")
        self.assertEqual(hub_metrics(c)["tunnel_hub_forwards"], 0)

    def test_forward(self):
        """Anybody else's connection is passed on."""
        a, b, c = self.three("--workers", "1")
        tokens = open_at(a.api, self.dir, ["HTTP1"])
        self.localproxy(b, tokens.destination, "-d", f"HTTP1={self.web.address}", up=True)
        gateway = self.gateway(c, tokens, "-y", "V3", up=True)
        self.assertTrue(self.fetch(gateway))
        self.assertEqual(hub_metrics(c)["tunnel_hub_forwards"], 1)
        self.assertIn('"event":"forward"', self.audit("c"))
        gateway.terminate()
        resumed = 'tunnel_hub_tls_handshakes_total{result="resumed"}'
        before = hub_metrics(b)[resumed]
        gateway = self.gateway(c, tokens, "-y", "V3", up=True)
        self.assertTrue(self.fetch(gateway))
        self.assertGreater(hub_metrics(b)[resumed], before, "between the nodes")

    def test_redirect_that_leads_nowhere(self):
        """An address that is not in the certificate, or not to be reached, costs a hop."""
        for where in ("nobody.example:1", "localhost:1"):
            with self.subTest(where):
                self.nodes.clear()
                a, b = [self.node(name + where[0], announce=False) if name == "a" else
                        self.node(name + where[0], "--announce", where, announce=False)
                        for name in ("a", "b")]
                self.wait_nodes(a, 2)
                tokens = open_at(a.api, self.dir, ["HTTP1"])
                gateway = self.gateway(b, tokens, up=False)
                gateway.wait_line(ESTABLISHED)
                self.agent(a, tokens, {"HTTP1": self.web})
                gateway.wait_line("is up, with")
                self.assertTrue(self.fetch(gateway))
                self.assertEqual(hub_metrics(a)["tunnel_hub_forwards"], 1)
                for n in (a, b):
                    n.terminate()

    def test_a_node_that_hangs(self):
        """Its clients elsewhere are told so in time, and get in when it is well again."""
        a, b, c = self.three()
        tokens = open_at(a.api, self.dir, ["HTTP1"])
        gateway = self.gateway(b, tokens, up=False)
        gateway.wait_line(ESTABLISHED)
        with wire.tls_client(c.port) as client, stopped(b):
            client.sendall(wire.request("destination", tokens.destination.read_text().strip()).encode())
            head, _ = wire.read_head(client)
            self.assertRegex(head, r"^HTTP/1.1 503 ")
        c.wait_line("node b did not answer in time")
        self.localproxy(c, tokens.destination, "-d", f"HTTP1={self.web.address}")
        gateway.wait_line("is up, with")
        self.assertTrue(self.fetch(gateway))

    def test_what_is_to_be_seen(self):
        """Each node tells of all, and tunnel-tui which one it watches."""
        self.lease = "5s"
        socket = self.dir / "a.sock"
        a = self.node("a", "--control", socket)
        b = self.node("b", "--control", "off")
        self.wait_nodes(a, 2)
        tokens = open_at(a.api, self.dir, ["HTTP1"])
        self.agent(b, tokens, {"HTTP1": self.web})
        nodes = {}

        def told():
            nodes.update((n["node"], n) for n in Control(socket).snapshot()["nodes"])
            return nodes["b"]["ends"] == 1
        wait_until(told, "node b has told what it has")
        self.assertEqual((nodes["a"]["self"], nodes["b"]["self"]), (True, False))
        self.assertEqual(nodes["b"]["announce"], f"localhost:{b.port}")
        self.assertIn("node a", self.screen(socket))
        self.assertIn("2 of 2 nodes up", self.screen(socket))
        b.kill()
        wait_until(lambda: "1 of 2 nodes up" in self.screen(socket), "node b is dead")

    def screen(self, socket):
        record = self.dir / "record"
        record.write_bytes(run(self.program("tunnel-tui"), "--socket", socket, "--json").out)
        return run(self.program("tunnel-tui"), "--replay", record, "--render", "160x30").text

    def test_calls_at_any_node(self):
        a, b, c = self.three()
        tokens = open_at(a.api, self.dir, ["HTTP1"])
        agent = self.agent(b, tokens, {"HTTP1": self.web}, ends=(0,))
        for n in (a, b, c):
            end = n.api.call("DescribeTunnel", tunnelId=tokens.id)["tunnel"]
            self.assertEqual(end["destinationConnectionState"]["status"], "CONNECTED")
        c.api.call("CloseTunnel", tunnelId=tokens.id)
        self.assertEqual(agent.wait(), 0)

    def test_a_newcomer(self):
        """What others change of its tunnels reaches it although they have not heard of it yet."""
        a = self.node("a")
        for name in ("b", "c", "d"):
            tunnel = a.api.open(["HTTP1"])
            b = self.node(name)
            peer = wire.connect(b.port, "destination", tunnel["destinationAccessToken"])
            a.api.close_tunnel(tunnel["tunnelId"])
            peer.expect_end()

    def test_a_tunnel_of_a_newcomer(self):
        """Its other end is let in at a node that has not heard of the newcomer yet."""
        a, ends = self.node("a"), []
        for name in ("b", "c", "d"):
            tunnel = a.api.open(["HTTP1"])
            b = self.node(name)
            ends.append(wire.connect(b.port, "source", tunnel["sourceAccessToken"]))
            ends.append(wire.connect(a.port, "destination", tunnel["destinationAccessToken"]))
        self.assertEqual(hub_metrics(a)["tunnel_hub_forwards"], 3)


if __name__ == "__main__":
    unittest.main()
