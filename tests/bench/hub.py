"""The hub's own figures on this machine: tunnels opened per second, connects per second with full
and with resumed TLS handshakes, memory of idle ends. The callers share the cores with the hub, so
its CPU time is printed beside each rate."""

import multiprocessing
import os
import pathlib
import queue
import resource
import socket
import sys
import time
import uuid

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ["TUNNEL_BIN"] = str(TOP / "build/release/bin")
sys.path.insert(0, str(TOP / "tests/integration"))

import api  # noqa: E402
import certificates  # noqa: E402
from harness import Case  # noqa: E402
from wire import (DATA, SERVICE_IDS, STREAM_START, Message, Peer, read_head,  # noqa: E402
                  request)

QUICK = "--quick" in sys.argv
SECONDS = 1 if QUICK else 4
ENDS = 2000 if QUICK else 10000
HOLDERS = 4  # processes that hold idle ends; each from a loopback address of its own
QUIET = ("-v", "4")
TICKS = os.sysconf("SC_CLK_TCK")
SPARE = 300  # descriptors for everything else

fork = multiprocessing.get_context("fork")


# ---- callers, each a process of its own ----

def tls(port, session=None, source="127.0.0.1"):
    sock = socket.create_connection(("127.0.0.1", port), 60, source_address=(source, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return certificates.trust().wrap_socket(sock, server_hostname="127.0.0.1", session=session)


def open_tunnels(port, until):
    """How many, over one kept connection."""
    body = b'{"destinationConfig":{"services":["SSH1"]}}'
    data = api.request(api.head(f"127.0.0.1:{port}", "OpenTunnel", body), body)
    n = 0
    with tls(port) as sock:
        while time.monotonic() < until:
            sock.sendall(data)
            answer = sock.recv(65536)
            while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
                answer += sock.recv(65536)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"bench: {answer!r}")
            n += 1
    return n


def upgrade(sock, mode, token, client):
    sock.sendall(request(mode, token, [f"client-token: {client}"]).encode())
    head, rest = read_head(sock)
    if " 101 " not in head.split("\r\n")[0]:
        raise SystemExit(f"bench: {head}")
    return rest


def connects(port, until, token, resume):
    """How many whole ways to a 101, one after the other."""
    client, n, session = str(uuid.uuid4()), 0, None
    while time.monotonic() < until:
        with tls(port, session) as sock:
            if sock.session_reused != bool(session):
                raise SystemExit("bench: the session was not resumed")
            upgrade(sock, "source", token, client)
            session = sock.session if resume else None
        n += 1
    return n


def hold(port, tunnels, source, ready, go):
    """Both ends of these tunnels, idle; then a message through a few of them."""
    session, ends = None, []
    for tunnel in tunnels:
        pair = []
        for mode in ("source", "destination"):
            sock = tls(port, session, source)
            session = sock.session
            rest = upgrade(sock, mode, tunnel[f"{mode}AccessToken"], str(uuid.uuid4()))
            pair.append((sock, rest))
        ends.append(pair)
    ready.put(len(ends))
    go.wait()
    for pair in ends[::max(len(ends) // 20, 1)]:
        source_end, destination_end = (Peer(sock, True, rest) for sock, rest in pair)
        for peer in (source_end, destination_end):
            if peer.recv().type != SERVICE_IDS:
                raise SystemExit("bench: no SERVICE_IDS")
        source_end.send(Message(STREAM_START, 1, "SSH1", 1),
                        Message(DATA, 1, "SSH1", 1, b"still there?"))
        if destination_end.recv().type != STREAM_START or \
                destination_end.recv().payload != b"still there?":
            raise SystemExit("bench: an idle tunnel does not work")
    ready.put(0)


def caller(work, port, ready, go, out, *more):
    ready.put(0)
    go.wait()
    out.put(work(port, time.monotonic() + SECONDS, *more))


def together(work, port, arguments):
    """Runs work for SECONDS in one process for each of the arguments: what all did."""
    ready, out, go = fork.Queue(), fork.Queue(), fork.Event()
    running = [fork.Process(target=caller, args=(work, port, ready, go, out, *a), daemon=True)
               for a in arguments]
    for process in running:
        process.start()
    for _ in running:
        ready.get()
    go.set()
    done = [process_result(out, running) for _ in running]
    for process in running:
        process.join()
    return sum(done)


def process_result(results, running):
    """The next result; ends when one of them failed."""
    while True:
        try:
            return results.get(timeout=1)
        except queue.Empty:
            if any(process.exitcode for process in running):
                raise SystemExit("bench: a caller failed") from None


# ---- the measurements ----

class Bench(Case):
    def runTest(self):
        certificates.trust()  # made once, for all processes
        self.the_hub = self.hub(*QUIET, "--limits", self.limits_file(connects_per_second=0,
                                                                  tunnels_per_key=0))
        print(f"\n{'':40}{'per s':>10}{'hub cpu ms each':>18}")
        for callers in (1, 16):
            self.row(f"tunnels opened, {callers} at once", open_tunnels, [()] * callers)
        for name, resume in (("full", False), ("resumed", True)):
            tokens = [self.the_hub.api.open(["SSH1"])["sourceAccessToken"] for _ in range(8)]
            self.row(f"connects, {name} TLS, 8 at once", connects,
                     [(token, resume) for token in tokens])
        self.idle()

    def row(self, name, work, arguments):
        before = self.cpu()
        n = together(work, self.the_hub.port, arguments)
        each = (self.cpu() - before) / n * 1000
        print(f"{name:40}{n / SECONDS:10.0f}{each:18.2f}", flush=True)

    def cpu(self):
        stat = pathlib.Path(f"/proc/{self.the_hub.pid}/stat").read_text().rpartition(")")[2]
        return sum(int(f) for f in stat.split()[11:13]) / TICKS

    def idle(self):
        """In a hub of its own, whose memory nothing else has been in."""
        self.the_hub.terminate()
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        tunnels = min(ENDS, most - SPARE) // 2
        hub = self.hub("--idle-timeout", "10m", "--limits", self.dir / "limits", *QUIET,
                       state=self.dir / "idle")
        before = hub.rss()
        with api.Api(hub.port, keep=True) as calls:
            opened = [calls.open(["SSH1"]) for _ in range(tunnels)]
        unconnected = hub.rss()
        ready, go = fork.Queue(), fork.Event()
        holders = [fork.Process(target=hold, daemon=True, args=(
            hub.port, opened[i::HOLDERS], f"127.0.0.{2 + i}", ready, go)) for i in range(HOLDERS)]
        began = time.monotonic()
        for process in holders:
            process.start()
        for _ in holders:
            process_result(ready, holders)
        seconds = time.monotonic() - began
        self.show_idle(tunnels, unconnected - before, hub.rss() - unconnected, seconds)
        go.set()
        for _ in holders:
            process_result(ready, holders)
        for process in holders:
            process.join()

    @staticmethod
    def show_idle(tunnels, records, ends, seconds):
        print(f"{2 * tunnels} idle ends of {tunnels} tunnels, there in {seconds:.1f} s: "
              f"{ends / 2 / tunnels / 1000:.1f} kB an end, {records / tunnels / 1000:.1f} kB a "
              f"tunnel\nconnected tunnels per GB of the hub's memory: "
              f"{1e9 * tunnels / (records + ends):.0f}")


if __name__ == "__main__":
    case = Bench()
    outcome = case.run()
    for _, text in outcome.errors + outcome.failures:
        print(text, file=sys.stderr)
    sys.exit(0 if outcome.wasSuccessful() else 1)
