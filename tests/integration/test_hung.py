"""Who has stopped, or has left others' bytes behind, costs nobody else anything for long."""

import unittest

import attacks
from control import Control, Events
from harness import Case, descriptors
from origins import Echo
from programs import wait_until
from wire import Dropped

BUDGET = 4 << 20
OPTIONS = ("--memory-budget", "4M", "--stall-timeout", "1500ms", "-v", "4")


class HungCase(Case):
    def setUp(self):
        super().setUp()
        self.hung = self.origin(attacks.Hung())
        self.flood = self.origin(attacks.Flood())
        self.echo = self.origin(Echo())
        self.services = {"HUNG": self.hung, "FLOOD": self.flood, "ECHO": self.echo}

    def control(self, program):
        return Control(self.dir / program.name / "admin.sock")

    def wait_left(self, way, before):
        """No stream, no memory and no descriptor of the others is left."""
        for program in (way.gateway, way.agent):
            control = self.control(program)

            def is_clean():
                now = control.snapshot()
                return (all(s["state"] == "closed" for s in now["streams"])
                        and "memory_held" not in now["tunnels"][0]
                        and "memory_kept" not in now["tunnels"][0])
            wait_until(is_clean, f"{program.name} has forgotten them")
            wait_until(lambda: descriptors(program) <= before[program.name],
                       f"the descriptors of {program.name}")


class Native(HungCase):
    def test_clients_that_gave_up(self):
        """One after the other they fill the budget several times; a keystroke passes all the same,
        the log, the events and the counters tell, and afterwards nothing is left."""
        way = self.open_way(self.services, gateway=OPTIONS, agent=OPTIONS)
        attacks.answer_ms(way.port, "ECHO.tunnel")
        before = {p.name: descriptors(p) + 1 for p in (way.gateway, way.agent)}
        events = Events(self.dir / "tunnel-gateway" / "admin.sock")
        self.addCleanup(events.close)
        for _ in range(3):
            attacks.give_up_uploading(way.port, "HUNG.tunnel", 14, seconds=0.05)
            attacks.answer_ms(way.port, "ECHO.tunnel")
        events.wait("memory", reason="no-memory")
        way.gateway.wait_line(r"\[warning\] tunnel: the memory budget is used up")
        self.assertGreater(self.control(way.gateway).snapshot()["tunnels"][0]["memory_full"], 0)
        metrics = self.control(way.gateway).get("/metrics").decode()
        self.assertRegex(metrics, r'tunnel_memory_full_total\{tunnel=""\} [1-9]')
        self.wait_left(way, before)

    def test_readers_that_stopped(self):
        """They stay: those that keep the most have to go when somebody else needs room."""
        way = self.open_way(self.services, gateway=OPTIONS, agent=OPTIONS)
        readers = attacks.stop_reading(way.port, "FLOOD.tunnel", 40)
        for _ in range(5):
            attacks.answer_ms(way.port, "ECHO.tunnel")
        way.gateway.wait_line(r'\[warning\] tunnel: a connection to service "FLOOD" is dropped')
        for s in readers:
            s.close()
        wait_until(lambda: not [s for s in self.control(way.agent).snapshot()["streams"]
                                if s["state"] != "closed"], "all of them have gone")

    def test_half_closed_clients_stay(self):
        """One that has finished sending and waits for its answer is not one that has left."""
        way = self.open_way(self.services, gateway=OPTIONS, agent=OPTIONS)
        waiting = attacks.socks5(way.port, "HUNG.tunnel")
        waiting.sendall(b"a question")
        waiting.shutdown(1)
        control = self.control(way.gateway)
        control.wait_stream(service="HUNG", state="half")
        attacks.give_up_uploading(way.port, "HUNG.tunnel", 20, seconds=0.05)
        way.gateway.wait_line("stream .*service=HUNG")  # those who left are gone,
        attacks.answer_ms(way.port, "ECHO.tunnel")
        control.wait_stream(service="HUNG", state="half")  # this one is not
        waiting.close()
        wait_until(lambda: not control.streams(service="HUNG", state="half"), "it has left")


class LeftBehind(HungCase):
    def test_what_sources_of_v3_leave_behind(self):
        """Sources come, send more than the budget, and go; what they leave has to go, too."""
        hub = self.hub("-v", "4")
        tokens = self.tunnel(self.services)
        agent = self.agent(hub, tokens, self.services, *OPTIONS, up=True)
        before = descriptors(agent) + 1
        memory = agent.rss()
        most = 0
        for i in range(3):
            sent = attacks.leave_behind(hub.port, tokens.source, "HUNG", 40, 430000, "A" * 32,
                                        patience=1)
            self.assertGreater(sent, 8)
            most = max(most, agent.rss() - memory)
        self.assertLess(most, 8 * BUDGET)  # sanitizers keep what was freed
        wait_until(lambda: descriptors(agent) <= before, "its descriptors")
        wait_until(lambda: "memory_held" not in self.control(agent).snapshot()["tunnels"][0],
                   "its memory")
        gateway = self.gateway(hub, tokens, *OPTIONS, "-y", "V3", "--client-token", "A" * 32)
        attacks.answer_ms(gateway.port, "ECHO.tunnel")


class HubFull(HungCase):
    def test_ends_that_take_nothing(self):
        """They have to go when memory is short, before anybody else has."""
        hub = self.hub("-v", "4", "--workers", "1", "--memory-budget", "16M")
        way = self.open_way({"ECHO": self.echo}, gateway=("-v", "4"), agent=("-v", "4"))

        def gets_in():
            try:
                ends = attacks.stuck_tunnel(hub.port, self.tunnel(["HUNG"]))
            except (Dropped, OSError):
                return False
            for end in ends:
                self.addCleanup(end.sock.close)
            return True

        for _ in range(120):  # memory may be used up for up to a second, until such ends go
            wait_until(gets_in, "a newcomer gets in")
        hub.wait_line("disconnected .*it took nothing, and memory is short")
        for _ in range(3):
            attacks.answer_ms(way.port, "ECHO.tunnel")
        self.assert_alive(hub, way.gateway, way.agent)
        self.assertFalse(hub.has_line(r"disconnected tunnel=device1 "), hub.output()[-2000:])


if __name__ == "__main__":
    unittest.main()
