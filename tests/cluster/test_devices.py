"""Devices of a cluster: each has its link at one node, and is reached from any."""

import shutil
import unittest

import certificates
from api import Api, Key
from cluster import ClusterCase, open_at
from harness import mapping, verbose, write_secret
from origins import Echo
from programs import environment, wait_until
from sockets import read_exactly, socks5

KEY = Key("AKIDCLUSTER", "secret-of-the-key")


class Devices(ClusterCase):
    def setUp(self):
        super().setUp()
        self.services = {"ECHO1": self.origin(Echo())}
        self.keys = write_secret(self.dir / "keys", KEY.section())
        self.a, self.b, self.c = self.three("--keys", self.keys)
        self.token = self.api(self.a).of_hub("CreateInvitation", names=["press-*"],
                                             uses=5)["joinToken"]

    def api(self, hub):
        return Api(hub.port, key=KEY, verify=False)

    def device(self, name, hub, *more, copy=None, **options):
        """An agent that stands by, with its link at that node. copy: with another folder, and the
        key of the one before."""
        folder = self.dir / (copy or name)
        folder.mkdir(exist_ok=True)
        if copy:
            shutil.copytree(self.dir / name / "state", folder / "state")
        agent = self.start(
            self.program("tunnel-agent"), "-e", f"localhost:{hub.port}",
            "--ca", certificates.certificate().ca, "--state-dir", folder / "state",
            "--device", name, "-d", mapping(self.services), *verbose(more), *more,
            env=environment(TUNNEL_JOIN_TOKEN=self.token, XDG_RUNTIME_DIR=folder), **options)
        agent.wait_line("stands by")
        return agent

    def echo(self, gateway, host="ECHO1.tunnel"):
        with socks5(gateway.port, host) as sock:
            sock.sendall(b"hello")
            self.assertEqual(read_exactly(sock, 5), b"hello")

    def source(self, hub, token):
        file = write_secret(self.dir / "source", token + "\n")
        return self.start_gateway(hub, file)

    def start_gateway(self, hub, file):
        gateway = self.end("tunnel-gateway", hub, file, "--listen", "127.0.0.1:0",
                           endpoint=f"localhost:{hub.port}")
        gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        gateway.wait_line("is up, with")
        return gateway

    def test_connect_device_at_any_node(self):
        self.device("press-1", self.a)
        for hub in (self.b, self.c, self.a):
            got = self.api(hub).of_hub("ConnectDevice", device="press-1", service="ECHO1")
            self.assertEqual(got["device"], "press-1")
            self.echo(self.source(hub, got["sourceAccessToken"]))
        self.assertIn('"event":"forward"', self.audit("b"))
        self.assertIn('"what":"call"', self.audit("b"))
        self.assertNotIn('"what":"call"', self.audit("a"))

    def test_a_tunnel_that_is_opened_elsewhere(self):
        """Its notice, with the token, goes from node to node."""
        agent = self.device("press-1", self.a)
        tokens = open_at(self.api(self.b), self.dir, ["ECHO1"], thing="press-1")
        self.echo(self.start_gateway(self.c, tokens.source))
        agent.wait_line("notice id=.* accepted=yes")

    def test_a_device_that_comes_later_and_elsewhere(self):
        agent = self.device("press-1", self.a)
        agent.terminate()
        wait_until(lambda: not self.api(self.b).of_hub(
            "DescribeDevice", device="press-1")["device"]["present"], "it is away")
        tokens = open_at(self.api(self.b), self.dir, ["ECHO1"], thing="press-1")
        self.device("press-1", self.c)
        self.echo(self.start_gateway(self.a, tokens.source))

    def test_a_device_that_comes_to_a_newcomer(self):
        """What waits for it goes there, from nodes that have not heard of that one yet."""
        agent = self.device("press-1", self.a)
        agent.terminate()
        wait_until(lambda: not self.api(self.b).of_hub(
            "DescribeDevice", device="press-1")["device"]["present"], "it is away")
        before = open_at(self.api(self.b), self.dir, ["ECHO1"], thing="press-1")
        self.device("press-1", self.node("d", "--keys", self.keys))
        after = open_at(self.api(self.c), self.dir, ["ECHO1"], thing="press-1")
        for tokens in (before, after):
            self.echo(self.start_gateway(self.a, tokens.source))

    def test_on_demand_by_any_node(self):
        self.device("press-1", self.a)
        gateway = self.start(
            self.program("tunnel-gateway"), "-e", f"localhost:{self.balancer.port}",
            "--ca", certificates.certificate().ca, "--listen", "127.0.0.1:0", *verbose(()),
            env=environment(AWS_ACCESS_KEY_ID=KEY.id, AWS_SECRET_ACCESS_KEY=KEY.secret,
                            HOME=self.dir))
        gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        for _ in range(3):
            self.echo(gateway, "ECHO1.press-1.tunnel")

    def test_it_moves(self):
        """A link at another node takes the place of the one before."""
        first = self.device("press-1", self.a, ends=(0, 1))
        self.device("press-1", self.c, copy="twin")
        first.wait_line("connected again from elsewhere")
        tokens = open_at(self.api(self.b), self.dir, ["ECHO1"], thing="press-1")
        self.echo(self.start_gateway(self.a, tokens.source))


if __name__ == "__main__":
    unittest.main()
