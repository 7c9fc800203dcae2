"""A real browser, told by the PAC file."""

import unittest

from harness import Case
from origins import Http
from programs import run, wait_until


class Chromium(Case):
    def browse(self, url, *more, budget=20000):
        """The page as the browser sees it, after its resources came."""
        return run("chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
                   "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                   "--disable-background-networking", "--disable-component-update",
                   "--disable-sync", "--no-default-browser-check",
                   f"--user-data-dir={self.dir}/profile", f"--virtual-time-budget={budget}",
                   *more, "--dump-dom", url, cwd=self.dir, deadline=240)

    def setUp(self):
        super().setUp()
        self.one, self.two = self.origin(Http("one")), self.origin(Http("two"))
        self.way = self.open_way({"HTTP1": self.one, "HTTP2": self.two})
        self.pac = f"--proxy-pac-url=http://{self.way.proxy}/proxy.pac"

    def assert_page_complete(self, server):
        want = {"/page", *(f"/image/{i}.svg" for i in range(30))}
        try:
            wait_until(lambda: want <= set(server.seen), "every resource")
        except AssertionError:
            self.assertEqual(want - set(server.seen), set(), self.way.gateway.output()[-4000:])

    def test_page_with_30_resources(self):
        done = self.browse("http://HTTP1.tunnel/page", self.pac)
        self.assertIn("<p id=\"p\">one</p>", done.text, done)
        self.assert_page_complete(self.one)
        other = self.browse("http://http2.tunnel/page", self.pac)
        self.assertIn("<p id=\"p\">two</p>", other.text, other)
        self.assert_page_complete(self.two)

    def test_socks_without_pac(self):
        done = self.browse("http://HTTP1.tunnel/page",
                           f"--proxy-server=socks5://{self.way.proxy}")
        self.assertIn("<p id=\"p\">one</p>", done.text, done)
        self.assert_page_complete(self.one)

    def test_host_behind_the_device(self):
        way = self.open_way({"HTTP1": f"{self.one.address},{self.two.port}"})
        pac = f"--proxy-pac-url=http://{way.proxy}/proxy.pac"
        done = self.browse(f"http://127-0-0-1--{self.one.port}.HTTP1.tunnel/page", pac)
        self.assertIn("<p id=\"p\">one</p>", done.text, done)
        done = self.browse(f"http://127-0-0-1.HTTP1.tunnel:{self.two.port}/page", pac)
        self.assertIn("<p id=\"p\">two</p>", done.text, done)

    def test_our_error_page_is_shown(self):
        done = self.browse("http://HTTP9.tunnel/", self.pac, budget=2000)
        self.assertIn("HTTP9", done.text.upper(), done)
        self.assertIn("no service", done.text.lower(), done)


if __name__ == "__main__":
    unittest.main()
