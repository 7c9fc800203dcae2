"""The control endpoint of gateway and agent, over its real socket and with real clients."""

import os
import socket
import stat
import subprocess
import threading
import unittest

import certificates
from control import Control, documented
from harness import Case
from origins import Echo, Greeter, Http, Origin, content
from programs import environment, run, wait_until
from sockets import Refused, dial, free_port, get_hash, http_connect, read_exactly, socks5

MUCH = 100 << 20


class Counting(Origin):
    """An HTTP answer of MUCH bytes; counts what comes and goes on its socket."""

    def __init__(self):
        self.received = self.sent = 0
        super().__init__()

    def serve(self, connection):
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            data = connection.recv(65536)
            if not data:
                return
            request += data
            self.received += len(data)
        self.send(connection, f"HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n"
                              "Connection: close\r\n\r\n".encode())
        for piece in content(MUCH):
            self.send(connection, piece)

    def send(self, connection, data):
        connection.sendall(data)
        self.sent += len(data)


class Watched(Case):
    def watch(self, program):
        return Control(self.dir / program.name / "admin.sock")

    def way(self, services, **more):
        """A way, and the control endpoints of its gateway and agent."""
        way = self.open_way(services, **more)
        return way, self.watch(way.gateway), self.watch(way.agent)

    def client(self, *argv):
        """A client that runs beside the test."""
        p = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, env=environment(),
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.stdin.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        return p

    def keep(self, s):
        self.addCleanup(s.close)
        return s


