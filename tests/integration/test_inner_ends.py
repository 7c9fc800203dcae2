"""The hub as the other end of a tunnel, for device streams of which only one side speaks Azure's
wire: with a real agent, and with a real gateway."""

import hashlib
import os
import socket
import threading
import time
import unittest

from bridges import Bridge, BridgeCase, read_bytes
from harness import Tokens
from ops import metrics
from origins import Echo, Sender
from programs import wait_until
from sockets import Refused, read_all, read_exactly, socks5
from test_bridges import in_threads, send_all
from wire import (BINARY, CLOSE, CONNECTION_RESET, CONNECTION_START, DATA, STREAM_START, Closed,
                  Message, connect)

MB = 1 << 20


class InnerCase(BridgeCase):
    def setUp(self):
        super().setUp()
        self.the_hub = self.bridge_hub("--audit-log", str(self.dir / "audit"), "-v", "5")

    def opened(self, services, thing):
        """A tunnel: its id, and both tokens in files."""
        answer = self.the_hub.api.open(services=services, thing=thing)
        tokens = Tokens(self.dir / f"{thing}.source", self.dir / f"{thing}.destination")
        tokens.take(answer)
        return answer["tunnelId"], tokens

    def source(self, device, service, tunnel="-", token="-", policy="p"):
        return Bridge(self.the_hub.port,
                      *self.command("source", device, service, policy, tunnel, token).split())

    def destination(self, device, tunnel, tokens, policy="p"):
        self.assertEqual(self.command("destination", device, tunnel,
                                      tokens.destination.read_text().strip(), policy), "ok")

    def wanted(self):
        """The next connection for which a device is to be asked."""
        return wait_until(lambda: (w := self.command("wanted")) != "none" and w.split(),
                          "a connection for a device")

    def answer(self, wanted):
        return Bridge(self.the_hub.port, *self.command("answer", *wanted).split())


class Source(InnerCase):
    """A service's program that speaks Azure's wire, and our agent."""

    def begin(self, origin):
        tunnel, tokens = self.opened(["ssh"], "plant7")
        self.agent(self.the_hub, tokens, {"ssh": origin})
        return self.source("plant7", "ssh", tunnel, tokens.source.read_text().strip())

    def test_bytes_both_ways(self):
        bridge = self.begin(self.origin(Echo()))
        self.assertEqual(bridge.device_token, "-")
        service = bridge.service()
        service.send_frame(BINARY, b"hello")
        self.assertEqual(read_bytes(service, 5), b"hello")
        wait_until(lambda: metrics(self.the_hub)
                   ['tunnel_hub_bridged_bytes_total{from="device"}'] == 5, "the bytes")
        service.close()
        wait_until(lambda: self.the_hub.has_line("bridge ended"), "its end")
        self.assertTrue(self.the_hub.has_line('outcome="?closed'), self.the_hub.output()[-3000:])

    def test_64_mb(self):
        service = self.begin(self.origin(Echo())).service()
        data = os.urandom(64 * MB)
        got = hashlib.sha256()

        def hear():
            left = len(data)
            while left:
                piece = service.recv_message()
                left -= len(piece)
                got.update(piece)

        in_threads(lambda: send_all(service, data, 65536), hear)
        self.assertEqual(got.hexdigest(), hashlib.sha256(data).hexdigest())

    def test_one_tunnel_for_many_streams(self):
        first = self.begin(self.origin(Echo()))
        wait_until(lambda: self.command("has-source", "plant7", "ssh", "p") == "yes", "the source")
        self.assertEqual(self.command("has-source", "plant7", "ssh", "q"), "no")
        self.assertEqual(self.command("has-source", "plant7", "web", "p"), "no")
        bridges = [first] + [self.source("plant7", "ssh") for _ in range(49)]
        services = [b.service() for b in bridges]

        def work(i):
            data = bytes([i]) * 100000
            in_threads(lambda: send_all(services[i], data, 30000),
                       lambda: self.assertEqual(read_bytes(services[i], len(data)), data))

        in_threads(*[lambda i=i: work(i) for i in range(50)])
        self.assertEqual(metrics(self.the_hub)["tunnel_hub_ends"], 2)
        for s in services:
            s.close()
        wait_until(lambda: metrics(self.the_hub)['tunnel_hub_bridges{state="open"}'] == 0,
                   "the bridges' end")

    def test_the_service_ends_it(self):
        """What it said arrives, and then a Close."""
        service = self.begin(self.origin(Sender(3 * MB))).service()
        data = bytearray()
        try:
            while True:
                data += service.recv_message()
        except Closed as e:
            self.assertEqual(e.code, 1000)
        self.assertEqual(len(data), 3 * MB)
        service.drop()

    def test_a_service_that_is_not_there(self):
        bridge = self.begin("127.0.0.1:1")
        service = bridge.service()
        with self.assertRaises(Closed) as closed:
            service.recv_message()
        self.assertEqual(closed.exception.code, 1011)
        self.assertIn("refused", closed.exception.reason)
        wait_until(lambda: metrics(self.the_hub)
                   ['tunnel_hub_bridges_ended_total{outcome="refused"}'] == 1, "its end")

    def test_the_agent_comes_later(self):
        tunnel, tokens = self.opened(["ssh"], "plant7")
        service = self.source("plant7", "ssh", tunnel, tokens.source.read_text().strip()).service()
        service.send_frame(BINARY, b"early")
        self.agent(self.the_hub, tokens, {"ssh": self.origin(Echo())})
        self.assertEqual(read_bytes(service, 5), b"early")

    def test_an_agent_that_is_not_native(self):
        """Amazon's local proxy answers no opening."""
        tunnel, tokens = self.opened(["ssh"], "plant7")
        device = connect(self.the_hub.port, "destination", tokens.destination)
        service = self.source("plant7", "ssh", tunnel, tokens.source.read_text().strip()).service()
        device.recv()  # SERVICE_IDS
        start = device.recv()
        service.send_frame(BINARY, b"hello")
        data = device.recv()
        self.assertEqual((start.service, data.payload), ("ssh", b"hello"))

    def test_a_token_that_is_none(self):
        tunnel, _ = self.opened(["ssh"], "plant7")
        with self.assertRaises(AssertionError) as e:
            self.source("plant7", "ssh", tunnel, "A" * 60)
        self.assertIn("refused", str(e.exception))
        self.assert_alive(self.the_hub)

    def test_the_tunnel_is_closed(self):
        service = self.begin(self.origin(Echo())).service()
        service.send_frame(BINARY, b"x")
        read_bytes(service, 1)
        for t in self.the_hub.api.list():
            self.the_hub.api.close_tunnel(t["tunnelId"])
        self.assertIn(service.expect_end(), (1001, 1011))
        wait_until(lambda: metrics(self.the_hub)['tunnel_hub_bridges{state="open"}'] == 0,
                   "the bridge's end")

    def test_the_hub_ends(self):
        service = self.begin(self.origin(Echo())).service()
        service.send_frame(BINARY, b"x")
        read_bytes(service, 1)
        self.the_hub.terminate()
        service.expect_end()
        self.assertEqual(self.the_hub.wait(), 0)


