"""AWS's own command line, all of its tunnel commands, over TLS, signed."""

import datetime
import json
import unittest

import certificates
from api import Api, Key
from amazon_cli import KEY, AwsCase, side_by_side

ARN = r"^arn:aws:iot:us-east-1:\d{12}:tunnel/"
OPERATOR = Key("AKIDOPERATOR", "secret-of-the-operator")


def names(**values):
    return ",".join(f"{name}={value}" for name, value in values.items())


class Commands(AwsCase):
    """One hub that wants signatures; by --ca-bundle and AWS_CA_BUNDLE in turn."""

    def setUp(self):
        super().setUp()
        self.hub("--keys", self.keys_file(KEY.section()), unsigned=False)
        self.signed = Api(self._hub.port, KEY)

    def test_life_of_a_tunnel(self):
        opened = self.told("open-tunnel", "--description", "Zählerstand 電力 😀",
                           "--destination-config", "thingName=RemoteDevice1,services=HTTP1,SSH1",
                           "--timeout-config", "maxLifetimeTimeoutMinutes=60",
                           "--tags", "key=Standort,value=Köln", "key=leer,value=")
        self.assertEqual(set(opened), {"tunnelId", "tunnelArn", "sourceAccessToken",
                                       "destinationAccessToken"})
        tunnel, arn = opened["tunnelId"], opened["tunnelArn"]
        self.assertRegex(arn, ARN + tunnel + "$")
        self.assertNotEqual(opened["sourceAccessToken"], opened["destinationAccessToken"])
        seen = side_by_side({
            "describe": lambda: self.told("describe-tunnel", "--tunnel-id", tunnel)["tunnel"],
            "list": lambda: self.told("list-tunnels", bundle="environment")["tunnelSummaries"],
            "tags": lambda: self.told("list-tags-for-resource", "--resource-arn", arn)["tags"],
            "none": lambda: self.told("list-tunnels", "--thing-name", "Another1"),
        })
        self.assert_described(dict(seen["describe"]), tunnel, arn)
        self.assertEqual(len(seen["list"]), 1)
        for name in ("tunnelId", "tunnelArn", "status", "description", "createdAt",
                     "lastUpdatedAt"):
            self.assertEqual(seen["list"][0][name], seen["describe"][name])
        self.assertEqual(sorted(seen["tags"], key=str), sorted(seen["describe"]["tags"], key=str))
        self.assertEqual(seen["none"]["tunnelSummaries"], [])
        self.change_tags(arn)
        self.rotate(opened)
        self.close(tunnel)

    def assert_described(self, tunnel, the_id, arn):
        moments = [datetime.datetime.fromisoformat(tunnel.pop(name))
                   for name in ("createdAt", "lastUpdatedAt")]
        now = datetime.datetime.now(datetime.timezone.utc)
        for moment in moments:
            self.assertLess(abs(now - moment), datetime.timedelta(minutes=10))
        self.assertEqual(sorted(tunnel.pop("tags"), key=str),
                         [{"key": "Standort", "value": "Köln"}, {"key": "leer", "value": ""}])
        self.assertEqual(tunnel, {
            "tunnelId": the_id, "tunnelArn": arn, "status": "OPEN",
            "description": "Zählerstand 電力 😀",
            "sourceConnectionState": {"status": "DISCONNECTED"},
            "destinationConnectionState": {"status": "DISCONNECTED"},
            "destinationConfig": {"thingName": "RemoteDevice1", "services": ["HTTP1", "SSH1"]},
            "timeoutConfig": {"maxLifetimeTimeoutMinutes": 60}})

    def change_tags(self, arn):
        self.assertEqual(self.told("tag-resource", "--resource-arn", arn, "--tags",
                                   "key=Standort,value=Bonn", "key=neu,value=1"), {})
        self.assertEqual(self.told("untag-resource", "--resource-arn", arn, "--tag-keys", "leer",
                                   "unbekannt", bundle="environment"), {})
        tags = self.signed.call("ListTagsForResource", resourceArn=arn)["tags"]
        self.assertEqual({t["key"]: t["value"] for t in tags}, {"Standort": "Bonn", "neu": "1"})

    def rotate(self, opened):
        def rotated(mode):
            return self.told("rotate-tunnel-access-token", "--tunnel-id", opened["tunnelId"],
                             "--client-mode", mode)
        source, destination = side_by_side({m: lambda m=m: rotated(m)
                                            for m in ("SOURCE", "DESTINATION")}).values()
        self.assertEqual(set(source), {"tunnelArn", "sourceAccessToken"})
        self.assertEqual(set(destination), {"tunnelArn", "destinationAccessToken"})
        both = rotated("ALL")
        tokens = [answer[name] for answer in (opened, source, destination, both)
                  for name in ("sourceAccessToken", "destinationAccessToken") if name in answer]
        self.assertEqual(len(set(tokens)), 6)

    def close(self, tunnel):
        self.assertEqual(self.told("close-tunnel", "--tunnel-id", tunnel, "--no-delete"), {})
        self.assertEqual(self.signed.describe(tunnel)["status"], "CLOSED")
        self.assertEqual(self.told("close-tunnel", "--tunnel-id", tunnel, "--delete"), {})
        self.assert_error(self.aws("describe-tunnel", "--tunnel-id", tunnel),
                          "ResourceNotFoundException", tunnel)

    def test_without_parameters(self):
        """The model requires none: a tunnel without services, for tokens alone."""
        opened = self.told("open-tunnel", bundle="environment")
        seen = self.signed.describe(opened["tunnelId"])
        self.assertEqual(seen["timeoutConfig"], {"maxLifetimeTimeoutMinutes": 720})

    def test_pages(self):
        made = [self.signed.open(["SSH1"], thing=f"thing{i}")["tunnelId"] for i in range(5)]
        found, more = [], []
        for size in (2, 2, 1):
            page = self.told("list-tunnels", "--max-results", "2", *more)
            self.assertEqual(len(page["tunnelSummaries"]), size)
            found += [t["tunnelId"] for t in page["tunnelSummaries"]]
            more = ["--next-token", page["nextToken"]] if page.get("nextToken") else []
        self.assertEqual((found, more), (made[::-1], []))

    def test_endpoint_with_a_path(self):
        """And with the token of a session, which adds a signed header."""
        self.told("list-tunnels", endpoint=f"https://localhost:{self._hub.port}/aws/x",
                  AWS_SESSION_TOKEN="temporary")

    def test_untrusted_hub(self):
        """The CLI's own check: nothing is sent to a hub that it does not know."""
        done = self.aws("list-tunnels", ca=certificates.authority("other") / "ca.pem",
                        AWS_MAX_ATTEMPTS="1")
        self.assertNotEqual(done.code, 0)
        self.assertIn("SSL validation failed", done.err)