class Numbers(Watched):
    def test_they_are_those_of_the_sockets(self):
        origin = self.origin(Counting())
        way, gateway, agent = self.way({"HTTP1": origin, "SSH1": self.origin(Greeter())})
        done = run("curl", "-sS", "--socks5-hostname", way.proxy, "http://HTTP1.tunnel/",
                   "-o", "/dev/null", "-w", "%{size_download}", cwd=self.dir)
        self.assertEqual(done.text, str(MUCH), done)
        self.wait_no_clients(origin)  # it has counted all by then
        for at in (gateway, agent):
            with self.subTest(at.path):
                totals = at.wait_totals(open=0, served=1)
                stream = at.streams(state="closed")[0]
                for what in (totals, stream, at.service("HTTP1")):
                    self.assertEqual(what["bytes_down"], origin.sent, what)
                    self.assertEqual(what["bytes_up"], origin.received, what)
                self.assertGreaterEqual(stream["frames_down"], origin.sent / 65536)
                self.assertEqual(stream["reason"], "service-closed")
                self.assertNotIn("bytes_down", at.service("SSH1"))
                labels = '{tunnel="",service="HTTP1",direction="%s"}'
                metrics = at.metrics()
                for direction, n in (("down", origin.sent), ("up", origin.received)):
                    self.assertEqual(metrics["tunnel_bytes_total" + labels % direction], n)
        self.assertEqual(gateway.streams()[0]["frames_down"], agent.streams()[0]["frames_down"])

    def test_a_forwarded_request_counts_what_went_through_the_tunnel(self):
        origin = self.origin(Counting())
        way, gateway, agent = self.way({"HTTP1": origin})
        run("curl", "-sS", "-x", f"http://{way.proxy}", "http://HTTP1.tunnel/", "-o", "/dev/null",
            cwd=self.dir)
        self.wait_no_clients(origin)
        for at in (gateway, agent):
            totals = at.wait_totals(open=0, served=1)
            self.assertEqual(totals["bytes_down"], origin.sent)
            self.assertEqual(totals["bytes_up"], origin.received)
        self.assertEqual(gateway.streams()[0]["via"], "http")

    def test_every_member_is_documented(self):
        way, gateway, agent = self.way({"SSH1": self.origin(Echo()), "OFF": "127.0.0.1:1"})
        s = self.keep(socks5(way.port, "SSH1.tunnel"))
        s.sendall(b"some words")
        read_exactly(s, 10)
        with self.assertRaises(Refused):
            socks5(way.port, "OFF.tunnel")
        for at in (gateway, agent):
            with self.subTest(at.path):
                stream = wait_until(lambda a=at: a.streams(bytes_down=10), "its answer")[0]
                now = at.snapshot(f"?detail={stream['id']}")
                self.assertEqual(now["schema"], 1)
                self.members(now, "## The snapshot")
                self.members(now["totals"], "## The snapshot", nested=True)
                for name, heading in (("tunnels", "A tunnel:"), ("services", "A service:"),
                                      ("streams", "A stream:")):
                    self.assertTrue(now[name])
                    for one in now[name]:
                        self.members(one, heading)
        stream = gateway.wait_stream(service="SSH1")
        self.assertEqual((stream["via"], stream["asked"], stream["state"], stream["bytes_up"]),
                         ("socks5", "SSH1.tunnel", "open", 10))
        self.assertEqual(stream["client"], "%s:%d" % s.getsockname())
        self.assertEqual(gateway.service("SSH1")["host"], "ssh1.tunnel")
        self.assertEqual(agent.service("OFF")["target"], "127.0.0.1:1")
        there = agent.wait_stream(service="SSH1")
        self.assertEqual((there.get("stream_id"), there["connection_id"]),
                         (stream.get("stream_id"), stream["connection_id"]))
        self.assertRegex(there["target"], r"^127\.0\.0\.1:\d+$")
        self.assertEqual(gateway.snapshot()["listen"], [f"127.0.0.1:{way.port}"])

    def members(self, what, heading, nested=False):
        known = documented(heading)
        if nested:
            known |= {"open", "max", "served", "refused", "failed", "bytes_down", "bytes_up",
                      "rate_down", "rate_up", "refusals", "errors"}
        self.assertLessEqual(set(what), known)
        self.assertTrue(set(what) & known)

    def test_no_token_is_told(self):
        way, gateway, agent = self.way({"HTTP1": self.origin(Http())})
        run("curl", "-sS", "-x", f"http://{way.proxy}", "http://HTTP1.tunnel/name")
        secrets = [f.read_bytes().strip() for f in (way.tokens.source, way.tokens.destination)]
        for at in (gateway, agent):
            at.wait_totals(served=1)
            told = b"".join(at.get(p) for p in ("/v1/snapshot", "/metrics", "/healthz", "/readyz"))
            for secret in secrets:
                self.assertGreater(len(secret), 20)
                self.assertNotIn(secret, told)


class Native(Watched):
    def test_what_a_native_session_knows(self):
        """The other end, the way to it, windows, and that a stream outlived its hub."""
        way, gateway, agent = self.way({"ECHO": self.origin(Echo())})
        s = self.keep(socks5(way.port, "ECHO.tunnel"))
        s.sendall(b"before")
        self.assertEqual(read_exactly(s, 6), b"before")
        for at in (gateway, agent):
            tunnel = wait_until(lambda at=at: next(
                (t for t in at.snapshot()["tunnels"] if t.get("far_round_trip")), None),
                "the round trip to the other end is measured")
            self.assertEqual(tunnel["far_end"], "tunnel.native-1")
            stream = at.wait_stream(service="ECHO", state="open")
            self.assertGreaterEqual(stream["window_down"], 262144)
            self.assertGreaterEqual(stream["window_up"], 262144)
            self.assertNotIn("resumed", stream)
        way.hub.kill()
        s.sendall(b"meanwhile")
        gateway.wait_stream(service="ECHO", bound_up="path")
        self.hub(port=way.hub.port)
        self.assertEqual(read_exactly(s, 9), b"meanwhile")
        for at in (gateway, agent):
            at.wait_stream(service="ECHO", resumed=1, state="open", bytes_up=15)

    def test_an_older_end(self):
        way, gateway, _ = self.way({"ECHO": self.origin(Echo())}, agent=("-y", "V1"))
        s = self.keep(socks5(way.port, "ECHO.tunnel"))
        s.sendall(b"x")
        self.assertEqual(read_exactly(s, 1), b"x")
        self.assertNotIn("window_down", gateway.wait_stream(service="ECHO"))
        self.assertEqual(gateway.snapshot()["tunnels"][0]["far_end"],
                         "aws.iot.securetunneling-3.0")


