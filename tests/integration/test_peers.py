"""Our ends against scripted ones: a hub and peers that behave as the reference program and the real
service do."""

import socket
import unittest
import uuid

from harness import Case
from origins import Abrupt, Echo, Greeter, Http
from programs import wait_until
from scripted import Script, socks5_later
from sockets import Refused, read_all, read_exactly, read_to_break
from wire import (CONNECTION_RESET, CONNECTION_START, DATA, PING, PONG, SERVICE_IDS, SESSION_RESET,
                  STREAM_RESET, STREAM_START, FakeHub, Message, connect, headers_of)


class ReferenceDestination(Script):
    """The gateway with the reference program as destination behind the real service."""

    offers = ["tunnel.native-1", "aws.iot.securetunneling-3.0"]

    def setUp(self):
        super().setUp()
        self.gateway_program = self.end_on_fake("tunnel-gateway", "--listen", "127.0.0.1:0",
                                                *self.options())
        port = self.gateway_program.wait_line(r"Listening on \S+:(\d+)")
        self.port = int(port.group(1))
        self.peer = self.accept()

    def options(self):
        return []

    def open(self, name="SSH1.tunnel"):
        """A client, and the message that its connection starts with."""
        client = socks5_later(self.port, name)
        return client, self.peer.recv()

    def test_request_is_what_the_service_wants(self):
        head, headers = self.peer.head, headers_of(self.peer.head)
        self.assertTrue(head.startswith("GET /tunnel?local-proxy-mode=source HTTP/1.1\r\n"), head)
        self.assertEqual(headers["access-token"], "a-token-for-the-scripted-hub")
        self.assertEqual(headers["sec-websocket-protocol"], ", ".join(self.offers))
        if self.offers == ["aws.iot.securetunneling-3.0"]:
            self.assertNotIn("tunnel-instance", headers)
        else:
            self.assertRegex(headers["tunnel-instance"], r"^[A-Za-z0-9_-]{22}$")
        self.assertEqual(headers["sec-websocket-version"], "13")
        self.assertEqual(headers["upgrade"].lower(), "websocket")
        self.assertEqual(headers["connection"].lower(), "upgrade")
        self.assertEqual(head.lower().count("access-token:"), 1)
        self.assertLess(len(head), 4096)
        self.assertNotIn("origin", headers)
        self.assertNotIn("sec-websocket-extensions", headers)
        if "client-token" in headers:
            self.assertRegex(headers["client-token"], r"^[a-zA-Z0-9-]{32,128}$")

    def test_v3_trace(self):
        """First STREAM_START, then CONNECTION_START on the same stream; an id on everything."""
        client, start = self.open()
        self.assertEqual((start.type, start.service), (STREAM_START, "SSH1"))
        self.assertGreater(start.stream, 0)
        self.assertGreaterEqual(start.connection, 1)
        self.assertEqual(start.payload, b"")
        self.assertEqual(self.peer.buffer, b"")  # alone in its message
        self.peer.send(Message(DATA, start.stream, "SSH1", start.connection, b"SSH-2.0-x\r\n"))
        s = client.get()
        self.assertEqual(read_exactly(s, 11), b"SSH-2.0-x\r\n")
        s.sendall(b"hello")
        m = self.peer.recv()
        self.assertEqual(m, Message(DATA, start.stream, "SSH1", start.connection, b"hello"))

        client2, second = self.open()
        self.assertEqual((second.type, second.stream, second.service),
                         (CONNECTION_START, start.stream, "SSH1"))
        self.assertNotIn(second.connection, (0, start.connection))
        self.peer.send(Message(DATA, start.stream, "SSH1", second.connection, b"two"))
        s2 = client2.get()
        self.assertEqual(read_exactly(s2, 3), b"two")

        self.peer.send(Message(CONNECTION_RESET, start.stream, "SSH1", start.connection))
        self.assertEqual(read_all(s), b"")
        self.peer.send(Message(DATA, start.stream, "SSH1", second.connection, b"alive"))
        self.assertEqual(read_exactly(s2, 5), b"alive")
        s2.close()
        while (m := self.peer.recv()).connection != second.connection:
            self.assertEqual((m.type, m.connection), (CONNECTION_RESET, start.connection))
        self.assertEqual((m.type, m.stream), (CONNECTION_RESET, start.stream))
        s.close()

    def test_stream_reset_ends_all_and_the_next_is_a_new_stream(self):
        client, start = self.open()
        self.peer.send(Message(DATA, start.stream, "SSH1", start.connection, b"x"))
        s = client.get()
        read_exactly(s, 1)
        # Made by the reference: the connection id is left over, or missing.
        self.peer.send(Message(STREAM_RESET, start.stream, "SSH1", 0))
        self.assertEqual(read_to_break(s), b"")
        _, again = self.open()
        while again.type == STREAM_RESET or again.type == CONNECTION_RESET:
            again = self.peer.recv()
        self.assertEqual(again.type, STREAM_START)
        self.assertNotEqual(again.stream, start.stream)

    def test_refusal_before_the_first_byte(self):
        """The reference answers a dead port with STREAM_RESET; ours with CONNECTION_RESET."""
        for kind in (STREAM_RESET, CONNECTION_RESET):
            client, start = self.open()
            while start.type not in (STREAM_START, CONNECTION_START):
                start = self.peer.recv()
            self.peer.send(Message(kind, start.stream, "SSH1", start.connection))
            with self.assertRaises(Refused) as refused:
                client.get()
            self.assertEqual(refused.exception.code, 5)

    def test_everything_before_a_reset_is_delivered(self):
        client, start = self.open()
        data = [Message(DATA, start.stream, "SSH1", start.connection, bytes([i]) * 60000)
                for i in range(30)]
        self.peer.send(*data, Message(CONNECTION_RESET, start.stream, "SSH1", start.connection))
        self.assertEqual(len(read_all(client.get())), 30 * 60000)

    def test_stale_and_unknown_things_are_ignored(self):
        client, start = self.open()
        at = (start.stream, "SSH1")
        self.peer.send(
            Message(DATA, start.stream + 5, "SSH1", start.connection, b"stale stream"),
            Message(DATA, *at, 4711, b"unknown connection"),
            Message(CONNECTION_RESET, *at, 4711), Message(CONNECTION_RESET, *at, 4711),
            Message(STREAM_RESET, start.stream + 5, "SSH1", 1),
            Message(CONNECTION_RESET, start.stream, "NOPE", 1),
            Message(99, *at, start.connection, ignorable=True),
            Message(SERVICE_IDS, services=["SSH1"]),
            Message(DATA, *at, start.connection, b"right"))
        self.assertEqual(read_exactly(client.get(), 5), b"right")

    def test_negative_and_wrapped_ids(self):
        """Large numbers from a peer are only numbers."""
        self.peer.send(Message(DATA, -1, "SSH1", 2**32 - 1, b"x"),
                       Message(CONNECTION_RESET, -2**31, "SSH1", 2**32 - 1))
        client, start = self.open()
        self.peer.send(Message(DATA, start.stream, "SSH1", start.connection, b"y"))
        self.assertEqual(read_exactly(client.get(), 1), b"y")

    def test_session_reset_ends_all(self):
        client, start = self.open()
        self.peer.send(Message(DATA, start.stream, "SSH1", start.connection, b"x"))
        s = client.get()
        read_exactly(s, 1)
        self.peer.send(Message(SESSION_RESET))
        self.assertEqual(read_to_break(s), b"")
        self.assertTrue(self.gateway_program.alive())

    def test_frames_in_any_split(self):
        client, start = self.open()
        m = Message(DATA, start.stream, "SSH1", start.connection, b"0123456789")
        frame = m.frame()
        s = None
        for step in range(1, len(frame) + 1):
            self.peer.send_bytes(frame, step)
            s = s or client.get()
            self.assertEqual(read_exactly(s, 10), b"0123456789")
        for cut in range(1, len(frame)):  # also across messages
            self.peer.send_bytes(frame[:cut])
            self.peer.send_bytes(frame[cut:])
            self.assertEqual(read_exactly(s, 10), b"0123456789")
        self.peer.send_bytes(frame * 50)
        self.assertEqual(read_exactly(s, 500), b"0123456789" * 50)

    def test_subprotocol_that_was_not_offered(self):
        """AWS's own test server answers 2.0."""
        self.peer.drop()
        self.peer = self.accept(subprotocol="aws.iot.securetunneling-2.0")
        client, start = self.open()
        self.peer.send(Message(DATA, start.stream, "SSH1", start.connection, b"x"))
        self.assertEqual(read_exactly(client.get(), 1), b"x")

    def test_stream_ids_are_not_used_again_after_a_reconnect(self):
        _, start = self.open()
        self.peer.drop()
        self.peer = self.accept()
        _, again = self.open()
        self.assertEqual(again.type, STREAM_START)
        self.assertNotEqual(again.stream, start.stream)

    def test_pings(self):
        self.peer.send_frame(PING, b"hello")
        self.peer.send_frame(PING, b"")
        pongs = []
        while b"" not in pongs:
            opcode, _, payload = self.peer.recv_frame()
            if opcode == PONG:
                pongs.append(payload)
            elif opcode == PING:
                self.assertRegex(payload, rb"^\d+$")  # the reference reads it as a number
        self.assertTrue(self.gateway_program.alive())


