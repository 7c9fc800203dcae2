"""Device streams from end to end: a service program's REST call, a device that speaks MQTT as
Azure's do, and the bytes of both through a bridge."""

import base64
import concurrent.futures
import hashlib
import json
import os
import re
import time
import unittest
import urllib.parse

import mqtt
import ops
import wire
from azure import Policy, Service
from bridges import read_bytes, upgrade
from harness import Case, write_secret
from mqtt import azure_login, publish, signature
from programs import wait_until
from wire import BINARY, CLOSE

STREAMS = ("$iothub/streams/POST/#", 0), ("$iothub/streams/res/#", 0)
TOPIC = re.compile(r"\$iothub/streams/POST/([^/]+)/\?\$rid=(\w{1,6})&\$url=([^&/]+)"
                   r"&\$auth=([A-Za-z0-9._-]+)")
SERVICE = Policy("service")


class Asked:
    """What a device was told of a stream."""

    def __init__(self, topic):
        self.topic = topic
        found = TOPIC.fullmatch(topic)
        assert found and topic.count("/") == 4, topic  # the five levels that SDKs look for
        self.stream, self.rid, url, self.token = found.groups()
        self.url = urllib.parse.unquote(url)


class Device(mqtt.Client):
    """A device that is subscribed to streams."""

    def begin(self, azure_id, key, resource=None):
        login = azure_login(azure_id, key)
        if resource:
            login["password"] = signature(resource, key)
        self.enter(**login)
        self.subscribe(*STREAMS)
        return self

    def asked(self):
        topic, payload, qos, _, _ = self.notice()
        assert (payload, qos) == (b"", 0)
        return Asked(topic)

    def answer(self, rid, code=200, qos=0):
        self.send(publish(f"$iothub/streams/res/{code}/?$rid={rid}", qos=qos))
        if qos:
            self.expect(mqtt.PUBACK)


class Streams(mqtt.MqttCase, Case):
    limits = ()
    sections = ()

    def setUp(self):
        super().setUp()
        self.audit = self.dir / "audit"
        secrets = write_secret(self.dir / "secrets",
                               base64.b64encode(os.urandom(32)).decode() + "\n")
        self.the_hub = self.mqtt_hub("--secrets-key", secrets, "--keys",
                                     self.keys_file(SERVICE.section(), *self.sections), "--audit-log", self.audit,
                                     *self.limits)
        self.azure = Service(self.the_hub, SERVICE)
        self.key = self.create("pump")
        self.pool = concurrent.futures.ThreadPoolExecutor(64)
        self.addCleanup(self.pool.shutdown)

    def create(self, name, **more):
        return self.the_hub.api.of_hub("CreateDevice", device=name, **more)["primaryKey"]

    def enter(self, azure_id="pump", key=None, **more):
        device = Device(self.the_hub.mqtt)
        self.addCleanup(device.drop)
        return device.begin(azure_id, key or self.key, **more)

    def asking(self, device="pump", stream="SSH1", **more):
        """A call that is under way."""
        more.setdefault("response", 30)
        return self.pool.submit(lambda: self.azure.stream(device, stream, **more))

    def come(self, url, token, protocols=None):
        """A WebSocket at one side of the bridge."""
        where = urllib.parse.urlsplit(url)
        self.assertEqual((where.scheme, where.port), ("wss", self.the_hub.port))
        answer = wire.ask(self.the_hub.port, upgrade(where.path, token, protocols))
        if answer.status != 101:
            return answer
        self.addCleanup(answer.peer.sock.close)
        return answer.peer

    def opened(self, device, stream="SSH1", **more):
        """The service's and the device's end of an accepted stream."""
        call = self.asking(stream=stream, **more)
        asked = device.asked()
        device.answer(asked.rid)
        reply = call.result()
        self.assertTrue(reply.accepted)
        return self.come(reply.url, reply.token), self.come(asked.url, asked.token)

    def lines(self, event):
        lines = [json.loads(line) for line in self.audit.read_text().splitlines()]
        return [line for line in lines if line["event"] == event]


