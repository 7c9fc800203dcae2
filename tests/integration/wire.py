"""The tunnel's wire in Python, independent of the code under test: WebSocket over TLS, the length
prefix, and the protobuf Message. Blocking; one thread each way."""

import base64
import hashlib
import os
import socket
import ssl
import struct
from dataclasses import dataclass, field

import certificates
from programs import DEADLINE
from sockets import Shared

(UNKNOWN, DATA, STREAM_START, STREAM_RESET, SESSION_RESET, SERVICE_IDS, CONNECTION_START,
 CONNECTION_RESET) = range(8)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
(PEER, CONNECTION_OPENED, CONNECTION_FIN, CREDIT, RESUME, ECHO, ECHO_REPLY) = range(16, 23)
SUBPROTOCOL = "aws.iot.securetunneling-3.0"
NATIVE = "tunnel.native-1"
# Fields of native sessions: number, name, whether a text.
NATIVE_FIELDS = ((16, "epoch", False), (17, "attached", False), (18, "subprotocol", True),
                 (19, "instance", True), (20, "device", True), (21, "error", False),
                 (22, "received", False), (23, "window", False), (24, "fin", False),
                 (25, "left", False))


# ---- protobuf ----

def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


@dataclass
class Message:
    type: int
    stream: int = 0
    service: str = ""
    connection: int = 0
    payload: bytes = b""
    ignorable: bool = False
    services: list = field(default_factory=list)
    native: dict = field(default_factory=dict)  # NATIVE_FIELDS by name

    def body(self):
        out = b""
        for number, value in ((1, self.type), (2, self.stream), (3, int(self.ignorable))):
            if value:
                out += varint(number << 3) + varint(value)
        for number, value in ((4, self.payload), (5, self.service), *((6, s) for s in self.services)):
            if value:
                value = value.encode() if isinstance(value, str) else value
                out += varint(number << 3 | 2) + varint(len(value)) + value
        if self.connection:
            out += varint(7 << 3) + varint(self.connection)
        for number, name, text in NATIVE_FIELDS:
            value = self.native.get(name)
            if value and text:
                value = value.encode() if isinstance(value, str) else value
                out += varint(number << 3 | 2) + varint(len(value)) + value
            elif value:
                out += varint(number << 3) + varint(int(value))
        return out

    def frame(self):
        body = self.body()
        return struct.pack(">H", len(body)) + body

    @classmethod
    def parse(cls, data, native=False):
        """native: fields of native sessions are in the schema."""
        known = {number: (name, text) for number, name, text in NATIVE_FIELDS} if native else {}
        m, at = cls(UNKNOWN), 0
        while at < len(data):
            tag, at = read_varint(data, at)
            number, kind = tag >> 3, tag & 7
            if kind == 0:
                value, at = read_varint(data, at)
            elif kind == 2:
                size, at = read_varint(data, at)
                value, at = data[at:at + size], at + size
            else:
                raise ValueError(f"wire type {kind}")
            if number == 1:
                m.type = value
            elif number == 2:
                m.stream = value - (1 << 64) if value >> 63 else value
            elif number == 3:
                m.ignorable = bool(value)
            elif number == 4:
                m.payload = bytes(value)
            elif number == 5:
                m.service = value.decode()
            elif number == 6:
                m.services.append(value.decode())
            elif number == 7:
                m.connection = value
            elif number in known:
                name, text = known[number]
                m.native[name] = value.decode() if text else value
            else:
                raise ValueError(f"field {number} is not in the schema")
        return m


# ---- WebSocket ----

class Closed(Exception):
    """The other side sent Close; .code (1005: none)."""

    def __init__(self, code, reason):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class Dropped(Exception):
    """The transport ended without a Close."""


