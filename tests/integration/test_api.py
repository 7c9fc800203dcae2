"""The control API, asked by clients that mean harm or know no better: the right error each time,
and nothing is left behind."""

import datetime
import json
import random
import resource
import unittest

from api import TYPE, Api, Key, head, request, timestamp
from harness import Case, descriptors, warm_descriptors
from programs import wait_until
from sockets import dial, read_all
from wire import DATA, SERVICE_IDS, STREAM_START, Message, connect, tls_client

KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOWHERE = "b2de92a3-b8ff-46c0-b0f2-afa28b00cecd"
ARN = f"arn:aws:iot:us-east-1:000000000000:tunnel/{NOWHERE}"
LIMIT = 64 * 1024


def nested(depth):
    """An object that is `depth` objects deep."""
    return '{"x":' * (depth - 1) + "{}" + "}" * (depth - 1)


def moment(minutes):
    now = datetime.datetime.now(datetime.timezone.utc)
    return now + datetime.timedelta(minutes=minutes)


class Base(Case):
    unsigned = True

    def setUp(self):
        super().setUp()
        self.the_hub = self.hub("--keys", self.keys_file(KEY.section()), unsigned=self.unsigned)
        self.api = Api(self.the_hub.port, None if self.unsigned else KEY, keep=True)
        self.addCleanup(self.api.close)

    def assert_refused(self, answer, code, status=400, pattern="."):
        self.assertEqual((answer.status, answer.code), (status, code), answer)
        self.assertEqual(answer.headers["content-type"], TYPE)
        self.assertEqual(answer.headers["x-amzn-errortype"].partition(":")[0], code)
        self.assertIn("x-amzn-requestid", answer.headers)
        self.assertRegex(answer.json["message"], pattern)

    def count(self):
        return len(self.api.list())


