"""Devices and invitations of a cluster: scripted devices at real hubs, with one redis-server."""

import base64
import concurrent.futures
import json
import os
import unittest

import certificates
from api import Api, ApiError, Key as AccessKey
from cluster import ClusterCase
from devices import Key, Link
from harness import write_secret
from programs import environment, run, wait_until

ADMIN = AccessKey("ADMIN", "s" * 20)


class Records(ClusterCase):
    def setUp(self):
        super().setUp()
        keys = write_secret(self.dir / "keys", ADMIN.section())
        self.a, self.b, self.c = self.all = self.three("--keys", keys)
        self.key = Key(self.dir)

    def own(self, hub, operation, **parameters):
        return Api(hub.port, key=ADMIN, verify=False).of_hub(operation, **parameters)

    def invite(self, hub, uses=5, **more):
        return self.own(hub, "CreateInvitation", names=["pump-*"], uses=uses, **more)["joinToken"]

    def enter(self, hub, name, token="", key=None):
        link = Link(hub)
        self.addCleanup(link.drop)
        return link, link.enter(name, key or self.key, token)

    def arrive(self, hub, name, token="", key=None):
        link, told = self.enter(hub, name, token, key)
        self.assertEqual(told.kind, "welcome", told)
        return link

    def shown(self, hub, name):
        return self.own(hub, "DescribeDevice", device=name)["device"]

    def ctl(self, hub, *words):
        done = run(self.program("tunnelctl"), "devices", *words, "--endpoint",
                   f"127.0.0.1:{hub.port}", "--ca", certificates.certificate().ca,
                   env=environment(AWS_ACCESS_KEY_ID=ADMIN.id, AWS_SECRET_ACCESS_KEY=ADMIN.secret))
        self.assertEqual(done.code, 0, done)
        return done.text

    def at_once(self, calls):
        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            return [f.result() for f in [pool.submit(call) for call in calls]]


class Anywhere(Records):
    def test_where_it_is(self):
        token = self.invite(self.b)
        link = self.arrive(self.a, "pump-1", token)
        wait_until(lambda: self.shown(self.b, "pump-1").get("node") == "a", "b knows where it is")
        here, there = self.shown(self.a, "pump-1"), self.shown(self.c, "pump-1")
        self.assertTrue(here["present"] and there["present"], (here, there))
        self.assertNotIn("node", here)
        self.assertEqual(here["carrier"], "device-link")
        self.assertNotIn("carrier", there)
        self.assertEqual(there["services"], ["SSH1"])
        self.assertEqual(there["version"], "9.9")
        listed = self.ctl(self.c)
        self.assertRegex(listed.splitlines()[0], r"LABELS +NODE$")
        self.assertRegex(listed.splitlines()[1], r"^pump-1 +present .* a$")
        self.assertNotIn("NODE", self.ctl(self.a))
        self.assertIn("node         a\n", self.ctl(self.b, "show", "pump-1"))
        self.assertEqual(json.loads(self.ctl(self.c, "--away", "--json"))["devices"], [])
        link.drop()
        wait_until(lambda: not self.shown(self.c, "pump-1")["present"], "it is away")
        self.assertNotIn("NODE", self.ctl(self.c))

    def test_what_others_change(self):
        link = self.arrive(self.a, "pump-1", self.invite(self.b))
        wait_until(lambda: self.shown(self.b, "pump-1")["present"], "it is there")
        self.own(self.b, "UpdateDevice", device="pump-1", state="DISABLED")
        self.assertEqual(link.recv().refusal, "DISABLED")
        self.assertEqual(self.enter(self.c, "pump-1")[1].refusal, "DISABLED")
        self.own(self.c, "UpdateDevice", device="pump-1", state="ENABLED")
        link = self.arrive(self.c, "pump-1")
        wait_until(lambda: self.shown(self.b, "pump-1").get("node") == "c", "it is at c")
        self.own(self.a, "DeleteDevice", device="pump-1")
        self.assertEqual(link.recv().refusal, "REMOVED")
        for hub in self.all:
            with self.assertRaises(ApiError):
                self.shown(hub, "pump-1")

    def test_approved_elsewhere(self):
        link = self.arrive(self.a, "pump-1", self.invite(self.b, approve=True))
        self.own(self.b, "UpdateDevice", device="pump-1", state="ENABLED")
        told = link.recv()
        self.assertEqual((told.kind, told.pending), ("welcome", None))

    def test_the_newest_link_stays(self):
        links = [self.arrive(self.a, "pump-1", self.invite(self.a))]
        for hub in (self.b, self.c, self.a):
            wait_until(lambda: any(self.shown(h, "pump-1")["present"] for h in self.all), "there")
            links.append(self.arrive(hub, "pump-1"))
            self.assertEqual(links[-2].recv().refusal, "REPLACED")
        links[-1].ping()
        wait_until(lambda: self.shown(self.b, "pump-1").get("node") == "a", "it is at a")


