"""Three nodes, Redis, an agent and a gateway behind one address, under load: downloads, an ssh
session, fifty streams, tunnels that are opened and closed. Meanwhile nodes are killed, stopped,
drained and cut off from Redis, and Redis is killed, at random. No byte may be wrong, every stream that
began must end right, and nothing may hang (scripts/chaos; a short one is test_chaos.py)."""

import collections
import concurrent.futures
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

from api import ApiError
from cluster import ClusterCase, hub_metrics, open_at
from origins import Echo, Http, content
from programs import environment, wait_until
from sockets import Refused, read_answer, read_exactly, socks5
from sshd import Sshd
from wires import Wire

STREAMS = 50
HANGS = 150            # seconds without a byte
IN_TROUBLE = 2         # nodes at a time, at most
PAUSES = 0.5, 3.0      # seconds between two troubles
LASTS = 0.2, 8.0       # seconds that one lasts; a node is taken for dead after 5
REDIS_AWAY = 0.0, 4.0
BUSY = 1               # exit code of a node that cannot start, since Redis is away
QUIET = ("-v", "4")


class Wrong(Exception):
    """Bytes that are not those that were sent."""


def compare(got, expected, what):
    if got != expected:
        at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), len(got))
        raise Wrong(f"{what}: byte {at} of {len(expected)}")


