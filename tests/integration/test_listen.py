"""Where the endpoint may be reached from is judged by its addresses, not by what they are called."""

import unittest

from harness import Case
from origins import Http


class Listen(Case):
    def setUp(self):
        super().setUp()
        self.services = {"HTTP1": self.origin(Http("web"))}
        self.tokens = self.tunnel(self.services)
        self.the_hub = self.hub()

    def test_a_name_of_this_machine_needs_no_password(self):
        for where in ("localhost:0", "127.0.0.9:0"):
            with self.subTest(where):
                gateway = self.gateway(self.the_hub, self.tokens, "--listen", where, "--direct")
                self.assertNotIn("other machines", gateway.output())
                gateway.terminate()

    def test_an_open_proxy_does_not_start(self):
        gateway = self.gateway(self.the_hub, self.tokens, "--listen", "0.0.0.0:0", "--direct",
                               up=False, ends=(1,))
        gateway.wait_line("can be reached from other machines: with --direct that needs --user")
        self.assertEqual(gateway.wait(), 1)


if __name__ == "__main__":
    unittest.main()
