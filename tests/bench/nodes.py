"""What a cluster costs on this machine: opens and connects per second with one, two and three
nodes and without a cluster, Redis' operations for each and for an idle tunnel, memory of idle ends,
and a transfer that another node passes on, beside one at the tunnel's home. All nodes, their
callers and Redis share the cores: CPU times are printed beside each rate."""

import multiprocessing
import pathlib
import sys
import time
import uuid

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/bench"), str(TOP / "tests/integration"), str(TOP / "tests/cluster")]

import hub as alone  # noqa: E402, sets TUNNEL_BIN
import api  # noqa: E402
import certificates  # noqa: E402
from cluster import ClusterCase, open_at  # noqa: E402
from way import LOAD, Way  # noqa: E402

ROUNDS = 2 if alone.QUICK else 5
SIZE = 1e8 if alone.QUICK else 3e8  # bytes of a transfer
IDLE = 500 if alone.QUICK else 2000  # tunnels
CALLERS = 12
fork = multiprocessing.get_context("fork")


def cpu(program):
    stat = pathlib.Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2]
    return sum(int(f) for f in stat.split()[11:13]) / alone.TICKS


def at_port(_, until, port, work, *more):
    return work(port, until, *more)


class Bench(ClusterCase):
    # What is acknowledged is on the disk, as share/doc/cluster.md wants it.
    redis_options = {"appendfsync": "always"}

    def runTest(self):
        certificates.trust()
        self.limits = self.limits_file(connects_per_second=0, tunnels_per_key=0)
        print(f"\n{'':44}{'per s':>10}{'hubs cpu ms':>14}{'redis cpu ms':>14}{'redis ops':>12}")
        single = self.hub(*alone.QUIET, "--limits", self.limits, state=self.dir / "single")
        self.rates("no cluster", [single])
        single.terminate()
        for n in (1, 2, 3):
            self.grow(n)
            self.rates(f"{n} node{'s' if n > 1 else ''}", list(self.nodes.values()))
        self.redis("CONFIG", "SET", "appendfsync", "everysec")
        self.rates("3 nodes, everysec", list(self.nodes.values()))
        self.redis("CONFIG", "SET", "appendfsync", "always")
        self.idle()
        self.relayed()

    def grow(self, n):
        self.node("abc"[n - 1], *alone.QUIET, "--idle-timeout", "10m", "--limits", self.limits)
        for hub in self.nodes.values():
            self.wait_nodes(hub, n)

    def operations(self):
        """Commands that Redis has done, those inside functions among them."""
        stats = self.redis("INFO", "commandstats")
        return sum(int(line.split("calls=")[1].split(",")[0]) for line in stats.splitlines()
                   if line.startswith("cmdstat_") and not line.startswith("cmdstat_info"))

    def rates(self, where, hubs):
        for name, work, more in (("opens", alone.open_tunnels, ()),
                                 ("connects, again with a client token", alone.connects, (True,))):
            if more:
                tokens = [(hubs[i % len(hubs)].api.open(["SSH1"])["sourceAccessToken"], *more)
                          for i in range(CALLERS)]
            else:
                tokens = [()] * CALLERS
            arguments = [(hubs[i % len(hubs)].port, work, *tokens[i]) for i in range(CALLERS)]
            before = [cpu(h) for h in hubs], cpu(self.redis.process), self.operations()
            n = alone.together(at_port, None, arguments)
            hub_ms = sum(cpu(h) - b for h, b in zip(hubs, before[0])) / n * 1000
            redis_ms = (cpu(self.redis.process) - before[1]) / n * 1000
            operations = (self.operations() - before[2]) / n
            print(f"{where + ': ' + name:44}{n / alone.SECONDS:10.0f}{hub_ms:14.2f}{redis_ms:14.3f}"
                  f"{operations:12.2f}", flush=True)

    def per_minute(self, seconds):
        began = self.operations()
        time.sleep(seconds)
        return (self.operations() - began) / seconds * 60

    def idle(self):
        """Tunnels with both ends at their node; what they cost Redis in a minute."""
        a, seconds = self.nodes["a"], 10 if alone.QUICK else 60
        beats = self.per_minute(10)
        before = a.rss(), int(self.redis.info("memory")["used_memory"])
        with api.Api(a.port, keep=True) as calls:
            opened = [calls.open(["SSH1"]) for _ in range(IDLE)]
        records = a.rss(), int(self.redis.info("memory")["used_memory"])
        ready, go = fork.Queue(), fork.Event()
        holder = fork.Process(target=alone.hold, daemon=True,
                              args=(a.port, opened, "127.0.0.2", ready, go))
        holder.start()
        ready.get()
        after = a.rss()
        time.sleep(2)  # what was left to tell Redis is told
        each = self.per_minute(seconds)
        print(f"{IDLE} idle tunnels with both ends at one of three nodes: "
              f"{(after - records[0]) / 2 / IDLE / 1000:.1f} kB of the node an end, "
              f"{(records[1] - before[1]) / IDLE / 1000:.2f} kB of Redis a tunnel, "
              f"{max(each - beats, 0) / IDLE:.2f} Redis operations a tunnel and minute "
              f"(beats of three nodes: {beats:.0f} a minute)", flush=True)
        go.set()
        ready.get()
        holder.join()

    def relayed(self):
        """A V3 source at the tunnel's home, and one that is passed on by another node, in turns."""
        a, b = self.nodes["a"], self.nodes["b"]
        server = self.start(LOAD, "serve", ends=(-15,))
        port = int(server.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1))
        ways = []
        for name, at, protocol in (("home", a, "V3"), ("passed on", b, "V3")):
            tokens = open_at(a.api, self.dir, ["TCP1"])
            agent = self.agent(a, tokens, {"TCP1": f"127.0.0.1:{port}"})
            gateway = self.gateway(at, tokens, "-y", protocol)
            ways.append(Way(name, f"{gateway.port}/TCP1.tunnel:1", [agent, gateway, a, b]))
        for _ in range(ROUNDS):
            for way in ways:
                way.transfer("down1", "down", 1, SIZE)
                way.add(**{"connections/s": way.load("connect", 1, 16)["per_s"]})
                way.echo("echo", 1, 0)
        home, passed = ways
        print(f"{'':28}{'home':>12}{'passed on':>12}{'ratio':>8}")
        for name in home.figures:
            one, other = home.median(name), passed.median(name)
            print(f"{name:28}{one:12.2f}{other:12.2f}{other / one:8.2f}")


if __name__ == "__main__":
    case = Bench()
    outcome = case.run()
    for _, text in outcome.errors + outcome.failures:
        print(text, file=sys.stderr)
    sys.exit(0 if outcome.wasSuccessful() else 1)
