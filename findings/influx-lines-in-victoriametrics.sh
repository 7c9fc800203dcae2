#!/usr/bin/env bash
# Lines of InfluxDB's line protocol, written to InfluxDB and to VictoriaMetrics, which takes them at the same path, /write.
# Guess: what both answer with 204 both have stored alike; VictoriaMetrics, which has numbers only, leaves out texts.
# Seen: of .5 and 5. VictoriaMetrics makes 0, and so of every text, but of the text "12" the number 12. A line feed inside of a
# text costs all fields of its line, a blank in front of a line the line. Each is answered with 204; InfluxDB has the values.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download influxdb=1.6.7~rc0-1+b13 victoria-metrics=1.79.5+ds1-2+b5 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >run.py <<'PY'
import json, random, socket, subprocess, sys, time, urllib.error, urllib.parse, urllib.request
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
def ask(port, path, form=None, **query):
    url = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, data=form, timeout=20) as answer:
        return answer.status, answer.read().decode()
def wait(port, path):
    for _ in range(300):
        try:
            return ask(port, path)
        except OSError:
            time.sleep(0.1)
    sys.exit("no server")
def in_influx(port, database):
    answer = json.loads(ask(port, "/query", db=database, q="select * from m")[1])["results"][0]
    if "series" not in answer:
        return {}
    series = answer["series"][0]
    return dict(zip(series["columns"][1:], series["values"][0][1:]))
def in_victoria(port, database):
    lines = ask(port, "/api/v1/export", **{"match[]": f'{{db="{database}"}}'})[1].splitlines()
    return {s["metric"]["__name__"].removeprefix("m_"): s["values"][0] for s in sorted(map(json.loads, lines), key=str)}
cases = {"a=1.5": ({"a": 1.5}, {"a": 1.5}), "a=.5": ({"a": 0.5}, {"a": 0}), "a=5.": ({"a": 5}, {"a": 0}),
         'a="ok"': ({"a": "ok"}, {"a": 0}), 'a="12"': ({"a": "12"}, {"a": 12}),
         'a="two\nlines",b=1': ({"a": "two\nlines", "b": 1}, {}), " a=1": ({"a": 1}, {})}
influx, other, victoria = free_port(), free_port(), free_port()
with open("influx.conf", "w") as f:
    f.write(f'reporting-disabled = true\nbind-address = "127.0.0.1:{other}"\n[meta]\ndir = "i/meta"\n[data]\ndir = "i/data"\n'
            f'wal-dir = "i/wal"\n[http]\nbind-address = "127.0.0.1:{influx}"\n')
commands = [["root/usr/bin/influxd", "-config", "influx.conf"],
            ["root/usr/bin/victoria-metrics", f"-httpListenAddr=127.0.0.1:{victoria}", "-storageDataPath=v",
             "-retentionPeriod=100y", "-memory.allowedBytes=200MB"]]
servers = [subprocess.Popen(c, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for c in commands]
changed = False
try:
    wait(influx, "/ping")
    wait(victoria, "/health")
    for number, (fields, expected) in enumerate(cases.items()):
        database = f"d{number}"
        ask(influx, "/query", urllib.parse.urlencode({"q": f"create database {database}"}).encode())
        line = (" m" if fields[0] == " " else "m") + f" {fields.strip()} 1700000000000000000"
        answers = [ask(port, "/write", line.encode(), db=database)[0] for port in (influx, victoria)]
        ask(victoria, "/internal/force_flush")
        seen = in_influx(influx, database), in_victoria(victoria, database)
        print(f"{line!r}: both say {answers[0]}" if answers == [204, 204] else answers,
              f"InfluxDB 1.6.7 has {seen[0]}", f"VictoriaMetrics 1.79.5 has {seen[1]}", sep=", ", flush=True)
        changed |= answers != [204, 204] or seen != expected
except urllib.error.HTTPError as e:
    sys.exit(f"this has changed: {e}")
finally:
    for p in servers:
        p.kill()
        p.wait()
sys.exit("this has changed" if changed else 0)
PY
timeout 100 /usr/bin/python3 run.py
