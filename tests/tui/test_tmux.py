"""The dashboard on a real terminal (tmux), in front of a fake program: what keys do, every size,
the program lost and found, and the terminal given back whatever the end was."""

import signal
import unittest

import fake
from case import Case, re, wait_until
from tmux import PROMPT

READY = r"^> +5 127\.0\.0\.1:40005 .* open "


class Screen(Case):
    def setUp(self):
        super().setUp()
        self.server = self.fake()

    def start(self, *words, ready=READY, **options):
        t = self.dashboard("--socket", self.server.path, *words, **options)
        t.wait(ready)
        return t

    def pid(self, t):
        """Of tunnel-tui in t."""
        shell = t.asks("#{pane_pid}")
        children = open(f"/proc/{shell}/task/{shell}/children").read().split()
        self.assertEqual(len(children), 1)
        return int(children[0])

    # ---- pictures and keys ----

    def test_start_and_quit(self):
        t = self.start()
        screen = t.whole().splitlines()
        self.assertRegex(screen[0], r"tunnel-tui .* gw1 127\.0\.0\.1:1080 .* UP 3d")
        self.assertEqual(t.asks("#{cursor_flag} #{alternate_on}"), "0 1")
        self.assertRegex(screen[-1], r"\?Help .*Quit")
        self.assertEqual(len(screen), 24)
        t.keys("q")
        self.ended(t)
        self.assertNotIn("Help", t.whole())

    def test_snapshots_go_on(self):
        t = self.start("--refresh", "0.2")
        self.server.shot["streams"].append(fake.stream(77, client="late:1", bytes_down=99 << 20))
        t.wait(r"77 late:1")
        self.server.shot["streams"].pop()
        t.wait_not("late:1")
        # Only what is new was asked for.
        self.assertRegex(self.server.targets[-1], r"history=60&tens=6&events=2&limit=16&")
        t.keys("C-c")
        self.ended(t)

    def listed(self, t):
        return re.findall(r"^[> ] +(\d+) 127", t.whole(), re.MULTILINE)

    def test_sort(self):
        t = self.start("--sort", "id")
        self.assertEqual(self.listed(t), ["5", "4", "3", "2", "1"])
        t.keys("r")
        wait_until(lambda: self.listed(t) == ["1", "2", "3", "4", "5"], "the order turned round")
        t.keys("r")
        wait_until(lambda: self.listed(t) == ["5", "4", "3", "2", "1"], "and back")
        t.keys("q")
        self.ended(t)

    def test_filter(self):
        t = self.start()
        t.keys("/")
        t.wait("Filter: ")
        t.type("service=HTTP1 q")  # a q in a text does not quit
        t.wait("Filter: service=HTTP1 q")
        t.keys("BSpace", "BSpace")
        t.wait_not(r" 2 127\.0\.0\.1:40002")
        t.keys("Enter")
        t.wait("3 of 5")
        t.keys("Escape")
        t.wait(r" 2 127\.0\.0\.1:40002")
        t.keys("q")
        self.ended(t)

    def test_detail(self):
        t = self.start()
        t.keys("Enter")
        t.wait(r"Stream 5 .*Esc back")
        wait_until(lambda: "&detail=5&" in self.server.targets[-1], "its history is asked for")
        t.keys("q")
        t.wait(READY)
        t.keys("?")
        t.wait("Help .*Esc back")
        t.keys("Escape")
        t.wait(READY)
        t.keys("q")
        self.ended(t)

    def test_close_a_stream(self):
        t = self.start()
        t.keys("K")
        t.wait(r"Close stream 5 .*\?")
        t.keys("x")
        t.wait_not(r"Close stream")
        self.assertEqual(self.server.deleted, [])
        t.keys("K")
        t.wait(r"Close stream 5 .*\?")
        t.keys("y")
        t.wait_not(r"127\.0\.0\.1:40005")
        self.assertEqual(self.server.deleted, [5])
        t.keys("q")
        self.ended(t)

    def test_paste(self):
        """ "Kyoto": K asks, y answers."""
        t = self.start()
        t.tmux("set-buffer", "Kyoto q")
        t.tmux("paste-buffer", "-p")
        t.wait("pasted text is taken for a filter")
        t.keys("/")
        t.wait("Filter: ")
        t.tmux("paste-buffer", "-p")
        t.wait("Filter: Kyoto q")
        t.keys("Escape")
        t.keys("q")
        self.ended(t)
        self.assertEqual(self.server.deleted, [])

    def test_paste_untold(self):
        """By a terminal that does not tell it from keys: nothing is answered by it."""
        t = self.start("--refresh", "0.2")
        t.tmux("set-buffer", "Kyoto")
        t.tmux("paste-buffer")
        t.wait(r"Close stream 5 .*\?")
        t.tmux("paste-buffer")
        t.look()  # tmux has written it before it answers this, and not together with what follows
        looks = self.server.looks
        wait_until(lambda: self.server.looks > looks + 2, "the second one has been read")
        t.keys("x")  # alone
        t.wait("kept")
        self.assertEqual(self.server.deleted, [])
        t.keys("q")
        self.ended(t)

    def test_close_refused(self):
        self.server.close_status = 403
        t = self.start()
        t.keys("K")
        t.wait(r"Close stream 5 .*\?")
        t.keys("y")
        t.wait("stream 5 was not closed: it is not allowed here")
        self.assertEqual(len(self.server.shot["streams"]), 5)
        t.keys("q")
        self.ended(t)

    def test_unknown_text_is_harmless(self):
        self.server.shot["streams"][4].update(client="\x1b[2J\x07\u202eevil:\u6f22\u5b57",
                                              process="\x1b]0;title\x07")
        t = self.start(ready=r"evil")
        self.assertRegex(t.whole(), r"\?\[2J\?\?evil:\u6f22\u5b57")
        self.assertRegex(t.whole(), r"\?Help")  # the screen was not cleared
        self.assertNotIn("title", t.asks("#{pane_title}"))
        t.keys("q")
        self.ended(t)

    def test_ascii(self):
        t = self.start("--ascii")
        self.assertTrue(t.whole().isascii())
        t.keys("q")
        self.ended(t)

    def test_no_utf8_locale(self):
        t = self.start(LC_ALL="C", LANG="C")
        self.assertTrue(t.whole().isascii())
        t.keys("q")
        self.ended(t)

    def colours(self, t):
        t.whole()
        return set(re.findall(r"\x1b\[([0-9;:]*)m", t.tmux("capture-pane", "-p", "-e")))

    def test_colours(self):
        t = self.start()
        self.assertTrue(any("38;5;71" in c for c in self.colours(t)), self.colours(t))
        t.keys("q")
        self.ended(t)

    def test_sixteen_colours(self):
        t = self.start("--color", "16")
        colours = self.colours(t)
        self.assertTrue(any(re.search(r"\b32\b", c) for c in colours), colours)
        self.assertFalse(any("38;5" in c for c in colours), colours)
        t.keys("q")
        self.ended(t)

    def test_no_color(self):
        t = self.start(NO_COLOR="1")
        colours = self.colours(t)
        codes = {code for c in colours for code in c.split(";")}
        self.assertTrue(codes <= {"", "0", "1", "4", "7", "39", "49"}, colours)
        t.keys("q")
        self.ended(t)

    def test_many_streams(self):
        self.server.shot = fake.snapshot(10000)
        t = self.start(ready=r"^> +10000 ")
        t.keys("G")
        t.wait(r"^> +1 127")
        t.wait("of 10000")
        t.keys("q")
        self.ended(t)

    def test_recording(self):
        recording = self.dir / "recording"
        recording.write_text(self.tui("--socket", self.server.path, "--json", "--interval", "0.1",
                                      "--count", "3").text)
        t = self.dashboard("--replay", recording)
        t.wait(READY)
        t.keys("Enter")
        t.wait(r"Stream 5 ")
        t.keys("q")
        t.keys("q")
        self.ended(t)

    # ---- sizes ----

    def test_resize(self):
        self.server.pages = False  # a recording has all streams
        self.recording = self.dir / "recording"
        self.recording.write_text(self.tui("--socket", self.server.path, "--json").text)
        t = self.start("--graph", "braille")  # as recordings are rendered
        for columns, rows in ((120, 36), (1, 1), (200, 60), (40, 6), (20, 3), (300, 5), (2, 100)):
            t.resize(columns, rows)
            wait_until(lambda: self.settled(t, columns, rows), f"{columns}x{rows}")
        t.resize(80, 24)
        t.wait(READY)
        t.keys("q")
        self.ended(t)

    def settled(self, t, columns, rows):
        """The picture is the one that belongs to that size. (One cell is the lower right corner,
        which ncurses does not write where that would scroll.)"""
        if columns * rows == 1:
            return t.asks("#{pane_width}x#{pane_height}") == "1x1"
        wanted = self.tui("--replay", self.recording, "--render", f"{columns}x{rows}").text
        return self.timeless(t.look()) == self.timeless(wanted)

    def timeless(self, screen):
        return [re.sub(r"\d\d:\d\d:\d\d", "", row).rstrip() for row in screen.splitlines()]

    def test_begins_tiny(self):
        t = self.dashboard("--socket", self.server.path, before=lambda t: t.resize(1, 1))
        wait_until(lambda: self.server.looks > 2, "looks")
        t.resize(80, 24)
        t.wait(READY)
        t.keys("q")
        self.ended(t)

    # ---- the program lost and found ----

    def test_lost_and_back(self):
        t = self.start()
        self.server.stop()
        t.wait("GATEWAY LOST")
        t.wait("it hung up|there is no such socket")
        t.wait(r"^> +5 127")  # the last picture stays
        self.server.start()
        t.keys("r")
        t.wait("UP 3d")
        t.wait_not("GATEWAY LOST")
        t.wait("answers again")
        t.keys("q")
        self.ended(t)

    def test_back_by_itself(self):
        t = self.start()
        self.server.stop()
        t.wait("GATEWAY LOST")
        self.server.start()
        t.wait("answers again")
        t.keys("q")
        self.ended(t)

    def test_restarted(self):
        t = self.start()
        self.server.stop()
        t.wait("GATEWAY LOST")
        self.server.shot = fake.snapshot(2, instance="second", uptime=1.0)
        self.server.start()
        t.wait("was started anew")
        t.wait(r"^> +2 127")
        t.keys("q")
        self.ended(t)

    def test_hub_down(self):
        t = self.start("--refresh", "0.2")
        self.server.shot = fake.hub_is_down(self.server.shot)
        t.wait("HUB DOWN")
        self.assertNotIn("LOST", t.look())
        t.keys("q")
        self.ended(t)

    def test_stuck(self):
        """Keys work while the program does not answer."""
        t = self.start("--refresh", "0.2")
        self.server.gate.clear()
        self.addCleanup(self.server.gate.set)
        t.keys("Enter")
        t.wait("Stream 5 ")
        t.keys("q")
        t.wait(READY)
        t.keys("q")
        self.ended(t)

    def test_frozen(self):
        """It takes the connection and says nothing, as one that was stopped."""
        t = self.start("--refresh", "0.2")
        self.server.gate.clear()
        self.addCleanup(self.server.gate.set)
        t.wait("GATEWAY LOST")
        t.wait("no answer within 2 s")
        self.server.gate.set()
        t.wait("answers again")
        t.keys("q")
        self.ended(t)

    def test_broken_snapshot(self):
        t = self.start("--refresh", "0.2")
        self.server.raw = b'{"schema":1,"pid":"x"}'
        t.wait("GATEWAY LOST")
        t.wait('"pid" is not a number')
        self.server.raw = None
        t.wait("answers again")
        t.keys("q")
        self.ended(t)

    def test_newer_schema(self):
        t = self.start("--refresh", "0.2")
        self.server.raw = b'{"schema":2}'
        self.ended(t, 1)
        self.assertRegex(t.look().replace("\n", ""), "it is of schema 2, and only 1 is known here")

    def test_never_there(self):
        self.server.stop()
        t = self.dashboard("--socket", self.server.path)
        self.ended(t, 1)
        self.assertIn("there is no such socket", t.look().replace("\n", ""))
        self.assertIn("is tunnel-gateway running? systemctl --user status tunnel-gateway",
                      t.look().replace("\n", ""))

    def test_no_keyboard(self):
        t = self.terminal()
        t.command(f"echo | {self.program('tunnel-tui')} --socket {self.server.path}; echo code=$?")
        t.wait("^code=1")
        self.assertIn("stdin is not a terminal; --once needs none", t.look())

    # ---- ends ----

    def test_stop_and_go_on(self):
        t = self.start()
        t.keys("C-z")
        t.wait(r"Stopped")
        self.assertEqual(t.asks("#{cursor_flag} #{alternate_on}"), "1 0")
        self.assertEqual(t.terminal(), self.before)
        looks = self.server.looks
        t.command("clear; fg; echo code=$?")
        t.wait(READY)
        wait_until(lambda: self.server.looks > looks, "it looks again")
        self.assertNotIn("LOST", t.look())
        t.keys("q")
        self.ended(t)

    def test_stopped_from_outside(self):
        t = self.start()
        pid = self.pid(t)
        t.tmux("run-shell", f"kill -TSTP {pid}")
        t.wait(r"Stopped")
        self.assertEqual(t.asks("#{cursor_flag} #{alternate_on}"), "1 0")
        t.command("clear; fg; echo code=$?")
        t.wait(READY)
        t.keys("q")
        self.ended(t)

    def signalled(self, number):
        t = self.start()
        t.tmux("run-shell", f"kill -{number} {self.pid(t)}")
        self.ended(t)

    def test_sigterm(self):
        self.signalled(signal.SIGTERM)

    def test_sighup(self):
        self.signalled(signal.SIGHUP)

    def test_sigint(self):
        self.signalled(signal.SIGINT)

    def test_crash(self):
        """An abort, as of a failed assertion, gives the terminal back, too."""
        t = self.start("--mouse")
        t.tmux("run-shell", f"kill -ABRT {self.pid(t)}")
        self.ended(t, 128 + signal.SIGABRT)

    def test_terminal_gone(self):
        """As the terminal's own process."""
        t = self.terminal()
        t.command(f"exec {self.program('tunnel-tui')} --socket {self.server.path}")
        t.wait(READY)
        self.hang_up(t, int(t.asks("#{pane_pid}")))

    def test_terminal_of_its_shell_gone(self):
        # Without the search for leaks. At a hang-up the kernel sends SIGHUP and SIGCONT to the
        # shell, and, when that exits, to the job in the foreground, which is exiting already
        # because the shell has sent it a SIGHUP, too. LeakSanitizer stops the process by
        # PTRACE_ATTACH then, which is a SIGSTOP; a SIGCONT takes away a SIGSTOP that is pending
        # (signal(7)), and the process and LeakSanitizer's thread wait for each other for ever.
        t = self.start(ASAN_OPTIONS="detect_leaks=0:exitcode=99")
        self.hang_up(t, self.pid(t))

    def hang_up(self, t, pid):
        t.tmux("respawn-pane", "-k", "bash", "--norc", "--noprofile")
        t.wait(PROMPT)
        wait_until(lambda: not self.exists(pid), "it ends")

    def exists(self, pid):
        try:
            return open(f"/proc/{pid}/cmdline").read() != ""
        except FileNotFoundError:
            return False

    def test_mouse(self):
        t = self.start("--mouse")
        self.assertEqual(t.asks("#{mouse_any_flag}"), "1")
        t.keys("M")
        wait_until(lambda: t.asks("#{mouse_any_flag}") == "0", "the mouse is off")
        t.keys("M")
        wait_until(lambda: t.asks("#{mouse_any_flag}") == "1", "the mouse is on")
        row = next(i for i, r in enumerate(t.whole().splitlines()) if re.search(r" 3 127\.", r))
        t.type(f"\x1b[M {chr(33 + 10)}{chr(33 + row)}")
        t.wait(r"^> +3 127\.")
        t.keys("q")
        self.ended(t)


if __name__ == "__main__":
    unittest.main()
