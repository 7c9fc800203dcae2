"""MQTT clients of others, all at once, each a device of its own: Amazon's two SDKs, MQTT.js 5 and 4 and
u8-mqtt of npm; paho's C programs, a Go program and mosquitto as a bridge of Debian. Each is told of
a tunnel, loses its hub, comes back by its own means, and is told of the next."""

import json
import pathlib
import shutil
import unittest
import urllib.request

import certificates
import mqtt
from harness import Case
from mqtt import notify, shown_devices
from programs import environment, wait_until
from sockets import free_port

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE.parents[1] / "build/npm-mqtt"
# Of mqtt/clients.mjs; those of a WebSocket come to the port of HTTPS.
NPM = ("mqtt5", "mqtt5ws", "mqtt5old", "mqtt4", "aws1", "aws2", "u8")
EXPORTER = """
mqtt:
  server: ssl://localhost:{port}
  ca_cert: {ca}
  client_cert: {cert}
  client_key: {key}
  topic_path: {topic}
  device_id_regex: "things/(?P<deviceid>[^/]*)/"
  qos: 1
metrics:
  - prom_name: notices
    mqtt_name: clientMode
    type: counter
    string_value_mapping:
      map: {{destination: 1}}
"""
BROKER = """
user root
listener {local} 127.0.0.1
allow_anonymous true
connection hub
address localhost:{port}
topic {topic} in 1
bridge_cafile {ca}
bridge_certfile {cert}
bridge_keyfile {key}
restart_timeout 1
"""


class Reader:
    """A program that prints what it is told; pattern: a line that has it."""

    def __init__(self, program, pattern="(.*)"):
        self.program, self.pattern, self.mark = program, pattern, 0

    def told(self, tunnel):
        """It is the next one that it is told of."""
        line = self.program.wait_line(self.pattern, after=self.mark).group(1)
        notice = json.loads(line)
        assert notice["clientAccessToken"] == tunnel["destinationAccessToken"], notice
        assert notice["clientMode"] == "destination", notice
        self.mark = self.program.mark()


class Exporter:
    """It has a metric with the time when it was told last."""

    def __init__(self, port):
        self.port, self.last = port, None

    def _line(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as page:
            lines = page.read().decode().splitlines()
        return next((line for line in lines if line.startswith("notices{")), None)

    def told(self, _):
        wait_until(lambda: self._line() != self.last, "the exporter is told")
        self.last = self._line()


class MqttSdks(mqtt.MqttCase, Case):
    def setUp(self):
        super().setUp()
        self.the_hub = self.mqtt_hub()
        self.clients = {}

    # ---- the clients ----

    def identity(self, name):
        made = certificates.device(name)
        return {"device": name, "cert": str(made.cert), "key": str(made.key)}

    def npm(self):
        if not shutil.which("node") or not (MODULES / "node_modules").exists():
            self.skipTest("node and the clients are not there: scripts/setup --tests")
        ca = certificates.certificate().ca
        what = [json.dumps({
            "client": name, **self.identity(name),
            "port": self.the_hub.port if name in ("mqtt5ws", "mqtt5old") else self.the_hub.mqtt})
                for name in NPM]
        node = self.start("node", HERE / "mqtt/clients.mjs", MODULES, ca, *what, name="node",
                          env=environment(NODE_EXTRA_CA_CERTS=ca), ends=(-15,))
        for name in NPM:
            self.clients[name] = Reader(node, f"^{name} told (.*)")

    def paho_c(self, program):
        """Neither ends by SIGTERM while it waits for a hub."""
        identity = self.identity(program)
        client = self.start(
            program, "-c", f"ssl://localhost:{self.the_hub.mqtt}", "-t", notify(program), "-q", "1",
            "--cafile", certificates.certificate().ca, "--cert", identity["cert"], "--key",
            identity["key"], env=environment(LD_PRELOAD=""))
        self.addCleanup(client.kill)
        self.clients[program] = Reader(client, "^([{].*)")

    def exporter(self):
        identity, port = self.identity("exporter"), free_port()
        config = self.dir / "exporter.yaml"
        config.write_text(EXPORTER.format(port=self.the_hub.mqtt, topic=notify("exporter"),
                                          ca=certificates.certificate().ca, **identity))
        self.start("prometheus-mqtt-exporter", "-config", config, "-listen-address", "127.0.0.1",
                   "-listen-port", str(port), ends=(0, 143, -15, 2))
        self.clients["exporter"] = Exporter(port)

    def bridge(self):
        """A broker beside the device, with all that the device has."""
        identity, local = self.identity("bridge"), free_port()
        config = self.dir / "broker.conf"
        config.write_text(BROKER.format(local=local, port=self.the_hub.mqtt, topic=notify("bridge"),
                                        ca=certificates.certificate().ca, **identity))
        broker = self.start(shutil.which("mosquitto", path="/usr/sbin:/usr/bin"), "-c", config, "-v")
        broker.wait_line("running")
        reader = self.start("mosquitto_sub", "-h", "127.0.0.1", "-p", str(local), "-q", "1", "-t",
                            notify("bridge"), ends=(0, 143, -15))
        broker.wait_line("Sending SUBACK to auto")
        self.clients["bridge"] = Reader(reader, "^([{].*)")

    # ---- what happens ----

    def present(self):
        there = {name for name, device in shown_devices(self.the_hub).items() if device["present"]}
        return there >= set(self.clients)

    def tell_all(self):
        """Each is there, and is told of a tunnel."""
        try:
            wait_until(self.present, "all are there")
        except AssertionError:
            pass
        devices = shown_devices(self.the_hub)
        for name, client in self.clients.items():
            with self.subTest(name):
                self.assertTrue(devices[name]["present"])
                self.assertEqual(devices[name]["carrier"], "mqtt-aws")
                client.told(self.the_hub.api.open(["SSH"], name))

    def test_restarts(self):
        self.npm()
        self.paho_c("paho_c_sub")
        self.paho_c("paho_cs_sub")
        self.exporter()
        self.bridge()
        self.tell_all()
        self.the_hub = self.restart(self.the_hub, kill=False)
        self.tell_all()
        self.the_hub = self.restart(self.the_hub, kill=True)
        self.tell_all()

    def test_curl(self):
        """It speaks MQTT, but not in TLS, and the hub only there: socat is between. It pings never
        and comes back never, so it is for a look, not for a device."""
        identity, port, out = self.identity("curl"), free_port(), self.dir / "notice"
        out.touch()
        socat = self.start("socat", "-d", "-d", f"TCP-LISTEN:{port},bind=127.0.0.1",
                           f"OPENSSL:localhost:{self.the_hub.mqtt},"
                           f"cafile={certificates.certificate().ca},"
                           f"cert={identity['cert']},key={identity['key']}", ends=(0, 1, 143))
        socat.wait_line("listening on")
        curl = self.start("curl", "-sSN", "-o", out,
                          f"mqtt://127.0.0.1:{port}/{notify('curl').replace('$', '%24')}",
                          ends=(56, 18))
        wait_until(lambda: shown_devices(self.the_hub).get("curl", {}).get("present"), "it is there")
        tunnel = self.the_hub.api.open(["SSH"], "curl")
        wait_until(lambda: tunnel["destinationAccessToken"] in out.read_text(), "it is told")
        self.the_hub.kill()
        self.assertIn(curl.wait(), curl.ends)


if __name__ == "__main__":
    unittest.main()
