"""MQTT clients of others against the hub: mosquitto_sub and paho-mqtt of Debian. Each is told of a
tunnel, and again after the hub was killed and has come back."""

import json
import os
import re
import shutil
import signal
import unittest

import certificates
import mqtt
from harness import Case
from mqtt import notify, shown_devices
from origins import Http
from programs import BUILD, environment, run, wait_until
from sockets import get, socks5

# Debian's Python, for which python3-paho-mqtt is.
PYTHON = "/usr/bin/python3"
PAHO = """
import ssl, sys
import paho.mqtt.client as paho
port, transport, ca, cert, key, topic, version = sys.argv[1:]
client = paho.Client(transport=transport, protocol=int(version))
client.tls_set(ca, cert, key)
client.reconnect_delay_set(1, 1)
client.on_connect = lambda c, *_: (print("connected", flush=True), c.subscribe(topic, 1))
client.on_message = lambda c, _, m: print(m.topic, m.payload.decode(), flush=True)
client.connect("127.0.0.1", int(port), 60)
client.loop_forever()
"""


class MqttClients(mqtt.MqttCase, Case):
    def setUp(self):
        super().setUp()
        self.the_hub = self.mqtt_hub()
        self.identity = certificates.device("press7")

    def wait_present(self):
        wait_until(lambda: shown_devices(self.the_hub).get("press7", {}).get("present"),
                   "press7 is there")

    def told(self, client, after=0):
        """The token of the next notice that the client prints."""
        line = client.wait_line(r"[$]aws/things/press7/tunnels/notify (.*)", after=after).group(1)
        return json.loads(line)["clientAccessToken"]

    def check(self, client, kill=True):
        """It is told, before and after a restart of the hub."""
        self.wait_present()
        tunnel = self.the_hub.api.open(["SSH"], "press7")
        self.assertEqual(self.told(client), tunnel["destinationAccessToken"])
        mark = client.mark()
        self.the_hub = self.restart(self.the_hub, kill=kill)
        self.wait_present()
        tunnel = self.the_hub.api.open(["SSH"], "press7")
        self.assertEqual(self.told(client, mark), tunnel["destinationAccessToken"])

    # mosquitto_sub 2.0 ends with 7 when TLS ends without close_notify, as it does when a hub is killed.

    def mosquitto(self, *more, topic=notify("press7"), ends=(0, 143, -15)):
        return self.start("mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.the_hub.mqtt), "-q",
                          "1", "-v", "-d", "-t", topic, "--cafile", certificates.certificate().ca,
                          "--cert", self.identity.cert, "--key", self.identity.key, *more,
                          ends=ends)

    def test_mosquitto(self):
        self.check(self.mosquitto(), kill=False)

    def test_mosquitto_of_3_1(self):
        self.check(self.mosquitto("-V", "mqttv31", "-i", "old"), kill=False)

    def test_mosquitto_keeps_its_session(self):
        self.check(self.mosquitto("-c", "-i", "kept"), kill=False)

    def test_mosquitto_may_not(self):
        """It ends with 0 and a text, so the hub's log is what tells."""
        client = self.mosquitto(topic=notify("press8"))
        self.the_hub.wait_line("press7 may not subscribe to ..[$]aws/things/press8")
        client.wait()

    def test_mosquitto_of_5(self):
        client = self.mosquitto("-V", "mqttv5", ends=(132,))
        client.wait_line("Unsupported Protocol Version")
        self.assertEqual(client.wait(), 132)

    def test_mosquitto_publishes(self):
        for qos in "012":
            done = run("mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.the_hub.mqtt), "-t",
                       "my/data", "-m", "x" * 10000, "-q", qos, "--cafile",
                       certificates.certificate().ca, "--cert", self.identity.cert, "--key",
                       self.identity.key)
            self.assertEqual(done.code, 0, done)

    def test_as_documented(self):
        """The script of aws-notice.md, and a way through what it has started."""
        text = (BUILD.parent / "share/doc/aws-notice.md").read_text()
        script = re.search("```sh\n(.*?)```", text, re.DOTALL).group(1)
        web = self.origin(Http("web"))
        folder = self.dir / "authorities"
        folder.mkdir()
        shutil.copy(certificates.certificate().ca, folder)
        shell = self.start("sh", "-c", script, name="script", ends=(-9,), env=environment(
            THING="press7", HUB="localhost", MQTT_PORT=str(self.the_hub.mqtt),
            PORT=str(self.the_hub.port), CA=str(certificates.certificate().ca),
            CA_FOLDER=str(folder), CERT=str(self.identity.cert), KEY=str(self.identity.key),
            SERVICES=f"HTTP1={web.address}", PATH=f"{self.bin}:{os.environ['PATH']}"))
        self.addCleanup(os.killpg, shell.pid, signal.SIGKILL)  # with all that it has started
        self.wait_present()
        gateway = self.gateway(self.the_hub, self.tunnel(["HTTP1"], "press7"))
        with socks5(gateway.port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))

    def paho(self, transport, version=4):
        port = self.the_hub.port if transport == "websockets" else self.the_hub.mqtt
        return self.start(PYTHON, "-c", PAHO, str(port), transport, certificates.certificate().ca,
                          self.identity.cert, self.identity.key, notify("press7"), str(version),
                          name="paho", ends=(0, 143, -15))

    def test_paho(self):
        self.check(self.paho("tcp"))

    def test_paho_of_3_1(self):
        self.check(self.paho("tcp", version=3))

    def test_paho_in_a_websocket(self):
        self.check(self.paho("websockets"))


if __name__ == "__main__":
    unittest.main()
