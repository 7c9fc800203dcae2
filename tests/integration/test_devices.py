"""Devices and invitations through the control API and tunnelctl, with scripted devices on real links:
signed calls, keys with rights, answers of the device, kills in the middle."""

import concurrent.futures
import json
import time
import unittest

import certificates
import store
from api import Api, ApiError, Key as AccessKey, head, request
from devices import BUSY, REFUSED, Key, Link, status
from harness import Case
from programs import environment, run, wait_until
from wire import Closed, Dropped, tls_client

ADMIN = AccessKey("ADMIN", "s" * 20)
PLANT = AccessKey("PLANT", "p" * 20)
HUB = "TunnelHub."


class Devices(Case):
    def setUp(self):
        super().setUp()
        self.state, self.audit = self.dir / "state", self.dir / "audit"
        self.keys = self.keys_file(ADMIN.section(), PLANT.section(
            things="plant7-*", services="SSH*", operations="ConnectDevice ListDevices"))
        self.start_hub()
        self.key = Key(self.dir)

    def start_hub(self):
        self.the_hub = self.hub("--keys", self.keys, "--audit-log", self.audit)
        self.admin = self.client(ADMIN)

    def client(self, key):
        client = Api(self.the_hub.port, key, verify=False)
        self.addCleanup(client.close)
        return client

    def own(self, operation, client=None, **parameters):
        return (client or self.admin).call(HUB + operation, **parameters)

    def fails(self, code, operation, client=None, **parameters):
        with self.assertRaises(ApiError) as caught:
            self.own(operation, client, **parameters)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return caught.exception

    def invite(self, *names, **more):
        return self.own("CreateInvitation", names=list(names), **more)["joinToken"]

    def enter(self, name, token, key=None, **more):
        link = Link(self.the_hub)
        self.addCleanup(link.drop)
        told = link.enter(name, key or self.key, token, **more)
        self.assertEqual(told.kind, "welcome", told)
        return link

    def connecting(self, client=None, **parameters):
        """A ConnectDevice that is under way, in a thread and with a client of its own."""
        key = client.key if client else ADMIN
        pool = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(pool.shutdown)
        return pool.submit(lambda: self.own("ConnectDevice", Api(self.the_hub.port, key,
                                                                 verify=False), **parameters))


class Operations(Devices):
    def test_from_invitation_to_removal(self):
        token = self.invite("plant7-*", labels=[{"key": "site", "value": "7"}], uses=2)
        link = self.enter("plant7-Pump", token, said=status(services=("SSH1", "HTTP1")))
        self.enter("plant7-weir", token, Key(self.dir)).drop()
        wait_until(lambda: len(self.own("ListDevices", presence="AWAY")["devices"]) == 1, "one left")
        devices = self.own("ListDevices", labels=[{"key": "site", "value": "7"}])["devices"]
        self.assertEqual([d["device"] for d in devices], ["plant7-Pump", "plant7-weir"])
        self.assertEqual([d["present"] for d in devices], [True, False])
        self.assertEqual(devices[0]["services"], ["SSH1", "HTTP1"])
        self.assertEqual(devices[0]["carrier"], "device-link")
        shown = self.own("DescribeDevice", device="PLANT7_PUMP")["device"]
        self.assertEqual(shown["device"], "plant7-Pump")
        self.assertTrue(shown["keyFingerprint"].startswith("SHA256:"))
        invitation, = self.own("ListInvitations")["invitations"]
        self.assertEqual((invitation["uses"], invitation["used"]), (2, 2))
        self.assertEqual(shown["invitationId"], invitation["invitationId"])
        self.own("DeleteDevice", device="plant7-pump")
        self.assertEqual(link.recv().refusal, "REMOVED")
        self.fails("ResourceNotFoundException", "DescribeDevice", device="plant7-pump")
        calls = [json.loads(line) for line in self.audit.read_text().splitlines()]
        removed, = [c for c in calls if c.get("operation") == "DeleteDevice"]
        self.assertEqual((removed["thing"], removed["key"], removed["result"]),
                         ("plant7-Pump", "ADMIN", "ok"))
        self.assertNotIn(token, self.audit.read_text())

    def test_rights(self):
        self.enter("plant7-1", self.invite("*"), said=status(services=("SSH1", "WEB")))
        self.enter("plant8-1", self.invite("*"), Key(self.dir))
        plant = self.client(PLANT)
        self.assertEqual([d["device"] for d in self.own("ListDevices", plant)["devices"]],
                         ["plant7-1"])
        self.fails("ResourceNotFoundException", "ConnectDevice", plant, device="plant8-1")
        self.fails("AccessDeniedException", "ConnectDevice", plant, device="plant7-1",
                   service="WEB")
        self.fails("AccessDeniedException", "CreateInvitation", plant, names=["plant7-*"])
        self.fails("AccessDeniedException", "DeleteDevice", plant, device="nobody")
        unsigned = Api(self.the_hub.port, verify=False)
        self.assertEqual(len(self.own("ListDevices", unsigned)["devices"]), 2)  # on this machine

    def test_limits(self):
        self.the_hub.terminate()
        limits = self.limits_file(devices=1, invitations_per_key=1)
        self.the_hub = self.hub("--keys", self.keys, "--limits", limits)
        self.admin = self.client(ADMIN)
        token = self.invite("*", uses=5)
        self.fails("LimitExceededException", "CreateInvitation", names=["*"])
        self.enter("one", token)
        told = Link(self.the_hub).enter("two", Key(self.dir), token)
        self.assertEqual((told.kind, told.refusal), ("refused", "BUSY"))
        self.assertEqual(store.used(self.state, token), 1)


