"""What the dashboard does outside itself: opens a service, copies, writes files. Hostile names become
no options, no commands and no formulas."""

import base64
import csv
import json
import os
import shutil
import socket
import stat
import unittest

import fake
from case import Case, re, wait_until
from pseudo import Pseudo

PROGRAM = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done > {log}.part
mv {log}.part {log}
{then}
"""


class Actions(Case):
    def start(self, shot=None, *words, ready=r"^> ", **options):
        self.server = self.fake(shot=shot if shot is not None else self.here())
        t = self.dashboard("--socket", self.server.path, *words, **options)
        t.wait(ready)
        return t

    def here(self, **more):
        """The gateway is on this machine."""
        return fake.snapshot(3, host=socket.gethostname(), **more)

    def program_that_tells(self, name, then="exit 0"):
        """A program in PATH that writes down its arguments."""
        folder = self.dir / "bin"
        folder.mkdir(exist_ok=True)
        path, log = folder / name, self.dir / f"{name}.log"
        path.write_text(PROGRAM.format(log=log, then=then))
        path.chmod(0o755)
        return log

    def path(self):
        return f"{self.dir / 'bin'}:{os.environ['PATH']}"

    def no_tmux(self, t):
        """tmux tells all who run in it."""
        t.command("unset TMUX")

    def quit(self, t):
        t.keys("C-c")
        self.ended(t)

    # ---- open ----

    SSH = ["-o", "ProxyCommand=tunnel-gateway connect --gateway 127.0.0.1:1080 %h %p", "--",
           "ssh1.tunnel"]

    def test_ssh_in_this_terminal(self):
        log = self.program_that_tells("ssh", "stty -a > here; echo in ssh; read line; exit 3")
        t = self.start(PATH=self.path(), before=self.no_tmux)
        t.keys("Tab", "j", "o")
        t.wait(r"ssh -o 'ProxyCommand=tunnel-gateway connect --gateway 127\.0\.0\.1:1080")
        t.wait("Open in this terminal")
        self.assertFalse(log.exists())
        t.keys("x")
        t.wait("not opened")
        self.assertFalse(log.exists())
        t.keys("o")
        t.wait("Open in this terminal")
        t.keys("Enter")
        t.wait("^in ssh")
        self.assertEqual(log.read_text().splitlines(), self.SSH)
        self.assertRegex((self.dir / "here").read_text(), r"\bicanon\b.*\becho\b|\becho\b")
        looks = self.server.looks
        t.keys("Enter")
        t.wait("it ended with 3; Enter goes back")
        t.keys("Enter")
        t.wait(r"UP 3d")
        wait_until(lambda: self.server.looks > looks, "it looks again")
        self.quit(t)

    def test_ctrl_c_is_for_ssh(self):
        self.program_that_tells("ssh", "trap 'echo caught; exit 0' INT; echo in ssh; "
                                       "while :; do sleep 0.1; done")
        t = self.start(PATH=self.path(), before=self.no_tmux)
        t.keys("Tab", "j", "o")
        t.wait("Open in this terminal")
        t.keys("Enter")
        t.wait("^in ssh")
        t.keys("C-c")
        t.wait("UP 3d")  # and tunnel-tui is there again
        self.quit(t)

    def test_a_program_that_is_not_there(self):
        (self.dir / "bin").mkdir()
        for name in ("bash", "mv", "stty", "clear"):
            (self.dir / "bin" / name).symlink_to(shutil.which(name))
        t = self.start(DISPLAY=":7", before=lambda t: t.command(
            f"unset TMUX; PATH={self.dir / 'bin'}"))
        t.keys("Tab", "o")
        t.wait("Open in another window")
        t.keys("Enter")
        t.wait("xdg-open cannot be started: no such file or directory")
        t.keys("j", "o")
        t.wait("Open in this terminal")
        t.keys("Enter")
        t.wait("ssh cannot be started: No such file or directory")
        self.quit(t)

    def test_ssh_in_tmux(self):
        """A window of the tmux in which it runs."""
        log = self.program_that_tells("ssh", "echo in ssh; exec sleep 60")
        t = self.terminal(PATH=self.path())
        self.server = self.fake(shot=self.here())
        t.command(f"{self.program('tunnel-tui')} --socket {self.server.path}")
        t.wait(r"^> ")
        t.keys("Tab", "j", "o")
        t.wait("Open in a new tmux window")
        t.wait("tmux new-window -n ssh1.tunnel ssh")
        t.keys("Enter")
        wait_until(log.exists, "ssh runs")
        wait_until(lambda: t.asks("#{window_name}") == "ssh1.tunnel", "its window")
        self.assertEqual(log.read_text().splitlines(), self.SSH)

    def test_browser(self):
        log = self.program_that_tells("xdg-open", "sleep 0.2")
        t = self.start(PATH=self.path(), DISPLAY=":7")
        t.keys("Tab", "o")
        t.wait("xdg-open http://http1.tunnel/")
        t.keys("Enter")
        wait_until(log.exists, "it is opened")
        self.assertEqual(log.read_text().splitlines(), ["http://http1.tunnel/"])
        t.wait("opened: xdg-open")
        self.quit(t)

    def test_only_shown_elsewhere(self):
        """The gateway is on another machine, or there is no desktop."""
        log = self.program_that_tells("ssh")
        t = self.start(fake.snapshot(3), PATH=self.path())
        t.keys("Tab", "j", "o")
        t.wait("To be run where it is wanted")
        t.keys("Enter")
        t.wait_not("To be run where")
        t.keys("k", "o")
        t.wait("To be run where it is wanted")
        t.keys("Enter")
        t.wait_not("To be run where")
        self.assertFalse(log.exists())
        self.quit(t)

    def test_hostile_names(self):
        log = self.program_that_tells("ssh")
        names = ("-oProxyCommand=touch x", "a;touch x", "$(touch x)", "`touch x`", "#(touch x)",
                 "a b", "a\nb", "a'b", "--", "-", "x%h", "{touch,x}", "a\u202eb", "~root", "x;", "")
        for place in ("host", "listen"):
            for name in names:
                with self.subTest(place=place, name=name):
                    shot = self.here()
                    if place == "host":
                        shot["services"][1]["host"] = name
                    elif name:
                        shot["listen"] = [name + ":1080"]
                    else:
                        continue
                    self.check_hostile(shot)
        self.assertFalse(log.exists())
        self.assertFalse((self.dir / "x").exists())

    def check_hostile(self, shot):
        recording = self.dir / "recording"
        recording.write_text(json.dumps(shot) + "\n")
        drawn = self.tui("--replay", recording, "--render", "120x36", "--keys", "<Tab>jo").text
        self.assertRegex(drawn, "has other than plain letters|nothing here has a host name")
        self.assertNotIn("ProxyCommand=tunnel-gateway", drawn)

    # ---- copy ----

    def copied(self, shot, wanted, *keys):
        self.server = self.fake(shot=shot)
        self.addCleanup(self.server.stop)
        tui = Pseudo([self.program("tunnel-tui"), "--socket", self.server.path, "--copy"], self.dir)
        self.addCleanup(tui.close)
        tui.wait_output(b"Help")
        for some in keys:
            tui.write(some)
            if some.endswith(b"o"):
                tui.wait_output(b"y copy")  # a question takes only a key that comes alone
        tui.wait_output(b"\x1b]52;c;" + base64.b64encode(wanted.encode()) + b"\x07")
        self.assertEqual(tui.terminate(), 0)

    def test_copy_what_is_selected(self):
        self.copied(self.here(), "http1.tunnel", b"\ty")

    def test_copy_of_a_hostile_name_is_shown_text(self):
        shot = self.here()
        shot["services"][0]["host"] = "a\x1b]0;x\x07\r\nrm -rf ~"
        self.copied(shot, "a\\x1b]0;x\\x07\\x0d\\x0arm -rf ~", b"\ty")

    def test_copy_a_command(self):
        shot = fake.snapshot(3)
        self.copied(shot, "ssh -o 'ProxyCommand=tunnel-gateway connect --gateway 127.0.0.1:1080 %h %p' "
                    "-- ssh1.tunnel", b"\tjo", b"y")

    # ---- files ----

    def files(self):
        return sorted(self.dir.glob("tunnel-tui-*"))

    def export(self, t, key):
        before = len(self.files())
        t.keys("x")
        t.wait(r"Write \d+ rows? \(\w+\) to a file here\?")
        t.keys(key)
        t.wait(r"rows? \(\w+\) written to tunnel-tui-")
        wait_until(lambda: len(self.files()) > before, "a file")

    def test_json_lines(self):
        t = self.start(self.here(), "--sort", "id")
        t.keys("x")
        t.wait(r"Write 3 rows \(streams\)")
        t.keys("n")
        t.wait("nothing is written")
        self.assertEqual(self.files(), [])
        self.export(t, "j")
        file, = self.files()
        self.assertRegex(file.name, r"^tunnel-tui-streams-\d{8}-\d{6}\.jsonl$")
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        self.assertEqual([r["id"] for r in rows], [3, 2, 1])
        self.assertEqual(rows[0]["bytes_down"], 3000)
        self.assertEqual(rows[0]["age"], 13.5)
        self.assertEqual(rows[0]["state"], "open")
        self.quit(t)

    def test_never_over_another(self):
        t = self.start()
        for _ in range(3):
            self.export(t, "c")
        names = [f.name for f in self.files()]
        self.assertEqual(len(set(names)), 3)
        link = self.dir / "target"
        self.assertFalse(link.exists())
        self.quit(t)

    def test_csv_of_hostile_texts(self):
        shot = self.here()
        odd = ('=cmd|"/c calc"!A1', "+1", "@x", 'a"b,c\nd\x1b[2J\u202e')
        for row, name in zip(shot["streams"], odd):
            row.update(client=name, process=odd[-1], service="-1+1")
        t = self.start(shot, "--sort", "id")
        self.export(t, "c")
        file, = self.files()
        with open(file, newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([r["client"] for r in rows], ["'@x", "'+1", "'" + odd[0]])
        self.assertEqual(rows[0]["service"], "'-1+1")
        self.assertEqual(rows[0]["process"], 'a"b,c\\x0ad\\x1b[2J\\xe2\\x80\\xae')
        text = file.read_bytes()
        self.assertNotIn(b"\x1b", text)
        self.assertEqual(text.count(b"\r\n"), 4)
        self.quit(t)

    def test_other_screens(self):
        shot = self.here(closed_streams=[fake.ended(i + 1) for i in range(5)])
        t = self.start(shot, columns=120, rows=30)
        for keys, noun, n in ((["Tab"], "services", 2), (["Tab"], "events", 2), (["Tab", "h"], "history", 5),
                              (["h", "a"], "groups", 3)):
            t.keys(*keys)
            t.wait({"history": "The last 5 ", "groups": "by program +1-3 of 3"}.get(noun, "UP 3d"))
            t.keys("x")
            t.wait(rf"Write {n} rows \({noun}\)")
            t.keys("c")
            t.wait(rf"{n} rows \({noun}\) written")
            file = next(f for f in self.files() if noun in f.name)
            with open(file, newline="") as f:
                self.assertEqual(len(list(csv.reader(f))), n + 1)
        self.quit(t)

    def test_a_folder_that_takes_no_files(self):
        folder = self.dir / "full"
        folder.mkdir()
        t = self.terminal()
        self.server = self.fake(shot=self.here())
        t.command(f"cd {folder}; rmdir {folder}; {self.program('tunnel-tui')} --socket "
                  f"{self.server.path}")
        t.wait(r"^> ")
        t.keys("x")
        t.wait("to a file here")
        t.keys("j")
        t.wait("nothing is written here: No such file or directory")
        t.wait(r"UP 3d")


if __name__ == "__main__":
    unittest.main()
