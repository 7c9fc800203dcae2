"""The test case of the integration tests: starts the real programs on free ports of loopback, and
checks at its end that each ended as it should, left no sanitizer report and no process."""

import os
import pathlib
import shutil
import tempfile
import unittest
from dataclasses import dataclass

import certificates
from programs import BIN, Program, environment, run, wait_until

ESTABLISHED = "Successfully established websocket connection"


@dataclass
class Tokens:
    """A tunnel's two access tokens, in files."""

    source: pathlib.Path
    destination: pathlib.Path


@dataclass
class Way:
    """A complete way from the endpoint to the services."""

    hub: Program
    agent: Program
    gateway: Program
    tokens: Tokens

    @property
    def port(self):
        return self.gateway.port

    @property
    def proxy(self):
        return f"127.0.0.1:{self.port}"


def verbose(more):
    """Everything is logged, unless a test says how much."""
    return [] if "-v" in more else ["-v", "5"]


def mapping(services):
    """{"HTTP1": origin or "host:port"} as -d wants it."""
    return ",".join(f"{name}={getattr(to, 'address', to)}" for name, to in services.items())


class Case(unittest.TestCase):
    """Each test has its own folder (self.dir) and its own processes."""

    bin = BIN
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tunnel-test-"))
        self.programs = []
        self._tunnels = 0
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.addCleanup(self._finish)

    def _finish(self):
        problems = [p.finish() for p in reversed(self.programs)]
        problems = [p for p in problems if p]
        if problems:
            self.fail("\n\n".join(problems))

    # ---- processes ----

    def start(self, *argv, **options):
        program = Program(argv, cwd=self.dir, **options)
        self.programs.append(program)
        return program

    def program(self, name):
        path = self.bin / name
        if not path.exists():
            self.fail(f"{path} is not built")
        return path

    def origin(self, server):
        self.addCleanup(server.close)
        return server

    # ---- the tunnel ----

    @property
    def tunnels_file(self):
        return self.dir / "tunnels.json"

    def tunnel(self, services, name=None, lifetime=None):
        """Writes a tunnel's entry with tunnelctl and returns its tokens."""
        self._tunnels += 1
        name = name or f"device{self._tunnels}"
        tokens = Tokens(self.dir / f"{name}.source", self.dir / f"{name}.destination")
        more = ["--lifetime", lifetime] if lifetime else []
        made = run(self.program("tunnelctl"), "new", "--tunnels", self.tunnels_file,
                   "--name", name, "--services", ",".join(services), *more,
                   "--source-token-file", tokens.source,
                   "--destination-token-file", tokens.destination, cwd=self.dir)
        self.assertEqual(made.code, 0, made)
        return tokens

    def hub(self, *more, cert=None, port=0, **options):
        """A hub for the tunnels made before; .port is where it listens."""
        cert = cert or certificates.certificate()
        if not self.tunnels_file.exists():
            self.tunnel(["HTTP1"])
        hub = self.start(self.program("tunnel-hub"), "--listen", f"127.0.0.1:{port}",
                         "--cert", cert.cert, "--key", cert.key,
                         "--tunnels", self.tunnels_file, *verbose(more), *more, **options)
        hub.port = int(hub.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1))
        return hub

    def end(self, program, hub, token_file, *more, ca=None, endpoint=None, **options):
        """tunnel-agent or tunnel-gateway with what both take."""
        endpoint = endpoint or f"127.0.0.1:{hub.port}"
        ca = ca or certificates.certificate().ca
        return self.start(self.program(program), "-e", endpoint, "--token-file", token_file,
                          "--ca", ca, *verbose(more), *more, **options)

    def agent(self, hub, tokens, services, *more, up=True, **options):
        agent = self.end("tunnel-agent", hub, tokens.destination, "-d", mapping(services),
                         *more, **options)
        if up:
            agent.wait_line(ESTABLISHED)
        return agent

    def gateway(self, hub, tokens, *more, up=True, listen="127.0.0.1:0", **options):
        """.port is its endpoint's (the first one's)."""
        gateway = self.end("tunnel-gateway", hub, tokens.source, "--listen", listen,
                           *more, **options)
        if ":" in listen:
            gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        if up:
            gateway.wait_line("is up, with")  # it has been told the services
        return gateway

    def open_way(self, services, gateway=(), agent=(), hub=()):
        """Hub, agent and gateway for {"HTTP1": origin}; ready for clients."""
        tokens = self.tunnel(services)
        the_hub = self.hub(*hub)
        the_agent = self.agent(the_hub, tokens, services, *agent)
        the_gateway = self.gateway(the_hub, tokens, *gateway)
        return Way(the_hub, the_agent, the_gateway, tokens)

    def localproxy(self, hub, token_file, *more, up=True, **options):
        options.setdefault("env", environment(
            AWSIOT_TUNNEL_ACCESS_TOKEN=pathlib.Path(token_file).read_text().strip()))
        ca_folder = self.dir / "ca"
        ca_folder.mkdir(exist_ok=True)
        shutil.copy(certificates.certificate().ca, ca_folder)
        proxy = self.start(self.program("localproxy"), "-e", f"localhost:{hub.port}",
                           "-c", ca_folder, *verbose(more), *more, **options)
        if up:
            proxy.wait_line(ESTABLISHED)
        return proxy

    # ---- looking ----

    def assert_alive(self, *programs):
        for p in programs:
            self.assertTrue(p.alive(), f"{p.name} ended:\n{p.output()[-4000:]}")

    def wait_no_clients(self, origin):
        wait_until(lambda: origin.open_clients == 0, "the service's connections end")


def descriptors(program):
    """How many files a program has open."""
    return len(os.listdir(f"/proc/{program.pid}/fd"))
