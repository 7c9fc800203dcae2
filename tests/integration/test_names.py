"""Host names to services, with ids as AWS allows them."""

import unittest

from harness import Case
from origins import Http
from programs import run
from sockets import Refused, get, http_connect, socks5

LONG = "S" + "x" * 126 + "9"


class Names(Case):
    def setUp(self):
        super().setUp()
        ids = ["plc:modbus_2", "SSH_1", "ssh:1", "-lead", LONG, "UPPER"]
        self.webs = {i: self.origin(Http(i)) for i in ids}
        self.tokens = self.tunnel(ids)
        self.the_hub = self.hub()
        self.agent(self.the_hub, self.tokens, self.webs)
        config = self.dir / "gateway.conf"
        config.write_text("[alias]\nfirst = -lead\nlong = " + LONG + "\n")
        self.gw = self.gateway(self.the_hub, self.tokens, "--config", config)

    def at(self, name, connect=socks5):
        with connect(self.gw.port, name) as s:
            return get(s, "/name")[1].decode().split()[0]

    def test_found(self):
        for name, service in {
            "plc:modbus_2.tunnel": "plc:modbus_2", "plc-modbus-2.tunnel": "plc:modbus_2",
            "PLC-MODBUS-2.Tunnel.": "plc:modbus_2", "upper.tunnel": "UPPER",
            "UPPER.TUNNEL": "UPPER", "SSH_1.tunnel": "SSH_1", "ssh:1.tunnel": "ssh:1",
            "ssh_1.tunnel": "SSH_1", "first.tunnel": "-lead", "FIRST.tunnel": "-lead",
            "-lead.tunnel": "-lead", "long.tunnel": LONG, f"{LONG}.tunnel": LONG,
            f"{LONG.lower()}.tunnel": LONG,
        }.items():
            with self.subTest(name):
                self.assertEqual(self.at(name), service)

    def test_by_http_and_with_brackets(self):
        self.assertEqual(self.at("[plc:modbus_2.tunnel]", http_connect), "plc:modbus_2")
        self.assertEqual(self.at("plc-modbus-2.tunnel", http_connect), "plc:modbus_2")

    def test_ambiguous_is_refused_not_guessed(self):
        with self.assertRaises(Refused) as refused:
            self.at("ssh-1.tunnel")
        self.assertEqual(refused.exception.code, 4)
        with self.assertRaises(Refused) as refused:
            self.at("ssh-1.tunnel", http_connect)
        self.assertEqual(refused.exception.code, 409)
        for word in ("SSH_1", "ssh:1", "alias"):
            self.assertIn(word, str(refused.exception))
        self.gw.wait_line("(?i)(SSH_1|ssh:1).*(alias|ambiguous)")  # told at the start, too

    def test_not_found(self):
        for name in ("tunnel", "a.b.c.tunnel", "nothing.tunnel", "UPPER.other.tunnel"):
            with self.subTest(name), self.assertRaises(Refused) as refused:
                self.at(name)
            self.assertIn(refused.exception.code, (2, 4))
        for name in ("UPPERtunnel", "UPPER.tunnel.com", "localhost", "127.0.0.1", "UPPER"):
            with self.subTest(name), self.assertRaises(Refused) as refused:
                self.at(name)
            self.assertEqual(refused.exception.code, 2)

    def test_listed_with_their_host_names(self):
        done = run(self.program("tunnel-gateway"), "services", "--gateway",
                   f"127.0.0.1:{self.gw.port}")
        for word in ("plc-modbus-2.tunnel", "upper.tunnel", "first.tunnel", "long.tunnel"):
            self.assertIn(word, done.text)


if __name__ == "__main__":
    unittest.main()
