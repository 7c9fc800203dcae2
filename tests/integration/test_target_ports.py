"""Listening ports that lead to hosts behind the device: -s SERVICE=PORT:HOST:PORT."""

import re
import signal
import socket
import unittest

from control import Control
from harness import Case
from origins import Named
from programs import run
from sockets import dial, free_port, read_all, read_answer, read_exactly
from wire import SERVICE_IDS, Message, connect


class Ports(Case):
    """Hosts on loopback, listed one by one, and a service of one place."""

    def setUp(self):
        super().setUp()
        self.one, self.two, self.here = (self.origin(Named(name, host)) for name, host in
                                         (("one", "127.0.0.2"), ("two", "127.0.0.3"),
                                          ("here", "127.0.0.1")))
        self.services = {"NET": f"127.0.0.2:{self.one.port},127.0.0.3:{self.two.port},"
                                f"localhost:{self.here.port}",
                         "WEB1": f"127.0.0.2:{self.one.port}"}

    def way_of(self, *maps, services=None):
        gateway = [word for one in maps for word in ("-s", one)]
        return self.open_way(services or self.services, gateway=gateway)

    def port(self, gateway, target):
        return int(gateway.wait_line(rf"Listening for new connection on port (\d+), {target}$")
                   .group(1))

    def name_at(self, sock):
        with sock:
            sock.settimeout(30)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            status, head = read_answer(sock)
            self.assertEqual(status, 200)
            size = int(re.search(r"(?i)content-length: (\d+)", head)[1])
            return read_exactly(sock, size).decode()

    def dial_unix(self, path):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        return sock

    def assert_cut(self, port):
        """A port has nothing to say a refusal in: the connection ends, and nothing came."""
        try:
            with dial(port) as sock:
                self.assertEqual(read_all(sock), b"")
        except (ConnectionResetError, BrokenPipeError):
            pass

    def test_each_leads_to_its_host(self):
        path = self.dir / "port.sock"
        one, two = f"127.0.0.2:{self.one.port}", f"127.0.0.3:{self.two.port}"
        here = f"localhost:{self.here.port}"
        way = self.way_of(f"NET=127.0.0.2:0:{two}", f"NET=0:{here},WEB1=0",
                          f"NET={path}:{one}")
        there = self.port(way.gateway, f"NET to {two}")
        self.assertEqual(self.name_at(dial(there, "127.0.0.2")), "two")
        self.assertEqual(self.name_at(dial(self.port(way.gateway, f"NET to {here}"))), "here")
        plain = int(way.gateway.wait_line(r"\] .*New port mapping: WEB1 = (\d+)$").group(1))
        self.assertEqual(self.name_at(dial(plain)), "one")
        way.gateway.wait_line(rf"Listening for new connection on {path}, NET to {one}$")
        self.assertEqual(self.name_at(self.dial_unix(path)), "one")

    def test_seen(self):
        """In both access logs and on both dashboards."""
        target = f"127.0.0.3:{self.two.port}"
        way = self.way_of(f"NET=0:{target}")
        port = self.port(way.gateway, f"NET to {target}")
        with dial(port) as sock:
            client = f"127.0.0.1:{sock.getsockname()[1]}"
            for program in ("tunnel-gateway", "tunnel-agent"):
                stream = Control(self.dir / program / "admin.sock").wait_stream(
                    service="NET", client=client)
                self.assertEqual(stream["target"], target)
        way.gateway.wait_line(f"stream client={client} protocol=port asked={port} service=NET "
                              f"target={target} ")
        way.agent.wait_line(f"stream client={client} service=NET target={target} ")

    def test_unnamed(self):
        target = f"127.0.0.2:{self.one.port}"
        way = self.way_of(f"0:{target}", services={"NET": self.services["NET"]})
        self.assertEqual(self.name_at(dial(self.port(way.gateway, f"NET to {target}"))), "one")

    def test_refused(self):
        """The agent's list decides, as for names."""
        one = f"127.0.0.2:{self.one.port}"
        for service, target, reason, agent_says in (
                ("NET", f":127.0.0.4:{self.one.port}", "forbidden", "that is not among"),
                ("NET", f":127.0.0.3:{self.one.port}", "forbidden", "that is not among"),
                ("NET", f":127.0.0.1:{self.here.port}", "forbidden", "that is not among"),
                ("NET", f":[::ffff:127.0.0.1]:{self.here.port}", "forbidden", "that is not among"),
                ("NET", "", "needs-target", "the source named none of them"),
                ("WEB1", f":{one}", "no-targets", "the source named another")):
            with self.subTest(service=service, target=target):
                port = free_port()
                way = self.way_of(f"{service}={port}{target}")
                way.gateway.wait_line(f"Listening for new connection on port {port}")
                mark = way.agent.mark()
                self.assert_cut(port)
                way.gateway.wait_line(rf"protocol=port asked={port} .*reason={reason}")
                way.agent.wait_line(rf"refused client=127\.0\.0\.1:\d+ service={service}.* "
                                    rf"reason={reason} text=.*{agent_says}", after=mark)
        self.assertEqual((self.one.clients, self.two.clients, self.here.clients), (0, 0, 0))

    def test_an_end_that_cannot_be_told(self):
        hub, tokens = self.hub(), self.tunnel(["NET"])
        peer = connect(hub.port, "destination", tokens.destination)
        self.addCleanup(peer.drop)
        self.assertEqual(peer.recv(), Message(SERVICE_IDS, services=["NET"]))
        gateway = self.gateway(hub, tokens, "-s", "NET=0:127.0.0.2:80")
        gateway.wait_line("an end that is not native is on the other side")
        self.assert_cut(self.port(gateway, "NET to 127.0.0.2:80"))
        gateway.wait_line("refused client=.* protocol=port .*reason=no-targets text=.*cannot be told "
                          "which host is meant")

    def test_reload(self):
        """Another target is another session, as other ports are."""
        hub, tokens = self.hub(), self.tunnel(self.services)
        self.agent(hub, tokens, self.services)
        path, file = self.dir / "port.sock", self.dir / "gateway.conf"

        def leads_to(origin, host):
            file.write_text(f"source-listen-port = NET={path}:{host}:{origin.port}\n")
            return rf"Listening for new connection on {path}, NET to {host}:{origin.port}$"
        line = leads_to(self.one, "127.0.0.2")
        gateway = self.gateway(hub, tokens, "--config", file)
        for line, name in ((line, "one"), (leads_to(self.two, "127.0.0.3"), "two")):
            if name == "two":
                gateway.process.send_signal(signal.SIGHUP)
            gateway.wait_line(line)
            self.assertEqual(self.name_at(self.dial_unix(path)), name)


