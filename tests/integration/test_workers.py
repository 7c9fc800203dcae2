"""Many tunnels on several workers at once: ends whose handshakes land on different ones, with real
data both ways, replaced and gone at any moment."""

import itertools
import os
import random
import resource
import signal
import threading
import time
import unittest
import uuid

import ops
from api import Api
from harness import Case, descriptors, warm_descriptors
from programs import DEADLINE, wait_until
from wire import (CLOSE, DATA, PING, PONG, SERVICE_IDS, STREAM_RESET, STREAM_START, Closed, Dropped,
                  Message, ask, connect, request, tls_client)

ENDS = ("source", "destination")
THREADS, EACH = 8, 25
CHUNK = 60000


class Pair:
    """A tunnel with both its ends."""

    def __init__(self, port, api):
        self.port, opened = port, api.open(["SSH1"])
        self.id = opened["tunnelId"]
        self.tokens = {mode: opened[f"{mode}AccessToken"] for mode in ENDS}
        self.clients = {mode: str(uuid.uuid4()) for mode in ENDS}
        self.stream, self.running = 0, False
        self.peers = {mode: self.join(mode) for mode in ENDS}

    def join(self, mode):
        peer = connect(self.port, mode, self.tokens[mode], self.clients[mode])
        if peer.recv().type != SERVICE_IDS:
            raise AssertionError("no SERVICE_IDS")
        return peer

    def come_again(self, mode):
        """A new connection takes the old one's place."""
        old = self.peers[mode]
        self.peers[mode] = self.join(mode)
        self.settle(mode)
        if old.expect_end() == 1000:
            raise AssertionError("the replaced one was told not to come back")
        old.drop()

    def settle(self, mode):
        """The other end has been told that the stream is over."""
        while self.running:  # what was on its way comes first
            m = self.peers[ENDS[mode == "source"]].recv()
            if m.type == STREAM_RESET and m.stream == self.stream:
                self.running = False
            elif m.type != DATA:
                raise AssertionError(f"not DATA but {m}")

    def rejoin(self):
        """Both ends leave and come again."""
        self.drop()
        self.peers = {mode: self.join(mode) for mode in ENDS}
        self.running = False

    def start(self):
        self.stream += 1
        self.running = True
        start = Message(STREAM_START, self.stream, "SSH1", 1)
        self.peers["source"].send(start)
        if self.peers["destination"].recv() != start:
            raise AssertionError("another message")

    def exchange(self, size):
        """So many bytes both ways at once, as much as fits on the way at a time."""
        for at in range(0, size, CHUNK):
            data = {mode: os.urandom(min(CHUNK, size - at)) for mode in ENDS}
            for mode in ENDS:
                self.peers[mode].send(Message(DATA, self.stream, "SSH1", 1, data[mode]))
            for mode, other in (ENDS, ENDS[::-1]):
                if self.peers[other].recv_data(len(data[mode])) != data[mode]:
                    raise AssertionError(f"bytes of {mode} are wrong")

    def drop(self):
        for peer in self.peers.values():
            peer.drop()


