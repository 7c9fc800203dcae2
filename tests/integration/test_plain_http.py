"""Plain http:// requests, which any web page can make a browser send: they reach services that are
HTTP only, and with --forward-origins only from pages that may."""

import unittest

from harness import ESTABLISHED, Case, Tokens
from origins import Handler, Http, Origin
from programs import run, wait_until
from sockets import dial, http_connect, read_all, socks5

LINES = b"@PJL DEFAULT PASSWORD=0\r\n\x1b%-12345X\r\nprint me\r\n"


class Printer(Origin):
    """Takes lines, as a printer does."""

    def __init__(self):
        self.printed = b""
        super().__init__()

    def serve(self, connection):
        while data := connection.recv(65536):
            self.printed += data


class Plain(Case):
    def ask(self, way, method, url, *fields, body=b""):
        """(status, headers and body) of a request in absolute form."""
        host = url.split("/")[2]
        lines = [f"{method} {url} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}",
                 *fields]
        with dial(way.port) as s:
            s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            answer = read_all(s).decode("latin-1")
        return int(answer.split()[1]), answer

    def assert_refused(self, error, answer):
        self.assertEqual(answer[0], 403, answer)
        self.assertIn(f"\r\nX-Tunnel-Error: {error}; ", answer[1])


class Services(Plain):
    def setUp(self):
        super().setUp()
        self.printer, self.web = self.origin(Printer()), self.origin(Http("web"))

    def test_lines_for_a_printer(self):
        way = self.open_way({"printer1": self.printer, "HTTP1": self.web})
        for method in ("POST", "GET", "HEAD", "PUT", "OPTIONS", "LINES"):
            answer = self.ask(way, method, "http://printer1.tunnel/", body=LINES)
            self.assert_refused("not-http", answer)
        self.assertIn("printer1 is not known to be HTTP; take SOCKS or CONNECT", answer[1])
        self.assertIn("--http-services", answer[1])
        self.assert_refused("not-http", self.ask(way, "POST", "http://PRINTER1.tunnel:9100/x?y",
                                                 body=LINES))
        self.assertEqual((self.printer.clients, self.printer.printed), (0, b""))
        way.gateway.wait_line("asked=printer1.tunnel reason=not-http")
        self.assertEqual(self.ask(way, "GET", "http://HTTP1.tunnel/name")[0], 200)
        for connect in (socks5, http_connect):  # who asks for a connection gets one
            with connect(way.port, "printer1.tunnel") as s:
                s.sendall(LINES)
                wait_until(lambda: LINES in self.printer.printed, "the lines")
            self.printer.printed = b""

    def test_configured(self):
        config = self.dir / "gateway.conf"
        config.write_text("[service HTTPX]\nhttp = no\n[service plc]\nhttp = yes\n")
        way = self.open_way({"HTTPX": self.printer, "plc": self.web, "UI": self.web,
                             "printer1": self.printer},
                            gateway=["--config", config, "--http-services", "UI,other"])
        for name in ("plc", "UI"):
            self.assertEqual(self.ask(way, "GET", f"http://{name}.tunnel/name")[0], 200)
        for name in ("HTTPX", "printer1"):
            self.assert_refused("not-http", self.ask(way, "POST", f"http://{name}.tunnel/"))
        self.assertEqual(self.printer.clients, 0)

    def test_a_tunnel_without_ids(self):
        """Any name leads to its service, so that no name tells what it is."""
        hub, tokens = self.hub(), Tokens(self.dir / "source", self.dir / "destination")
        tokens.take(hub.api.open())
        agent = self.end("tunnel-agent", hub, tokens.destination, "-d", self.web.address)
        agent.wait_line(ESTABLISHED)
        for more, status in (((), 403), (("--http-services", "default"), 200)):
            gateway = self.gateway(hub, tokens, *more)
            self.assertEqual(self.ask(gateway, "GET", "http://HTTP1.tunnel/name")[0], status)
            gateway.terminate()
        self.assert_alive(agent)

    def test_wrong_values(self):
        for words in (["--http-services", "a b"], ["--forward-origins", "nobody"]):
            done = run(self.program("tunnel-gateway"), "-e", "h", "-t", "x" * 40, *words)
            self.assertEqual(done.code, 1)
            self.assertIn(words[0], done.err)


