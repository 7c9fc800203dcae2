"""What standing devices cost: 10,000 of them (simulated by real links in one process) at one hub:
memory each, CPU while idle, bytes per idle day, the return of all after the hub was killed, notices
per second, and what a ping costs on the line."""

import multiprocessing
import os
import pathlib
import select
import socket
import statistics
import subprocess
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ["TUNNEL_BIN"] = str(TOP / "build/release/bin")
sys.path.insert(0, str(TOP / "tests/integration"))

import api  # noqa: E402
import certificates  # noqa: E402
from harness import Case  # noqa: E402

QUICK = "--quick" in sys.argv
DEVICES = 1000 if QUICK else 10000
IDLE_SECONDS = 5 if QUICK else 30
NOTICE_SECONDS = 2 if QUICK else 10
CALLERS = 4
RATE = 200  # notices a second that are asked for
PING_MS = 20000
MOST_PING_S = 240  # the period that a device's pings grow to
HEADERS = 40 + 12  # bytes of IPv4 and TCP, with time stamps, around each segment
TICKS = os.sysconf("SC_CLK_TCK")

fork = multiprocessing.get_context("fork")


class Fleet:
    """COUNT devices in a process of their own."""

    def __init__(self, port, count, prefix, token, ping_ms=PING_MS):
        self.process = subprocess.Popen(
            [TOP / "build/release/tests/fleet", f"127.0.0.1:{port}", certificates.certificate().ca,
             str(count), prefix, str(ping_ms), *([token] if token else [])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.told = [(0, 0, 0)]
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.told.append(tuple(map(int, line.split())))

    @property
    def present(self):
        return self.told[-1][1]

    @property
    def notices(self):
        return self.told[-1][2]

    def wait(self, present, seconds=600):
        end = time.monotonic() + seconds
        while self.present != present:
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit(f"bench: {self.present} of {present} devices are there")
            time.sleep(0.05)

    def since(self, began):
        """(seconds, present) after that monotonic time."""
        return [(ms / 1000 - began, present) for ms, present, _ in self.told if ms / 1000 > began]

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.reader.join()


def ask(port, devices, until, out):
    """ConnectDevice for one device after the other, at a fixed rate."""
    took, step, due = [], CALLERS / RATE, time.monotonic()
    with api.Api(port, keep=True) as calls:
        for name in devices:
            due += step
            time.sleep(max(0, due - time.monotonic()))
            if time.monotonic() > until:
                break
            began = time.monotonic()
            calls.of_hub("ConnectDevice", device=name, idleSeconds=10)
            took.append(time.monotonic() - began)
    out.put(took)


class Counting:
    """A way to the hub that counts bytes and segments as they come."""

    def __init__(self, port):
        self.up = self.down = self.segments = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, args=(port,), daemon=True).start()

    def serve(self, port):
        client, _ = self.listener.accept()
        hub = socket.create_connection(("127.0.0.1", port))
        while True:
            for s in select.select([client, hub], [], [])[0]:
                data = s.recv(65536)
                if not data:
                    return
                (hub if s is client else client).sendall(data)
                self.segments += 1
                if s is client:
                    self.up += len(data)
                else:
                    self.down += len(data)

    def take(self):
        taken = (self.up, self.down, self.segments)
        self.up = self.down = self.segments = 0
        return taken


class Bench(Case):
    def runTest(self):
        self.open_hub()
        token = self.invite(DEVICES + 10)
        self.a_ping(token)
        before = self.the_hub.rss()
        began = time.monotonic()
        self.fleet = Fleet(self.the_hub.port, DEVICES, "plant", token)
        self.addCleanup(self.fleet.end)
        self.fleet.wait(DEVICES)
        enrolled = time.monotonic() - began
        time.sleep(2)
        each = (self.the_hub.rss() - before) / DEVICES
        print(f"{DEVICES} devices enrolled in {enrolled:.1f} s ({DEVICES / enrolled:.0f} a second); "
              f"the hub's memory: {each / 1000:.1f} kB each", flush=True)
        self.idle()
        self.notices()
        self.killed()
        after = (self.the_hub.rss() - before) / DEVICES
        print(f"the new hub's memory: {after / 1000:.1f} kB each", flush=True)

    def open_hub(self):
        self.limits_file(connects_per_second=0, tunnels_per_key=0)
        self.words = ("-v", "4", "--limits", self.dir / "limits", "--per-address", "0")
        self.the_hub = self.hub(*self.words)

    def invite(self, uses):
        answer = self.the_hub.api.of_hub("CreateInvitation", names=["*"], uses=uses)
        return answer["joinToken"]

    def cpu(self, pid):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        return sum(int(f) for f in stat.split()[11:13]) / TICKS

    def a_ping(self, token):
        """What one ping and its pong cost on the line, and so an idle day."""
        way = Counting(self.the_hub.port)
        fleet = Fleet(way.port, 1, "line", token, ping_ms=1000)
        fleet.wait(1)
        time.sleep(0.5)
        up, down, segments = way.take()
        print(f"\na link: {up} bytes up, {down} down until the device is present", flush=True)
        while way.segments < 4:
            time.sleep(0.05)
        up, down, segments = way.take()
        fleet.end()
        pings = segments / 2
        payload = (up + down) / pings
        # each segment is acknowledged, the ping's by its pong
        line = payload + 3 * HEADERS
        day = 86400 / MOST_PING_S * line
        print(f"a ping and its pong: {payload:.0f} bytes of TLS, {line:.0f} on the line; an idle "
              f"day at one in {MOST_PING_S} s: {day / 1000:.0f} kB", flush=True)

    def idle(self):
        before, fleet = self.cpu(self.the_hub.pid), self.cpu(self.fleet.process.pid)
        began = time.monotonic()
        time.sleep(IDLE_SECONDS)
        seconds = time.monotonic() - began
        print(f"idle, pings every {PING_MS // 1000} s and more: the hub takes "
              f"{100 * (self.cpu(self.the_hub.pid) - before) / seconds:.2f} % of a core, "
              f"the devices {100 * (self.cpu(self.fleet.process.pid) - fleet) / seconds:.2f} %",
              flush=True)

    def notices(self):
        out, until = fork.Queue(), time.monotonic() + NOTICE_SECONDS
        before, given = self.cpu(self.the_hub.pid), self.fleet.notices
        names = [f"plant-{i:05}" for i in range(DEVICES)]
        callers = [fork.Process(target=ask, daemon=True,
                                args=(self.the_hub.port, names[i::CALLERS], until, out))
                   for i in range(CALLERS)]
        began = time.monotonic()
        for process in callers:
            process.start()
        took = sorted(t for _ in callers for t in out.get())
        seconds = time.monotonic() - began
        for process in callers:
            process.join()
        each = (self.cpu(self.the_hub.pid) - before) / len(took)
        print(f"ConnectDevice: {len(took) / seconds:.0f} a second of {RATE} asked for, "
              f"{self.fleet.notices - given} notices; p50 {1000 * statistics.median(took):.1f} ms, "
              f"p99 {1000 * took[int(0.99 * (len(took) - 1))]:.1f} ms; hub cpu {1000 * each:.2f} ms "
              "each", flush=True)

    def killed(self):
        port = self.the_hub.port
        self.the_hub.kill()
        began = time.monotonic()
        self.fleet.wait(0)
        self.the_hub = self.hub(*self.words, "--listen", f"127.0.0.1:{port}")
        self.fleet.wait(DEVICES)
        told = self.fleet.since(began)
        shown = []
        for part in (0.5, 0.9, 0.99, 1):
            seconds = next(s for s, present in reversed_when(told, part * DEVICES))
            shown.append(f"{100 * part:.0f} % after {seconds:.1f} s")
        print("the hub was killed and started again: " + ", ".join(shown), flush=True)


def reversed_when(told, most):
    """From the moment on at which the number stayed at `most` or above."""
    last = max((i for i, (_, present) in enumerate(told) if present < most), default=-1)
    return told[last + 1:]


if __name__ == "__main__":
    case = Bench()
    outcome = case.run()
    for _, text in outcome.errors + outcome.failures:
        print(text, file=sys.stderr)
    sys.exit(0 if outcome.wasSuccessful() else 1)
