"""tunnel-tui on a terminal, in front of a node: the list of nodes, and the devices of one."""

import pathlib
import re
import subprocess
import sys
import unittest

import ops
from api import Api
from api import Key as ApiKey
from cluster import ClusterCase
from devices import Key, Link
from harness import write_secret
from programs import DEADLINE, wait_until

sys.path.append(str(pathlib.Path(__file__).parents[1] / "tui"))
from tmux import Tmux, sanitizer_report  # noqa: E402

ADMIN = ApiKey("AKIDWATCH", "secret-of-the-key")


class Watch(ClusterCase):
    lease = "5s"

    def setUp(self):
        super().setUp()
        keys = write_secret(self.dir / "keys", ADMIN.section())
        self.socket = self.dir / "a.sock"
        self.a = self.node("a", "--keys", keys, "--control", self.socket)
        self.b = self.node("b", "--keys", keys, "--control", "off")
        self.c = self.node("c", "--keys", keys, "--control", "off")
        self.wait_nodes(self.a, 3)

    def arrive(self, name, hub, key, token=""):
        link = Link(hub)
        self.addCleanup(link.drop)
        self.assertEqual(link.enter(name, key, token).kind, "welcome")

    def enrol(self):
        """pump-1 is at a; pump-2 was there and is at b, and pump-3 was never elsewhere than at b."""
        token = Api(self.a.port, key=ADMIN, verify=False).of_hub(
            "CreateInvitation", names=["pump-*"], uses=9)["joinToken"]
        keys = [Key(self.dir) for _ in range(3)]
        for name, hub, key in zip(("pump-1", "pump-2", "pump-3"), (self.a, self.a, self.b), keys):
            self.arrive(name, hub, key, token)
        self.arrive("pump-2", self.b, keys[1])

    def dashboard(self):
        t = Tmux(self.dir)

        def close():
            report = t.close()
            self.assertFalse(sanitizer_report(report), report)
        self.addCleanup(close)
        t.command(f"clear; {self.program('tunnel-tui')} --color never --socket {self.socket}")
        t.wait("node a .* 3 of 3 nodes up")
        return t

    def test_nodes_and_their_devices(self):
        self.enrol()
        t = self.dashboard()
        t.keys("C")
        t.wait(r"3 nodes  3 up  \* is watched")
        t.wait(r"^>a +\* up +\d+ +\d+ +1 ")
        t.wait(r"^ b +up +\d+ +\d+ +2 +[-\d]")
        t.keys("j", "Enter")
        t.wait(r"^.pump-3 +present .* b ")  # which a has never had
        screen = t.wait(r"^.pump-2 +present .* b ")
        self.assertNotIn("pump-1", screen)
        t.keys("Escape")
        t.wait(r"^ 3 devices  3 present +1-3 of 3")
        t.wait(r"pump-1 +present .* a ")
        t.keys("C", "g", "Enter")
        t.wait(r"^ Filter: node=a")
        t.wait_not("pump-2")
        t.wait(r"^.pump-1 +present .* a ")
        t.keys("C")
        t.wait("3 nodes")
        self.c.kill()
        t.wait(r"3 nodes  2 up  1 dead")
        t.wait(r"^[> ]c +dead .*\n[> ]a +\* up ")  # what needs a person comes first
        t.keys("q", "q")
        t.wait("ready>")

    def test_without_redis(self):
        """Dashboard, page and --check say that Redis is away, for how long, and that it is back."""
        check = [self.program("tunnel-tui"), "--check", "--socket", self.socket]
        t = self.dashboard()
        self.redis.kill()
        t.wait(r"^ tunnel-tui .* REDIS AWAY +\d+s .* node a")
        t.wait(r"^ \d\d:\d\d:\d\d STORE Redis does not answer; what changes has to wait")
        t.keys("D")
        t.wait("REDIS AWAY")
        status, text = ops.ask(self.a, "/")
        self.assertEqual(status, 200)
        self.assertRegex(text, r"<strong>REDIS AWAY</strong> since \d\d:\d\d:\d\d \(\d+s\): Redis does")
        done = subprocess.run(check, capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 3, done)
        self.assertRegex(done.stdout, r"^Redis does not answer; .*, for \d+s\n$")
        self.redis.start()
        t.wait("REDIS BACK")  # for a minute
        self.assertIn("<strong>REDIS BACK</strong>", ops.ask(self.a, "/")[1])
        t.keys("q")
        t.wait(r"^ \d\d:\d\d:\d\d store Redis answers again, after \d+s")
        done = subprocess.run(check, capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done)
        t.keys("q")
        t.wait("ready>")

    def test_the_page(self):
        """The operations listener's page has a column of nodes, by which it sorts and filters."""
        self.enrol()

        def rows():
            status, text = ops.ask(self.a, "/?show=fleet&sort=node&filter=present")
            self.assertEqual(status, 200)
            self.assertIn("Node", text)
            cells = [re.findall(r"<t[hd][^>]*>([^<]*)<", row) for row in text.split("<tr")]
            return [(c[0], c[-1]) for c in cells if c and c[0].startswith("pump-")]
        wait_until(lambda: rows() == [("pump-1", "a"), ("pump-2", "b"), ("pump-3", "b")], rows)
        self.assertIn("pump-3", ops.ask(self.a, "/?show=fleet&filter=node%3Db")[1])
        self.assertNotIn("pump-1", ops.ask(self.a, "/?show=fleet&filter=node%3Db")[1])


if __name__ == "__main__":
    unittest.main()
