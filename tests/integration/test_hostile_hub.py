"""Our ends on a hub that goes away, refuses, or means harm."""

import unittest

from harness import ESTABLISHED
from origins import Echo
from scripted import Script, cut_off, socks5_later
from sockets import read_exactly
from wire import (BINARY, CONNECTION_START, DATA, PING, SERVICE_IDS, STREAM_START, TEXT, UNKNOWN,
                  FakeHub, Message, headers_of)


class Tolerant(Script):
    """What the real service or a proxy on the way may do."""

    def agent_on_fake(self, *more, **options):
        return self.end_on_fake("tunnel-agent", "-d", "SSH1=1", *more, **options)

    def test_close_ends_the_program(self):
        """That is how CloseTunnel and the end of a tunnel's life are told."""
        for code in (1000, None):
            with self.subTest(code):
                agent = self.agent_on_fake()
                peer = self.accept()
                peer.close(code)
                self.assertEqual(agent.wait(), 0)

    def test_close_of_a_hub_that_goes_away_is_retried(self):
        agent = self.agent_on_fake()
        self.accept().close(1001)
        self.accept()
        self.assertTrue(agent.alive())

    def test_rejection_ends_the_program_with_its_text(self):
        agent = self.agent_on_fake(ends=(1,))
        self.fake.reject("400 Bad Request", "Invalid access token: The access token was previously "
                         "used and can not be used again.")
        self.assertEqual(agent.wait(), 1)
        agent.wait_line("previously used and can not be used again")

    def test_5xx_is_retried(self):
        agent = self.agent_on_fake()
        for status in ("500 Internal Server Error", "503 Service Unavailable"):
            self.fake.reject(status, "later")
        self.accept()
        agent.wait_line(ESTABLISHED)

    def test_redirect_is_followed_once(self):
        """Both ends; and where it cannot be followed, they come back to the first hub."""
        ends = {"tunnel-agent": ["-d", "SSH1=1"], "tunnel-gateway": ["--listen", "127.0.0.1:0"]}
        for program, options in ends.items():
            with self.subTest(program):
                other = FakeHub()
                self.addCleanup(other.close)
                end = self.end_on_fake(program, *options)
                where = {"extra": f"Location: wss://localhost:{other.port}/tunnel\r\n"}
                head = self.fake.reject("307 Temporary Redirect", "there", **where)
                self.assertEqual(headers_of(head).get("tunnel-redirect"), "follow")
                head = other.reject("307 Temporary Redirect", "further", **where)
                self.assertNotIn("tunnel-redirect", headers_of(head))
                end.wait_line("sent to another one again")
                self.fake.reject("307 Temporary Redirect", "x", extra="Location: wss://a.b/\r\n")
                end.wait_line("certificate is not for a.b")
                self.fake.reject("307 Temporary Redirect", "there", **where)
                peer = other.accept(services=self.services)
                self.addCleanup(peer.drop)
                end.wait_line(f"sends us to localhost:{other.port}")
                end.wait_line(ESTABLISHED)
                end.terminate()

    def test_drop_is_retried(self):
        agent = self.agent_on_fake()
        for _ in range(3):
            self.accept().drop()
        self.accept()
        self.assertTrue(agent.alive())

    def test_drop_before_and_within_the_handshake(self):
        agent = self.agent_on_fake()
        self.fake.listener.accept()[0].close()
        self.fake.accept_tls().close()
        sock, _, _ = self.fake.accept_request()
        sock.sendall(b"HTTP/1.1 101 Switching Pro")
        sock.close()
        self.accept()
        agent.wait_line(ESTABLISHED)

    def test_same_client_token_after_a_drop(self):
        """Without one a single-use token would be dead."""
        self.agent_on_fake()
        first = self.accept()
        first.drop()
        second = self.accept()
        tokens = [headers_of(p.head).get("client-token") for p in (first, second)]
        self.assertIsNotNone(tokens[0])
        self.assertEqual(tokens[0], tokens[1])

    def test_empty_list_of_services(self):
        """A tunnel without services: everything has the empty id."""
        echo = self.origin(Echo())
        self.end_on_fake("tunnel-agent", "-d", echo.address)
        peer = self.accept(services=[])
        peer.send(Message(STREAM_START, 1, "", 1), Message(DATA, 1, "", 1, b"hello"))
        self.assertEqual(peer.recv(), Message(DATA, 1, "", 1, b"hello"))

    def test_duplicate_services(self):
        agent = self.agent_on_fake()
        self.accept(services=["SSH1", "SSH1"])
        agent.wait_line(ESTABLISHED)
        self.assertTrue(agent.alive())


