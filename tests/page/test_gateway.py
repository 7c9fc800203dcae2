"""The page of a real gateway in a real browser: what it shows, that it only shows, and that it goes
on when the gateway does."""

import unittest

from origins import Echo, Http
from programs import run
from sockets import dial, free_port, read_exactly, socks5
from watching import NARROW, Watching

TABS = ("streams", "ended", "clients", "users", "services", "devices", "events")


class Gateway(Watching):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.hub()
        services = {"ECHO1": self.origin(Echo()), "HTTP1": self.origin(Http("one"))}
        self.tokens = self.tunnel(services)
        self.agent(self._hub, self.tokens, services)
        self.gate = self.begin()
        self.url = f"http://127.0.0.1:{self.port}/"

    def begin(self):
        return self.gateway(self._hub, self.tokens, listen=f"127.0.0.1:{self.port}")

    def stream(self):
        s = socks5(self.port, "ECHO1.tunnel")
        self.addCleanup(s.close)
        return s

    def echo(self, s, data):
        s.sendall(data)
        self.assertEqual(read_exactly(s, len(data)), data)

    def test_it_updates_and_closes_nothing(self):
        b = self.browser()
        self.look(b, self.url)
        self.assertEqual(self.rows(b), [])
        streams = [self.stream() for _ in range(3)]
        self.wait_text(b, "1–3 of 3 streams")
        for i, s in enumerate(streams):
            self.echo(s, b"x" * 2000 * (i + 1))
        self.wait_text(b, "5.86K")
        b.click("#rows a:text-is('Down')")
        b.wait("() => document.querySelector('th[aria-sort=descending]').textContent === 'Down'")
        self.wait_text(b, "python")  # the clients' program is found while somebody looks
        self.assertEqual([row[6] for row in self.rows(b)], ["5.86K", "3.91K", "1.95K"])
        for tab in TABS:
            b.click(f"nav a[href='/?show={tab}']")
            b.wait("tab => document.querySelector('nav a[aria-current]').href.endsWith(tab)", tab)
        b.press("Delete")
        for s in streams:
            self.echo(s, b"still here")
        self.assertEqual({r.split()[0] for r in b.requests()}, {"GET"})
        streams.pop().close()
        b.click("nav a[href='/?show=ended']")
        self.wait_text(b, "1 streams")
        self.assertEqual(self.rows(b)[0][1], "ECHO1")
        self.assertEqual(b.complaints(), [])

    def test_it_outlives_a_restart(self):
        b = self.browser()
        self.look(b, self.url)
        self.stream()
        self.wait_text(b, "1–1 of 1 streams")
        self.gate.terminate()
        self.wait_status(b, "does not answer")
        self.assertIn("ECHO1", b.run("() => document.getElementById('rows').textContent"))
        self.begin()
        self.wait_status(b, "Live")
        self.wait_text(b, "0 streams")
        self.stream()
        self.wait_text(b, "1–1 of 1 streams")

    def test_everybody_can_use_it(self):
        b = self.browser()
        streams = [self.stream() for _ in range(2)]
        for s in streams:
            self.echo(s, b"x" * 5000)
        socks5(self.port, "ECHO1.tunnel").close()
        for scheme in ("light", "dark"):
            self.look(b, self.url, colorScheme=scheme)
            for tab in TABS:
                with self.subTest(scheme=scheme, tab=tab):
                    b.click(f"nav a[href='/?show={tab}']")
                    b.wait("tab => document.querySelector('nav a[aria-current]').href.endsWith(tab)",
                           tab)
                    self.assert_content(b)
        self.look(b, self.url, viewport=NARROW)
        self.wait_text(b, "1–2 of")
        self.assert_content(b)
        self.assert_fits(b, 320)

    def test_keys_are_enough(self):
        b = self.browser()
        streams = [self.stream() for _ in range(2)]
        self.look(b, self.url)
        self.wait_text(b, "1–2 of 2 streams")
        focused = "() => document.activeElement.id || document.activeElement.textContent"
        b.press("Tab")
        self.assertEqual(b.run(focused), "To the table")
        b.press("Tab")
        self.assertEqual(b.run(focused), "filter")
        b.run("() => [...document.querySelectorAll('#rows th a')].find("
              "a => a.textContent === 'Age').focus()")
        b.press("Enter")
        b.wait("() => document.querySelector('th[aria-sort=descending]').textContent === 'Age'")
        b.requests()
        self.wait_asked(b, 2, "/page/data")  # refreshing takes no focus away
        self.assertEqual(b.run(focused), "Age")
        del streams

    def test_filters(self):
        b = self.browser()
        streams = [self.stream() for _ in range(3)]
        self.echo(streams[1], b"x" * 3000)
        self.look(b, self.url)
        b.fill("#filter", "service=ECHO1 down>1K")
        self.wait_text(b, "1–1 of 1 streams that fit, of 3")
        self.assertIn("filter=service%3DECHO1%20down%3E1K", b.run("() => location.search"))
        b.fill("#filter", "colour=red")
        self.wait_text(b, 'there is no field "colour"')
        b.open(self.url + "?filter=down%3E1K")
        self.wait_status(b, "Live")
        self.assertEqual(b.run("() => document.getElementById('filter').value"), "down>1K")
        self.wait_text(b, "that fit, of 3")

    def test_it_stops_when_nobody_looks(self):
        b = self.browser()
        self.look(b, self.url)
        self.wait_asked(b, 2, "/page/data")
        b.hide(True)
        b.run("() => new Promise(done => setTimeout(done, 200))")
        b.requests()
        b.run("() => new Promise(done => setTimeout(done, 2500))")
        self.assertEqual(b.requests(), [])
        b.hide(False)
        self.wait_asked(b, 2, "/page/data")
        b.click("#pause")
        self.wait_status(b, "Paused")
        b.requests()
        b.run("() => new Promise(done => setTimeout(done, 2500))")
        self.assertEqual(b.requests(), [])
        b.click("#pause")
        self.wait_status(b, "Live")

    def test_without_script(self):
        b = self.browser()
        s = self.stream()
        self.echo(s, b"x" * 3000)
        b.window(javaScriptEnabled=False)
        self.assertEqual(b.open(self.url), 200)
        b.click("#rows th a:text-is('Age')")
        self.wait_asked(b, 2, f"GET {self.url}?show=streams&sort=age")  # it reloads itself
        self.assertIn("ECHO1", b.text("#rows"))
        self.assertIn("reloads every five seconds", b.text("header"))
        self.assertEqual(b.complaints(), [])

    def test_names_are_text(self):
        """Whatever a client calls itself and asks for."""
        b = self.browser()
        name = b"<img src=x onerror=alert(1)>&amp;\"'\x1b[31m"
        s = dial(self.port)
        self.addCleanup(s.close)
        s.sendall(b"\4\1\0\x50\0\0\0\1" + name + b"\0ECHO1.tunnel\0")  # SOCKS4a
        self.assertEqual(read_exactly(s, 8)[:2], b"\0\x5a")
        for tab, where in (("streams", "#rows"), ("users", "#rows")):
            self.look(b, f"{self.url}?show={tab}&filter=%3Cb%3E%22")
            self.assertEqual(b.run("() => document.querySelectorAll('img, b').length"), 0)
            b.fill("#filter", "")
            self.wait_text(b, "<img src=x onerror=alert(1)>&amp;\"'\\x1b[31m")
            self.assertEqual(b.run("() => document.querySelectorAll('img, b').length"), 0)
            self.assertEqual(b.complaints(), [])

    def test_with_a_password(self):
        file = self.dir / "password"
        file.touch(0o600)
        file.write_text("secret\n")
        gateway = self.gateway(self._hub, self.tunnel({"X": self.origin(Echo())}), "--user", "anna",
                               "--password-file", file, up=False)
        url = f"http://127.0.0.1:{gateway.port}/"
        done = run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url, cwd=self.dir)
        self.assertEqual(done.text, "401")
        b = self.browser()
        self.look(b, url, httpCredentials={"username": "anna", "password": "secret"})
        self.wait_asked(b, 2, "/page/data")


if __name__ == "__main__":
    unittest.main()
