"""A tunnel's life as its ends and DescribeTunnel see it: connection states, rotation, closing,
expiry, and what a restart keeps."""

import hashlib
import threading
import time
import unittest
import uuid

import store
from api import ApiError
from harness import ESTABLISHED, Case
from origins import Http
from programs import wait_until
from sockets import get, socks5
from wire import PING, SERVICE_IDS, STREAM_START, Message, ask, connect, request

ENDS = ("source", "destination")


def client_token():
    return str(uuid.uuid4())


class Base(Case):
    def setUp(self):
        super().setUp()
        self.state = self.dir / "state"
        self.start_hub()

    def start_hub(self, **options):
        self.the_hub = self.hub("--workers", "2", **options)
        self.api, self.port = self.the_hub.api, self.the_hub.port

    def restart(self, kill=False, meanwhile=lambda: None):
        if kill:
            self.the_hub.kill()
        else:
            self.assertEqual(self.the_hub.terminate(), 0, self.the_hub.output()[-3000:])
        meanwhile()
        self.start_hub()

    def join(self, mode, token, client=None):
        peer = connect(self.port, mode, token, client)
        self.addCleanup(peer.drop)
        self.assertEqual(peer.recv().type, SERVICE_IDS)
        return peer

    def both(self, opened, clients=(None, None)):
        return [self.join(mode, opened[f"{mode}AccessToken"], client)
                for mode, client in zip(ENDS, clients)]

    def assert_refused(self, mode, token, client=None, pattern="."):
        headers = [f"client-token: {client}"] if client else []
        answer = ask(self.port, request(mode, token, headers))
        self.assertTrue(400 <= answer.status < 500, answer)
        self.assertRegex(answer.body, pattern)

    def assert_connected(self, source, destination, stream):
        """What one end sends arrives at the other."""
        start = Message(STREAM_START, stream, "SSH1", 1)
        source.send(start)
        self.assertEqual(destination.recv(), start)

    def assert_fails(self, code, operation, **parameters):
        with self.assertRaises(ApiError) as e:
            self.api.call(operation, **parameters)
        self.assertEqual(e.exception.code, code, e.exception)

    def wait_states(self, tunnel, source, destination):
        wanted = tuple("CONNECTED" if up else "DISCONNECTED" for up in (source, destination))
        wait_until(lambda: self.api.states(tunnel) == wanted, f"states {wanted}")


class States(Base):
    def test_by_turns(self):
        opened = self.api.open(["SSH1"])
        tunnel, clients = opened["tunnelId"], {mode: client_token() for mode in ENDS}
        seen = self.api.describe(tunnel)
        self.assertEqual((seen["sourceConnectionState"], seen["destinationConnectionState"]),
                         ({"status": "DISCONNECTED"}, {"status": "DISCONNECTED"}))
        began = time.time()
        for _ in range(2):
            for mode, other in (ENDS, ENDS[::-1]):
                peer = self.join(mode, opened[f"{mode}AccessToken"], clients[mode])
                self.wait_states(tunnel, *(m == mode for m in ENDS))
                peer.drop()
                self.wait_states(tunnel, False, False)
        changed = self.api.describe(tunnel)["sourceConnectionState"]["lastUpdatedAt"]
        self.assertTrue(began - 2 < changed < time.time() + 2, (began, changed))

    def test_killed_ends_and_hub(self):
        tokens = self.tunnel(["SSH1"])
        agent = self.end("tunnel-agent", self.the_hub, tokens.destination, "-d", "SSH1=1")
        gateway = self.end("tunnel-gateway", self.the_hub, tokens.source, "--listen",
                           "127.0.0.1:0")
        self.wait_states(tokens.id, True, True)
        agent.kill()
        self.wait_states(tokens.id, True, False)
        mark = gateway.mark()
        port = self.port
        self.the_hub.kill()
        self.start_hub(port=port)
        gateway.wait_line(ESTABLISHED, after=mark)
        self.wait_states(tokens.id, True, False)


class Idle(Case):
    def test_silence(self):
        """Who says nothing for the idle timeout is gone, but not told to stay away; who sends
        pings stays."""
        hub = self.hub("--idle-timeout", "3s")
        opened = hub.api.open(["SSH1"])
        silent, alive = (connect(hub.port, mode, opened[f"{mode}AccessToken"]) for mode in ENDS)
        ended = []
        watcher = threading.Thread(target=lambda: ended.append(silent.expect_end()))
        watcher.start()
        while watcher.is_alive():
            alive.send_frame(PING, b"here")
            watcher.join(0.2)
        self.assertNotEqual(ended, [1000])
        wait_until(lambda: hub.api.states(opened["tunnelId"]) == ("DISCONNECTED", "CONNECTED"),
                   "its state")
        alive.drop()