class ReferenceDestinationV1(ReferenceDestination):
    """The same with -y V1: no service id, no connection id."""

    service = ""
    offers = ["aws.iot.securetunneling-3.0"]

    def options(self):
        return ["-y", "V1"]

    def test_v3_trace(self):
        streams = []
        for _ in range(3):
            client, start = self.open()
            while start.type == STREAM_RESET:  # of the one before: allowed
                start = self.peer.recv()
            self.assertEqual((start.type, start.service, start.connection),
                             (STREAM_START, self.service, 0))
            streams.append(start.stream)
            self.peer.send(Message(DATA, start.stream, self.service, payload=b"x"))
            s = client.get()
            self.assertEqual(read_exactly(s, 1), b"x")
            s.sendall(b"up")
            self.assertEqual(self.peer.recv(),
                             Message(DATA, start.stream, self.service, payload=b"up"))
            self.peer.send(Message(STREAM_RESET, start.stream, self.service))
            self.assertEqual(read_all(s), b"")
            s.close()
        self.assertEqual(len(set(streams)), 3)

    # What follows speaks of connection ids, which V1 does not have.
    test_stream_reset_ends_all_and_the_next_is_a_new_stream = None
    test_refusal_before_the_first_byte = None
    test_everything_before_a_reset_is_delivered = None
    test_stale_and_unknown_things_are_ignored = None
    test_negative_and_wrapped_ids = None
    test_session_reset_ends_all = None
    test_frames_in_any_split = None
    test_subprotocol_that_was_not_offered = None
    test_stream_ids_are_not_used_again_after_a_reconnect = None


