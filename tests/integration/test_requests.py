"""What real clients ask the endpoint for, and what they make of its answers."""

import base64
import contextlib
import hashlib
import os
import queue
import socket
import struct
import threading
import unittest

import certificates
from control import Control
from harness import Case
from origins import Handler, Http, Origin, content, content_hash
from programs import DEADLINE, environment, run, wait_until
from sockets import dial, read_all, read_exactly, socks5
from wire import headers_of, read_head


class Asking(Case):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http("web"))

    def ask(self, way, data):
        """(status line, all of the answer) until the gateway closes."""
        with dial(way.port) as s:
            s.sendall(data if isinstance(data, bytes) else data.encode())
            answer = read_all(s).decode("latin-1")
        return answer.partition("\r\n")[0], answer

    def curl(self, *words):
        return run("curl", "-sS", "--max-time", "60", *words, cwd=self.dir)


class Socks(Asking):
    """A gateway with several tunnels, one of them nameless."""

    def gateway_of_two(self, *more):
        hub = self.hub()
        other = self.origin(Http("other"))
        tokens, others = self.tunnel({"HTTP1": self.web}), self.tunnel({"HTTP1": other})
        self.agent(hub, tokens, {"HTTP1": self.web})
        self.agent(hub, others, {"HTTP1": other})
        config = self.dir / "gateway.conf"
        config.write_text(f"[tunnel b]\nendpoint = 127.0.0.1:{hub.port}\n"
                          f"token-file = {others.source}\nca = {certificates.certificate().ca}\n")
        gateway = self.gateway(hub, tokens, "--config", config, *more)
        gateway.wait_line("tunnel b is up, with")
        gateway.wait_line("tunnel is up, with")
        return gateway

    def method(self, gateway, offered):
        with dial(gateway.port) as s:
            s.sendall(bytes([5, len(offered), *offered]))
            return read_exactly(s, 2)[1]

    def test_nobody_is_asked_who_need_not_be(self):
        """PuTTY offers 00 03 02, connect-proxy 00 02, and then they ask a person for the login."""
        gateway = self.gateway_of_two()
        for offered, chosen in (((0, 3, 2), 0), ((0, 2), 0), ((2, 0), 0), ((0,), 0), ((2,), 2)):
            self.assertEqual(self.method(gateway, offered), chosen, offered)
        done = self.curl("-x", f"socks5h://127.0.0.1:{gateway.port}", "http://HTTP1.b.tunnel/name")
        self.assertEqual(done.text, "other /name\n")

    def test_asked_for_on_demand(self):
        gateway = self.gateway_of_two("--ask-user")
        self.assertEqual(self.method(gateway, (0, 3, 2)), 2)
        self.assertEqual(self.method(gateway, (0,)), 0)
        for user, name in (("", "web"), ("b:x@", "other")):
            done = self.curl("-x", f"socks5h://{user}127.0.0.1:{gateway.port}",
                             "http://HTTP1.tunnel/name")
            self.assertEqual(done.text, f"{name} /name\n")

    def test_who_looks_names_up_is_told_so(self):
        """The commonest mistake: socks5:// for socks5h://."""
        way = self.open_way({"HTTP1": self.web})
        done = self.curl("-x", f"socks5://{way.proxy}", "http://HTTP1.tunnel/name")
        self.assertNotEqual(done.code, 0)
        way.gateway.wait_line("refused client=.* protocol=socks5 .*say socks5h:// instead of "
                              "socks5://, or proxy DNS")
        mark = way.gateway.mark()
        with dial(way.port):
            pass  # as browsers do, for later
        with socks5(way.port, "HTTP1.tunnel"):
            pass
        self.curl("-x", f"socks5h://{way.proxy}", "http://HTTP1.tunnel/name")
        self.assertFalse(way.gateway.has_line("socks5h://", mark))


