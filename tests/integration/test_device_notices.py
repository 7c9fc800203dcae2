"""ConnectDevice and what operators do with devices, at the hub's end, with scripted devices: who is
asked, what becomes of the answer, and what a device loses that is disabled in the middle."""

import concurrent.futures
import unittest

from api import Api, ApiError
from devices import MAINTENANCE, status
from programs import wait_until
from test_device_link import APPROVE, TOKEN, Devices
from wire import connect


class Asked(Devices):
    def setUp(self):
        super().setUp()
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        self.addCleanup(self.pool.shutdown)

    def operate(self, operation, **parameters):
        return self.the_hub.api.of_hub(operation, **parameters)

    def ask(self, device="plant7-press", **more):
        """A ConnectDevice that goes on; .result() is its answer."""
        api = Api(self.the_hub.port, verify=False)
        return self.pool.submit(api.of_hub, "ConnectDevice", device=device, **more)

    def fails(self, asked, code):
        with self.assertRaises(ApiError) as caught:
            asked.result()
        self.assertEqual(caught.exception.code, code)
        return caught.exception.answer.json

    def open_tunnels(self):
        return [t for t in self.the_hub.api.list() if t["status"] == "OPEN"]


class Answers(Asked):
    def setUp(self):
        super().setUp()
        self.link = self.enter("plant7-press", self.key, TOKEN)

    def test_accepted(self):
        asked = self.ask(service="SSH1", reason="a look", timeoutSeconds=40)
        notice = self.link.recv()
        self.assertEqual((notice.service, notice.services, notice.why), ("SSH1", ["SSH1"], "a look"))
        self.assertTrue(20000 < notice.answer_ms <= 40000, notice)
        self.link.answer(notice.id)
        answer = asked.result()
        self.assertEqual((answer["device"], answer["tunnelId"]), ("plant7-press", notice.tunnel))
        connect(self.the_hub.port, "destination", notice.access_token)
        connect(self.the_hub.port, "source", answer["sourceAccessToken"])
        self.assertEqual(self.metric('notice_accept_seconds_count'), 1)

    def test_two_at_once(self):
        """Each has a tunnel of its own, and answers may come in any order."""
        asked = [self.ask(service="SSH1"), self.ask(service="SSH1")]
        notices = [self.link.recv(), self.link.recv()]
        self.link.answer(notices[1].id)
        self.link.answer(notices[0].id, False, MAINTENANCE, "not that one")
        done = [a.exception() for a in asked]
        self.assertEqual(sum(e is None for e in done), 1, done)
        self.assertEqual([e.code for e in done if e], ["DeviceRejectedException"])
        self.assertEqual(len(self.open_tunnels()), 1)

    def test_rejected(self):
        asked = self.ask()
        self.link.answer(self.link.recv().id, False, MAINTENANCE, "being painted")
        self.assertIn("being painted", self.fails(asked, "DeviceRejectedException")["message"])
        self.assertEqual(self.open_tunnels(), [])

    def test_silent(self):
        asked = self.ask(timeoutSeconds=1)
        notice = self.link.recv()
        self.fails(asked, "DeviceSilentException")
        told = self.link.recv()
        self.assertEqual((told.kind, told.id), ("withdrawn", notice.id))
        self.link.answer(notice.id)
        self.wait_metric(1, "notice_answers_ignored_total", reason="late")
        self.assertEqual(self.open_tunnels(), [])

    def test_away(self):
        self.link.drop()
        self.wait_metric(0, "devices_present")
        self.assertIn("lastSeenAt", self.fails(self.ask(), "DeviceAwayException"))

    def test_gone_in_the_middle(self):
        asked = self.ask()
        first = self.link.recv()
        self.link.drop()
        self.wait_metric(0, "devices_present")
        link = self.enter("plant7-press", self.key)
        second = link.recv()
        self.assertEqual((second.id, second.access_token), (first.id, first.access_token))
        link.answer(second.id)
        self.assertEqual(asked.result()["tunnelId"], first.tunnel)

    def test_gone_for_good(self):
        asked = self.ask()
        self.link.recv()
        self.link.drop()
        self.fails(asked, "DeviceAwayException")
        self.assertEqual(self.open_tunnels(), [])

    def test_the_hub_ends_with_an_answer_owed(self):
        """The device may still answer, and who asked is answered."""
        asked = self.ask()
        notice = self.link.recv()
        self.the_hub.process.terminate()
        self.the_hub.wait_line("ending by signal")
        self.link.answer(notice.id)
        self.assertEqual(asked.result()["tunnelId"], notice.tunnel)
        self.assertIsNone(self.link.end())
        self.assertEqual(self.the_hub.wait(), 0)


class Healed(Asked):
    def test_an_agent_that_was_restarted(self):
        """Its tunnel on demand gets a new token for it; one that only lost its link keeps its."""
        link = self.enter("plant7-press", self.key, TOKEN)
        asked = self.ask()
        notice = link.recv()
        link.answer(notice.id)
        asked.result()
        end = connect(self.the_hub.port, "destination", notice.access_token, "c" * 40)
        end.recv()
        link.drop()
        link = self.enter("plant7-press", self.key)  # up for 100 s, as it says
        link.ping()
        end.drop()
        link.drop()
        self.wait_metric(0, "devices_present")
        wait_until(lambda: self.metric("ends") == 0, "the end is gone")
        link = self.enter("plant7-press", self.key, said=status(uptime=0))
        fresh = link.recv()
        self.assertEqual((fresh.kind, fresh.tunnel), ("notice", notice.tunnel))
        self.assertNotEqual(fresh.access_token, notice.access_token)
        connect(self.the_hub.port, "destination", fresh.access_token).recv()
        self.assertIsNone(fresh.answer_ms)


