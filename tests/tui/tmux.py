"""A terminal that can be read: a shell in tmux, with its own server."""

import contextlib
import itertools
import os
import pathlib
import re
import signal
import subprocess

from programs import DEADLINE, SANITIZER, environment, wait_until

PROMPT = "ready>"
_numbers = itertools.count()


class Tmux:
    """columns x rows with an interactive shell. Sanitizers report into files in `folder`."""

    def __init__(self, folder, columns=80, rows=24, **more):
        self.folder = pathlib.Path(folder)
        self.name = f"t{next(_numbers)}"
        env = environment(**{"TMUX_TMPDIR": self.folder, "LANG": "C.UTF-8", "TZ": "UTC",
                             "TERM": "xterm-256color", "PS1": f"{PROMPT} ", "HISTFILE": ""} | more)
        for sanitizer in ("ASAN", "UBSAN"):
            env[f"{sanitizer}_OPTIONS"] += f":log_path={self.folder / 'sanitizer'}"
        env.pop("TMUX", None)
        self.env = env
        self.tmux("-f", "/dev/null", "-u", "start-server", ";",
                  "set-option", "-g", "default-terminal", "tmux-256color", ";",
                  "new-session", "-d", "-x", columns, "-y", rows, "bash", "--norc", "--noprofile")
        try:
            self.wait(PROMPT)
        except AssertionError:
            self.close()
            raise

    def tmux(self, *words):
        done = subprocess.run(["tmux", "-L", self.name, *map(str, words)], env=self.env,
                              cwd=self.folder, capture_output=True, timeout=DEADLINE, check=True)
        return done.stdout.decode("utf-8", "replace")

    def close(self):
        """Ends the programs and then the server. Returns the sanitizers' reports.

        A server that ends, and a shell, send SIGHUP and SIGCONT. The latter wakes the threads that
        LeakSanitizer has just stopped, and a program whose leaks are searched then may never end."""
        for pid in self.programs():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
                os.kill(pid, signal.SIGCONT)
        wait_until(lambda: not self.programs(), "the end of what runs in tmux")
        self.tmux("kill-server")
        return "".join(f.read_text() for f in self.folder.glob("sanitizer*"))

    def programs(self):
        """Those that the shells have started."""
        found = []
        for shell in self.tmux("list-panes", "-a", "-F", "#{pane_pid}").split():
            with contextlib.suppress(FileNotFoundError):
                children = pathlib.Path(f"/proc/{shell}/task/{shell}/children").read_text()
                found += map(int, children.split())
        return found

    def keys(self, *keys):
        """By tmux's names: "j", "Enter", "C-z"."""
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def command(self, text):
        self.type(text)
        self.keys("Enter")

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", columns, "-y", rows)

    def look(self):
        return self.tmux("capture-pane", "-p")

    def whole(self):
        """The screen when no picture is on its way: tmux may show one of which it has read a part."""
        before = None
        while (screen := self.look()) != before:
            before = screen
        return screen

    def asks(self, format):
        return self.tmux("display-message", "-p", format).strip()

    def wait(self, pattern, what=None):
        """Until the screen shows it; returns the screen."""
        screen = ""

        def shows():
            nonlocal screen
            screen = self.look()
            return re.search(pattern, screen, re.MULTILINE)
        try:
            wait_until(shows, what or pattern)
        except AssertionError as e:
            raise AssertionError(f"{e}; the screen:\n{screen}") from None
        return screen

    def wait_not(self, pattern):
        try:
            wait_until(lambda: not re.search(pattern, self.look(), re.MULTILINE), f"not {pattern}")
        except AssertionError as e:
            raise AssertionError(f"{e}; the screen:\n{self.look()}") from None

    def terminal(self):
        """How the shell finds its terminal: the settings, whatever its size."""
        file = self.folder / "stty"
        file.unlink(missing_ok=True)
        self.command("stty -a > stty.new; mv stty.new stty")
        wait_until(file.exists, "stty")
        return re.sub(r"rows \d+; columns \d+;", "", file.read_text())


def sanitizer_report(text):
    return SANITIZER.search(text)
