"""Azure's SDKs of npm at both ends: a device on azure-iot-device, a service program on azure-iothub
that does what Azure's local proxy sample does; and each of them with our programs at the other end."""

import base64
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import unittest

import certificates
import mqtt
from api import Key as AccessKey
from azure import Policy
from harness import Case, mapping, verbose, write_secret
from mqtt import shown_devices
from origins import Echo, Http, content, content_hash
from programs import environment, run, wait_until
from sockets import Refused, dial, free_port, get_hash, read_all, read_exactly, socks5
from sshd import Sshd

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE.parents[1] / "build/npm-azure"
ADMIN, SERVICE = AccessKey("ADMIN", "s" * 20), Policy("service")
MANY = 16 << 20


@unittest.skipUnless(shutil.which("node") and (MODULES / "node_modules/ws").exists(),
                     "node and the SDKs are not there: scripts/setup --tests")
class AzureCase(mqtt.MqttCase, Case):
    def setUp(self):
        super().setUp()
        secrets = write_secret(self.dir / "secrets",
                               base64.b64encode(os.urandom(32)).decode() + "\n")
        self.options = ("--secrets-key", secrets, "--keys",
                        self.keys_file(SERVICE.section(), ADMIN.section()))
        self.the_hub = self.mqtt_hub(*self.options)
        self.sshd = Sshd(self, self.dir)
        self.services = {"ECHO1": self.origin(Echo()), "HTTP1": self.origin(Http("web")),
                         "SSH1": self.sshd}

    # ---- the programs ----

    def node(self, script, *words, **options):
        return self.start("node", HERE / "azure" / script, *words, ends=(-15,), env=environment(
            NODE_EXTRA_CA_CERTS=certificates.certificate().ca), **options)

    def device_string(self, name="pump", **more):
        made = self.the_hub.api.of_hub("CreateDevice", device=name, **more)
        return (f"HostName=localhost:{self.the_hub.mqtt};DeviceId={name};"
                f"SharedAccessKey={made['primaryKey']}")

    def sdk_device(self, string, **options):
        options.setdefault("services", {n: s.port for n, s in self.services.items()})
        device = self.node("device.mjs", string, MODULES, json.dumps(options), name="device")
        device.wait_line("^subscribed")
        return device

    def sdk_service(self, device="pump", streams=("ECHO1", "HTTP1", "SSH1", "NONE")):
        """.ports: {stream's name: port}"""
        proxy = self.node("proxy.mjs", f"HostName=localhost;SharedAccessKeyName=service;"
                          f"SharedAccessKey={SERVICE.primary}", str(self.the_hub.port), MODULES,
                          device, *streams, name="proxy")
        proxy.ports = {name: int(proxy.wait_line(f"^{name} listens on (.*)").group(1))
                       for name in streams}
        return proxy

    def agent_device(self, name="press"):
        token = self.the_hub.api.of_hub("CreateInvitation", names=["*"])["joinToken"]
        folder = self.dir / "run"
        folder.mkdir(mode=0o700)
        agent = self.start(
            self.program("tunnel-agent"), "-e", f"localhost:{self.the_hub.port}",
            "--ca", certificates.certificate().ca, "--state-dir", self.dir / "agent",
            "--device", name, "-d", mapping(self.services), *verbose([]),
            env=environment(TUNNEL_JOIN_TOKEN=token, XDG_RUNTIME_DIR=folder))
        agent.wait_line("stands by")
        return agent

    def our_gateway(self):
        gateway = self.start(
            self.program("tunnel-gateway"), "-e", f"localhost:{self.the_hub.port}", "--ca",
            certificates.certificate().ca, "--listen", "127.0.0.1:0", *verbose([]),
            env=environment(AWS_ACCESS_KEY_ID=ADMIN.id, AWS_SECRET_ACCESS_KEY=ADMIN.secret,
                            HOME=self.dir))
        gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        return gateway

    # ---- what is asked of a way to the services; dial: gives a socket to one ----

    def check_echo(self, dial, words=b"hello"):
        with dial("ECHO1") as s:
            s.sendall(words)
            self.assertEqual(read_exactly(s, len(words)), words)

    def check_ssh(self, *options, host):
        done = run("ssh", *options, self.sshd.user(host), "echo over $((40 + 2))", cwd=self.dir)
        self.assertEqual((done.text, done.code), ("over 42\n", 0), done)

    def check_bulk(self, dial):
        """16 MB each way, by hash."""
        with dial("HTTP1") as s:
            self.assertEqual(get_hash(s, f"/bytes/{MANY}"), (200, MANY, content_hash(MANY)))
        with dial("HTTP1") as s:
            s.sendall(f"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {MANY}\r\n\r\n"
                      .encode())
            for piece in content(MANY):
                s.sendall(piece)
            self.assertEqual(read_all(s).rpartition(b"\r\n")[2].decode(), content_hash(MANY))

    def check_many(self, dial, n=50):
        """n connections at once, each with bytes of its own."""
        with concurrent.futures.ThreadPoolExecutor(n) as pool:
            ends = list(pool.map(lambda _: dial("ECHO1"), range(n)))

            def work(i):
                data = hashlib.sha256(b"%d" % i).digest() * 1000
                ends[i].sendall(data)
                return read_exactly(ends[i], len(data)) == data
            self.assertEqual(list(pool.map(work, range(n))), [True] * n)
            for end in ends:
                end.close()