class Destination(InnerCase):
    """Our gateway, and a device that speaks Azure's wire only."""

    def begin(self):
        tunnel, tokens = self.opened(["ssh", "web"], "plant7")
        self.destination("plant7", tunnel, tokens)
        self.a_gateway = self.gateway(self.the_hub, tokens)
        return tunnel

    def client(self, name="ssh.tunnel"):
        """A client whose request is on its way: a list that gets its socket."""
        got = []

        def run():
            try:
                got.append(socks5(self.a_gateway.port, name))
            except Exception as e:
                got.append(e)

        threading.Thread(target=run, daemon=True).start()
        return got

    def met(self):
        """A client and its device."""
        client = self.client()
        device = self.answer(self.wanted()).device()
        wait_until(lambda: client, "the client's answer")
        return client[0], device

    def test_bytes_both_ways(self):
        self.begin()
        client = self.client("web.tunnel")
        wanted = self.wanted()
        self.assertEqual(wanted[:2], ["plant7", "web"])
        bridge = self.answer(wanted)
        self.assertEqual(bridge.service_token, "-")
        time.sleep(0.2)
        self.assertEqual(client, [])  # it is answered when the device is there
        device = bridge.device()
        wait_until(lambda: client, "the client's answer")
        client[0].sendall(b"GET /")
        self.assertEqual(read_bytes(device, 5), b"GET /")
        device.send_frame(BINARY, b"200")
        self.assertEqual(read_exactly(client[0], 3), b"200")
        device.close()
        self.assertEqual(read_all(client[0]), b"")

    def test_64_mb(self):
        self.begin()
        client, device = self.met()
        up, down = os.urandom(64 * MB), os.urandom(64 * MB)
        got = {}

        def hear_device():
            h, left = hashlib.sha256(), len(up)
            while left:
                piece = device.recv_message()
                left -= len(piece)
                h.update(piece)
            got["up"] = h.hexdigest()

        def hear_client():
            h, left = hashlib.sha256(), len(down)
            while left:
                piece = client.recv(min(left, 65536))
                left -= len(piece)
                h.update(piece)
            got["down"] = h.hexdigest()

        in_threads(lambda: client.sendall(up), lambda: send_all(device, down, 65536), hear_device,
                   hear_client)
        self.assertEqual(got, {"up": hashlib.sha256(up).hexdigest(),
                               "down": hashlib.sha256(down).hexdigest()})

    def test_the_clients_end_is_not_the_devices(self):
        """A Close would be the end of both ways, so the device may finish first."""
        self.begin()
        client, device = self.met()
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_bytes(device, 8), b"question")
        time.sleep(0.3)
        device.send_frame(BINARY, b"answer")
        device.send_frame(CLOSE, b"\x03\xe8")
        self.assertEqual(read_all(client), b"answer")
        self.assertEqual(device.expect_end(), 1000)

    def test_a_client_that_breaks_off(self):
        self.begin()
        client, device = self.met()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        self.assertEqual(device.expect_end(), 1001)

    def test_a_device_that_breaks_off(self):
        self.begin()
        client, device = self.met()
        device.send_frame(BINARY, b"half")
        self.assertEqual(read_exactly(client, 4), b"half")
        device.drop()
        with self.assertRaises(ConnectionResetError):
            read_all(client)

    def test_a_device_that_rejects(self):
        self.begin()
        client = self.client()
        self.command("refuse", *self.wanted()[2:])
        wait_until(lambda: client, "the client's answer")
        self.assertIsInstance(client[0], Refused)
        self.assertEqual(client[0].code, 2)  # "not allowed", as for a device that refuses

    def test_a_request_that_is_withdrawn(self):
        self.begin()
        client = self.client()
        wanted = self.wanted()
        bridge = self.answer(wanted)
        self.command("end", bridge.id)
        self.command("refuse", *wanted[2:])
        wait_until(lambda: client, "the client's answer")
        self.assertIsInstance(client[0], Refused)
        self.assertEqual(bridge.ask(bridge.device_token).status, 401)

    def test_a_client_that_leaves_before(self):
        """Amazon's local proxy as the source."""
        tunnel, tokens = self.opened(["ssh"], "plant7")
        self.destination("plant7", tunnel, tokens)
        source = connect(self.the_hub.port, "source", tokens.source)
        source.send(Message(STREAM_START, 1, "ssh", 1))
        bridge = self.answer(self.wanted())
        source.send(Message(CONNECTION_RESET, 1, "ssh", 1))
        self.the_hub.wait_line("bridge ended")
        self.assertEqual(bridge.ask(bridge.device_token).status, 401)
        # Another one is served.
        source.send(Message(CONNECTION_START, 1, "ssh", 2), Message(DATA, 1, "ssh", 2, b"again"))
        device = self.answer(self.wanted()).device()
        self.assertEqual(read_bytes(device, 5), b"again")
        device.send_frame(BINARY, b"yes")
        self.assertEqual(source.recv().services, ["ssh"])
        self.assertEqual(source.recv_data(3), b"yes")

    def test_many(self):
        self.begin()
        pairs = [self.met() for _ in range(30)]

        def work(i):
            client, device = pairs[i]
            data = bytes([i]) * 200000
            in_threads(lambda: client.sendall(data),
                       lambda: self.assertEqual(read_bytes(device, len(data)), data))
            in_threads(lambda: send_all(device, data, 50000),
                       lambda: self.assertEqual(read_exactly(client, len(data)), data))

        in_threads(*[lambda i=i: work(i) for i in range(30)])

    def test_a_slow_client_holds_up_nobody(self):
        self.begin()
        (slow, flood), (client, device) = self.met(), self.met()
        stop = threading.Event()

        def send():
            try:
                while not stop.is_set():
                    flood.send_frame(BINARY, b"x" * 65536)
            except OSError:
                pass

        before = self.the_hub.rss()
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        time.sleep(2)
        device.send_frame(BINARY, b"quick")
        self.assertEqual(read_exactly(client, 5), b"quick")
        self.assertLess(self.the_hub.rss() - before, 20 * MB)
        stop.set()
        slow.close()
        thread.join(30)

    def test_the_tunnel_is_closed(self):
        tunnel = self.begin()
        client, device = self.met()
        self.the_hub.api.close_tunnel(tunnel)
        self.assertEqual(device.expect_end(), 1001)
        wait_until(lambda: metrics(self.the_hub)['tunnel_hub_bridges{state="open"}'] == 0,
                   "the bridge's end")


if __name__ == "__main__":
    unittest.main()
