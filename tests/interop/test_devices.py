"""The walk of a fleet, with real programs and clients: a person invites, devices enrol and stand by,
and whoever has an access key types `ssh SSH1.pump-07.tunnel`, with no token carried by hand."""

import json
import unittest

import certificates
from api import Key
from amazon_cli import KEY, AwsCase
from harness import verbose
from origins import Http
from programs import environment, run, wait_until
from sshd import Sshd

ELSEWHERE = Key("AKIDELSEWHERE", "bPxRfiCYEXAMPLEKEYbPxRfiCYEXAMPLEKEY")


class Base(AwsCase):
    certificates = False  # devices may have them

    def setUp(self):
        super().setUp()
        self.web, self.sshd = self.origin(Http("web")), Sshd(self, self.dir)
        self.services = f"SSH1={self.sshd.port},HTTP1={self.web.port}"
        keys = self.keys_file(KEY.section(), ELSEWHERE.section(things="other-*"))
        self.keys = keys
        self.open_hub()
        self.home = self.dir / "home"
        self.home.mkdir()

    def open_hub(self, **options):
        more = ("--device-ca", certificates.device("pump-09").ca) if self.certificates else ()
        self.the_hub = self.hub("--keys", self.keys, *more, unsigned=False, **options)

    # ---- people ----

    def signed(self, key=KEY):
        return environment(HOME=self.home, AWS_ACCESS_KEY_ID=key.id,
                           AWS_SECRET_ACCESS_KEY=key.secret)

    def devices(self, *words):
        """tunnelctl devices, which works."""
        done = run(self.program("tunnelctl"), "devices", *words, "--endpoint",
                   f"https://localhost:{self.the_hub.port}", "--ca", certificates.certificate().ca,
                   cwd=self.dir, env=self.signed())
        self.assertEqual(done.code, 0, done)
        return done.text

    def state(self, name):
        for row in json.loads(self.devices("--json"))["devices"]:
            if row["device"] == name:
                return row
        return {}

    def invite(self, *more):
        file = self.dir / "join"
        self.devices("invite", "--names", "pump-*", "--labels", "site=7", "--uses", "2",
                     "--token-file", file, *more)
        return file

    def open_gateway(self, key=KEY):
        gateway = self.start(self.program("tunnel-gateway"), "-e",
                             f"localhost:{self.the_hub.port}", "--ca",
                             certificates.certificate().ca, "--listen", "127.0.0.1:0",
                             *verbose(()), env=self.signed(key))
        port = gateway.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1)
        gateway.proxy = f"127.0.0.1:{port}"
        return gateway

    # ---- devices ----

    def agent(self, name, *more):
        """One that stands by, with a state directory of its own."""
        folder = self.dir / f"{name}.run"
        folder.mkdir(exist_ok=True)
        agent = self.start(self.program("tunnel-agent"), "-e", f"localhost:{self.the_hub.port}",
                           "--ca", certificates.certificate().ca, "--state-dir",
                           self.dir / f"{name}.state", "-d", self.services, *verbose(more), *more,
                           env=environment(XDG_RUNTIME_DIR=folder))
        agent.wait_line("stands by")
        return agent

    def certified(self, name):
        device = certificates.device(name)
        return self.agent(name, "--device", name, "--cert", device.cert, "--key", device.key)

    # ---- clients ----

    def ssh(self, gateway, device, *command):
        how = f"nc -X 5 -x {gateway.proxy} %h %p"
        return run("ssh", *self.sshd.options(how), self.sshd.user(f"SSH1.{device}.tunnel"),
                   *command, cwd=self.dir)

    def curl(self, gateway, device, *more):
        """(status, body) by way of the HTTP proxy."""
        done = run("curl", "-sS", "-x", f"http://{gateway.proxy}", "-w", "\n%{http_code}", *more,
                   f"http://http1.{device}.tunnel/page", cwd=self.dir)
        body, _, status = done.text.rpartition("\n")
        return int(status or 0), body

    def socks_reply(self, gateway, device):
        """curl's own number for the reply, out of its sentence."""
        done = run("curl", "-sS", "--socks5-hostname", gateway.proxy,
                   f"http://http1.{device}.tunnel/page", cwd=self.dir)
        return int(done.err.rstrip().rstrip(".").rpartition("(")[2].rstrip(")"))

    def assert_refused(self, gateway, device, status, reply, words):
        got, body = self.curl(gateway, device)
        self.assertEqual(got, status, body)
        self.assertRegex(body, words)
        self.assertEqual(self.socks_reply(gateway, device), reply)

    def assert_reached(self, when, gateway, *devices):
        for device in devices:
            with self.subTest(f"{when}: {device}"):
                done = self.ssh(gateway, device, "echo over $((40 + 2))")
                self.assertEqual((done.text, done.code), ("over 42\n", 0),
                                 f"{done}\n{gateway.output()[-3000:]}\n{self.the_hub.output()[-3000:]}")
                status, body = self.curl(gateway, device)
                self.assertEqual(status, 200, body)
                self.assertIn("<p id=p>web</p>", body)

