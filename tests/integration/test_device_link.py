"""The hub's side of devices' links, with scripted devices: who is let in, and what a device that
wants to do harm can do, which is to lose its link."""

import json
import pathlib
import shutil
import signal
import tempfile
import threading
import unittest

import certificates
import ops
import store
from devices import MAINTENANCE, Key, Link, proof, put, status, upgrade
from harness import Case
from programs import wait_until
from wire import BINARY, Closed, Dropped, ask, connect, request

TOKEN = "join_" + "A" * 43
OTHER = "join_" + "B" * 43
EXPIRED = "join_" + "C" * 43
APPROVE = "join_" + "D" * 43


class Devices(Case):
    """A hub with invitations, and two keys."""

    more = ()

    def setUp(self):
        super().setUp()
        self.state = self.dir / "state"
        self.audit = self.dir / "audit"
        self.hub().terminate()
        store.invite(self.state, TOKEN, ["plant7-*", "Plant7:*"], uses=20)
        store.invite(self.state, OTHER, ["*"])
        store.invite(self.state, EXPIRED, ["*"], seconds=-5)
        store.invite(self.state, APPROVE, ["*"], approve=True)
        self.the_hub = self.hub("--audit-log", self.audit, "--workers", "2", *self.more)
        self.key, self.key2 = Key(self.dir), Key(self.dir)

    def enter(self, name, key, token="", **more):
        """A link that is welcome."""
        link = Link(self.the_hub)
        self.addCleanup(link.drop)
        told = link.enter(name, key, token, **more)
        self.assertEqual(told.kind, "welcome", told)
        self.assertEqual(told.device, name)
        link.welcome = told
        return link

    def refused(self, reason, *args, link=None, **more):
        """A link that is refused for that reason, and closed."""
        link = link or Link(self.the_hub)
        told = link.enter(*args, **more)
        self.assertEqual((told.kind, told.refusal), ("refused", reason), told)
        self.assertEqual(link.end(), 1008)

    def metric(self, name, **labels):
        inside = ",".join(f'{k}="{v}"' for k, v in labels.items())
        return ops.metrics(self.the_hub)[f"tunnel_hub_{name}" + (f"{{{inside}}}" if inside else "")]

    def wait_metric(self, value, name, **labels):
        wait_until(lambda: self.metric(name, **labels) == value, f"{name} {labels} is {value}")

    def events(self, name):
        return [e for e in map(json.loads, self.audit.read_text().splitlines())
                if e["event"] == name]

    def open(self, thing):
        return self.the_hub.api.open(["SSH1"], thing=thing)