class Refused(AwsCase):
    def setUp(self):
        super().setUp()
        operator = OPERATOR.section(
            operations="OpenTunnel DescribeTunnel CloseTunnel RotateTunnelAccessToken ListTunnels",
            things="plant-*", services="SSH*", tags="team=ops", client_modes="SOURCE",
            may_delete="no")
        self.hub("--keys", self.keys_file(KEY.section(), operator),
                 "--limits", self.limits_file(tunnels_per_key=3), "--audit-log",
                 self.dir / "audit", unsigned=False)
        self.signed = Api(self._hub.port, KEY)

    def assert_all(self, cases):
        """{name: (exception, pattern, arguments)}, all side by side."""
        def call(arguments):
            *words, last = arguments
            options = last if isinstance(last, dict) else {}
            return self.aws(*(words if isinstance(last, dict) else arguments), **options)
        done = side_by_side({name: lambda a=case[2:]: call(a) for name, case in cases.items()})
        for name, (code, pattern, *_) in cases.items():
            with self.subTest(name):
                self.assert_error(done[name], code, pattern)

    def test_who_asks(self):
        wrong = Key(KEY.id, KEY.secret.lower())
        self.assert_all({
            "wrong secret": ("InvalidSignatureException", ".", "list-tunnels", {"key": wrong}),
            "unknown key": ("UnrecognizedClientException", ".", "list-tunnels",
                            {"key": Key("AKIDNOBODY", "x")}),
            "no signature": ("MissingAuthenticationTokenException", ".", "list-tunnels",
                             {"key": None}),
        })

    def test_what_is_allowed(self):
        may = Api(self._hub.port, OPERATOR).open(["SSH1"], thing="plant-7",
                                                 tags=[{"key": "team", "value": "ops"}])
        other = self.signed.open(["SSH1"], thing="press-1")["tunnelId"]
        tunnel, here = may["tunnelId"], {"key": OPERATOR}
        to = "--destination-config"
        tags = ("--tags", "key=team,value=ops")
        self.assert_all({
            name: ("AccessDeniedException", ".", *words, here) for name, words in {
                "operation": ("tag-resource", "--resource-arn", may["tunnelArn"], *tags),
                "thing": ("open-tunnel", to, "thingName=press-1,services=SSH1", *tags),
                "service": ("open-tunnel", to, "thingName=plant-7,services=HTTP1,SSH1", *tags),
                "tags": ("open-tunnel", to, "thingName=plant-7,services=SSH1"),
                "client mode": ("rotate-tunnel-access-token", "--tunnel-id", tunnel,
                                "--client-mode", "ALL"),
                "delete": ("close-tunnel", "--tunnel-id", tunnel, "--delete"),
                "another's tunnel": ("describe-tunnel", "--tunnel-id", other),
            }.items()})
        seen = self.told("list-tunnels", key=OPERATOR)["tunnelSummaries"]
        self.assertEqual([t["tunnelId"] for t in seen], [tunnel])
        self.assertEqual(self.told("close-tunnel", "--tunnel-id", tunnel, key=OPERATOR), {})

    def test_bounds_that_the_client_does_not_check(self):
        tunnel = self.signed.open(["SSH1"])["tunnelId"]
        to, described = "--destination-config", "--description"
        self.assert_all({
            name: ("ValidationException", pattern, *words) for name, (pattern, *words) in {
                "lifetime": ("721|720", "open-tunnel", "--timeout-config",
                             "maxLifetimeTimeoutMinutes=721"),
                "thing name": ("thingName", "open-tunnel", to, json.dumps(
                    {"thingName": "bad name!", "services": ["SSH1"]})),
                "service": ("services", "open-tunnel", to, "services=S/1"),
                "description": ("description", "open-tunnel", described, "d" * 2049),
                "client mode": ("clientMode", "rotate-tunnel-access-token", "--tunnel-id", tunnel,
                                "--client-mode", "BOTH"),
                "page": ("maxResults", "list-tunnels", "--max-results", "101"),
                "tag": ("tags|key", "open-tunnel", "--tags", "key=a!b,value=c"),
            }.items()})
        self.assertEqual(len(self.signed.list()), 1)

    def test_unknown_tunnel(self):
        nowhere = "b2de92a3-b8ff-46c0-b0f2-afa28b00cecd"
        self.assert_all({
            name: ("ResourceNotFoundException", ".", *words) for name, words in {
                "rotate": ("rotate-tunnel-access-token", "--tunnel-id", nowhere,
                           "--client-mode", "ALL"),
                "tags": ("list-tags-for-resource", "--resource-arn",
                         f"arn:aws:iot:us-east-1:000000000000:tunnel/{nowhere}"),
            }.items()})

    def test_limit_reached(self):
        """The CLI takes this for throttling and asks three times; it must not count."""
        for _ in range(3):
            self.signed.open(["SSH1"])
        done = self.aws("open-tunnel", "--destination-config", "services=SSH1")
        self.assert_error(done, "LimitExceededException")
        self.assertIn("reached max retries: 2", done.err)
        self.assertEqual(len(self.signed.list()), 3)
        asked = [json.loads(line) for line in (self.dir / "audit").read_text().splitlines()]
        refused = [a for a in asked if "LimitExceededException" in a.values()]
        self.assertEqual(len(refused), 3, asked)
        self.signed.close_tunnel(self.signed.list()[0]["tunnelId"])
        self.told("open-tunnel", "--destination-config", "services=SSH1")


if __name__ == "__main__":
    unittest.main()
