"""What goes wrong in real life: lost hubs and agents, wrong tokens and certificates, refused
ports. One clear line each, the right exit code, and it works again afterwards."""

import pathlib
import socket
import unittest

import certificates
from harness import ESTABLISHED, Case
from origins import Abrupt, Echo, Http, Mute, Sender
from programs import environment, run, wait_until
from sockets import Refused, get, http_connect, read_exactly, read_to_break, socks5


class Restart(Case):
    """In V3."""

    gateway_options, agent_options = ("-y", "V3"), ()

    def setUp(self):
        super().setUp()
        self.http = self.origin(Http("web"))
        self.big = self.origin(Sender(200_000_000))
        services = {"HTTP1": self.http, "BIG": self.big}
        self.tokens = self.tunnel(services)
        self.the_hub = self.hub()
        self.services = services
        self.start_agent()
        self.start_gateway()

    # A client token of one's own makes the access token good for another process, too.

    def start_agent(self):
        self.the_agent = self.agent(self.the_hub, self.tokens, self.services, "-i", "d" * 40,
                                    *self.agent_options)

    def start_gateway(self):
        self.the_gateway = self.gateway(self.the_hub, self.tokens, "-i", "s" * 40,
                                        *self.gateway_options)

    def in_transfer(self):
        s = socks5(self.the_gateway.port, "BIG.tunnel")
        read_exactly(s, 1_000_000)
        return s

    def works(self):
        try:
            with socks5(self.the_gateway.port, "HTTP1.tunnel") as s:
                return get(s, "/name") == (200, b"web /name\n")
        except (Refused, OSError, EOFError, IndexError):
            return False

    def test_hub_killed_in_mid_transfer(self):
        transfer = self.in_transfer()
        marks = [p.mark() for p in (self.the_agent, self.the_gateway)]
        self.the_hub.kill()
        self.assertLess(len(read_to_break(transfer)), 200_000_000)
        self.wait_no_clients(self.big)
        with self.assertRaises(Refused) as refused:
            socks5(self.the_gateway.port, "HTTP1.tunnel")
        self.assertEqual(refused.exception.code, 3)  # network unreachable
        with self.assertRaises(Refused) as refused:
            http_connect(self.the_gateway.port, "HTTP1.tunnel")
        self.assertEqual(refused.exception.code, 503)
        self.hub(port=self.the_hub.port)
        for program, mark in zip((self.the_agent, self.the_gateway), marks):
            program.wait_line(ESTABLISHED, after=mark)
        wait_until(self.works, "a request after the hub's return")

    def test_hub_stopped_in_good_order(self):
        """SIGTERM is a restart, not the tunnel's end: both come back by themselves."""
        marks = [p.mark() for p in (self.the_agent, self.the_gateway)]
        self.the_hub.terminate()
        self.hub(port=self.the_hub.port)
        for program, mark in zip((self.the_agent, self.the_gateway), marks):
            program.wait_line(ESTABLISHED, after=mark)
        wait_until(self.works, "a request after the hub's return")

    def test_agent_killed_in_mid_transfer(self):
        transfer = self.in_transfer()
        self.the_agent.kill()
        self.assertLess(len(read_to_break(transfer)), 200_000_000)
        self.assert_alive(self.the_gateway, self.the_hub)
        self.start_agent()
        wait_until(self.works, "a request after the agent's return")

    def test_gateway_killed_in_mid_transfer(self):
        transfer = self.in_transfer()
        self.the_gateway.kill()
        read_to_break(transfer)
        self.wait_no_clients(self.big)
        self.start_gateway()
        wait_until(self.works, "a request through the new gateway")

    def test_device_offline(self):
        self.the_agent.terminate()
        with self.assertRaises(Refused):
            s = http_connect(self.the_gateway.port, "BIG.tunnel")
            if not read_to_break(s):  # accepted before the hub's answer came, then cut off
                raise Refused(0)

    def test_sigterm_in_mid_transfer(self):
        """Each ends in good order, with 0, with a transfer going on."""
        transfer = self.in_transfer()
        for program in (self.the_gateway, self.the_agent, self.the_hub):
            self.assertEqual(program.terminate(), 0, program.output()[-2000:])
        read_to_break(transfer)


class NativeRestart(Restart):
    """The same in a native session whose connections wait only for a moment: what is taken up again
    otherwise, test_resume shows."""

    gateway_options = agent_options = ("--resume-timeout", "1s")


