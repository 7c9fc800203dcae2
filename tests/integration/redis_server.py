"""Real redis-servers for tests: each on a free port of loopback and a unix socket, with a folder of
its own."""

import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

from programs import BIN, wait_until
from sockets import free_port

# What a hub insists on. appendfsync: with everysec, what was acknowledged is held back from the file
# while it is being synced, and lost when the process is killed.
GOOD = {"appendonly": "yes", "appendfsync": "no", "save": "", "maxmemory-policy": "noeviction"}


class RedisError(Exception):
    """Redis answered with an error."""


def encode(args):
    """A command as it is sent (RESP)."""
    args = [a if isinstance(a, bytes) else str(a).encode() for a in args]
    return b"".join([b"*%d\r\n" % len(args), *(b"$%d\r\n%s\r\n" % (len(a), a) for a in args)])


def decode(f):
    """One reply from a file: str, int, None or a list."""
    line = f.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("Redis is gone")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise RedisError(rest.decode())
    if kind == b"+":
        return rest.decode()
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return f.read(int(rest) + 2)[:-2].decode() if int(rest) >= 0 else None
    return [decode(f) for _ in range(int(rest))] if int(rest) >= 0 else None


class RedisServer:
    """redis-server; `options` add to GOOD, underscores stand for hyphens. `sentinel` is the text of a
    Sentinel's configuration. clock: it has a wall clock of its own, for jump(). Use it in a `with`,
    or call stop()."""

    def __init__(self, password=None, sentinel=None, port=None, clock=False, **options):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tunnel-redis-"))
        self.port = port or free_port()
        self.path = self.dir / "redis.sock"
        self.password = password
        self.process = None
        self.clock = self.dir / "clock" if clock else None
        if clock:
            self.jump(0)
        self.sentinel = sentinel
        self.options = {} if sentinel else dict(GOOD)
        self.options |= {"port": self.port, "bind": "127.0.0.1", "unixsocket": self.path,
                         "dir": self.dir, "logfile": self.dir / "log"}
        self.options |= {name.replace("_", "-"): value for name, value in options.items()}
        if password:
            self.options["requirepass"] = password
        self.config = self.dir / "redis.conf"
        self.config.write_text("".join(
            f'{name} {value if value != "" else chr(34) * 2}\n'
            for name, value in self.options.items()) + (sentinel or ""))
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        """As --cluster has it, over TCP."""
        return f"redis://{f':{self.password}@' if self.password else ''}{self.address}"

    @property
    def unix(self):
        """As --cluster has it; without the password."""
        return f"unix:{self.path}"

    def start(self, wait=True):
        """Again, with the file that is there."""
        command = ["redis-server", str(self.config)] + (["--sentinel"] if self.sentinel else [])
        env = dict(os.environ)
        if self.clock:
            env |= {"LD_PRELOAD": str(BIN.parent / "tests/clock_shim.so"), "CLOCK_SHIM": str(self.clock)}
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        if wait:
            wait_until(self.answers, f"redis-server in {self.dir} answers")

    def answers(self):
        if self.process.poll() is not None:
            log = self.dir / "log"
            raise AssertionError("redis-server ended: "
                                 + (log.read_text() if log.exists() else "without a log"))
        try:
            return self("PING") == "PONG"
        except OSError:
            return False
        except RedisError as e:
            return not str(e).startswith("LOADING")

    def connect(self, timeout=30):
        """A plain socket to it."""
        if self.options.get("port") == 0:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(timeout)
            s.connect(str(self.path))
            return s
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def __call__(self, *args):
        """One command, on a connection of its own."""
        with self.connect() as s, s.makefile("rb") as f:
            if self.password and args != ("PING",):
                s.sendall(encode(["AUTH", self.password]))
                decode(f)
            s.sendall(encode(args))
            return decode(f)

    def info(self, section):
        lines = self("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def jump(self, seconds):
        """Its wall clock goes so many seconds before the system's from now on."""
        with open(self.clock, "r+b" if self.clock.exists() else "wb") as f:
            f.write(struct.pack("=q", seconds))

    def pause(self):
        """Stops it in the middle of whatever it does (SIGSTOP)."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """kill -9; start() takes it up again."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def restart(self):
        self.kill()
        self.start()

    def stop(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class RedisCluster:
    """A Redis Cluster of so many masters."""

    def __init__(self, masters=3, **options):
        self.servers = []
        try:
            for _ in range(masters):
                self.servers.append(RedisServer(cluster_enabled="yes", cluster_port=free_port(),
                                                **options))
            self._meet()
        except BaseException:
            self.stop()
            raise

    def _meet(self):
        n = len(self.servers)
        for i, server in enumerate(self.servers):
            server("CLUSTER", "ADDSLOTSRANGE", 16384 * i // n, 16384 * (i + 1) // n - 1)
            first = self.servers[0]
            server("CLUSTER", "MEET", "127.0.0.1", first.port, first.options["cluster-port"])
        wait_until(lambda: all(f"cluster_known_nodes:{n}" in text and "cluster_state:ok" in text
                               for text in (s("CLUSTER", "INFO") for s in self.servers)),
                   "the servers know each other")

    @property
    def url(self):
        return "redis+cluster://" + ",".join(s.address for s in self.servers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for server in self.servers:
            server.stop()
