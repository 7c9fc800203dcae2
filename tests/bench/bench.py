"""Speed, latency, memory and CPU of whole ways on this machine, in turns in one run.

    bench.py [--quick] [--peers] [--rounds N] [--json FILE] [--localproxy PATH]
             [--before DIR] [--growth] [--only native,nginx,...]

Absolute figures wander by 10 to 20 % between runs: the ways are measured in turn, several times,
and the medians and their ratios are printed. Nothing is asserted but that every byte is right. A
way that is not installed is left out, one that breaks is measured no more, each with a sentence."""

import argparse
import json
import os
import pathlib
import platform
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ["TUNNEL_BIN"] = str(TOP / "build/release/bin")
sys.path.insert(0, str(TOP / "tests/integration"))

import goals  # noqa: E402
import growth  # noqa: E402
import syscalls  # noqa: E402
from harness import Case  # noqa: E402
from peers import WAYS, Missing, NotAsked, Peers  # noqa: E402
from way import LOAD, Broken  # noqa: E402

BASES = ("direct", "before", "nginx chain", "ssh -D", "ssh -D GCM")  # native is divided by these


def load_average():
    return os.getloadavg()[0]


def say(sentence):
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


class Bench(Case):
    """Uses the test harness to start and to end the programs."""

    def runTest(self):
        server = self.start(LOAD, "serve", ends=(-15,))
        port = int(server.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1))
        report = {"processors": os.cpu_count(), "machine": platform.machine(),
                  "load_average": [load_average()], "bytes": size, "rounds": rounds}
        if arguments.growth:
            report["growth"] = growth.measure(self, port, size)
        else:
            ways = self.measured(port)
            self.show(ways)
            report["ways"] = {way.name: way.report() for way in ways}
            print()
            for what, value, goal, verdict in goals.verdicts(report["ways"]):
                print(f"{what:50}{value:>10}   wanted {goal}: {verdict}")
        report["load_average"].append(load_average())
        print("load average before and after: {:.1f}, {:.1f}".format(*report["load_average"]))
        if arguments.json:
            pathlib.Path(arguments.json).write_text(json.dumps(report, indent=1) + "\n")

    def measured(self, port):
        peers, ways = Peers(self, port, arguments.localproxy, arguments.before), []
        for sets, make in WAYS:
            try:
                if make.__name__ in only if only else kind in sets:
                    ways.append(make(peers))
            except Missing as e:
                say(f"{make.__name__}: {e}")
            except NotAsked:
                pass
        for i in range(rounds):
            for way in ways:
                say(f"round {i + 1} of {rounds}: {way.name}")
                self.one_round(way)
        if arguments.peers:
            for sentence in syscalls.trace_all(self, ways):
                say(sentence)
        return ways

    @staticmethod
    def one_round(way):
        try:
            if not way.broken:
                way.measure(size, seconds, stopped=not arguments.peers)
        except Broken as e:
            way.broken = str(e)
            say(f"{way.name} is measured no more: {e}")

    @staticmethod
    def show(ways):
        wide = max(len(way.name) for way in ways) + 2
        native = next((way for way in ways if way.name == "native"), None)
        bases = [way for way in ways if way.name in BASES] if native else []
        print(f"\n{'':32}" + "".join(f"{way.name:>{wide}}" for way in ways) +
              "".join(f"{'/' + way.name:>{wide}}" for way in bases))
        for name in max((way.figures for way in ways), key=len):
            ratios = [share(native.median(name), way.median(name)) for way in bases]
            print(f"{name:32}" + "".join(f"{number(value):>{wide}}" for value in
                                         [*(way.median(name) for way in ways), *ratios]))
        for title, kept in (("peak RSS MB", "peaks"), ("system calls per MB of down1", "calls")):
            for way in ways:
                if text := ", ".join(f"{name} {value:.1f}"
                                     for name, value in getattr(way, kept).items()):
                    print(f"{title}, {way.name}: {text}")


def share(value, other):
    return value / other if value and other else None


def number(value):
    return "-" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


parser = argparse.ArgumentParser()
parser.add_argument("--quick", action="store_true")
parser.add_argument("--peers", action="store_true")
parser.add_argument("--growth", action="store_true")
parser.add_argument("--rounds", type=int)
parser.add_argument("--json")
parser.add_argument("--only", help="names of ways, with commas")
parser.add_argument("--localproxy", type=os.path.abspath)
parser.add_argument("--before", type=os.path.abspath)
arguments = parser.parse_args()
kind = ("q" if arguments.quick else "p") if arguments.peers else "b"
only = arguments.only and arguments.only.split(",")
rounds = arguments.rounds or (5 if not arguments.quick else 1 if arguments.peers else 2)
size = 3e8 if arguments.quick or arguments.peers or arguments.growth else 1e9  # bytes of a transfer
seconds = 1 if arguments.quick or arguments.peers else 2

case = Bench()
outcome = case.run()
for _, text in outcome.errors + outcome.failures:
    print(text, file=sys.stderr)
sys.exit(0 if outcome.wasSuccessful() else 1)
