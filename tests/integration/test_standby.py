"""An agent that stands by as a device, on a hub that the test plays: enrolment, its state, what the
hub refuses, notices, and who is accepted."""

import os
import signal
import stat
import unittest

import certificates
from control import Control
from device_hub import DeviceHub
from devices import BUSY, MAINTENANCE, NOT_SERVED, PROTOCOL, REFUSED, put
from harness import Case, verbose
from programs import environment, wait_until
from wire import BINARY, NATIVE, SERVICE_IDS, SUBPROTOCOL, Closed, Dropped, Message

JOIN = "join_" + "a" * 43


class Standby(Case):
    def setUp(self):
        super().setUp()
        self.fake = DeviceHub()
        self.addCleanup(self.fake.close)
        self.state = self.dir / "state"
        self.join = self.dir / "join"
        self.join.write_text(JOIN + "\n")

    def device(self, *more, services="SSH1=22,HTTP1=80", first=True, endpoint=True, env=None,
               **options):
        """The agent; first: with a name and a join token."""
        hub = ["-e", f"127.0.0.1:{self.fake.port}"] if endpoint else []
        new = ["--device", "plant7-press", "--join-token-file", self.join] if first else []
        return self.start(self.program("tunnel-agent"), *hub,
                          "--ca", certificates.certificate().ca, "--state-dir", self.state,
                          "-d", services, *new, *verbose(more), *more, env=env, **options)

    def present(self, **welcome):
        present = self.fake.accept_device()
        self.addCleanup(present.peer.drop)
        present.welcome(**welcome)
        return present

    def stands_by(self, *more, **options):
        """A device that is welcome."""
        agent = self.device(*more, **options)
        present = self.present(enrolled=True)
        agent.wait_line("stands by")
        return agent, present

    def control(self):
        return Control(self.dir / "tunnel-agent/admin.sock")