class Walk(Base):
    certificates = True

    def test_three_devices(self):
        join = self.invite()
        first = ("--device", "pump-07", "--join-token-file", join)
        agents = {"pump-07": self.agent("pump-07", *first),
                  "pump-08": self.agent("pump-08", "--device", "pump-08",
                                        "--join-token-file", join),
                  "pump-09": self.certified("pump-09")}
        gateway = self.open_gateway()
        self.assert_reached("at first", gateway, *agents)
        self.assertEqual(self.state("pump-07")["labels"], [{"key": "site", "value": "7"}])
        listed = run(self.program("tunnel-gateway"), "services", "--gateway", gateway.proxy,
                     cwd=self.dir)
        self.assertIn("ssh1.pump-07.tunnel", listed.text)
        with self.subTest("chromium"):
            page = run("chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
                       "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                       "--disable-background-networking", "--disable-component-update",
                       "--disable-sync", "--no-default-browser-check",
                       f"--user-data-dir={self.dir}/profile", "--virtual-time-budget=20000",
                       f"--proxy-pac-url=http://{gateway.proxy}/proxy.pac", "--dump-dom",
                       "http://HTTP1.pump-08.tunnel/page", cwd=self.dir, deadline=240)
            self.assertIn('<p id="p">web</p>', page.text, page)
        # Each agent is started again.
        agents["pump-07"].terminate()
        agents["pump-08"].kill()
        agents["pump-07"] = self.agent("pump-07")  # it needs neither name nor token any more
        agents["pump-08"] = self.agent("pump-08")
        agents["pump-09"].terminate()
        agents["pump-09"] = self.certified("pump-09")
        self.assert_reached("after their restart", gateway, *agents)
        # The hub is killed.
        port = self.the_hub.port
        self.the_hub.kill()
        self.open_hub(port=port)
        wait_until(lambda: all(self.state(name).get("present") for name in agents),
                   "the devices to be back")
        self.assert_reached("after the hub's restart", gateway, *agents)
        gateway.kill()
        self.assert_reached("with another gateway", self.open_gateway(), *agents)


