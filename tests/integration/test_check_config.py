"""--check-config: what is wrong is told without anything being started."""

import unittest

import certificates
from harness import Case, write_secret
from programs import run


class CheckConfig(Case):
    def check(self, program, *options):
        return run(self.program(program), "--check-config", *map(str, options), cwd=self.dir)

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


if __name__ == "__main__":
    unittest.main()
