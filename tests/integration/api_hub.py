"""A hub with devices, as far as gateways see it: a TLS server that answers the control API by a script of the
test, and passes ends of tunnels on to a real hub, over the connection that they come on."""

import json
import socket
import ssl
import threading
from dataclasses import dataclass

import certificates
from acceptor import Acceptor
from programs import DEADLINE, wait_until
from sockets import Shared
from wire import Dropped, headers_of, read_head, tls_client

HANG = object()   # no answer comes
DROP = object()   # the connection is closed instead


class Last(bytes):
    """An answer behind which the connection is closed."""


@dataclass
class Call:
    """One call of the control API."""

    operation: str   # "TunnelHub.ConnectDevice"
    input: dict
    headers: dict
    connection: int


def refusal(name, message="", status=400, **more):
    return status, {"__type": name, "message": message, **more}


class DeviceHub:
    """answers: {operation: function(call) -> output | (status, output) | bytes | HANG | DROP}."""

    def __init__(self, real=None):
        self.real, self.answers = real, {}
        self.calls, self.upgrades, self.alive = [], [], 0
        self.closed = threading.Event()
        self.lock = threading.Lock()
        self.streams = {}
        cert = certificates.certificate()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert.cert, cert.key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.n = 0
        self.acceptor = Acceptor(self.listener, self._came)

    def close(self):
        if self.closed.is_set():
            return
        self.closed.set()
        self.acceptor.close()
        self.drop()

    def drop(self):
        """Closes all connections, as a hub that restarts."""
        with self.lock:
            streams = list(self.streams.values())
        for s in streams:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def of(self, operation):
        with self.lock:
            return [c for c in self.calls if c.operation.endswith(operation)]

    def wait(self, operation, n=1):
        wait_until(lambda: len(self.of(operation)) >= n, f"{n} calls of {operation}")
        return self.of(operation)[n - 1]

    # ---- connections ----

    def _came(self, bare):
        self.n += 1
        threading.Thread(target=self._serve, args=(bare, self.n), daemon=True).start()

    def _serve(self, bare, number):
        try:
            bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with Shared(self.context.wrap_socket(bare, server_side=True)) as s:
                with self.lock:
                    self.streams[number] = s
                while self._one(s, number):
                    pass
        except (OSError, Dropped):
            pass
        finally:
            with self.lock:
                self.streams.pop(number, None)

    def _one(self, s, number):
        head, rest = read_head(s)
        headers = headers_of(head)
        if head.startswith("GET /healthz"):
            self.alive += 1
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
            return True
        if not head.startswith("POST"):
            self._pass_on(s, number, head, rest)
            return False
        while len(rest) < int(headers["content-length"]):
            rest += s.recv(65536)
        call = Call(headers["x-amz-target"], json.loads(rest), headers, number)
        with self.lock:
            self.calls.append(call)
        return self._answer(s, call)

    def _answer(self, s, call):
        found = self.answers[call.operation.partition(".")[2]](call)
        if found is HANG:
            self.closed.wait(DEADLINE)
            return False
        if found is DROP:
            return False
        if isinstance(found, bytes):
            s.sendall(found)
            return not isinstance(found, Last)
        status, output = found if isinstance(found, tuple) else (200, found)
        body = output if isinstance(output, bytes) else json.dumps(output).encode()
        s.sendall(f"HTTP/1.1 {status} Whatever\r\nContent-Type: application/x-amz-json-1.1\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return True

    # ---- ends of tunnels ----

    def _pass_on(self, s, number, head, rest):
        with self.lock:
            self.upgrades.append(number)
        there = Shared(tls_client(self.real.port))
        there.sendall(head.encode("latin-1") + b"\r\n\r\n" + rest)
        back = threading.Thread(target=_copy, args=(there, s), daemon=True)
        back.start()
        _copy(s, there)
        back.join()
        there.close()


def _copy(source, to):
    try:
        while piece := source.recv(65536):
            to.sendall(piece)
    except OSError:
        pass
    for s in (source, to):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
