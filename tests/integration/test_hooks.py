"""The command that a hub tells what happens (--hook): with real events and real scripts, good and bad
ones, none of which the hub waits for."""

import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import time
import unittest

import certificates
import ops
import store
from api import Api, ApiError, Key as AccessKey
from devices import Key, Link
from harness import Case
from programs import environment, run, wait_until
from wire import ask, request

ROOT = pathlib.Path(__file__).resolve().parents[2]
JOIN = "join_" + "h" * 43
# What it was given, and in what surroundings, as one line of its file.
SCRIPT = """#!{python} -B
import json, os, sys
fds = {{n: os.readlink("/proc/self/fd/" + n) for n in os.listdir("/proc/self/fd")
       if os.path.exists("/proc/self/fd/" + n)}}
seen = {{"given": json.load(sys.stdin), "arguments": sys.argv[1:], "environment": dict(os.environ),
        "group": os.getpgid(0) == os.getpid(), "fds": fds}}
with open({out!r}, "a") as f:
    f.write(json.dumps(seen) + "\\n")
"""


class Hooks(Case):
    def setUp(self):
        super().setUp()
        self.out = self.dir / "told"

    def script(self, text=None, name="hook"):
        file = self.dir / name
        file.write_text(text or SCRIPT.format(python=sys.executable, out=str(self.out)))
        file.chmod(0o700)
        return file

    def hooked(self, *more, script=None, command=None, **options):
        return self.hub("--hook", command or self.script(script), *more, **options)

    def runs(self):
        text = self.out.read_text() if self.out.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    def events(self, name=None):
        return [e for r in self.runs() for e in r["given"]["events"]
                if name is None or e["event"] == name]

    def wait_event(self, name, **fields):
        def found():
            return [e for e in self.events(name) if all(e.get(k) == v for k, v in fields.items())]
        event = wait_until(found, f"{name} {fields}")[-1]
        moment = datetime.datetime.fromisoformat(event["time"])
        age = datetime.datetime.now(datetime.timezone.utc) - moment
        self.assertLess(abs(age), datetime.timedelta(minutes=5))
        return event

    def metric(self, hub, name, result=None):
        label = f'{{result="{result}"}}' if result else ""
        return ops.metrics(hub)[f"tunnel_hub_hook_{name}_total{label}"]


