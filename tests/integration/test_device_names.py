"""A person with an access key, and devices that stand by, on the real hub: names, and no token."""

import unittest

import certificates
from api import Api, Key
from harness import Case, mapping, verbose
from origins import Greeter, Http
from programs import environment, run, wait_until
from sockets import Refused, get, http_connect, read_exactly, socks5

OPERATOR = Key("AKIDOPERATOR", "secret-of-the-operator")
PERSON = Key("AKIDPERSON", "secret-of-the-person")
STRANGER = Key("AKIDSTRANGER", "secret-of-the-stranger")


class DeviceNames(Case):
    def setUp(self):
        super().setUp()
        self.services = {"SSH1": self.origin(Greeter()), "HTTP1": self.origin(Http("web"))}
        self.keys = self.keys_file(
            OPERATOR.section(), PERSON.section(things="pump*,press-*", services="SSH1,HTTP1"),
            STRANGER.section(things="other-*"))
        self.the_hub = self.start_hub()
        self.operator = Api(self.the_hub.port, OPERATOR)
        self.addCleanup(self.operator.close)
        invitation = self.operator.of_hub("CreateInvitation", names=["*"], uses=20)
        self.join_token = invitation["joinToken"]

    def start_hub(self, port=None):
        return self.hub("--keys", self.keys, unsigned=False, port=port)

    def device(self, name, *more, services=None):
        folder = self.dir / name
        folder.mkdir(exist_ok=True)
        agent = self.start(
            self.program("tunnel-agent"), "-e", f"127.0.0.1:{self.the_hub.port}",
            "--ca", certificates.certificate().ca, "--state-dir", folder / "state",
            "--device", name, "-d", mapping(services or self.services), *verbose(more), *more,
            env=environment(TUNNEL_JOIN_TOKEN=self.join_token, XDG_RUNTIME_DIR=folder))
        agent.wait_line("stands by")
        return agent

    def person(self, *more, key=PERSON, **options):
        gateway = self.start(
            self.program("tunnel-gateway"), "-e", f"127.0.0.1:{self.the_hub.port}",
            "--ca", certificates.certificate().ca, "--listen", "127.0.0.1:0", *verbose(more), *more,
            env=environment(AWS_ACCESS_KEY_ID=key.id, AWS_SECRET_ACCESS_KEY=key.secret,
                            HOME=self.dir), **options)
        gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        return gateway

    def greeting(self, gateway, host="SSH1.pump-07.tunnel"):
        with socks5(gateway.port, host) as s:
            return read_exactly(s, 4)

    def refusal(self, gateway, host):
        with self.assertRaises(Refused) as refused:
            http_connect(gateway.port, host)
        return str(refused.exception)

    def tunnels(self):
        return [t for t in self.operator.call("ListTunnels")["tunnelSummaries"]
                if t["status"] == "OPEN"]

    def test_walk(self):
        agent = self.device("pump_07")
        gateway = self.person("--device-idle", "1s")
        self.assertEqual(self.greeting(gateway), b"220 ")
        with socks5(gateway.port, "SSH1.pump-07.tunnel") as held:  # and so it is not idle
            read_exactly(held, 4)
            with http_connect(gateway.port, "http1.PUMP-07.tunnel") as s:
                self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
            self.assertEqual(len(self.tunnels()), 1)
        rows = run(self.program("tunnel-gateway"), "devices", "--gateway",
                   f"127.0.0.1:{gateway.port}").text
        self.assertRegex(rows, r"\npump_07 +present +\d{4}-\d\d-\d\d \d\d:\d\d "
                               r"ssh1\.pump-07\.tunnel http1\.pump-07\.tunnel\n")
        wait_until(lambda: not self.tunnels(), "the idle tunnel is closed")
        self.assertEqual(self.greeting(gateway), b"220 ")
        # A restart of the agent changes its tokens, not the names.
        agent.terminate()
        self.device("pump_07")
        self.wait_served(gateway)

    def wait_served(self, gateway, host="SSH1.pump-07.tunnel"):
        def served():
            try:
                return self.greeting(gateway, host) == b"220 "
            except (Refused, EOFError, ConnectionError):
                return False
        wait_until(served, f"{host} is served")

    def test_hosts_behind_the_device(self):
        web = self.services["HTTP1"]
        port = int(str(web.address).rpartition(":")[2])
        self.device("pump-07", services={"NET": f"127.0.0.0/8:{port}"})
        gateway = self.person(key=OPERATOR)
        with socks5(gateway.port, f"127-0-0-1--{port}.NET.pump-07.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
        self.assertRegex(self.refusal(gateway, "10-0-7-20--22.NET.pump-07.tunnel"), "403 ")
        self.assertEqual(len(self.tunnels()), 1)

    def test_why_not(self):
        self.device("press-1")
        self.device("press-2", "--accept", "never")
        self.device("press-3").terminate()
        gateway = self.person()
        self.assertRegex(self.refusal(gateway, "SSH1.press-2.tunnel"),
                         "(?s)403 .*device-rejected; device press-2 refuses: ")
        self.assertRegex(self.refusal(gateway, "SSH1.press-3.tunnel"),
                         r"(?s)503 .*device-offline; device press-3 is away, last seen \d\d:\d\d:\d\d; ")
        self.assertRegex(self.refusal(gateway, "SSH1.press-4.tunnel"),
                         "(?s)502 .*device-unknown; the hub has no device press-4 that this access key")
        self.assertRegex(self.refusal(gateway, "SSH9.press-1.tunnel"), "(?s)502 .*no-service; device press-1")
        stranger = self.person(key=STRANGER)
        self.assertRegex(self.refusal(stranger, "SSH1.press-1.tunnel"), "(?s)502 .*device-unknown|403 .*access-denied")
        wrong = self.person(key=Key(PERSON.id, "not the secret"))
        self.assertRegex(self.refusal(wrong, "SSH1.press-1.tunnel"),
                         "(?s)403 .*access-denied; no tunnel to device press-1: the secret key")
        # Disabled in the middle.
        with socks5(gateway.port, "SSH1.press-1.tunnel") as s:
            read_exactly(s, 4)
            self.operator.of_hub("UpdateDevice", device="press-1", state="DISABLED")
            try:
                while s.recv(4096):
                    pass
            except ConnectionResetError:
                pass
        wait_until(lambda: "is not enabled" in self.refusal(gateway, "SSH1.press-1.tunnel"),
                   "it is told that the device is disabled")

    def test_hub_killed(self):
        """An agent that had the tunnel comes back to it, however short it has run."""
        self.device("pump-07")
        gateway = self.person()
        with socks5(gateway.port, "HTTP1.pump-07.tunnel") as s:
            port = self.the_hub.port
            self.the_hub.kill()
            self.the_hub = self.start_hub(port)
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
        self.wait_served(gateway)
        self.assertEqual(len(self.tunnels()), 1)

    def test_gateway_killed(self):
        """Its tunnel is closed by the hub."""
        self.device("pump-07")
        gateway = self.person("--device-idle", "10s", "--resume-timeout", "1s")
        self.assertEqual(self.greeting(gateway), b"220 ")
        gateway.kill()
        self.assertEqual(len(self.tunnels()), 1)
        wait_until(lambda: not self.tunnels(), "the hub has closed it")


if __name__ == "__main__":
    unittest.main()
