"""A device that holds a link to a hub, in Python, independent of the code under test: the proof by
the openssl command, the messages of proto/device.proto by hand."""

import base64
import hashlib
import itertools
import os
import ssl
import struct
import subprocess
from dataclasses import dataclass, field

import certificates
from wire import BINARY, PING, Peer, headers_of, read_head, read_varint, tls_client, varint

PROTOCOL = "tunnel.device-1"
LABEL = b"tunnel.device-1 proof"
REASONS = ("UNKNOWN BAD_PROOF UNKNOWN_DEVICE JOIN_TOKEN_UNKNOWN JOIN_TOKEN_EXPIRED "
           "JOIN_TOKEN_USED_UP NAME_NOT_INVITED NAME_TAKEN NAME_INVALID DISABLED REMOVED REPLACED "
           "BUSY CERTIFICATE_CHANGED MALFORMED").split()
REFUSED, NOT_SERVED, BUSY, MAINTENANCE = range(1, 5)
TO_DEVICE = {1: "challenge", 2: "welcome", 3: "refused", 4: "notice", 5: "withdrawn"}
FIELDS = {
    "challenge": {1: "nonce"},
    "welcome": {1: "enrolled", 2: "pending", 3: "device"},
    "refused": {1: "reason", 2: "text"},
    "notice": {1: "id", 2: "access_token", 3: "services", 4: "service", 5: "opened_by", 6: "why",
               7: "answer_ms", 8: "tunnel"},
    "withdrawn": {1: "id"},
}


# ---- the key ----

class Key:
    """A P-256 key pair; .point is its public half."""

    _numbers = itertools.count()

    def __init__(self, folder):
        self.file = folder / f"device-{next(self._numbers)}.pem"
        certificates.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.file)
        der = subprocess.run(["openssl", "ec", "-in", self.file, "-pubout", "-outform", "DER"],
                             capture_output=True, check=True).stdout
        self.point = der[-65:]

    def sign(self, data):
        """ECDSA with SHA-256: r and s, 32 bytes each."""
        der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.file], input=data,
                             capture_output=True, check=True).stdout
        at, out = 2, b""
        for _ in range(2):
            assert der[at] == 2, der
            n = der[at + 1]
            out += der[at + 2:at + 2 + n].lstrip(b"\0").rjust(32, b"\0")
            at += 2 + n
        return out


def proof(host, device, point, nonce, certificate):
    """What is signed."""
    parts = (LABEL, host.lower().encode(), device.encode(), point, nonce, certificate)
    return b"".join(struct.pack(">H", len(part)) + part for part in parts)


# ---- messages ----

def put(*fields):
    """(number, value) pairs; empty values are left out."""
    out = b""
    for number, value in fields:
        if isinstance(value, (bool, int)):
            if value:
                out += varint(number << 3) + varint(int(value))
        else:
            for one in value if isinstance(value, list) else [value] if value else []:
                one = one.encode() if isinstance(one, str) else one
                out += varint(number << 3 | 2) + varint(len(one)) + one
    return out


def read(data):
    """[(number, value)]"""
    found, at = [], 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        else:
            assert tag & 7 == 2, tag
            size, at = read_varint(data, at)
            value, at = bytes(data[at:at + size]), at + size
        found.append((tag >> 3, value))
    return found


def status(services=("SSH1",), version="9.9", uptime=100, accepting=True, ping=60):
    return put((1, list(services)), (2, version), (3, uptime), (4, accepting), (5, ping))


@dataclass
class Told:
    """A message of the hub's."""

    kind: str
    values: dict = field(default_factory=dict)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self.values.get(name)

    @property
    def refusal(self):
        return REASONS[self.values.get("reason", 0)]

    @classmethod
    def parse(cls, data):
        (number, body), = read(data)
        kind = TO_DEVICE[number]
        values = {"services": []} if kind == "notice" else {}
        for one, value in read(body):
            name = FIELDS[kind][one]
            if isinstance(value, bytes) and name != "nonce":
                value = value.decode()
            if name == "services":
                values[name].append(value)
            else:
                values[name] = value
        return cls(kind, values)


# ---- the link ----

def upgrade(host="127.0.0.1", protocol=PROTOCOL):
    key = base64.b64encode(os.urandom(16)).decode()
    return (f"GET /device HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n")


class Link:
    """A connection to /device that was challenged; .nonce and .certificate (its hash)."""

    def __init__(self, hub, host="127.0.0.1", cert=None, sock=None, shown=None):
        """sock: a connection that is there, with the certificate (DER) that was shown."""
        if sock:
            self.certificate = hashlib.sha256(shown).digest()
        elif cert:
            context = ssl.create_default_context(cafile=certificates.certificate().ca)
            context.load_cert_chain(cert.cert, cert.key)
            sock = tls_client(hub.port, context=context)
        else:
            sock = tls_client(hub.port)
        self.host = host
        if not shown:
            self.certificate = hashlib.sha256(sock.getpeercert(binary_form=True)).digest()
        sock.sendall(upgrade(host).encode())
        head, rest = read_head(sock)
        assert head.split()[1] == "101", head + rest.decode()
        assert headers_of(head)["sec-websocket-protocol"] == PROTOCOL, head
        self.peer = Peer(sock, True, rest, head)
        told = self.recv()
        assert told.kind == "challenge" and len(told.nonce) == 32, told
        self.nonce = told.nonce

    def recv(self):
        return Told.parse(self.peer.recv_message())

    def send(self, data):
        self.peer.send_frame(BINARY, data)

    def hello(self, device, key=None, token="", said=None, host=None, nonce=None,
              certificate=None, signature=None, tunnels=None):
        """Sends Hello with a right proof, unless a part of it is given. tunnels: the ids of those
        that it has; None: as an agent that does not name them."""
        point = key.point if key else b""
        if key and signature is None:
            signature = key.sign(proof(host or self.host, device, point, nonce or self.nonce,
                                       certificate or self.certificate))
        self.send(put((1, put((1, device), (2, point), (3, signature or b""), (4, token),
                              (5, status() if said is None else said), (6, tunnels or []),
                              (7, tunnels is not None)))))
        return signature

    def enter(self, *args, **more):
        """Hello and the hub's answer, which is Welcome or Refused."""
        self.hello(*args, **more)
        return self.recv()

    def status(self, **more):
        self.send(put((2, status(**more))))

    def answer(self, notice, accepted=True, code=0, why=""):
        self.send(put((3, put((1, notice), (2, accepted), (3, code), (4, why)))))

    def ping(self):
        """Whatever was sent before has been read when the pong is here."""
        self.peer.send_frame(PING, b"x")
        pongs = len(self.peer.pongs)
        while len(self.peer.pongs) == pongs:
            opcode, _, payload = self.peer.recv_but_ping()
            assert opcode == 10, (opcode, payload)
            self.peer.pongs.append(payload)

    def drop(self):
        self.peer.drop()

    def end(self):
        """Reads to the end: the Close code or None."""
        return self.peer.expect_end()