class Events(Hooks):
    def test_form_and_surroundings(self):
        left_open = os.open("/etc/hostname", os.O_RDONLY)
        self.addCleanup(os.close, left_open)
        hub = self.hooked(command=f"{self.script()} --to  ops",
                          env=environment(CREDENTIALS_DIRECTORY="/run/credentials/x", EDITOR="vi",
                                          TZ="UTC"), pass_fds=[left_open])
        hub.api.open(["SSH1"], thing="plant7")
        self.wait_event("tunnel-opened")
        seen = self.runs()[0]
        given = seen["given"]
        self.assertEqual((given["schema"], given["program"], given["dropped"]),
                         (1, "tunnel-hub", 0))
        self.assertEqual(given["host"], os.uname().nodename)
        self.assertEqual(set(given), {"schema", "program", "version", "host", "dropped", "events"})
        self.assertEqual(seen["arguments"], ["--to", "ops"])
        self.assertTrue(seen["group"])
        self.assertLessEqual(set(seen["environment"]), {
            "PATH", "HOME", "USER", "LOGNAME", "TZ", "TMPDIR", "LANG", "LANGUAGE", "LC_ALL",
            "LC_CTYPE"})
        self.assertEqual(seen["environment"]["TZ"], "UTC")
        self.assertLess(set(seen["fds"]), {"0", "1", "2", "3"}, seen["fds"])  # 3: the folder
        self.assertEqual(seen["fds"]["1"], "/dev/null")

    def test_tunnels(self):
        hub = self.hooked("--keys", self.keys_file(AccessKey("AKIDEXAMPLE", "s" * 40).section()))
        opened = hub.api.open(["SSH1"], thing="plant7")
        event = self.wait_event("tunnel-opened", tunnel=opened["tunnelId"])
        self.assertEqual((event["thing"], event["key"]), ("plant7", ""))
        hub.api.close_tunnel(opened["tunnelId"])
        event = self.wait_event("tunnel-closed", tunnel=opened["tunnelId"])
        self.assertEqual(event["thing"], "plant7")
        self.assertIn("closed", event["reason"])
        self.assertLess(event["seconds"], 300)

    def device_hub(self, *more):
        self.hub().terminate()
        store.invite(self.dir / "state", JOIN, ["plant7-*"], uses=9)
        return self.hooked("--hook-events", "device-present,device-away", *more)

    def test_devices(self):
        hub, key = self.device_hub(), Key(self.dir)
        first = Link(hub)
        self.addCleanup(first.drop)
        self.assertEqual(first.enter("plant7-a", key, JOIN).kind, "welcome")
        event = self.wait_event("device-present", device="plant7-a")
        self.assertEqual(event["wire"], "device link")
        self.assertRegex(event["client"], r"^127\.0\.0\.1:\d+$")
        # It comes from elsewhere, too: it was there all the time.
        second = Link(hub)
        self.addCleanup(second.drop)
        self.assertEqual(second.enter("plant7-a", key).kind, "welcome")
        first.end()
        other = Link(hub)
        self.addCleanup(other.drop)
        self.assertEqual(other.enter("plant7-b", Key(self.dir), JOIN).kind, "welcome")
        self.wait_event("device-present", device="plant7-b")
        second.drop()
        event = self.wait_event("device-away", device="plant7-a")
        self.assertTrue(event["reason"])
        self.assertLess(event["seconds"], 300)
        self.assertEqual([(e["event"], e["device"]) for e in self.events()],
                         [("device-present", "plant7-a"), ("device-present", "plant7-b"),
                          ("device-away", "plant7-a")])

    def test_the_hubs_own_end_is_no_news(self):
        hub = self.device_hub()
        link = Link(hub)
        self.addCleanup(link.drop)
        link.enter("plant7-a", Key(self.dir), JOIN)
        self.wait_event("device-present")
        self.assertEqual(hub.terminate(), 0)
        self.assertEqual(self.events("device-away"), [])

    def test_refusals(self):
        hub = self.hooked("--hook-refusals", "3", "--hook-events", "refusals")
        for _ in range(7):
            self.assertEqual(ask(hub.port, request("source", "A" * 40)).status, 403)
        event = self.wait_event("refusals")
        self.assertEqual(event["times"], 3)
        self.assertLess(event["seconds"], 60)
        self.assertTrue(event["reason"])
        self.assertRegex(event["client"], r"^127\.0\.0\.1:\d+$")
        wait_until(lambda: ops.metrics(hub)["tunnel_hub_refused_total"] >= 7, "all are counted")
        self.assertEqual(self.metric(hub, "events"), 1)  # once in a minute

    def test_certificate(self):
        """At the start and after a reload; the day is not waited for."""
        def ending(days):
            end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days, hours=1)
            return certificates.certificate(end=end.strftime("%Y%m%d%H%M%SZ"))
        soon = ending(13)
        hub = self.hooked("--hook-events", "certificate", cert=soon)
        event = self.wait_event("certificate")
        self.assertEqual((event["days"], event["ended"], event["file"]), (13, "no", str(soon.cert)))
        ends = datetime.datetime.fromisoformat(event["ends"])
        self.assertEqual(ends.timestamp(), ops.metrics(hub)[
            "tunnel_hub_certificate_expires_timestamp_seconds"])
        hub.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(self.events("certificate")) == 2, "told again")
        hub.terminate()
        again = self.hooked("--hook-events", "certificate", cert=ending(15))
        again.wait_line("workers:")
        self.assertEqual(self.metric(again, "events"), 0)

    def test_store(self):
        hub = self.hooked("--hook-events", "store-failing,store-works")
        with store.locked(self.dir / "state"):
            with self.assertRaises(ApiError):
                hub.api.open(["SSH1"])
            self.wait_event("store-failing")
        wait_until(lambda: self.opens(hub), "a tunnel can be opened again")
        self.assertGreaterEqual(self.wait_event("store-works")["seconds"], 0)
        self.assertEqual([e["event"] for e in self.events()], ["store-failing", "store-works"])

    @staticmethod
    def opens(hub):
        try:
            return hub.api.open(["SSH1"])
        except ApiError:
            return None

    def test_all_that_waits_goes_to_one_run(self):
        hub = self.hooked("--hook-events", "tunnel-opened")
        for i in range(200):
            hub.api.open(["SSH1"], thing=f"plant{i}")
        wait_until(lambda: len(self.events()) == 200, "all are told")
        self.assertEqual([e["thing"] for e in self.events()], [f"plant{i}" for i in range(200)])
        # One a second at most, so there are fewer than events.
        self.assertLess(len(self.runs()), 100)
        self.assertEqual(sum(r["given"]["dropped"] for r in self.runs()), 0)


