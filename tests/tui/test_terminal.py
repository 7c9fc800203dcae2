"""What the dashboard does to its terminal: one that nobody reads, one that others use as well, and
those that cannot show it."""

import re
import time
import unittest

import fake
from case import Case, wait_until
from pseudo import Pseudo
from tmux import sanitizer_report

SHOWN = b"127.0.0.1:40005"


class Terminal(Case):
    def setUp(self):
        super().setUp()
        self.server = self.fake()

    def begin(self, *words, **more):
        logs = {f"{name}_OPTIONS": f"exitcode=99:log_path={self.dir / 'sanitizer'}"
                for name in ("ASAN", "UBSAN")}
        tui = Pseudo([self.program("tunnel-tui"), "--socket", self.server.path, "--refresh", "0.2",
                      *words], self.dir, **logs, **more)
        self.addCleanup(self.check_sanitizers)
        self.addCleanup(tui.close)
        return tui

    def check_sanitizers(self):
        report = "".join(f.read_text() for f in self.dir.glob("sanitizer*"))
        self.assertFalse(sanitizer_report(report), report)

    def looks(self, n):
        """Until it has looked n more times."""
        wanted = self.server.looks + n
        wait_until(lambda: self.server.looks >= wanted, "looks")

    def unread(self):
        """A dashboard whose terminal is full, with a picture on its way."""
        tui = self.begin()
        tui.wait_output(SHOWN)
        tui.reading.clear()
        self.looks(2)  # the reader is stopped by one of these pictures
        tui.fill()
        tui.write(b"\x0c")  # the whole picture anew
        self.looks(2)
        return tui

    def test_unread_terminal_costs_nothing(self):
        """It goes on watching, and does not try to write again and again."""
        tui = self.unread()
        cpu, since = tui.cpu_seconds(), time.monotonic()
        self.looks(5)
        self.assertLess(tui.cpu_seconds() - cpu, (time.monotonic() - since) / 2)

    def test_unread_terminal_is_left_when_told(self):
        tui = self.unread()
        self.assertEqual(tui.terminate(), 0)
        self.assertTrue(tui.restored())
        tui.reading.set()
        tui.wait_output(b"\x1b[?1049l")  # whoever reads later finds a usable terminal

    def test_unread_terminal_catches_up(self):
        """With the newest picture, and not with all that were missed."""
        tui = self.unread()
        for i in range(5):
            self.server.shot["streams"].append(fake.stream(70 + i, client="abcde"[i] * 9))
            self.looks(1)
        before = len(tui.output)
        tui.reading.set()
        tui.wait_output(b"eeeeeeeee", before)
        tui.write(b"q")
        self.assertEqual(tui.wait(), 0)
        self.assertTrue(tui.restored())

    def test_scrolling_is_left_whole(self):
        """The region that scrolls is the whole screen's, also afterwards, whatever terminfo or the
        environment say of its size."""
        tui = self.begin(rows=40, LINES="24", COLUMNS="80")
        tui.wait_output(SHOWN)
        tui.write(b"q")
        self.assertEqual(tui.wait(), 0)
        tui.wait_output(b"\x1b[?1049l")
        regions = re.findall(rb"\x1b\[(\d+;\d+)r", tui.output)
        self.assertEqual(set(regions), {b"1;40"})

    def test_the_terminal_stays_blocking(self):
        """The shell and all others who have it open would get EAGAIN."""
        tui = self.begin()
        tui.wait_output(SHOWN)
        wait_until(tui.is_blocking, "blocking")
        tui.write(b"j")
        self.looks(2)
        wait_until(tui.is_blocking, "blocking")
        tui.write(b"q")
        self.assertEqual(tui.wait(), 0)
        self.assertTrue(tui.is_blocking())

    def test_pastes_are_asked_for(self):
        tui = self.begin()
        tui.wait_output(b"\x1b[?2004h")
        tui.wait_output(SHOWN)
        tui.write(b"\x1b[200~Kyoto\x1b[201~")
        tui.wait_output(b"pasted text")
        tui.write(b"q")
        self.assertEqual(tui.wait(), 0)
        self.assertEqual(self.server.deleted, [])
        wait_until(lambda: b"\x1b[?2004l" in tui.output, "no pastes told any more")

    def test_cannot_draw(self):
        """Known, or not, and without a way to put the cursor anywhere."""
        for term in ("dumb", "no-such-terminal", ""):
            tui = self.begin(TERM=term)
            self.assertEqual(tui.wait(), 1)
            tui.wait_output(f"tunnel-tui: the terminal (TERM={term}) is not known".encode())
            tui.wait_output(b"--once needs none")
            self.assertNotIn(b"\x1b", tui.output)
            self.assertTrue(tui.restored())

    def test_graphs_by_terminal(self):
        for more, shown in (({}, "\u2588"), ({"VTE_VERSION": "6800"}, "\u28ff"),
                            ({"VTE_VERSION": "6800", "TUNNEL_TUI_GRAPH": "blocks"}, "\u2588"),
                            ({"TUNNEL_TUI_GRAPH": "ascii"}, ":")):
            with self.subTest(more):
                tui = self.begin(**more)
                tui.wait_output(SHOWN)
                tui.wait_output(shown.encode())
                self.assertEqual(tui.terminate(), 0)


if __name__ == "__main__":
    unittest.main()
