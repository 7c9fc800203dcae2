"""The AWS developer guide's multiplexing walk-through: open a tunnel with two services by the CLI,
start a destination and a source in each of the documented ways, use both services at once."""

import unittest

from amazon_cli import AwsCase, side_by_side
from harness import ESTABLISHED, Tokens
from origins import Http
from programs import run
from sockets import free_port
from sshd import Sshd


class Multiplexing(AwsCase):
    def setUp(self):
        super().setUp()
        self.web, self.sshd = self.origin(Http("web")), Sshd(self, self.dir)
        self.the_hub = self.hub()

    # ---- the tunnel ----

    def open(self, name):
        opened = self.told("open-tunnel", "--destination-config",
                           "thingName=RemoteDevice1,services=HTTP1,SSH1", key=None)
        tokens = Tokens(self.dir / f"{name}.source", self.dir / f"{name}.destination")
        tokens.take(opened)
        return tokens

    def config_dir(self, name, **services):
        """A file for each service, as the guide has it."""
        folder = self.dir / name
        folder.mkdir()
        for service, to in services.items():
            (folder / f"{service}.ini").write_text(f"{service} = {to}\n")
        return folder

    # ---- destinations ----

    def services(self):
        return {"HTTP1": self.web.port, "SSH1": self.sshd.port}

    def words(self):
        return ",".join(f"{name}={port}" for name, port in self.services().items())

    def localproxy_by_words(self, tokens):
        self.localproxy(self.the_hub, tokens.destination, "-d", self.words())

    def localproxy_by_folder(self, tokens):
        folder = self.config_dir("device", **self.services())
        self.localproxy(self.the_hub, tokens.destination, "-m", "dst", "--config-dir", folder)

    def agent_by_words(self, tokens):
        self.end("tunnel-agent", self.the_hub, tokens.destination, "-d", self.words()) \
            .wait_line(ESTABLISHED)

    def agent_by_folder(self, tokens):
        folder = self.config_dir("agent", **self.services())
        self.end("tunnel-agent", self.the_hub, tokens.destination, "--config-dir", folder) \
            .wait_line(ESTABLISHED)

    # ---- sources: {service: port} ----

    def source_by_words(self, tokens):
        ports = {"HTTP1": free_port(), "SSH1": free_port()}
        words = ",".join(f"{name}={port}" for name, port in ports.items())
        return self.listening(self.localproxy(self.the_hub, tokens.source, "-s", words), ports)

    def source_by_folder(self, tokens):
        ports = {"HTTP1": free_port(), "SSH1": free_port()}
        folder = self.config_dir(f"laptop{ports['SSH1']}", **ports)
        return self.listening(self.localproxy(self.the_hub, tokens.source, "-m", "src",
                                              "--config-dir", folder), ports)

    def source_by_nothing(self, tokens):
        source = self.localproxy(self.the_hub, tokens.source, "-m", "src")
        return {name: int(source.wait_line(rf"\[info\] {name} = (\d+)").group(1))
                for name in self.services()}

    @staticmethod
    def listening(source, ports):
        for port in ports.values():
            source.wait_line(rf"Listening for new connection on port {port}$")
        return ports

    # ---- both services ----

    def assert_works(self, ports):
        ssh = ["ssh", *self.sshd.options("none"), "-p", ports["SSH1"],
               self.sshd.user("127.0.0.1"), "read line; echo $line and $((40 + 2))"]
        session = self.start(*ssh, stdin=-1)
        page = run("curl", "-sS", f"http://127.0.0.1:{ports['HTTP1']}/bytes/1000000")
        self.assertEqual(len(page.out), 1_000_000, page)
        session.process.stdin.write(b"over\n")
        session.process.stdin.close()
        session.wait_line("^over and 42$")
        self.assertEqual(session.wait(), 0)

    def test_walk_through(self):
        ways = {
            "localproxy -d, -s": (self.localproxy_by_words, self.source_by_words),
            "localproxy config dir, config dir":
                (self.localproxy_by_folder, self.source_by_folder),
            "tunnel-agent -d, neither": (self.agent_by_words, self.source_by_nothing),
            "tunnel-agent config dir, config dir": (self.agent_by_folder, self.source_by_folder),
        }
        tunnels = side_by_side({name: lambda i=i: self.open(f"tunnel{i}")
                                for i, name in enumerate(ways)})
        for name, (destination, source) in ways.items():
            with self.subTest(name):
                destination(tunnels[name])
                self.assert_works(source(tunnels[name]))
        states = [self.the_hub.api.states(tokens.id) for tokens in tunnels.values()]
        self.assertEqual(states, [("CONNECTED", "CONNECTED")] * len(ways))


if __name__ == "__main__":
    unittest.main()
