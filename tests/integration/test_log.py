"""What the programs say: levels, JSON, and one access line for each stream."""

import fcntl
import json
import os
import pathlib
import re
import unittest

import certificates
from harness import Case
from origins import Http
from programs import run, wait_until
from sockets import read_all, socks5


class Log(Case):
    def records(self, program):
        lines = [line for line in program.output().splitlines() if line]
        return [json.loads(line) for line in lines]

    def test_json_access_lines(self):
        web = self.origin(Http("web"))
        way = self.open_way({"HTTP1": web}, gateway=["--log-format", "json"],
                            agent=["--log-format", "json"], hub=["--log-format", "json"])
        done = run("curl", "-sS", "--socks5-hostname", way.proxy,
                   "http://HTTP1.tunnel/bytes/12345", cwd=self.dir)
        self.assertEqual(len(done.out), 12345)

        def stream_of(program):
            found = [r for r in self.records(program) if r.get("event") == "stream"]
            return found and found[0]
        at_gateway = wait_until(lambda: stream_of(way.gateway), "the gateway's line")
        at_agent = wait_until(lambda: stream_of(way.agent), "the agent's line")
        self.assertEqual(at_gateway["asked"], "HTTP1.tunnel")
        self.assertEqual(at_gateway["protocol"], "socks5")
        self.assertRegex(at_gateway["client"], r"^127\.0\.0\.1:\d+$")
        for record in (at_gateway, at_agent):
            self.assertEqual(record["service"], "HTTP1")
            self.assertGreater(record["up"], 50)
            self.assertGreater(record["down"], 12345)
            self.assertGreaterEqual(record["ms"], 0)
            self.assertRegex(record["reason"], r"^[a-z-]+$")
        self.assertEqual((at_gateway["up"], at_gateway["down"]),
                         (at_agent["up"], at_agent["down"]))
        for program in (way.gateway, way.agent, way.hub):
            for record in self.records(program):
                self.assertIn("level", record)
                self.assertIn("time", record)

    def test_lines_for_people(self):
        way = self.open_way({"HTTP1": self.origin(Http())})
        run("curl", "-sS", "-x", f"http://{way.proxy}", "http://HTTP1.tunnel/name")
        way.gateway.wait_line(r"asked=http1\.tunnel.*(?i:service=HTTP1)|stream .*HTTP1")
        for line in way.gateway.output().splitlines():
            self.assertRegex(line, r"^\[\d{4}-\d\d-\d\d [\d:.]+\] \[\w+\] ")

    def test_levels(self):
        tokens = self.tunnel(["HTTP1"])
        hub = self.hub()
        said = {}
        for level in ("0", "1", "4", "5"):
            agent = self.end("tunnel-agent", hub, tokens.destination, "-d", "HTTP1=80",
                             "-i", "l" * 32, "-v", level)
            wait_until(lambda a=agent: connected_to(a.pid, hub.port), "its connection")
            if level in "45":
                agent.wait_line("Successfully established")
            agent.terminate()
            said[level] = len(agent.output())
        self.assertEqual(said["0"], 0)
        self.assertEqual(said["1"], 0)
        self.assertGreater(said["4"], 0)
        self.assertGreaterEqual(said["5"], said["4"])

    def test_no_token_in_any_log(self):
        web = self.origin(Http())
        way = self.open_way({"HTTP1": web}, gateway=["-v", "6"], agent=["-v", "6"],
                            hub=["-v", "6"])
        run("curl", "-sS", "-x", f"http://{way.proxy}", "http://HTTP1.tunnel/name")
        for token in (way.tokens.source, way.tokens.destination):
            secret = token.read_text().strip()
            for program in (way.gateway, way.agent, way.hub):
                self.assertNotIn(secret, program.output())

    def ask(self, port, times):
        """So many connections, one after the other, each with an answer."""
        for _ in range(times):
            with socks5(port, "HTTP1.tunnel") as s:
                s.sendall(b"GET /name HTTP/1.0\r\n\r\n")
                self.assertIn(b"200 OK", read_all(s))

    def test_lines_that_clients_make_have_a_limit(self):
        way = self.open_way({"HTTP1": self.origin(Http())}, agent=["-v", "4"])
        self.ask(way.port, 130)
        way.agent.terminate()
        text = way.agent.output()
        for kind, line in (("Connected to", r"\] Connected to"), ("stream", r"\] stream ")):
            told = len(re.findall(line, text))
            left = re.findall(rf'left-out lines=(\d+) seconds=\d+ like="?{kind}', text)
            self.assertGreaterEqual(told, 100)
            self.assertLess(told, 130)
            self.assertEqual(told + sum(map(int, left)), 130, text[-2000:])

    def test_a_log_that_nobody_reads(self):
        hub, tokens = self.hub(), self.tunnel(["HTTP1"])
        self.agent(hub, tokens, {"HTTP1": self.origin(Http())})
        fifo = self.dir / "log"
        os.mkfifo(fifo)
        log = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, log)
        fcntl.fcntl(log, fcntl.F_SETPIPE_SZ, 4096)
        said = b""

        def read_until(pattern):
            def look():
                nonlocal said
                try:
                    said += os.read(log, 65536)
                except BlockingIOError:
                    pass
                return re.search(pattern, said)
            return wait_until(look, pattern)
        gateway = self.start("sh", "-c", 'exec "$@" 2>"$0"', fifo, self.program("tunnel-gateway"),
                             "-e", f"127.0.0.1:{hub.port}", "--token-file", tokens.source,
                             "--ca", certificates.certificate().ca, "--listen", "127.0.0.1:0",
                             "-v", "5")
        port = int(read_until(rb"Listening on 127\S+:(\d+)").group(1))
        read_until(b"is up, with")
        self.ask(port, 60)  # far more than 4096 bytes of lines
        os.read(log, 65536)
        self.ask(port, 1)
        read_until(rb"lost lines=[1-9]")
        self.assert_alive(gateway)


def connected_to(pid, port):
    text = pathlib.Path(f"/proc/{pid}/net/tcp").read_text()
    return re.search(rf":{port:04X} 01 ", text) is not None


if __name__ == "__main__":
    unittest.main()