class Ends(Watched):
    def test_a_stream_is_closed(self):
        way, gateway, agent = self.way({"SSH1": self.origin(Greeter())})
        for number, at in enumerate((gateway, agent)):
            with self.subTest(at.path):
                nc = self.client("nc", "-d", "-X", "5", "-x", way.proxy, "ssh1.tunnel", "22")
                self.assertEqual(nc.stdout.readline(), Greeter.greeting)
                stream = at.wait_stream(state="open")
                self.assertEqual(at.close(stream), 204)
                self.assertEqual(nc.wait(60), 0)
                closed = at.wait_stream(id=stream["id"])
                self.assertEqual((closed["state"], closed["reason"]), ("closed", "operator"))
                self.assertEqual(at.close(stream), 404)
                program = (way.gateway, way.agent)[number]
                program.wait_line("stream .*reason=operator")
        self.assertEqual(gateway.ask("DELETE", "/v1/streams/x")[0], 404)
        self.assertEqual(gateway.ask("DELETE", "/v1/streams/99999")[0], 404)
        nc = self.client("nc", "-d", "-X", "5", "-x", way.proxy, "ssh1.tunnel", "22")
        self.assertEqual(nc.stdout.readline(), Greeter.greeting)  # the tunnel goes on

    def test_one_that_is_opened_is_told_so(self):
        """A name of a service whose agent does not answer: its grace time is long."""
        way, gateway, _ = self.way({"SSH1": self.origin(Echo())},
                                   gateway=("-y", "V3", "--open-grace", "100s"))
        answers = []
        asking = threading.Thread(target=lambda: answers.append(self.code_of(way, "SSH1.tunnel")))
        asking.start()
        self.assertEqual(gateway.close(gateway.wait_stream(state="connecting")), 204)
        asking.join(60)
        self.assertEqual(answers, [2])
        self.assertEqual(gateway.snapshot()["totals"]["refusals"], {"operator": 1})

    def code_of(self, way, name):
        try:
            socks5(way.port, name).close()
            return 0
        except Refused as e:
            return e.code

    def test_a_direct_one(self):
        echo = self.origin(Echo())
        way, gateway, _ = self.way({"SSH1": echo}, gateway=("--direct",))
        s = self.keep(http_connect(way.port, "127.0.0.1", echo.port))
        s.sendall(b"12345")
        read_exactly(s, 5)
        stream = gateway.wait_stream(bytes_down=5)
        self.assertEqual((stream["via"], stream["asked"], stream["state"]),
                         ("connect", "127.0.0.1", "open"))
        self.assertNotIn("service", stream)
        self.assertEqual(gateway.close(stream), 204)
        self.assertRaises(ConnectionResetError, s.recv, 1)

    def test_not_when_it_is_readonly(self):
        way, gateway, agent = self.way({"SSH1": self.origin(Echo())},
                                       gateway=("--control-readonly",),
                                       agent=("--control-readonly",))
        s = self.keep(socks5(way.port, "SSH1.tunnel"))
        for at in (gateway, agent):
            self.assertEqual(at.close(at.wait_stream(service="SSH1")), 403)
            self.assertTrue(at.snapshot()["readonly"])
        s.sendall(b"still here")
        self.assertEqual(read_exactly(s, 10), b"still here")

    def test_a_listening_port(self):
        port = free_port()
        way, gateway, _ = self.way({"SSH1": self.origin(Greeter())},
                                   gateway=("-s", f"SSH1={port}"))
        way.gateway.wait_line(f"Listening for new connection on port {port}")
        s = self.keep(dial(port))
        read_exactly(s, len(Greeter.greeting))
        stream = gateway.wait_stream(via="port")
        self.assertEqual((stream["service"], stream["asked"]), ("SSH1", str(port)))
        self.assertEqual(gateway.close(stream), 204)
        self.assertRaises(ConnectionResetError, s.recv, 1)


