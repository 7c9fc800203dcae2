"""What a balancer or web server in front of a hub sends: PROXY headers, and requests without TLS."""

import contextlib
import http.client
import ipaddress
import json
import socket
import struct

import api
import certificates
from programs import DEADLINE, wait_until

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL = SIGNATURE + b"\x20\0\0\0"


def v1(client, service="127.0.0.1:443"):
    (a, port), (b, to) = client.rsplit(":", 1), service.rsplit(":", 1)
    family = "TCP6" if ":" in a else "TCP4"
    return f"PROXY {family} {a.strip('[]')} {b.strip('[]')} {port} {to}\r\n".encode()


def v2(client, tlvs=b""):
    host, port = client.rsplit(":", 1)
    ip = ipaddress.ip_address(host.strip("[]"))
    addresses = ip.packed + ip.packed + struct.pack("!HH", int(port), 443) + tlvs
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x11 if ip.version == 4 else 0x21,
                                   len(addresses)) + addresses


def dial(port, source="127.0.0.1"):
    sock = socket.create_connection(("127.0.0.1", port), DEADLINE, source_address=(source, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def tls(port, header, source="127.0.0.1", step=None, name="127.0.0.1"):
    """A TLS client whose connection begins with these bytes."""
    sock = dial(port, source)
    for at in range(0, len(header), step or max(len(header), 1)):
        sock.sendall(header[at:at + (step or len(header))])
    return certificates.trust().wrap_socket(sock, server_hostname=name)


def list_tunnels(sock, authority, key=None, headers=(), keep=False):
    """The status and the JSON of that call, on a connection that is there."""
    body = b"{}"
    fields = api.head(authority, "ListTunnels", body, key=key)
    fields.update(headers)
    sock.sendall(api.request(fields, body))
    answer = http.client.HTTPResponse(sock, method="POST")
    answer.begin()
    text = answer.read()
    if not keep:
        sock.close()
    return answer.status, json.loads(text) if text[:1] == b"{" else text.decode()


def unix(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(DEADLINE)
    sock.connect(str(path))
    return sock


def is_over(sock):
    """Whether the other side has ended the connection."""
    with contextlib.suppress(OSError):
        return sock.recv(1) == b""
    return True


class AuditFile:
    """A mixin of Case: the hub's audit log is self.file."""

    def records(self, event, **fields):
        whole, _, _ = self.file.read_text().rpartition("\n")  # the last one may be on its way
        found = [json.loads(line) for line in whole.splitlines()]
        return [r for r in found if r["event"] == event
                and all(r.get(k) == v for k, v in fields.items())]

    def wait_record(self, event, **fields):
        return wait_until(lambda: self.records(event, **fields),
                          f"{event} {fields} in the audit log")[-1]
