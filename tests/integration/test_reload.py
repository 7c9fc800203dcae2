"""SIGHUP: what agent and gateway read again, and that nothing else is cut."""

import base64
import contextlib
import os
import pathlib
import pty
import re
import shutil
import signal
import ssl
import unittest

import certificates
from api import Api, ApiError
from control import Control
from harness import ESTABLISHED, Case, write_secret
from origins import Echo, Http
from programs import run, wait_until
from sockets import Refused, dial, read_all, read_answer, read_exactly, socks5

AGAIN = "SIGHUP: .* read again"
KEPT = "SIGHUP: .*; going on with the configuration in use"


def has_open(program, file):
    folder = f"/proc/{program.pid}/fd"
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if os.readlink(f"{folder}/{fd}") == str(file):
                return True
    return False


class Reload(Case):
    def hang_up(self, program, line=AGAIN):
        mark = program.mark()
        program.process.send_signal(signal.SIGHUP)
        program.wait_line(line, after=mark)

    def held(self, way, name):
        """A connection to an echo service, and what proves that it lives."""
        s = socks5(way.port, name)
        self.addCleanup(s.close)
        said = iter(range(1000))

        def lives():
            line = b"line %d\n" % next(said)
            s.sendall(line)
            self.assertEqual(read_exactly(s, len(line)), line)
        lives()
        return lives

    def asks(self, port, name):
        with socks5(port, name) as s:
            s.sendall(b"GET /name HTTP/1.0\r\n\r\n")
            return re.search(rb"\r\n\r\n(\S+)", read_all(s)).group(1).decode()

    def assert_connections(self, hub, side, n):
        """The hub's line may come after that of the end that has connected."""
        def count():
            return len(re.findall(rf"\] connected .*side={side}", hub.output()))

        wait_until(lambda: count() >= n, f"the hub tells of {n} connections")
        self.assertEqual(count(), n)


