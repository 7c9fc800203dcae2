"""What the dashboard costs with a thousand streams, looking once a second: CPU of tunnel-tui, bytes
that go to the terminal, and how long a key takes to show, in front of a fake program of which all
streams move (tests/tui/fake.py); then the CPU of a real gateway with a thousand clients, watched and
not."""

import json
import multiprocessing
import os
import pathlib
import random
import shutil
import statistics
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("TUNNEL_BIN", str(TOP / "build/release/bin"))
sys.path[:0] = [str(TOP / "tests/integration"), str(TOP / "tests/tui")]

import fake  # noqa: E402
from harness import Case  # noqa: E402
from origins import Echo  # noqa: E402
from programs import BIN  # noqa: E402
from pseudo import Pseudo  # noqa: E402
from sockets import socks5  # noqa: E402

QUICK = "--quick" in sys.argv
STREAMS = 1000
SECONDS = 5 if QUICK else 20
KEYS = 50 if QUICK else 200


def cpu(pid):
    """Seconds on a processor, to the nanosecond (utime counts ticks of 10 ms)."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((t / "schedstat").read_text().split()[0]) for t in tasks) / 1e9


def serve(path, ready):
    """A process of its own: a thousand streams, of which each look finds all moved on."""
    server = fake.Fake(path, fake.snapshot(STREAMS))
    chance = random.Random(1)
    seen = server._seen

    def moving(query):
        for s in server.shot["streams"]:
            s["age"] += 1
            s["rate_down"] = s["mean_down"] = chance.random() * 1e6
            s["rate_up"] = s["mean_up"] = chance.random() * 1e5
            s["bytes_down"] += int(s["rate_down"])
            s["bytes_up"] += int(s["rate_up"])
        for series in server.shot["history"].values():
            series["last"] += 1
            series["down"] = series["down"][1:] + [chance.randrange(1 << 20)]
            series["up"] = series["up"][1:] + [chance.randrange(1 << 16)]
        return seen(query)
    server._seen = moving
    ready.set()
    time.sleep(3600)


def begin(path, folder, columns, rows, *words):
    tui = Pseudo([BIN / "tunnel-tui", "--socket", path, *words], folder, columns, rows)
    tui.wait_output(b"Quit")
    return tui


def steady(path, folder, columns, rows):
    """CPU and bytes of a second in which nobody touches a key."""
    tui = begin(path, folder, columns, rows)
    time.sleep(2)
    used, written, start = cpu(tui.pid), len(tui.output), time.monotonic()
    time.sleep(SECONDS)
    used, written = cpu(tui.pid) - used, len(tui.output) - written
    passed = time.monotonic() - start
    tui.terminate()
    tui.close()
    print(f"  {columns}x{rows}: tunnel-tui {100 * used / passed:.2f} % of a core, "
          f"{written / passed:.0f} bytes to the terminal a second", flush=True)


def latency(path, folder):
    """From a key to the first byte on the screen; looks are 10 s apart, not to be in the way."""
    tui = begin(path, folder, 80, 24, "--refresh", "10")
    times, sizes = [], []
    for i in range(KEYS):
        time.sleep(0.02)
        before = len(tui.output)
        start = time.perf_counter()
        tui.write(b"j" if i % 20 < 10 else b"k")
        with tui.news:
            while len(tui.output) == before:
                tui.news.wait()
        times.append(1000 * (time.perf_counter() - start))
        time.sleep(0.005)
        sizes.append(len(tui.output) - before)
    tui.terminate()
    tui.close()
    times.sort()
    print(f"  a key shows after {statistics.median(times):.2f} ms (median), "
          f"{times[int(len(times) * 0.99)]:.2f} ms (99 %), with "
          f"{statistics.median(sizes):.0f} bytes", flush=True)


def measure(path, folder):
    for size in ((80, 24), (120, 36), (200, 60)):
        steady(path, folder, *size)
    latency(path, folder)


def with_fake(folder):
    path = f"{folder}/admin.sock"
    ready = multiprocessing.Event()
    server = multiprocessing.Process(target=serve, args=(path, ready), daemon=True)
    server.start()
    ready.wait()
    sizes = [len(json.dumps(shot, separators=(",", ":"))) for shot in (
        fake.snapshot(STREAMS), fake.paged(fake.snapshot(STREAMS), {"limit": "22", "trend": "1"}))]
    print(f"A fake program, {STREAMS} streams, {sizes[0] / 1000:.0f} kB a snapshot, of which a screen "
          f"of 80x24 asks for {sizes[1] / 1000:.0f} kB")
    measure(path, folder)
    server.terminate()
    server.join()


# ---- a real gateway ----

class Bench(Case):
    def runTest(self):
        way = self.open_way({"ECHO": self.origin(Echo())}, gateway=("-v", "4"),
                            agent=("-v", "4"))
        clients = [socks5(way.port, "ECHO.tunnel") for _ in range(STREAMS)]
        for c in clients:
            self.addCleanup(c.close)
        print(f"A real gateway, {STREAMS} clients, of which a hundred say something each second")
        self.share(way, clients, "nobody looks")
        tui = begin(self.dir / "tunnel-gateway/admin.sock", self.dir, 80, 24)
        used = cpu(tui.pid)
        passed = self.share(way, clients, "tunnel-tui looks")
        print(f"  tunnel-tui: {100 * (cpu(tui.pid) - used) / passed:.2f} %")
        tui.terminate()
        tui.close()

    def share(self, way, clients, what):
        """Of a core that the gateway takes; the seconds that were looked at."""
        time.sleep(3)
        used, start = cpu(way.gateway.pid), time.monotonic()
        for second in range(SECONDS):
            for c in clients[::10]:
                c.sendall(b"0123456789")
            for c in clients[::10]:
                c.recv(64)
            time.sleep(max(0, start + second + 1 - time.monotonic()))
        passed = time.monotonic() - start
        print(f"  {what}: the gateway takes {100 * (cpu(way.gateway.pid) - used) / passed:.2f} % of "
              "a core", flush=True)
        return passed


def with_gateway():
    result = Bench().run()
    for _, text in result.errors + result.failures:
        print(text, file=sys.stderr)
    return not result.errors and not result.failures


if __name__ == "__main__":
    work = tempfile.mkdtemp(prefix="tunnel-bench-")
    try:
        with_fake(work)
    finally:
        shutil.rmtree(work)
    sys.exit(not with_gateway())
