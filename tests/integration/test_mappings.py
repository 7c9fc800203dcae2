"""Mapped ports beside the endpoint, config directories and files, several tunnels, and localproxy
as the drop-in."""

import socket
import unittest

import certificates
from harness import Case
from origins import Echo, Http
from programs import environment, run, wait_until
from sockets import Refused, dial, free_port, get, socks5


class Base(Case):
    def setUp(self):
        super().setUp()
        self.one, self.two = self.origin(Http("one")), self.origin(Http("two"))
        self.services = {"HTTP1": self.one, "HTTP2": self.two}

    def ways(self, services=None):
        """Hub and agent; returns (hub, tokens)."""
        services = services or self.services
        tokens = self.tunnel(services)
        hub = self.hub()
        self.agent(hub, tokens, services)
        return hub, tokens

    def name_at(self, port, host="127.0.0.1"):
        with dial(port, host) as s:
            status, body = get(s, "/name")
        self.assertEqual(status, 200)
        return body.decode().split()[0]

    def listening(self, port):
        try:
            dial(port).close()
            return True
        except OSError:
            return False

    def config_dir(self, **files):
        folder = self.dir / "maps"
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.ini").write_text(text)
        return folder


class Gateway(Base):
    def test_gateway_with_named_mappings(self):
        hub, tokens = self.ways()
        a, b = free_port(), free_port()
        gateway = self.gateway(hub, tokens, "-s", f"HTTP1={a},HTTP2={b}")
        wait_until(lambda: self.listening(a) and self.listening(b), "the mapped ports")
        self.assertEqual((self.name_at(a), self.name_at(b)), ("one", "two"))
        with socks5(gateway.port, "HTTP1.tunnel") as s:  # next to the endpoint
            self.assertEqual(get(s, "/name"), (200, b"one /name\n"))

    def test_gateway_with_one_unnamed_mapping(self):
        hub, tokens = self.ways({"HTTP1": self.one})
        port = free_port()
        self.gateway(hub, tokens, "-s", port)
        wait_until(lambda: self.listening(port), "the mapped port")
        self.assertEqual(self.name_at(port), "one")

    def test_gateway_with_ports_of_its_choice(self):
        hub, tokens = self.ways()
        gateway = self.gateway(hub, tokens, "-m", "src")
        for service, name in (("HTTP1", "one"), ("HTTP2", "two")):
            found = gateway.wait_line(rf"{service} = (\d+)")
            self.assertEqual(self.name_at(int(found.group(1))), name)

    def test_service_that_the_tunnel_does_not_have(self):
        hub, tokens = self.ways()
        gateway = self.end("tunnel-gateway", hub, tokens.source, "--listen", "127.0.0.1:0",
                           "-s", f"HTTP1={free_port()},NOPE={free_port()}", ends=(1,))
        gateway.wait_line("NOPE")
        self.assertEqual(gateway.wait(), 1)

    # ---- several tunnels in one gateway ----

    def test_sections(self):
        alpha = self.tunnel(["HTTP1"], name="alpha")
        beta = self.tunnel(["HTTP1", "web:ui_2"], name="beta")
        hub = self.hub()
        self.agent(hub, alpha, {"HTTP1": self.one})
        self.agent(hub, beta, {"HTTP1": self.two, "web:ui_2": self.two})
        config = self.dir / "gateway.conf"
        ca = certificates.certificate().ca
        section = "[tunnel {}]\nendpoint = 127.0.0.1:{}\ntoken-file = {}\nca = {}\n"
        config.write_text("listen = 127.0.0.1:0\nverbose = 5\n"
                          + section.format("alpha", hub.port, alpha.source, ca)
                          + section.format("beta", hub.port, beta.source, ca)
                          + "[alias]\npanel = web:ui_2.beta\n")
        gateway = self.start(self.program("tunnel-gateway"), "--config", config)
        port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        wait_until(lambda: gateway.output().count("Successfully established") == 2,
                   "both tunnels")

        def at(name):
            with socks5(port, name) as s:
                return get(s, "/name")[1].decode().split()[0]
        wait_until(lambda: run(self.program("tunnel-gateway"), "services", "--gateway",
                               f"127.0.0.1:{port}").text.lower().count("http1") >= 2,
                   "the services of both")
        self.assertEqual(at("HTTP1.alpha.tunnel"), "one")
        self.assertEqual(at("http1.BETA.tunnel"), "two")
        self.assertEqual(at("web-ui-2.beta.tunnel"), "two")
        self.assertEqual(at("panel.tunnel"), "two")
        with self.assertRaises(Refused) as refused:
            at("HTTP1.gamma.tunnel")
        self.assertEqual(refused.exception.code, 4)
        with self.assertRaises(Refused) as refused:
            at("HTTP1.tunnel")  # of which one?
        self.assertEqual(refused.exception.code, 4)

    def test_suffixes(self):
        hub, tokens = self.ways()
        gateway = self.gateway(hub, tokens, "--suffix", "tunnel.internal", "--suffix", "tunnel")
        for name in ("HTTP1.tunnel.internal", "HTTP1.tunnel"):
            with socks5(gateway.port, name) as s:
                self.assertEqual(get(s, "/name")[0], 200)

    def test_several_endpoints(self):
        hub, tokens = self.ways()
        path = self.dir / "gateway.sock"
        gateway = self.gateway(hub, tokens, "--listen", "127.0.0.1:0", "--listen", path)
        ports = [int(line.split("Listening on 127.0.0.1:")[1].split()[0])
                 for line in gateway.output().splitlines() if "Listening on 127.0.0.1:" in line]
        self.assertEqual(len(set(ports)), 2)
        for port in ports:
            with socks5(port, "HTTP1.tunnel") as s:
                self.assertEqual(get(s, "/name")[0], 200)
        done = run("curl", "-sS", "--unix-socket", path, "-H", "Host: localhost",
                   "http://localhost/healthz")
        self.assertEqual(done.code, 0, done)


