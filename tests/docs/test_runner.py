"""That the runner runs what a page says, and sees what is wrong with a page."""

import pathlib
import subprocess
import unittest

from programs import DEADLINE, environment

HERE = pathlib.Path(__file__).resolve().parent


def run(text):
    done = subprocess.run([HERE / "machine", "python3", "-B", HERE / "page.py", "-"], input=text, text=True,
                          capture_output=True, timeout=3 * DEADLINE, env=environment())
    if done.returncode == 77:
        raise unittest.SkipTest(done.stderr.strip())
    return done.returncode, done.stdout + done.stderr


def block(text, language="sh", above=""):
    return f"A page.\n{above}\n```{language}\n{text}\n```\n"


class Runner(unittest.TestCase):
    def assert_runs(self, text):
        code, output = run(text)
        self.assertEqual(code, 0, output)

    def assert_fails(self, text, why):
        code, output = run(text)
        self.assertEqual(code, 1, output)
        self.assertIn(why, output)

    def test_a_page(self):
        """Folder and variables stay from block to block; programs stay; output is compared."""
        self.assert_runs(
            block("mkdir a && cd a\nx=5 \\\n  y=6\ncat >file <<END\n  $x\nEND")
            + block("$ cat ../a/file; echo $((x + y)) and more\n  5\n11 and …\n$ seq 9\n1\n…\n9", "console")
            + block("exit 3", "sh", "<!-- not run: it would end the shell -->")
            + block("grep nothing file", "sh", "<!-- before: ls file -->\n<!-- exit: 1 -->")
            + block("tunnel-hub --cert ../hub.pem --key ../hub.key --state state --keys ../keys.ini")
            + block("tunnelctl list --endpoint hub.example:8443\ntunnel-tui --program tunnel-hub")
            + block("$ tunnel-hub --cert ../hub.pem --key ../hub.key --state state --keys ../keys.ini\n"
                    "[…] [info] Listening on 127.0.0.1:8443", "console")
            + block("#!/bin/sh\ntest \"$0\" != sh\nexit 0"))

    def test_a_command_that_fails(self):
        self.assert_fails(block("true\nfalse\ntrue"), "stdin:4: false\nends with 1, not 0")

    def test_a_file_that_is_wrong(self):
        check = "<!-- check: tunnel-hub --check-config --cert hub.pem --key hub.key --state s --keys $BLOCK -->"
        self.assert_runs(block("[key A]\nsecret = 0123456789abcdef", "ini", check))
        self.assert_fails(block("[key A]\nsecret = short", "ini", check), "ends with 1, not 0")

    def test_a_command_that_should_fail(self):
        self.assert_fails(block("true", "sh", "<!-- exit: 2 -->"), "ends with 0, not 2")

    def test_other_output(self):
        self.assert_fails(block("$ echo one\ntwo", "console"), "the page shows:\ntwo")
        self.assert_fails(block("$ echo one; echo two\none", "console"), "the page shows:\none")

    def test_a_program_that_does_not_stay(self):
        self.assert_fails(block("tunnel-hub --cert nowhere.pem --key hub.key --state state"),
                          "tunnel-hub has ended")

    def test_a_program_that_has_another_output(self):
        self.assert_fails(block("$ socat -u TCP-LISTEN:7,fork,bind=127.0.0.1 CREATE:x & sleep 0.1; kill %%\n"
                                "what it never says", "console"), "the page shows:")

    def test_a_command_without_end(self):
        self.assert_fails(block("echo 'one"), "a command that has no end")
        self.assert_fails(block("exit 0"), "the shell has ended")

    def test_nothing_is_left(self):
        """What a page writes is not on this machine, and there is no way out of it."""
        self.assert_runs(block("touch /etc/tunnel-was-here /home/me/x /var/lib/tunnel-was-here")
                         + block("touch /usr/tunnel-was-here", "sh", "<!-- exit: 1 -->")
                         + block("curl -sm 5 http://192.0.2.1/", "sh", "<!-- exit: 7 -->"))
        for folder in ("/etc", "/var/lib"):
            self.assertFalse((pathlib.Path(folder) / "tunnel-was-here").exists())


if __name__ == "__main__":
    unittest.main()
