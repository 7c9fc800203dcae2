"""Our units under systemd, in a machine of their own: start, readiness, reload, every kind of end, stop."""

import json
import unittest

from box import HUB_USER, USER, Box, Unit, impossible
from harness import Case
from programs import wait_until

HUB = """listen = 127.0.0.1:443
cert = /etc/tunnel-hub/hub.pem
key = /etc/tunnel-hub/hub.key
state = /var/lib/tunnel-hub
allow-unsigned-loopback = yes
audit-log = /var/log/tunnel-hub/audit.log
"""
END = "proxy-endpoint = localhost:443\nca = /etc/ends/ca.pem\n"
# It writes where the hub may, and asks somebody by TCP, as a program that sends a message would.
HOOK = """#!/bin/sh
cat >>/var/lib/tunnel-hub/told
curl -sS http://localhost:9464/healthz >>/var/lib/tunnel-hub/told
"""
UP = "Successfully established websocket connection"


@unittest.skipIf(impossible(), impossible())
class Systemd(Case):
    def setUp(self):
        super().setUp()
        self.box = Box(self)
        self.box.write("/etc/tunnel-hub/hub.conf", HUB, "640", "tunnel-hub")
        self.box.must("install", "-D", "-m", "644", "/etc/tunnel-hub/ca.pem", "/etc/ends/ca.pem")
        self.hub = Unit(self.box, "tunnel-hub")

    def ctl(self, *words):
        return self.box.must("tunnelctl", *words, "--endpoint", "localhost:443", "--ca", "/etc/ends/ca.pem")

    def open(self):
        """A tunnel, without waiting: a hub that has been started answers."""
        return json.loads(self.ctl("open", "--services", "SSH1", "--thing", "plant7", "--json"))

    def close(self, tunnel):
        self.ctl("close", tunnel["tunnelId"])

    # ---- the hub ----

    def test_hub(self):
        hub = self.hub
        hub.must("start")
        first = self.open()
        self.assertEqual(self.box.must("stat", "-c", "%U", f"/proc/{hub.pid}").strip(), "tunnel-hub")
        self.box.must("test", "-S", "/run/tunnel-hub/admin.sock")
        self.box.must("grep", "-q", first["tunnelId"], "/var/log/tunnel-hub/audit.log")
        pid = hub.pid
        hub.must("reload")
        hub.wait_log("were read again")
        self.assertEqual((hub.pid, hub.show("ActiveState")), (pid, "active"))
        self.box.must("kill", "-KILL", pid)
        wait_until(lambda: hub.restarts == 1 and hub.show("ActiveState") == "active", "the hub again")
        self.assertNotEqual(hub.pid, pid)
        self.close(first)  # it has its tunnels again
        hub.must("stop")
        self.assertEqual((hub.show("ActiveState"), hub.show("Result"), hub.show("ExecMainStatus")),
                         ("inactive", "success", "0"))

    def test_hub_with_a_hook(self):
        """The unit as it is shipped lets the hub run a program, which is as confined as the hub."""
        self.box.write("/etc/tunnel-hub/hook", HOOK, "755", "tunnel-hub")
        self.box.write("/etc/tunnel-hub/hub.conf", HUB + "hook = /etc/tunnel-hub/hook\n", "640",
                       "tunnel-hub")
        self.hub.must("start")
        tunnel = self.open()
        told = wait_until(lambda: self.told("ok"), "the hook has run")
        given = json.loads(told.splitlines()[0])
        self.assertEqual([(e["event"], e["tunnel"]) for e in given["events"]],
                         [("tunnel-opened", tunnel["tunnelId"])])
        self.hub.must("stop")

    def told(self, word):
        done = self.box.run("cat", "/var/lib/tunnel-hub/told")
        return done.text if done.code == 0 and word in done.text.split() else ""

    def looks(self, url, user):
        """The status that a user of the machine gets."""
        # Any id will do: it need not be in /etc/passwd.
        return self.box.must("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url, user=user)

    def test_who_may_look_at_the_page(self):
        """By the kernel's word whose socket it is, which the confined units may ask: with `own`, the
        program's user and root, and nobody else of the same machine."""
        page = "http://127.0.0.1:9464/"
        self.hub.must("start")
        users = (None, HUB_USER, USER, 4711)
        self.assertEqual([self.looks(page, u) for u in users], ["200", "200", "403", "403"])
        for path in ("healthz", "metrics"):
            self.assertEqual([self.looks(page + path, u) for u in users], ["200"] * 4)
        for option, seen in (("all", ["200"] * 4), ("off", ["403"] * 4)):
            self.box.write("/etc/tunnel-hub/hub.conf", HUB + f"page = {option}\n", "640", "tunnel-hub")
            self.hub.must("restart")
            self.assertEqual([self.looks(page, u) for u in users], seen, option)

    def test_hub_with_a_wrong_configuration(self):
        self.box.write("/etc/tunnel-hub/hub.conf", HUB + "nonsense = yes\n", "640", "tunnel-hub")
        self.assertNotEqual(self.hub.call("start").code, 0)
        self.hub.wait_log("nonsense")
        # Between two tries it is a success again.
        wait_until(lambda: self.hub.show("Result") in ("exit-code", "protocol"), "it has failed")
        self.hub.must("stop")

    def test_hub_by_its_socket(self):
        sockets = Unit(self.box, "tunnel-hub.socket")
        sockets.must("start")
        self.assertEqual(self.hub.show("ActiveState"), "inactive")
        self.open()
        self.assertEqual(self.hub.show("ActiveState"), "active")
        self.hub.wait_log("Listening on .*:443")

    # ---- the agent ----

    def agent(self, token, config=END + "destination-app = SSH1=22\n"):
        self.box.write("/etc/tunnel-agent/agent.conf", config)
        self.box.write("/etc/tunnel-agent/token", token + "\n")
        return Unit(self.box, "tunnel-agent")

    def test_agent(self):
        self.hub.must("start")
        tunnel = self.open()
        agent = self.agent(tunnel["destinationAccessToken"])
        self.hub.must("stop")
        agent.must("start")  # ready without a hub
        self.assertEqual(agent.show("ActiveState"), "active")
        self.hub.must("start")
        agent.wait_log(UP)
        self.assertNotEqual(self.box.must("stat", "-c", "%u", f"/proc/{agent.pid}").strip(), "0")
        self.box.must("test", "-S", "/run/tunnel-agent/admin.sock")
        pid = agent.pid
        agent.must("reload")
        agent.wait_log("SIGHUP")
        self.assertEqual(agent.pid, pid)
        self.close(tunnel)  # a good end, and what follows is a refusal: both start it again
        agent.wait_restarts(2)
        second = self.open()
        self.agent(second["destinationAccessToken"])
        agent.wait_log(UP, 2)
        self.ctl("rotate", second["tunnelId"], "--destination")
        agent.wait_log("token was replaced")
        agent.wait_restarts(1)
        # Not while it ends by the refusal, which would count as a failure.
        self.agent(self.open()["destinationAccessToken"])
        agent.wait_log(UP, 3)
        agent.must("stop")
        self.assertEqual((agent.show("ActiveState"), agent.show("Result")), ("inactive", "success"))

    def test_agent_with_a_wrong_configuration(self):
        """It is tried again, more often than systemd's own limit, until it is right."""
        self.hub.must("start")
        tunnel = self.open()
        agent = self.agent(tunnel["destinationAccessToken"], END + "nonsense = yes\n")
        agent.call("start")  # may see its end already
        agent.wait_restarts(6)
        wait_until(lambda: agent.show("ExecMainStatus") == "1", "an end by itself")
        self.agent(tunnel["destinationAccessToken"])
        agent.wait_log(UP)
        agent.must("stop")
        self.assertEqual((agent.show("ActiveState"), agent.show("Result")), ("inactive", "success"))

    # ---- a device ----

    def test_device(self):
        self.hub.must("start")
        out = self.ctl("devices", "invite", "--names", "*", "--json")
        self.box.write("/etc/tunnel-agent/agent.conf",
                       END + "device = press-7\ndestination-app = SSH1=22\n")
        device = Unit(self.box, "tunnel-device")
        device.call("start")  # without a join token it ends, and is tried again
        device.wait_log("join has no token in it")
        device.must("stop")
        self.box.write("/etc/tunnel-agent/join", json.loads(out)["joinToken"] + "\n")
        device.must("start")
        device.wait_log("is enrolled, and stands by")
        key = self.box.must("cat", "/var/lib/private/tunnel-agent/device.key")
        self.assertIn("enrolled: yes", key)
        self.box.must("rm", "/etc/tunnel-agent/join")
        device.must("restart")
        device.wait_log("is known to the hub, and stands by")
        self.box.must("tunnel-agent", "accept", "never", "--control", "/run/tunnel-agent/admin.sock")
        device.wait_log("notices are rejected from now on")
        self.ctl("open", "--services", "SSH1", "--thing", "press-7", "--json")
        device.wait_log("notice .*accepted=no")
        pid = device.pid
        self.box.must("kill", "-KILL", pid)
        device.wait_log("is known to the hub, and stands by", 2)
        device.must("stop")
        self.assertEqual((device.show("ActiveState"), device.show("Result")), ("inactive", "success"))

    # ---- the gateway ----

    def test_gateway(self):
        """As a user's own unit."""
        self.hub.must("start")
        tunnel = self.open()
        config = END + "token-file = /home/me/token\nlisten = 127.0.0.1:1080\n"
        self.box.write("/home/me/token", tunnel["sourceAccessToken"] + "\n", owner="me")
        self.box.write("/home/me/.config/tunnel-gateway.conf", config, owner="me")
        Unit(self.box, "manager").must("start")
        gateway = Unit(self.box, "tunnel-gateway", user=1000)
        gateway.must("start")
        gateway.wait_log("is up, with 1 service")
        # Others get the page about the proxy, and nothing of what goes on.
        bodies = [self.box.must("curl", "-s", "http://127.0.0.1:1080/", user=u) for u in (None, USER, HUB_USER)]
        self.assertEqual(["/page/page.js" in b for b in bodies], [True, True, False])
        pid = gateway.pid
        gateway.must("reload")
        gateway.wait_log("SIGHUP")
        self.assertEqual(gateway.pid, pid)
        self.close(tunnel)
        gateway.wait_restarts(2)
        second = self.open()
        self.box.write("/home/me/token", second["sourceAccessToken"] + "\n", owner="me")
        gateway.wait_log("is up, with 1 service", 2)
        gateway.must("stop")
        self.assertEqual((gateway.show("ActiveState"), gateway.show("Result")), ("inactive", "success"))


if __name__ == "__main__":
    unittest.main()
