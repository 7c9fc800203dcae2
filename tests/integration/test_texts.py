"""What a hostile hub, device or client says reaches no terminal, page, label or log as it is."""

import json
import socket
import struct
import threading
import unicodedata
import unittest

import certificates
from control import Control
from harness import Case
from origins import Echo, Http
from programs import DEADLINE, environment, run
from sockets import dial, read_all
from wire import CLOSE, NATIVE, PEER, SERVICE_IDS, STREAM_START, FakeHub, Message, headers_of

# A line feed, ESC and BEL, a C1 control as UTF-8 has it and as a byte, the mark that turns the
# direction of writing, a line separator, DEL, a broken sequence, quotes, markup.
NASTY = ("x\n[2026-01-01] [info] forged\r\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\u2028\u200b\x7f"
         "\"'<script>\\").encode() + b"\x9b31m\xff\xc3"
PAC_ID = b"A\nreturn \"PROXY %s\"; //"
ALLOWED = "\n\t"


def assert_harmless(test, data, what):
    """Valid UTF-8 in which nothing moves a cursor, begins a line or turns the writing."""
    data = data if isinstance(data, bytes) else data.encode()
    text = data.decode()  # raises when it is not
    bad = [c for c in text
           if c not in ALLOWED and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cn")]
    test.assertEqual(bad, [], f"{what}: {text}")
    test.assertNotIn("\n[2026-01-01] [info] forged", text, what)


def texts_in(value):
    """All strings of a JSON value."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) \
            else ():
        yield from texts_in(item)


class Texts(Case):
    def setUp(self):
        super().setUp()
        self.fake = FakeHub()
        self.addCleanup(self.fake.close)
        self.token = self.made_up_token()
        self.control = Control(self.dir / "tunnel-gateway" / "admin.sock")

    def accept(self, services, **options):
        peer = self.fake.accept(services=services, **options)
        self.addCleanup(peer.drop)
        return peer

    def source(self, *more, **options):
        gateway = self.end("tunnel-gateway", self.fake, self.token, "--listen", "127.0.0.1:0",
                           *more, **options)
        gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        return gateway

    def page(self, gateway, path):
        with socket.create_connection(("127.0.0.1", gateway.port), DEADLINE) as s:
            s.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return read_all(s)

    def tool(self, name, *words):
        return run(self.program(name), *words, cwd=self.dir,
                   env=environment(XDG_RUNTIME_DIR=self.dir))

    def assert_gateway_harmless(self, gateway):
        for path in ("/", "/?show=ended", "/?show=users", "/?show=events", "/services",
                     "/proxy.pac", "/healthz"):
            answer = self.page(gateway, path).replace(b"\r\n", b"\n")
            assert_harmless(self, answer, path)
            ours = b'<script src="/page/page.js" defer></script>'  # of the page, and no other
            self.assertNotIn(b"<script", answer.lower().replace(ours, b"", 1), path)
        for target in ("/metrics", "/v1/snapshot"):
            assert_harmless(self, self.control.get(target), target)
        for words in (("tunnel-gateway", "services", "--gateway", f"127.0.0.1:{gateway.port}"),
                      *(("tunnel-tui", mode) for mode in ("--once", "--json", "--check")),
                      *(("tunnel-tui", "--once", "--pane", pane) for pane in
                        ("services", "streams", "log", "tunnels"))):
            done = self.tool(*words)
            assert_harmless(self, done.out, words)
            assert_harmless(self, done.err, words)
        self.assert_log_harmless(gateway)

    def assert_log_harmless(self, program):
        for line in list(program.raw):
            assert_harmless(self, line, program.name)
            self.assertNotIn(b"\n", line[:-1])

    def proxies_of(self, gateway):
        """What the browser is told, by the JavaScript engine that node has."""
        pac = self.page(gateway, "/proxy.pac").partition(b"\r\n\r\n")[2].decode()
        script = """
            const dnsDomainIs = (host, domain) => host.endsWith(domain);
            const context = require("vm").createContext({dnsDomainIs});
            require("vm").runInContext(process.argv[1], context, {timeout: 5000});
            console.log(JSON.stringify([Object.keys(context),
                ...["http://bank.example/", "https://bank.example/", "http://ssh1.tunnel/"].map(
                    url => context.FindProxyForURL(url, new URL(url).hostname))]));"""
        return json.loads(run("node", "-e", script, pac).text)

    def assert_pac_is_ours(self, gateway):
        there = f"127.0.0.1:{gateway.port}"
        self.assertEqual(self.proxies_of(gateway), [
            ["dnsDomainIs", "FindProxyForURL"], "DIRECT", "DIRECT",
            f"PROXY {there}; SOCKS5 {there}"])


class HostileHub(Texts):
    def test_service_ids_are_refused_in_words(self):
        gateway = self.source()
        for services in ([PAC_ID % b"127.0.0.1:9", "SSH1"], ["SSH1", NASTY[:100]]):
            mark = gateway.mark()
            peer = self.accept(services)
            gateway.wait_line(r'the hub names a service ".*", which is no service id \(1 to 128 '
                              r"letters, digits, '-', '_' or ':'\); trying again", mark)
            peer.drop()
            self.assert_gateway_harmless(gateway)
            self.assert_pac_is_ours(gateway)
            self.assertNotIn(b"SSH1", self.page(gateway, "/services"))
        self.accept(["SSH1"])
        gateway.wait_line("is up, with 1 service")
        self.assert_pac_is_ours(gateway)

    def test_a_browser_asks_nobody_else(self):
        """Chromium itself, with the ids that once ended a comment in the PAC file."""
        evil, bank = self.origin(Echo()), self.origin(Http("bank"))
        gateway = self.source()
        self.accept([PAC_ID % evil.address.encode(), "SSH1"])
        gateway.wait_line("is no service id")
        done = run("chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
                   "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                   "--disable-background-networking", "--disable-component-update",
                   "--disable-sync", f"--user-data-dir={self.dir}/profile",
                   f"--proxy-pac-url=http://127.0.0.1:{gateway.port}/proxy.pac",
                   f"--host-resolver-rules=MAP bank.example {bank.address}",
                   "--virtual-time-budget=5000", "--dump-dom", "http://bank.example/name",
                   cwd=self.dir, deadline=240)
        self.assertIn("bank /name", done.text, done)
        self.assertEqual(evil.clients, 0)

    def test_its_refusals_and_last_words(self):
        gateway = self.source()
        self.fake.reject("503 \u009b", NASTY)
        gateway.wait_line("trying again")
        self.assert_gateway_harmless(gateway)
        peer = self.accept(["SSH1"])
        gateway.wait_line("is up, with 1 service")
        peer.send_frame(CLOSE, struct.pack(">H", 1011) + NASTY[:90].decode("utf-8", "ignore")
                        .encode())
        gateway.wait_line("x.x0a.*trying again")
        self.assert_gateway_harmless(gateway)
        gateway.ends = (1,)
        self.fake.reject("403 Forbidden", NASTY)
        gateway.wait_line(r"the hub refused: HTTP 403: x\\x0a\[2026")
        gateway.wait()
        self.assert_log_harmless(gateway)

    def test_the_device_of_a_native_session(self):
        gateway = self.source("-v", "6")
        peer = self.accept(None, subprotocol=NATIVE)
        peer.send(Message(PEER, native={"epoch": 1, "attached": 1, "subprotocol": NASTY,
                                        "device": NASTY}))
        peer.send(Message(SERVICE_IDS, services=["SSH1"]))
        gateway.wait_line("is up, with 1 service")
        self.assert_gateway_harmless(gateway)

    def test_an_agent(self):
        agent = self.end("tunnel-agent", self.fake, self.token, "-d", "SSH1=127.0.0.1:9",
                         "-v", "6")
        self.accept([NASTY[:60]]).drop()
        agent.wait_line("is no service id")
        peer = self.accept(["SSH1"])
        agent.wait_line("Services of the tunnel: SSH1")
        peer.send(Message(STREAM_START, 1, NASTY[:100], 1))
        agent.wait_line(r'a stream for service "x\\x0a.*", which this tunnel does not have')
        self.assert_log_harmless(agent)

    def test_the_drop_in(self):
        for words in (["--mode", "src"], ["-d", "SSH1=127.0.0.1:9"]):
            with self.subTest(words):
                proxy = self.localproxy(self.fake, self.token, *words, up=False)
                self.accept([NASTY[:60]]).drop()
                proxy.wait_line("is no service id")
                self.assert_log_harmless(proxy)
                proxy.terminate()

    def test_clients_of_the_gateway(self):
        gateway = self.source()
        self.accept(["SSH1", "HTTP1"])
        gateway.wait_line("is up, with 2 services")
        name = NASTY.replace(b"\n", b"")[:80]
        for request in (b"\5\1\0\5\1\0\3" + bytes([len(name)]) + name + b"\0\x50",
                        b"\4\1\0\x50\0\0\0\1" + name + b"\0" + name + b"\0",
                        b"CONNECT " + name[:40].replace(b" ", b"") + b":80 HTTP/1.0\r\n\r\n",
                        b"GET http://\xc2\x9b31m.tunnel/ HTTP/1.0\r\n\r\n"):
            with dial(gateway.port) as s:
                s.sendall(request)
                read_all(s)
        self.assert_gateway_harmless(gateway)


class HostileApi(Texts):
    """tunnelctl against whoever answers in the place of the control API."""

    answers = {}

    def setUp(self):
        super().setUp()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock, head, rest = self.fake.accept_request()
            except OSError:
                return
            with sock:
                headers = headers_of(head)
                while len(rest) < int(headers.get("content-length", 0)):
                    rest += sock.recv(4096)
                operation = headers["x-amz-target"].partition(".")[2]
                status, body = self.answers[operation]
                sock.sendall(b"HTTP/1.1 %d \xc2\x9b\xe2\x80\xae\r\nConnection: close\r\n"
                             b"Content-Type: application/x-amz-json-1.1\r\n"
                             b"x-amzn-errortype: \xc2\x9b\r\nContent-Length: %d\r\n\r\n"
                             % (status, len(body)) + body)

    def ctl(self, *words):
        done = run(self.program("tunnelctl"), *words, "--endpoint",
                   f"https://localhost:{self.fake.port}", "--ca", certificates.certificate().ca,
                   "--unsigned", cwd=self.dir, env=environment(HOME=self.dir))
        assert_harmless(self, done.out, words)
        assert_harmless(self, done.err, words)
        return done

    @staticmethod
    def nasty(value):
        """As JSON that is not escaped where it need not be, with bytes that are no UTF-8."""
        text = json.dumps(value, ensure_ascii=False).replace("NASTY", json.dumps(
            NASTY.decode("utf-8", "replace"), ensure_ascii=False)[1:-1])
        return text.encode().replace("\ufffd".encode(), b"\xff")

    def test_tunnels(self):
        identity = "b2de92a3-b8ff-46c0-b0f2-afa28b00cecd"
        arn = f"arn:aws:iot:us-east-1:1:tunnel/{identity}"
        tunnel = {"tunnelId": identity, "tunnelArn": arn + "NASTY", "status": "OPEN",
                  "createdAt": 1795261200, "lastUpdatedAt": 1795261200, "description": "NASTY",
                  "destinationConfig": {"thingName": "NASTY", "services": ["NASTY", "SSH1"]},
                  "sourceConnectionState": {"status": "NASTY", "lastUpdatedAt": 1795261200},
                  "timeoutConfig": {"maxLifetimeTimeoutMinutes": 60},
                  "tags": [{"key": "NASTY", "value": "NASTY"}]}
        token = "t" * 40
        opened = {"tunnelId": identity, "tunnelArn": "NASTY", "sourceAccessToken": token,
                  "destinationAccessToken": token, "more": "NASTY"}
        self.answers = {
            "ListTunnels": (200, self.nasty({"tunnelSummaries": [
                tunnel, dict(tunnel, tunnelId="NASTY", status="NASTY")]})),
            "DescribeTunnel": (200, self.nasty({"tunnel": tunnel})),
            "OpenTunnel": (200, self.nasty(opened)),
            "RotateTunnelAccessToken": (200, self.nasty(opened)),
            "CloseTunnel": (200, b"{}"), "TagResource": (200, self.nasty({"a": "NASTY"}))}
        for words in (["list"], ["list", "--short", "--all"], ["describe", identity],
                      ["open", "--thing", "a", "--services", "SSH1"], ["rotate", identity],
                      ["close", identity], ["tag", arn, "a=b"]):
            done = self.ctl(*words)
            self.assertEqual(done.code, 0, done)
            if words[0] not in ("close", "tag"):
                told = json.loads(self.ctl(*words, "--json").text)
                self.assertIn(NASTY.decode("utf-8", "replace"), list(texts_in(told)))
        self.assertIn(r"x\x0a[2026", self.ctl("describe", identity).text)

    def test_what_people_paste_into_a_shell(self):
        """The commands that are shown hold the hub's ids and tokens as words of a shell."""
        id, token = "a$(touch owned);touch owned'`touch owned`", "t$(touch${IFS}owned)"
        self.answers = {
            "OpenTunnel": (200, self.nasty({
                "tunnelId": "b2de92a3", "tunnelArn": "a", "sourceAccessToken": token,
                "destinationAccessToken": token})),
            "DescribeTunnel": (200, self.nasty({"tunnel": {
                "tunnelId": "b2de92a3", "destinationConfig": {"services": [id, "SSH1"]}}}))}
        done = self.ctl("open", "--services", "SSH1")
        command = done.text.partition("On the device")[2].partition("\n")[2].partition("\n\n")[0]
        self.assertIn("tunnel-agent", command)
        command = command.replace("tunnel-agent", 'printf "%s\\n" "$AWSIOT_TUNNEL_ACCESS_TOKEN"')
        shown = run("sh", "-c", command.replace(" \\\n", " ; "), cwd=self.dir)
        self.assertIn(f"\n{id}=PORT,SSH1=PORT\n", shown.text, command)
        self.assertIn(f"{token}\n", shown.text)
        self.assertFalse((self.dir / "owned").exists())

    def test_a_token_that_is_none(self):
        self.answers = {"OpenTunnel": (200, self.nasty({
            "tunnelId": "b2de92a3", "tunnelArn": "a", "sourceAccessToken": "NASTY",
            "destinationAccessToken": "NASTY"})), "CloseTunnel": (200, b"{}")}
        done = self.ctl("open", "--services", "SSH1")
        self.assertEqual(done.code, 1)
        self.assertIn("has no tunnel or no tokens in it", done.err)

    def test_refusals(self):
        for body in ({"__type": "NASTY", "message": "NASTY"},
                     {"__type": "a#ResourceNotFoundException", "message": "NASTY"}, "NASTY", {}):
            with self.subTest(body):
                self.answers = dict.fromkeys(
                    ("ListTunnels", "OpenTunnel", "DescribeTunnel"), (400, self.nasty(body)))
                for words in (["list"], ["open"], ["describe", "b2de92a3-b8ff"]):
                    self.assertEqual(self.ctl(*words).code, 1)


if __name__ == "__main__":
    unittest.main()
