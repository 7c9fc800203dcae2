"""Native sessions: who speaks them with whom, and that everybody else sees V1 to V3 as ever."""

import unittest

from harness import Case
from origins import Echo, Http
from scripted import socks5_later
from sockets import dial, get, read_exactly, socks5
from wire import (CONNECTION_RESET, DATA, NATIVE, PEER, SERVICE_IDS, STREAM_RESET, STREAM_START,
                  SUBPROTOCOL, Message, connect, connect_native)


class Negotiation(Case):
    """Scripted ends on a real hub."""

    def setUp(self):
        super().setUp()
        self.the_hub = self.hub()
        self.tokens = self.tunnel(["SSH1"], name="plant7")

    def native(self, mode, instance, number=0):
        peer = connect_native(self.the_hub.port, mode, getattr(self.tokens, mode), instance,
                              client_token=mode[0] * 32)
        self.addCleanup(peer.drop)
        return peer

    def assert_peer(self, peer, **said):
        """The next message; returns its epoch."""
        m = peer.recv()
        self.assertEqual(m.type, PEER, m)
        epoch = m.native.pop("epoch")
        self.assertEqual(m.native, {"device": "plant7", **said})
        return epoch

    def test_each_end_is_told_of_the_other(self):
        here = {"attached": 1, "subprotocol": NATIVE}
        source = self.native("source", "s" * 22)
        self.assert_peer(source)
        self.assertEqual(source.recv(), Message(SERVICE_IDS, services=["SSH1"]))
        destination = self.native("destination", "d" * 22)
        self.assert_peer(destination, instance="s" * 22, **here)
        self.assertEqual(destination.recv(), Message(SERVICE_IDS, services=["SSH1"]))
        first = self.assert_peer(source, instance="d" * 22, **here)
        # the same process again, in another one's place
        again = self.native("destination", "d" * 22)
        self.assert_peer(source)
        self.assertGreater(self.assert_peer(source, instance="d" * 22, **here), first)
        again.close()
        self.assert_peer(source, left=1)  # it has said goodbye
        again = self.native("destination", "d" * 22)
        self.assert_peer(source, instance="d" * 22, **here)
        again.drop()
        self.assert_peer(source)

    def test_an_end_of_v3_is_told_nothing(self):
        source = self.native("source", "s" * 22)
        self.assert_peer(source)
        source.recv()
        destination = connect(self.the_hub.port, "destination", self.tokens.destination)
        self.addCleanup(destination.drop)
        self.assertEqual(destination.recv(), Message(SERVICE_IDS, services=["SSH1"]))
        self.assert_peer(source, attached=1, subprotocol=SUBPROTOCOL)
        source.send(Message(DATA, 0, "", 1, b"native"), Message(STREAM_START, 1, "SSH1", 1))
        self.assertEqual(destination.recv(), Message(STREAM_START, 1, "SSH1", 1))

    def test_our_ends_find_each_other(self):
        way = self.open_way({"ECHO": self.origin(Echo())})
        for end in (way.gateway, way.agent):
            end.wait_line("a native end is on the other side of device")


class Fallback(Case):
    """Our ends, which offer native sessions, towards ends that know V1 to V3 only, through our
    hub."""

    def setUp(self):
        super().setUp()
        self.the_hub = self.hub()

    def test_destination_of_v3(self):
        """It never sees anything but V3."""
        tokens = self.tunnel(["SSH1"])
        peer = connect(self.the_hub.port, "destination", tokens.destination)
        self.addCleanup(peer.drop)
        self.assertEqual(peer.recv(), Message(SERVICE_IDS, services=["SSH1"]))
        gateway = self.gateway(self.the_hub, tokens)
        gateway.wait_line("an end that is not native is on the other side")
        client = socks5_later(gateway.port, "SSH1.tunnel")
        start = peer.recv()
        self.assertEqual(start, Message(STREAM_START, start.stream, "SSH1", start.connection))
        at = (start.stream, "SSH1", start.connection)
        peer.send(Message(DATA, *at, b"hello"))
        s = client.get()
        self.assertEqual(read_exactly(s, 5), b"hello")
        s.sendall(b"up")
        self.assertEqual(peer.recv(), Message(DATA, *at, b"up"))
        s.close()
        self.assertEqual(peer.recv(), Message(CONNECTION_RESET, *at))

    def test_destinations_of_v2_and_v1(self):
        for version, service in (("V2", "SSH1"), ("V1", "")):
            with self.subTest(version):
                tokens = self.tunnel(["SSH1"])
                peer = connect(self.the_hub.port, "destination", tokens.destination)
                self.addCleanup(peer.drop)
                peer.recv()
                gateway = self.gateway(self.the_hub, tokens, "-y", version)
                client = socks5_later(gateway.port, "SSH1.tunnel")
                start = peer.recv()
                self.assertEqual(start, Message(STREAM_START, start.stream, service))
                peer.send(Message(DATA, start.stream, service, payload=b"hello"))
                s = client.get()
                self.assertEqual(read_exactly(s, 5), b"hello")
                peer.send(Message(STREAM_RESET, start.stream, service))
                self.assertEqual(s.recv(1), b"")
                s.close()

    def test_sources_of_each_version(self):
        """The agent, too, with sources that offer the subprotocol of their time."""
        echo = self.origin(Echo())
        for number, ids in ((3, ("SSH1", 1)), (2, ("SSH1", 0)), (1, ("", 0))):
            with self.subTest(number):
                tokens = self.tunnel({"SSH1": echo})
                agent = self.agent(self.the_hub, tokens, {"SSH1": echo})
                peer = connect(self.the_hub.port, "source", tokens.source,
                               subprotocol=f"aws.iot.securetunneling-{number}.0")
                self.addCleanup(peer.drop)
                if number > 1:
                    peer.recv()
                agent.wait_line("an end that is not native is on the other side")
                peer.send(Message(STREAM_START, 5, *ids), Message(DATA, 5, *ids, b"hello"))
                self.assertEqual(peer.recv(), Message(DATA, 5, *ids, b"hello"))

    def test_localproxy_on_either_side(self):
        web = self.origin(Http("web"))
        services = {"HTTP1": web}
        tokens = self.tunnel(services)
        self.localproxy(self.the_hub, tokens.destination, "-d", f"HTTP1={web.address}")
        gateway = self.gateway(self.the_hub, tokens)
        gateway.wait_line("an end that is not native")
        for _ in range(3):
            with socks5(gateway.port, "HTTP1.tunnel") as s:
                self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
        tokens = self.tunnel(services)
        agent = self.agent(self.the_hub, tokens, services)
        source = self.localproxy(self.the_hub, tokens.source, "-m", "src")
        port = int(source.wait_line(r"\[info\] HTTP1 = (\d+)").group(1))
        source.wait_line("Listening for new connection on port")
        agent.wait_line("an end that is not native")
        for _ in range(3):
            with dial(port) as s:
                self.assertEqual(get(s, "/name"), (200, b"web /name\n"))


if __name__ == "__main__":
    unittest.main()