class Service(Case):
    def test_refused_port(self):
        with socket.socket() as taken:  # bound but not listening: refuses
            taken.bind(("127.0.0.1", 0))
            closed = f"127.0.0.1:{taken.getsockname()[1]}"
            web, echo = self.origin(Http("web")), self.origin(Echo())
            way = self.open_way({"DEAD": closed, "HTTP1": web, "ECHO": echo},
                                gateway=["--http-services", "DEAD"])
            beside = socks5(way.port, "ECHO.tunnel")
            with self.assertRaises(Refused) as refused:
                socks5(way.port, "DEAD.tunnel", 22)
            self.assertEqual(refused.exception.code, 5)
            words = run("nc", "-X", "connect", "-x", way.proxy, "DEAD.tunnel", "22", input=None)
            self.assertRegex(words.err, r'"HTTP/1\.[01] 502 .*DEAD')
            page = run("curl", "-sSi", "-x", f"http://{way.proxy}", "http://DEAD.tunnel/")
            self.assertRegex(page.text, r"^HTTP/1\.1 502 ")
            way.agent.wait_line(r"DEAD.*refused|refused.*DEAD")
            beside.sendall(b"still here")
            self.assertEqual(read_exactly(beside, 10), b"still here")
            beside.close()

    def test_black_hole_stalls_nobody(self):
        """A name that takes long to dial must not hold up others."""
        full = socket.socket()
        self.addCleanup(full.close)
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = []  # fill the backlog, so that a further SYN is dropped
        for _ in range(8):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(address)
            fillers.append(s)
            self.addCleanup(s.close)
        way = self.open_way({"HOLE": f"127.0.0.1:{address[1]}", "HTTP1": self.origin(Http("web"))})
        stuck = self.start("nc", "-X", "5", "-x", way.proxy, "HOLE.tunnel", "1",
                           ends=(0, 1, -15, 143))
        for _ in range(20):
            with socks5(way.port, "HTTP1.tunnel") as s:
                self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
        stuck.terminate()

    def test_service_resets(self):
        """An RST of the service reaches the client, and the tunnel lives on."""
        way = self.open_way({"RST": self.origin(Abrupt()), "HTTP1": self.origin(Http("web"))})
        for _ in range(20):
            s = socks5(way.port, "RST.tunnel")
            s.sendall(b"x" * 1000)
            self.assertEqual(read_to_break(s), b"")
        with socks5(way.port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))

    def test_client_that_vanishes(self):
        mute = self.origin(Mute(1000))
        mute.go.set()
        way = self.open_way({"MUTE": mute})
        s = socks5(way.port, "MUTE.tunnel")
        s.sendall(b"something")
        wait_until(lambda: mute.received == 9, "the service's bytes")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()  # RST
        self.wait_no_clients(mute)


