"""Device streams where one side speaks Azure's wire and the other the tunnel's: our gateway reaches
a device that has Azure's MQTT only, and a service program reaches a device with our agent."""

import base64
import os
import threading
import unittest

import certificates
from api import Key
from azure import Policy, Service
from bridges import read_bytes
from harness import mapping, verbose, write_secret
from origins import Echo
from ops import metrics
from programs import environment, wait_until
from sockets import Refused, read_all, read_exactly, socks5
from test_azure_streams import Streams
from wire import BINARY, Closed

PERSON = Key("AKIDPERSON", "thesecretofaperson0")
SERVICE = Policy("service")


class Crossed(Streams):
    def setUp(self):
        super().setUp()
        self.services = {"SSH1": self.origin(Echo())}

    def keys_file(self, *sections):
        return super().keys_file(*sections, PERSON.section())

    def person(self, *more):
        gateway = self.start(
            self.program("tunnel-gateway"), "-e", f"localhost:{self.the_hub.port}",
            "--ca", certificates.certificate().ca, "--listen", "127.0.0.1:0", *verbose(more), *more,
            env=environment(AWS_ACCESS_KEY_ID=PERSON.id, AWS_SECRET_ACCESS_KEY=PERSON.secret,
                            HOME=self.dir))
        gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        return gateway

    def agent_of(self, name):
        invitation = self.the_hub.api.of_hub("CreateInvitation", names=[name], uses=1)
        agent = self.start(
            self.program("tunnel-agent"), "-e", f"localhost:{self.the_hub.port}",
            "--ca", certificates.certificate().ca, "--state-dir", self.dir / name,
            "--device", name, "-d", mapping(self.services), "-v", "5",
            env=environment(TUNNEL_JOIN_TOKEN=invitation["joinToken"]))
        agent.wait_line("stands by")
        return agent


class Gateway(Crossed):
    """SERVICE.DEVICE.tunnel, and a device that has Azure's MQTT only."""

    def client(self, gateway, name="SSH1.pump.tunnel"):
        got = []

        def run():
            try:
                got.append(socks5(gateway.port, name))
            except Exception as e:
                got.append(e)

        threading.Thread(target=run, daemon=True).start()
        return got

    def result(self, got):
        wait_until(lambda: got, "the client's answer")
        return got[0]

    def test_bytes(self):
        device, gateway = self.enter(), self.person()
        for _ in range(2):  # the second one in the same tunnel
            got = self.client(gateway)
            asked = device.asked()
            self.assertEqual(asked.stream, "SSH1")
            device.answer(asked.rid)
            end = self.come(asked.url, asked.token, "MQTT")
            client = self.result(got)
            client.sendall(b"hello")
            self.assertEqual(read_bytes(end, 5), b"hello")
            data = os.urandom(1 << 20)
            for at in range(0, len(data), 65536):
                end.send_frame(BINARY, data[at:at + 65536])
            self.assertEqual(read_exactly(client, len(data)), data)
            end.close()
            self.assertEqual(read_all(client), b"")
        self.assertEqual(metrics(self.the_hub)["tunnel_hub_tunnels_open"], 1)

    def test_the_device_rejects(self):
        device, gateway = self.enter(), self.person()
        got = self.client(gateway)
        device.answer(device.asked().rid, 400)
        refused = self.result(got)
        self.assertIsInstance(refused, Refused)
        self.assertEqual(refused.code, 2)

    def test_the_device_has_gone(self):
        device, gateway = self.enter(), self.person()
        got = self.client(gateway)
        device.answer(device.asked().rid, 400)
        self.result(got)
        device.drop()
        wait_until(lambda: not self.the_hub.api.of_hub("DescribeDevice", device="pump")
                   ["device"]["present"], "it goes")
        self.assertIsInstance(self.result(self.client(gateway)), Refused)


class Programs(Crossed):
    """Azure's REST interface and bridges, and a device with our agent."""

    def test_bytes(self):
        self.agent_of("press-1")
        for _ in range(3):
            reply = self.azure.stream("press-1", "SSH1", response=30)
            self.assertTrue(reply.accepted, reply)
            service = self.come(reply.url, reply.token)
            data = os.urandom(1 << 20)

            def send():
                for at in range(0, len(data), 65536):
                    service.send_frame(BINARY, data[at:at + 65536])

            thread = threading.Thread(target=send)
            thread.start()
            self.assertEqual(read_bytes(service, len(data)), data)
            thread.join()
            service.close()
        # Streams to one service share a tunnel.
        self.assertEqual(metrics(self.the_hub)["tunnel_hub_tunnels_open"], 1)

    def test_a_service_that_it_has_not(self):
        self.agent_of("press-1")
        reply = self.azure.stream("press-1", "NOSUCH", response=30)
        self.assertFalse(reply.accepted)

    def test_an_agent_that_lets_nobody_in(self):
        self.agent_of("press-1")
        self.services = {"SSH1": "127.0.0.1:1"}
        self.agent_of("press-2")
        reply = self.azure.stream("press-2", "SSH1", response=30)
        self.assertTrue(reply.accepted)
        service = self.come(reply.url, reply.token)
        with self.assertRaises(Closed) as closed:
            service.recv_message()
        self.assertEqual(closed.exception.code, 1011)


if __name__ == "__main__":
    unittest.main()
