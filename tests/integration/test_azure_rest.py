"""Azure's REST interface for device streams: who may ask, and each error of it."""

import base64
import json
import signal
import time
import unittest
import urllib.parse

from api import Api, Key as AccessKey
from azure import Policy, Service, sas, signature
from devices import Key, Link, status
from harness import Case
from programs import wait_until
from wire import read_head, tls_client

ADMIN = AccessKey("ADMIN", "s" * 20)
SERVICE = Policy("service")
PLANT = Policy("plant", base64.b64encode(b"p" * 32).decode())


class Rest(Case):
    def setUp(self):
        super().setUp()
        self.audit = self.dir / "audit"
        keys = self.keys_file(ADMIN.section(), SERVICE.section(),
                              PLANT.section(things="plant7-*", services="SSH*"))
        self.keys = keys
        self.the_hub = self.hub("--keys", keys, "--audit-log", self.audit)
        self.azure = Service(self.the_hub, SERVICE)
        self.admin = Api(self.the_hub.port, ADMIN, verify=False)
        self.addCleanup(self.admin.close)
        token = self.admin.call("TunnelHub.CreateInvitation", names=["*"], uses=9)["joinToken"]
        for name in "pump", "plant7-a":
            link = Link(self.the_hub)
            link.enter(name, Key(self.dir), token, said=status(services=("SSH1",)))
            link.drop()
        wait_until(lambda: not self.present(), "both away")

    def present(self):
        return self.admin.call("TunnelHub.ListDevices", presence="PRESENT")["devices"]

    def refused(self, reply, status, code, words=None):
        self.assertEqual((reply.status, reply.code), (status, code), reply)
        if words:
            self.assertIn(words, reply.text)
        return reply

    def streams(self):
        """The lines of the audit log about streams."""
        lines = [json.loads(line) for line in self.audit.read_text().splitlines()]
        return [line for line in lines if line["event"] == "stream"]


