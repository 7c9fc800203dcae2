"""A device that is not connected: one reason, at once and everywhere; and what goes on when it comes
back."""

import signal
import socket
import threading
import unittest

from control import Control
from harness import ESTABLISHED, Case
from origins import Echo, Http
from programs import DEADLINE, environment, run, wait_until
from scripted import socks5_later
from sockets import (Refused, dial_in_vain, free_port, get, http_connect, read_exactly, read_to_break,
                     socks5)

WORDS = r"device device1 is not connected, last seen \d\d:\d\d:\d\d; is tunnel-agent running there\?"
NEVER = "device device1 is not connected; is tunnel-agent running there?"


class Base(Case):
    def setUp(self):
        super().setUp()
        self.services = {"HTTP1": self.origin(Http("web")), "SSH1": self.origin(Echo())}

    def way(self, gateway=(), agent=()):
        way = self.open_way(self.services, gateway=gateway, agent=agent)
        self.control = Control(self.dir / "tunnel-gateway" / "admin.sock")
        return way

    def wait_offline(self):
        """The gateway has heard it, and it is no news any more: clients do not wait."""
        def is_offline():
            tunnel = self.tunnel_state()
            return tunnel["state"] == "no-device" and tunnel.get("state_for", 0) > 2.1  # none: just now

        wait_until(is_offline, "the device is offline")

    def tunnel_state(self):
        return self.control.snapshot()["tunnels"][0]

    def answers(self, port):
        """What each kind of client is told: {kind: (code, words)}"""
        found = {}
        for service in ("HTTP1", "SSH1"):
            for kind, ask in (("socks5", socks5), ("connect", http_connect)):
                with self.assertRaises(Refused) as refused:
                    ask(port, f"{service}.tunnel")
                found[kind, service] = refused.exception.code, str(refused.exception)
        page = run("curl", "-sSi", "-x", f"http://127.0.0.1:{port}", "http://HTTP1.tunnel/").text
        found["http", "HTTP1"] = int(page.split()[1]), page
        return found


