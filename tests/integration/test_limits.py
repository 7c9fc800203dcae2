"""Limits: what is too much is refused or has to wait, and nothing is lost."""

import concurrent.futures
import threading
import time
import unittest

from api import Api, ApiError, Key
from harness import ESTABLISHED, Case
from origins import BLOCK, content
from wire import DATA, SERVICE_IDS, STREAM_START, Message, ask, connect, request

ONE, TWO = Key("AKIDONE", "first-secret-of-the-tests"), Key("AKIDTWO", "second-secret-of-the-tests")
# What may pass beyond rate × time: a tenth of a second's credit, and what is on its way already.
CREDIT, BEHIND = 0.1, 300_000
CHUNK = 60_000


class Base(Case):
    def start_hub(self, text="", *more, **limits):
        file = self.limits_file(**limits)
        file.write_text(file.read_text() + text)
        keys = self.keys_file(ONE.section(), TWO.section())
        self.the_hub = self.hub("--limits", file, "--keys", keys, *more)
        self.api = self.the_hub.api
        self.by_key = {key: Api(self.the_hub.port, key) for key in (ONE, TWO)}

    def assert_limit(self, api, **how):
        with self.assertRaises(ApiError) as e:
            api.open(**how)
        self.assertEqual((e.exception.code, e.exception.status), ("LimitExceededException", 400))


class Calls(Base):
    def test_services_per_tunnel(self):
        self.start_hub("[key AKIDTWO]\nservices-per-tunnel = 1\n", services_per_tunnel=3)
        self.by_key[ONE].open(["A", "B", "C"])
        self.assert_limit(self.by_key[ONE], services=["A", "B", "C", "D"])
        self.assert_limit(self.by_key[TWO], services=["A", "B"])

    def test_tunnels_per_key(self):
        """Of each key on its own; closed ones do not count."""
        self.start_hub(tunnels_per_key=3)
        for api in (*self.by_key.values(), self.api):
            made = [api.open(["A"])["tunnelId"] for _ in range(3)]
            for _ in range(3):
                self.assert_limit(api, services=["A"])
            api.close_tunnel(made[0])
            made.append(api.open(["A"])["tunnelId"])
            self.assert_limit(api, services=["A"])
        self.assertEqual(len(self.api.list()), 12)

    def test_at_once(self):
        """Many callers in the same moment do not get past it."""
        self.start_hub(tunnels_per_key=5)
        opened, refused = [], []

        def call():
            try:
                opened.append(Api(self.the_hub.port).open(["A"]))
            except ApiError as e:
                refused.append(e.code)
        threads = [threading.Thread(target=call) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual((len(opened), refused), (5, ["LimitExceededException"] * 15))

    def test_lifetime(self):
        self.start_hub(lifetime_minutes=60)
        self.api.open(["A"], lifetime=60)
        with self.assertRaises(ApiError) as e:
            self.api.open(["A"], lifetime=61)
        self.assertIn(e.exception.code, ("LimitExceededException", "ValidationException"))
        given = self.api.describe(self.api.open(["A"])["tunnelId"])
        self.assertEqual(given["timeoutConfig"], {"maxLifetimeTimeoutMinutes": 60})

    def test_presets(self):
        """The cloud's figures by name; a file changes single ones."""
        self.start_hub("", "--limits-preset", "aws", tunnels_per_key=2)
        self.api.open(["A", "B", "C"])
        self.assert_limit(self.api, services=["A", "B", "C", "D"])
        self.api.open(["A"])
        self.assert_limit(self.api, services=["A"])

    def test_generous(self):
        self.start_hub()
        self.api.open([f"S{i}" for i in range(64)])
        self.assert_limit(self.api, services=[f"S{i}" for i in range(65)])


class Connects(Base):
    def test_who_is_too_early_comes_again(self):
        """5xx: try again. The token is as good as before, and own clients do it by themselves."""
        self.start_hub(connects_per_second=1)
        tokens = [self.tunnel(["SSH1"]) for _ in range(5)]
        agents = [self.end("tunnel-agent", self.the_hub, t.destination, "-d", "SSH1=1",
                           "--retry-delay", "200ms")
                  for t in tokens[:3]]
        refused = 0
        for i, t in enumerate(tokens):
            text = request("source", t.source.read_text().strip())
            answer = ask(self.the_hub.port, text)
            while answer.status == 503:
                refused += 1
                time.sleep(0.2)
                answer = ask(self.the_hub.port, text)
            self.assertEqual(answer.status, 101, answer)
            answer.peer.drop()
        self.assertGreater(refused, 0)
        for agent in agents:
            agent.wait_line(ESTABLISHED)


class Bandwidth(Base):
    rate = 2_000_000

    def pair(self, opened):
        peers = [connect(self.the_hub.port, mode, opened[f"{mode}AccessToken"])
                 for mode in ("source", "destination")]
        for peer in peers:
            self.addCleanup(peer.drop)
            self.assertEqual(peer.recv().type, SERVICE_IDS)
        peers[0].send(Message(STREAM_START, 1, "A", 1))
        self.assertEqual(peers[1].recv().type, STREAM_START)
        return peers

    def pump(self, peers, size, both=False):
        """Sends so many bytes from the source to the destination, or as many each way, and
        compares what comes."""
        for at, piece in enumerate(content(size)):
            data = Message(DATA, 1, "A", 1, piece[:CHUNK])
            ways = (peers, peers[::-1]) if both else (peers,)
            for sender, _ in ways:
                sender.send(data)
            for _, receiver in ways:
                if receiver.recv_data(len(data.payload)) != data.payload:
                    raise AssertionError(f"piece {at} is wrong")
        return size // len(BLOCK) * CHUNK * len(ways)

    def measure(self, *pumps):
        """Runs them at once: (bytes of all together, seconds)."""
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(len(pumps)) as pool:
            running = [pool.submit(self.pump, *arguments) for arguments in pumps]
            done = sum(r.result() for r in running)
        return done, time.monotonic() - began

    def assert_at_most(self, size, seconds):
        self.assertLessEqual(size, self.rate * (seconds + CREDIT) + BEHIND)

    def test_per_tunnel(self):
        """Both directions together."""
        self.start_hub(bandwidth_per_tunnel=self.rate)
        self.assert_at_most(*self.measure((self.pair(self.api.open(["A"])), 2_000_000, True)))

    def test_per_key(self):
        """All its tunnels together; those of other keys are not concerned."""
        self.start_hub(f"[key AKIDONE]\nbandwidth-per-key = {self.rate // 1_000_000}M\n")
        limited = [self.pair(self.by_key[ONE].open(["A"])) for _ in range(2)]
        free = self.pair(self.by_key[TWO].open(["A"]))
        self.assert_at_most(*self.measure(*((peers, 2_000_000) for peers in limited)))
        self.measure((free, 30_000_000))


if __name__ == "__main__":
    unittest.main()
