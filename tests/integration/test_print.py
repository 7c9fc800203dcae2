"""tunnel-gateway print: configuration for other programs."""

import pathlib
import re
import unittest

from harness import Case
from programs import environment, run

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
        used = [line.strip() for line in text.splitlines() if not line.lstrip().startswith("#")]
        program = self.program("tunnel-gateway")
        self.assertIn(f"ProxyCommand {program} connect --gateway 127.0.0.1:1080 %h %p", used)
        self.assertIn("# ProxyCommand nc -X 5 -x 127.0.0.1:1080 %h %p", text)
        text = self.printed("ssh-config", "--gateway", "/run/x.sock")
        self.assertIn(f"ProxyCommand {program} connect --gateway /run/x.sock %h %p", text)
        self.assertNotIn("nc ", text)  # which does not speak SOCKS on unix sockets
        # Where PATH finds it, its name is enough.
        path = pathlib.Path(program).parent
        done = run(program, "print", "ssh-config", cwd=self.dir,
                   env=environment(PATH=f"/nowhere:{path}"))
        self.assertIn("ProxyCommand tunnel-gateway connect --gateway ", done.text)

    def test_nothing_else(self):
        for args in ([], ["poem"]):
            done = run(self.program("tunnel-gateway"), "print", *args, cwd=self.dir)
            self.assertEqual(done.code, 1)
            self.assertIn("ssh-config, pac or unit", done.err)
        done = run(self.program("tunnel-gateway"), "print", "ssh-confg", cwd=self.dir)
        self.assertIn("did you mean ssh-config?", done.err)

    def test_full_disk(self):
        """What a script takes for a file that it may use is whole, or the command has failed."""
        hub = self.hub()
        gateway = self.gateway(hub, self.tunnel(["HTTP1"]))
        at = f"--gateway 127.0.0.1:{gateway.port}"
        for command in ("tunnel-gateway print pac", f"tunnel-gateway services {at}",
                        "tunnel-gateway --help", "tunnel-gateway services --version",
                        "tunnelctl --help", "tunnelctl --version", "tunnelctl open --help"):
            name, words = command.split(" ", 1)
            done = run("sh", "-c", f"exec {self.program(name)} {words} >/dev/full", cwd=self.dir)
            self.assertEqual(done.code, 1, (command, done))
            self.assertIn("the output could not be written", done.err)

    def test_no_command(self):
        done = run(self.program("tunnel-gateway"), "service", cwd=self.dir)
        self.assertEqual(done.code, 1)
        self.assertIn('there is no command "service"; did you mean services?', done.err)


if __name__ == "__main__":
    unittest.main()
