"""What authenticated peers may try in order to fill a program's memory or to stop its other clients;
bounded, on loopback. Used by tests, with small budgets, and by tests/bench/memory.py, at full size."""

import socket
import time

from origins import Origin
from sockets import read_exactly, socks5
from wire import CONNECTION_START, DATA, STREAM_START, Message, connect

PIECE = bytes(16128)
STUCK_MOST = 32 << 20  # bytes; far more than waits for one end anywhere


class Hung:
    """A service that has stopped: the kernel takes its connections, and nobody reads them."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(4096)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]

    def close(self):
        self.listener.close()


class Flood(Origin):
    """Sends without end, or until its client has gone."""

    def serve(self, connection):
        try:
            while True:
                connection.sendall(PIECE)
        except OSError:
            pass


def stopped(send, seconds=0.4, most=8 << 20):
    """Sends until nothing has been taken for a while, or all was; returns how many bytes went."""
    sent, end = 0, time.monotonic() + seconds
    while sent < most and time.monotonic() < end:
        try:
            sent += send(PIECE)
            end = time.monotonic() + seconds
        except BlockingIOError:
            time.sleep(0.005)
        except OSError:
            break
    return sent


def give_up_uploading(port, name, n, seconds=0.3):
    """n clients, one after the other and never two at once: each uploads to a service that does not
    read, and leaves."""
    for _ in range(n):
        with socks5(port, name) as s:
            s.setblocking(False)
            stopped(s.send, seconds)


def stop_reading(port, name, n):
    """n clients that read a little of what comes, and then no more."""
    readers = [socks5(port, name) for _ in range(n)]
    for s in readers:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        read_exactly(s, 1)
    return readers


def answer_ms(port, name):
    """How long a fresh connection waits for the echo of its first byte."""
    begun = time.monotonic()
    with socks5(port, name) as s:
        s.sendall(b"k")
        read_exactly(s, 1)
    return (time.monotonic() - begun) * 1000


def leave_behind(hub_port, token, service, connections, size, client_token, patience=3):
    """A source of V3 that opens connections, sends `size` bytes to each, and goes. Returns how many
    messages were taken until the hub took no more for `patience` seconds."""
    peer = connect(hub_port, "source", token, client_token=client_token)
    peer.recv()
    peer.sock.settimeout(patience)
    sent = 0
    try:
        for i in range(1, connections + 1):
            start = STREAM_START if i == 1 else CONNECTION_START
            peer.send(Message(start, 7, service, i))
            for at in range(0, size, len(PIECE)):
                piece = PIECE[:size - at]
                peer.send(Message(DATA, 7, service, i, piece), step=len(piece) + 100)
                sent += 1
    except OSError:
        pass  # it is not read any more
    peer.drop()
    return sent


def stuck_tunnel(hub_port, tokens):
    """Both ends of a tunnel of V3: one sends until no more is taken, the other one does not read.
    When that one has been dropped meanwhile, all that is sent is taken: there is an end to it."""
    far = connect(hub_port, "destination", tokens.destination)
    near = connect(hub_port, "source", tokens.source)
    near.sock.settimeout(0.05)
    try:
        near.send(Message(STREAM_START, 7, "HUNG", 1))
        for _ in range(STUCK_MOST // len(PIECE)):
            near.send(Message(DATA, 7, "HUNG", 1, PIECE), step=20000)
    except OSError:
        pass
    return far, near
