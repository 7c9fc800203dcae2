"""Who else may not read the page: other sites in the same browser, other names that lead here,
frames, other machines, and clients of a proxy on this one."""

import http.server
import os
import socket
import threading
import unittest

from origins import Echo
from programs import run
from sockets import dial, read_all
from watching import Watching

SAME, CROSS = "same-origin", "cross-site"
NAVIGATE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
PARTS = ("/", "/page/data", "/page/page.js", "/page/page.css")


class Attacker(http.server.ThreadingHTTPServer):
    """Another site, at a port of this machine and under whatever name leads there."""

    daemon_threads = True

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!DOCTYPE html><title>attacker</title>")

            def log_message(self, *words):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Foreign(Watching):
    def setUp(self):
        super().setUp()
        way = self.open_way({"ECHO1": self.origin(Echo())},
                            gateway=("--ops-listen", "127.0.0.1:0"))
        ops = way.gateway.wait_line(r"operations: listening on \S+:(\d+)").group(1)
        self.doors = {"gateway": way.gateway.port, "gateway's operations": int(ops),
                      "hub's operations": way.hub.ops_port}

    def ask(self, port, path, host="127.0.0.1", address="127.0.0.1", **headers):
        """(status, head, body)"""
        lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        with dial(port, address) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}\r\n"
                      .encode())
            head, _, body = read_all(s).decode().partition("\r\n\r\n")
        return int(head.split()[1]), head, body

    def each(self, *paths):
        for door, port in self.doors.items():
            for path in paths or PARTS:
                with self.subTest(door=door, path=path):
                    yield port, path

    def refused(self, answer, *statuses):
        status, _, body = answer
        self.assertIn(status, statuses or (403,))
        self.assertNotIn("ECHO1", body)
        self.assertNotIn("<table", body)
        self.assertGreater(len(body), 20)  # in words

    def test_headers(self):
        for port, path in self.each():
            status, head, _ = self.ask(port, path)
            self.assertEqual(status, 200)
            for line in ("X-Content-Type-Options: nosniff", "X-Frame-Options: DENY",
                         "Referrer-Policy: no-referrer", "Cache-Control: no-store",
                         "Cross-Origin-Resource-Policy: same-origin",
                         "Cross-Origin-Opener-Policy: same-origin",
                         "Content-Security-Policy: default-src 'none'; script-src 'self'; "
                         "style-src 'self'; connect-src 'self'; img-src 'self' data:; "
                         "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"):
                self.assertIn(line, head.split("\r\n"))
            self.assertNotIn("Access-Control", head)

    def test_requests_of_other_sites(self):
        for port, path in self.each():
            host = f"127.0.0.1:{port}"
            own = {"Sec_Fetch_Site": SAME, "Origin": f"http://{host}"}
            self.assertEqual(self.ask(port, path, host, **own)[0], 200)
            for site in (CROSS, "same-site", "something"):  # another port is "same-site"
                self.refused(self.ask(port, path, host, Sec_Fetch_Site=site))
                self.refused(self.ask(port, path, host, Sec_Fetch_Site=site,
                                      **NAVIGATE | {"Sec-Fetch-Dest": "iframe"}))
            for origin in ("http://evil.example", f"https://{host}", f"http://{host}0", "null"):
                self.refused(self.ask(port, path, host, Origin=origin))
                self.refused(self.ask(port, path, host, Origin=origin, Sec_Fetch_Site=SAME))

    def test_links_of_other_sites_lead_to_the_page_alone(self):
        for port, path in self.each():
            answer = self.ask(port, path, Sec_Fetch_Site=CROSS, **NAVIGATE)
            if path == "/":
                self.assertEqual(answer[0], 200)
            else:
                self.refused(answer)

    def test_other_names(self):
        for port, path in self.each():
            for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example",
                         "localhost.evil.example", "0x7f.1"):
                self.refused(self.ask(port, path, host), 403, 421)
            for host in ("localhost", f"LOCALHOST:{port}", f"127.0.0.1:{port}", "[::1]"):
                self.assertEqual(self.ask(port, path, host)[0], 200)

    def test_clients_of_a_proxy_on_this_machine(self):
        for port, path in self.each():
            for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
                self.refused(self.ask(port, path, **{name: "192.0.2.7"}))

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_other_users(self):
        """Of this machine: SECURITY.md trusts them with the endpoint, not with others' streams."""
        for port, path in self.each("/", "/page/data"):
            self.assertNotIn("Streams", self.as_nobody(port, path).text)
        way = self.open_way({"ECHO2": self.origin(Echo())},
                            gateway=("--page", "all", "--ops-listen", "127.0.0.1:0"))
        ops = way.gateway.wait_line(r"operations: listening on \S+:(\d+)").group(1)
        for port in (way.gateway.port, ops):
            self.assertIn("Streams", self.as_nobody(port, "/page/data").text)

    def as_nobody(self, port, path):
        return run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "curl", "-s",
                   f"http://127.0.0.1:{port}{path}")

    def test_there_may_be_no_page(self):
        way = self.open_way({"ECHO2": self.origin(Echo())},
                            gateway=("--page", "off", "--ops-listen", "127.0.0.1:0"))
        ops = int(way.gateway.wait_line(r"operations: listening on \S+:(\d+)").group(1))
        self.refused(self.ask(ops, "/"))
        self.assertIn("echo2.tunnel", self.ask(way.gateway.port, "/")[2])  # what others see
        self.refused(self.ask(way.gateway.port, "/page/data"), 404)

    def test_other_machines(self):
        """As far as one machine can tell: from an address of it that is not loopback."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
            except OSError:
                self.skipTest("there is no other address here")
            address = probe.getsockname()[0]
        tokens = self.tunnel({"ECHO2": self.origin(Echo())})
        gateway = self.gateway(self._hub, tokens, "--ops-listen", f"{address}:0",
                               listen=f"{address}:0", up=False)
        ops = int(gateway.wait_line(r"operations: listening on \S+:(\d+)").group(1))
        for port in (gateway.port, ops):
            for path in PARTS:
                status, _, body = self.ask(port, path, address, address)
                self.assertIn(status, (401, 403, 404))
                self.assertNotIn("<table", body)

    def test_in_a_browser(self):
        """What its own rules leave of attacks, from a site at another port, one of another name, and
        one whose name leads to the program itself."""
        attacker = Attacker()
        self.addCleanup(attacker.close)
        b = self.browser("--host-resolver-rules=MAP *.example 127.0.0.1")
        b.window()
        for door, port in self.doors.items():
            with self.subTest(door=door):
                b.open(f"http://rebound.example:{port}/")
                self.assertNotIn("ECHO1", b.text("body"))
            for site in (f"http://localhost:{attacker.server_port}/",
                         f"http://attacker.example:{attacker.server_port}/"):
                with self.subTest(door=door, site=site):
                    b.open(site)
                    got = b.run(ATTACKS, f"http://127.0.0.1:{port}")
                    self.assertEqual(got, {"fetch": "refused", "opaque": "refused",
                                           "script": "refused", "style": "refused",
                                           "frame": "refused", "opened": "refused"})


# What a page of another site can try; the frame counts as refused when its document is not to be
# seen and shows nothing of ours, which a browser tells by the error page's origin.
ATTACKS = """async base => {
  const tried = promise => promise.then(() => "done", () => "refused");
  const element = (name, members) => new Promise((done, failed) => {
    const e = Object.assign(document.createElement(name), members);
    e.onload = done;
    e.onerror = failed;
    document.body.append(e);
  });
  const frame = document.createElement("iframe");
  frame.src = base + "/";
  document.body.append(frame);
  await new Promise(done => { frame.onload = done; setTimeout(done, 3000); });
  let framed = "refused";
  try { if (frame.contentDocument !== null) framed = "done"; } catch { }
  if (frame.contentWindow.length > 0) framed = "done";
  return {
    fetch: await tried(fetch(base + "/page/data").then(a => a.text())),
    opaque: await tried(fetch(base + "/page/data", {mode: "no-cors"})),
    script: await tried(element("script", {src: base + "/page/page.js"})),
    style: await tried(element("link", {rel: "stylesheet", href: base + "/page/page.css"})),
    frame: framed,
    opened: await tried(fetch(base + "/", {mode: "no-cors"})),
  };
}"""


if __name__ == "__main__":
    unittest.main()