class Enrolment(Devices):
    def test_once_by_token(self):
        link = self.enter("plant7-press", self.key, TOKEN)
        self.assertTrue(link.welcome.enrolled)
        self.assertFalse(link.welcome.pending)
        self.wait_metric(1, "devices_present")
        link.drop()
        self.wait_metric(0, "devices_present")
        self.assertFalse(self.enter("plant7-press", self.key).welcome.enrolled)
        # A token that is given without need is not used up, and not even looked at.
        self.assertFalse(self.enter("plant7-press", self.key, "join_nonsense").welcome.enrolled)
        self.assertEqual(store.used(self.state, TOKEN), 1)
        event, = self.events("enrol")
        self.assertEqual((event["device"], event["state"]), ("plant7-press", "ENABLED"))
        self.assertRegex(event["fingerprint"], r"^SHA256:[A-Za-z0-9+/]{43}$")
        self.the_hub.kill()
        self.the_hub = self.hub("--audit-log", self.audit)
        self.enter("plant7-press", self.key)

    def test_tokens_that_do_not_fit(self):
        self.refused("UNKNOWN_DEVICE", "plant7-press", self.key)
        self.refused("JOIN_TOKEN_UNKNOWN", "plant7-press", self.key, "join_" + "Z" * 43)
        self.refused("JOIN_TOKEN_UNKNOWN", "plant7-press", self.key, "x" * 4096)
        self.refused("JOIN_TOKEN_EXPIRED", "plant7-press", self.key, EXPIRED)
        self.refused("NAME_NOT_INVITED", "plant8-press", self.key, TOKEN)
        self.enter("anything", self.key, OTHER)
        self.refused("JOIN_TOKEN_USED_UP", "something", self.key2, OTHER)
        self.assertEqual(len(store.devices(self.state)), 1)
        self.assertEqual(self.metric("enrolments_total", result="join-token-used-up"), 1)
        reasons = [e["reason"] for e in self.events("enrol-refuse")]
        self.assertEqual(reasons, ["unknown-device", "join-token-unknown", "join-token-unknown",
                                   "join-token-expired", "name-not-invited",
                                   "join-token-used-up"])

    def test_names(self):
        for name in ("", "a b", "ü", "a/b", "x" * 129, "x" * 1000):
            with self.subTest(name):
                self.refused("NAME_INVALID", name, self.key, OTHER)
        self.enter("x" * 128, self.key, OTHER)

    def test_a_name_belongs_to_its_key(self):
        link = self.enter("plant7-press", self.key, TOKEN)
        self.refused("NAME_TAKEN", "plant7-press", self.key2, TOKEN)
        # A host label would mean either: no other name has the same fold.
        self.refused("NAME_TAKEN", "Plant7:press", self.key2, TOKEN)
        self.refused("NAME_TAKEN", "Plant7:press", self.key, TOKEN)
        link.ping()  # nobody has disturbed it
        self.assertEqual(self.metric("devices_present"), 1)

    def test_pending(self):
        link = self.enter("press", self.key, APPROVE)
        self.assertTrue(link.welcome.pending)
        self.open("press")
        link.status()  # it may say so, and nobody minds
        link.ping()
        self.assertEqual(self.metric("devices_present"), 0)
        self.assertEqual(self.metric("devices", state="PENDING"), 1)
        self.assertEqual(self.metric("notices_delivered_total"), 0)


class ApproveAll(Devices):
    def setUp(self):
        self.more = ("--device-approve",)
        super().setUp()

    def test_pending(self):
        self.assertTrue(self.enter("plant7-press", self.key, TOKEN).welcome.pending)


class ApproveLater(Devices):
    def setUp(self):
        self.options = pathlib.Path(tempfile.mkdtemp(prefix="tunnel-test-")) / "hub.conf"
        self.addCleanup(shutil.rmtree, self.options.parent)
        self.options.write_text("")
        self.more = ("--config", self.options)
        super().setUp()

    def read_again(self, text):
        self.options.write_text(text)
        mark = self.the_hub.mark()
        self.the_hub.process.send_signal(signal.SIGHUP)
        self.the_hub.wait_line("access keys and limits were read again", after=mark)

    def test_it_is_read_again(self):
        self.assertFalse(self.enter("plant7-1", self.key, TOKEN).welcome.pending)
        self.read_again("device-approve = yes\n")
        self.assertTrue(self.enter("plant7-2", self.key, TOKEN).welcome.pending)
        self.read_again("no such option = 1\n")
        self.assertTrue(self.enter("plant7-3", self.key, TOKEN).welcome.pending)
        self.read_again("")
        self.assertFalse(self.enter("plant7-4", self.key, TOKEN).welcome.pending)