class BothEnds(AzureCase):
    def test_streams(self):
        self.sdk_device(self.device_string())
        proxy = self.sdk_service()

        def through(name):
            return dial(proxy.ports[name])
        self.check_echo(through)
        self.check_ssh(*self.sshd.options(f"nc 127.0.0.1 {proxy.ports['SSH1']}"), host="pump")
        with through("NONE") as s:
            self.assertEqual(s.recv(1), b"")
        proxy.wait_line("^rejected")
        self.check_bulk(through)
        self.check_many(through)
        self.assertFalse(proxy.has_line("^error"), proxy.output())

    def test_renewal(self):
        """A signature that is good for seconds: the SDK makes another one in time, and the device
        stays in reach."""
        device = self.sdk_device(self.device_string(), valid=6, margin=4)
        proxy = self.sdk_service()
        first = device.mark()
        for _ in range(3):
            mark = self.the_hub.mark()
            self.the_hub.wait_line("device (present|enrolled|back|left|gone)", after=mark)
            self.check_echo(lambda name: dial(proxy.ports[name]))
        self.assertFalse(device.has_line("^(disconnected|error)", after=first), device.output())

    def test_restarts(self):
        self.sdk_device(self.device_string())
        self.wire("pump", "MQTT (Azure)")
        for kill in (False, True):
            with self.subTest(kill=kill):
                self.the_hub = self.restart(self.the_hub, *self.options, kill=kill)
                self.wire("pump", "MQTT (Azure)")
                proxy = self.sdk_service()
                self.check_echo(lambda name: dial(proxy.ports[name]))

    def wire(self, name, wire):
        wait_until(lambda: shown_devices(self.the_hub)[name].get("present")
                   and shown_devices(self.the_hub)[name]["wire"] == wire, f"{name} is there")

    def test_certificate(self):
        made = certificates.device("pump-x")
        string = f"HostName=localhost:{self.the_hub.mqtt};DeviceId=pump-x;x509=true"
        self.sdk_device(string, x509={"cert": made.cert.read_text(), "key": made.key.read_text()})
        proxy = self.sdk_service("pump-x")
        self.check_echo(lambda name: dial(proxy.ports[name]))


class Crossings(AzureCase):
    def test_service_sdk_to_our_agent(self):
        self.agent_device()
        proxy = self.sdk_service("press")

        def through(name):
            return dial(proxy.ports[name])
        self.check_echo(through)
        self.check_ssh(*self.sshd.options(f"nc 127.0.0.1 {proxy.ports['SSH1']}"), host="press")
        with through("NONE") as s:
            self.assertEqual(s.recv(1), b"")
        proxy.wait_line("^rejected")
        self.check_bulk(through)
        self.check_many(through)

    def test_our_gateway_to_device_sdk(self):
        self.sdk_device(self.device_string())
        gateway = self.our_gateway()

        def through(name):
            return socks5(gateway.port, f"{name}.pump.tunnel")
        self.check_echo(through)
        # %n: as it was typed. In %h ssh has made small letters of it, and a stream's name has case.
        how = f"{self.program('tunnel-gateway')} connect %n %p --gateway 127.0.0.1:{gateway.port}"
        self.check_ssh(*self.sshd.options(how), host="SSH1.pump.tunnel")
        with self.assertRaises(Refused):
            through("NONE")
        self.check_bulk(through)
        self.check_many(through)


class AsDocumented(AzureCase):
    """The recipes of azure.md, with addresses and an authority of this test."""

    def recipe(self, name, **words):
        """Its first block, by sh."""
        text = (HERE.parents[1] / "share/doc/azure.md").read_text()
        script = re.search(rf"^\*{name}\*.*?\n```sh\n(.*?)```", text, re.DOTALL | re.MULTILINE).group(1)
        for old, new in words.items():
            self.assertIn(old, script)
            script = script.replace(old, new)
        folder = self.dir / name
        folder.mkdir(mode=0o700)
        shell = self.start("sh", "-ec", script, name=name, ends=(-9,), env=environment(
            HOME=folder, XDG_RUNTIME_DIR=folder, PATH=f"{self.bin}:{os.environ['PATH']}",
            AWS_ACCESS_KEY_ID=ADMIN.id, AWS_SECRET_ACCESS_KEY=ADMIN.secret))
        self.addCleanup(os.killpg, shell.pid, signal.SIGKILL)  # with all that it has started
        return shell

    def test_device_proxy(self):
        """Azure's sample at the other end."""
        hub, ca = f"localhost:{self.the_hub.port}", certificates.certificate().ca
        self.recipe("azure-device-proxy", **{
            "https://hub.example": f"https://{hub} --ca {ca}", "-e hub.example": f"-e {hub} --ca {ca}",
            "localhost:22": self.sshd.address, "--device": "--state-dir agent --device"}
                    ).wait_line("stands by")
        port = self.sdk_service("MyDevice", ("TestStream",)).ports["TestStream"]
        self.check_ssh(*self.sshd.options(f"nc 127.0.0.1 {port}"), host="pump")

    def test_service_proxy(self):
        hub, port, proxy = f"localhost:{self.the_hub.port}", str(free_port()), f"127.0.0.1:{free_port()}"
        self.sdk_device(self.device_string("MyDevice"), services={"TestStream": self.sshd.port})
        shell = self.recipe("azure-service-proxy", **{
            "-e hub.example": f"-e {hub} --ca {certificates.certificate().ca} --listen {proxy}",
            "connect ": f"connect --gateway {proxy} ".replace(":", r"\:"), "socat": "socat -d -d",
            "2222": port})
        shell.wait_line("Devices are reached as")
        shell.wait_line("listening on")
        self.check_ssh(*self.sshd.options(f"nc 127.0.0.1 {port}"), host="pump")


if __name__ == "__main__":
    unittest.main()