class Connecting(Devices):
    def setUp(self):
        super().setUp()
        self.link = self.enter("pump", self.invite("*"), said=status(services=("SSH1", "WEB")))

    def test_accepted(self):
        asked = self.connecting(device="PUMP", service="ssh1", reason="valve 3")
        notice = self.link.recv()
        self.assertEqual((notice.kind, notice.service, notice.values["why"], notice.opened_by),
                         ("notice", "SSH1", "valve 3", "ADMIN"))
        self.assertFalse(asked.done())
        self.link.answer(notice.id)
        answer = asked.result(60)
        self.assertEqual((answer["device"], answer["service"], answer["services"]),
                         ("pump", "SSH1", ["SSH1", "WEB"]))
        self.assertNotEqual(answer["sourceAccessToken"], notice.access_token)
        tunnel = self.admin.describe(answer["tunnelId"])
        self.assertEqual(tunnel["destinationConfig"],
                         {"thingName": "pump", "services": ["SSH1", "WEB"]})

    def test_not_accepted(self):
        asked = self.connecting(device="pump")
        self.link.answer(self.link.recv().id, False, REFUSED, "painting until \x1b[1mnoon")
        with self.assertRaises(ApiError) as caught:
            asked.result(60)
        self.assertEqual(caught.exception.code, "DeviceRejectedException")
        self.assertIn(b"painting until \\u001b[1mnoon", caught.exception.answer.body)
        asked = self.connecting(device="pump", timeoutSeconds=1)
        notice = self.link.recv()
        self.assertEqual(self.link.recv().id, notice.id)  # withdrawn
        with self.assertRaises(ApiError) as caught:
            asked.result(60)
        self.assertEqual(caught.exception.code, "DeviceSilentException")
        self.link.drop()
        wait_until(lambda: not self.own("DescribeDevice", device="pump")["device"]["present"],
                   "it is away")
        away = self.fails("DeviceAwayException", "ConnectDevice", device="pump")
        self.assertAlmostEqual(away.answer.json["lastSeenAt"], time.time(), delta=3600)
        self.assertEqual(self.admin.list(), [])  # none of these left a tunnel

    def test_disabled_in_the_middle(self):
        asked = self.connecting(device="pump")
        self.assertEqual(self.link.recv().kind, "notice")
        self.own("UpdateDevice", device="pump", state="DISABLED")
        with self.assertRaises(ApiError) as caught:
            asked.result(60)
        self.assertEqual(caught.exception.code, "DeviceAwayException")
        self.fails("DeviceNotEnabledException", "ConnectDevice", device="pump")
        self.assertEqual([t for t in self.admin.list() if t["status"] == "OPEN"], [])

    def test_two_devices_and_a_thief(self):
        """An answer to another device's notice is nobody's."""
        other = self.enter("thief", self.invite("*"), Key(self.dir))
        asked = self.connecting(device="pump", timeoutSeconds=20)
        notice = self.link.recv()
        other.answer(notice.id, False, BUSY, "mine")
        other.ping()
        self.assertFalse(asked.done())
        self.link.answer(notice.id)
        self.assertEqual(asked.result(60)["device"], "pump")

    def test_callers_that_leave(self):
        """They cost the hub nothing: others are served, and nothing is left of their calls."""
        body = b'{"device": "pump"}'
        client = Api(self.the_hub.port, ADMIN, verify=False)
        for accepts in (True, False) * 5:
            sock = tls_client(self.the_hub.port)
            sock.sendall(request(head(client.authority, HUB + "ConnectDevice", body, ADMIN), body))
            notice = self.link.recv()
            self.assertEqual(notice.kind, "notice")
            sock.close()
            told = self.link.recv()
            self.assertEqual((told.kind, told.id), ("withdrawn", notice.id))
            self.link.answer(notice.id, accepts, 0 if accepts else BUSY, "")  # which is too late
        self.assertEqual(self.admin.list(), [])
        asked = self.connecting(device="pump")
        notice = self.link.recv()
        self.link.answer(notice.id)
        self.assertEqual(asked.result(60)["device"], "pump")

    def test_the_hub_is_killed_meanwhile(self):
        asked = self.connecting(device="pump")
        notice = self.link.recv()
        self.the_hub.kill()
        with self.assertRaises(Exception):
            asked.result(60)
        store.shorten_idle(self.state, notice.tunnel, 0.5)  # it was stored, and is open
        self.start_hub()
        wait_until(lambda: self.admin.list()[0]["status"] == "CLOSED", "it ends by itself")