class Answers(Streams):
    def test_accepts(self):
        device = self.enter()
        call = self.asking(stream="TestStream")
        asked = device.asked()
        self.assertEqual(asked.stream, "TestStream")
        device.answer(asked.rid, qos=1)  # C# takes QoS 1, and wants its PUBACK
        reply = call.result()
        self.assertTrue(reply.accepted)
        self.assertEqual(reply.url, asked.url)
        self.assertNotEqual(reply.token, asked.token)
        self.assertLess(len(urllib.parse.urlsplit(reply.url).path), 1023)
        # the service comes first, and sends before the device is there
        service = self.come(reply.url, reply.token)
        service.send_frame(BINARY, b"hello")
        self.assertEqual(self.come(asked.url, reply.token).status, 401)  # used up
        end = self.come(asked.url, asked.token, "MQTT")
        self.assertEqual(read_bytes(end, 5), b"hello")
        data = os.urandom(1 << 20)
        for at in range(0, len(data), 50000):
            end.send_frame(BINARY, data[at:at + 50000])
        self.assertEqual(hashlib.sha256(read_bytes(service, len(data))).digest(),
                         hashlib.sha256(data).digest())
        end.send_frame(CLOSE, b"")
        self.assertEqual(service.recv_but_ping()[0], CLOSE)
        line, = self.lines("stream")
        self.assertEqual((line["key"], line["device"], line["stream"], line["result"],
                          line["status"]), ("service", "pump", "TestStream", "accepted", 200))
        self.assertNotIn(reply.token, self.audit.read_text())
        self.assertNotIn(asked.token, self.audit.read_text())

    def test_rejects(self):
        device = self.enter()
        call = self.asking()
        asked = device.asked()
        device.answer(asked.rid, 400)
        self.assertFalse(call.result().accepted)
        self.assertEqual(self.come(asked.url, asked.token).status, 401)  # nobody is to come
        self.assertEqual(self.lines("stream")[0]["result"], "rejected")

    def test_is_silent(self):
        device = self.enter()
        reply = self.azure.stream("pump", "SSH1", response=1)
        self.assertEqual((reply.status, reply.code), (504, "GatewayTimeout"))
        asked = device.asked()
        self.assertEqual(self.come(asked.url, asked.token).status, 401)
        device.answer(asked.rid)  # too late: it changes nothing
        device.ping()
        self.assertIsInstance(self.opened(device)[0], wire.Peer)

    def test_answers_twice_and_others(self):
        """A second answer, and answers for what the device was not asked, change nothing."""
        device = self.enter()
        other = self.enter("valve", self.create("valve"))
        call = self.asking()
        asked = device.asked()
        other.answer(asked.rid)
        other.answer(asked.rid, 400)
        other.ping()
        device.answer("zzzzzz", 400)
        device.ping()
        self.assertFalse(call.done())
        device.answer(asked.rid)
        device.answer(asked.rid, 400)
        reply = call.result()
        self.assertTrue(reply.accepted)
        self.assertIsInstance(self.come(reply.url, reply.token), wire.Peer)
        self.assertIsInstance(self.come(asked.url, asked.token), wire.Peer)

    def test_comes_later(self):
        began = time.monotonic()
        call = self.asking(connect=30)
        wait_until(lambda: not call.done() and time.monotonic() - began > 0.3, "it waits")
        device = self.enter()
        asked = device.asked()
        device.answer(asked.rid)
        self.assertTrue(call.result().accepted)

    def test_leaves_in_the_middle(self):
        device = self.enter()
        call = self.asking(response=30)
        device.asked()
        device.drop()
        reply = call.result()
        self.assertEqual((reply.status, reply.code), (404, "DeviceNotOnline"))

    def test_asker_leaves(self):
        device = self.enter()
        connection = self.azure.connection()
        connection.request("POST", "/twins/pump/streams/SSH1", headers=self.azure.head(response=30))
        asked = device.asked()
        connection.close()
        # Before that is seen the device would be let in, and its token used up.
        wait_until(lambda: self.lines("stream"), "its asker's end is seen")
        self.assertEqual(self.lines("stream")[0]["status"], 503)
        self.assertEqual(self.come(asked.url, asked.token).status, 401)

    def test_module(self):
        key = self.create("edge-cam", azureId="edge/c%m")
        device = self.enter("edge/c%m", key, resource="localhost/devices/edge/modules/c%m")
        call = self.asking("edge/modules/c%25m", "SSH1")
        asked = device.asked()
        device.answer(asked.rid)
        reply = call.result()
        self.assertTrue(reply.accepted)
        self.assertEqual(self.azure.stream("edge", "SSH1").code, "DeviceNotFound")
        self.assertEqual(self.azure.stream("edge-cam", "SSH1").code, "DeviceNotFound")
        service, end = self.come(reply.url, reply.token), self.come(asked.url, asked.token)
        end.send_frame(BINARY, b"x")
        self.assertEqual(read_bytes(service, 1), b"x")

    def test_device_is_disabled(self):
        device = self.enter()
        service, end = self.opened(device)
        self.the_hub.api.of_hub("UpdateDevice", device="pump", state="DISABLED")
        self.assertEqual(service.recv_but_ping()[0], CLOSE)
        self.assertEqual(end.recv_but_ping()[0], CLOSE)
        reply = self.azure.stream("pump", "SSH1", connect=30)
        self.assertEqual((reply.status, reply.code), (404, "DeviceNotOnline"))

    def test_50_at_once(self):
        """To several devices."""
        devices = [self.enter(f"d{i}", self.create(f"d{i}")) for i in range(5)]
        calls = [self.asking(f"d{i % 5}", f"S{i}") for i in range(50)]
        asked = {}
        for device in devices:
            for _ in range(10):
                one = device.asked()
                asked[one.stream] = one
                device.answer(one.rid)
        pairs = []
        for i, call in enumerate(calls):
            reply, one = call.result(), asked[f"S{i}"]
            self.assertTrue(reply.accepted)
            pairs.append((self.come(reply.url, reply.token), self.come(one.url, one.token)))
        for i, (service, end) in enumerate(pairs):
            service.send_frame(BINARY, f"up {i:02}".encode())
            end.send_frame(BINARY, f"down {i:02}".encode())
        for i, (service, end) in enumerate(pairs):
            self.assertEqual(read_bytes(end, 5), f"up {i:02}".encode())
            self.assertEqual(read_bytes(service, 7), f"down {i:02}".encode())


