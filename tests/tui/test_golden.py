"""What the dashboard draws, compared with the pictures in golden/: NAME.txt as text, NAME.roles with
a letter for what each cell is for (its colour). After a change that is meant, write them anew and
look at each difference:

    TUNNEL_GOLDEN=write python3 -m unittest test_golden
    git diff golden
"""

import difflib
import os
import pathlib
import subprocess
import sys
import unittest
from dataclasses import dataclass

sys.path.insert(0, os.path.dirname(__file__))
import scenes  # noqa: E402

BIN = pathlib.Path(os.environ.get("TUNNEL_BIN", "../../build/debug/bin"))
GOLDEN = pathlib.Path(__file__).parent / "golden"
WRITE = os.environ.get("TUNNEL_GOLDEN") == "write"


@dataclass
class Case:
    name: str
    scene: str
    size: str = "80x24"
    keys: str = ""
    options: tuple = ("--ascii",)
    roles: bool = False  # also compare these
    clock: float = scenes.NOW

    def draw(self, roles):
        command = [BIN / "tunnel-tui", "--replay", "-", "--render", self.size,
                   "--clock", str(self.clock), *self.options]
        command += ["--keys", self.keys] if self.keys else []
        command += ["--roles"] if roles else []
        done = subprocess.run(command, input=scenes.ndjson(self.scene), text=True,
                              capture_output=True, encoding="utf-8", timeout=120,
                              env=os.environ | {"LC_ALL": "C.UTF-8"})
        if done.returncode != 0 or done.stderr:
            raise AssertionError(f"{self.name}: exit {done.returncode}: {done.stderr}")
        return done.stdout


