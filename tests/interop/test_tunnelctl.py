"""tunnelctl: the same operations from the shell, for people and for scripts, against our hub and
beside the AWS CLI's settings; and a gateway run by it."""

import json
import pathlib
import unittest

import certificates
from api import Api, Key
from harness import ESTABLISHED, Case
from origins import Http
from programs import environment, run, wait_until
from sockets import get, socks5

KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


class Base(Case):
    def setUp(self):
        super().setUp()
        self.the_hub = self.hub("--keys", self.keys_file(KEY.section()), unsigned=False)
        self.api = Api(self.the_hub.port, KEY)
        self.home = self.dir / "home"
        self.home.mkdir()

    def settings(self, **variables):
        """No key of the person who runs the tests."""
        return environment(**({"HOME": self.home} | variables))

    def by_key(self, **variables):
        return self.settings(AWS_ACCESS_KEY_ID=KEY.id, AWS_SECRET_ACCESS_KEY=KEY.secret,
                             **variables)

    def words(self, command, *args):
        where = [] if "--endpoint" in args else ["--endpoint",
                                                 f"https://localhost:{self.the_hub.port}"]
        return [self.program("tunnelctl"), command, *where, "--ca",
                certificates.certificate().ca, *args]

    def ctl(self, command, *args, env=None):
        return run(*self.words(command, *args), cwd=self.dir, env=env or self.by_key())

    def told(self, command, *args, **options):
        """The JSON of a command that works."""
        done = self.ctl(command, *args, "--json", **options)
        self.assertEqual(done.code, 0, done)
        return json.loads(done.text)

    def said(self, command, *args, **options):
        """The text of a command that works."""
        done = self.ctl(command, *args, **options)
        self.assertEqual(done.code, 0, done)
        return done.text


