"""Nodes behind a balancer that says who the clients are, and that comes from the nodes' own network."""

import http.client
import json
import unittest

import api
import fronts
from cluster import ClusterCase, hub_metrics
from wire import Peer, read_head, request

BALANCER, DIRECT = "127.0.0.1", "127.0.0.9"  # nodes reach each other from the first one, too
SOURCE, DESTINATION = "192.0.2.7:4711", "[2001:db8::7]:4712"


class Fronts(fronts.AuditFile, ClusterCase):
    def open(self, node):
        """A tunnel's two tokens."""
        body = json.dumps({"destinationConfig": {"services": ["SSH1"]}}).encode()
        with fronts.tls(node.port, b"", DIRECT) as sock:
            sock.sendall(api.request(api.head(f"127.0.0.1:{node.port}", "OpenTunnel", body), body))
            answer = http.client.HTTPResponse(sock, method="POST")
            answer.begin()
            self.assertEqual(answer.status, 200)
            told = json.loads(answer.read())
        return told["sourceAccessToken"], told["destinationAccessToken"]

    def come(self, sock, side, token, *headers):
        sock.sendall(request(side, token, headers).encode())
        head, rest = read_head(sock)
        self.assertIn(" 101 ", head.split("\r\n")[0], head)
        self.addCleanup(sock.close)
        return Peer(sock, True, rest, head)

    def test_addresses_go_along(self):
        a, b = (self.node(name, "--trust-proxy", BALANCER) for name in "ab")
        for node in (a, b):
            self.wait_nodes(node, 2)
        source, destination = self.open(b)
        self.come(fronts.tls(a.port, fronts.v2(SOURCE), BALANCER), "source", source)
        self.come(fronts.tls(b.port, fronts.v2(DESTINATION), BALANCER), "destination", destination)
        self.file = self.dir / "audit-a"
        self.wait_record("connect", side="source", client=SOURCE)
        self.wait_record("connect", side="destination", client=DESTINATION)
        self.assertEqual(hub_metrics(b)["tunnel_hub_forwards"], 1)

    def test_without_tls(self):
        a, b = self.node("a"), self.node("b", "--listen-plain", "127.0.0.1:0")
        port = int(b.wait_line(r"Listening without TLS on \S+:(\d+)")[1])
        for node in (a, b):
            self.wait_nodes(node, 2)
        source, destination = self.open(b)
        self.come(fronts.tls(a.port, b""), "source", source)
        self.come(fronts.dial(port), "destination", destination, f"X-Forwarded-For: {DESTINATION}")
        self.file = self.dir / "audit-a"
        self.wait_record("connect", side="destination", client=DESTINATION)
        self.assertEqual(hub_metrics(b)["tunnel_hub_forwards"], 1)


if __name__ == "__main__":
    unittest.main()
