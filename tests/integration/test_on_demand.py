"""Tunnels on demand: names of devices, without a token."""

import datetime
import json
import re
import signal
import socket
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import certificates
from api import Key
from control import Control
from api_hub import DROP, HANG, DeviceHub, Last, refusal
from harness import Case, verbose, write_secret
from origins import Greeter, Http
from programs import environment, run, wait_until
from scripted import socks5_later
from sockets import Refused, get, http_connect, read_exactly, socks5
from wire import connect

KEY = Key("AKIDEXAMPLE", "secret-of-the-key")
STARTER = ThreadPoolExecutor(1)  # programs end with the thread that started them


class Base(Case):
    """Devices are agents of a real hub, which come when the hub is asked for them."""

    def setUp(self):
        super().setUp()
        self.services = {"HTTP1": self.origin(Http("web")), "SSH1": self.origin(Greeter())}
        self.real = self.hub()
        self.front = DeviceHub(self.real)
        self.addCleanup(self.front.close)
        self.front.answers = {"ConnectDevice": self.connect, "CloseTunnel": self.close_tunnel}
        self.devices = {"Pump_07": self.services}
        self.agents = []

    def connect(self, call, ends=(0,)):
        fold = call.input["device"]
        name = next((d for d in self.devices if fold_of(d) == fold), None)
        if name is None:
            return refusal("ResourceNotFoundException", "there is none")
        services = self.devices[name]
        tokens = self.tunnel(list(services), name=f"{name}-{len(self.agents)}")
        self.agents.append(STARTER.submit(self.agent, self.real, tokens, services,
                                          up=False, ends=ends).result())
        return {"device": name, "tunnelId": tokens.id, "tunnelArn": "arn:x",
                "sourceAccessToken": tokens.source.read_text().strip(), "services": list(services)}

    def close_tunnel(self, call):
        return self.real.api.call("CloseTunnel", **call.input) or {}

    def start_gateway(self, *more, key=KEY, up=True, **env):
        keys = {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret} if key else {}
        gateway = self.start(self.program("tunnel-gateway"), "-e", f"127.0.0.1:{self.front.port}",
                             "--ca", certificates.certificate().ca, "--listen", "127.0.0.1:0",
                             *verbose(more), *more, env=environment(**keys, HOME=self.dir, **env))
        gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)").group(1))
        if up:
            wait_until(lambda: self.front.alive, "the kept connection is ready")
        return gateway

    def greeting(self, port, name="SSH1.pump-07.tunnel"):
        with socks5(port, name) as s:
            return read_exactly(s, 4)


def fold_of(name):
    return re.sub("[:_]", "-", name.lower())