class Proofs(Devices):
    def setUp(self):
        super().setUp()
        self.link = self.enter("plant7-press", self.key, TOKEN)

    def test_wrong_ones(self):
        old = Link(self.the_hub)
        signature = self.key.sign(proof(old.host, "plant7-press", self.key.point, old.nonce,
                                        old.certificate))
        old.drop()
        for what, more in (
                ("a replay", {"signature": signature}),
                ("another nonce", {"nonce": old.nonce}),
                ("another hub's certificate", {"certificate": b"\1" * 32}),
                ("another host", {"host": "hub.example"}),
                ("zeroes", {"signature": b"\0" * 64}),
                ("ones", {"signature": b"\xff" * 64})):
            with self.subTest(what):
                self.refused("BAD_PROOF", "plant7-press", self.key, **more)
        with self.subTest("another key's"):
            link = Link(self.the_hub)
            link.hello("plant7-press", self.key, signature=self.key2.sign(
                proof(link.host, "plant7-press", self.key.point, link.nonce, link.certificate)))
            self.assertEqual(link.recv().refusal, "BAD_PROOF")
        with self.subTest("for another name"):
            link = Link(self.the_hub)
            link.hello("plant7-press", self.key, signature=self.key.sign(
                proof(link.host, "plant7-pres", self.key.point, link.nonce, link.certificate)))
            self.assertEqual(link.recv().refusal, "BAD_PROOF")
        with self.subTest("a point that is not on the curve"):
            link = Link(self.the_hub)
            link.send(put((1, put((1, "plant7-press"), (2, b"\4" + b"\1" * 64), (3, signature)))))
            self.assertEqual(link.recv().refusal, "BAD_PROOF")
        self.link.ping()
        self.assertEqual(self.metric("devices_present"), 1)

    def test_neither_key_nor_certificate(self):
        self.refused("BAD_PROOF", "plant7-press")

    def test_malformed(self):
        for what, data in (("nothing", b""), ("garbage", b"\xff" * 10),
                           ("a status", put((2, status()))),
                           ("a short key", put((1, put((1, "a"), (2, b"\4" * 10), (3, b"1" * 64))))),
                           ("a key alone", put((1, put((1, "a"), (2, self.key.point))))),
                           ("a long message", b"x" * 20000)):
            with self.subTest(what):
                link = Link(self.the_hub)
                link.send(data)
                self.assertEqual(link.recv().refusal, "MALFORMED")
                self.assertEqual(link.end(), 1008)

    def test_a_megabyte(self):
        link = Link(self.the_hub)
        with self.assertRaises((Closed, Dropped, OSError)):
            link.send(put((1, put((1, "x" * (1 << 20))))))
            link.peer.recv_message()
        self.link.ping()

    def test_requests_that_are_not_right(self):
        self.assertEqual(ask(self.the_hub.port, upgrade(protocol="other")).status, 400)
        self.assertEqual(ask(self.the_hub.port, "GET /device HTTP/1.1\r\nHost: a\r\n\r\n").status,
                         426)

    def test_the_hubs_certificate_changes(self):
        """A link goes on; who comes with what was proven to the old certificate is told."""
        new = certificates.certificate(key="rsa")
        before = self.link.certificate
        self.the_hub.terminate()
        files = {}
        for name, source in (("cert", certificates.certificate().cert),
                             ("key", certificates.certificate().key)):
            files[name] = self.dir / f"hub.{name}"
            files[name].write_bytes(source.read_bytes())
        cert = certificates.Certificate(files["cert"], files["key"], new.ca)
        self.the_hub = self.hub("--audit-log", self.audit, cert=cert)
        link = self.enter("plant7-press", self.key)
        files["cert"].write_bytes(new.cert.read_bytes())
        files["key"].write_bytes(new.key.read_bytes())
        mark = self.the_hub.mark()
        self.the_hub.process.send_signal(signal.SIGHUP)
        self.the_hub.wait_line("certificate and key were read again", after=mark)
        link.ping()
        self.refused("CERTIFICATE_CHANGED", "plant7-press", self.key, certificate=before)
        self.enter("plant7-press", self.key)


