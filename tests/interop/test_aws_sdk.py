"""AWS's SDK for JavaScript (npm @aws-sdk/client-iotsecuretunneling) against our hub."""

import json
import pathlib
import shutil
import subprocess
import time
import unittest

import certificates
from api import Key
from harness import Case
from programs import environment

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE.parents[1] / "build/npm"
KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


class SdkError(Exception):
    def __init__(self, name, message, status=None, **more):
        super().__init__(f"{status} {name}: {message}")
        self.name, self.status, self.kind = name, status, more["class"]


@unittest.skipUnless(shutil.which("node") and (MODULES / "node_modules").exists(),
                     "node and the SDK are not there: scripts/setup --tests")
class Sdk(Case):
    def setUp(self):
        super().setUp()
        self.hub("--keys", self.keys_file(KEY.section()), "--limits",
                 self.limits_file(tunnels_per_key=5), unsigned=False)
        self.node = subprocess.Popen(
            ["node", HERE / "aws_sdk/sdk.mjs", f"https://localhost:{self._hub.port}/aws/x",
             MODULES],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=self.dir,
            env=environment(NODE_EXTRA_CA_CERTS=certificates.certificate().ca))
        self.addCleanup(self.end_node)
        self.last = {}
        self.use = KEY

    def end_node(self):
        self.node.communicate()
        self.assertEqual(self.node.returncode, 0)

    def call(self, operation, **parameters):
        wanted = {"operation": operation, "input": parameters}
        if self.use:
            wanted["key"], self.use = [self.use.id, self.use.secret], None
        self.node.stdin.write(json.dumps(wanted) + "\n")
        self.node.stdin.flush()
        self.last = json.loads(self.node.stdout.readline())
        self.assertRegex(self.last["requestId"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        if "error" in self.last:
            raise SdkError(**self.last["error"])
        return self.last["output"]

    def assert_fails(self, name, kind, operation, **parameters):
        with self.assertRaises(SdkError) as e:
            self.call(operation, **parameters)
        self.assertEqual((e.exception.name, e.exception.kind), (name, kind))

    def test_all_eight_operations(self):
        opened = self.call("OpenTunnel", description="Zählerstand 😀",
                           tags=[{"key": "Ort", "value": "Köln"}],
                           destinationConfig={"thingName": "RemoteDevice1",
                                              "services": ["HTTP1", "SSH1"]},
                           timeoutConfig={"maxLifetimeTimeoutMinutes": 30})
        tunnel, arn = opened["tunnelId"], opened["tunnelArn"]
        seen = self.call("DescribeTunnel", tunnelId=tunnel)["tunnel"]
        self.assertEqual(seen["description"], "Zählerstand 😀")
        self.assertEqual(seen["destinationConfig"], {"thingName": "RemoteDevice1",
                                                     "services": ["HTTP1", "SSH1"]})
        self.assertLess(abs(seen["createdAt"]["date"] - time.time() * 1000), 600_000)
        listed = self.call("ListTunnels", thingName="RemoteDevice1")["tunnelSummaries"]
        self.assertEqual([t["tunnelArn"] for t in listed], [arn])
        rotated = self.call("RotateTunnelAccessToken", tunnelId=tunnel, clientMode="SOURCE")
        self.assertEqual(set(rotated), {"tunnelArn", "sourceAccessToken"})
        self.assertNotEqual(rotated["sourceAccessToken"], opened["sourceAccessToken"])
        self.call("TagResource", resourceArn=arn, tags=[{"key": "neu", "value": "1"}])
        self.call("UntagResource", resourceArn=arn, tagKeys=["Ort"])
        tags = self.call("ListTagsForResource", resourceArn=arn)["tags"]
        self.assertEqual(tags, [{"key": "neu", "value": "1"}])
        self.call("CloseTunnel", tunnelId=tunnel)
        self.assertEqual(self.call("DescribeTunnel", tunnelId=tunnel)["tunnel"]["status"],
                         "CLOSED")
        self.call("CloseTunnel", tunnelId=tunnel, delete=True)
        # Eleven calls, one connection.
        self.assertEqual((self.last["attempts"], self.last["connections"]), (1, 1))

    def test_typed_exceptions(self):
        self.assert_fails("ResourceNotFoundException", "ResourceNotFoundException",
                          "DescribeTunnel", tunnelId="b2de92a3-b8ff-46c0-b0f2-afa28b00cecd")
        self.assertEqual(self.last["attempts"], 1)
        self.assert_fails("ValidationException", "service", "DescribeTunnel", tunnelId="a/b")
        for _ in range(5):
            self.call("OpenTunnel")
        self.assert_fails("LimitExceededException", "LimitExceededException", "OpenTunnel")
        self.assertEqual(self.last["attempts"], 3)  # to the SDK it is a kind of throttling
        self.assertEqual(len(self.call("ListTunnels")["tunnelSummaries"]), 5)
        for self.use, name in ((Key(KEY.id, "wrong"), "InvalidSignatureException"),
                               (Key("AKIDNOBODY", "x"), "UnrecognizedClientException")):
            self.assert_fails(name, "service", "ListTunnels")
            self.assertEqual(self.last["error"]["status"], 403)

    def test_pages(self):
        made = [self.call("OpenTunnel")["tunnelId"] for _ in range(5)]
        found, more = [], {}
        for size in (2, 2, 1):
            page = self.call("ListTunnels", maxResults=2, **more)
            self.assertEqual(len(page["tunnelSummaries"]), size)
            found += [t["tunnelId"] for t in page["tunnelSummaries"]]
            more = {"nextToken": page["nextToken"]} if page.get("nextToken") else {}
        self.assertEqual((found, more), (made[::-1], {}))


if __name__ == "__main__":
    unittest.main()
