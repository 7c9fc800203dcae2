"""Certificates of devices (--device-ca): a destination is let in only as the thing that its
certificate names."""

import unittest

import certificates
from harness import ESTABLISHED, Case
from origins import Http
from sockets import get, socks5
from wire import ask, request


class DeviceCa(Case):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http("web"))
        self.the_hub = self.hub("--device-ca", certificates.authority("devices") / "ca.pem",
                                "--workers", "2")

    def destination(self, tokens, device=None, **options):
        more = ["--cert", device.cert, "--key", device.key] if device else []
        return self.end("tunnel-agent", self.the_hub, tokens.destination, "-d",
                        f"HTTP1={self.web.address}", *more, **options)

    def test_right_name(self):
        tokens = self.tunnel(["HTTP1"], name="press7")
        self.destination(tokens, certificates.device("press7")).wait_line(ESTABLISHED)
        gateway = self.gateway(self.the_hub, tokens)  # sources need none
        with socks5(gateway.port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))

    def test_refused(self):
        tokens = self.tunnel(["HTTP1"], name="press7")
        for name, device in (("another thing", certificates.device("press8")),
                             ("part of the name", certificates.device("press")),
                             ("none", None)):
            with self.subTest(name):
                agent = self.destination(tokens, device, ends=(1,))
                self.assertEqual(agent.wait(), 1)
                agent.wait_line("40[0-9].*certificate")
        # The token is as good as before.
        self.destination(tokens, certificates.device("press7")).wait_line(ESTABLISHED)

    def test_untrusted(self):
        """Not even a handshake, so nothing of the token is seen; and it may be put right."""
        tokens = self.tunnel(["HTTP1"], name="press7")
        agent = self.destination(tokens, certificates.device("press7", ca="strangers"))
        agent.wait_line("alert 48.*this device's certificate.*--device-ca")
        self.assertFalse(agent.has_line(ESTABLISHED))
        self.assertEqual(agent.terminate(), 0)

    def test_tunnel_without_a_thing(self):
        opened = self.the_hub.api.open(["HTTP1"])
        answer = ask(self.the_hub.port, request("destination", opened["destinationAccessToken"]))
        self.assertEqual(answer.status, 101, answer)
        answer.peer.drop()

    def test_reconnect(self):
        """A session is not resumed to another name: each connection proves it again."""
        tokens = self.tunnel(["HTTP1"], name="press7")
        agent = self.destination(tokens, certificates.device("press7"))
        agent.wait_line(ESTABLISHED)
        mark, port = agent.mark(), self.the_hub.port
        self.the_hub.kill()
        self.hub("--device-ca", certificates.authority("devices") / "ca.pem", port=port)
        agent.wait_line(ESTABLISHED, after=mark)

    def test_calls_need_none(self):
        self.assertEqual(self.the_hub.api.list(), [])

    def test_bad_file(self):
        hub = self.start(self.program("tunnel-hub"), "--cert", certificates.certificate().cert,
                         "--key", certificates.certificate().key, "--state", self.dir / "other",
                         "--listen", "127.0.0.1:0", "--ops-listen", "off", "--device-ca",
                         self.dir / "nowhere", ends=(1,))
        self.assertEqual(hub.wait(), 1)
        hub.wait_line("nowhere")


if __name__ == "__main__":
    unittest.main()