class Hostile(Script):
    """A hub that breaks the rules: one clear line, the WebSocket is dropped, and it comes back."""

    def setUp(self):
        super().setUp()
        self.echo = self.origin(Echo())
        self.ends_under_test = {
            "tunnel-agent": ["-d", f"SSH1={self.echo.address}"],
            "tunnel-gateway": ["--listen", "127.0.0.1:0"],
        }

    def test_violations_drop_and_reconnect(self):
        acts = {
            "text frame": lambda p: p.send_frame(TEXT, b"hello"),
            "oversized frame": lambda p: p.send_frame(BINARY, b"\0" * 131077),
            "enormous length": lambda p: p.sock.sendall(b"\x82\x7f" + b"\x7f" + b"\xff" * 7),
            "negative length": lambda p: p.sock.sendall(b"\x82\x7f" + b"\xff" * 8),
            "masked": lambda p: p.send_frame(BINARY, b"\0\0", mask=True),
            "reserved bits": lambda p: p.send_frame(BINARY, b"\0\0", rsv=1),
            "unknown opcode": lambda p: p.send_frame(5, b""),
            "control frame in pieces": lambda p: p.send_frame(PING, b"x", fin=False),
            "long control frame": lambda p: p.send_frame(PING, b"x" * 126),
            "continuation of nothing": lambda p: p.send_frame(0, b"\0\0"),
            "unknown type, not ignorable": lambda p: p.send(Message(99, 1, "SSH1", 1)),
            "type 0": lambda p: p.send(Message(UNKNOWN, 1, "SSH1", 1)),
            "not protobuf": lambda p: p.send_bytes(b"\0\4\xff\xff\xff\xff"),
            "empty message": lambda p: p.send_bytes(b"\0\0"),
        }
        for program, options in self.ends_under_test.items():
            for name, act in acts.items():
                with self.subTest(f"{program}: {name}"):
                    self.violate(program, options, act)

    def violate(self, program, options, act):
        running = self.end_on_fake(program, *options, "--retry-delay", "50ms")
        peer = self.accept()
        try:
            act(peer)
        except OSError:
            pass  # it hung up before all was written
        self.assertNotEqual(peer.expect_end(), 1000)
        peer.drop()
        peer = self.accept()
        self.assertTrue(running.alive(), running.output())
        if program == "tunnel-agent":
            peer.send(Message(STREAM_START, 7, "SSH1", 1), Message(DATA, 7, "SSH1", 1, b"ok"))
            self.assertEqual(peer.recv_data(2), b"ok")
        running.terminate()
        peer.drop()

    def test_stream_with_a_wrong_service_or_id(self):
        """The agent refuses the stream and lives on, on the same or a new WebSocket."""
        running = self.end_on_fake("tunnel-agent", "-d", f"SSH1={self.echo.address}",
                                   "--retry-delay", "50ms")
        for m in (Message(STREAM_START, 1, "NOPE", 1), Message(STREAM_START, 0, "SSH1", 1),
                  Message(CONNECTION_START, 0, "SSH1", 1), Message(SERVICE_IDS, services=["X"])):
            with self.subTest(m):
                peer = self.accept()
                peer.send(m)
                peer.drop()
        peer = self.accept()
        peer.send(Message(STREAM_START, 9, "SSH1", 1), Message(DATA, 9, "SSH1", 1, b"ok"))
        self.assertEqual(peer.recv_data(2), b"ok")
        self.assertTrue(running.alive())

    def test_starts_sent_to_a_source(self):
        """The reference crashes or gets out of step; ours says so and goes on."""
        running = self.end_on_fake("tunnel-gateway", "--listen", "127.0.0.1:0",
                                   "--retry-delay", "50ms")
        for m in (Message(CONNECTION_START, 1, "SSH1", 1), Message(STREAM_START, 1, "SSH1", 1),
                  Message(STREAM_START, 1, "NOPE", 1)):
            peer = self.accept()
            peer.send(m)
            peer.drop()
        self.accept()
        self.assertTrue(running.alive())

    def test_second_service_ids(self):
        """Neither the same list nor another one harms what is open."""
        running = self.end_on_fake("tunnel-gateway", "--listen", "127.0.0.1:0")
        port = int(running.wait_line(r"Listening on \S+:(\d+)").group(1))
        peer = self.accept()
        client = socks5_later(port, "SSH1.tunnel")
        start = peer.recv()
        peer.send(Message(DATA, start.stream, "SSH1", start.connection, b"x"))
        s = client.get()
        read_exactly(s, 1)
        peer.send(Message(SERVICE_IDS, services=["SSH1"]))
        peer.send(Message(DATA, start.stream, "SSH1", start.connection, b"y"))
        self.assertEqual(read_exactly(s, 1), b"y")
        peer.send(Message(SERVICE_IDS, services=["SSH1", "NEW"]))
        peer.send(Message(DATA, start.stream, "SSH1", start.connection, b"z"))
        self.assertEqual(read_exactly(s, 1), b"z")
        running.wait_line("(?i)services")
        self.assertTrue(running.alive())

    def test_frames_cut_at_every_byte(self):
        """The transport ends within a frame, wherever that is."""
        frame = Message(STREAM_START, 1, "SSH1", 1).frame()
        whole = bytes([0x82, len(frame)]) + frame
        for cut in range(1, len(whole)):
            self.violate("tunnel-agent", self.ends_under_test["tunnel-agent"],
                         lambda peer, part=whole[:cut]: cut_off(peer, part))

    def test_junk_instead_of_an_answer(self):
        for answer in (b"\0" * 500, b"SSH-2.0-x\r\n\r\n\r\n", b"HTTP/1.1 101 x\r\n\r\n",
                       b"HTTP/1.1 101 x\r\n" + b"A: b\r\n" * 50000,
                       b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                       b"upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n"):
            with self.subTest(answer[:30]):
                running = self.answered_with(answer)
                self.accept()  # it tries again
                running.terminate()

    def test_only_the_hubs_word_is_final(self):
        """What a captive portal or a proxy says in its place is tried again."""
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                       b"HTTP/1.1 302 Found\r\nLocation: https://x/\r\n\r\n",
                       b"HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n<html><title>gone</title>",
                       b"HTTP/1.1 429 Slow down\r\nContent-Length: 0\r\n\r\n"):
            with self.subTest(answer[:30]):
                running = self.answered_with(answer)
                running.wait_line("in the hub's place.*; trying again")
                self.accept()
                running.terminate()
        for answer in (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
                       b"HTTP/1.1 404 Not Found\r\nchannel-id: x\r\nContent-Length: 0\r\n\r\n"):
            with self.subTest(answer[:30]):
                running = self.answered_with(answer, ends=(1,))
                running.wait_line("the hub refused: HTTP 40")
                self.assertEqual(running.wait(), 1)

    def answered_with(self, answer, **options):
        running = self.end_on_fake("tunnel-agent", "-d", "SSH1=1", "--retry-delay", "50ms",
                                   **options)
        sock, _, _ = self.fake.accept_request()
        try:
            sock.sendall(answer)
        except OSError:
            pass  # it has seen enough
        sock.close()
        return running

    def test_handshake_with_a_flood_behind_it(self):
        """A hundred frames in the same bytes as the 101."""
        running = self.end_on_fake("tunnel-agent", "-d", f"SSH1={self.echo.address}")
        peer = self.accept()
        burst = b"".join(bytes([0x82, len(f)]) + f for f in (
            Message(DATA, 1, "SSH1", 1, b"early").frame() for _ in range(100)))
        peer.sock.sendall(burst)
        peer.send(Message(STREAM_START, 2, "SSH1", 1), Message(DATA, 2, "SSH1", 1, b"ok"))
        self.assertEqual(peer.recv_data(2), b"ok")
        self.assertTrue(running.alive())


if __name__ == "__main__":
    unittest.main()
