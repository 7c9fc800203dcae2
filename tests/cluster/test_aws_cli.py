"""AWS's own command line against each node by turns."""

import itertools
import threading
import unittest

from api import Api
from amazon_cli import KEY, AwsCase
from cluster import ClusterCase
from harness import write_secret

STABLE, PAGE, OTHERS = 35, 10, 8


class AwsCli(ClusterCase, AwsCase):
    def setUp(self):
        super().setUp()
        self.three("--keys", write_secret(self.dir / "keys", KEY.section()), unsigned=False)
        self.turns = itertools.cycle(self.nodes.values())

    def next_endpoint(self):
        return f"https://localhost:{next(self.turns).port}"

    def at_next(self, *words):
        return self.told(*words, endpoint=self.next_endpoint())

    def test_life_of_a_tunnel(self):
        opened = self.at_next("open-tunnel", "--destination-config", "thingName=press,services=SSH1",
                              "--tags", "key=site,value=7")
        tunnel, this = opened["tunnelId"], ("--tunnel-id", opened["tunnelId"])
        listed = self.at_next("list-tunnels", "--thing-name", "press")["tunnelSummaries"]
        self.assertEqual([(t["tunnelId"], t["status"]) for t in listed], [(tunnel, "OPEN")])
        seen = self.at_next("describe-tunnel", *this)["tunnel"]
        self.assertEqual(seen["destinationConfig"], {"thingName": "press", "services": ["SSH1"]})
        self.assertEqual(seen["tags"], [{"key": "site", "value": "7"}])
        rotated = self.at_next("rotate-tunnel-access-token", *this, "--client-mode", "ALL")
        self.assertNotEqual(rotated["sourceAccessToken"], opened["sourceAccessToken"])
        self.at_next("close-tunnel", *this)
        self.assertEqual(self.at_next("describe-tunnel", *this)["tunnel"]["status"], "CLOSED")
        self.at_next("close-tunnel", *this, "--delete")
        self.assert_error(self.aws("describe-tunnel", *this, endpoint=self.next_endpoint()),
                          "ResourceNotFoundException", tunnel)

    def others(self, port, stop):
        """Opens, closes and deletes other tunnels all the time."""
        with Api(port, KEY, keep=True, verify=False) as api:
            mine = []
            while not stop.is_set():
                mine.append(api.open(["HTTP1"])["tunnelId"])
                if len(mine) > OTHERS:
                    api.close_tunnel(mine.pop(0), delete=True)
                api.close_tunnel(mine[len(mine) // 2])

    def test_pages_while_others_write(self):
        """What is there all the time is on one page, and nothing is on two."""
        api = Api(self.nodes["a"].port, KEY, verify=False)
        stable = {api.open(["SSH1"])["tunnelId"] for _ in range(STABLE)}
        stop = threading.Event()
        threads = [threading.Thread(target=self.others, args=(n.port, stop))
                   for n in self.nodes.values()]
        for t in threads:
            t.start()
        found, more = [], []
        try:
            while True:
                page = self.at_next("list-tunnels", "--max-results", str(PAGE), *more)
                found += [t["tunnelId"] for t in page["tunnelSummaries"]]
                if not page.get("nextToken"):
                    break
                more = ["--next-token", page["nextToken"]]
        finally:
            stop.set()
            for t in threads:
                t.join()
        self.assertEqual(len(found), len(set(found)))
        self.assertLessEqual(stable, set(found))


if __name__ == "__main__":
    unittest.main()
