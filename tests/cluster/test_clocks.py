"""The wall clock of Redis' host jumps by an hour, forth and back, and nobody notices."""

import time
import unittest

from cluster import ClusterCase, open_at
from downloads import SIZE, Download
from harness import ESTABLISHED
from origins import Http
from programs import wait_until

HOUR = 3600
BEATS = 6  # longer than the lease


class Clocks(ClusterCase):
    lease = f"{BEATS - 1}s"
    redis_options = {"clock": True}

    def beats(self):
        """Each node's, as Redis has them: "EPOCH BEAT STATE …"."""
        return [int(self.redis("HGET", "tunnel:nodes:{nodes}", name).split()[1])
                for name in self.nodes]

    def wait_beats(self):
        until = [n + BEATS for n in self.beats()]
        wait_until(lambda: all(n >= m for n, m in zip(self.beats(), until)), "all nodes beat")

    def test_jumps(self):
        web = self.origin(Http())
        self.three()
        there = {"endpoint": f"localhost:{self.balancer.port}"}
        tokens = open_at(self.nodes["a"].api, self.dir, ["HTTP1"],
                         timeoutConfig={"maxLifetimeTimeoutMinutes": 30})
        unused = open_at(self.nodes["b"].api, self.dir, ["HTTP1"],
                         timeoutConfig={"maxLifetimeTimeoutMinutes": 30})
        ends = [self.agent(None, tokens, {"HTTP1": web}, **there),
                self.gateway(None, tokens, **there)]
        marks = [(end, end.mark()) for end in ends]
        download = Download(ends[1], SIZE * 3 // 2, rate="2M")
        download.read(SIZE // 25)
        for seconds in (HOUR, 0, -HOUR):
            self.redis.jump(seconds)
            ahead = int(self.redis("TIME")[0]) - time.time()
            self.assertEqual(round(ahead / HOUR), seconds // HOUR)
            self.wait_beats()
            for node in self.nodes.values():
                self.assertEqual({t["tunnelId"]: t["status"] for t in node.api.list()}[tokens.id],
                                 "OPEN")
            fresh = open_at(self.nodes["c"].api, self.dir, ["HTTP1"])
            self.agent(None, fresh, {"HTTP1": web}, **there)
        self.agent(None, unused, {"HTTP1": web}, **there)
        good, what = download.right()
        self.assertTrue(good, what)
        for end, mark in marks:
            self.assertFalse(end.has_line(ESTABLISHED, after=mark))
        for node in self.nodes.values():
            self.assertFalse(node.has_line("not heard of|dead|fenced"), node.output())


if __name__ == "__main__":
    unittest.main()
