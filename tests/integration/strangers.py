"""Strangers at a door, many and bounded: connections that say hello and no more, or nothing at all,
each from the loopback address that is named. They run in a process of their own."""

import collections
import contextlib
import multiprocessing
import socket
import ssl
import struct
import time

import certificates
from programs import DEADLINE, wait_until

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close that leaves nothing behind
TICK = 0.005
HELD = 1.0  # seconds for which one of a flood waits for its answer
fork = multiprocessing.get_context("fork")


def client_hello():
    """As OpenSSL sends it, with the curves that the hub knows."""
    out = ssl.MemoryBIO()
    tls = certificates.trust().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def comer(source):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.bind((source, 0))
    sock.setblocking(False)
    return sock


def come(port, source, hello):
    """A connection, or None when it found no room."""
    sock = comer(source)
    try:
        sock.connect_ex(("127.0.0.1", port))
        if hello:
            sock.send(hello)
        return sock
    except OSError:
        sock.close()
        return None


def flood(port, source, rate, hello, many):
    """rate hellos a second, until it is ended."""
    held, began, n = collections.deque(), time.monotonic(), 0
    while True:
        now = time.monotonic()
        while held and held[0][0] < now:
            held.popleft()[1].close()
        while n < (now - began) * rate:
            n += 1
            if sock := come(port, source, hello):
                held.append((now + HELD, sock))
        many.value = n
        time.sleep(TICK)


def stand(port, source, n, many):
    """n connections that say nothing; whoever is sent away comes again."""
    held = []
    while True:
        held = [sock for sock in held if still_there(sock)]
        while len(held) < n and (sock := come(port, source, b"")):
            held.append(sock)
        many.value = max(many.value, len(held))
        time.sleep(0.1)


def still_there(sock):
    try:
        if sock.recv(1):
            return True
    except BlockingIOError:
        return True
    except OSError:
        pass
    sock.close()
    return False


class Strangers:
    """For a with statement; .many counts them."""

    def __init__(self, work, *args):
        self.value = fork.Value("L", 0)
        self.process = fork.Process(target=work, args=(*args, self.value), daemon=True)

    @property
    def many(self):
        return self.value.value

    def wait_for(self, more):
        """Until so many more have come."""
        goal = self.many + more
        wait_until(lambda: self.many >= goal, f"{more} strangers")

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join(DEADLINE)


def flooding(port, source="127.0.0.9", rate=2000):
    return Strangers(flood, port, source, rate, client_hello())


def standing(port, n, source="127.0.0.9"):
    return Strangers(stand, port, source, n)
