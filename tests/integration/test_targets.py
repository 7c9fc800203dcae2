"""Hosts behind the device: one service that leads to those of a list, which the client names."""

import re
import socket
import subprocess
import unittest

import certificates
import store
from api import Key
from control import Control
from harness import Case, write_secret
from origins import Echo, Named
from programs import environment, run
from scripted import socks5_later
from sockets import Refused, dial, free_port, read_answer, read_exactly, socks5
from sshd import Sshd
from wire import (CONNECTION_OPENED, CONNECTION_START, RESUME, SERVICE_IDS, Message, connect,
                  connect_native)


class Targets(Case):
    """Two hosts on loopback, listed one by one, and a service of one place."""

    def setUp(self):
        super().setUp()
        self.one, self.two = (self.origin(Named(name, host)) for name, host in
                              (("one", "127.0.0.2"), ("two", "127.0.0.3")))
        self.closed = free_port()
        self.list = f"127.0.0.2:{self.one.port},{self.closed},127.0.0.3:{self.two.port}"
        self.way = self.open_way({"NET": self.list, "WEB1": self.one_place()},
                                 gateway=("--http-services", "NET"))

    def one_place(self):
        return f"127.0.0.2:{self.one.port}"

    def name(self, host, port, service="NET"):
        dashes = re.sub(r"[.:]", "-", host)
        return f"{dashes}--{port}.{service}.tunnel" if port else f"{dashes}.{service}.tunnel"

    def curl(self, url, *more, proxy="socks5h"):
        return run("curl", "-sS", "-x", f"{proxy}://{self.way.proxy}", "--max-time", "60", *more, url)

    def test_curl(self):
        for proxy, more in (("socks5h", ()), ("http", ("-p",)), ("http", ()), ("socks4a", ())):
            for origin, host in ((self.one, "127.0.0.2"), (self.two, "127.0.0.3")):
                with self.subTest(proxy=proxy, host=host, more=more):
                    done = self.curl(f"http://{self.name(host, origin.port)}/", *more, proxy=proxy)
                    self.assertEqual(done.text, origin.name, done)
                    # The port that the client asks for counts when the name has none.
                    done = self.curl(f"http://{self.name(host, 0)}:{origin.port}/", *more,
                                     proxy=proxy)
                    self.assertEqual(done.text, origin.name, done)
        with self.subTest("the service of one place"):
            done = self.curl("http://WEB1.tunnel:1/")
            self.assertEqual(done.text, "one", done)

    def test_a_login_is_for_one_port(self):
        """NTLM's connection is kept for the next request to that port, not for another one's."""
        host, statuses = self.name("127.0.0.2", 0), []
        with dial(self.way.port) as sock:
            for port in (self.one.port, self.one.port, self.closed, self.one.port):
                sock.sendall(f"GET http://{host}:{port}/ HTTP/1.1\r\nHost: {host}:{port}\r\n"
                             "Authorization: NTLM x\r\n\r\n".encode())
                status, head = read_answer(sock)
                read_exactly(sock, int(re.search(r"(?i)content-length: (\d+)", head)[1]))
                statuses.append(status)
                if status == 502:
                    break
        self.assertEqual((statuses, self.one.clients), ([200, 200, 502], 1))

    def refusals(self):
        """name, SOCKS reply, HTTP status, what the gateway says, what the agent says."""
        not_listed = r"that is not among 127\.0\.0\.2:"
        for host, port in (("127.0.0.1", self.one.port), ("127.0.0.4", self.two.port),
                           ("127.0.0.2", self.two.port), ("127.0.0.3", self.one.port),
                           ("127.0.0.2", 65536 + self.one.port), ("0.0.0.0", self.one.port),
                           ("0:0:0:0:0:ffff:7f00:1", self.one.port), ("0::1", self.one.port),
                           ("localhost", self.one.port), ("10.1.2.3", 22)):
            yield (self.name(host, port), 2, 403, "forbidden; NET: the device does not let it lead to",
                   "reason=forbidden text=.*" + not_listed)
        yield ("NET.tunnel", 4, 502, "needs-target; NET: it leads to several hosts",
               "reason=needs-target .*the source named none of them")
        yield (self.name("127.0.0.2", self.one.port, "WEB1"), 4, 502,
               "no-targets; WEB1: no host can be named in front of it",
               "reason=no-targets text=.*the source named another")

    def test_refused(self):
        agent = self.way.agent
        for name, reply, status, gateway_says, agent_says in self.refusals():
            with self.subTest(name):
                mark = agent.mark()
                with self.assertRaises(Refused) as refused:
                    socks5(self.way.port, name)
                self.assertEqual(refused.exception.code, reply)
                agent.wait_line(r"\[warn\w*\] refused client=127\.0\.0\.1:\d+ service=\w+.* " + agent_says,
                                after=mark)
                done = self.curl(f"http://{name}/", "-i", proxy="http")
                self.assertIn(f"HTTP/1.1 {status} ", done.text)
                self.assertIn(f"X-Tunnel-Error: {gateway_says}", done.text)
        self.assertEqual((self.one.clients, self.two.clients), (0, 0))

    def test_asked_with_port_0(self):
        with self.assertRaises(Refused) as refused:
            socks5(self.way.port, self.name("127.0.0.2", 0), to=0)
        self.assertEqual(refused.exception.code, 2)

    def test_nobody_listens_there(self):
        with self.assertRaises(Refused) as refused:
            socks5(self.way.port, self.name("127.0.0.2", self.closed))
        self.assertEqual(refused.exception.code, 5)

    def test_seen(self):
        """In both access logs and on both dashboards."""
        target = f"127.0.0.3:{self.two.port}"
        name = self.name("127.0.0.3", self.two.port)
        with socks5(self.way.port, name) as sock:
            client = f"127.0.0.1:{sock.getsockname()[1]}"
            for program, asked in (("tunnel-gateway", name), ("tunnel-agent", None)):
                stream = Control(self.dir / program / "admin.sock").wait_stream(
                    service="NET", client=client)
                self.assertEqual((stream["target"], stream.get("asked")), (target, asked))
        self.way.gateway.wait_line(f"stream client={client} protocol=socks5 asked={name} service=NET "
                                   f"target={target} ")
        self.way.agent.wait_line(f"stream client={client} service=NET target={target} ")

    def test_a_client_that_is_hidden(self):
        way = self.open_way({"NET": self.list}, gateway=("--hide-clients",))
        socks5(way.port, self.name("127.0.0.3", self.two.port)).close()
        way.agent.wait_line(f"stream service=NET target=127.0.0.3:{self.two.port} ")