class Start(Case):
    """What a person sees who got something wrong."""

    def attempt(self, program, token, *more, ca=None, endpoint=None, hub=None, ends=(0,)):
        last = ["-d", "HTTP1=80"] if program == "tunnel-agent" else ["--listen", "127.0.0.1:0"]
        return self.end(program, hub, token, *last, *more, ca=ca, endpoint=endpoint, ends=ends)

    def each(self):
        return "tunnel-agent", "tunnel-gateway"

    def test_wrong_token(self):
        """Final: trying again would not help."""
        hub = self.hub()
        for program in self.each():
            with self.subTest(program):
                p = self.attempt(program, self.made_up_token(), hub=hub, ends=(1,))
                self.assertEqual(p.wait(), 1)
                p_lines = [line for line in p.output().splitlines() if "400" in line or "401" in
                           line or "403" in line]
                self.assertTrue(p_lines, p.output())
                self.assertNotIn("A" * 60, p.output())
        self.assertNotIn("A" * 60, hub.output())

    def test_token_of_the_other_side(self):
        tokens = self.tunnel(["HTTP1"])
        hub = self.hub()
        p = self.attempt("tunnel-gateway", tokens.destination, hub=hub, ends=(1,))
        self.assertEqual(p.wait(), 1)
        p.wait_line("(?i)destination")

    def assert_retries(self, pattern, **what):
        for program in self.each():
            with self.subTest(program):
                p = self.attempt(program, self.made_up_token(), **what)
                p.wait_line(pattern)
                self.assertTrue(p.alive(), p.output())
                self.assertEqual(p.terminate(), 0)

    def test_expired_certificate(self):
        hub = self.hub(cert=certificates.expired())
        self.assert_retries("certificate expired", hub=hub)

    def test_wrong_host_name(self):
        hub = self.hub(cert=certificates.wrong_name())
        self.assert_retries(r"hub\.example|another host name", hub=hub)

    def test_unknown_ca(self):
        hub = self.hub()
        other = certificates.authority("other") / "ca.pem"
        self.assert_retries("not signed by a trusted authority.*--ca FILE", hub=hub, ca=other)

    def test_no_hub_there(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.assert_retries("connection refused",
                                endpoint=f"127.0.0.1:{taken.getsockname()[1]}")

    def test_name_that_does_not_resolve(self):
        self.assert_retries("does not resolve", endpoint="hub.invalid:443")

    def test_hub_that_does_not_speak_tls(self):
        web = self.origin(Http())
        self.assert_retries("(?i)TLS", endpoint=web.address)

    def test_missing_files(self):
        token, good = self.made_up_token(), certificates.certificate()
        for program in self.each():
            for what, token_file, ca in (("no-token", self.dir / "no-token", good.ca),
                                         ("no-ca", token, self.dir / "no-ca"),
                                         (pathlib.Path(good.key).name, token, good.key)):
                with self.subTest(f"{program} {what}"):
                    p = self.attempt(program, token_file, ca=ca, endpoint="localhost:1",
                                     ends=(1,))
                    self.assertEqual(p.wait(), 1)
                    p.wait_line(what)

    def test_usage(self):
        for program, args in (("tunnel-agent", ["-d", "HTTP1=99999"]),
                              ("tunnel-agent", ["--no-such-option"]),
                              ("tunnel-agent", []),
                              ("tunnel-gateway", ["--listen"]),
                              ("tunnel-gateway", ["nonsense"]),
                              ("tunnel-hub", ["--listen", "127.0.0.1:0"]),
                              ("tunnelctl", ["nonsense"]),
                              ("localproxy", ["-m", "sideways"])):
            with self.subTest(f"{program} {args}"):
                done = run(self.program(program), *args, cwd=self.dir)
                self.assertEqual(done.code, 1, done)
                self.assertTrue(done.err.strip(), done)

    def test_help_and_version(self):
        for program in ("tunnel-agent", "tunnel-gateway", "tunnel-hub", "tunnelctl", "localproxy"):
            for option in ("--help", "-h", "--version", "-V"):
                with self.subTest(f"{program} {option}"):
                    done = run(self.program(program), option, cwd=self.dir)
                    self.assertEqual(done.code, 0, done)
                    self.assertTrue(done.text.strip(), done)

    def test_port_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            p = self.end("tunnel-gateway", None, self.made_up_token(), "--listen",
                         f"127.0.0.1:{port}", endpoint="localhost:1", ends=(1,))
            self.assertEqual(p.wait(), 1)
            p.wait_line(f"{port}.*in use")

    def test_token_is_not_to_be_seen(self):
        """Neither in ps nor in the environment, when it was given there."""
        tokens = self.tunnel(["HTTP1"])
        hub = self.hub()
        token = tokens.destination.read_text().strip()
        certificate = certificates.certificate()
        agent = self.start(self.program("tunnel-agent"), "-e", f"127.0.0.1:{hub.port}", "--ca",
                           certificate.ca, "-d", "HTTP1=80", "-t", token)
        agent.wait_line(ESTABLISHED)
        self.assertNotIn(token, pathlib.Path(f"/proc/{agent.pid}/cmdline").read_text())
        self.assertNotIn(token, agent.output())
        agent.terminate()
        by_env = self.tunnel(["HTTP1"])
        token = by_env.destination.read_text().strip()
        agent = self.start(self.program("tunnel-agent"), "-e", f"127.0.0.1:{hub.port}", "--ca",
                           certificate.ca, "-d", "HTTP1=80",
                           env=environment(AWSIOT_TUNNEL_ACCESS_TOKEN=token))
        agent.wait_line(ESTABLISHED)
        self.assertNotIn(token, pathlib.Path(f"/proc/{agent.pid}/environ").read_text())
        agent.terminate()


class AddressFamilies(Case):
    def test_service_on_ipv6_and_unix_socket(self):
        try:
            v6 = self.origin(Echo("::1", socket.AF_INET6))
        except OSError:
            self.skipTest("this machine has no IPv6 loopback")
        unix = self.origin(Echo(str(self.dir / "service.sock"), socket.AF_UNIX))
        names = ["V6", "PATH"]
        if ("::1", 0, 0, 0) in {a[4] for a in socket.getaddrinfo("localhost", 0)}:
            names.append("NAME")  # 127.0.0.1 refuses, so ::1 must be tried, too
        way = self.open_way({"V6": f"[::1]:{v6.port}", "PATH": unix.address,
                             "NAME": f"localhost:{v6.port}"})
        for name in names:
            with self.subTest(name):
                with socks5(way.port, f"{name}.tunnel") as s:
                    s.sendall(b"hello")
                    self.assertEqual(read_exactly(s, 5), b"hello")


if __name__ == "__main__":
    unittest.main()
