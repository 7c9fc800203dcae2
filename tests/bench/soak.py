"""Clients of all kinds against a whole way for MINUTES (the only argument), while the hub is killed,
the agent started anew and everything told to reload (scripts/soak). Every byte is compared with what
it must be. What breaks is excused only where nothing else is possible: a new connection while the
hub or the agent is away, and any connection when the agent goes."""

import collections
import os
import pathlib
import random
import signal
import statistics
import sys
import threading
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ["TUNNEL_BIN"] = str(TOP / "build/release/bin")
sys.path.insert(0, str(TOP / "tests/integration"))

from harness import ESTABLISHED, Case  # noqa: E402
from origins import Echo, Http, Late, content  # noqa: E402
from programs import wait_until  # noqa: E402
from sockets import Refused, dial, read_answer, read_exactly, read_head, socks5  # noqa: E402
from sshd import free_port  # noqa: E402

HUB_KILLED = 120     # seconds between two
AGENT_ANEW = 180     # the first one comes after half of it
RELOADED = 20        # one program each time
SAMPLED = 2
TOLD = 30
WARM = 40            # seconds of a program's life that say nothing of its memory
GROWTH = 1.10, 4 << 20   # of the second half of a life over the first: factor and bytes
GRACE = 6            # seconds after trouble in which its consequences may still show
SETTLED = 3          # descriptors more or less when nobody is connected
RELOADS = ("hub", "agent", "gateway")
QUIET = ("-v", "4")


class Wrong(Exception):
    """Bytes that are not those that were sent."""


def compare(got, expected, what):
    if got != expected:
        at = next(i for i, (a, b) in enumerate(zip(got, expected)) if a != b)
        raise Wrong(f"{what}: byte {at} of {len(expected)}")


def read_content(s, n, pause=0.0):
    """n bytes of content(n), compared as they come."""
    at = 0
    for piece in content(n):
        got = read_exactly(s, len(piece))
        compare(got, piece, f"after {at}")
        at += len(piece)
        time.sleep(pause)


