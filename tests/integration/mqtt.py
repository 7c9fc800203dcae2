"""An MQTT client of the test's own, which can say anything in any split; and a hub that listens for
MQTT."""

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
import time
import urllib.parse

import certificates
from programs import DEADLINE
from sockets import free_port

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, \
    UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = range(1, 15)


def notify(name):
    return f"$aws/things/{name}/tunnels/notify"


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


def packet(kind, body=b"", flags=0):
    size, length = len(body), b""
    while True:
        size, low = size >> 7, size & 127
        length += bytes([low | (128 if size else 0)])
        if not size:
            return bytes([kind << 4 | flags]) + length + body


def connect(client_id="", clean=True, keepalive=60, user=None, password=None, level=4, will=False,
            bridge=False):
    flags = 2 * clean | 4 * will | 128 * (user is not None) | 64 * (password is not None)
    body = text("MQTT" if level == 4 else "MQIsdp" if level == 3 else "MQTT")
    body += bytes([level | 128 * bridge, flags]) + struct.pack(">H", keepalive) + text(client_id)
    body += text("gone") + text("1") if will else b""
    body += text(user) if user is not None else b""
    body += text(password) if password is not None else b""
    return packet(CONNECT, body)


def subscribe(*filters, number=1):
    """filters: texts, or (text, QoS)."""
    pairs = [f if isinstance(f, tuple) else (f, 1) for f in filters]
    return packet(SUBSCRIBE, struct.pack(">H", number) +
                  b"".join(text(f) + bytes([qos]) for f, qos in pairs), 2)


def unsubscribe(*filters, number=1):
    return packet(UNSUBSCRIBE, struct.pack(">H", number) + b"".join(map(text, filters)), 2)


def publish(topic, payload=b"", qos=0, number=1):
    return packet(PUBLISH, text(topic) + (struct.pack(">H", number) if qos else b"") + payload,
                  qos << 1)


def signature(resource, key, lives=3600):
    """A shared access signature; key: base64."""
    sr, se = urllib.parse.quote(resource, safe=""), str(int(time.time()) + lives)
    mac = hmac.digest(base64.b64decode(key), f"{sr}\n{se}".encode(), hashlib.sha256)
    sig = urllib.parse.quote(base64.b64encode(mac).decode(), safe="")
    return f"SharedAccessSignature sr={sr}&sig={sig}&se={se}"


def azure_login(name, key, host="localhost", **how):
    """What Client.enter wants of a device with that symmetric key."""
    return {"client_id": name, "clean": False, "keepalive": 180,
            "user": f"{host}/{name}/?api-version=2021-04-12&DeviceClientType=test%2F1.0",
            "password": signature(f"{host}/devices/{name}", key, **how)}


