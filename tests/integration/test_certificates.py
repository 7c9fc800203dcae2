"""What the hub says of its own certificate, what clients say of a wrong one, and who is warned that
a tunnel ends."""

import os
import shutil
import signal
import unittest

import certificates
import ops
from control import Control
from harness import Case
from origins import Http
from sockets import get, socks5


def until(days):
    """As openssl ca takes it."""
    import datetime
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return end.strftime("%Y%m%d%H%M%SZ")


class Watched(Case):
    def seen(self, program):
        return Control(self.dir / program / "admin.sock")


class OwnCertificate(Watched):
    def test_what_is_told_at_the_start(self):
        good = certificates.certificate(end=until(400))
        for cert, line in (
                (good, "for localhost, issued by CN=test ca, valid until 20"),
                (certificates.expired(), "warning.*the certificate expired on 2020-02-01 00:00 UTC"),
                (certificates.certificate(start="20480101000000Z"),
                 "warning.*is not valid before 2048-01-01"),
                (certificates.certificate(end=until(20)), "warning.*the certificate expires on 20")):
            with self.subTest(line):
                hub = self.hub(cert=cert)
                hub.wait_line(line)
                self.assertEqual(hub.terminate(), 0)

    def test_reload(self):
        """One that has ended is taken, with a warning, and clients see it."""
        mine = [self.dir / name for name in ("hub.pem", "hub.key")]

        def install(cert):
            for file, target in zip((cert.cert, cert.key), mine):
                shutil.copy(file, self.dir / "new")
                os.replace(self.dir / "new", target)

        good = certificates.certificate(end=until(400))
        install(good)
        hub = self.hub(cert=certificates.Certificate(*mine, good.ca))
        name = "tunnel_hub_certificate_expires_timestamp_seconds"
        before = ops.metrics(hub)[name]
        mark = hub.mark()
        install(certificates.expired())
        hub.process.send_signal(signal.SIGHUP)
        hub.wait_line("warning.*the certificate expired on 2020-02-01", after=mark)
        hub.wait_line("certificate and key were read again", after=mark)
        self.assertGreater(before, ops.metrics(hub)[name])
        self.assertEqual(ops.metrics(hub)[name], 1580515200)
        seen = self.seen("tunnel-hub").snapshot()
        self.assertEqual(seen["certificate_ends"], 1580515200)
        self.assertEqual([(e["event"], e["text"]) for e in seen["events"]["list"]],
                         [("certificate", "the certificate expired on 2020-02-01 00:00 UTC")])

    def test_event_at_the_start(self):
        self.hub(cert=certificates.certificate(end=until(20)))
        event = self.seen("tunnel-hub").snapshot()["events"]["list"][0]
        self.assertEqual(event["event"], "certificate")
        self.assertIn("the certificate expires on 20", event["text"])

    def test_order(self):
        """A file that is out of order, with doubles and strays, is put right before it is sent."""
        good, other = certificates.certificate(), certificates.authority("other") / "ca.pem"
        jumble = self.dir / "jumble.pem"
        jumble.write_text("".join(f.read_text() for f in (other, good.ca, good.cert, good.ca)))
        hub = self.hub(cert=certificates.Certificate(jumble, good.key, good.ca))
        hub.wait_line("warning.*not in order")
        hub.wait_line("warning.*2 certificates are there twice or do not belong")
        web = self.origin(Http("web"))
        tokens = self.tunnel({"HTTP1": web})
        self.agent(hub, tokens, {"HTTP1": web})
        gateway = self.gateway(hub, tokens)
        with socks5(gateway.port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))

    def test_wrong_key(self):
        cert, other = certificates.certificate(), certificates.certificate(key="rsa")
        hub = self.start(self.program("tunnel-hub"), "--cert", cert.cert, "--key", other.key,
                         "--state", self.dir / "state", "--ops-listen", "off", "--listen",
                         "127.0.0.1:0", ends=(1,))
        self.assertEqual(hub.wait(), 1)
        hub.wait_line("is an RSA key, but the certificate")


class WrongOnes(Case):
    def refused(self, says, **how):
        hub = self.hub(cert=certificates.certificate(**how))
        agent = self.end("tunnel-agent", hub, self.made_up_token(), "-d", "HTTP1=80")
        agent.wait_line(says)
        agent.terminate()
        hub.terminate()

    def test_in_words(self):
        self.refused("that of CN=hub is issued by CN=test other", ca="other")
        self.refused(r"expired: that of CN=hub was valid until 2020-02-01 00:00 UTC \(the clock "
                     "here says 20", start="20200101000000Z", end="20200201000000Z")
        self.refused("not yet valid: that of CN=hub is valid from 2048-01-01",
                     start="20480101000000Z")

    def test_device_as_hub(self):
        """A device's certificate, of an authority that is trusted, is no hub's."""
        made = certificates.device("press7", ca="ca")
        hub = self.hub(cert=made)
        agent = self.end("tunnel-agent", hub, self.made_up_token(), "-d", "HTTP1=80")
        agent.wait_line("not meant for TLS servers")


class Ending(Watched):
    def test_both_ends_warn(self):
        """When less than an hour is left already: at once, and once."""
        web = self.origin(Http("web"))
        tokens = self.tunnel({"HTTP1": web}, lifetime=30)
        hub = self.hub()
        line = "warning.*the tunnel expires in 30 min"
        agent, gateway = self.agent(hub, tokens, {"HTTP1": web}), self.gateway(hub, tokens)
        for end in (agent, gateway):
            end.wait_line(line)
        for program in ("tunnel-agent", "tunnel-gateway"):
            told = [e for e in self.seen(program).snapshot()["events"]["list"]
                    if e["event"] == "ending"]
            self.assertEqual(len(told), 1)
            self.assertIn("the tunnel expires in 30 min", told[0]["text"])
        tokens = self.tunnel({"HTTP1": web}, lifetime=90)
        gateway = self.gateway(hub, tokens)
        self.assertFalse(gateway.has_line("expires in"))


if __name__ == "__main__":
    unittest.main()