class Agent(Reload):
    def setUp(self):
        super().setUp()
        self.maps = self.dir / "maps"
        self.maps.mkdir()
        self.the_hub = self.hub()
        self.echo, self.web = self.origin(Echo()), self.origin(Http("first"))
        self.map(ECHO=self.echo)
        self.tokens = self.tunnel(["ECHO", "HTTP1"])
        self.token_file = self.dir / "token"
        shutil.copy(self.tokens.destination, self.token_file)

    def map(self, **services):
        (self.maps / "all.ini").write_text(
            "".join(f"{name} = {to.address}\n" for name, to in services.items()))

    def start_agent(self, *more, **options):
        return self.end("tunnel-agent", self.the_hub, self.token_file, "--config-dir", self.maps,
                        *more, **options)

    def test_mappings(self):
        agent = self.start_agent()
        agent.wait_line(ESTABLISHED)
        gateway = self.gateway(self.the_hub, self.tokens)
        lives = self.held(gateway, "echo.tunnel")
        self.assertNotEqual(self.reason(gateway, "http1.tunnel"), "")
        self.map(ECHO=self.echo, HTTP1=self.web)
        self.hang_up(agent)
        self.assertEqual(self.asks(gateway.port, "http1.tunnel"), "first")
        self.map(HTTP1=self.origin(Http("second")))
        self.hang_up(agent)
        self.assertEqual(self.asks(gateway.port, "http1.tunnel"), "second")
        agent.wait_line('The tunnel has service "ECHO", but nothing is mapped to it here')
        lives()  # although nobody else gets there any more
        (self.maps / "all.ini").write_text("no mapping\n")
        self.hang_up(agent, KEPT)
        self.token_file.unlink()
        self.hang_up(agent, KEPT)
        self.assertEqual(self.asks(gateway.port, "http1.tunnel"), "second")
        lives()
        self.assert_connections(self.the_hub, "destination", 1)

    def reason(self, gateway, name):
        """Why a service cannot be had."""
        try:
            return "" if self.asks(gateway.port, name) else "closed"
        except (Refused, AttributeError) as e:
            return repr(e)

    def test_token(self):
        agent = self.start_agent()
        agent.wait_line(ESTABLISHED)
        self.map(HTTP1=self.web)
        other = self.tunnel(["HTTP1"])
        shutil.copy(other.destination, self.token_file)
        self.hang_up(agent)
        gateway = self.gateway(self.the_hub, other)
        agent.wait_line("Services of the tunnel: HTTP1$")
        self.assertEqual(self.asks(gateway.port, "http1.tunnel"), "first")
        self.hang_up(agent)  # nothing is new
        self.assertEqual(self.asks(gateway.port, "http1.tunnel"), "first")
        self.assert_connections(self.the_hub, "destination", 2)

    def test_certificates(self):
        """An agent that trusted nobody who is there comes in as soon as it does."""
        ca = self.dir / "ca.pem"
        shutil.copy(certificates.certificate(ca="other").ca, ca)
        agent = self.start_agent(ca=ca)
        agent.wait_line("trying again")
        shutil.copy(certificates.certificate().ca, ca)
        self.hang_up(agent)
        agent.wait_line(ESTABLISHED)
        ca.unlink()
        self.hang_up(agent, KEPT)
        self.assert_connections(self.the_hub, "destination", 1)

    def test_limits_and_times(self):
        """In the file: the session and its connections stay, and one more is refused."""
        options = self.dir / "agent.conf"
        options.write_text("max-connections = 5\n")
        agent = self.start_agent("--config", options)
        agent.wait_line(ESTABLISHED)
        gateway = self.gateway(self.the_hub, self.tokens)
        lives = self.held(gateway, "echo.tunnel")
        also = self.held(gateway, "echo.tunnel")
        options.write_text("max-connections = 1\nmemory-budget = 32M\nconnect-timeout = 2s\n")
        mark = agent.mark()
        self.hang_up(agent)
        self.assertTrue(agent.has_line("warning.*--memory-budget has another value now", mark))
        self.assertFalse(agent.has_line("--connect-timeout has another", mark))
        with self.assertRaises((Refused, ConnectionError, IndexError)):
            with socks5(gateway.port, "echo.tunnel") as s:
                s.sendall(b"x")
                read_exactly(s, 1)
        lives()
        also()
        self.assert_connections(self.the_hub, "destination", 1)

    def on_terminal(self, *before):
        """An agent that was started from a terminal, and what closes that."""
        ours, theirs = pty.openpty()
        agent = self.start("setsid", "-c", "-w", *before, self.program("tunnel-agent"), "-e",
                           f"127.0.0.1:{self.the_hub.port}", "--ca", certificates.certificate().ca,
                           "--token-file", self.token_file, "--config-dir", self.maps,
                           "-v", "5", stdin=theirs)
        os.close(theirs)
        agent.wait_line(ESTABLISHED)
        children = pathlib.Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text()
        return agent, int(children), ours

    def test_terminal(self):
        """A window that is closed ends it, as it ends other programs; a signal alone does not."""
        agent, pid, terminal = self.on_terminal()
        mark = agent.mark()
        os.kill(pid, signal.SIGHUP)
        agent.wait_line(AGAIN, after=mark)
        os.close(terminal)
        agent.wait_line("SIGHUP: the terminal is gone: closing")
        self.assertEqual(agent.wait(), 0)

    def test_terminal_with_nohup(self):
        agent, pid, terminal = self.on_terminal("env", "--ignore-signal=HUP")
        mark = agent.mark()
        os.close(terminal)
        agent.wait_line(AGAIN, after=mark)
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(agent.wait(), 0)


