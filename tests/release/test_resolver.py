"""What becomes of the hub's name on a device whose name server is broken or odd: static programs
have musl's resolver. Needs root, for a network and an /etc/resolv.conf of its own (tests/release/run)."""

import pathlib
import time
import unittest

import certificates
from harness import ESTABLISHED, Case
from name_server import A, AAAA, SERVFAIL, NameServer
from programs import run

ADDRESS = "127.0.0.1"
PRIVATE = pathlib.Path("/etc/resolv.conf").read_text().startswith("# of tests/release")


@unittest.skipUnless(PRIVATE, "only in a namespace of tests/release/run")
class Resolver(Case):
    def connects(self, answers, name, limit):
        """Seconds until an agent has its hub by that name."""
        server = self.origin(NameServer(ADDRESS, answers))
        hub = self.hub()
        tokens = self.tunnel({"ECHO": "127.0.0.1:7"})
        began = time.monotonic()
        agent = self.end("tunnel-agent", hub, tokens.destination, "-d", "ECHO=127.0.0.1:7",
                         "--no-ssl-host-verify", endpoint=f"{name}:{hub.port}")
        agent.wait_line(ESTABLISHED, deadline=limit)
        self.assertIn((name, A, "udp"), server.asked)
        return time.monotonic() - began

    def test_plain(self):
        self.assertLess(self.connects({("hub.test", A): [ADDRESS]}, "hub.test", 4), 4)

    def test_no_answer_for_one_family(self):
        """AAAA fails on the name server, which happens behind old load balancers and routers."""
        answers = {("hub.test", A): [ADDRESS], ("hub.test", AAAA): SERVFAIL}
        self.connects(answers, "hub.test", 14)

    def test_many_addresses(self):
        """As many as fit into a datagram."""
        answers = {("hub.test", A): [ADDRESS] + [f"127.0.1.{i}" for i in range(1, 25)]}
        self.connects(answers, "hub.test", 4)

    def test_what_the_documents_warn_of(self):
        """agent.md: musl asks by UDP only, and adds no domain to a name that has a dot."""
        answers = {("large.test", A): (ADDRESS,), ("hub.site.test", A): [ADDRESS]}
        server = self.origin(NameServer(ADDRESS, answers))
        hub = self.hub()
        for name in ("large.test", "hub.site"):
            agent = self.end("tunnel-agent", hub, self.made_up_token(), "-d", "ECHO=127.0.0.1:7",
                             endpoint=f"{name}:{hub.port}")
            agent.wait_line(r"resolve|name", deadline=30)
        self.assertNotIn(("large.test", A, "tcp"), server.asked)
        self.assertNotIn(("hub.site.test", A, "udp"), server.asked)


if __name__ == "__main__":
    unittest.main()