class Seen(Streams):
    limits = ("--audit-format", "azure")

    def test_metrics_and_records(self):
        device = self.enter()
        call = self.asking()
        device.answer(device.asked().rid)
        call.result()
        call = self.asking()
        device.answer(device.asked().rid, 400)
        call.result()
        metrics = ops.metrics(self.the_hub)
        self.assertEqual(metrics['tunnel_hub_streams_total{result="accepted"}'], 1)
        self.assertEqual(metrics['tunnel_hub_streams_total{result="rejected"}'], 1)
        self.assertEqual(metrics["tunnel_hub_streams_waiting"], 0)
        lines = [json.loads(line) for line in self.audit.read_text().splitlines()]
        records = [line for line in lines if line.get("category") == "DeviceStreams"]
        self.assertEqual([r["level"] for r in records], ["Information"] * 2)
        properties = json.loads(records[0]["properties"])
        self.assertIsNone(properties["statusCode"])
        self.assertEqual((properties["deviceId"], properties["moduleId"],
                          properties["requestName"]), ("pump", "", "SSH1"))


class Limits(Streams):
    limits = ("--limits-preset", "azure")

    def test_50_and_no_more(self):
        device = self.enter()
        pairs = []
        while len(pairs) < 50:
            call = self.asking()
            if len(pairs) % 5 == 4:  # five a second
                time.sleep(1)
            asked = device.asked()
            device.answer(asked.rid)
            reply = call.result()
            pairs.append((self.come(reply.url, reply.token), self.come(asked.url, asked.token)))
        time.sleep(1)
        reply = self.azure.stream("pump", "SSH1")
        self.assertEqual((reply.status, reply.code), (403, "IotHubQuotaExceeded"))
        service, end = pairs[0]
        service.send_frame(CLOSE, b"")
        self.assertEqual(end.recv_but_ping()[0], CLOSE)
        end.send_frame(CLOSE, b"")

        def room():
            call = self.asking(response=1)
            return call.result().status != 403
        wait_until(room, "one more has room")


if __name__ == "__main__":
    unittest.main()
