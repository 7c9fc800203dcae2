"""What an agent of the release takes while nobody uses it."""

import pathlib
import re
import unittest

from harness import ESTABLISHED, Case
from programs import wait_until


class AgentMemory(Case):
    def test_memory(self):
        """Its own memory (RssAnon), connected to a hub: at most 1 MB."""
        hub = self.hub()
        agent = self.agent(hub, self.tunnel({"ECHO": "127.0.0.1:7"}), {"ECHO": "127.0.0.1:7"})
        agent.wait_line(ESTABLISHED)

        def anonymous():
            text = pathlib.Path(f"/proc/{agent.pid}/status").read_text()
            return int(re.search(r"RssAnon:\s+(\d+) kB", text)[1])
        wait_until(lambda: anonymous() <= 1024, f"at most 1 MB, not {anonymous()} KB", 30)
        print(f"RssAnon: {anonymous()} KB")


if __name__ == "__main__":
    unittest.main()