class Rotation(Base):
    def test_exactly_that_end(self):
        """It gets Close 1000 and its token is worth nothing; the other one stays."""
        for mode, hit in (("SOURCE", "source"), ("DESTINATION", "destination")):
            with self.subTest(mode):
                opened = self.api.open(["SSH1"])
                clients = client_token(), client_token()
                peers = dict(zip(ENDS, self.both(opened, clients)))
                rotated = self.api.rotate(opened["tunnelId"], mode)
                self.assertEqual(set(rotated), {"tunnelArn", f"{hit}AccessToken"})
                self.assertEqual(peers[hit].expect_end(), 1000)
                self.assert_refused(hit, opened[f"{hit}AccessToken"], clients[ENDS.index(hit)])
                peers[hit] = self.join(hit, rotated[f"{hit}AccessToken"])
                self.assert_connected(peers["source"], peers["destination"], 7)

    def test_all(self):
        opened = self.api.open(["SSH1"])
        peers = self.both(opened)
        rotated = self.api.rotate(opened["tunnelId"], "ALL")
        for mode, peer in zip(ENDS, peers):
            self.assertEqual(peer.expect_end(), 1000)
            self.assert_refused(mode, opened[f"{mode}AccessToken"])
        self.assert_connected(*self.both(rotated), 1)

    def test_unused_and_twice(self):
        """The lifetime does not change; only the last tokens count, across a restart, too."""
        opened = self.api.open(["SSH1"])
        tunnel = opened["tunnelId"]
        first = self.api.rotate(tunnel, "ALL")
        last = self.api.rotate(tunnel, "SOURCE")
        self.restart()
        for token in (opened["sourceAccessToken"], first["sourceAccessToken"]):
            self.assert_refused("source", token)
        seen = self.api.describe(tunnel)
        self.assertEqual(seen["timeoutConfig"], {"maxLifetimeTimeoutMinutes": 720})
        self.assert_connected(self.join("source", last["sourceAccessToken"]),
                              self.join("destination", first["destinationAccessToken"]), 1)

    def test_own_clients_end(self):
        """As failures, so that a supervisor starts them again with the new token; only localproxy
        ends as the reference program does."""
        told = "the access token was replaced; give this end the new token"
        tokens = self.tunnel(["SSH1"])
        agent = self.end("tunnel-agent", self.the_hub, tokens.destination, "-d", "SSH1=1",
                         ends=(1,))
        gateway = self.gateway(self.the_hub, tokens, ends=(3,))
        agent.wait_line(ESTABLISHED)
        self.api.rotate(tokens.id, "ALL")
        for program, code in ((agent, 1), (gateway, 3)):
            self.assertEqual(program.wait(), code)
            program.wait_line(rf"\[error\].*{told}")
        tokens = self.tunnel(["SSH1"])
        proxy = self.localproxy(self.the_hub, tokens.destination, "-d", "1")
        self.api.rotate(tokens.id, "DESTINATION")
        self.assertEqual(proxy.wait(), 0)
        proxy.wait_line(told)