class Workers(Case):
    size = 300_000

    def setUp(self):
        super().setUp()
        self.the_hub = self.hub("--workers", "4", "-v", "4")
        self.port = self.the_hub.port

    def at_once(self, work):
        """work(number) in each of the threads; all of them must succeed."""
        failures = []

        def run(number):
            try:
                work(number)
            except BaseException as e:
                failures.append(e)
                barrier.abort()
        barrier = self.barrier = threading.Barrier(THREADS, timeout=DEADLINE)
        threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        real = [e for e in failures if not isinstance(e, threading.BrokenBarrierError)]
        if failures:
            raise (real or failures)[0]

    def assert_nothing_left(self, before):
        wait_until(lambda: descriptors(self.the_hub) <= before, "its descriptors")
        seen = {"CONNECTED" for t in self.the_hub.api.list(maxResults=100)
                if "CONNECTED" in self.the_hub.api.states(t["tunnelId"])}
        self.assertEqual(seen, set())
        self.assert_alive(self.the_hub)

    def test_200_tunnels_at_once(self):
        before = warm_descriptors(self.the_hub)

        def work(number):
            with Api(self.port, keep=True) as api:
                pairs = [Pair(self.port, api) for _ in range(EACH)]
                self.barrier.wait()  # 200 are open and connected
                for pair in pairs:
                    pair.start()
                    pair.exchange(self.size)
                self.barrier.wait()
                for i, pair in enumerate(pairs):
                    api.close_tunnel(pair.id, delete=i % 2 == 0)
                    self.assert_closed(pair)
                    pair.drop()
        self.at_once(work)
        self.assertEqual(len(self.the_hub.api.list()), THREADS * EACH // 2 - THREADS // 2)
        metrics = ops.metrics(self.the_hub)
        self.assertGreater(self.moved(metrics), THREADS * EACH // 4,
                           "both ends shook hands on one worker each time")
        self.assert_nothing_left(before)

    @staticmethod
    def moved(metrics):
        return sum(v for k, v in metrics.items() if "moved" in k)

    def test_replaced_again_and_again(self):
        """Each time the new end lands on another worker than the last."""
        before = warm_descriptors(self.the_hub)

        def work(number):
            chance = random.Random(number)
            with Api(self.port, keep=True) as api:
                pair = Pair(self.port, api)
                for _ in range(12):
                    pair.start()
                    pair.exchange(20_000)
                    pair.peers["source"].send(Message(DATA, pair.stream, "SSH1", 1, b"on its way"))
                    pair.come_again(chance.choice(ENDS))
                pair.drop()
        self.at_once(work)
        self.assert_nothing_left(before)

    def test_churn(self):
        """Whatever can happen to a tunnel, in any order."""
        before = warm_descriptors(self.the_hub)

        def work(number):
            chance = random.Random(1000 + number)
            with Api(self.port, keep=True) as api:
                for _ in range(8):
                    self.live(chance, api, Pair(self.port, api))
        self.at_once(work)
        self.assert_nothing_left(before)

    def live(self, chance, api, pair):
        for _ in range(chance.randrange(1, 6)):
            what = chance.choice(("exchange", "race", "rotate", "leave"))
            if what == "exchange":
                pair.start()
                pair.exchange(chance.randrange(1, 100_000))
            elif what == "race":
                self.race(chance, pair)
            elif what == "rotate":
                self.rotate(api, pair, chance.choice(ENDS))
            else:
                pair.rejoin()
        if chance.random() < 0.5:
            api.close_tunnel(pair.id, delete=chance.random() < 0.5)
            self.assert_closed(pair)
        pair.drop()

    def race(self, chance, pair):
        """Several connections for one side at the same moment: one of them stays, and works."""
        mode = chance.choice(ENDS)
        comers = []

        def come():
            try:
                comers.append(pair.join(mode))
            except (Closed, Dropped):
                pass  # another one took the place before this one had it
        threads = [threading.Thread(target=come) for _ in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        stayed = [peer for peer in comers if self.answers(peer)]
        if len(stayed) != 1:
            raise AssertionError(f"{len(stayed)} of {len(comers)} stayed")
        pair.peers[mode].drop()
        pair.peers[mode] = stayed[0]
        pair.settle(mode)
        pair.start()
        pair.exchange(1000)

    @staticmethod
    def answers(peer):
        """Whether it answers a ping, and not with the end."""
        opcode = None
        try:
            peer.send_frame(PING, b"there?")
            while opcode not in (PONG, CLOSE):
                opcode, _, _ = peer.recv_frame()
        except (OSError, Dropped):
            pass
        if opcode != PONG:
            peer.drop()
        return opcode == PONG

    @staticmethod
    def rotate(api, pair, mode):
        pair.tokens[mode] = api.rotate(pair.id, mode.upper())[f"{mode}AccessToken"]
        if pair.peers[mode].expect_end() != 1000:
            raise AssertionError("not told that its token was rotated")
        pair.rejoin()

    def assert_closed(self, pair):
        for mode, peer in pair.peers.items():
            code = peer.expect_end()
            if code != 1000:
                raise AssertionError(f"{mode} was told {code}, not that the tunnel was closed")


class LostOnTheWay(Case):
    """A client that cannot be handed over to its tunnel's worker: there is no descriptor for it."""

    @staticmethod
    def handshakes(hub):
        return sum(n for name, n in ops.metrics(hub).items()
                   if name.startswith("tunnel_hub_tls_handshakes_total"))

    @staticmethod
    def connections(hub, port):
        """That the hub holds at a port of its own."""
        lines = [line.split() for line in open(f"/proc/{hub.pid}/net/tcp").readlines()[1:]]
        return sum(int(local.rpartition(":")[2], 16) == port and state != "0A" and inode != "0"
                   for _, local, _, state, *_, inode in (line[:10] for line in lines))

    def come(self, hub, text):
        """Whether it was let in beside the first one, with no descriptor to spare once the hub has
        accepted it, nor one that another connection is about to leave."""
        before = self.handshakes(hub)
        with tls_client(hub.port) as sock:
            wait_until(lambda: self.handshakes(hub) > before, "the handshake")
            wait_until(lambda: (self.connections(hub, hub.port), self.connections(hub, hub.ops_port))
                       == (2, 0), "only these two are there")
            usual = resource.prlimit(hub.pid, resource.RLIMIT_NOFILE)
            used = {int(fd) for fd in os.listdir(f"/proc/{hub.pid}/fd")}
            free = next(fd for fd in itertools.count() if fd not in used)
            resource.prlimit(hub.pid, resource.RLIMIT_NOFILE, (free, usual[1]))
            try:
                sock.sendall(text)
                return sock.recv(4096) != b""
            except OSError:
                return False
            finally:
                resource.prlimit(hub.pid, resource.RLIMIT_NOFILE, usual)

    def test_the_one_before_has_to_go_too(self):
        """It would stay where the main thread does not know of it, and outlive its token."""
        hub = self.hub("--workers", "4", unsigned=True)
        opened = hub.api.open(["SSH1"])
        client = str(uuid.uuid4())
        text = request("source", opened["sourceAccessToken"], [f"client-token: {client}"]).encode()
        first = connect(hub.port, "source", opened["sourceAccessToken"], client)
        for _ in range(8):
            if not self.come(hub, text):
                break
            # It was at the tunnel's worker at once; the first one was replaced by it.
            first.drop()
            first = connect(hub.port, "source", opened["sourceAccessToken"], client)
        else:
            self.fail("every connection was at the tunnel's worker")
        self.assertIsNone(first.expect_end())  # no Close: it comes back
        wait_until(lambda: hub.api.states(opened["tunnelId"]) == ("DISCONNECTED", "DISCONNECTED"),
                   "nobody is connected")
        again = connect(hub.port, "source", opened["sourceAccessToken"], client)
        hub.api.rotate(opened["tunnelId"], "SOURCE")
        self.assertEqual(again.expect_end(), 1000)


class Storm(Case):
    """Several who do something to one tunnel at the same moment, and the hub is told to reload."""

    def setUp(self):
        super().setUp()
        self.the_hub = self.hub("--workers", "4", "-v", "4", "--limits", self.limits_file())
        self.port = self.the_hub.port

    def test_all_at_once(self):
        before = warm_descriptors(self.the_hub)
        tunnels = [Contested(self.port, self.the_hub.api.open(["SSH1"])) for _ in range(4)]
        threads = [threading.Thread(target=t.guard, args=(work, seed)) for t in tunnels
                   for seed, work in enumerate((t.join, t.join, t.join, t.rotate))]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            self.the_hub.process.send_signal(signal.SIGHUP)
            time.sleep(0.1)  # a reload reads keys, which takes the time of some handshakes
        for t in tunnels:
            self.assertEqual(t.wrong, [])
            t.close()
        wait_until(lambda: ops.metrics(self.the_hub)["tunnel_hub_ends"] == 0, "its ends are gone")
        wait_until(lambda: descriptors(self.the_hub) <= before, "its descriptors")
        for t in tunnels:
            self.assertEqual(self.the_hub.api.states(t.id), ("DISCONNECTED", "DISCONNECTED"))


class Contested:
    """A tunnel that several threads work on."""

    def __init__(self, port, opened):
        self.port, self.id = port, opened["tunnelId"]
        self.tokens = {mode: opened[f"{mode}AccessToken"] for mode in ENDS}
        self.peers, self.wrong = [], []

    def guard(self, work, seed):
        try:
            work(random.Random(seed))
        except Exception as e:
            self.wrong.append(e)

    def join(self, chance):
        """Takes an end's place again and again, mostly somebody else's."""
        for _ in range(15):
            mode = chance.choice(ENDS)
            text = request(mode, self.tokens[mode], ["client-token: " + "c" * 32])
            try:
                answer = ask(self.port, text)
            except (Dropped, OSError):
                continue  # another one took the place before this one had it
            if answer.status == 101:
                self.peers.append(answer.peer)
            elif answer.status // 100 != 4:  # a token that was rotated away meanwhile
                raise AssertionError(answer)
            if chance.random() < 0.3 and self.peers:
                chance.choice(self.peers).drop()

    def rotate(self, chance):
        with Api(self.port) as api:
            for _ in range(6):
                mode = chance.choice((*ENDS, "all"))
                rotated = api.rotate(self.id, mode.upper())
                self.tokens |= {m: rotated[f"{m}AccessToken"] for m in ENDS
                                if f"{m}AccessToken" in rotated}
                api.states(self.id)

    def close(self):
        """Nobody is connected afterwards, and nobody comes in."""
        with Api(self.port) as api:
            api.close_tunnel(self.id)
        for mode in ENDS:
            answer = ask(self.port, request(mode, self.tokens[mode], ["client-token: " + "c" * 32]))
            if answer.status // 100 != 4:
                raise AssertionError(answer)
        for peer in self.peers:
            if peer.sock.fileno() >= 0:
                peer.expect_end()
                peer.drop()


if __name__ == "__main__":
    unittest.main()