class Bodies(Base):
    def test_not_json(self):
        for body in (b"{", b"}", b"[1,", b'{"description":}', b'{"description" "a"}', b"{,}",
                     b'{"description":"a",}', b"{'description':'a'}", b"nul", b"\0", b"{}\0",
                     b"{}{}", b"{} x", b'{"description":"a\nb"}', b'{"description":"\\x"}',
                     b'{"description":"\\u12"}', b'{"description":"a', b'{"maxResults":01}',
                     b'{"maxResults":1e}', b'{"maxResults":+1}', b'{"a":NaN}', b"\xff\xfe{}",
                     b'{"description":"\xc3"}', b'{"description":"\xed\xa0\x80"}',
                     b'{"description":"\xc0\xaf"}', b"\xef\xbb\xbf{}", b"[" * 60000,
                     b'{"a":' * 12000, b"[]", b'"text"', b"1", b"null", b"true"):
            with self.subTest(body[:40]):
                self.assert_refused(self.api.ask("OpenTunnel", body), "SerializationException")
        self.assertEqual(self.count(), 0)

    def test_nesting(self):
        """32 levels are fine (unknown members are nobody's business), one more is not."""
        self.assertEqual(self.api.ask("ListTunnels", nested(32)).status, 200)
        self.assert_refused(self.api.ask("ListTunnels", nested(33)), "SerializationException")
        lists = '{"x":' + "[" * 32 + "]" * 32 + "}"
        self.assert_refused(self.api.ask("ListTunnels", lists), "SerializationException")

    def test_duplicate_keys(self):
        for body in ('{"description":"a","description":"a"}',
                     '{"description":"a","descr\\u0069ption":"b"}',
                     '{"destinationConfig":{"services":["A"],"services":["B"]}}',
                     '{"tags":[{"key":"a","value":"b","key":"c"}]}'):
            with self.subTest(body):
                self.assert_refused(self.api.ask("OpenTunnel", body), "SerializationException")

    def test_surrogates(self):
        """Pairs are joined; halves are not text."""
        opened = self.api.ask("OpenTunnel", '{"description":"\\u00e9\\ud83d\\ude00"}')
        self.assertEqual(self.api.describe(opened.json["tunnelId"])["description"], "é😀")
        for half in ("\\ud83d", "\\ude00", "\\ud83dx", "\\ud83d\\u0041", "\\ude00\\ud83d",
                     "\\ud83d\\ud83d\\ude00"):
            with self.subTest(half):
                body = f'{{"description":"a{half}"}}'
                self.assert_refused(self.api.ask("OpenTunnel", body), "SerializationException")
        self.assertEqual(self.count(), 1)

    def test_64_kib(self):
        start = b'{"description":"a","x":"'
        exact = start + b"p" * (LIMIT - len(start) - 2) + b'"}'
        self.assertEqual(len(exact), LIMIT)
        self.assertEqual(self.api.ask("OpenTunnel", exact).status, 200)
        answer = self.api.ask("OpenTunnel", exact + b" ")
        self.assertEqual(answer.status, 413, answer)
        self.assertTrue(answer.code.endswith("Exception"), answer)
        self.api.close()
        self.assertEqual(self.count(), 1)

    def test_types(self):
        """JSON, but not of the model's shape."""
        for operation, body in (
                ("OpenTunnel", {"description": 5}), ("OpenTunnel", {"tags": {}}),
                ("OpenTunnel", {"tags": ["a"]}), ("OpenTunnel", {"destinationConfig": []}),
                ("OpenTunnel", {"destinationConfig": {"services": "SSH1"}}),
                ("OpenTunnel", {"destinationConfig": {"services": [1]}}),
                ("OpenTunnel", {"timeoutConfig": {"maxLifetimeTimeoutMinutes": "60"}}),
                ("OpenTunnel", {"timeoutConfig": {"maxLifetimeTimeoutMinutes": 1.5}}),
                ("OpenTunnel", {"timeoutConfig": {"maxLifetimeTimeoutMinutes": 1e300}}),
                ("CloseTunnel", {"tunnelId": NOWHERE, "delete": "yes"}),
                ("DescribeTunnel", {"tunnelId": 7}), ("ListTunnels", {"maxResults": "2"}),
                ("UntagResource", {"resourceArn": ARN, "tagKeys": "a"})):
            with self.subTest(f"{operation} {body}"):
                answer = self.api.ask(operation, json.dumps(body))
                self.assertEqual(answer.status, 400, answer)
                self.assertIn(answer.code, ("SerializationException", "ValidationException"))
        self.assertEqual(self.count(), 0)

    def test_bounds(self):
        """Each field at its bound, and one past it."""
        tunnel = self.api.open(["SSH1"])["tunnelId"]

        def where(**fields):
            return {"destinationConfig": {"services": ["SSH1"]} | fields}

        def tag(key, value="v"):
            return {"tags": [{"key": key, "value": value}]}

        def lifetime(minutes):
            return {"timeoutConfig": {"maxLifetimeTimeoutMinutes": minutes}}
        open_it, describe, listing = "OpenTunnel", "DescribeTunnel", "ListTunnels"
        for name, operation, good, bad in (
                ("description", open_it, {"description": "é" * 2048},
                 {"description": "é" * 2049}),
                ("no description", open_it, {"description": "a"}, {"description": ""}),
                ("control character", open_it, {"description": " "}, {"description": "a\u0085"}),
                ("thing", open_it, where(thingName="t" * 128), where(thingName="t" * 129)),
                ("thing's letters", open_it, where(thingName="a:b_C-1"), where(thingName="a.b")),
                ("service", open_it, where(services=["s" * 128]), where(services=["s" * 129])),
                ("services", open_it, where(), where(services=[])),
                ("lifetime", open_it, lifetime(720), lifetime(721)),
                ("short lifetime", open_it, lifetime(1), lifetime(0)),
                ("tag key", open_it, tag("k" * 128), tag("k" * 129)),
                ("no tag key", open_it, tag("k"), tag("")),
                ("tag value", open_it, tag("k", "v" * 256), tag("k", "v" * 257)),
                ("tag's letters", open_it, tag("Ä 1_.:/=+-@"), tag("a!")),
                ("tags", open_it,
                 {"tags": [{"key": f"k{i}", "value": ""} for i in range(200)]},
                 {"tags": [{"key": f"k{i}", "value": ""} for i in range(201)]}),
                ("page", listing, {"maxResults": 100}, {"maxResults": 101}),
                ("small page", listing, {"maxResults": 1}, {"maxResults": 0}),
                ("token", listing, {}, {"nextToken": "a" * 4097}),
                ("token's letters", listing, {}, {"nextToken": "a/b"}),
                ("tunnel id", describe, {"tunnelId": tunnel}, {"tunnelId": "a" * 129}),
                ("tunnel id's letters", describe, {"tunnelId": tunnel}, {"tunnelId": "a b"}),
                ("no tunnel id", describe, {"tunnelId": tunnel}, {}),
                ("client mode", "RotateTunnelAccessToken",
                 {"tunnelId": tunnel, "clientMode": "ALL"},
                 {"tunnelId": tunnel, "clientMode": "all"}),
                ("configuration of a source", "RotateTunnelAccessToken",
                 {"tunnelId": tunnel, "clientMode": "SOURCE"},
                 {"tunnelId": tunnel, "clientMode": "SOURCE", **where()})):
            with self.subTest(name):
                answer = self.api.ask(operation, json.dumps(good))
                self.assertEqual(answer.status, 200, answer)
                self.assert_refused(self.api.ask(operation, json.dumps(bad)),
                                    "ValidationException")

    def test_unknown_tunnels(self):
        for operation, parameters in (
                ("DescribeTunnel", {"tunnelId": NOWHERE}),
                ("CloseTunnel", {"tunnelId": NOWHERE, "delete": True}),
                ("RotateTunnelAccessToken", {"tunnelId": NOWHERE, "clientMode": "SOURCE"}),
                ("TagResource", {"resourceArn": ARN, "tags": [{"key": "a", "value": "b"}]}),
                ("UntagResource", {"resourceArn": ARN, "tagKeys": ["a"]}),
                ("ListTagsForResource", {"resourceArn": ARN})):
            with self.subTest(operation):
                self.assert_refused(self.api.ask(operation, json.dumps(parameters)),
                                    "ResourceNotFoundException")