class Certified(Devices):
    def setUp(self):
        self.more = ("--device-ca", certificates.authority("devices") / "ca.pem")
        super().setUp()

    def test_the_name_is_the_certificates(self):
        link = Link(self.the_hub, cert=certificates.device("press7"))
        told = link.enter("press7")
        self.assertEqual((told.kind, told.enrolled), ("welcome", 1), told)
        link.drop()
        link = Link(self.the_hub, cert=certificates.device("press7"))
        told = link.enter("press7")
        self.assertEqual((told.kind, told.enrolled), ("welcome", None), told)
        self.refused("BAD_PROOF", "press8", link=Link(self.the_hub,
                                                      cert=certificates.device("press7")))
        link.ping()
        # Neither a join token nor a key takes the name.
        self.refused("NAME_TAKEN", "press7", self.key, OTHER)
        told = Link(self.the_hub).enter("press9", self.key2, OTHER)
        self.assertEqual(told.kind, "welcome", told)
        # A key is as good as ever beside a certificate with another name.
        told = Link(self.the_hub, cert=certificates.device("press7")).enter(
            "plant7-press", self.key, TOKEN)
        self.assertEqual(told.kind, "welcome", told)


    def test_tokens_of_devices_with_a_key(self):
        """A device that has proven itself with a key needs no certificate for its tunnels; neither
        before nor after a restart of the hub, which knows it by its record."""
        link = self.enter("plant7-press", self.key, TOKEN)
        self.open("plant7-press")
        token = link.recv().access_token
        client = "c" * 40
        connect(self.the_hub.port, "destination", token, client).drop()
        self.the_hub.kill()
        self.the_hub = self.hub(*self.more)
        connect(self.the_hub.port, "destination", token, client).drop()
        for thing in ("plant7-saw", "PLANT7-press"):
            answer = ask(self.the_hub.port, request(
                "destination", self.open(thing)["destinationAccessToken"]))
            self.assertEqual(answer.status, 403, answer)
            self.assertIn("certificate", answer.body)


class Links(Devices):
    def setUp(self):
        super().setUp()
        self.link = self.enter("plant7-press", self.key, TOKEN)
        self.other = self.enter("plant7-saw", self.key2, TOKEN)

    def test_replaced_by_the_same_key_only(self):
        newer = self.enter("plant7-press", self.key)
        told = self.link.recv()
        self.assertEqual((told.kind, told.refusal), ("refused", "REPLACED"))
        self.assertEqual(self.link.end(), 1008)
        self.assertEqual(self.metric("devices_present"), 2)
        self.open("plant7-press")
        self.assertEqual(newer.recv().kind, "notice")
        self.other.ping()

    def test_a_notice_is_enough_to_connect(self):
        opened = self.open("plant7-press")
        notice = self.link.recv()
        self.assertEqual((notice.kind, notice.services), ("notice", ["SSH1"]), notice)
        self.assertEqual(notice.access_token, opened["destinationAccessToken"])
        self.assertIsNone(notice.answer_ms)
        connect(self.the_hub.port, "destination", notice.access_token).drop()
        self.link.answer(notice.id)
        self.wait_metric(1, "notices_total", result="accepted")
        self.assertEqual([(e["device"], e["result"]) for e in self.events("notice")],
                         [("plant7-press", "delivered"), ("plant7-press", "accepted")])
        self.assertNotIn(notice.access_token, self.audit.read_text())

    def test_a_token_that_is_replaced(self):
        opened = self.open("plant7-press")
        first = self.link.recv()
        fresh = self.the_hub.api.call("RotateTunnelAccessToken", clientMode="DESTINATION",
                                      tunnelId=opened["tunnelId"])
        told = [self.link.recv(), self.link.recv()]
        self.assertEqual([t.kind for t in told], ["withdrawn", "notice"])
        self.assertEqual(told[0].id, first.id)
        self.assertEqual(told[1].access_token, fresh["destinationAccessToken"])

    def test_a_notice_waits_for_the_device(self):
        self.link.drop()
        self.wait_metric(1, "devices_present")
        opened = self.open("plant7-press")
        self.open("nobody")
        self.assertEqual(self.metric("notices_kept"), 1)
        link = self.enter("plant7-press", self.key)
        self.assertEqual(link.recv().access_token, opened["destinationAccessToken"])

    def test_rejected(self):
        self.open("plant7-press")
        self.link.answer(self.link.recv().id, False, MAINTENANCE, "being painted\x1b[31m")
        self.wait_metric(1, "notices_total", result="rejected")
        event = self.events("notice")[-1]
        self.assertEqual((event["code"], event["words"]),
                         ("maintenance", "being painted\x1b[31m"))
        self.assertNotIn("\x1b", self.audit.read_text())

    def test_answers_for_others(self):
        self.open("plant7-press")
        notice = self.link.recv()
        self.other.answer(notice.id)
        self.other.answer("made up")
        self.other.ping()
        self.wait_metric(1, "notice_answers_ignored_total", reason="not-its-own")
        self.wait_metric(1, "notice_answers_ignored_total", reason="late")
        self.assertEqual(self.metric("notices_total", result="accepted"), 0)
        self.link.answer(notice.id)
        self.link.answer(notice.id, False)
        self.wait_metric(1, "notices_total", result="accepted")
        self.wait_metric(2, "notice_answers_ignored_total", reason="late")

    def test_a_flood(self):
        try:
            for _ in range(2000):
                self.link.status()
        except OSError:
            pass  # it is gone already
        told = None
        try:
            told = self.link.recv()
        except (Closed, Dropped):
            pass
        if told:
            self.assertEqual((told.kind, told.refusal), ("refused", "MALFORMED"))
        self.wait_metric(1, "devices_present")
        self.the_hub.wait_line("it sends too many messages")
        self.other.ping()
        self.open("plant7-saw")
        self.assertEqual(self.other.recv().kind, "notice")
        self.enter("plant7-press", self.key)

    def test_it_is_logged_once_in_a_while(self):
        for _ in range(10):
            self.refused("UNKNOWN_DEVICE", "plant7-lathe", self.key)
        self.other.ping()
        self.the_hub.wait_line("unknown-device")
        lines = [line for line in self.the_hub.lines if "unknown-device" in line]
        self.assertEqual(len(lines), 1, lines)

    def test_status(self):
        self.link.status(services=["HTTP1"], version="\x1b[2J")
        self.link.ping()
        self.assertNotIn("\x1b", self.the_hub.output())
        self.link.peer.send_frame(BINARY, b"\xff")
        self.assertEqual(self.link.recv().refusal, "MALFORMED")

    def test_the_hub_ends(self):
        """Without a Close, so that devices come back; and at once."""
        self.assertEqual(self.the_hub.terminate(), 0)
        self.assertIsNone(self.link.end())
        self.assertIsNone(self.other.end())
        self.assertIn("the hub is shutting down", self.events("device-away")[-1]["reason"])


