"""What passes between two ends: on the wire, as anybody on the way sees it, and inside TLS, as the hub
sees it. For the second the proxy ends TLS with the hub's own certificate, so that nobody notices."""

import re
import socket
import ssl
import struct

from tcp_relay import Relay

CHANGE, HANDSHAKE, DATA = 20, 22, 23  # types of records (RFC 5246, 6.2.1)
BINARY = 2  # a WebSocket message (RFC 6455, 5.2)


class Way:
    """One connection; .up is what the client sent, .down what came back."""

    def __init__(self):
        self.up, self.down = bytearray(), bytearray()


class Proxy(Relay):
    """Passes connections to `port` on, and keeps what passes. `tls`: (certificate, key, authority)."""

    def __init__(self, port, tls=None):
        self.ways, self.kept = [], {}
        self.server = self.client = None
        if tls:
            self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.server.load_cert_chain(tls[0], tls[1])
            self.client = ssl.create_default_context(cafile=tls[2])
        super().__init__(port)

    def join(self, near):
        near, far = super().join(near)
        if self.server:
            near = self.server.wrap_socket(near, server_side=True)
            far = self.client.wrap_socket(far, server_hostname="localhost")
        way = Way()
        self.kept[near], self.kept[far] = way.up, way.down
        self.ways.append(way)
        return near, far

    def passes(self, source, sink, data):
        self.kept[source] += data
        super().passes(source, sink, data)


# ---- TLS, as anybody sees it ----

def records(data):
    """(type, version, body) of the whole records."""
    at = 0
    while at + 5 <= len(data):
        kind, version, size = struct.unpack(">BHH", data[at:at + 5])
        if at + 5 + size > len(data):
            return
        yield kind, version, bytes(data[at + 5:at + 5 + size])
        at += 5 + size


def handshakes(data):
    """(type, body) of the handshake messages before encryption begins."""
    text = b""
    for kind, _, body in records(data):
        if kind == CHANGE:
            break
        if kind == HANDSHAKE:
            text += body
    while len(text) >= 4:
        size = int.from_bytes(text[1:4], "big")
        yield text[0], text[4:4 + size]
        text = text[4 + size:]


def hello(body):
    """version, cipher suites and {extension: body} of a ClientHello (RFC 5246, 7.4.1.2)."""
    at = 35 + body[34]
    size = int.from_bytes(body[at:at + 2], "big")
    suites = [int.from_bytes(body[i:i + 2], "big") for i in range(at + 2, at + 2 + size, 2)]
    at += 2 + size
    at += 1 + body[at] + 2
    found = {}
    while at + 4 <= len(body):
        kind, size = struct.unpack(">HH", body[at:at + 4])
        found[kind] = body[at + 4:at + 4 + size]
        at += 4 + size
    return int.from_bytes(body[:2], "big"), suites, found


# ---- WebSocket, as the hub sees it ----

def frames(data):
    """(opcode, payload) behind the head of the request or answer that begins a WebSocket."""
    at = data.index(b"\r\n\r\n", max(data.find(b"Upgrade: websocket"), 0)) + 4
    while at + 2 <= len(data):
        first, size, masked = data[at], data[at + 1] & 0x7F, data[at + 1] & 0x80
        at += 2
        for marker, wide in ((126, 2), (127, 8)):
            if size == marker:
                size = int.from_bytes(data[at:at + wide], "big")
                at += wide
                break
        mask = data[at:at + 4] if masked else b"\0\0\0\0"
        at += 4 if masked else 0
        if at + size > len(data):
            return
        yield first & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(data[at:at + size]))
        at += size


def heads(data, pattern):
    """Of the requests that match: first line, names of the headers in their order, and headers."""
    for found in re.finditer(pattern + rb"[^\r]* HTTP/1.1\r\n.*?\r\n\r\n", data, re.DOTALL):
        first, *lines = found[0].decode().strip().split("\r\n")
        yield first, [line.split(":")[0] for line in lines], dict(line.split(": ", 1) for line in lines)
