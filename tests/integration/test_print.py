"""tunnel-gateway print: configuration for other programs."""

import pathlib
import re
import unittest

from harness import Case
from programs import run

SHARE = pathlib.Path(__file__).resolve().parents[2] / "share"


class Print(Case):
    def printed(self, *args):
        done = run(self.program("tunnel-gateway"), "print", *args, cwd=self.dir)
        self.assertEqual(done.code, 0, done)
        return done.text

    def test_unit(self):
        """The unit of share/systemd with the folders of the installation, and the same with
        another endpoint."""
        unit = self.printed("unit")

        def plain(text):
            return re.sub(r"/\S+/(?=tunnel-gateway |gateway\.md)", "", text)

        source = (SHARE / "systemd/tunnel-gateway.service").read_text()
        self.assertIn("ExecStart=tunnel-gateway --config", plain(unit))
        self.assertEqual(plain(unit), plain(source))
        other = self.printed("unit", "--gateway", "127.0.0.1:1081").splitlines()
        changed = [line for line in other if line not in unit.splitlines()]
        self.assertEqual(len(changed), 1)
        self.assertRegex(changed[0], r"^ExecStart=\S+/tunnel-gateway .*--listen 127\.0\.0\.1:1081$")

    def test_pac(self):
        text = self.printed("pac", "--gateway", "127.0.0.1:1081", "--suffix", "lab")
        for part in ("FindProxyForURL", '".lab"', "SOCKS5 127.0.0.1:1081", "PROXY 127.0.0.1:1081"):
            self.assertIn(part, text)

    def test_ssh_config(self):
        text = self.printed("ssh-config", "--suffix", "lab", "--suffix", "tunnel")
        self.assertTrue(text.startswith("Host *.lab *.tunnel\n"), text)
        text = self.printed("ssh-config", "--gateway", "/run/x.sock")
        self.assertIn("ProxyCommand tunnel-gateway connect --gateway /run/x.sock %h %p", text)

    def test_nothing_else(self):
        for args in ([], ["poem"]):
            done = run(self.program("tunnel-gateway"), "print", *args, cwd=self.dir)
            self.assertEqual(done.code, 1)
            self.assertIn("ssh-config, pac or unit", done.err)


if __name__ == "__main__":
    unittest.main()
