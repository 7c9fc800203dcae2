"""What strangers cost the others: the echo of an established connection, and how long a newcomer
takes to be let in, alone, beside a flood of ClientHellos from one address, and beside idle
connections. --bin DIR measures the programs of another build."""

import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import time
import uuid

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = sys.argv[sys.argv.index("--bin") + 1] if "--bin" in sys.argv else TOP / "build/release/bin"
os.environ["TUNNEL_BIN"] = str(BIN)
sys.path.insert(0, str(TOP / "tests/integration"))

import certificates  # noqa: E402
import strangers  # noqa: E402
from harness import Case  # noqa: E402
from wire import Dropped, read_head, request  # noqa: E402

QUICK = "--quick" in sys.argv
SECONDS = 3 if QUICK else 8
NEWCOMERS = 5 if QUICK else 15
PATIENCE = 10
LOAD = TOP / "build/release/tests/load"


class Bench(Case):
    def runTest(self):
        self.serve = self.start(LOAD, "serve", ends=(-15, 0))
        port = self.serve.wait_line(r"Listening on \S+:(\d+)")[1]
        self.way = self.open_way({"ECHO1": f"127.0.0.1:{port}"}, hub=("-v", "4"),
                                 gateway=("-v", "4"), agent=("-v", "4"))
        hub = self.way.hub.port
        print(f"{'':44}{'echo, ms':>24}{'newcomer in, ms':>24}\n"
              f"{'':44}{'p50':>8}{'p99':>8}{'max':>8}{'median':>12}{'longest':>12}", flush=True)
        self.row("nobody else", "127.0.0.7")
        with strangers.flooding(hub, rate=800) as those:
            those.wait_for(400)
            self.row("800 hellos a second, one address", "127.0.0.7")
        with strangers.flooding(hub) as those:
            those.wait_for(1000)
            self.row("2,000 hellos a second, one address", "127.0.0.7")
            self.row("  newcomers of that address", "127.0.0.9")
        with strangers.standing(hub, 5000) as those:
            those.wait_for(1000)
            time.sleep(2)
            self.row("5,000 idle, one address", "127.0.0.7")
            self.row("  newcomers of that address", "127.0.0.9")

    def row(self, name, source):
        echo = subprocess.Popen([LOAD, "echo", f"{self.way.port}/ECHO1.tunnel:1", str(SECONDS), "1"],
                                stdout=subprocess.PIPE, text=True)
        times = sorted(self.newcomer(source) for _ in range(NEWCOMERS))
        out, _ = echo.communicate()
        found = dict(re.findall(r"(\S+) ([\d.]+)", out))
        ms = [float(found.get(k, "nan")) / 1000 for k in ("p50_us", "p99_us", "max_us")]
        print(f"{name:44}{ms[0]:8.2f}{ms[1]:8.2f}{ms[2]:8.1f}"
              f"{shown(statistics.median(times))}{shown(times[-1])}", flush=True)

    def newcomer(self, source):
        """Seconds from its first try to a 101; it tries again as a client does."""
        token = self.the_token()
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            try:
                if self.come(source, token):
                    break
            except (OSError, Dropped):
                time.sleep(0.1)
        return time.monotonic() - began

    def the_token(self):
        if not hasattr(self, "token"):
            self.token = self.tunnel(["SSH1"]).source.read_text().strip()
            self.client = str(uuid.uuid4())
        return self.token

    def come(self, source, token):
        bare = socket.create_connection(("127.0.0.1", self.way.hub.port), PATIENCE,
                                        source_address=(source, 0))
        with certificates.trust().wrap_socket(bare, server_hostname="127.0.0.1") as sock:
            sock.sendall(request("source", token, [f"client-token: {self.client}"]).encode())
            return " 101 " in read_head(sock)[0].split("\r\n")[0]


def shown(seconds):
    return f"{1000 * seconds:12.0f}" if seconds < PATIENCE else f"{'never':>12}"


if __name__ == "__main__":
    case = Bench()
    outcome = case.run()
    for _, text in outcome.errors + outcome.failures:
        print(text, file=sys.stderr)
    sys.exit(0 if outcome.wasSuccessful() else 1)
