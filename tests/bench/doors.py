"""What strangers at the other doors cost: the first answer of a gateway at whose endpoint thousands
say nothing, how many wrong passwords a second it answers, and the hub's /readyz while somebody holds
its operations listener. Medians of three rounds. --bin DIR, which may be repeated, measures the
programs of other builds; they take turns."""

import argparse
import contextlib
import pathlib
import socket
import statistics
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/integration"))

import strangers  # noqa: E402
from harness import Case, write_secret  # noqa: E402
from origins import Echo  # noqa: E402
from sockets import read_exactly  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--bin", action="append", type=pathlib.Path)
parser.add_argument("--quick", action="store_true")
OPTIONS = parser.parse_args()
BUILDS = OPTIONS.bin or [TOP / "build/release/bin"]
ROUNDS = 1 if OPTIONS.quick else 3
STRANGER, NEWCOMER = "127.0.0.9", "127.0.0.7"
IDLE, HOLDERS, GUESSERS = 5000, 64, 30
GUESSING = 3 if OPTIONS.quick else 6  # seconds
PATIENCE = 20
GREETING, READYZ = b"\5\1\2", b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def first_answer(port, words):
    """Seconds until a newcomer has one; it tries again when it is sent away."""
    began = time.monotonic()
    while (left := began + PATIENCE - time.monotonic()) > 0:
        try:
            with socket.create_connection(("127.0.0.1", port), left, (NEWCOMER, 0)) as sock:
                sock.sendall(words)
                read_exactly(sock, 2)
                break
        except (OSError, EOFError):
            time.sleep(0.01)
    return time.monotonic() - began


def guess(port, until, answers):
    """Wrong passwords, one after the other, each on a connection of its own."""
    while time.monotonic() < until:
        with contextlib.suppress(OSError, EOFError):
            with socket.create_connection(("127.0.0.1", port), PATIENCE, (STRANGER, 0)) as sock:
                sock.sendall(GREETING)
                read_exactly(sock, 2)
                sock.sendall(b"\1\5plant\5wrong")
                if read_exactly(sock, 2)[1] != 0 and time.monotonic() < until:
                    answers.append(1)


class Doors(Case):
    def measure(self):
        secret = write_secret(self.dir / "password", "right\n")
        way = self.open_way({"ECHO1": self.origin(Echo())}, hub=("-v", "4"), agent=("-v", "4"),
                            gateway=("-v", "4", "--user", "plant", "--password-file", secret))
        return (self.held(way.gateway.port, IDLE, GREETING), self.guessed(way.gateway.port),
                self.held(way.hub.ops_port, HOLDERS, READYZ))

    @staticmethod
    def held(port, n, words):
        with strangers.standing(port, n, STRANGER) as those:
            those.wait_for(n * 3 // 4)  # some are sent away meanwhile
            time.sleep(0.5)
            return first_answer(port, words)

    @staticmethod
    def guessed(port):
        answers, until = [], time.monotonic() + GUESSING
        guessers = [threading.Thread(target=guess, args=(port, until, answers))
                    for _ in range(GUESSERS)]
        for one in guessers:
            one.start()
        for one in guessers:
            one.join()
        return len(answers) / GUESSING

    def runTest(self):
        found = {build: [] for build in BUILDS}
        for _ in range(ROUNDS):
            for build in BUILDS:
                self.bin = build.resolve()
                found[build].append(self.measure())
                for program in self.programs:
                    program.terminate()
        print(f"medians of {ROUNDS}{'first answer, ms':>40}{'guesses':>10}{'/readyz, ms':>13}\n"
              f"{'':11}{f'beside {IDLE:,} idle ones':>40}{'a second':>10}"
              f"{f'beside {HOLDERS}':>13}", flush=True)
        for build, rounds in found.items():
            idle, guesses, ready = (statistics.median(column) for column in zip(*rounds))
            print(f"{str(build)[-32:]:32}{shown(idle):>19}{guesses:10,.0f}{shown(ready):>13}")


def shown(seconds):
    return f"{1000 * seconds:.1f}" if seconds < PATIENCE else "never"


if __name__ == "__main__":
    case = Doors()
    outcome = case.run()
    for _, text in outcome.errors + outcome.failures:
        print(text, file=sys.stderr)
    sys.exit(0 if outcome.wasSuccessful() else 1)