class Gateway(Reload):
    def config(self, *tunnels):
        """[tunnel NAME] sections of (name, tokens, further lines)."""
        endpoint, ca = f"127.0.0.1:{self.the_hub.port}", certificates.certificate().ca
        self.file.write_text("".join(
            f"[tunnel {name}]\nendpoint = {endpoint}\nca = {ca}\ntoken-file = {tokens.source}\n"
            + "".join(f"{line}\n" for line in more) for name, tokens, *more in tunnels))

    def test_tunnels(self):
        self.file = self.dir / "gateway.conf"
        self.the_hub = self.hub()
        echo = self.origin(Echo())
        webs = {name: self.origin(Http(name)) for name in ("one", "two", "three")}
        tokens = {}
        for name, web in webs.items():
            services = {"HTTP1": web, "ECHO": echo}
            tokens[name] = self.tunnel(services, name=name)
            self.agent(self.the_hub, tokens[name], services)
        self.config(("one", tokens["one"]), ("two", tokens["two"]))
        gateway = self.start(self.program("tunnel-gateway"), "--config", self.file, "--listen",
                             "127.0.0.1:0", "-v", "5")
        gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        for name in ("one", "two"):
            gateway.wait_line(f"tunnel {name} is up, with")
            self.assertEqual(self.asks(gateway.port, f"http1.{name}.tunnel"), name)
        lives = self.held(gateway, "echo.one.tunnel")
        gone = socks5(gateway.port, "echo.two.tunnel")
        self.addCleanup(gone.close)
        self.config(("one", tokens["one"]), ("three", tokens["three"]))
        self.hang_up(gateway)
        gateway.wait_line("tunnel three is up, with")
        self.assertEqual(self.asks(gateway.port, "http1.three.tunnel"), "three")
        with self.assertRaises(ConnectionResetError):  # not its end
            read_all(gone)
        with self.assertRaises(Refused):
            socks5(gateway.port, "http1.two.tunnel")
        lives()
        self.config(("one", tokens["one"]), ("three", tokens["three"], "no such option = 1"))
        self.hang_up(gateway, KEPT)
        self.assertEqual(self.asks(gateway.port, "http1.three.tunnel"), "three")
        # Other ports are another session; its neighbour does not notice.
        self.config(("one", tokens["one"]), ("three", tokens["three"], "source-listen-port = "
                                             f"HTTP1={self.dir / 'port'}"))
        mark = gateway.mark()
        self.hang_up(gateway)
        gateway.wait_line("tunnel three is up, with", after=mark)
        gateway.wait_line(rf"Listening for new connection on {self.dir / 'port'}", after=mark)
        self.assertEqual(self.asks(gateway.port, "http1.three.tunnel"), "three")
        # Another token is another way to the hub, in the same session.
        self.config(("one", tokens["two"]), ("three", tokens["three"], "source-listen-port = "
                                             f"HTTP1={self.dir / 'port'}"))
        lives()
        mark = gateway.mark()
        self.hang_up(gateway)
        gateway.wait_line("tunnel one is up", after=mark)
        self.assertEqual(self.asks(gateway.port, "http1.one.tunnel"), "two")
        # one: twice; two: once, and again as "one"; three: once, and with ports.
        self.assert_connections(self.the_hub, "source", 5)

    def start_gateway(self, text, *more):
        self.file.write_text(text)
        gateway = self.start(self.program("tunnel-gateway"), "--config", self.file, "-v", "5", *more)
        gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        return gateway

    def test_names_and_services(self):
        """Suffixes, aliases, services, limits and times; what is read at the start only is named."""
        self.file = self.dir / "gateway.conf"
        self.the_hub = self.hub()
        services = {"plc:web": self.origin(Http("plc")), "ECHO": self.origin(Echo())}
        tokens = self.tunnel(services)
        self.agent(self.the_hub, tokens, services)
        base = (f"proxy-endpoint = 127.0.0.1:{self.the_hub.port}\ntoken-file = {tokens.source}\n"
                f"ca = {certificates.certificate().ca}\n")
        gateway = self.start_gateway(base + "listen = 127.0.0.1:0\nsuffix = old\nlinger = 7s\n")
        gateway.wait_line("is up, with")
        lives = self.held(gateway, "echo.old")
        seen = Control(self.dir / "tunnel-gateway" / "admin.sock")
        self.assertEqual(seen.service("plc:web")["host"], "plc-web.old")

        def by_http(host):
            with dial(gateway.port) as s:
                s.sendall(f"GET http://{host}/name HTTP/1.0\r\n\r\n".encode())
                return read_answer(s)[0]

        self.assertEqual(by_http("plc-web.old"), 403)  # it is no HTTP service by its name
        self.file.write_text(base + "listen = 127.0.0.1:1\nsuffix = new\nlinger = 8s\n"
                             "memory-budget = 32M\nmax-clients = 3\nhttp-services = plc:web\n"
                             "max-connections = 1\n[alias]\nplc = plc:web\n")
        mark = gateway.mark()
        self.hang_up(gateway)
        waiting = re.findall("--([a-z-]+) has another value now, which takes effect at the next "
                             "start of tunnel-gateway", "\n".join(gateway.lines[mark:]))
        self.assertEqual(sorted(waiting), ["listen", "memory-budget"])
        self.assertEqual(self.asks(gateway.port, "plc.new"), "plc")
        # The connection before it, the only one that may be there, has to be gone.
        wait_until(lambda: by_http("plc.new") == 200, "the connection before it is gone")
        self.assertEqual(seen.service("plc:web")["host"], "plc.new")
        for name in ("echo.old", "echo.new"):  # the second one is one too many
            with self.assertRaises(Refused):
                socks5(gateway.port, name)
        lives()
        self.file.write_text(base + "suffix = -?-\n")
        self.hang_up(gateway, KEPT)
        wait_until(lambda: by_http("plc.new") == 200, "the connection before it is gone")
        lives()
        self.assert_connections(self.the_hub, "source", 1)

    def test_direct(self):
        """Comes and goes with a reload, but not where that made an open proxy of it."""
        self.file = self.dir / "gateway.conf"
        self.the_hub = self.hub()
        web = self.origin(Http("near"))
        tokens = self.tunnel({"ECHO": self.origin(Echo())})
        base = (f"proxy-endpoint = 127.0.0.1:{self.the_hub.port}\ntoken-file = {tokens.source}\n"
                f"ca = {certificates.certificate().ca}\n")
        gateway = self.start_gateway(base, "--listen", "127.0.0.1:0")
        port = int(web.address.rpartition(":")[2])

        def asks():
            with socks5(gateway.port, "127.0.0.1", port) as s:
                s.sendall(b"GET /name HTTP/1.0\r\n\r\n")
                return read_all(s)

        with self.assertRaises(Refused):
            asks()
        self.file.write_text(base + "direct = yes\n")
        self.hang_up(gateway)
        self.assertIn(b"near", asks())
        self.file.write_text(base)
        self.hang_up(gateway)
        with self.assertRaises(Refused):
            asks()
        other = self.tunnel({"ECHO": "127.0.0.1:1"})
        base = base.replace(str(tokens.source), str(other.source))
        open_one = self.start_gateway(base, "--listen", "0.0.0.0:0", "--control", "off")
        self.file.write_text(base + "direct = yes\n")
        self.hang_up(open_one, "SIGHUP: --direct needs --user .*; going on")

    def test_password(self):
        file = write_secret(self.dir / "auth", "first\n")
        way = self.open_way({"HTTP1": self.origin(Http())},
                            gateway=("--user", "me", "--password-file", file))

        def status(password):
            proof = base64.b64encode(b"me:" + password).decode()
            with dial(way.port) as s:
                s.sendall(f"CONNECT HTTP1.tunnel:80 HTTP/1.1\r\n"
                          f"Proxy-Authorization: Basic {proof}\r\n\r\n".encode())
                return read_answer(s)[0]

        self.assertEqual(status(b"first"), 200)
        write_secret(file, "second\n")
        self.hang_up(way.gateway)
        self.assertEqual((status(b"first"), status(b"second")), (407, 200))
        write_secret(file, "\n")
        self.hang_up(way.gateway, KEPT)
        self.assertEqual(status(b"second"), 200)