class OnDemand(Base):
    def test_all_kinds_of_clients(self):
        gateway = self.start_gateway()
        self.assertEqual(self.greeting(gateway.port), b"220 ")
        call = self.front.wait("ConnectDevice")
        self.assertEqual(call.input["device"], "pump-07")
        self.assertEqual(call.input["service"], "SSH1")
        self.assertEqual(call.input["timeoutSeconds"], 30)
        self.assertEqual(call.input["idleSeconds"], 600)
        # Its connection has been used for the kept one's request, and becomes the tunnel's.
        self.assertEqual(self.front.upgrades, [call.connection])
        with http_connect(gateway.port, "http1.PUMP_07.tunnel") as s:
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
        page = run("curl", "-sS", "-x", f"http://127.0.0.1:{gateway.port}",
                   "http://HTTP1.pump-07.tunnel/name")
        self.assertEqual(page.text, "web /name\n", page)
        done = run(self.program("tunnel-gateway"), "connect", "--gateway",
                   f"127.0.0.1:{gateway.port}", "SSH1.pump-07.tunnel", "22")
        self.assertIn("220 ", done.text, done)
        self.assertEqual(len(self.front.of("ConnectDevice")), 1)
        rows = run(self.program("tunnel-gateway"), "services", "--gateway",
                   f"127.0.0.1:{gateway.port}").text
        self.assertRegex(rows, r"ssh1\.pump-07\.tunnel +SSH1 +Pump_07 +up")
        tunnel = Control(self.dir / "tunnel-gateway" / "admin.sock").snapshot()["tunnels"][0]
        self.assertEqual((tunnel["name"], tunnel["state"]), ("Pump_07", "up"))

    def test_device_that_is_on_its_way_is_not_missing(self):
        gateway = self.start_gateway()
        self.greeting(gateway.port)
        up, *absent = [datetime.datetime.fromisoformat(line[1:24]) for line in gateway.lines
                       if " is up, with " in line or " is not connected" in line]
        for told in absent:  # it took its time
            self.assertGreater(told - up, datetime.timedelta(seconds=1.9))

    def test_signature(self):
        gateway = self.start_gateway()
        self.greeting(gateway.port)
        call = self.front.wait("ConnectDevice")
        self.assertEqual(call.operation, "TunnelHub.ConnectDevice")
        self.assertIn(f"Credential={KEY.id}/", call.headers["authorization"])

    def test_many_clients_are_one_question(self):
        asked, go = threading.Event(), threading.Event()

        def slow(call):
            asked.set()
            go.wait()
            return self.connect(call)

        self.front.answers["ConnectDevice"] = slow
        gateway = self.start_gateway()
        clients = [socks5_later(gateway.port, f"{service}.{device}.tunnel")
                   for service in ("SSH1", "http1") for device in ("pump-07", "PUMP_07") * 5]
        asked.wait()
        go.set()
        for client in clients:
            client.get().close()
        self.assertEqual(len(self.front.of("ConnectDevice")), 1)

    def test_idle_tunnel_is_closed_and_asked_for_again(self):
        gateway = self.start_gateway("--device-idle", "300ms")
        with socks5(gateway.port, "SSH1.pump-07.tunnel") as s:
            self.assertEqual(read_exactly(s, 4), b"220 ")
            self.assertEqual(self.greeting(gateway.port), b"220 ")  # the same tunnel
            # As long as there is a connection, the tunnel stays.
            with self.assertRaises(TimeoutError):
                s.settimeout(1)
                while s.recv(100):
                    pass
            self.assertEqual(self.front.of("CloseTunnel"), [])
        closed = self.front.wait("CloseTunnel")
        self.assertTrue(closed.input["delete"])
        self.agents[0].wait()  # it lost its tunnel
        self.assertEqual(self.greeting(gateway.port), b"220 ")
        self.assertEqual(len(self.front.of("ConnectDevice")), 2)

    def test_device_that_has_just_left(self):
        """Who comes while its return is awaited is told what the hub then says of it."""
        gateway = self.start_gateway()
        self.greeting(gateway.port)
        self.front.answers["ConnectDevice"] = \
            lambda call: refusal("DeviceAwayException", "it is away")
        self.agents[0].terminate()
        gateway.wait_line("is not connected")
        done = run("curl", "-sSi", "-x", f"http://127.0.0.1:{gateway.port}",
                   "http://HTTP1.pump-07.tunnel/name")
        self.assertIn("X-Tunnel-Error: device-offline", done.text, done)
        self.assertEqual(len(self.front.of("ConnectDevice")), 2)

    def test_tunnel_closed_at_the_hub(self):
        gateway = self.start_gateway()
        self.greeting(gateway.port)
        id = self.real.api.call("ListTunnels")["tunnelSummaries"][0]["tunnelId"]
        self.real.api.call("CloseTunnel", tunnelId=id)
        gateway.wait_line("device Pump_07: its tunnel is over")
        self.assertEqual(self.greeting(gateway.port), b"220 ")
        self.assertEqual(len(self.front.of("ConnectDevice")), 2)

    def test_tunnel_that_is_over_at_once_is_no_loop(self):
        def useless(call):
            answer = self.connect(call, ends=(0, 1, -15))  # the agent may come too late
            self.real.api.call("CloseTunnel", tunnelId=answer["tunnelId"])
            return answer

        self.front.answers["ConnectDevice"] = useless
        gateway = self.start_gateway()
        with self.assertRaises(Refused) as refused:
            socks5(gateway.port, "SSH1.pump-07.tunnel")
        self.assertEqual(refused.exception.code, 3)
        self.assertEqual(len(self.front.of("ConnectDevice")), 1)

    def test_service_that_is_new(self):
        self.devices["Pump_07"] = {"SSH1": self.services["SSH1"]}
        gateway = self.start_gateway()
        with socks5(gateway.port, "SSH1.pump-07.tunnel") as s:
            read_exactly(s, 4)
            self.devices["Pump_07"] = self.services
            with socks5(gateway.port, "HTTP1.pump-07.tunnel") as web:
                self.assertEqual(get(web, "/name"), (200, b"web /name\n"))
            self.assertEqual(self.front.wait("ConnectDevice", 2).input["service"], "HTTP1")
            self.assertEqual(self.greeting(gateway.port), b"220 ")
            # The first tunnel stays for its connection.
            self.assertEqual(self.front.of("CloseTunnel"), [])
        self.assertEqual(len(self.front.of("ConnectDevice")), 2)

    def test_tunnel_without_the_service_is_no_loop(self):
        self.devices["Pump_07"] = {"SSH1": self.services["SSH1"]}
        gateway = self.start_gateway()
        with self.assertRaises(Refused) as refused:
            http_connect(gateway.port, "HTTP1.pump-07.tunnel")
        self.assertIn('no service "HTTP1"; have SSH1', str(refused.exception))
        self.assertEqual(len(self.front.of("ConnectDevice")), 1)
        self.assertEqual(self.greeting(gateway.port), b"220 ")

    def test_hub_restart(self):
        """The kept connection and the tunnel's are lost; clients hardly notice."""
        gateway = self.start_gateway()
        with socks5(gateway.port, "HTTP1.pump-07.tunnel") as s:
            alive = self.front.alive
            self.front.drop()
            self.assertEqual(get(s, "/name"), (200, b"web /name\n"))
        wait_until(lambda: self.front.alive > alive, "the kept connection is ready again")
        self.assertEqual(self.greeting(gateway.port), b"220 ")
        self.assertEqual(len(self.front.of("ConnectDevice")), 1)

    def test_kept_connection_that_is_closed_when_used(self):
        gateway = self.start_gateway()
        answers = iter((DROP,))
        self.front.answers["ConnectDevice"] = lambda call: next(answers, None) or self.connect(call)
        self.assertEqual(self.greeting(gateway.port), b"220 ")
        self.assertEqual(len(self.front.of("ConnectDevice")), 2)

    def test_connection_that_is_closed_before_the_tunnel_uses_it(self):
        def last(call):
            body = json.dumps(self.connect(call))
            return Last(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

        self.front.answers["ConnectDevice"] = last
        gateway = self.start_gateway()
        self.assertEqual(self.greeting(gateway.port), b"220 ")
        self.assertNotIn(self.front.wait("ConnectDevice").connection, self.front.upgrades)
        self.assertEqual(len(self.front.of("ConnectDevice")), 1)

    def test_configured_tunnel_of_the_same_name(self):
        tokens = self.tunnel(["SSH1"], name="Pump_07")
        self.agent(self.real, tokens, {"SSH1": self.services["SSH1"]})
        config = self.dir / "gateway.conf"
        config.write_text(f"[tunnel Pump-07]\nendpoint = 127.0.0.1:{self.real.port}\n"
                          f"token-file = {tokens.source}\nca = {certificates.certificate().ca}\n")
        self.devices["other"] = {"SSH1": self.services["SSH1"]}
        gateway = self.start_gateway("--config", str(config))
        gateway.wait_line("is up, with")
        self.assertEqual(self.greeting(gateway.port), b"220 ")
        with self.assertRaises(Refused) as refused:
            socks5(gateway.port, "HTTP1.pump-07.tunnel")
        self.assertEqual(refused.exception.code, 4)
        self.assertEqual(self.front.of("ConnectDevice"), [])
        self.assertEqual(self.greeting(gateway.port, "SSH1.other.tunnel"), b"220 ")

    def test_user_name_as_a_hint(self):
        gateway = self.start_gateway("--ask-user")
        done = run("curl", "-sS", "--proxy", f"socks5h://pump-07:x@127.0.0.1:{gateway.port}",
                   "http://HTTP1.tunnel/name")
        self.assertEqual(done.text, "web /name\n", done)


SINCE = 1_700_000_000

LISTED = [
    {"device": "Pump_07", "state": "ENABLED", "present": True, "accepting": True, "since": SINCE,
     "services": ["SSH1", "plc:modbus_2"]},
    {"device": "night", "state": "ENABLED", "present": True, "accepting": False, "since": SINCE,
     "services": ["SSH1"]},
    {"device": "gone", "state": "ENABLED", "present": False, "lastSeenAt": SINCE, "services": []},
    {"device": "new", "state": "PENDING", "present": True},
    {"device": "old", "state": "DISABLED", "present": False, "since": "soon", "services": 7},
    {"device": "\u001b[2J", "state": "ENABLED"}, {"device": "x" * 1000}, {}, 7,
]


class Many(Base):
    MOST = 256

    def connect(self, call, ends=(0,)):
        """A tunnel whose device is there, and serves nothing."""
        name = call.input["device"]
        opened = self.real.api.open(services=["SSH1"], thing=name)
        self.ids[name] = opened["tunnelId"]
        device = connect(self.real.port, "destination", opened["destinationAccessToken"])
        self.addCleanup(device.drop)
        return {"device": name, "tunnelId": opened["tunnelId"], "tunnelArn": "arn:x",
                "sourceAccessToken": opened["sourceAccessToken"], "services": ["SSH1"]}

    def test_the_longest_unused_makes_room(self):
        self.ids = {}
        gateway = self.start_gateway("--open-grace", "0s")

        def client(i):
            sock = socks5(gateway.port, f"SSH1.dev-{i}.tunnel")
            self.addCleanup(sock.close)
            return sock

        held = client(0)
        for i in range(1, self.MOST):
            client(i).close()
        self.assertEqual(self.front.of("CloseTunnel"), [])
        wait_until(lambda: self.connections(gateway) == 1, "only the first is in use")
        client(1).close()  # so that the second one is that of longest ago
        wait_until(lambda: self.connections(gateway) == 1, "only the first is in use")
        client(self.MOST).close()
        closed = self.front.wait("CloseTunnel")
        self.assertEqual(closed.input["tunnelId"], self.ids["dev-2"])
        gateway.wait_line("device dev-2: its tunnel, unused for .* makes room for another device")
        held.settimeout(0.05)
        with self.assertRaises(TimeoutError):
            held.recv(1)  # it is there, in its silence
        # It comes back in the same way.
        client(2)
        wait_until(lambda: len(self.front.of("CloseTunnel")) == 2, "the next one has gone")
        self.assertEqual(self.front.of("CloseTunnel")[1].input["tunnelId"], self.ids["dev-3"])

    def connections(self, gateway):
        return len(Control(self.dir / "tunnel-gateway" / "admin.sock").snapshot()["streams"])


class Listed(Base):
    def list_devices(self, gateway):
        return run(self.program("tunnel-gateway"), "devices", "--gateway",
                   f"127.0.0.1:{gateway.port}")

    def pages(self, call):
        """One device in each answer."""
        at = int(call.input.get("nextToken", 0))
        more = {"nextToken": str(at + 1)} if at + 1 < len(LISTED) else {}
        return {"devices": [LISTED[at]], **more}

    def test_devices(self):
        self.front.answers["ListDevices"] = self.pages
        gateway = self.start_gateway()
        done = self.list_devices(gateway)
        self.assertEqual(done.code, 0, done)
        day = r"2023-11-1[45] \d\d:\d\d"
        lines = done.text.splitlines()
        self.assertEqual(lines[0].split(), ["DEVICE", "STATE", "SINCE", "HOST", "NAMES"])
        for line, row in zip(lines[1:], (
                f"Pump_07 +present +{day} ssh1.pump-07.tunnel plc-modbus-2.pump-07.tunnel",
                f"night +refuses +{day} ssh1.night.tunnel", f"gone +away +{day} -",
                "new +pending +- +-", "old +disabled +- +-"), strict=True):
            self.assertRegex(line, f"^{row}$")
        # What is listed can be typed.
        self.assertEqual(self.greeting(gateway.port, lines[1].split()[4]), b"220 ")

    def test_aliases(self):
        """A name that an alias takes is not listed; at another device than its own it takes none."""
        self.front.answers["ListDevices"] = self.pages
        config = self.dir / "gateway.conf"
        config.write_text("[alias]\nssh1 = HTTP1.night\nplc-modbus-2 = SSH1\n")
        gateway = self.start_gateway("--config", config)
        rows = self.list_devices(gateway).text
        self.assertRegex(rows, r"\nPump_07 .*[^ ] ssh1.pump-07.tunnel\n")
        self.assertRegex(rows, r"\nnight .* -\n")
        self.assertFalse(self.front.of("ConnectDevice"))
        self.assertEqual(self.greeting(gateway.port, "ssh1.pump-07.tunnel"), b"220 ")
        self.assertEqual(self.greeting(gateway.port, "plc-modbus-2.pump-07.tunnel"), b"220 ")

    def test_endless(self):
        self.front.answers["ListDevices"] = lambda call: {"devices": LISTED, "nextToken": "again"}
        done = self.list_devices(self.start_gateway())
        self.assertEqual(done.code, 0)
        self.assertLess(len(self.front.calls), 201)

    def test_in_vain(self):
        gateway = self.start_gateway()
        for answer, words in ((refusal("AccessDeniedException", "no rule allows it", 403),
                               "502 AccessDeniedException: no rule allows it"),
                              (b"SSH-2.0\r\n", "502 no answer from the hub: ")):
            self.front.answers["ListDevices"] = lambda call, answer=answer: answer
            done = self.list_devices(gateway)
            self.assertEqual(done.code, 1)
            self.assertIn(words, done.err)

    def test_without_devices(self):
        tokens = self.tunnel(["SSH1"])
        done = self.list_devices(self.gateway(self.real, tokens, up=False))
        self.assertEqual(done.code, 1)
        self.assertIn("This gateway has no access key", done.err)

    def test_change_while_the_hub_is_silent(self):
        self.front.answers["ListDevices"] = lambda call: HANG
        config = self.dir / "gateway.conf"
        config.write_text("")
        tokens = self.tunnel(["SSH1"])
        gateway = self.start_gateway("--config", config)
        with socket.create_connection(("127.0.0.1", gateway.port)) as s:
            s.sendall(b"GET /devices HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.front.wait("ListDevices")
            with socket.create_connection(("127.0.0.1", gateway.port)) as other:
                other.sendall(b"GET /devices HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.front.wait("ListDevices", 2)  # and leaves
            config.write_text(f"devices = off\ntoken-file = {tokens.source}\n")
            gateway.process.send_signal(signal.SIGHUP)
            self.assertIn(b"502 the gateway's configuration has changed", s.recv(1000))


class Keys(Base):
    def credentials(self, key):
        write_secret(self.dir / "credentials", f"[default]\naws_access_key_id = {key.id}\n"
                     f"aws_secret_access_key = {key.secret}\n")

    def only(self, key):
        """The hub takes that key alone."""
        def check(call):
            if f"Credential={key.id}/" not in call.headers["authorization"]:
                return refusal("UnrecognizedClientException", "unknown key", 403)
            return self.connect(call)

        self.front.answers["ConnectDevice"] = check

    def test_key_is_read_again(self):
        file = {"AWS_SHARED_CREDENTIALS_FILE": self.dir / "credentials"}
        self.credentials(KEY)
        gateway = self.start_gateway(key=None, **file)
        new = Key("AKIDNEW", "another")
        self.only(new)
        with self.assertRaises(Refused) as refused:
            http_connect(gateway.port, "SSH1.pump-07.tunnel")
        self.assertEqual(refused.exception.code, 403)
        self.assertIn("access-denied", str(refused.exception))
        self.credentials(new)
        # Nobody needs to tell the gateway.
        wait_until(lambda: self.served(gateway), "the new key is used")
        gateway.wait_line("The access key for devices was read again: it is AKIDNEW now")
        newer = Key("AKIDNEWER", "a third")
        self.only(newer)
        self.credentials(newer)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_line("SIGHUP: tunnels, names")
        self.devices["Pump_08"] = self.services
        self.assertEqual(self.greeting(gateway.port, "SSH1.pump-08.tunnel"), b"220 ")

    def served(self, gateway):
        try:
            return self.greeting(gateway.port) == b"220 "
        except Refused:
            return False

    def test_what_is_missing(self):
        for args, env, words in (
                ((), {}, "or, for devices, an access key: AWS_ACCESS_KEY_ID"),
                (("--devices", "on"), {}, "devices need an access key"),
                (("--profile", "nobody"), {}, "nobody"),
                (("--devices", "maybe"), {}, "is not on, off or auto"),
                (("-s", "22"), {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"},
                 "need a tunnel with a token"),
                (("--device-timeout", "2m"), {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"},
                 "is not from 1s to 60s")):
            with self.subTest(args):
                done = run(self.program("tunnel-gateway"), "-e", "127.0.0.1:1", *args,
                           env=environment(HOME=self.dir, **env))
                self.assertEqual(done.code, 1)
                self.assertIn(words, done.err)

    def test_a_token_alone_asks_for_no_device(self):
        """Keys of other services lie around on many machines."""
        tokens = self.tunnel(["SSH1"])
        self.agent(self.real, tokens, {"SSH1": self.services["SSH1"]})
        gateway = self.start_gateway("--token-file", tokens.source, up=False)
        gateway.wait_line("is up, with")
        with self.assertRaises(Refused):
            socks5(gateway.port, "SSH1.pump-07.tunnel")
        self.assertEqual((self.front.calls, self.front.alive), ([], 0))


AWAY = 1_000_000_000

REFUSALS = {
    "away": (refusal("DeviceAwayException", "away", lastSeenAt=AWAY), 4, 503, "device-offline",
             "device away is away, last seen on 2001-09-0[89]; is tunnel-agent running there?"),
    "never": (refusal("DeviceAwayException", "away"), 4, 503, "device-offline",
              "device never is away; is tunnel-agent running there?"),
    "busy": (refusal("DeviceRejectedException", "night shift, ask Ann\u202e"), 2, 403,
             "device-rejected", "device busy refuses: night shift, ask Ann"),
    "silent": (refusal("DeviceSilentException", "no answer"), 6, 504, "device-silent",
               "device silent is there, but did not answer in time"),
    "nobody": (refusal("ResourceNotFoundException", "none"), 4, 502, "device-unknown",
               'the hub has no device nobody that this access key may reach; "tunnel-gateway devices"'),
    "waiting": (refusal("DeviceNotEnabledException", "pending"), 2, 403, "device-rejected",
                r"device waiting is not enabled \(pending\); who runs the hub can let it in: "
                "tunnelctl devices approve, or enable"),
    "off-1": (refusal("DeviceNotEnabledException", "Device OFF:1 is disabled."), 2, 403,
              "device-rejected", r"device off-1 is not enabled \(is disabled\); who runs the hub"),
    "poor": (refusal("ServiceNotServedException", "Device poor does not serve SSH1."), 4, 502,
             "no-service", "device poor: does not serve SSH1"),
    "poorer": (refusal("ServiceNotServedException", "Device poor does not serve SSH1."), 4, 502,
               "no-service", "device poorer: Device poor does not serve SSH1"),
    "mine": (refusal("AccessDeniedException", "no rule allows it", 403), 2, 403, "access-denied",
             "this access key may not reach that of device mine: no rule allows it; ask who runs the hub"),
    "full": (refusal("LimitExceededException", "too many tunnels"), 1, 503, "limit",
             "device full: too many tunnels"),
    "old": (refusal("UnknownOperationException", "?"), 1, 502, "rejected",
            "no tunnel to device old: this hub knows no devices"),
    "odd": (refusal("OddException", "what?"), 1, 502, "rejected",
            "no tunnel to device odd: OddException: what?"),
}

GOOD = {"device": "liar", "tunnelId": "t-1", "sourceAccessToken": "token", "services": ["SSH1"]}

HOSTILE = {
    "another device": dict(GOOD, device="pump-08"),
    "no device": dict(GOOD, device=None),
    "a number": dict(GOOD, device=7),
    "a long name": dict(GOOD, device="x" * 1_000_000),
    "a token with a header": dict(GOOD, sourceAccessToken="a\r\naccess-token: b"),
    "a token with a blank": dict(GOOD, sourceAccessToken="a b"),
    "no token": dict(GOOD, sourceAccessToken=""),
    "a long token": dict(GOOD, sourceAccessToken="x" * 5000),
    "an id with controls": dict(GOOD, tunnelId="a\u001b[2J"),
    "a list": (200, b"[]"),
    "no JSON": (200, b"{"),
    "deep": (200, b'{"a":' * 5000),
    "more than a client takes": (200, b" " * (2 << 20)),
    "HTML": (502, b"<html>"),
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "a wrong length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "controls": refusal("\u001b[2JException\n", "\u001b]0;title\u0007\r\nX: y"),
    "a long message": refusal("DeviceRejectedException", "no " * 300_000),
}


class Refusals(Base):
    def setUp(self):
        super().setUp()
        self.front.answers["ConnectDevice"] = \
            lambda call: REFUSALS.get(call.input["device"], [DROP])[0]

    def test_each_kind_of_client(self):
        gateway = self.start_gateway()
        for device, (_, code, status, name, words) in REFUSALS.items():
            host = f"SSH1.{device}.tunnel"
            with self.subTest(device):
                with self.assertRaises(Refused) as refused:
                    http_connect(gateway.port, host)
                self.assertEqual(refused.exception.code, status)
                self.assertRegex(str(refused.exception), f"X-Tunnel-Error: {name}; {words}")
                self.assertEqual("Retry-After" in str(refused.exception), status == 503)
                with self.assertRaises(Refused) as refused:
                    socks5(gateway.port, host)
                self.assertEqual(refused.exception.code, code)
                done = run(self.program("tunnel-gateway"), "connect", "--gateway",
                           f"127.0.0.1:{gateway.port}", host, "22")
                self.assertEqual(done.code, 1)
                self.assertRegex(done.err, f"{host}: {status} {words}")
                page = run("curl", "-sS", "-x", f"http://127.0.0.1:{gateway.port}",
                           f"http://{host}/").text
                self.assertIn("<title>", page)
                gateway.wait_line(f"reason={name}")
        self.assertNotRegex(gateway.output(), "[\u202e\u001b]")

    def test_no_is_remembered_for_a_moment(self):
        gateway = self.start_gateway()
        n = 0
        for _ in range(30):
            with self.assertRaises(Refused):
                socks5(gateway.port, "HTTP1.busy.tunnel")
            n += 1
        self.assertLess(len(self.front.of("ConnectDevice")), n)
        # What was said of one service does not count for another.
        with self.assertRaises(Refused):
            socks5(gateway.port, "HTTP1.poor.tunnel")
        before = len(self.front.of("ConnectDevice"))
        with self.assertRaises(Refused):
            socks5(gateway.port, "SSH1.poor.tunnel")
        self.assertEqual(len(self.front.of("ConnectDevice")), before + 1)

    def test_names_that_are_none(self):
        gateway = self.start_gateway()
        for name, words in (("SSH1.tunnel", "which device"), ("SSH1.a%b.tunnel", "letters, digits"),
                            ("a.b.c.tunnel", "no service"), ("x" * 129 + ".pump-07.tunnel", "letters")):
            with self.subTest(name), self.assertRaises(Refused) as refused:
                http_connect(gateway.port, name)
            self.assertIn(words, str(refused.exception))
        self.assertEqual(self.front.calls, [])

    def test_hostile_answers(self):
        gateway = self.start_gateway()
        for i, (what, answer) in enumerate(HOSTILE.items()):
            device = f"liar-{i}"
            if isinstance(answer, dict) and answer["device"] == "liar":
                answer = dict(answer, device=device)
            self.front.answers["ConnectDevice"] = lambda call, answer=answer: answer
            with self.subTest(what):
                with self.assertRaises(Refused) as refused:
                    http_connect(gateway.port, f"SSH1.{device}.tunnel")
                self.assertIn(refused.exception.code, (403, 502, 503))
                self.assertLess(len(str(refused.exception)), 2000)
                self.assertNotRegex(str(refused.exception), r"[\x00-\x08\x0e-\x1f\x7f]")
        self.front.answers["ConnectDevice"] = self.connect
        self.assertEqual(self.greeting(gateway.port), b"220 ")
        self.assertNotRegex(gateway.output(), r"[\x00-\x08\x0e-\x1f\x7f]")

    def test_hung_hub_costs_only_who_waits_for_it(self):
        self.front.answers["ConnectDevice"] = \
            lambda call: HANG if "hung" in call.input["device"] else self.connect(call)
        gateway = self.start_gateway("--max-clients", "20")
        waiting = []
        self.addCleanup(lambda: [s.close() for s in waiting])
        for i in range(10):
            s = socket.create_connection(("127.0.0.1", gateway.port))
            s.sendall(f"CONNECT SSH1.hung-{i % 2}.tunnel:22 HTTP/1.1\r\n\r\n".encode())
            waiting.append(s)
        self.front.wait("ConnectDevice", 2)
        # Half of the places is not for them.
        with self.assertRaises(Refused) as refused:
            http_connect(gateway.port, "SSH1.hung-3.tunnel")
        self.assertEqual(refused.exception.code, 503)
        self.assertIn("too many clients wait for devices", str(refused.exception))
        for s in waiting:
            s.close()
        wait_until(lambda: self.served(gateway), "others are served")

    def served(self, gateway):
        try:
            return self.greeting(gateway.port) == b"220 "
        except Refused:
            return False

    def test_unreachable_hub(self):
        gateway = self.start_gateway()
        self.front.close()
        with self.assertRaises(Refused) as refused:
            http_connect(gateway.port, "SSH1.pump-07.tunnel")
        self.assertEqual(refused.exception.code, 503)
        self.assertRegex(str(refused.exception), "X-Tunnel-Error: hub-down; no answer from the hub: ")


if __name__ == "__main__":
    unittest.main()
