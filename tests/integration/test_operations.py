"""Running a hub: its pages for operators, reloading, restarting, and systemd."""

import concurrent.futures
import hashlib
import json
import os
import pty
import shutil
import signal
import socket
import threading
import time
import unittest
import uuid

import certificates
import ops
from api import Api, ApiError, Key
from harness import ESTABLISHED, Case, write_secret
from origins import Http, content_hash
from programs import DEADLINE, environment, wait_until
from sockets import get, get_hash, read_answer, read_exactly, socks5
from wire import DATA, SERVICE_IDS, STREAM_START, Message, ask, connect, tls_client

ONE, TWO = Key("AKIDONE", "first-secret-of-the-tests"), Key("AKIDTWO", "second-secret-of-the-tests")


class Pages(Case):
    def test_health(self):
        hub = self.hub()
        for path in ("/healthz", "/readyz"):
            self.assertEqual(ops.ask(hub, path)[0], 200)
        self.assertEqual(ops.ask(hub, "/nothing")[0], 404)

    def test_on_the_public_listener(self):
        """A balancer of load may ask whether it is there; the rest is nobody's business."""
        hub = self.hub()
        for path, status in (("/healthz", 200), ("/metrics", 404), ("/readyz", 404)):
            self.assertEqual(ask(hub.port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").status,
                             status)

    def test_metrics(self):
        """Each number is that of what really happened."""
        web = self.origin(Http("web"))
        way = self.open_way({"HTTP1": web}, hub=["--workers", "2"])
        other = way.hub.api.open(["SSH1"])["tunnelId"]
        before = ops.metrics(way.hub)
        self.assertEqual((before["tunnel_hub_tunnels_open"], before["tunnel_hub_ends"],
                          before["tunnel_hub_workers"]), (2, 2, 2))
        with socks5(way.port, "HTTP1.tunnel") as s:
            status, n, digest = get_hash(s, "/bytes/3000000")
        self.assertEqual((status, n, digest), (200, 3000000, content_hash(3000000)))
        way.hub.api.close_tunnel(other)
        with self.assertRaises(ApiError):
            way.hub.api.describe("nowhere")
        calls = 'tunnel_hub_api_calls_total{operation="%s",result="%s"}'
        grown = {'tunnel_hub_relayed_bytes_total{from="destination"}': 3_000_000,
                 'tunnel_hub_relayed_bytes_total{from="source"}': 40,
                 "tunnel_hub_accepted_total": 2, "tunnel_hub_tunnels_open": -1,
                 calls % ("CloseTunnel", "ok"): 1, calls % ("DescribeTunnel", "failed"): 1}
        after = ops.metrics(way.hub)
        for name, least in grown.items():
            self.assertGreaterEqual(after[name] - before[name], least, name)
        self.assertEqual(after["tunnel_hub_tunnels_open"], 1)
        self.assertEqual(after["tunnel_hub_store_healthy"], 1)


class Reload(Case):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http("web"))
        cert = certificates.certificate()
        self.cert = certificates.Certificate(self.dir / "hub.pem", self.dir / "hub.key", cert.ca)
        self.install(cert)
        self.keys_file(ONE.section())
        self.limits_file(services_per_tunnel=2)
        self.audit = self.dir / "audit"
        self.tokens = self.tunnel({"HTTP1": self.web})
        self.the_hub = self.hub("--keys", self.dir / "keys", "--limits", self.dir / "limits",
                                "--audit-log", self.audit, "--workers", "2", cert=self.cert)
        self.agent(self.the_hub, self.tokens, {"HTTP1": self.web})
        self.the_gateway = self.gateway(self.the_hub, self.tokens)

    def install(self, cert):
        """In the place of the other one, as a tool for certificates does it."""
        for name, file in (("hub.key", cert.key), ("hub.pem", cert.cert)):
            shutil.copy(file, self.dir / "new")
            os.replace(self.dir / "new", self.dir / name)

    @staticmethod
    def put(file, text):
        """All at once: the hub may be reading it."""
        write_secret(file.with_suffix(".new"), text).replace(file)

    def reload(self):
        mark = self.the_hub.mark()
        self.the_hub.process.send_signal(signal.SIGHUP)
        self.the_hub.wait_line("keys and limits were read again", after=mark)

    def shown(self):
        """The certificate that a newcomer sees."""
        with tls_client(self.the_hub.port) as sock:
            return sock.getpeercert(binary_form=True)

    def allowed(self, key, **how):
        try:
            return Api(self.the_hub.port, key).open(**how)
        except ApiError as e:
            return e.code

    def test_reload_in_mid_transfer(self):
        with socks5(self.the_gateway.port, "HTTP1.tunnel") as s, \
                concurrent.futures.ThreadPoolExecutor(1) as pool:
            s.settimeout(DEADLINE)
            transfer = pool.submit(get_hash, s, "/stalled/20000000")
            wait_until(lambda: "/stalled/20000000" in self.web.seen, "the request")
            self.change_everything()
            self.web.go.set()
            self.assertEqual(transfer.result(), (200, 20000000, content_hash(20000000)))

    def change_everything(self):
        old = self.shown()
        self.assertEqual(self.allowed(TWO), "UnrecognizedClientException")
        self.assertIn("tunnelId", self.allowed(ONE, services=["A", "B"]))
        self.assertEqual(self.allowed(ONE, services=["A", "B", "C"]), "LimitExceededException")
        self.install(certificates.certificate(key="rsa"))
        self.keys_file(TWO.section())
        self.limits_file(services_per_tunnel=3)
        rotated = self.audit.rename(self.dir / "audit.1")
        size = rotated.stat().st_size
        self.reload()
        wait_until(lambda: self.shown() != old, "the new certificate")
        wait_until(lambda: self.allowed(ONE) == "UnrecognizedClientException", "the new keys")
        self.assertIn("tunnelId", self.allowed(TWO, services=["A", "B", "C"]))
        lines = [json.loads(line) for line in self.audit.read_text().splitlines()]
        self.assertTrue(lines)
        self.assertEqual(rotated.stat().st_size, size)

    def test_nothing_is_taken_from_bad_files(self):
        shown = self.shown()
        for name, text in (("hub.pem", "nonsense\n"), ("keys", "[key\n"),
                           ("limits", "services-per-tunnel = many\n")):
            with self.subTest(name):
                file, mark = self.dir / name, self.the_hub.mark()
                good = file.read_text()
                self.put(file, text)
                self.the_hub.process.send_signal(signal.SIGHUP)
                self.the_hub.wait_line(rf"\b{name}\b.*going on with", after=mark)
                self.put(file, good)
        self.assertEqual(self.shown(), shown)
        self.assertIn("tunnelId", self.allowed(ONE, services=["A", "B"]))
        self.assertEqual(self.allowed(ONE, services=["A", "B", "C"]), "LimitExceededException")

    def test_keys_that_others_can_read(self):
        """Not at the start, and not at a reload."""
        self.keys_file(TWO.section()).chmod(0o644)
        mark = self.the_hub.mark()
        self.the_hub.process.send_signal(signal.SIGHUP)
        self.the_hub.wait_line("(?i)keys.*(0600|others|permission)", after=mark)
        self.assertEqual(self.allowed(TWO), "UnrecognizedClientException")
        self.the_hub.terminate()
        refused = self.start(*self.the_hub.argv, ends=(1,))
        self.assertEqual(refused.wait(), 1)
        refused.wait_line("(?i)keys.*(0600|others|permission)")


