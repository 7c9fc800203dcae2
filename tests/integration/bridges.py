"""Bridges of device streams: a hub that a test can ask for them, and those who come to them."""

import base64
import os
import pathlib
import socket
from dataclasses import dataclass

import wire
from harness import Case
from programs import BUILD, DEADLINE, environment

HUB = pathlib.Path(os.environ.get("TUNNEL_BRIDGE_HUB", BUILD / "debug/tests/bridge_hub"))


@dataclass
class Bridge:
    """What the two who come to it are told."""

    port: int
    path: str
    service_token: str
    device_token: str

    @property
    def id(self):
        return self.path.rpartition("/")[2]

    def ask(self, token, **options):
        return wire.ask(self.port, upgrade(self.path, token, **options))

    def _come(self, token, **options):
        answer = self.ask(token, **options)
        if answer.status != 101:
            raise AssertionError(f"{answer.status} {answer.body}")
        return answer.peer

    def service(self, **options):
        return self._come(self.service_token, **options)

    def device(self, **options):
        return self._come(self.device_token, **options)

    def both(self):
        return self.service(), self.device()


def upgrade(path, token, protocols=None, extra=()):
    """As Azure's clients send it: no Origin, and a Host without port."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket",
             "Connection: Upgrade",
             "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(),
             "Sec-WebSocket-Version: 13"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if protocols:
        lines.append(f"Sec-WebSocket-Protocol: {protocols}")
    return "\r\n".join([*lines, *extra]) + "\r\n\r\n"


def read_bytes(peer, n):
    """n bytes of binary messages, however they are cut."""
    data = bytearray()
    while len(data) < n:
        data += peer.recv_message()
    if len(data) > n:
        raise AssertionError(f"{len(data) - n} bytes too many")
    return bytes(data)


class BridgeCase(Case):
    hub_binary = HUB

    def bridge_hub(self, *more, **options):
        options["env"] = environment(BRIDGE_HUB_SOCKET=str(self.dir / "bridges"))
        (self.dir / "bridges").unlink(missing_ok=True)
        return self.hub(*more, **options)

    def command(self, *words):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(DEADLINE)
            s.connect(str(self.dir / "bridges"))
            s.sendall((" ".join(words) + "\n").encode())
            answer = b""
            while not answer.endswith(b"\n"):
                piece = s.recv(4096)
                if not piece:
                    raise AssertionError(f"no answer to {words}")
                answer += piece
        answer = answer.decode().strip()
        if answer.startswith("error"):
            raise AssertionError(f"{words}: {answer}")
        return answer

    def bridge(self, hub, device="plant7", stream="ssh", policy="service"):
        return Bridge(hub.port, *self.command("make", device, stream, policy).split())
