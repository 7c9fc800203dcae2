"""In V3, a client that reads nothing holds up the tunnel for the stall timeout only when others wait."""

import time
import unittest

from harness import Case
from origins import Http
from programs import DEADLINE, run
from sockets import read_to_break, socks5

STALLED = r"stream .*service=HTTP1 .*reason=stalled"


class Stall(Case):
    def test_a_stuck_client_does_not_stop_the_others(self):
        way = self.open_way({"HTTP1": self.origin(Http())}, gateway=("-y", "V3", "--stall-timeout", "1s"))
        mark = way.gateway.mark()
        with socks5(way.port, "HTTP1.tunnel") as stuck:
            # More than all buffers between here and there hold; nothing of it is read.
            stuck.sendall(b"GET /bytes/64000000 HTTP/1.1\r\nHost: service\r\n\r\n")
            # The buffers fill while others come and go: each of those gets all of its bytes, and
            # the first that has to wait for the stuck one ends it.
            end = time.monotonic() + DEADLINE
            while not way.gateway.has_line(STALLED, after=mark):
                self.assertLess(time.monotonic(), end, way.gateway.output())
                done = run("curl", "-sS", "--max-time", "80", "--socks5-hostname", way.proxy,
                           "http://HTTP1.tunnel/bytes/3000000", "-o", "/dev/null",
                           "-w", "%{size_download}")
                self.assertEqual((done.code, done.text), (0, "3000000"), done)
            self.assertLess(len(read_to_break(stuck)), 64_000_000)


if __name__ == "__main__":
    unittest.main()