class Named(Asked):
    """Agents that name their tunnels when they come."""

    def setUp(self):
        super().setUp()
        self.link = self.enter("plant7-press", self.key, TOKEN, tunnels=[])

    def taken(self):
        """A device leaves between taking a notice's token and its answer: the call, the notice, and
        the end that it had."""
        asked = self.ask()
        notice = self.link.recv()
        end = connect(self.the_hub.port, "destination", notice.access_token, "c" * 40)
        end.recv()
        self.link.drop()
        return asked, notice, end

    def again(self, tunnels):
        """It has run for a long time, as it says: that does not count."""
        self.link = self.enter("plant7-press", self.key, tunnels=tunnels)
        return self.link

    def test_restarted_before_its_answer(self):
        asked, notice, end = self.taken()
        end.drop()
        fresh = self.again([]).recv()
        self.assertEqual((fresh.kind, fresh.tunnel), ("notice", notice.tunnel))
        self.assertNotEqual(fresh.access_token, notice.access_token)
        self.assertTrue(fresh.answer_ms)  # somebody waits
        connect(self.the_hub.port, "destination", fresh.access_token, "d" * 40).recv()
        self.link.answer(fresh.id)
        answer = asked.result()
        self.assertEqual(answer["tunnelId"], notice.tunnel)
        connect(self.the_hub.port, "source", answer["sourceAccessToken"]).recv()

    def test_back_with_its_tunnel(self):
        asked, notice, _ = self.taken()
        second = self.again([notice.tunnel]).recv()
        self.assertEqual((second.id, second.access_token), (notice.id, notice.access_token))
        self.link.answer(second.id)
        self.assertEqual(asked.result()["tunnelId"], notice.tunnel)

    def test_lost_after_its_answer(self):
        """At once, also while the hub has not noticed that the end is gone."""
        asked = self.ask()
        notice = self.link.recv()
        self.link.answer(notice.id)
        asked.result()
        connect(self.the_hub.port, "destination", notice.access_token, "c" * 40).recv()
        self.again([notice.tunnel]).ping()
        fresh = self.again([]).recv()
        self.assertEqual((fresh.kind, fresh.tunnel), ("notice", notice.tunnel))
        connect(self.the_hub.port, "destination", fresh.access_token, "d" * 40).recv()


class Operators(Asked):
    def test_approved(self):
        link = self.enter("press", self.key, APPROVE)
        self.fails(self.ask("press"), "DeviceNotEnabledException")
        self.operate("UpdateDevice", device="press", state="ENABLED")
        told = link.recv()
        self.assertEqual((told.kind, told.pending, told.enrolled), ("welcome", None, None))
        self.assertEqual(self.metric("devices_present"), 1)
        asked = self.ask("press")
        link.answer(link.recv().id)
        asked.result()

    def check_loss(self, reason, operation, **more):
        """A device with a tunnel on demand, another one, and a notice without an answer loses all
        of them at once, and no other device loses anything."""
        link = self.enter("plant7-press", self.key, TOKEN)
        other = self.enter("plant7-saw", self.key2, TOKEN)
        asked = self.ask()
        notice = link.recv()
        link.answer(notice.id)
        asked.result()
        demand = connect(self.the_hub.port, "destination", notice.access_token)
        opened = self.the_hub.api.open(["SSH1"], thing="plant7-press")
        second = link.recv()
        link.answer(second.id)
        carried = connect(self.the_hub.port, "destination", second.access_token)
        self.the_hub.api.open(["SSH1"], thing="plant7-saw")
        beside = connect(self.the_hub.port, "destination", other.recv().access_token)
        waits = self.ask()
        link.recv()
        self.operate(operation, device="plant7-press", **more)
        told = link.recv()
        self.assertEqual((told.kind, told.refusal), ("refused", reason))
        self.assertEqual(link.end(), 1008)
        with self.assertRaises(ApiError):
            waits.result()
        self.assertEqual((demand.expect_end(), carried.expect_end()), (1000, 1000))
        ids = [t["tunnelId"] for t in self.open_tunnels()]
        self.assertNotIn(notice.tunnel, ids)
        self.assertIn(opened["tunnelId"], ids)
        other.ping()
        beside.recv()
        self.assertEqual(self.metric("devices_present"), 1)

    def test_disabled(self):
        self.check_loss("DISABLED", "UpdateDevice", state="DISABLED")
        self.refused("DISABLED", "plant7-press", self.key)
        self.fails(self.ask(), "DeviceNotEnabledException")
        self.operate("UpdateDevice", device="plant7-press", state="ENABLED")
        self.enter("plant7-press", self.key)

    def test_removed(self):
        self.check_loss("REMOVED", "DeleteDevice")
        self.refused("UNKNOWN_DEVICE", "plant7-press", self.key)
        self.enter("plant7-press", self.key, TOKEN)

    def test_reset(self):
        self.check_loss("REMOVED", "ResetDevice")
        self.refused("UNKNOWN_DEVICE", "plant7-press", self.key)
        fresh = self.enter("plant7-press", self.key2, TOKEN)
        self.assertTrue(fresh.welcome.enrolled)
        self.refused("NAME_TAKEN", "plant7-press", self.key, TOKEN)


if __name__ == "__main__":
    unittest.main()
