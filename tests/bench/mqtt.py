"""What idle MQTT devices cost: 10,000 of them at one hub, each signed in with a key of its own and
subscribed to streams: memory each, CPU while idle, and what the ones that publish take from it."""

import base64
import multiprocessing
import os
import pathlib
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ["TUNNEL_BIN"] = str(TOP / "build/release/bin")
sys.path.insert(0, str(TOP / "tests/integration"))
sys.path.pop(sys.path.index(str(TOP / "tests/bench")))  # there, `mqtt` is this file

import mqtt  # noqa: E402
from harness import Case, write_secret  # noqa: E402

QUICK = "--quick" in sys.argv
DEVICES = 1000 if QUICK else 10000
IDLE_SECONDS = 5 if QUICK else 30
PROCESSES = 4
TICKS = os.sysconf("SC_CLK_TCK")

fork = multiprocessing.get_context("fork")


def be(port, devices, ready, end):
    """Those devices, until `end`."""
    clients = []
    for name, key in devices:
        client = mqtt.Client(port, timeout=60)
        client.enter(**mqtt.azure_login(name, key) | {"keepalive": 1200})
        client.subscribe(("$iothub/streams/POST/#", 0), ("$iothub/streams/res/#", 0))
        clients.append(client)
    ready.put(len(clients))
    end.wait()


class Bench(mqtt.MqttCase, Case):
    def runTest(self):
        secrets = write_secret(self.dir / "secrets", base64.b64encode(os.urandom(32)).decode())
        self.limits_file(tunnels_per_key=0)
        self.the_hub = self.mqtt_hub("-v", "4", "--secrets-key", secrets, "--limits",
                                     self.dir / "limits", "--per-address", "0")
        devices = self.create()
        before = self.the_hub.rss()
        ready, end = fork.Queue(), fork.Event()
        clients = [fork.Process(target=be, daemon=True,
                                args=(self.the_hub.mqtt, devices[i::PROCESSES], ready, end))
                   for i in range(PROCESSES)]
        self.addCleanup(end.set)
        began = time.monotonic()
        for process in clients:
            process.start()
        assert sum(ready.get() for _ in clients) == DEVICES
        took = time.monotonic() - began
        time.sleep(2)
        each = (self.the_hub.rss() - before) / DEVICES
        print(f"\n{DEVICES} MQTT devices came in {took:.1f} s ({DEVICES / took:.0f} a second); the "
              f"hub's memory: {each / 1000:.1f} kB each", flush=True)
        cpu, began = self.cpu(), time.monotonic()
        time.sleep(IDLE_SECONDS)
        print(f"idle: the hub takes {100 * (self.cpu() - cpu) / (time.monotonic() - began):.2f} % "
              "of a core", flush=True)
        end.set()
        for process in clients:
            process.join()

    def create(self):
        made = []
        with type(self.the_hub.api)(self.the_hub.port, keep=True, verify=False) as calls:
            for i in range(DEVICES):
                name = f"plant-{i:05}"
                made.append((name, calls.of_hub("CreateDevice", device=name)["primaryKey"]))
        return made

    def cpu(self):
        stat = pathlib.Path(f"/proc/{self.the_hub.pid}/stat").read_text().rpartition(")")[2]
        return sum(int(f) for f in stat.split()[11:13]) / TICKS


if __name__ == "__main__":
    case = Bench()
    outcome = case.run()
    for _, text in outcome.errors + outcome.failures:
        print(text, file=sys.stderr)
    sys.exit(0 if outcome.wasSuccessful() else 1)
