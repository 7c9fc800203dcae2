"""tunnel-tui without a terminal: tables, JSON, events, checks, exit codes and what errors say."""

import json
import os
import unittest

import fake
from case import Case, wait_until
from programs import environment


class Once(Case):
    def setUp(self):
        super().setUp()
        self.server = self.fake()
        self.at = ("--socket", self.server.path)

    # ---- tables ----

    def test_tables(self):
        for words in ((), ("--once",)):
            text = self.tui(*self.at, *words, env=environment(TZ="UTC")).text
            self.assertRegex(text, r"^tunnel-gateway 0\.1\.0 gw1, pid 4242, up for 3d")
            self.assertRegex(text, r"(?m)^tunnel pump-07 up for .* wss://hub\.example:443 23 ms")
            self.assertRegex(text, r"(?m)^HTTP1 +http1\.tunnel")
            self.assertRegex(text, r"(?m)^ *5 +127\.0\.0\.1:40005 firefox +http +HTTP1")
            self.assertTrue(text.isprintable() or "\x1b" not in text)

    def rows(self, *words):
        return self.tui(*self.at, "--once", *words).text.splitlines()

    def test_panes(self):
        self.assertEqual([r.split()[0] for r in self.rows("--pane", "services")],
                         ["SERVICE", "HTTP1", "SSH1"])
        self.assertEqual(self.rows("--pane", "streams")[0].split()[:2], ["ID", "CLIENT"])
        self.assertRegex(self.rows("--pane", "log")[1], r"DENY +.*ssh9\.tunnel.*no such service")
        self.assertEqual(len(self.rows("--pane", "tunnels")), 1)

    def test_tunnels_of_a_hub(self):
        self.server.shot = fake.snapshot(3, services=[], tunnels=[], role="hub")
        rows = self.rows("--pane", "tunnels")
        self.assertEqual(rows[0].split()[:2], ["ID", "SOURCE"])
        self.assertEqual(rows, self.rows("--pane", "streams"))
        self.assertEqual(len(rows), 4)

    def test_sort_and_filter(self):
        ids = [r.split()[0] for r in self.rows("--pane", "streams", "--sort", "id")[1:]]
        back = [r.split()[0] for r in self.rows("--pane", "streams", "--sort", "-id")[1:]]
        self.assertEqual(sorted(ids), ["1", "2", "3", "4", "5"])
        self.assertEqual(ids, back[::-1])
        only = self.rows("--pane", "streams", "--filter", "service=SSH1")[1:]
        self.assertEqual(sorted(r.split()[0] for r in only), ["2", "4"])

    def test_units(self):
        rows = self.rows("--pane", "streams", "--units", "bits", "--filter", "id=5")
        self.assertIn("400", rows[1].split())  # 50 bytes a second
        self.assertIn("4.88K", rows[1].split())  # totals are bytes

    def test_hostile_text(self):
        self.server.shot["streams"][0]["client"] = "\x1b[31mred\r\n"
        out = self.tui(*self.at, "--once").text
        self.assertNotIn("\x1b", out)
        self.assertIn("?[31mred??", out)

    def test_many(self):
        self.server.shot = fake.snapshot(10000)
        self.assertEqual(len(self.rows("--pane", "streams")), 10001)

    # ---- JSON ----

    def test_json(self):
        out = self.tui(*self.at, "--json").text
        self.assertEqual(out.count("\n"), 1)
        self.assertEqual(json.loads(out)["streams"], self.server.shot["streams"])
        self.assertEqual(self.server.targets, ["/v1/snapshot"])

    def test_json_of_another_schema(self):
        self.server.raw = b'{"schema":2,"new":true}\n'
        self.assertEqual(self.tui(*self.at, "--json").text, '{"schema":2,"new":true}\n')

    def test_interval(self):
        result = self.tui(*self.at, "--json", "--interval", "100ms", "--refresh", "200ms",
                          "--count", "3")
        shots = [json.loads(line) for line in result.text.splitlines()]
        self.assertEqual(result.code, 0)
        self.assertEqual(len(shots), 3)
        self.assertEqual([len(s["history"]["seconds"]["down"]) for s in shots], [60, 0, 0])
        self.assertEqual([len(s["events"]["list"]) for s in shots], [2, 0, 0])
        self.assertEqual(self.server.looks, 3)

    def test_interval_until_it_is_gone(self):
        p = self.start(self.program("tunnel-tui"), *self.at, "--json", "--interval", "0.1",
                       ends=(1,))
        wait_until(lambda: len(p.lines) >= 3, "some snapshots")
        self.server.stop()
        p.wait_line("cannot reach tunnel-gateway at .*: it hung up")
        self.assertEqual(p.wait(), 1)

    def test_events(self):
        p = self.start(self.program("tunnel-tui"), *self.at, "--events", ends=(1,))
        wait_until(lambda: self.server.followers, "it follows")
        self.server.emit(event="open", number=3)
        self.server.emit(event="close", number=4, text="\u00e9\x1b")
        p.wait_line('"number": 4')
        self.assertEqual(json.loads(p.lines[0]), {"event": "open", "number": 3})
        self.assertNotIn("\x1b", p.output())
        self.server.stop()
        p.wait_line("it hung up")
        self.assertEqual(p.wait(), 1)

    def test_events_nobody_reads(self):
        read, write = os.pipe()
        p = self.start("bash", "-c", f"exec {self.program('tunnel-tui')} --socket {self.server.path} "
                       f"--events >&{write}", pass_fds=(write,), ends=(1,))
        os.close(write)
        wait_until(lambda: self.server.followers, "it follows")
        os.close(read)
        self.server.emit(event="open", number=3)
        self.assertEqual(p.wait(), 1)
        self.assertEqual(p.output(), "")

    # ---- checks ----

    def test_check(self):
        result = self.tui(*self.at, "--check")
        self.assertEqual(result.code, 0)
        self.assertRegex(result.text, r"^tunnel-gateway is up for 3d\w+, 5 open\n$")
        self.server.shot = fake.hub_is_down(self.server.shot)
        result = self.tui(*self.at, "--check")
        self.assertEqual(result.code, 3)
        self.assertRegex(result.text, r"^tunnel pump-07 down for 42s, hub wss://.*refused\n$")
        self.assertEqual(self.tui(*self.at, "--once").code, 0)
        for mode in ("--once", "--json"):
            result = self.tui(*self.at, mode, "--check")
            self.assertEqual(result.code, 3)
            self.assertIn("pump-07", result.text)
        self.server.stop()
        self.assertEqual(self.tui(*self.at, "--check").code, 1)

    # ---- what goes wrong ----

    def test_no_socket(self):
        self.server.stop()
        self.fails(1, r"cannot reach tunnel-gateway at .*admin\.sock: there is no such socket\n"
                      r"is tunnel-gateway running\? systemctl --user status tunnel-gateway\n$",
                   *self.at)
        self.fails(1, "no such socket", "--socket", "admin.sock")  # a relative path
        self.fails(1, "path is too long", "--socket", "/" + "x" * 200)

    def test_permission(self):
        if os.geteuid() == 0:
            self.skipTest("root may do anything")
        os.chmod(self.server.path, 0)
        self.fails(1, r"permission denied\nrun it as the user who runs tunnel-gateway", *self.at)

    def test_not_a_gateway(self):
        self.server.status = 503
        self.server.raw = b"later\x1b\n"
        self.fails(1, r"answered 503: later\\x1b\n$", *self.at)
        self.server.status = 200
        self.fails(1, r"cannot be read: it is not a JSON object", *self.at)
        self.server.raw = b'{"schema":7}'
        self.fails(1, r"it is of schema 7, and only 1 is known here\nit is of another version",
                   *self.at)

    def socket_of(self, program, runtime):
        folder = runtime / program
        folder.mkdir(parents=True)
        server = fake.Fake(folder / "admin.sock",
                           fake.snapshot(1, program=program, role="destination"))
        self.addCleanup(server.close)
        return server

    def test_default_sockets(self):
        runtime = self.dir / "run"
        env = environment(XDG_RUNTIME_DIR=runtime)
        self.fails(1, rf"no socket at {runtime}/tunnel-gateway/admin\.sock, nor at "
                      r"/run/tunnel-gateway/admin\.sock\nis tunnel-gateway running\?", env=env)
        self.socket_of("tunnel-agent", runtime)
        self.fails(1, r"no tunnel-gateway runs here, but a tunnel-agent does: "
                      r"tunnel-tui --program tunnel-agent\n$", env=env)
        result = self.tui("--program", "tunnel-agent", env=env)
        self.assertRegex(result.text, "^tunnel-agent ")
        self.assertRegex(self.tui("--program", "agent", env=env).text, "^tunnel-agent ")
        self.socket_of("tunnel-gateway", runtime)
        self.assertRegex(self.tui(env=env).text, "^tunnel-gateway ")

    def test_usage(self):
        for pattern, words in {
            "--once and --json do not go together": ("--once", "--json"),
            "--interval goes with --json": ("--interval", "1"),
            "--count goes with --interval": ("--json", "--count", "2"),
            "--render goes with --replay": ("--render", "80x24"),
            "--keys goes with --replay": ("--keys", "q"),
            "--pane goes with --once": ("--json", "--pane", "log"),
            "--events and --check": ("--events", "--check"),
            "\"fast\".* is not a time": ("--refresh", "fast"),
            "\"1 s\".* is not a time": ("--refresh", "1 s"),
            "\"s\".* is not a time": ("--refresh", "s"),
            "not between 0.2 and 10": ("--refresh", "0.1"),
            "\"1m\".* is not between 0.2 and 10": ("--refresh", "1m"),
            "is none of bytes, bits": ("--units", "octets"),
            "is none of auto, never, 16, 256": ("--color", "always"),
            "is none of services, streams, log, tunnels": ("--once", "--pane", "x"),
            "names no column": ("--sort", "nonsense"),
            "is not understood": ("--filter", "age>x"),
            "is not a size like 80x24": ("--replay", "x", "--render", "80"),
            "is not a program's name": ("--program", "a/b"),
            "no-such-option": ("--no-such-option",),
        }.items():
            with self.subTest(words=words):
                self.fails(2, pattern, *words)

    def test_help_and_version(self):
        for word in ("--help", "--version"):
            result = self.tui(word)
            self.assertEqual((result.code, result.err), (0, ""))
            self.assertIn("tunnel-tui", result.text)

    # ---- recordings ----

    def test_render(self):
        recording = self.dir / "recording"
        recording.write_text(self.tui(*self.at, "--json").text)
        words = ("--replay", recording, "--clock", "45661", "--render")
        screen = self.tui(*words, "80x24").text.splitlines()
        self.assertEqual(len(screen), 24)
        self.assertRegex(screen[0], "12:41:01$")
        self.assertTrue(all(len(row) <= 80 for row in screen))
        roles = self.tui(*words, "80x24", "--roles").text.splitlines()
        self.assertEqual({len(row) for row in roles}, {80})
        self.assertIn("S", "".join(roles))
        self.assertTrue(self.tui(*words, "80x24", "--ascii").text.isascii())
        detail = self.tui(*words, "80x24", "--keys", "j<Enter>").text
        self.assertRegex(detail, r"Stream 4 .*Esc back")
        self.assertEqual(self.tui(*words, "1x1").text.count("\n"), 1)
        self.assertEqual(screen, self.tui(*words, "80x24").text.splitlines())

    def test_recording_from_stdin(self):
        shot = json.dumps(fake.snapshot(1)).encode()
        lost = b'\n{"event":"lost","text":"it hung up","age":8,"count":4}\n'
        result = self.tui("--replay", "-", "--render", "80x24", input=shot + lost)
        self.assertIn("GATEWAY LOST", result.text)
        self.fails(1, "line 1: it is not a JSON object", "--replay", "-", "--once", input=b"x\n")
        self.fails(1, "nowhere", "--replay", "nowhere", "--once")


if __name__ == "__main__":
    unittest.main()
