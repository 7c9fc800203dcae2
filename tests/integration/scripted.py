"""Our programs on a hub that the test plays itself."""

import socket
import threading

from harness import Case
from sockets import socks5
from wire import FakeHub


class Script(Case):
    """Our programs on a hub that the test plays itself."""

    services = ["SSH1"]

    def setUp(self):
        super().setUp()
        self.fake = FakeHub()
        self.addCleanup(self.fake.close)
        self.token = self.dir / "token"
        self.token.write_text("a-token-for-the-scripted-hub\n")
        self.token.chmod(0o600)

    def accept(self, services=None, **options):
        peer = self.fake.accept(services=self.services if services is None else services,
                                **options)
        self.addCleanup(peer.drop)
        return peer

    def end_on_fake(self, program, *more, **options):
        return self.end(program, self.fake, self.token, *more, **options)


def cut_off(peer, part):
    """Sends it and ends its side of the transport."""
    peer.sock.sendall(part)
    peer.sock = peer.sock.unwrap()
    peer.sock.shutdown(socket.SHUT_WR)


class socks5_later:
    """A SOCKS5 client in the background: the answer may wait for the far end's first sign."""

    def __init__(self, port, name):
        self.result = self.error = None

        def work():
            try:
                self.result = socks5(port, name)
            except Exception as e:  # handed to the test by get()
                self.error = e
        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    def get(self):
        self.thread.join()
        if self.error:
            raise self.error
        return self.result