class Closing(Base):
    def test_close(self):
        opened, other = self.api.open(["SSH1"], thing="one"), self.api.open(["SSH1"])
        tunnel = opened["tunnelId"]
        clients = client_token(), client_token()
        peers, others = self.both(opened, clients), self.both(other)
        self.assertEqual(self.api.close_tunnel(tunnel), {})
        for mode, peer, client in zip(ENDS, peers, clients):
            self.assertEqual(peer.expect_end(), 1000)
            self.assert_refused(mode, opened[f"{mode}AccessToken"], client)
        self.assert_connected(*others, 1)
        self.wait_states(tunnel, False, False)
        for _ in range(2):  # a restart keeps all of it
            self.assertEqual(self.api.describe(tunnel)["status"], "CLOSED")
            self.assertEqual({t["tunnelId"]: t["status"] for t in self.api.list()},
                             {tunnel: "CLOSED", other["tunnelId"]: "OPEN"})
            self.assertEqual(len(self.api.list(thingName="one")), 1)
            self.assertEqual(self.api.close_tunnel(tunnel), {})
            with self.assertRaises(ApiError) as e:
                self.api.rotate(tunnel, "ALL")
            self.assertEqual(e.exception.status, 400)
            self.restart()
        self.assert_refused("source", opened["sourceAccessToken"], clients[0])

    def test_delete(self):
        opened, closed = self.api.open(["SSH1"]), self.api.open(["SSH1"])
        peers = self.both(opened)
        self.api.close_tunnel(opened["tunnelId"], delete=True)
        self.api.close_tunnel(closed["tunnelId"])
        self.api.close_tunnel(closed["tunnelId"], delete=True)
        for mode, peer in zip(ENDS, peers):
            self.assertEqual(peer.expect_end(), 1000)
            self.assert_refused(mode, opened[f"{mode}AccessToken"])
        for _ in range(2):
            for gone in (opened, closed):
                for operation in ("DescribeTunnel", "CloseTunnel"):
                    self.assert_fails("ResourceNotFoundException", operation,
                                      tunnelId=gone["tunnelId"])
                self.assert_fails("ResourceNotFoundException", "ListTagsForResource",
                                  resourceArn=gone["tunnelArn"])
            self.assertEqual(self.api.list(), [])
            self.restart(kill=True)

    def test_own_clients_end_in_good_order(self):
        web = self.origin(Http("web"))
        tokens = self.tunnel({"HTTP1": web})
        agent = self.agent(self.the_hub, tokens, {"HTTP1": web})
        gateway = self.gateway(self.the_hub, tokens)
        with socks5(gateway.port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/name")[0], 200)
        self.api.close_tunnel(tokens.id)
        self.assertEqual(agent.wait(), 0)
        gateway.wait_line("(?i)tunnel was closed|closed the tunnel")

    def test_expiry(self):
        """Close 1000 to both ends, CLOSED to everybody, and the other tunnels go on. Nobody can
        wait for a whole minute, so the store is told an earlier end between two runs; more time
        is given when this machine is too busy to come back before it."""
        other = self.api.open(["SSH1"])
        for seconds in (3, 15, 60):
            opened = self.api.open(["SSH1"], lifetime=1)
            tunnel, clients = opened["tunnelId"], (client_token(), client_token())
            self.restart(meanwhile=lambda t=tunnel: store.expire(self.state, t, seconds))
            try:
                peers = self.both(opened, clients)
                break
            except AssertionError:
                self.assertEqual(self.api.describe(tunnel)["status"], "CLOSED")
        others = self.both(other)
        for mode, peer, client in zip(ENDS, peers, clients):
            self.assertEqual(peer.expect_end(), 1000)
            self.assert_refused(mode, opened[f"{mode}AccessToken"], client)
        self.assertEqual(self.api.describe(tunnel)["status"], "CLOSED")
        self.assert_connected(*others, 1)

    def test_expired_while_the_hub_was_away(self):
        opened = self.api.open(["SSH1"])
        tunnel = opened["tunnelId"]
        self.restart(kill=True, meanwhile=lambda: store.expire(self.state, tunnel, -1))
        wait_until(lambda: self.api.describe(tunnel)["status"] == "CLOSED", "its end")
        self.assert_refused("source", opened["sourceAccessToken"])


class Kept(Base):
    def test_restarts_keep_everything(self):
        opened = self.api.open(["SSH1", "HTTP1"], thing="press7", lifetime=30,
                               description="Zähler 😀",
                               tags=[{"key": "a", "value": "b"}, {"key": "c", "value": ""}])
        arn, tunnel = opened["tunnelArn"], opened["tunnelId"]
        self.api.call("TagResource", resourceArn=arn, tags=[{"key": "a", "value": "new"}])
        self.api.call("UntagResource", resourceArn=arn, tagKeys=["c"])
        spent = self.join("source", opened["sourceAccessToken"])
        spent.drop()
        self.wait_states(tunnel, False, False)
        before = self.api.describe(tunnel)
        self.assertEqual(before["tags"], [{"key": "a", "value": "new"}])
        for kill in (False, True):
            self.restart(kill)
            self.assertEqual(self.api.describe(tunnel), before)
            self.assert_refused("source", opened["sourceAccessToken"], pattern="used|again")
        self.join("destination", opened["destinationAccessToken"])

    def test_order_survives(self):
        made = [self.api.open()["tunnelId"] for _ in range(7)]
        for _ in range(2):
            page = self.api.call("ListTunnels", maxResults=3)
            self.restart()  # and a list goes on behind it
            rest = self.api.list(maxResults=3, nextToken=page["nextToken"])
            ids = [t["tunnelId"] for t in page["tunnelSummaries"] + rest]
            self.assertEqual(ids, made[::-1])

    def test_only_hashes_of_tokens(self):
        opened, client = self.api.open(["SSH1"]), client_token()
        self.join("source", opened["sourceAccessToken"], client).send_frame(PING, b"x")
        self.assertEqual(self.the_hub.terminate(), 0)
        files = store.contents(self.state)
        for text in (opened["sourceAccessToken"], opened["destinationAccessToken"], client):
            for name, data in files.items():
                self.assertNotIn(text.encode(), data, name)
            self.assertTrue(any(hashlib.sha256(text.encode()).digest() in data
                                for data in files.values()))
        self.assertEqual(self.state.stat().st_mode & 0o777, 0o700)
        for name in files:
            self.assertEqual((self.state / name).stat().st_mode & 0o077, 0, name)

    def test_one_hub_at_a_time(self):
        other = self.start(*self.the_hub.argv, ends=(1,))
        self.assertEqual(other.wait(), 1)
        other.wait_line(r"(?i)(another|in use|lock).*|state")
        self.assertEqual(self.api.list(), [])


if __name__ == "__main__":
    unittest.main()
