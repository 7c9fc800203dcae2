"""A hub seen through its control socket: its tunnels, what goes through them, who is refused."""

import contextlib
import http.client
import json
import random
import socket
import threading
import unittest

import certificates
import ops
from harness import Case, descriptors, warm_descriptors
from programs import DEADLINE, wait_until
from test_workers import ENDS, Pair
from wire import DATA, STREAM_START, Message, ask, connect, request

RELAYED = 'tunnel_hub_relayed_bytes_total{from="%s"}'
PROGRAM = "tunnel-hub"


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("x", timeout=DEADLINE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def call(path, method, target):
    """(status, text) of a request on a control socket."""
    with contextlib.closing(Unix(path)) as c:
        c.request(method, target)
        answer = c.getresponse()
        return answer.status, answer.read().decode()


def address(peer):
    """As the hub sees it."""
    return "%s:%d" % peer.sock.getsockname()[:2]


class Watcher(Case):
    """Looks at a hub through self.socket."""

    def setUp(self):
        super().setUp()
        self.socket = self.dir / PROGRAM / "admin.sock"

    def snapshot(self, query=""):
        status, text = call(self.socket, "GET", f"/v1/snapshot{query}")
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def streams(self):
        """The tunnels with ends, by id; not those that are listed since they have just gone."""
        return {s["asked"]: s for s in self.snapshot()["streams"] if s["state"] != "closed"}

    def wait_state(self, tunnel, state):
        return wait_until(lambda: (s := self.streams().get(tunnel)) and s["state"] == state and s,
                          f"{tunnel} is {state}")

    def wait_gone(self, tunnel):
        wait_until(lambda: tunnel not in self.streams(), f"{tunnel} is gone")



class Control(Watcher):
    def setUp(self):
        super().setUp()
        self.start_hub()
        self.port = self.the_hub.port

    def start_hub(self, **options):
        self.the_hub = self.hub("--workers", "4", "-v", "4", **options)

    def relayed(self):
        metrics = ops.metrics(self.the_hub)
        return [metrics[RELAYED % end] for end in ENDS]


class Tunnels(Control):
    def test_what_is_there(self):
        seen = self.snapshot()
        self.assertEqual((seen["schema"], seen["program"], seen["role"], seen["pid"]),
                         (1, PROGRAM, "hub", self.the_hub.pid))
        self.assertEqual(seen["listen"], [f"127.0.0.1:{self.port}"])
        self.assertEqual((seen["tunnels"], seen["services"], seen["streams"]), ([], [], []))
        self.assertEqual((seen["readonly"], seen["open_tunnels"]), (True, 0))
        self.assertEqual(self.socket.parent.stat().st_mode & 0o777, 0o700)
        self.assertEqual(self.socket.stat().st_mode & 0o777, 0o600)

    def test_pages(self):
        """The same as on the operations listener."""
        self.assertEqual(call(self.socket, "GET", "/readyz"), (200, "ready\n"))
        status, text = call(self.socket, "GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertIn("\ntunnel_hub_workers 4\n", text)
        self.assertNotIn("tunnel_streams", text)

    def test_ends_come_and_go(self):
        one, two = (Pair(self.port, self.the_hub.api) for _ in range(2))
        for pair in (one, two):
            self.wait_state(pair.id, "open")
        self.assertEqual(set(self.streams()), {one.id, two.id})
        seen = self.streams()[one.id]
        for mode, where in (("source", "client"), ("destination", "target")):
            self.assertEqual(seen[where], address(one.peers[mode]))
        one.peers["source"].drop()
        seen = self.wait_state(one.id, "half")
        self.assertNotIn("client", seen)
        self.assertIn("target", seen)
        one.peers["source"] = one.join("source")
        again = self.wait_state(one.id, "open")
        self.assertEqual(again["id"], seen["id"])
        self.assertEqual(again["client"], address(one.peers["source"]))
        one.drop()
        self.wait_gone(one.id)
        self.assertEqual(set(self.streams()), {two.id})
        totals = self.snapshot()["totals"]
        self.assertEqual((totals["open"], totals["max"], totals["served"], totals["refused"]),
                         (1, 2, 2, 0))
        two.drop()
        self.wait_gone(two.id)

    def test_tunnels_without_ends(self):
        """Are counted, as long as they are open."""
        opened = self.the_hub.api.open(["SSH1"], thing="plant7")
        self.the_hub.api.open(["SSH1"], thing="plant8")
        seen = self.snapshot()
        self.assertEqual((seen["open_tunnels"], seen["totals"]["open"], seen["streams"]),
                         (2, 0, []))
        self.the_hub.api.call("CloseTunnel", tunnelId=opened["tunnelId"])
        wait_until(lambda: self.snapshot()["open_tunnels"] == 1, "it is closed")

    def test_thing(self):
        opened = self.the_hub.api.open(["SSH1"], thing="plant7")
        peer = connect(self.port, "source", opened["sourceAccessToken"])
        self.assertEqual(self.wait_state(opened["tunnelId"], "half")["service"], "plant7")
        peer.drop()
        self.wait_gone(opened["tunnelId"])
        events = self.snapshot()["events"]["list"]
        self.assertEqual([e["event"] for e in events], ["open", "close"])
        self.assertEqual({e["service"] for e in events}, {"plant7"})
        self.assertEqual(self.snapshot()["totals"]["served"], 0)

    def test_replaced(self):
        pair = Pair(self.port, self.the_hub.api)
        for _ in range(5):
            for mode, where in (("source", "client"), ("destination", "target")):
                pair.come_again(mode)
                name = address(pair.peers[mode])
                wait_until(lambda: self.streams()[pair.id].get(where) == name, "the new one")
        self.assertEqual(self.wait_state(pair.id, "open")["asked"], pair.id)
        pair.drop()
        self.wait_gone(pair.id)
        self.assertEqual(self.snapshot()["totals"]["served"], 1)

    def test_closed(self):
        """By its owner; whether it is kept or deleted at once."""
        for delete in (False, True):
            with self.subTest(delete=delete):
                pair = Pair(self.port, self.the_hub.api)
                self.the_hub.api.close_tunnel(pair.id, delete=delete)
                for peer in pair.peers.values():
                    self.assertEqual(peer.expect_end(), 1000)
                pair.drop()
                self.wait_gone(pair.id)
                last = self.snapshot()["events"]["list"][-1]
                self.assertEqual((last["event"], last["asked"], last["reason"]),
                                 ("close", pair.id, "tunnel-closed"))
        self.assertEqual(self.snapshot()["totals"]["failed"], 0)

    def test_no_single_stream_can_be_closed(self):
        """It would come back at once; tunnelctl closes tunnels."""
        pair = Pair(self.port, self.the_hub.api)
        number = self.wait_state(pair.id, "open")["id"]
        status, text = call(self.socket, "DELETE", f"/v1/streams/{number}")
        self.assertEqual((status, text), (403, "A hub closes whole tunnels only: tunnelctl close.\n"))
        pair.start()
        pair.exchange(10)
        pair.drop()

    def test_events_follow(self):
        with contextlib.closing(Unix(self.socket)) as c:
            c.request("GET", "/v1/events")
            lines = c.getresponse()
            pair = Pair(self.port, self.the_hub.api)
            self.assertEqual(json.loads(lines.readline())["asked"], pair.id)
            pair.start()
            pair.exchange(1000)
            pair.drop()
            last = json.loads(lines.readline())
            self.assertEqual((last["event"], last["asked"]), ("close", pair.id))
            self.assertGreater(last["bytes_up"], 1000)


class Bytes(Control):
    size = 2_000_000

    def test_agree_with_what_went_through(self):
        """The messages' bytes: those of the tunnels together are those that the hub has relayed,
        and those of each are those that its ends have sent."""
        pairs = [Pair(self.port, self.the_hub.api) for _ in range(2)]
        chance = random.Random(4)
        sent = {pair.id: dict.fromkeys(ENDS, 0) for pair in pairs}
        for pair in pairs:
            pair.start()
            sent[pair.id]["source"] += len(Message(STREAM_START, pair.stream, "SSH1", 1).frame())
            for _ in range(30):
                for mode, other in (ENDS, ENDS[::-1]):
                    m = Message(DATA, pair.stream, "SSH1", 1, bytes(chance.randrange(1, 60000)))
                    pair.peers[mode].send(m)
                    self.assertEqual(pair.peers[other].recv(), m)
                    sent[pair.id][mode] += len(m.frame())
        for pair in pairs:
            seen = self.streams()[pair.id]
            self.assertEqual((seen["bytes_up"], seen["bytes_down"]),
                             (sent[pair.id]["source"], sent[pair.id]["destination"]))
        totals = self.snapshot()["totals"]
        self.assertEqual([totals["bytes_up"], totals["bytes_down"]], self.relayed())
        for pair in pairs:
            pair.drop()
            self.wait_gone(pair.id)
        totals = self.snapshot()["totals"]  # nothing is lost with them
        self.assertEqual([totals["bytes_up"], totals["bytes_down"]], self.relayed())

    def test_read_during_traffic(self):
        """By several at once, while ends on all workers come and go."""
        pairs = [Pair(self.port, self.the_hub.api) for _ in range(6)]
        over = threading.Event()
        wrong, counted = [], []

        def watch():
            before = {}
            while not over.is_set():
                seen = self.streams()
                for tunnel, s in seen.items():
                    bytes_now = (s.get("bytes_up", 0), s.get("bytes_down", 0))
                    last = before.get(s["id"], (0, 0))
                    if any(n < b for n, b in zip(bytes_now, last)):
                        wrong.append(f"{tunnel} counts backwards")
                    before[s["id"]] = bytes_now
                counted.append(len(seen))

        def work(pair, number):
            chance = random.Random(number)
            for _ in range(4):
                pair.start()
                pair.exchange(self.size // 4)
                pair.come_again(chance.choice(ENDS))
            pair.drop()

        def guard(f, *args):
            try:
                f(*args)
            except Exception as e:
                wrong.append(e)
        watchers = [threading.Thread(target=guard, args=(watch,)) for _ in range(2)]
        workers = [threading.Thread(target=guard, args=(work, pair, i))
                   for i, pair in enumerate(pairs)]
        for t in watchers:
            t.start()
        wait_until(lambda: wrong or max(counted, default=0) == len(pairs), "all of them are seen")
        for t in workers:
            t.start()
        for t in workers:
            t.join()
        wait_until(lambda: wrong or not self.streams(), "all of them are gone")
        over.set()
        for t in watchers:
            t.join()
        self.assertEqual(wrong, [])
        totals = self.snapshot()["totals"]
        self.assertEqual([totals["bytes_up"], totals["bytes_down"]], self.relayed())
        self.assertGreaterEqual(totals["bytes_up"], len(pairs) * self.size)
        self.assertEqual(totals["served"], len(pairs))


class Refusals(Control):
    def refused(self):
        return [e for e in self.snapshot()["events"]["list"] if e["event"] == "refuse"]

    def test_refusals(self):
        opened = self.the_hub.api.open(["SSH1"])
        used = opened["sourceAccessToken"]
        connect(self.port, "source", used).drop()
        self.wait_gone(opened["tunnelId"])
        for text in (request("source", used), request("source", "x" * 60),
                     request("source", used, subprotocol="chat")):
            self.assertEqual(ask(self.port, text).status // 100, 4)
        wait_until(lambda: len(self.refused()) == 3, "they are told")
        again, unknown, protocol = self.refused()
        self.assertEqual((again["reason"], again["asked"]), ("forbidden", opened["tunnelId"]))
        self.assertIn("previously used", again["text"])
        self.assertEqual(unknown["reason"], "forbidden")
        self.assertNotIn("asked", unknown)
        self.assertEqual(protocol["reason"], "protocol")
        for e in (again, unknown, protocol):
            self.assertRegex(e["client"], r"^127\.0\.0\.1:\d+$")
        totals = self.snapshot()["totals"]
        self.assertEqual(totals["refusals"], {"forbidden": 2, "protocol": 1})
        self.assertEqual(totals["refused"], ops.metrics(self.the_hub)["tunnel_hub_refused_total"])
        for secret in opened["sourceAccessToken"], opened["destinationAccessToken"]:
            self.assertNotIn(secret, json.dumps(self.snapshot()))

    def test_no_tls(self):
        with socket.create_connection(("127.0.0.1", self.port)) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(self.refused, "it is told")
        self.assertEqual(self.snapshot()["totals"]["refusals"],
                         {self.refused()[0]["reason"]: 1})

    def test_a_flood_is_told_once(self):
        for _ in range(50):
            ask(self.port, request("source", "x" * 60))
        wait_until(lambda: self.snapshot()["totals"]["refused"] == 50, "they are counted")
        self.assertEqual(len(self.refused()), 1)


class Rounds(Control):
    def test_nothing_stays(self):
        """Ten rounds of ends that come and go: no entry and no descriptor is left."""
        before = warm_descriptors(self.the_hub)
        last = 0
        for i in range(10):
            pairs = [Pair(self.port, self.the_hub.api) for _ in range(3)]
            for pair in pairs:
                pair.start()
                pair.exchange(1000)
                last = max(last, self.wait_state(pair.id, "open")["id"])
            self.the_hub.api.close_tunnel(pairs[0].id, delete=i % 2 == 0)
            for pair in pairs:
                pair.drop()
            wait_until(lambda: not self.streams(), "their entries")
        wait_until(lambda: descriptors(self.the_hub) <= before, "its descriptors")
        seen = self.snapshot()
        self.assertEqual((seen["totals"]["open"], seen["totals"]["served"], last), (0, 30, 30))
        self.assertEqual(seen["services"], [])
        wait_until(lambda: not self.snapshot()["streams"], "those that were just closed")

    def test_killed_and_started_again(self):
        """On the same path; the tunnels are those that were there."""
        pair = Pair(self.port, self.the_hub.api)
        first = self.snapshot()["instance"]
        self.the_hub.kill()
        self.assertTrue(self.socket.exists())
        self.start_hub(port=self.port)
        self.assertNotEqual(self.snapshot()["instance"], first)
        self.assertEqual(self.streams(), {})
        pair.rejoin()
        self.assertEqual(self.wait_state(pair.id, "open")["id"], 1)
        pair.drop()

    def test_goes_with_the_hub(self):
        self.assertEqual(self.the_hub.terminate(), 0)
        self.assertFalse(self.socket.exists())


class Places(Watcher):
    """Where the socket is."""

    def test_elsewhere(self):
        self.socket = self.dir / "here" / "s"
        self.hub("--control", self.socket, "--control-readonly")
        self.assertTrue(self.snapshot()["readonly"])
        self.assertFalse((self.dir / PROGRAM).exists())

    def test_nowhere(self):
        hub = self.hub("--control", "off")
        pair = Pair(hub.port, hub.api)
        pair.start()
        pair.exchange(1000)
        pair.drop()
        self.assertFalse((self.dir / PROGRAM).exists())

    def test_the_default_place_is_taken(self):
        """By another hub: this one says so and runs without."""
        first = self.hub()
        second = self.hub(state=self.dir / "other")
        second.wait_line("tunnel-tui cannot watch this: .*in use by another tunnel-hub")
        self.assertEqual(self.snapshot()["pid"], first.pid)

    def test_a_place_that_was_asked_for_must_work(self):
        (self.dir / "file").touch()
        cert = certificates.certificate()
        hub = self.start(self.program(PROGRAM), "--cert", cert.cert, "--key", cert.key,
                         "--state", self.dir / "state", "--listen", "127.0.0.1:0",
                         "--ops-listen", "off", "--control", self.dir / "file" / "s", ends=(1,))
        hub.wait_line("file is not a folder")
        self.assertEqual(hub.wait(), 1)


if __name__ == "__main__":
    unittest.main()
