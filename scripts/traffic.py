"""The demo's own traffic, through the gateway at HOST:PORT (its only argument): a long download, a
page now and then, and a silent connection. Runs until it is ended."""

import socket
import sys
import threading
import time

HOST, _, PORT = sys.argv[1].rpartition(":")


def connect(name):
    """Connects to the service of that host name by SOCKS5 (RFC 1928)."""
    s = socket.create_connection((HOST, int(PORT)))
    s.sendall(b"\x05\x01\x00" + b"\x05\x01\x00\x03" + bytes([len(name)]) + name.encode() + b"\0\0")
    answer = b""
    while len(answer) < 2 + 10:
        piece = s.recv(12 - len(answer))
        if not piece:
            raise ConnectionError("the gateway hung up")
        answer += piece
    if answer[3]:
        raise ConnectionError(f"{name}: refused with {answer[3]}")
    return s


def fetch(path):
    with connect("HTTP1.tunnel") as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: HTTP1\r\nConnection: close\r\n\r\n".encode())
        while s.recv(65536):
            pass


def listen_to_ssh():
    with connect("SSH1.tunnel") as s:
        while s.recv(65536):
            pass


def again_and_again(pause, work, *args):
    while True:
        try:
            work(*args)
        except OSError:
            pass  # the dashboard shows the failure
        time.sleep(pause)


for row in (2, fetch, "/trickle"), (5, fetch, "/"), (1, listen_to_ssh):
    threading.Thread(target=again_and_again, args=row).start()
