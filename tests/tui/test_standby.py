"""The dashboard in front of a real agent that stands by, on a hub that the test plays."""

import unittest

import certificates
from case import Case
from device_hub import DeviceHub
from devices import MAINTENANCE
from programs import environment


class Standby(Case):
    def test_a_window_of_maintenance(self):
        hub = DeviceHub()
        self.addCleanup(hub.close)
        self.start(self.program("tunnel-agent"), "-e", f"127.0.0.1:{hub.port}", "--ca",
                   certificates.certificate().ca, "--state-dir", self.dir / "state", "--device",
                   "press-7", "-d", "SSH1=22",
                   env=environment(TUNNEL_JOIN_TOKEN="join_" + "a" * 43, XDG_RUNTIME_DIR=self.dir))
        present = hub.accept_device()
        self.addCleanup(present.peer.drop)
        present.welcome(pending=True)
        t = self.dashboard("--socket", self.dir / "tunnel-agent/admin.sock")
        t.wait("WAITS FOR APPROVAL .* device press-7")
        present.welcome()
        t.wait(r"UP .* device press-7")
        t.keys("A")
        t.wait("nobody is let in from now on; A ends that")
        t.wait("LETS IN NOBODY")
        self.assertIsNone(present.recv_kind("status").accepting)
        present.notice("a")
        self.assertEqual(present.answer().code, MAINTENANCE)
        t.keys("A")
        t.wait("who wants something is let in again")
        self.assertTrue(present.recv_kind("status").accepting)
        present.refuse("DISABLED")
        t.wait(r"REFUSED \S+, retry .* the device is disabled .* device press-7")
        t.keys("q")
        self.ended(t)


if __name__ == "__main__":
    unittest.main()
