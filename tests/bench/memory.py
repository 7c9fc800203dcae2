"""Memory of each release program under the worst authenticated peers that we know, at its default
budget: the table in share/doc/security.md. Prints the peak of resident memory (VmHWM) and how many
descriptors are open right after the attack and once what it left behind has had its time.

    tests/bench/memory.py NAME... [--bin DIR]      single attacks; another build's programs
"""

import argparse
import os
import pathlib
import re
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
parser = argparse.ArgumentParser()
parser.add_argument("--bin", default=TOP / "build/release/bin")
parser.add_argument("--hub-budget", help="--memory-budget of the hub")
parser.add_argument("names", nargs="*")
OPTIONS = parser.parse_args()
os.environ["TUNNEL_BIN"] = str(pathlib.Path(OPTIONS.bin).resolve())
sys.path.insert(0, str(TOP / "tests/integration"))

import attacks  # noqa: E402
from harness import Case, descriptors  # noqa: E402
from origins import Echo  # noqa: E402
from sockets import socks5  # noqa: E402

QUIET = ("-v", "4")
STALL = 30  # seconds: the default stall time
TOKEN = "A" * 32


def peak(program):
    text = pathlib.Path(f"/proc/{program.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text).group(1)) / 1024


class Bench(Case):
    def runTest(self):
        pass

    def setUp(self):
        super().setUp()
        self.hung = self.origin(attacks.Hung())
        self.flood = self.origin(attacks.Flood())
        self.echo = self.origin(Echo())
        self.services = {"HUNG": self.hung, "FLOOD": self.flood, "ECHO": self.echo}

    def show(self, name, *programs, wait=STALL * 5 // 2):
        there = {p.name: descriptors(p) for p in programs}
        time.sleep(wait)
        for p in programs:
            print(f"{name:24} {p.name:16} peak {peak(p):7.1f} MB   descriptors {there[p.name]:5} "
                  f"then {descriptors(p):5}", flush=True)

    def agent_of_v3(self):
        hub = self.hub(*QUIET)
        tokens = self.tunnel(self.services)
        agent = self.agent(hub, tokens, self.services, "-v", "4")
        return hub, tokens, agent

    def left_behind(self):
        """A source of V3 opens 600 connections, sends 430 KB to each, and goes; four times."""
        hub, tokens, agent = self.agent_of_v3()
        for _ in range(4):
            attacks.leave_behind(hub.port, tokens.source, "HUNG", 600, 430000, TOKEN, patience=8)
        self.show("left behind, V3", agent)

    def one_session(self):
        """One session of V3 with 4,000 connections."""
        hub, tokens, agent = self.agent_of_v3()
        attacks.leave_behind(hub.port, tokens.source, "HUNG", 4000, 430000, TOKEN, patience=10)
        self.show("4,000 connections, V3", agent)

    def gave_up(self):
        """400 clients of a native session upload to a hung service, and leave."""
        way = self.open_way(self.services, gateway=("-v", "4"), agent=("-v", "4"), hub=QUIET)
        uploads = [threading.Thread(target=attacks.give_up_uploading,
                                    args=(way.port, "HUNG.tunnel", 80, 0.6)) for _ in range(5)]
        for t in uploads:
            t.start()
        for t in uploads:
            t.join()
        try:
            print(f"a fresh connection after that: {attacks.answer_ms(way.port, 'ECHO.tunnel'):.0f}"
                  " ms", flush=True)
        except OSError as e:
            print("a fresh connection after that:", e, flush=True)
        self.show("400 gave up, native", way.gateway, way.agent)

    def stopped(self):
        """600 readers of a native session that have stopped."""
        way = self.open_way(self.services, gateway=("-v", "4"), agent=("-v", "4"), hub=QUIET)
        readers = []
        for _ in range(600):
            try:
                readers.append(socks5(way.port, "FLOOD.tunnel"))
            except OSError:
                break
        try:
            print(f"a fresh connection beside {len(readers)}: "
                  f"{attacks.answer_ms(way.port, 'ECHO.tunnel'):.0f} ms", flush=True)
        except OSError as e:
            print("a fresh connection beside them:", e, flush=True)
        self.show("600 stopped, native", way.gateway, way.agent, wait=5)
        for s in readers:
            s.close()

    def hub_full(self):
        """1,000 tunnels whose sources send and whose destinations do not read."""
        budget = ("--memory-budget", OPTIONS.hub_budget) if OPTIONS.hub_budget else ()
        hub = self.hub(*QUIET, *budget)
        peers = []
        for _ in range(1000):
            tokens = self.tunnel(["HUNG"])
            peers += attacks.stuck_tunnel(hub.port, tokens)
        self.show("1,000 stuck tunnels", hub, wait=5)
        for p in peers:
            p.sock.close()


def main():
    names = ["left_behind", "one_session", "gave_up", "stopped", "hub_full"]
    for name in OPTIONS.names or names:
        bench = Bench()
        bench.setUp()
        try:
            getattr(bench, name)()
        finally:
            bench._outcome = None
            bench.doCleanups()


if __name__ == "__main__":
    main()
