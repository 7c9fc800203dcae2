"""A node is killed that carries what cannot go on, or goes on unseen."""

import subprocess
import unittest

from cluster import ClusterCase, hub_metrics, open_at
from downloads import SIZE, Download
from harness import ESTABLISHED
from origins import Http, content
from programs import DEADLINE, environment, run, wait_until
from sshd import Sshd


class Killed(ClusterCase):
    """All ends come to node a, and there is only one when it is killed."""

    lease = "5s"

    def setUp(self):
        super().setUp()
        self.three()
        self.balancer.ports = [self.nodes["a"].port]

    def way(self, services, *gateway):
        tokens = open_at(self.nodes["b"].api, self.dir, list(services))
        there = {"endpoint": f"localhost:{self.balancer.port}"}
        agent = self.agent(None, tokens, services, **there)
        return agent, self.gateway(None, tokens, *gateway, **there)

    def kill(self, *ends):
        """What it returns waits until all of the ends are at other nodes."""
        wait_until(lambda: hub_metrics(self.nodes["a"])["tunnel_hub_ends"] == len(ends), "all ends are there")
        marks = [(end, end.mark()) for end in ends]
        self.balancer.ports = [self.nodes[name].port for name in "bc"]
        self.nodes.pop("a").kill()
        return lambda: [end.wait_line(ESTABLISHED, after=mark) for end, mark in marks]

    def assert_arrives(self, gateway, n):
        got = run("curl", "-sS", "--fail", "--retry", "20", "--retry-all-errors", "--socks5-hostname",
                  f"127.0.0.1:{gateway.port}", f"http://HTTP1.tunnel/bytes/{n}")
        self.assertEqual(got.code, 0, got)
        self.assertTrue(got.out == b"".join(content(n)))

    def test_other_protocols(self):
        """Connections of V1 to V3 break, as they do with AWS; their ends come back by themselves."""
        web = self.origin(Http())
        ways = [self.way({"HTTP1": web}, "-y", version) for version in ("V1", "V2", "V3")]
        downloads = [Download(gateway, rate="4M") for _, gateway in ways]
        for download in downloads:
            download.read(SIZE // 50)
        wait = self.kill(*(end for way in ways for end in way))
        for download in downloads:  # first: nobody reads from a client that does not
            good, what = download.right()
            self.assertFalse(good)
            self.assertNotEqual(what[0], 0, what)
        wait()
        for agent, gateway in ways:
            self.assert_arrives(gateway, 1_000_000)
            self.assert_alive(agent, gateway)

    def test_ssh(self):
        """Somebody types into a shell, and notices nothing but a pause."""
        sshd = Sshd(self, self.dir)
        agent, gateway = self.way({"SSH1": sshd})
        nc = f"nc -X 5 -x 127.0.0.1:{gateway.port} %h %p"
        with subprocess.Popen(["ssh", *sshd.options(nc), sshd.user("SSH1.tunnel"), "cat"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self.dir,
                              env=environment(), start_new_session=True) as p:
            self.addCleanup(p.kill)
            for i in range(40):
                p.stdin.write(b"line %d\n" % i)
                p.stdin.flush()
                if i == 20:
                    self.kill(agent, gateway)()
                self.assertEqual(p.stdout.readline(), b"line %d\n" % i)
            rest, _ = p.communicate(timeout=DEADLINE)
            self.assertEqual((p.returncode, rest), (0, b""))


if __name__ == "__main__":
    unittest.main()