class Ssh(Case):
    def test_ssh_and_nc(self):
        sshd = Sshd(self, self.dir)  # on 127.0.0.1, which is listed by itself
        echo = self.origin(Echo("127.0.0.2"))
        way = self.open_way({"NET": f"127.0.0.1:{sshd.port},127.0.0.2:{echo.port}"})
        connect = f"{self.program('tunnel-gateway')} connect %h %p --gateway {way.proxy}"
        for name in (f"127-0-0-1--{sshd.port}.NET.tunnel", "127-0-0-1.net.tunnel"):
            for how in (f"nc -X 5 -x {way.proxy} %h %p", connect):
                with self.subTest(name, how=how):
                    done = run("ssh", *sshd.options(how), "-p", sshd.port, sshd.user(name),
                               "echo here", cwd=self.dir)
                    self.assertEqual(done.text, "here\n", done)
        done = run("ssh", *sshd.options(connect), sshd.user(f"127-0-0-2--{sshd.port}.NET.tunnel"),
                   "true", cwd=self.dir)
        self.assertIn(f"NET: the device does not let it lead to 127.0.0.2:{sshd.port}", done.err)
        with subprocess.Popen(["nc", "-X", "5", "-x", way.proxy, f"127-0-0-2--{echo.port}.NET.tunnel",
                               "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as nc:
            nc.stdin.write(b"through\n")
            nc.stdin.flush()
            self.assertEqual(nc.stdout.readline(), b"through\n")
            nc.kill()


class V6(Case):
    def test_v6_and_named_tunnels(self):
        try:
            origin = self.origin(Named("six", "::1", socket.AF_INET6))
        except OSError:
            self.skipTest("there is no IPv6 here")
        hub = self.hub()
        services = {"NET": f"[::1]:{origin.port},1"}
        tokens = self.tunnel(services)
        self.agent(hub, tokens, services)
        config = self.dir / "gateway.conf"
        config.write_text(f"[alias]\noven = 0--1--{origin.port}.NET.bench\n[tunnel bench]\n"
                          f"token-file = {tokens.source}\nproxy-endpoint = 127.0.0.1:{hub.port}\n"
                          f"ca = {certificates.certificate().ca}\n")
        gateway = self.start(self.program("tunnel-gateway"), "--listen", "127.0.0.1:0", "--config",
                             config, "-v", "5")
        gateway.wait_line("is up, with")
        port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        for name in (f"0--1--{origin.port}.NET.tunnel", f"0--1--{origin.port}.net.BENCH.tunnel",
                     f"0-0-0-0-0-0-0-1--{origin.port}.NET.tunnel", "oven.tunnel"):
            with self.subTest(name):
                done = run("curl", "-sS", "-x", f"socks5h://127.0.0.1:{port}", f"http://{name}/")
                self.assertEqual(done.text, "six", done)


class OnDemand(Case):
    """TARGET.SERVICE.DEVICE with an access key: nothing was opened before."""

    def test_hosts_behind_a_device(self):
        key, join = Key("PLANT", "p" * 20), "join_" + "A" * 43
        one, two = self.origin(Named("one", "127.0.0.2")), self.origin(Named("two", "127.0.0.3"))
        self.hub().terminate()
        store.invite(self.dir / "state", join, ["pump-*"])
        hub = self.hub("--keys", self.keys_file(key.section()), unsigned=False)
        where = ("-e", f"127.0.0.1:{hub.port}", "--ca", certificates.certificate().ca, "-v", "5")
        agent = self.start(self.program("tunnel-agent"), *where, "--device", "pump-07",
                           "--join-token-file", write_secret(self.dir / "join", join + "\n"),
                           "--state-dir", self.dir / "agent",
                           "-d", f"PLC=127.0.0.2:{one.port},127.0.0.3:{two.port}")
        agent.wait_line('device "pump-07" is enrolled')
        gateway = self.start(self.program("tunnel-gateway"), *where, "--listen", "127.0.0.1:0",
                             env=environment(AWS_ACCESS_KEY_ID=key.id,
                                             AWS_SECRET_ACCESS_KEY=key.secret))
        port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        proxy = ("curl", "-sSi", "-p", "-x", f"http://127.0.0.1:{port}", "--max-time", "60")
        for origin, host in ((one, "127-0-0-2"), (two, "127-0-0-3")):
            done = run(*proxy, f"http://{host}--{origin.port}.PLC.pump-07.tunnel/")
            self.assertTrue(done.text.endswith(origin.name), done)
        done = run(*proxy, f"http://127-0-0-1--{one.port}.PLC.pump-07.tunnel/")
        self.assertIn("X-Tunnel-Error: forbidden; PLC: the device does not let it lead to", done.text)
        agent.wait_line("refused client=.* service=PLC target=127.0.0.1:")
        done = run(*proxy, "http://PLC.pump-07.tunnel/")
        self.assertIn("X-Tunnel-Error: needs-target; PLC: ", done.text)


class OtherEnds(Case):
    """Ends that cannot be told a target never connect to something else."""

    def setUp(self):
        super().setUp()
        self.the_hub = self.hub()
        self.tokens = self.tunnel(["SSH1"])

    def refused(self, gateway):
        done = run("curl", "-sSi", "-p", "-x", f"http://127.0.0.1:{gateway.port}",
                   "http://127-0-0-2--22.SSH1.tunnel/")
        self.assertIn("X-Tunnel-Error: no-targets; SSH1: the program on the device cannot be told "
                      "which host is meant", done.text)

    def test_v3(self):
        peer = connect(self.the_hub.port, "destination", self.tokens.destination)
        self.addCleanup(peer.drop)
        self.assertEqual(peer.recv(), Message(SERVICE_IDS, services=["SSH1"]))
        gateway = self.gateway(self.the_hub, self.tokens)
        gateway.wait_line("an end that is not native is on the other side")
        self.refused(gateway)

    def native(self, mode):
        peer = connect_native(self.the_hub.port, mode, getattr(self.tokens, mode), mode[0] * 22)
        self.addCleanup(peer.drop)
        return peer

    def meet(self, peer, heeds=b""):
        """Reads until the far end's last RESUME, and says ours; returns what the far end heeds."""
        epoch = 0
        while True:
            m = peer.recv()
            if m.native.get("attached"):
                epoch = m.native["epoch"]
                peer.send(Message(RESUME, payload=heeds, native={"epoch": epoch}))
            elif m.type == RESUME:
                return m.payload

    def test_an_older_native_end(self):
        peer = self.native("destination")
        gateway = self.gateway(self.the_hub, self.tokens)
        self.meet(peer)
        gateway.wait_line("a native end is on the other side")
        self.refused(gateway)

    def test_what_is_said(self):
        peer = self.native("destination")
        gateway = self.gateway(self.the_hub, self.tokens)
        self.assertEqual(self.meet(peer, b"\x01"), b"\x01")
        client = socks5_later(gateway.port, "127-0-0-2--22.SSH1.tunnel")
        start = peer.recv()
        while start.type != CONNECTION_START:
            start = peer.recv()
        opening = start.payload
        self.assertTrue(opening.startswith(b"\x0a\x09127.0.0.2\x10\x16"), opening)
        self.assertRegex(opening, rb"\x1a.127\.0\.0\.1:\d+\x22\x19127-0-0-2--22\.SSH1\.tunnel$")
        peer.send(Message(CONNECTION_OPENED, connection=start.connection, native={"error": 9}))
        with self.assertRaises(Refused):
            client.get()
        gateway.wait_line("reason=needs-target")

    def test_a_source_that_says_nonsense(self):
        """Costs it its own session."""
        echo = self.origin(Echo())
        agent = self.agent(self.the_hub, self.tokens, {"SSH1": echo})
        peer = self.native("source")
        self.meet(peer, b"\x01")
        peer.send(Message(CONNECTION_START, 0, "SSH1", 1, b"\x0a\x7f"))
        agent.wait_line("a start that says what cannot be read")
        self.assertEqual(echo.clients, 0)
        self.assert_alive(agent)


if __name__ == "__main__":
    unittest.main()
