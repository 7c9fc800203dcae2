"""Crossings of the two wires: Azure's service programs and devices with our agent, and names that a
gateway has asked of a device that speaks Azure's wire only."""

import os
import unittest

import certificates
import mqtt
import wire
from api import Key as AccessKey
from bridges import read_bytes
from harness import Case, mapping, verbose
from ops import metrics
from origins import Echo
from programs import environment, run, wait_until
from sockets import Refused, read_all, read_exactly, socks5
from test_azure_streams import SERVICE, Streams
from wire import BINARY, CLOSE

ADMIN = AccessKey("ADMIN", "s" * 20)


class Crossing(Streams):
    sections = (ADMIN.section(),)


class ToOurAgent(Crossing):
    """The stream's name is the service."""

    def setUp(self):
        super().setUp()
        token = self.the_hub.api.of_hub("CreateInvitation", names=["*"])["joinToken"]
        (self.dir / "run").mkdir(mode=0o700)
        self.agent_ = self.start(
            self.program("tunnel-agent"), "-e", f"127.0.0.1:{self.the_hub.port}",
            "--ca", certificates.certificate().ca, "--state-dir", self.dir / "agent",
            "--device", "press", "-d", mapping({"ECHO1": self.origin(Echo()), "NONE1": "127.0.0.1:1"}),
            *verbose([]),
            env=environment(TUNNEL_JOIN_TOKEN=token, XDG_RUNTIME_DIR=self.dir / "run"))
        self.agent_.wait_line("stands by")

    def stream(self, name="ECHO1"):
        reply = self.azure.stream("press", name, connect=10, response=20)
        self.assertEqual(reply.status, 200, reply)
        return reply

    def test_echo(self):
        reply = self.stream("echo1")  # as a host name has it
        self.assertTrue(reply.accepted)
        service = self.come(reply.url, reply.token)
        data = os.urandom(300000)
        for at in range(0, len(data), 60000):
            service.send_frame(BINARY, data[at:at + 60000])
        self.assertEqual(read_bytes(service, len(data)), data)
        service.send_frame(CLOSE, b"")
        self.assertEqual(service.recv_but_ping()[0], CLOSE)
        line, = self.lines("stream")
        self.assertEqual((line["device"], line["result"]), ("press", "accepted"))

    def test_one_tunnel_for_many(self):
        ends = []
        for i in range(10):
            reply = self.stream()
            self.assertTrue(reply.accepted)
            ends.append(self.come(reply.url, reply.token))
        for i, end in enumerate(ends):
            end.send_frame(BINARY, bytes([i]) * 1000)
        for i, end in enumerate(ends):
            self.assertEqual(read_bytes(end, 1000), bytes([i]) * 1000)
        tunnels = self.the_hub.api.call("ListTunnels")["tunnelSummaries"]
        self.assertEqual(len(tunnels), 1)

    def test_cannot_be_dialled(self):
        reply = self.stream("NONE1")
        self.assertTrue(reply.accepted)
        service = self.come(reply.url, reply.token)
        with self.assertRaises(wire.Closed) as closed:
            service.recv_message()
        self.assertEqual(closed.exception.code, 1011)

    def test_rejects(self):
        self.assertFalse(self.stream("SSH1").accepted)  # it has no such service
        done = run(self.program("tunnel-agent"), "accept", "never",
                   env=environment(XDG_RUNTIME_DIR=self.dir / "run"))
        self.assertEqual(done.code, 0, done)
        wait_until(lambda: not mqtt.shown_devices(self.the_hub)["press"]["accepting"], "it says so")
        self.assertFalse(self.stream().accepted)


class ToAzuresDevice(Crossing):
    """SERVICE.DEVICE.tunnel, by a gateway with an access key."""

    def setUp(self):
        super().setUp()
        self.device = self.enter()
        self.gateway_ = self.start(
            self.program("tunnel-gateway"), "-e", f"127.0.0.1:{self.the_hub.port}", "--ca",
            certificates.certificate().ca, "--listen", "127.0.0.1:0", *verbose([]),
            env=environment(AWS_ACCESS_KEY_ID=ADMIN.id, AWS_SECRET_ACCESS_KEY=ADMIN.secret,
                            HOME=self.dir))
        self.port = int(self.gateway_.wait_line(r"Listening on \S+:(\d+)").group(1))

    def connecting(self, name="SSH1.pump.tunnel"):
        return self.pool.submit(lambda: socks5(self.port, name))

    def test_reaches_it(self):
        for word in b"first", os.urandom(1 << 20):
            call = self.connecting()
            asked = self.device.asked()
            self.assertEqual(asked.stream, "SSH1")
            self.device.answer(asked.rid)
            end = self.come(asked.url, asked.token)
            with call.result() as client:
                client.sendall(word)
                self.assertEqual(read_bytes(end, len(word)), word)
                for at in range(0, len(word), 65536):
                    end.send_frame(BINARY, word[at:at + 65536])
                self.assertEqual(read_exactly(client, len(word)), word)
                end.close()
                self.assertEqual(read_all(client), b"")
        self.assertEqual(metrics(self.the_hub)["tunnel_hub_tunnels_open"], 1)

    def test_rejects(self):
        call = self.connecting()
        asked = self.device.asked()
        self.device.answer(asked.rid, 400)
        with self.assertRaises(Refused) as refused:
            call.result()
        self.assertEqual(refused.exception.code, 2)
        device = {d["device"]: d for d in self.the_hub.api.of_hub("ListDevices")["devices"]}["pump"]
        self.assertEqual(device["carrier"], "mqtt-azure")

    def test_is_away(self):
        self.device.drop()
        wait_until(lambda: not mqtt.shown_devices(self.the_hub)["pump"]["present"], "it is away")
        with self.assertRaises(Refused):
            self.connecting().result()


del Streams  # its own tests are in a file of their own

if __name__ == "__main__":
    unittest.main()
