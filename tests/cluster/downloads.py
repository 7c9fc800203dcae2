"""A download through the tunnel that takes some seconds, and is compared with what it must be."""

import hashlib
import subprocess

from origins import content_hash
from programs import environment

SIZE = 30_000_000  # more than all buffers on the way hold


class Download:
    """curl through the tunnel, at a rate that takes some seconds."""

    def __init__(self, gateway, n=SIZE, rate="12M"):
        self.n, self.digest, self.size = n, hashlib.sha256(), 0
        self.process = subprocess.Popen(
            ["curl", "-sS", "--fail", "--limit-rate", rate, "--socks5-hostname",
             f"127.0.0.1:{gateway.port}", f"http://HTTP1.tunnel/bytes/{n}"],
            env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read(self, until):
        while self.size < until and (data := self.process.stdout.read(65536)):
            self.digest.update(data)
            self.size += len(data)
        return self.size

    def right(self):
        self.read(self.n)
        code, err = self.process.wait(), self.process.stderr.read().decode()
        self.process.stdout.close(), self.process.stderr.close()
        return code == 0 and self.size == self.n and \
            self.digest.hexdigest() == content_hash(self.n), (code, err, self.size)