class Peer:
    """One end of a WebSocket after its handshake."""

    def __init__(self, sock, client, early=b"", head=""):
        self.sock = Shared(sock) if isinstance(sock, ssl.SSLSocket) else sock
        self.client, self.head = client, head
        self.native = False      # NATIVE was agreed on
        self.buffer = early      # from the transport
        self.bytes = b""         # of tunnel frames
        self.pongs = []
        self.message_sizes = []  # of data messages, as they came
        self.sock.settimeout(DEADLINE)

    def send_frame(self, opcode, payload, fin=True, mask=None, rsv=0):
        mask = self.client if mask is None else mask
        n = len(payload)
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        bit = 0x80 if mask else 0
        if n < 126:
            head += bytes([bit | n])
        elif n < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", n)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", n)
        if mask:
            key = os.urandom(4)
            pad = int.from_bytes((key * (n // 4 + 1))[:n], "big")
            payload = (int.from_bytes(payload, "big") ^ pad).to_bytes(n, "big")
            head += key
        self.sock.sendall(head + payload)

    def send_bytes(self, data, step=None):
        """Tunnel bytes as one message, in WebSocket frames of at most `step` bytes."""
        step = step or max(len(data), 1)
        pieces = [data[i:i + step] for i in range(0, len(data), step)] or [b""]
        for i, piece in enumerate(pieces):
            self.send_frame(BINARY if i == 0 else 0, piece, fin=i == len(pieces) - 1)

    def send(self, *messages, step=4096):
        """Each as its own WebSocket message in frames of 4,096 bytes: as the reference does."""
        for m in messages:
            self.send_bytes(m.frame(), step)

    def _need(self, n):
        while len(self.buffer) < n:
            try:
                data = self.sock.recv(65536)
            except (TimeoutError, socket.timeout):
                raise AssertionError("the peer sends nothing") from None
            except OSError as e:
                raise Dropped(str(e)) from None
            if not data:
                raise Dropped("end")
            self.buffer += data

    def recv_frame(self):
        """(opcode, fin, payload)"""
        self._need(2)
        first, second = self.buffer[:2]
        n, at = second & 127, 2
        if n == 126:
            self._need(4)
            n, at = struct.unpack(">H", self.buffer[2:4])[0], 4
        elif n == 127:
            self._need(10)
            n, at = struct.unpack(">Q", self.buffer[2:10])[0], 10
        masked = bool(second & 0x80)
        if masked == self.client:
            raise AssertionError("masking is wrong")
        end = at + (4 if masked else 0) + n
        self._need(end)
        payload = self.buffer[end - n:end]
        if masked and n:
            pad = (self.buffer[at:at + 4] * (n // 4 + 1))[:n]
            payload = (int.from_bytes(payload, "big")
                       ^ int.from_bytes(pad, "big")).to_bytes(n, "big")
        self.buffer = self.buffer[end:]
        return first & 15, bool(first & 0x80), payload

    def recv_but_ping(self):
        """The next frame that is no PING, which comes after a while; it is answered."""
        while (frame := self.recv_frame())[0] == PING:
            self.send_frame(PONG, frame[2])
        return frame

    def recv_message(self):
        """The next data message's payload; control frames are answered on the way."""
        data = b""
        while True:
            opcode, fin, payload = self.recv_frame()
            if opcode == PING:
                self.send_frame(PONG, payload)
            elif opcode == PONG:
                self.pongs.append(payload)
            elif opcode == CLOSE:
                try:
                    self.send_frame(CLOSE, payload[:2])
                except OSError:
                    pass
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                raise Closed(code, payload[2:].decode("utf-8", "replace"))
            elif opcode in (0, BINARY):
                data += payload
                if fin:
                    self.message_sizes.append(len(data))
                    return data
            else:
                raise AssertionError(f"frame with opcode {opcode}")

    def recv(self):
        """The next tunnel message."""
        while True:
            if len(self.bytes) >= 2:
                n = struct.unpack(">H", self.bytes[:2])[0]
                if len(self.bytes) >= 2 + n:
                    m = Message.parse(self.bytes[2:2 + n], self.native)
                    self.bytes = self.bytes[2 + n:]
                    return m
            self.bytes += self.recv_message()

    def recv_data(self, n):
        """n bytes of DATA payload, of whatever connection; other types are an error."""
        out = b""
        while len(out) < n:
            m = self.recv()
            if m.type != DATA:
                raise AssertionError(f"not DATA but {m}")
            out += m.payload
        return out

    def expect_end(self):
        """Reads until it is over: the Close code, or None when the transport just ended."""
        try:
            while True:
                self.recv_message()
        except Closed as e:
            return e.code
        except Dropped:
            return None

    def close(self, code=1000):
        """The closing handshake: a Close (without a code: None) and the other side's end."""
        try:
            self.send_frame(CLOSE, struct.pack(">H", code) if code else b"")
        except OSError:
            pass
        self.expect_end()
        self.drop()

    def drop(self):
        """Ends the transport without a Close."""
        try:
            self.sock.close()
        except OSError:
            pass


def read_head(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(4096)
        if not piece:
            raise Dropped(f"within the head: {data!r}")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def headers_of(head):
    pairs = [line.partition(":") for line in head.split("\r\n")[1:]]
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


# ---- client of a hub ----

@dataclass
class Answer:
    status: int
    headers: dict
    body: str
    peer: Peer = None


def request(mode, token, headers=(), path=None, subprotocol=SUBPROTOCOL, token_header=True):
    """The upgrade request as the reference program sends it."""
    lines = [f"GET {path or f'/tunnel?local-proxy-mode={mode}'} HTTP/1.1", "Host: 127.0.0.1",
             "Upgrade: websocket", "Connection: upgrade",
             "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(),
             "Sec-WebSocket-Version: 13"]
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    if token_header:
        lines.append(f"access-token: {token}")
    lines += [*headers, "User-Agent: reference/3.3.1"]
    return "\r\n".join(lines) + "\r\n\r\n"


def tls_client(port, name="127.0.0.1", context=None):
    bare = socket.create_connection(("127.0.0.1", port), DEADLINE)
    bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return (context or certificates.trust()).wrap_socket(bare, server_hostname=name)


def ask(port, text):
    """Sends a request's head to the hub; the answer holds a Peer when it is 101."""
    sock = tls_client(port)
    sock.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))
    head, rest = read_head(sock)
    status, headers = int(head.split()[1]), headers_of(head)
    if status == 101:
        peer = Peer(sock, True, rest, head)
        peer.native = headers.get("sec-websocket-protocol") == NATIVE
        return Answer(status, headers, "", peer)
    while len(rest) < int(headers.get("content-length", 0)) and (data := sock.recv(4096)):
        rest += data
    sock.close()
    return Answer(status, headers, rest.decode("utf-8", "replace"))


def connect(port, mode, token, client_token=None, **options):
    """A peer on a real hub, by a token or a file that holds it; SERVICE_IDS is still to be
    read."""
    headers = [f"client-token: {client_token}"] if client_token else []
    token = token if isinstance(token, str) else token.read_text().strip()
    answer = ask(port, request(mode, token, headers, **options))
    if answer.status != 101:
        raise AssertionError(f"{answer.status} {answer.body}")
    return answer.peer


def connect_native(port, mode, token, instance="A" * 22, client_token=None):
    """The same as an end of a native session; PEER comes first."""
    headers = [f"tunnel-instance: {instance}"]
    if client_token:
        headers.append(f"client-token: {client_token}")
    token = token.read_text().strip()
    answer = ask(port, request(mode, token, headers, subprotocol=f"{NATIVE}, {SUBPROTOCOL}"))
    if answer.status != 101 or not answer.peer.native:
        raise AssertionError(f"{answer.status} {answer.headers} {answer.body}")
    return answer.peer


# ---- a hub of our own ----

class FakeHub:
    """Accepts our programs with a certificate that they trust. accept() gives a Peer whose .head
    is the request."""

    def __init__(self, cert=None):
        cert = cert or certificates.certificate()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert.cert, cert.key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.port = self.listener.getsockname()[1]

    def accept_tls(self):
        sock, _ = self.listener.accept()
        sock.settimeout(DEADLINE)
        return self.context.wrap_socket(sock, server_side=True)

    def accept_request(self):
        sock = self.accept_tls()
        head, rest = read_head(sock)
        return sock, head, rest

    def accept(self, subprotocol=SUBPROTOCOL, services=None, extra=""):
        """101; with `services` SERVICE_IDS follows, alone in its message."""
        sock, head, rest = self.accept_request()
        key = headers_of(head)["sec-websocket-key"]
        accept = base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()
        sock.sendall(f"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                     f"Upgrade: websocket\r\nsec-websocket-accept: {accept}\r\n"
                     f"sec-websocket-protocol: {subprotocol}\r\nchannel-id: 0ea2b3fffe\r\n"
                     f"{extra}\r\n".encode())
        peer = Peer(sock, False, rest, head)
        peer.native = subprotocol == NATIVE
        if services is not None:
            peer.send(Message(SERVICE_IDS, services=services))
        return peer

    def reject(self, status, body, extra=""):
        """Answers the next request with this status; returns its head."""
        sock, head, _ = self.accept_request()
        body = body.encode() if isinstance(body, str) else body
        sock.sendall(f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n{extra}"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        sock.close()
        return head

    def close(self):
        self.listener.close()