class Heads(Base):
    def test_unknown_operations(self):
        for target in ("IoTSecuredTunneling.Nope", "IoTSecuredTunneling.", "OpenTunnel",
                       "IoTSecureTunneling.OpenTunnel", "IoTSecuredTunneling.opentunnel",
                       "IoTSecuredTunneling.OpenTunnel2", ".", "x" * 1000, None):
            with self.subTest(target):
                answer = self.api.ask("", b"{}", changes={"x-amz-target": target})
                self.assert_refused(answer, "UnknownOperationException")

    def test_content_types(self):
        for kind in ("application/json", "application/x-amz-json-1.0", "text/plain", "", None,
                     "application/x-www-form-urlencoded", "application/x-amz-json-1.1x"):
            with self.subTest(kind):
                answer = self.api.ask("ListTunnels", b"{}", changes={"content-type": kind})
                self.assertEqual(answer.status // 100, 4, answer)
                self.assertTrue(answer.code.endswith("Exception"), answer)

    def test_any_path(self):
        for path in ("/", "/aws/x", "/aws/x/", "//", "/tunnel", "/healthz"):
            with self.subTest(path):
                self.assertEqual(self.api.ask("ListTunnels", path=path).status, 200)

    def test_header_injection(self):
        """What a caller says comes back as JSON text, never as a line of a head or of the log."""
        mark = self.the_hub.mark()
        evil = "a\r\nX-Injected: 1\r\n\r\n"
        for operation, parameters in (
                ("OpenTunnel", {"description": evil}),
                ("OpenTunnel", {"destinationConfig": {"thingName": evil, "services": ["A"]}}),
                ("OpenTunnel", {"tags": [{"key": evil, "value": evil}]}),
                ("DescribeTunnel", {"tunnelId": evil}), ("ListTunnels", {"nextToken": evil}),
                ("TagResource", {"resourceArn": evil, "tags": []})):
            with self.subTest(operation):
                answer = self.api.ask(operation, json.dumps(parameters))
                self.assertEqual(answer.status, 400, answer)
                self.assertNotIn("x-injected", answer.headers)
        answer = self.api.ask("OpenTunnel%0d%0aX-Injected:1<b>")
        self.assert_refused(answer, "UnknownOperationException")
        answer = self.talk(self.opening("x").replace(b"OpenTunnel", b"Open\x1b[31mTunnel"))
        self.assertRegex(answer, rb"^HTTP/1\.1 400 ")
        self.assertNotIn(b"\x1b", answer)
        for line in self.the_hub.output().splitlines()[mark:]:
            self.assertNotIn("\x1b", line)
            self.assertFalse(line.startswith("X-Injected"), line)

    def test_malformed_heads(self):
        good = request(head(self.api.authority, "ListTunnels", b"{}"), b"{}")
        for name, data in {
            "two lengths": good.replace(b"content-length: 2", b"content-length: 2\r\n"
                                                              b"content-length: 3"),
            "signed length": good.replace(b"length: 2", b"length: +2"),
            "huge length": good.replace(b"length: 2", b"length: 99999999999999999999"),
            "length and chunked": good.replace(b"length: 2", b"length: 2\r\n"
                                                             b"transfer-encoding: chunked"),
            "NUL": good.replace(b"host:", b"x: a\0b\r\nhost:"),
            "folded": good.replace(b"host:", b"x: a\r\n b\r\nhost:"),
            "no colon": good.replace(b"host:", b"nonsense\r\nhost:"),
            "HTTP/9.9": good.replace(b"HTTP/1.1", b"HTTP/9.9"),
            "long head": good.replace(b"host:", b"x: " + b"p" * 20000 + b"\r\nhost:"),
            "many headers": good.replace(b"host:", b"x: y\r\n" * 5000 + b"host:"),
            "no length": good.replace(b"content-length: 2", b"connection: close"),
        }.items():
            with self.subTest(name):
                answer = self.talk(data)
                status = int(answer.split()[1]) if answer else 0
                self.assertTrue(400 <= status < 500, answer[:200])
        self.assertEqual(self.api.ask("ListTunnels").status, 200)

    def talk(self, data):
        """All that the hub says to these bytes, until it closes."""
        with tls_client(self.the_hub.port) as sock:
            sock.sendall(data)
            return read_all(sock)

    def test_kept_and_pipelined(self):
        one = request(head(self.api.authority, "ListTunnels", b"{}"), b"{}")
        last = one.replace(b"host:", b"connection: close\r\nhost:")
        answers = self.talk(one * 30 + last)
        self.assertEqual(answers.count(b"HTTP/1.1 200 OK\r\n"), 31)
        self.assertEqual(answers.count(b'"tunnelSummaries":[]'), 31)
        opening = b"".join(self.opening(f"n{i}") for i in range(20))
        self.talk(opening + last)
        listed = [t["description"] for t in self.api.list()]
        self.assertEqual(listed, [f"n{i}" for i in reversed(range(20))])

    def opening(self, description):
        body = json.dumps({"description": description}).encode()
        return request(head(self.api.authority, "OpenTunnel", body), body)

    def test_in_any_pieces(self):
        data, noise = self.opening("in pieces"), random.Random(4)
        for pieces in ("bytes", "random"):
            with tls_client(self.the_hub.port) as sock:
                at = 0
                while at < len(data):
                    step = 1 if pieces == "bytes" else noise.randrange(1, 60)
                    sock.sendall(data[at:at + step])
                    at += step
                self.assertIn(b" 200 ", sock.recv(65536))
        self.assertEqual(self.count(), 2)

    def test_cut_at_every_byte(self):
        """A client that goes away after any number of bytes has done nothing."""
        data = self.opening("never")
        before = warm_descriptors(self.the_hub)
        for n in range(len(data)):
            with tls_client(self.the_hub.port) as sock:
                sock.sendall(data[:n])
        wait_until(lambda: descriptors(self.the_hub) <= before, "its descriptors")
        self.assertEqual(self.count(), 0)


    def test_gone_before_the_answer(self):
        """Who leaves does not hear it, but it was asked for."""
        data = self.opening("heard by nobody")
        before = warm_descriptors(self.the_hub)
        for _ in range(100):
            with tls_client(self.the_hub.port) as sock:
                sock.sendall(data)
        wait_until(lambda: descriptors(self.the_hub) <= before, "its descriptors")
        self.assertLessEqual(self.count(), 100)


class Signatures(Base):
    """A hub that wants a signature from everybody."""

    unsigned = False

    def test_none(self):
        answer = self.api.ask("ListTunnels", key=None)
        self.assert_refused(answer, "MissingAuthenticationTokenException", 403)

    def test_good_ones(self):
        for name, how in {
            "plain": {},
            "another region": {"region": "eu-central-1"},
            "a session token": {"key": Key(KEY.id, KEY.secret, "session"), "signed": (
                "content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target")},
            "few headers": {"signed": ("host", "x-amz-date", "x-amz-target")},
            "14 minutes late": {"when": moment(-14)},
            "14 minutes early": {"when": moment(14)},
            "blanks in values": {"changes": {"x-more": "  a   b  "}, "signed": (
                "content-type", "host", "x-amz-date", "x-amz-target", "x-more")},
        }.items():
            with self.subTest(name):
                answer = self.api.ask("ListTunnels", **how)
                self.assertEqual(answer.status, 200, answer)

    def test_wrong_ones(self):
        for name, how in {
            "secret": {"key": Key(KEY.id, KEY.secret + "x")},
            "service": {"service": "iot"},
            "scope of another day": {"date": "20200101"},
            "host is not signed": {"signed": ("content-type", "x-amz-date", "x-amz-target")},
            "target is not signed": {"signed": ("content-type", "host", "x-amz-date")},
            "16 minutes late": {"when": moment(-16)},
            "16 minutes early": {"when": moment(16)},
            "a year late": {"when": moment(-525600)},
        }.items():
            with self.subTest(name):
                answer = self.api.ask("ListTunnels", **how)
                self.assertEqual(answer.status, 403, answer)
                self.assertRegex(answer.code, "^(InvalidSignatureException|RequestExpired|"
                                              "IncompleteSignatureException)$")

    def test_unknown_key(self):
        answer = self.api.ask("ListTunnels", key=Key("AKIDNOBODY", KEY.secret))
        self.assert_refused(answer, "UnrecognizedClientException", 403)

    def test_changed_on_the_way(self):
        signed = head(self.api.authority, "OpenTunnel", b'{"description":"a"}', KEY)
        for name, headers, body in (
                ("body", signed, b'{"description":"b"}'),
                ("target", signed | {"x-amz-target": "IoTSecuredTunneling.ListTunnels"},
                 b'{"description":"a"}'),
                ("host", signed | {"host": "elsewhere:1"}, b'{"description":"a"}'),
                ("date", signed | {"x-amz-date": timestamp(moment(-1))}, b'{"description":"a"}')):
            with self.subTest(name):
                answer = self.api.send(headers, body)
                self.assert_refused(answer, "InvalidSignatureException", 403)
        self.assertEqual(self.api.send(signed, b'{"description":"a"}').status, 200)
        self.assertEqual(self.count(), 1)

    def test_malformed_ones(self):
        good = head(self.api.authority, "ListTunnels", b"{}", KEY)
        text = good["authorization"]
        for wrong in ("", "Basic dTpw", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ",
                      text.replace("SHA256", "SHA512"), text.replace("Credential=", "Cred="),
                      text.replace("/aws4_request", ""), text.replace("Signature=", "Signature"),
                      text[:-1], text + "0", text.replace("Signature=", "Signature=zz"),
                      text.replace("SignedHeaders=", "SignedHeaders=;;"),
                      text + ", " + text[len("AWS4-HMAC-SHA256 "):], text.replace("/", "%2f"),
                      "AWS4-HMAC-SHA256 " + "," * 3000, "AWS4-HMAC-SHA256 " + "a=b, " * 500):
            with self.subTest(wrong[:60]):
                answer = self.api.send(good | {"authorization": wrong}, b"{}")
                self.assertIn(answer.status, (400, 403), answer)
                self.assertTrue(answer.code.endswith("Exception"), answer)
        without_date = {k: v for k, v in good.items() if k != "x-amz-date"}
        for headers in (without_date, good | {"x-amz-date": "now"}):
            self.assertIn(self.api.send(headers, b"{}").status, (400, 403))
        self.assertEqual(self.api.send(good, b"{}").status, 200)


class AllowedWithout(Base):
    def test_a_wrong_signature_is_wrong_all_the_same(self):
        answer = self.api.ask("ListTunnels", key=Key(KEY.id, "guess"))
        self.assert_refused(answer, "InvalidSignatureException", 403)
        answer = self.api.ask("ListTunnels", key=Key("AKIDNOBODY", "guess"))
        self.assert_refused(answer, "UnrecognizedClientException", 403)


class Crowds(Case):
    """A tunnel goes on unharmed beside them."""

    def setUp(self):
        super().setUp()
        # They all come from one address, and what is tested is how the hub bears them.
        self.the_hub = self.hub("--workers", "2", "--per-address", "0")
        opened = self.the_hub.api.open(["SSH1"])
        self.source, self.destination = (
            connect(self.the_hub.port, mode, opened[f"{mode}AccessToken"])
            for mode in ("source", "destination"))
        for peer in (self.source, self.destination):
            self.addCleanup(peer.drop)
            self.assertEqual(peer.recv().type, SERVICE_IDS)
        start = Message(STREAM_START, 1, "SSH1", 1)
        self.source.send(start)
        self.assertEqual(self.destination.recv(), start)

    def assert_unharmed(self):
        for i in range(5):
            m = Message(DATA, 1, "SSH1", 1, bytes([i]) * 60000)
            self.source.send(m)
            self.assertEqual(self.destination.recv(), m)

    def test_1000_slow_connections(self):
        """They are dropped, and nothing of them stays; calls are answered all the time."""
        hub = self.the_hub
        before = warm_descriptors(hub)
        body = b'{"description":"slow"}'
        data = request(head("127.0.0.1", "OpenTunnel", body), body)
        slow = []
        for i in range(1000):
            if i % 4:
                sock = self.silent(hub, i)
            else:
                sock = tls_client(hub.port)
                sock.sendall(data[:i * len(data) // 1000])
            slow.append(sock)
            if i % 100 == 0:
                self.assert_unharmed()
                hub.api.list()
        for sock in slow:
            read_all(sock)  # returns when the hub closes
            sock.close()
        self.assert_unharmed()
        wait_until(lambda: descriptors(hub) <= before, "its descriptors")
        self.assertEqual(len(hub.api.list()), 1)

    def test_out_of_descriptors(self):
        """Newcomers are turned away, and let in again when there is room."""
        hub = self.the_hub
        there = warm_descriptors(hub)
        resource.prlimit(hub.pid, resource.RLIMIT_NOFILE, (there + 20, there + 20))
        crowd = []
        for i in range(60):
            crowd.append(dial(hub.port))
            if i % 10 == 0:
                self.assert_unharmed()
        self.assert_unharmed()
        for sock in crowd:
            sock.close()
        wait_until(self.is_answered, "a newcomer is answered again")
        wait_until(lambda: descriptors(hub) <= there, "its descriptors")
        self.assert_unharmed()

    def is_answered(self):
        try:
            return len(self.the_hub.api.list()) == 1
        except OSError:
            return False

    @staticmethod
    def silent(hub, i):
        """Of it the hub has heard nothing, or a part of a TLS hello."""
        sock = dial(hub.port)
        sock.sendall(bytes.fromhex("16030100c8010000c40303")[:i % 12])
        return sock


if __name__ == "__main__":
    unittest.main()