class Errors(Rest):
    def test_device(self):
        self.refused(self.azure.stream("nobody", "SSH1"), 404, "DeviceNotFound")
        self.refused(self.azure.stream("PUMP", "SSH1"), 404, "DeviceNotFound")  # case counts
        began = time.monotonic()
        self.refused(self.azure.stream("pump", "SSH1"), 404, "DeviceNotOnline",
                     "Timed out waiting for device to connect.")
        self.refused(self.azure.stream("pump", "SSH1", connect=1), 404, "DeviceNotOnline")
        self.assertGreater(time.monotonic() - began, 1)
        self.admin.call("TunnelHub.UpdateDevice", device="pump", state="DISABLED")
        self.refused(self.azure.stream("pump", "SSH1", connect=30), 404, "DeviceNotOnline",
                     "disabled")
        lines = self.streams()
        self.assertEqual([(l["device"], l["result"], l["status"], l["key"]) for l in lines[:3]],
                         [("nobody", "DeviceNotFound", 404, "service"),
                          ("PUMP", "DeviceNotFound", 404, "service"),
                          ("pump", "DeviceNotOnline", 404, "service")])
        self.assertEqual(lines[0]["apiVersion"], "2018-10-20-preview")
        self.assertGreaterEqual(lines[3]["milliseconds"], 1000)

    def test_arguments(self):
        for name in "a%2fb", "a%20b", "a%23", "x" * 129:
            self.refused(self.azure.stream("pump", name), 400, "ArgumentInvalid", "no stream")
        self.refused(self.azure.stream("a%20b", "SSH1"), 400, "ArgumentInvalid", "no device")
        self.refused(self.azure.stream("pump", "SSH1", connect="x"), 400, "ArgumentInvalid",
                     "time-out")
        self.refused(self.azure.stream("pump", "SSH1", response="601"), 400, "ArgumentInvalid")
        for path in "/twins/pump", "/twins/pump/stream/S", "/twins/pump/streams/S/more":
            self.refused(self.azure.send(path, self.azure.head()), 400, "ArgumentInvalid",
                         "none of this service")
        self.refused(self.azure.send("/twins/pump/streams/S", self.azure.head(), "GET"), 400,
                     "ArgumentInvalid", "POST")

    def test_host_goes_into_no_header(self):
        head = self.azure.head()
        del head["Host"]
        self.refused(self.azure.send("/twins/pump/streams/S", head), 400, "ArgumentInvalid", "Host")
        head["Host"] = 'a"b'
        self.refused(self.azure.send("/twins/pump/streams/S", head), 400, "ArgumentInvalid", "Host")

    def test_modules_and_versions(self):
        head = self.azure.head()
        reply = self.azure.send("/twins/edge/modules/m/streams/S?api-version=2020-09-30", head)
        self.refused(reply, 404, "DeviceNotFound")
        self.refused(self.azure.send("/twins/pump/streams/S", head), 404, "DeviceNotOnline")
        self.assertEqual([line["device"] for line in self.streams()], ["edge/m", "pump"])

    def test_policy_of_some_things(self):
        plant = Service(self.the_hub, PLANT)
        self.refused(plant.stream("pump", "SSH1"), 404, "DeviceNotFound")
        self.refused(plant.stream("plant7-a", "HTTP1"), 401, "IotHubUnauthorizedAccess",
                     "streams of that name")
        self.refused(plant.stream("plant7-a", "SSH1"), 404, "DeviceNotOnline")

    def test_endpoints(self):
        reply = self.azure.send("/devicestreams?api-version=x", {"Host": "hub.example:8443"}, "GET")
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.json, {"streamingEndpoints": ["https://hub.example:8443"]})

    def test_too_large(self):
        sock = tls_client(self.the_hub.port)
        sock.sendall(b"POST /twins/pump/streams/S HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Length: 99999999\r\n\r\n")
        head, body = read_head(sock)
        self.assertEqual(head.split()[1], "413")
        self.assertIn("iothub-errorcode: RequestTooLarge", head)
        sock.close()

    def test_limits(self):
        self.the_hub.terminate()
        self.the_hub = self.hub("--keys", self.keys, "--limits-preset", "azure",
                                "--audit-log", self.audit)
        azure = Service(self.the_hub, SERVICE)
        replies = [azure.stream("pump", "SSH1") for _ in range(12)]
        throttled = [r for r in replies if r.status == 429]
        self.assertTrue(throttled)
        self.refused(throttled[0], 429, "ThrottlingException")
        self.assertGreaterEqual(sum(r.status == 404 for r in replies), 5)

    def test_quota(self):
        self.the_hub.terminate()
        self.the_hub = self.hub("--keys", self.keys, "--limits", self.limits_file(streams=1),
                                "--audit-log", self.audit)
        azure = Service(self.the_hub, SERVICE)
        connection = azure.connection()
        connection.request("POST", "/twins/pump/streams/SSH1", headers=azure.head(connect=30))
        # the first one is known to wait when another one is refused
        wait_until(lambda: azure.stream("pump", "SSH1").status == 403, "the quota is used up")
        self.refused(azure.stream("pump", "SSH1"), 403, "IotHubQuotaExceeded", "limit streams")
        connection.close()  # who leaves gives his place back
        wait_until(lambda: azure.stream("pump", "SSH1").status == 404, "there is room again")
        wait_until(lambda: any(line["words"] == "" and line["status"] == 503
                               for line in self.streams()), "the first one is over")


class Format(Rest):
    def test_azure(self):
        """The fields of the cloud's record, all of them texts."""
        self.the_hub.terminate()
        self.audit.unlink()
        self.the_hub = self.hub("--keys", self.keys, "--audit-log", self.audit, "--audit-format",
                                "azure", "--region", "eu-test-1", "--account", "123456789012")
        azure = Service(self.the_hub, SERVICE)
        azure.send("/twins/edge/modules/m/streams/S?api-version=2019-05-01-preview", azure.head())
        azure.stream("pump", "SSH1", token="x")
        lines = [json.loads(line) for line in self.audit.read_text().splitlines()]
        self.assertEqual(lines[0]["event"], "start")
        first, second = lines[1:]
        self.assertEqual(set(first), {"time", "resourceId", "operationName", "category",
                                      "resultType", "resultDescription", "level", "durationMs",
                                      "properties", "location"})
        self.assertEqual((first["category"], first["operationName"], first["resultType"],
                          first["level"], first["location"], first["resourceId"]),
                         ("DeviceStreams", "invoke", "DeviceNotFound", "Error", "eu-test-1",
                          "123456789012"))
        properties = json.loads(first["properties"])
        self.assertGreater(int(properties.pop("responseSize")), 50)
        self.assertEqual(properties, {"deviceId": "edge", "moduleId": "m", "requestSize": "0",
                                      "sdkVersion": "2019-05-01-preview", "statusCode": "404",
                                      "requestName": "S", "direction": "c2d"})
        self.assertEqual(second["resultType"], "IotHubUnauthorizedAccess")


