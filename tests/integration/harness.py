"""The test case of the integration tests: starts the real programs on free ports of loopback, and
checks at its end that each ended as it should, left no sanitizer report and no process."""

import os
import pathlib
import shutil
import tempfile
import unittest
from dataclasses import dataclass

import certificates
import ops
from api import Api
from programs import BIN, Program, environment, wait_until
from sockets import free_port

ESTABLISHED = "Successfully established websocket connection"


@dataclass
class Tokens:
    """A tunnel's two access tokens, in files (written when the tunnel is opened)."""

    source: pathlib.Path
    destination: pathlib.Path
    id: str = ""

    def take(self, answer):
        """Keeps the tokens of an answer of OpenTunnel or RotateTunnelAccessToken."""
        self.id = answer["tunnelArn"].rpartition("/")[2]
        for name, file in (("source", self.source), ("destination", self.destination)):
            if token := answer.get(f"{name}AccessToken"):
                write_secret(file, token + "\n")


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


def write_secret(path, text):
    """A file for our eyes only."""
    path.touch(0o600)
    path.chmod(0o600)
    path.write_text(text)
    return path


def verbose(more):
    """Everything is logged, unless a test says how much."""
    return [] if "-v" in more else ["-v", "5"]


def patient(more):
    """Scripted ends answer no pings, and a busy machine takes its time: they are not dropped for
    silence, unless a test says how soon."""
    return [] if "--idle-timeout" in more else ["--idle-timeout", "10m"]


def mapping(services):
    """{"HTTP1": origin or "host:port"} as -d wants it."""
    return ",".join(f"{name}={getattr(to, 'address', to)}" for name, to in services.items())


class Case(unittest.TestCase):
    """Each test has its own folder (self.dir) and its own processes."""

    bin = BIN
    hub_binary = None  # another one than bin's
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tunnel-test-"))
        self.programs = []
        self._tunnels = 0
        self._wanted = []  # tunnels to open when there is a hub
        self._hub = None
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.addCleanup(self._finish)

    def _finish(self):
        problems = [p.finish() for p in reversed(self.programs)]
        problems = [p for p in problems if p]
        if problems:
            self.fail("\n\n".join(problems))

    # ---- processes ----

    def start(self, *argv, env=None, **options):
        """With control sockets below self.dir, not those of other tests or of this machine."""
        env = dict(env or environment())
        env.setdefault("XDG_RUNTIME_DIR", str(self.dir))
        program = Program(argv, cwd=self.dir, env=env, **options)
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

    # ---- the hub and its tunnels ----

    def tunnel(self, services, name=None, lifetime=None, **more):
        """Opens a tunnel and returns its tokens: at once, or when a hub runs. lifetime: minutes."""
        self._tunnels += 1
        name = name or f"device{self._tunnels}"
        tokens = Tokens(self.dir / f"{name}.source", self.dir / f"{name}.destination")
        self._wanted.append((tokens, dict(more, services=services, thing=name, lifetime=lifetime)))
        if self._hub and self._hub.alive():
            self._open_wanted()
        return tokens

    def _open_wanted(self):
        while self._wanted:
            tokens, how = self._wanted.pop(0)
            tokens.take(self._hub.api.open(**how))

    def hub(self, *more, cert=None, port=None, host="127.0.0.1", state=None, before=(),
            unsigned=True, **options):
        """A hub with the tunnels that were asked for before; .port is where it listens, .api is
        its control API without signatures, .ops_port its operations listener. A hub started after
        another one has the same state directory, unless `state` names one. before: words before
        the command. A port that the kernel chose could be given away before the hub is back."""
        cert = cert or certificates.certificate()
        binary = self.hub_binary or self.program("tunnel-hub")
        address = f"[{host}]" if ":" in host else host
        hub = self.start(*before, binary, "--listen", f"{address}:{port or free_port()}",
                         "--cert", cert.cert, "--key", cert.key,
                         "--state", state or self.dir / "state",
                         *(["--allow-unsigned-loopback"] if unsigned else []),
                         "--ops-listen", "127.0.0.1:0", *verbose(more), *patient(more), *more,
                         name="tunnel-hub", **options)
        return self.take_hub(hub, host)

    def take_hub(self, hub, host="127.0.0.1"):
        """Waits until a hub listens and makes it the one that tunnels are opened on."""
        hub.port = int(hub.wait_line(r"Listening on \S+:(\d+)").group(1))
        hub.ops_port = int(hub.wait_line(r"operations: listening on \S+:(\d+)").group(1))
        hub.api = Api(hub.port, host=host, verify=False)  # tests give hubs bad certificates, too
        self._hub = hub
        self._open_wanted()
        return hub

    def made_up_token(self):
        """For programs that never get as far as showing it."""
        return write_secret(self.dir / "made-up", "A" * 60 + "\n")

    def keys_file(self, *sections):
        """A keys file of these sections (Key.section)."""
        return write_secret(self.dir / "keys", "\n".join(sections))

    def limits_file(self, **limits):
        """A limits file; services_per_tunnel=3 stands for "services-per-tunnel = 3"."""
        file = self.dir / "limits"
        file.write_text("".join(f"{k.replace('_', '-')} = {v}\n" for k, v in limits.items()))
        return file

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
        """Hub (the one that runs, if there is one), agent and gateway for {"HTTP1": origin}; ready
        for clients."""
        the_hub = self._hub if self._hub and self._hub.alive() else self.hub(*hub)
        tokens = self.tunnel(services)
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
    """How many files a program has open, but for the spare ones that each of its loops keeps from
    its first socket on."""
    folder = f"/proc/{program.pid}/fd"
    n = 0
    for fd in os.listdir(folder):
        try:
            n += os.readlink(f"{folder}/{fd}") != os.devnull
        except FileNotFoundError:
            pass  # closed meanwhile
    return n


def warm_descriptors(hub):
    """The same of a hub that has had clients, who are gone."""
    for _ in range(16):
        hub.api.call("ListTunnels", maxResults=1)
    wait_until(lambda: ops.metrics(hub)["tunnel_hub_pending_connections"] == 0, "nobody is pending")
    return descriptors(hub)
