"""What the dashboard asks a program for page by page, on a real terminal (tmux): long lists of streams,
those that have ended, groups, and the past."""

import unittest
import urllib.parse

import fake
from case import Case, re, wait_until


class Lists(Case):
    def start(self, shot=None, *words, ready=r"^> ", pages=True, **options):
        self.server = self.fake(shot=shot, pages=pages)
        t = self.dashboard("--socket", self.server.path, "--refresh", "0.2", *words, **options)
        t.wait(ready)
        return t

    def asked(self):
        query = self.server.targets[-1].partition("?")[2]
        return dict(urllib.parse.parse_qsl(query, keep_blank_values=True))

    def wait_asked(self, **members):
        wait_until(lambda: members.items() <= self.asked().items(), f"{members} is asked for")

    def quit(self, t):
        t.keys("C-c")
        self.ended(t)

    # ---- pages ----

    def test_no_more_than_a_screen(self):
        t = self.start(fake.snapshot(5000), "--sort", "id", ready=r"^> +5000 ")
        t.wait(r"1-11 of 5000")
        t.keys("G")
        t.wait(r"^> +1 127")
        t.wait(r"4990-5000 of 5000")
        t.keys("g", "NPage")
        t.wait(r"^> +4990 127")
        self.assertLess(max(self.server.sizes), 40000)
        self.quit(t)

    def test_the_selected_one_stays(self):
        """Its row is asked for, and the page follows it."""
        t = self.start(fake.snapshot(300), "--sort", "id", ready=r"^> +300 ")
        t.keys("j", "j")
        t.wait(r"^> +298 ")
        self.server.shot["streams"] += [fake.stream(1000 + i) for i in range(200)]
        t.wait(r"of 500")
        t.wait(r"^> +298 ")
        self.wait_asked(find="298")
        self.server.shot["streams"] = [s for s in self.server.shot["streams"] if s["id"] != 298]
        t.wait(r"^> +297 ")  # its neighbour
        self.quit(t)

    def test_the_program_filters_and_sorts(self):
        t = self.start(fake.snapshot(5000), ready=r"^> +5000 ")
        t.type("/service=HTTP1 curl")
        t.wait(r"Filter: service=HTTP1 curl_ +\d+ of 5000")
        self.wait_asked(filter="service=HTTP1 curl", sort="rate_down")
        t.keys("Enter", "r")
        self.wait_asked(sort="-rate_down")
        t.wait(r"^> +\d+ .*\^DOWN|\^DOWN")

        def fits():
            rows = [row for row in t.whole().splitlines() if re.match(r"^[> ] +\d+ 127", row)]
            return rows and all(" HTTP1 " in row for row in rows)
        wait_until(fits, "the rows that fit, and no other")
        self.quit(t)

    def test_search_looks_further_than_the_screen(self):
        t = self.start(fake.snapshot(3000), "--sort", "id", ready=r"^> +3000 ")
        t.keys("F3")
        t.type("127.0.0.1:40077")
        self.wait_asked(limit="4096")
        t.keys("Enter")
        t.wait(r"^> +77 127")
        t.keys("Escape")
        self.wait_asked(find="77")
        wait_until(lambda: int(self.asked()["limit"]) < 100, "a screen again")
        t.wait(r"^> +77 127")
        self.quit(t)

    def test_follow_the_newest(self):
        t = self.start(fake.snapshot(100), "--sort", "id", "--filter", "ssh", ready=r"^> ")
        t.keys("F")
        self.server.shot["streams"].append(fake.stream(300, process="ssh"))
        self.server.shot["events"] = {"last": 9, "list": [
            {"event": "open", "number": 9, "time": fake.TIME, "stream": 300}]}
        t.wait(r"^> +300 ")
        self.quit(t)

    def test_an_older_program(self):
        """It does not know pages, and sends all."""
        t = self.start(fake.snapshot(100), "--sort", "id", ready=r"^> +100 ", pages=False)
        t.keys("G")
        t.wait(r"^> +1 127")
        t.keys("h")
        t.wait("tunnel-gateway keeps none, or has not answered yet")
        t.keys("h", "a")
        t.wait(r"by program  1-3 of 3")
        self.quit(t)

    def test_trend_and_idle(self):
        shot = fake.snapshot(3)
        shot["streams"][0].update(state="open", idle=95)
        t = self.start(shot, "--ascii", "--sort", "id", ready=r"^> ", columns=120, rows=36)
        t.wait(r" 1 127\.0\.0\.1.* idle +\d+s +1m35 .* \.\.\.\.::\| ")
        self.quit(t)

    # ---- those that have ended ----

    def with_ended(self, n=300):
        return fake.snapshot(3, closed_streams=[fake.ended(i + 1) for i in range(n)])

    def test_history(self):
        t = self.start(self.with_ended())
        t.keys("h")
        t.wait(r"The last 300 streams that ended +1-20 of 300")
        t.wait(r"^> +1 127\.0\.0\.1.* peer-reset ")
        t.type("/reason=client")
        t.wait(r"1-20 of 150")
        t.keys("Enter", "<")
        self.wait_asked(closed_filter="reason=client", closed_sort="reason")
        t.keys("<")
        self.wait_asked(closed_sort="bytes_up")
        t.wait(r"^> +2 .*\n|^> +300 ")
        t.keys("Escape")
        t.wait(r"of 300")
        t.keys("g")
        t.wait(r"^> +300 ")
        t.keys("G")
        t.wait(r"^> +1 127")
        t.wait("281-300 of 300")
        t.keys("Enter")
        t.wait(r"Stream 1 .*closed")
        t.wait("Closed +the far end reset the connection")
        self.wait_asked(closed="1", closed_filter="id=1", closed_sort="-id")
        t.keys("q")
        t.wait(r"The last 300 streams")
        t.keys("h")
        t.wait_not("The last 300 streams")
        self.quit(t)

    def test_history_sizes(self):
        t = self.start(self.with_ended(40))
        t.keys("h")
        for columns, rows in ((120, 36), (1, 1), (200, 60), (40, 6), (20, 3), (80, 24)):
            t.resize(columns, rows)
            if rows >= 6:
                t.wait(r"^> *\d+ +127|^>127")
        self.quit(t)

    # ---- groups ----

    def test_groups(self):
        shot = self.with_ended(30)
        t = self.start(shot, ready=r"^> +3 ")
        t.keys("a")
        self.wait_asked(groups="client", limit="0")
        t.wait(r"^> \+ ssh  1 open  \d+ served")
        t.keys("Space")
        self.wait_asked(groups="client", group="ssh")
        t.wait(r"^> - ssh .*\n +3 127")
        t.keys("j", "j", "Space")  # another one; the first closes
        t.wait(r"^> - \w+ .*\n +\d 127")
        t.wait(r"^  \+ ssh ")
        t.keys("Space")
        t.wait_not(r"^  - |^> - ")
        for by in ("user", "service", "device"):
            t.keys("a")
            t.wait(rf"by {by} ")
            self.wait_asked(groups=by)
        t.keys("a")
        t.wait_not(r"by device ")
        t.wait(r"^> +3 ")
        wait_until(lambda: "groups" not in self.asked(), "groups are not asked for any more")
        self.quit(t)

    def test_close_a_group(self):
        shot = fake.snapshot(60)
        t = self.start(shot, "--filter", "service=HTTP1", ready=r"^> ")
        t.keys("a")
        t.wait(r"^> \+ ssh ")
        t.keys("K")
        t.wait(r"Close 10 streams of ssh\?")
        t.keys("n")
        t.wait("kept")
        self.assertEqual(self.server.deleted, [])
        t.keys("K")
        t.wait(r"Close 10 streams of ssh\?")
        t.keys("y")
        wait_until(lambda: len(self.server.deleted) == 10, "they are closed")
        self.assertTrue(all(i % 6 == 3 for i in self.server.deleted), self.server.deleted)
        self.quit(t)

    # ---- a pause ----

    def rows(self, t):
        return [int(m) for m in re.findall(r"^[> ] +(\d+) 127", t.whole(), re.M)]

    def test_a_pause_keeps_the_rows_that_are_not_on_the_screen(self):
        t = self.start(fake.snapshot(300), "--sort", "id", ready=r"^> +300 ")
        t.keys("p")
        t.wait(r"PAUSED at ")
        self.wait_kept()
        self.server.shot["streams"] = [fake.stream(1000 + i) for i in range(500)]
        looks = self.server.looks
        wait_until(lambda: self.server.looks > looks + 2, "it looks on")
        t.keys("G")
        t.wait(r"^> +1 127")
        wait_until(lambda: self.rows(t) == list(range(11, 0, -1)), "the last page")
        t.wait(r"290-300 of 300")
        t.keys("PPage")
        t.wait(r"^> +11 127|^> +12 127")
        self.assertTrue(all(i <= 300 for i in self.rows(t)))
        # Filter and order are of the rows that were kept.
        t.type("/service=HTTP1 curl")
        t.keys("Enter", "r", "g")
        wait_until(lambda: self.rows(t)[:3] == [1, 7, 13], "filtered and sorted")
        t.keys("Escape", "r", "a")
        t.wait("the pause has kept no other groups")
        t.wait(r"\d+-\d+ of 300")
        t.keys("p")
        t.wait(r"of 500")
        wait_until(lambda: self.rows(t) and all(i >= 1000 for i in self.rows(t)), "the present ones")
        self.quit(t)

    def test_a_group_can_be_opened_during_a_pause(self):
        t = self.start(fake.snapshot(300), "--sort", "id", ready=r"^> +300 ")
        t.keys("a")
        t.wait(r"^> [+] ")
        t.keys("p")
        self.wait_kept()
        self.server.shot["streams"] = [fake.stream(1000 + i) for i in range(500)]
        t.keys("Space")
        t.wait(r"^> - \w+")
        t.wait(r"by program +1-11 of 103")
        wait_until(lambda: len(self.rows(t)) > 5, "its streams")
        self.assertTrue(all(i <= 300 for i in self.rows(t)))
        t.keys("NPage", "NPage")
        wait_until(lambda: len(self.rows(t)) > 10, "more of them")
        t.wait_not("not among the rows")
        self.assertTrue(all(i <= 300 for i in self.rows(t)))
        self.quit(t)

    def wait_kept(self):
        asked = wait_until(lambda: [i for i, target in enumerate(self.server.targets) if "limit=4096" in target],
                           "all are asked for")
        wait_until(lambda: len(self.server.targets) > asked[0] + 1, "they are here")

    def test_a_pause_of_more_than_it_keeps_says_so(self):
        t = self.start(fake.snapshot(6000), "--sort", "id", ready=r"^> +6000 ")
        t.keys("p")
        self.wait_kept()
        t.wait(r"PAUSED at .*4096 of 6000 rows kept")
        t.keys("G")
        t.wait("not among the rows that the pause has kept")
        t.keys("g", "NPage")
        t.wait(r"^> +59\d\d ")
        self.quit(t)

    # ---- the past ----

    def test_a_program_that_does_not_tell(self):
        """One that does not know what `at` is."""
        t = self.start(fake.snapshot(5) | {"history": {"seconds": fake.samples(600), "tens": fake.samples(360)}})
        t.keys("Left")
        t.wait("tunnel-gateway does not tell which streams were open at that moment")
        self.assertRegex(self.server.targets[-1], r"&at=\d+&during=1000")
        t.keys("Escape")
        t.wait(r"^> +\d+ 127")
        wait_until(lambda: "at" not in self.asked(), "the present is asked for")
        self.quit(t)

    def test_the_past(self):
        shot = fake.snapshot(2)
        shot["history"] = {"seconds": fake.samples(600), "tens": fake.samples(360)}
        t = self.start(shot)
        t.keys("Left")
        first = re.search(r"AT (\S+),", t.wait(r"AT \d\d:\d\d:\d\d, \d+ s ago: down"))[1]
        t.keys("Left")
        before = re.search(r"AT (\S+), (\d+) s", t.wait(rf"AT (?!{first})\S+, \d+ s ago: down"))
        t.wait(rf"AT {before[1]}, (?!{before[2]} )\d+ s")  # it stays, and time goes on
        t.keys("w", "Left", "w", "Left")
        t.wait(r"AT .*, \dm\d\d ago")
        t.keys("p")
        t.wait("PAUSED, AT ")
        t.keys("Escape")
        t.wait(r"^ ?PAUSED at ")
        t.keys("p", "Left")
        t.wait(" ago: down")
        # Each step is as long as the time between two looks, so one may not be enough.
        wait_until(lambda: t.keys("Right") or " ago: down" not in t.whole(), "the present")
        self.quit(t)


if __name__ == "__main__":
    unittest.main()
