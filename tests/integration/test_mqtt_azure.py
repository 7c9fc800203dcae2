"""Devices that speak MQTT as Azure's do: they sign in with a symmetric key, and are subscribed to
streams."""

import base64
import os
import time
import unittest

import mqtt
from harness import Case, write_secret
from mqtt import azure_login, notify, shown_devices, signature, unsubscribe
from programs import wait_until

STREAMS = ("$iothub/streams/POST/#", 0), ("$iothub/streams/res/#", 0)


class MqttAzure(mqtt.MqttCase, Case):
    def setUp(self):
        super().setUp()
        self.secrets = write_secret(self.dir / "secrets",
                                    base64.b64encode(os.urandom(32)).decode() + "\n")
        self.the_hub = self.mqtt_hub("--secrets-key", self.secrets)
        self.keys = self.create("pump")

    def create(self, name, **more):
        made = self.the_hub.api.of_hub("CreateDevice", device=name, **more)
        return made["primaryKey"], made["secondaryKey"]

    def client(self, **options):
        return self.device(self.the_hub, None, **options)

    def carrier(self, name="pump"):
        """None: it is not there."""
        device = shown_devices(self.the_hub)[name]
        return device.get("carrier") if device["present"] else None

    def wait_carrier(self, carrier):
        wait_until(lambda: self.carrier() == carrier, f"pump is there by {carrier}")

    def test_both_keys(self):
        for key in self.keys:
            for host in ("localhost", "hub.example:8883"):
                with self.subTest(key=key, host=host):
                    device = self.client()
                    self.assertFalse(device.enter(**azure_login("pump", key, host)))
                    device.ping()

    def test_streams(self):
        device = self.client()
        device.enter(**azure_login("pump", self.keys[0]))
        self.assertIsNone(self.carrier())
        self.assertEqual(device.subscribe(*STREAMS), [0, 0])
        self.wait_carrier("mqtt-azure")
        for answer in ("200/?$rid=1", "400/?$rid=zzzzzz", "", "200/?$rid=" + "x" * 300):
            device.send(mqtt.publish(f"$iothub/streams/res/{answer}", qos=1))  # nobody asked
            device.expect(mqtt.PUBACK)
        device.ping()
        device.drop()
        self.wait_carrier(None)

    def test_remembered(self):
        """Session present, as with Azure, whether the client subscribes again or not."""
        device = self.client()
        device.enter(**azure_login("pump", self.keys[0]))
        device.subscribe(*STREAMS)
        self.wait_carrier("mqtt-azure")
        self.the_hub = self.restart(self.the_hub, "--secrets-key", self.secrets)
        device = self.client()
        self.assertTrue(device.enter(**azure_login("pump", self.keys[0])))
        self.wait_carrier("mqtt-azure")
        device.send(unsubscribe(STREAMS[0][0]))
        device.expect(mqtt.UNSUBACK)
        self.wait_carrier(None)

    def test_aws_topic_with_a_signature(self):
        """Who may be told by which topic is not a matter of how it signs in."""
        device = self.client()
        device.enter(**azure_login("pump", self.keys[0]))
        device.subscribe(notify("pump"))
        self.wait_carrier("mqtt-aws")
        self.the_hub.api.open(["SSH"], "pump")
        device.notice()

    def test_wrong_signatures(self):
        good = azure_login("pump", self.keys[0])
        other = base64.b64encode(os.urandom(32)).decode()
        for what, login, code in (
                ("another key", azure_login("pump", other), 5),
                ("expired", azure_login("pump", self.keys[0], lives=-10), 5),
                ("of another device",
                 dict(good, password=signature("localhost/devices/pump2", self.keys[0])), 5),
                ("of another hub",
                 dict(good, password=signature("example/devices/pump", self.keys[0])), 5),
                ("no signature", dict(good, password="secret"), 5),
                ("empty", dict(good, password=""), 5),
                ("long", dict(good, password="x" * 7000), 5),
                ("unknown device", azure_login("pump9", self.keys[0]), 5),
                ("none", dict(good, password=None), 5),
                ("another client id", dict(good, client_id="pump2"), 4),
                ("no Azure user name", dict(good, user="pump"), 4)):
            with self.subTest(what):
                self.assertEqual(self.client().refused(**login), code)
        self.client().enter(**good)
        self.the_hub.wait_line("The shared access signature has expired")

    def test_expires(self):
        """A client has to come again with a new signature."""
        device = self.client()
        device.enter(**azure_login("pump", self.keys[0], lives=3))
        began = time.monotonic()
        device.expect_end()
        self.assertGreater(time.monotonic() - began, 0.9)

    def test_disabled(self):
        device = self.client()
        device.enter(**azure_login("pump", self.keys[0]))
        self.the_hub.api.of_hub("UpdateDevice", device="pump", state="DISABLED")
        device.expect_end()
        self.assertEqual(self.client().refused(**azure_login("pump", self.keys[0])), 5)

    def test_module(self):
        key, _ = self.create("edge-cam", azureId="edge/cam")
        device = self.client()
        device.enter(**azure_login("edge/cam", key) | {
            "password": signature("localhost/devices/edge/modules/cam", key)})
        self.assertEqual(device.subscribe(("devices/edge/modules/cam/#", 0), *STREAMS), [0, 0, 0])
        wait_until(lambda: self.carrier("edge-cam") == "mqtt-azure", "the module is there")

    def test_in_a_websocket(self):
        device = self.client(port=self.the_hub.port,
                             path="/$iothub/websocket?iothub-no-client-cert=true")
        device.enter(**azure_login("pump", self.keys[0]))
        device.subscribe(*STREAMS)
        self.wait_carrier("mqtt-azure")


if __name__ == "__main__":
    unittest.main()