class Signatures(Rest):
    """Right ones in all spellings, and wrong ones in more than ten ways."""

    def ask(self, token):
        return self.azure.stream("pump", "SSH1", token=token)

    def accepts(self, token):
        self.refused(self.ask(token), 404, "DeviceNotOnline")

    def rejects(self, token, words):
        reply = self.refused(self.ask(token), 401, "IotHubUnauthorizedAccess")
        self.assertIn(words, reply.text, token)

    def test_right(self):
        host, key = "localhost", SERVICE.primary

        def lower(text):
            return "".join(c if c.isalnum() else f"%{ord(c):02x}" for c in text)

        self.accepts(SERVICE.token(host))
        self.accepts(SERVICE.token(host, SERVICE.secondary))
        self.accepts(SERVICE.token(host, encode=lower))
        self.accepts(SERVICE.token(host, encode=str))
        self.accepts(SERVICE.token("LOCALHOST"))
        self.accepts(SERVICE.token(f"localhost%3A{self.the_hub.port}"))
        self.accepts(SERVICE.token(f"localhost:{self.the_hub.port}"))
        self.accepts(SERVICE.token("localhost%2Ftwins%2Fpump"))
        self.accepts(SERVICE.token("localhost%2ftwins/pump%2fstreams%2fSSH1"))
        se = int(time.time()) + 60
        sig = urllib.parse.quote_plus(signature(host, key, se))
        self.accepts(f"SharedAccessSignature skn=service&se={se}&sig={sig}&sr={host}")
        self.accepts(f"SharedAccessSignature sr={host}&sig={sig}&se={se}&skn=service&more=1")

    def test_wrong(self):
        host, key = "localhost", SERVICE.primary
        now = int(time.time())
        other = base64.b64encode(b"o" * 32).decode()
        self.rejects(SERVICE.token(host, expiry=now - 1), "expired")
        self.rejects(SERVICE.token(host, expiry=0), "expired")
        self.rejects(SERVICE.token(host, other), "another key")
        self.rejects(SERVICE.token(host, PLANT.primary), "another key")
        self.rejects(SERVICE.token("other.example"), "another resource")
        self.rejects(SERVICE.token("localhost.evil"), "another resource")
        self.rejects(SERVICE.token("localhost:1"), "another resource")
        self.rejects(SERVICE.token("localhost%2Ftwins%2Fpum"), "another resource")
        self.rejects(SERVICE.token("localhost/devices/pump"), "another resource")
        self.rejects(SERVICE.token("localhost/twins/plant7-a"), "another resource")
        self.rejects(SERVICE.token(host, policy="nobody"), "Nothing is known")
        self.rejects(SERVICE.token(host, policy="Service"), "Nothing is known")
        self.rejects(SERVICE.token(host, policy="ADMIN"), "Nothing is known")
        self.rejects(sas(host, key), "Nothing is known")
        token = SERVICE.token(host)
        self.rejects(token.replace("sr=localhost", "sr=LOCALHOST"), "another key")
        self.rejects(token.replace("se=", "se=1"), "another key")
        self.rejects(token.replace("&skn=service", "&skn=service&se=1"), "malformed")
        self.rejects(token.replace("&se=", "&s="), "malformed")
        self.rejects(token.replace("sig=", "sig=%00"), "malformed")
        self.rejects(token.replace("sr=localhost", "sr="), "malformed")
        self.rejects("SharedAccessSignature", "malformed")
        self.rejects("Bearer " + token, "no shared access signature")
        self.rejects("AWS4-HMAC-SHA256 Credential=ADMIN/x", "no shared access signature")
        head = self.azure.head()
        del head["Authorization"]
        reply = self.azure.send("/twins/pump/streams/SSH1", head)
        self.refused(reply, 401, "IotHubUnauthorizedAccess", "no shared access signature")
        self.assertNotIn(SERVICE.primary, self.audit.read_text())

    def test_keys_that_are_replaced(self):
        self.accepts(SERVICE.token("localhost"))
        fresh = Policy("service", base64.b64encode(b"n" * 32).decode(), SERVICE.secondary)
        self.keys_file(fresh.section())
        self.the_hub.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.ask(SERVICE.token("localhost")).status == 401, "the new keys hold")
        self.accepts(fresh.token("localhost"))
        self.accepts(SERVICE.token("localhost", SERVICE.secondary))


if __name__ == "__main__":
    unittest.main()
