"""The end of an access key is the end of what it has opened: tunnelctl cut, and a key that is removed."""

import json
import signal
import unittest

import certificates
import ops
import store
from api import Api, ApiError, Key
from harness import Case, Tokens, Way
from origins import Echo
from programs import environment, run, wait_until
from sockets import read_exactly, read_to_break, socks5
from sshd import Sshd

ONE, TWO, ADMIN = (Key(f"AKID{name}", f"{name}-secret-of-these-tests") for name in ("ONE", "TWO", "ADMIN"))
REMOVED = "the access key that opened it was removed"


class Base(Case):
    def setUp(self):
        super().setUp()
        self.audit = self.dir / "audit"
        self.the_hub = self.hub_with(ONE, TWO, ADMIN)

    def hub_with(self, *keys, **options):
        return self.hub("--keys", self.write_keys(*keys), "--audit-log", self.audit, unsigned=False, **options)

    def write_keys(self, *keys):
        return self.keys_file(*(key.section() for key in keys))

    def reload_with(self, *keys):
        self.write_keys(*keys)
        mark = self.the_hub.mark()
        self.the_hub.process.send_signal(signal.SIGHUP)
        self.the_hub.wait_line("access keys and limits were read again", after=mark)

    def opened_by(self, key, services):
        """Agent and gateway of a tunnel that this key has opened."""
        tokens = Tokens(self.dir / f"{key.id}.source", self.dir / f"{key.id}.destination")
        tokens.take(Api(self.the_hub.port, key).open(list(services), thing=key.id))
        return Way(self.the_hub, self.agent(self.the_hub, tokens, services),
                   self.gateway(self.the_hub, tokens), tokens)

    def records(self, event, **fields):
        found = [json.loads(line) for line in self.audit.read_text().splitlines()]
        return [r for r in found if r["event"] == event and all(r.get(k) == v for k, v in fields.items())]

    def open_tunnels(self):
        return {t["tunnelId"] for t in Api(self.the_hub.port, ADMIN).list() if t["status"] == "OPEN"}


class Ssh(Base):
    def session(self, way, sshd):
        how = f"nc -X 5 -x {way.proxy} %h %p"
        ssh = self.start("ssh", *sshd.options(how), sshd.user("SSH1.tunnel"),
                         "while echo tick; do sleep 0.1; done", ends=(0, 255, -signal.SIGTERM))
        ssh.wait_line("tick")
        return ssh

    def test_cut(self):
        sshd = Sshd(self, self.dir)
        ways = {key: self.opened_by(key, {"SSH1": sshd}) for key in (ONE, TWO)}
        sessions = {key: self.session(way, sshd) for key, way in ways.items()}
        env = environment(AWS_ACCESS_KEY_ID=ADMIN.id, AWS_SECRET_ACCESS_KEY=ADMIN.secret)
        done = run(self.program("tunnelctl"), "cut", "--key", ONE.id, "--endpoint",
                   f"127.0.0.1:{self.the_hub.port}", "--ca", certificates.certificate().ca, env=env)
        self.assertEqual((done.code, done.text), (0, f"closed 1 tunnel of {ONE.id}\n"), done)
        self.assertEqual(sessions[ONE].wait(), 255)
        for program in (ways[ONE].agent, ways[ONE].gateway):
            program.wait_line("the hub closed the tunnel: the access key that opened it was cut off")
            self.assertEqual(program.wait(), 0)
        sessions[TWO].wait_line("tick", after=sessions[TWO].mark())
        self.assertEqual(self.open_tunnels(), {ways[TWO].tokens.id})
        (record,) = self.records("call", operation="CutKey")
        self.assertEqual((record["key"], record["accessKeyId"], record["closed"], record["result"]),
                         (ADMIN.id, ONE.id, "1", "ok"))
        (cut,) = self.records("cut")
        self.assertEqual((cut["tunnel"], cut["key"], cut["requestId"]),
                         (ways[ONE].tokens.id, ONE.id, record["requestId"]))
        now = ops.metrics(self.the_hub)
        self.assertEqual((now["tunnel_hub_tunnels_cut_total"],
                          now['tunnel_hub_api_calls_total{operation="CutKey",result="ok"}']), (1, 1))


class Removed(Base):
    def held(self, way):
        """A connection to the echo service, and what proves that it lives."""
        s = socks5(way.port, "ECHO.tunnel")
        self.addCleanup(s.close)

        def lives():
            s.sendall(b"line")
            self.assertEqual(read_exactly(s, 4), b"line")
        lives()
        return s, lives

    def test_sighup(self):
        echo = self.origin(Echo())
        ways = {key: self.opened_by(key, {"ECHO": echo}) for key in (ONE, TWO)}
        held = {key: self.held(way) for key, way in ways.items()}
        self.reload_with(ONE, TWO, ADMIN)  # nothing is new
        self.reload_with(TWO, ADMIN)
        read_to_break(held[ONE][0])
        ways[ONE].gateway.wait_line(f"the hub closed the tunnel: {REMOVED}")
        held[TWO][1]()
        self.assertEqual(self.open_tunnels(), {ways[TWO].tokens.id})
        self.the_hub.wait_line("tunnels were closed, since the access keys .*: 1$")
        self.assertEqual([(r["key"], r["reason"]) for r in self.records("cut")], [(ONE.id, REMOVED)])
        with self.assertRaises(ApiError) as e:
            Api(self.the_hub.port, ONE).list()
        self.assertEqual(e.exception.code, "UnrecognizedClientException")

    def test_what_cannot_be_stored_is_tried_again(self):
        opened = Api(self.the_hub.port, ONE).open(["ECHO"])["tunnelId"]
        with store.locked(self.dir / "state"):
            self.reload_with(TWO, ADMIN)
            self.the_hub.wait_line("access keys that were removed could not be closed: .*; trying again")
            self.assertEqual(self.open_tunnels(), {opened})
        wait_until(lambda: not self.open_tunnels(), "the tunnel of the removed key is closed")

    def test_while_the_hub_was_down(self):
        """It is what the file says that counts, not when it was said."""
        opened = {key: Api(self.the_hub.port, key).open(["ECHO"])["tunnelId"] for key in (ONE, TWO)}
        self.the_hub.terminate()
        self.the_hub = self.hub_with(TWO, ADMIN)
        wait_until(lambda: self.open_tunnels() == {opened[TWO]}, "the removed key's tunnel is closed")


if __name__ == "__main__":
    unittest.main()
