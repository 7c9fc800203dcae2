"""TLS as others see it: kinds of keys, where trust comes from, versions and ciphers, resumption,
addresses instead of names."""

import shutil
import socket
import unittest

import certificates
from harness import ESTABLISHED, Case
from origins import Http
from programs import environment, run
from sockets import get, socks5


class Trust(Case):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http("web"))
        self.services = {"HTTP1": self.web}

    def agent_with(self, hub, tokens, *more, endpoint=None, **options):
        """An agent without the harness's --ca."""
        agent = self.start(self.program("tunnel-agent"), "-e",
                           endpoint or f"localhost:{hub.port}", "--token-file",
                           tokens.destination, "-d", f"HTTP1={self.web.address}", *more, **options)
        agent.wait_line(ESTABLISHED)
        return agent

    def test_rsa_key(self):
        cert = certificates.certificate(key="rsa")
        tokens = self.tunnel(self.services)
        hub = self.hub(cert=cert)
        self.agent(hub, tokens, self.services)
        gateway = self.gateway(hub, tokens)
        with socks5(gateway.port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))

    def test_directory_without_hash_links(self):
        folder = self.dir / "authorities"
        folder.mkdir()
        shutil.copy(certificates.authority("other") / "ca.pem", folder / "other.crt")
        shutil.copy(certificates.certificate().ca, folder / "anything")
        (folder / "README").write_text("not a certificate\n")
        self.agent_with(self.hub(), self.tunnel(self.services), "-c", folder)

    def test_directory_with_hash_links(self):
        folder = self.dir / "authorities"
        folder.mkdir()
        shutil.copy(certificates.certificate().ca, folder / "ca.pem")
        self.assertEqual(run("openssl", "rehash", folder).code, 0)
        self.agent_with(self.hub(), self.tunnel(self.services), "-c", folder)

    def test_system_store(self):
        self.agent_with(self.hub(), self.tunnel(self.services),
                        env=environment(SSL_CERT_FILE=certificates.certificate().ca))

    def test_file_with_several_authorities(self):
        file = self.dir / "bundle.pem"
        file.write_bytes((certificates.authority("other") / "ca.pem").read_bytes()
                         + certificates.certificate().ca.read_bytes())
        self.agent_with(self.hub(), self.tunnel(self.services), "--ca", file)

    def test_ca_file_replaces_the_system_store(self):
        """--ca says "only these"."""
        tokens = self.tunnel(self.services)
        hub = self.hub()
        agent = self.end("tunnel-agent", hub, tokens.destination, "-d", "HTTP1=80",
                         ca=certificates.authority("other") / "ca.pem",
                         env=environment(SSL_CERT_FILE=certificates.certificate().ca))
        agent.wait_line("not signed by a trusted authority")

    def test_insecure_is_possible_and_loud(self):
        agent = self.agent_with(self.hub(cert=certificates.wrong_name()),
                                self.tunnel(self.services), "-k")
        agent.wait_line("(?i)warning.*(verif|certificate)")

    def test_ipv6_endpoint(self):
        with socket.socket(socket.AF_INET6) as probe:
            try:
                probe.bind(("::1", 0))
            except OSError:
                self.skipTest("this machine has no IPv6 loopback")
        tokens = self.tunnel(self.services)
        hub = self.hub(host="::1")
        self.agent_with(hub, tokens, "--ca", certificates.certificate().ca,
                        endpoint=f"[::1]:{hub.port}")


class Server(Case):
    """The hub, asked by openssl."""

    def ask(self, hub, *more, input=b""):
        return run("openssl", "s_client", "-connect", f"127.0.0.1:{hub.port}", "-CAfile",
                   certificates.certificate().ca, "-verify_return_error", *more, input=input)

    def test_versions_and_ciphers(self):
        hub = self.hub()
        good = self.ask(hub, "-tls1_2")
        self.assertIn("Verify return code: 0 (ok)", good.text, good)
        self.assertRegex(good.text, "Cipher is ECDHE-ECDSA-(AES(128|256)-GCM|CHACHA20-POLY1305)")
        for refused in (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_3"],
                        ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
                        ["-tls1_2", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0"]):
            with self.subTest(refused):
                done = self.ask(hub, *refused)
                self.assertNotEqual(done.code, 0, done)
        chacha = self.ask(hub, "-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305")
        self.assertIn("Cipher is ECDHE-ECDSA-CHACHA20-POLY1305", chacha.text, chacha)

    def test_resumption(self):
        hub = self.hub()
        kept = self.dir / "session"
        first = self.ask(hub, "-tls1_2", "-sess_out", kept)
        self.assertIn("New, TLSv1.2", first.text, first)
        again = self.ask(hub, "-tls1_2", "-sess_in", kept)
        self.assertIn("Reused, TLSv1.2", again.text, again)

    def test_no_renegotiation(self):
        hub = self.hub()
        done = self.ask(hub, "-tls1_2", "-legacy_renegotiation", input=b"R\n")
        self.assertNotIn("RENEGOTIATING\nverify return", done.text)
        self.assertTrue(hub.alive())


if __name__ == "__main__":
    unittest.main()