class Events(Watched):
    def test_refusals_by_reason(self):
        self.assert_refusals("refused")

    def test_refusals_by_reason_in_v3(self):
        """Which cannot say why."""
        self.assert_refusals("peer-reset", "-y", "V3")

    def assert_refusals(self, reason, *gateway_options):
        way, gateway, agent = self.way({"SSH1": f"127.0.0.1:{free_port()}"},
                                       gateway=gateway_options)
        for name, times in (("nope.tunnel", 3), ("example.com", 2), ("ssh1.tunnel", 1)):
            for _ in range(times):
                with self.assertRaises(Refused):
                    socks5(way.port, name)
        totals = gateway.wait_totals(refused=6)
        self.assertEqual(totals["refusals"], {"no-service": 3, "forbidden": 2, reason: 1})
        self.assertEqual(totals["served"], 0)
        self.assertEqual(gateway.service("SSH1")["refusals"], {reason: 1})
        told = [e for e in gateway.snapshot()["events"]["list"] if e["event"] == "refuse"]
        self.assertEqual([e["reason"] for e in told], ["no-service", "forbidden", reason])
        self.assertIn("have SSH1", told[0]["text"])
        there = agent.wait_totals(refused=1)
        self.assertEqual(there["refusals"], {"refused": 1})
        metric = 'tunnel_streams_refused_total{tunnel="",service="SSH1",reason="%s"}'
        self.assertEqual(gateway.metrics()[metric % reason], 1)
        self.assertEqual(agent.metrics()[metric % "refused"], 1)

    def test_a_request_that_is_none(self):
        way, gateway, _ = self.way({"SSH1": self.origin(Echo())})
        for first in (b"\x16\x03\x01", b"\xff\xff"):
            with dial(way.port) as s:
                s.sendall(first)
                s.recv(100)
        self.assertEqual(gateway.wait_totals(refused=2)["refusals"], {"protocol": 2})

    def test_streams_come_and_go(self):
        way, gateway, agent = self.way({"SSH1": self.origin(Echo())})
        readers = [gateway.events(), agent.events()]
        s = socks5(way.port, "SSH1.tunnel")
        s.sendall(b"hello")
        read_exactly(s, 5)
        s.close()
        for reader in readers:
            opened = reader.wait("open", service="SSH1")
            closed = reader.wait("close", service="SSH1")
            self.assertGreater(closed["number"], opened["number"])
            self.assertEqual((closed["bytes_up"], closed["bytes_down"]), (5, 5))
            self.assertEqual(closed["reason"], "client-closed")
            self.assertEqual(reader.numbers, sorted(set(reader.numbers)))
            reader.close()

    def test_the_hub_goes_and_comes(self):
        way, gateway, agent = self.way({"SSH1": self.origin(Echo())})
        ends = (gateway, agent)
        readers = [at.events() for at in ends]
        for at in ends:
            self.assertEqual(at.ask("GET", "/readyz")[0], 200)
            self.assertEqual(at.snapshot()["tunnels"][0]["hub"], f"wss://127.0.0.1:{way.hub.port}")
        way.hub.terminate()
        for at, reader in zip(ends, readers):
            self.assertIn("reason", reader.wait("down"))
            wait_until(lambda a=at: a.ask("GET", "/readyz")[0] == 503, "it is not ready")
            self.assertIn(b"not connected", at.ask("GET", "/readyz")[1])
            self.assertEqual(at.ask("GET", "/healthz")[0], 200)
            tunnel = at.snapshot()["tunnels"][0]
            self.assertIn(tunnel["state"], ("down", "connecting"))
            self.assertIn("text", tunnel)
            self.assertEqual(at.service("SSH1")["state"], "offline")
            self.assertEqual(at.metrics()['tunnel_hub_connected{tunnel=""}'], 0)
        self.hub(port=way.hub.port)
        for at, reader in zip(ends, readers):
            reader.wait("up")
            # The gateway may be back before its device is.
            wait_until(lambda a=at: a.ask("GET", "/readyz")[0] == 200, "it is ready")
            tunnel = at.snapshot()["tunnels"][0]
            self.assertEqual((tunnel["state"], tunnel["connections"]), ("up", 2))
            self.assertEqual(at.service("SSH1")["state"], "ready")
            reader.close()

    def test_a_tunnel_that_is_over(self):
        """One of two: the gateway goes on."""
        tokens = [self.tunnel(["SSH1"], name) for name in ("plant1", "plant2")]
        hub = self.hub()
        config = self.dir / "gateway.conf"
        config.write_text("".join(
            f"[tunnel {name}]\nendpoint = 127.0.0.1:{hub.port}\ntoken-file = {t.source}\n"
            f"ca = {certificates.certificate().ca}\n" for name, t in zip(("plant1", "plant2"), tokens)))
        program = self.start(self.program("tunnel-gateway"), "--listen", "127.0.0.1:0",
                             "--config", config)
        for name in ("plant1", "plant2"):
            program.wait_line(f"tunnel {name} is up, with")
        self.agent(hub, tokens[1], {"SSH1": "127.0.0.1:1"})
        program.wait_line("tunnel plant2: device plant2 is connected")
        gateway = self.watch(program)
        reader = gateway.events()
        hub.api.call("CloseTunnel", tunnelId=tokens[0].id)
        self.assertEqual(reader.wait("over")["tunnel"], "plant1")
        states = {t["name"]: t["state"] for t in gateway.snapshot()["tunnels"]}
        self.assertEqual(states, {"plant1": "over", "plant2": "up"})
        self.assertEqual(gateway.ask("GET", "/readyz")[0], 200)
        hosts = {s["tunnel"]: s["host"] for s in gateway.snapshot()["services"]}
        self.assertEqual(hosts["plant2"], "ssh1.plant2.tunnel")
        reader.close()