class Killed(Devices):
    def test_no_double_enrolment(self):
        """kill -9 in the middle of enrolments, again and again: whoever was welcome is known
        afterwards, and each use of the token has made one device."""
        welcome, keys = {}, {}

        def enrol(name, key, go):
            go.wait()
            try:
                told = Link(self.the_hub).enter(name, key, TOKEN)
                if told.kind == "welcome":
                    welcome[name] = key
            except (Closed, Dropped, OSError, AssertionError):
                pass  # the hub is gone

        for turn in range(4):
            go = threading.Event()
            names = [f"plant7-{turn}-{i}" for i in range(4)]
            keys.update({name: Key(self.dir) for name in names})
            threads = [threading.Thread(target=enrol, args=(name, keys[name], go))
                       for name in names]
            for t in threads:
                t.start()
            go.set()
            if turn % 2 == 0:
                wait_until(lambda: len(welcome) > 2 * turn, "one is welcome")
            else:
                wait_until(lambda: self.metric("accepted_total") > 0, "one is on its way")
            self.the_hub.kill()
            for t in threads:
                t.join()
            self.assertEqual(len(store.devices(self.state)), store.used(self.state, TOKEN))
            self.the_hub = self.hub()
            for name, key in welcome.items():
                self.assertFalse(self.enter(name, key).welcome.enrolled)
        # Who was not welcome comes with the token again, and is let in once.
        for name, key in keys.items():
            self.enter(name, key, TOKEN)
        self.assertEqual(set(store.devices(self.state)), set(keys))
        self.assertEqual(store.used(self.state, TOKEN), len(keys))
        for name, point in store.devices(self.state).items():
            self.assertEqual(point, keys[name].point)


if __name__ == "__main__":
    unittest.main()