class Load:
    """What clients do. Each method is one visit, which ends right or raises."""

    def __init__(self, chaos, r):
        self.chaos, self.r = chaos, r

    def through(self, name):
        s = socks5(self.chaos.the_gateway.port, f"{name}.tunnel")
        s.settimeout(HANGS)
        return s

    def stream(self):
        """Echoes, and an end in order."""
        with self.through("ECHO") as s:
            for _ in range(self.r.randrange(1, 60)):
                data = self.r.randbytes(self.r.randrange(1, 20000))
                s.sendall(data)
                compare(read_exactly(s, len(data)), data, "echo")
                self.chaos.count("bytes", len(data))
                time.sleep(self.r.uniform(0, 0.2))
                if self.chaos.over.is_set():
                    break
            s.shutdown(1)
            compare(s.recv(1), b"", "an echo's end")

    def download(self):
        n = self.chaos.size
        with self.through("HTTP1") as s:
            s.sendall(f"GET /bytes/{n} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            if read_answer(s)[0] != 200:
                raise EOFError("no answer")
            at, began = 0, time.monotonic()
            for piece in content(n):
                compare(read_exactly(s, len(piece)), piece, f"download, after {at}")
                at += len(piece)
                self.chaos.count("bytes", len(piece))
                time.sleep(max(0, began + at / self.chaos.rate - time.monotonic()))
            compare(s.recv(1), b"", "a download's end")

    def ssh(self):
        """A shell that somebody types into, until all is over."""
        c = self.chaos
        nc = f"nc -X 5 -x 127.0.0.1:{c.the_gateway.port} %h %p"
        p = subprocess.Popen(["ssh", *c.sshd.options(nc), c.sshd.user("SSH1.tunnel"), "cat"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=c.dir,
                             env=environment(), start_new_session=True)
        with p:
            try:
                while not c.over.is_set():
                    line = b"%032x\n" % self.r.getrandbits(128)
                    p.stdin.write(line)
                    p.stdin.flush()
                    got = p.stdout.readline()
                    if got != line:
                        raise Wrong(f"ssh: {got!r} for {line!r}")
                    c.count("bytes", len(line))
                    time.sleep(0.1)
                rest, _ = p.communicate(timeout=HANGS)
                if rest or p.returncode != 0:
                    raise Wrong(f"ssh ended with {p.returncode} and {rest!r}")
            finally:
                p.kill()

    def tunnels(self):
        """What a node has told must be so for all of them, also afterwards."""
        node = self.chaos.nodes[self.r.choice("abc")]
        known = self.chaos.told
        if len(known) > 20:
            known_id = self.r.choice(sorted(known))
            known.discard(known_id)  # whatever the answer is: it may be lost
            node.api.close_tunnel(known_id, delete=True)
        else:
            known.add(node.api.open(["SSH1"])["tunnelArn"].rpartition("/")[2])
        time.sleep(0.2)


class Trouble:
    """Each method is one kind, for a node that has no other trouble meanwhile; it ends with all well
    again."""

    def __init__(self, chaos, r):
        self.chaos, self.lasts, self.away = chaos, r.uniform(*LASTS), r.uniform(*REDIS_AWAY)

    def wait(self, seconds):
        """Shorter when all is over."""
        self.chaos.over.wait(seconds)

    def again(self, name):
        while True:
            try:
                self.chaos.node_of_chaos(name)
                return
            except AssertionError:  # it cannot start while Redis is away
                if not self.chaos.programs_that_gave_up(name):
                    raise
                time.sleep(0.2)

    def killed(self, name):
        self.chaos.nodes[name].kill()
        self.wait(self.lasts)
        self.again(name)

    def stopped(self, name):
        node = self.chaos.nodes[name]
        node.process.send_signal(signal.SIGSTOP)
        try:
            self.wait(self.lasts)
        finally:
            node.process.send_signal(signal.SIGCONT)

    def drained(self, name):
        if code := self.chaos.nodes[name].terminate():
            raise AssertionError(f"node {name}: exit code {code} at SIGTERM")
        self.wait(self.lasts / 4)
        self.again(name)

    def cut_off(self, name):
        self.chaos.wires[name].cut = True
        self.wait(self.lasts)
        self.chaos.wires[name].mend()

    def redis(self, _):
        self.chaos.redis.kill()
        self.wait(self.away)
        self.chaos.redis.start()


KINDS = ("killed", "killed", "stopped", "drained", "cut_off", "redis")


class ChaosCase(ClusterCase):
    lease = "5s"
    size, rate = 1_000_000_000, 12_000_000  # of a download

    def setUp(self):
        # Programs are killed with the thread that started them, so these threads outlive them.
        self.pool = concurrent.futures.ThreadPoolExecutor(IN_TROUBLE + 1)
        self.addCleanup(self.pool.shutdown)
        super().setUp()

    def chaos(self, seconds, seed):
        print(f"seed {seed}, {seconds} seconds", flush=True)
        self.over, self.lock = threading.Event(), threading.Lock()
        self.counts, self.problems = collections.Counter(), []
        self.troubled, self.told = set(), set()
        self.began = time.monotonic()
        self.begin()
        loads = ["download", "ssh", "tunnels"] + ["stream"] * STREAMS
        threads = [threading.Thread(target=self.client, args=(kind, random.Random(seed + i)),
                                    daemon=True, name=kind) for i, kind in enumerate(loads)]
        for t in threads:
            t.start()
        troubles = self.trouble(random.Random(seed), time.monotonic() + seconds)
        self.over.set()
        concurrent.futures.wait(troubles)
        for t in threads:
            t.join(2 * HANGS)
            self.check(f"{t.name} hangs", not t.is_alive())
        self.afterwards()
        self.tell("report: " + ", ".join(f"{n} {k}" for k, n in sorted(self.counts.items())))
        self.assertEqual(self.problems, [])

    # ---- the programs ----

    def begin(self):
        self.wires = {name: self.origin(Wire(self.redis.port)) for name in "abc"}
        self.services = {"HTTP1": self.origin(Http()), "ECHO": self.origin(Echo())}
        for name in "abc":
            self.node_of_chaos(name)
        for node in self.nodes.values():
            self.wait_nodes(node, 3)
        self.sshd = Sshd(self, self.dir)
        tokens = open_at(self.nodes["a"].api, self.dir, ["HTTP1", "ECHO", "SSH1"])
        there = {"endpoint": f"localhost:{self.balancer.port}"}
        self.the_agent = self.agent(None, tokens, {**self.services, "SSH1": self.sshd}, *QUIET,
                                    **there)
        self.the_gateway = self.gateway(None, tokens, *QUIET, **there)

    def node_options(self, name, announce=True):
        port, words = super().node_options(name, announce)
        words[words.index("--cluster") + 1] = f"redis://127.0.0.1:{self.wires[name].port}"
        return port, words

    def node_of_chaos(self, name):
        """Nobody is redirected to c: its clients are passed on to it."""
        node = self.node(name, *QUIET, announce=name != "c", ends=(0, BUSY))
        self.balancer.ports = [port for port, _ in self.ports.values()]
        return node

    def programs_that_gave_up(self, name):
        """Whether the last process of that name has ended since Redis was away."""
        last = [p for p in self.programs if name in p.argv][-1]
        return last.wait() == BUSY and last.has_line("Redis|redis")

    # ---- trouble ----

    def trouble(self, r, end):
        troubles = []
        while time.monotonic() < end and not self.problems:
            time.sleep(r.uniform(*PAUSES))
            kind = r.choice(KINDS)
            name = "redis" if kind == "redis" else r.choice("abc")
            if name in self.troubled or (kind != "redis" and
                                         len(self.troubled - {"redis"}) >= IN_TROUBLE):
                continue
            self.troubled.add(name)
            troubles.append(self.pool.submit(self.one_trouble, kind, name, Trouble(self, r)))
        return troubles

    def one_trouble(self, kind, name, trouble):
        self.tell(f"{name} {kind}" if kind != "redis" else f"redis killed for {trouble.away:.1f} s")
        try:
            getattr(trouble, kind)(name)
            self.count(f"times {kind}")
        except Exception as e:  # pylint: disable=broad-except
            self.check(f"{name} {kind}: {e!r}", False)
        self.troubled.discard(name)

    # ---- the clients ----

    def client(self, kind, r):
        while not self.over.is_set():
            try:
                getattr(Load(self, r), kind)()
                self.count(f"{kind} ended right")
            except Refused:
                self.count(f"{kind} refused")  # a new one, while nobody has the device
                time.sleep(0.2)
            except Wrong as e:
                self.check(f"WRONG BYTES for {kind}: {e}", False)
            except ApiError as e:
                self.check(f"{kind}: {e}", e.status >= 500)
                self.count(f"{kind} not now")
                time.sleep(0.2)
            except TimeoutError:
                self.check(f"{kind} hangs", False)
            except (OSError, EOFError) as e:
                self.check(f"{kind}: {e!r}", kind == "tunnels")  # its node was killed
                time.sleep(0.2)

    # ---- the end ----

    def afterwards(self):
        """All is well again, by itself."""
        for node in self.nodes.values():
            self.wait_nodes(node, 3)
        wait_until(lambda: sum(hub_metrics(n)["tunnel_hub_ends"] for n in self.nodes.values()) == 2,
                   "both ends are there, once")
        for node in self.nodes.values():
            listed = {t["tunnelId"] for t in node.api.list()}
            self.check("a tunnel is lost", self.told <= listed)
        Load(self, random.Random(1)).stream()
        self.wait_no_clients(self.services["ECHO"])
        self.assert_alive(self.the_agent, self.the_gateway)

    # ---- notes ----

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] += n

    def check(self, what, good):
        if not good:
            with self.lock:
                self.problems.append(what)
            self.tell(f"PROBLEM  {what}")

    def tell(self, text):
        """How much has passed is a sign of life."""
        with self.lock:
            print(f"{time.monotonic() - self.began:7.1f}  {text}  "
                  f"({self.counts['bytes'] >> 20} MB)", flush=True)


class Chaos(ChaosCase):
    def runTest(self):
        self.chaos(60 * int(sys.argv[1]), int(sys.argv[2]))


def main():
    result = unittest.TestResult()
    Chaos().run(result)
    for _, text in result.errors + result.failures:
        print(text, file=sys.stderr)
    return not result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