class Bad(Hooks):
    """Scripts that do what they should not; the hub answers all the while."""

    def open_all(self, hub, n=20):
        slowest = 0
        for i in range(n):
            since = time.monotonic()
            hub.api.open(["SSH1"], thing=f"plant{i}")
            slowest = max(slowest, time.monotonic() - since)
        return slowest

    def test_hanging(self):
        """It is killed, with what it has started, and the next run gets what waited."""
        marker = self.dir / "pids"
        hub = self.hooked("--hook-timeout", "4s", script=(
            f"#!/bin/sh\nif [ ! -e {marker} ]; then sleep 1000 & echo $$ $! >{marker}.new; "
            f"mv {marker}.new {marker}; wait; fi\nexec {self.dir}/good\n"))
        self.script(name="good")
        self.open_all(hub)
        pids = [int(p) for p in wait_until(
            lambda: marker.read_text() if marker.exists() else "", "it runs").split()]
        self.wait_event("tunnel-opened", thing="plant19")
        wait_until(lambda: self.metric(hub, "runs", "late") == 1, "it is counted")
        for pid in pids:
            wait_until(lambda p=pid: is_gone(p), f"{pid} is gone")
        hub.wait_line("--hook .*: it did not end in time, and was killed")

    def test_never_reads(self):
        hub = self.hooked(script="#!/bin/sh\nexec <&-\nexec sleep 0.1\n")
        self.open_all(hub)
        wait_until(lambda: self.metric(hub, "runs", "ok") >= 1, "it has run")
        self.assertEqual(self.metric(hub, "runs", "failed"), 0)

    def test_not_there(self):
        hub = self.hooked(command="/nonexistent/hook")
        hub.wait_line("--hook /nonexistent/hook: No such file or directory")
        mark = hub.mark()
        self.open_all(hub)
        wait_until(lambda: self.metric(hub, "runs", "not-started") >= 1, "it was tried")
        hub.wait_line("--hook /nonexistent/hook: it cannot be started: No such file", after=mark)

    def test_failing_in_its_words(self):
        hub = self.hooked(script="#!/bin/sh\nprintf 'no route\\033[2J\\n' >&2\nexit 3\n")
        self.open_all(hub, 1)
        hub.wait_line(r"--hook .*: it ended with code 3: no route\\x1b\[2J$")
        wait_until(lambda: self.metric(hub, "runs", "failed") == 1, "it is counted")

    def test_too_many(self):
        """10,000 events while it hangs: what does not fit is counted, and the next run is told."""
        marker = self.dir / "first"
        hub = self.hooked("--hook-timeout", "10m", "--hook-events", "tunnel-opened,tunnel-closed",
                          script=f"#!/bin/sh\nif [ ! -e {marker} ]; then echo $$ >{marker}; "
                                 f"exec sleep 1000; fi\nexec {self.dir}/good\n")
        self.script(name="good")
        hub.api.open(["SSH1"])
        pid = int(wait_until(lambda: marker.read_text().strip() if marker.exists() else "",
                             "it runs"))
        keep = Api(hub.port, keep=True)
        with keep:
            for i in range(5000):
                tunnel = keep.open(["SSH1"], thing=f"plant{i}")["tunnelId"]
                keep.close_tunnel(tunnel, delete=True)
        told, dropped = self.metric(hub, "events"), self.metric(hub, "events_dropped")
        self.assertEqual(told + dropped, 10001)
        self.assertGreater(dropped, 5000)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.runs(), "the next run")
        given = self.runs()[0]["given"]
        self.assertEqual((given["dropped"], len(given["events"])), (dropped, told - 1))
        self.assertEqual(given["events"][0]["thing"], "plant0")

    def test_end_while_it_hangs(self):
        marker = self.dir / "pid"
        hub = self.hooked("--hook-timeout", "10m", "--grace", "100ms",
                          script=f"#!/bin/sh\necho $$ >{marker}\nexec sleep 1000\n")
        hub.api.open(["SSH1"])
        pid = int(wait_until(lambda: marker.read_text().strip() if marker.exists() else "",
                             "it runs"))
        self.assertEqual(hub.terminate(), 0)
        self.assertTrue(is_gone(pid))


