"""Many clients want the same at three nodes in the same moment. TUNNEL_RACE_ROUNDS: how often."""

import collections
import concurrent.futures
import os
import threading
import unittest

import wire
from api import Api, ApiError, Key
from cluster import ClusterCase
from harness import write_secret

CLIENTS = 100
ROUNDS = int(os.environ.get("TUNNEL_RACE_ROUNDS", "3"))
OPEN = 20  # tunnels of one key
KEY = Key("AKIDRACE", "secret-of-the-key")
USED = "The access token was previously used and can not be used again"


class Race(ClusterCase):
    def setUp(self):
        super().setUp()
        self.three("-v", "4", "--keys", write_secret(self.dir / "keys", KEY.section()),
                   "--limits", self.limits_file(tunnels_per_key=OPEN))
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        self.addCleanup(self.pool.shutdown)
        self.at = [n.port for n in self.nodes.values()]

    def answers(self, requests):
        """Each request on a connection of its own that is there already; (status, body) of all."""
        sockets = list(self.pool.map(lambda i: wire.tls_client(self.at[i % 3]),
                                     range(len(requests))))
        for s, request in zip(sockets, requests):
            s.sendall(request.encode())
        for s in sockets:
            head, rest = wire.read_head(s)
            left = int(wire.headers_of(head).get("content-length", 0)) - len(rest)
            while left > 0 and (data := s.recv(left)):
                rest, left = rest + data, left - len(data)
            yield int(head.split()[1]), rest.decode("utf-8", "replace")
        for s in sockets:
            s.close()

    def test_token(self):
        """One gets in, every time."""
        for i in range(ROUNDS):
            node = self.nodes["abc"[i % 3]]
            tunnel = node.api.open(["SSH1"])
            side = ("source", "destination")[i % 2]
            request = wire.request(side, tunnel[f"{side}AccessToken"])
            answers = list(self.answers([request] * CLIENTS))
            counts = collections.Counter(status for status, _ in answers)
            self.assertEqual(counts, {101: 1, 400: CLIENTS - 1}, f"round {i}: {answers}")
            for status, body in answers:
                self.assertTrue(status == 101 or USED in body, body)
            node.api.close_tunnel(tunnel["tunnelId"], delete=True)

    def test_limit(self):
        """As many tunnels are opened as the key may have, and all of these can be closed."""
        for i in range(ROUNDS):
            start = threading.Barrier(3 * 8)
            with concurrent.futures.ThreadPoolExecutor(3 * 8) as pool:
                told = sum(pool.map(lambda n: self.opens(self.at[n % 3], start), range(24)), [])
            self.assertEqual(len(told), OPEN, f"round {i}")
            api = Api(self.at[i % 3], key=KEY, keep=True, verify=False)
            with api:
                self.assertEqual({t["tunnelId"] for t in api.list()}, set(told))
                for tunnel in told:
                    api.close_tunnel(tunnel, delete=True)

    def opens(self, port, start):
        """Until it may not any more; the tunnels."""
        told = []
        with Api(port, key=KEY, keep=True, verify=False) as api:
            api.list()
            start.wait()
            try:
                while True:
                    told.append(api.open(["SSH1"])["tunnelId"])
            except ApiError as e:
                self.assertEqual(e.code, "LimitExceededException", e)
        return told


if __name__ == "__main__":
    unittest.main()