class Readers(Watched):
    def test_a_stuck_one_slows_nobody(self):
        web, echo = self.origin(Http()), self.origin(Echo())
        # WEB1: its name says that its client speaks first, so nobody waits for the grace time.
        way, gateway, _ = self.way({"HTTP1": web, "WEB1": echo})
        for _ in range(1000):
            self.keep(socks5(way.port, "WEB1.tunnel"))
        stuck = [self.keep(gateway.request_only("/v1/events")) for _ in range(4)]
        stuck += [self.keep(gateway.request_only("/v1/snapshot")) for _ in range(4)]
        self.assertGreater(len(gateway.get("/v1/snapshot")), 250000)  # more than a socket holds
        before = way.gateway.rss()
        for _ in range(1500):  # two events each
            socks5(way.port, "WEB1.tunnel").close()
        status, n, _ = get_hash(self.keep(socks5(way.port, "HTTP1.tunnel")), "/bytes/20000000")
        self.assertEqual((status, n), (200, 20000000))
        self.assertLess(way.gateway.rss() - before, 48 << 20)
        self.assertEqual(gateway.get("/healthz")[:2], b"ok")
        told = b""
        while b'"dropped"' not in told:  # the reader goes on in the end, and is told
            data = stuck[0].recv(65536)
            self.assertTrue(data, "it was not told that events were dropped")
            told = told[-200:] + data
        self.assertGreater(gateway.metrics()["tunnel_events_dropped_total"], 0)

    def test_who_the_client_is(self):
        web = self.origin(Http())
        listen = self.dir / "gateway.sock"
        way, gateway, _ = self.way({"HTTP1": web}, gateway=("--listen", listen))
        curl = self.client("curl", "-sS", "--socks5-hostname", way.proxy,
                           "http://HTTP1.tunnel/stalled/1000")
        by_tcp = gateway.wait_stream(pid=curl.pid)
        self.assertEqual((by_tcp["process"], by_tcp.get("uid", 0)), ("curl", os.getuid()))
        s = self.keep(socket.socket(socket.AF_UNIX))
        s.connect(str(listen))
        s.sendall(b"CONNECT http1.tunnel:80 HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(100)
        by_unix = gateway.wait_stream(pid=os.getpid(), process=own_name())
        self.assertEqual(by_unix["via"], "connect")
        web.go.set()
        self.assertEqual(curl.wait(60), 0)

    @unittest.skipUnless(os.getuid() == 0, "needs to become another user")
    def test_another_user_is_let_in_nowhere(self):
        way, gateway, _ = self.way({"HTTP1": self.origin(Http())})
        curl = ["setpriv", "--reuid", "65534", "--clear-groups", "curl", "-sS", "--unix-socket",
                gateway.path, "http://x/v1/snapshot"]
        for folder in (self.dir, gateway.path.parent):
            folder.chmod(0o755)
        gateway.path.chmod(0o666)  # what is left is the check of each peer
        done = run(*curl)
        self.assertNotEqual(done.code, 0, done)
        self.assertEqual(done.out, b"")
        self.assertIn("streams" if gateway.streams() else "schema", gateway.snapshot())


class Places(Watched):
    def test_modes(self):
        way, gateway, agent = self.way({"HTTP1": self.origin(Http())})
        for at, program in ((gateway, way.gateway), (agent, way.agent)):
            self.assertEqual(stat.S_IMODE(at.path.stat().st_mode), 0o600)
            self.assertEqual(stat.S_IMODE(at.path.parent.stat().st_mode), 0o700)
            program.terminate()
            self.assertFalse(at.path.exists())

    def test_a_second_gateway(self):
        way, gateway, _ = self.way({"HTTP1": self.origin(Http())})
        tokens = self.tunnel(["HTTP1"])
        second = self.gateway(way.hub, tokens)
        second.wait_line("cannot watch this.* in use")
        third = self.gateway(way.hub, tokens, "--control", gateway.path, up=False, listen="x/y",
                             ends=(1,))
        self.assertEqual(third.wait(), 1)
        third.wait_line(r"--control: .* in use")
        self.assertEqual(gateway.snapshot()["pid"], way.gateway.pid)
        own = self.dir / "other" / "own.sock"
        second.terminate()
        fourth = self.gateway(way.hub, tokens, "--control", own)
        self.assertEqual(Control(own).snapshot()["pid"], fourth.pid)

    def test_off(self):
        way, gateway, agent = self.way({"HTTP1": self.origin(Http())},
                                       gateway=("--control", "off"), agent=("--control", "off"))
        run("curl", "-sS", "-x", f"http://{way.proxy}", "http://HTTP1.tunnel/name")
        way.gateway.wait_line("stream ")
        self.assertFalse(gateway.path.exists() or agent.path.exists())

    def test_a_place_that_cannot_be(self):
        hub = self.hub()
        for name in ("tunnel-gateway", "tunnel-agent"):
            more = ("-d", "X=1") if name == "tunnel-agent" else ("--listen", "127.0.0.1:0")
            program = self.end(name, hub, self.made_up_token(), *more, "--control",
                               "/proc/no/such.sock", ends=(1,))
            self.assertEqual(program.wait(), 1)
            program.wait_line(r"--control: .*/proc/no")

    def test_what_a_killed_one_left(self):
        way, gateway, _ = self.way({"HTTP1": self.origin(Http())})
        way.gateway.kill()
        self.assertTrue(gateway.path.exists())
        again = self.gateway(way.hub, way.tokens)
        self.assertEqual(gateway.snapshot()["pid"], again.pid)


def own_name():
    with open("/proc/self/comm") as f:
        return f.read().strip()


if __name__ == "__main__":
    unittest.main()