class Enrolment(Standby):
    def test_first_and_later_starts(self):
        agent = self.device()
        present = self.fake.accept_device()
        hello = present.hello
        self.assertEqual(hello.device, "plant7-press")
        self.assertEqual(hello.join_token, JOIN)
        self.assertTrue(present.proven(self.dir))
        self.assertEqual(hello.status.services, ["SSH1", "HTTP1"])
        self.assertTrue(hello.status.accepting)
        self.assertEqual(hello.status.ping, 20)
        key = self.state / "device.key"
        self.assertIn("enrolled: no", key.read_text())  # kept before the hub knows of it
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.state.stat().st_mode), 0o700)
        present.welcome(enrolled=True)
        agent.wait_line('device "plant7-press" is enrolled, and stands by')
        wait_until(lambda: "enrolled: yes" in key.read_text(), "the note that it is enrolled")
        self.assertEqual(self.control().ask("GET", "/readyz")[0], 200)
        self.assertEqual(self.control().snapshot()["device"],
                         {"name": "plant7-press", "state": "present", "accepting": True})
        agent.terminate()
        self.assertNotIn(JOIN, agent.output())
        # Neither name nor token are needed any more, and the key is the same.
        again = self.device(first=False)
        later = self.fake.accept_device()
        self.assertEqual((later.hello.device, later.hello.join_token), ("plant7-press", None))
        self.assertEqual(later.hello.public_key, hello.public_key)
        self.assertTrue(later.proven(self.dir))
        later.welcome()
        again.wait_line('device "plant7-press" is known to the hub, and stands by')

    def test_the_token_from_the_environment(self):
        self.device("--device", "@hostname", first=False, env=environment(TUNNEL_JOIN_TOKEN=JOIN))
        hello = self.fake.accept_device().hello
        self.assertEqual(hello.device, os.uname().nodename.partition(".")[0])
        self.assertEqual(hello.join_token, JOIN)

    def test_a_device_that_waits_for_approval(self):
        agent = self.device()
        present = self.present(enrolled=True, pending=True)
        agent.wait_line("waits for an operator's approval")
        status, body = self.control().ask("GET", "/readyz")
        self.assertEqual((status, body), (503, b"The device waits for an operator's approval.\n"))
        self.assertEqual(self.control().snapshot()["device"]["state"], "pending")
        present.notice("early")  # a hub that breaks the rules gets no answer
        present.welcome()
        agent.wait_line("is known to the hub, and stands by")
        present.notice("n1")
        self.assertEqual(present.answer().id, "n1")

    def test_neither_token_nor_name(self):
        """Who wants a device and forgets its name is not told of access tokens alone."""
        agent = self.start(self.program("tunnel-agent"), "-e", "127.0.0.1:1", "-d", "SSH1=22",
                           env=environment(STATE_DIRECTORY=str(self.dir)), ends=(1,))
        agent.wait_line("give the tunnel's access token: --token-file FILE, .*; or, to stand by as "
                        "a device, --device NAME and a join token, --join-token-file FILE")
        self.assertEqual(agent.wait(), 1)

    def test_refused_at_the_first_start(self):
        for reason, words, help in (
                ("JOIN_TOKEN_UNKNOWN", "the hub does not know the join token", "invite"),
                ("JOIN_TOKEN_EXPIRED", "the join token has expired", "invite"),
                ("JOIN_TOKEN_USED_UP", "the join token is used up", "invite"),
                ("NAME_NOT_INVITED", "the join token is not for this name", "invite"),
                ("NAME_TAKEN", "another device has this name", "reset")):
            agent = self.device(ends=(1,))
            self.fake.accept_device().refuse(reason, "ask\x1b[1m the operator")
            agent.wait_line(r'\[fatal\] the hub refused the device "plant7-press": ' + words +
                            r' \(ask.x1b\[1m the operator\); "tunnelctl devices ' + help)
            self.assertEqual(agent.wait(), 1)
            self.assertEqual(list(self.state.iterdir()), [])  # nothing is half done

    def test_a_hub_that_speaks_out_of_turn(self):
        """Welcome before the device has said who it is, or two questions: it is not enrolled."""
        agent = self.device()
        welcome = put((2, put((1, True), (3, "plant7-press"))))
        challenge = put((1, put((1, bytes(32)))))
        for data, words in (([welcome], "welcomed before it asked who this is"),
                            ([challenge, challenge], "asked twice who this is")):
            peer = self.fake.accept(subprotocol=PROTOCOL)
            for one in data:
                peer.send_frame(BINARY, one)
            agent.wait_line(r"was lost: the hub " + words)
            peer.drop()
        self.assertIn("enrolled: no", (self.state / "device.key").read_text())
        self.present(enrolled=True)
        agent.wait_line("stands by")

    def test_a_hub_without_devices(self):
        agent = self.device(ends=(1,))
        sock, _, _ = self.fake.accept_request()
        sock.sendall(b"HTTP/1.1 404 Not Found\r\nchannel-id: 1\r\nContent-Length: 0\r\n\r\n")
        agent.wait_line(r"\[fatal\] hub 127.0.0.1:\d+ has no devices \(HTTP 404\)")
        self.assertEqual(agent.wait(), 1)
        sock.close()

    def test_enrolled_once_it_never_gives_up(self):
        agent, present = self.stands_by()
        for reason, help in (("REMOVED", "tunnelctl devices invite"), ("REPLACED", "copied disk"),
                             ("DISABLED", "tunnelctl devices enable")):
            present.refuse(reason)
            agent.wait_line(r"\[error\] the hub refused the device .*: the device .*; trying "
                            "again now and then; .*" + help)
            if reason != "DISABLED":
                agent.process.send_signal(signal.SIGHUP)  # has it try at once
                present = self.present()
        wait_until(lambda: self.control().snapshot()["device"]["state"] == "refused", "its state")
        self.assertEqual(self.control().snapshot()["device"]["text"], "the device is disabled")
        tunnel, = self.control().snapshot()["tunnels"]
        self.assertEqual((tunnel["name"], tunnel["state"]), ("plant7-press", "down"))
        self.assertGreater(tunnel["retry_in"], 15)
        agent.process.send_signal(signal.SIGHUP)  # the operator's way not to wait
        self.present()
        agent.wait_line("is known to the hub, and stands by")

    def test_lost_links_come_back(self):
        agent, present = self.stands_by()
        for _ in range(3):
            present.peer.drop()
            present = self.present()
        present.peer.close(1001)
        self.present()
        wait_until(lambda: self.control().snapshot()["device"]["state"] == "present", "the fifth")
        self.assertEqual(self.control().snapshot()["tunnels"][0]["connections"], 5)


