"""Redis goes away, for all nodes or for one of them: what runs goes on, nothing is changed meanwhile,
and all returns by itself."""

import threading
import unittest

from api import ApiError
from cluster import ClusterCase, hub_metrics, open_at
from harness import ESTABLISHED
from origins import Http
from programs import wait_until
from test_owner import SIZE, Download
from wires import Wire

AWAY = "Redis does not answer: what runs goes on"
BACK = "Redis answers again"


class Away(ClusterCase):
    """Of all nodes."""

    def setUp(self):
        super().setUp()
        self.web = self.origin(Http())
        self.three(announce=False)  # all ends come by the balancer, and are passed on

    def way(self, *agent):
        tokens = open_at(self.nodes["a"].api, self.dir, ["HTTP1"])
        there = {"endpoint": f"localhost:{self.balancer.port}"}
        self.an_agent = self.agent(None, tokens, {"HTTP1": self.web}, *agent, **there)
        self.a_gateway = self.gateway(None, tokens, **there)
        return tokens

    def away(self):
        marks = {n: n.mark() for n in self.nodes.values()}
        self.redis.kill()
        for n, mark in marks.items():
            n.wait_line(AWAY, after=mark)

    def back(self):
        marks = {n: n.mark() for n in self.nodes.values()}
        self.redis.start()
        for n, mark in marks.items():
            n.wait_line(BACK, after=mark)

    def refused(self, operation, **parameters):
        for n in self.nodes.values():
            with self.assertRaises(ApiError) as e:
                n.api.call(operation, **parameters)
            self.assertEqual((e.exception.status, e.exception.code),
                             (500, "InternalServerException"), e.exception)

    def test_what_runs_and_what_waits(self):
        tokens = self.way()
        fresh = open_at(self.nodes["b"].api, self.dir, ["HTTP1"])
        download = Download(self.a_gateway)
        download.read(SIZE // 8)
        self.away()
        self.refused("OpenTunnel", description="nobody can keep it")
        self.refused("CloseTunnel", tunnelId=tokens.id)
        self.refused("DescribeTunnel", tunnelId=tokens.id)
        late = self.agent(self.nodes["b"], fresh, {"HTTP1": self.web}, up=False)
        late.wait_line("503")
        good, what = download.right()
        self.assertTrue(good, what)
        mark = late.mark()
        self.back()
        late.wait_line(ESTABLISHED, after=mark)
        tunnels = self.nodes["c"].api.call("ListTunnels")["tunnelSummaries"]
        self.assertEqual({t["tunnelId"] for t in tunnels}, {tokens.id, fresh.id})
        for n in self.nodes.values():
            self.assertNotIn("fenced", "\n".join(n.lines))

    def test_who_was_here_comes_back(self):
        """Its node remembers it, whichever nodes it comes to before."""
        self.way()
        download = Download(self.a_gateway)
        download.read(SIZE // 8)
        self.away()
        marks = [(p, p.mark()) for p in (self.an_agent, self.a_gateway)]
        self.balancer.drop()
        for end, mark in marks:
            end.wait_line(ESTABLISHED, after=mark)
        good, what = download.right()
        self.assertTrue(good, what)
        self.back()

    def test_nothing_acknowledged_is_lost(self):
        """kill -9 in the middle of opens, and it comes back at once, or has not read for so long before
        that calls were refused; those that were told are there afterwards."""
        told, refused, stop = set(), [], threading.Event()

        def opens(api):
            while not stop.is_set():
                try:
                    told.add(api.open(["SSH1"])["tunnelArn"].rpartition("/")[2])
                except ApiError as e:
                    refused.append(e)

        threads = [threading.Thread(target=opens, args=(n.api,)) for n in self.nodes.values()]
        for t in threads:
            t.start()
        for pauses in False, True, True:
            so_far = len(told), len(refused)
            wait_until(lambda n=so_far[0]: len(told) > n + 20, "tunnels are opened")
            if pauses:
                self.redis.pause()
                wait_until(lambda n=so_far[1]: len(refused) > n, "a call is refused")
            self.redis.kill()
            self.redis.start()
        stop.set()
        for t in threads:
            t.join()
        seen, page = set(), {}
        wait_until(lambda: self.answers(), "all nodes answer again")
        while True:
            answer = self.nodes["b"].api.call("ListTunnels", maxResults=100, **page)
            seen |= {t["tunnelId"] for t in answer["tunnelSummaries"]}
            if "nextToken" not in answer:
                break
            page = {"nextToken": answer["nextToken"]}
        self.assertLessEqual(told, seen)

    def answers(self):
        try:
            return all(n.api.call("ListTunnels") for n in self.nodes.values())
        except ApiError:
            return False


class CutOff(ClusterCase):
    """Of one node."""

    lease = "5s"

    def setUp(self):
        super().setUp()
        self.web = self.origin(Http())
        self.wires = {name: self.origin(Wire(self.redis.port)) for name in ("a", "b", "c")}
        for name in self.wires:
            self.node(name)
        for n in self.nodes.values():
            self.wait_nodes(n, 3)

    def node_options(self, name, announce=True):
        port, words = super().node_options(name, announce)
        words[words.index("--cluster") + 1] = f"redis://127.0.0.1:{self.wires[name].port}"
        return port, words

    def ends(self, name):
        return hub_metrics(self.nodes[name])["tunnel_hub_ends"]

    def test_others_take_over(self):
        """It keeps what it has until it hears that others have it; no byte is wrong."""
        tokens = open_at(self.nodes["a"].api, self.dir, ["HTTP1"])
        there = {"endpoint": f"localhost:{self.balancer.port}"}
        agent = self.agent(None, tokens, {"HTTP1": self.web}, **there)
        gateway = self.gateway(None, tokens, **there)
        wait_until(lambda: any(self.ends(n) == 2 for n in self.nodes), "both ends are at one node")
        owner = next(n for n in self.nodes if self.ends(n) == 2)
        others = [n for n in self.nodes if n != owner]
        download = Download(gateway)
        download.read(SIZE // 8)
        marks = {n: self.nodes[n].mark() for n in self.nodes}
        self.wires[owner].cut = True
        self.nodes[others[0]].wait_line(f"node {owner} was not heard of .* it is taken for dead|"
                                        f"node {owner} at .*: dead", after=marks[others[0]])
        self.assertEqual(self.ends(owner), 2)
        # One end comes elsewhere, and the tunnel with it.
        self.balancer.ports = [self.nodes[n].port for n in others]
        self.balancer.drop()
        wait_until(lambda: sum(self.ends(n) for n in others) > 0, "another node has an end")
        mark = self.nodes[owner].mark()
        self.wires[owner].mend()
        self.nodes[owner].wait_line("this node was taken for dead", after=mark)
        wait_until(lambda: self.ends(owner) == 0, "it has let go")
        good, what = download.right()
        self.assertTrue(good, what)
        self.assertTrue(agent.alive() and gateway.alive())

    def test_nobody_took_over(self):
        """On its return it claims again what nobody else has: no end notices anything."""
        tokens = open_at(self.nodes["a"].api, self.dir, ["HTTP1"])
        agent = self.agent(self.nodes["a"], tokens, {"HTTP1": self.web})
        gateway = self.gateway(self.nodes["a"], tokens)
        download = Download(gateway)
        download.read(SIZE // 8)
        mark = {n: hub.mark() for n, hub in self.nodes.items()}
        ends = [(e, e.mark()) for e in (agent, gateway)]
        self.wires["a"].cut = True
        self.nodes["b"].wait_line("node a .*dead", after=mark["b"])
        self.wires["a"].mend()
        self.nodes["a"].wait_line("this node was taken for dead", after=mark["a"])
        self.wait_nodes(self.nodes["b"], 3)
        good, what = download.right()
        self.assertTrue(good, what)
        for end, at in ends:
            self.assertNotIn(ESTABLISHED, "\n".join(end.lines[at:]))
        wait_until(lambda: self.nodes["c"].api.describe(tokens.id)["sourceConnectionState"]["status"]
                   == "CONNECTED", "it has claimed the tunnel again")


if __name__ == "__main__":
    unittest.main()