class Offline(Base):
    def test_clients(self):
        port = free_port()
        way = self.way(gateway=("-s", f"SSH1={port}"))
        with socks5(way.port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
        way.agent.kill()
        self.wait_offline()
        for (kind, service), (code, words) in self.answers(way.port).items():
            with self.subTest(kind, service=service):
                self.assertEqual(code, 4 if kind == "socks5" else 503)
                if kind != "socks5":
                    self.assertRegex(words, f"X-Tunnel-Error: device-offline; {WORDS}")
        self.assertEqual(dial_in_vain(port), b"")
        for more in ((), ("--socks5",)):
            done = run(self.program("tunnel-gateway"), "connect", "--gateway", way.proxy, *more,
                       "HTTP1.tunnel", "80")
            self.assertEqual(done.code, 1)
            self.assertIn("not connected", done.err)

    def test_a_gateway_that_never_saw_it(self):
        tokens, hub = self.tunnel(self.services), self.hub()
        gateway = self.gateway(hub, tokens)
        self.control = Control(self.dir / "tunnel-gateway" / "admin.sock")
        gateway.wait_line(NEVER.replace("?", r"\?"))
        self.wait_offline()
        for (kind, service), (code, words) in self.answers(gateway.port).items():
            with self.subTest(kind, service=service):
                self.assertEqual(code, 4 if kind == "socks5" else 503)
                if kind != "socks5":
                    self.assertIn(f"X-Tunnel-Error: device-offline; {NEVER}", words)

    def test_who_watches(self):
        way = self.way()
        env = environment(XDG_RUNTIME_DIR=str(self.dir))

        def tell(*argv):
            return run(*argv, env=env)

        gateway, tui = self.program("tunnel-gateway"), self.program("tunnel-tui")
        self.assertEqual(tell(tui, "--check").code, 0)
        self.assertEqual(self.control.ask("GET", "/readyz")[0], 200)
        wait_until(lambda: self.tunnel_state().get("far_round_trip"), "a round trip")
        mark = way.gateway.mark()
        way.agent.kill()
        way.gateway.wait_line(WORDS, after=mark)
        now = self.control.snapshot()
        tunnel = now["tunnels"][0]
        self.assertEqual((tunnel["state"], tunnel["reason"]), ("no-device", "device-offline"))
        self.assertNotIn("far_round_trip", tunnel)
        self.assertNotIn("far_end", tunnel)
        self.assertEqual({s["state"] for s in now["services"]}, {"no-device"})
        event = now["events"]["list"][-1]
        self.assertEqual((event["event"], event["reason"]), ("no-device", "device-offline"))
        self.assertRegex(event["text"], WORDS)
        self.assertEqual(tell(tui, "--check").code, 4)
        self.assertRegex(tell(tui, "--once").text, r"NO DEVICE|no-device")
        listed = tell(gateway, "services", "--gateway", way.proxy)
        self.assertEqual(listed.text.count("no device"), 2, listed)
        status, words = self.control.ask("GET", "/readyz")
        self.assertEqual((status, b"device" in words), (503, True))
        self.assertEqual(self.control.ask("GET", "/healthz")[0], 200)
        metrics = self.control.get("/metrics")
        self.assertRegex(metrics, rb"\ntunnel_device_connected{[^}]*} 0\n")
        self.assertRegex(metrics, rb"\ntunnel_hub_connected{[^}]*} 1\n")
        health = run("curl", "-sSi", f"http://{way.proxy}/healthz").text
        self.assertRegex(health, r"(?s)^HTTP/1.1 503 .*0 of 1 tunnels up, 1 without device")
        self.agent(way.hub, way.tokens, self.services)
        way.gateway.wait_line("device device1 is connected", after=mark)
        wait_until(lambda: self.tunnel_state()["state"] == "up", "the device is back")
        events = [e["event"] for e in self.control.snapshot()["events"]["list"]]
        self.assertEqual(events[-2:], ["no-device", "device"])
        self.assertEqual(tell(tui, "--check").code, 0)
        self.assertRegex(self.control.get("/metrics"), rb"\ntunnel_device_connected{[^}]*} 1\n")
        with socks5(way.port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))

    def test_one_connection_open_or_none(self):
        """Which made a difference once; what is open waits for the agent to come back."""
        way = self.way(gateway=("--resume-timeout", "6s"))
        with socks5(way.port, "SSH1.tunnel") as s:
            s.sendall(b"x")
            read_exactly(s, 1)
            way.agent.kill()
            self.wait_offline()
            with_one = self.answers(way.port)
            self.assertEqual(read_to_break(s), b"")
        way.gateway.wait_line("stream .*service=SSH1 .*reason=device-offline")
        without = self.answers(way.port)
        self.assertEqual([a for a, _ in with_one.values()], [a for a, _ in without.values()])

    def test_an_agent_that_ends(self):
        """Its streams end at once at the gateway, however long lost connections are waited for."""
        way = self.way()
        with socks5(way.port, "SSH1.tunnel") as s:
            s.sendall(b"x")
            read_exactly(s, 1)
            self.assertEqual(way.agent.terminate(), 0)
            self.assertEqual(read_to_break(s), b"")
        way.gateway.wait_line("stream .*service=SSH1 .*reason=device-offline")

    def test_a_gateway_that_ends(self):
        way = self.way()
        with socks5(way.port, "SSH1.tunnel") as s:
            s.sendall(b"x")
            read_exactly(s, 1)
            self.assertEqual(way.gateway.terminate(), 0)
            way.agent.wait_line("stream .*service=SSH1 .*reason=peer-(reset|lost)")

    def test_while_an_opening_is_answered(self):
        """The dial on the device goes into a black hole, and then the agent is killed."""
        hole = socket.socket()
        self.addCleanup(hole.close)
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        for _ in range(8):  # fill the backlog, so that a further SYN is dropped
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(hole.getsockname())
            self.addCleanup(s.close)
        self.services = {"HOLE": f"127.0.0.1:{hole.getsockname()[1]}"}
        way = self.way()
        codes = []
        asking = threading.Thread(target=lambda: codes.append(self.code_of(way, "HOLE.tunnel")))
        asking.start()
        self.control.wait_stream(state="connecting")
        way.agent.wait_line("HOLE")
        way.agent.kill()
        asking.join(DEADLINE)
        self.assertEqual(codes, [4])

    def code_of(self, way, name):
        try:
            socks5(way.port, name).close()
            return 0
        except Refused as e:
            return e.code


class Back(Base):
    def test_the_gateway_is_first(self):
        """After a hub's restart a client that waits is not refused when the gateway is back a little
        before the agent."""
        way = self.way()
        for _ in range(3):
            marks = [p.mark() for p in (way.gateway, way.agent)]
            way.hub.kill()
            for program, mark in zip((way.gateway, way.agent), marks):
                program.wait_line("was lost", after=mark)
            way.agent.process.send_signal(signal.SIGSTOP)
            way.hub = self.hub(port=way.hub.port)
            way.gateway.wait_line(ESTABLISHED, after=marks[0])
            client = socks5_later(way.port, "HTTP1.tunnel")
            way.agent.process.send_signal(signal.SIGCONT)
            with client.get() as s:
                self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
            self.assertFalse(way.gateway.has_line("is not connected", after=marks[0]))
            way.agent.wait_line(ESTABLISHED, after=marks[1])


class Counts(Base):
    def test_a_client_that_resets_is_no_error_of_the_service(self):
        way = self.way()
        agent = Control(self.dir / "tunnel-agent" / "admin.sock")
        s = socks5(way.port, "SSH1.tunnel")
        s.sendall(b"x")
        read_exactly(s, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()
        way.gateway.wait_line("stream .*service=SSH1 .*reason=client-reset")
        way.agent.wait_line("stream .*service=SSH1 .*reason=peer-reset")
        for at in (self.control, agent):
            totals = at.snapshot()["totals"]
            self.assertEqual((totals["served"], totals["failed"]), (1, 0))


if __name__ == "__main__":
    unittest.main()
