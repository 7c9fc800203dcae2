"""A way to the load server: what is measured of it, and what its processes cost."""

import os
import pathlib
import re
import signal
import statistics
import subprocess
import time

from programs import run

TOP = pathlib.Path(__file__).resolve().parents[2]
LOAD = TOP / "build/release/tests/load"
TICKS = os.sysconf("SC_CLK_TCK")


class Broken(Exception):
    """A way that does not do what it should; the sentence says what."""


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
    """Its target for the load tool and its processes."""

    def __init__(self, name, target, programs=()):
        self.name, self.target, self.programs = name, str(target), list(programs)
        self.figures = {}
        self.peaks = {}      # MB of the largest process of each program
        self.calls = {}      # system calls per MB of each program
        self.broken = None   # why it is measured no more

    def processes(self):
        """(program's name, process) of all that are there."""
        return [(program.name, pid) for program in self.programs for pid in family(program.pid)]

    def cpu_seconds(self):
        """Of all its processes, those that have ended and were waited for among them."""
        total = 0
        for _, pid in self.processes():
            try:
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += sum(int(field) for field in stat[11:15])
            except OSError:
                pass
        return total / TICKS

    def note_peaks(self):
        for name, pid in self.processes():
            try:
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            if peak := re.search(r"VmHWM:\s+(\d+)", status):
                megabytes = int(peak.group(1)) * 1024 / 1e6
                self.peaks[name] = max(self.peaks.get(name, 0), megabytes)

    def load(self, what, amount, clients):
        try:
            done = run(LOAD, what, self.target, amount, clients, deadline=300)
        except AssertionError:
            raise Broken(f"{what} by {clients} at once does not end") from None
        if done.code != 0:
            raise Broken(f"{what} by {clients} at once: {done.err.strip()}")
        return dict((name, float(value)) for name, value in
                    (line.split() for line in done.text.splitlines()))

    def add(self, **figures):
        for name, value in figures.items():
            self.figures.setdefault(name, []).append(value)

    def transfer(self, name, what, clients, size):
        before = self.cpu_seconds()
        got = self.load(what, int(size / clients), clients)
        cpu = self.cpu_seconds() - before
        self.add(**{name: got["mb_per_s"]})
        if self.programs:
            self.add(**{f"{name} cpu-s/GB": cpu / size * 1e9})
        if clients > 1:
            self.add(**{f"{name} first/last": got["first_to_last"]})

    def downloading(self, clients):
        """Downloads that do not end by themselves."""
        return subprocess.Popen([LOAD, "down", self.target, str(10**12), str(clients)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stopped_reader(self, size):
        """Fifty downloads beside one whose reader has stopped for good."""
        stopped = self.downloading(1)
        try:
            time.sleep(0.3)  # it reads
            stopped.send_signal(signal.SIGSTOP)
            time.sleep(0.3)  # all buffers on its way are full
            got = self.load("down", int(size / 50), 50)
        finally:
            stopped.kill()
            stopped.wait()
        self.add(**{"down50 beside a stopped reader": got["mb_per_s"]})

    def echo(self, name, seconds, downloads):
        beside = self.downloading(downloads) if downloads else None
        try:
            if beside:
                time.sleep(0.3)  # they are under way
            got = self.load("echo", seconds, 1)
        finally:
            if beside:
                beside.kill()
                beside.wait()
        self.add(**{f"{name} p50 us": got["p50_us"], f"{name} p99 us": got["p99_us"]})

    def measure(self, size, seconds, stopped):
        """One round of everything."""
        for name, what, clients in (("down1", "down", 1), ("up1", "up", 1), ("down50", "down", 50)):
            self.transfer(name, what, clients, size)
        if stopped:
            self.stopped_reader(size)
        self.add(**{"connections/s, 32 at once": self.load("connect", seconds, 32)["per_s"]})
        for name, downloads in (("echo", 0), ("echo beside a download", 1),
                                ("echo beside ten", 10)):
            self.echo(name, seconds, downloads)
        self.note_peaks()

    def median(self, name):
        values = self.figures.get(name)
        return statistics.median(values) if values else None

    def report(self):
        """All of it, for --json."""
        return {"median": {name: self.median(name) for name in self.figures},
                "values": self.figures, "peak_mb": self.peaks, "calls_per_mb": self.calls,
                "broken": self.broken}