class Hub(Reload):
    def test_configuration_file(self):
        """Files may be others; what is read at the start only is named; nobody is disconnected."""
        first, second = certificates.certificate(), certificates.certificate(key="rsa")
        options, audit = self.dir / "hub.conf", self.dir / "audit.log"
        options.write_text(f"cert = {first.cert}\nkey = {first.key}\nidle-timeout = 50s\n"
                           f"state = {self.dir / 'state'}\nallow-unsigned-loopback = yes\n")
        hub = self.start(self.program("tunnel-hub"), "--config", options, "--ops-listen", "off",
                         "--listen", "127.0.0.1:0")
        hub.port = int(hub.wait_line(r"Listening on \S+:(\d+)").group(1))
        hub.api = Api(hub.port, verify=False)
        self._hub = hub
        services = {"ECHO": self.origin(Echo())}
        tokens = self.tunnel(services)
        self.agent(hub, tokens, services)
        gateway = self.gateway(hub, tokens)
        lives = self.held(gateway, "echo.tunnel")
        options.write_text(f"cert = {second.cert}\nkey = {second.key}\nidle-timeout = 40s\n"
                           f"state = {self.dir / 'state'}\naudit-log = {audit}\ngrace = 1s\n")
        mark = hub.mark()
        self.hang_up(hub, "access keys and limits were read again")
        self.assertTrue(hub.has_line("--idle-timeout has another value now", mark))
        self.assertFalse(hub.has_line("--(cert|state|grace) has another value now", mark))
        wait_until(audit.exists, "the audit log is there")
        self.assertEqual(self.key_of(hub.port), "RSA")
        with self.assertRaises(ApiError):  # unsigned calls are not taken any more
            hub.api.open(services=["A"])
        lives()
        options.write_text("cert = \n")
        mark = hub.mark()
        self.hang_up(hub, KEPT)
        hub.wait_line("certificate and key were read again", after=mark)
        self.assertEqual(self.key_of(hub.port), "RSA")
        with self.assertRaises(ApiError):  # nor after a mistake in the file
            hub.api.open(services=["A"])
        lives()

    def test_pipes_in_the_place_of_files(self):
        """The hub neither waits for somebody to write into them, nor takes them for empty files."""
        limits, options = self.limits_file(services_per_tunnel=1), self.dir / "hub.conf"
        options.write_text("hook-timeout = 5s\n")
        hub = self.hub("--limits", limits, "--config", options)
        self.assert_limited(hub)
        for file, kept in ((limits, "going on with the keys and limits in use"), (options, KEPT)):
            with self.subTest(file.name):
                text = file.read_bytes()
                file.unlink()
                os.mkfifo(file)
                mark = hub.mark()
                self.hang_up(hub, kept)
                self.assertTrue(hub.has_line(f"{file}: is a pipe into which nobody writes", mark))
                self.assert_limited(hub)
                writer = os.open(file, os.O_RDWR)
                os.write(writer, text)
                mark = hub.mark()
                hub.process.send_signal(signal.SIGHUP)
                wait_until(lambda f=file: has_open(hub, f), "it is read")
                os.close(writer)
                hub.wait_line("access keys and limits were read again", after=mark)
                self.assertFalse(hub.has_line("going on with", mark))
                self.assert_limited(hub)
                file.unlink()
                file.write_bytes(text)

    def test_a_pipe_of_a_shell(self):
        """What it has to say is said at the start."""
        limits = self.limits_file(services_per_tunnel=1)
        hub = self.hub("--limits", "/dev/fd/7",
                       before=("bash", "-c", f'exec "$@" 7< <(cat {limits})', "bash"))
        self.assert_limited(hub)
        self.hang_up(hub, "/dev/fd/7: is a pipe into which nobody writes; going on with the keys")
        self.assert_limited(hub)

    def assert_limited(self, hub):
        with self.assertRaises(ApiError):
            hub.api.open(["A", "B"])

    def key_of(self, port):
        """The kind of key of the hub's certificate, as newcomers see it."""
        pem = ssl.get_server_certificate(("127.0.0.1", port))
        done = run("openssl", "x509", "-noout", "-text", input=pem.encode())
        return "RSA" if "rsaEncryption" in done.text else "EC"


if __name__ == "__main__":
    unittest.main()
