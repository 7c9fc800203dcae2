"""Random keys, clicks, sizes and news for ten seconds: tunnel-tui must not crash (sanitizers are
on), and must leave the terminal as it was. The seed is printed; TUNNEL_SEED sets it."""

import os
import random
import time
import unittest

import fake
from case import Case, wait_until
from pseudo import Pseudo
from tmux import sanitizer_report

SECONDS = float(os.environ.get("TUNNEL_SECONDS", "10"))

SPECIAL = [b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1bOA", b"\x1bOB", b"\x1b[5~", b"\x1b[6~",
           b"\x1b[H", b"\x1b[F", b"\x1b[3~", b"\x1b[Z", b"\x1bOP", b"\x1bOQ", b"\x1bOR", b"\x1bOS",
           b"\t", b"\r", b"\x1b", b"\x7f", b"\x0c", b"\x1a", b"\x02", b"\x06", b"\xc3\xa4",
           b"\xe6\xbc\xa2", b"\xff", b"\x1b[", b"\x1b[999;999H", b"\x00"]
LETTERS = b"haoxj/\\<>srputLMwlFcKUyjkgGnNh?+- 1230abcZ:=!MSH"


class Keys(Case):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("TUNNEL_SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"TUNNEL_SEED={self.seed}", flush=True)
        self.random = random.Random(self.seed)
        self.server = self.fake()

    def begin(self):
        self.server.raw = None
        tui = Pseudo([self.program("tunnel-tui"), "--socket", self.server.path, "--refresh", "0.2",
                      *self.random.choice(((), ("--mouse",), ("--ascii",), ("--mouse", "--copy")))],
                     self.dir, *self.size(),
                     ASAN_OPTIONS=f"detect_leaks=1:exitcode=99:log_path={self.dir / 'sanitizer'}",
                     UBSAN_OPTIONS=f"log_path={self.dir / 'sanitizer'}")
        self.addCleanup(tui.close)
        tui.wait_output(b"\x1b[?1049h")
        return tui

    def size(self):
        return self.random.choice(((80, 24), (120, 36), (1, 1), (2, 2), (79, 23), (40, 6), (20, 3),
                                   (self.random.randint(1, 250), self.random.randint(1, 80))))

    def keys(self):
        r = self.random
        if r.random() < 0.6:
            return bytes([r.choice(LETTERS)])
        if r.random() < 0.1:
            return b"\x1b[<%d;%d;%dM" % (r.choice((0, 0, 64, 65, 2)), r.randint(1, 260),
                                         r.randint(1, 90))
        if r.random() < 0.02:
            return b"q"
        return r.choice(SPECIAL)

    def news(self):
        r = self.random
        what = r.randrange(8)
        if what == 0:
            self.server.stop()
            self.server.start()
        elif what == 1:
            self.server.shot = fake.snapshot(r.choice((0, 1, 41, 300)),
                                             instance=r.choice(("first", "second")))
        elif what == 2:
            self.server.shot = fake.hub_is_down(fake.snapshot(r.randrange(9)))
        elif what == 3:
            self.server.raw = r.choice((None, b"{", b'{"schema":1}'))
        elif what == 5:
            self.server.pages = not self.server.pages
            self.server.shot = fake.snapshot(r.choice((3, 500)), closed_streams=[
                fake.ended(i + 1) for i in range(r.choice((0, 30)))])
        elif what == 4:
            self.server.shot = fake.snapshot(3, services=[], tunnels=[], role="hub")
        else:
            self.server.raw = None

    def check_end(self, tui):
        self.assertEqual(tui.wait(), 0, bytes(tui.output[-3000:]))
        self.assertTrue(tui.restored())
        wait_until(lambda: b"\x1b[?1049l" in tui.output[-400:], "the screen is left")

    def test_random_keys(self):
        tui = self.begin()
        end = time.monotonic() + SECONDS
        presses = starts = 0
        while time.monotonic() < end:
            if tui.ended() is not None:  # it was told to quit
                self.check_end(tui)
                tui = self.begin()
                starts += 1
            tui.write(b"".join(self.keys() for _ in range(self.random.randint(1, 6))))
            presses += 1
            if self.random.random() < 0.05:
                tui.resize(*self.size())
            if self.random.random() < 0.05:
                self.news()
            time.sleep(self.random.choice((0, 0, 0.001, 0.03)))
        tui.terminate()
        self.check_end(tui)
        report = "".join(f.read_text() for f in self.dir.glob("sanitizer*"))
        self.assertFalse(sanitizer_report(report), report)
        print(f"{presses} times keys, {starts} new starts, {self.server.looks} looks", flush=True)


if __name__ == "__main__":
    unittest.main()