class WebSocket:
    """What a Client sends and reads through a WebSocket. step: bytes in a frame, 0: as they come."""

    def __init__(self, sock, path, subprotocol, step=0):
        self.sock, self.step = sock, step
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                     f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {subprotocol}\r\n"
                     "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            more = sock.recv(1)
            if not more:
                break
            head += more
        self.head = head.decode()
        self.status = int(self.head.split()[1])
        self.closed = None  # code of the hub's Close

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def _send(self, opcode, data):
        size = bytes([128 | len(data)]) if len(data) < 126 else \
            b"\xfe" + struct.pack(">H", len(data))
        mask = os.urandom(4)
        self.sock.sendall(bytes([128 | opcode]) + size + mask +
                          bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def sendall(self, data):
        step = self.step or 60000
        for at in range(0, len(data), step):
            self._send(2, data[at:at + step])

    def recv(self, _):
        while True:
            head, size = self._exactly(2)
            size = struct.unpack(">H", self._exactly(2))[0] if size == 126 else size
            data = self._exactly(size)
            if head & 15 == 8:
                self.closed = struct.unpack(">H", data[:2])[0]
                self._send(8, data)
                return b""
            assert head & 15 in (0, 2), head
            if data:
                return data

    def close(self):
        self.sock.close()


class Gone(Exception):
    """The hub has closed the connection."""


class Packet:
    def __init__(self, head, body):
        self.kind, self.flags, self.body = head >> 4, head & 15, body

    @property
    def number(self):
        """Of a packet that begins with it."""
        return struct.unpack(">H", self.body[:2])[0]

    @property
    def codes(self):
        return list(self.body[2:])

    def published(self):
        """(topic, payload, QoS, DUP, packet id)"""
        n, = struct.unpack(">H", self.body[:2])
        qos, rest = self.flags >> 1 & 3, self.body[2 + n:]
        number = struct.unpack(">H", rest[:2])[0] if qos else 0
        return (self.body[2:2 + n].decode(), rest[2:] if qos else rest, qos, bool(self.flags & 8),
                number)


class Client:
    """cert: a certificates.Certificate, or None; in plain TCP with plain=True; in a WebSocket with
    its path. rcvbuf: bytes; mss: of a segment, so that the hub's kernel holds little as well."""

    def __init__(self, port, cert=None, plain=False, timeout=DEADLINE, rcvbuf=None, mss=None, path=None,
                 subprotocol="mqtt", step=0):
        raw = socket.socket()
        if rcvbuf:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if mss:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        raw.settimeout(timeout)
        raw.connect(("127.0.0.1", port))
        if not plain:
            context = ssl.create_default_context(cafile=certificates.certificate().ca)
            if cert:
                context.load_cert_chain(cert.cert, cert.key)
            raw = context.wrap_socket(raw, server_hostname="127.0.0.1")
        self.socket = WebSocket(raw, path, subprotocol, step) if path else raw
        self.held = b""

    def send(self, *pieces):
        for piece in pieces:
            self.socket.sendall(piece)

    def _read(self, n):
        while len(self.held) < n:
            try:
                more = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError):
                more = b""
            if not more:
                raise Gone(self.held)
            self.held += more
        out, self.held = self.held[:n], self.held[n:]
        return out

    def recv(self):
        head, size, shift = self._read(1)[0], 0, 0
        while True:
            byte = self._read(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return Packet(head, self._read(size))

    def expect(self, kind):
        got = self.recv()
        assert got.kind == kind, (got.kind, got.body)
        return got

    def enter(self, *args, **more):
        """CONNECT, which is accepted; returns whether a session was present."""
        self.send(connect(*args, **more))
        ack = self.expect(CONNACK)
        assert ack.body[1] == 0, ack.body
        return bool(ack.body[0])

    def refused(self, *args, **more):
        """CONNECT, which is refused with that code; and then the end."""
        self.send(connect(*args, **more))
        ack = self.expect(CONNACK)
        assert ack.body[0] == 0 and ack.body[1] != 0, ack.body
        self.expect_end()
        return ack.body[1]

    def subscribe(self, *filters):
        self.send(subscribe(*filters))
        return self.expect(SUBACK).codes

    def ping(self):
        """Everything before it has been taken."""
        self.send(packet(PINGREQ))
        self.expect(PINGRESP)

    def notice(self, acknowledge=True):
        """The next PUBLISH, as Packet.published() has it."""
        got = self.expect(PUBLISH).published()
        if acknowledge and got[2]:
            self.send(packet(PUBACK, struct.pack(">H", got[4])))
        return got

    def expect_end(self):
        try:
            got = self.recv()
        except Gone as gone:
            assert gone.args[0] == b"", gone
        else:
            raise AssertionError((got.kind, got.body))

    def drop(self):
        self.socket.close()


class MqttCase:
    """A part of a Case: mqtt_hub() is a hub whose .mqtt is the port for MQTT."""

    def mqtt_hub(self, *more, mqtt=None, **options):
        hub = self.hub("--device-ca", certificates.authority("devices") / "ca.pem", "--mqtt-listen",
                       f"127.0.0.1:{mqtt or free_port()}", *more, **options)
        hub.mqtt = int(hub.wait_line(r"Listening for MQTT on \S+:(\d+)").group(1))
        return hub

    def device(self, hub, name="press7", port=None, **options):
        """A client with the certificate of that name, or with none."""
        client = Client(port or hub.mqtt, name and certificates.device(name), **options)
        self.addCleanup(client.drop)
        return client

    def restart(self, hub, *more, kill=True):
        port, mqtt = hub.port, hub.mqtt
        if kill:
            hub.kill()
        else:
            self.assertEqual(hub.terminate(), 0)
        return self.mqtt_hub(*more, port=port, mqtt=mqtt)


def shown_devices(hub):
    return {d["device"]: d for d in hub.api.of_hub("ListDevices")["devices"]}
