"""A real sshd with its own host key and configuration, for the person who runs the tests, and the
ssh options that go with it. Changes nothing on the machine."""

import getpass
import os
import pathlib
import shutil
import socket
import subprocess

from programs import DEADLINE, wait_until
from sockets import free_port

CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {dir}/host
AuthorizedKeysFile {dir}/client.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 100
Subsystem sftp internal-sftp
"""


class Sshd:
    def __init__(self, case, folder):
        self.dir = pathlib.Path(folder) / "sshd"
        self.dir.mkdir()
        for name in ("host", "client"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.dir / name],
                           check=True)
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd insists on it as root
        self.program = self._start(case)
        self.address = f"127.0.0.1:{self.port}"

    def _start(self, case):
        """sshd cannot take port 0, so another program may grab the port first: try again."""
        for _ in range(20):
            self.port = free_port()
            config = self.dir / "config"
            config.write_text(CONFIG.format(port=self.port, dir=self.dir))
            # sshd ends with 255 on SIGTERM; it must be started by its whole path.
            sshd = case.start(shutil.which("sshd", path="/usr/sbin:/usr/local/sbin"), "-D", "-e",
                              "-f", config, ends=(0, 255))
            if wait_until(lambda: self._answers() or not sshd.alive(), "sshd") and sshd.alive():
                return sshd
        raise AssertionError(f"sshd does not start:\n{sshd.output()}")

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), DEADLINE) as s:
                return s.recv(4) == b"SSH-"
        except OSError:
            return False

    def options(self, proxy_command):
        """For ssh, scp and sftp alike."""
        return ["-F", "none", "-i", self.dir / "client", "-o", "IdentitiesOnly=yes",
                "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new",
                "-o", f"UserKnownHostsFile={self.dir}/known_hosts", "-o", "LogLevel=ERROR",
                "-o", f"ProxyCommand={proxy_command}"]

    def user(self, host):
        return f"{getpass.getuser()}@{host}"
