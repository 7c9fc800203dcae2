"""The end of a hub at random moments, by kill -9 and in good order, while tunnels are opened,
rotated, tagged, connected to and closed: what it acknowledged is there afterwards, and both ends
come back."""

import http.client
import random
import threading
import unittest

from api import Api, ApiError
from harness import ESTABLISHED, Case
from origins import Http
from programs import run, wait_until
from wire import Dropped, ask, request

WORKERS = 3
LOST = (OSError, http.client.HTTPException, Dropped)  # what a caller sees of a hub's death


class Known:
    """A tunnel as the hub acknowledged it. What was asked for when the hub died may have happened
    or not: `open`, `tags` and `tokens` hold all that may be so."""

    def __init__(self, opened):
        self.id, self.arn = opened["tunnelId"], opened["tunnelArn"]
        self.open, self.tags = {True}, [{}]
        self.tokens = [opened["sourceAccessToken"]]
        self.certain = True  # that the last of the tokens is the valid one
        self.spent = False


class Busy(threading.Thread):
    """A caller that does one thing after the other until the hub is gone."""

    def __init__(self, port, seed, known):
        super().__init__(daemon=True)
        self.port, self.random, self.known = port, random.Random(seed), known
        self.api = Api(port, keep=True, verify=False)
        self.calls, self.wrong, self.mine = 0, None, list(known)

    def run(self):
        try:
            while True:
                self.step()
                self.calls += 1
        except LOST:
            pass
        except (ApiError, AssertionError) as e:
            self.wrong = e
        finally:
            self.api.close()

    def step(self):
        mine = [k for k in self.mine if k.open == {True} and k.certain]
        kind = self.random.choice(("open", "rotate", "tag", "close", "spend")) if mine else "open"
        getattr(self, kind)(self.random.choice(mine) if mine else None)

    def open(self, _):
        known = Known(self.api.open(["SSH1"]))
        self.mine.append(known)
        self.known.append(known)

    def close(self, known):
        known.open = {True, False}
        self.api.close_tunnel(known.id)
        known.open = {False}

    def tag(self, known):
        tags = {f"k{self.calls % 5}": str(self.calls)}
        known.tags.append(known.tags[0] | tags)
        self.api.call("TagResource", resourceArn=known.arn,
                      tags=[{"key": k, "value": v} for k, v in tags.items()])
        known.tags = known.tags[1:]

    def rotate(self, known):
        known.certain = False
        token = self.api.rotate(known.id, "SOURCE")["sourceAccessToken"]
        known.tokens.append(token)
        known.certain, known.spent = True, False

    def spend(self, known):
        if known.spent:
            return
        known.certain = False  # if there is no answer
        answer = ask(self.port, request("source", known.tokens[-1]))
        if answer.status != 101:
            raise AssertionError(f"{answer.status} {answer.body}")
        answer.peer.drop()
        known.certain = known.spent = True


class Base(Case):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http("web"))
        self.tokens = self.tunnel({"HTTP1": self.web})
        self.start_hub()
        soon = ("--retry-delay", "50ms")
        self.ends = [self.agent(self.the_hub, self.tokens, {"HTTP1": self.web}, *soon),
                     self.gateway(self.the_hub, self.tokens, *soon)]
        self.known = [[] for _ in range(WORKERS)]

    def start_hub(self, **options):
        self.the_hub = self.hub("--workers", "2", "--grace", "100ms", **options)

    def end_and_return(self, rounds, end):
        """Callers at work, the hub's end by end(), another hub, and everything is as it was."""
        chance = random.Random(20261121)
        calls = 0
        for i in range(rounds):
            busy = [Busy(self.the_hub.port, i * WORKERS + w, known)
                    for w, known in enumerate(self.known)]
            marks = [p.mark() for p in self.ends]
            for thread in busy:
                thread.start()
            moment = chance.randrange(2, 60)  # which is the test
            wait_until(lambda: sum(t.calls for t in busy) >= moment
                       or not all(t.is_alive() for t in busy), f"{moment} calls")
            end()
            for thread in busy:
                thread.join()
                self.assertIsNone(thread.wrong)
                calls += thread.calls
            self.start_hub(port=self.the_hub.port)
            self.assert_nothing_lost(chance)
            for program, mark in zip(self.ends, marks):
                program.wait_line(ESTABLISHED, after=mark)
            wait_until(self.curl_works, "a request after the hub's return")
        self.assertGreaterEqual(calls, 2 * rounds)

    def curl_works(self):
        done = run("curl", "-sS", "-x", f"http://127.0.0.1:{self.ends[1].port}",
                   "http://HTTP1.tunnel/name", cwd=self.dir)
        return done.text == "web /name\n"

    def assert_nothing_lost(self, chance):
        api = Api(self.the_hub.port, keep=True)
        found = {t["tunnelId"]: t["status"] == "OPEN" for t in api.list(maxResults=100)}
        everything = [k for known in self.known for k in known]
        for k in everything:
            self.assertIn(k.id, found, "an acknowledged tunnel is lost")
            self.assertIn(found[k.id], k.open, k.id)
            k.open = {found[k.id]}
        for k in chance.sample(everything, min(15, len(everything))):
            tags = {t["key"]: t["value"] for t in
                    api.call("ListTagsForResource", resourceArn=k.arn)["tags"]}
            self.assertIn(tags, k.tags)
            if found[k.id]:
                self.assert_tokens(k)
        for k in everything:  # from here on this is how they are
            if len(k.tags) > 1:
                now = api.call("ListTagsForResource", resourceArn=k.arn)["tags"]
                k.tags = [{t["key"]: t["value"] for t in now}]
        api.close()

    def assert_tokens(self, k):
        for old in k.tokens[:-1]:
            self.assertIn(self.status(old), range(400, 500), "a token that was rotated away")
        if k.certain and k.spent:
            self.assertIn(self.status(k.tokens[-1]), range(400, 500), "a token that was spent")
        elif k.certain:
            self.assertEqual(self.status(k.tokens[-1]), 101)
            k.spent = True

    def status(self, token):
        answer = ask(self.the_hub.port, request("source", token))
        if answer.peer:
            answer.peer.drop()
        return answer.status


class Crash(Base):
    def test_kill_loop(self):
        self.end_and_return(7, lambda: self.the_hub.kill())


class Restarts(Base):
    def test_terminate_loop(self):
        """With calls and connections on their way through its threads."""
        self.end_and_return(3, lambda: self.assertEqual(self.the_hub.terminate(), 0,
                                                        self.the_hub.output()[-3000:]))


if __name__ == "__main__":
    unittest.main()
