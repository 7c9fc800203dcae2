"""Nodes that stop and come back, as real processes: who they are to the others, and under which name."""

import signal
import unittest

from cluster import ClusterCase, hub_metrics
from programs import wait_until


class Membership(ClusterCase):
    lease = "5s"

    def wait_state(self, hub, node, state):
        name = f'tunnel_hub_node_state{{node="{node}",state="{state}"}}'
        wait_until(lambda: hub_metrics(hub).get(name) == 1, f"{node} is {state} for {hub.port}")

    def test_stopped(self):
        """A node that stops for longer than the lease is dead for the others, and learns it."""
        a, b, _ = self.three()
        b.process.send_signal(signal.SIGSTOP)
        try:
            self.wait_state(a, "b", "dead")
        finally:
            b.process.send_signal(signal.SIGCONT)
        b.wait_line("this node was taken for dead; it claims again what it has")
        self.wait_state(a, "b", "up")
        self.assertIn('"event":"node-fenced"', self.audit("b"))

    def test_short_stop(self):
        """A stop that is shorter than the lease means nothing, even if all have it at once."""
        self.lease = "60s"
        nodes = self.three()
        for hub in (*nodes, self.redis):
            hub.process.send_signal(signal.SIGSTOP)
        for hub in (self.redis, *nodes):
            hub.process.send_signal(signal.SIGCONT)
        for hub in nodes:
            self.wait_nodes(hub, 3)
            self.assertNotIn("taken for dead", hub.output())

    def test_replaced(self):
        """While a node is stopped another process is started under its name: it ends when it goes on."""
        a = self.node("a")
        old = self.node("b")
        self.wait_nodes(a, 2)
        old.process.send_signal(signal.SIGSTOP)
        try:
            self.wait_state(a, "b", "dead")
            del self.ports["b"]
            fresh = self.node("b")
            self.wait_state(a, "b", "up")
        finally:
            old.ends = (0, 1)
            old.process.send_signal(signal.SIGCONT)
        old.wait_line("another node with the name b is alive, at 127.0.0.1:")
        old.wait()
        self.wait_nodes(fresh, 2)
        self.assertNotIn("taken for dead", fresh.output())

    def test_killed_and_started(self):
        """Nobody else is there to fence it: the next one of its name waits for the lease."""
        a = self.node("a")
        a.ends = (-signal.SIGKILL,)
        a.process.kill()
        a.wait()
        again = self.node("a")
        self.assertIn("a node with the name a did not leave; waiting whether it is alive",
                      again.output())
        again.terminate()
        third = self.node("a")  # after leaving there is nothing to wait for
        self.assertNotIn("did not leave", third.output())


if __name__ == "__main__":
    unittest.main()
