"""A cluster on loopback: a real redis-server, and hubs that are nodes of it."""

import random
import socket

import certificates
from api import Api
from harness import Case
from programs import wait_until
from redis_server import RedisServer
from sockets import free_port
from tcp_relay import Relay

class Balancer(Relay):
    """One address for all nodes, as DNS or a TCP balancer is: each connection goes to the next node
    that takes it."""

    def __init__(self):
        super().__init__()
        self.ports, self.turn = [], 0

    def dial(self):
        ports = list(self.ports)
        for i in range(len(ports)):
            self.turn += 1
            try:
                node = socket.create_connection(("127.0.0.1", ports[self.turn % len(ports)]), 5)
                node.settimeout(None)
                return node
            except OSError:
                continue
        raise ConnectionRefusedError

    def ended(self, source, sink):
        sink.shutdown(socket.SHUT_WR)


class ClusterCase(Case):
    """self.node("a") starts a node; self.nodes has those that run, by name."""

    lease = "60s"  # nobody is dead because this machine stood still; a test of that has "5s"
    redis_options = {}
    proof = None  # what nodes show each other, instead of the usual

    def setUp(self):
        super().setUp()
        self.redis = RedisServer(**self.redis_options)
        self.addCleanup(self.redis.stop)
        self.balancer = self.origin(Balancer())
        self.nodes, self.ports = {}, {}

    def url(self):
        return f"redis://127.0.0.1:{self.redis.port}"

    def node_options(self, name, announce=True):
        """Its listeners keep their ports when it is started anew."""
        proof = self.proof or certificates.certificate(ca="cluster")
        port, inner = self.ports.setdefault(name, (free_port(), free_port()))
        return port, ["--cluster", self.url(), "--node", name,
                      "--cluster-listen", f"127.0.0.1:{inner}", "--cluster-cert", proof.cert,
                      "--cluster-key", proof.key, "--cluster-ca", proof.ca,
                      "--audit-log", self.dir / f"audit-{name}", "--cluster-lease", self.lease,
                      *(["--announce", f"localhost:{port}"] if announce else [])]

    def node(self, name, *more, announce=True, **options):
        port, words = self.node_options(name, announce)
        hub = self.hub(*words, *more, port=port, state=self.dir / f"state-{name}", **options)
        self.nodes[name] = hub
        self.balancer.ports = [n.port for n in self.nodes.values()]
        return hub

    def three(self, *more, **options):
        nodes = [self.node(name, *more, **options) for name in ("a", "b", "c")]
        for n in nodes:
            self.wait_nodes(n, 3)
        return nodes

    def wait_nodes(self, hub, n):
        """Until it knows that so many are up."""
        def up():
            text = hub_metrics(hub)
            return sum(v == 1 for k, v in text.items()
                       if k.startswith("tunnel_hub_node_state") and 'state="up"' in k) == n
        wait_until(up, f"{n} nodes are up, as node {hub.port} sees it")

    def audit(self, name):
        path = self.dir / f"audit-{name}"
        return path.read_text() if path.exists() else ""


def hub_metrics(hub):
    import ops
    return ops.metrics(hub)


def open_at(api, directory, services, **more):
    """Opens a tunnel; its tokens in files."""
    from harness import Tokens
    name = f"t{random.getrandbits(32):08x}"
    tokens = Tokens(directory / f"{name}.source", directory / f"{name}.destination")
    tokens.take(api.open(services=services, **more))
    return tokens


__all__ = ["ClusterCase", "Api", "hub_metrics", "open_at"]
