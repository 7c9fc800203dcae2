"""The services that the matrix calls, beside those of the integration tests' origins."""

import base64
import hashlib
import socket
import ssl
import subprocess

import certificates
import origins
from programs import wait_until
from sockets import free_port


class Web(origins.Http):
    """/hello, and a repository for git's plain http at /project.git."""

    def __init__(self, folder):
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
        subprocess.run([*git, "init", "-q", folder / "work"], check=True)
        subprocess.run([*git, "-C", folder / "work", "commit", "-q", "--allow-empty", "-m", "first"], check=True)
        subprocess.run([*git, "clone", "-q", "--bare", folder / "work", folder / "project.git"], check=True)
        subprocess.run([*git, "-C", folder / "project.git", "update-server-info"], check=True)
        super().__init__()
        for file in (folder / "project.git").rglob("*"):
            if file.is_file():
                self.files["/" + str(file.relative_to(folder))] = file.read_bytes()
        self.files["/hello"] = b"hello from web\n"
        self.files["/-/ping?write=true"] = self.files["/-/ping"] = b"{}"


class Smtp(origins.Origin):
    """Greets, and knows EHLO and QUIT."""

    def serve(self, connection):
        connection.sendall(b"220 mail.example ESMTP\r\n")
        while line := connection.recv(1000):
            last = line.upper().startswith(b"QUIT")
            connection.sendall(b"221 bye\r\n" if last else b"250 mail.example\r\n")
            if last:
                return


class Tls(origins.Origin):
    """A TLS server that says nothing."""

    def __init__(self):
        own = certificates.certificate()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(own.cert, own.key)
        super().__init__()

    def serve(self, connection):
        with self.context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(100)


class WebSocketEcho(origins.Origin):
    """Answers one upgrade and sends the payloads of short masked frames back."""

    def serve(self, connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        fields = dict(line.lower().split(b": ", 1)[0:1] + line.split(b": ", 1)[1:] for line in head.split(b"\r\n")[1:-2])
        key = fields[b"sec-websocket-key"] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: " + base64.b64encode(hashlib.sha1(key).digest()) + b"\r\n\r\n")
        while frame := connection.recv(1000):
            mask, payload = frame[2:6], frame[6:]
            plain = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
            connection.sendall(bytes([frame[0], len(plain)]) + plain)


class Irc(origins.Origin):
    """Welcomes whoever registers, and says bye at QUIT."""

    def serve(self, connection):
        with connection.makefile("rb") as lines:
            for line in lines:
                if line.startswith(b"CAP LS"):
                    connection.sendall(b":irc.example CAP * LS :\r\n")
                if line.startswith(b"USER "):
                    connection.sendall(b":irc.example 001 visitor :hello from irc\r\n"
                                       b":irc.example 376 visitor :End of MOTD\r\n")
                if line.startswith(b"QUIT"):
                    return


def hg(case, folder):
    """A repository with one change, by Mercurial's own server."""
    (folder / "hg").mkdir()
    (folder / "hg/file").write_text("hello\n")
    for words in (("init",), ("add",), ("commit", "-m", "first", "-u", "t")):
        subprocess.run(["hg", *words], cwd=folder / "hg", check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    case.start("hg", "serve", "-R", folder / "hg", "-a", "127.0.0.1", "-p", port, ends=(-15, 255))
    wait_until(lambda: listens(port), "hg serve")
    return f"127.0.0.1:{port}"


def openvpn(case):
    """An end without device and address, for one other at a time."""
    own, port = certificates.certificate(), free_port()
    case.start("/usr/sbin/openvpn", "--dev", "null", "--proto", "tcp-server", "--local", "127.0.0.1", "--lport", port,
               "--ca", own.ca, "--cert", own.cert, "--key", own.key, "--dh", "none", "--tls-server", ends=(0, 1, -15)).wait_line("Listening")
    return f"127.0.0.1:{port}"


def listens(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def rsync_daemon(case, folder):
    (folder / "files").mkdir()
    (folder / "files/hello.txt").write_text("hello\n")
    port = free_port()
    (folder / "rsyncd").write_text(f"use chroot = no\n[files]\npath = {folder}/files\nread only = yes\n")
    case.start("rsync", "--daemon", "--no-detach", "--address=127.0.0.1", f"--port={port}", f"--config={folder}/rsyncd",
               ends=(0, 20))
    return f"127.0.0.1:{port}"


def broker(case, folder):
    port = free_port()
    (folder / "mosquitto").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    case.start("/usr/sbin/mosquitto", "-c", folder / "mosquitto").wait_line("running")
    return f"127.0.0.1:{port}"