class State(Standby):
    def refused(self, *more, says, **options):
        agent = self.device(*more, ends=(1,), **options)
        self.assertEqual(agent.wait(), 1, agent.output())
        self.assertRegex(agent.output(), says)

    def enrol(self):
        agent, _ = self.stands_by()
        agent.terminate()

    def test_what_is_missing_or_wrong(self):
        self.refused(first=False, says="has no device yet: name it with --device NAME")
        self.refused("--device", "a", first=False, says='device "a" is not enrolled yet: give the '
                                                        "join token")
        named = ("--join-token-file", self.join, "--device")
        self.refused(*named, "a.b", first=False, says='"a.b" is not a device\'s name, which has 1 to 128')
        self.refused(*named, "@mac", first=False, says="@hostname and @machine-id")
        self.refused("-t", "token", says=r"--device \(on the command line\) and --access-token "
                                         r"\(on the command line\) are both given")
        self.refused("--region", "eu-central-1", endpoint=False, says="devices stand by at "
                                                                      "tunnel-hub only")
        self.refused("-t", "token", "--max-tunnels", "3", first=False, says="--max-tunnels is for "
                                                                            "a device")
        self.refused(services="22", says="the services of a device have names")
        self.refused("--accept", "now", says="neither always nor never")
        self.refused("--accept-command", "/nonexistent -x", says="cannot be run: No such file")
        self.refused("--accept-command", "true" + 32 * " x", says="has more than 32 words")
        self.join.write_text("A" * 40)
        self.refused(says="--join-token-file: there is no join token in it")
        self.join.unlink()
        self.refused(says="--join-token-file: .*no such file")
        self.assertFalse(self.state.exists())

    def test_another_name(self):
        self.enrol()
        self.refused("--device", "other", first=False, says=r'has the key of device "plant7-press": start '
                                               "without --device")
        agent = self.device("--device", "@hostname", first=False)
        agent.wait_line('the device stays "plant7-press"')
        self.assertEqual(self.fake.accept_device().hello.device, "plant7-press")

    def test_the_token_may_be_gone_later(self):
        self.enrol()
        for empty in (True, False):
            if empty:
                self.join.write_text("")
            else:
                self.join.unlink()
            agent = self.device()
            self.assertIsNone(self.fake.accept_device().hello.join_token)
            agent.terminate()

    def test_keys_that_others_may_read(self):
        self.enrol()
        (self.state / "device.key").chmod(0o644)
        self.refused(first=False, says="can be read by others")

    def test_a_directory_that_cannot_be_made(self):
        self.state.write_text("a file")
        self.refused(says="--state-dir: cannot make .*/state: (File exists|Not a directory)|"
                          "cannot open")
        self.state.unlink()

    def test_one_agent_at_a_time(self):
        self.stands_by()
        self.refused("--control", "off", first=False, says="another agent is using")

    def test_a_certificate_says_who_it_is(self):
        cert = certificates.device("press-9")
        agent = self.start(self.program("tunnel-agent"), "-e", f"127.0.0.1:{self.fake.port}",
                           "--ca", certificates.certificate().ca, "-d", "SSH1=22",
                           "--cert", cert.cert, "--key", cert.key,
                           env=environment(HOME=self.dir))
        present = self.fake.accept_device()
        hello = present.hello
        self.assertEqual((hello.device, hello.public_key, hello.signature), ("press-9", None, None))
        present.welcome()
        agent.wait_line('"press-9" is known to the hub, and stands by')
        self.assertFalse((self.dir / ".local").exists())