@unittest.skipUnless(shutil.which("jq"), "jq is not installed")
class Page(Hooks):
    def test_script_of_the_page(self):
        """share/doc/hub.md has one that sends a message for each device that is away."""
        page = (ROOT / "share/doc/hub.md").read_text()
        script, = re.findall(r"^```sh\n(#!/bin/sh\njq .*?)^```", page, re.M | re.S)
        sent = self.dir / "sent"
        self.script(f'#!/bin/sh\nprintf "%s|" "$@" >>{sent}\necho >>{sent}\n', name="curl")
        self.hub().terminate()
        store.invite(self.dir / "state", JOIN, ["plant7-*"])
        hub = self.hooked(script=script,
                          env=environment(PATH=f"{self.dir}:{os.environ['PATH']}"))
        link = Link(hub)
        self.assertEqual(link.enter("plant7-a", Key(self.dir), JOIN).kind, "welcome")
        link.drop()
        wait_until(lambda: sent.exists() and sent.read_text().endswith("\n"), "a message")
        self.assertRegex(sent.read_text(), r"^-sS\|-d\|plant7-a is away: .+\|https://ntfy\.example/plant\|\n$")


class Options(Hooks):
    def test_reload(self):
        options = self.dir / "hub.conf"
        options.write_text(f"hook = {self.script()}\nhook-events = tunnel-opened\n")
        hub = self.hub("--config", options)
        hub.api.open(["SSH1"], thing="one")
        self.wait_event("tunnel-opened", thing="one")

        def read_again(text):
            options.write_text(text)
            mark = hub.mark()
            hub.process.send_signal(signal.SIGHUP)
            hub.wait_line("access keys and limits were read again", after=mark)

        read_again(f"hook = {self.dir}/hook\nhook-events = none\n")
        hub.wait_line('hook-events.* has "none", which is no event')
        hub.api.open(["SSH1"], thing="two")
        self.wait_event("tunnel-opened", thing="two")
        read_again("")
        before = self.metric(hub, "events")
        hub.api.open(["SSH1"], thing="three")
        self.assertEqual(self.metric(hub, "events"), before)

    def test_wrong_ones(self):
        cert = certificates.certificate()
        for options, pattern in ((("--hook-events", "device"), "no event"),
                                 (("--hook-timeout", "0"), "between 100ms and 10m"),
                                 (("--hook-timeout", "1h"), "between 100ms and 10m"),
                                 (("--hook-refusals", "0"), "hook-refusals"),
                                 (("--hook", "/nonexistent/x"), "No such file")):
            with self.subTest(options):
                done = run(self.program("tunnel-hub"), "--check-config", "--cert", str(cert.cert),
                           "--key", str(cert.key), "--state", str(self.dir / "state"), *options,
                           cwd=self.dir)
                self.assertNotEqual(done.code, 0)
                self.assertRegex(done.text + done.err, pattern)


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


if __name__ == "__main__":
    unittest.main()