class ReferenceDestinationV2(ReferenceDestinationV1):
    """And with -y V2: the service id, but no connection id."""

    service = "SSH1"

    def options(self):
        return ["-y", "V2"]


class ReferenceSource(Script):
    """The agent with the reference program as source behind the real service."""

    services = ["SSH1", "HTTP1"]

    def setUp(self):
        super().setUp()
        self.echo, self.greeter = self.origin(Echo()), self.origin(Greeter())
        self.agent_program = self.end_on_fake(
            "tunnel-agent", "-d", f"SSH1={self.echo.address},HTTP1={self.greeter.address}")
        self.peer = self.accept()

    def assert_echo(self, stream, service, connection, data=b"hello"):
        self.peer.send(Message(DATA, stream, service, connection, data))
        m = self.peer.recv()
        self.assertEqual(m, Message(DATA, stream, service, connection, data))

    def test_request(self):
        self.assertTrue(self.peer.head.startswith(
            "GET /tunnel?local-proxy-mode=destination HTTP/1.1\r\n"), self.peer.head)

    def test_v3(self):
        self.peer.send(Message(STREAM_START, 1, "SSH1", 1))
        self.assert_echo(1, "SSH1", 1)
        self.peer.send(Message(CONNECTION_START, 1, "SSH1", 2))
        self.assert_echo(1, "SSH1", 2)
        self.assert_echo(1, "SSH1", 1)
        self.peer.send(Message(CONNECTION_RESET, 1, "SSH1", 1))
        self.assert_echo(1, "SSH1", 2)
        wait_until(lambda: self.echo.open_clients == 1, "the first one's end")
        self.peer.send(Message(CONNECTION_START, 1, "SSH1", 3))
        self.assert_echo(1, "SSH1", 3)

    def test_v2(self):
        for stream in (1, 2, 3):
            self.peer.send(Message(STREAM_START, stream, "SSH1"))
            self.assert_echo(stream, "SSH1", 0)
            self.peer.send(Message(STREAM_RESET, stream, "SSH1"))
            self.wait_no_clients(self.echo)

    def test_new_stream_replaces_the_old_one(self):
        """The reference swallows the start; the guide says: close the old, start the new."""
        self.peer.send(Message(STREAM_START, 1, "SSH1", 1))
        self.assert_echo(1, "SSH1", 1)
        self.peer.send(Message(STREAM_START, 2, "SSH1", 1))
        self.assert_echo(2, "SSH1", 1)
        wait_until(lambda: self.echo.open_clients == 1, "the old one's end")

    def test_restarted_source_begins_with_the_same_numbers(self):
        """After the service's STREAM_RESET."""
        self.peer.send(Message(STREAM_START, 1, "SSH1", 1))
        self.assert_echo(1, "SSH1", 1)
        self.peer.send(Message(STREAM_RESET, 1, "SSH1", 1), Message(STREAM_START, 1, "SSH1", 1))
        self.assert_echo(1, "SSH1", 1)

    def test_connection_start_without_stream_start(self):
        self.peer.send(Message(CONNECTION_START, 4, "SSH1", 2))
        self.assert_echo(4, "SSH1", 2)

    def test_connection_id_that_is_open(self):
        """CONNECTION_RESET for that id at once; nothing else is touched."""
        self.peer.send(Message(STREAM_START, 1, "SSH1", 1), Message(CONNECTION_START, 1, "SSH1", 2))
        self.assert_echo(1, "SSH1", 1)
        self.assert_echo(1, "SSH1", 2)
        self.peer.send(Message(CONNECTION_START, 1, "SSH1", 2))
        self.assertEqual(self.peer.recv(), Message(CONNECTION_RESET, 1, "SSH1", 2))
        self.assert_echo(1, "SSH1", 1)

    def test_data_right_behind_the_start(self):
        self.peer.send(Message(STREAM_START, 1, "SSH1", 1), Message(DATA, 1, "SSH1", 1, b"early"))
        self.assertEqual(self.peer.recv_data(5), b"early")

    def test_service_speaks_first(self):
        self.peer.send(Message(STREAM_START, 1, "HTTP1", 1))
        self.assertEqual(self.peer.recv_data(len(Greeter.greeting)), Greeter.greeting)

    def test_data_without_connection_id_in_v3(self):
        """The guide: it is connection 1."""
        self.peer.send(Message(STREAM_START, 1, "SSH1", 1), Message(DATA, 1, "SSH1", 0, b"zero"))
        m = self.peer.recv()
        self.assertEqual((m.type, m.payload, m.connection), (DATA, b"zero", 1))

    def test_end_of_the_service(self):
        abrupt = self.origin(Abrupt())
        fake, self.fake = self.fake, FakeHub()
        self.addCleanup(self.fake.close)
        self.end_on_fake("tunnel-agent", "-d", f"SSH1={abrupt.address}")
        peer = self.accept(services=["SSH1"])
        peer.send(Message(STREAM_START, 1, "SSH1", 1), Message(DATA, 1, "SSH1", 1, b"x"))
        self.assertEqual(peer.recv(), Message(CONNECTION_RESET, 1, "SSH1", 1))
        peer.send(Message(CONNECTION_RESET, 1, "SSH1", 1))  # both ends send one: to be ignored
        peer.send(Message(STREAM_RESET, 1, "SSH1", 1))
        peer.send(Message(STREAM_START, 2, "SSH1"), Message(DATA, 2, "SSH1", 0, b"x"))
        self.assertEqual(peer.recv(), Message(STREAM_RESET, 2, "SSH1"))
        self.fake = fake

    def test_dead_port(self):
        """One dead service: CONNECTION_RESET in V3, STREAM_RESET before, quickly."""

        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.fake = FakeHub()
            self.addCleanup(self.fake.close)
            self.end_on_fake("tunnel-agent", "-d", f"SSH1=127.0.0.1:{taken.getsockname()[1]}")
            peer = self.accept(services=["SSH1"])
            peer.send(Message(STREAM_START, 1, "SSH1", 1))
            self.assertEqual(peer.recv(), Message(CONNECTION_RESET, 1, "SSH1", 1))
            peer.send(Message(CONNECTION_START, 1, "SSH1", 2))
            self.assertEqual(peer.recv(), Message(CONNECTION_RESET, 1, "SSH1", 2))
            peer.send(Message(STREAM_START, 2, "SSH1"))
            self.assertEqual(peer.recv(), Message(STREAM_RESET, 2, "SSH1"))

    def test_session_reset(self):
        self.peer.send(Message(STREAM_START, 1, "SSH1", 1))
        self.assert_echo(1, "SSH1", 1)
        self.peer.send(Message(SESSION_RESET))
        self.wait_no_clients(self.echo)
        self.peer.send(Message(STREAM_START, 2, "SSH1", 1))
        self.assert_echo(2, "SSH1", 1)

    def test_ws_frames_of_4096_bytes(self):
        self.peer.send(Message(STREAM_START, 1, "SSH1", 1))
        data = bytes(range(256)) * 252
        self.peer.send(Message(DATA, 1, "SSH1", 1, data))
        self.assertEqual(self.peer.recv_data(len(data)), data)
        self.assertLessEqual(max(self.peer.message_sizes), 65538)


