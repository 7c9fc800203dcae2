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

    def come(self, node, client, side, token):
        sock = fronts.tls(node.port, fronts.v2(client), BALANCER)
        sock.sendall(request(side, token).encode())
        head, rest = read_head(sock)
        self.assertIn(" 101 ", head.split("\r\n")[0], head)
        self.addCleanup(sock.close)
        return Peer(sock, True, rest, head)

    def test_addresses_go_along(self):
        a, b = (self.node(name, "--trust-proxy", BALANCER) for name in "ab")
        for node in (a, b):
            self.wait_nodes(node, 2)
        source, destination = self.open(b)
        self.come(a, SOURCE, "source", source)
        self.come(b, DESTINATION, "destination", destination)
        self.file = self.dir / "audit-a"
        self.wait_record("connect", side="source", client=SOURCE)
        self.wait_record("connect", side="destination", client=DESTINATION)
        self.assertEqual(hub_metrics(b)["tunnel_hub_forwards"], 1)


if __name__ == "__main__":
    unittest.main()
