"""What share/examples/prometheus gives to Prometheus and Grafana fits what the programs really export:
names, labels, rules that go off when they should, and a real Prometheus that gets an answer to each
question of the board."""

import json
import pathlib
import re
import shutil
import sys
import unittest
import urllib.parse
import urllib.request

import store
from api import ApiError
from devices import Key, Link
from harness import Case
from origins import Http
from programs import DEADLINE, run, wait_until
from sockets import Refused, free_port, get, socks5
from wire import ask, request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cluster"))
from cluster import ClusterCase  # noqa: E402
GIVEN = ROOT / "share/examples/prometheus"
HERE = pathlib.Path(__file__).resolve().parent
JOIN = "join_" + "m" * 43
NAME = re.compile(r"\btunnel_\w+")
# Samples that a page of metrics has only once something has gone wrong; the test does what brings
# those that the board asks for, but for these.
RARE = {"tunnel_streams_failed_total"}


def rules():
    return (GIVEN / "tunnel.rules.yml").read_text()


def expressions(text):
    """{alert: its expression} of the rules, which are too plain to need a library."""
    found = {}
    for part in re.split(r"^      - alert: ", text, flags=re.M)[1:]:
        alert, rest = part.split("\n", 1)
        expr = re.match(r" {8}expr: (?:>\n((?: {10}.*\n)+)|(.*)\n)", rest)
        found[alert] = " ".join((expr[1] or expr[2]).split())
    return found


def board():
    return json.loads((GIVEN / "grafana.json").read_text())


def queries():
    """[(panel, expression, legend)] of the board."""
    return [(p["title"], t["expr"], t["legendFormat"]) for p in board()["panels"]
            for t in p.get("targets", [])]


def plain(name):
    return re.sub("_(bucket|sum|count)$", "", name)


class Given(unittest.TestCase):
    """What needs no program of ours."""

    def test_board(self):
        """Its form, as Grafana's documentation has it: ids and places are each panel's own."""
        given = board()
        ids = [p["id"] for p in given["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        taken = set()
        for p in given["panels"]:
            at = p["gridPos"]
            self.assertLessEqual(at["x"] + at["w"], 24, p["title"])
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, p["title"])
            taken |= cells
        names = {v["name"] for v in given["templating"]["list"]}
        for title, expr, legend in queries():
            self.assertLessEqual(set(re.findall(r"\$(?!__rate_interval)(\w+)", expr)), names, title)
            by = re.search(r"by \(([^)]*)\)", expr)
            if by:  # what the legend names is there
                self.assertLessEqual(set(re.findall(r"{{(\w+)}}", legend)),
                                     set(by[1].replace(" ", "").split(",")), (title, expr))
        self.assertGreater(len(queries()), 30)
        for p in given["panels"]:
            for where in (p, *p.get("targets", [])):
                if p["type"] != "row":
                    self.assertEqual(where["datasource"]["uid"], "${datasource}")

    def test_each_alert_is_explained(self):
        page = (ROOT / "share/doc/howto/monitoring.md").read_text()
        self.assertEqual(sorted(expressions(rules())),
                         sorted(re.findall(r"^\| `(Tunnel\w+)` \|", page, re.M)))

    def test_each_alert_has_both_tests(self):
        tests = (HERE / "alerts.test.yml").read_text()
        for alert in expressions(rules()):
            with self.subTest(alert):
                cases = re.findall(rf"alertname: {alert}(?:, exp_alerts: (\[\])|\n +exp_alerts:\n +-)",
                                   tests)
                self.assertIn("[]", cases)
                self.assertIn("", cases)


@unittest.skipUnless(shutil.which("promtool"), "prometheus is not installed")
class Tool(Case):
    def promtool(self, *words, **options):
        done = run("promtool", *words, **options)
        self.assertEqual(done.code, 0, done)
        return done

    def test_rules(self):
        self.promtool("check", "rules", str(GIVEN / "tunnel.rules.yml"))
        self.promtool("check", "config", str(GIVEN / "prometheus.yml"))
        self.promtool("test", "rules", str(HERE / "alerts.test.yml"))


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class Exported(ClusterCase):
    """Hub, gateway and agent, of which each has had something to do, and a hub that is the only node of a
    cluster."""

    @classmethod
    def page_of(cls, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE) as answer:
            return answer.read().decode()

    def start_all(self):
        node = self.node("a")
        self._hub = None
        self.hub().terminate()
        store.invite(self.dir / "state", JOIN, ["plant7"])
        web = self.origin(Http("web"))
        hook = self.dir / "hook"
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o700)
        listen = ["--ops-listen", "127.0.0.1:0"]
        self.way = self.open_way({"HTTP1": web}, gateway=listen, agent=listen,
                                 hub=["--hook", hook])
        device = Link(self.way.hub)
        self.addCleanup(device.drop)
        self.assertEqual(device.enter("plant7", Key(self.dir), JOIN).kind, "welcome")
        self.listening = [(p.name, int(p.wait_line(r"operations: listening on \S+:(\d+)")[1]))
                          for p in (self.way.hub, node, self.way.gateway, self.way.agent)]
        self.work()

    def work(self):
        """Something of each kind happens."""
        with socks5(self.way.port, "HTTP1.tunnel") as s:
            self.assertEqual(get(s, "/bytes/1000")[0], 200)
        with self.assertRaises(Refused):
            socks5(self.way.port, "SSH9.tunnel")
        ask(self.way.hub.port, request("source", "A" * 40))
        self.way.hub.api.list()
        with self.assertRaises(ApiError):
            self.way.hub.api.describe("nowhere")
        self.way.hub.api.open(["SSH1"], thing="plant7")

    def pages(self):
        return [(name, self.page_of(port)) for name, port in self.listening]

    def families(self):
        """{name: its labels} of all programs, also of those without a sample at present."""
        found = {}
        for _, page in self.pages():
            for name in re.findall(r"^# TYPE (\w+)", page, re.M):
                found.setdefault(name, set())
            for name, labels in re.findall(r"^(\w+)\{(.*)\} ", page, re.M):
                found[plain(name)] |= set(re.findall(r'(\w+)="', labels))
        return found