class Agent(Base):
    def test_agent_with_config_dir(self):
        tokens = self.tunnel(self.services)
        hub = self.hub()
        folder = self.config_dir(first=f"HTTP1 = {self.one.address}\n# a comment\n",
                                 second=f"HTTP2={self.two.port}\nHTTP1=1\n")
        self.end("tunnel-agent", hub, tokens.destination, "--config-dir", folder) \
            .wait_line("Successfully established")
        gateway = self.gateway(hub, tokens)
        for service, name in (("HTTP1", b"one"), ("HTTP2", b"two")):
            with socks5(gateway.port, f"{service}.tunnel") as s:
                self.assertIn(name, get(s, "/name")[1])

    def test_agent_with_one_unnamed_mapping(self):
        tokens = self.tunnel({"HTTP1": self.one})
        hub = self.hub()
        self.end("tunnel-agent", hub, tokens.destination, "-d", self.one.port) \
            .wait_line("Successfully established")
        gateway = self.gateway(hub, tokens)
        with socks5(gateway.port, "HTTP1.tunnel") as s:
            self.assertIn(b"one", get(s, "/name")[1])

    def test_bind(self):
        """-b is the address that the agent's sockets go out from."""
        tokens = self.tunnel({"HTTP1": self.one})
        hub = self.hub()
        seen = []
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.agent(hub, tokens, {"HTTP1": f"127.0.0.1:{server.getsockname()[1]}"},
                       "-b", "127.0.0.2")
            gateway = self.gateway(hub, tokens)
            client = self.start("nc", "-X", "5", "-x", f"127.0.0.1:{gateway.port}",
                                "HTTP1.tunnel", "1", ends=(0, 1, -15))
            connection, address = server.accept()
            seen.append(address[0])
            connection.close()
            client.terminate()
        self.assertEqual(seen, ["127.0.0.2"])

    def test_command_line_before_file_before_environment(self):
        tokens = self.tunnel(self.services)
        hub = self.hub()
        config = self.dir / "agent.conf"
        config.write_text(f"proxy-endpoint = 127.0.0.1:1\ntoken-file = {tokens.destination}\n")
        agent = self.start(self.program("tunnel-agent"), "--config", config, "-e",
                           f"127.0.0.1:{hub.port}", "--ca", certificates.certificate().ca,
                           "-d", "HTTP1=80,HTTP2=80",
                           env=environment(AWSIOT_TUNNEL_ACCESS_TOKEN="not this one",
                                           AWSIOT_TUNNEL_ENDPOINT="127.0.0.1:2"))
        agent.wait_line("Successfully established")


