"""A hub that believes its fronts who a client is: PROXY headers before TLS, and requests without TLS from
web servers on this machine."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import stat
import struct
import unittest

import certificates
import devices
import fronts
import ops
from api import Key
from azure import Policy, Service
from control import Control
from harness import Case
from programs import wait_until
from sockets import free_port
from strangers import RESET, client_hello
from wire import Peer, headers_of, read_head, request

KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
FRONT, OTHER = "127.0.0.8", "127.0.0.9"
LEAVE = struct.pack("ii", 0, 0)  # SO_LINGER: a FIN
CLIENT, CLIENT6 = "192.0.2.7:4711", "[2001:db8::7]:4711"


class Fronts(fronts.AuditFile, Case):
    def begin(self, *more, unsigned=False, trust=f"10.0.0.0/8,{FRONT}"):
        self.file = self.dir / "audit"
        hub = self.hub("--keys", self.keys_file(KEY.section()), "--audit-log", self.file,
                       *(["--trust-proxy", trust] if trust else []), *more, unsigned=unsigned)
        self.authority = f"127.0.0.1:{hub.port}"
        return hub

    def call(self, sock, **more):
        return fronts.list_tunnels(sock, self.authority, **{"key": KEY, **more})

    def assert_seen(self, client):
        """That many calls, and the last one came from there."""
        record = wait_until(lambda: self.records("call"), "a call in the audit log")[-1]
        self.assertEqual(record["client"], client)
        self.file.write_text("")


class BeforeTls(Fronts):
    def test_addresses(self):
        hub = self.begin()
        for client in (CLIENT, CLIENT6):
            for header in (fronts.v1(client, "[::1]:443" if "[" in client else "127.0.0.1:443"),
                           fronts.v2(client), fronts.v2(client, b"\x04\x00\x03abc" * 300)):
                for step in (None, 1):
                    with self.subTest(client, header=header[:20], step=step):
                        with fronts.tls(hub.port, header, FRONT, step) as sock:
                            self.assertEqual(self.call(sock)[0], 200)
                        self.assert_seen(client)
        with fronts.tls(hub.port, fronts.v2("[::ffff:192.0.2.7]:4711"), FRONT) as sock:
            self.call(sock)
        self.assert_seen(CLIENT)

    def test_header_and_hello_at_once(self):
        hub = self.begin()
        with fronts.dial(hub.port, FRONT) as sock:
            sock.sendall(fronts.v2(CLIENT) + client_hello())
            self.assertEqual(sock.recv(1), b"\x16")

    def test_who_speaks_for_itself(self):
        """Health checks, and clients that the front does not know, are the front."""
        hub = self.begin()
        for header in (fronts.LOCAL, b"PROXY UNKNOWN\r\n", fronts.SIGNATURE + b"\x21\0\0\0"):
            with self.subTest(header):
                with fronts.tls(hub.port, header, FRONT) as sock:
                    port = sock.getsockname()[1]
                    self.assertEqual(self.call(sock)[0], 200)
                self.assert_seen(f"{FRONT}:{port}")

    def test_required(self):
        hub = self.begin()
        for begin, why in ((b"\x16\x03\x01\x02\x00\x01", "does not begin with a PROXY header"),
                           (b"PROXY TCP4 nobody\r\n", "malformed"),
                           (fronts.SIGNATURE + b"\x21\x11\0\x05abcde", "too short")):
            with self.subTest(begin), fronts.dial(hub.port, FRONT) as sock:
                mark = hub.mark()
                sock.sendall(begin)
                self.assertTrue(fronts.is_over(sock))
                hub.wait_line(f"{FRONT}.*{why}", after=mark)

    def test_nobody_else(self):
        """Whoever is not in the list cannot say who he is."""
        hub = self.begin()
        for header, source in ((fronts.v1(CLIENT), "127.0.0.21"), (fronts.v2(CLIENT), "127.0.0.22"),
                               (fronts.LOCAL, "127.0.0.23")):  # the same is told once a minute
            with self.subTest(header), fronts.dial(hub.port, source) as sock:
                mark = hub.mark()
                sock.sendall(header + b"\x16\x03\x01")
                self.assertTrue(fronts.is_over(sock))
                hub.wait_line(f"{source}.*not TLS: it begins with a PROXY header, and its address "
                              "is not in --trust-proxy", after=mark)
        with fronts.tls(hub.port, b"", OTHER) as sock:
            self.assertEqual(self.call(sock)[0], 200)
        self.assertFalse(self.records("call", client=CLIENT))
        mark = hub.mark()
        with fronts.dial(hub.port, OTHER) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            self.assertTrue(fronts.is_over(sock))
        hub.wait_line("not TLS: the other side does not speak TLS", after=mark)

    def test_a_second_one(self):
        """Two fronts, one behind the other, of which each puts a header in front."""
        hub = self.begin()
        for i, header in enumerate((fronts.v1(CLIENT) * 2, fronts.v2(CLIENT) + fronts.v1(CLIENT),
                                    fronts.LOCAL + fronts.v2(CLIENT))):
            with self.subTest(header), fronts.dial(hub.port, FRONT) as sock:
                sock.sendall(header + client_hello())
                self.assertTrue(fronts.is_over(sock))
                wait_until(lambda n=i: len(self.records("refuse")) == n + 1, "it is refused")
                self.assertEqual(self.records("refuse")[-1]["reason"],
                                 "not TLS: a second PROXY header follows the first")

    def test_told_loopback_is_not_this_machine(self):
        hub = self.begin(unsigned=True)
        with fronts.tls(hub.port, b"", "127.0.0.1") as sock:
            self.assertEqual(self.call(sock, key=None)[0], 200)
        for header in (fronts.v1("127.0.0.1:5"), fronts.v2("[::1]:5"), fronts.LOCAL):
            with self.subTest(header), fronts.tls(hub.port, header, FRONT) as sock:
                self.assertEqual(self.call(sock, key=None)[0], 403)

    def test_limits(self):
        """Each told address has its own share; the front itself has all of them."""
        hub = self.begin("--workers", "1", "--per-address", "4")
        with contextlib.ExitStack() as held:
            def come(header):
                sock = held.enter_context(fronts.dial(hub.port, FRONT))
                sock.sendall(header)
                return sock

            for _ in range(20):
                come(b"")
            wait_until(lambda: ops.metrics(hub)["tunnel_hub_pending_connections"] == 20,
                       "those without a header stand")
            for i in range(4):
                come(fronts.v2(f"192.0.2.7:{i + 1}"))
            wait_until(lambda: ops.metrics(hub)["tunnel_hub_pending_connections"] == 24,
                       "4 of one address stand")
            mark = hub.mark()
            self.assertTrue(fronts.is_over(come(fronts.v2("192.0.2.7:99"))))
            hub.wait_line("192.0.2.7:99.*too many connections of this address", after=mark)
            self.assertEqual(ops.metrics(hub)["tunnel_hub_turned_away_total"], 1)
            with fronts.tls(hub.port, fronts.v2("192.0.2.8:1"), FRONT) as sock:
                self.assertEqual(self.call(sock)[0], 200)
            hub.wait_line(f"{FRONT}.*its PROXY header took too long")

    def test_devices_and_tunnels(self):
        """Their ends and links are those of the told address, too."""
        hub = self.begin()
        self._hub.api.key = KEY
        tokens = self.tunnel(["SSH1"], name="press7")
        with fronts.tls(hub.port, fronts.v2(CLIENT), FRONT) as sock:
            sock.sendall(request("source", tokens.source.read_text().strip()).encode())
            head, rest = read_head(sock)
            self.assertIn(" 101 ", head.split("\r\n")[0])
            self.assertEqual(self.wait_record("connect", side="source")["client"], CLIENT)
            (row,) = Control(self.dir / "tunnel-hub/admin.sock").snapshot()["streams"]
            self.assertIn(CLIENT, json.dumps(row))

    def test_mqtt(self):
        hub = self.begin("--mqtt-listen", "127.0.0.1:0")
        port = int(hub.wait_line(r"Listening for MQTT on \S+:(\d+)")[1])
        with fronts.tls(port, fronts.v1(CLIENT), FRONT) as sock:
            sock.sendall(b"\x10\x0c\0\x04MQTT\x09\x02\0\x3c\0\0")
            hub.wait_line(f"{CLIENT}.*MQTT")

    def test_a_reset(self):
        """Who leaves at once, as checks do, is not reported, whatever the header says of him."""
        hub = self.begin()
        for i in range(30):
            sock = fronts.dial(hub.port, FRONT)
            own = "%s:%d" % sock.getsockname()
            sock.sendall((fronts.LOCAL, b"PROXY UNKNOWN\r\n", fronts.v1(own), b"")[i % 4])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET if i % 2 else LEAVE)
            sock.close()
        wait_until(lambda: ops.metrics(hub)["tunnel_hub_accepted_total"] == 30
                   and ops.metrics(hub)["tunnel_hub_pending_connections"] == 0, "all have left")
        self.assertFalse(self.records("refuse"))

    def test_bad_options(self):
        for option, text in ((("--trust-proxy", "plant"), "--trust-proxy=plant: want addresses"),
                             (("--trust-proxy", "127.0.0.1,"), "want addresses"),
                             (("--trust-proxy", ",".join(f"10.0.0.{i}" for i in range(65))),
                              "more than 64 addresses")):
            with self.subTest(option):
                hub = self.start(self.program("tunnel-hub"), *option, "--cert", "c", "--key", "k",
                                 "--state", "s", ends=(1, 2))
                hub.wait_line(text)
                hub.wait()


class WithoutTls(Fronts):
    def plain(self, *more, where=None, **options):
        hub = self.begin("--listen-plain", where or "127.0.0.1:0", *more, **options)
        at = hub.wait_line(r"Listening without TLS on (\S+)")[1]
        self.plain_port = int(at.rsplit(":", 1)[1]) if where is None else None
        return hub

    def test_each_request_has_its_client(self):
        """A web server uses one connection for many."""
        self.plain()
        sock = fronts.dial(self.plain_port)
        for header, client in ((CLIENT.split(":")[0], "192.0.2.7:0"), (CLIENT, CLIENT),
                               (f"127.0.0.1, {CLIENT6}", CLIENT6),
                               ("192.0.2.9, 10.1.2.3, 10.4.5.6", "192.0.2.9:0")):
            with self.subTest(header):
                status, _ = self.call(sock, headers={"X-Forwarded-For": header}, keep=True)
                self.assertEqual(status, 200)
                self.assert_seen(client)
        status, _ = self.call(sock, headers={"Forwarded": f'for="{CLIENT}";proto=https'}, keep=True)
        self.assertEqual(status, 200)
        self.assert_seen(CLIENT)
        own = "%s:%d" % sock.getsockname()
        self.assertEqual(self.call(sock)[0], 200)
        self.assert_seen(own)

    def test_forged(self):
        """A front that sets one of the two headers passes the other one as the client sent it."""
        hub = self.plain()
        status, text = self.call(fronts.dial(self.plain_port), headers={
            "X-Forwarded-For": "192.0.2.7", "Forwarded": "for=127.0.0.1"})
        self.assertEqual(status, 400)
        self.assertIn("different clients", text)
        status, text = self.call(fronts.dial(self.plain_port), headers={"X-Forwarded-For": "me"})
        self.assertEqual(status, 400)
        self.assertIn("malformed", text)
        for header, source in ((fronts.v1(CLIENT), "127.0.0.21"), (fronts.v2(CLIENT), "127.0.0.22")):
            mark = hub.mark()
            with fronts.dial(self.plain_port, source) as sock:
                sock.sendall(header)
                self.assertTrue(fronts.is_over(sock))
            hub.wait_line(f"{source}.*its address is not in --trust-proxy", after=mark)

    def test_nobody_is_this_machine(self):
        """Else whoever comes through a front that tells nothing could do everything."""
        hub = self.plain(unsigned=True)
        for headers in ({}, {"X-Forwarded-For": "127.0.0.1"}):
            self.assertEqual(self.call(fronts.dial(self.plain_port), key=None, headers=headers)[0],
                             403)
        with fronts.tls(hub.port, b"") as sock:
            self.assertEqual(self.call(sock, key=None)[0], 200)

    def test_only_this_machine(self):
        for where in ("0.0.0.0:0", "[::]:0"):
            with self.subTest(where):
                hub = self.start(self.program("tunnel-hub"), "--listen", f"127.0.0.1:{free_port()}",
                                 "--listen-plain", where, "--allow-unsigned-loopback",
                                 *self.files(), "--ops-listen", "off", ends=(1,))
                hub.wait_line("others than this machine would reach it")
                hub.wait()

    def files(self):
        cert = certificates.certificate()
        return "--cert", cert.cert, "--key", cert.key, "--state", self.dir / "state"

    def test_unix_socket(self):
        path = self.dir / "http.sock"
        self.plain(where=path)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o666)
        status, _ = self.call(fronts.unix(path), headers={"X-Forwarded-For": "192.0.2.7"})
        self.assertEqual(status, 200)
        self.assert_seen("192.0.2.7:0")

    def test_proxy_header(self):
        """It counts more than what the requests say, which the client may have written."""
        path = self.dir / "http.sock"
        self.plain(where=path, trust="unix")
        sock = fronts.unix(path)
        sock.sendall(fronts.v2(CLIENT))
        for _ in range(2):
            self.assertEqual(self.call(sock, headers={"X-Forwarded-For": "192.0.2.99"},
                                       keep=True)[0], 200)
            self.assert_seen(CLIENT)
        with fronts.unix(path) as sock:
            sock.sendall(fronts.v2(CLIENT) * 2)
            self.assertTrue(fronts.is_over(sock))
        self.assertIn("a second PROXY header", self.wait_record("refuse")["reason"])

    def test_azure_and_mqtt(self):
        """Everything is served there: Azure's REST interface, and MQTT of whoever begins with it."""
        policy = Policy("service")
        keys = self.keys_file(KEY.section(), policy.section())
        self.file = self.dir / "audit"
        hub = self.hub("--keys", keys, "--audit-log", self.file, "--listen-plain", "127.0.0.1:0", unsigned=False)
        port = int(hub.wait_line(r"Listening without TLS on \S+:(\d+)")[1])

        class Plain(Service):
            def connection(self):
                return http.client.HTTPConnection("127.0.0.1", port)

        reply = Plain(hub, policy).stream("nobody", "SSH1", **{"X-Forwarded-For": CLIENT})
        self.assertEqual((reply.status, reply.code), (404, "DeviceNotFound"), reply)
        self.wait_record("stream", client=CLIENT)
        with fronts.dial(port) as sock:
            sock.sendall(b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0")
            self.assertEqual(sock.recv(3), b"\x20\x02\x00")  # CONNACK, which refuses
        with fronts.dial(port) as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertRegex(sock.recv(30), rb"^HTTP/1.1 \d\d\d ")

    def test_devices_sign_for_what_they_were_shown(self):
        own, other = certificates.certificate(), certificates.certificate(names="DNS:front.example")
        file = self.dir / "front.pem"
        shutil.copy(other.cert, file)
        hub = self.plain("--front-cert", file)
        self._hub.api.key = KEY
        token = self._hub.api.of_hub("CreateInvitation", names=["press-*"], uses=9)["joinToken"]

        def enter(name, cert):
            link = devices.Link(None, sock=fronts.dial(self.plain_port),
                                shown=ssl.PEM_cert_to_DER_cert(cert.cert.read_text()))
            self.addCleanup(link.drop)
            told = link.enter(name, devices.Key(self.dir), token)
            return told.kind if told.kind == "welcome" else told.refusal

        self.assertEqual(enter("press-1", other), "welcome")
        self.assertEqual(enter("press-2", own), "BAD_PROOF")
        third = certificates.certificate(names="DNS:third.example")
        shutil.copy(third.cert, file)
        self.reload(hub, "certificate and key were read again")
        self.assertEqual(enter("press-3", third), "welcome")
        self.assertEqual(enter("press-4", other), "CERTIFICATE_CHANGED")
        file.write_text("nothing")
        self.reload(hub, "front.pem: there is no certificate in it.*going on with the certificate in use")
        self.assertEqual(enter("press-5", third), "welcome")

    def reload(self, hub, line):
        mark = hub.mark()
        os.kill(hub.pid, signal.SIGHUP)
        hub.wait_line(line, after=mark)
        hub.wait_line("access keys and limits were read again", after=mark)

    def test_limits(self):
        hub = self.plain("--workers", "1", "--per-address", "2")
        held = [fronts.dial(self.plain_port) for _ in range(6)]
        wait_until(lambda: ops.metrics(hub)["tunnel_hub_pending_connections"] == 6,
                   "a web server's connections are not limited")
        half = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: IoTSecuredTunneling.ListTunnels\r\n" \
            b"X-Forwarded-For: %s\r\nContent-Length: 9\r\n\r\n"
        for sock in held[:2]:
            sock.sendall(half % b"192.0.2.7")
        held[2].sendall(half % b"192.0.2.8")
        wait_until(lambda: self.has_refused(held[3], half % b"192.0.2.7"), "the third is refused")
        self.assertEqual(ops.metrics(hub)["tunnel_hub_turned_away_total"], 1)
        for sock in held:
            sock.close()

    def has_refused(self, sock, text):
        sock.sendall(text)
        return sock.recv(12) == b"HTTP/1.1 503"

    def test_tunnel(self):
        hub = self.plain()
        self._hub.api.key = KEY
        tokens = self.tunnel(["SSH1"], name="press7")
        sock = fronts.dial(self.plain_port)
        sock.sendall(request("destination", tokens.destination.read_text().strip(),
                             [f"X-Forwarded-For: {CLIENT}"]).encode())
        head, rest = read_head(sock)
        self.assertIn(" 101 ", head.split("\r\n")[0])
        self.assertTrue(headers_of(head)["channel-id"])
        self.assertEqual(self.wait_record("connect", side="destination")["client"], CLIENT)
        Peer(sock, True, rest, head).drop()
        self.wait_record("disconnect", client=CLIENT)
        self.assert_alive(hub)


if __name__ == "__main__":
    unittest.main()
