"""From a client's request to the first byte of a device's service, in round trips to the hub: with
the gateway just started, with its connection to the hub at rest, and with the device's tunnel up.

    on_demand.py [--delay MS] [--rounds N]

A relay between gateway and hub delays by MS each way; the device has a short way. The relay takes
TCP connections at once, so that a real path costs one round trip more where a connection is made.
Nothing is asserted."""

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
KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY")


class Bench(Case):
    def runTest(self):
        self.services = {"SSH1": self.origin(Greeter())}
        self.the_hub = self.hub("-v", "4", "--keys", self.keys_file(KEY.section()), unsigned=False)
        invited = Api(self.the_hub.port, KEY).of_hub("CreateInvitation", names=["*"],
                                                     uses=2 * arguments.rounds)
        self.join = self.dir / "join"
        self.join.write_text(invited["joinToken"])
        self.join.chmod(0o600)
        relay = self.start(TOOLS / "relay", self.the_hub.port, arguments.delay, 1e9, ends=(-15,))
        self.port = int(relay.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1))
        found = {"just started": [], "at rest": [], "tunnel up": []}
        for n in range(arguments.rounds):
            for device in (f"a{n}", f"b{n}"):
                self.stand_by(device)
            gateway = self.start_gateway()
            found["just started"].append(self.first_byte(gateway, f"a{n}"))
            time.sleep(10 * arguments.delay / 1e3)  # a connection to the hub is made and kept
            found["at rest"].append(self.first_byte(gateway, f"b{n}"))
            found["tunnel up"].append(self.first_byte(gateway, f"b{n}"))
            gateway.terminate()
        for name, times in found.items():
            ms = statistics.median(times)
            print(f"{name:14} {ms:7.1f} ms   {ms / (2 * arguments.delay):4.1f} round trips")

    def stand_by(self, device):
        agent = self.start(self.program("tunnel-agent"), "-e", f"localhost:{self.the_hub.port}",
                           "--ca", certificates.certificate().ca, "--device", device,
                           "--join-token-file", self.join, "--state-dir", self.dir / device,
                           "--control", "off", "-d", mapping(self.services))
        agent.wait_line("stands by")

    def start_gateway(self):
        gateway = self.start(self.program("tunnel-gateway"), "-e", f"127.0.0.1:{self.port}", "--ca",
                             certificates.certificate().ca, "--listen", "127.0.0.1:0",
                             env=environment(AWS_ACCESS_KEY_ID=KEY.id, HOME=self.dir,
                                             AWS_SECRET_ACCESS_KEY=KEY.secret))
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
