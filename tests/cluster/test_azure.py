"""Device streams of Azure's kind in a cluster: the service program's call, the device's MQTT and the
two WebSockets of the stream come to whichever nodes they like."""

import base64
import concurrent.futures
import hashlib
import os
import unittest
import urllib.parse

import mqtt
import wire
from azure import Policy, Service
from bridges import read_bytes, upgrade
from cluster import ClusterCase
from harness import write_secret
from mqtt import azure_login, publish
from sockets import free_port
from test_azure_streams import STREAMS, Asked
from wire import BINARY

SERVICE = Policy("service")


class Azure(ClusterCase):
    def setUp(self):
        super().setUp()
        secrets = write_secret(self.dir / "secrets",
                               base64.b64encode(os.urandom(32)).decode() + "\n")
        keys = self.keys_file(SERVICE.section())
        self.mqtt = free_port()
        a = self.node("a", "--secrets-key", secrets, "--keys", keys)
        b = self.node("b", "--secrets-key", secrets, "--keys", keys,
                      "--mqtt-listen", f"127.0.0.1:{self.mqtt}")
        c = self.node("c", "--secrets-key", secrets, "--keys", keys)
        for n in (a, b, c):
            self.wait_nodes(n, 3)
        key = a.api.of_hub("CreateDevice", device="pump")["primaryKey"]
        self.device = mqtt.Client(self.mqtt)
        self.addCleanup(self.device.drop)
        self.device.enter(**azure_login("pump", key))
        self.device.subscribe(*STREAMS)
        self.pool = concurrent.futures.ThreadPoolExecutor(4)
        self.addCleanup(self.pool.shutdown)

    def asked(self):
        topic, payload, qos, _, _ = self.device.notice()
        self.assertEqual((payload, qos), (b"", 0))
        return Asked(topic)

    def ask(self, node):
        """The service program's call, which is under way, and what the device is told of it."""
        call = self.pool.submit(lambda: Service(self.nodes[node], SERVICE).stream(
            "pump", "SSH1", response=30))
        return call, self.asked()

    def come(self, node, url, token):
        """A WebSocket of the stream, at that node, whatever the URL says."""
        answer = wire.ask(self.nodes[node].port, upgrade(urllib.parse.urlsplit(url).path, token))
        self.assertEqual(answer.status, 101, answer.body)
        self.addCleanup(answer.peer.sock.close)
        return answer.peer

    def test_streams(self):
        """Called at each node; its two ends come to the other ones."""
        for called, service_at, device_at in (("a", "c", "a"), ("b", "a", "c"), ("c", "b", "b")):
            with self.subTest(called=called):
                call, asked = self.ask(called)
                self.device.send(publish(f"$iothub/streams/res/200/?$rid={asked.rid}", qos=0))
                reply = call.result()
                self.assertTrue(reply.accepted, reply)
                service = self.come(service_at, reply.url, reply.token)
                device = self.come(device_at, asked.url, asked.token)
                for one, other in ((service, device), (device, service)):
                    data = os.urandom(1 << 18)
                    for at in range(0, len(data), 50000):
                        one.send_frame(BINARY, data[at:at + 50000])
                    self.assertEqual(hashlib.sha256(read_bytes(other, len(data))).digest(),
                                     hashlib.sha256(data).digest())

    def test_refused(self):
        call, asked = self.ask("c")
        self.device.send(publish(f"$iothub/streams/res/403/?$rid={asked.rid}", qos=0))
        self.assertFalse(call.result().accepted)

    def test_nobody(self):
        reply = Service(self.nodes["c"], SERVICE).stream("valve", "SSH1", response=30)
        self.assertEqual(reply.status, 404)
        reply = Service(self.nodes["c"], Policy("stranger")).stream("pump", "SSH1", response=30)
        self.assertEqual(reply.status, 401)


if __name__ == "__main__":
    unittest.main()
