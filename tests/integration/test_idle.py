"""Connections in which no byte moves end after the idle time, by a reset; those in which one moves stay."""

import signal
import unittest

from harness import Case
from programs import wait_until
from sshd import Sshd
from test_ends import FIN, NATIVE, RESET, V2, V3, Base
from wire import ask, request

V1 = "V1"
OWN = ("--stream-idle", "2s")  # longer than it takes to say a word
IDLE = r"stream .*service=SSH1 .*reason=idle"


class Ways(Base):
    """How (client, service) hear of it, and who has it in the log as what it was."""

    def check_idle(self, call, client, service, *programs):
        self.check(call, client, service)
        for program in programs:
            program.wait_line(IDLE)

    def test_at_the_gateway(self):
        """The reset of a native session says why."""
        for protocol, service in ((NATIVE, RESET), (V3, FIN), (V2, FIN)):
            with self.subTest(protocol):
                way = self.way_of(protocol, *OWN)
                told = (way.agent,) if protocol == NATIVE else ()
                self.check_idle(self.call(way), RESET, service, way.gateway, *told)

    def test_at_the_agent(self):
        for protocol, client in ((NATIVE, RESET), (V3, FIN), (V1, FIN)):
            with self.subTest(protocol):
                way = self.way_of(protocol, agent=OWN)
                told = (way.gateway,) if protocol == NATIVE else ()
                self.check_idle(self.call(way), client, RESET, way.agent, *told)

    def test_by_the_limit_of_the_hub(self):
        """One that both ends are told."""
        self.hub("--limits", self.limits_file(stream_idle_seconds=2))
        way = self.way_of(NATIVE)
        self.check_idle(self.call(way), RESET, RESET, way.gateway, way.agent)
        way = self.way_of(V3)
        call = self.call(way)
        call.client_end()
        call.service.end()
        wait_until(lambda: way.gateway.has_line(IDLE) or way.agent.has_line(IDLE),
                   "one of them to say why")

    def test_sighup(self):
        options = self.dir / "gateway.conf"
        options.write_text("")
        way = self.way_of(NATIVE, "--config", options)
        call = self.call(way)
        options.write_text("stream-idle = 1s\n")
        way.gateway.process.send_signal(signal.SIGHUP)
        self.check_idle(call, RESET, RESET, way.gateway)


class Limit(Case):
    def told(self, hub, tokens):
        answer = ask(hub.port, request("source", tokens.source.read_text().strip()))
        answer.peer.drop()
        return answer.headers.get("tunnel-stream-idle")

    def test_what_the_hub_tells(self):
        """SIGHUP: those who connect from then on."""
        file = self.limits_file()
        hub = self.hub("--limits", file)
        tokens = [self.tunnel(["SSH1"]) for _ in range(2)]
        self.assertEqual(self.told(hub, tokens[0]), None)
        file.write_text("stream-idle-seconds = 600\n")
        mark = hub.mark()
        hub.process.send_signal(signal.SIGHUP)
        hub.wait_line("limits were read again", after=mark)
        self.assertEqual(self.told(hub, tokens[1]), "600")


class Ssh(Case):
    def session(self, way, sshd, command):
        how = f"nc -X 5 -x {way.proxy} %h %p"
        return self.start("ssh", *sshd.options(how), sshd.user("SSH1.tunnel"), command,
                          ends=(0, 255, -signal.SIGTERM))

    def test_who_is_silent_goes(self):
        """One who types, or is told something, stays."""
        sshd = Sshd(self, self.dir)
        way = self.open_way({"SSH1": sshd}, gateway=("--stream-idle", "6s"))
        busy = self.session(way, sshd, "while echo tick; do sleep 0.1; done")
        busy.wait_line("tick")
        silent = self.session(way, sshd, "echo begins; exec sleep 600")
        silent.wait_line("begins")
        self.assertEqual(silent.wait(), 255, silent.output())
        way.gateway.wait_line(IDLE)
        busy.wait_line("tick", after=busy.mark())
        self.assertTrue(busy.alive())


if __name__ == "__main__":
    unittest.main()
