"""A test case with a browser and something to look at."""

import os
import unittest

import browser
from harness import Case
from programs import wait_until

CROWD = os.environ.get("TUNNEL_CROWD", "")
WIDE = {"width": 1200, "height": 900}
NARROW = {"width": 320, "height": 700}


@unittest.skipIf(browser.missing(), browser.missing() or "")
class Watching(Case):
    usual = None  # the browser of all tests without flags; a start takes seconds

    def browser(self, *flags):
        if flags:
            b = browser.Browser(*flags)
            self.addCleanup(b.close)
            return b
        if Watching.usual is None:
            Watching.usual = browser.Browser()
            unittest.addModuleCleanup(Watching.usual.close)
        self.addCleanup(Watching.usual.leave)
        return Watching.usual

    def crowd(self, kind, n):
        """A made-up program with so many streams; .url is its page's."""
        program = self.start(CROWD, kind, n, "--ops-listen", "127.0.0.1:0", name="crowd")
        port = program.wait_line(r"operations: listening on \S+:(\d+)").group(1)
        program.wait_line(f"{n} are here")
        program.url = f"http://127.0.0.1:{port}/"
        return program

    def look(self, b, url, **options):
        b.window(**{"viewport": WIDE, **options})
        self.assertEqual(b.open(url), 200)
        self.wait_status(b, "Live")

    def wait_status(self, b, text):
        b.wait("text => document.getElementById('status').textContent.includes(text)", text)

    def wait_text(self, b, text):
        b.wait("text => document.getElementById('rows').textContent.includes(text)", text)

    def rows(self, b):
        """The texts of the table's cells."""
        return b.run("() => [...document.querySelectorAll('#rows tbody tr')]"
                     ".map(row => [...row.cells].map(cell => cell.textContent))")

    def assert_content(self, b):
        """The browser has nothing to say against the page, nor axe-core."""
        self.assertEqual(b.axe(), [])
        self.assertEqual(b.complaints(), [])

    def assert_fits(self, b, width):
        """No part of the page is wider than that, but in a frame of its own that can be scrolled."""
        self.assertEqual(b.run("""width => [...document.querySelectorAll("body *")]
            .filter(e => !e.closest(".scroll, .skip") && e.getBoundingClientRect().right > width)
            .map(e => e.outerHTML.slice(0, 200))""", width), [])
        self.assertEqual(b.run("() => document.documentElement.scrollWidth"), width)

    def wait_asked(self, b, n, what):
        """That many requests more for it."""
        seen = []

        def more():
            seen.extend(r for r in b.requests() if what in r)
            return len(seen) >= n
        wait_until(more, f"{n} requests for {what}")
