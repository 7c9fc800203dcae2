"""--check-config: what is wrong is told without anything being started."""

import unittest

import certificates
from harness import Case, write_secret
from programs import environment, run


class CheckConfig(Case):
    def check(self, program, *options, command=(), env=None):
        return run(self.program(program), *command, "--check-config", *map(str, options),
                   cwd=self.dir, env=env)

    def assert_good(self, done, program):
        self.assertEqual((done.code, done.text, done.err),
                         (0, f"{program}: the configuration is good\n", ""))

    def assert_bad(self, done, pattern):
        self.assertEqual(done.code, 1, done)
        self.assertRegex(done.text + done.err, pattern)
        self.assertNotIn("is good", done.text)

    def test_hub(self):
        cert = certificates.certificate()
        pair = ["--cert", cert.cert, "--key", cert.key]
        usual = [*pair, "--state", self.dir / "state"]
        self.assert_good(self.check("tunnel-hub", *usual), "tunnel-hub")
        self.assertFalse((self.dir / "state").exists())  # nothing is made
        (self.dir / "limits").write_text("services-per-tunnel = many\n")
        keys = write_secret(self.dir / "keys", "[key AKIDEXAMPLE]\n")
        for more, pattern in ((("--cert", cert.key), "given twice"),
                              (("--limits", self.dir / "limits"), "limits"),
                              (("--keys", keys), "keys"),
                              (("--device-ca", self.dir / "none.pem"), "none.pem"),
                              (("--workers", "0"), "--workers")):
            self.assert_bad(self.check("tunnel-hub", *usual, *more), pattern)
        other = certificates.certificate(names="DNS:other")
        self.assert_bad(self.check("tunnel-hub", "--cert", cert.cert, "--key", other.key,
                                   "--state", "state"), "key")

    def test_ends(self):
        token = self.made_up_token()
        ca = certificates.certificate().ca
        for program, more in (("tunnel-gateway", ()), ("tunnel-agent", ("-d", "SSH1=22"))):
            usual = ["-e", "hub.example:443", "--token-file", token, *more]
            self.assert_good(self.check(program, *usual, "--ca", ca), program)
            for wrong, pattern in ((("--ca", self.dir / "none.pem"), "none.pem"),
                                   (("--ca", ca, "--web-proxy", "ftp://x"), "web-proxy|proxy"),
                                   (("--ca", ca, "--ping-period", "1"), "--ping-period")):
                self.assert_bad(self.check(program, *usual, *wrong), pattern)

    def test_proxy_of_the_environment(self):
        token, ca = self.made_up_token(), certificates.certificate().ca
        done = self.check("tunnel-agent", "-e", "hub.example:443", "--token-file", token, "--ca",
                          ca, "-d", "SSH1=22", env=environment() | {"https_proxy": "ftp://x"})
        self.assert_bad(done, "proxy's URL")

    def test_localproxy(self):
        token, ca = self.made_up_token(), certificates.certificate().ca
        env = environment() | {"AWSIOT_TUNNEL_ACCESS_TOKEN": token.read_text().strip()}
        usual = ["-e", "hub.example:443", "-d", "SSH1=22"]
        done = self.check("localproxy", *usual, "--ca", ca, env=env)
        self.assertEqual((done.code, done.err), (0, ""), done)
        self.assertEqual(done.text.splitlines()[1:], ["localproxy: the configuration is good"])
        (self.dir / "bare").mkdir()
        (self.dir / "settings.json").write_text('{"tunneling.proxy": 7')
        for more, pattern in ((("-c", self.dir / "bare"), "no certificate"),
                              (("-s", "SSH1=5555"), "one and only one"),
                              (("--settings-json", self.dir / "settings.json"), "settings.json"),
                              (("--config-dir", self.dir / "bare"), "no mappings")):
            self.assert_bad(self.check("localproxy", *usual, *more, env=env), pattern)

    def test_tunnelctl(self):
        ca = certificates.certificate().ca
        home = self.dir / ".aws"
        home.mkdir()
        (home / "credentials").write_text("[default]\naws_access_key_id = AKIDEXAMPLE\n"
                                          "aws_secret_access_key = secret\n")
        (home / "config").write_text("[profile away]\nsso_start_url = https://x\n")
        env = environment() | {"HOME": str(self.dir)}
        usual = ["--endpoint", "hub.example:443"]
        env["AWS_CA_BUNDLE"] = str(ca)
        for command in ("open", "list", "close", "describe", "rotate", "tag", "untag", "cut"):
            self.assert_good(self.check("tunnelctl", *usual, command=(command,), env=env),
                             f"tunnelctl {command}")
        token = self.dir / "nowhere" / "token"
        for command, more, pattern in (
                ("list", ("--ca", self.dir / "none.pem"), "none.pem"),
                ("list", ("--profile", "away"), "sso"),
                ("list", ("--region", "EU"), "region"),
                ("open", ("--lifetime", "soon"), "--lifetime"),
                ("open", ("--services", "a,,b"), "--services"),
                ("open", ("--keep-open",), "--run-source"),
                ("rotate", ("--source-token-file", token), "nowhere")):
            with self.subTest(pattern):
                self.assert_bad(self.check("tunnelctl", *usual, *more, command=(command,),
                                           env=env), pattern)
        self.assertFalse(token.exists())

    def test_tui(self):
        self.assert_good(self.check("tunnel-tui", "--socket", "/nowhere.sock"), "tunnel-tui")
        options = self.dir / "tui.conf"
        options.write_text("refresh = 2\nsort = -age\n")
        self.assert_good(self.check("tunnel-tui", "--config", options), "tunnel-tui")
        options.write_text("refresh = 90\n")
        for wrong, pattern in ((("--config", options), "--refresh"),
                               (("--replay", self.dir / "none"), "none"),
                               (("--nonsense",), "nonsense")):
            self.assert_bad(self.check("tunnel-tui", *wrong), pattern)


if __name__ == "__main__":
    unittest.main()