class Secrets(ClusterCase):
    lease = "5s"  # a node that does not start leaves its name to the next one only then

    def secret(self, name):
        return write_secret(self.dir / name, base64.b64encode(os.urandom(32)).decode() + "\n")

    def test_one_key(self):
        """A key that is not the cluster's is found at the start."""
        right, wrong = self.secret("right"), self.secret("wrong")
        a = self.node("a", "--secrets-key", right)
        made = a.api.of_hub("CreateDevice", device="pump", azureId="Far")
        self.node("b", "--secrets-key", right)
        with self.assertRaises(AssertionError):
            self.node("c", "--secrets-key", wrong, ends=(1,))
        self.programs[-1].wait_line("it is not the secrets key of this cluster")
        c = self.node("c")
        c.wait_line("devices whose symmetric keys cannot be opened")
        again = self.nodes["b"].api.of_hub("RotateDeviceKeys", device="pump", key="PRIMARY")
        self.assertNotEqual(again["primaryKey"], made["primaryKey"])
        with self.assertRaises(ApiError) as caught:
            a.api.of_hub("CreateDevice", device="far", azureId="Far")
        self.assertEqual(caught.exception.code, "ResourceAlreadyExistsException")


class AtOnce(Records):
    def test_uses(self):
        """40 devices, one token for ten, at three hubs at once."""
        token = self.invite(self.a, uses=10)
        keys = [Key(self.dir) for _ in range(8)]

        def one(i):
            return self.enter(self.all[i % 3], f"pump-{i}", token, keys[i % 8])[1]

        told = self.at_once([lambda i=i: one(i) for i in range(40)])
        self.assertEqual(sum(t.kind == "welcome" for t in told), 10)
        self.assertEqual({t.refusal for t in told if t.kind == "refused"}, {"JOIN_TOKEN_USED_UP"})
        used = self.own(self.c, "ListInvitations")["invitations"][0]
        self.assertEqual((used["used"], used["uses"]), (10, 10))
        for hub in self.all:
            self.assertEqual(len(self.own(hub, "ListDevices")["devices"]), 10)

    def test_one_name(self):
        token = self.invite(self.a, uses=100)
        keys = [Key(self.dir) for _ in range(3)]
        for turn in range(10):
            name = f"pump-{turn}"
            told = self.at_once([lambda i=i: self.enter(self.all[i], name, token, keys[i])[1]
                                 for i in range(3)])
            self.assertEqual(sorted(t.kind for t in told), ["refused", "refused", "welcome"])
            self.assertEqual({t.refusal for t in told if t.kind == "refused"}, {"NAME_TAKEN"})
        self.assertEqual(self.own(self.b, "ListInvitations")["invitations"][0]["used"], 10)


class WithoutRedis(Records):
    def node_of(self, name):
        """None as long as Redis is missed, too."""
        try:
            return self.shown(self.b, name).get("node")
        except ApiError as e:
            self.assertEqual(e.code, "InternalServerException")
            return None

    def test_who_was_here_comes_back(self):
        token = self.invite(self.a)
        link = self.arrive(self.a, "pump-1", token)
        self.arrive(self.b, "pump-2", token, Key(self.dir))
        wait_until(lambda: self.shown(self.c, "pump-1")["present"], "c knows it")
        self.redis.pause()
        link.drop()
        new = Key(self.dir)
        wait_until(lambda: self.enter(self.c, "pump-9", token, new)[1].refusal == "BUSY",
                   "Redis is missed")
        link = self.arrive(self.a, "pump-1")
        self.assertEqual(self.enter(self.b, "pump-1")[1].refusal, "BUSY")  # it was never there
        link.ping()
        self.redis.resume()
        wait_until(lambda: self.node_of("pump-1") == "a", "all know it again")
        link.status(services=("HTTP1",))
        wait_until(lambda: self.shown(self.a, "pump-1")["services"] == ["HTTP1"], "it goes on")
        self.arrive(self.c, "pump-9", token, new)


if __name__ == "__main__":
    unittest.main()
