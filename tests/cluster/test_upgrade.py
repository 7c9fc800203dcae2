"""All nodes are drained and started again, one after the other, under load: no stream is lost."""

import random
import unittest

from chaos import ChaosCase
from programs import wait_until


class Upgrade(ChaosCase):
    lease = "60s"
    size, rate = 40_000_000, 3_000_000

    def trouble(self, r, end):
        for name in "abc":
            seen = self.counts["bytes"]
            wait_until(lambda n=seen: self.counts["bytes"] > n + 1_000_000, "the load goes on")
            self.tell(f"{name} drained")
            self.assertEqual(self.nodes[name].terminate(), 0)
            self.node_of_chaos(name)
            for node in self.nodes.values():
                self.wait_nodes(node, 3)
        return []

    def test_upgrade(self):
        self.chaos(0, random.SystemRandom().randrange(1 << 32))
        for node in self.nodes.values():
            self.assertFalse(node.has_line("was not heard of"), node.output())


if __name__ == "__main__":
    unittest.main()
