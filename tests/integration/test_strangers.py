"""Strangers at the hub's door, as many as come from one address: who is in notices nothing, and
newcomers get in, those of other addresses and of that one."""

import contextlib
import socket
import unittest
import uuid

import certificates
import ops
import strangers
from harness import Case
from origins import Echo
from programs import DEADLINE, wait_until
from sockets import read_exactly, socks5
from wire import Dropped, read_head, request

FLOODER, NEWCOMER = "127.0.0.9", "127.0.0.7"
ROUNDS = 100


class Strangers(Case):
    def newcomer(self, hub, source):
        """Comes until it is let in, as a client does; a new TLS session each time."""
        text = request("source", self.tunnel(["SSH1"]).source.read_text().strip(),
                       [f"client-token: {uuid.uuid4()}"]).encode()

        def comes():
            with contextlib.suppress(OSError, Dropped):
                bare = socket.create_connection(("127.0.0.1", hub.port), DEADLINE,
                                                source_address=(source, 0))
                with certificates.trust().wrap_socket(bare, server_hostname="127.0.0.1") as sock:
                    sock.sendall(text)
                    return " 101 " in read_head(sock)[0].split("\r\n")[0]
        wait_until(comes, f"a newcomer from {source} is let in")

    def assert_unmoved(self, way):
        """What is connected goes on, and newcomers from there and from elsewhere come in."""
        with socks5(way.port, "ECHO1.tunnel") as sock:
            for i in range(ROUNDS):
                sock.sendall(b"%03d" % i)
                self.assertEqual(read_exactly(sock, 3), b"%03d" % i)
        self.newcomer(way.hub, NEWCOMER)
        self.newcomer(way.hub, FLOODER)

    def test_hellos(self):
        """Each would cost an operation of the hub's key, and none of them is ever followed up."""
        way = self.open_way({"ECHO1": self.origin(Echo())}, hub=("-v", "4"))
        with strangers.flooding(way.hub.port, FLOODER, 1000) as those:
            those.wait_for(1000)
            self.assert_unmoved(way)
            wait_until(lambda: ops.metrics(way.hub)["tunnel_hub_turned_away_total"] > 0,
                       "some are turned away unheard")
        self.assert_alive(way.hub, way.agent, way.gateway)

    def test_idle(self):
        way = self.open_way({"ECHO1": self.origin(Echo())},
                            hub=("-v", "4", "--workers", "2", "--per-address", "100"))
        with strangers.standing(way.hub.port, 800, FLOODER) as those:
            those.wait_for(100)
            self.assert_unmoved(way)
            self.assertLessEqual(ops.metrics(way.hub)["tunnel_hub_visitors"], 110)

    def test_exceptions(self):
        """A proxy in front of the hub is everybody's address."""
        hub = self.hub("--workers", "1", "--per-address", "4",
                       "--per-address-except", "192.0.2.0/24",
                       "--per-address-except", "127.0.0.8/31")
        with strangers.standing(hub.port, 20, FLOODER), strangers.standing(hub.port, 20, NEWCOMER):
            wait_until(lambda: ops.metrics(hub)["tunnel_hub_turned_away_total"] > 0,
                       "those of the other address are turned away")
            wait_until(lambda: ops.metrics(hub)["tunnel_hub_visitors"] == 24, "20 and 4 stand")

    def test_bad_exceptions(self):
        for net in ("plant", "10.0.0.0/33", "10.0.0/8"):
            hub = self.start(self.program("tunnel-hub"), "--per-address-except", net,
                             "--cert", "c", "--key", "k", "--state", "s", ends=(1,))
            hub.wait_line(f"--per-address-except={net}: want an address or network")
            self.assertEqual(hub.wait(), 1)


if __name__ == "__main__":
    unittest.main()
