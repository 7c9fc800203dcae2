"""How programs are started: descriptors that are closed or that somebody has made non-blocking,
few descriptors, core files."""

import fcntl
import os
import pathlib
import re
import signal
import struct
import subprocess
import termios
import unittest

import certificates
from harness import ESTABLISHED, Case
from origins import Echo, Http, content
from programs import DEADLINE, environment, run, wait_until
from sockets import free_port

CLOSED = {"2": "2>&-", "1 and 2": ">&- 2>&-", "0 and 2": "<&- 2>&-", "all": "<&- >&- 2>&-"}


class Start(Case):
    def closed(self, how, program, *more):
        """With descriptors closed: nothing of it can be read."""
        return self.start("sh", "-c", f'exec "$@" {CLOSED[how]}', "sh", self.program(program),
                          *more, name=f"{program} without {how}")

    def asks(self, endpoint, name="http1.tunnel"):
        """What a client gets that connects through that endpoint."""
        done = run(self.program("tunnel-gateway"), "connect", "--gateway", endpoint, name, "80",
                   input=b"GET /name HTTP/1.0\r\n\r\n")
        return done.code == 0 and b"200 OK" in done.out

    def test_closed_descriptors(self):
        certificate = certificates.certificate()
        web = self.origin(Http())
        port = free_port()
        hub = self.closed("all", "tunnel-hub", "--listen", f"127.0.0.1:{port}", "--cert",
                          certificate.cert, "--key", certificate.key, "--state",
                          self.dir / "state", "--allow-unsigned-loopback", "--ops-listen", "off")
        ctl = self.program("tunnelctl")

        def opened():
            return run(ctl, "open", "--endpoint", f"127.0.0.1:{port}", "--ca", certificate.ca,
                       "--unsigned", "--services", "HTTP1",
                       "--source-token-file", self.dir / "source",
                       "--destination-token-file", self.dir / "destination").code == 0
        wait_until(opened, "the hub answers")
        to_hub = ("-e", f"127.0.0.1:{port}", "--ca", certificate.ca, "-i", "c" * 32)
        for how in CLOSED:
            with self.subTest(how):
                endpoint = self.dir / f"endpoint {how}"
                agent = self.closed(how, "tunnel-agent", *to_hub, "-d",
                                    f"HTTP1={web.address}", "--token-file",
                                    self.dir / "destination", "--control", "off")
                gateway = self.closed(how, "tunnel-gateway", *to_hub, "--token-file",
                                      self.dir / "source", "--listen", endpoint,
                                      "--control", "off")
                wait_until(lambda e=endpoint: e.exists() and self.asks(e), "the first answer")
                for _ in range(10):
                    self.assertTrue(self.asks(endpoint))
                for program in (agent, gateway, hub):
                    for fd in (0, 1, 2):
                        to = os.readlink(f"/proc/{program.pid}/fd/{fd}")
                        self.assertNotRegex(to, r"socket|anon_inode", program.name)
                self.assertEqual(agent.terminate(), 0)
                self.assertEqual(gateway.terminate(), 0)

    def test_limits(self):
        """As many files as the system allows, and no core files."""
        way = self.open_way({"HTTP1": self.origin(Http())})
        other = self.tunnel(["HTTP1"])
        few = self.start("sh", "-c", 'ulimit -S -n 200; ulimit -S -c unlimited; exec "$@"', "sh",
                         self.program("localproxy"), "-e", f"localhost:{way.hub.port}", "--ca",
                         certificates.certificate().ca, "--token-file", other.destination,
                         "-d", "HTTP1=80", name="localproxy")
        few.wait_line(ESTABLISHED)
        for program in (way.hub, way.agent, way.gateway, few):
            with self.subTest(program.name):
                text = pathlib.Path(f"/proc/{program.pid}/limits").read_text()
                files = re.search(r"Max open files\s+(\d+)\s+(\d+)", text)
                self.assertEqual(files.group(1), files.group(2))
                self.assertRegex(text, r"Max core file size\s+0\s+0\b")

    def test_signals(self):
        """A starter that blocks signals, or ignores the ends of its children, does so for itself."""
        started = ("env", "--block-signal", "--ignore-signal=CHLD")
        hook = self.dir / "hook"
        hook.write_text("#!/bin/sh\nexit 3\n")
        hook.chmod(0o700)
        tokens, other = self.tunnel(["HTTP1"]), self.tunnel(["HTTP1"])
        hub = self.hub("--hook", hook, before=started)
        hub.wait_line("--hook .*: it ended with code 3")
        hub.process.send_signal(signal.SIGHUP)
        hub.wait_line("access keys and limits were read again")
        to_hub = ("-e", f"localhost:{hub.port}", "--ca", certificates.certificate().ca)
        for name, token, *more in (("tunnel-agent", tokens.destination, "-d", "HTTP1=80"),
                                   ("tunnel-gateway", tokens.source, "--listen", "127.0.0.1:0"),
                                   ("localproxy", other.destination, "-d", "HTTP1=80")):
            with self.subTest(name):
                end = self.start(*started, self.program(name), *to_hub, "--token-file", token,
                                 *more, name=name)
                end.wait_line(ESTABLISHED)
                self.assertEqual(end.terminate(), 0)
        self.assertEqual(hub.terminate(), 0)

    def test_cpu(self):
        """A kernel of AES-GCM that this machine does not have is an error at the start."""
        usual = {"tunnel-agent": ("-e", "hub.example:443", "-d", "SSH1=22", "--ca",
                                  certificates.certificate().ca, "--token-file",
                                  self.made_up_token()),
                 "tunnelctl": ("list", "--endpoint", "127.0.0.1:1", "--unsigned")}
        for program, options in usual.items():
            with self.subTest(program):
                done = run(self.program(program), *map(str, options), cwd=self.dir,
                           env=environment() | {"TUNNEL_CPU": "z80\n\x1b[1m"})
                self.assertEqual(done.code, 1)
                self.assertRegex(done.text + done.err, r"TUNNEL_CPU: z80.* is not known; "
                                                       r"here are: (?:\w+ )*bearssl\n")
                self.assertNotIn("\x1b[1m", done.text + done.err)

    def connect(self, way, name, **fds):
        return subprocess.Popen([self.program("tunnel-gateway"), "connect", "--gateway", way.proxy,
                                 name, "7"], env=environment(), **fds)

    def test_nonblocking_stdin(self):
        """What comes late is still sent."""
        way = self.open_way({"ECHO": self.origin(Echo())})
        r, w = os.pipe()
        os.set_blocking(r, False)
        with self.connect(way, "echo.tunnel", stdin=r, stdout=subprocess.PIPE) as client:
            os.close(r)
            for i in range(10):  # each time it has come back to an empty stdin
                os.write(w, b"line %d\n" % i)
                self.assertEqual(client.stdout.readline(), b"line %d\n" % i)
            os.close(w)
            self.assertEqual(client.stdout.read(), b"")
            self.assertEqual(client.wait(DEADLINE), 0)

    def test_nonblocking_stdout(self):
        """A reader that is slower than the service loses nothing."""
        way = self.open_way({"ECHO": self.origin(Echo())})
        data = b"".join(content(2_000_000))
        (self.dir / "data").write_bytes(data)
        r, w = os.pipe()
        os.set_blocking(w, False)
        with open(self.dir / "data", "rb") as up, \
                self.connect(way, "echo.tunnel", stdin=up, stdout=w) as client, \
                os.fdopen(r, "rb") as down:
            os.close(w)
            wait_until(lambda: waiting_in(r) >= 60000, "the pipe is full")
            self.assertTrue(down.read() == data, "something is lost")
            self.assertEqual(client.wait(DEADLINE), 0)


def waiting_in(pipe):
    """Bytes that wait to be read."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


if __name__ == "__main__":
    unittest.main()
