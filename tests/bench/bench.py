"""Speed, latency, memory and CPU of a whole way on this machine, next to direct TCP and ssh -D.

Absolute figures wander by 10 to 20 % between runs: the ways are measured in turn, several times,
and the medians and their ratios are printed. Nothing is asserted but that every byte is right."""

import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ["TUNNEL_BIN"] = str(TOP / "build/release/bin")
sys.path.insert(0, str(TOP / "tests/integration"))

from harness import Case  # noqa: E402
from programs import environment, run, wait_until  # noqa: E402
from sockets import dial  # noqa: E402
from sshd import Sshd, free_port  # noqa: E402

LOAD = TOP / "build/release/tests/load"
TICKS = os.sysconf("SC_CLK_TCK")
QUICK = "--quick" in sys.argv
ROUNDS = 2 if QUICK else 5
BYTES = 300e6 if QUICK else 1e9
SECONDS = 1 if QUICK else 2


def family(pid):
    """A process and all below it."""
    below = {}
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit():
                fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                below.setdefault(int(fields[1]), []).append(int(entry))
        except OSError:
            pass  # ended meanwhile
    found = [pid]
    for p in found:
        found += below.get(p, [])
    return found


class Way:
    """One way to the load server: its target for the load tool and its processes."""

    def __init__(self, name, target, programs):
        self.name, self.target, self.programs = name, target, programs
        self.figures = {}

    def cpu_seconds(self):
        total = 0
        for program in self.programs:
            for pid in family(program.pid):
                try:
                    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    total += int(stat[11]) + int(stat[12])
                except OSError:
                    pass
        return total / TICKS

    def peak_mb(self):
        """The largest of its programs, and by name."""
        peaks = {}
        for program in self.programs:
            for pid in family(program.pid):
                try:
                    status = pathlib.Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                peak = int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) * 1024 / 1e6
                peaks[program.name] = max(peaks.get(program.name, 0), peak)
        return peaks

    def load(self, what, amount, clients):
        done = run(LOAD, what, self.target, int(amount), clients, deadline=600)
        if done.code != 0:
            raise SystemExit(f"bench: {self.name} {what}: {done.err}")
        return dict((name, float(value)) for name, value in
                    (line.split() for line in done.text.splitlines()))

    def add(self, **figures):
        for name, value in figures.items():
            self.figures.setdefault(name, []).append(value)

    def transfer(self, name, what, clients):
        before = self.cpu_seconds()
        got = self.load(what, BYTES / clients, clients)
        cpu = self.cpu_seconds() - before
        self.add(**{name: got["mb_per_s"]})
        if self.programs:
            self.add(**{f"{name} cpu-s/GB": cpu / BYTES * 1e9})
        if clients > 1:
            self.add(**{f"{name} first/last": got["first_to_last"]})

    def stopped_reader(self):
        """Fifty downloads beside one whose reader has stopped for good."""
        stopped = subprocess.Popen([LOAD, "down", self.target, str(10**12), "1"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.3)  # it reads
            stopped.send_signal(signal.SIGSTOP)
            time.sleep(0.3)  # all buffers on its way are full
            got = self.load("down", BYTES / 50, 50)
        finally:
            stopped.kill()
            stopped.wait()
        self.add(**{"down50 beside a stopped reader": got["mb_per_s"]})

    def measure(self):
        """One round of everything."""
        self.transfer("down1", "down", 1)
        self.transfer("up1", "up", 1)
        self.transfer("down50", "down", 50)
        self.stopped_reader()
        self.add(**{"connections/s, 32 at once": self.load("connect", SECONDS, 32)["per_s"]})
        idle = self.load("echo", SECONDS, 1)
        self.add(**{"echo p50 us": idle["p50_us"], "echo p99 us": idle["p99_us"]})
        beside = subprocess.Popen([LOAD, "down", self.target, str(10**12), "1"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            busy = self.load("echo", SECONDS, 1)
        finally:
            beside.kill()
            beside.wait()
        self.add(**{"echo beside a download p50 us": busy["p50_us"],
                    "echo beside a download p99 us": busy["p99_us"]})

    def median(self, name):
        values = self.figures.get(name)
        return statistics.median(values) if values else None


class Bench(Case):
    """Uses the test harness to start and to end the programs."""

    def runTest(self):
        server = self.start(LOAD, "serve", ends=(-15,))
        port = int(server.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1))
        ways = [Way("direct", str(port), []), self.tunnel_way(port), self.ssh_way(port)]
        for i in range(ROUNDS):
            for way in ways:
                print(f"round {i + 1} of {ROUNDS}: {way.name}", file=sys.stderr)
                way.measure()
        self.show(ways)

    def tunnel_way(self, port):
        # echo's client speaks first: nothing is gained by waiting for the service.
        way = self.open_way({"LOAD": f"127.0.0.1:{port}"}, gateway=["--open-grace", "0"])
        return Way("tunnel", f"{way.port}/LOAD.tunnel:1", [way.gateway, way.hub, way.agent])

    def ssh_way(self, port):
        sshd = Sshd(self, self.dir)
        socks = free_port()
        client = self.start(
            "ssh", "-N", "-D", f"127.0.0.1:{socks}", "-p", sshd.port,
            *sshd.options("none"), sshd.user("127.0.0.1"), env=environment(), ends=(0, 255, -15))

        def answers():
            try:
                dial(socks).close()
                return True
            except OSError:
                return False
        wait_until(answers, "ssh -D")
        return Way("ssh -D", f"{socks}/127.0.0.1:{port}", [client, sshd.program])

    def show(self, ways):
        direct, tunnel, ssh = ways
        print(f"\n{'':32}{'direct':>10}{'tunnel':>10}{'ssh -D':>10}{'/direct':>9}{'/ssh':>9}")
        for name in tunnel.figures:
            values = [way.median(name) for way in ways]
            row = "".join(f"{v:10.2f}" if v is not None and v < 10 else
                          f"{v:10.0f}" if v is not None else f"{'-':>10}" for v in values)
            ratios = "".join(f"{values[1] / v:9.2f}" if v else f"{'-':>9}"
                             for v in (values[0], values[2]))
            print(f"{name:32}{row}{ratios}")
        for way in (tunnel, ssh):
            peaks = ", ".join(f"{name} {mb:.1f}" for name, mb in way.peak_mb().items())
            print(f"peak RSS MB, {way.name}: {peaks}")


if __name__ == "__main__":
    case = Bench()
    outcome = case.run()
    for _, text in outcome.errors + outcome.failures:
        print(text, file=sys.stderr)
    sys.exit(0 if outcome.wasSuccessful() else 1)