class Cors(Handler):
    """Lets every page ask, as some devices do."""

    def end_headers(self):
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def do_OPTIONS(self):
        self.send_response(204)
        self.end_headers()


class Origins(Plain):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http("web", Cors))

    def statuses(self, way, *origins, method="GET"):
        return [self.ask(way, method, "http://HTTP1.tunnel/name",
                         *([f"Origin: {o}"] if o else []))[0] for o in origins]

    def test_lists(self):
        asked = (None, "http://http1.tunnel", "http://http2.tunnel", "null",
                 "https://evil.example")
        hub, services = self.hub(), {"HTTP1": self.web}
        tokens = self.tunnel(services)
        self.agent(hub, tokens, services)
        for words, statuses in (((), [200, 200, 200, 200, 200]),
                                (("tunnel",), [200, 200, 200, 403, 403]),
                                (("same", "null"), [200, 200, 403, 200, 403])):
            gateway = self.gateway(hub, tokens, *(w for word in words
                                                  for w in ("--forward-origins", word)))
            self.assertEqual(self.statuses(gateway, *asked), statuses, words)
            preflight = self.statuses(gateway, "https://evil.example", method="OPTIONS")
            self.assertEqual(preflight, [204 if statuses[4] == 200 else 403])
            if words:
                answer = self.ask(gateway, "POST", "http://HTTP1.tunnel/",
                                  "Origin: https://evil.example")
                self.assert_refused("foreign-origin", answer)
                self.assertIn("a page of https://evil.example may not ask for this", answer[1])
            gateway.terminate()

    def test_not_for_what_goes_direct(self):
        way = self.open_way({"HTTP1": self.web}, gateway=["--direct", "--forward-origins", "same"])
        answer = self.ask(way, "GET", f"http://{self.web.address}/name",
                          "Origin: https://evil.example")
        self.assertEqual(answer[0], 200)


PAGE = """<!DOCTYPE html><title>any page</title><p id="p">waiting</p><script>
const told = [];
const ask = (url, options) => fetch(url, options).then(a => a.text(), e => "failed")
    .then(text => told.push(url + " " + text.trim()));
Promise.all([
    ask("http://printer1.tunnel/", {method: "POST", mode: "no-cors", body: "lines\\r\\n"}),
    ask("http://http1.tunnel/name", {}),
    ask("http://http1.tunnel/name", {method: "POST", mode: "no-cors", body: "x"}),
]).then(() => document.getElementById("p").textContent = told.sort().join("; "));
</script>"""


class Page(Http):
    def __init__(self):
        super().__init__("page", PageHandler)


class PageHandler(Cors):
    def do_GET(self):
        if self.path != "/evil":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE.encode())


class Browser(Plain):
    """Chromium by the PAC file, on a page that is none of the tunnel's and on one that is."""

    def browse(self, way, url, page):
        return run("chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
                   "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                   "--disable-background-networking", "--disable-component-update",
                   "--disable-sync", "--no-default-browser-check",
                   f"--user-data-dir={self.dir}/profile",
                   f"--proxy-pac-url=http://{way.proxy}/proxy.pac",
                   f"--host-resolver-rules=MAP evil.example {page.address}",
                   "--virtual-time-budget=10000", "--dump-dom", url, cwd=self.dir, deadline=240)

    def test_pages(self):
        printer, page = self.origin(Printer()), self.origin(Page())
        way = self.open_way({"printer1": printer, "HTTP1": page},
                            gateway=["--forward-origins", "tunnel"])
        done = self.browse(way, "http://evil.example/evil", page)
        self.assertIn("http://http1.tunnel/name failed; http://printer1.tunnel/", done.text, done)
        self.assertNotIn("/name", page.seen)
        self.assertEqual(printer.clients, 0)
        way.gateway.wait_line("reason=foreign-origin")
        done = self.browse(way, "http://http1.tunnel/evil", page)
        self.assertIn("http://http1.tunnel/name page /name", done.text, done)
        way.gateway.wait_line("asked=printer1.tunnel reason=not-http")
        self.assertEqual(printer.clients, 0)


if __name__ == "__main__":
    unittest.main()
