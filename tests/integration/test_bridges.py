"""Bridges: two WebSockets whose bytes the hub passes from one to the other."""

import hashlib
import json
import os
import socket
import struct
import threading
import time
import unittest

import certificates
import store
from bridges import BridgeCase, read_bytes
from ops import metrics
from programs import environment, wait_until
from wire import BINARY, CLOSE, PING, PONG, TEXT, Closed, Dropped, ask

MB = 1 << 20
JOIN_TOKEN = "join_" + "A" * 43


def in_threads(*calls):
    """Runs them side by side; fails with what the first of them failed with."""
    problems = []

    def run(call):
        try:
            call()
        except BaseException as e:
            problems.append(e)

    threads = [threading.Thread(target=run, args=(c,), daemon=True) for c in calls]
    for t in threads:
        t.start()
    for t in threads:
        t.join(240)
    if problems:
        raise problems[0]
    if any(t.is_alive() for t in threads):
        raise AssertionError("it hangs")


def send_all(peer, data, step):
    for at in range(0, len(data), step):
        peer.send_frame(BINARY, data[at:at + step])


def transport_end(peer):
    """What comes after the Closes: True for an end in order, False for a reset."""
    try:
        while peer.sock.recv(4096):
            pass
        return True
    except OSError:
        return False


class Bytes(BridgeCase):
    def setUp(self):
        super().setUp()
        self.the_hub = self.bridge_hub()

    def test_both_ways(self):
        service, device = self.bridge(self.the_hub).both()
        service.send_frame(BINARY, b"to the device")
        self.assertEqual(read_bytes(device, 13), b"to the device")
        device.send_frame(BINARY, b"to the service")
        self.assertEqual(read_bytes(service, 14), b"to the service")

    def test_either_may_come_first_and_speak(self):
        for first, second in (("service", "device"), ("device", "service")):
            with self.subTest(first=first):
                bridge = self.bridge(self.the_hub)
                one = getattr(bridge, first)()
                one.send_frame(BINARY, b"before anybody hears it")
                one.send_frame(BINARY, b"X" * 500000)
                other = getattr(bridge, second)()
                self.assertEqual(read_bytes(other, 500023)[:23], b"before anybody hears it")
                other.send_frame(BINARY, b"yes")
                self.assertEqual(read_bytes(one, 3), b"yes")

    def test_a_ping_is_answered_before_the_other_has_come(self):
        service = self.bridge(self.the_hub).service()
        service.send_frame(PING, b"there?")
        self.assertEqual(service.recv_frame(), (PONG, True, b"there?"))

    def test_frames_of_all_sizes(self):
        service, device = self.bridge(self.the_hub).both()
        data = os.urandom(300000)
        for at in range(2000):
            service.send_frame(BINARY, data[at:at + 1])
        service.send_frame(BINARY, data[2000:2010], fin=False)
        service.send_frame(PONG, b"unasked")
        service.send_frame(0, b"", fin=False)
        service.send_frame(0, data[2010:100000], fin=True)
        service.send_frame(BINARY, b"")
        service.send_frame(BINARY, data[100000:])  # larger than Azure's own gateway takes
        self.assertEqual(read_bytes(device, len(data)), data)
        self.assertLessEqual(max(device.message_sizes), 65536)

    def test_64_mb_each_way(self):
        service, device = self.bridge(self.the_hub).both()
        sums = {}

        def receive(name, peer):
            h = hashlib.sha256()
            left = 64 * MB
            while left > 0:
                piece = peer.recv_message()
                left -= len(piece)
                h.update(piece)
            self.assertEqual(left, 0)
            sums[name] = h.hexdigest()

        data = {"service": os.urandom(64 * MB), "device": os.urandom(64 * MB)}
        in_threads(lambda: send_all(service, data["service"], 65536),
                   lambda: send_all(device, data["device"], 40000),
                   lambda: receive("device", device), lambda: receive("service", service))
        self.assertEqual(sums["device"], hashlib.sha256(data["service"]).hexdigest())
        self.assertEqual(sums["service"], hashlib.sha256(data["device"]).hexdigest())

    def test_50_at_once(self):
        pairs = [self.bridge(self.the_hub, device=f"d{i}").both() for i in range(50)]
        data = [os.urandom(MB // 2) for _ in pairs]

        def work(i):
            service, device = pairs[i]
            in_threads(lambda: send_all(service, data[i], 65536),
                       lambda: self.assertEqual(read_bytes(device, len(data[i])), data[i]))
            device.send_frame(BINARY, bytes([i]))
            self.assertEqual(read_bytes(service, 1), bytes([i]))

        in_threads(*[lambda i=i: work(i) for i in range(50)])
        self.assertEqual(metrics(self.the_hub)['tunnel_hub_bridges{state="open"}'], 50)
        for service, device in pairs:
            service.close()
            device.expect_end()
        wait_until(lambda: metrics(self.the_hub)['tunnel_hub_bridges{state="open"}'] == 0,
                   "the bridges end")

    def test_a_slow_reader_stops_the_writer(self):
        service, device = self.bridge(self.the_hub).both()
        before = self.the_hub.rss()
        service.sock.settimeout(0.5)
        sent = 0
        data = os.urandom(65536)
        try:
            while sent < 200 * MB:
                service.send_frame(BINARY, data)
                sent += len(data)
        except (TimeoutError, socket.timeout):
            pass
        self.assertLess(sent, 100 * MB)
        self.assertLess(self.the_hub.rss() - before, 20 * MB)
        self.assertEqual(read_bytes_some(device, MB), (data * 16)[:MB])
        device.drop()
        service.drop()


def read_bytes_some(peer, n):
    data = bytearray()
    while len(data) < n:
        data += peer.recv_message()
    return bytes(data[:n])


class Coming(BridgeCase):
    def setUp(self):
        super().setUp()
        self.the_hub = self.bridge_hub()

    def refused(self, answer):
        self.assertEqual(answer.status, 401, answer.body)
        self.assertEqual(answer.headers["www-authenticate"], "Bearer")
        self.assertEqual(answer.headers["connection"], "close")

    def test_each_token_once(self):
        bridge = self.bridge(self.the_hub)
        self.refused(bridge.ask("x" * 43))
        self.refused(bridge.ask(bridge.service_token[:-1]))
        self.refused(bridge.ask(None))
        self.refused(bridge.ask(""))
        service = bridge.service()
        self.refused(bridge.ask(bridge.service_token))
        device = bridge.device()
        self.refused(bridge.ask(bridge.device_token))
        service.send_frame(BINARY, b"1")
        self.assertEqual(read_bytes(device, 1), b"1")
        found = metrics(self.the_hub)
        self.assertEqual(found["tunnel_hub_bridges_refused_total"], 4)
        self.assertGreaterEqual(found["tunnel_hub_refused_total"], 6)

    def test_a_token_of_another_bridge(self):
        one, two = self.bridge(self.the_hub), self.bridge(self.the_hub)
        self.refused(two.ask(one.service_token))
        service, device = one.both()  # it has not been used up
        service.send_frame(BINARY, b"1")
        self.assertEqual(read_bytes(device, 1), b"1")

    def test_a_bridge_that_has_ended(self):
        bridge = self.bridge(self.the_hub)
        self.command("end", bridge.id)
        self.refused(bridge.ask(bridge.service_token))
        bridge = self.bridge(self.the_hub)
        service = bridge.service()
        self.command("end", bridge.id)
        self.assertEqual(service.expect_end(), 1001)
        self.refused(bridge.ask(bridge.device_token))

    def test_whoever_leaves_before_the_other_comes(self):
        bridge = self.bridge(self.the_hub)
        bridge.service().close()
        wait_until(lambda: self.the_hub.has_line("bridge ended"), "its end")
        self.refused(bridge.ask(bridge.device_token))

    def test_subprotocols_and_extensions(self):
        for offered, chosen in ((None, None), ("MQTT", "MQTT"), ("AMQP, MQTT", "AMQP")):
            with self.subTest(offered=offered):
                bridge = self.bridge(self.the_hub)
                extra = ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]
                answer = bridge.ask(bridge.service_token, protocols=offered, extra=extra)
                self.assertEqual(answer.status, 101, answer.body)
                self.assertEqual(answer.headers.get("sec-websocket-protocol"), chosen)
                self.assertNotIn("sec-websocket-extensions", answer.headers)

    def test_what_is_no_upgrade(self):
        bridge = self.bridge(self.the_hub)
        answer = ask(self.the_hub.port, f"GET {bridge.path} HTTP/1.1\r\nHost: h\r\n"
                                        f"Authorization: Bearer {bridge.service_token}\r\n\r\n")
        self.assertEqual(answer.status, 426)
        self.assertEqual(bridge.ask(bridge.service_token, protocols="a b\"").status, 400)
        self.assertEqual(bridge.ask(bridge.service_token, protocols="x" * 65).status, 400)
        bridge.both()


class Ends(BridgeCase):
    def setUp(self):
        super().setUp()
        self.the_hub = self.bridge_hub("--audit-log", str(self.dir / "audit"))

    def audit(self, event):
        lines = [json.loads(line) for line in (self.dir / "audit").read_text().splitlines()]
        return [line for line in lines if line["event"] == event]

    def test_either_side_closes(self):
        for code in (1000, None):
            for closer in ("service", "device"):
                with self.subTest(closer=closer, code=code):
                    service, device = self.bridge(self.the_hub).both()
                    one, other = (service, device) if closer == "service" else (device, service)
                    one.send_frame(BINARY, b"last")
                    one.send_frame(CLOSE, struct.pack(">H", code) if code else b"")
                    self.assertEqual(read_bytes(other, 4), b"last")
                    self.assertEqual(other.expect_end(), 1000)
                    self.assertEqual(one.expect_end(), code or 1005)
                    # In order, whatever was still said after the Closes.
                    time.sleep(0.1)
                    for peer in (one, other):
                        peer.sock.sendall(b"and more")
                        self.assertTrue(transport_end(peer))
                        peer.drop()
        wait_until(lambda: len(self.audit("bridge-end")) == 4, "the audit log")
        self.assertEqual({line["outcome"] for line in self.audit("bridge-end")}, {"closed"})

    def test_a_large_answer_before_the_close_arrives(self):
        """The Close waits behind what a slow reader has not taken."""
        service, device = self.bridge(self.the_hub).both()
        data = os.urandom(8 * MB)

        def speak():
            send_all(device, data, 65536)
            device.close()

        def hear():
            time.sleep(3)  # longer than a Close is usually waited for
            self.assertEqual(read_bytes(service, len(data)), data)
            self.assertEqual(service.expect_end(), 1000)

        in_threads(speak, hear)

    def test_either_side_is_lost(self):
        for lost in ("service", "device"):
            with self.subTest(lost=lost):
                service, device = self.bridge(self.the_hub).both()
                one, other = (service, device) if lost == "service" else (device, service)
                one.send_frame(BINARY, b"last")
                self.assertEqual(read_bytes(other, 4), b"last")
                one.drop()
                self.assertEqual(other.expect_end(), 1001)
        wait_until(lambda: len(self.audit("bridge-end")) == 2, "the audit log")
        self.assertEqual({line["outcome"] for line in self.audit("bridge-end")}, {"broken"})

    def test_who_breaks_the_rules(self):
        for name, code, act in (
                ("text", 1003, lambda p: p.send_frame(TEXT, b"hello")),
                ("unmasked", 1002, lambda p: p.send_frame(BINARY, b"hello", mask=False)),
                ("reserved bits", 1002, lambda p: p.send_frame(BINARY, b"x", rsv=4)),
                ("length", 1002, lambda p: p.sock.sendall(b"\x82\xff" + b"\xff" * 12))):
            with self.subTest(name):
                service, device = self.bridge(self.the_hub).both()
                service.send_frame(BINARY, b"good")
                act(service)
                self.assertEqual(read_bytes(device, 4), b"good")
                self.assertEqual(device.expect_end(), 1001)
                self.assertEqual(service.expect_end(), code)
                service.drop()
        self.assert_alive(self.the_hub)

    def test_what_is_told_of_it(self):
        bridge = self.bridge(self.the_hub, device="d1", stream="web", policy="p1")
        service, device = bridge.both()
        service.send_frame(BINARY, b"12345")
        device.send_frame(BINARY, b"123")
        read_bytes(device, 5)
        read_bytes(service, 3)
        service.close()
        device.expect_end()
        wait_until(lambda: self.audit("bridge-end"), "the audit log")
        came = self.audit("bridge-connect")
        self.assertEqual([line["side"] for line in came], ["service", "device"])
        line = self.audit("bridge-end")[0]
        self.assertEqual([line[k] for k in ("bridge", "device", "stream", "key", "outcome", "up",
                                            "down")],
                         [bridge.id, "d1", "web", "p1", "closed", 5, 3])
        for secret in (bridge.service_token, bridge.device_token):
            self.assertNotIn(secret, self.the_hub.output())
            self.assertNotIn(secret, (self.dir / "audit").read_text())
        found = metrics(self.the_hub)
        self.assertEqual(found['tunnel_hub_bridges_ended_total{outcome="closed"}'], 1)
        wait_until(lambda: metrics(self.the_hub)
                   ['tunnel_hub_bridged_bytes_total{from="service"}'] == 5, "the bytes")


class Time(BridgeCase):
    def test_who_is_silent_is_dropped(self):
        hub = self.bridge_hub("--idle-timeout", "4s")
        began = time.monotonic()
        service, device = self.bridge(hub).both()

        def answer_pings():
            try:
                while True:
                    opcode, _, payload = service.recv_frame()
                    if opcode == PING:
                        service.send_frame(PONG, payload)
                    if opcode == CLOSE:
                        raise Closed(struct.unpack(">H", payload[:2])[0], "")
            except Closed as e:
                self.code = e.code

        answer_pings()
        self.assertGreater(time.monotonic() - began, 3.5)
        self.assertEqual(self.code, 1001)
        hub.wait_line("the device's connection: nothing came in time")
        device.drop()

    def test_quiet_ones_stay(self):
        hub = self.bridge_hub("--idle-timeout", "3s")
        service, device = self.bridge(hub).both()
        ends = []

        def answer(peer):
            try:
                peer.recv_message()
            except (Closed, Dropped) as e:
                ends.append(e)

        for peer in (service, device):
            threading.Thread(target=answer, args=(peer,), daemon=True).start()
        time.sleep(5)
        self.assertEqual(ends, [])
        service.send_frame(BINARY, b"still here")
        wait_until(lambda: metrics(hub)
                   ['tunnel_hub_bridged_bytes_total{from="service"}'] == 10, "the bytes")

    def test_the_hub_ends(self):
        hub = self.bridge_hub()
        service, device = self.bridge(hub).both()
        waiting = self.bridge(hub).service()
        hub.terminate()
        for peer in (service, device, waiting):
            self.assertEqual(peer.expect_end(), 1001)
            peer.drop()
        self.assertEqual(hub.wait(), 0)


class Devices(BridgeCase):
    """A device that is not to be reached any more loses its bridges in the middle."""

    def loses(self, act):
        hub = self.bridge_hub()
        hub.terminate()
        hub.wait()
        store.invite(self.dir / "state", JOIN_TOKEN, ["press-*"])
        hub = self.bridge_hub()
        agent = self.start(
            self.program("tunnel-agent"), "-e", f"127.0.0.1:{hub.port}", "--ca",
            certificates.certificate().ca, "--state-dir", self.dir / "press", "--device", "press-1",
            "-d", "SSH1=22", env=environment(TUNNEL_JOIN_TOKEN=JOIN_TOKEN))
        agent.wait_line("stands by")
        bridge, other = self.bridge(hub, device="press-1"), self.bridge(hub, device="press-2")
        waiting = self.bridge(hub, device="press-1")
        pairs, spared = bridge.both(), other.both()
        act(hub)
        for peer in pairs:
            self.assertEqual(peer.expect_end(), 1008)
            peer.drop()
        self.assertEqual(waiting.ask(waiting.device_token).status, 401)
        spared[0].send_frame(BINARY, b"still here")
        self.assertEqual(read_bytes(spared[1], 10), b"still here")
        self.assertEqual(metrics(hub)['tunnel_hub_bridges_ended_total{outcome="cut"}'], 2)

    def test_disabled(self):
        self.loses(lambda hub: hub.api.of_hub("UpdateDevice", device="press-1", state="DISABLED"))

    def test_removed(self):
        self.loses(lambda hub: hub.api.of_hub("DeleteDevice", device="press-1"))


if __name__ == "__main__":
    unittest.main()