class Names(Exported):
    def setUp(self):
        super().setUp()
        self.start_all()

    def test_names_and_labels(self):
        """A metric that is renamed, or that loses a label, fails here."""
        families = self.families()
        families["tunnel_streams_failed_total"] |= {"tunnel", "service", "reason"}
        for where, expr in [*expressions(rules()).items(), *((t, e) for t, e, _ in queries())]:
            for name in NAME.findall(expr):
                self.assertIn(plain(name), families, where)
            for name, matchers in re.findall(r"\b(tunnel_\w+)\{([^}]*)\}", expr):
                labels = set(re.findall(r"(\w+)\s*[=!]", matchers)) - {"instance", "job"}
                self.assertLessEqual(labels, families[plain(name)], where)
        for variable in board()["templating"]["list"][1:]:
            name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()
            self.assertIn(name, families)
            self.assertEqual(label, "instance")

    def test_each_metric_is_documented(self):
        text = "".join((ROOT / f"share/doc/{p}").read_text() for p in ("hub.md", "control.md", "cluster.md"))
        documented = set(re.findall(r"`(tunnel_\w+)[`{]", text))
        for table in re.findall(r"^\| `tunnel_hub_…` \| \|\n\|---\|---\|\n((?:\|.*\n)+)", text, re.M):
            documented |= {f"tunnel_hub_{name}" for row in table.splitlines()
                           for name in re.findall(r"`([a-z_]+)(?:\{[\w,]+\})?`", row.split("|")[1])}
        families = set(self.families())
        self.assertEqual((families - documented, documented - families), (set(), set()))

    @unittest.skipUnless(shutil.which("promtool"), "prometheus is not installed")
    def test_promtool_likes_the_pages(self):
        for name, page in self.pages():
            done = run("promtool", "check", "metrics", input=page.encode())
            self.assertEqual((done.code, done.text, done.err), (0, "", ""), name)


@unittest.skipUnless(shutil.which("prometheus"), "prometheus is not installed")
class Server(Exported):
    """A real one, which scrapes them five times a second."""

    def setUp(self):
        super().setUp()
        self.start_all()
        self.port = free_port()
        targets = {}
        for name, port in self.listening:
            targets.setdefault(name, []).append(f"127.0.0.1:{port}")
        jobs = "".join(f"""  - job_name: {name}
    static_configs: [{{targets: {json.dumps(at)}}}]
""" for name, at in targets.items())
        config = self.dir / "prometheus.yml"
        config.write_text(f"""global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
rule_files: ["{GIVEN}/tunnel.rules.yml"]
scrape_configs:
{jobs}""")
        self.server = self.start("prometheus", f"--config.file={config}",
                                 f"--storage.tsdb.path={self.dir}/tsdb",
                                 f"--web.listen-address=127.0.0.1:{self.port}")
        self.server.wait_line("Server is ready to receive web requests")

    def ask(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            told = json.loads(answer.read())
        self.assertEqual(told["status"], "success", told)
        return told["data"]

    def value(self, expr):
        return self.ask("query", query=expr)["result"]

    def test_scraped(self):
        """A page may come too late now and then: Prometheus waits no longer than the interval."""
        found = []

        def scraped():
            found[:] = [(t["health"], t["lastError"]) for t in self.ask("targets")["activeTargets"]]
            return found == 4 * [("up", "")] and len(self.value("up == 1")) == 4
        wait_until(scraped, found)

    def test_every_question_of_the_board_is_answered(self):
        def asked(expr):
            return (expr.replace("$__rate_interval", "10s").replace("[1h]", "[10s]")
                    .replace("$hub", ".*").replace("$end", ".*"))
        wanted = [q for q in queries() if not RARE & set(NAME.findall(q[1]))]
        self.assertGreater(len(wanted), len(queries()) - 3)
        self.assertNotEqual([], [self.value(asked(e)) for _, e, _ in queries()])  # none is an error

        for title, expr, _ in wanted:
            wait_until(lambda e=expr: self.work() or self.value(asked(e)), f"{title}: {expr}")

    def test_rules_are_evaluated(self):
        """Without an error; and the only one that goes off is that of the command that fails."""
        def evaluated():
            found = [r for g in self.ask("rules")["groups"] for r in g["rules"]]
            return found if all(r["lastEvaluation"][0] != "0" for r in found) else None
        found = wait_until(evaluated, "all rules are evaluated")
        self.assertEqual({r["name"] for r in found}, set(expressions(rules())))
        self.assertEqual([(r["name"], r.get("lastError")) for r in found if r["health"] != "ok"], [])

        def firing():
            self.way.hub.api.open(["SSH1"])
            return {a["labels"]["alertname"] for a in self.ask("alerts")["alerts"]
                    if a["state"] == "firing"}
        self.assertEqual(wait_until(firing, "an alert"), {"TunnelHubHookFails"})


if __name__ == "__main__":
    unittest.main()