class AtTheStart(Case):
    """What is wrong is told in words, before anything is connected."""

    def test_bad_input(self):
        folder = self.dir / "maps"
        folder.mkdir()
        (folder / "plc.ini").write_text("PLC = 5501:10.0.7.20:502\nPLC = 5502:10.0.7.999:502\n")
        way = ("-e", "127.0.0.1:1", "-t", "a" * 60)
        for words, says in (
                (["-s", "PLC=5501:10.0.7.20:0"], '"10.0.7.20:0" has no port from 1 to 65535 of the '
                                                 "host behind the device"),
                (["-s", "PLC=5501:cam 1:80"], '"cam 1:80" names no host behind the device: write '
                                              "HOST:PORT or [IPv6]:PORT"),
                (["--config-dir", folder], 'plc.ini:2: "10.0.7.999:502" names no host'),
                (["-s", "PLC=5501:[fd00::1]:502", "-y", "V1"],
                 "a port cannot lead to [fd00::1]:502 behind the device: with "
                 "--destination-client-type, --subprotocol or Amazon's hub the device cannot be told")):
            with self.subTest(words):
                done = run(self.program("tunnel-gateway"), *way, "--check-config", *words)
                self.assertEqual(done.code, 1)
                self.assertIn(says, done.err)
                self.assertEqual(done.err.count(says), 1)
        (folder / "plc.ini").write_text("PLC = 5501:10.0.7.20:502\nPLC = 5502:10.0.7.21:502\n")
        done = run(self.program("tunnel-gateway"), *way, "--check-config", "--config-dir", folder)
        self.assertEqual((done.code, "twice" in done.err), (0, False), done)

    def test_localproxy_has_none(self):
        done = run(self.program("localproxy"), "-e", "127.0.0.1:1", "-t", "a" * 60, "-s",
                   "PLC=5501:10.0.7.20:502", cwd=self.dir)
        self.assertEqual(done.code, 1)
        self.assertIn("has too many colons", done.err)


if __name__ == "__main__":
    unittest.main()
