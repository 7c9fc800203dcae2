"""Native sessions with real programs: connections that outlive hubs and lost transports, answers that
are true, half-closes, and readers that stop. TUNNEL_FULL=1: the sizes of a release."""

import concurrent.futures
import hashlib
import os
import socket
import struct
import subprocess
import unittest

from harness import ESTABLISHED, Case
from origins import Echo, Http, Late, Origin, Sender, content_hash
from programs import DEADLINE, environment, run, wait_until
from sockets import Refused, dial, get_hash, http_connect, read_all, read_exactly, socks5
from sshd import Sshd
from tcp_relay import Relay

FULL = os.environ.get("TUNNEL_FULL") == "1"
DOWNLOAD = 1_000_000_000 if FULL else 60_000_000
LINES = 3_000_000 if FULL else 200_000
TIMES = 10 if FULL else 3  # hubs killed; and as many connections cut


class Resume(Case):
    def setUp(self):
        super().setUp()
        self.the_hub = self.hub()
        self.relay = Relay(self.the_hub.port)
        self.addCleanup(self.relay.close)
        self.download = self.origin(Http("web"))
        self.sshd = Sshd(self, self.dir)
        services = {"HTTP1": self.download, "SSH1": self.sshd, "ECHO": self.origin(Echo())}
        tokens = self.tunnel(services)
        endpoint = f"127.0.0.1:{self.relay.port}"
        self.the_agent = self.agent(self.the_hub, tokens, services, endpoint=endpoint)
        self.the_gateway = self.gateway(self.the_hub, tokens, endpoint=endpoint)
        self.ends = (self.the_agent, self.the_gateway)

    def kill_hub(self):
        port = self.the_hub.port
        self.the_hub.kill()
        self.the_hub = self.hub(port=port)

    def trouble(self, done):
        """Kills the hub and cuts the connections, in turn; waits for both ends each time. True:
        what was going on is not over yet."""
        for i in range(2 * TIMES):
            marks = [p.mark() for p in self.ends]
            if i % 2 == 0:
                self.kill_hub()
            else:
                self.relay.drop()
            for program, mark in zip(self.ends, marks):
                program.wait_line(ESTABLISHED, after=mark)
                program.wait_line("a native end is on the other side", after=mark)
            if done():
                return False
        return True

    def test_a_download_and_an_ssh_session(self):
        """Each is paced by the troubles: it goes on a little after each, and is over after the
        last."""
        with socks5(self.the_gateway.port, "HTTP1.tunnel") as s, \
                socks5(self.the_gateway.port, "ECHO.tunnel") as typing:
            ssh = subprocess.Popen(
                ["ssh", *self.sshd.options(f"nc -X 5 -x 127.0.0.1:{self.the_gateway.port} %h %p"),
                 self.sshd.user("SSH1.tunnel"), f"seq {LINES} && echo over"],
                cwd=self.dir, env=environment(), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.addCleanup(ssh.stdout.close)
            self.addCleanup(ssh.stderr.close)
            self.addCleanup(ssh.kill)
            output = hashlib.sha256(ssh.stdout.readline())
            s.sendall(f"GET /bytes/{DOWNLOAD} HTTP/1.1\r\nHost: service\r\n"
                      f"Connection: close\r\n\r\n".encode())
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += read_exactly(s, 1)
            self.assertIn(b" 200 ", head)
            body, typed = hashlib.sha256(), []

            def progress():
                """A piece of each, with the transports as they are now."""
                typing.sendall(b"%4d" % len(typed))
                typed.append(read_exactly(typing, 4))
                body.update(read_exactly(s, DOWNLOAD // (4 * TIMES)))
                for _ in range(LINES // (4 * TIMES)):
                    output.update(ssh.stdout.readline())

            self.assertTrue(self.trouble(progress))
            rest = read_all(s)
            body.update(rest)
            output.update(ssh.stdout.read())
            self.assertEqual(ssh.wait(DEADLINE), 0, ssh.stderr.read())
            self.assertEqual(body.hexdigest(), content_hash(DOWNLOAD))
            lines = hashlib.sha256()
            for i in range(1, LINES + 1):
                lines.update(b"%d\n" % i)
            lines.update(b"over\n")
            self.assertEqual(output.hexdigest(), lines.hexdigest())
            self.assertEqual(typed, [b"%4d" % i for i in range(2 * TIMES)])

    def test_upload_while_the_hub_is_away(self):
        """What is written without a hub arrives when there is one."""
        with socks5(self.the_gateway.port, "ECHO.tunnel") as s:
            s.sendall(b"before")
            self.assertEqual(read_exactly(s, 6), b"before")
            port = self.the_hub.port
            marks = [p.mark() for p in self.ends]
            self.the_hub.kill()
            for program, mark in zip(self.ends, marks):
                program.wait_line("was lost", after=mark)
            s.sendall(b"meanwhile")
            self.the_hub = self.hub(port=port)
            self.assertEqual(read_exactly(s, 9), b"meanwhile")


class Truth(Case):
    """Answers to openings, and both directions' ends."""

    def test_refusals_say_why(self):
        with socket.socket() as taken:  # bound but not listening: refuses
            taken.bind(("127.0.0.1", 0))
            closed = f"127.0.0.1:{taken.getsockname()[1]}"
            hub, tokens = self.hub(), self.tunnel(["DEAD", "HTTP9", "NONE", "LOST"])
            self.end("tunnel-agent", hub, tokens.destination, "-d",
                     f"DEAD={closed},HTTP9={closed},LOST=no-such-host.invalid:80"
                     ).wait_line(ESTABLISHED)
            gateway = self.gateway(hub, tokens, "--http-services", "DEAD,NONE,LOST")
            # DEAD's server would speak first, HTTP9's client does: the answer is the same.
            for name, socks, status, words in (
                    ("DEAD", 5, 502, "connection refused"), ("HTTP9", 5, 502, "connection refused"),
                    ("NONE", 4, 502, "nothing is mapped"), ("LOST", 4, 502, "does not resolve")):
                with self.subTest(name):
                    with self.assertRaises(Refused) as refused:
                        socks5(gateway.port, f"{name}.tunnel")
                    self.assertEqual(refused.exception.code, socks)
                    with self.assertRaises(Refused) as refused:
                        http_connect(gateway.port, f"{name}.tunnel")
                    self.assertEqual(refused.exception.code, status)
                    page = run("curl", "-sSi", "-x", f"http://127.0.0.1:{gateway.port}",
                               f"http://{name}.tunnel/")
                    self.assertRegex(page.text, rf"^HTTP/1\.1 {status} ")
                    self.assertIn(words, page.text)

    def test_half_close_both_ways(self):
        late = self.origin(Late(tail=1000))
        farewell = self.origin(Farewell())
        way = self.open_way({"LATE": late, "BYE": farewell})
        done = run("nc", "-N", "-X", "5", "-x", way.proxy, "LATE.tunnel", "7",
                   input=late.request(300_000))
        self.assertEqual(done.out, late.answer(300_000), done.err)
        with socks5(way.port, "BYE.tunnel") as s:
            self.assertEqual(read_all(s), b"I have said it all\n")
            s.sendall(b"but I have not\n")
            s.shutdown(socket.SHUT_WR)
            wait_until(lambda: farewell.heard, "the service hears the client to its end")
            self.assertEqual(farewell.heard, [b"but I have not\n"])
            way.gateway.wait_line("stream .*service=BYE .*reason=service-closed")

    def test_a_part_is_not_taken_for_the_whole(self):
        """What breaks off ends with a reset, behind what came before it: the service's reset, a device
        that is gone for good."""
        way = self.open_way({"BREAK": self.origin(Breaking())}, gateway=("--resume-timeout", "1s"))
        with socks5(way.port, "BREAK.tunnel") as s:
            self.assertEqual(read_exactly(s, 4), b"part")
            s.sendall(b"x")
            with self.assertRaises(ConnectionResetError):
                s.recv(1)
        with socks5(way.port, "BREAK.tunnel") as s:
            self.assertEqual(read_exactly(s, 4), b"part")
            way.agent.kill()
            with self.assertRaises(ConnectionResetError):
                s.recv(1)

    def test_early_data_needs_no_answer(self):
        """A client that does not wait for its SOCKS answer."""
        way = self.open_way({"ECHO": self.origin(Echo())})
        with dial(way.port) as s:
            name = b"ECHO.tunnel"
            s.sendall(b"\x05\x01\x00" + b"\x05\x01\x00\x03" + bytes([len(name)]) + name
                      + b"\x00\x50" + b"early")
            self.assertEqual(read_exactly(s, 2), b"\x05\x00")
            self.assertEqual(read_exactly(s, 10)[:2], b"\x05\x00")
            self.assertEqual(read_exactly(s, 5), b"early")


class Farewell(Origin):
    """Ends its side at once, and listens on."""

    def __init__(self):
        self.heard = []
        super().__init__()

    def serve(self, connection):
        connection.sendall(b"I have said it all\n")
        connection.shutdown(socket.SHUT_WR)
        self.heard.append(read_all(connection))


class Breaking(Origin):
    """Sends something, and resets the client when it has answered."""

    def serve(self, connection):
        connection.sendall(b"part")
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class HeadOfLine(Case):
    def test_a_reader_that_stopped_stops_nobody_else(self):
        """One download is never read; fifty others get all of theirs, and it is not dropped."""
        big = self.origin(Sender(64_000_000))
        web = self.origin(Http("web"))
        way = self.open_way({"BIG": big, "HTTP1": web},
                            gateway=("--stall-timeout", "1s"), agent=("--stall-timeout", "1s"))
        with socks5(way.port, "BIG.tunnel") as stopped:
            first = read_exactly(stopped, 1000)
            wait_until(big.stuck, "the stopped one's buffers are full")
            others = [socks5(way.port, "HTTP1.tunnel") for _ in range(50)]
            n = 1_000_000
            with concurrent.futures.ThreadPoolExecutor(50) as pool:
                got = list(pool.map(lambda s: get_hash(s, f"/bytes/{n}"), others))
            self.assertEqual(got, [(200, n, content_hash(n))] * 50)
            for s in others:
                s.close()
            self.assertFalse(way.gateway.has_line("stalled"))
            self.assertEqual(len(first) + len(read_all(stopped)), 64_000_000)


if __name__ == "__main__":
    unittest.main()
