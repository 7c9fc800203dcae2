"""The audit log: who did what, when, from where, and how it ended."""

import datetime
import json
import pathlib
import unittest
import uuid

from api import Api, ApiError, Key
from harness import Case
from programs import wait_until
from wire import DATA, SERVICE_IDS, STREAM_START, Message, ask, connect, request

KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
DELETES = Key("AKIDDELETES", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEDEL")


class Audit(Case):
    def setUp(self):
        super().setUp()
        self.file = self.dir / "audit"
        self.the_hub = self.hub("--audit-log", self.file, "--workers", "2", "--keys",
                                self.keys_file(KEY.section(may_delete="no"), DELETES.section()),
                                unsigned=False)
        self.api = Api(self.the_hub.port, KEY)

    def records(self, event=None, **fields):
        """Those with these fields."""
        found = [json.loads(line) for line in self.file.read_text().splitlines()]
        return [r for r in found if (event is None or r["event"] == event)
                and all(r.get(k) == v for k, v in fields.items())]

    def wait_record(self, event, **fields):
        return wait_until(lambda: self.records(event, **fields), f"{event} {fields}")[-1]

    def assert_common(self, record):
        moment = datetime.datetime.fromisoformat(record["time"])
        now = datetime.datetime.now(datetime.timezone.utc)
        self.assertLess(abs(now - moment), datetime.timedelta(minutes=5))
        self.assertRegex(record["client"], r"^127\.0\.0\.1:\d+$")

    def test_calls(self):
        opened = self.api.open(["SSH1"], thing="press7")
        tunnel = opened["tunnelId"]
        for operation, do in {
            "DescribeTunnel": lambda: self.api.describe(tunnel),
            "RotateTunnelAccessToken": lambda: self.api.rotate(tunnel, "ALL"),
            "TagResource": lambda: self.api.call("TagResource", resourceArn=opened["tunnelArn"],
                                                 tags=[{"key": "a", "value": "b"}]),
            "CloseTunnel": lambda: self.api.close_tunnel(tunnel),
        }.items():
            do()
            record = self.wait_record("call", operation=operation)
            self.assert_common(record)
            self.assertEqual((record["key"], record["tunnel"], record["thing"], record["result"]),
                             (KEY.id, tunnel, "press7", "ok"), record)
        record = self.wait_record("call", operation="OpenTunnel")
        self.assertEqual((record["tunnel"], record["thing"], record["result"]),
                         (tunnel, "press7", "ok"), record)
        self.api.list()
        self.wait_record("call", operation="ListTunnels", result="ok")

    def test_failed_calls(self):
        opened = self.api.open(["SSH1"])
        others = Api(self.the_hub.port, Key("AKIDNOBODY", "x"))
        wrong = Api(self.the_hub.port, Key(KEY.id, "x"))
        for api, operation, parameters, code in (
                (self.api, "DescribeTunnel", {"tunnelId": "b2de92a3"},
                 "ResourceNotFoundException"),
                (self.api, "CloseTunnel", {"tunnelId": opened["tunnelId"], "delete": True},
                 "AccessDeniedException"),
                (self.api, "OpenTunnel", {"description": ""}, "ValidationException"),
                (others, "ListTunnels", {}, "UnrecognizedClientException"),
                (wrong, "ListTunnels", {}, "InvalidSignatureException")):
            with self.subTest(code):
                with self.assertRaises(ApiError) as e:
                    api.call(operation, **parameters)
                record = self.wait_record("call", operation=operation, result=code)
                self.assert_common(record)
                self.assertEqual(record["requestId"],
                                 e.exception.answer.headers["x-amzn-requestid"])

    def test_connections(self):
        opened = self.api.open(["SSH1"], thing="press7")
        source, destination = (connect(self.the_hub.port, mode, opened[f"{mode}AccessToken"])
                               for mode in ("source", "destination"))
        for peer in (source, destination):
            self.assertEqual(peer.recv().type, SERVICE_IDS)
        source.send(Message(STREAM_START, 1, "SSH1", 1))
        self.assertEqual(destination.recv().type, STREAM_START)
        source.send(Message(DATA, 1, "SSH1", 1, b"u" * 50000))
        destination.recv()
        destination.send(Message(DATA, 1, "SSH1", 1, b"d" * 20000))
        source.recv()
        source.drop()
        destination.close()
        for side, came, went in (("source", 50000, 20000), ("destination", 20000, 50000)):
            with self.subTest(side):
                common = {"tunnel": opened["tunnelId"], "thing": "press7", "side": side}
                record = self.wait_record("connect", **common)
                self.assert_common(record)
                self.assertEqual(record["key"], KEY.id)
                gone = self.wait_record("disconnect", channel=record["channel"], **common)
                self.assert_common(gone)
                self.assertTrue(came < gone["received"] < came + 1000, gone)
                self.assertTrue(went < gone["sent"] < went + 1000, gone)
                self.assertTrue(gone["reason"])

    def test_refusals(self):
        opened = self.api.open(["SSH1"], thing="press7")
        connect(self.the_hub.port, "source", opened["sourceAccessToken"]).drop()
        self.wait_record("disconnect", side="source")
        for name, token, known in (("spent", opened["sourceAccessToken"], opened["tunnelId"]),
                                   ("unknown", "x" * 43, "")):
            with self.subTest(name):
                answer = ask(self.the_hub.port, request("source", token))
                self.assertEqual(answer.status // 100, 4)
                record = self.wait_record("refuse", channel=answer.headers["channel-id"])
                self.assert_common(record)
                self.assertEqual((record["status"], record["tunnel"], record["side"]),
                                 (answer.status, known, "source"))
                self.assertTrue(record["reason"])

    def test_closed_by_a_call(self):
        opened = self.api.open(["SSH1"])
        peer = connect(self.the_hub.port, "source", opened["sourceAccessToken"])
        self.api.close_tunnel(opened["tunnelId"])
        self.assertEqual(peer.expect_end(), 1000)
        gone = self.wait_record("disconnect", tunnel=opened["tunnelId"])
        self.assertRegex(gone["reason"], "(?i)clos")

    def test_deleted_by_a_call(self):
        """Whose tunnel it was is in the line, although the hub has no such tunnel any more."""
        opened = self.api.open(["SSH1"], thing="press7")
        peer = connect(self.the_hub.port, "source", opened["sourceAccessToken"])
        Api(self.the_hub.port, DELETES).close_tunnel(opened["tunnelId"], delete=True)
        self.assertEqual(peer.expect_end(), 1000)
        gone = self.wait_record("disconnect", tunnel=opened["tunnelId"])
        self.assertEqual((gone["thing"], gone["key"]), ("press7", KEY.id))

    def test_no_secrets_and_for_our_eyes_only(self):
        opened, client = self.api.open(["SSH1"]), str(uuid.uuid4())
        connect(self.the_hub.port, "source", opened["sourceAccessToken"], client).drop()
        self.wait_record("disconnect", side="source")
        ask(self.the_hub.port, request("source", opened["sourceAccessToken"]))
        rotated = self.api.rotate(opened["tunnelId"], "ALL")
        self.wait_record("refuse")
        text = self.file.read_text()
        for secret in (client, KEY.secret, *(answer[f"{mode}AccessToken"]
                                             for answer in (opened, rotated)
                                             for mode in ("source", "destination"))):
            self.assertNotIn(secret, text)
            self.assertNotIn(secret, self.the_hub.output())
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)

    def test_appended(self):
        """A restarted hub goes on with the file."""
        self.api.list()
        first = self.file.read_bytes()
        self.assertEqual(self.the_hub.terminate(), 0)
        self.assertTrue(self.file.read_bytes().startswith(first))
        restarted = self.start(*self.the_hub.argv)
        restarted.wait_line("Listening on")
        self.assertTrue(pathlib.Path(self.file).read_bytes().startswith(first))


if __name__ == "__main__":
    unittest.main()
