"""Draws the page for the documents: share/doc/page.png, share/doc/page-fleet.png. Takes two minutes,
which is what the curves show."""

import os
import pathlib
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build/release"
os.environ.setdefault("TUNNEL_BIN", str(BUILD / "bin"))
os.environ.setdefault("TUNNEL_CROWD", str(BUILD / "tests/crowd"))
sys.path[:0] = [str(TOP / "tests/integration")]

import watching  # noqa: E402

# What a picture has of the machine that it is made on.
NAME = """name => { document.querySelector("h1 small").textContent = `on ${name}, 0.1.0`; }"""


class Pictures(watching.Watching):
    def runTest(self):
        gateway, hub = self.crowd("gateway", 14), self.crowd("hub", 12000)
        b = self.browser()
        time.sleep(124)
        for program, name, file, height in ((gateway, "laptop", "page.png", 900),
                                            (hub, "hub1", "page-fleet.png", 640)):
            self.look(b, program.url, viewport={"width": 1200, "height": height})
            b.run(NAME, name)
            b.picture(TOP / "share/doc" / file, whole=False)


if __name__ == "__main__":
    result = Pictures().run()
    for _, text in result.errors + result.failures:
        print(text, file=sys.stderr)
    sys.exit(not result.wasSuccessful())
