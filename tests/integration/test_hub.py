"""The hub's rules, shown by scripted peers: who is let in, what is said, what happens when a peer
goes or is replaced."""

import base64
import unittest
import uuid

from harness import Case
from wire import (CLOSE, CONNECTION_RESET, CONNECTION_START, DATA, PING, SERVICE_IDS, STREAM_RESET,
                  STREAM_START, SUBPROTOCOL, TEXT, Message, ask, connect, request,
                  tls_client)


class Handshake(Case):
    def setUp(self):
        super().setUp()
        self.tokens = self.tunnel(["SSH1", "HTTP1"])
        self.others = self.tunnel(["SSH1"])
        self.the_hub = self.hub()
        self.port = self.the_hub.port
        self.source = self.tokens.source.read_text().strip()
        self.destination = self.tokens.destination.read_text().strip()

    def assert_refused(self, text, pattern=".", statuses=range(400, 500)):
        answer = ask(self.port, text)
        self.assertIn(answer.status, statuses, answer)
        self.assertTrue(answer.headers["content-type"].startswith("text/plain"), answer)
        self.assertIn("content-length", answer.headers)
        self.assertIn("channel-id", answer.headers)
        self.assertRegex(answer.body, pattern)
        for secret in (self.source, self.destination):
            self.assertNotIn(secret, answer.body)
        return answer

    def test_accepted(self):
        answer = ask(self.port, request("source", self.source))
        self.assertEqual(answer.status, 101, answer)
        self.assertEqual(answer.headers["connection"].lower(), "upgrade")
        self.assertEqual(answer.headers["upgrade"].lower(), "websocket")
        self.assertEqual(answer.headers["sec-websocket-protocol"], SUBPROTOCOL)
        other = ask(self.port, request("source", self.others.source.read_text().strip()))
        self.assertTrue(answer.headers["channel-id"])
        self.assertNotEqual(answer.headers["channel-id"], other.headers["channel-id"])

    def test_service_ids_first_and_alone(self):
        for mode, file in (("source", self.tokens.source),
                           ("destination", self.tokens.destination)):
            peer = connect(self.port, mode, file)
            m = Message.parse(peer.recv_message()[2:])
            self.assertEqual((m.type, sorted(m.services)), (SERVICE_IDS, ["HTTP1", "SSH1"]))
            self.assertEqual(peer.buffer, b"")
            peer.close()

    def test_subprotocols(self):
        name = "aws.iot.securetunneling-"
        for offer, chosen in ((f"{name}1.0", f"{name}1.0"), (f"{name}2.0", f"{name}2.0"),
                              (f"{name}1.0, {name}2.0, {name}3.0", f"{name}3.0"),
                              (f"other, {name}2.0", f"{name}2.0")):
            with self.subTest(offer):
                tokens = self.fresh()
                answer = ask(self.port, request("source", tokens, subprotocol=offer))
                self.assertEqual(answer.status, 101, answer)
                self.assertEqual(answer.headers["sec-websocket-protocol"], chosen)

    def fresh(self):
        """A source token of a new tunnel."""
        return self.tunnel(["SSH1"]).source.read_text().strip()

    def test_no_service_ids_for_1_0(self):
        tokens = self.tunnel(["SSH1"])
        old = connect(self.port, "destination", tokens.destination,
                      subprotocol="aws.iot.securetunneling-1.0")
        source = connect(self.port, "source", tokens.source)
        self.assertEqual(source.recv().type, SERVICE_IDS)
        source.send(Message(STREAM_START, 1))
        m = old.recv()
        if m.type == SERVICE_IDS:  # allowed when it can be ignored
            self.assertTrue(m.ignorable)
            m = old.recv()
        self.assertEqual(m.type, STREAM_START)

    def test_refusals(self):
        good = request("source", self.source)
        cookie = f"Cookie: awsiot-tunnel-token={self.source}"
        client = "client-token: " + "a" * 40
        for name, text in {
            "path": request("source", self.source, path="/other?local-proxy-mode=source"),
            "no mode": request("", self.source, path="/tunnel"),
            "wrong mode": request("both", self.source),
            "mode of the other side": request("destination", self.source),
            "no token": request("source", "", token_header=False),
            "empty token": request("source", ""),
            "unknown token": request("source", "x" * 50),
            "token twice": request("source", self.source, [f"access-token: {self.source}"]),
            "token and cookie": request("source", self.source, [cookie]),
            "two client tokens": request("source", self.source, [client, client]),
            "client token too short": request("source", self.source, ["client-token: short"]),
            "client token with odd bytes":
                request("source", self.source, ["client-token: " + "_/" * 20]),
            "no subprotocol": request("source", self.source, subprotocol=None),
            "unknown subprotocol": request("source", self.source, subprotocol="chat"),
            "not an upgrade": good.replace("Upgrade: websocket\r\n", ""),
            "version 8": good.replace("Version: 13", "Version: 8"),
            "no key": "\r\n".join(line for line in good.split("\r\n") if "-Key" not in line),
            "key of 3 bytes": good.replace(good.split("-Key: ")[1].split("\r\n")[0],
                                           base64.b64encode(b"abc").decode()),
            "POST": good.replace("GET", "POST", 1),
            "folded": good.replace("\r\nHost", "\r\nX-A: b\r\n c\r\nHost"),
            "over 4096 bytes": request("source", self.source, ["X-Pad: " + "p" * 4100]),
        }.items():
            with self.subTest(name):
                self.assert_refused(text)
        # And none of them used the token up.
        self.assertEqual(ask(self.port, good).status, 101)

    def test_plain_http_gets_a_reason(self):
        answer = ask(self.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(400 <= answer.status < 500, answer)
        self.assertTrue(answer.body.strip())

    def test_cookie(self):
        answer = ask(self.port, request("source", "", [
            f"Cookie: a=b; awsiot-tunnel-token={self.source}; c=d"], token_header=False))
        self.assertEqual(answer.status, 101, answer)

    def test_any_case_and_order_of_headers(self):
        text = request("source", self.source)
        lines = text.split("\r\n")
        shuffled = [lines[0], *(":".join([line.split(":", 1)[0].upper(), line.split(":", 1)[1]])
                                for line in reversed(lines[1:-2])), "", ""]
        answer = ask(self.port, "\r\n".join(shuffled).replace("upgrade", "keep-alive, UpGrade"))
        self.assertEqual(answer.status, 101, answer)

    def test_head_in_pieces(self):
        sock = tls_client(self.port)
        text = request("source", self.source).encode()
        for i in range(0, len(text), 7):
            sock.sendall(text[i:i + 7])
        self.assertIn(b"101", sock.recv(4096))
        sock.close()

    def test_any_server_name(self):
        """The reference program sends SNI for addresses, others send any name."""
        for name in ("127.0.0.1", "localhost"):
            tls_client(self.port, name).close()

    # ---- life of tokens ----

    def test_single_use(self):
        peer = connect(self.port, "source", self.tokens.source)
        peer.drop()
        self.assert_refused(request("source", self.source), "previously used|again")
        self.assert_refused(request("source", self.source, ["client-token: " + "a" * 40]))

    def test_client_token_makes_it_reusable(self):
        mine, other = str(uuid.uuid4()), str(uuid.uuid4())
        for _ in range(3):
            peer = connect(self.port, "source", self.tokens.source, mine)
            self.assertEqual(peer.recv().type, SERVICE_IDS)
            peer.drop()
        self.assert_refused(request("source", self.source, [f"client-token: {other}"]),
                            "does not match|client token")
        self.assert_refused(request("source", self.source))
        connect(self.port, "source", self.tokens.source, mine).close()


class Relay(Case):
    def setUp(self):
        super().setUp()
        self.tokens = self.tunnel(["SSH1", "HTTP1"])
        self.others = self.tunnel(["SSH1"])
        self.the_hub = self.hub()
        self.port = self.the_hub.port
        self.ids = {}
        self.destination = self.join("destination")
        self.source = self.join("source")

    def join(self, mode, **options):
        file = self.tokens.source if mode == "source" else self.tokens.destination
        peer = connect(self.port, mode, file, self.ids.setdefault(mode, str(uuid.uuid4())),
                       **options)
        self.addCleanup(peer.drop)
        self.assertEqual(peer.recv().type, SERVICE_IDS)
        return peer

    def start_stream(self, stream=1, service="SSH1", connection=1):
        m = Message(STREAM_START, stream, service, connection)
        self.source.send(m)
        self.assertEqual(self.destination.recv(), m)

    def test_messages_pass_unchanged(self):
        self.start_stream()
        up = [Message(DATA, 1, "SSH1", 1, bytes([i]) * n)
              for i, n in enumerate((1, 125, 126, 4000, 65000 - 500, 64512))]
        self.source.send(*up)
        for m in up:
            self.assertEqual(self.destination.recv(), m)
        down = [Message(DATA, 1, "SSH1", 1, b"down" * 10000),
                Message(CONNECTION_RESET, 1, "SSH1", 1)]
        self.destination.send(*down)
        for m in down:
            self.assertEqual(self.source.recv(), m)
        more = [Message(CONNECTION_START, 1, "SSH1", 2), Message(DATA, 1, "SSH1", 2, b"x"),
                Message(99, 1, "SSH1", 2, ignorable=True)]
        self.source.send(*more)
        for m in more:
            self.assertEqual(self.destination.recv(), m)

    def test_nothing_behind_a_start_or_reset(self):
        """The reference program loses what stands behind them in the same message."""
        messages = [Message(STREAM_START, 1, "SSH1", 1), Message(DATA, 1, "SSH1", 1, b"hello"),
                    Message(STREAM_RESET, 1, "SSH1", 1), Message(STREAM_START, 2, "SSH1", 1),
                    Message(DATA, 2, "SSH1", 1, b"again")]
        self.source.send(*messages)
        for m in messages:
            self.assertEqual(self.destination.recv_message(), m.frame())

    def test_any_split(self):
        self.start_stream()
        m = Message(DATA, 1, "SSH1", 1, bytes(range(256)) * 8)
        for step in (1, 7, 100, 4096):
            self.source.send_bytes(m.frame(), step)
            self.assertEqual(self.destination.recv(), m)
        # One tunnel frame in two messages, two in one message.
        frame = m.frame()
        self.source.send_bytes(frame[:500])
        self.source.send_bytes(frame[500:])
        self.source.send_bytes(frame + frame)
        for _ in range(3):
            self.assertEqual(self.destination.recv(), m)

    def test_ping_between_fragments(self):
        self.start_stream()
        frame = Message(DATA, 1, "SSH1", 1, b"y" * 1000).frame()
        self.source.send_frame(2, frame[:400], fin=False)
        self.source.send_frame(PING, b"1700000000000")
        self.source.send_frame(0, frame[400:])
        self.assertEqual(self.destination.recv().payload, b"y" * 1000)
        self.destination.send(Message(DATA, 1, "SSH1", 1, b"z"))
        self.assertEqual(self.source.recv().payload, b"z")
        self.assertEqual(self.source.pongs, [b"1700000000000"])

    def test_no_unsolicited_pongs(self):
        self.start_stream()
        self.destination.send(Message(DATA, 1, "SSH1", 1, b"z"))
        self.source.recv()
        self.assertEqual(self.source.pongs, [])

    def test_reset_to_the_survivor(self):
        """One STREAM_RESET for each stream; with a connection id in V3, without one before."""
        for connection in (1, 0):
            for leaver, mode in (("source", "destination"), ("destination", "source")):
                with self.subTest(f"{leaver} leaves, connection {connection}"):
                    self.start_stream(5, "SSH1", connection)
                    self.start_stream(6, "HTTP1", connection)
                    getattr(self, leaver).drop()
                    survivor = getattr(self, mode)
                    resets = sorted((survivor.recv() for _ in range(2)), key=lambda m: m.stream)
                    self.assertEqual(resets, [Message(STREAM_RESET, 5, "SSH1", connection),
                                              Message(STREAM_RESET, 6, "HTTP1", connection)])
                    setattr(self, leaver, self.join(leaver))

    def test_replaced_peer(self):
        """The new one counts, the old one is let go, the other side is told."""
        self.start_stream()
        old = self.source
        self.source = self.join("source")
        self.assertEqual(self.destination.recv(), Message(STREAM_RESET, 1, "SSH1", 1))
        old.expect_end()
        self.start_stream(2)
        self.destination.send(Message(DATA, 2, "SSH1", 1, b"for the new one"))
        self.assertEqual(self.source.recv().payload, b"for the new one")

    def test_finished_streams_are_forgotten(self):
        self.start_stream()
        self.source.send(Message(STREAM_RESET, 1, "SSH1", 1))
        self.assertEqual(self.destination.recv().type, STREAM_RESET)
        self.start_stream(2, "HTTP1")
        self.source.drop()
        self.assertEqual(self.destination.recv(), Message(STREAM_RESET, 2, "HTTP1", 1))

    def test_no_destination(self):
        """Nobody on the other side: the source is told at once."""
        self.destination.drop()
        self.the_hub.wait_line("(?i)destination.*(gone|left|closed|lost|disconnected|ended)")
        self.source.send(Message(STREAM_START, 1, "SSH1", 1))
        m = self.source.recv()
        self.assertIn(m.type, (STREAM_RESET, CONNECTION_RESET))
        self.assertEqual((m.stream, m.service, m.connection), (1, "SSH1", 1))

    def test_violations_close(self):
        """The service's rules; the other side stays and is told about its streams."""
        rules = {
            "text frame": lambda p: p.send_frame(TEXT, b"hello"),
            "SESSION_RESET": lambda p: p.send(Message(4)),
            "SERVICE_IDS": lambda p: p.send(Message(5, services=["A"])),
            "unknown service": lambda p: p.send(Message(STREAM_START, 1, "NOPE", 1)),
            "stream 0": lambda p: p.send(Message(STREAM_START, 0, "SSH1", 1)),
            "data without start": lambda p: p.send(Message(DATA, 9, "HTTP1", 1, b"x")),
            "not protobuf": lambda p: p.send_bytes(b"\0\4\xff\xff\xff\xff"),
            "unmasked": lambda p: p.send_frame(2, b"\0\0", mask=False),
            "reserved bits": lambda p: p.send_frame(2, b"\0\0", rsv=4),
            "unknown opcode": lambda p: p.send_frame(3, b""),
            "long ping": lambda p: p.send_frame(PING, b"p" * 126),
            "oversized frame": lambda p: p.send_frame(2, b"\0" * 131077),
            "continuation of nothing": lambda p: p.send_frame(0, b"\0\0"),
        }
        for name, break_it in rules.items():
            with self.subTest(name):
                try:
                    break_it(self.source)
                except OSError:
                    pass  # it closed before all was written
                code = self.source.expect_end()
                self.assertNotEqual(code, 1000)  # that would say: do not come back
                self.assertTrue(self.the_hub.alive())
                self.source = self.join("source")
        self.start_stream(77)

    def test_destination_must_not_start(self):
        self.destination.send(Message(STREAM_START, 1, "SSH1", 1))
        self.assertNotEqual(self.destination.expect_end(), 1000)
        self.destination = self.join("destination")
        self.start_stream()

    def test_close_is_echoed(self):
        self.source.send_frame(CLOSE, b"\x03\xe8")
        self.assertIn(self.source.expect_end(), (1000, 1005))

    def test_back_pressure(self):
        """A destination that does not read stops the source, and the hub does not grow."""
        self.start_stream()
        data = Message(DATA, 1, "SSH1", 1, b"x" * 60000).frame()
        self.source.sock.settimeout(3)
        sent = 0
        with self.assertRaises((TimeoutError, OSError)):
            while sent < 400_000_000:
                self.source.send_bytes(data)
                sent += len(data)
        self.assertLess(sent, 50_000_000)
        # It is this tunnel's matter alone.
        source = connect(self.port, "source", self.others.source)
        destination = connect(self.port, "destination", self.others.destination)
        for peer in (source, destination):
            self.assertEqual(peer.recv().type, SERVICE_IDS)
        source.send(Message(STREAM_START, 1, "SSH1", 1))
        self.assertEqual(destination.recv().type, STREAM_START)


if __name__ == "__main__":
    unittest.main()
