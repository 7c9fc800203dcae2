"""curl in all its forms."""

import unittest

from harness import Case
from origins import Http, content, content_hash
from programs import environment, run


class Curl(Case):
    def setUp(self):
        super().setUp()
        self.one, self.two = self.origin(Http("one")), self.origin(Http("two"))
        self.way = self.open_way({"HTTP1": self.one, "HTTP2": self.two})

    def curl(self, *args, **options):
        return run("curl", "-sS", "--max-time", "80", *args, cwd=self.dir, **options)

    def forms(self):
        at = self.way.proxy
        return {
            "--socks5-hostname": ["--socks5-hostname", at],
            "-x socks5h://": ["-x", f"socks5h://{at}"],
            "--socks4a": ["--socks4a", at],
            "-x socks4a://": ["-x", f"socks4a://{at}"],
            "-x http://": ["-x", f"http://{at}"],
            "-p -x http://": ["-p", "-x", f"http://{at}"],
            "--http1.0 -x": ["--http1.0", "-x", f"http://{at}"],
        }

    def test_get(self):
        for name, form in self.forms().items():
            with self.subTest(name):
                done = self.curl(*form, "http://HTTP1.tunnel/name")
                self.assertEqual(done.text, "one /name\n", done)

    def test_environment(self):
        for variable, scheme in (("ALL_PROXY", "socks5h"), ("http_proxy", "http")):
            with self.subTest(variable):
                env = environment(**{variable: f"{scheme}://{self.way.proxy}"})
                done = self.curl("http://http2.tunnel/name", env=env)
                self.assertEqual(done.text, "two /name\n", done)

    def test_names(self):
        for host in ("http1.tunnel", "HTTP1.TUNNEL", "Http1.tunnel.", "HTTP1.tunnel:8080",
                     "http1.tunnel:443"):
            with self.subTest(host):
                for form in (["-x", f"http://{self.way.proxy}"],
                             ["--socks5-hostname", self.way.proxy]):
                    done = self.curl(*form, f"http://{host}/name")
                    self.assertEqual(done.text, "one /name\n", done)

    def test_two_services_over_one_proxy_connection(self):
        for form in (["-x", f"http://{self.way.proxy}"], ["--proxy1.0", self.way.proxy]):
            done = self.curl(*form, "http://HTTP1.tunnel/a", "http://HTTP2.tunnel/b",
                             "http://HTTP1.tunnel/b", "http://HTTP2.tunnel/a")
            self.assertEqual(done.text, "one /a\ntwo /b\none /b\ntwo /a\n", done)

    def test_request_as_the_service_sees_it(self):
        """Origin form, Host of the request line, nothing that was meant for the proxy."""
        done = self.curl("-x", f"http://{self.way.proxy}", "-U", "who:secret", "-H", "X-Mine: 1",
                         "-H", "Proxy-Thing: 2", "http://HTTP1.tunnel/head?x=1&y=%20")
        self.assertTrue(done.text.startswith("GET /head?x=1&y=%20 HTTP/1.1\r\n"), done)
        self.assertRegex(done.text, r"(?i)\nHost: HTTP1\.tunnel\r?\n")
        self.assertIn("X-Mine: 1", done.text)
        for word in ("Proxy-Connection", "Proxy-Authorization", "secret", "d2hvOnNlY3JldA"):
            self.assertNotIn(word.lower(), done.text.lower())

    def test_upload(self):
        data = b"".join(content(3_000_000))
        (self.dir / "data").write_bytes(data)
        bodies = {"with length": ["-T", "data"],
                  "chunked": ["-T", "data", "-H", "Transfer-Encoding: chunked"],
                  "with expect": ["-T", "data", "-H", "Expect: 100-continue"],
                  "post": ["--data-binary", "@data"]}
        for name, form in self.forms().items():
            for kind, body in bodies.items():
                if kind == "chunked" and "http1.0" in name:
                    continue
                with self.subTest(f"{name}, {kind}"):
                    done = self.curl(*form, *body, "http://HTTP1.tunnel/put")
                    self.assertEqual(done.text, content_hash(3_000_000), done)

    def test_download(self):
        for name, form in self.forms().items():
            with self.subTest(name):
                done = self.curl(*form, "http://HTTP1.tunnel/bytes/3000001")
                self.assertTrue(done.out == b"".join(content(3_000_001)), done.err)

    def test_head_request(self):
        done = self.curl("-I", "-x", f"http://{self.way.proxy}", "http://HTTP1.tunnel/name")
        self.assertIn("200", done.text.splitlines()[0], done)

    def test_refusals(self):
        at = self.way.proxy
        none = self.curl("--socks5-hostname", at, "http://HTTP9.tunnel/")
        self.assertEqual(none.code, 97, none)
        self.assertIn("(4)", none.err)
        page = self.curl("-i", "-x", f"http://{at}", "http://HTTP9.tunnel/")
        self.assertRegex(page.text, r"^HTTP/1\.1 502 ")
        self.assertIn("X-Tunnel-Error: no-service; ", page.text)
        self.assertIn("HTTP1", page.text)  # what there is
        tunnel = self.curl("-p", "-x", f"http://{at}", "http://HTTP9.tunnel/")
        self.assertEqual(tunnel.code, 56, tunnel)
        self.assertIn("response 502", tunnel.err)
        old = self.curl("--socks4a", at, "http://HTTP9.tunnel/")
        self.assertEqual(old.code, 97, old)
        foreign = self.curl("-i", "-x", f"http://{at}", "http://www.example.com/")
        self.assertRegex(foreign.text, r"^HTTP/1\.1 403 ")
        ftp = self.curl("-i", "-x", f"http://{at}", "ftp://HTTP1.tunnel/file")
        self.assertRegex(ftp.text, r"^HTTP/1\.1 501 ")

    def test_own_pages(self):
        base = f"http://{self.way.proxy}"
        pac = self.curl("-i", f"{base}/proxy.pac")
        self.assertIn("application/x-ns-proxy-autoconfig", pac.text)
        self.assertIn("FindProxyForURL", pac.text)
        self.assertIn(self.way.proxy, pac.text)
        health = self.curl("-i", f"{base}/healthz")
        self.assertRegex(health.text, r"^HTTP/1\.1 200 ")
        front = self.curl("-i", f"{base}/")
        self.assertRegex(front.text, r"^HTTP/1\.1 200 ")
        self.assertIn("http1.tunnel", front.text.lower())
        nothing = self.curl("-i", f"{base}/nothing")
        self.assertRegex(nothing.text, r"^HTTP/1\.1 404 ")
        self.assertIn("X-Tunnel-Error: not-found; ", nothing.text)
        rebound = self.curl("-i", "-H", "Host: evil.example", f"{base}/")
        self.assertRegex(rebound.text, r"^HTTP/1\.1 4\d\d ")
        self.assertNotIn("HTTP1", rebound.text)

    def test_services_command(self):
        done = run(self.program("tunnel-gateway"), "services", "--gateway", self.way.proxy)
        self.assertEqual(done.code, 0, done)
        for word in ("HTTP1", "http1.tunnel", "HTTP2", "http2.tunnel"):
            self.assertIn(word, done.text)

    def test_https_proxy_is_a_clean_error(self):
        """TLS on the proxy port: an error for curl, nothing for anyone else."""
        done = self.curl("-x", f"https://{self.way.proxy}", "http://HTTP1.tunnel/name")
        self.assertNotEqual(done.code, 0, done)
        good = self.curl("-x", f"http://{self.way.proxy}", "http://HTTP1.tunnel/name")
        self.assertEqual(good.text, "one /name\n", good)


class Password(Case):
    def test_user_and_password(self):
        one = self.origin(Http("one"))
        file = self.dir / "password"
        file.write_text("correct horse\n")
        file.chmod(0o600)
        way = self.open_way({"HTTP1": one},
                            gateway=["--user", "anna", "--password-file", file])
        curl = ["curl", "-sS", "http://HTTP1.tunnel/name"]
        for scheme in ("socks5h", "http"):
            with self.subTest(scheme):
                at = f"{scheme}://{way.proxy}"
                good = run(*curl, "-x", at, "-U", "anna:correct horse")
                self.assertEqual(good.text, "one /name\n", good)
                bad = run(*curl, "-f", "-x", at, "-U", "anna:wrong")
                self.assertNotEqual(bad.code, 0, bad)
                none = run(*curl, "-f", "-x", at)
                self.assertNotEqual(none.code, 0, none)
        asked = run(*curl, "-i", "-x", f"http://{way.proxy}")
        self.assertRegex(asked.text, r"^HTTP/1\.1 407 ")
        self.assertIn("Proxy-Authenticate: Basic", asked.text)
        self.assertNotIn("HTTP1", asked.text.split("\r\n\r\n")[1])  # tells a stranger nothing


if __name__ == "__main__":
    unittest.main()
