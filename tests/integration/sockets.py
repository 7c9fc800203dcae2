"""Small clients for the gateway's endpoint, where a real program cannot show what is asked."""

import hashlib
import random
import select
import socket
import ssl
import struct
import threading

from programs import DEADLINE


class Refused(Exception):
    """The gateway said no; .code is the SOCKS reply or HTTP status."""

    def __init__(self, code, text=""):
        super().__init__(f"{code} {text}")
        self.code = code


class Shared:
    """A TLS socket that one thread may read while another writes. OpenSSL's state of a connection
    is for one call at a time, and Python has a lock for that only since 3.13: before, recv may see
    an end that is none."""

    def __init__(self, sock):
        self.sock, self.lock, self.timeout = sock, threading.Lock(), sock.gettimeout()
        sock.setblocking(False)

    def settimeout(self, timeout):
        self.timeout = timeout

    def alone(self, call):
        while True:
            try:
                with self.lock:
                    return call()
            except ssl.SSLWantReadError:
                wanted = select.POLLIN
            except ssl.SSLWantWriteError:
                wanted = select.POLLOUT
            if self.sock.fileno() < 0:
                raise OSError("it is closed")
            ready = select.poll()
            ready.register(self.sock, wanted)
            if not ready.poll(None if self.timeout is None else 1000 * self.timeout):
                raise TimeoutError

    def recv(self, n):
        return self.alone(lambda: self.sock.recv(n))

    def sendall(self, data):
        left = memoryview(data)
        while left:
            left = left[self.alone(lambda: self.sock.send(left)):]

    def unwrap(self):
        return self.alone(self.sock.unwrap)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.sock.close()

    def __getattr__(self, name):
        return getattr(self.sock, name)


_ports = []


def free_port():
    """A port that nobody has on any address, for a program that is about to listen there, also again after
    its end. It is below those that the kernel gives to outgoing connections, so that none of them takes it
    in between; nor does another test: the abstract socket of its number is ours until we end."""
    while True:
        port = random.randrange(10000, 32768)
        ours = socket.socket(socket.AF_UNIX)
        try:
            ours.bind(f"\0tunnel-tests-port-{port}")
            with socket.socket() as sock:
                sock.bind(("", port))
        except OSError:
            ours.close()
            continue
        _ports.append(ours)
        return port


def dial(port, host="127.0.0.1"):
    s = socket.create_connection((host, port), DEADLINE)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            raise EOFError(f"closed after {data!r}")
        data += piece
    return data


def read_all(s):
    """Everything until the other side's end; a reset is none."""
    data = bytearray()
    while piece := s.recv(65536):
        data += piece
    return bytes(data)


def read_to_break(s):
    """Everything until the other side resets the connection; an end is none."""
    data = bytearray()
    try:
        while piece := s.recv(65536):
            data += piece
    except ConnectionResetError:
        return bytes(data)
    raise AssertionError(f"an end in good order after {len(data)} bytes")


def dial_in_vain(port):
    """A port that takes a connection only to reset it, which connect may see already."""
    try:
        with dial(port) as s:
            return read_to_break(s)
    except ConnectionResetError:
        return b""


def socks5(port, name, to=80):
    """A connection to a service through SOCKS5; raises Refused."""
    s = dial(port)
    host = name.encode()
    s.sendall(b"\5\1\0")
    if read_exactly(s, 2) != b"\5\0":
        raise Refused(0xFF)
    s.sendall(b"\5\1\0\3" + bytes([len(host)]) + host + struct.pack(">H", to))
    reply = read_exactly(s, 4)
    read_exactly(s, {1: 4, 4: 16}[reply[3]] + 2)
    if reply[1] != 0:
        s.close()
        raise Refused(reply[1])
    return s


def read_head(s):
    """An HTTP head, byte by byte so that nothing behind it is taken."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = s.recv(1)
        if not piece:
            break
        head += piece
    return head.decode("latin-1")


def read_answer(s):
    """(status, head) of a response; status 0 when none came."""
    head = read_head(s)
    return int(head.split()[1]) if head else 0, head


def http_connect(port, name, to=80):
    s = dial(port)
    s.sendall(f"CONNECT {name}:{to} HTTP/1.1\r\nHost: {name}:{to}\r\n\r\n".encode())
    status, text = read_answer(s)
    if status != 200:
        s.close()
        raise Refused(status, text)
    return s


def get(s, path, host="service"):
    """One HTTP/1.1 request on a connected socket, read to its end: (status, body)."""
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    status, _ = read_answer(s)
    return status, read_all(s)


def get_hash(s, path):
    """As get, without holding the body: (status, its length, its sha256)."""
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n".encode())
    status, _ = read_answer(s)
    digest, n = hashlib.sha256(), 0
    while data := s.recv(262144):
        digest.update(data)
        n += len(data)
    return status, n, digest.hexdigest()
