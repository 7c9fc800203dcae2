"""The test case of the dashboard's tests: the integration tests', with a fake and a terminal."""

import re

import fake
import harness
from programs import run, wait_until
from tmux import PROMPT, Tmux, sanitizer_report


class Case(harness.Case):
    def fake(self, **more):
        server = fake.Fake(self.dir / "admin.sock", **more)
        self.addCleanup(server.close)
        return server

    def tui(self, *words, **options):
        """Runs tunnel-tui without a terminal."""
        return run(self.program("tunnel-tui"), *words, cwd=self.dir, **options)

    def fails(self, code, pattern, *words, **options):
        result = self.tui(*words, **options)
        self.assertEqual(result.code, code, result)
        self.assertRegex(result.err, pattern)
        self.assertEqual(result.text, "")

    def terminal(self, columns=80, rows=24, **more):
        terminal = Tmux(self.dir, columns, rows, **more)

        def close():
            report = terminal.close()
            self.assertFalse(sanitizer_report(report), report)
        self.addCleanup(close)
        return terminal

    def dashboard(self, *words, before=None, **more):
        """tunnel-tui in a terminal, which remembers how it was before. Ends by self.ended().
        before(terminal): last thing."""
        t = self.terminal(**more)
        self.before = t.terminal()
        if before:
            before(t)
        t.command("clear; " + " ".join(map(str, (self.program("tunnel-tui"), *words)))
                  + "; echo code=$?")
        return t

    def ended(self, t, code=0):
        """It has ended with that code, and the terminal is as it was."""
        t.wait(rf"^code={code}\b")
        t.wait(rf"{PROMPT} *$")
        self.assertEqual(t.asks("#{cursor_flag} #{alternate_on} #{mouse_any_flag}"), "1 0 0")
        self.assertEqual(t.terminal(), self.before)


__all__ = ["Case", "fake", "re", "run", "wait_until"]
