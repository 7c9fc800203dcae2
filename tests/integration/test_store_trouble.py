"""A locked database and a full disk: control calls say so, tunnels and their ends go on, and
afterwards all is well again."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import resource
import signal
import subprocess
import unittest
import uuid

import ops
import store
from api import Api, ApiError
from harness import Case
from programs import wait_until
from wire import DATA, SERVICE_IDS, STREAM_START, Dropped, Message, ask, connect, request


class Trouble(Case):
    def start_hub(self, **options):
        self.the_hub = self.hub("--audit-log", self.dir / "audit", **options)
        self.api = self.the_hub.api
        self.opened = self.api.open(["SSH1"], thing="before")
        self.clients = {"source": str(uuid.uuid4()), "destination": str(uuid.uuid4())}
        self.peers = {mode: self.join(mode) for mode in self.clients}
        self.stream = 0

    def join(self, mode):
        peer = connect(self.the_hub.port, mode, self.opened[f"{mode}AccessToken"],
                       self.clients[mode])
        self.addCleanup(peer.drop)
        self.assertEqual(peer.recv().type, SERVICE_IDS)
        return peer

    def assert_tunnel_works(self):
        """A new stream, and data both ways."""
        self.stream += 1
        source, destination = self.peers["source"], self.peers["destination"]
        start = Message(STREAM_START, self.stream, "SSH1", 1)
        source.send(start)
        self.assertEqual(destination.recv(), start)
        data = Message(DATA, self.stream, "SSH1", 1, os.urandom(60000))
        source.send(data)
        self.assertEqual(destination.recv(), data)
        destination.send(data)
        self.assertEqual(source.recv(), data)

    def come_again(self):
        """As ends do whose connections were lost."""
        for peer in self.peers.values():
            peer.drop()
        self.peers = {mode: self.join(mode) for mode in self.peers}

    def assert_trouble(self, opened):
        """Each call waits for the store, so all of them do at once."""
        calls = [("OpenTunnel", {"description": "not now"}),
                 ("RotateTunnelAccessToken", {"tunnelId": opened["tunnelId"],
                                              "clientMode": "ALL"}),
                 ("CloseTunnel", {"tunnelId": opened["tunnelId"]}),
                 ("TagResource", {"resourceArn": opened["tunnelArn"],
                                  "tags": [{"key": "a", "value": "b"}]})]
        with concurrent.futures.ThreadPoolExecutor(len(calls) + 1) as pool:
            answers = [pool.submit(Api(self.the_hub.port).ask, operation, json.dumps(parameters))
                       for operation, parameters in calls]
            knock = pool.submit(ask, self.the_hub.port,
                                request("source", opened["sourceAccessToken"]))
            self.assert_tunnel_works()
            for (operation, _), answer in zip(calls, answers):
                with self.subTest(operation):
                    self.assertEqual((answer.result().code, answer.result().status),
                                     ("InternalServerException", 500))
            # A first use of a token must be kept; that can wait, so the client is to try again.
            self.assertEqual(knock.result().status // 100, 5, knock.result())
        # These need nothing stored.
        self.assertEqual(self.api.describe(opened["tunnelId"])["status"], "OPEN")
        self.come_again()
        self.assert_tunnel_works()
        self.assertEqual(ops.ask(self.the_hub, "/readyz")[0], 503)
        wait_until(lambda: "<strong>STORE FAILS</strong>" in ops.ask(self.the_hub, "/")[1],
                   "the page says so")
        self.assertEqual(ops.ask(self.the_hub, "/healthz")[0], 200)

    def assert_well_again(self, opened):
        wait_until(self.opens, "a tunnel can be opened again")
        wait_until(lambda: ops.ask(self.the_hub, "/readyz")[0] == 200, "readiness")
        self.assertEqual([t["description"] for t in self.api.list()
                          if t.get("description") == "not now"], [])
        connect(self.the_hub.port, "source", opened["sourceAccessToken"]).drop()
        self.api.close_tunnel(opened["tunnelId"])
        self.assert_tunnel_works()
        self.assertEqual(self.the_hub.terminate(), 0)
        self.the_hub = self.hub()
        kept = {t["tunnelId"]: t["status"] for t in self.the_hub.api.list()}
        self.assertEqual(kept[opened["tunnelId"]], "CLOSED")
        self.assertEqual(kept[self.opened["tunnelId"]], "OPEN")

    def opens(self):
        try:
            return self.api.open(description="well again")
        except ApiError as e:
            self.assertEqual(e.code, "InternalServerException")
            return None


class Locked(Trouble):
    def test_locked_database(self):
        self.start_hub()
        opened = self.api.open(["SSH1"])
        with store.locked(self.dir / "state"):
            self.assert_trouble(opened)
        self.assert_well_again(opened)

    def test_ended_while_locked(self):
        """What is on its way to the store at SIGTERM is stored or not, and the hub ends in good
        order."""
        self.the_hub = self.hub("--grace", "100ms")
        tunnels = [self.the_hub.api.open(["SSH1"]) for _ in range(4)]
        knocks = [request("source", t["sourceAccessToken"], ["client-token: " + "c" * 32])
                  for t in tunnels]
        calls = [(ask, self.the_hub.port, k) for k in knocks] + [(Api(self.the_hub.port).open,)]
        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            running = []
            with store.locked(self.dir / "state"):
                for i, call in enumerate(calls):  # the first one keeps the store busy
                    running.append(pool.submit(self.attempt, *call))
                    wait_until(lambda n=i + 1: self.pending() == n, "it waits")
                threads = self.threads()
                self.the_hub.process.send_signal(signal.SIGTERM)
                wait_until(lambda: self.threads() < threads, "its workers have ended")
            self.assertEqual(self.the_hub.wait(), 0)
            answers = [r.result() for r in running]
        self.the_hub = self.hub("--grace", "100ms")
        self.assertGreaterEqual(len(self.the_hub.api.list()), len(tunnels))
        for knock, answer in zip(knocks, answers):  # whoever was told nothing comes again
            answer = answer or ask(self.the_hub.port, knock)
            self.assertIn(answer.status // 100, (1, 5), answer)

    def pending(self):
        return ops.metrics(self.the_hub)["tunnel_hub_pending_connections"]

    def threads(self):
        return len(os.listdir(f"/proc/{self.the_hub.pid}/task"))

    @staticmethod
    def attempt(what, *arguments):
        try:
            return what(*arguments)
        except (OSError, http.client.HTTPException, Dropped, ApiError):
            return None


class Full(Trouble):
    def test_files_cannot_grow(self):
        """Every write to a file fails, also to the audit log."""
        self.start_hub()  # as Popen starts it: SIGXFSZ would end it
        opened = self.api.open(["SSH1"])
        pid = self.the_hub.pid
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, most))
        self.assert_trouble(opened)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
        self.assert_well_again(opened)

    def test_full_disk(self):
        """A real one, of half a megabyte, in a mount namespace of the hub's own."""
        mount = ("unshare", "-m", "sh", "-c",
                 'mount -t tmpfs -o size=512k,mode=700 none "$0" && exec "$@"')
        state = self.dir / "state"
        state.mkdir(mode=0o700)
        if subprocess.run([*mount, state, "true"], capture_output=True).returncode != 0:
            self.skipTest("mounting is not allowed here")
        self.start_hub(before=(*mount, state))
        opened = self.api.open(["SSH1"])
        there = f"/proc/{self.the_hub.pid}/root{state}"
        with open(f"{there}/filler", "wb", buffering=0) as filler, \
                contextlib.suppress(OSError):
            while filler.write(b"\0" * 4096):
                pass
        # What the log of changes can still hold without growing is none of our business.
        wait_until(lambda: not self.opens_quietly(), "the disk is full")
        self.assert_trouble(opened)
        os.unlink(f"{there}/filler")
        wait_until(self.opens, "a tunnel can be opened again")
        self.assert_tunnel_works()
        connect(self.the_hub.port, "source", opened["sourceAccessToken"]).drop()

    def opens_quietly(self):
        try:
            return self.api.open(description="fills it up")
        except ApiError as e:
            self.assertEqual(e.code, "InternalServerException")
            return None


if __name__ == "__main__":
    unittest.main()