class Load:
    """What clients do. Each method is one visit, and returns the bytes that it compared."""

    def __init__(self, soak):
        self.soak = soak

    def through(self, name):
        s = socks5(self.soak.the_gateway.port, f"{name}.tunnel")
        s.settimeout(180)
        return s

    def download(self, r, pause=0.0, most=6 << 20):
        n = r.randrange(1, most)
        with self.through("HTTP1") as s:
            s.sendall(f"GET /bytes/{n} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            status, _ = read_answer(s)
            if status != 200:
                raise EOFError(f"status {status}")
            read_content(s, n, pause)
            if s.recv(1):
                raise Wrong("bytes behind the end")
        return n

    def slow_reader(self, r):
        """About half a megabyte a second, for up to 20 s."""
        return self.download(r, pause=0.125, most=10 << 20)

    def page(self, r):
        n = r.randrange(1, 3000)
        with dial(self.soak.the_gateway.port) as s:
            s.settimeout(180)
            s.sendall(f"GET http://HTTP1.tunnel/bytes/{n} HTTP/1.1\r\nHost: HTTP1.tunnel\r\n"
                      "Connection: close\r\n\r\n".encode())
            status, _ = read_answer(s)
            if status >= 500 or status == 0:
                raise Refused(status)
            read_content(s, n)
        return n

    def echo_on(self, s, r, rounds, size):
        for _ in range(rounds):
            data = r.randbytes(r.randrange(1, size))
            s.sendall(data)
            compare(read_exactly(s, len(data)), data, "echo")
        return rounds * size

    def echo(self, r):
        with self.through("ECHO") as s:
            return self.echo_on(s, r, r.randrange(1, 40), 65536)

    def typing(self, r):
        """A long connection with little on it, as a shell."""
        n = 0
        with self.through("ECHO") as s:
            for _ in range(r.randrange(50, 400)):
                n += self.echo_on(s, r, 1, 20)
                time.sleep(0.1)
                if self.soak.over.is_set():
                    break
        return n

    def mapped(self, r):
        with dial(self.soak.mapped) as s:
            s.settimeout(180)
            return self.echo_on(s, r, r.randrange(1, 10), 30000)

    def half_closed(self, r):
        n = r.randrange(1, 200000)
        with self.through("LATE") as s:
            s.sendall(Late.request(n))
            s.shutdown(1)
            answer = b""
            while piece := s.recv(65536):
                answer += piece
        if not answer:
            raise EOFError("no answer")
        compare(answer, self.soak.late.answer(n), "late answer")
        return n

    def leaves(self, r):
        """In the middle of it, without a word."""
        with self.through("HTTP1") as s:
            s.sendall(b"GET /bytes/50000000 HTTP/1.1\r\nHost: a\r\n\r\n")
            read_head(s)
            got = read_exactly(s, r.randrange(1, 65536))
        compare(got, next(content(65536))[:len(got)], "the beginning")
        return len(got)


CLIENTS = ("download", "download", "slow_reader", "page", "page", "echo", "echo", "typing",
           "typing", "mapped", "half_closed", "leaves")


class Watched:
    """A program's life: what it takes, again and again."""

    def __init__(self, program):
        self.program, self.began = program, time.monotonic()
        self.rss, self.fds = [], []

    def look(self):
        try:
            self.fds.append(len(os.listdir(f"/proc/{self.program.pid}/fd")))
            if time.monotonic() - self.began > WARM:
                self.rss.append(self.program.rss())
        except (OSError, AttributeError):
            pass  # it has just been ended

    def told(self):
        return (f"{self.rss[-1] >> 10 if self.rss else 0:7} kB {self.fds[-1] if self.fds else 0:4}"
                " fds")

    def growth(self):
        """What is wrong, or None."""
        half = len(self.rss) // 2
        if half < 10:
            return None
        first, second = statistics.median(self.rss[:half]), statistics.median(self.rss[half:])
        if second <= first * GROWTH[0] + GROWTH[1]:
            return None
        return (f"{self.program.name} grew from {first / 1024:.0f} to {second / 1024:.0f} kB within "
                f"{len(self.rss) * SAMPLED} s")


class Soak(Case):
    minutes = 30

    def runTest(self):
        self.seed = random.SystemRandom().randrange(1 << 32)
        print(f"seed {self.seed}, {self.minutes} minutes", flush=True)
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.visits, self.bytes = collections.Counter(), 0
        self.excused, self.problems = collections.Counter(), []
        self.away = {"hub": [], "agent": []}  # [from, to or None]
        self.lives = []
        self.begin()
        idle = self.idle_descriptors()
        threads = [threading.Thread(target=self.client, args=(kind, i), daemon=True)
                   for i, kind in enumerate(CLIENTS)]
        for t in threads:
            t.start()
        self.trouble()
        self.over.set()
        for t in threads:
            t.join(240)
        self.check("a client hangs", not any(t.is_alive() for t in threads))
        self.settle(idle)
        self.report()
        self.assertEqual(self.problems, [])

    # ---- the programs ----

    def begin(self):
        self.late = self.origin(Late(tail=1000, thinks=0.05))
        self.services = {"HTTP1": self.origin(Http()), "ECHO": self.origin(Echo()),
                         "LATE": self.late}
        self.tokens = self.tunnel(self.services)
        self.the_hub = self.hub(*QUIET)
        self.the_agent = self.agent(self.the_hub, self.tokens, self.services, *QUIET)
        self.mapped = free_port()
        self.the_gateway = self.gateway(self.the_hub, self.tokens, *QUIET, "-s",
                                        f"ECHO={self.mapped}")
        self.watched = {}
        for name in ("hub", "agent", "gateway"):
            self.watch(name)

    def watch(self, name):
        self.watched[name] = Watched(getattr(self, f"the_{name}"))
        self.lives.append(self.watched[name])

    def idle_descriptors(self):
        for life in self.lives:
            life.look()
        return {name: life.fds[-1] for name, life in self.watched.items()}

    def kill_hub(self):
        port, mark = self.the_hub.port, [p.mark() for p in (self.the_agent, self.the_gateway)]
        self.the_hub.kill()
        self.the_hub = self.hub(*QUIET, port=port)
        for program, at in zip((self.the_agent, self.the_gateway), mark):
            program.wait_line(ESTABLISHED, after=at)

    def renew_agent(self):
        self.check("the agent ended badly", self.the_agent.terminate() == 0)
        self.the_agent = self.agent(self.the_hub, self.tokens, self.services, *QUIET)

    def disturb(self, name, what):
        with self.lock:
            self.away[name].append([time.monotonic(), None])
        what()
        with self.lock:
            self.away[name][-1][1] = time.monotonic()
        self.watch(name)

    def trouble(self):
        start = time.monotonic()
        end = start + 60 * self.minutes
        due = {self.kill: start + HUB_KILLED, self.renew: start + AGENT_ANEW / 2,
               self.reload: start + RELOADED, self.sample: start, self.tell: start + TOLD}
        every = {self.kill: HUB_KILLED, self.renew: AGENT_ANEW, self.reload: RELOADED,
                 self.sample: SAMPLED, self.tell: TOLD}
        while time.monotonic() < end and not self.problems:
            for what in due:
                if time.monotonic() >= due[what]:
                    due[what] = time.monotonic() + every[what]
                    what()
            time.sleep(0.1)

    def kill(self):
        self.disturb("hub", self.kill_hub)

    def renew(self):
        self.disturb("agent", self.renew_agent)

    def reload(self):
        name = random.choice(RELOADS)
        getattr(self, f"the_{name}").process.send_signal(signal.SIGHUP)

    def sample(self):
        for name, life in self.watched.items():
            self.check(f"the {name} has ended", life.program.alive())
            life.look()

    def tell(self):
        with self.lock:
            text = "  ".join(f"{name} {life.told()}" for name, life in self.watched.items())
            print(f"{sum(self.visits.values()):7} visits {self.bytes >> 20:6} MB  {text}  "
                  f"excused {sum(self.excused.values())}", flush=True)

    # ---- the clients ----

    def client(self, kind, number):
        r = random.Random(self.seed + number)
        visit = getattr(Load(self), kind)
        while not self.over.is_set():
            try:
                n = visit(r)
                with self.lock:
                    self.visits[kind] += 1
                    self.bytes += n
            except Wrong as e:
                self.check(f"WRONG BYTES for {kind}: {e}", False)
            except Refused as e:
                self.excuse(kind, f"refused: {e}", "hub", "agent")
            except (OSError, EOFError) as e:
                self.excuse(kind, f"cut: {e!r}", *(("agent", "hub") if kind == "page"
                                                   else ("agent",)))
            time.sleep(r.uniform(0.02, 0.4))

    def excuse(self, kind, what, *names):
        """Refused or cut now: something of that name is away, or was until a moment ago."""
        now = time.monotonic()
        with self.lock:
            excused = any(begin <= now and (end is None or now < end + GRACE)
                          for name in names for begin, end in self.away[name])
            if excused:
                self.excused[f"{kind} {what.partition(':')[0]}"] += 1
        if not excused:
            self.check(f"{kind} {what}", False)

    # ---- the end ----

    def check(self, what, good):
        if good:
            return
        with self.lock:
            self.problems.append(what)
        print(f"PROBLEM  {what}", flush=True)

    def settle(self, idle):
        """With nobody connected everything is as it was in the beginning."""
        if not all(life.program.alive() for life in self.watched.values()):
            return

        def settled(name):
            now = len(os.listdir(f"/proc/{self.watched[name].program.pid}/fd"))
            return abs(now - idle[name]) <= SETTLED
        for name in idle:
            try:
                wait_until(lambda: settled(name), "descriptors", 60)
            except AssertionError:
                life = self.watched[name]
                life.look()
                self.check(f"the {name} keeps descriptors: {life.fds[-1]}, and {idle[name]} before "
                           "anybody came", False)

    def report(self):
        for life in self.lives:
            if problem := life.growth():
                self.check(problem, False)
        self.tell()
        print("visits: " + ", ".join(f"{k} {n}" for k, n in sorted(self.visits.items())))
        print("excused: " + (", ".join(f"{k} {n}" for k, n in sorted(self.excused.items()))
                             or "none"))
        print(f"the hub was killed {len(self.away['hub'])} times, the agent started anew "
              f"{len(self.away['agent'])} times, {len(self.problems)} problems", flush=True)


def main():
    Soak.minutes = int(sys.argv[1])
    result = unittest.TestResult()
    Soak().run(result)
    for _, text in result.errors + result.failures:
        print(text, file=sys.stderr)
    return not result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