class Commands(Base):
    def test_json(self):
        opened = self.told("open", "--thing", "press7", "--services", "HTTP1,SSH1", "--lifetime",
                           "30", "--description", "Zähler 😀", "--tag", "team=ops", "--tag", "a=")
        tunnel = opened["tunnelId"]
        self.assertEqual(set(opened), {"tunnelId", "tunnelArn", "sourceAccessToken",
                                       "destinationAccessToken"})
        seen = self.told("describe", tunnel)["tunnel"]
        self.assertEqual(seen, self.api.describe(tunnel))
        self.assertEqual((seen["description"], seen["destinationConfig"], seen["timeoutConfig"]),
                         ("Zähler 😀", {"thingName": "press7", "services": ["HTTP1", "SSH1"]},
                          {"maxLifetimeTimeoutMinutes": 30}))
        self.assertEqual([t["tunnelId"] for t in self.told("list")["tunnelSummaries"]], [tunnel])
        self.assertEqual(set(self.told("rotate", tunnel, "--source")),
                         {"tunnelArn", "sourceAccessToken"})
        self.told("tag", tunnel, "site=north", "team=dev")
        self.told("untag", tunnel, "a")
        tags = {t["key"]: t["value"] for t in self.api.describe(tunnel)["tags"]}
        self.assertEqual(tags, {"team": "dev", "site": "north"})
        self.assertEqual(self.told("close", tunnel), {})
        self.assertEqual(self.told("list"), {"tunnelSummaries": []})
        self.assertEqual([t["status"] for t in self.told("list", "--all")["tunnelSummaries"]],
                         ["CLOSED"])

    def test_for_people(self):
        text = self.said("open", "--thing", "press7", "--services", "HTTP1,SSH1")
        tunnel = self.api.list()[0]["tunnelId"]
        self.assertIn(tunnel, text)
        self.assertIn("HTTP1=PORT,SSH1=PORT", text)
        for command in ("describe", "list"):
            text = self.said(command, *([tunnel] if command == "describe" else []))
            for word in (tunnel, "press7", "HTTP1, SSH1", "OPEN"):
                self.assertIn(word, text)
        self.assertIn("closed", self.said("close", tunnel[:8]))  # a part of the id is enough
        self.assertIn("No open tunnels", self.said("list"))
        self.assertIn(tunnel, self.said("list", "--all"))
        self.said("close", tunnel, "--delete")
        self.assertIn("No tunnels", self.said("list", "--all"))

    def test_pages(self):
        made = [self.api.open(["SSH1"])["tunnelId"] for _ in range(150)]
        listed = [t["tunnelId"] for t in self.told("list")["tunnelSummaries"]]
        self.assertEqual(listed, made[::-1])

    def test_printed_commands_work(self):
        """What it prints for the device and for here can be pasted into a shell."""
        web = self.origin(Http("web"))
        text = self.said("open", "--services", "HTTP1")
        lines = text.replace("\\\n", " ").splitlines()
        commands = [line.strip() for line in lines if "AWSIOT_TUNNEL_ACCESS_TOKEN=" in line]
        self.assertEqual(len(commands), 2, text)
        path = {"PATH": f"{self.bin}:/usr/bin:/bin"}
        device, here = commands
        device = device.replace("HTTP1=PORT", f"HTTP1={web.port}")
        self.start("sh", "-c", f"exec env {device} -v 5", env=self.settings(**path)) \
            .wait_line(ESTABLISHED)
        gateway = self.start("sh", "-c", f"exec env {here} --listen 127.0.0.1:0 -v 5",
                             env=self.settings(**path))
        port = int(gateway.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1))
        gateway.wait_line("is up, with")
        with socks5(port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))

    def test_errors(self):
        nowhere = "b2de92a3-b8ff-46c0-b0f2-afa28b00cecd"
        self.said("open", "--thing", "plant7", "--services", "SSH1")
        for args, code, pattern in (
                (("describe", nowhere), 1, "does not exist"),
                (("describe", "b2de92a3"), 1, "(?i)no tunnel"),
                (("describe", "plant7"), 1, r"did you mean thing:plant7\?"),
                (("describe",), 1, "which tunnel"),
                (("open", "--thing", "press7"), 1, "--services"),
                (("open", "--services", "a/b"), 1, "services"),
                (("open", "--services", "A", "--lifetime", "721"), 1, "720"),
                (("list", "--endpoint", "localhost:1"), 2, "refused"),
                (("list", "--endpoint", "http://localhost:1"), 1, "https")):
            with self.subTest(args):
                done = self.ctl(*args)
                self.assertEqual(done.code, code, done)
                self.assertRegex(done.err, pattern)
                self.assertEqual(done.out, b"")


class Keys(Base):
    """The same places as the AWS CLI has, in the same order."""

    def profile(self, **profiles):
        folder = self.home / ".aws"
        folder.mkdir(exist_ok=True)
        file = folder / "credentials"
        file.write_text("".join(f"[{name}]\naws_access_key_id = {key.id}\n"
                                f"aws_secret_access_key = {key.secret}\n"
                                for name, key in profiles.items()))
        file.chmod(0o600)

    def test_places(self):
        wrong = Key(KEY.id, "wrong")
        self.profile(default=wrong, right=KEY)
        self.told("list", "--profile", "right", env=self.settings())
        self.told("list", env=self.settings(AWS_PROFILE="right"))
        self.told("list", env=self.by_key())  # before the file
        done = self.ctl("list", env=self.settings())
        self.assertEqual(done.code, 1, done)
        self.assertIn("signature", done.err)
        self.profile(default=KEY)
        self.told("list", env=self.settings())
        done = self.ctl("list", "--profile", "nobody", env=self.settings())
        self.assertEqual(done.code, 1, done)
        self.assertIn("nobody", done.err)

    def test_authority_by_environment(self):
        ca = certificates.certificate().ca
        command = [self.program("tunnelctl"), "list", "--json", "--endpoint",
                   f"localhost:{self.the_hub.port}"]
        done = run(*command, env=self.by_key(AWS_CA_BUNDLE=ca))
        self.assertEqual(done.code, 0, done)
        done = run(*command, env=self.by_key())
        self.assertNotEqual(done.code, 0, done)
        self.assertIn("not signed by a trusted authority", done.err)

    def test_unsigned(self):
        """To a hub on this machine that allows it; this one does not."""
        done = self.ctl("list", "--unsigned")
        self.assertEqual(done.code, 1, done)
        self.assertRegex(done.err, "(?i)missing authentication token")
        self.the_hub.terminate()
        self.the_hub = self.hub()
        self.told("list", "--unsigned")
        self.told("list", env=self.settings())  # no key anywhere: nothing to sign with