UTF8 = ("--graph", "braille")
CASES = [
    # Sizes, from large to none.
    Case("200x60", "main", "200x60", options=UTF8),
    Case("120x36", "main", "120x36", options=UTF8, roles=True),
    Case("120x36-ascii", "main", "120x36"),
    Case("100x30-blocks", "main", "100x30", options=("--graph", "blocks")),
    Case("80x24", "main", roles=True),
    Case("80x24-utf8", "main", options=UTF8),
    Case("79x23", "main", "79x23"),
    Case("60x12", "main", "60x12", roles=True),
    Case("59x24", "main", "59x24"),
    Case("40x6", "main", "40x6", roles=True),
    Case("20x3", "main", "20x3"),
    Case("3x2", "main", "3x2"),
    Case("1x1", "main", "1x1"),
    # How many.
    Case("empty", "empty"),
    Case("one", "one"),
    Case("many", "many", "120x36"),
    Case("many-end", "many", keys="<End>", roles=True),
    Case("ten-thousand", "ten-thousand"),
    Case("ten-thousand-filter", "ten-thousand", keys="/state=drain age>1d<Enter>"),
    # What is in them.
    Case("closed", "closed", roles=True),
    Case("closed-totals", "closed", keys="tt"),
    Case("names", "names"),
    Case("names-120x36", "names", "120x36", options=UTF8),
    Case("names-40x6", "names", "40x6"),
    Case("names-detail", "names", keys="j<Enter>"),
    Case("ipv6", "ipv6"),
    Case("ipv6-120x36", "ipv6", "120x36"),
    Case("backwards", "backwards"),
    Case("clock-zero", "main", clock=0.0),
    # How it stands.
    Case("lost", "lost", roles=True, clock=scenes.NOW + 8),
    Case("lost-40x6", "lost", "40x6", clock=scenes.NOW + 8),
    Case("hub-down", "hub-down", roles=True),
    Case("no-device", "no-device", roles=True),
    Case("no-device-40x6", "no-device", "40x6"),
    Case("hub-down-40x6", "hub-down", "40x6"),
    Case("over", "over"),
    Case("ending", "ending", roles=True),
    Case("ending-40x6", "ending", "40x6"),
    Case("ending-fleet", "ending-fleet"),
    Case("ending-agent", "ending-agent"),
    Case("fleet", "fleet", "120x36"),
    Case("fleet-80x24", "fleet"),
    Case("fleet-60x12", "fleet", "60x12"),
    Case("fleet-40x6", "fleet", "40x6"),
    Case("fleet-20x4", "fleet", "20x4"),
    Case("paused", "paused", roles=True, clock=scenes.NOW + 14),
    Case("later", "later"),
    Case("nameless", "nameless", "120x36"),
    # Other programs.
    Case("agent", "agent"),
    Case("agent-120x36", "agent", "120x36"),
    Case("standby", "standby"),
    Case("standby-120x36", "standby", "120x36"),
    Case("standby-help", "standby", "100x30", keys="?"),
    Case("standby-maintenance", "standby-maintenance", roles=True),
    Case("standby-pending", "standby-pending"),
    Case("standby-refused", "standby-refused", roles=True),
    Case("standby-none", "agent", keys="A"),
    Case("hub", "hub"),
    Case("hub-close", "hub", keys="K"),
    Case("hub-certificate", "hub-certificate", roles=True),
    Case("hub-expired", "hub-expired"),
    Case("hub-120x36", "hub", "120x36"),
    Case("hub-filter-none", "hub", keys="/nobody<Enter>"),
    Case("hub-sort-list", "hub", keys="s"),
    Case("hub-follow", "hub", keys="F"),
    # What keys make of it.
    Case("bits", "main", keys="u<Esc>"),
    Case("bits-120x36", "main", "120x36", keys="u<Esc>"),
    Case("window", "main", "120x36", keys="wwL<Esc>"),
    Case("totals", "main", keys="tt<Esc>"),
    Case("rates", "main", keys="t<Esc>"),
    Case("sort", "main", keys="<Tab>>>><Tab><Tab><<<<r"),
    Case("sort-list", "main", keys="s", roles=True),
    Case("columns-list", "main", keys="cj j j <Enter>"),
    Case("filter-typing", "main", keys="/ssh age>4", roles=True),
    Case("filter-wrong", "main", keys="/ssh age>"),
    Case("filter", "main", keys="/ssh<Enter>", roles=True),
    Case("filter-none", "main", keys="/nobody<Enter>"),
    Case("search", "main", keys="<F3>50310<Enter>", roles=True),
    Case("tagged", "main", keys="  ", roles=True),
    Case("close", "main", keys="jK", roles=True),
    Case("close-tagged", "main", keys="  K"),
    Case("readonly", "fleet", roles=True),
    Case("readonly-close", "fleet", keys="K"),
    Case("log", "main", keys="<BackTab>kk", roles=True),
    Case("log-8", "main", keys="l<BackTab>"),
    Case("services", "main", keys="<Tab>j", roles=True),
    Case("detail", "main", keys="j<Enter>", roles=True),
    Case("detail-120x36", "main", "120x36", keys="j<Enter>", options=UTF8),
    Case("detail-60x12", "main", "60x12", keys="j<Enter>"),
    Case("detail-closed", "closed", keys="j<Enter>"),
    Case("native", "native", "120x36", options=UTF8),
    Case("detail-native", "native", keys="<Enter>"),
    Case("detail-agent", "agent", keys="<Enter>"),
    Case("detail-hub", "hub", keys="<Enter>"),
    Case("detail-hub-half", "hub", keys="jjj<Enter>"),
    Case("service", "main", keys="<Tab>jj<Enter>", roles=True),
    Case("service-60x12", "main", "60x12", keys="<Tab><Enter>"),
    Case("service-agent", "agent", keys="<Tab><Enter>"),
    Case("help", "main", keys="?", roles=True),
    Case("help-readonly", "fleet", keys="?"),
    # A hub's devices.
    Case("devices-no-hub", "main", keys="D"),
    Case("devices-none", "devices-none", keys="D"),
    Case("devices-three", "devices-three", keys="D", roles=True),
    Case("devices-three-200x60", "devices-three", "200x60", keys="D", options=UTF8),
    Case("devices-three-120x36", "devices-three", "120x36", keys="D", options=UTF8),
    Case("devices-three-60x12", "devices-three", "60x12", keys="D"),
    Case("devices-three-40x6", "devices-three", "40x6", keys="D"),
    Case("devices-three-20x3", "devices-three", "20x3", keys="D"),
    Case("devices-three-1x1", "devices-three", "1x1", keys="D"),
    Case("devices-three-filter", "devices-three", keys="D/site=7"),
    Case("devices-three-sort", "devices-three", keys="D>r"),
    Case("devices-states", "devices-states", keys="D", roles=True),
    Case("devices-states-120x36", "devices-states", "120x36", keys="D"),
    Case("devices-ten-thousand", "devices-ten-thousand-first", keys="D"),
    Case("devices-ten-thousand-120x36", "devices-ten-thousand-first", "120x36", keys="Djjj"),
    Case("devices-ten-thousand-end", "devices-ten-thousand-first", keys="D<End>"),
    # The nodes of its cluster.
    Case("nodes-no-cluster", "devices-three", keys="C"),
    Case("nodes", "nodes", keys="C", roles=True),
    Case("nodes-120x36", "nodes", "120x36", keys="Cjj", options=UTF8),
    Case("nodes-60x12", "nodes", "60x12", keys="C"),
    Case("nodes-40x6", "nodes", "40x6", keys="C<End>"),
    Case("nodes-1x1", "nodes", "1x1", keys="C"),
    Case("nodes-bits", "nodes", keys="Cu<Esc>C"),
    Case("nodes-unknown", "nodes-unknown", keys="C"),
    Case("nodes-devices", "nodes", keys="DCj<Enter>"),
    Case("nodes-devices-120x36", "nodes", "120x36", keys="Cjjj<Enter><Esc>"),
    Case("nodes-redis", "nodes-redis", roles=True),
    Case("nodes-redis-40x6", "nodes-redis", "40x6"),
    Case("nodes-redis-devices", "nodes-redis", keys="D"),
    Case("nodes-redis-nodes", "nodes-redis", keys="C"),
    Case("nodes-then-devices", "nodes", keys="CD"),
    Case("hub-devices-log", "hub-devices-log", roles=True),
    Case("nodes-redis-back", "nodes-redis-back", "120x36", roles=True),
    Case("hub-store", "hub-store"),
    Case("nodes-reading", "nodes-reading", keys="D", roles=True),
    Case("nodes-reading-none", "nodes-reading-none", keys="D"),
    Case("nodes-lacks", "nodes-lacks", keys="D"),
    Case("nodes-old", "nodes-old", "120x36", keys="D"),
    Case("nodes-device", "nodes", keys="D<Enter>"),
    Case("nodes-device-elsewhere", "nodes", keys="Djj<Enter>"),
    Case("device", "devices-three", keys="Djj<Enter>", roles=True),
    Case("device-away", "devices-three", "120x36", keys="Dj<Enter>"),
    Case("device-pending", "devices-three", keys="D<Enter>"),
    Case("device-never", "devices-states", keys="D<End><Enter>"),
    Case("device-40x6", "devices-three", "40x6", keys="D<Enter>"),
    Case("device-back", "devices-three", keys="D<Enter><Esc><Esc>"),
    Case("help-hub", "hub", keys="?"),
    # What pages tell, trend and idle times.
    Case("pages-80x24", "pages"),
    Case("pages-80x24-rates", "pages", keys="t<Esc>", roles=True),
    Case("pages-120x36", "pages", "120x36", options=UTF8, roles=True),
    Case("pages-120x36-ascii", "pages", "120x36"),
    Case("pages-200x60", "pages", "200x60", options=UTF8),
    Case("pages-detail", "pages", keys="G<Enter>"),
    Case("pages-service", "pages", "120x36", keys="<Tab><Enter>"),
    # Groups.
    Case("groups", "groups", keys="a<Esc>", roles=True),
    Case("groups-open", "groups", keys="a<Esc> ", roles=True),
    Case("groups-open-below", "groups", keys="aj j"),
    Case("groups-120x36", "groups", "120x36", keys="a ", options=UTF8),
    Case("groups-200x60", "groups", "200x60", keys="a j", options=UTF8),
    Case("groups-60x12", "groups", "60x12", keys="a "),
    Case("groups-40x6", "groups", "40x6", keys="a"),
    Case("groups-20x3", "groups", "20x3", keys="a"),
    Case("groups-1x1", "groups", "1x1", keys="a"),
    Case("groups-other", "groups", keys="aG "),
    Case("groups-close", "groups", keys="aK", roles=True),
    Case("groups-users", "groups", keys="aa<Esc>"),
    Case("groups-services", "groups", keys="aaa<Esc> "),
    Case("groups-devices", "groups", keys="aaaa<Esc>"),
    Case("groups-none", "groups", keys="aaaaa"),
    Case("groups-hub", "hub", keys="a<Esc>"),
    Case("groups-many", "many", "120x36", keys="a<Esc> "),
    Case("groups-ten-thousand", "ten-thousand", keys="aaa<Esc>j "),
    # Streams that have ended.
    Case("ended", "ended", keys="h", roles=True),
    Case("ended-120x36", "ended", "120x36", keys="hjj", options=UTF8),
    Case("ended-200x60", "ended", "200x60", keys="h", options=UTF8),
    Case("ended-60x12", "ended", "60x12", keys="h"),
    Case("ended-40x6", "ended", "40x6", keys="h"),
    Case("ended-20x3", "ended", "20x3", keys="h"),
    Case("ended-1x1", "ended", "1x1", keys="h"),
    Case("ended-end", "ended", keys="hG"),
    Case("ended-sort", "ended", keys="h<<r"),
    Case("ended-filter", "ended", keys="h/reason=peer"),
    Case("ended-detail", "ended", keys="hj<Enter>"),
    Case("ended-back", "ended", keys="hj<Enter><Esc>"),
    Case("ended-none", "ended-none", keys="h"),
    Case("ended-unknown", "main", keys="h"),
    Case("ended-names", "ended-names", keys="h"),
    Case("ended-names-120x36", "ended-names", "120x36", keys="h", options=UTF8),
    # The past.
    # With the streams of then; before the keys, and back in the present, they are asked for.
    Case("moment", "moment", keys="<Left><Left><Left>", roles=True),
    Case("moment-120x36", "moment", "120x36", keys="<Left><Left><Left>", options=UTF8),
    Case("moment-60x12", "moment", "60x12", keys="<Left><Left><Left>"),
    Case("moment-lacks", "moment-lacks", keys="<Left><Left><Left>"),
    Case("moment-none", "moment-none", keys="<Left><Left><Left>"),
    Case("moment-other", "moment", keys="<Left><Left>"),
    Case("moment-groups", "moment", keys="<Left><Left><Left>a"),
    Case("moment-paused-present", "moment", keys="<Left><Left><Left>p<Esc>"),
    Case("moment-groups-lacks", "moment-lacks", keys="<Left><Left><Left>a"),
    Case("moment-40x6", "moment", "40x6", keys="<Left><Left><Left>"),
    Case("moment-services-export", "moment", keys="<Left><Left><Left><Tab>x"),
    Case("moment-export", "moment", keys="<Left><Left><Left>x"),
    Case("past", "past", keys="<Left><Left><Left>", roles=True),
    Case("past-ten", "past", keys="w<Left><Left><Left><Left><Left><Left><Left><Left><Left><Left>"),
    Case("past-hour", "past", "120x36", keys="w" "w" + 20 * "<Left>", options=UTF8),
    Case("past-far", "past", keys=120 * "<Left>"),
    Case("past-scrolled", "past", keys=70 * "<Left>", roles=True),
    Case("past-back", "past", keys="<Left><Right>"),
    Case("past-escape", "past", keys="<Left><Esc>"),
    Case("past-later", "past-later", clock=scenes.NOW + 7),
    Case("past-paused", "past", keys="<Left>p"),
    Case("past-60x12", "past", "60x12", keys="<Left>"),
    Case("past-40x6", "past", "40x6", keys="<Left>"),
    # What is asked before something is done.
    Case("open", "main", keys="<Tab>jjo", roles=True),
    Case("open-http", "main", keys="o"),
    Case("open-other", "main", keys="<Tab>jo"),
    Case("open-120x36", "main", "120x36", keys="<Tab>jjo", options=UTF8),
    Case("open-60x12", "main", "60x12", keys="<Tab>jjo"),
    Case("open-40x6", "main", "40x6", keys="o"),
    Case("open-hostile", "names", keys="<Tab>o"),
    Case("open-device", "devices-three", keys="Dj<Enter>o"),
    Case("open-nothing", "hub", keys="o"),
    Case("export", "main", keys="x"),
    Case("export-40x6", "main", "40x6", keys="x"),
    # The fleet.
    Case("labels", "labels", keys="D"),
    Case("labels-120x36", "labels", "120x36", keys="Djj", options=UTF8, roles=True),
    Case("labels-200x60", "labels", "200x60", keys="D", options=UTF8),
    Case("device-tunnel", "devices-three", keys="Djj<Enter><Enter>"),
    Case("device-tunnel-back", "devices-three", keys="Djj<Enter><Enter><Esc>"),
    Case("help-120x36", "main", "120x36", keys="?"),
    Case("help-40x6", "main", "40x6", keys="?jj"),
]


class Golden(unittest.TestCase):
    def compare(self, file, drawn):
        path = GOLDEN / file
        if WRITE:
            GOLDEN.mkdir(exist_ok=True)
            path.write_text(drawn, encoding="utf-8")
            return
        wanted = path.read_text(encoding="utf-8")
        if drawn != wanted:
            self.fail(f"{file} is drawn otherwise:\n" + "".join(difflib.unified_diff(
                wanted.splitlines(True), drawn.splitlines(True), "golden", "drawn")))

    def test_pictures(self):
        for case in CASES:
            with self.subTest(case.name):
                self.compare(f"{case.name}.txt", case.draw(False))
                if case.roles:
                    self.compare(f"{case.name}.roles", case.draw(True))

    def test_no_picture_is_left_over(self):
        if WRITE:
            return
        wanted = {f"{c.name}.txt" for c in CASES} | {f"{c.name}.roles" for c in CASES if c.roles}
        self.assertEqual(wanted, {p.name for p in GOLDEN.iterdir()})
        self.assertEqual(len({c.name for c in CASES}), len(CASES))


if __name__ == "__main__":
    unittest.main()
