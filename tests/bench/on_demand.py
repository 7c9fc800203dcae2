"""From a client's request to the first byte of a device's service, in round trips to the hub: with the gateway just
started, with its connection to the hub at rest, and with the device's tunnel up.

    on_demand.py [--delay MS] [--rounds N]

A relay delays by MS each way between gateway and hub, and for "far" between agent and hub as well. It takes TCP
connections at once, so that a real path costs one round trip more where a connection is made. Nothing is asserted."""

import argparse
import os
import pathlib
import statistics
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ["TUNNEL_BIN"] = str(TOP / "build/release/bin")
sys.path.insert(0, str(TOP / "tests/integration"))

import certificates  # noqa: E402
from api import Api, Key  # noqa: E402
from harness import Case, mapping  # noqa: E402
from origins import Greeter  # noqa: E402
from programs import environment  # noqa: E402
from sockets import read_exactly, socks5  # noqa: E402

TOOLS = TOP / "build/release/tests"
KEY = Key("AKIDEXAMPLE", "a-secret-of-some-length")


class Bench(Case):
    def runTest(self):
        self.services = {"SSH1": self.origin(Greeter())}
        hub = self.hub("-v", "4", "--keys", self.keys_file(KEY.section()), unsigned=False)
        with Api(hub.port, KEY) as api:
            self.join = api.of_hub("CreateInvitation", names=["*"], uses=1000)["joinToken"]
        far = self.relay(hub.port)
        for name, port in (("near", hub.port), ("far", far)):
            found = {"just started": [], "at rest": [], "tunnel up": []}
            for n in range(arguments.rounds):
                for device in (f"{name}-a{n}", f"{name}-b{n}"):
                    self.device(device, port)
                gateway = self.start_gateway(far)
                found["just started"].append(self.first_byte(gateway, f"{name}-a{n}"))
                time.sleep(10 * arguments.delay / 1e3)  # the next connection is there
                found["at rest"].append(self.first_byte(gateway, f"{name}-b{n}"))
                found["tunnel up"].append(self.first_byte(gateway, f"{name}-b{n}"))
                gateway.terminate()
            for when, times in found.items():
                ms = statistics.median(times)
                print(f"device {name:4} {when:14} {ms:7.1f} ms   "
                      f"{ms / (2 * arguments.delay):4.1f} round trips", flush=True)

    def relay(self, port):
        relay = self.start(TOOLS / "relay", port, arguments.delay, 1e9, ends=(-15,))
        return int(relay.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1))

    def device(self, name, port):
        folder = self.dir / name
        folder.mkdir()
        self.start(self.program("tunnel-agent"), "-e", f"127.0.0.1:{port}",
                   "--ca", certificates.certificate().ca, "--state-dir", folder / "state",
                   "--device", name, "-d", mapping(self.services),
                   env=environment(TUNNEL_JOIN_TOKEN=self.join,
                                   XDG_RUNTIME_DIR=folder)).wait_line("stands by")

    def start_gateway(self, port):
        gateway = self.start(
            self.program("tunnel-gateway"), "-e", f"127.0.0.1:{port}", "--ca",
            certificates.certificate().ca, "--listen", "127.0.0.1:0",
            env=environment(AWS_ACCESS_KEY_ID=KEY.id, AWS_SECRET_ACCESS_KEY=KEY.secret,
                            HOME=self.dir))
        gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        return gateway

    def first_byte(self, gateway, device):
        begin = time.monotonic()
        with socks5(gateway.port, f"SSH1.{device}.tunnel") as s:
            read_exactly(s, 1)
        return (time.monotonic() - begin) * 1e3


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--delay", type=float, default=50)
parser.add_argument("--rounds", type=int, default=5)
arguments = parser.parse_args()
outcome = Bench().run()
for _, text in outcome.errors + outcome.failures:
    print(text, file=sys.stderr)
sys.exit(0 if outcome.wasSuccessful() else 1)