class Kills(Devices):
    ROUNDS, AT_ONCE = 3, 5

    def enrol(self, name, key, token):
        """Whether the device was welcome before the hub went."""
        try:
            return Link(self.the_hub).enter(name, key, token).kind == "welcome"
        except (Closed, Dropped, OSError, AssertionError):
            return False

    def test_kill_while_devices_enrol(self):
        """No device that was told that it is enrolled is lost, and no use of a token counts twice or
        not at all."""
        keys = [Key(self.dir) for _ in range(self.AT_ONCE)]
        tokens, welcome = [], set()
        for turn in range(self.ROUNDS):
            tokens.append(self.invite(f"r{turn}-*", uses=self.AT_ONCE - 1))  # one too few
            names = [f"r{turn}-{i}" for i in range(self.AT_ONCE)]
            with concurrent.futures.ThreadPoolExecutor(self.AT_ONCE) as pool:
                asked = {pool.submit(self.enrol, name, key, tokens[-1]): name
                         for name, key in zip(names, keys)}
                for done in concurrent.futures.as_completed(asked):
                    if done.result():
                        welcome.add(asked[done])
                    if turn % 2 or done.result():
                        self.the_hub.kill()
            self.the_hub.kill()
            self.start_hub()
            there = {d["device"] for d in self.own("ListDevices")["devices"]}
            self.assertLessEqual(welcome, there)
            for i, token in enumerate(tokens):
                mine = [name for name in there if name.startswith(f"r{i}-")]
                self.assertEqual(store.used(self.state, token), len(mine))
                self.assertLessEqual(len(mine), self.AT_ONCE - 1)
        self.assertTrue(welcome)
        for name in sorted(welcome)[:3]:  # they come back with their keys alone
            self.assertTrue(self.enrol(name, keys[int(name[-1])], ""))


class Shell(Devices):
    def ctl(self, *words, code=0):
        done = run(self.program("tunnelctl"), "devices", *words, "--endpoint",
                   f"127.0.0.1:{self.the_hub.port}", "--ca", certificates.certificate().ca,
                   env=environment(AWS_ACCESS_KEY_ID=ADMIN.id, AWS_SECRET_ACCESS_KEY=ADMIN.secret))
        self.assertEqual(done.code, code, done)
        return done.text or done.err

    def test_a_walk(self):
        file = self.dir / "join"
        self.ctl("invite", "--names", "plant7-*", "--labels", "site=7,team=ops", "--lifetime", "1h",
                 "--approve", "--token-file", file)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        link = self.enter("plant7-pump", file.read_text().strip())
        self.assertRegex(self.ctl(), r"(?m)^plant7-pump +pending ")
        self.assertEqual(self.ctl("approve", "plant7-pump"), "approved plant7-pump\n")
        self.assertEqual(link.recv().kind, "welcome")
        self.assertRegex(self.ctl("--label", "site=7"),
                         r"(?m)^plant7-pump +present .*site=7, team=ops$")
        self.ctl("label", "plant7-pump", "site=8", "--remove-label", "team")
        self.assertEqual(self.ctl("--label", "site=7"), "No such devices.\n")
        self.assertRegex(self.ctl("show", "Plant7_Pump"), r"(?m)^  labels +site=8$")
        self.assertEqual(len(json.loads(self.ctl("--json"))["devices"]), 1)
        self.assertRegex(self.ctl("invitations"), r"plant7-\* +1 of 1 ")
        self.assertEqual(self.ctl("disable", "plant7-pump"), "disabled plant7-pump\n")
        self.assertEqual(link.recv().refusal, "DISABLED")
        self.assertRegex(self.ctl("--away"), r"(?m)^plant7-pump +disabled ")
        self.ctl("enable", "plant7-pump")
        self.ctl("reset", "plant7-pump")
        self.ctl("remove", "plant7-pump")
        self.assertEqual(self.ctl(), 'No devices; "tunnelctl devices invite" lets new ones enrol.\n')
        self.assertIn("shows what there is", self.ctl("show", "plant7-pump", code=1))

    def test_options_of_other_words(self):
        """--away chooses devices to be shown, not to be removed."""
        for words, said in ((("--labels", "site=7"), '--labels is not for "devices list", but for '
                             '"devices invite" and "devices create"'),
                            (("remove", "plant7-pump", "--away"),
                             '--away is not for "devices remove", but for "devices list"'),
                            (("show", "plant7-pump", "--uses", "5"),
                             '--uses is not for "devices show", but for "devices invite"')):
            with self.subTest(words):
                self.assertIn(said, self.ctl(*words, code=1))


if __name__ == "__main__":
    unittest.main()