class Others(Base):
    def test_those_who_do_not_come(self):
        join = self.invite()
        gateway = self.open_gateway()
        self.assert_refused(gateway, "pump-01", 502, 4, "no device pump-01")
        agent = self.agent("pump-07", "--device", "pump-07", "--join-token-file", join)
        agent.terminate()
        wait_until(lambda: not self.state("pump-07")["present"], "it to be away")
        wait_until(lambda: self.curl(gateway, "pump-07")[0] == 503, "it to be away for the gateway")
        self.assert_refused(gateway, "pump-07", 503, 4, "pump-07 is away")
        agent = self.agent("pump-07", "--accept", "never")
        wait_until(lambda: self.curl(gateway, "pump-07")[0] == 403, "it to reject")
        self.assert_refused(gateway, "pump-07", 403, 2, "accept")
        agent.terminate()
        no = self.dir / "no"
        no.write_text("#!/bin/sh\necho \"not while $TUNNEL_SERVICE is being mended\"\nexit 1\n")
        no.chmod(0o755)
        agent = self.agent("pump-07", "--accept-command", no)
        wait_until(lambda: "mended" in self.curl(gateway, "pump-07")[1], "its own words")
        self.assert_refused(gateway, "pump-07", 403, 2, "not while .* is being mended")

    def test_no_answer(self):
        sleeps = self.dir / "sleeps"
        sleeps.write_text("#!/bin/sh\nexec sleep 600\n")
        sleeps.chmod(0o755)
        self.agent("pump-07", "--device", "pump-07", "--join-token-file", self.invite(),
                   "--accept-command", sleeps)
        gateway = self.start(self.program("tunnel-gateway"), "-e",
                             f"localhost:{self.the_hub.port}", "--ca",
                             certificates.certificate().ca, "--listen", "127.0.0.1:0",
                             "--device-timeout", "1s", *verbose(()), env=self.signed())
        port = gateway.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1)
        gateway.proxy = f"127.0.0.1:{port}"
        self.assert_refused(gateway, "pump-07", 504, 6, "did not answer")

    def test_disabled_in_the_middle(self):
        agent = self.agent("pump-07", "--device", "pump-07", "--join-token-file", self.invite())
        gateway = self.open_gateway()
        how = f"nc -X 5 -x {gateway.proxy} %h %p"
        ssh = self.start("ssh", *self.sshd.options(how), self.sshd.user("SSH1.pump-07.tunnel"),
                         "echo here; sleep 600", ends=(255,))
        ssh.wait_line("here")
        self.devices("disable", "pump-07")
        ssh.wait()
        agent.wait_line("disabled")
        status, body = self.curl(gateway, "pump-07")
        self.assertIn(status, (403, 502, 503), body)
        self.devices("enable", "pump-07")
        agent.terminate()  # it would try again within a minute
        self.agent("pump-07")
        wait_until(lambda: self.curl(gateway, "pump-07")[0] == 200, "it to be reached")

    def test_a_key_without_rights(self):
        self.agent("pump-07", "--device", "pump-07", "--join-token-file", self.invite())
        stranger = self.open_gateway(ELSEWHERE)
        self.assert_refused(stranger, "pump-07", 502, 4, "no device pump-07")
        done = run(self.program("tunnelctl"), "devices", "show", "pump-07", "--endpoint",
                   f"https://localhost:{self.the_hub.port}", "--ca", certificates.certificate().ca,
                   cwd=self.dir, env=self.signed(ELSEWHERE))
        self.assertNotEqual(done.code, 0, done)

    def test_open_tunnel_alone(self):
        """The AWS command line opens a tunnel; nobody carries its destination token."""
        agent = self.agent("pump-07", "--device", "pump-07", "--join-token-file", self.invite())
        opened = self.told("open-tunnel", "--destination-config",
                           "thingName=pump-07,services=SSH1,HTTP1")
        agent.wait_line("Successfully established")
        token = self.dir / "source"
        token.write_text(opened["sourceAccessToken"])
        token.chmod(0o600)
        gateway = self.start(self.program("tunnel-gateway"), "-e",
                             f"localhost:{self.the_hub.port}", "--ca",
                             certificates.certificate().ca, "--listen", "127.0.0.1:0",
                             "--token-file", token, *verbose(()))
        port = gateway.wait_line(r"Listening on 127\.0\.0\.1:(\d+)").group(1)
        how = f"nc -X 5 -x 127.0.0.1:{port} %h %p"
        done = run("ssh", *self.sshd.options(how), self.sshd.user("SSH1.tunnel"), "echo hello",
                   cwd=self.dir)
        self.assertEqual(done.text, "hello\n", done)


if __name__ == "__main__":
    unittest.main()
