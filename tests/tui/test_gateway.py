"""The dashboard in front of a real gateway, agent and hub, with real clients."""

import json
import signal
import socket
import subprocess
import unittest

from case import Case, re, wait_until
from origins import Echo, Greeter, Http, Origin, content
from programs import DEADLINE, environment, run
from sockets import socks5
from sshd import Sshd

MUCH = 100_000_000


class Bulk(Origin):
    """MUCH bytes after the first byte that comes, and nothing else."""

    def serve(self, connection):
        connection.recv(1)
        for piece in content(MUCH):
            connection.sendall(piece)


def ends(client):
    """Orderly, or by a reset."""
    client.settimeout(DEADLINE)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


class Gateway(Case):
    def socket(self, name="tunnel-gateway"):
        return self.dir / name / "admin.sock"

    def shell(self, way, *more, **options):
        """The dashboard, which finds the gateway by itself."""
        t = self.dashboard(*more, XDG_RUNTIME_DIR=self.dir, **options)
        t.wait(r"tunnel-tui .* UP ")
        return t

    def nc(self, way, name):
        p = subprocess.Popen(["nc", "-X", "5", "-x", way.proxy, name, "1"], env=environment(),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for close in (p.wait, p.kill, p.stdout.close, p.stdin.close):
            self.addCleanup(close)
        return p

    def test_a_client_comes_and_goes(self):
        way = self.open_way({"SSH1": self.origin(Greeter()), "ECHO": self.origin(Echo())})
        t = self.shell(way)
        t.wait(r"^ ECHO +echo\.tunnel +ready +0")
        p = self.nc(way, "ECHO.tunnel")
        p.stdin.write(b"x" * 2048)
        p.stdin.flush()
        self.assertEqual(len(p.stdout.read(2048)), 2048)
        t.wait(r"127\.0\.0\.1:\d+.* s5 +ECHO +open +\w+ +2\.00K +2\.00K")
        t.keys("Enter")
        t.wait(rf"Client +127\.0\.0\.1:\d+ +pid {p.pid} nc")
        t.wait(r"Asked +ECHO\.tunnel")
        t.keys("q")
        p.kill()
        t.wait(r"^ *\S+ close .* ECHO .* down 2\.00K up 2\.00K")
        t.keys("q")
        self.ended(t)

    def test_close_ends_the_client(self):
        way = self.open_way({"ECHO": self.origin(Echo())})
        t = self.shell(way)
        client = socks5(way.port, "ECHO.tunnel")
        self.addCleanup(client.close)
        t.wait(r"^> .* ECHO +open")
        t.keys("K")
        t.wait(r"Close stream 1 .*\?")
        t.keys("y")
        self.assertTrue(ends(client))
        t.wait(r" clos ")
        t.keys("q")
        self.ended(t)

    def test_who_was_there(self):
        """Back in time the table has those who were there then, with what is known of them; also during a
        pause."""
        way = self.open_way({"ECHO": self.origin(Echo()), "SSH1": self.origin(Greeter())})
        t = self.shell(way, "--refresh", "0.2", columns=120, rows=36)
        stays, goes = (socks5(way.port, "ECHO.tunnel") for _ in range(2))
        self.addCleanup(stays.close)
        for c in (stays, goes):
            c.sendall(b"x" * 2000)
            self.assertEqual(len(c.recv(2000, socket.MSG_WAITALL)), 2000)
        t.wait(r"(ECHO .* open +([5-9]|\d\d)s(.|\n)*){2}")
        goes.close()
        t.wait_not(r" clos ")
        t.wait(r"1-1 of 1")
        self.back(t)
        t.wait(r"1-2 of 2")
        # The one has its bytes of then; of the other it is only known that it was there.
        t.wait(r"ECHO .* open +\d+s +\? +1\.95K +1\.95K")
        for _ in range(2):  # each of them has its page, the one that has gone, too
            t.keys("Enter")
            t.wait(r"Asked +ECHO\.tunnel")
            t.keys("Escape")
            t.wait(r"1-2 of 2")
            t.keys("j")
        t.keys("Escape")
        t.wait(r"1-1 of 1")
        late = socks5(way.port, "ECHO.tunnel")
        self.addCleanup(late.close)
        t.wait(r"1-2 of 2")
        t.keys("p")
        t.wait("PAUSED at ")
        self.back(t)
        t.wait(r"PAUSED, AT ")
        t.keys("Escape")
        t.wait(r"^ PAUSED at ")
        t.wait(r"1-2 of 2")
        t.wait_not(r" \? +\? ")
        t.keys("p", "q")
        self.ended(t)

    def back(self, t):
        """Second by second, until both are there. Each second is waited for, since its streams are asked
        for."""
        at, gone = "none", r"(?s)ECHO .* open +\d+s +\? +\? +\? .*1-2 of 2"
        while not re.search(gone, t.whole()):
            t.keys("Left")
            screen = t.wait(rf"(?s)(\d of \d|no stream was open).* AT (?!{at})\S+,")
            at = re.search(r" AT (\S+),", screen)[1]

    def test_history_groups_and_pages(self):
        """Of many clients: who has gone, who used most, and one group closed."""
        way = self.open_way({"ECHO": self.origin(Echo()), "SSH1": self.origin(Greeter())})
        t = self.shell(way, "--refresh", "0.2")
        gone = socks5(way.port, "SSH1.tunnel")
        gone.recv(1)
        t.wait(r"^> .* SSH1 +open")
        gone.close()
        clients = [socks5(way.port, "ECHO.tunnel") for _ in range(40)]
        for c in clients:
            self.addCleanup(c.close)
            c.sendall(b"x" * 1000)
            self.assertEqual(len(c.recv(1000, socket.MSG_WAITALL)), 1000)
        t.wait(r"1-\d+ of 40")
        t.keys("h")
        t.wait(r"The last 1 stream that ended")
        t.wait(r"^> +1 127\.0\.0\.1:\d+.* SSH1 .*\d+s$")
        t.keys("Enter")
        t.wait(r"Stream 1 .*closed")
        t.wait(r"Client +127\.0\.0\.1:\d+")
        t.keys("q", "h", "a")
        t.wait(r"by program ")
        t.wait(r"^> \+ python3?\S* +40 open +\d+ served")
        t.keys("Space")
        t.wait(r"^> - python.*\n +\d+ 127\.0\.0\.1")
        t.keys("a", "a")
        t.wait(r"by service +1-2 of 2")
        t.wait(r"^> \+ ECHO  40 open  40 served")
        t.keys("K")
        t.wait(r"Close 40 streams of ECHO\?")
        t.keys("y")
        self.assertTrue(all(ends(c) for c in clients))
        t.wait(r"^> \+ ECHO  0 open  40 served")
        t.keys("h")
        t.wait(r"The last 41 streams that ended")
        t.type("/service=ECHO")
        t.wait(r"1-20 of 40")
        t.keys("Enter", "q", "q")
        self.ended(t)

    def test_close_ends_ssh(self):
        self.close_ends_ssh("{gateway} connect --gateway {way.proxy} %h %p")

    def test_close_ends_ssh_behind_nc(self):
        """Which would keep a connection that is only half closed."""
        self.close_ends_ssh("nc -X 5 -x {way.proxy} %h %p")

    def close_ends_ssh(self, proxy):
        sshd = Sshd(self, self.dir)
        way = self.open_way({"SSH1": sshd})
        t = self.shell(way)
        proxy = proxy.format(gateway=self.program("tunnel-gateway"), way=way)
        p = subprocess.Popen(["ssh", *sshd.options(proxy), sshd.user("SSH1.tunnel"), "cat"],
                             env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        for close in (p.wait, p.kill, p.stdout.close, p.stdin.close, p.stderr.close):
            self.addCleanup(close)
        p.stdin.write(b"hello\n")
        p.stdin.flush()
        self.assertEqual(p.stdout.readline(), b"hello\n")
        t.wait(r"^> .* SSH1 +open")
        t.keys("K")
        t.wait(r"Close stream 1 .*\?")
        t.keys("y")
        self.assertEqual(p.wait(90), 255)
        t.keys("q")
        self.ended(t)

    def test_killed_and_started_again(self):
        way = self.open_way({"ECHO": self.origin(Echo())})
        t = self.shell(way)
        way.gateway.kill()
        t.wait("GATEWAY LOST")
        t.wait("ECHO")  # the last picture stays
        self.gateway(way.hub, way.tokens)
        t.wait("was started anew")
        t.wait(r"tunnel-tui .* UP ")
        t.keys("q")
        self.ended(t)

    def test_hub_down(self):
        way = self.open_way({"ECHO": self.origin(Echo())})
        t = self.shell(way)
        check = ("--socket", self.socket(), "--check")
        self.assertEqual(self.tui(*check).code, 0)
        port = way.hub.port
        way.hub.terminate()
        t.wait("HUB DOWN")
        self.assertNotIn("LOST", t.look())
        self.assertEqual(self.tui(*check).code, 3)
        self.hub(port=port)
        t.wait(r"tunnel-tui .* UP ")
        wait_until(lambda: self.tui(*check).code == 0, "it is up again")
        t.keys("q")
        self.ended(t)

    def test_numbers(self):
        """100 MB are 100 MB, to the byte, in the tables and in JSON."""
        way = self.open_way({"BULK": self.origin(Bulk()), "HTTP1": self.origin(Http())})
        p = self.nc(way, "BULK.tunnel")
        p.stdin.write(b"!")
        p.stdin.flush()
        left = MUCH
        while left:
            left -= len(p.stdout.read(min(left, 1 << 20)))
        p.stdin.close()
        p.wait()
        at = ("--socket", self.socket())
        wait_until(lambda: json.loads(self.tui(*at, "--json").text)["totals"].get("open", 0) == 0,
                   "its end")
        shot = json.loads(self.tui(*at, "--json").text)
        self.assertEqual((shot["totals"]["bytes_down"], shot["totals"]["bytes_up"]), (MUCH, 1))
        rows = self.tui(*at, "--once", "--pane", "services").text
        self.assertRegex(rows, r"(?m)^BULK .* 95\.4M +1 ")

    def test_readonly(self):
        way = self.open_way({"ECHO": self.origin(Echo())}, gateway=("--control-readonly",))
        t = self.shell(way)
        self.nc(way, "ECHO.tunnel")
        t.wait(r"^> .* ECHO +open")
        t.keys("K")
        t.wait("nothing can be closed here")
        self.assertNotIn("Close stream", t.look())
        t.keys("q")
        self.ended(t)

    def test_agent(self):
        self.open_way({"ECHO": self.origin(Echo())})
        text = self.tui("--program", "tunnel-agent",
                        env=environment(XDG_RUNTIME_DIR=self.dir)).text
        self.assertRegex(text, r"^tunnel-agent ")
        self.assertIn("ECHO", text)

    def test_recording(self):
        """What a session was can be looked at afterwards."""
        way = self.open_way({"HTTP1": self.origin(Http())})
        p = self.start(self.program("tunnel-tui"), "--socket", self.socket(), "--json",
                       "--interval", "0.1", ends=(-signal.SIGTERM,))
        wait_until(lambda: p.lines, "a snapshot")
        done = run("curl", "-sS", "--socks5-hostname", way.proxy, "http://HTTP1.tunnel/bytes/1000",
                   cwd=self.dir)
        self.assertEqual(done.code, 0, done)
        p.wait_line('"event":"close"')
        p.process.terminate()
        p.wait()
        recording = self.dir / "recording"
        recording.write_text("\n".join(p.lines) + "\n")
        screen = self.tui("--replay", recording, "--render", "120x36").text
        self.assertRegex(screen, r"HTTP1 +http1\.tunnel .*ready")
        self.assertRegex(screen, r"close +\d+ 127\.0\.0\.1:\d+ HTTP1")
        self.assertTrue(re.search(r" clos ", screen), screen)


if __name__ == "__main__":
    unittest.main()