class Errors(Asking):
    def test_every_answer_of_ours_names_its_reason(self):
        way = self.open_way({"HTTP1": self.web, "printer1": self.web, "A_B": self.web,
                             "A:B": self.web})
        for url, status, reason in (
                ("http://NOPE.tunnel/x.git", 502, "no-service"),
                ("http://HTTP1.nobody.tunnel/", 502, "no-service"),
                ("http://a.b.c.tunnel/", 502, "no-service"),
                ("http://a-b.tunnel/", 409, "ambiguous"),
                ("http://elsewhere.example/", 403, "forbidden"),
                ("http://192.0.2.1/", 403, "forbidden"),
                ("http://printer1.tunnel/", 403, "not-http"),
                ("https://HTTP1.tunnel/", 501, "unsupported"),
                ("ftp://HTTP1.tunnel/", 501, "unsupported"),
                ("http://u:p@HTTP1.tunnel/", 400, "protocol"),
                ("/nothing", 404, "not-found")):
            for method in ("GET", "HEAD"):
                line, answer = self.ask(way, f"{method} {url} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                self.assertTrue(line.startswith(f"HTTP/1.1 {status} "), (url, answer))
                self.assertIn(f"\r\nX-Tunnel-Error: {reason}; ", answer, url)
        for name in ("NOPE.tunnel:80", "HTTP1.nobody.tunnel:80"):
            line, answer = self.ask(way, f"CONNECT {name} HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(line.startswith("HTTP/1.1 502 no "), answer)
            self.assertIn("\r\nX-Tunnel-Error: no-service; ", answer)

    def test_git_does_not_blame_the_repository(self):
        way = self.open_way({"HTTP1": self.web})
        done = run("git", "-c", f"http.proxy=http://{way.proxy}", "ls-remote",
                   "http://NOPE.tunnel/repo.git", cwd=self.dir,
                   env=environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_TERMINAL_PROMPT="0"))
        self.assertIn("502", done.err)
        self.assertNotIn("not found", done.err)

    def test_a_client_that_takes_us_for_the_server(self):
        way = self.open_way({"HTTP1": self.web})
        done = self.curl("-i", "--connect-to", f"HTTP1.tunnel:80:{way.proxy}",
                         "http://HTTP1.tunnel/x")
        self.assertIn("HTTP/1.1 400 a proxy wants the whole URL, http://HTTP1.tunnel/...", done.text)
        for method in ("POST", "HEAD", "OPTIONS"):
            line, answer = self.ask(way, f"{method} /x HTTP/1.1\r\nHost: x.TUNNEL:8080\r\n"
                                    "Content-Length: 0\r\n\r\n")
            self.assertIn("a proxy wants the whole URL, http://x.TUNNEL:8080/...", line)
            self.assertIn("X-Tunnel-Error: protocol; ", answer)
        foreign, _ = self.ask(way, "GET /x HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        self.assertTrue(foreign.startswith("HTTP/1.1 403 "), foreign)
        self.assertEqual(self.web.seen, [])

    def test_bytes_of_old_clients(self):
        """As they are: neither escaped nor refused."""
        way = self.open_way({"HTTP1": self.web})
        for path in (b"/head/f\xc3\xbcr?q=\xfc", b"/head/{b}|c^d\"<>'"):
            line, answer = self.ask(way, b"GET http://HTTP1.tunnel" + path
                                    + b" HTTP/1.1\r\nHost: HTTP1.tunnel\r\n\r\n")
            self.assertEqual(line, "HTTP/1.1 200 OK")
            self.assertIn(f"GET {path.decode('latin-1')} HTTP/1.1\r\n", self.unfolded(answer))
        for target in (b"http://f\xc3\xbcr.tunnel/", b"http://HTTP1.tunnel/a#b",
                       b"http://HTTP1.tunnel/a b"):
            line, _ = self.ask(way, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(line.startswith("HTTP/1.1 400 "), line)

    @staticmethod
    def unfolded(answer):
        """The page quotes the request in UTF-8, whose bytes were read as Latin-1 on both ways."""
        return answer.encode("latin-1").decode()


class Switching(Origin):
    """Agrees to every upgrade but those to "never", then echoes; .heads is what came."""

    def __init__(self):
        self.heads = []
        super().__init__()

    def serve(self, connection):
        head, rest = read_head(connection)
        self.heads.append(head)
        if "Upgrade: never" in head or "Upgrade" not in head:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nno\n")
            connection.recv(1)
            return
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                           b"Upgrade: websocket\r\n\r\nhello" + rest)
        while data := connection.recv(65536):
            connection.sendall(data)


class Upgrades(Asking):
    def request(self, upgrade, scheme="http"):
        key = base64.b64encode(os.urandom(16)).decode()
        return (f"GET {scheme}://HTTP1.tunnel/chat HTTP/1.1\r\nHost: HTTP1.tunnel\r\n"
                f"Upgrade: {upgrade}\r\nConnection: keep-alive, Upgrade\r\n"
                f"Proxy-Connection: keep-alive\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode()

    def test_passed_through(self):
        service = self.origin(Switching())
        way = self.open_way({"HTTP1": service})
        for upgrade, scheme in (("websocket", "http"), ("websocket", "ws"), ("tcp", "http")):
            with self.subTest(upgrade, scheme=scheme), dial(way.port) as s:
                s.sendall(self.request(upgrade, scheme))
                head, rest = read_head(s)
                self.assertTrue(head.startswith("HTTP/1.1 101 "), head)
                self.assertNotIn("Connection: close", head)
                self.assertEqual(rest + read_exactly(s, 5 - len(rest)), b"hello")
                for size in (1, 3000, 200_000):
                    data = os.urandom(size)
                    s.sendall(data)
                    self.assertEqual(read_exactly(s, size), data)
            self.assertTrue(service.heads[-1].startswith("GET /chat HTTP/1.1\r\n"))
            self.assertIn(f"\r\nConnection: Upgrade\r\nUpgrade: {upgrade}", service.heads[-1])
            self.assertNotIn("Proxy-Connection", service.heads[-1])

    def test_a_service_that_does_not(self):
        service = self.origin(Switching())
        way = self.open_way({"HTTP1": service})
        inner = b"GET /smuggled HTTP/1.1\r\nHost: HTTP1.tunnel\r\n\r\n"
        for upgrade in ("never", "h2c"):
            line, answer = self.ask(way, self.request(upgrade) + inner)
            self.assertEqual(line, "HTTP/1.1 200 OK")
            self.assertIn("\r\nConnection: close\r\n", answer)
            self.assertTrue(answer.endswith("\r\n\r\nno\n"), answer)
        self.assertNotIn("smuggled", "".join(service.heads))
        self.assertNotIn("h2c", service.heads[-1])


class Login(Handler):
    """A login that holds for its connection, as NTLM's does: any second message will do."""

    def setup(self):
        super().setup()
        self.step = 0
        self.server.connections += 1

    def do_GET(self):
        kind = self.headers.get("Authorization", "").partition(" ")[2]
        message = base64.b64decode(kind)[8] if kind else 0
        if message == 1:
            self.step = 1
            self.deny(f"NTLM {CHALLENGE}")
        elif (message == 3 and self.step == 1) or self.step == 2:
            self.step = 2
            if self.path in ("/whole", "/part"):
                self.until_close()
            elif self.path.startswith("/bytes"):
                super().do_GET()
            else:
                self.text(f"{self.path} {self.headers['Connection']}\n")
        else:
            self.deny("NTLM")

    def until_close(self):
        """An answer whose end is that of its connection: a FIN, or a reset."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nas much as there is")
        self.wfile.flush()
        self.server.go.wait()
        if self.path == "/part":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            os.close(self.connection.detach())  # without the FIN that the server would send first
        self.close_connection = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.step == 2:
            self.text(f"{len(body)}\n")
        else:
            self.deny("NTLM")

    def deny(self, how):
        self.send_response(401)
        self.send_header("WWW-Authenticate", how)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Hasty(Origin):
    """Answers the first request of a connection at its head, and takes its body when told to go: its
    size and hash, and the next request's line, or "" when there was none, are in `heard`."""

    def __init__(self, *where):
        self.go, self.heard = threading.Event(), queue.Queue()
        super().__init__(*where)

    def serve(self, connection):
        head, body = read_head(connection)
        self.go.clear()
        connection.sendall(b"HTTP/1.1 401 Who?\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n")
        self.go.wait()
        size = int(headers_of(head)["content-length"])
        while len(body) < size and (piece := connection.recv(65536)):
            body += piece
        next_one = body[size:]
        while len(body) >= size and b"\r\n\r\n" not in next_one:
            next_one += connection.recv(65536)
        self.heard.put((len(body[:size]), hashlib.sha256(body[:size]).hexdigest(),
                        next_one.partition(b"\r\n")[0].decode()))
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


MOST_IN_BUFFERS = 2 << 20  # more than lies between a client and a unix socket that is not read

# Type 2 of NTLM: target "DEV", a challenge, and target information with an end only.
NAME = "DEV".encode("utf-16le")
CHALLENGE = base64.b64encode(
    b"NTLMSSP\0" + struct.pack("<IHHI", 2, len(NAME), len(NAME), 56)
    + struct.pack("<I", 0x00828205) + b"12345678" + bytes(8)
    + struct.pack("<HHI", 4, 4, 56 + len(NAME)) + b"\x06\x01\xb1\x1d\0\0\0\x0f"
    + NAME + bytes(4)).decode()


class Logins(Asking):
    def setUp(self):
        super().setUp()
        self.device = self.origin(Http("device", Login))
        self.device.connections = 0
        self.way = self.open_way({"HTTP1": self.device, "HTTP2": self.web})

    def test_curl_logs_in_by_ntlm(self):
        for proxy in (f"http://{self.way.proxy}", f"socks5h://{self.way.proxy}"):
            done = self.curl("--ntlm", "-u", "me:secret", "-x", proxy, "-w", "[%{http_code}]",
                             "http://HTTP1.tunnel/name", "http://HTTP1.tunnel/again")
            self.assertIn("/name ", done.text, done)
            self.assertIn("/again ", done.text, done)
            self.assertEqual(done.text.count("[200]"), 2, done)

    def test_bodies_and_other_hosts(self):
        """One client, one connection to the gateway: each request goes where it belongs."""
        def ask(text, body=b""):
            s.sendall(f"{text}\r\n\r\n".encode() + body)
            head, rest = read_head(s)
            size = int(headers_of(head).get("content-length", 0))
            return int(head.split()[1]), (rest + read_exactly(s, size - len(rest))).decode()

        one = base64.b64encode(b"NTLMSSP\0\1\0\0\0" + bytes(24)).decode()
        three = base64.b64encode(b"NTLMSSP\0\3\0\0\0" + bytes(24)).decode()
        get = "GET http://HTTP1.tunnel{} HTTP/1.1\r\nHost: HTTP1.tunnel"
        body = os.urandom(300_000)
        with dial(self.way.port) as s:
            self.assertEqual(ask(get.format("/") + f"\r\nAuthorization: NTLM {one}")[0], 401)
            self.assertEqual(ask(get.format("/a") + f"\r\nAuthorization: NTLM {three}"),
                             (200, "/a keep-alive\n"))
            self.assertEqual(ask("POST http://http1.tunnel/ HTTP/1.1\r\nHost: HTTP1.tunnel\r\n"
                                 f"Content-Length: {len(body)}", body), (200, "300000\n"))
            self.assertEqual(ask(get.format("/b")), (200, "/b keep-alive\n"))
            size = 3_000_000
            s.sendall(get.format(f"/bytes/{size}").encode() + b"\r\n\r\n")
            rest = read_head(s)[1]
            self.assertEqual(hashlib.sha256(rest + read_exactly(s, size - len(rest))).hexdigest(),
                             content_hash(size))
            self.assertEqual(ask(get.format("/b")), (200, "/b keep-alive\n"))
            self.assertEqual(self.device.connections, 1)
            self.assertEqual(ask("GET http://HTTP2.tunnel/name HTTP/1.1\r\nHost: HTTP2.tunnel"),
                             (200, "web /name\n"))
            self.assertEqual(read_all(s), b"")  # as the gateway said
        self.assert_alive(self.way.gateway)
        self.wait_no_clients_of(self.way)

    def test_the_next_request_is_answered_as_http(self):
        one = base64.b64encode(b"NTLMSSP\0\1\0\0\0" + bytes(24)).decode()
        for junk in (b"\5\1\0", b"\x16\3\1", b"{}\r\n\r\n"):
            with self.subTest(junk), dial(self.way.port) as s:
                s.sendall(b"GET http://HTTP1.tunnel/ HTTP/1.1\r\nHost: HTTP1.tunnel\r\n"
                          b"Authorization: NTLM " + one.encode() + b"\r\n\r\n")
                head, rest = read_head(s)
                size = int(headers_of(head)["content-length"])
                read_exactly(s, size - len(rest))
                s.sendall(junk)
                self.assertIn(" 400 ", read_head(s)[0])
        self.wait_no_clients_of(self.way)

    def test_a_part_is_not_taken_for_the_whole(self):
        one = base64.b64encode(b"NTLMSSP\0\1\0\0\0" + bytes(24)).decode()
        three = base64.b64encode(b"NTLMSSP\0\3\0\0\0" + bytes(24)).decode()
        for path in ("whole", "part"):
            self.device.go.clear()
            with self.subTest(path), dial(self.way.port) as s:
                for message in (one, three):
                    s.sendall(f"GET http://HTTP1.tunnel/{path} HTTP/1.1\r\nHost: HTTP1.tunnel\r\n"
                              f"Authorization: NTLM {message}\r\n\r\n".encode())
                    rest = read_head(s)[1]
                text = rest + read_exactly(s, 19 - len(rest))
                self.assertEqual(text, b"as much as there is")
                self.device.go.set()
                if path == "whole":
                    self.assertEqual(s.recv(1), b"")
                else:
                    with self.assertRaises(ConnectionResetError):
                        s.recv(1)

    def test_an_answer_before_the_body_is_taken(self):
        """The next request waits for what is left of the body, whatever lies in buffers by then."""
        service = self.origin(Hasty(str(self.dir / "hasty.sock"), socket.AF_UNIX))
        way = self.open_way({"HTTP1": service})
        outcomes = set()
        for size in range(MOST_IN_BUFFERS // 8, MOST_IN_BUFFERS, 32768):
            with self.subTest(size), dial(way.port) as s:
                s.sendall(b"PUT http://HTTP1.tunnel/ HTTP/1.1\r\nHost: HTTP1.tunnel\r\n"
                          b"Authorization: NTLM TlRMTVNTUAABAAAA\r\n"
                          b"Content-Length: %d\r\n\r\n" % size)
                with contextlib.suppress(OSError):  # what does not fit: the gateway is done with it
                    for piece in content(size):
                        s.sendall(piece)
                    self.assertIn(" 401 ", read_head(s)[0])
                    s.sendall(b"GET http://HTTP1.tunnel/next HTTP/1.1\r\nHost: HTTP1.tunnel\r\n\r\n")
                service.go.set()
                got, digest, line = service.heard.get(timeout=DEADLINE)
                if got == size:
                    self.assertEqual(digest, content_hash(size))
                    self.assertEqual(line, "GET /next HTTP/1.1")
                    self.assertIn(" 200 ", read_head(s)[0])
                outcomes.add(got == size)
        self.assertEqual(outcomes, {True, False})
        self.assert_alive(way.gateway)

    def test_clients_that_leave(self):
        one = base64.b64encode(b"NTLMSSP\0\1\0\0\0" + bytes(24)).decode()
        head = f" http://HTTP1.tunnel/ HTTP/1.1\r\nHost: HTTP1.tunnel\r\nAuthorization: NTLM {one}\r\n"
        for data in (f"GET{head}\r\n", f"POST{head}Content-Length: 9\r\n\r\nab",
                     f"POST{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                     f"GET{head.replace('HTTP1', 'NOPE')}\r\n", f"GET{head}\r\nGET http://"):
            with dial(self.way.port) as s:
                s.sendall(data.encode())
                if data.startswith("GET"):
                    status = int(read_head(s)[0].split()[1])
                    self.assertEqual(status, 502 if "NOPE" in data else 401)
        self.wait_no_clients_of(self.way)

    def wait_no_clients_of(self, way):
        control = Control(self.dir / "tunnel-gateway" / "admin.sock")
        wait_until(lambda: control.snapshot()["totals"]["open"] == 0, "the end of all streams")
        self.assert_alive(way.gateway)


if __name__ == "__main__":
    unittest.main()
