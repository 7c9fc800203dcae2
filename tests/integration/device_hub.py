"""A hub that the test plays itself, for an agent that stands by as a device. Independent of the code
under test: the proof is checked by the openssl command."""

import hashlib
import os
import ssl
import subprocess
from dataclasses import dataclass, field

import certificates
from devices import PROTOCOL, REASONS, proof, put, read
from wire import BINARY, FakeHub

# DER of a P-256 public key, in front of its point (RFC 5480).
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
FROM_DEVICE = {1: "hello", 2: "status", 3: "answer"}
STATUS = {1: "services", 2: "version", 3: "uptime", 4: "accepting", 5: "ping"}
FIELDS = {
    "hello": {1: "device", 2: "public_key", 3: "signature", 4: "join_token", 5: "status",
              6: "tunnels", 7: "names_tunnels"},
    "status": STATUS,
    "answer": {1: "id", 2: "accepted", 3: "code", 4: "why"},
}


@dataclass
class Said:
    """A message of the device's."""

    kind: str
    values: dict = field(default_factory=dict)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self.values.get(name)

    @classmethod
    def of(cls, kind, names, body):
        said = cls(kind)
        for number, value in read(body):
            name = names[number]
            if name in ("services", "tunnels"):
                said.values.setdefault(name, []).append(value.decode())
            elif name == "status":
                said.values[name] = cls.of("status", STATUS, value)
            elif isinstance(value, bytes) and name not in ("public_key", "signature"):
                said.values[name] = value.decode()
            else:
                said.values[name] = value
        return said

    @classmethod
    def parse(cls, data):
        (number, body), = read(data)
        kind = FROM_DEVICE[number]
        return cls.of(kind, FIELDS[kind], body)


def der_integer(value):
    value = value.lstrip(b"\0") or b"\0"
    value = b"\0" + value if value[0] >= 0x80 else value
    return bytes([2, len(value)]) + value


def signature_is_right(folder, point, signature, data):
    """Whether openssl takes r and s, 32 bytes each, for one of that key."""
    body = der_integer(signature[:32]) + der_integer(signature[32:])
    (folder / "point.der").write_bytes(SPKI + point)
    (folder / "signature.der").write_bytes(bytes([0x30, len(body)]) + body)
    done = subprocess.run(["openssl", "dgst", "-sha256", "-keyform", "DER", "-verify",
                           folder / "point.der", "-signature", folder / "signature.der"],
                          input=data, capture_output=True)
    return done.returncode == 0


class Present:
    """The hub's side of a device's link."""

    def __init__(self, peer, certificate):
        self.peer = peer
        self.certificate = certificate
        self.nonce = os.urandom(32)
        self.hello = None

    def send(self, kind, body):
        self.peer.send_frame(BINARY, put((kind, body)) or bytes([kind << 3 | 2, 0]))

    def challenge(self):
        self.send(1, put((1, self.nonce)))
        self.hello = self.recv()
        assert self.hello.kind == "hello", self.hello
        return self.hello

    def recv(self):
        return Said.parse(self.peer.recv_message())

    def recv_kind(self, kind):
        """The next message of this kind; others are passed over."""
        while (said := self.recv()).kind != kind:
            pass
        return said

    def proven(self, folder, host="127.0.0.1"):
        said = self.hello
        return signature_is_right(folder, said.public_key, said.signature, proof(
            host, said.device, said.public_key, self.nonce, self.certificate))

    def welcome(self, device=None, enrolled=False, pending=False):
        self.send(2, put((1, enrolled), (2, pending), (3, device or self.hello.device)))

    def refuse(self, reason, text=""):
        """And the Close behind it."""
        self.send(3, put((1, REASONS.index(reason)), (2, text)))
        self.peer.close(1008)

    def notice(self, id, token="T" * 40, services=("SSH1",), service="SSH1", by="AKID", why="",
               answer_ms=30000, tunnel=None):
        self.send(4, put((1, id), (2, token), (3, list(services)), (4, service), (5, by), (6, why),
                         (7, answer_ms), (8, tunnel or f"tunnel-{id}")))

    def withdraw(self, id):
        self.send(5, put((1, id)))

    def answer(self):
        return self.recv_kind("answer")


class DeviceHub(FakeHub):
    """accept_device() is a device that has said Hello."""

    def __init__(self, cert=None):
        super().__init__(cert)
        pem = (cert or certificates.certificate()).cert.read_text()
        leaf = ssl.PEM_cert_to_DER_cert(pem[:pem.index("-----END") + 25])
        self.fingerprint = hashlib.sha256(leaf).digest()

    def accept_device(self):
        peer = self.accept(subprotocol=PROTOCOL)
        assert peer.head.startswith("GET /device HTTP/1.1\r\n"), peer.head
        present = Present(peer, self.fingerprint)
        present.challenge()
        return present
