"""What it costs to look at very many streams: the whole snapshot of a hundred thousand, one screen of
them, the page for browsers, and that page for an hour. The streams are made up (tests/page/crowd.c);
what is measured is what the program does with them."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
CROWD = TOP / "build/release/tests/crowd"
QUICK = "--quick" in sys.argv
MANY = 100000
HOUR = 600 if QUICK else 3600  # seconds of an open page, one request each


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("x")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


class Program:
    def __init__(self, folder, kind, n):
        self.socket = f"{folder}/{kind}{n}.sock"
        self.process = subprocess.Popen(
            [CROWD, kind, str(n), "--control", self.socket, "--ops-listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"operations: listening on \S+:(\d+)", line):
                self.port = int(found[1])
            if "are here" in line:
                break

    def cpu(self):
        """Seconds on a processor, of the thread that does it all."""
        return int(pathlib.Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e9

    def memory(self):
        """Resident, in MB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stderr.read()
        self.process.stderr.close()
        self.process.wait()


def ask(connection, target):
    connection.request("GET", target)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (answer.status, body)
    return len(body)


def known(connection):
    """The target of a reader that has the history and the events so far, as tunnel-tui has."""
    connection.request("GET", "/v1/snapshot?limit=0")
    shot = json.loads(connection.getresponse().read())
    return (f"/v1/snapshot?history={shot['history']['seconds']['last']}"
            f"&tens={shot['history']['tens']['last']}&events={shot['events']['last']}")


def cost(program, connection, what, target, times):
    """Of one request: bytes of the answer, milliseconds of a processor, and until it was there."""
    ask(connection, target)
    used, start = program.cpu(), time.perf_counter()
    for _ in range(times):
        size = ask(connection, target)
    passed, used = time.perf_counter() - start, program.cpu() - used
    print(f"  {what:44} {size:>12,} bytes {1000 * used / times:8.2f} ms of CPU "
          f"{1000 * passed / times:8.2f} ms until it is there", flush=True)


def share(program, what, look, seconds=5 if QUICK else 15):
    """Of a core, with one look a second."""
    used, start = program.cpu(), time.monotonic()
    for i in range(seconds):
        look()
        time.sleep(max(0, start + i + 1 - time.monotonic()))
    passed = time.monotonic() - start
    print(f"  {what:44} {100 * (program.cpu() - used) / passed:.1f} % of a core", flush=True)


def many(folder):
    program = Program(folder, "gateway", MANY)
    control, page = Unix(program.socket), http.client.HTTPConnection("127.0.0.1", program.port)
    print(f"{MANY:,} streams in one program, {program.memory():.0f} MB")
    n = 5 if QUICK else 20
    cost(program, control, "all of them: /v1/snapshot", "/v1/snapshot", 3)
    base = known(control)
    for what, more in (("a screen of 50", "&limit=50&sort=rate_down"),
                       ("the same with trends", "&limit=50&sort=rate_down&trend=1"),
                       ("with a filter", "&limit=50&sort=rate_down&filter=service%3DSSH1%20down%3E1M"),
                       ("the last screen", f"&limit=50&from={MANY - 50}&sort=rate_down"),
                       ("one of those that have ended", "&limit=0&closed=50"),
                       ("groups by client", "&limit=0&groups=client")):
        cost(program, control, what, base + more, n)
    cost(program, page, "the page's middle", "/page/data", n)
    share(program, "nobody looks", lambda: None)
    share(program, "a screen each second", lambda: ask(control, base + "&limit=50&sort=rate_down"))
    share(program, "the page is open", lambda: ask(page, "/page/data"))
    program.end()


def fleet(folder):
    program = Program(folder, "hub", 10000)
    page = http.client.HTTPConnection("127.0.0.1", program.port)
    print("A hub with 10,000 devices and tunnels")
    cost(program, page, "the fleet's middle", "/page/data", 20)
    cost(program, page, "its tunnels'", "/page/data?show=streams", 20)
    program.end()


def hour(folder):
    """As fast as it goes: what an open page asks for, and leaves behind, is the same."""
    program = Program(folder, "gateway", 1000)
    page = http.client.HTTPConnection("127.0.0.1", program.port)
    print(f"The page for {HOUR} s in front of 1,000 streams, a request after the other")
    for _ in range(200):
        ask(page, "/page/data")
    before = program.memory()
    for _ in range(HOUR):
        ask(page, "/page/data")
    print(f"  memory before {before:.2f} MB, afterwards {program.memory():.2f} MB", flush=True)
    program.end()


if __name__ == "__main__":
    os.environ.setdefault("XDG_RUNTIME_DIR", "/nonexistent")
    work = tempfile.mkdtemp(prefix="tunnel-bench-")
    try:
        for part in (many, fleet, hour):
            part(work)
    finally:
        shutil.rmtree(work)
