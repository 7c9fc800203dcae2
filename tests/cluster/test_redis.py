"""The Redis that nodes share: which one will do, how it is reached, and what is said of others."""

import pathlib
import re
import shutil
import socket
import unittest

import certificates
import ops
from api import ApiError
from cluster import ClusterCase, open_at
from harness import write_secret
from origins import Http
from programs import run, wait_until
from redis_server import RedisCluster, RedisError, RedisServer, decode, encode
from sockets import free_port


class Redis(ClusterCase):
    def refused(self, sentence, *more, name="a"):
        """The node does not start, and says why."""
        port, words = self.node_options(name)
        cert = certificates.certificate()
        hub = self.start(self.program("tunnel-hub"), "--listen", f"127.0.0.1:{port}", "--cert",
                         cert.cert, "--key", cert.key, "--state", self.dir / f"state-{name}", *words,
                         *more, ends=(1,))
        self.assertEqual(hub.wait(), 1)
        self.assertIn(sentence, hub.output())

    def works(self, hub):
        """A tunnel can be opened, and bytes come through."""
        web = self.origin(Http())
        tokens = open_at(hub.api, self.dir, ["HTTP1"])
        self.agent(hub, tokens, {"HTTP1": web})
        gateway = self.gateway(hub, tokens)
        got = run("curl", "-sS", "--fail", "--retry", "5", "--retry-all-errors", "--socks5-hostname",
                  f"127.0.0.1:{gateway.port}", "http://HTTP1.tunnel/bytes/1000")
        self.assertEqual((got.code, len(got.out)), (0, 1000), got)

    def test_lease(self):
        for self.lease in "2s", "61s":
            self.refused(f'--cluster-lease "{self.lease}" must be from 3s to 60s')

    def test_settings(self):
        self.redis("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        self.refused("may throw away what it keeps: its maxmemory-policy is allkeys-lru")
        self.redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.redis("CONFIG", "SET", "appendonly", "no")
        self.refused("would forget what it acknowledged")
        self.redis("CONFIG", "SET", "appendonly", "yes")
        self.redis("CONFIG", "SET", "requirepass", "right")
        self.refused("wants a password, and none was given")
        self.redis.password = "right"
        secret = write_secret(self.dir / "password", "wrong\n")
        self.refused("does not take the password", "--cluster-password-file", secret)
        secret.write_text("right\n")
        self.works(self.node("a", "--cluster-password-file", secret))

    def test_rights(self):
        """What share/doc/cluster.md says that the user needs is enough."""
        text = (pathlib.Path(__file__).parents[2] / "share/doc/cluster.md").read_text()
        line = re.search(r"^ACL SETUSER hub .*$", text, re.M).group(0)
        self.redis(*line.replace("PASSWORD", "secret").split())
        self.redis("ACL", "SETUSER", "default", "off")
        self.url = lambda: f"redis://hub:secret@{self.redis.address}"
        self.works(self.node("a"))
        with self.redis.connect() as s, s.makefile("rb") as f:
            s.sendall(encode(["AUTH", "hub", "secret"]) + encode(["CONFIG", "GET", "*"])
                      + encode(["SET", "other", "x"]))
            self.assertEqual(decode(f), "OK")
            for _ in range(2):
                with self.assertRaisesRegex(RedisError, "NOPERM"):
                    decode(f)

    def test_away(self):
        self.redis.kill()
        self.refused(f"Redis at {self.redis.address} cannot be reached: connection refused")

    def test_empty(self):
        """An empty Redis in the place of the one that had the tunnels."""
        self.node("a").terminate()
        self.redis("FLUSHALL")
        self.refused("has nothing of the cluster that this node belongs to")
        other = self.node("b")
        other.terminate()
        self.refused("Redis belongs to another cluster than this node")

    def test_another_one_in_its_place(self):
        """While a node runs: it is told why Redis stays away, and each reason once."""
        hub = self.node("a")
        self.redis.kill()
        hub.wait_line("cannot be reached: connection refused")
        self.assertEqual(ops.ask(hub, "/readyz"), (503, "Redis does not answer\n"))
        with self.assertRaisesRegex(ApiError, "its Redis does not answer"):
            hub.api.call("ListTunnels")
        (kept := self.redis.dir / "appendonlydir").rename(self.dir / "kept")
        self.redis.start()
        hub.wait_line("has lost what hubs kept there, or is another one")
        self.redis.kill()
        shutil.rmtree(kept)
        (self.dir / "kept").rename(kept)
        self.redis.start()
        hub.wait_line("Redis answers again")
        refused = [line for line in hub.lines if "connection refused" in line]
        self.assertEqual(len(refused), 1, refused)

    def test_later_schema(self):
        self.node("a").terminate()
        self.redis("HSET", "tunnel:nodes:{nodes}", "#schema", "2")
        self.refused("the cluster is of a later version than this node: its schema is 2")

    def test_same_name(self):
        self.node("a")
        del self.ports["a"]
        self.refused("another node with the name a is alive, at 127.0.0.1:")

    def test_unix_socket(self):
        self.url = lambda: self.redis.unix
        self.works(self.node("a"))

    def stunnel_listens(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(f"{self.dir}/redis.sock") == 0

    def test_stunnel(self):
        """TLS between the node and Redis, which has a port for it: stunnel checks its certificate."""
        proof = certificates.certificate()
        with RedisServer(tls_port=(tls := free_port()), tls_cert_file=proof.cert,
                         tls_key_file=proof.key, tls_ca_cert_file=proof.ca,
                         tls_auth_clients="no") as redis:
            (config := self.dir / "stunnel.conf").write_text(
                f"foreground = yes\npid =\n[redis]\nclient = yes\n"
                f"accept = {self.dir}/redis.sock\nconnect = 127.0.0.1:{tls}\n"
                f"verifyChain = yes\nCAfile = {proof.ca}\ncheckIP = 127.0.0.1\n")
            stunnel = self.start("/usr/bin/stunnel4", config, ends=(0, -15))
            wait_until(self.stunnel_listens, "stunnel listens")
            self.url = lambda: f"unix:{self.dir}/redis.sock"
            hub = self.node("a")
            self.works(hub)
            self.assertGreater(redis("DBSIZE"), 1)
            hub.terminate()
            stunnel.terminate()

    def test_redis_cluster(self):
        """Three shards: a tunnel opened at one node is used at the others."""
        with RedisCluster() as redis:
            self.url = lambda: redis.url
            a, b, c = self.three()
            web = self.origin(Http())
            for hub in (a, b, c):
                tokens = open_at(hub.api, self.dir, ["HTTP1"])
                self.agent(b, tokens, {"HTTP1": web})
                gateway = self.gateway(c, tokens)
                got = run("curl", "-sS", "--fail", "--retry", "5", "--retry-all-errors",
                          "--socks5-hostname", f"127.0.0.1:{gateway.port}",
                          "http://HTTP1.tunnel/bytes/1000")
                self.assertEqual((got.code, len(got.out)), (0, 1000), got)
                self.assertEqual(
                    a.api.call("DescribeTunnel", tunnelId=tokens.id)["tunnel"]["status"], "OPEN")
            self.assertEqual(len(a.api.call("ListTunnels")["tunnelSummaries"]), 3)
            for server in redis.servers:
                self.assertGreater(server("DBSIZE"), 0)
            for hub in (a, b, c):
                hub.terminate()


if __name__ == "__main__":
    unittest.main()
