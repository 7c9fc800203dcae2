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
from cluster import ClusterCase, hub_metrics, open_at
from harness import ESTABLISHED, write_secret
from mqtt import azure_login, publish
from programs import wait_until
from sockets import free_port, read_exactly, socks5
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
        more = "--secrets-key", secrets, "--keys", keys, "--grace", "1s"
        a = self.node("a", *more)
        b = self.node("b", *more, "--mqtt-listen", f"127.0.0.1:{self.mqtt}")
        c = self.node("c", *more)
        for n in (a, b, c):
            self.wait_nodes(n, 3)
        key = a.api.of_hub("CreateDevice", device="pump")["primaryKey"]
        self.login = azure_login("pump", key)
        self.pool = concurrent.futures.ThreadPoolExecutor(4)
        self.addCleanup(self.pool.shutdown)

    def enter(self):
        """The device comes to b."""
        self.device = mqtt.Client(self.mqtt)
        self.addCleanup(self.device.drop)
        self.device.enter(**self.login)

    def stand_by(self):
        self.device.subscribe(*STREAMS)

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
        self.enter()
        self.stand_by()
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

    def test_a_tunnel_that_is_elsewhere(self):
        """Its source came to another node before the device did, for which the hub stands in."""
        tokens = open_at(self.nodes["a"].api, self.dir, ["SSH1"], thing="pump")
        gateway = self.gateway(self.nodes["c"], tokens, up=False)
        gateway.wait_line(ESTABLISHED)
        self.enter()
        self.stand_by()
        wait_until(lambda: hub_metrics(self.nodes["c"])["tunnel_hub_ends"] == 2, "both are there")
        self.pass_through(gateway)

    def pass_through(self, gateway):
        for word in b"first", os.urandom(1 << 20):
            call = self.pool.submit(lambda: socks5(gateway.port, "SSH1.tunnel"))
            asked = self.asked()
            self.device.send(publish(f"$iothub/streams/res/200/?$rid={asked.rid}", qos=0))
            end = self.come("a", asked.url, asked.token)
            with call.result() as client:
                client.sendall(word)
                self.assertEqual(read_bytes(end, len(word)), word)
                for at in range(0, len(word), 65536):
                    end.send_frame(BINARY, word[at:at + 65536])
                self.assertEqual(read_exactly(client, len(word)), word)

    def test_a_tunnel_whose_node_is_gone(self):
        """As long as nobody knows that: the hub's end comes to nothing, and all else goes on."""
        self.enter()
        tokens = open_at(self.nodes["a"].api, self.dir, ["SSH1"], thing="pump")
        peer = wire.connect(self.nodes["c"].port, "source", tokens.source)
        self.nodes["c"].kill()
        peer.drop()
        self.stand_by()
        unreached = 'tunnel_hub_forwards_total{result="unreached"}'
        wait_until(lambda: hub_metrics(self.nodes["b"])[unreached] == 1, "it was tried")
        tokens = open_at(self.nodes["a"].api, self.dir, ["SSH1"], thing="pump")
        wait_until(lambda: hub_metrics(self.nodes["b"])["tunnel_hub_ends"] == 1, "it stands in")
        self.pass_through(self.gateway(self.nodes["a"], tokens))

    def test_refused(self):
        self.enter()
        self.stand_by()
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