class LocalProxy(Base):
    """The reference program's command line."""

    def test_both_modes(self):
        tokens = self.tunnel(self.services)
        hub = self.hub()
        destination = self.localproxy(
            hub, tokens.destination, "-d", f"HTTP1={self.one.address},HTTP2={self.two.port}")
        a, b = free_port(), free_port()
        source = self.localproxy(hub, tokens.source, "-s", f"HTTP1={a},HTTP2={b}")
        source.wait_line("Listening for new connection on port")
        wait_until(lambda: self.listening(a) and self.listening(b), "the mapped ports")
        self.assertEqual((self.name_at(a), self.name_at(b)), ("one", "two"))
        destination.wait_line("Connected to")
        for program in (source, destination):
            program.wait_line("Running AWS IoT Secure Tunneling Local Proxy version|Running")

    def test_what_scripts_look_for_in_the_log(self):
        tokens = self.tunnel(self.services)
        hub = self.hub()
        self.localproxy(hub, tokens.destination, "-d",
                        f"HTTP1={self.one.address},HTTP2={self.two.port}")
        source = self.localproxy(hub, tokens.source, "-m", "src")
        source.wait_line(r"Web socket session ID: \S{8}")
        source.wait_line(r"Listen port assigned for service id HTTP1\. New port mapping:$")
        port = int(source.wait_line(r"\] HTTP1 = (\d+)$").group(1))
        with dial(port) as s:
            here = "127.0.0.1:%d" % s.getsockname()[1]
            source.wait_line(rf"Accepted tcp connection on port {port} from {here}$")
        source.wait_line(rf"Disconnected from: {here}$")

    def test_free_port(self):
        """Port 0, and a token with the newline that a shell left at its end."""
        web = self.origin(Http("web"))
        tokens = self.tunnel({"HTTP1": web})
        hub = self.hub()
        self.agent(hub, tokens, {"HTTP1": web})
        token = tokens.source.read_text()
        self.assertTrue(token.endswith("\n"))
        proxy = self.localproxy(hub, tokens.source, "-s", "HTTP1=0",
                                env=environment(AWSIOT_TUNNEL_ACCESS_TOKEN=token))
        port = int(proxy.wait_line(r"Listening for new connection on port (\d+)").group(1))
        proxy.wait_line(rf"\] HTTP1 = {port}$")
        with dial(port) as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))

    def test_more_than_the_limit_wait(self):
        """In the queue of the port, and are not refused; the destination has no such limit."""
        echo = self.origin(Echo())
        tokens = self.tunnel({"ECHO": echo})
        hub = self.hub()
        self.localproxy(hub, tokens.destination, "-d", f"ECHO={echo.address}", "-i", "d" * 32,
                        "--max-connections", "1")
        port = free_port()
        self.localproxy(hub, tokens.source, "-s", f"ECHO={port}", "--max-connections", "2")
        wait_until(lambda: self.listening(port), "the mapped port")

        def client():
            s = dial(port)
            self.addCleanup(s.close)
            s.sendall(b"hello")
            return s

        def answered(s):
            return s.recv(5, socket.MSG_WAITALL) == b"hello"
        first, second = client(), client()
        self.assertTrue(answered(first) and answered(second))
        served = echo.clients
        waiting = [client() for _ in range(3)]
        second.sendall(b"again")  # the two go on meanwhile
        self.assertEqual(second.recv(5, socket.MSG_WAITALL), b"again")
        self.assertEqual(echo.clients, served)
        first.close()
        self.assertTrue(answered(waiting[0]))
        second.close()
        waiting[0].close()
        self.assertTrue(answered(waiting[1]) and answered(waiting[2]))

    def test_usage_errors(self):
        """In the reference program's words, which tests of its own look for."""
        one = "Must specify one and only one of --region/-r or --proxy-endpoint/-e"
        for words, says in (
                ([], "the option '--access-token' is required but missing"),
                ([], "Try 'localproxy --help'"),
                (["-Z"], "unrecognised option '-Z'"),
                (["--zzz"], "unrecognised option '--zzz'"),
                (["-v"], "the required argument for option '--verbose' is missing"),
                (["-t", "a" * 60, "-r", "eu-west-1", "-e", "hub.example", "-s", "1"], one),
                (["-t", "a" * 60, "-s", "1"], one),
                (["-t", "a" * 60, "-r", "eu-west-1"],
                 "Must specify one of --source-listen-port/-s or --destination-app/-d or --mode"),
                (["-t", "a" * 60, "-r", "eu-west-1", "-s", "1", "-d", "2"], "Must specify one and "
                 "only one of --source-listen-port/-s or --destination-app/-d"),
                (["-t", "a" * 60, "-r", "eu-west-1", "-m", "no"],
                 "Mode value is wrong! Allowed values are: src, dst, source, destination"),
                (["-t", "a" * 60, "-r", "eu-west-1", "-s", "1", "-m", "dst"],
                 "-s and --mode have mismatched mode. Mode is set to destination!"),
                (["-t", "a" * 60, "-r", "eu-west-1", "-d", "1", "-m", "src"],
                 "-d and --mode have mismatched mode. Mode is set to source!")):
            with self.subTest(words):
                done = run(self.program("localproxy"), *words, cwd=self.dir)
                self.assertEqual(done.code, 1)
                self.assertIn(says, done.err)
        done = run(self.program("localproxy"), "--help", cwd=self.dir)
        self.assertEqual(done.code, 0)
        self.assertIn("Show help message", done.text)

    def test_left_out_with_a_warning(self):
        """Stray words and a directory of authorities that is not there."""
        proxy = self.start(self.program("localproxy"), "-e", "127.0.0.1:1", "-t", "a" * 60, "-s",
                           free_port(), "-c", self.dir / "nowhere", "stray")
        proxy.wait_line(r"\[warning\] .*nowhere.* cannot be found, and is left out")
        proxy.wait_line(r'\[warning\] "stray" belongs to no option')
        proxy.wait_line("Attempting to establish web socket connection")
        for option in ("-c", "--ca"):  # the other programs, and files, must be there
            done = run(self.program("tunnel-agent" if option == "-c" else "localproxy"), "-e",
                       "127.0.0.1:1", "-t", "a" * 60, "-d", "1", option, self.dir / "nowhere")
            self.assertEqual(done.code, 1)
            self.assertIn("cannot be found", done.err)

    def test_unnamed(self):
        tokens = self.tunnel({"HTTP1": self.one})
        hub = self.hub()
        self.localproxy(hub, tokens.destination, "-d", self.one.port)
        port = free_port()
        self.localproxy(hub, tokens.source, "-s", port)
        wait_until(lambda: self.listening(port), "the mapped port")
        self.assertEqual(self.name_at(port), "one")

    def test_config_dir_with_two_services(self):
        """What the reference program gets wrong."""
        tokens = self.tunnel(self.services)
        hub = self.hub()
        there = self.config_dir(all=f"HTTP1={self.one.address}\nHTTP2={self.two.address}\n")
        self.localproxy(hub, tokens.destination, "-m", "dst", "--config-dir", there)
        here = self.dir / "here"
        here.mkdir()
        a, b = free_port(), free_port()
        (here / "ports").write_text(f"HTTP1={a}\nHTTP2={b}\n")
        self.localproxy(hub, tokens.source, "-m", "src", "--config-dir", here)
        wait_until(lambda: self.listening(a) and self.listening(b), "the mapped ports")
        self.assertEqual((self.name_at(a), self.name_at(b)), ("one", "two"))

    def test_mismatched_names_end_with_1(self):
        hub, tokens = self.ways()
        for mapping in (f"HTTP1={free_port()}", f"HTTP1={free_port()},NOPE={free_port()}"):
            with self.subTest(mapping):
                source = self.localproxy(hub, tokens.source, "-i", "c" * 32, "-s", mapping,
                                         up=False, ends=(1,))
                self.assertEqual(source.wait(), 1)

    def test_rejected_token_ends(self):
        """The reference exits with 0 here, which scripts take for success: ours does not."""
        hub, tokens = self.ways()
        wrong = self.dir / "wrong"
        wrong.write_text("w" * 40)
        source = self.localproxy(hub, wrong, "-s", f"HTTP1={free_port()}", up=False, ends=(1,))
        self.assertEqual(source.wait(), 1)
        source.wait_line("40[0-9]")

    def test_insecure(self):
        hub, tokens = self.ways()
        source = self.start(
            self.program("localproxy"), "-e", f"127.0.0.1:{hub.port}", "-k", "-m", "src",
            env=environment(AWSIOT_TUNNEL_ACCESS_TOKEN=tokens.source.read_text().strip()))
        source.wait_line("Successfully established websocket connection")

    def test_settings_json(self):
        settings = self.dir / "settings.json"
        done = run(self.program("localproxy"), "--export-default-settings", settings)
        self.assertEqual(done.code, 0, done)
        self.assertIn('"data_frame_max_size"', settings.read_text())
        hub, tokens = self.ways()
        self.localproxy(hub, tokens.source, "--settings-json", settings, "-m", "src")


if __name__ == "__main__":
    unittest.main()
