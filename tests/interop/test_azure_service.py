"""Azure's service SDK for JavaScript (npm azure-iothub) against our hub: its signature is right, and
each error is the one that its programs expect."""

import concurrent.futures
import json
import pathlib
import shutil
import subprocess
import unittest

import certificates
from api import Api, Key as AccessKey
from azure import CONNECT, RESPONSE, Policy
from devices import Key, Link, status
from harness import Case
from programs import environment, wait_until

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE.parents[1] / "build/npm-azure"
ADMIN = AccessKey("ADMIN", "s" * 20)
SERVICE = Policy("service")


class Sdk:
    """The SDK in a process of its own."""

    def __init__(self, case, hub, key=None, policy=SERVICE.name):
        string = (f"HostName=localhost;SharedAccessKeyName={policy};"
                  f"SharedAccessKey={key or SERVICE.primary}")
        self.node = subprocess.Popen(
            ["node", HERE / "azure/service.mjs", string, str(hub.port), MODULES], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=case.dir,
            env=environment(NODE_EXTRA_CA_CERTS=certificates.certificate().ca))
        case.addCleanup(self.end)

    def end(self):
        self.node.communicate()
        assert self.node.returncode == 0

    def stream(self, device, name, connect=None, response=None):
        headers = {}
        if connect is not None:
            headers[CONNECT] = connect
        if response is not None:
            headers[RESPONSE] = response
        path = f"/twins/{device}/streams/{name}?api-version=2018-10-20-preview"
        self.node.stdin.write(json.dumps({"path": path, "headers": headers}) + "\n")
        self.node.stdin.flush()
        return json.loads(self.node.stdout.readline())


@unittest.skipUnless(shutil.which("node") and (MODULES / "node_modules").exists(),
                     "node and the SDK are not there: scripts/setup --tests")
class Service(Case):
    def setUp(self):
        super().setUp()
        self.keys = self.keys_file(ADMIN.section(), SERVICE.section())
        self.start_hub("--limits", self.limits_file(streams=1))
        with Api(self.the_hub.port, ADMIN, verify=False) as admin:
            self.token = admin.call("TunnelHub.CreateInvitation", names=["*"])["joinToken"]
        self.key = Key(self.dir)
        self.link = self.enter(self.token)

    def start_hub(self, *more):
        self.the_hub = self.hub("--keys", self.keys, *more)
        self.sdk = Sdk(self, self.the_hub)

    def enter(self, token=""):
        link = Link(self.the_hub)
        self.addCleanup(link.drop)
        self.assertEqual(link.enter("pump", self.key, token, said=status(services=("SSH1",))).kind,
                         "welcome")
        return link

    def asking(self, sdk, *args, **more):
        """A call that is under way."""
        pool = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(pool.shutdown)
        return pool.submit(lambda: sdk.stream(*args, **more))

    def fails(self, answer, kind, message):
        self.assertEqual(answer.get("error"), {"class": kind, "message": message}, answer)

    def test_refusals(self):
        self.fails(self.sdk.stream("nobody", "SSH1"), "DeviceNotFoundError",
                   "There is no such device.")
        self.fails(self.sdk.stream("pump", "a%20b"), "ArgumentError",
                   "The path names no stream: names have 1 to 128 letters, digits, '-', '_', ':' "
                   "and '.'")
        self.fails(self.sdk.stream("pump", "SSH1", connect="soon"), "ArgumentError",
                   "A time-out is a whole number of seconds, 600 at most, and there once.")
        other = "bm8gc3VjaCBrZXkgYXQgYWxs"
        self.fails(Sdk(self, self.the_hub, other).stream("pump", "SSH1"), "UnauthorizedError",
                   "The shared access signature was made with another key.")
        self.fails(Sdk(self, self.the_hub, policy="none").stream("pump", "SSH1"),
                   "UnauthorizedError",
                   "Nothing is known that this shared access signature could be of.")
        secondary = Sdk(self, self.the_hub, SERVICE.secondary)
        self.fails(secondary.stream("nobody", "SSH1"), "DeviceNotFoundError",
                   "There is no such device.")
        self.link.drop()
        with Api(self.the_hub.port, ADMIN, verify=False) as admin:
            wait_until(lambda: not admin.of_hub("DescribeDevice", device="pump")["device"]["present"],
                       "it is away")
        # a 404 of another code has no class of its own there
        self.fails(self.sdk.stream("pump", "SSH1", connect=1, response=1), "Error", "Not found")

    def test_answers(self):
        self.fails(self.sdk.stream("pump", "SSH1", response=1), "GatewayTimeoutError",
                   "Timed out waiting for the response from device.")
        self.assertEqual(self.link.recv().kind, "notice")
        self.assertEqual(self.link.recv().kind, "withdrawn")
        second = Sdk(self, self.the_hub)
        self.assertIn("error", second.stream("nobody", "SSH1"))  # it has started
        call = self.asking(self.sdk, "pump", "SSH1", response=60)
        notice = self.link.recv()
        self.assertEqual((notice.services, notice.opened_by), (["SSH1"], "service"))
        self.fails(second.stream("pump", "SSH1"), "TooManyDevicesError",
                   "The policy has as many streams at once as it may (limit streams).")
        self.link.answer(notice.id, accepted=False, why="not now")
        answer = call.result()
        self.assertEqual(answer["headers"]["iothub-streaming-is-accepted"], "False")
        self.assertNotIn("iothub-streaming-url", answer["headers"])

    def test_throttled(self):
        self.the_hub.terminate()
        self.start_hub("--limits", self.limits_file(streams_per_second=1))
        errors = [self.sdk.stream("nobody2", "SSH1")["error"] for _ in range(3)]
        self.assertEqual({e["class"] for e in errors}, {"DeviceNotFoundError"})
        errors = [self.sdk.stream("pump", "SSH1")["error"] for _ in range(12)]
        self.assertIn({"class": "ThrottlingError",
                       "message": "Too many new streams: try again in a second."}, errors)


if __name__ == "__main__":
    unittest.main()
