"""The dashboard in front of a real hub with devices: what comes and goes on its list."""

import unittest

from case import Case
from devices import Key, Link


class Devices(Case):
    def setUp(self):
        super().setUp()
        self.the_hub = self.hub()

    def invite(self, *names, **more):
        return self.the_hub.api.of_hub("CreateInvitation", names=list(names), uses=100,
                                       **more)["joinToken"]

    def enter(self, name, token):
        link = Link(self.the_hub)
        self.addCleanup(link.drop)
        self.assertEqual(link.enter(name, Key(self.dir), token).kind, "welcome")
        return link

    def watch(self):
        t = self.dashboard("--socket", self.dir / "tunnel-hub/admin.sock")
        t.wait("tunnel-hub on")
        t.keys("D")
        return t

    def test_none_and_the_first(self):
        t = self.watch()
        t.wait("no device has enrolled: tunnelctl devices invite makes a join token")
        self.enter("pump-07", self.invite("*", labels=[{"key": "site", "value": "7"}]))
        t.wait(r">pump-07 +present .*SSH1 +7")
        t.keys("Enter")
        t.wait(r"Device pump-07 +present")
        t.wait("no tunnel leads to it now")
        opened = self.the_hub.api.open(["SSH1"], thing="pump-07")
        self.assertIn("tunnelId", opened)
        t.keys("Escape")
        t.wait("1 device  1 present")
        t.keys("q", "q")
        self.ended(t)

    def test_they_come_and_go(self):
        token, waits = self.invite("pump-*"), self.invite("press-*", approve=True)
        links = {f"pump-{i:02}": self.enter(f"pump-{i:02}", token) for i in range(30)}
        self.enter("press-1", waits)
        t = self.watch()
        t.wait(r"31 devices  30 present  1 pending +1-20 of 31")
        t.wait(">press-1 +pending")  # what needs a person comes first
        links["pump-03"].drop()
        t.wait(r"pump-03 +away")
        t.wait(r"29 present  1 away")
        self.the_hub.api.of_hub("UpdateDevice", device="press-1", state="ENABLED")
        t.wait(r"30 present  1 away")
        self.the_hub.api.of_hub("UpdateDevice", device="pump-05", state="DISABLED")
        t.wait("1 disabled")
        t.type("/pump-2")
        t.wait("10 of 31")
        t.keys("Enter")
        t.wait(r"Filter: pump-2")
        t.keys("Escape")
        t.wait(r"1-20 of 31")
        t.keys("End")
        t.wait(r">pump-05 +disabled")
        t.keys("Home")
        t.wait(r">pump-03 +away")
        t.resize(120, 40)
        t.wait(r"1-31 of 31")
        t.keys("q", "q")
        self.ended(t)

    def test_a_name_of_the_longest(self):
        name = "x" * 128
        self.enter(name, self.invite("*"))
        t = self.watch()
        t.wait(r">x+~ +present")
        t.keys("Enter")
        t.wait("Device x+")
        t.keys("q", "q", "q")
        self.ended(t)


if __name__ == "__main__":
    unittest.main()