class Ending(Case):
    def test_sigterm(self):
        """Newcomers are refused, who is being served may finish, everybody is told to come back
        and does so, to the next hub on that port."""
        web = self.origin(Http("web"))
        way = self.open_way({"HTTP1": web}, hub=["--grace", "60s", "--workers", "2"])
        beside = way.hub.api.open(["SSH1"])
        peers = [connect(way.hub.port, mode, beside[f"{mode}AccessToken"], str(uuid.uuid4()))
                 for mode in ("source", "destination")]
        for peer in peers:
            self.assertEqual(peer.recv().type, SERVICE_IDS)
        marks = [p.mark() for p in (way.agent, way.gateway)]
        size = 100_000_000
        with socks5(way.port, "HTTP1.tunnel") as s:
            s.settimeout(DEADLINE)
            s.sendall(f"GET /bytes/{size} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                      .encode())
            self.assertEqual(read_answer(s)[0], 200)
            digest = hashlib.sha256(read_exactly(s, 1_000_000))
            way.hub.process.send_signal(signal.SIGTERM)
            way.hub.wait_line("ending by signal")
            wait_until(lambda: self.refuses(way.hub.port), "newcomers are refused")
            while data := s.recv(262144):
                digest.update(data)
            self.assertEqual(digest.hexdigest(), content_hash(size))
        for peer in peers:
            self.assertNotEqual(peer.expect_end(), 1000)
        self.assertEqual(way.hub.wait(), 0)
        hub = self.hub(port=way.hub.port)
        for program, mark in zip((way.agent, way.gateway), marks):
            program.wait_line(ESTABLISHED, after=mark)
        self.assertEqual(len(hub.api.list()), 2)

        def works():
            try:
                with socks5(way.port, "HTTP1.tunnel") as s:
                    return get(s, "/name") == (200, b"web /name\n")
            except Exception:
                return False
        wait_until(works, "a request after the hub's return")

    def test_messages_until_the_end(self):
        hub = self.hub("--grace", "60s")
        opened = hub.api.open(["SSH1"])
        source, destination = (connect(hub.port, mode, opened[f"{mode}AccessToken"])
                               for mode in ("source", "destination"))
        for peer in (source, destination):
            self.assertEqual(peer.recv().type, SERVICE_IDS)
        start = Message(STREAM_START, 1, "SSH1", 1)
        source.send(start)
        self.assertEqual(destination.recv(), start)
        hub.process.send_signal(signal.SIGTERM)
        wait_until(lambda: self.refuses(hub.port), "newcomers are refused")
        data = Message(DATA, 1, "SSH1", 1, os.urandom(50000))
        source.send(data)
        self.assertEqual(destination.recv(), data)
        source.drop()
        self.assertNotEqual(destination.expect_end(), 1000)
        self.assertEqual(hub.wait(), 0)

    @staticmethod
    def refuses(port):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return False
        except ConnectionError:
            return True

    def test_grace_ends(self):
        """A transfer that does not finish does not hold up the end; nor does a second SIGTERM
        wait."""
        web = self.origin(Http("web"))
        way = self.open_way({"HTTP1": web}, hub=["--grace", "1s"])
        with socks5(way.port, "HTTP1.tunnel") as s:
            s.sendall(b"GET /stalled/1000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda: web.seen, "the request")
            self.assertEqual(way.hub.terminate(), 0)

    def test_terminal(self):
        """A window that is closed ends it, as it ends other programs."""
        ours, theirs = pty.openpty()
        hub = self.hub(before=("setsid", "-c", "-w"), stdin=theirs)
        os.close(theirs)
        os.close(ours)
        hub.wait_line("ending by signal 1")
        self.assertEqual(hub.wait(), 0)

    def test_nobody_there(self):
        """Then there is nothing to wait for."""
        hub = self.hub("--grace", "10m")
        self.assertEqual(hub.terminate(), 0)


class Systemd(Case):
    def notifications(self, name):
        path = self.dir / f"notify-{name}"
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.bind(str(path))
        sock.settimeout(DEADLINE)
        return sock, environment(NOTIFY_SOCKET=path)

    def assert_reloads_and_stops(self, program, sock):
        """What systemd is told, and nothing else: sd_notify(3)."""
        self.assertEqual(sock.recv(4096), b"READY=1")
        before = time.monotonic_ns() // 1000
        program.process.send_signal(signal.SIGHUP)
        state, _, when = sock.recv(4096).decode().partition("\nMONOTONIC_USEC=")
        self.assertEqual(state, "RELOADING=1")
        self.assertTrue(before <= int(when) <= time.monotonic_ns() // 1000, (before, when))
        self.assertEqual(sock.recv(4096), b"READY=1")
        program.process.send_signal(signal.SIGTERM)
        self.assertEqual(sock.recv(4096), b"STOPPING=1")
        self.assertEqual(program.wait(), 0)

    def test_notify(self):
        """Gateway and agent are ready although their hub is away: systemd need not start them
        anew."""
        tokens = self.tunnel(["SSH1"])
        sock, env = self.notifications("hub")
        hub = self.hub(env=env)
        self.assert_reloads_and_stops(hub, sock)
        sock, env = self.notifications("gateway")
        self.assert_reloads_and_stops(self.gateway(hub, tokens, up=False, env=env), sock)
        sock, env = self.notifications("agent")
        self.assert_reloads_and_stops(self.agent(hub, tokens, {"SSH1": 22}, up=False, env=env),
                                      sock)

    def test_no_reload_of_what_ends(self):
        """A SIGHUP while a hub waits for its last transfers: systemd would take it for ready again."""
        web = self.origin(Http("web"))
        sock, env = self.notifications("hub")
        hub = self.hub("--grace", "10m", env=env)
        services = {"HTTP1": web}
        tokens = self.tunnel(services)
        self.agent(hub, tokens, services)
        with socks5(self.gateway(hub, tokens).port, "HTTP1.tunnel") as s:
            s.sendall(b"GET /stalled/1000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda: web.seen, "the request")
            self.assertEqual(sock.recv(4096), b"READY=1")
            hub.process.send_signal(signal.SIGTERM)
            self.assertEqual(sock.recv(4096), b"STOPPING=1")
            hub.process.send_signal(signal.SIGHUP)
            hub.wait_line("SIGHUP: ending, nothing is read again")
            self.assertEqual(hub.terminate(), 0)
        sock.setblocking(False)
        self.assertRaises(BlockingIOError, sock.recv, 4096)

    def test_notify_of_an_end(self):
        """Systemd is told of one that nobody asked for, too; a program that cannot start was never
        ready."""
        hub, tokens = self.hub(), self.tunnel(["SSH1"])
        sock, env = self.notifications("agent")
        agent = self.agent(hub, tokens, {"SSH1": 22}, env=env)
        self.assertEqual(sock.recv(4096), b"READY=1")
        hub.api.close_tunnel(tokens.id)
        self.assertEqual(sock.recv(4096), b"STOPPING=1")
        self.assertEqual(agent.wait(), 0)
        agent = self.agent(hub, tokens, {"SSH1": 22}, "--control", "/proc/none/x", env=env,
                           up=False, ends=(1,))
        self.assertEqual(agent.wait(), 1)
        sock.setblocking(False)
        self.assertRaises(BlockingIOError, sock.recv, 4096)

    def test_activation(self):
        """systemd has the socket; clients that come while no hub runs just wait."""
        cert = certificates.certificate()  # made before threads ask for it
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            for _ in range(2):
                early = threading.Thread(target=lambda: tls_client(port).close())
                early.start()
                fd = listener.fileno()
                hub = self.start(
                    # dash knows no descriptors above 9
                    "bash", "-c", f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&{fd}', "bash",
                    self.program("tunnel-hub"), "--cert", cert.cert, "--key", cert.key, "--state",
                    self.dir / "state",
                    "--allow-unsigned-loopback", "--ops-listen", "127.0.0.1:0",
                    name="tunnel-hub", pass_fds=(fd,))
                self.take_hub(hub)
                self.assertEqual(hub.port, port)
                early.join()
                opened = hub.api.open(["SSH1"])
                connect(port, "source", opened["sourceAccessToken"]).drop()
                self.assertEqual(hub.terminate(), 0)


if __name__ == "__main__":
    unittest.main()
