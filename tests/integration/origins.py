"""Servers that stand for the services of a device, each on a free port of loopback."""

import hashlib
import http.server
import random
import socket
import socketserver
import struct
import threading
import time

from acceptor import Acceptor

BLOCK = random.Random(2026).randbytes(65536)


def content(n):
    """n bytes, in pieces, that are different everywhere: swapped or repeated blocks are noticed."""
    for at in range(0, n, len(BLOCK)):
        piece = struct.pack(">Q", at) + BLOCK[8:]
        yield piece[:n - at]


def content_hash(n):
    digest = hashlib.sha256()
    for piece in content(n):
        digest.update(piece)
    return digest.hexdigest()


class Origin:
    """A threaded TCP server; serve(connection) runs for each client."""

    def __init__(self, host="127.0.0.1", family=socket.AF_INET):
        self.clients = 0  # that ever came
        self._open = set()
        self._lock = threading.Lock()
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, 0) if family != socket.AF_UNIX else host)
        self.listener.listen(512)
        self.port = self.listener.getsockname()[1] if family != socket.AF_UNIX else 0
        self.address = f"127.0.0.1:{self.port}" if self.port else host
        self._acceptor = Acceptor(self.listener, self._came)

    def _came(self, connection):
        with self._lock:
            self.clients += 1
            self._open.add(connection)
        threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        try:
            self.serve(connection)
        except OSError:
            pass  # the client left; tests look at what it got
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def serve(self, connection):
        raise NotImplementedError

    @property
    def open_clients(self):
        with self._lock:
            return len(self._open)

    def close(self):
        self._acceptor.close()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Named(Origin):
    """Says its name to each request, as HTTP, on an address of its own."""

    def __init__(self, name, host, family=socket.AF_INET):
        self.name = name
        super().__init__(host, family)

    def serve(self, connection):
        text = self.name.encode()
        while connection.recv(65536):  # each request of these tests comes in one piece
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                               % (len(text), text))


class Echo(Origin):
    """Sends everything back."""

    def serve(self, connection):
        while data := connection.recv(65536):
            connection.sendall(data)


class Greeter(Origin):
    """Speaks first, then echoes."""

    greeting = b"220 here is the service\r\n"

    def serve(self, connection):
        connection.sendall(self.greeting)
        while data := connection.recv(65536):
            connection.sendall(data)


class Late(Origin):
    """Reads "N" and a line feed, then N bytes; thinks for a while, so that the client's end has
    been seen on the way; answers with their number and hash, and `tail` bytes of content."""

    def __init__(self, tail=0, thinks=0.5):
        self.tail, self.thinks = tail, thinks
        super().__init__()

    @staticmethod
    def request(n):
        return b"%d\n" % n + b"".join(content(n))

    def answer(self, n):
        return f"{n} {content_hash(n)}\n".encode() + b"".join(content(self.tail))

    def serve(self, connection):
        size = b""
        while not size.endswith(b"\n"):
            size += connection.recv(1)
        digest, left = hashlib.sha256(), int(size)
        while left > 0 and (data := connection.recv(min(left, 65536))):
            digest.update(data)
            left -= len(data)
        time.sleep(self.thinks)
        connection.sendall(f"{int(size) - left} {digest.hexdigest()}\n".encode())
        for piece in content(self.tail):
            connection.sendall(piece)


class Sender(Origin):
    """Sends content(n) at once and closes."""

    def __init__(self, n):
        self.n = n
        self.sent = 0
        super().__init__()

    def serve(self, connection):
        for piece in content(self.n):
            connection.sendall(piece)
            self.sent += len(piece)

    def stuck(self):
        """Nothing more went for a moment, and not because all of it is sent."""
        before = self.sent
        time.sleep(0.5)
        return 0 < before == self.sent < self.n * self.clients


class Mute(Origin):
    """Accepts and reads nothing until `go` is set; then reads n bytes and answers with their hash
    (V1 to V3 cannot tell a service that the client has ended)."""

    def __init__(self, n):
        self.go = threading.Event()
        self.n = n
        self.received = 0
        super().__init__()

    def serve(self, connection):
        self.go.wait()
        digest = hashlib.sha256()
        while self.received < self.n and (data := connection.recv(65536)):
            digest.update(data)
            self.received += len(data)
        connection.sendall(digest.hexdigest().encode())
        connection.recv(1)

    def close(self):
        self.go.set()
        super().close()


class Abrupt(Origin):
    """Resets every client (RST) after its first bytes."""

    def serve(self, connection):
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append(self.path)
        path = self.path.split("?")[0]
        kind, _, rest = path.lstrip("/").partition("/")
        if kind == "bytes":
            self.head(200, int(rest))
            for piece in content(int(rest)):
                self.wfile.write(piece)
        elif kind == "stalled":  # half of it, then the rest when the test says so
            n = int(rest)
            self.head(200, n)
            body = b"".join(content(n))
            self.wfile.write(body[:n // 2])
            self.wfile.flush()
            self.server.go.wait()
            self.wfile.write(body[n // 2:])
        elif kind == "page":
            tags = "".join(f'<img src="/image/{i}.svg">' for i in range(30))
            self.text(f"<!doctype html><title>page</title><body>{tags}"
                      f"<p id=p>{self.server.name}</p>", "text/html")
        elif kind == "image":
            self.text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
                      "image/svg+xml")
        elif kind == "head":
            self.text(f"{self.requestline}\r\n{self.headers}")
        elif kind in ("", "a", "b", "name"):
            self.text(f"{self.server.name} {self.path}\n")
        elif self.server.files and self.server.files.get(path) is not None:
            self.text(self.server.files[path])
        else:
            self.text("nothing here\n", status=404)

    def do_HEAD(self):
        self.head(200, 0)

    def do_PUT(self):
        self.server.seen.append(self.path)
        digest, left = hashlib.sha256(), int(self.headers.get("Content-Length", 0))
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while (n := int(self.rfile.readline().split(b";")[0], 16)) > 0:
                digest.update(self.rfile.read(n))
                self.rfile.readline()
            self.rfile.readline()
        while left > 0 and (data := self.rfile.read(min(left, 65536))):
            digest.update(data)
            left -= len(data)
        self.text(digest.hexdigest())

    do_POST = do_PUT

    def head(self, status, length, kind="application/octet-stream"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def text(self, text, kind="text/plain", status=200):
        body = text if isinstance(text, bytes) else text.encode()
        self.head(status, len(body), kind)
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Http(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A web server: /bytes/N, /stalled/N, /page with 30 images, /head, /name; PUT answers with the
    hash of what came."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, name="web", handler=Handler):
        self.name = name
        self.seen = []  # paths asked for, in order
        self.files = {}
        self.go = threading.Event()
        super().__init__(("127.0.0.1", 0), handler)
        self.port = self.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # without HTTPServer's slow reverse look-up
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def handle_error(self, request, client_address):
        pass  # a client that left early; tests look at what it got

    def close(self):
        self.go.set()
        self.shutdown()
        self.server_close()