class Notices(Standby):
    def test_a_tunnel_for_each(self):
        agent, present = self.stands_by()
        for one in ("a", "b"):
            present.notice(one, token=f"token-{one}")
            peer = self.fake.accept(subprotocol=NATIVE)
            self.addCleanup(peer.drop)
            self.assertIn(f"access-token: token-{one}\r\n", peer.head + "\r\n")
            self.assertIn("client-token: ", peer.head)
            answer = present.answer()
            self.assertEqual((answer.id, answer.accepted), (one, 1))
            peer.send(Message(SERVICE_IDS, services=["SSH1"]))
        wait_until(lambda: self.control().snapshot()["device"].get("tunnels") == 2, "two tunnels")
        # The hub ends one; it goes, and its token is in no log.
        peer.close(1000)
        wait_until(lambda: self.control().snapshot()["device"].get("tunnels") == 1, "one tunnel")
        self.assertNotIn("token-a", agent.output())

    def test_told_twice_it_answers_twice_and_comes_once(self):
        _, present = self.stands_by()
        present.notice("a")
        peer = self.fake.accept(subprotocol=SUBPROTOCOL)
        self.assertTrue(present.answer().accepted)
        present.notice("a")
        self.assertTrue(present.answer().accepted)
        present.peer.drop()
        again = self.present()
        again.notice("a")
        self.assertTrue(again.answer().accepted)
        self.assertEqual(self.control().snapshot()["device"]["tunnels"], 1)
        # Another notice for the same tunnel has another token: the end goes on by that.
        again.notice("b", token="fresh", tunnel="tunnel-a")
        fresh = self.fake.accept(subprotocol=SUBPROTOCOL)
        self.addCleanup(fresh.drop)
        self.assertIn("access-token: fresh\r\n", fresh.head + "\r\n")
        self.assertTrue(again.answer().accepted)
        self.assertEqual(self.control().snapshot()["device"]["tunnels"], 1)
        peer.drop()

    def test_what_it_does_not_serve(self):
        _, present = self.stands_by()
        present.notice("a", services=["SSH1", "DB"], service="DB")
        answer = present.answer()
        self.assertEqual((answer.accepted, answer.code), (None, NOT_SERVED))
        present.notice("b", services=["X"], service="")
        self.assertEqual(present.answer().code, NOT_SERVED)

    def test_as_many_tunnels_as_it_may(self):
        _, present = self.stands_by("--max-tunnels", "1")
        present.notice("a")
        self.addCleanup(self.fake.accept().drop)
        self.assertTrue(present.answer().accepted)
        present.notice("b")
        self.assertEqual(present.answer().code, BUSY)

    def test_it_says_which_tunnels_it_has(self):
        agent, present = self.stands_by()
        self.assertEqual((present.hello.names_tunnels, present.hello.tunnels), (1, None))
        for id in "ab":
            present.notice(id)
            self.assertTrue(present.answer().accepted)
            self.addCleanup(self.fake.accept().drop)
        present.withdraw("a")  # one that never was up
        wait_until(lambda: self.control().snapshot()["device"]["tunnels"] == 1, "one is left")
        present.peer.drop()
        later = self.fake.accept_device()
        self.assertEqual((later.hello.names_tunnels, later.hello.tunnels), (1, ["tunnel-b"]))
        agent.kill()
        self.device()
        fresh = self.fake.accept_device()
        self.assertEqual((fresh.hello.names_tunnels, fresh.hello.tunnels), (1, None))

    def test_withdrawn_before_it_was_up(self):
        agent, present = self.stands_by()
        present.notice("a")
        self.assertTrue(present.answer().accepted)
        peer = self.fake.accept()
        present.withdraw("a")
        self.assertEqual(peer.expect_end(), 1000)
        wait_until(lambda: "tunnels" not in self.control().snapshot()["device"], "no tunnel")

    def test_hostile_hubs_cost_only_their_link(self):
        agent, present = self.stands_by()
        for data in (b"\xff" * 100, b"x" * 20000, b"\x0a\x02\x0a\x00"):
            try:
                present.peer.send_bytes(data, 4096)
            except OSError:
                pass
            try:
                present.peer.expect_end()
            except (AssertionError, Closed, Dropped):
                pass
            present = self.present()
        present.notice("a")
        self.assertTrue(present.answer().accepted)

    def test_another_map_is_told(self):
        config = self.dir / "agent.conf"
        config.write_text("destination-app = SSH1=22\n")
        agent = self.start(self.program("tunnel-agent"), "-e", f"127.0.0.1:{self.fake.port}",
                           "--ca", certificates.certificate().ca, "--state-dir", self.state,
                           "--config", config, "--device", "d", "--join-token-file", self.join)
        present = self.present()
        self.assertEqual(present.hello.status.services, ["SSH1"])
        agent.wait_line("stands by")
        config.write_text("destination-app = SSH1=22,DB=5432\n")
        agent.process.send_signal(signal.SIGHUP)
        self.assertEqual(present.recv_kind("status").services, ["SSH1", "DB"])