class RealHub(Case):
    """A scripted reference peer on our hub, with one of our ends on the other side."""

    def test_reference_source_to_our_agent(self):
        web = self.origin(Http("web"))
        tokens = self.tunnel({"HTTP1": web})
        hub = self.hub()
        self.agent(hub, tokens, {"HTTP1": web})
        peer = connect(hub.port, "source", tokens.source, str(uuid.uuid4()))
        self.addCleanup(peer.drop)
        self.assertEqual(peer.recv().services, ["HTTP1"])
        request = b"GET /name HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        for connection in (1, 2, 3):
            kind = STREAM_START if connection == 1 else CONNECTION_START
            peer.send(Message(kind, 1, "HTTP1", connection))
            peer.send(Message(DATA, 1, "HTTP1", connection, request))
            body = b""
            while (m := peer.recv()).type == DATA:
                self.assertEqual(m.connection, connection)
                body += m.payload
            self.assertEqual((m.type, m.connection), (CONNECTION_RESET, connection))
            self.assertTrue(body.endswith(b"web /name\n"), body)
            peer.send(Message(CONNECTION_RESET, 1, "HTTP1", connection))

    def test_our_gateway_to_a_reference_destination(self):
        tokens = self.tunnel(["SSH1"])
        hub = self.hub()
        peer = connect(hub.port, "destination", tokens.destination, str(uuid.uuid4()))
        self.addCleanup(peer.drop)
        self.assertEqual(peer.recv().type, SERVICE_IDS)
        gateway = self.gateway(hub, tokens)
        client = socks5_later(gateway.port, "SSH1.tunnel")
        start = peer.recv()
        self.assertEqual((start.type, start.service), (STREAM_START, "SSH1"))
        peer.send(Message(DATA, start.stream, "SSH1", start.connection, b"hello"))
        s = client.get()
        self.assertEqual(read_exactly(s, 5), b"hello")
        # Replaced: the hub tells the gateway, and the next connection is a new stream.
        peer.drop()
        self.assertEqual(read_to_break(s), b"")


if __name__ == "__main__":
    unittest.main()
