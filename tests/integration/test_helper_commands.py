"""What connect, services and devices say when they cannot reach a gateway, before they ask it."""

import unittest

from harness import Case
from programs import environment, run
from sockets import free_port


class Messages(Case):
    def says(self, *words, **env):
        done = run(self.program("tunnel-gateway"), *words, env=environment(**env))
        self.assertEqual((done.code, done.text), (1, ""))
        self.assertEqual(done.err.count("\n"), 1, done.err)
        return done.err

    def test_where(self):
        for where, says in (
                ("nope", "--gateway \"nope\": that is neither ADDRESS:PORT nor a path with a '/' in it"),
                ("127.0.0.1:0", "--gateway \"127.0.0.1:0\": that is neither"),
                ("nope.invalid:1", '--gateway "nope.invalid:1": that name does not resolve'),
                (f"127.0.0.1:{free_port()}", "Connection refused (is it running? --gateway and "
                                             "$TUNNEL_GATEWAY say where)"),
                (self.dir / "none.sock", "No such file or directory (is it running?")):
            with self.subTest(where=where):
                self.assertIn(says, self.says("services", "--gateway", where))
                self.assertIn(says, self.says("devices", TUNNEL_GATEWAY=str(where)))

    def test_connect(self):
        for words, says in (([], "say where to: tunnel-gateway connect HOST PORT"),
                            (["SSH1.tunnel"], "say where to: "),
                            (["SSH1.tunnel", "ssh"], '"ssh" is no port: tunnel-gateway connect HOST PORT'),
                            (["SSH1.tunnel", "65536"], '"65536" is no port: ')):
            with self.subTest(words=words):
                self.assertIn(says, self.says("connect", *words))


if __name__ == "__main__":
    unittest.main()
