"""Devices that speak MQTT as AWS's do: who is let in, what they are told, and what bad ones get."""

import json
import os
import socket
import struct
import unittest
from concurrent.futures import ThreadPoolExecutor

import mqtt
from harness import ESTABLISHED, Case, write_secret
from programs import wait_until
from mqtt import notify, packet, publish, shown_devices, subscribe, unsubscribe


class Mqtt(mqtt.MqttCase, Case):
    def setUp(self):
        super().setUp()
        self.the_hub = self.mqtt_hub("--workers", "2")

    def open(self, name="press7", services=("SSH",)):
        return self.the_hub.api.open(list(services), name)

    def present(self, name="press7"):
        return shown_devices(self.the_hub).get(name, {}).get("present")

    def wait_present(self, present=True):
        wait_until(lambda: bool(self.present()) == present, f"press7 is there: {present}")

    # ---- notices

    def test_notice(self):
        device = self.device(self.the_hub)
        self.assertFalse(device.enter("any id"))
        self.assertFalse(self.present())
        self.assertEqual(device.subscribe((notify("press7"), 1)), [1])
        self.wait_present()
        tunnel = self.open(services=("SSH", "HTTP"))
        topic, payload, qos, dup, number = device.notice()
        self.assertEqual(topic, notify("press7"))
        self.assertEqual(payload.decode(), '{"clientAccessToken":"%s","clientMode":"destination",'
                         '"region":"us-east-1","services":["SSH","HTTP"]}' %
                         tunnel["destinationAccessToken"])
        self.assertEqual((qos, dup), (1, False))
        self.assertGreater(number, 0)
        rotated = self.the_hub.api.rotate(tunnel["tunnelId"], "DESTINATION")
        got = json.loads(device.notice()[1])
        self.assertEqual(got["clientAccessToken"], rotated["destinationAccessToken"])
        self.the_hub.api.rotate(tunnel["tunnelId"], "SOURCE")
        device.ping()  # and no notice before the answer

    def test_qos_0_is_granted_and_kept_to(self):
        device = self.device(self.the_hub)
        device.enter()
        self.assertEqual(device.subscribe((notify("press7"), 0)), [0])
        self.open()
        self.assertEqual(device.notice()[2:], (0, False, 0))
        self.assertEqual(device.subscribe((notify("press7"), 2)), [1])
        self.open()
        self.assertEqual(device.notice()[2], 1)

    def test_kept_for_one_that_comes_later(self):
        device = self.device(self.the_hub)
        device.enter()
        self.open()  # its record is there, and it is not subscribed
        device.ping()
        device.send(subscribe(notify("press7")))
        self.assertEqual(device.expect(mqtt.SUBACK).codes, [1])
        device.notice()

    def test_connecting_accepts(self):
        """ConnectDevice waits for the destination, since there is no other answer."""
        device = self.device(self.the_hub)
        device.enter()
        device.subscribe(notify("press7"))
        self.wait_present()
        with ThreadPoolExecutor() as pool:
            call = pool.submit(self.the_hub.api.of_hub, "ConnectDevice", device="press7",
                               services=["SSH"], timeoutSeconds=30)
            token = json.loads(device.notice()[1])["clientAccessToken"]
            file = write_secret(self.dir / "token", token + "\n")
            agent = self.end("tunnel-agent", self.the_hub, file, "-d", "SSH=127.0.0.1:9")
            agent.wait_line(ESTABLISHED)
            self.assertEqual(call.result()["device"], "press7")

    # ---- who is let in

    def test_logins(self):
        for level in (3, 4):
            with self.subTest(level=level):
                device = self.device(self.the_hub)
                self.assertFalse(device.enter("x", level=level, will=True, bridge=True,
                                              user="?SDK=JavaScript&Version=2.2.16"))
                device.ping()
        self.assertEqual(self.device(self.the_hub).refused(level=5), 1)
        self.assertEqual(self.device(self.the_hub).refused(clean=False), 2)
        self.assertEqual(self.device(self.the_hub, None).refused("press7"), 5)
        self.assertEqual(self.device(self.the_hub, None).refused("press7", user="me", password="x"), 4)
        self.the_hub.wait_line("neither a certificate")
        self.the_hub.wait_line("MQTT of another version")

    def test_disabled(self):
        device = self.device(self.the_hub)
        device.enter()
        device.subscribe(notify("press7"))
        self.wait_present()
        self.the_hub.api.of_hub("UpdateDevice", device="press7", state="DISABLED")
        device.expect_end()
        self.assertEqual(self.device(self.the_hub).refused(), 5)
        self.the_hub.api.of_hub("UpdateDevice", device="press7", state="ENABLED")
        device = self.device(self.the_hub)
        device.enter()
        self.wait_present()  # as it was

    def test_removed(self):
        device = self.device(self.the_hub)
        device.enter()
        device.subscribe(notify("press7"))
        self.wait_present()
        self.the_hub.api.of_hub("DeleteDevice", device="press7")
        device.expect_end()
        device = self.device(self.the_hub)
        device.enter()
        device.ping()
        self.assertFalse(self.present())  # nothing is remembered

    # ---- subscriptions

    def test_only_what_is_its_own(self):
        device = self.device(self.the_hub)
        device.enter("press7")
        self.assertEqual(device.subscribe(
            notify("press8"), notify("press7"), "$aws/things/press7/jobs/notify",
            "$aws/things/press7/#", "$aws/things/press77/jobs/notify", "", "a/#/b", "#", "+/+",
            "$aws/things/+/tunnels/notify", "devices/press7/messages/devicebound/#",
            "devices/press8/messages/devicebound/#", "$iothub/twin/res/#"),
            [128, 1, 1, 1, 128, 128, 128, 128, 128, 1, 1, 128, 1])
        self.the_hub.wait_line("press7 may not subscribe to ..[$]aws/things/press8/tunnels/notify")

    def test_unsubscribed(self):
        device = self.device(self.the_hub)
        device.enter()
        device.subscribe(notify("press7"))
        self.wait_present()
        device.send(unsubscribe(notify("press7"), "never/subscribed", number=9))
        self.assertEqual(device.expect(mqtt.UNSUBACK).number, 9)
        self.wait_present(False)
        again = self.device(self.the_hub)
        self.assertFalse(again.enter("other", clean=False))  # and nothing is remembered
        again.ping()
        self.assertFalse(self.present())

    def test_remembered(self):
        """A client that comes back without subscribing again, after the hub was killed."""
        device = self.device(self.the_hub)
        device.enter("one", clean=False)
        device.subscribe(notify("press7"))
        self.wait_present()
        self.the_hub = self.restart(self.the_hub)
        device = self.device(self.the_hub)
        self.assertTrue(device.enter("one", clean=False))
        self.wait_present()
        self.open()
        self.assertEqual(device.notice()[2], 1)
        clean = self.device(self.the_hub)
        self.assertFalse(clean.enter("two"))  # a new session, and the notice comes all the same
        device.drop()
        self.the_hub.wait_line("device away")
        self.open()
        clean.notice()

    def test_terminated(self):
        device = self.device(self.the_hub)
        device.enter()
        self.assertEqual(self.the_hub.terminate(), 0)
        device.expect_end()

    # ---- several clients

    def test_take_over(self):
        first, second, other = (self.device(self.the_hub) for _ in range(3))
        first.enter("same")
        first.subscribe(notify("press7"))
        other.enter("other")
        second.enter("same")
        first.expect_end()
        other.ping()
        second.ping()
        foreign = self.device(self.the_hub, "press8")
        foreign.enter("same")
        foreign.ping()
        second.ping()  # ids of another device are another's

    def test_the_one_that_subscribed_last(self):
        clients = [self.device(self.the_hub) for _ in range(3)]
        for i, client in enumerate(clients):
            client.enter(f"c{i}")
        for client in (clients[0], clients[1], clients[0]):
            client.subscribe(notify("press7"))
        self.open()
        clients[0].notice()
        clients[0].drop()
        self.the_hub.wait_line("device away")
        self.open()
        clients[1].notice()
        clients[2].ping()

    def test_many_clients_of_one_device(self):
        clients = []
        for i in range(9):
            clients.append(self.device(self.the_hub))
            clients[-1].enter(f"c{i}")
        clients[0].expect_end()
        for client in clients[1:]:
            client.ping()

    def test_storm(self):
        """Those that take each other's place again and again have to wait, and it is told once."""
        for _ in range(10):
            device = self.device(self.the_hub)
            device.enter("same")
        self.the_hub.wait_line("two of them may use one id.*press7.*same")
        self.assertEqual(self.the_hub.output().count("two of them may use one id"), 1)

    # ---- in WebSockets, and on the port of HTTPS

    def test_websocket(self):
        for path, subprotocol, level in (("/mqtt", "mqtt", 4), ("/", "mqttv3.1", 3),
                                         ("/$iothub/websocket?iothub-no-client-cert=true",
                                          "mqtt", 4)):
            for step in (0, 1):
                with self.subTest(path=path, step=step):
                    device = self.device(self.the_hub, port=self.the_hub.port, path=path,
                                         subprotocol=subprotocol, step=step)
                    self.assertEqual(device.socket.status, 101)
                    self.assertIn(f"sec-websocket-protocol: {subprotocol}\r\n",
                                  device.socket.head)
                    self.assertNotIn("extensions", device.socket.head.lower())
                    device.enter("ws", level=level)
                    device.subscribe(notify("press7"))
                    tunnel = self.open()
                    device.notice()
                    self.the_hub.api.close_tunnel(tunnel["tunnelId"])  # so it is told once
                    device.send(packet(mqtt.DISCONNECT))
                    device.expect_end()
                    self.assertEqual(device.socket.closed, 1000)

    def test_websocket_refused(self):
        device = self.device(self.the_hub, None, port=self.the_hub.port, path="/mqtt")
        self.assertEqual(device.refused("press7"), 5)
        self.assertEqual(device.socket.closed, 1000)
        for subprotocol in ("amqp", "mqttv5"):
            device = self.device(self.the_hub, port=self.the_hub.port, path="/mqtt",
                                 subprotocol=subprotocol)
            self.assertEqual(device.socket.status, 400)

    def test_on_the_port_of_https(self):
        device = self.device(self.the_hub, port=self.the_hub.port)
        device.enter("x")
        device.subscribe(notify("press7"))
        self.open()
        device.notice()

    # ---- bad ones

    def test_what_is_not_mqtt(self):
        for data in (b"GET / HTTP/1.1\r\n\r\n", packet(mqtt.PINGREQ), b"\x10\xff\xff\xff\xff",
                     b"\x10\x0c\x00\x04MQTT\x04\x03\x00\x3c\x00\x00", subscribe("a")):
            with self.subTest(data=data):
                client = self.device(self.the_hub)
                client.send(data)
                client.expect_end()
        self.the_hub.wait_line("MQTT: it sent a packet that clients do not send")

    def test_in_the_session(self):
        for data in (mqtt.connect("again"), b"\x00\x00", packet(mqtt.PUBREC, b"\0\1"),
                     publish("a/#"), subscribe(*["a"] * 129)):
            with self.subTest(data=data):
                client = self.device(self.the_hub)
                client.enter()
                client.send(data)
                client.expect_end()

    def test_byte_by_byte_and_joined(self):
        everything = mqtt.connect("x") + subscribe(notify("press7")) + packet(mqtt.PINGREQ)
        for pieces in ([everything], [bytes([b]) for b in everything]):
            client = self.device(self.the_hub)
            client.send(*pieces)
            self.assertEqual(client.expect(mqtt.CONNACK).codes, [])
            self.assertEqual(client.expect(mqtt.SUBACK).codes, [1])
            client.expect(mqtt.PINGRESP)

    def test_what_is_published_is_swallowed(self):
        device = self.device(self.the_hub)
        device.enter()
        device.send(publish("a/b", b"x" * 1000000))
        device.send(publish("a/b", b"x", qos=1, number=5), publish("a/b", b"x", qos=2, number=6))
        self.assertEqual(device.expect(mqtt.PUBACK).number, 5)
        self.assertEqual(device.expect(mqtt.PUBREC).number, 6)
        device.send(packet(mqtt.PUBREL, struct.pack(">H", 6), 2))
        self.assertEqual(device.expect(mqtt.PUBCOMP).number, 6)
        device.send(publish("a/b", b"x" * 2000000)[:5])
        device.expect_end()

    def test_silent(self):
        device = self.device(self.the_hub)
        device.enter(keepalive=2)
        device.expect_end()
        self.assert_alive(self.the_hub)

    def test_not_acknowledged(self):
        """It is dropped, and has it again when it comes back."""
        device = self.device(self.the_hub)
        device.enter()
        device.subscribe(notify("press7"))
        self.open()
        first = device.notice(acknowledge=False)
        device.expect_end()
        device = self.device(self.the_hub)
        device.enter()
        again = device.notice()
        self.assertEqual(again[:2], first[:2])
        self.assertTrue(again[3])

    def test_flood(self):
        """It gets slower, and others do not."""
        flood, other = self.device(self.the_hub), self.device(self.the_hub, "press8")
        flood.enter()
        other.enter()
        flood.send(packet(mqtt.PINGREQ) * 900)
        for _ in range(50):
            other.ping()
        for _ in range(900):
            flood.expect(mqtt.PINGRESP)
        flood.ping()

    def test_reads_nothing(self):
        device = self.device(self.the_hub, rcvbuf=4096)
        device.enter()
        device.socket.setblocking(False)
        try:
            for _ in range(100):
                device.socket.send(packet(mqtt.PINGREQ) * 1000)
        except (BlockingIOError, ConnectionError, OSError):
            pass
        other = self.device(self.the_hub, "press8")
        other.enter()
        other.ping()

    def test_leaves_with_bytes_that_wait(self):
        """Some of them at the hub, behind those that the kernel has taken; how many these are
        depends on it. They are not written behind the end."""
        services = [f"S{i}" + 100 * "x" for i in range(60)]
        for n in (6, 10, 14):
            with self.subTest(notices=n):
                name = f"reader{n}"
                device = self.device(self.the_hub, name, rcvbuf=4096, mss=536)
                device.enter()
                device.subscribe((notify(name), 0))
                for _ in range(n):
                    self.open(name, services)
                device.send(packet(mqtt.DISCONNECT))
                with self.assertRaises(mqtt.Gone):
                    while True:
                        device.recv()
                other = self.device(self.the_hub, "press8")
                other.enter()
                other.ping()

    def test_strangers(self):
        """Thousands that say nothing, or nothing that is MQTT in TLS: a device and newcomers do not
        notice."""
        device = self.device(self.the_hub)
        device.enter()
        device.subscribe(notify("press7"))
        words = (b"", mqtt.connect("x"), os.urandom(200), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for round_ in range(10):
            socks = []
            for i in range(400):
                sock = socket.socket()
                self.addCleanup(sock.close)
                sock.bind(("127.0.0.9", 0))
                sock.connect(("127.0.0.1", self.the_hub.mqtt))
                sock.sendall(words[i % len(words)])
                socks.append(sock)
            device.ping()
            newcomer = self.device(self.the_hub, f"new{round_}")
            newcomer.enter()
            newcomer.drop()
        tunnel = self.open()
        self.assertIn(tunnel["destinationAccessToken"].encode(), device.notice()[1])


if __name__ == "__main__":
    unittest.main()