class Accepting(Standby):
    def script(self, text):
        path = self.dir / "accept"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o700)
        return path

    def test_never_and_always(self):
        agent, present = self.stands_by("--accept", "never")
        self.assertFalse(present.hello.status.accepting)
        present.notice("a")
        answer = present.answer()
        self.assertEqual((answer.accepted, answer.code), (None, MAINTENANCE))
        self.assertEqual(self.control().ask("POST", "/v1/accept/always")[0], 204)
        self.assertTrue(present.recv_kind("status").accepting)
        present.notice("b")
        self.assertTrue(present.answer().accepted)
        switched = self.start(self.program("tunnel-agent"), "accept", "never")
        self.assertEqual(switched.wait(), 0, switched.output())
        self.assertFalse(present.recv_kind("status").accepting)
        self.assertNotIn("accepting", self.control().snapshot()["device"])
        present.notice("c")
        self.assertEqual(present.answer().code, MAINTENANCE)

    def test_the_switch_says_what_is_wrong(self):
        def switch(*words):
            switched = self.start(self.program("tunnel-agent"), "accept", *words, ends=(1,))
            self.assertEqual(switched.wait(), 1)
            return switched.output()
        self.assertIn("no tunnel-agent is running there", switch("never"))
        self.assertIn("say always or never", switch("maybe"))
        self.stands_by("--control-readonly")
        self.assertIn("This endpoint is read-only", switch("never"))
        self.assertEqual(self.control().ask("POST", "/v1/accept/maybe")[0], 403)

    def test_a_command_is_asked(self):
        said = self.dir / "said"
        command = self.script(f'env | grep ^TUNNEL_ | sort > {said}.new; echo "$@" >> {said}.new\n'
                              f"mv {said}.new {said}\nexit 0\n")
        agent, present = self.stands_by("--accept-command", f"{command} one  two")
        present.notice("a", services=["SSH1", "HTTP1"], by="AKID\x1b[1m", why="the pump\nis loud")
        self.assertTrue(present.answer().accepted)
        self.assertEqual(said.read_text().splitlines(), [
            "TUNNEL_DEVICE=plant7-press", "TUNNEL_ID=tunnel-a", "TUNNEL_SERVICE=SSH1",
            "TUNNEL_SERVICES=SSH1,HTTP1", r"TUNNEL_WHO=AKID\x1b[1m", r"TUNNEL_WHY=the pump\x0ais loud",
            "one two"])

    def test_a_command_rejects_in_its_own_words(self):
        command = self.script('case "$TUNNEL_ID" in\n'
                              '*-a) echo "not today\tsorry"; echo more; exit 3;;\n'
                              '*-b) echo "only errors" >&2; exit 1;;\n'
                              "*-c) kill -9 $$;;\nesac\n")
        agent, present = self.stands_by("--accept-command", command)
        for one, why in (("a", r"not today\x09sorry"), ("b", "only errors"),
                         ("c", "the device's own rules say no")):
            present.notice(one, why="to look\x1b")
            answer = present.answer()
            self.assertEqual((answer.accepted, answer.code, answer.why), (None, REFUSED, why))
        agent.wait_line(r'notice id=a service=SSH1 by=AKID why="to look\\x1b" accepted=no '
                        r'reason="not today\\\\x09sorry"')

    def test_a_command_that_hangs_is_killed_with_its_children(self):
        pids = self.dir / "pids"
        command = self.script(f"sleep 1000 & echo $! > {pids}.new; mv {pids}.new {pids}; wait\n")
        _, present = self.stands_by("--accept-command", command)
        present.notice("a", answer_ms=700)
        answer = present.answer()
        self.assertEqual((answer.code, answer.why),
                         (REFUSED, "the device's own command did not answer in time"))
        pid = int(pids.read_text())
        wait_until(lambda: not alive(pid), "the end of the command's child")

    def test_several_are_asked_at_once_and_one_is_withdrawn(self):
        gate = self.dir / "gate"
        command = self.script(f'echo $$ > {self.dir}/pid-$TUNNEL_ID.new\n'
                              f'mv {self.dir}/pid-$TUNNEL_ID.new {self.dir}/pid-$TUNNEL_ID\n'
                              f"while ! test -e {gate}-$TUNNEL_ID; do sleep 0.05; done\n")
        _, present = self.stands_by("--accept-command", command)
        for one in ("a", "b", "c"):
            present.notice(one)
        pids = {}
        for one in ("a", "b", "c"):
            file = self.dir / f"pid-tunnel-{one}"
            wait_until(file.exists, "the command of each notice")
            pids[one] = int(file.read_text())
        present.withdraw("b")
        wait_until(lambda: not alive(pids["b"]), "the end of the one that was withdrawn")
        for one in ("c", "a"):
            (self.dir / f"gate-tunnel-{one}").touch()
            self.assertEqual(present.answer().id, one)

    def test_the_agent_ends_with_its_commands(self):
        pid = self.dir / "pid"
        command = self.script(f"echo $$ > {pid}.new; mv {pid}.new {pid}; sleep 1000\n")
        agent, present = self.stands_by("--accept-command", command)
        present.notice("a")
        wait_until(pid.exists, "the command")
        self.assertEqual(agent.terminate(), 0)
        number = int(pid.read_text())
        wait_until(lambda: not alive(number), "the end of the command")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


if __name__ == "__main__":
    unittest.main()