class Tokens(Base):
    def test_files(self):
        source, destination = self.dir / "s.token", self.dir / "d.token"
        opened = self.told("open", "--services", "A", "--source-token-file", source,
                           "--destination-token-file", destination)
        self.assertEqual(set(opened), {"tunnelId", "tunnelArn"})
        for file in (source, destination):
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        before = source.read_text()
        self.told("rotate", opened["tunnelId"], "--source", "--source-token-file", source)
        self.assertNotEqual(source.read_text(), before)

    def test_nowhere_to_write(self):
        """Then no tunnel is opened whose tokens nobody gets."""
        done = self.ctl("open", "--services", "A", "--source-token-file",
                        self.dir / "no/such/folder")
        self.assertEqual(done.code, 1, done)
        self.assertEqual([t for t in self.api.list() if t["status"] == "OPEN"], [])


class RunSource(Base):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http("web"))
        self.destination = self.dir / "d.token"

    def run_source(self, *more, **options):
        """tunnelctl open --run-source, and an agent; the gateway's port."""
        program = self.start(*self.words(
            "open", "--thing", "press7", "--services", "HTTP1", "--destination-token-file",
            self.destination, "--run-source", *more, "--", "--listen", "127.0.0.1:0", "-v", "5"),
            env=self.by_key(), **options)
        port = int(program.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1))
        self.end("tunnel-agent", self.the_hub, self.destination, "-d",
                 f"HTTP1={self.web.address}").wait_line(ESTABLISHED)
        program.wait_line("is up, with")
        with socks5(port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
        return program

    def family(self, pid):
        """The process and its children."""
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def test_way_and_its_end(self):
        program = self.run_source()
        tunnel = self.api.list()[0]
        self.assertEqual(tunnel["status"], "OPEN")
        processes = self.family(program.pid)
        self.assertEqual(len(processes), 2)
        gateway = pathlib.Path(f"/proc/{processes[1]}")
        arguments = gateway.joinpath("cmdline").read_bytes() + \
            pathlib.Path(f"/proc/{program.pid}/cmdline").read_bytes()
        self.assertIn(b"tunnel-gateway", arguments)
        surroundings = gateway.joinpath("environ").read_bytes()
        self.assertNotIn(KEY.secret.encode(), surroundings)
        self.assertNotIn("AccessToken", program.output())
        self.assertEqual(program.terminate(), 0, program.output()[-2000:])
        wait_until(lambda: self.api.describe(tunnel["tunnelId"])["status"] == "CLOSED",
                   "the tunnel's end")

    def test_keep_open(self):
        program = self.run_source("--keep-open")
        self.assertEqual(len(self.family(program.pid)), 1)  # it became the gateway
        self.assertEqual(program.terminate(), 0, program.output()[-2000:])
        self.assertEqual(self.api.list()[0]["status"], "OPEN")

    def test_closed_from_elsewhere(self):
        program = self.run_source()
        self.api.close_tunnel(self.api.list()[0]["tunnelId"])
        program.wait_line("(?i)closed")
        self.assertEqual(program.wait(), 0)

    def test_taken_over(self):
        """Somebody else has a new source token: the tunnel is theirs."""
        program = self.run_source(ends=(3,))
        tunnel = self.api.list()[0]["tunnelId"]
        self.told("rotate", tunnel, "--source")
        self.assertEqual(program.wait(), 3)
        program.wait_line("its source token was replaced by someone else; the tunnel .* stays open")
        self.assertEqual(self.api.describe(tunnel)["status"], "OPEN")


if __name__ == "__main__":
    unittest.main()
